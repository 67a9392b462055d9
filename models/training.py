"""The gate in front of every model: which incidents may be learnt from, and what was left out and why.

What patrols discover (drugs, weapons, resisting police) is found where patrols go. A model that learns from it sends
the next patrol to the same place and finds its own forecast confirmed there, whatever happens elsewhere. So only
offences that victims report may enter, of groups that have a place and point at nobody, and only rows with a place.
`TrainingIncidents` cannot be made but by `admit`, which asks the table of groups and, for places where the Criminal
Code of Kazakhstan holds, the article as delivered: a mapping that calls a discovered offence theft opens no door.

Deliveries without any category (``unspecified``) are let in: nobody can tell what patrols found among them, so
`TrainingIncidents.unspecified` says how many they are.

References
----------
Lum & Isaac (2016), Significance 13, 14-19; Ensign et al. (2018), Proceedings of Machine Learning Research 81, 160-171.
"""

from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import Self

import polars as pl

from geodata import aggregate, criminal_code
from geodata.columns import INCIDENTS, Table
from geodata.hexgrid import Cells
from geodata.offences import ALL, OFFENCE_GROUPS, UNCLASSIFIED, UNSPECIFIED, OffenceGroup
from models.errors import UnguardedIncidents
from models.history import History


class Reason(StrEnum):
    """Why a row may not be learnt from. Of several, the first counts."""

    SENSITIVE = "sensitive"
    UNCLASSIFIED = "unclassified"
    DISCOVERY_DRIVEN = "discovery_driven"
    NO_PLACE = "no_place"


ASKED = Table(
    name="incidents to learn from",
    meaning="What the gate asks of an incident; other columns pass as they are.",
    columns=tuple(
        replace(column, is_nullable=column.name != "occurred_on")
        for column in INCIDENTS.columns
        if column.name in ("occurred_on", "offence_group", "cell")
    ),
)
EXCLUDED_SCHEMA = pl.Schema({"offence_group": pl.String, "reason": pl.String, "rows": pl.Int64})

_MIXED = frozenset({"other", UNCLASSIFIED})
"""Sensitive in the table of groups because sensitive offences may be among them; the reason is that nobody knows."""
_SEAL = object()


def reason_of_group(group: OffenceGroup) -> Reason | None:
    """Why no incident of the group may be learnt from; None where it may.

    Examples
    --------
    >>> {group.code: reason_of_group(group).value for group in OFFENCE_GROUPS if group.code in ("drugs", "fraud")}
    {'fraud': 'no_place', 'drugs': 'discovery_driven'}
    """
    if group.code in _MIXED:
        return Reason.UNCLASSIFIED
    if group.is_sensitive:
        return Reason.SENSITIVE
    if not group.is_reported_by_victims:
        return Reason.DISCOVERY_DRIVEN
    return None if group.has_place else Reason.NO_PLACE


class TrainingIncidents:
    """Incidents a model may learn from; only `admit` makes them.

    Attributes
    ----------
    rows : frame of the admitted rows with all columns they came with; a copy, so that nothing can be put in
    excluded : ``offence_group``, ``reason`` (of `Reason`) and ``rows``: what was left out, most rows first
    """

    __slots__ = ("_excluded", "_rows")

    def __init__(self, rows: pl.DataFrame, excluded: pl.DataFrame, *, seal: object = None) -> None:
        if seal is not _SEAL:
            raise UnguardedIncidents(
                f"A frame of {rows.height} rows was to become incidents to learn from; expected what training.admit "
                "returns. Give the frame to training.admit, which leaves out and counts what patrols discover."
            )
        self._rows = rows
        self._excluded = excluded

    @property
    def rows(self) -> pl.DataFrame:
        return self._rows.clone()

    @property
    def excluded(self) -> pl.DataFrame:
        return self._excluded.clone()

    @property
    def unspecified(self) -> int:
        """Admitted rows whose delivery named no category at all."""
        return int((self._rows["offence_group"] == UNSPECIFIED).sum())

    def before(self, as_of: date) -> Self:
        """The rows of the days before ``as_of``; what was left out stays as counted."""
        known = self._rows.filter(pl.col("occurred_on") < as_of)
        return type(self)(known, self._excluded, seal=_SEAL)

    def history(self, cells: Cells, *, start: date, end: date, group: str = ALL) -> History:
        """Incidents of one offence group, or of all admitted ones, on the support ``cells``; see `History`.

        Raises
        ------
        TooLittleHistory
            If ``end`` is not after ``start``.
        """
        chosen = aggregate.in_group(self._rows, group)
        return History.from_incidents(
            chosen["cell"].to_numpy(), chosen["occurred_on"], cells=cells, start=start, end=end
        )


