"""Hotspot marks of a score run: how lasting each cell's place on the list is, one offence group at a time.

In a scoring of all groups::

    marks += [hotspot_marks.of_group(model, history, cells, group, as_of=day)]
    store.scores.save(run, expected, pl.concat(marks))
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from geodata.columns import HOTSPOT_MARKS
from models import stability
from models.errors import TooLittleHistory
from models.history import History
from models.risk_model import RiskModel

HORIZON_DAYS = 30
"""A list is made for a month; the order of the cells of a longer horizon is much the same."""


def of_group(model: RiskModel, history: History, cell_ids: Sequence[str], group: str, *, as_of: date) -> pl.DataFrame:
    """Marks of every cell of the support, as `geodata.columns.HOTSPOT_MARKS`; stability is missing where it is unknown.

    Parameters
    ----------
    model : the model that is served for the group, with its settings chosen
    history : incidents of the group; days on and after ``as_of`` are not looked at
    cell_ids : hexadecimal text of each cell, in the order of the support
    """
    try:
        lasting = stability.stability_of(model, history, as_of=as_of, horizon_days=HORIZON_DAYS).tolist()
    except TooLittleHistory:
        lasting = [None] * len(cell_ids)
    return HOTSPOT_MARKS.checked(
        pl.DataFrame(
            {
                "area_id": list(cell_ids),
                "offence_group": [group] * len(cell_ids),
                "stability": lasting,
                "is_repeat_place": stability.repeat_places(history, as_of=as_of).tolist(),
            },
            schema=HOTSPOT_MARKS.schema,
        )
    )
