"""The public counts of a release: what they are built of, and what earlier releases have already told."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from geodata import corrections, off_map, public_coarser, public_counts, public_partition, split
from geodata.columns import COUNTED, PUBLIC_COUNTS, PUBLIC_OFF_MAP, PUBLIC_PLACES
from geodata.corrections import KEY, Correction
from geodata.offences import MAPPABLE_CODES, SENSITIVE_CODES
from geodata.public_coarser import Coarser
from geodata.public_counts import PublicCounts
from geodata.time_profile import PARTS_OF_DAY
from riskmap.attack.published import Published
from riskmap.attack.verdict import Verdict, attack
from riskmap.errors import NothingToCorrect, NotReleasable
from riskmap.pipeline import withdrawal
from riskmap.ports import Store

COUNTS_FILE, PLACES_FILE, CROSSWALK_FILE = "counts.csv", "places.csv", "crosswalk.csv"
RESIDENTS_FILE, OFF_MAP_FILE = "residents.csv", "off_map.csv"
UNKNOWN_PART = "unknown"
MOST_TRIES = 12
"""Each try tells less than the one before; a city needs two or three."""
TIMED_TO = ("minute", "hour")
_KEY = list(COUNTED.schema)[:-1]


def counted_from(
    store: Store, territory: str, incidents: pl.DataFrame, places: pl.DataFrame, *, told: Mapping[str, PublicCounts]
) -> pl.DataFrame:
    """True counts a release speaks of: a frame of `geodata.columns.COUNTED`.

    Quarters that a release has told are counted as they were then; later records of them wait.

    Parameters
    ----------
    incidents : frame with the columns of `geodata.columns.INCIDENTS`, of all groups
    places : cells the territory covers
    told : earlier releases of the territory by id, newest first, as `told_before` finds them

    Raises
    ------
    NotReleasable
        If what an earlier release was counted from is not kept any more.
    """
    quarter = pl.col("month").dt.year().cast(pl.String) + "-Q" + pl.col("month").dt.quarter().cast(pl.String)
    waiting = {name for one in told.values() for name in _quarters(one)}
    parts = [count(incidents, places).filter(~quarter.is_in(sorted(waiting)))]
    for release_id, one in told.items():
        own = waiting & _quarters(one)
        if not own:
            continue
        kept = store.counted.load(territory, release_id)
        if kept is None:
            raise NotReleasable(
                f"What release {release_id} of {territory} was counted from is not kept. A new release could be "
                "subtracted from it, so none is made. Restore the folder counted/ of the data folder from a backup."
            )
        parts.append(kept.filter(quarter.is_in(sorted(own))))
        waiting -= own
    return pl.concat(parts).sort(_KEY)


def count(incidents: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Incidents on covered cells, and sensitive ones of regions, as a frame of `geodata.columns.COUNTED`."""
    covered = incidents.filter(pl.col("offence_group").is_in(sorted(MAPPABLE_CODES))).join(
        places.select("cell"), on="cell", how="semi"
    )
    sensitive = incidents.filter(
        pl.col("offence_group").is_in(sorted(SENSITIVE_CODES)), pl.col("region_id").is_not_null()
    )
    month = pl.col("occurred_on").dt.month_start().alias("month")
    rows = pl.concat(
        [
            covered.select(
                "cell", pl.lit(None, pl.String).alias("region_id"), "offence_group", month, _part_of_day(covered)
            ),
            sensitive.select(
                pl.lit(None, pl.UInt64).alias("cell"),
                "region_id",
                "offence_group",
                month,
                pl.lit(None, pl.String).alias("part_of_day"),
            ),
        ]
    )
    return COUNTED.checked(rows.group_by(_KEY).agg(count=pl.len().cast(pl.Int64)).sort(_KEY))


def told_before(root: Path, territory: str, *, from_release: str | None) -> dict[str, PublicCounts]:
    """Public counts of a release and its predecessors, withdrawn ones too, newest first; empty where none has any."""
    found: dict[str, PublicCounts] = {}
    following = from_release
    while following is not None and following not in found:
        manifest, files = withdrawal.open_any(root, territory, following)
        if COUNTS_FILE not in files:
            break
        found[following] = read(files)
        following = manifest.get("predecessor")
    return found


