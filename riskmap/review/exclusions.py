"""What a forecast of places leaves out, and why: each incident of the last year has one reason, or none.

The gate in front of the models decides (`models.training.admit`), so what is told here is what was done. Two of its
answers are told apart for readers: a kind of offence that happens nowhere, and an incident delivered without a place.
"""

from datetime import date, timedelta
from enum import StrEnum

import polars as pl

from geodata.offences import OFFENCE_GROUPS
from models import training

DAYS = 365
KEPT = "kept"
"""Key of the incidents that no reason leaves out."""
UNSPECIFIED = "unspecified"
"""Key of those among them that came without any category: what patrols found may be among them."""


class Reason(StrEnum):
    """Why an incident is in no forecast."""

    SENSITIVE = "sensitive"
    UNCLASSIFIED = "unclassified"
    NO_PLACE_KIND = "no_place_kind"
    DISCOVERED = "discovered"
    NO_PLACE = "no_place"


_OF_GATE = {
    training.Reason.SENSITIVE: Reason.SENSITIVE,
    training.Reason.UNCLASSIFIED: Reason.UNCLASSIFIED,
    training.Reason.DISCOVERY_DRIVEN: Reason.DISCOVERED,
    training.Reason.NO_PLACE: Reason.NO_PLACE,
}
_NOWHERE = frozenset(group.code for group in OFFENCE_GROUPS if not group.has_place)


def last_year(as_of: date) -> tuple[date, date]:
    """The days ``[start, end)`` that are counted."""
    return as_of - timedelta(days=DAYS), as_of


def counted(incidents: pl.DataFrame, *, as_of: date) -> dict[str, int]:
    """Incidents of the 365 days before ``as_of`` by reason, those left in under ``kept``, ``unspecified`` among them.

    Parameters
    ----------
    incidents : columns ``occurred_on``, ``offence_group`` and ``cell`` of `geodata.columns.INCIDENTS`
        With ``offence_code`` and ``time_zone`` the articles of the Criminal Code are asked too, as for the models.

    Examples
    --------
    >>> columns = {"occurred_on": pl.Date, "offence_group": pl.String, "cell": pl.UInt64}
    >>> one = {"occurred_on": [date(2026, 1, 5)] * 2, "offence_group": ["fraud", "theft"], "cell": [None, 1]}
    >>> {reason: n for reason, n in counted(pl.DataFrame(one, schema=columns), as_of=date(2026, 2, 1)).items() if n}
    {'no_place_kind': 1, 'kept': 1}
    """
    start, end = last_year(as_of)
    gate = training.admit(incidents.filter(pl.col("occurred_on").is_between(start, end, closed="left")))
    found = dict.fromkeys((why.value for why in Reason), 0)
    for group, reason, rows in gate.excluded.iter_rows():
        why = _OF_GATE[training.Reason(reason)]
        found[Reason.NO_PLACE_KIND if why is Reason.NO_PLACE and group in _NOWHERE else why] += rows
    return {**found, KEPT: gate.rows.height, UNSPECIFIED: gate.unspecified}
