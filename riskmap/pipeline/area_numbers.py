"""Numbers of areas: totals that disclosure control allows, their likely range, comparison and change.

Numbers and change are told only for areas; a cell carries a class and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from geodata import public_counts
from geodata.aggregate import Period
from geodata.public_counts import MONTHS_OF_QUARTER
from geodata.territory import Territory
from models.risk_class import ClassRule
from riskmap.release import Area

LIKELY_RANGE = (0.05, 0.95)
LEAST_FOR_CHANGE = 30
"""Incidents that both years need before anything is said about change."""

SURE_OF_CHANGE = 0.975
"""Two-sided 5 %."""

Counts = NDArray[np.int64]


def counted_areas(territory: Territory, period: Period, *, public: pl.DataFrame) -> list[Area]:
    """The whole territory and, where it has several, its districts, with the numbers disclosure control allows.

    ``public`` is a frame of `geodata.columns.PUBLIC_COUNTS`: everything told here follows from what it tells.
    """
    regions = territory.region_table.sort("region_id")
    now, before = _told(public, period), _told(public, period.year_before())
    kinds = _kinds(public)
    residents = int(regions["residents"].sum()) if regions["residents"].null_count() == 0 else None
    name = territory.name
    whole = Area(
        area_id=name,
        kind="territory",
        names=asdict(territory.names),
        residents=residents,
        **_told_kinds(kinds, name),
        **_numbers(name, now, before, residents, period),
    )
    if regions.height == 1:
        return [whole]
    whole_rate = whole.total / residents if whole.total and residents else None
    parts = []
    for row in regions.iter_rows(named=True):
        region = row["region_id"]
        numbers = _numbers(region, now, before, row["residents"], period)
        parts.append(
            Area(
                area_id=region,
                kind="district",
                names=_names(row),
                residents=row["residents"],
                **_told_kinds(kinds, region),
                comparison=_comparison(numbers["total"], row["residents"], whole_rate),
                **numbers,
            )
        )
    return [whole, *parts]


def official_areas(territory: Territory) -> list[Area]:
    """Regions with the official totals known, in the order of their codes, and the country as a whole.

    The country has a total only where every region has one. Empty where the territory has no official totals.
    """
    regions = territory.region_table
    if not territory.official:
        return []
    parts = [
        _official_area(row["region_id"], "region", _names(row), row["residents"], row["official_count"])
        for row in regions.sort("region_id").iter_rows(named=True)
    ]
    is_complete = regions["official_count"].null_count() == 0
    count = int(regions["official_count"].sum()) if is_complete else None
    residents = int(regions["residents"].sum()) if regions["residents"].null_count() == 0 else None
    return [_official_area(territory.name, "territory", asdict(territory.names), residents, count), *parts]


def _official_area(area_id: str, kind: str, names: Mapping[str, str], residents: int | None, count: int | None) -> Area:
    rate = round(10_000 * count / residents, 1) if count is not None and residents else None
    return Area(area_id=area_id, kind=kind, names=names, residents=residents, official_count=count, official_rate=rate)


class _Kinds(TypedDict):
    by_group: dict[str, int] | None
    by_group_year: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Told:
    """What is told of a period, by place: counts of all its quarters, and of all its months."""

    quarters: Mapping[str, Counts]
    months: Mapping[str, Counts]


def _told(public: pl.DataFrame, period: Period) -> _Told:
    """Nothing where the period is not made of quarters."""
    quarters = public_counts.complete_quarters(period.start, period.end)
    if MONTHS_OF_QUARTER * len(quarters) != _months(period):
        return _Told(quarters={}, months={})
    months = [f"{day.year}-{day.month + month:02d}" for day in quarters for month in range(MONTHS_OF_QUARTER)]
    return _Told(
        quarters=_complete(public, "quarter", [public_counts.quarter_name(day) for day in quarters]),
        months=_complete(public, "month", months),
    )


def _complete(public: pl.DataFrame, kind: str, periods: Sequence[str]) -> dict[str, Counts]:
    """Counts in order of time, of each place that tells every one."""
    rows = public.filter(pl.col("kind") == kind, pl.col("period").is_in(periods)).drop_nulls("low")
    found = rows.sort("period").group_by("place_id").agg("low").filter(pl.col("low").list.len() == len(periods))
    return {place: np.array(counts, dtype=np.int64) for place, counts in found.select("place_id", "low").iter_rows()}


def _kinds(public: pl.DataFrame) -> tuple[int | None, dict[str, dict[str, int]]]:
    """The last calendar year that is split by offence group, and the counts it tells of each place."""
    rows = public.filter(pl.col("kind") == "year_group")
    if rows.is_empty():
        return None, {}
    year = str(rows["period"].max())
    found: dict[str, dict[str, int]] = {}
    told = rows.filter(pl.col("period") == year, pl.col("low") > 0)
    for place, group, count in told.select("place_id", "offence_group", "low").iter_rows():
        found.setdefault(place, {})[group] = count
    return int(year), found


def _told_kinds(kinds: tuple[int | None, dict[str, dict[str, int]]], place: str) -> _Kinds:
    year, by_place = kinds
    own = by_place.get(place)
    return _Kinds(by_group=own, by_group_year=year if own else None)


class _Numbers(TypedDict):
    total: int | None
    rate_low: float | None
    rate_high: float | None
    change: str | None


def _numbers(place: str, now: _Told, before: _Told, residents: int | None, period: Period) -> _Numbers:
    """Total of an area with its likely range and change; nothing at all where there is no total.

    The likely range is of the yearly level per 10 000 residents: the gamma posterior of a Poisson rate with
    Jeffreys' prior. It follows from the published total and residents alone, so anyone can recompute it.
    """
    if place not in now.quarters:
        return _Numbers(total=None, rate_low=None, rate_high=None, change=None)
    total = int(now.quarters[place].sum())
    low, high = None, None
    if residents:
        per_10k = 10_000 / (residents * period.years)
        low, high = (round(float(stats.gamma.ppf(p, total + 0.5)) * per_10k, 1) for p in LIKELY_RANGE)
    by_month = place in now.months and place in before.months
    pair = [(told.months if by_month else told.quarters).get(place) for told in (now, before)]
    return _Numbers(total=total, rate_low=low, rate_high=high, change=_change(*pair))


def _comparison(total: int | None, residents: int | None, whole_rate: float | None) -> str | None:
    """Word for an area's level beside the territory's, by the rule of the cells."""
    if total is None or not residents or whole_rate is None:
        return None
    rule = ClassRule()
    expected = residents * whole_rate
    above = float(stats.gamma.sf(1 + rule.margin, total + 0.5, scale=1 / expected))
    below = float(stats.gamma.cdf(1 / (1 + rule.margin), total + 0.5, scale=1 / expected))
    for probability, side in ((above, "higher"), (below, "lower")):
        if probability >= rule.sure:
            return f"clear_{side}"
        if probability >= rule.likely:
            return f"maybe_{side}"
    return "none"


def _change(now: Counts | None, before: Counts | None) -> str:
    """Word for the change against the same months, or quarters, a year earlier, from what is published of both.

    They are paired. The ratio of the two totals must be clear of what chance alone would do, and of how much the
    pairs scatter (Pearson's statistic, with Student's quantile for as few pairs as there are).
    """
    if now is None or before is None or min(now.sum(), before.sum()) < LEAST_FOR_CHANGE:
        return "too_little"
    total_now, total_before = int(now.sum()), int(before.sum())
    both, share = now + before, total_now / (total_now + total_before)
    scatter = (now - both * share) ** 2 / np.maximum(both * share * (1 - share), 1e-9)
    pairs = max(1, now.size - 1)
    of_scatter = float(stats.t.ppf(SURE_OF_CHANGE, pairs)) * np.sqrt(float(scatter.sum()) / pairs)
    least = max(float(stats.norm.ppf(SURE_OF_CHANGE)), of_scatter) * np.sqrt(1 / total_now + 1 / total_before)
    ratio = np.log(total_now / total_before)
    return "up" if ratio > least else "down" if ratio < -least else "none"


def _months(period: Period) -> int:
    return (period.end.year - period.start.year) * 12 + period.end.month - period.start.month


def _names(row: Mapping[str, Any]) -> dict[str, str]:
    return {language: row[f"name_{language}"] for language in ("kk", "ru", "en")}
