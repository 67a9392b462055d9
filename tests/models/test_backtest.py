from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models import backtest
from models.contenders import CONTENDERS
from models.errors import TooLittleHistory, UnknownModel
from models.history import History
from tests.models.simulated import START, simulated_town, town_kernels

TOWN = simulated_town(seed=11, days=420, incidents_per_day=8.0, rings=6)
AS_OF = START + timedelta(days=360)


def a_backtest(history: History | None = None, **given_instead) -> backtest.Backtest:
    wanted = {"as_of": AS_OF, "horizon_days": 30, "offence_group": "theft", **given_instead}
    return backtest.run(history or TOWN.history(), TOWN.kernels, **wanted)


def test_every_contender_stands_in_every_window_with_the_declared_columns():
    windows = a_backtest().windows

    assert windows.schema == backtest.SCHEMA
    assert windows.group_by("model").len().sort("model")["len"].to_list() == [6] * len(CONTENDERS)
    assert windows["resolution"].unique().to_list() == [9]
    starts = windows.filter(pl.col("model") == "eb")["window_start"].to_list()
    assert starts[0] == START + timedelta(days=180)
    assert {(later - earlier).days for earlier, later in pairwise(starts)} == {30}


def test_a_rerun_is_identical():
    one, other = a_backtest(), a_backtest()

    assert_frame_equal(one.windows, other.windows, check_exact=True)
    assert_frame_equal(one.reliability, other.reliability, check_exact=True)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_later=st.integers(0, 300),
    name=st.sampled_from(sorted(CONTENDERS)),
)
def test_changing_anything_on_or_after_as_of_moves_nothing(seed, n_later, name):
    rng = np.random.default_rng(seed)
    is_past = TOWN.occurred_on < np.datetime64(AS_OF, "D")
    later_days = np.datetime64(AS_OF, "D") + rng.integers(0, 60, size=n_later)
    changed = History.from_incidents(
        np.concatenate([TOWN.cell[is_past], rng.choice(TOWN.kernels.cells[:20], size=n_later)]),
        np.concatenate([TOWN.occurred_on[is_past], later_days]),
        cells=TOWN.kernels.cells,
        start=TOWN.start,
        end=TOWN.end,
    )

    def answer(history: History) -> np.ndarray:
        model = CONTENDERS[name](history, as_of=AS_OF, horizon_days=30, kernels=TOWN.kernels)
        return model.fit(history, as_of=AS_OF).expected_incidents(30)

    assert np.array_equal(answer(changed), answer(TOWN.history()))
    only = {name: CONTENDERS[name]}
    assert_frame_equal(
        a_backtest(changed, contenders=only).windows, a_backtest(contenders=only).windows, check_exact=True
    )


def test_a_model_is_shown_only_the_days_before_its_window():
    shown = []

    class Watched:
        name = "watched"

        def fit(self, history, *, as_of):
            shown.append((history.end, as_of))
            return self

        def expected_incidents(self, horizon_days):
            return np.ones(TOWN.kernels.n_cells)

    def tune(history, *, as_of, horizon_days, kernels):
        shown.append((history.end, as_of))
        return Watched()

    a_backtest(contenders={"watched": tune})

    assert len(shown) == 7
    assert all(end == as_of for end, as_of in shown)


def test_incidents_off_the_support_are_counted_in_their_window_and_lower_every_score():
    small = town_kernels(rings=4)
    history = History.from_incidents(TOWN.cell, TOWN.occurred_on, cells=small.cells, start=TOWN.start, end=TOWN.end)

    windows = backtest.run(history, small, as_of=AS_OF, horizon_days=30, offence_group="theft").windows

    assert (windows["off_support"] > 0).all()
    assert (windows["hit_rate_10"] < windows["incidents"] / (windows["incidents"] + windows["off_support"])).all()


def test_the_summary_has_one_row_per_case_and_model_with_means_and_pooled_calibration():
    both = pl.concat([a_backtest().windows, a_backtest(offence_group="robbery").windows])

    table = backtest.summary(both)

    assert table.height == 2 * len(CONTENDERS)
    eb = table.row(by_predicate=(pl.col("model") == "eb") & (pl.col("offence_group") == "theft"), named=True)
    mine = both.filter((pl.col("model") == "eb") & (pl.col("offence_group") == "theft"))
    assert eb["pai_5"] == pytest.approx(mine["pai_5"].mean())
    assert eb["observed_over_expected"] == pytest.approx(mine["incidents"].sum() / mine["expected_incidents"].sum())
    assert eb["calibration_slope"] == pytest.approx(1.0, abs=0.2)


def test_shrinkage_beats_every_baseline_in_deviance_on_simulated_truth():
    table = backtest.summary(a_backtest().windows).sort("poisson_deviance")

    assert table["model"][0] == "eb"


