"""Where each number of a note comes from: file, filter and release, as the footnote behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from riskmap.documents.description import Span, Text
from riskmap.journal import MEETINGS, REQUESTS, REVIEWS, Journal
from riskmap.release import Release
from riskmap.wording import Wording

COUNTS, RESIDENTS, OFF_MAP, SCORECARD = "counts.csv", "residents.csv", "off_map.csv", "scorecard.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Writes footnotes about one release and, where there is one, one journal."""

    release: Release
    journal: Journal | None
    words: Wording

    def of_release(self, file: str, **where: str) -> str:
        """Footnote for a number of a file of the release; ``where`` is the filter, column by column."""
        return self._note(file, where, self.release.release_id)

    def of_counts(self, kind: str, place_id: str, periods: Sequence[str], **where: str) -> str:
        """Footnote for a count of a place over some periods."""
        return self.of_release(COUNTS, kind=kind, place_id=place_id, period=" + ".join(periods), **where)

    def of_range(self, place_id: str, periods: Sequence[str], **where: str) -> str:
        """Footnote for a range: the count it is of and the residents it is divided by."""
        kind = "year_group" if "offence_group" in where else "quarter"
        file = f"{COUNTS}; areas.json, {RESIDENTS}"
        told = {"kind": kind, "place_id": place_id, "period": " + ".join(periods), **where, "rule": "/how#range"}
        return self._note(file, told, self.release.release_id)

    def of_requests(self, **where: str) -> str:
        """Footnote for a number of requests."""
        return self._note(REQUESTS, where, self.journal.journal_id if self.journal else "")

    def of_reviews(self, **where: str) -> str:
        """Footnote for a number of reviews."""
        return self._note(REVIEWS, where, self.journal.journal_id if self.journal else "")

    def of_meetings(self, **where: str) -> str:
        """Footnote for a number of meetings."""
        return self._note(MEETINGS, where, self.journal.journal_id if self.journal else "")

    def _note(self, file: str, where: dict[str, str], own: str) -> str:
        told = ", ".join(f"{name}={value}" for name, value in where.items())
        return self.words.text("note.source", file=file, filter=told, id=own)


def number(text: str, note: str) -> Text:
    """A number as it is read, with its footnote."""
    return (Span(text=text, note=note),)
