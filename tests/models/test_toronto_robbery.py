"""The published benchmark, on real incidents that are not part of the repository."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from geodata import hexgrid
from models import backtest
from models.history import History, start_of_record
from models.kernels import Kernels

FILE = Path(__file__).parents[3] / "shared" / "data" / "bench" / "toronto_mci_to_2018.parquet"
AS_OF = date(2019, 1, 1)

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="../shared/data is absent: no Toronto incidents to test on")


@pytest.fixture(scope="module")
def summary() -> pl.DataFrame:
    incidents = (
        pl.read_parquet(FILE)
        .filter(pl.col("occurred_at") < pl.lit(AS_OF).cast(pl.Datetime), pl.col("lat").is_not_null())
        .unique(["occurred_at", "lat", "lon", "category"], maintain_order=True)
    )
    cell = hexgrid.assign_cells(incidents["lat"].to_numpy(), incidents["lon"].to_numpy(), resolution=9)
    occurred_on = incidents["occurred_at"].dt.date().to_numpy().astype("datetime64[D]")
    start = start_of_record(occurred_on)
    first = backtest.first_test_day(start, AS_OF, horizon_days=30)
    cells = backtest.support_cells(cell, occurred_on, before=first)
    is_robbery = (incidents["category"] == "Robbery").to_numpy()
    history = History.from_incidents(cell[is_robbery], occurred_on[is_robbery], cells=cells, start=start, end=AS_OF)
    assert (start, first) == (date(2014, 1, 1), date(2018, 1, 1))
    found = backtest.run(history, Kernels(cells), as_of=AS_OF, horizon_days=30, offence_group="robbery")
    assert backtest.compare_with_best_baseline(found.windows)["is_not_worse"].all()
    return backtest.summary(found.windows)


def value(summary: pl.DataFrame, model: str, metric: str) -> float:
    return float(summary.row(by_predicate=pl.col("model") == model, named=True)[metric])


def test_the_served_model_arrives_at_the_published_accuracy_and_calibration(summary):
    assert value(summary, "eb", "n_windows") == 12
    assert value(summary, "eb", "pai_5") >= 8.3
    assert 0.9 <= value(summary, "eb", "calibration_slope") <= 1.1
    assert value(summary, "eb", "observed_over_expected") == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(
    ("model", "pai_5", "deviance", "slope"),
    [
        ("last_period", 4.9, 0.442, 0.32),
        ("promap", 5.9, 0.304, 0.40),
        ("long_run_mean", 8.4, 0.202, 0.87),
        ("eb", 8.5, 0.195, 1.04),
    ],
)
def test_each_model_comes_out_near_its_published_row(summary, model, pai_5, deviance, slope):
    found = [value(summary, model, metric) for metric in ("pai_5", "poisson_deviance", "calibration_slope")]

    assert np.allclose(found, [pai_5, deviance, slope], rtol=0.06)
