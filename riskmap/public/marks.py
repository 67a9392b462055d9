"""What the public sees of residents' marks: counts of quarters that are over, from the journal into words."""

from dataclasses import dataclass
from pathlib import Path

from riskmap import journal as journals_on_disk
from riskmap.errors import DamagedRelease
from riskmap.journal import MarkedQuarter
from riskmap.public import explain
from riskmap.release import Release
from riskmap.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRow:
    """One count as it is read; never a small one."""

    quarter: str
    area: str
    category: str
    count: int


def published(journals: Path, territory: str) -> tuple[MarkedQuarter, ...]:
    """Quarters that the journal of a territory tells; none where it cannot be read."""
    try:
        found = journals_on_disk.latest(journals, territory)
    except DamagedRelease:
        return ()
    return found.marks if found else ()


def in_words(release: Release, quarters: tuple[MarkedQuarter, ...], words: Wording) -> list[MarkRow]:
    """Every count, the newest quarter first."""
    return [
        MarkRow(
            quarter=_quarter(one.quarter, words),
            area=explain.area_name(release.area_by_id.get(area_id, release.whole), words),
            category=words.text(f"signal.category.{category}"),
            count=count,
        )
        for one in reversed(quarters)
        for area_id, category, count in one.counts
    ]


def _quarter(code: str, words: Wording) -> str:
    year, quarter = code.split("-Q")
    return words.text("signal.quarter.name", year=year, quarter=quarter)
