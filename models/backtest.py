"""Every model under one protocol: rolling origins over the last year, each seeing only the days before its window.

A model is tuned once, on the days before the first test day, and fitted anew for each window. Windows follow
`models.windows.rolling_windows`; the support is the caller's (`support_cells`), because a metric means nothing without
it: compare models inside one case, never cities.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid
from geodata.hexgrid import Cells
from models.baselines import BASELINES
from models.calibration import calibration_slope, reliability_table
from models.contenders import CONTENDERS
from models.errors import TooLittleHistory, UndefinedMetric, UnknownModel
from models.history import Days, History, day_numbers
from models.hotspot_metrics import (
    COVERAGES,
    hit_rate,
    poisson_deviance,
    prediction_accuracy_index,
    prediction_efficiency_index,
    with_flat_share,
)
from models.kernels import Kernels
from models.risk_model import Tune, require_same_support
from models.windows import Window, rolling_windows

METRICS = (
    *(f"{metric}_{round(100 * c)}" for metric in ("hit_rate", "pai", "pei") for c in COVERAGES),
    "poisson_deviance",
)
"""Columns of a backtest with one value per model and window; higher is better except for the deviance."""

SCHEMA = pl.Schema(
    {
        "offence_group": pl.String(),
        "model": pl.String(),
        "resolution": pl.Int64(),
        "horizon_days": pl.Int64(),
        "window_start": pl.Date(),
        "incidents": pl.Int64(),
        "off_support": pl.Int64(),
        "expected_incidents": pl.Float64(),
        **{metric: pl.Float64() for metric in METRICS},
        "pooled_slope": pl.Float64(),
    }
)
CASE = ("offence_group", "resolution", "horizon_days")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backtest:
    """What a backtest found.

    Attributes
    ----------
    windows : one row per model and window, columns `SCHEMA`
        ``incidents`` and ``expected_incidents`` are those of the support; ``off_support`` fell elsewhere. A metric
        that is undefined in a window (no incident in it) is missing. ``pooled_slope`` is the calibration slope of all
        windows of the model together, repeated on each row.
    reliability : `calibration.reliability_table` per model over all windows, with column ``model``
    """

    windows: pl.DataFrame
    reliability: pl.DataFrame


def support_cells(cell: Cells, occurred_on: Days, *, before: date) -> Cells:
    """Support of a backtest: cells where incidents of any kind recur before the first test day.

    Parameters
    ----------
    cell : uint64 array of shape (n_incidents,), incidents of every kind
    occurred_on : calendar day of each
    before : the first test day; later incidents must not decide what is tested
    """
    is_known = day_numbers(occurred_on) < np.datetime64(before, "D")
    return hexgrid.support(cell[is_known])


def first_test_day(start: date, as_of: date, *, horizon_days: int) -> date:
    """Day on which the first window starts.

    Raises
    ------
    TooLittleHistory
        If the record is too short for two windows and 60 days before them.
    """
    return rolling_windows(start, as_of, horizon_days=horizon_days)[0].start


def run(
    history: History,
    kernels: Kernels,
    *,
    as_of: date,
    horizon_days: int,
    offence_group: str,
    contenders: Mapping[str, Tune] = CONTENDERS,
) -> Backtest:
    """Backtest of one offence group and horizon.

    Parameters
    ----------
    history : incidents of the group on the support of ``kernels``
    as_of : the test span ends on the day before; days from it on are not looked at
    contenders : how to tune each model, by name

    Raises
    ------
    TooLittleHistory
        If the record before ``as_of`` is too short.
    """
    require_same_support(history, kernels)
    if as_of > history.end:
        raise TooLittleHistory(f"The history ends on {history.end}; a test up to {as_of} needs the days in between.")
    windows = rolling_windows(history.start, as_of, horizon_days=horizon_days)
    resolution = hexgrid.resolution_of(kernels.cells)
    rows: list[dict[str, object]] = []
    tables = []
    for name, tune in contenders.items():
        # Cut before tuning as well: what a model is not shown it cannot use.
        model = tune(
            history.before(windows[0].start), as_of=windows[0].start, horizon_days=horizon_days, kernels=kernels
        )
        forecasts = [
            model.fit(history.before(window.start), as_of=window.start).expected_incidents(horizon_days)
            for window in windows
        ]
        counts = [history.counts(window.start, window.end) for window in windows]
        expected, observed = np.concatenate(forecasts), np.concatenate(counts)
        # The slope is that of the forecast as served; only one that holds a cell impossible has no logarithm as it is.
        positive = expected if expected.min() > 0.0 else np.concatenate([with_flat_share(f) for f in forecasts])
        case = {
            "offence_group": offence_group,
            "model": name,
            "resolution": resolution,
            "horizon_days": horizon_days,
            "pooled_slope": _unless_undefined(partial(calibration_slope, positive, observed)),
        }
        for window, forecast, count in zip(windows, forecasts, counts, strict=True):
            rows.append({**case, **_measured(forecast, count, history, window)})
        tables.append(reliability_table(positive, observed).select(pl.lit(name).alias("model"), pl.all()))
    return Backtest(windows=pl.DataFrame(rows, schema=SCHEMA), reliability=pl.concat(tables))


def summary(windows: pl.DataFrame) -> pl.DataFrame:
    """One row per case and model: mean of each metric over the windows, pooled slope, observed over expected.

    Parameters
    ----------
    windows : `Backtest.windows` of one or several cases, one below the other
    """
    return windows.group_by(*CASE, "model", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("n_windows"),
        pl.col("incidents").sum(),
        pl.col("off_support").sum(),
        *(pl.col(metric).mean() for metric in METRICS),
        pl.col("pooled_slope").first().alias("calibration_slope"),
        (pl.col("incidents").sum() / pl.col("expected_incidents").sum()).alias("observed_over_expected"),
    )


def tidy(windows: pl.DataFrame) -> pl.DataFrame:
    """One row per case, model, window and metric: columns of `CASE`, ``window_start, model, metric, value``.

    Counts, expected incidents and `METRICS` are told, each of its window alone; the slope, pooled over all windows, is
    not. An undefined metric is a missing value.

    Parameters
    ----------
    windows : `Backtest.windows` of one or several cases, one below the other
    """
    told = ("incidents", "off_support", "expected_incidents", *METRICS)
    return (
        windows.with_columns(pl.col(told).cast(pl.Float64))
        .unpivot(told, index=[*CASE, "window_start", "model"], variable_name="metric", value_name="value")
        .sort(*CASE, "window_start", "model", "metric")
    )


def compare_with_best_baseline(windows: pl.DataFrame, *, served: str = "eb") -> pl.DataFrame:
    """Is the served model worse than the best baseline? Paired over the windows of each case.

    Returns
    -------
    polars frame with one row per case and metric (``poisson_deviance``, ``pai_5``)
        ``baseline``: the best one by that metric's mean; ``difference``: mean advantage of the served model, positive
        where it is better (lower deviance, higher PAI); ``standard_error`` of that mean; ``n_windows`` compared;
        ``is_not_worse``: the difference is above minus two standard errors. With fewer than two windows to compare
        there is no standard error, and ``is_not_worse`` says whether the difference itself is not negative.

    Raises
    ------
    UnknownModel
        If the frame lacks the served model or every baseline.
    """
    rows = []
    for case, frame in windows.group_by(*CASE, maintain_order=True):
        found = frame["model"].unique(maintain_order=True).to_list()
        baselines = [name for name in found if name in BASELINES]
        if served not in found or not baselines:
            raise UnknownModel(
                f"The backtest holds {', '.join(found)}; {served} and one of {', '.join(BASELINES)} are needed."
            )
        for metric, sign in (("poisson_deviance", -1.0), ("pai_5", 1.0)):
            values = {name: sign * _of_model(frame, name, metric) for name in (served, *baselines)}
            is_defined = ~np.isnan(values[served])
            if not is_defined.any():
                continue
            mean = {name: float(values[name][is_defined].mean()) for name in baselines}
            best = max(baselines, key=mean.__getitem__)
            rows.append(
                {
                    **dict(zip(CASE, case, strict=True)),
                    "metric": metric,
                    "baseline": best,
                    **_paired(values[served][is_defined] - values[best][is_defined]),
                }
            )
    return pl.DataFrame(
        rows,
        schema={
            **{name: SCHEMA[name] for name in CASE},
            "metric": pl.String(),
            "baseline": pl.String(),
            "difference": pl.Float64(),
            "standard_error": pl.Float64(),
            "n_windows": pl.Int64(),
            "is_not_worse": pl.Boolean(),
        },
    )


def differences(windows: pl.DataFrame, *, reference: str = "eb") -> pl.DataFrame:
    """Every model beside one of them, paired over the windows of each case.

    Returns
    -------
    polars frame with one row per case, model and metric (``poisson_deviance``, ``pai_5``)
        ``difference``: mean advantage of the model, positive where it is better than the reference;
        ``standard_error`` of that mean, missing with fewer than two windows; ``n_windows`` compared.
    """
    rows = []
    for case, frame in windows.group_by(*CASE, maintain_order=True):
        for name in frame["model"].unique(maintain_order=True):
            for metric, sign in (("poisson_deviance", -1.0), ("pai_5", 1.0)):
                gain = sign * (_of_model(frame, name, metric) - _of_model(frame, reference, metric))
                if name != reference and not np.isnan(gain).all():
                    told = _paired(gain[~np.isnan(gain)])
                    rows.append({**dict(zip(CASE, case, strict=True)), "model": name, "metric": metric, **told})
    columns = ("difference", "standard_error", "n_windows")
    found = pl.DataFrame(rows, schema_overrides=dict.fromkeys(columns[:2], pl.Float64()))
    return found.select(*CASE, "model", "metric", *columns) if rows else found


def model_to_serve(windows: pl.DataFrame) -> pl.DataFrame:
    """Which model each case is served by: ``stacked`` where it beats ``eb`` beyond doubt, else ``eb``.

    Returns
    -------
    polars frame with one row per case
        ``model``; ``difference``: mean advantage of ``stacked`` in Poisson deviance per cell over the windows, positive
        where it is better; its ``standard_error``; ``n_windows``. Beyond doubt is more than two standard errors, over
        at least two windows.
    """
    rows = []
    for case, frame in windows.group_by(*CASE, maintain_order=True):
        deviance = {name: _of_model(frame, name, "poisson_deviance") for name in ("eb", "stacked")}
        paired = _paired(deviance["eb"] - deviance["stacked"]) if deviance["stacked"].size else {}
        error = paired.get("standard_error")
        is_better = isinstance(error, float) and float(str(paired["difference"])) > 2.0 * error
        rows.append(
            {
                **dict(zip(CASE, case, strict=True)),
                "model": "stacked" if is_better else "eb",
                **{name: paired.get(name) for name in ("difference", "standard_error", "n_windows")},
            }
        )
    return pl.DataFrame(
        rows,
        schema={
            **{name: SCHEMA[name] for name in CASE},
            "model": pl.String(),
            "difference": pl.Float64(),
            "standard_error": pl.Float64(),
            "n_windows": pl.Int64(),
        },
    )


def _of_model(frame: pl.DataFrame, name: str, metric: str) -> NDArray[np.float64]:
    """The metric's values of one model in the order of the windows."""
    return frame.filter(pl.col("model") == name).sort("window_start")[metric].to_numpy()


