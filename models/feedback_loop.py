"""A simulated city in which patrols follow the forecast and the forecast follows the record: does it run away?

Sixty areas with steady true rates; one half of them stood in the record half as often again as the other for a year.
Then, for 36 periods, the model is fitted on the record so far, patrols go to the areas with most expected incidents,
victims report what they report everywhere, and patrols find more where they are. If the model learns from what
patrols find, the half it was told too much about keeps the patrols and its share of the risk grows. If only reported
incidents are learnt from, the old excess fades. Everything here is simulated; no number in it is about a real place.

What the loop cannot show: a half whose people report less often. Its share stays too low whatever is kept out of
training, which is why every page about the numbers says so.

References
----------
Lum & Isaac (2016), Significance 13, 14-19; Ensign et al. (2018), Proceedings of Machine Learning Research 81, 160-171.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid
from models import training
from models.errors import UnknownModel
from models.history import History
from models.kernels import Kernels
from models.risk_model import FittedRisk, RiskModel
from models.shrinkage import tune

REPORTED, FOUND = "theft", "drugs"
"""Offence groups of what victims report and of what patrols find."""
FIRST_DAY = date(2022, 1, 1)

LARGEST_AMPLIFICATION = 1.02
"""The served product has to stay below; the old excess fades, so it comes out below 1."""
LEAST_OF_CONTROL = 1.08
"""What a model that learns from finds has to reach: a simulation that shows no loop there would show none anywhere."""

Door = Callable[[pl.DataFrame], pl.DataFrame]
"""What stands between the record and the model: rows of the record to rows that are learnt from."""


def guarded(record: pl.DataFrame) -> pl.DataFrame:
    """The product's door: `models.training.admit`."""
    return training.admit(record).rows