def together(told: Sequence[PublicCounts], *, before: date) -> PublicCounts:
    """Everything earlier releases (newest first) told of periods that end by a day; a correction stands for what it
    corrects, and what any of them told counts as told.
    """
    if not told:
        return public_counts.NOTHING
    counts = pl.concat([one.counts for one in told])
    places = pl.concat([one.places for one in reversed(told)])
    is_told = pl.col("low").is_not_null()
    known = pl.concat([counts.filter(is_told), counts.filter(~is_told)]).unique(
        public_counts.KEY, keep="first", maintain_order=True
    )
    ends = {period: public_counts.end_of(period) for period in known["period"].unique()}
    return PublicCounts(
        counts=known.filter(pl.col("period").is_in([period for period, end in ends.items() if end <= before])),
        places=places.unique(["place_id"], keep="first", maintain_order=True),
    )


def corrected(
    previous: PublicCounts, counted: pl.DataFrame, fresh: pl.DataFrame, year: int
) -> tuple[PublicCounts, pl.DataFrame, Correction]:
    """A published year as the register has it today, as far as that may be told: what stands published, and counted.

    Parameters
    ----------
    previous : what earlier releases told, as `together` gives it
    counted, fresh : frames of `geodata.columns.COUNTED`: as published, and of today

    Raises
    ------
    NothingToCorrect
        If the year was not published as a whole, or nothing of it may change.
    """
    of_year = pl.col("month").dt.year() == year
    if previous.counts.filter(pl.col("kind") == "band", pl.col("period") == str(year)).height == 0:
        whole = sorted(previous.counts.filter(pl.col("kind") == "band")["period"].unique())
        raise NothingToCorrect(
            f"{year} was not published as a whole; expected one of {', '.join(whole) or 'none yet'}."
        )
    found = corrections.correct(previous, year, was=counted.filter(of_year), now=fresh.filter(of_year))
    others = previous.counts.filter(~pl.col("period").str.starts_with(str(year)))
    before = previous.counts.join(others, on=KEY, how="anti", nulls_equal=True)
    if found.counts.sort(pl.all()).equals(before.sort(pl.all())):
        raise NothingToCorrect(
            f"No number of {year} changes by so much that it may be told; areas with other records that wait: "
            f"{found.waiting}. Ask again next year."
        )
    public = PublicCounts(counts=pl.concat([others, found.counts]), places=previous.places)
    return public, pl.concat([counted.filter(~of_year), found.counted]).sort(_KEY), found


def build(
    territory: str,
    counted: pl.DataFrame,
    grid: pl.DataFrame,
    *,
    start: date,
    end: date,
    told: Sequence[PublicCounts] = (),
    previous: PublicCounts | None = None,
    coarser: Sequence[Coarser] = (),
) -> tuple[PublicCounts, Verdict]:
    """`geodata.public_counts.build` of what `counted_from` gave, coarser and coarser until the attack finds nothing.

    Parameters
    ----------
    told : earlier releases, withdrawn ones too, newest first
    previous : what stands of them; unless given, all they told `together`
    coarser : what is not told any more since a release was withdrawn

    Raises
    ------
    NotReleasable
        If something is found out that no coarser split can keep.
    """
    is_sensitive = pl.col("offence_group").is_in(sorted(SENSITIVE_CODES))
    withheld: set[tuple[str, str, str]] = set()
    previous = together(told, before=end) if previous is None else previous
    known = _leaks(previous, counted) if coarser else frozenset()
    for _ in range(MOST_TRIES):
        built = public_counts.build(
            territory,
            counted.filter(~is_sensitive),
            counted.filter(is_sensitive),
            grid.select("public_cell", "region_id", "is_protected"),
            start=start,
            end=end,
            previous=previous,
            withheld=withheld,
        )
        public = public_coarser.coarsened(built, coarser)
        verdict = attack(_published(public), counted, earlier=[_published(one) for one in told])
        found = {(leak.table, leak.row, leak.period) for leak in verdict.leaks}
        if coarser:
            # Whoever kept a withdrawn release must learn nothing from the new one that he did not know.
            both = together([public, *told], before=end)
            found |= {(table, row, period) for table, row, period, _ in _leaks(both, counted) - known}
        if not found - withheld:
            break
        withheld |= found
    if not verdict.is_safe:
        one = verdict.leaks[0]
        raise NotReleasable(
            f"{verdict.exact} protected counts are known exactly and {verdict.within_one} within one, the first in "
            f"{one.table} of {one.row}, {one.period}, {one.part}; nothing was published. Deliver a longer record, or "
            "report this to the makers of the program with the release desk's log."
        )
    return public, verdict


