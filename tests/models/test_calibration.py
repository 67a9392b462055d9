import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor

from models.calibration import calibration_slope, observed_over_expected, reliability_table
from models.errors import MismatchedSupport, UndefinedMetric


def simulated(seed: int = 4, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    expected = rng.gamma(0.7, 1.0, size=n) + 0.01
    return expected, rng.poisson(expected)


def test_a_forecast_that_is_the_truth_has_slope_one():
    expected, observed = simulated()

    assert calibration_slope(expected, observed) == pytest.approx(1.0, abs=0.06)
    assert observed_over_expected(expected, observed) == pytest.approx(1.0, abs=0.05)


def test_a_forecast_with_doubled_contrast_has_slope_one_half_and_a_wrong_level_does_not_matter():
    expected, observed = simulated()

    assert calibration_slope(7.0 * expected**2, observed) == pytest.approx(
        0.5 * calibration_slope(expected, observed), abs=1e-6
    )


def test_the_slope_is_that_of_an_unpenalised_poisson_regression():
    expected, observed = simulated(seed=9)

    regression = PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000).fit(np.log(expected)[:, None], observed)

    assert calibration_slope(expected, observed) == pytest.approx(regression.coef_[0], abs=1e-4)


@pytest.mark.parametrize(
    ("expected", "observed", "reason"),
    [
        ([1.0, 0.0], [1, 0], "positive"),
        ([1.0, 2.0], [0, 0], "at least one incident"),
        ([1.0, 1.0], [1, 0], "all equal"),
        ([1.0, 2.0], [0, 5], "separate"),
    ],
)
def test_a_slope_that_does_not_exist_is_refused(expected, observed, reason):
    with pytest.raises(UndefinedMetric, match=reason):
        calibration_slope(np.array(expected), np.array(observed))


def test_arrays_of_other_lengths_are_refused():
    with pytest.raises(MismatchedSupport, match="must agree"):
        calibration_slope(np.ones(3), np.ones(2, dtype=np.int64))


def test_half_as_many_again_as_expected_is_one_and_a_half():
    assert observed_over_expected(np.array([1.0, 3.0]), np.array([2, 4])) == pytest.approx(1.5)


def test_nothing_expected_has_no_ratio_and_no_table():
    with pytest.raises(UndefinedMetric):
        observed_over_expected(np.zeros(3), np.ones(3, dtype=np.int64))
    with pytest.raises(UndefinedMetric):
        reliability_table(np.zeros(3), np.ones(3, dtype=np.int64))


def test_a_reliability_table_loses_no_cell_and_no_incident():
    expected, observed = simulated()

    table = reliability_table(expected, observed)

    assert table["n_cells"].sum() == expected.size
    assert table["observed_incidents"].sum() == observed.sum()
    assert table["expected_incidents"].sum() == pytest.approx(expected.sum())
    assert table["band"].to_list() == list(range(1, 11))
    assert table["observed_over_expected"].is_between(0.8, 1.2).all()
