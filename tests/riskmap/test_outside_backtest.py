"""Forecasts for windows of others: everything asked for is answered, and nothing later is known."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from geodata import hexgrid
from riskmap.errors import ExitStatus
from tests.models.simulated import START, simulated_town, town_kernels
from tests.typed_commands import typed

KERNELS = town_kernels(rings=6)
WINDOWS = [(START + timedelta(days=600), 30), (START + timedelta(days=600), 7), (START + timedelta(days=700), 30)]

BREAK = datetime.combine(START + timedelta(days=300), datetime.min.time())


def points_of(seed: int, days: int = 730) -> pl.DataFrame:
    """Simulated points of two categories."""
    frames = []
    for number, category in enumerate(("Theft", "Robbery")):
        town = simulated_town(seed=seed + number, days=days, kernels=KERNELS, incidents_per_day=4.0 / (1 + number))
        lat, lon = hexgrid.centres(town.cell)
        at = pl.Series(town.occurred_on).cast(pl.Datetime("us")) + pl.duration(hours=number)
        frames.append(
            pl.DataFrame({"occurred_at": pl.select(at).to_series(), "category": category, "lat": lat, "lon": lon})
        )
    return pl.concat(frames).with_columns(time_precision=pl.lit("day"))


def asked(folder, capsys, points, windows=WINDOWS, *, resolution=9):
    points.write_parquet(folder / "points.parquet")
    pl.DataFrame({"cell": hexgrid.cell_ids(KERNELS.cells)[::-1]}).write_csv(folder / "cells.csv")
    pl.DataFrame(windows, schema=["window_start", "horizon"], orient="row").write_csv(folder / "windows.csv")
    answer = typed(
        capsys,
        *("backtest", "--incidents", folder / "points.parquet", "--cells", folder / "cells.csv"),
        *("--windows", folder / "windows.csv", "--resolution", resolution, "--out", folder / "out.csv", "--json"),
    )
    out = folder / "out.csv"
    return answer, pl.read_csv(out, try_parse_dates=True) if out.exists() else None


def test_every_category_cell_and_window_is_answered_in_the_order_asked(tmp_path, capsys):
    answer, out = asked(tmp_path, capsys, points_of(1))

    assert answer.status == ExitStatus.DONE
    assert out.columns == ["cell", "window_start", "horizon", "type", "expected"]
    assert out.height == len(WINDOWS) * 2 * KERNELS.cells.size == answer.data["rows"]
    assert out.select("window_start", "horizon").unique(maintain_order=True).rows() == WINDOWS
    assert out["cell"][: KERNELS.cells.size].to_list() == hexgrid.cell_ids(KERNELS.cells)[::-1]
    assert set(out["type"]) == {"Theft", "Robbery"}
    assert out["expected"].min() > 0.0
    month = out.filter(horizon=30, type="Theft", window_start=WINDOWS[0][0])["expected"].sum()
    assert month == pytest.approx(120, rel=0.2)


def test_what_happens_from_the_window_on_moves_nothing(tmp_path, capsys):
    points = points_of(2)
    later = pl.col("occurred_at").dt.date() >= WINDOWS[0][0]
    changed = pl.concat(
        [points.filter(~later), points_of(77).filter(later).with_columns(category=pl.lit("Robbery"))]
    ).sample(fraction=1.0, shuffle=True, seed=3)

    _, before = asked(tmp_path, capsys, points, WINDOWS[:2])
    _, after = asked(tmp_path, capsys, changed, WINDOWS[:2])

    assert before.equals(after)


def test_a_rerun_is_identical(tmp_path, capsys):
    points = points_of(4)

    asked(tmp_path, capsys, points)
    first = (tmp_path / "out.csv").read_bytes()
    asked(tmp_path, capsys, points)

    assert (tmp_path / "out.csv").read_bytes() == first


def last_days(points, *, days):
    return points.filter(pl.col("occurred_at").dt.date() >= WINDOWS[0][0] - timedelta(days=days))


@pytest.mark.parametrize(
    ("change", "answered"),
    [
        (lambda points: points.head(0), "starts before anything is known"),
        (lambda points: points.head(1), "1 days; a forecast needs 28"),
        (lambda points: points.with_columns(occurred_at=pl.lit(START).cast(pl.Datetime("us"))), "1 days; a forecast"),
        (lambda points: last_days(points, days=20), "20 days; a forecast needs 28"),
    ],
    ids=["none", "one", "one day", "20 days"],
)
def test_a_record_of_few_days_gets_no_number(tmp_path, capsys, change, answered):
    answer, out = asked(tmp_path, capsys, change(points_of(5).sort("occurred_at")), WINDOWS[:1])

    assert answer.status == ExitStatus.BAD_INPUT
    assert answered in answer.err
    assert out is None


@pytest.mark.parametrize(
    ("change", "robberies"),
    [
        (lambda points: points.with_columns(lat=pl.col("lat").first(), lon=pl.col("lon").first()), 60),
        (lambda points: points.filter(pl.col("occurred_at").dt.year() == START.year), 60),
        (lambda points: points.filter(pl.col("category").ne("Robbery") | (pl.col("occurred_at") < BREAK)), 0),
        (lambda points: points.filter(~pl.col("occurred_at").is_between(BREAK, BREAK + timedelta(days=120))), 60),
    ],
    ids=["one cell", "nothing for half a year before the window", "a category stops", "a gap of months"],
)
def test_strange_records_are_forecast_at_the_level_they_have(tmp_path, capsys, change, robberies):
    answer, out = asked(tmp_path, capsys, change(points_of(5).sort("occurred_at")), WINDOWS[:1])

    assert answer.status == ExitStatus.DONE
    assert np.isfinite(out["expected"].to_numpy()).all()
    assert out.filter(type="Theft")["expected"].sum() == pytest.approx(120, rel=0.25)
    assert out.filter(type="Robbery")["expected"].sum() == pytest.approx(robberies, rel=0.25, abs=3.0)


def test_a_window_before_the_record_writes_nothing(tmp_path, capsys):
    answer, out = asked(tmp_path, capsys, points_of(6), [*WINDOWS, (date(2019, 1, 1), 30)])

    assert answer.status == ExitStatus.BAD_INPUT
    assert "2019-01-01" in answer.err
    assert out is None


def test_options_of_both_kinds_or_half_of_one_are_refused(capsys):
    for options in ([], ["--territory", "almaty", "--cells", "x.csv"], ["--cells", "x.csv"]):
        answer = typed(capsys, "backtest", *options)

        assert answer.status == ExitStatus.BAD_INPUT
        assert "--territory NAME" in answer.err
