from datetime import timedelta

import numpy as np
import pytest

from models import contenders
from models.baselines import KernelDensity, LastPeriod, LongRunMean, ProMap, tune_kernel_density
from models.errors import MismatchedSupport, UnknownModel
from models.history import History
from tests.models.simulated import START, simulated_town, town_kernels

KERNELS = town_kernels(rings=5)
MIDDLE = KERNELS.n_cells // 2


def a_history(days: list[int], *, n_days: int = 100) -> History:
    """Incidents in one cell of the town."""
    cell = np.full(len(days), KERNELS.cells[MIDDLE], dtype=np.uint64)
    occurred_on = np.datetime64(START, "D") + np.array(days, dtype=np.int64)
    return History.from_incidents(
        cell, occurred_on, cells=KERNELS.cells, start=START, end=START + timedelta(days=n_days)
    )


def test_the_last_period_repeats_its_counts():
    history = a_history([5, 69, 70, 99])

    expected = LastPeriod().fit(history, as_of=history.end).expected_incidents(30)

    assert expected[MIDDLE] == 2.0
    assert expected.sum() == 2.0


def test_a_record_shorter_than_the_horizon_is_stretched_to_it():
    history = a_history([0, 1, 2], n_days=10)

    assert LastPeriod().fit(history, as_of=history.end).expected_incidents(30).sum() == pytest.approx(9.0)


def test_the_long_run_mean_goes_on_at_the_rate_of_the_record():
    history = a_history([0, 10, 20, 99])

    assert LongRunMean().fit(history, as_of=history.end).expected_incidents(50)[MIDDLE] == pytest.approx(2.0)


def test_kernel_density_spreads_a_count_over_the_cells_around():
    history = a_history([1, 2, 3])

    expected = KernelDensity(kernels=KERNELS, bandwidth_m=400.0).fit(history, as_of=history.end).expected_incidents(30)

    assert expected.argmax() == MIDDLE
    assert 6 < np.count_nonzero(expected) < KERNELS.n_cells


def test_promap_forgets_after_eight_weeks_and_reaches_four_hundred_metres():
    history = a_history([99])
    model = ProMap(kernels=KERNELS)

    fresh = model.fit(history, as_of=history.end).expected_incidents(56)

    assert fresh.sum() == pytest.approx(1.0)
    assert fresh.argmax() == MIDDLE
    assert np.count_nonzero(fresh) == 7  # the cell and its ring, about 300 m away
    assert model.fit(a_history([99], n_days=160), as_of=START + timedelta(days=156)).expected_incidents(30).sum() == 0.0


def test_promap_weighs_a_recent_incident_more_than_an_older_one():
    cell = KERNELS.cells[[0, KERNELS.n_cells - 1]]
    occurred_on = np.datetime64(START, "D") + np.array([99, 60])
    history = History.from_incidents(cell, occurred_on, cells=KERNELS.cells, start=START, end=START + timedelta(100))

    expected = ProMap(kernels=KERNELS).fit(history, as_of=history.end).expected_incidents(30)

    assert expected[0] > 2 * expected[-1] > 0


def test_the_bandwidth_is_chosen_by_what_happened_next():
    town = simulated_town(seed=3, days=800, incidents_per_day=20.0)

    model = tune_kernel_density(town.history(), as_of=town.end, horizon_days=30, kernels=town.kernels)

    assert model.bandwidth_m == 200.0  # neighbours of this town agree only a little


def test_a_model_and_a_history_of_other_supports_are_refused():
    with pytest.raises(MismatchedSupport, match="make both from the same support"):
        KernelDensity(kernels=town_kernels(rings=2)).fit(a_history([1]), as_of=START + timedelta(days=50))


def test_a_contender_nobody_knows_is_refused_with_the_names_there_are():
    assert contenders.contender("eb") is contenders.SERVED["eb"]
    with pytest.raises(UnknownModel, match="kernel_density, promap, same_month_last_year, eb"):
        contenders.contender("crystal_ball")
