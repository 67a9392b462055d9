"""Reviews of places in SQL, with their voices.

A review's row holds where it stands; voices are rows that are only ever added. Its version counts both, so of two
changes made from the same reading only one counts. An index keeps a second open review of a place out.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from riskmap.errors import ChangedMeanwhile
from riskmap.place_review.rules import Answer, Doubt, Outcome, PlaceReview, ReviewedPlace, Voice
from riskmap.store.tables import place_review, place_review_voice

_HIGHEST_NUMBER = 2**31 - 1
_VOICE_OF_REVIEW = sa.and_(
    place_review_voice.c.territory == place_review.c.territory, place_review_voice.c.number == place_review.c.number
)


class SqlPlaceReviews:
    """Reviews of places in SQL; see `riskmap.ports.PlaceReviews`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, territory: str, number: int) -> PlaceReview | None:
        if number > _HIGHEST_NUMBER:
            return None
        return self._first(place_review.c.territory == territory, place_review.c.number == number)

    def open_at(self, territory: str, place_id: str) -> PlaceReview | None:
        is_there = (place_review.c.territory == territory) & (place_review.c.place_id == place_id)
        return self._first(is_there, place_review.c.outcome.is_(None))

    def by_receipt(self, receipt_hash: str) -> PlaceReview | None:
        voice = place_review_voice.c
        found = self._connection.execute(
            sa.select(voice.territory, voice.number).where(voice.receipt_hash == receipt_hash)
        ).first()
        return None if found is None else self.find(found.territory, found.number)

    def of_territory(self, territory: str) -> list[PlaceReview]:
        return self._select(place_review.c.territory == territory)

    def next_number(self, territory: str) -> int:
        highest = sa.select(sa.func.max(place_review.c.number)).where(place_review.c.territory == territory)
        return (self._connection.execute(highest).scalar() or 0) + 1

    def voices_since(self, territory: str, since: datetime, *, place_id: str | None = None) -> int:
        counted = (
            sa.select(sa.func.count())
            .select_from(place_review_voice)
            .where(place_review_voice.c.territory == territory, place_review_voice.c.at > since)
        )
        if place_id is not None:
            counted = counted.join(place_review, _VOICE_OF_REVIEW).where(place_review.c.place_id == place_id)
        return int(self._connection.execute(counted).scalar_one())

    def add(self, review: PlaceReview) -> None:
        place = review.place
        self._connection.execute(
            sa.insert(place_review).values(
                territory=place.territory,
                number=review.number,
                region_id=place.region_id,
                area_id=place.area_id,
                place_id=place.place_id,
                release_id=place.release_id,
                is_simulated=place.is_simulated,
                due_on=review.due_on,
                version=review.version,
                **_answer_row(review.answer),
            )
        )
        rows = [_voice_row(review, position) for position in range(1, len(review.voices) + 1)]
        self._connection.execute(sa.insert(place_review_voice), rows)

    def save(self, review: PlaceReview) -> None:
        changed = self._connection.execute(
            sa.update(place_review)
            .where(
                place_review.c.territory == review.territory,
                place_review.c.number == review.number,
                place_review.c.version == review.version - 1,
                place_review.c.outcome.is_(None),
            )
            .values(version=review.version, **_answer_row(review.answer))
        )
        if changed.rowcount != 1:
            raise ChangedMeanwhile(
                f"Review {review.territory}-{review.number} is not at version {review.version - 1} any more, or is "
                "answered. Read it again, then decide."
            )
        if review.answer is None:
            self._connection.execute(sa.insert(place_review_voice).values(_voice_row(review, len(review.voices))))

    def forget_texts(self, territory: str, answered_before: datetime) -> int:
        old = sa.select(place_review.c.number).where(
            place_review.c.territory == territory, place_review.c.answered_at < answered_before
        )
        emptied = self._connection.execute(
            sa.update(place_review_voice)
            .where(
                place_review_voice.c.territory == territory,
                place_review_voice.c.number.in_(old),
                place_review_voice.c.text != "",
            )
            .values(text="")
        )
        return int(emptied.rowcount)

    def _first(self, *conditions: sa.ColumnElement[bool]) -> PlaceReview | None:
        found = self._select(*conditions)
        return found[0] if found else None

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[PlaceReview]:
        # Two queries however many reviews there are.
        rows = self._connection.execute(
            sa.select(place_review).where(*conditions).order_by(place_review.c.territory, place_review.c.number)
        ).all()
        voices: defaultdict[tuple[str, int], list[Voice]] = defaultdict(list)
        for row in self._connection.execute(
            sa.select(place_review_voice)
            .join(place_review, _VOICE_OF_REVIEW)
            .where(*conditions)
            .order_by(place_review_voice.c.position)
        ):
            voices[row.territory, row.number].append(
                Voice(doubt=Doubt(row.doubt), text=row.text, at=row.at, receipt_hash=row.receipt_hash)
            )
        return [_review(row, tuple(voices[row.territory, row.number])) for row in rows]


def _voice_row(review: PlaceReview, position: int) -> dict[str, object]:
    """Row of a voice by its position, counted from 1."""
    said = review.voices[position - 1]
    return {
        "territory": review.territory,
        "number": review.number,
        "position": position,
        "doubt": said.doubt,
        "text": said.text,
        "at": said.at,
        "receipt_hash": said.receipt_hash,
    }


def _answer_row(answer: Answer | None) -> dict[str, object]:
    if answer is None:
        return {}
    return {
        "outcome": answer.outcome,
        "reason_kk": answer.reason_kk,
        "reason_ru": answer.reason_ru,
        "role": answer.role,
        "account_id": answer.account_id,
        "answered_at": answer.at,
        "key": answer.key,
    }


def _review(row: sa.Row[Any], voices: tuple[Voice, ...]) -> PlaceReview:
    answer = row.outcome and Answer(
        outcome=Outcome(row.outcome),
        reason_kk=row.reason_kk,
        reason_ru=row.reason_ru,
        role=row.role,
        account_id=row.account_id,
        at=row.answered_at,
        key=row.key,
    )
    place = ReviewedPlace(
        territory=row.territory,
        region_id=row.region_id,
        area_id=row.area_id,
        place_id=row.place_id,
        release_id=row.release_id,
        is_simulated=row.is_simulated,
    )
    return PlaceReview(place=place, number=row.number, due_on=row.due_on, voices=voices, answer=answer or None)
