"""Reasons of a score run: what sets each cell's forecast apart from the average, one offence group at a time.

In a scoring of all groups::

    told += [cell_reasons.of_group(model, history, cells, group, as_of=day)]
    store.scores.save(run, expected, marks, pl.concat(told))
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata.columns import CELL_REASONS
from models import reasons
from models.history import History
from models.level import AtLevel
from models.reasons import THEMES, Contributions, Presence, Reasons
from models.risk_model import RiskModel
from models.shrinkage import EmpiricalBayes
from models.stacked import FittedStack, Stacked

HORIZON_DAYS = 30
"""A longer horizon lifts all cells of an area alike, so that the reasons are the same."""


def of_group(model: RiskModel, history: History, cell_ids: Sequence[str], group: str, *, as_of: date) -> pl.DataFrame:
    """Reasons of every cell of the support, as `geodata.columns.CELL_REASONS`; compared with the whole territory.

    Places count in the average by what is expected there. A model that cannot say why leaves no rows.

    Parameters
    ----------
    model : the model that is served for the group, with its settings chosen
    history : incidents of the group; days on and after ``as_of`` are not looked at
    cell_ids : hexadecimal text of each cell, in the order of the support

    Raises
    ------
    NotAdditive
        If the parts do not add up to the forecast that is served.
    """
    fitted = model.fit(history, as_of=as_of)
    expected = fitted.expected_incidents(HORIZON_DAYS)
    place, areas = (model.place, model.area_of_cell) if isinstance(model, AtLevel) else (model, None)
    if isinstance(place, Stacked):
        fitted_place = getattr(fitted, "place", fitted)
        assert isinstance(fitted_place, FittedStack)  # noqa: S101 - what a stacked model fits
        parts = reasons.of_stack(place, fitted_place, as_of=as_of)
    elif isinstance(place, EmpiricalBayes):
        parts = reasons.of_base(place, history, as_of=as_of)
    else:
        return CELL_REASONS.empty()
    return _frame(_compared(parts, expected, areas), cell_ids, group)


def _compared(parts: Contributions, expected: NDArray[np.float64], areas: NDArray[np.int64] | None) -> Reasons:
    return parts.lifted(expected, areas).compared(weight=expected).reasons()


def _frame(told: Reasons, cell_ids: Sequence[str], group: str) -> pl.DataFrame:
    cell, _ = np.nonzero(told.theme >= 0)
    is_told = told.theme >= 0
    long = pl.DataFrame(
        {
            "cell": cell,
            "theme": np.array([str(theme) for theme in THEMES])[told.theme[is_told]],
            "presence": np.where(told.is_more[is_told], Presence.MORE.value, Presence.FEWER.value),
            # Two digits are what is told, and equal ones are kept in a fraction of the room.
            "factor": np.round(np.exp(told.contribution[is_told]), 2),
        },
        schema={"cell": pl.Int64, "theme": pl.String, "presence": pl.String, "factor": pl.Float64},
    )
    listed = long.group_by("cell", maintain_order=True).agg(pl.struct("theme", "presence", "factor").alias("reasons"))
    every = pl.DataFrame({"cell": pl.int_range(len(cell_ids), eager=True), "area_id": list(cell_ids)})
    found = every.join(listed, on="cell", how="left", maintain_order="left").with_columns(
        pl.lit(group).alias("offence_group"), pl.col("reasons").fill_null([])
    )
    return CELL_REASONS.checked(found)
