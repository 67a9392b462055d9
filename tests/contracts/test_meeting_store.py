"""What every store does with meetings of councils and their entries."""

from dataclasses import replace

import pytest

from riskmap.council.meeting import Deed, Entry, Meeting
from riskmap.errors import ChangedMeanwhile
from riskmap.ports import Store
from tests.contracts.council_builders import AWKWARD_TEXTS, NOON, keep_accounts


def an_entry(key: str = "k1", deed: Deed = Deed.CALL, **fields: object) -> Entry:
    return Entry(deed=deed, account_id="a1", role="secretary", at=NOON, key=key, fields=fields)


def a_meeting(number: int = 1, territory: str = "town") -> Meeting:
    entry = an_entry(f"{territory}-{number}", place=AWKWARD_TEXTS[0], agenda=[{"number": 1}], quorum=3)
    return Meeting(territory=territory, number=number, is_simulated=False, entries=(entry,))


def longer(meeting: Meeting, entry: Entry) -> Meeting:
    return replace(meeting, entries=(*meeting.entries, entry))


@pytest.fixture
def meetings(store: Store) -> Store:
    keep_accounts(store, "a1")
    with store.work() as work:
        for made in (a_meeting(1), a_meeting(2), a_meeting(1, "elsewhere")):
            work.meetings.add(made)
        work.commit()
    return store


def test_a_meeting_is_found_as_it_was_kept_and_numbers_go_on(meetings: Store) -> None:
    with meetings.look() as look:
        assert look.meetings.find("town", 2) == a_meeting(2)
        assert look.meetings.of_territory("town") == [a_meeting(1), a_meeting(2)]
        assert look.meetings.find("town", 2**40) is None
        assert (look.meetings.next_number("town"), look.meetings.next_number("nowhere")) == (3, 1)


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
def test_entries_are_added_and_none_is_lost(meetings: Store, text: str) -> None:
    moved = longer(a_meeting(1), an_entry("k2", Deed.DECIDE, owner=text, votes={"a1": "for"}))

    with meetings.work() as work:
        work.meetings.save(moved)
        work.commit()

    with meetings.look() as look:
        assert look.meetings.find("town", 1) == moved


def test_of_two_entries_made_from_the_same_reading_the_second_is_refused(meetings: Store) -> None:
    with meetings.work() as work:
        work.meetings.save(longer(a_meeting(1), an_entry("k2", Deed.OPEN)))
        work.commit()

    with pytest.raises(ChangedMeanwhile), meetings.work() as work:
        work.meetings.save(longer(a_meeting(1), an_entry("k3", Deed.CLOSE)))
