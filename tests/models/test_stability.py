"""How lasting hotspots are: refits that named them, and incidents that came back. All data is simulated."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import stability
from models.errors import MismatchedSupport, TooLittleHistory
from models.history import History
from models.risk_model import SteadyRate
from models.shrinkage import EmpiricalBayes
from tests.models.simulated import simulated_town

START, AS_OF = date(2024, 1, 1), date(2026, 1, 1)
CELLS = np.arange(20, dtype=np.uint64)
RISKS = st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=80).map(np.array)


@dataclass(frozen=True)
class CountsSoFar:
    """A model that expects what was recorded so far."""

    name: str = "counts"
    extra: int = 0

    def fit(self, history, *, as_of):
        counts = history.before(as_of).counts(history.start, as_of).astype(float)
        return SteadyRate(incidents_per_day=np.pad(counts, (0, self.extra)))


def a_history(*placed, start=START, end=AS_OF):
    """History of twenty cells from (cell, day) pairs."""
    cell = np.array([cell for cell, _ in placed], dtype=np.uint64)
    day = np.array([day for _, day in placed], dtype="datetime64[D]")
    return History.from_incidents(cell, day, cells=CELLS, start=start, end=end)


def monthly(cell, *, months, each=1, year=2025):
    return [(cell, date(year, month, 1 + n)) for month in months for n in range(each)]


def spread_thin(*, but=()):
    """One incident in each other cell."""
    return [(cell, date(2025, 5, 5)) for cell in range(20) if cell not in but]


# ---- Among the highest ----


@given(RISKS, st.floats(0.01, 1.0))
def test_never_more_cells_are_named_than_the_share_allows(risk, share):
    named = stability.among_highest(risk, share=share)

    assert named.sum() <= max(1, np.floor(share * risk.size + 1e-9))


@given(RISKS, st.floats(0.01, 0.99))
def test_every_named_cell_stands_above_every_other(risk, share):
    named = stability.among_highest(risk, share=share)

    if named.any() and not named.all():
        assert risk[named].min() > risk[~named].max()


@given(RISKS, st.integers(0, 2**32 - 1))
def test_the_order_of_the_cells_does_not_matter(risk, seed):
    order = np.random.default_rng(seed).permutation(risk.size)

    assert (stability.among_highest(risk[order]) == stability.among_highest(risk)[order]).all()


def test_a_forecast_that_is_the_same_everywhere_names_nobody():
    assert not stability.among_highest(np.full(100, 0.3)).any()


def test_five_of_a_hundred_cells_are_named_and_one_of_three():
    assert stability.among_highest(np.arange(100.0)).sum() == 5
    assert stability.among_highest(np.arange(3.0)).tolist() == [False, False, True]


# ---- Stability ----


def test_stability_is_the_share_of_refits_that_name_the_cell():
    forecasts = np.tile(np.arange(20.0), (12, 1))
    forecasts[:3, 0] = 99.0

    found = stability.stability(forecasts)

    assert found[[0, 19, 5]].tolist() == [0.25, 0.75, 0.0]


def test_refits_are_thirty_days_apart_and_all_before_the_day():
    days = stability.refit_days(START, AS_OF)

    assert len(days) == 12
    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=30)}
    assert days[-1] == AS_OF - timedelta(days=30)


def test_refits_without_two_months_before_them_are_left_out():
    days = stability.refit_days(AS_OF - timedelta(days=300), AS_OF)

    assert len(days) == 8


def test_a_record_too_short_for_six_refits_is_told():
    with pytest.raises(TooLittleHistory, match="leaves 5 refits"):
        stability.refit_days(AS_OF - timedelta(days=239), AS_OF)


def test_a_place_that_always_had_most_is_stable_and_a_newcomer_is_not():
    old = [(3, START + timedelta(days=7 * n)) for n in range(60)]
    new = [(9, date(2025, 11, 5)) for _ in range(90)]

    found = stability.stability_of(CountsSoFar(), a_history(*old, *new), as_of=AS_OF, horizon_days=30)

    assert found[[3, 9, 0]].tolist() == [pytest.approx(11 / 12), pytest.approx(1 / 12), 0.0]


def test_nothing_that_happens_later_moves_the_stability_of_today():
    before = [(3, START + timedelta(days=7 * n)) for n in range(60)]
    later = [(9, AS_OF + timedelta(days=1)) for _ in range(500)]
    long = a_history(*before, *later, end=AS_OF + timedelta(days=60))

    told = [
        stability.stability_of(CountsSoFar(), history, as_of=AS_OF, horizon_days=30)
        for history in (a_history(*before), long)
    ]

    assert (told[0] == told[1]).all()


def test_a_model_of_other_cells_is_refused():
    with pytest.raises(MismatchedSupport, match="23 cells, the history for 20"):
        stability.stability_of(CountsSoFar(extra=3), a_history(), as_of=AS_OF, horizon_days=30)


def test_the_served_model_finds_the_lasting_places_of_a_simulated_town():
    town = simulated_town(seed=4, days=1200, incidents_per_day=8.0)
    history = town.history()

    found = stability.stability_of(EmpiricalBayes(kernels=town.kernels), history, as_of=town.end, horizon_days=30)

    highest = np.argsort(-town.rate)[:3]
    lowest = np.argsort(town.rate)[: town.rate.size // 2]
    assert (found[highest] >= 0.9).all()
    assert found[lowest].max() == 0.0


# ---- Repeat places ----


def test_a_place_to_which_incidents_come_back_is_a_repeat_place():
    history = a_history(*spread_thin(but={7}), *monthly(7, months=(2, 5, 9)))

    assert np.flatnonzero(stability.repeat_places(history, as_of=AS_OF)).tolist() == [7]


def test_one_bad_month_does_not_make_a_repeat_place():
    history = a_history(*spread_thin(but={7}), *monthly(7, months=(5,), each=9), *monthly(7, months=(6,)))

    assert not stability.repeat_places(history, as_of=AS_OF).any()


def test_places_as_busy_as_others_are_no_repeat_places():
    everywhere = [one for cell in range(20) for one in monthly(cell, months=range(1, 13))]

    assert not stability.repeat_places(a_history(*everywhere), as_of=AS_OF).any()


def test_only_the_last_year_counts():
    history = a_history(*spread_thin(but={7}), *monthly(7, months=(2, 5, 9), year=2024))

    assert not stability.repeat_places(history, as_of=AS_OF).any()


def test_nothing_on_or_after_the_day_counts():
    history = a_history(*spread_thin(but={7}), *monthly(7, months=(2, 5, 9)))

    assert not stability.repeat_places(history, as_of=date(2025, 9, 1)).any()
    assert stability.repeat_places(history, as_of=date(2025, 9, 2))[7]


def test_a_year_without_incidents_has_no_repeat_places():
    history = a_history((3, date(2024, 2, 2)))

    assert not stability.repeat_places(history, as_of=AS_OF).any()
