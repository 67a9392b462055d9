"""``backtest``: the models on past windows of a territory, or on incidents, cells and windows somebody else chose."""

import argparse
import io
from pathlib import Path
from typing import Any

import polars as pl

from geodata import points
from geodata.columns import BACKTEST_RESULTS
from models import backtest
from riskmap import backtest_report
from riskmap.command_line import Context, Report, day, opened, positive
from riskmap.disk import replace_synced, writing_to
from riskmap.errors import InvalidOptions
from riskmap.pipeline import outside_backtest, scoring

OWN_TEST = ("incidents", "cells", "windows", "out")
RESULTS_FILE, REPORT_FILE = "backtest.parquet", "report.html"
FINEST = 10
SCORECARD_COLUMNS = {
    "PAI 1 %": "pai_1",
    "PAI 2 %": "pai_2",
    "PAI 5 %": "pai_5",
    "PAI 10 %": "pai_10",
    "PEI 1 %": "pei_1",
    "PEI 2 %": "pei_2",
    "PEI 5 %": "pei_5",
    "PEI 10 %": "pei_10",
    "hit 5 %": "hit_rate_5",
    "deviance": "poisson_deviance",
    "slope": "calibration_slope",
    "obs/exp": "observed_over_expected",
}


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``backtest`` to the command line; ``shared`` holds the options of every command."""
    help_text = "test the model against the baselines on past data, or forecast windows of your own"
    test = commands.add_parser("backtest", parents=[shared], help=help_text, description=help_text)
    test.set_defaults(run=_backtest)
    test.add_argument("--resolution", type=int, choices=range(5, FINEST + 1), default=9)
    ours = test.add_argument_group("a territory", "the served model beside the baselines, month by month")
    ours.add_argument("--territory", metavar="NAME")
    ours.add_argument("--as-of", type=day, metavar="YYYY-MM-DD", help="default: the day after the last incident")
    ours.add_argument("--group", metavar="GROUP", help="one offence group (default: all that have enough incidents)")
    ours.add_argument("--horizon", type=positive, default=30, metavar="DAYS")
    own = test.add_argument_group("your own test", "forecasts of every category, each from the days before its window")
    own.add_argument("--incidents", type=Path, metavar="FILE", help="CSV or Parquet: occurred_at, category, lat, lon")
    own.add_argument("--cells", type=Path, metavar="FILE", help="list with the column cell")
    own.add_argument("--windows", type=Path, metavar="FILE", help="list with the columns window_start and horizon")
    help_text = "CSV: cell, window_start, horizon, type, expected; with --territory, a folder for a table and a report"
    own.add_argument("--out", type=Path, metavar="FILE", help=help_text)


def _backtest(options: argparse.Namespace, context: Context) -> Report:
    own = [name for name in OWN_TEST if getattr(options, name) is not None]
    given = (["territory"] if options.territory else []) + own
    if given not in (["territory"], ["territory", "out"], list(OWN_TEST)):
        found = ", ".join(f"--{name}" for name in given) or "neither"
        raise InvalidOptions(
            f"backtest was given {found}; expected either --territory NAME, with or without --out, or all of "
            "--incidents, --cells, --windows and --out."
        )
    return _of_territory(options, context) if options.territory else _of_outsiders(options, context)


def _of_outsiders(options: argparse.Namespace, context: Context) -> Report:
    cells = points.read_cells(options.cells, resolution=options.resolution)
    windows = points.read_windows(options.windows)
    given = points.read_points(options.incidents)
    expected = outside_backtest.forecasts(given, cells, windows, progress=context.progress)
    packed = io.BytesIO()
    expected.write_csv(packed)
    with writing_to(options.out):
        replace_synced(options.out, packed.getvalue())
    data = {
        "out": options.out.name,
        "rows": expected.height,
        "cells": cells.size,
        "windows": windows.height,
        "types": expected["type"].unique().sort().to_list(),
        "incidents": given.frame.height,
        "rows_read": given.rows_read,
        "without_place": given.without_place,
        "without_time": given.without_time,
        "duplicates": given.duplicates,
    }
    counts = {name: data[name] for name in ("rows_read", "incidents", "without_place", "without_time", "duplicates")}
    words = context.words
    lines = [words.text(f"cli.backtest.{name}", n=n) for name, n in counts.items()]
    lines.append(words.text("cli.backtest.written", file=options.out.name, n=expected.height))
    return Report(data=data, lines=lines)


def _of_territory(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        territory = store.territories.load(options.territory)
        as_of, found = scoring.backtest_of(
            store,
            territory,
            as_of=options.as_of,
            group=options.group,
            horizon_days=options.horizon,
            resolution=options.resolution,
            progress=context.progress,
        )
    windows, words = found.windows, context.words
    card = scoring.scorecard(windows)
    count = windows["window_start"].n_unique()
    summary = words.text("cli.backtest.summary", territory=territory.names.of(words.language), windows=count)
    data = {"territory": territory.name, "as_of": as_of, "windows": count, "results": card}
    lines = [*_scorecard_lines(card), summary]
    if options.out is not None:
        page = backtest_report.write(
            found,
            words,
            territory=territory.names.of(words.language),
            as_of=as_of,
            is_simulated=territory.is_simulated,
            horizon_days=options.horizon,
        )
        rows = _write_results(options.out, territory.name, windows, page)
        data["rows"] = rows
        lines.append(words.text("cli.backtest.results_written", file=RESULTS_FILE, n=rows))
        lines.append(words.text("cli.backtest.report_written", file=REPORT_FILE))
    return Report(data=data, lines=lines)


def _write_results(folder: Path, territory: str, windows: pl.DataFrame, page: bytes) -> int:
    """Write every number of a backtest and its report into a folder, each whole; returns the number of rows."""
    results = BACKTEST_RESULTS.checked(backtest.tidy(windows).with_columns(territory=pl.lit(territory)))
    packed = io.BytesIO()
    results.write_parquet(packed)
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        replace_synced(folder / RESULTS_FILE, packed.getvalue())
        replace_synced(folder / REPORT_FILE, page)
    return results.height


def _scorecard_lines(card: list[dict[str, Any]]) -> list[str]:
    """The backtest as a table of fixed columns; metric names are the field's own in every language."""
    head = f"{'':22}{'':16}" + "".join(f"{name:>10}" for name in SCORECARD_COLUMNS)
    lines = [head] if card else []
    for row in card:
        values = (row[column] for column in SCORECARD_COLUMNS.values())
        cells = "".join(f"{'–':>10}" if value is None else f"{value:>10.3f}" for value in values)
        lines.append(f"{row['offence_group']:22}{row['model']:16}{cells}")
    return lines
