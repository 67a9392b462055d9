"""Use cases of reviewers at the police and the akimat: hotspots of the newest score run, as a list and as a map.

Each asks `access` for every district of the territory and shows those for which a role is held; each look goes into
the audit log with who, what and which filter. A hotspot is a cell among the highest 5 % of the *territory*, so that a
quiet district may have none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid, regions
from geodata.offences import ALL
from geodata.territory import Names, Territory
from models.stability import among_highest
from riskmap.errors import UnknownFilter, UnknownTerritoryName
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission, Role
from riskmap.ports import ScoreRun, Store
from riskmap.review import exclusions, severity

REVIEW = Permission.REVIEW_HOTSPOTS
STEPS = 5
"""Steps of the map: 1 for cells off the list, 2 to 5 for quarters of the list."""
REST = 1
_OF_LISTS = ("order", "purpose")


class Order(StrEnum):
    """What the hotspots of a list are ordered by; which hexagons are hotspots is always a matter of the expected."""

    EXPECTED = "expected"
    SEVERITY = "severity"


class Purpose(StrEnum):
    """Why somebody looks; stands in the audit log with each look."""

    PATROLS = "patrols"
    COUNCIL = "council"
    REQUEST = "request"
    QUALITY = "quality"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a reviewer asks to see; None leaves the choice to the list: the shortest period, every district open."""

    group: str = ALL
    horizon_days: int | None = None
    district: str | None = None
    order: Order = Order.EXPECTED
    purpose: Purpose | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """An expected number of incidents with the ends of its 90 % interval."""

    expected: float
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One reason in codes of `models.reasons`; ``factor`` is how often the forecast is that of an average place."""

    theme: str
    presence: str
    factor: float

    @property
    def effect(self) -> str:
        return "higher" if self.factor > 1.0 else "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One scored cell. ``rank`` counts from 1 on the list and is None off it.

    ``stability`` (0 to 1), ``is_repeat_place`` and ``reasons`` are None where the run does not say. ``severity`` is the
    second index, 1 for the average hexagon of the territory; None where there are no weights, or of one group alone.
    """

    cell_id: str
    district_id: str
    count: Count
    stability: float | None
    is_repeat_place: bool | None
    rank: int | None
    step: int
    severity: float | None
    reasons: tuple[Why, ...] | None


