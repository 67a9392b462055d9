"""Numbers of areas: totals that disclosure control allows, their likely range, comparison and change.

Numbers and change are told only for areas; a cell carries a class and nothing else.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from geodata import aggregate, public_counts
from geodata.aggregate import Period
from geodata.public_counts import MONTHS_OF_QUARTER
from geodata.territory import Territory
from models.risk_class import ClassRule
from riskmap.release import Area

LIKELY_RANGE = (0.05, 0.95)
LEAST_FOR_CHANGE = 30
"""Incidents that both years need before anything is said about change."""

CLEAR_CHANGE = 1.96
"""Standard deviations beyond which a change is clear: two-sided 5 %."""


def counted_areas(
    territory: Territory,
    incidents: pl.DataFrame,
    places: pl.DataFrame,
    period: Period,
    *,
    record_start: date,
    public: pl.DataFrame,
) -> list[Area]:
    """The whole territory and, where it has several, its districts, with the numbers disclosure control allows.

    ``public`` is a frame of `geodata.columns.PUBLIC_COUNTS`: totals are sums of quarters it tells.

    Incidents belong to the district that holds the middle of their cell, so that a cell and its area never disagree.
    """
    regions = territory.region_table.sort("region_id")
    # An area is what its cells are, not what the points are: only so do hexagons and areas speak of the same places.
    own = incidents.drop("region_id", strict=False)
    placed = own.join(places.select("cell", "region_id"), on="cell", how="inner")
    totals, kinds = _totals(public, period), _kinds(public)
    has_past = record_start <= period.year_before().start
    residents = int(regions["residents"].sum()) if regions["residents"].null_count() == 0 else None
    whole = Area(
        area_id=territory.name,
        kind="territory",
        names=asdict(territory.names),
        residents=residents,
        **_told_kinds(kinds, territory.name),
        **_numbers(totals.get(territory.name), residents, placed, period, has_past=has_past),
    )
    if regions.height == 1:
        return [whole]
    whole_rate = whole.total / residents if whole.total and residents else None
    parts = []
    for row in regions.iter_rows(named=True):
        total, own = totals.get(row["region_id"]), pl.col("region_id") == row["region_id"]
        parts.append(
            Area(
                area_id=row["region_id"],
                kind="district",
                names=_names(row),
                residents=row["residents"],
                **_told_kinds(kinds, row["region_id"]),
                comparison=_comparison(total, row["residents"], whole_rate),
                **_numbers(total, row["residents"], placed.filter(own), period, has_past=has_past),
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


def _totals(public: pl.DataFrame, period: Period) -> dict[str, int]:
    """Total over a period of each place that tells all its quarters; nothing where it is not made of quarters."""
    quarters = [public_counts.quarter_name(day) for day in public_counts.complete_quarters(period.start, period.end)]
    if MONTHS_OF_QUARTER * len(quarters) != _months(period):
        return {}
    rows = public.filter(pl.col("kind") == "quarter", pl.col("period").is_in(quarters)).drop_nulls("low")
    found = rows.group_by("place_id").agg(pl.col("low").sum(), pl.len())
    return dict(found.filter(pl.col("len") == len(quarters)).select("place_id", "low").iter_rows())


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


def _numbers(
    total: int | None, residents: int | None, incidents: pl.DataFrame, period: Period, *, has_past: bool
) -> _Numbers:
    """Total of an area with its likely range and change; nothing at all where there is no total.

    The likely range is of the yearly level per 10 000 residents: the gamma posterior of a Poisson rate with
    Jeffreys' prior. It follows from the published total and residents alone, so anyone can recompute it.
    """
    if total is None:
        return _Numbers(total=None, rate_low=None, rate_high=None, change=None)
    low, high = None, None
    if residents:
        per_10k = 10_000 / (residents * period.years)
        low, high = (round(float(stats.gamma.ppf(p, total + 0.5)) * per_10k, 1) for p in LIKELY_RANGE)
    return _Numbers(total=total, rate_low=low, rate_high=high, change=_change(incidents, period, has_past=has_past))


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


def _change(incidents: pl.DataFrame, period: Period, *, has_past: bool) -> str:
    """Word for the change against the same period a year earlier.

    Months of the two years are paired; how much more they scatter than chance alone would (Pearson's statistic,
    at least 1) widens the test of the ratio of the two totals.
    """
    months = _months(period)
    now = _by_month(aggregate.in_period(incidents, period), period.start, months)
    before = _by_month(aggregate.in_period(incidents, period.year_before()), period.year_before().start, months)
    total_now, total_before = int(now.sum()), int(before.sum())
    if not has_past or min(total_now, total_before) < LEAST_FOR_CHANGE:
        return "too_little"
    both, share = now + before, total_now / (total_now + total_before)
    scatter = (now - both * share) ** 2 / np.maximum(both * share * (1 - share), 1e-9)
    dispersion = max(1.0, float(scatter.sum()) / max(1, months - 1))
    deviation = np.sqrt(dispersion * (1 / total_now + 1 / total_before))
    z = np.log(total_now / total_before) / deviation
    return "up" if z > CLEAR_CHANGE else "down" if z < -CLEAR_CHANGE else "none"


def _months(period: Period) -> int:
    return (period.end.year - period.start.year) * 12 + period.end.month - period.start.month


def _by_month(incidents: pl.DataFrame, start: date, months: int) -> NDArray[np.int64]:
    number = incidents.select(
        (pl.col("occurred_on").dt.year() - start.year) * 12 + pl.col("occurred_on").dt.month() - start.month
    ).to_series()
    return np.bincount(number.to_numpy(), minlength=months).astype(np.int64)


def _names(row: Mapping[str, Any]) -> dict[str, str]:
    return {language: row[f"name_{language}"] for language in ("kk", "ru", "en")}
