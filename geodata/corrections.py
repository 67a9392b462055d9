"""Late and changed records of a year that was published: which may be told, so that no difference is a small count.

Whoever keeps an old release can subtract it from the new one. A correction is therefore told of whole areas, and only
where every number that is told, and every sum that is left when told numbers are taken from a told total, stays as it
was or changes by at least five (sensitive ones: ten). What was told stays told and what was not stays so. The rest
waits for another year's correction.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from geodata import hexgrid, public_partition
from geodata.columns import PUBLIC_COUNTS
from geodata.offences import ALL, UNSPECIFIED
from geodata.public_counts import SLACK, PublicCounts
from geodata.public_partition import Partition
from geodata.split import LEAST_COUNT, LEAST_SENSITIVE

KEY = ["kind", "place_id", "offence_group", "period", "part_of_day"]
SPLITS = ("year_group", "hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a year becomes: its counts anew, what they were counted from, and how many areas changed and wait."""

    counts: pl.DataFrame
    counted: pl.DataFrame
    changed: int
    waiting: int


def correct(told: PublicCounts, year: int, *, was: pl.DataFrame, now: pl.DataFrame) -> Correction:
    """Correct a published year as far as that gives nothing away.

    Parameters
    ----------
    told : what stands published
    was, now : frames of `geodata.columns.COUNTED` of the year: what ``told`` was counted from, and the register today

    Returns
    -------
    Correction
        ``counts`` are the rows of the year in the order of ``told``.
    """
    desk = _Desk(told, public_partition.read(told.places, year), was=was, now=now)
    return desk.corrected()


