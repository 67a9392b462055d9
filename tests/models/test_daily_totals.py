"""Daily totals of regions, days off the record, and cells brought to the totals of their areas."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.daily_totals import DailyTotals, reconcile, recorded_days
from models.errors import MismatchedSupport, TooLittleHistory
from tests.models.simulated import simulated_town

START = date(2024, 1, 1)


def test_totals_of_areas_hold_every_incident_of_their_cells_on_its_day():
    town = simulated_town(seed=1, days=60, rings=3)
    history = town.history()
    area_of_cell = np.arange(history.n_cells) % 4 - 1

    totals = DailyTotals.from_history(history, area_of_cell)

    first, end = town.start + timedelta(days=10), town.start + timedelta(days=20)
    cells = history.counts(first, end)
    assert totals.counts.shape == (3, 60)
    assert totals.end == town.end
    assert totals.counts[:, 10:20].sum(axis=1).tolist() == [int(cells[area_of_cell == area].sum()) for area in range(3)]
    assert totals.read(first, end)[0].tolist() == totals.counts[:, 10:20].sum(axis=1).tolist()


def test_an_area_without_incidents_keeps_its_row():
    history = simulated_town(seed=1, days=60, rings=3, incidents_per_day=0.05).history()
    area_of_cell = np.zeros(history.n_cells, dtype=np.int64)
    area_of_cell[np.setdiff1d(np.arange(history.n_cells), history.cell_index)[0]] = 1

    totals = DailyTotals.from_history(history, area_of_cell)

    assert totals.counts.sum(axis=1).tolist() == [history.cell_index.size, 0]


def test_days_off_the_record_are_not_read():
    counts = np.ones((2, 6), dtype=np.int64)
    is_recorded = np.array([True, True, False, False, True, True])
    totals = DailyTotals(counts=counts, start=START, is_recorded=is_recorded)

    count, known = totals.read(START + timedelta(days=1), START + timedelta(days=5))

    assert count.tolist() == [2.0, 2.0]
    assert known.tolist() == [True, False, False, True]
    assert totals.before(START + timedelta(days=3)).on_record.tolist() == [True, True, False]


def test_a_day_before_the_record_is_refused():
    totals = DailyTotals(counts=np.ones((1, 3), dtype=np.int64), start=START, is_recorded=np.array([False, True, True]))

    with pytest.raises(TooLittleHistory, match="choose a later as_of"):
        totals.before(START)
    with pytest.raises(TooLittleHistory, match="no day on record before 2024-01-02"):
        totals.before(START + timedelta(days=1))


def test_counts_that_are_none_are_refused():
    with pytest.raises(MismatchedSupport, match="at least one"):
        DailyTotals(counts=np.ones(3, dtype=np.int64), start=START)
    with pytest.raises(MismatchedSupport, match="whole numbers"):
        DailyTotals(counts=np.ones((1, 3)), start=START)
    with pytest.raises(MismatchedSupport, match="start at 0"):
        DailyTotals(counts=np.array([[1, -1]]), start=START)
    with pytest.raises(MismatchedSupport, match="each of 3 days"):
        DailyTotals(counts=np.ones((1, 3), dtype=np.int64), start=START, is_recorded=np.ones(2, dtype=np.bool_))
    with pytest.raises(MismatchedSupport, match="one number for each"):
        DailyTotals.from_history(simulated_town(seed=1, days=30, rings=2).history(), np.zeros(3, dtype=np.int64))


def test_a_silence_of_months_is_off_the_record_and_a_quiet_day_is_not():
    daily = np.random.default_rng(5).poisson(2.0, size=400)
    daily[100:190] = 0

    found = recorded_days(daily)

    assert not found[100:190].any()
    assert found[:99].all()
    assert found[191:].all()


def test_a_record_without_any_incident_is_on_record():
    assert recorded_days(np.zeros(5, dtype=np.int64)).all()


@given(data=st.data())
def test_cells_sum_to_their_totals_and_keep_their_proportions(data):
    n_cells, n_areas = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 5))
    amounts = st.floats(0.0, 1e6) | st.sampled_from([0.0, 5e-324, 1e-300])
    cells = np.array(data.draw(st.lists(amounts, min_size=n_cells, max_size=n_cells)))
    area = np.array(data.draw(st.lists(st.integers(-1, n_areas - 1), min_size=n_cells, max_size=n_cells)))
    totals = np.array(data.draw(st.lists(st.just(0.0) | st.floats(1e-9, 1e6), min_size=n_areas, max_size=n_areas)))
    totals[np.setdiff1d(np.arange(n_areas), area)] = 0.0

    found = reconcile(cells, area, totals)

    assert found[area == -1].tolist() == cells[area == -1].tolist()
    for number in range(n_areas):
        inside = area == number
        assert found[inside].sum() == pytest.approx(totals[number], rel=1e-9)
        part = cells[inside] / (cells[inside].max(initial=0.0) or 1.0)
        even = part if part.any() else np.ones(part.size)
        assert found[inside] * even.sum() == pytest.approx(even * totals[number], rel=1e-9, abs=1e-9)


def test_reconciling_leaves_what_it_was_given_alone():
    cells = np.array([1.0, 1.0])

    reconcile(cells, np.array([0, 0]), np.array([10.0]))

    assert cells.tolist() == [1.0, 1.0]


def test_totals_that_cannot_be_placed_are_refused():
    with pytest.raises(MismatchedSupport, match=r"Areas \[1\] have a total and no cell"):
        reconcile(np.ones(2), np.array([0, 0]), np.array([1.0, 2.0]))
    with pytest.raises(MismatchedSupport, match="Area 2 has no total"):
        reconcile(np.ones(2), np.array([0, 2]), np.array([1.0, 2.0]))
    with pytest.raises(MismatchedSupport, match="one each is needed"):
        reconcile(np.ones(2), np.array([0]), np.array([1.0]))
    with pytest.raises(MismatchedSupport, match="negative or not a number"):
        reconcile(np.array([1.0, np.nan]), np.array([0, 0]), np.array([1.0]))
    with pytest.raises(MismatchedSupport, match="negative or not a number"):
        reconcile(np.ones(2), np.array([0, 0]), np.array([-1.0]))
