"""What a forecast of places leaves out, and why: each incident of the last year has one reason, or none.

Reasons are asked in the order of `Reason`: what would point at people comes before what is merely unknown.
"""

from datetime import date, timedelta
from enum import StrEnum

import polars as pl

from geodata.offences import OFFENCE_GROUPS, UNCLASSIFIED

DAYS = 365
OTHER = "other"
KEPT = "kept"
"""Key of the incidents that no reason leaves out."""


class Reason(StrEnum):
    """Why an incident is in no forecast."""

    SENSITIVE = "sensitive"
    UNCLASSIFIED = "unclassified"
    NO_PLACE_KIND = "no_place_kind"
    DISCOVERED = "discovered"
    NO_PLACE = "no_place"


_MIXED = frozenset({OTHER, UNCLASSIFIED})
"""Counted as sensitive elsewhere, because sensitive offences may be among them; here they get their own reason."""
_GROUPS = {
    Reason.SENSITIVE: [one.code for one in OFFENCE_GROUPS if one.is_sensitive and one.code not in _MIXED],
    Reason.UNCLASSIFIED: sorted(_MIXED),
    Reason.NO_PLACE_KIND: [one.code for one in OFFENCE_GROUPS if not one.has_place and one.code not in _MIXED],
    Reason.DISCOVERED: [one.code for one in OFFENCE_GROUPS if not one.is_reported_by_victims],
}


def last_year(as_of: date) -> tuple[date, date]:
    """The days ``[start, end)`` that are counted."""
    return as_of - timedelta(days=DAYS), as_of


def counted(incidents: pl.DataFrame, *, as_of: date) -> dict[str, int]:
    """Incidents of the 365 days before ``as_of`` by reason, and those left in under ``kept``.

    Parameters
    ----------
    incidents : columns ``occurred_on``, ``offence_group`` and ``cell`` of `geodata.columns.INCIDENTS`

    Examples
    --------
    >>> one = {"occurred_on": [date(2026, 1, 5)] * 2, "offence_group": ["fraud", "theft"], "cell": [None, 1]}
    >>> {reason: n for reason, n in counted(pl.DataFrame(one), as_of=date(2026, 2, 1)).items() if n}
    {'no_place_kind': 1, 'kept': 1}
    """
    start, end = last_year(as_of)
    recent = incidents.filter(pl.col("occurred_on").is_between(start, end, closed="left"))
    reason = pl.lit(KEPT)
    for why in reversed(Reason):
        applies = pl.col("offence_group").is_in(_GROUPS[why]) if why in _GROUPS else pl.col("cell").is_null()
        reason = pl.when(applies).then(pl.lit(why.value)).otherwise(reason)
    found = dict(recent.select(reason.alias("reason")).group_by("reason").len().rows())
    return {name: int(found.get(name, 0)) for name in (*(why.value for why in Reason), KEPT)}