def _measured(
    forecast: NDArray[np.float64], count: NDArray[np.int64], history: History, window: Window
) -> dict[str, object]:
    off_support = history.off_support_count(window.start, window.end)
    row: dict[str, object] = {
        "window_start": window.start,
        "incidents": int(count.sum()),
        "off_support": off_support,
        "expected_incidents": float(forecast.sum()),
        "poisson_deviance": poisson_deviance(forecast, count),
    }
    for coverage in COVERAGES:
        percent = round(100 * coverage)
        hits = partial(hit_rate, forecast, count, coverage=coverage, off_support=off_support)
        accuracy = partial(prediction_accuracy_index, forecast, count, coverage=coverage, off_support=off_support)
        efficiency = partial(prediction_efficiency_index, forecast, count, coverage=coverage)
        row[f"hit_rate_{percent}"] = _unless_undefined(hits)
        row[f"pai_{percent}"] = _unless_undefined(accuracy)
        row[f"pei_{percent}"] = _unless_undefined(efficiency)
    return row


def _unless_undefined(metric: Callable[[], float]) -> float | None:
    try:
        return metric()
    except UndefinedMetric:
        return None


def _paired(differences: NDArray[np.float64]) -> dict[str, object]:
    n_windows = differences.size
    mean = float(differences.mean())
    error = float(differences.std(ddof=1) / math.sqrt(n_windows)) if n_windows > 1 else None
    return {
        "difference": mean,
        "standard_error": error,
        "n_windows": n_windows,
        "is_not_worse": mean >= -2.0 * (error or 0.0),
    }
