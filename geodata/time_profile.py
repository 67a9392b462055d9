"""Hours of the day and days of the week in which incidents of an area happen; never of a cell.

Where only a window is known, an incident is spread evenly over it (its aoristic weight). A row counts only in what it
tells: one known to the day says nothing of the hour, one known to the month says nothing at all, and a window of a day
or more nothing of the hour, of a week or more nothing of the weekday. What was left out so is counted.

An incident spread over several hours is weaker evidence than one whose hour is known: it counts as the sum of its
squared weights, one when it lies in a single hour. Areas with little evidence are drawn towards the whole territory's
profile, as strongly as the areas resemble each other (a Dirichlet prior whose strength they tell themselves), and
those with less than `LEAST_PER_BIN` per hour, weekday or part of the day get no profile. Intervals hold the chance of
small numbers; what windows blur they cannot bring back.

Clocks that were not looked at are set to midnight or noon. Where hour 0 or 12 stands out of its neighbours it is
flagged, and its share is not to be believed.

References
----------
Ratcliffe (2000), International Journal of Geographical Information Science 14, 669-679 (aoristic weights).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special, stats

from geodata import hexgrid
from geodata.columns import INCIDENTS, PLACES, Table
from geodata.errors import CellsAreNotAreas, UnexpectedColumns
from geodata.offences import MAPPABLE_CODES

LEAST_AREA_KM2 = 2.0
"""Nearly three hexagons of resolution 8: whatever is smaller is a cell by another name."""
LEAST_PER_BIN = 5.0
INTERVAL = 0.9
PARTS_OF_DAY: Mapping[str, tuple[int, int]] = {
    "night": (0, 6),
    "morning": (6, 12),
    "day": (12, 18),
    "evening": (18, 24),
}
"""First hour of each part of the day, and the hour with which the next one begins."""

DEFAULT_HOURS = (0, 12)
STANDS_OUT_TIMES = 1.25
STANDS_OUT_ERRORS = 3.0
"""A default hour stands out when it is so many times the mean of its neighbours, and so many standard errors above."""

PRIOR_STRENGTHS = np.geomspace(5.0, 5000.0, 31)
"""What the territory's profile may be worth in an area, in incidents."""


class Scale(StrEnum):
    """What a profile tells of. Bins are hours from 0, ISO weekdays from 1 and parts of the day from 0."""

    HOUR = "hour"
    WEEKDAY = "weekday"
    PART_OF_DAY = "part_of_day"