def admit(incidents: pl.DataFrame) -> TrainingIncidents:
    """The rows that may be learnt from, in their order, and a count of the others.

    Parameters
    ----------
    incidents : frame with ``offence_group``, ``cell`` and ``occurred_on`` of `geodata.columns.INCIDENTS`
        Where it has ``offence_code`` and ``time_zone`` too, articles of the Criminal Code are asked as well.

    Raises
    ------
    UnexpectedColumns
        If a column the gate asks for is missing or of another type.

    Examples
    --------
    >>> day, columns = date(2026, 3, 2), {"offence_group": pl.String, "cell": pl.UInt64, "occurred_on": pl.Date}
    >>> found = admit(pl.DataFrame([("theft", 1, day), ("drugs", 1, day)], schema=columns, orient="row"))
    >>> found.rows["offence_group"].to_list(), found.excluded.rows()
    (['theft'], [('drugs', 'discovery_driven', 1)])
    """
    ASKED.checked(incidents)
    judged = incidents.with_columns(_reason(incidents).alias("_reason"))
    left_out = judged.filter(pl.col("_reason").is_not_null())
    excluded = (
        left_out.group_by(pl.col("offence_group").fill_null(UNCLASSIFIED), reason="_reason")
        .agg(rows=pl.len().cast(pl.Int64))
        .sort("rows", "offence_group", "reason", descending=[True, False, False])
    )
    admitted = judged.filter(pl.col("_reason").is_null()).drop("_reason")
    return TrainingIncidents(admitted, excluded.select(list(EXCLUDED_SCHEMA)), seal=_SEAL)


def _reason(incidents: pl.DataFrame) -> pl.Series:
    """Reason of each row, missing where it may pass. A group the table does not hold is one nobody has judged."""
    reasons = {group.code: reason_of_group(group) for group in OFFENCE_GROUPS}
    of_group = incidents["offence_group"].replace_strict(
        list(reasons), list(reasons.values()), default=Reason.UNCLASSIFIED.value, return_dtype=pl.String
    )
    unknown = incidents["offence_group"].is_null()
    judged = pl.DataFrame(
        {"of_group": of_group, "is_unknown": unknown, "is_found": _is_discovered_by_article(incidents)}
    )
    return judged.select(
        pl.when("is_unknown")
        .then(pl.lit(Reason.UNCLASSIFIED.value))
        .when(pl.col("of_group").is_not_null())
        .then("of_group")
        .when("is_found")
        .then(pl.lit(Reason.DISCOVERY_DRIVEN.value))
        .when(pl.Series("is_placeless", incidents["cell"].is_null()))
        .then(pl.lit(Reason.NO_PLACE.value))
    ).to_series()


def _is_discovered_by_article(incidents: pl.DataFrame) -> pl.Series:
    """Whether the code as delivered is an article whose offences patrols discover, whatever group it was given."""
    nowhere = pl.Series([False]).new_from_index(0, incidents.height)
    if not {"offence_code", "time_zone"} <= set(incidents.columns):
        return nowhere
    holds = incidents["time_zone"].is_in(sorted(criminal_code.ZONES_OF_THE_CODE)).fill_null(value=False)
    codes = incidents["offence_code"].filter(holds).drop_nulls().unique()
    found = [code for code in codes.to_list() if _names_a_discovered_offence(code)]
    return holds & incidents["offence_code"].is_in(found).fill_null(value=False) if found else nowhere


def _names_a_discovered_offence(code: str) -> bool:
    article = criminal_code.article_of(code)
    return article is not None and article.offence_group in _DISCOVERED


_DISCOVERED = frozenset(group.code for group in OFFENCE_GROUPS if not group.is_reported_by_victims)
