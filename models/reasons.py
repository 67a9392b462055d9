"""Why a forecast is what it is: the few parts of it that set a cell, or an area, apart from the average.

A forecast that multiplies is a sum of logarithms, and each term of the sum is a part of the reason. Terms are counted
from their mean over the area of comparison, brought together by theme (many terms look at the same thing and partly
cancel), and told if they change the forecast enough to matter. What is told is association, never cause.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.errors import MismatchedSupport, NotAdditive, UnknownTerm
from models.history import History
from models.shrinkage import EmpiricalBayes
from models.stacked import FittedStack, Stacked
from models.surfaces import OTHER_SURFACES, OWN_SURFACES, SURROUNDINGS_ONLY_DAYS

MOST_REASONS = 3
LEAST_TOLD = float(np.log(1.1))
"""A theme that changes the forecast by less than a tenth is not told: models differ from each other by as much."""
TOLERANCE = 1e-6


class Theme(StrEnum):
    """What a reason is about; the order breaks ties."""

    OWN_RECORD = "own_record"
    RECENT = "recent"
    SURROUNDINGS_RECORD = "surroundings_record"
    OTHER_GROUPS = "other_groups"
    EXPOSURE = "exposure"
    VENUES = "venues"
    STOPS = "stops"
    SHOPS = "shops"
    SCHOOLS = "schools"
    LIGHTING = "lighting"
    ROADS = "roads"
    SIGNS = "signs"
    POLICE = "police"
    CAMERAS = "cameras"
    ACCIDENTS = "accidents"
    CENTRE = "centre"
    MARKET = "market"
    PARK = "park"
    INDUSTRY = "industry"
    SEASON = "season"
    LEVEL = "level"


class Presence(StrEnum):
    """Whether there is more of it than on average, or less."""

    MORE = "more"
    FEWER = "fewer"


class Effect(StrEnum):
    """Which way the forecast goes with it."""

    HIGHER = "higher"
    LOWER = "lower"


THEMES = tuple(Theme)
BASE_OWN, BASE_SURROUNDINGS = "base: own", "base: surroundings"
"""The two parts of the base layer: its rate against its prior, and the prior."""
BASE_RECENT = "base: recent"
"""What the last days add where the base layer speaks alone: its rate against that of the whole record."""
LEVEL = "level"

FEATURES = {
    "residents": Theme.EXPOSURE,
    "addresses": Theme.EXPOSURE,
    "bar": Theme.VENUES,
    "stop": Theme.STOPS,
    "shop": Theme.SHOPS,
    "school": Theme.SCHOOLS,
    "street_light": Theme.LIGHTING,
    "light": Theme.LIGHTING,
    "road_main": Theme.ROADS,
    "road_secondary": Theme.ROADS,
    "road_local": Theme.ROADS,
    "road_service": Theme.ROADS,
    "road_track": Theme.ROADS,
    "road_foot": Theme.ROADS,
    "sign": Theme.SIGNS,
    "police_post": Theme.POLICE,
    "police": Theme.POLICE,
    "camera": Theme.CAMERAS,
    "accident": Theme.ACCIDENTS,
}
"""Features of places, alone (``residents``) or with their measure (``bar: distance_m``)."""
_FEWER_WHEN_LARGE = "distance_m"
_MEASURES = frozenset({"count", "length_m", "casualties", _FEWER_WHEN_LARGE})
_NAMED = {
    BASE_OWN: Theme.OWN_RECORD,
    BASE_RECENT: Theme.RECENT,
    BASE_SURROUNDINGS: Theme.SURROUNDINGS_RECORD,
    **{f"kind: {theme}": theme for theme in (Theme.CENTRE, Theme.MARKET, Theme.PARK, Theme.INDUSTRY)},
    "season": Theme.SEASON,
    "holidays": Theme.SEASON,
    LEVEL: Theme.LEVEL,
    "trend": Theme.LEVEL,
    **{
        f"own: {surface.name}": Theme.SURROUNDINGS_RECORD
        if surface.prior_days >= SURROUNDINGS_ONLY_DAYS
        else Theme.OWN_RECORD
        for surface in OWN_SURFACES
    },
}
_OTHER_NAMES = frozenset(surface.name for surface in OTHER_SURFACES)


def theme_of(term: str) -> Theme:
    """Theme of a term of a fitted model.

    Raises
    ------
    UnknownTerm
        If none is known: a part of the forecast may not be passed over in silence.

    Examples
    --------
    >>> str(theme_of("bar: distance_m"))
    'venues'
    """
    if term in _NAMED:
        return _NAMED[term]
    of, _, how = term.partition(": ")
    if of in FEATURES and (not how or how in _MEASURES):
        return FEATURES[of]
    if how in _OTHER_NAMES and of != "own":
        return Theme.OTHER_GROUPS
    raise UnknownTerm(f"No reason is known for the term {term[:80]!r}; give it a theme in models/reasons.py.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason; ``factor`` is how many times the forecast is that of a place average in it."""

    theme: Theme
    presence: Presence
    factor: float

    @property
    def effect(self) -> Effect:
        return Effect.HIGHER if self.factor > 1.0 else Effect.LOWER


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contributions:
    """A forecast as a sum on the log scale, one row a cell.

    Attributes
    ----------
    terms : one name for each column, as `theme_of` knows them
    values : array of shape (n_cells, n_terms)
    signs : array of shape (n_terms,)
        Sign of each term's weight: 1 where more of it makes the forecast higher, -1 where lower, 0 where it has none.
    base : array of shape (n_cells,)
        What is left: ``base + values.sum(axis=1)`` is ``log_forecast``.
    log_forecast : array of shape (n_cells,)

    Raises
    ------
    MismatchedSupport
        If shapes differ, or a number is none.
    NotAdditive
        If a sum misses its forecast by more than `TOLERANCE`.
    UnknownTerm
        If a term has no theme.
    """

    terms: tuple[str, ...]
    values: NDArray[np.float64]
    signs: NDArray[np.float64]
    base: NDArray[np.float64]
    log_forecast: NDArray[np.float64]

    def __post_init__(self) -> None:
        n_cells = self.log_forecast.shape[0] if self.log_forecast.ndim else 0
        expected = ((n_cells, len(self.terms)), (len(self.terms),), (n_cells,), (n_cells,))
        found = (self.values.shape, self.signs.shape, self.base.shape, self.log_forecast.shape)
        if found != expected:
            raise MismatchedSupport(
                f"Values, signs, base and forecast have shapes {found}; expected {expected}. Give one column a term."
            )
        if not all(np.isfinite(part).all() for part in (self.values, self.signs, self.base, self.log_forecast)):
            raise MismatchedSupport(
                "A contribution or forecast is infinite or none; give logarithms of positive rates."
            )
        sums = self.base + self.values.sum(axis=1)
        missed = np.abs(sums - self.log_forecast)
        if n_cells and missed.max() > TOLERANCE:
            worst = int(np.argmax(missed))
            raise NotAdditive(
                f"The parts of cell {worst} add up to {sums[worst]:.8g}, its log forecast is "
                f"{self.log_forecast[worst]:.8g}; expected a difference of at most {TOLERANCE:g}. Take parts and "
                "forecast from one fit."
            )
        for term in self.terms:
            theme_of(term)

    def compared(
        self, area_of_cell: NDArray[np.int64] | None = None, *, weight: NDArray[np.float64] | None = None
    ) -> "Contributions":
        """The same, counted from the mean of each cell's area of comparison; the means move into ``base``.

        Parameters
        ----------
        area_of_cell : int array of shape (n_cells,) from 0 up; one area of all cells where it is not given
        weight : array of shape (n_cells,), not negative
            Expected incidents, mostly: places count by what is expected there. Alike where it is not given, and in
            areas where it is 0 everywhere.
        """
        areas = np.zeros(self.base.size, dtype=np.int64) if area_of_cell is None else area_of_cell
        shares = _shares(areas, weight, self.base.size)
        mean = _sums(areas, self.values * shares[:, None])[areas] if self.base.size else self.values
        return Contributions(
            terms=self.terms,
            values=self.values - mean,
            signs=self.signs,
            base=self.base + mean.sum(axis=1),
            log_forecast=self.log_forecast,
        )

    def of_areas(
        self, area_of_cell: NDArray[np.int64], *, weight: NDArray[np.float64] | None = None
    ) -> "Contributions":
        """Weighted means over the cells of each area, one row an area; parameters as in `compared`.

        They add up to the mean log forecast of the area's cells: of a typical place there, not of the area's total.

        Raises
        ------
        MismatchedSupport
            If an area has no cell.
        """
        shares = _shares(area_of_cell, weight, self.base.size)
        return Contributions(
            terms=self.terms,
            values=_sums(area_of_cell, self.values * shares[:, None]),
            signs=self.signs,
            base=_sums(area_of_cell, (self.base * shares)[:, None])[:, 0],
            log_forecast=_sums(area_of_cell, (self.log_forecast * shares)[:, None])[:, 0],
        )

    def lifted(self, expected: NDArray[np.float64], area_of_cell: NDArray[np.int64] | None = None) -> "Contributions":
        """The same places at another level: one more term, ``level``, that is alike in all cells of an area.

        Parameters
        ----------
        expected : array of shape (n_cells,), all above 0
            Forecast in which every cell of an area is the same multiple of this one.
        area_of_cell : int array of shape (n_cells,) from 0 up; one area of all cells where it is not given

        Raises
        ------
        NotAdditive
            If it is not: places of another fit.
        """
        log_expected = np.log(expected)
        step = log_expected - self.log_forecast
        areas = np.zeros(step.size, dtype=np.int64) if area_of_cell is None else area_of_cell
        _, any_of_area, area = np.unique(areas, return_index=True, return_inverse=True)
        if step.size and np.abs(step - step[any_of_area][area]).max() > TOLERANCE:
            raise NotAdditive(
                f"The level lifts cells by {np.exp(step.min()):.6g} to {np.exp(step.max()):.6g} times; expected one "
                "number for all cells of an area. Take level and places from one fit."
            )
        return Contributions(
            terms=(*self.terms, LEVEL),
            values=np.column_stack([self.values, step]),
            signs=np.append(self.signs, 1.0),
            base=self.base,
            log_forecast=log_expected,
        )

    def by_theme(self) -> NDArray[np.float64]:
        """What each theme of `THEMES` contributes; shape (n_cells, n_themes), with the same sums."""
        return np.asarray(self.values @ _membership(self.terms), dtype=np.float64)

    def reasons(self, *, most: int = MOST_REASONS, least: float = LEAST_TOLD) -> "Reasons":
        """The themes that contribute most, each by ``least`` or more on the log scale.

        Of equal ones the earlier in `Theme` comes first.
        """
        told = self.by_theme()
        far = np.array([-1.0 if term.endswith(f": {_FEWER_WHEN_LARGE}") else 1.0 for term in self.terms])
        # A term above its mean contributes with the sign of its weight, so this tells how much of it there is.
        presence = (self.values * np.sign(self.signs) * far) @ _membership(self.terms)
        # Rounded, so that themes alike but for the last bits are told in the same order on every machine.
        order = np.argsort(-np.abs(np.round(told, 9)), axis=1, kind="stable")[:, :most]
        value = np.take_along_axis(told, order, axis=1)
        is_told = np.abs(value) >= least
        there = np.take_along_axis(presence, order, axis=1)
        return Reasons(
            theme=np.where(is_told, order, -1).astype(np.int64),
            contribution=np.where(is_told, value, 0.0),
            is_more=np.where(there == 0.0, value > 0.0, there > 0.0) & is_told,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reasons:
    """Reasons of many cells or areas, strongest first.

    Attributes
    ----------
    theme : int array of shape (n, most)
        Position in `THEMES`; -1 where there is no further reason.
    contribution : array of shape (n, most), on the log scale
    is_more : bool array of shape (n, most)
    """

    theme: NDArray[np.int64]
    contribution: NDArray[np.float64]
    is_more: NDArray[np.bool_]

    def of(self, position: int) -> tuple[Reason, ...]:
        """Reasons of one cell or area; none where nothing sets it apart."""
        return tuple(
            Reason(
                theme=THEMES[theme],
                presence=Presence.MORE if is_more else Presence.FEWER,
                factor=float(np.exp(contribution)),
            )
            for theme, contribution, is_more in zip(
                self.theme[position].tolist(),
                self.contribution[position].tolist(),
                self.is_more[position].tolist(),
                strict=True,
            )
            if theme >= 0
        )


def of_stack(model: Stacked, fitted: FittedStack, *, as_of: date) -> Contributions:
    """The parts of a forecast of the stacked model, not yet compared with anything.

    The base layer is told in two parts: what its surroundings alone would say, and what the cell's own record adds to
    or takes from that. So a cell with many incidents may be told as quiet for where it lies.

    Parameters
    ----------
    model, fitted : ``fitted`` is ``model.fit(history, as_of=as_of)``
    """
    around = EmpiricalBayes(
        kernels=model.surfaces.kernels,
        half_life_days=model.base.half_life_days,
        bandwidth_m=model.base.bandwidth_m,
        prior_days=SURROUNDINGS_ONLY_DAYS,
    ).fit(model.surfaces.histories[model.kind], as_of=as_of)
    log_around = np.log(around.expected_incidents(1))
    return Contributions(
        terms=(*fitted.terms, BASE_OWN, BASE_SURROUNDINGS),
        values=np.column_stack([fitted.contributions, fitted.log_base - log_around, log_around]),
        signs=np.concatenate([np.sign(model.weights), [1.0, 1.0]]),
        base=np.full(log_around.size, fitted.log_scale),
        log_forecast=np.log(fitted.incidents_per_day),
    )


def of_base(model: EmpiricalBayes, history: History, *, as_of: date) -> Contributions:
    """The parts of a forecast of the base layer where it serves alone, not yet compared with anything.

    Three parts: what the surroundings would say by the whole record, what the cell's own record adds to that, and what
    changes when recent days weigh more. The last is 0 everywhere where the model weighs all days alike.

    Parameters
    ----------
    history : days on and after ``as_of`` are not looked at
    """

    def log_rate(of: EmpiricalBayes) -> NDArray[np.float64]:
        return np.log(of.fit(history, as_of=as_of).expected_incidents(1))

    long_run = replace(model, half_life_days=None)
    log_now, log_long_run = log_rate(model), log_rate(long_run)
    log_around = log_rate(replace(long_run, prior_days=SURROUNDINGS_ONLY_DAYS))
    return Contributions(
        terms=(BASE_OWN, BASE_RECENT, BASE_SURROUNDINGS),
        values=np.column_stack([log_long_run - log_around, log_now - log_long_run, log_around]),
        signs=np.ones(3),
        base=np.zeros(log_now.size),
        log_forecast=log_now,
    )


def _membership(terms: tuple[str, ...]) -> NDArray[np.float64]:
    found = np.zeros((len(terms), len(THEMES)))
    for row, term in enumerate(terms):
        found[row, THEMES.index(theme_of(term))] = 1.0
    return found


def _shares(area_of_cell: NDArray[np.int64], weight: NDArray[np.float64] | None, n_cells: int) -> NDArray[np.float64]:
    """Part of each cell in its area; the parts of an area sum to 1."""
    parts = np.ones(n_cells) if weight is None else weight
    if area_of_cell.shape != (n_cells,) or parts.shape != (n_cells,):
        raise MismatchedSupport(
            f"Areas have shape {area_of_cell.shape}, weights {parts.shape}; expected one for each of {n_cells} cells."
        )
    if n_cells and (area_of_cell.min() < 0 or not np.isfinite(parts).all() or parts.min() < 0.0):
        raise MismatchedSupport("An area number or a weight is negative or none; leave out cells of no area.")
    counts, sums = np.bincount(area_of_cell), np.bincount(area_of_cell, weights=parts)
    if (counts == 0).any():
        raise MismatchedSupport(f"Area {int(np.argmin(counts))} has no cell; number the areas from 0 without gaps.")
    is_weighted = (sums > 0.0)[area_of_cell]
    return np.where(is_weighted, parts / np.where(is_weighted, sums[area_of_cell], 1.0), 1.0 / counts[area_of_cell])


def _sums(area_of_cell: NDArray[np.int64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.empty((np.bincount(area_of_cell).size, columns.shape[1]))
    for position, column in enumerate(columns.T):
        found[:, position] = np.bincount(area_of_cell, weights=column)
    return found