@dataclass(frozen=True, kw_only=True)
class Board:
    """What one reviewer may see of a score run, by one choice.

    ``frame`` has a row for each cell seen, highest first; ``whole_cells`` counts those of the territory; ``areas`` has
    one of `geodata.columns.EXPECTED_INCIDENTS` for each district open to the reviewer. ``total`` is None where only
    some of the districts are seen together: their intervals cannot be added up.
    """

    territory: Territory
    run: ScoreRun
    choice: Choice
    horizon_days: int
    groups: tuple[str, ...]
    horizons: tuple[int, ...]
    districts: Mapping[str, Names]
    frame: pl.DataFrame
    areas: pl.DataFrame
    whole_cells: int
    total: Count | None
    role: Role

    @property
    def period(self) -> tuple[date, date]:
        """Days ``[start, end)`` the numbers speak of."""
        return self.run.as_of, self.run.as_of + timedelta(days=self.horizon_days)

    @property
    def served(self) -> str:
        """How the model of this group came through its test: smoothed (passed), long_run (not) or untested."""
        told: Mapping[str, Any] = self.run.details.get("served", {}).get(self.choice.group, {})
        return str(told.get("level", "untested"))

    @property
    def model(self) -> str:
        """The model that serves this group; the run's own where the run does not tell them apart."""
        told: Mapping[str, Any] = self.run.details.get("parameters", {}).get(self.choice.group, {})
        return str(told.get("model", self.run.model))

    @property
    def has_severity(self) -> bool:
        """Whether there is a second index to show and to order by."""
        return bool(self.frame["severity"].count())

    @property
    def area(self) -> str | None:
        """The district or territory that is seen as one; None where only some of the districts are seen together."""
        if self.choice.district is not None or len(self.districts) == 1:
            return self.choice.district or next(iter(self.districts))
        return self.territory.name if self.total is not None else None

    @cached_property
    def hotspots(self) -> tuple[Place, ...]:
        return tuple(_place(row) for row in self.frame.filter(pl.col("rank").is_not_null()).iter_rows(named=True))

    @property
    def share(self) -> float | None:
        """Part of what is expected in the cells seen that falls to the hotspots; None where nothing is expected."""
        everything = float(self.frame["expected_incidents"].sum())
        return sum(one.count.expected for one in self.hotspots) / everything if everything else None

    def find(self, cell_id: str) -> Place | None:
        """One of the cells seen; None for any other."""
        found = self.frame.filter(pl.col("area_id") == cell_id)
        return _place(found.row(0, named=True)) if found.height else None

    def picture(self) -> tuple[hexgrid.Cells, NDArray[np.uint8]]:
        """The cells seen, ascending, and the step of each."""
        drawn = self.frame.sort("cell")
        return drawn["cell"].to_numpy(), drawn["step"].to_numpy().astype(np.uint8)

    @property
    def asked(self) -> dict[str, Any]:
        """The choice and the run in codes, for the audit log."""
        return {
            "role": str(self.role),
            "run": self.run.run_id,
            "group": self.choice.group,
            "horizon_days": self.horizon_days,
            "district": self.choice.district or "all",
            "order": str(self.choice.order),
            "purpose": str(self.choice.purpose or "not stated"),
            "cells": self.frame.height,
            "hotspots": len(self.hotspots),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """A territory with the districts its reviewer may see, and the role by which."""

    territory: Territory
    role: Role
    districts: Mapping[str, Names]
    sees_all: bool


def may_review(actor: Actor, territory: str) -> bool:
    """Whether to offer the way here: the use cases ask again."""
    return any(
        access.territory_of(grant.region_id) == territory
        and access.allowed_role(actor, REVIEW, region_id=grant.region_id)
        for grant in actor.grants
    )


def territories(store: Store, actor: Actor) -> list[tuple[str, Names]]:
    """Territories in which the actor may see something, by name."""
    found = []
    for name in sorted({access.territory_of(grant.region_id) for grant in actor.grants}):
        if may_review(actor, name):
            try:
                found.append((name, store.territories.load(name).names))
            except UnknownTerritoryName:
                continue  # the role has outlived the territory
    return found


def look(store: Store, actor: Actor, territory: str, choice: Choice, *, at: datetime) -> Board | None:
    """The list by a choice; None where nothing has been scored. Writes ``hotspots_look`` into the audit log.

    Raises
    ------
    NotAllowed
        If the actor may see no district of the territory, or not the one chosen.
    UnknownFilter
        If the run has no such offence group or period, or the territory no such district.
    UnknownTerritoryName
    """
    board = gather(store, actor, territory, choice)
    note(store, actor, "hotspots_look", territory, board.asked if board else {"run": "none"}, at=at)
    return board


def draw(store: Store, actor: Actor, territory: str, choice: Choice, *, at: datetime) -> Board | None:
    """The same for the map, which asks for its colours by itself: ``hotspots_map`` in the audit log; errors too."""
    board = gather(store, actor, territory, choice)
    # The page that holds the map has said why, and in which order its list stands.
    asked = {} if board is None else {name: told for name, told in board.asked.items() if name not in _OF_LISTS}
    note(store, actor, "hotspots_map", territory, asked or {"run": "none"}, at=at)
    return board


def left_out(store: Store, board: Board) -> Mapping[str, int]:
    """What the run leaves out in the whole territory, as `exclusions.counted`; newer runs have kept their counts."""
    told: Mapping[str, int] | None = board.run.details.get("excluded")
    return exclusions.counted(store.lake.read(board.run.territory), as_of=board.run.as_of) if told is None else told


def outline(store: Store, actor: Actor, territory: str) -> Territory:
    """The territory with its outlines and basemap, for whoever may see something of it. Nothing is scored in there.

    Raises
    ------
    NotAllowed, UnknownTerritoryName
    """
    return _sight(store, actor, territory).territory


def gather(store: Store, actor: Actor, territory: str, choice: Choice) -> Board | None:
    """The list without a line in the log, for use cases that write their own; errors as in `look`."""
    sight = _sight(store, actor, territory)
    if choice.district is not None:
        access.require(actor, REVIEW, region_id=_region(territory, choice.district))
        if choice.district not in sight.districts:
            raise UnknownFilter(f"{territory} has no district {choice.district[:40]!r}; expected one of the list.")
    found = store.scores.latest_marked(territory)
    if found is None:
        return None
    run, expected, marks = found
    groups = tuple(expected["offence_group"].unique(maintain_order=True))
    horizons = tuple(sorted(expected["horizon_days"].unique()))
    days = horizons[0] if choice.horizon_days is None else choice.horizon_days
    if choice.group not in groups or days not in horizons:
        raise UnknownFilter(
            f"The run of {territory} has no list of {choice.group[:40]!r} for {days} days; it has {', '.join(groups)} "
            f"for {', '.join(map(str, horizons))} days."
        )
    chosen = expected.filter((pl.col("offence_group") == choice.group) & (pl.col("horizon_days") == days))
    scored = _with_marks(chosen.filter(pl.col("area_kind") == "cell"), marks)
    scored = _with_severity(scored, expected.filter(pl.col("horizon_days") == days), run, choice)
    scored = _with_reasons(scored, store.scores.reasons(run, choice.group))
    seen = [choice.district] if choice.district else list(sight.districts)
    return Board(
        territory=sight.territory,
        run=run,
        choice=choice,
        horizon_days=days,
        groups=groups,
        horizons=horizons,
        districts=sight.districts,
        frame=_seen(_in_districts(scored, sight.territory), seen, order=choice.order),
        areas=chosen.filter((pl.col("area_kind") == "region") & pl.col("area_id").is_in(list(sight.districts))),
        whole_cells=scored.height,
        total=_total(chosen, sight, choice),
        role=sight.role,
    )


def note(store: Store, actor: Actor, action: str, territory: str, details: Mapping[str, Any], *, at: datetime) -> None:
    """Write a line of the audit log by itself: codes and numbers."""
    with store.work() as work:
        audit.record(
            work,
            account_id=actor.account_id,
            action=action,
            subject=f"territory {territory}",
            details=details,
            at=at,
        )
        work.commit()


def _sight(store: Store, actor: Actor, territory: str) -> _Sight:
    # Who holds no role there at all is refused before anything is looked up.
    if not may_review(actor, territory):
        access.require(actor, REVIEW, region_id=territory)
    loaded = store.territories.load(territory)
    names = {
        row["region_id"]: Names(kk=row["name_kk"], ru=row["name_ru"], en=row["name_en"])
        for row in loaded.region_table.iter_rows(named=True)
    }
    roles = {one: access.allowed_role(actor, REVIEW, region_id=_region(territory, one)) for one in names}
    open_to = {one: name for one, name in names.items() if roles[one] is not None}
    role = next((found for found in roles.values() if found is not None), None)
    if role is None:
        # A role in a district that the territory no longer has opens nothing.
        role = access.require(actor, REVIEW, region_id=territory)
    return _Sight(territory=loaded, role=role, districts=open_to, sees_all=len(open_to) == len(names))


def _region(territory: str, district: str) -> str:
    return f"{territory}/{district}"


def _with_marks(scored: pl.DataFrame, marks: pl.DataFrame | None) -> pl.DataFrame:
    """Cells with their marks and whether they are hotspots of the whole territory."""
    if marks is None:
        marked = scored.with_columns(
            pl.lit(None, dtype=pl.Float64).alias("stability"), pl.lit(None, dtype=pl.Boolean).alias("is_repeat_place")
        )
    else:
        marked = scored.join(marks, on=["area_id", "offence_group"], how="left", validate="1:1", maintain_order="left")
    return marked.with_columns(pl.Series("is_hotspot", among_highest(marked["expected_incidents"].to_numpy())))


def _with_severity(scored: pl.DataFrame, every: pl.DataFrame, run: ScoreRun, choice: Choice) -> pl.DataFrame:
    """Cells with ``severity``, 1 in the mean of the territory; missing where it would say nothing of its own."""
    if choice.group != ALL or not severity.weighs(run.details):
        return scored.with_columns(pl.lit(None, dtype=pl.Float64).alias("severity"))
    found = severity.of_cells(every.filter(pl.col("area_kind") == "cell"), run.details)
    joined = scored.join(found, on="area_id", how="left", validate="1:1", maintain_order="left")
    days = pl.col("severity_days")
    return joined.with_columns(severity=pl.when(days.mean() > 0.0).then(days / days.mean())).drop("severity_days")


def _with_reasons(scored: pl.DataFrame, told: pl.DataFrame | None) -> pl.DataFrame:
    if told is None:
        return scored.with_columns(pl.lit(None).alias("reasons"))
    return scored.join(told, on=["area_id", "offence_group"], how="left", validate="1:1", maintain_order="left")


def _in_districts(scored: pl.DataFrame, territory: Territory) -> pl.DataFrame:
    """Cells with their number and district; without one where the territory says none."""
    cells = hexgrid.parse_cells(scored["area_id"])[0]
    placed = scored.with_columns(pl.Series("cell", cells, dtype=pl.UInt64))
    if territory.places.height:
        return placed.join(territory.places.select("cell", "region_id"), on="cell", how="left", maintain_order="left")
    return placed.with_columns(regions.region_of_cells(cells, territory.regions).alias("region_id"))


def _seen(placed: pl.DataFrame, districts: list[str], *, order: Order) -> pl.DataFrame:
    """Cells of these districts, highest first and then by id, with ``rank`` and ``step``."""
    first = ["severity"] if order is Order.SEVERITY else []
    by = ["is_hotspot", *first, "expected_incidents", "area_id"]
    ordered = placed.filter(pl.col("region_id").is_in(districts)).sort(
        by, descending=[name != "area_id" for name in by], nulls_last=True
    )
    ranked = ordered.with_columns(
        pl.when(pl.col("is_hotspot")).then(pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).alias("rank")
    )
    return ranked.with_columns(pl.Series("step", _steps(ranked), dtype=pl.Int64))


def _steps(ranked: pl.DataFrame) -> NDArray[np.int64]:
    expected, is_hotspot = ranked["expected_incidents"].to_numpy(), ranked["is_hotspot"].to_numpy()
    steps = np.full(expected.size, REST, dtype=np.int64)
    if is_hotspot.any():
        edges = np.quantile(expected[is_hotspot], np.arange(1, STEPS - 1) / (STEPS - 1))
        steps[is_hotspot] = REST + 1 + np.searchsorted(edges, expected[is_hotspot], side="right")
    return steps


def _total(chosen: pl.DataFrame, sight: _Sight, choice: Choice) -> Count | None:
    if choice.district is not None:
        wanted = (pl.col("area_kind") == "region") & (pl.col("area_id") == choice.district)
    elif sight.sees_all:
        wanted = pl.col("area_kind") == "territory"
    else:
        return None
    found = chosen.filter(wanted)
    return _count(found.row(0, named=True)) if found.height else None


def _count(row: Mapping[str, Any]) -> Count:
    return Count(expected=row["expected_incidents"], low=row["low"], high=row["high"])


def _place(row: Mapping[str, Any]) -> Place:
    return Place(
        cell_id=row["area_id"],
        district_id=row["region_id"],
        count=_count(row),
        stability=row["stability"],
        is_repeat_place=row["is_repeat_place"],
        rank=row["rank"],
        step=row["step"],
        severity=row["severity"],
        reasons=None if row["reasons"] is None else tuple(Why(**one) for one in row["reasons"]),
    )
