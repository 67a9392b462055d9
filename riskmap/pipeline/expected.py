"""Expected incidents of cells, regions and the whole, with intervals that past forecasts have earned."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid
from models.errors import TooLittleHistory
from models.history import History
from models.predictive import UNKNOWN_SPREAD, PastForecasts, Spread, area_sums, fit_spread, past_forecasts
from models.risk_model import RiskModel
from models.shrinkage import Interval

HORIZONS_DAYS = (30, 90)


def expected_frames(
    model: RiskModel, history: History, places: pl.DataFrame, territory: str, group: str, *, as_of: date
) -> list[pl.DataFrame]:
    """Frames of `geodata.columns.EXPECTED_INCIDENTS` for one group: every horizon, cells, regions and the whole.

    Parameters
    ----------
    places : the cells of the support with their ``region_id``, in its order
    """
    region_ids = sorted(places["region_id"].unique().to_list())
    region_of_cell = np.searchsorted(region_ids, places["region_id"].to_numpy().astype(str)).astype(np.int64)
    whole = np.zeros(places.height, dtype=np.int64)
    fitted = model.fit(history, as_of=as_of)
    areas: dict[str, tuple[Sequence[str], NDArray[np.int64] | None]] = {
        "cell": (hexgrid.cell_ids(places["cell"].to_numpy()), None),
        "region": (region_ids, region_of_cell),
        "territory": ([territory], whole),
    }
    frames = []
    for days in HORIZONS_DAYS:
        expected = fitted.expected_incidents(days)
        past = _past(model, history, as_of=as_of, horizon_days=days)
        for kind, (ids, area_of_cell) in areas.items():
            spread = _spread(past, history.n_cells, area_of_cell)
            frames.append(_frame(kind, ids, spread.interval(area_sums(expected, area_of_cell)), group, days))
    return frames


def _past(model: RiskModel, history: History, *, as_of: date, horizon_days: int) -> PastForecasts | None:
    try:
        return past_forecasts(model, history, as_of=as_of, horizon_days=horizon_days)
    except TooLittleHistory:
        return None


def _spread(past: PastForecasts | None, n_cells: int, area_of_cell: NDArray[np.int64] | None) -> Spread:
    """Cells of an area rise and fall together: the spread of its total is learnt from past totals, not from cells."""
    if past is None:
        return UNKNOWN_SPREAD
    if area_of_cell is None:
        return fit_spread(past)
    expected = [area_sums(window, area_of_cell) for window in past.expected.reshape(-1, n_cells)]
    observed = [area_sums(window, area_of_cell) for window in past.observed.reshape(-1, n_cells)]
    return fit_spread(
        PastForecasts(expected=np.concatenate(expected), observed=np.concatenate(observed).astype(np.int64))
    )


def _frame(kind: str, ids: Sequence[str], interval: Interval, group: str, days: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "area_id": list(ids),
            "expected_incidents": interval.expected,
            "low": interval.low,
            "high": interval.high,
        }
    ).select(
        pl.lit(kind).alias("area_kind"),
        "area_id",
        pl.lit(group).alias("offence_group"),
        pl.lit(days, dtype=pl.Int64).alias("horizon_days"),
        "expected_incidents",
        "low",
        "high",
    )
