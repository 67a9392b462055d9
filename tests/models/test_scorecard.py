"""Past forecasts against what came: who was closer, the success criterion and the stop rule."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models import backtest, scorecard
from models.baselines import tune_long_run_mean
from models.errors import InvalidRule, MismatchedSupport
from models.scorecard import Criterion, Outcome, Standing, StopRule, Turn
from models.seasonal_baseline import SEASONAL_BASELINES
from models.shrinkage import tune
from tests.models.simulated import simulated_town

FIRST = date(2025, 1, 1)
LAST_YEAR = "same_month_last_year"


def rows_of(model, deviances, *, group="theft", incidents=100, expected=100.0, resolution=9, **more):
    return [
        {
            "offence_group": group,
            "model": model,
            "resolution": resolution,
            "horizon_days": 30,
            "window_start": (FIRST + timedelta(days=30 * number)).isoformat(),
            "incidents": incidents,
            "expected_incidents": expected,
            "hit_rate_5": 0.4,
            "poisson_deviance": deviance,
            **more,
        }
        for number, deviance in enumerate(deviances)
    ]


def a_card(forecast, long_run, last_year=None, **given_instead):
    rows = rows_of("eb", forecast) + rows_of("long_run_mean", long_run)
    rows += rows_of(LAST_YEAR, last_year) if last_year else []
    frame = scorecard.from_rows(rows)
    return scorecard.cards(frame, forecast={"theft": "eb"}, **given_instead)[0]


def judged(text, rule=None, turn=None, later=0):
    """The verdict after windows written as C (closer) and n (not closer), ``later`` days than `end_of` says."""
    starts = [FIRST + timedelta(days=30 * number + later) for number in range(len(text))]
    ends = [start + timedelta(days=30) for start in starts]
    return scorecard.judge([letter == "C" for letter in text], starts, ends, rule=rule or StopRule(), turn=turn)


def end_of(number):
    """The day after the last of a window, counted from 1."""
    return FIRST + timedelta(days=30 * number)


def test_the_better_baseline_is_that_of_the_lower_mean_over_all_windows():
    card = a_card([0.2, 0.2, 0.2], [0.3, 0.3, 0.1], [0.9, 0.1, 0.9])

    assert card.baseline == "long_run_mean"
    assert card.n_closer == 2  # the second window is judged against the same baseline as the others
    assert [month.is_closer(LAST_YEAR) for month in card.months] == [True, False, True]


def test_a_forecast_as_good_as_the_baseline_is_not_closer():
    assert a_card([0.2] * 3, [0.2] * 3).n_closer == 0


def test_differences_are_paired_over_the_windows():
    card = a_card([0.2, 0.2, 0.2], [0.3, 0.5, 0.4])

    difference = card.differences["long_run_mean"]

    assert difference.mean == pytest.approx(0.2)
    assert difference.standard_error == pytest.approx(0.1 / np.sqrt(3))
    assert difference.n_windows == 3


@pytest.mark.parametrize(
    ("windows", "standing", "since"),
    [
        ("CCC", Standing.IN_USE, FIRST),
        ("nCnnCC", Standing.IN_USE, FIRST),
        ("CCCn", Standing.IN_USE, FIRST),
        ("CCnn", Standing.WARNED, end_of(4)),
        ("nCnCnn", Standing.WARNED, end_of(6)),
        ("nnn", Standing.SWITCHED_OFF, end_of(3)),
        ("CnnnCC", Standing.SWITCHED_OFF, end_of(4)),
        ("CnnnCnC", Standing.SWITCHED_OFF, end_of(4)),
        ("nnnnnC", Standing.SWITCHED_OFF, end_of(3)),
        ("CnnnCCC", Standing.IN_USE, end_of(7)),
        ("nnnCCCnn", Standing.WARNED, end_of(8)),
        ("nnnCCCnnn", Standing.SWITCHED_OFF, end_of(9)),
        ("Cn", Standing.UNTESTED, None),
        ("", Standing.UNTESTED, None),
    ],
)
def test_the_stop_rule_says_what_holds_and_since_when(windows, standing, since):
    verdict = judged(windows)

    assert (verdict.standing, verdict.since) == (standing, since)


LONG_AGO = FIRST - timedelta(days=200)


@pytest.mark.parametrize(
    ("windows", "off_since", "standing", "since"),
    [
        ("nCCnCCn", LONG_AGO, Standing.SWITCHED_OFF, LONG_AGO),
        ("nCCnCCC", LONG_AGO, Standing.IN_USE, end_of(7)),
        ("CCCnnn", LONG_AGO, Standing.SWITCHED_OFF, end_of(6)),
        ("nnCC", end_of(2), Standing.SWITCHED_OFF, end_of(2)),
        ("CCnCCn", end_of(5), Standing.SWITCHED_OFF, end_of(5)),
        ("CCCCCCC", end_of(5), Standing.SWITCHED_OFF, end_of(5)),
        ("CCCCCCCC", end_of(5), Standing.IN_USE, end_of(8)),
        ("CCCCCCCC", end_of(5) + timedelta(days=1), Standing.SWITCHED_OFF, end_of(5) + timedelta(days=1)),
        ("C", LONG_AGO, Standing.SWITCHED_OFF, LONG_AGO),
        ("", LONG_AGO, Standing.SWITCHED_OFF, LONG_AGO),
    ],
)
def test_what_was_switched_off_stays_so_until_three_whole_windows_since_then_are_hits(
    windows, off_since, standing, since
):
    verdict = judged(windows, turn=Turn(is_off=True, since=off_since))

    assert (verdict.standing, verdict.since) == (standing, since)


@pytest.mark.parametrize(
    ("windows", "standing", "since"),
    [
        ("nnnCCCnn", Standing.IN_USE, end_of(7)),
        ("nnnnnnnnn", Standing.WARNED, end_of(9)),
        ("nnnnnnnnnn", Standing.SWITCHED_OFF, end_of(10)),
        ("CC", Standing.UNTESTED, None),
    ],
)
def test_misses_before_a_forecast_came_back_do_not_switch_it_off_again(windows, standing, since):
    verdict = judged(windows, turn=Turn(is_off=False, since=end_of(7)))

    assert (verdict.standing, verdict.since) == (standing, since)


@given(st.text(alphabet="Cn", min_size=4, max_size=24), st.data())
def test_judging_in_two_steps_says_what_one_judgement_says(windows, drawn):
    at = drawn.draw(st.integers(3, len(windows)))

    first = judged(windows[:at])

    assert judged(windows, turn=first.turn) == judged(windows)


@given(
    st.text(alphabet="Cn", max_size=9),
    st.text(alphabet="Cn", min_size=3, max_size=12),
    st.integers(1, 35),
)
def test_no_other_days_of_the_windows_undo_a_turn_before_three_windows_since_then(before, after, later):
    turn = judged(before + "nnn").turn

    verdict = judged(after, turn=turn, later=later)

    whole = [number for number in range(len(after)) if end_of(number) + timedelta(days=later) >= turn.since]
    if len(whole) < 3:
        assert verdict.turn == turn


def test_the_rule_counts_windows_in_a_row():
    assert [judged(windows).in_a_row for windows in ("CCCnn", "nnnC", "nCC")] == [-2, 1, 2]


@given(st.text(alphabet="Cn", min_size=3, max_size=24))
def test_a_forecast_is_off_exactly_when_three_misses_came_after_the_last_three_hits(windows):
    is_off = windows.rfind("nnn") > windows.rfind("CCC")

    assert (judged(windows).standing is Standing.SWITCHED_OFF) is is_off


def test_a_rule_that_warns_too_late_is_refused():
    with pytest.raises(InvalidRule, match="a warning must come first"):
        StopRule(windows=2, warned_after=2)


@pytest.mark.parametrize(
    ("gains", "outcome"),
    [
        ([0.02, 0.03] * 6, Outcome.MET),
        ([0.9, -0.9] * 6, Outcome.NOT_MET),
        ([-0.02, -0.03] * 6, Outcome.NOT_MET),
        ([0.02, 0.03] * 5, Outcome.TOO_EARLY),
        ([0.02], Outcome.TOO_EARLY),
    ],
)
def test_the_criterion_asks_for_a_year_of_windows_and_a_gain_beyond_doubt(gains, outcome):
    assert a_card([1.0 - gain for gain in gains], [1.0] * len(gains)).outcome is outcome


def test_the_criterion_is_dated_and_its_terms_can_be_given():
    criterion = Criterion(least_windows=3)

    assert criterion.set_on < criterion.decided_by
    assert a_card([0.2, 0.2, 0.1], [0.3, 0.4, 0.4], criterion=criterion).outcome is Outcome.MET


def test_a_group_without_windows_or_without_a_baseline_is_untested():
    frame = scorecard.from_rows(rows_of("eb", [0.2] * 12))

    for card in scorecard.cards(frame, forecast={"theft": "eb", "robbery": "eb"}):
        assert (card.months, card.baseline) == ((), None)
        assert (card.verdict.standing, card.outcome) == (Standing.UNTESTED, Outcome.TOO_EARLY)


def test_no_windows_at_all_leave_every_group_untested():
    for empty in (pl.DataFrame(schema=backtest.SCHEMA), scorecard.from_rows([])):
        card = scorecard.cards(empty, forecast={"all": "eb"})[0]

        assert card.verdict == scorecard.Verdict(standing=Standing.UNTESTED)


def test_a_baseline_that_lacks_a_window_is_left_out():
    card = a_card([0.2] * 4, [0.3] * 4, [0.1] * 3)

    assert set(card.differences) == {"long_run_mean"}


def test_windows_of_two_resolutions_are_refused():
    frame = scorecard.from_rows(rows_of("eb", [0.2] * 3) + rows_of("eb", [0.2] * 3, resolution=8))

    with pytest.raises(MismatchedSupport, match="one resolution"):
        scorecard.cards(frame, forecast={"theft": "eb"})


def test_the_range_of_a_forecast_is_kept_where_it_is_known():
    rows = rows_of("eb", [0.2] * 3, low=80.0, high=121.5) + rows_of("long_run_mean", [0.3] * 3)

    month = scorecard.cards(scorecard.from_rows(rows), forecast={"theft": "eb"})[0].months[0]

    assert (month.forecast.low, month.forecast.high) == (80.0, 121.5)
    assert month.baselines["long_run_mean"].low is None


def test_each_group_is_compared_with_the_model_that_forecasts_it():
    rows = [
        *rows_of("eb", [0.2] * 3),
        *rows_of("stacked", [0.1] * 3),
        *rows_of("long_run_mean", [0.15] * 3),
    ]
    frame = scorecard.from_rows(rows)

    assert [scorecard.cards(frame, forecast={"theft": model})[0].n_closer for model in ("eb", "stacked")] == [0, 3]


def test_the_turns_of_the_groups_are_those_found_and_those_of_groups_not_forecast_now():
    rows = []
    for group, deviances in {
        "theft": [0.2] * 4,
        "robbery": [0.2, 0.4, 0.4, 0.4],
        "assault": [0.2, 0.2, 0.4, 0.4],
    }.items():
        rows += rows_of("eb", deviances, group=group) + rows_of("long_run_mean", [0.3] * 4, group=group)

    earlier = {"burglary": Turn(is_off=True, since=LONG_AGO)}
    forecast = dict.fromkeys(["theft", "robbery", "assault"], "eb")

    turns = scorecard.turns_after(scorecard.from_rows(rows), forecast=forecast, turns=earlier)

    assert turns == {"robbery": Turn(is_off=True, since=end_of(4)), **earlier}


@pytest.fixture(scope="module")
def windows():
    """A real backtest of a simulated town: the served model, both baselines, and one that no scorecard shows."""
    town = simulated_town(seed=31, days=800, incidents_per_day=6.0, rings=5)
    contenders = {"eb": tune, "long_run_mean": tune_long_run_mean, **SEASONAL_BASELINES, "odd": tune_long_run_mean}
    return backtest.run(
        town.history(), town.kernels, as_of=town.end, horizon_days=30, offence_group="theft", contenders=contenders
    ).windows


def test_rows_of_a_backtest_survive_being_kept_as_plain_values(windows):
    rows = scorecard.to_rows(windows, forecast={"theft": "eb"})

    kept = scorecard.from_rows(rows)

    assert {row["model"] for row in rows} == {"eb", "long_run_mean", LAST_YEAR}
    assert all(isinstance(row["window_start"], str) for row in rows)
    expected = windows.filter(pl.col("model") != "odd").select(
        name for name in scorecard.SCHEMA if name not in scorecard.OPTIONAL
    )
    assert_frame_equal(kept.drop(scorecard.OPTIONAL), expected, check_exact=True)


def test_a_card_of_kept_rows_is_that_of_the_backtest(windows):
    forecast = {"theft": "eb"}

    kept = scorecard.cards(scorecard.from_rows(scorecard.to_rows(windows, forecast=forecast)), forecast=forecast)

    assert kept == scorecard.cards(windows, forecast=forecast)
    assert len(kept[0].months) == 12
    assert kept[0].months[-1].end - kept[0].months[0].start == timedelta(days=360)
