"""What a release tells of how safe people feel: shares with their sampling range, beside recorded rates.

Numbers come from ``survey.csv`` and the published counts. Feeling and record are never joined into one number, and
regions stand in the order of their codes, never of their answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import polars as pl

from riskmap.public import open_data, region_pages
from riskmap.public.area_facts import Book, Place
from riskmap.public.region_pages import Level

QUESTIONS = ("feels_unsafe_after_dark", "feels_unsafe_by_day", "fears_attack", "feels_completely_safe")
"""Codes of questions in the order they are shown; each has its words in every language."""
WOMEN, MEN, ALL = "f", "m", "all"
CONFIDENCE = 0.9

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What some people answered: ``percent`` and its ``range`` are None where too few were asked."""

    percent: float | None
    range: Range | None
    respondents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A place with its shares by sex, and its recorded level where that is known."""

    place: Place
    shares: Mapping[str, Share]
    recorded: Level | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """What one source found in one year about one question; ``others`` were asked too, and are in survey.csv."""

    question: str
    year: int
    source: str
    dated: date
    is_simulated: bool
    others: int
    rows: Sequence[Row]

    @property
    def sexes(self) -> tuple[str, ...]:
        """Women and men where anything is told of either, else all together."""
        told = {sex for row in self.rows for sex, share in row.shares.items() if share.range}
        return (WOMEN, MEN) if told & {WOMEN, MEN} else (ALL,)


def sampling_range(percent: float, respondents: int) -> Range:
    """Ends of the range, in percent, in which the share lies with 90 % if people were drawn by plain chance.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> sampling_range(40.0, 200), sampling_range(0.0, 30)
    ((34.5, 45.8), (0.0, 8.3))
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, weight = percent / 100, z * z / respondents
    middle = (share + weight / 2) / (1 + weight)
    half = z * (share * (1 - share) / respondents + weight / (4 * respondents)) ** 0.5 / (1 + weight)
    return round(100 * max(middle - half, 0), 1), round(100 * min(middle + half, 1), 1)


def questions(book: Book) -> list[str]:
    """Codes of the questions a release has answers to."""
    held = set(open_data.survey_table(book.release)["question"])
    return [code for code in QUESTIONS if code in held]


def wave(book: Book, question: str) -> Wave | None:
    """The newest answers to a question, real ones before simulated ones; None where there are none."""
    asked = open_data.survey_table(book.release).filter(pl.col("question") == question)
    if asked.is_empty():
        return None
    waves = asked.select("is_simulated", "year", "dated", "source").unique()
    newest = waves.sort("is_simulated", "year", "dated", "source", descending=[False, True, True, False]).row(
        0, named=True
    )
    own = asked.filter(pl.col("year") == newest["year"], pl.col("source") == newest["source"])
    shares: dict[str, dict[str, Share]] = {}
    for row in own.iter_rows(named=True):
        shares.setdefault(row["region_id"], {})[row["sex"]] = _share(row["share_percent"], row["respondents"])
    whole = book.places[book.release.territory]
    places = [*([whole] if whole.place_id in shares else []), *book.children(whole.place_id)]
    return Wave(
        question=question,
        year=newest["year"],
        source=newest["source"],
        dated=newest["dated"],
        is_simulated=newest["is_simulated"],
        others=waves.height - 1,
        rows=[
            Row(place=place, shares=shares.get(place.place_id, {}), recorded=region_pages.level(book, place))
            for place in places
        ],
    )


def _share(percent: float | None, respondents: int) -> Share:
    ends = None if percent is None else sampling_range(percent, respondents)
    return Share(percent=percent, range=ends, respondents=respondents)
