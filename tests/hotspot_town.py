"""A small made-up town with a score run: expected incidents and marks written out by hand, for tests of reviewers."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl

from geodata import hexgrid
from geodata.columns import CELL_REASONS, EXPECTED_INCIDENTS, HOTSPOT_MARKS
from geodata.territory import Territory
from riskmap.journal import PublicRequest
from riskmap.ports import ScoreRun, Store
from tests.made_up_town import a_territory, town_cells

AS_OF = date(2026, 11, 1)
SCORED_AT = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
GROUPS = ("all", "theft")
HORIZONS = (30, 90)
HOTSPOTS = 6
"""Five of a hundred of the 127 cells."""
EXCLUDED = {
    "sensitive": 3,
    "unclassified": 0,
    "no_place_kind": 40,
    "discovered": 12,
    "no_place": 7,
    "kept": 900,
    "unspecified": 0,
}


def a_town(name: str = "toy", **changes: object) -> Territory:
    return replace(a_territory(), name=name, **changes)


def cells_of(district: str) -> list[str]:
    """Cells of a district, ascending."""
    places = _places().filter(region_id=district).sort("cell")
    return hexgrid.cell_ids(places["cell"].to_numpy())


@cache
def _places() -> pl.DataFrame:
    return a_town().places


def the_hotspots() -> list[str]:
    """The six cells with most, most first: three of the middle district, two of the west, one of the east."""
    return [*cells_of("d2")[:3], *cells_of("d1")[:2], *cells_of("d3")[:1]]


@cache
def expected_of(cell_id: str, group: str, days: int) -> float:
    chosen = the_hotspots()
    # No two cells are alike off the list either, so that the list ends where its share says and not at a tie.
    rate = 6.0 - 0.5 * chosen.index(cell_id) if cell_id in chosen else 0.4 + 1e-3 * _position(cell_id)
    return rate * days / 30 * (1.0 if group == "all" else 0.5)


def _position(cell_id: str) -> int:
    return int(np.searchsorted(town_cells(), hexgrid.parse_cell(cell_id)))


@cache
def expected() -> pl.DataFrame:
    ids = hexgrid.cell_ids(town_cells())
    rows = []
    for group in GROUPS:
        for days in HORIZONS:
            rows += [_row("cell", one, group, days, expected_of(one, group, days)) for one in ids]
            rows += [_row("region", f"d{n}", group, days, 20.0 * n) for n in (1, 2, 3)]
            rows.append(_row("territory", "toy", group, days, 120.0))
    return pl.DataFrame(rows, schema=EXPECTED_INCIDENTS.schema, orient="row")


def _row(kind: str, area: str, group: str, days: int, mean: float) -> tuple[object, ...]:
    return kind, area, group, days, mean, int(np.floor(mean / 2)), int(np.ceil(mean * 2))


@cache
def marks() -> pl.DataFrame:
    """Every hotspot is lasting but the last; the first two are repeat places."""
    chosen = the_hotspots()
    rows = [
        (one, group, (0.1 if one == chosen[-1] else 0.9) if one in chosen else 0.0, one in chosen[:2])
        for group in GROUPS
        for one in hexgrid.cell_ids(town_cells())
    ]
    return pl.DataFrame(rows, schema=HOTSPOT_MARKS.schema, orient="row")


@cache
def reasons() -> pl.DataFrame:
    """The first hotspot has a record and few lamps; nothing stands out in any other cell."""
    told = [_why("own_record", "more", 2.5), _why("lighting", "fewer", 1.2)]
    rows = [
        (one, group, told if one == the_hotspots()[0] else [])
        for group in GROUPS
        for one in hexgrid.cell_ids(town_cells())
    ]
    return pl.DataFrame(rows, schema=CELL_REASONS.schema, orient="row")


def _why(theme: str, presence: str, factor: float) -> dict[str, object]:
    return {"theme": theme, "presence": presence, "factor": factor}


def a_run(**changes: object) -> ScoreRun:
    plain = ScoreRun(
        run_id="run1",
        territory="toy",
        as_of=AS_OF,
        model="eb",
        version="1",
        deliveries=("d1",),
        created_at=SCORED_AT,
        details={"served": {group: {"level": "smoothed"} for group in GROUPS}, "excluded": EXCLUDED},
    )
    return replace(plain, **changes)


def score_town(store: Store, *, is_marked: bool = True, territory: Territory | None = None, **changes: object) -> None:
    """Put the town and its run on the shelves; with marks come reasons."""
    store.territories.save(territory or a_town())
    store.scores.save(a_run(**changes), expected(), *((marks(), reasons()) if is_marked else ()))


def a_request(number: int, cell_id: str, changed_on: date) -> PublicRequest:
    """A request of the council at a cell that led to lamps."""
    return PublicRequest(
        number=number,
        kind="lighting",
        state="done",
        is_open=False,
        cell_id=cell_id,
        area_id="d1",
        release_id="r",
        risk_class=4,
        submitted_on=date(2026, 1, 1),
        changed_on=changed_on,
        supporters=0,
        wording=None,
        merged_into=None,
        is_simulated=True,
        steps=(),
    )


def some_rows(*told: tuple[str, bool, int]) -> pl.DataFrame:
    """Incidents from (group, has a place, days before the day)."""
    return pl.DataFrame(
        {
            "occurred_on": [AS_OF - timedelta(days=days) for _, _, days in told],
            "offence_group": [group for group, _, _ in told],
            "cell": [1 if has_place else None for _, has_place, _ in told],
        },
        schema={"occurred_on": pl.Date, "offence_group": pl.String, "cell": pl.UInt64},
    )
