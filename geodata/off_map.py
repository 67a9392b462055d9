"""Offences that no map of places holds, by region and year: without a place, or found by the police themselves.

None of them stands in any other published number, so only this table's own totals could give a small count away. A
year once told stays as it was.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from geodata import split
from geodata.columns import PUBLIC_OFF_MAP
from geodata.offences import MAPPABLE_CODES, OFFENCE_GROUPS
from geodata.split import LEAST_SENSITIVE

UNKNOWN = "unknown"
"""Stands for a region where the incident's region is not known."""
NO_PLACE = "no_place"
"""Stands for a group: offences that belong on the map and were delivered without a place; of the whole alone."""
CODES = tuple(group.code for group in OFFENCE_GROUPS if not group.is_mappable and not group.is_sensitive)


def count(
    territory: str,
    incidents: pl.DataFrame,
    region_ids: Sequence[str],
    years: Sequence[int],
    *,
    previous: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Counts of whole years, 0 or at least ten, or hidden: a frame of `geodata.columns.PUBLIC_OFF_MAP`.

    Parameters
    ----------
    incidents : frame of ``offence_group``, ``region_id``, ``cell`` and ``occurred_on``
    years : complete calendar years on record
    previous : what an earlier release told; its years stay as they are
    """
    told = PUBLIC_OFF_MAP.empty() if previous is None else previous
    known = set(told["year"].to_list())
    tables = [told, *(_of_year(territory, incidents, region_ids, year) for year in years if year not in known)]
    return PUBLIC_OFF_MAP.checked(pl.concat(tables).sort("year", maintain_order=True))


def _of_year(territory: str, incidents: pl.DataFrame, region_ids: Sequence[str], year: int) -> pl.DataFrame:
    own = incidents.filter(pl.col("occurred_on").dt.year() == year)
    listed = own.filter(pl.col("offence_group").is_in(CODES)).with_columns(
        pl.when(pl.col("region_id").is_in(list(region_ids))).then("region_id").otherwise(pl.lit(UNKNOWN))
    )
    places = [*region_ids, UNKNOWN]
    found = {
        (place, group): n for place, group, n in listed.group_by("region_id", "offence_group").agg(pl.len()).iter_rows()
    }
    counts = np.array([[found.get((place, group), 0) for group in CODES] for place in places], dtype=np.int64)
    whole = counts.sum(axis=0)
    whole_told = (whole == 0) | (whole >= LEAST_SENSITIVE)
    hidden = split.hidden_entries(
        counts,
        order=split.order_of([f"{place} {year}" for place in places], CODES),
        row_total_is_told=np.zeros(len(places), dtype=bool),
        part_total_is_told=whole_told,
        may_tell=np.broadcast_to(whole_told, counts.shape),
        least=LEAST_SENSITIVE,
    )
    without = own.filter(pl.col("offence_group").is_in(sorted(MAPPABLE_CODES)), pl.col("cell").is_null()).height
    is_without_told = without == 0 or without >= LEAST_SENSITIVE
    lines = [(year, territory, NO_PLACE, without if is_without_told else None)]
    lines += [
        (year, territory, group, int(n) if is_told else None)
        for group, n, is_told in zip(CODES, whole, whole_told, strict=True)
    ]
    lines += [
        (year, place, group, None if is_hidden else int(n))
        for place, row, row_hidden in zip(places, counts, hidden, strict=True)
        for group, n, is_hidden in zip(CODES, row, row_hidden, strict=True)
    ]
    return pl.DataFrame(lines, schema=PUBLIC_OFF_MAP.schema, orient="row")
