"""Forecasts for windows that somebody else chose, on incidents, cells and a test of their own.

Nothing is stored, and no territory is needed. What is asked for one window is answered from the incidents before it:
tuning, the start of the record and the spread of dates known only by month included.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from geodata import hexgrid, points
from geodata.hexgrid import Cells
from geodata.points import Points
from models.errors import TooLittleHistory
from models.history import History, start_of_record
from models.kernels import Kernels
from models.level import AtLevel
from models.shrinkage import tune
from models.stacked import Stacked, stack
from models.surfaces import Surfaces
from riskmap.pipeline.level_areas import level_areas
from riskmap.pipeline.record import LEAST_RECORD_DAYS

TUNING_HORIZON_DAYS = 30
TUNED_FOR_DAYS = 90
"""How long settings and weights are kept: places change slowly, and a list may hold a window for every week."""

MOST_GAP_DAYS = 7
"""A record that ends longer before a window was not kept up; its end is then where the forecast starts from."""

EVERY = "*"
"""Name of all categories together, which tell of each one; lengthened where a category is called so."""

PREMISE = "premise: "
MOST_PREMISES = 8
LEAST_PREMISE_SHARE = 0.02
"""Kinds of place with a smaller share of all incidents tell too little."""

SCHEMA = pl.Schema(
    {
        "cell": pl.String(),
        "window_start": pl.Date(),
        "horizon": pl.Int64(),
        "type": pl.String(),
        "expected": pl.Float64(),
    }
)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tuned:
    on: date
    premises: list[str]
    places: dict[str, Stacked]


def forecasts(given: Points, cells: Cells, windows: pl.DataFrame, *, progress: Progress) -> pl.DataFrame:
    """Expected incidents of every category, cell and window: columns `SCHEMA`.

    Parameters
    ----------
    cells : uint64 array of shape (n_cells,), each once, of one resolution
    windows : columns ``window_start`` and ``horizon``, see `geodata.points.read_windows`

    Raises
    ------
    TooLittleHistory
        If a window starts before anything is known, or the record before it is shorter than `LEAST_RECORD_DAYS`.
    """
    categories = given.frame["category"].unique().sort().to_list()
    ascending = np.sort(cells)
    back = np.searchsorted(ascending, cells)
    kernels, areas = Kernels(ascending), level_areas(ascending, None)
    ids = pl.Series("cell", hexgrid.cell_ids(cells))
    resolution = hexgrid.resolution_of(cells)
    placed = given.frame.with_columns(
        cell=pl.Series(
            hexgrid.assign_cells(given.frame["lat"].to_numpy(), given.frame["lon"].to_numpy(), resolution=resolution)
        )
    )
    starts = windows["window_start"].unique().sort().to_list()
    _require_a_record_before(placed, starts)
    tuned: _Tuned | None = None
    frames: dict[tuple[date, int], list[pl.DataFrame]] = {}
    for done, start in enumerate(starts):
        progress("cli.progress.backtest", done, len(starts))
        known = points.known_before(placed, start)
        is_due = tuned is None or (start - tuned.on).days >= TUNED_FOR_DAYS
        premises = _premises(known) if tuned is None or is_due else tuned.premises
        histories, as_of = _histories(known, start, categories, premises, kernels)
        if tuned is None or is_due:
            tuned = _Tuned(on=start, premises=premises, places=_tuned(histories, categories, kernels, as_of=as_of))
        surfaces = Surfaces(kernels=kernels, histories=histories)
        fitted = {
            category: AtLevel(place=replace(place, surfaces=surfaces), area_of_cell=areas).fit(
                histories[category], as_of=as_of
            )
            for category, place in tuned.places.items()
        }
        for horizon in windows.filter(pl.col("window_start") == start)["horizon"].to_list():
            frames[start, horizon] = [
                pl.DataFrame(
                    [
                        ids,
                        pl.Series("window_start", [start]).new_from_index(0, cells.size),
                        pl.Series("horizon", [horizon], dtype=pl.Int64).new_from_index(0, cells.size),
                        pl.Series("type", [category]).new_from_index(0, cells.size),
                        pl.Series("expected", fitted[category].expected_incidents(horizon)[back]),
                    ]
                )
                for category in categories
            ]
    progress("cli.progress.backtest", len(starts), len(starts))
    ordered = [frame for window in windows.iter_rows() for frame in frames[window]]
    return pl.concat(ordered).match_to_schema(SCHEMA)


def _require_a_record_before(placed: pl.DataFrame, starts: list[date]) -> None:
    plain = placed.drop("cell")
    for window in starts:
        days = points.known_before(plain, window)["occurred_on"]
        if days.len() == 0:
            first = plain["occurred_on"].sort().head(1).to_list()
            raise TooLittleHistory(
                f"The window of {window} starts before anything is known: incidents with a place and a time begin "
                f"{f'on {first[0]}' if first else 'never, there is none'}. Give later windows, or earlier incidents."
            )
        start, as_of = start_of_record(days), _forecast_day(days, window)
        if (as_of - start).days < LEAST_RECORD_DAYS:
            raise TooLittleHistory(
                f"The record before the window of {window} runs from {start} to {as_of}, {(as_of - start).days} days; "
                f"a forecast needs {LEAST_RECORD_DAYS}. Give later windows, or more incidents."
            )


def _forecast_day(days: pl.Series, window: date) -> date:
    """The day from which to forecast a window: its start, or the end of a record that was not kept up until then."""
    last = days.max()
    assert isinstance(last, date)  # noqa: S101 - something is known before every window
    day_after = last + timedelta(days=1)
    return window if (window - day_after).days <= MOST_GAP_DAYS else day_after


def _tuned(
    histories: Mapping[str, History], categories: list[str], kernels: Kernels, *, as_of: date
) -> dict[str, Stacked]:
    surfaces = Surfaces(kernels=kernels, histories=histories)
    places = {}
    for category in categories:
        history = histories[category]
        base = tune(history, as_of=as_of, horizon_days=TUNING_HORIZON_DAYS, kernels=kernels)
        places[category] = stack(base, history, kind=category, surfaces=surfaces, as_of=as_of)
    return places


def _premises(known: pl.DataFrame) -> list[str]:
    """The kinds of place that most incidents were of."""
    counts = known["premise"].drop_nulls().value_counts().sort("count", "premise", descending=[True, False])
    return counts.filter(pl.col("count") >= LEAST_PREMISE_SHARE * known.height)["premise"].head(MOST_PREMISES).to_list()


def _histories(
    known: pl.DataFrame, start: date, categories: list[str], premises: list[str], kernels: Kernels
) -> tuple[dict[str, History], date]:
    """Histories of each category and of what may tell of them, and the day from which to forecast."""
    as_of = _forecast_day(known["occurred_on"], start)
    first = start_of_record(known["occurred_on"])
    every = EVERY
    while every in categories:
        every += EVERY
    parts = {category: known.filter(pl.col("category") == category) for category in categories}
    parts |= {every: known} if len(categories) > 1 else {}
    parts |= {PREMISE + premise: known.filter(pl.col("premise") == premise) for premise in premises}
    found = {
        kind: History.from_incidents(
            part["cell"].to_numpy(), part["occurred_on"], cells=kernels.cells, start=first, end=as_of
        )
        for kind, part in parts.items()
    }
    return found, as_of
