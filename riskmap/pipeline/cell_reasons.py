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
from models.reasons import THEMES, Contributions, Presence, Reasons, Theme
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
    found = _compared(model, history, as_of=as_of)
    return CELL_REASONS.empty() if found is None else _frame(found[0].reasons(), cell_ids, group)


def of_regions(
    model: RiskModel, history: History, region_of_cell: Sequence[str], *, as_of: date
) -> dict[str, list[dict[str, str]]]:
    """Reasons of a typical place of each region: codes of theme, presence and effect, strongest first, no numbers.

    For all offences together: other kinds are then the same incidents told again, so they are no reason of their own.

    Parameters
    ----------
    region_of_cell : region of each cell of the support; several
    """
    ids, region = np.unique(np.array(region_of_cell, dtype=str), return_inverse=True)
    found = _compared(model, history, as_of=as_of) if ids.size > 1 else None
    if found is None:
        return {}
    told = found[0].of_areas(region, weight=found[1]).reasons()
    return {
        str(name): [
            {"theme": str(one.theme), "presence": str(one.presence), "effect": str(one.effect)}
            for one in told.of(position)
            if one.theme is not Theme.OTHER_GROUPS
        ]
        for position, name in enumerate(ids)
    }


def _compared(model: RiskModel, history: History, *, as_of: date) -> tuple[Contributions, NDArray[np.float64]] | None:
    """Parts of each cell's forecast beside the territory's mean, and the forecast; None of a model that has none."""
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
        return None
    return parts.lifted(expected, areas).compared(weight=expected), expected


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