def _published(public: PublicCounts) -> Published:
    return Published(counts=public.counts, places=public.places)


def _leaks(public: PublicCounts, counted: pl.DataFrame) -> frozenset[tuple[str, str, str, str]]:
    found = attack(_published(public), counted).leaks
    return frozenset((leak.table, leak.row, leak.period, leak.part) for leak in found)


def files_of(public: PublicCounts) -> dict[str, bytes]:
    """Files of a release; see docs/data_format.md."""
    return {
        COUNTS_FILE: public.counts.write_csv().encode(),
        PLACES_FILE: public.places.write_csv().encode(),
        CROSSWALK_FILE: public_partition.crosswalk(public.places).write_csv().encode(),
    }


def residents_file(public: PublicCounts, grid: pl.DataFrame) -> dict[str, bytes]:
    """The file of residents of areas, by which anyone can make their rates."""
    return {RESIDENTS_FILE: public_partition.residents(public.places, grid).write_csv().encode()}


def off_map_file(
    root: Path,
    territory: str,
    incidents: pl.DataFrame,
    region_ids: Sequence[str],
    *,
    start: date,
    end: date,
    predecessor: str | None,
) -> dict[str, bytes]:
    """The file of what no map holds: complete years between two days; years the predecessor told stay."""
    files = withdrawal.open_any(root, territory, predecessor)[1] if predecessor else {}
    told = files.get(OFF_MAP_FILE)
    previous = None if told is None else pl.read_csv(told, schema=PUBLIC_OFF_MAP.schema)
    years = [
        year for year in range(start.year, end.year + 1) if start <= date(year, 1, 1) and date(year + 1, 1, 1) <= end
    ]
    found = off_map.count(territory, incidents, region_ids, years, previous=previous)
    return {OFF_MAP_FILE: found.write_csv().encode()}


def read(files: Mapping[str, bytes]) -> PublicCounts:
    """Public counts as a release holds them."""
    return PublicCounts(
        counts=PUBLIC_COUNTS.checked(pl.read_csv(files[COUNTS_FILE], schema=PUBLIC_COUNTS.schema)),
        places=PUBLIC_PLACES.checked(pl.read_csv(files[PLACES_FILE], schema=PUBLIC_PLACES.schema)),
    )


def told(public: PublicCounts, previous: PublicCounts) -> dict[str, list[str]]:
    """Periods a release tells counts of, and which of them no release told before, for the manifest."""
    periods, known = (sorted(set(one.counts["period"])) for one in (public, previous))
    return {"periods": periods, "new": sorted(set(periods) - set(known))}


def rules() -> dict[str, Any]:
    """Thresholds of the counts, for the manifest."""
    return {
        "least_count": split.LEAST_COUNT,
        "least_sensitive": split.LEAST_SENSITIVE,
        "least_of_group": public_counts.LEAST_OF_GROUP,
        "bands": public_counts.BAND_WIDTH,
    }


def _quarters(public: PublicCounts) -> set[str]:
    return set(public.counts.filter(pl.col("kind") == "quarter")["period"].unique().to_list())


def _part_of_day(incidents: pl.DataFrame) -> pl.Expr:
    """Part of the local day an incident is known to lie in."""
    local = [
        pl.when(pl.col("time_zone") == zone).then(pl.col("occurred_from").dt.convert_time_zone(zone).dt.hour())
        for zone in incidents["time_zone"].unique()
    ]
    hour = pl.coalesce(*local, pl.lit(None, pl.Int8))
    part = pl.coalesce(
        pl.when(hour.is_between(first, last, closed="left")).then(pl.lit(name))
        for name, (first, last) in PARTS_OF_DAY.items()
    )
    is_timed = pl.col("time_precision").is_in(TIMED_TO)
    return pl.when(is_timed).then(part).otherwise(None).fill_null(UNKNOWN_PART).alias("part_of_day")
