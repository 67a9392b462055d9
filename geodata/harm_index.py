"""The harm index: incidents of cells and areas weighted by severity, for staff only; it is never published by place.

An incident weighs the longest sanction, in days, of the article it was delivered under (`geodata.criminal_code`). The
weights are derived, not official; the method page shows them all. Where the sanction was not read but the severity
class is known, the median weight of that class stands in, marked as such: without it grievous bodily harm would weigh
nothing beside a theft. An article named without a part counts as its first part. What has no weight even so is counted
and told, never guessed, so an index is a sum over the incidents that could be weighed.

Offences that patrols discover have no place in the index, neither in cells nor in areas: it would show where patrols
are. Sensitive groups count in areas, not in cells.

References
----------
Sherman, Neyroud & Neyroud (2016), Policing 10, 171-183 (harm indices from sanctions).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import polars as pl

from geodata import aggregate, criminal_code
from geodata.columns import INCIDENTS, Table
from geodata.criminal_code import Article
from geodata.errors import UnexpectedColumns
from geodata.offences import ALL, OFFENCE_GROUPS

SEVERITY_MEDIAN = "severity_median"
BASES = {**criminal_code.HARM_BASES, SEVERITY_MEDIAN: "the median weight of the offence's severity class stands in"}
"""What a weight rests on: `criminal_code.HARM_BASES`, or the severity class."""

WEIGHED = Table(
    name="incidents to weigh",
    meaning="What the harm index asks of an incident.",
    columns=tuple(
        column for column in INCIDENTS.columns if column.name in ("time_zone", "offence_group", "offence_code", "cell")
    ),
)
WEIGHTS_SCHEMA = pl.Schema(
    {
        "article": pl.String,
        "part": pl.String,
        "title_ru": pl.String,
        "title_kk": pl.String,
        "offence_group": pl.String,
        "severity": pl.String,
        "harm_days": pl.Float64,
        "harm_basis": pl.String,
        "source": pl.String,
    }
)


class Unweighed(StrEnum):
    """Why an incident has no weight. Of several reasons the first counts."""

    OTHER_LAW = "other_law"
    NO_CODE = "no_code"
    UNKNOWN_ARTICLE = "unknown_article"
    NO_SANCTION = "no_sanction"


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmIndex:
    """Harm of each place and offence group, and what could not be weighed.

    Attributes
    ----------
    places : the place's column, ``offence_group`` (``all`` among them), ``incidents``, ``weighed``, ``stood_in`` (those
        of them by severity class) and ``harm_days``, the sum of weights in days of the longest sanction
    unweighed : ``offence_group``, ``offence_code``, ``reason`` (of `Unweighed`) and ``rows``, most rows first
    left_out : incidents without a place, and those of groups that stay out of this index
    """

    places: pl.DataFrame
    unweighed: pl.DataFrame
    left_out: int

    def harm_per_incident(self) -> pl.DataFrame:
        """Mean weight of each group's weighed incidents over all places, to weigh expected incidents with.

        Returns
        -------
        DataFrame
            ``offence_group``, ``weighed`` and ``harm_days``; groups of which none was weighed are absent.
        """
        return (
            self.places.group_by("offence_group")
            .agg(pl.col("weighed", "harm_days").sum())
            .filter(pl.col("weighed") > 0)
            .with_columns(pl.col("harm_days") / pl.col("weighed"))
            .sort("offence_group")
        )


@cache
def severity_weights() -> dict[str, float]:
    """Median weight in days of each severity class, over the parts whose sanction was read."""
    read = [(row.severity, row.harm_days) for row in criminal_code.articles().values() if row.part]
    frame = pl.DataFrame(read, schema={"severity": pl.String, "harm_days": pl.Float64}, orient="row").drop_nulls()
    found = frame.group_by("severity").agg(pl.col("harm_days").median())
    return dict(found.rows())


def weights() -> pl.DataFrame:
    """Every article and part that has a weight, with basis and source, in the order of the Code: for the method page.

    Returns
    -------
    DataFrame
        Columns of `WEIGHTS_SCHEMA`; ``harm_basis`` is a key of `BASES`.
    """
    rows = []
    for article in criminal_code.articles().values():
        weight, basis = weight_of(article)
        if weight is not None:
            named = {name: getattr(article, name) for name in WEIGHTS_SCHEMA if name not in ("harm_days", "harm_basis")}
            rows.append({**named, "harm_days": weight, "harm_basis": basis})
    return pl.DataFrame(rows, schema=WEIGHTS_SCHEMA)


def weight_of(article: Article) -> tuple[float | None, str | None]:
    """Weight of one article or part in days, and the key of `BASES` it rests on; missing where there is none."""
    if article.harm_days is not None:
        return float(article.harm_days), article.harm_basis
    severity = article.severity
    if severity is None and not article.part:
        first = criminal_code.articles().get((article.article, "1"))
        severity = first.severity if first else None
    if severity is None:
        return None, None
    weight = severity_weights().get(severity)
    return (weight, SEVERITY_MEDIAN) if weight is not None else (None, None)


def weigh(incidents: pl.DataFrame) -> pl.DataFrame:
    """The incidents with ``harm_days``, ``harm_basis`` and ``reason`` (why there is no weight) beside their columns.

    Parameters
    ----------
    incidents : frame with ``time_zone``, ``offence_group``, ``offence_code`` and ``cell`` of `INCIDENTS`

    Raises
    ------
    UnexpectedColumns
        If one of them is missing or of another type.
    """
    WEIGHED.checked(incidents)
    codes = incidents["offence_code"].drop_nulls().unique()
    told = [(code, *_weight_of_code(code)) for code in codes.to_list()]
    schema = {"offence_code": pl.String, "_days": pl.Float64, "_basis": pl.String, "_known": pl.Boolean}
    by_code = pl.DataFrame(told, schema=schema, orient="row")
    is_ours = pl.col("time_zone").is_in(sorted(criminal_code.ZONES_OF_THE_CODE))
    reason = (
        pl.when(~is_ours)
        .then(pl.lit(Unweighed.OTHER_LAW.value))
        .when(pl.col("offence_code").is_null())
        .then(pl.lit(Unweighed.NO_CODE.value))
        .when(~pl.col("_known"))
        .then(pl.lit(Unweighed.UNKNOWN_ARTICLE.value))
        .when(pl.col("_days").is_null())
        .then(pl.lit(Unweighed.NO_SANCTION.value))
    )
    return (
        incidents.join(by_code, on="offence_code", how="left", maintain_order="left")
        .with_columns(
            harm_days=pl.when(is_ours).then("_days"), harm_basis=pl.when(is_ours).then("_basis"), reason=reason
        )
        .drop("_days", "_basis", "_known")
    )


def by_cell(incidents: pl.DataFrame) -> HarmIndex:
    """Harm of each cell and mappable offence group; sensitive and discovered offences are left out. Errors: `weigh`."""
    return _summed(incidents, "cell", aggregate.mappable)


def by_area(incidents: pl.DataFrame, *, area: str = "region_id") -> HarmIndex:
    """Harm of each area and offence group that victims report, sensitive groups among them.

    Parameters
    ----------
    area : text column that names each incident's region or district

    Raises
    ------
    UnexpectedColumns
        If a column is missing, or ``area`` is no text: cells are not areas.
    """
    if incidents.schema.get(area) != pl.String:
        raise UnexpectedColumns(
            f"incidents to weigh: column {area} is {incidents.schema.get(area, 'missing')}; expected String, the code "
            "of a region or district. For cells use by_cell, which leaves sensitive groups out."
        )
    reported = sorted(group.code for group in OFFENCE_GROUPS if group.is_reported_by_victims)
    return _summed(
        incidents, area, lambda rows: rows.filter(pl.col(area).is_not_null() & pl.col("offence_group").is_in(reported))
    )


def _summed(incidents: pl.DataFrame, place: str, kept: Callable[[pl.DataFrame], pl.DataFrame]) -> HarmIndex:
    weighed = kept(weigh(incidents))
    every = pl.concat([weighed.with_columns(offence_group=pl.lit(ALL)), weighed])
    places = (
        every.group_by(place, "offence_group")
        .agg(
            incidents=pl.len().cast(pl.Int64),
            weighed=pl.col("harm_days").count().cast(pl.Int64),
            stood_in=(pl.col("harm_basis") == SEVERITY_MEDIAN).sum().cast(pl.Int64),
            harm_days=pl.col("harm_days").sum(),
        )
        .sort(place, "offence_group")
    )
    unweighed = (
        weighed.filter(pl.col("reason").is_not_null())
        .group_by("offence_group", "offence_code", "reason")
        .agg(rows=pl.len().cast(pl.Int64))
        .sort("rows", "offence_group", "offence_code", "reason", descending=[True, False, False, False])
    )
    return HarmIndex(places=places, unweighed=unweighed, left_out=incidents.height - weighed.height)


def _weight_of_code(code: str) -> tuple[float | None, str | None, bool]:
    article = criminal_code.article_of(code)
    return (*weight_of(article), True) if article else (None, None, False)