def unguarded(record: pl.DataFrame) -> pl.DataFrame:
    """No door: everything recorded is learnt from. It exists for the positive control alone."""
    return record


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TunedBaseLayer:
    """The served base layer as a score run makes it: tuned anew on the record each time it is fitted."""

    kernels: Kernels = field(repr=False)
    horizon_days: int = 30
    name: str = "eb"

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        tuned = tune(history, as_of=as_of, horizon_days=self.horizon_days, kernels=self.kernels)
        return tuned.fit(history, as_of=as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """How the simulated city works.

    Attributes
    ----------
    incidents_per_period, spread : true rate of an area, and the standard deviation of its logarithm between areas
    visited : areas that patrols visit in a period
    found_per_incident : incidents a patrol finds in an area it visits, for each one that truly happens there
    reporting : share of incidents that victims of the half report; those of the other half report all
    past_excess : how often the half's incidents were recorded in the first periods, for each one reported
    """

    areas: int = 60
    first_periods: int = 12
    periods: int = 36
    period_days: int = 30
    incidents_per_period: float = 5.0
    spread: float = 0.3
    visited: int = 12
    found_per_incident: float = 0.0
    reporting: float = 1.0
    past_excess: float = 1.5

    def start_of(self, period: int) -> date:
        return FIRST_DAY + timedelta(days=period * self.period_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Shares of the half that was recorded too much, and where patrols went.

    Attributes
    ----------
    start, end : share of the model's risk before the first and after the last period, each ÷ the true share
    always_visited : share of the areas visited in the first period that were visited in every one
    visits : share of all visits that went to the half
    """

    start: float
    end: float
    always_visited: float
    visits: float

    @property
    def amplification(self) -> float:
        """Above 1 the excess grew, below 1 it faded."""
        return self.end / self.start


def city_of(loop: Loop) -> Kernels:
    """The areas: hexagons of resolution 9 around a point on the open ocean."""
    middle = hexgrid.assign_cells(np.array([30.0]), np.array([-40.0]), resolution=9)
    near_first = hexgrid.disk(middle, 1 + int(np.sqrt(loop.areas / 3)))[1]
    away = np.linalg.norm(hexgrid.in_space(*hexgrid.centres(near_first)) - _point(middle), axis=1)
    return Kernels(np.sort(near_first[np.argsort(away, kind="stable")[: loop.areas]]))


def run(
    loop: Loop, model_of: Callable[[Kernels], RiskModel], *, door: Door = guarded, rng: np.random.Generator
) -> Outcome:
    """One simulated city through all its periods.

    True rates and what victims report are drawn from streams of their own: with the same seed they are the same
    whatever patrols find and whatever is learnt from.

    Parameters
    ----------
    model_of : makes the model that is fitted anew before each period
    door : what of the record the model may learn from
    """
    kernels = city_of(loop)
    of_rates, of_reports, of_finds = rng.spawn(3)
    rate = loop.incidents_per_period * of_rates.lognormal(-(loop.spread**2) / 2, loop.spread, loop.areas)
    half = _western_half(kernels)
    model = model_of(kernels)
    last = loop.first_periods + loop.periods
    reporting = np.where(half, loop.reporting, 1.0)
    excess = np.where(half, loop.past_excess, 1.0)
    reported = [
        of_reports.poisson(rate * reporting * (excess if period < loop.first_periods else 1.0))
        for period in range(last)
    ]
    record = [_rows(loop, kernels, counts, REPORTED, period=at, rng=of_reports) for at, counts in enumerate(reported)]
    known, shares, visits = record[: loop.first_periods], [], np.zeros((loop.periods, loop.areas), dtype=bool)
    for period in range(loop.first_periods, last + 1):
        expected = _forecast(model, pl.concat(known), kernels, door, as_of=loop.start_of(period), loop=loop)
        shares.append(expected[half].sum() / expected.sum())
        if period == last:
            break
        chosen = np.argsort(-expected, kind="stable")[: loop.visited]
        visits[period - loop.first_periods, chosen] = True
        finds = of_finds.poisson(loop.found_per_incident * rate) * visits[period - loop.first_periods]
        known += [record[period], _rows(loop, kernels, finds, FOUND, period=period, rng=of_finds)]
    truth = rate[half].sum() / rate.sum()
    return Outcome(
        start=float(shares[0] / truth),
        end=float(shares[-1] / truth),
        always_visited=float(visits.all(axis=0).sum() / loop.visited),
        visits=float(visits[:, half].sum() / visits.sum()),
    )


SCENARIOS: Mapping[str, tuple[Loop, Door]] = {
    "reported_only": (Loop(), guarded),
    "found_once_unguarded": (Loop(found_per_incident=1.0), unguarded),
    "found_thrice_unguarded": (Loop(found_per_incident=3.0), unguarded),
    "found_thrice_kept_out": (Loop(found_per_incident=3.0), guarded),
    "half_reporting": (Loop(reporting=0.5, past_excess=1.0), guarded),
}
"""``found_thrice_kept_out`` is the product; ``found_thrice_unguarded`` the positive control: the same city, no door."""


def repeated(scenario: str, model_of: Callable[[Kernels], RiskModel], *, seeds: int) -> pl.DataFrame:
    """Outcomes of one of `SCENARIOS` for the seeds 0, 1, …: a row each with the fields of `Outcome`, amplification too.

    Raises
    ------
    UnknownModel
        If there is no such scenario.
    """
    if scenario not in SCENARIOS:
        raise UnknownModel(f"There is no scenario {scenario!r}; expected one of {', '.join(SCENARIOS)}.")
    loop, door = SCENARIOS[scenario]
    found = [run(loop, model_of, door=door, rng=np.random.default_rng(seed)) for seed in range(seeds)]
    return pl.DataFrame([{**asdict(outcome), "amplification": outcome.amplification} for outcome in found])


def _forecast(
    model: RiskModel, record: pl.DataFrame, kernels: Kernels, door: Door, *, as_of: date, loop: Loop
) -> NDArray[np.float64]:
    learnt = door(record)
    history = History.from_incidents(
        learnt["cell"].to_numpy(), learnt["occurred_on"], cells=kernels.cells, start=FIRST_DAY, end=as_of
    )
    return model.fit(history, as_of=as_of).expected_incidents(loop.period_days)


def _rows(
    loop: Loop, kernels: Kernels, counts: NDArray[np.int64], group: str, *, period: int, rng: np.random.Generator
) -> pl.DataFrame:
    """So many incidents of a group in each area, on random days of the period."""
    first = np.datetime64(loop.start_of(period), "D")
    return pl.DataFrame(
        {
            "offence_group": pl.repeat(group, int(counts.sum()), dtype=pl.String, eager=True),
            "cell": np.repeat(kernels.cells, counts),
            "occurred_on": first + rng.integers(0, loop.period_days, int(counts.sum())),
        }
    )


def _western_half(kernels: Kernels) -> NDArray[np.bool_]:
    lng = hexgrid.centres(kernels.cells)[1]
    is_half = np.zeros(kernels.n_cells, dtype=np.bool_)
    is_half[np.argsort(lng, kind="stable")[: kernels.n_cells // 2]] = True
    return is_half


def _point(cells: hexgrid.Cells) -> NDArray[np.float64]:
    return hexgrid.in_space(*hexgrid.centres(cells))
