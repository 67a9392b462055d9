"""What a score run keeps for reviewers beside its frames: rates and places of areas, their hours, weights of severity.

Everything is of areas or of the whole territory, never of a cell, and plain data for the run's ``details``. How it is
read stands in `riskmap.review.areas` and `riskmap.review.severity`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import aggregate, harm_index, time_profile
from geodata.offences import ALL
from geodata.territory import Territory
from geodata.time_profile import Areas, Scale
from models.predictive import rate_interval
from models.rank_interval import rank_interval

DAYS = 365
PER = 10_000.0
"""Rates are per so many person-years."""
LEAST_WEIGHED = 30
LEAST_WEIGHED_SHARE = 0.5
"""A group weighs what its incidents weigh on average where so many of them, and this part of them, have a weight."""
SCALES = (Scale.PART_OF_DAY, Scale.WEEKDAY)
SEED = 20_260_501
"""Ranges of ranks are drawn; the same run draws the same."""


def of_run(
    territory: Territory, known: pl.DataFrame, places: pl.DataFrame, groups: Sequence[str], *, as_of: date, start: date
) -> dict[str, Any]:
    """``areas``, ``times`` and ``severity`` of a run, for its details.

    Parameters
    ----------
    known : admitted incidents before ``as_of``
    places : the cells scored, with their ``region_id``
    groups : offence groups with a forecast of their own, ``all`` among them
    start : first day of the record
    """
    own = known.drop("region_id", strict=False).join(places.select("cell", "region_id"), on="cell", how="inner")
    return {
        "areas": rates(territory, own, places, groups, as_of=as_of, start=start),
        "times": times(territory, own, places, groups),
        "severity": severity(known, groups),
    }


def rates(
    territory: Territory, own: pl.DataFrame, places: pl.DataFrame, groups: Sequence[str], *, as_of: date, start: date
) -> dict[str, dict[str, dict[str, float]]]:
    """Rate per 10 000 person-years of each area and group over the last year, with its interval and places.

    By group and area: ``incidents``, ``rate``, ``low`` and ``high`` (90 %), ``highest`` and ``lowest`` place of
    ``ranked`` areas, which hold together with 90 %. Areas of unknown residents are left out.
    """
    residents = _residents(territory, places)
    areas = sorted(residents)
    first = max(start, as_of - timedelta(days=DAYS))
    years = (as_of - first).days / DAYS
    recent = own.filter(pl.col("occurred_on").is_between(first, as_of, closed="left"))
    exposure = np.array([residents[area] for area in areas], dtype=np.float64) * years / PER
    return {group: _rates(aggregate.in_group(recent, group), areas, exposure) for group in groups} if areas else {}


def times(
    territory: Territory, own: pl.DataFrame, places: pl.DataFrame, groups: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Parts of the day and weekdays of each area and group, and of the whole under the territory's name.

    By group and area: for each scale ``incidents`` and ``shares`` (share, low, high of each bin; missing where there
    are too few), and ``default_hours`` that stand out because clocks were not looked at.
    """
    areas = Areas.of_places(places)
    return {group: _times(aggregate.in_group(own, group), areas, territory.name) for group in groups}


def severity(known: pl.DataFrame, groups: Sequence[str]) -> dict[str, Any]:
    """Mean weight of an incident of each group, in days of the longest sanction, and of the groups without a forecast.

    ``weights`` by group; ``rest`` (``share`` of all incidents and ``days``) where groups without a forecast of their
    own can be weighed; ``incidents``, of which ``weighed``, of which ``stood_in``.
    """
    places = harm_index.by_cell(known).places
    sums = places.group_by("offence_group").agg(pl.col("incidents", "weighed", "stood_in", "harm_days").sum())
    whole = sums.filter(pl.col("offence_group") == ALL)
    scored = sums.filter(pl.col("offence_group").is_in([group for group in groups if group != ALL]))
    rest = sums.filter(~pl.col("offence_group").is_in(list(groups))).select(
        pl.col("incidents", "weighed", "harm_days").sum()
    )
    everything = int(whole["incidents"].sum())
    (incidents, weighed, days) = rest.row(0)
    return {
        "incidents": everything,
        "weighed": int(whole["weighed"].sum()),
        "stood_in": int(whole["stood_in"].sum()),
        "weights": {
            row["offence_group"]: round(row["harm_days"] / row["weighed"], 1)
            for row in scored.sort("offence_group").iter_rows(named=True)
            if _is_weighed(row["incidents"], row["weighed"])
        },
        "rest": {"share": round(incidents / everything, 6), "days": round(days / weighed, 1)}
        if _is_weighed(incidents, weighed)
        else None,
    }


def _is_weighed(incidents: int, weighed: int) -> bool:
    return weighed >= LEAST_WEIGHED and weighed >= LEAST_WEIGHED_SHARE * incidents


def _residents(territory: Territory, places: pl.DataFrame) -> dict[str, int]:
    """Residents of each area: as the territory declares them, else those of its cells where all are known."""
    declared = dict(territory.region_table.select("region_id", "residents").iter_rows())
    summed = places.group_by("region_id").agg(
        pl.when(pl.col("residents").null_count() == 0).then(pl.col("residents").sum())
    )
    of_cells = dict(summed.iter_rows())
    found = {area: declared.get(area) or of_cells.get(area) for area in declared}
    return {area: int(count) for area, count in found.items() if count}


def _rates(incidents: pl.DataFrame, areas: list[str], exposure: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    counted = dict(incidents.group_by("region_id").len().iter_rows())
    count = np.array([counted.get(area, 0) for area in areas], dtype=np.int64)
    told = rate_interval(count, exposure)
    places = rank_interval(count.astype(np.float64) + 0.5, exposure, rng=np.random.default_rng(SEED))
    return {
        area: {
            "incidents": int(count[at]),
            "rate": round(float(told.rate[at]), 2),
            "low": round(float(told.low[at]), 2),
            "high": round(float(told.high[at]), 2),
            "highest": int(places.highest[at]),
            "lowest": int(places.lowest[at]),
            "ranked": len(areas),
        }
        for at, area in enumerate(areas)
    }


def _times(incidents: pl.DataFrame, areas: Areas, whole: str) -> dict[str, dict[str, Any]]:
    found = time_profile.time_profiles(incidents, areas)
    frame = pl.concat([found.areas, found.territory]).with_columns(pl.col("area_id").fill_null(whole))
    hours = found.default_hours.with_columns(pl.col("area_id").fill_null(whole))
    told: dict[str, dict[str, Any]] = {}
    for (area, scale), rows in frame.group_by("area_id", "scale", maintain_order=True):
        if scale in SCALES:
            ordered = rows.sort("bin")
            shares = ordered.select(pl.col("share", "low", "high").round(4)).rows()
            told.setdefault(str(area), {})[str(scale)] = {
                "incidents": int(ordered["incidents"][0]),
                "shares": [list(one) for one in shares] if ordered["is_enough"][0] else None,
            }
    for area, own in told.items():
        own["default_hours"] = hours.filter(pl.col("area_id") == area)["hour"].to_list()
    return told