def test_the_comparison_is_paired_with_the_best_baseline_of_each_metric():
    windows = a_backtest().windows

    comparison = backtest.compare_with_best_baseline(windows)

    assert comparison["metric"].to_list() == ["poisson_deviance", "pai_5"]
    assert comparison["is_not_worse"].all()
    row = comparison.row(0, named=True)
    served = windows.filter(pl.col("model") == "eb")["poisson_deviance"].to_numpy()
    best = windows.filter(pl.col("model") == row["baseline"])["poisson_deviance"].to_numpy()
    assert row["difference"] == pytest.approx(float((best - served).mean()))
    assert row["standard_error"] == pytest.approx(float((best - served).std(ddof=1) / np.sqrt(6)))


def test_a_served_model_that_is_clearly_worse_does_not_pass():
    windows = a_backtest().windows.with_columns(
        pl.when(pl.col("model") == "eb").then(pl.col("poisson_deviance") + 1.0).otherwise("poisson_deviance"),
    )

    comparison = backtest.compare_with_best_baseline(windows)

    assert comparison["is_not_worse"].to_list() == [False, True]


def test_windows_without_incidents_leave_a_gap_and_do_not_stop_the_test():
    is_early = TOWN.occurred_on < np.datetime64(START + timedelta(days=200), "D")
    history = History.from_incidents(
        TOWN.cell[is_early], TOWN.occurred_on[is_early], cells=TOWN.kernels.cells, start=TOWN.start, end=TOWN.end
    )

    windows = a_backtest(history).windows

    assert windows["pai_5"].null_count() == 5 * len(CONTENDERS)
    assert windows["poisson_deviance"].null_count() == 0
    comparison = backtest.compare_with_best_baseline(windows)
    assert comparison.filter(pl.col("metric") == "pai_5")["standard_error"].to_list() == [None]


def test_a_comparison_needs_the_served_model_and_a_baseline():
    windows = a_backtest().windows

    with pytest.raises(UnknownModel, match="hgb"):
        backtest.compare_with_best_baseline(windows, served="hgb")
    with pytest.raises(UnknownModel, match="long_run_mean"):
        backtest.compare_with_best_baseline(windows.filter(pl.col("model") == "eb"))


def test_the_support_knows_nothing_of_the_test_span():
    cells = town_kernels(rings=6).cells
    before = START + timedelta(days=100)
    early = np.repeat(cells[:40], 3)
    late = np.repeat(cells[60:], 3)
    days = np.datetime64(START, "D") + np.repeat([50, 100], [early.size, late.size])

    support = backtest.support_cells(np.concatenate([early, late]), days, before=before)

    assert np.array_equal(support, backtest.support_cells(early, days[: early.size], before=before))
    assert support.size > 40


def test_the_first_test_day_is_the_first_window():
    first = backtest.first_test_day(TOWN.start, AS_OF, horizon_days=30)

    assert first == a_backtest().windows["window_start"].min()


def test_a_test_beyond_the_record_is_refused():
    with pytest.raises(TooLittleHistory, match="needs the days in between"):
        a_backtest(as_of=TOWN.end + timedelta(days=1))


def test_a_record_of_three_months_cannot_be_tested():
    with pytest.raises(TooLittleHistory, match="Deliver a longer record"):
        a_backtest(as_of=START + timedelta(days=90))


def paired_windows(advantages):
    """Windows of one case in which ``stacked`` has that much less deviance than ``eb``."""
    return pl.DataFrame(
        [
            {
                "model": model,
                "window_start": date(2025, 1 + number, 1),
                "poisson_deviance": 1.0 - gain * (model != "eb"),
            }
            for number, gain in enumerate(advantages)
            for model in ("eb", "stacked")
        ]
    ).with_columns(offence_group=pl.lit("theft"), resolution=pl.lit(9), horizon_days=pl.lit(30))


@pytest.mark.parametrize(
    ("advantages", "model"),
    [
        ([0.10, 0.12, 0.09, 0.11], "stacked"),
        ([0.10, -0.12, 0.09, -0.05], "eb"),
        ([-0.10, -0.12, -0.09, -0.11], "eb"),
        ([0.10], "eb"),
    ],
    ids=["beyond doubt", "by chance", "worse", "one window tells nothing"],
)
def test_the_stacked_model_is_served_only_where_it_is_better_beyond_doubt(advantages, model):
    chosen = backtest.model_to_serve(paired_windows(advantages))

    assert chosen["model"].to_list() == [model]
    assert chosen["difference"][0] == pytest.approx(np.mean(advantages))


def test_a_backtest_without_the_stacked_model_serves_the_base_layer():
    windows = paired_windows([0.1, 0.1]).filter(pl.col("model") == "eb")

    chosen = backtest.model_to_serve(windows)

    assert chosen["model"].to_list() == ["eb"]
    assert chosen["difference"].to_list() == [None]