class _Desk:
    """One year under correction."""

    def __init__(self, told: PublicCounts, partition: Partition, *, was: pl.DataFrame, now: pl.DataFrame) -> None:
        self.partition, self.year = partition, str(partition.year)
        self.rows = told.counts.filter(pl.col("period").str.starts_with(self.year))
        places = told.places.filter(pl.col("year").is_null() | (pl.col("year") == partition.year))
        self.parent = dict(places.select("place_id", "parent_id").iter_rows())
        self.territory = str(places.filter(pl.col("level") == "territory")["place_id"][0])
        groups = self.rows.filter(pl.col("kind") == "year_group")["offence_group"].unique().to_list()
        self.was, self.now = (self._placed(frame, groups) for frame in (was, now))
        self.raw = {"was": was, "now": now}
        self.before = self._numbers(self.was)
        self.widths = self._widths()

    def corrected(self) -> Correction:
        changed = self._changed_areas()
        accepted, groups = set(changed), self._sensitive_groups()
        while True:
            candidate = self._mixed(accepted, groups)
            after = self._numbers(candidate)
            dropped = self._dropped(after, candidate, accepted)
            if not dropped:
                break
            accepted -= dropped
        counts = self._told_anew(after, candidate)
        return Correction(
            counts=counts,
            counted=self._counted(accepted, groups),
            changed=len(accepted),
            waiting=len(changed) - len(accepted),
        )

    def _placed(self, frame: pl.DataFrame, groups: Sequence[str]) -> pl.DataFrame:
        """Rows with their area and region, groups named as they are told."""
        named = pl.when(pl.col("offence_group").is_in(groups)).then("offence_group").otherwise(pl.lit(UNSPECIFIED))
        own = frame.filter(pl.col("cell").is_not_null())
        at = self.partition.position_of(own["cell"].to_numpy())
        own, at = own.filter(pl.Series(at >= 0)), at[at >= 0]
        area = self.partition.area_of_cell[at]
        ids = np.array(self.partition.area_ids, dtype=object)
        mapped = own.with_columns(
            pl.Series("area", ids[area], dtype=pl.String),
            pl.Series("public_cell", self.partition.cells[at]),
            named.alias("offence_group"),
            is_sensitive=pl.lit(False),
        )
        sensitive = frame.filter(pl.col("cell").is_null()).with_columns(
            pl.lit(None, pl.String).alias("area"),
            pl.lit(None, pl.UInt64).alias("public_cell"),
            is_sensitive=pl.lit(True),
        )
        return pl.concat([mapped, sensitive.select(mapped.columns)])

    def _numbers(self, placed: pl.DataFrame) -> pl.DataFrame:
        """The true value of every row of the year, told or not; bands apart."""
        own = placed.filter(~pl.col("is_sensitive"))
        region = pl.col("area").replace_strict(self.parent, return_dtype=pl.String)
        whole = pl.lit(self.territory)
        levels = [own.with_columns(place_id=place) for place in (pl.col("area"), region, whole)]
        every = pl.concat(levels)
        month, nothing = pl.col("month").dt.strftime("%Y-%m"), pl.lit(None, pl.String)
        quarter = pl.format("{}-Q{}", pl.col("month").dt.year(), pl.col("month").dt.quarter())
        group, year = pl.col("offence_group"), pl.lit(self.year)
        sensitive = placed.filter("is_sensitive")
        of_sensitive = pl.concat([sensitive.with_columns(place_id=place) for place in (pl.col("region_id"), whole)])
        sums = [
            _summed(frame, kind, grouped, period, part)
            for frame, kind, grouped, period, part in (
                (every, "quarter", pl.lit(ALL), quarter, nothing),
                (every, "month", pl.lit(ALL), month, nothing),
                (every, "year_group", group, year, nothing),
                (every, "hours", pl.lit(ALL), year, pl.col("part_of_day")),
                (of_sensitive, "sensitive", group, year, nothing),
            )
        ]
        rows = self.rows.filter(pl.col("kind") != "band")
        return rows.join(pl.concat(sums), on=KEY, how="left", nulls_equal=True, maintain_order="left").with_columns(
            pl.col("count").fill_null(0)
        )

    def _changed_areas(self) -> list[str]:
        def by_area(placed: pl.DataFrame) -> pl.DataFrame:
            columns = ["area", "public_cell", "offence_group", "month", "part_of_day"]
            return placed.filter(~pl.col("is_sensitive")).group_by(columns).agg(pl.col("count").sum())

        both = by_area(self.was).join(
            by_area(self.now),
            on=["area", "public_cell", "offence_group", "month", "part_of_day"],
            how="full",
            coalesce=True,
            nulls_equal=True,
        )
        moved = both.filter(pl.col("count").fill_null(0) != pl.col("count_right").fill_null(0))
        return sorted(moved["area"].unique().to_list())

    def _sensitive_groups(self) -> list[str]:
        """Sensitive groups whose every number may change."""
        after = self._numbers(pl.concat([self.was.filter(~pl.col("is_sensitive")), self.now.filter("is_sensitive")]))
        groups = self.rows.filter(pl.col("kind") == "sensitive")["offence_group"].unique().sort().to_list()
        numbers = pl.concat([self._moves(after), self._left_overs(after)])
        bad = numbers.filter(pl.col("kind") == "sensitive", ~_may_move())["offence_group"].to_list()
        return [group for group in groups if group not in set(bad)]

    def _mixed(self, accepted: Iterable[str], groups: Sequence[str]) -> pl.DataFrame:
        """Today's rows of accepted areas and groups, and the old ones of all others."""
        is_new = (
            pl.when("is_sensitive")
            .then(pl.col("offence_group").is_in(groups))
            .otherwise(pl.col("area").is_in(sorted(accepted)))
        )
        return pl.concat([self.was.filter(~is_new), self.now.filter(is_new)])

    def _moves(self, after: pl.DataFrame) -> pl.DataFrame:
        """Told numbers, by how much each moves, and what it would be."""
        told = after.with_columns(was=self.before["count"]).filter(pl.col("low").is_not_null())
        return told.select("kind", "place_id", "offence_group", move=pl.col("count") - pl.col("was"), told_anew="count")

    def _left_overs(self, after: pl.DataFrame) -> pl.DataFrame:
        """What told totals leave of the entries that are not told, along places and across them, and how it moves."""
        both = after.with_columns(
            was=self.before["count"],
            parent=pl.col("place_id").replace_strict(self.parent, default=None, return_dtype=pl.String),
        )
        hidden = both.filter(pl.col("low").is_null())
        along = (
            hidden.filter(pl.col("kind").is_in(SPLITS))
            .group_by("kind", "place_id")
            .agg(pl.col("count").sum(), pl.col("was").sum())
        )
        months = hidden.filter(pl.col("kind") == "month").with_columns(
            quarter=(pl.col("period").str.slice(5, 2).cast(pl.Int64) + 2) // 3
        )
        in_quarter = months.group_by("kind", "place_id", "quarter").agg(pl.col("count").sum(), pl.col("was").sum())
        across = (
            hidden.filter(pl.col("parent").is_not_null())
            .group_by("kind", "parent", "offence_group", "period", "part_of_day")
            .agg(pl.col("count").sum(), pl.col("was").sum())
        )
        known = both.filter(pl.col("low").is_not_null()).select(KEY)
        across = across.rename({"parent": "place_id"}).join(known, on=KEY, how="semi", nulls_equal=True)
        frames = [
            frame.select(
                "kind",
                "place_id",
                *([] if "offence_group" in frame.columns else [pl.lit(ALL).alias("offence_group")]),
                *(["offence_group"] if "offence_group" in frame.columns else []),
                move=pl.col("count") - pl.col("was"),
                told_anew=pl.lit(0, pl.Int64),
            )
            for frame in (along, in_quarter, across)
        ]
        return pl.concat([frame.select("kind", "place_id", "offence_group", "move", "told_anew") for frame in frames])

    def _dropped(self, after: pl.DataFrame, candidate: pl.DataFrame, accepted: set[str]) -> set[str]:
        """Areas that have to wait: those that move too little, or half of those of a place that does."""
        moves = pl.concat([self._moves(after), self._left_overs(after)]).filter(pl.col("kind") != "sensitive")
        bad = set(moves.filter(~_may_move())["place_id"].to_list()) | self._too_tight(candidate)
        own = bad & accepted
        if own:
            return own
        for place in sorted(bad):
            below = [area for area in accepted if place in (self.parent[area], self.territory)]
            if below:
                below.sort(key=lambda area: hashlib.sha256(f"{self.year}\n{area}".encode()).digest())
                return set(below[: (len(below) + 1) // 2])
        return set()

    def _too_tight(self, candidate: pl.DataFrame) -> set[str]:
        """Areas whose bands would leave less open than a small count can be; a lone cell's band tells nothing new."""
        bands = self._bands(candidate)
        sums = bands.group_by("area").agg(
            pl.col("first").sum(),
            (pl.col("first") + pl.col("width") - 1).sum().alias("last"),
            pl.col("count").sum(),
            pl.len(),
        )
        tight = sums.filter(pl.col("len") > 1).filter(
            (pl.col("count") - pl.col("first") < SLACK) | (pl.col("last") - pl.col("count") < SLACK)
        )
        return set(tight["area"].to_list())

    def _widths(self) -> pl.DataFrame:
        """Each published cell with its area and the width of its band, where it has one."""
        rows = self.rows.filter(pl.col("kind") == "band", pl.col("low").is_not_null())
        cells, _ = hexgrid.parse_cells(rows["place_id"])
        area = np.array(self.partition.area_ids, dtype=object)[
            self.partition.area_of_cell[np.searchsorted(self.partition.cells, cells)]
        ]
        return rows.select("place_id", width=pl.col("high") - pl.col("low") + 1).with_columns(
            pl.Series("public_cell", cells), pl.Series("area", area, dtype=pl.String)
        )

    def _bands(self, candidate: pl.DataFrame) -> pl.DataFrame:
        counts = candidate.drop_nulls("public_cell").group_by("public_cell").agg(pl.col("count").sum())
        return (
            self.widths.join(counts, on="public_cell", how="left")
            .with_columns(pl.col("count").fill_null(0))
            .with_columns(first=pl.col("count") // pl.col("width") * pl.col("width"))
        )

    def _told_anew(self, after: pl.DataFrame, candidate: pl.DataFrame) -> pl.DataFrame:
        numbers = after.select(*KEY, value="count")
        bands = self._bands(candidate).select("place_id", "first", last=pl.col("first") + pl.col("width") - 1)
        found = self.rows.join(numbers, on=KEY, how="left", nulls_equal=True, maintain_order="left").join(
            bands, on="place_id", how="left", maintain_order="left"
        )
        is_told, is_band = pl.col("low").is_not_null(), pl.col("kind") == "band"
        return PUBLIC_COUNTS.checked(
            found.with_columns(
                low=pl.when(is_told).then(pl.when(is_band).then("first").otherwise("value")),
                high=pl.when(is_told).then(pl.when(is_band).then("last").otherwise("value")),
            ).select(PUBLIC_COUNTS.schema.names())
        )

    def _counted(self, accepted: set[str], groups: Sequence[str]) -> pl.DataFrame:
        """Rows of `geodata.columns.COUNTED` that the corrected year is counted from."""

        def is_new(frame: pl.DataFrame) -> pl.Series:
            has_cell = frame["cell"].is_not_null().to_numpy()
            at = np.full(frame.height, -1)
            at[has_cell] = self.partition.position_of(frame["cell"].drop_nulls().to_numpy())
            ids = np.array([*self.partition.area_ids, ""], dtype=object)
            area = pl.Series(ids[np.where(at >= 0, self.partition.area_of_cell[at], -1)], dtype=pl.String)
            of_groups = frame["offence_group"].is_in(groups)
            return (frame["cell"].is_null() & of_groups) | area.is_in(sorted(accepted))

        was, now = self.raw["was"], self.raw["now"]
        return pl.concat([was.filter(~is_new(was)), now.filter(is_new(now))])


def _summed(frame: pl.DataFrame, kind: str, group: pl.Expr, period: pl.Expr, part: pl.Expr) -> pl.DataFrame:
    keyed = frame.select(
        pl.lit(kind).alias("kind"),
        "place_id",
        group.alias("offence_group"),
        period.alias("period"),
        part.alias("part_of_day"),
        "count",
    )
    return keyed.group_by(KEY).agg(pl.col("count").sum())


def _may_move() -> pl.Expr:
    """Whether a number stays, or moves far enough and ends where it may be told."""
    least = pl.when(pl.col("kind") == "sensitive").then(LEAST_SENSITIVE).otherwise(LEAST_COUNT)
    anew = pl.col("told_anew")
    return (pl.col("move") == 0) | ((pl.col("move").abs() >= least) & ((anew == 0) | (anew >= least)))
