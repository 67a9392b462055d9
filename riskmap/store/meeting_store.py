"""Meetings of councils in SQL. Entries are rows that are only ever added; their number is the meeting's version."""

from collections import defaultdict

import sqlalchemy as sa

from riskmap.council.meeting import Deed, Entry, Meeting
from riskmap.errors import ChangedMeanwhile
from riskmap.store.tables import council_meeting, council_meeting_entry

_HIGHEST_NUMBER = 2**31 - 1


class SqlMeetings:
    """Meetings in SQL; see `riskmap.ports.Meetings`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, territory: str, number: int) -> Meeting | None:
        if number > _HIGHEST_NUMBER:
            return None
        return next((one for one in self.of_territory(territory) if one.number == number), None)

    def of_territory(self, territory: str) -> list[Meeting]:
        entries: defaultdict[int, list[Entry]] = defaultdict(list)
        told = sa.select(council_meeting_entry).filter_by(territory=territory)
        for row in self._connection.execute(told.order_by(council_meeting_entry.c.position)):
            entries[row.number].append(
                Entry(
                    deed=Deed(row.deed),
                    account_id=row.account_id,
                    role=row.role,
                    at=row.at,
                    key=row.key,
                    fields=row.fields,
                )
            )
        rows = self._connection.execute(
            sa.select(council_meeting).filter_by(territory=territory).order_by(council_meeting.c.number)
        )
        return [
            Meeting(
                territory=territory,
                number=row.number,
                is_simulated=row.is_simulated,
                entries=tuple(entries[row.number]),
            )
            for row in rows
        ]

    def next_number(self, territory: str) -> int:
        highest = sa.select(sa.func.max(council_meeting.c.number)).filter_by(territory=territory)
        return (self._connection.execute(highest).scalar() or 0) + 1

    def add(self, meeting: Meeting) -> None:
        self._connection.execute(
            sa.insert(council_meeting).values(
                territory=meeting.territory,
                number=meeting.number,
                is_simulated=meeting.is_simulated,
                version=meeting.version,
            )
        )
        rows = [_entry_row(meeting, position) for position in range(1, meeting.version + 1)]
        self._connection.execute(sa.insert(council_meeting_entry), rows)

    def save(self, meeting: Meeting) -> None:
        changed = self._connection.execute(
            sa.update(council_meeting)
            .where(
                council_meeting.c.territory == meeting.territory,
                council_meeting.c.number == meeting.number,
                council_meeting.c.version == meeting.version - 1,
            )
            .values(version=meeting.version)
        )
        if changed.rowcount != 1:
            raise ChangedMeanwhile(
                f"Meeting {meeting.territory}-{meeting.number} is not at version {meeting.version - 1} any more. "
                "Read it again, then decide."
            )
        self._connection.execute(sa.insert(council_meeting_entry).values(_entry_row(meeting, meeting.version)))


def _entry_row(meeting: Meeting, position: int) -> dict[str, object]:
    """Row of an entry by its position, counted from 1."""
    entry = meeting.entries[position - 1]
    return {
        "territory": meeting.territory,
        "number": meeting.number,
        "position": position,
        "deed": entry.deed,
        "account_id": entry.account_id,
        "role": entry.role,
        "at": entry.at,
        "key": entry.key,
        "fields": dict(entry.fields),
    }