PROFILE_SCHEMA = pl.Schema(
    {
        "area_id": pl.String,
        "scale": pl.String,
        "bin": pl.Int64,
        "share": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "weight": pl.Float64,
        "incidents": pl.Int64,
        "evidence": pl.Float64,
        "is_enough": pl.Boolean,
        "is_default_hour": pl.Boolean,
    }
)
TIMED = Table(
    name="incidents with their times",
    meaning="What a time profile asks of an incident, beside the area.",
    columns=tuple(
        column
        for column in INCIDENTS.columns
        if column.name
        in ("occurred_from", "occurred_to", "occurred_on", "time_zone", "time_precision", "offence_group")
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Circle:
    """A scale as a circle of hours cut into equal bins; ``first`` is the number of its first bin."""

    hours: float
    bins: int
    first: int = 0

    @property
    def width(self) -> float:
        return self.hours / self.bins


_CIRCLES = {
    Scale.HOUR: _Circle(hours=24.0, bins=24),
    Scale.WEEKDAY: _Circle(hours=168.0, bins=7, first=1),
    Scale.PART_OF_DAY: _Circle(hours=24.0, bins=len(PARTS_OF_DAY)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    """Areas that may have a time profile, with their size in square kilometres by their code.

    Raises
    ------
    CellsAreNotAreas
        If a code is an H3 cell, or an area is smaller than `LEAST_AREA_KM2`.
    """

    km2: Mapping[str, float]
    too_small: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_cells(pl.Series(list(self.km2), dtype=pl.String))
        small = [code for code, km2 in self.km2.items() if not km2 >= LEAST_AREA_KM2]
        if small:
            raise CellsAreNotAreas(
                f"Area {small[0]} has {self.km2[small[0]]:.2f} km²; a time profile needs {LEAST_AREA_KM2} km² or more, "
                "so that it tells of an area and not of a place. Give the district or region it belongs to."
            )

    @classmethod
    def of_places(cls, places: pl.DataFrame) -> "Areas":
        """Regions of covered cells (`geodata.columns.PLACES`), as large as their cells; small ones are set aside."""
        own = PLACES.checked(places).with_columns(
            pl.Series("km2", hexgrid.area_km2(places["cell"].to_numpy()), dtype=pl.Float64)
        )
        sizes = dict(own.group_by("region_id").agg(pl.col("km2").sum()).sort("region_id").rows())
        return cls(
            km2={code: km2 for code, km2 in sizes.items() if km2 >= LEAST_AREA_KM2},
            too_small=tuple(code for code, km2 in sizes.items() if km2 < LEAST_AREA_KM2),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeProfiles:
    """Profiles of areas and of the whole, and what they rest on.

    Attributes
    ----------
    areas : columns of `PROFILE_SCHEMA`, a row for each area, scale and bin
        ``share`` sums to 1 over a scale; it and its 90 % interval are missing where ``is_enough`` is false. ``weight``
        is the sum of aoristic weights, ``incidents`` the rows that tell, ``evidence`` what they are worth.
    territory : the same of all areas together; ``area_id`` is missing
    default_hours : ``area_id`` (missing: all together), ``hour``, ``incidents`` recorded in it, ``expected`` from the
        hours around it; only hours that stand out
    left_out : ``scale``, ``reason`` (a precision of `geodata.timestamps`, ``area`` or ``group``) and ``rows``
    """

    areas: pl.DataFrame
    territory: pl.DataFrame
    default_hours: pl.DataFrame
    left_out: pl.DataFrame


def time_profiles(incidents: pl.DataFrame, areas: Areas, *, area: str = "region_id") -> TimeProfiles:
    """Shares of incidents by hour, weekday and part of the day in each area.

    Parameters
    ----------
    incidents : frame with the times and the offence group of `geodata.columns.INCIDENTS`
        Groups that may not be shown at a place are left out: what patrols discover tells when patrols are out.
    area : text column with each incident's area; rows of areas that ``areas`` does not hold are left out

    Raises
    ------
    CellsAreNotAreas
        If ``area`` holds cells, as numbers or as text.
    UnexpectedColumns
        If a column is missing or of another type.
    """
    TIMED.checked(incidents)
    if incidents.schema.get(area) == pl.UInt64:
        raise CellsAreNotAreas(
            f"Column {area} holds cell numbers; expected codes of areas. Time profiles are of areas."
        )
    if incidents.schema.get(area) != pl.String:
        found = incidents.schema.get(area, "missing")
        raise UnexpectedColumns(f"{TIMED.name}: column {area} is {found}; expected String, the code of an area.")
    _refuse_cells(incidents[area].unique())
    codes = list(areas.km2)
    rows = _clocked(incidents, area, codes)
    known = rows.filter("is_shown", pl.col("at").is_not_null())
    defaults = _default_hours(known, codes)
    flagged = set(defaults.select("area_id", "hour").rows())
    own, whole = [], []
    for scale, circle in _CIRCLES.items():
        sums = _sums(known, circle, len(codes), scale)
        own.append(_profiles(sums, _prior(sums), scale, codes, flagged))
        flat = np.full(circle.bins, 0.5)
        whole.append(_profiles(sums.together(), flat, scale, [None], flagged))
    return TimeProfiles(
        areas=pl.concat(own).sort("area_id", "scale", "bin"),
        territory=pl.concat(whole).sort("scale", "bin"),
        default_hours=defaults,
        left_out=_left_out(rows),
    )


def aoristic_weight(
    start: NDArray[np.float64], hours: NDArray[np.float64], *, first: float, end: float, circle: float
) -> NDArray[np.float64]:
    """Share of each incident that falls between two hours of a circle (a day of 24, a week of 168).

    Parameters
    ----------
    start : array of shape (n,), hours since the circle began, in [0, ``circle``)
    hours : array of shape (n,), length of each window, in [0, ``circle``]; 0 where the moment is known
    first, end : the stretch of the circle, half-open

    Examples
    --------
    >>> start, hours = np.array([23.0, 5.5]), np.array([4.0, 0.0])
    >>> aoristic_weight(start, hours, first=0, end=6, circle=24).tolist()
    [0.75, 1.0]
    """
    stop = start + hours
    today = np.minimum(stop, end) - np.maximum(start, first)
    next_round = np.minimum(stop, end + circle) - np.maximum(start, first + circle)
    inside = np.maximum(today, 0.0) + np.maximum(next_round, 0.0)
    # A window shorter than a second is a moment; dividing by its length would only lose digits.
    is_moment = hours < 1.0 / 3600.0
    spread = inside / np.where(is_moment, 1.0, hours)
    return np.where(is_moment, ((start >= first) & (start < end)).astype(np.float64), spread)


def _refuse_cells(codes: pl.Series) -> None:
    given = codes.drop_nulls()
    is_cell = hexgrid.parse_cells(given)[1]
    if is_cell.any():
        raise CellsAreNotAreas(
            f"{int(is_cell.sum())} of {given.len()} areas are H3 cells, such as {given.filter(pl.Series(is_cell))[0]}; "
            "time profiles are of areas, because the hours of one place tell of its people. Give regions or districts."
        )


def _clocked(incidents: pl.DataFrame, area: str, codes: list[str]) -> pl.DataFrame:
    """Area number, hour of the local week, hours of the window, precision and whether the group is shown."""
    wall = pl.coalesce(
        pl.lit(None, dtype=pl.Datetime("us")),
        *(
            pl.when(pl.col("time_zone") == zone).then(
                pl.col("occurred_from").dt.convert_time_zone(zone).dt.replace_time_zone(None)
            )
            for zone in incidents["time_zone"].unique().sort().to_list()
        ),
    )
    numbers = {code: number for number, code in enumerate(codes)}
    hour_of_day = pl.col("wall").dt.hour() + (pl.col("wall").dt.minute() * 60.0 + pl.col("wall").dt.second()) / 3600.0
    return incidents.with_columns(wall=wall).select(
        at=pl.col(area).replace_strict(numbers, default=None, return_dtype=pl.Int64),
        # A day counts as the one the record names: a day of 23 or 25 hours would spill into its neighbour.
        start=pl.when(pl.col("time_precision") == "day")
        .then((pl.col("occurred_on").dt.weekday() - 1) * 24.0)
        .otherwise((pl.col("wall").dt.weekday() - 1) * 24.0 + hour_of_day),
        hours=pl.when(pl.col("time_precision") == "day")
        .then(0.0)
        .otherwise((pl.col("occurred_to") - pl.col("occurred_from")).dt.total_seconds() / 3600.0),
        precision="time_precision",
        is_shown=pl.col("offence_group").is_in(sorted(MAPPABLE_CODES)).fill_null(value=False),
    )


def _tells(scale: Scale) -> pl.Expr:
    """Whether a row says anything of the scale."""
    is_short = pl.col("hours").is_between(0.0, _CIRCLES[scale].hours, closed="left")
    too_rough = ["month"] if scale is Scale.WEEKDAY else ["month", "day"]
    return is_short & ~pl.col("precision").is_in(too_rough)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """Aoristic weights of shape (n_areas, n_bins), and the rows and evidence of each area."""

    weight: NDArray[np.float64]
    rows: NDArray[np.int64]
    evidence: NDArray[np.float64]

    def counts(self) -> NDArray[np.float64]:
        """Shares times evidence: what the rows are worth in each bin."""
        return self.weight * (self.evidence / np.maximum(self.rows, 1))[:, None]

    def together(self) -> "_Sums":
        return _Sums(
            weight=self.weight.sum(axis=0, keepdims=True),
            rows=self.rows.sum(keepdims=True),
            evidence=self.evidence.sum(keepdims=True),
        )


def _sums(known: pl.DataFrame, circle: _Circle, n_areas: int, scale: Scale) -> _Sums:
    telling = known.filter(_tells(scale))
    at, hours = telling["at"].to_numpy(), telling["hours"].to_numpy()
    start = telling["start"].to_numpy() % circle.hours
    weight, evidence = np.zeros((n_areas, circle.bins)), np.zeros(n_areas)
    for number in range(circle.bins):
        first = number * circle.width
        own = aoristic_weight(start, hours, first=first, end=first + circle.width, circle=circle.hours)
        weight[:, number] = np.bincount(at, weights=own, minlength=n_areas)
        evidence += np.bincount(at, weights=own**2, minlength=n_areas)
    return _Sums(weight=weight, rows=np.bincount(at, minlength=n_areas).astype(np.int64), evidence=evidence)


def _profiles(
    sums: _Sums, prior: NDArray[np.float64], scale: Scale, codes: Sequence[str | None], flagged: set[tuple[object, ...]]
) -> pl.DataFrame:
    """Posterior shares of each area under a Dirichlet ``prior`` of shape (n_bins,)."""
    circle = _CIRCLES[scale]
    alpha = sums.counts() + prior
    rest = alpha.sum(axis=1, keepdims=True) - alpha
    tail = (1.0 - INTERVAL) / 2
    labels = [(code, circle.first + number) for code in codes for number in range(circle.bins)]
    is_flagged = [scale is Scale.HOUR and label in flagged for label in labels]
    told = pl.DataFrame(
        {
            "area_id": pl.Series([code for code, _ in labels], dtype=pl.String),
            "scale": pl.repeat(scale.value, len(labels), dtype=pl.String, eager=True),
            "bin": pl.Series([number for _, number in labels], dtype=pl.Int64),
            "share": (alpha / (alpha + rest)).reshape(-1),
            "low": np.asarray(stats.beta.ppf(tail, alpha, rest), dtype=np.float64).reshape(-1),
            "high": np.asarray(stats.beta.ppf(1.0 - tail, alpha, rest), dtype=np.float64).reshape(-1),
            "weight": sums.weight.reshape(-1),
            "incidents": np.repeat(sums.rows, circle.bins),
            "evidence": np.repeat(sums.evidence, circle.bins),
            "is_enough": np.repeat(sums.evidence >= LEAST_PER_BIN * circle.bins, circle.bins),
            "is_default_hour": pl.Series(is_flagged, dtype=pl.Boolean),
        }
    )
    return told.with_columns(pl.when("is_enough").then(pl.col("share", "low", "high")))


def _prior(sums: _Sums) -> NDArray[np.float64]:
    """The territory's profile, worth so many incidents as make the areas' own counts likely."""
    # Half an incident in each bin keeps the territory's profile from calling any hour impossible.
    whole = sums.weight.sum(axis=0) + 0.5
    shares = whole / whole.sum()
    counts = sums.counts()
    own = counts[counts.sum(axis=1) > 0.0]
    log_likelihood = np.zeros(PRIOR_STRENGTHS.size)
    for number, strength in enumerate(PRIOR_STRENGTHS):
        alpha = strength * shares
        log_likelihood[number] = np.sum(special.gammaln(own + alpha) - special.gammaln(alpha)) - np.sum(
            special.gammaln(own.sum(axis=1) + strength) - special.gammaln(strength)
        )
    # Averaged, not maximised: a few areas cannot rule out that they differ.
    weight = np.exp(log_likelihood - log_likelihood.max())
    strength = np.exp(np.sum(weight * np.log(PRIOR_STRENGTHS)) / weight.sum())
    return np.asarray(strength * shares, dtype=np.float64)


def _default_hours(known: pl.DataFrame, codes: list[str]) -> pl.DataFrame:
    """Hours 0 and 12 that stand out of the hours around them, among the rows whose hour is known."""
    is_moment = (pl.col("precision") == "interval") & (pl.col("hours") == 0.0)
    exact = known.filter(pl.col("precision").is_in(["minute", "hour"]) | is_moment)
    hour = np.floor(exact["start"].to_numpy() % 24.0).astype(np.int64)
    counts = np.zeros((len(codes), 24), dtype=np.int64)
    np.add.at(counts, (exact["at"].to_numpy(), hour), 1)
    schema = {"area_id": pl.String, "hour": pl.Int64, "incidents": pl.Int64, "expected": pl.Float64}
    return pl.DataFrame(list(_standing_out(counts, codes)), schema=schema, orient="row")


def _standing_out(counts: NDArray[np.int64], codes: list[str]) -> Iterator[tuple[str | None, int, int, float]]:
    whole: list[tuple[str | None, NDArray[np.int64]]] = [(None, counts.sum(axis=0))]
    for code, own in [*whole, *zip(codes, counts, strict=True)]:
        for hour in DEFAULT_HOURS:
            recorded, expected = int(own[hour]), float(own[[hour - 1, hour + 1]].mean())
            # The hour itself varies with its mean, the mean of two neighbours with half of it.
            error = np.sqrt(1.5 * max(expected, 1.0))
            if recorded > STANDS_OUT_TIMES * expected and recorded - expected > STANDS_OUT_ERRORS * error:
                yield code, hour, recorded, expected


def _left_out(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that count in no bin of a scale, by the first reason that applies: group, area, precision."""
    frames = []
    for scale in Scale:
        reason = (
            pl.when(~pl.col("is_shown"))
            .then(pl.lit("group"))
            .when(pl.col("at").is_null())
            .then(pl.lit("area"))
            .when(~_tells(scale))
            .then("precision")
        )
        found = rows.select(reason=reason).drop_nulls().group_by("reason").agg(rows=pl.len().cast(pl.Int64))
        frames.append(found.select(pl.lit(scale.value).alias("scale"), "reason", "rows"))
    return pl.concat(frames).sort("scale", "reason")
