"""Do predictive intervals of 90 % hold 90 %? Cells and areas of Toronto, Chicago and Manchester, three horizons.

Run from the repository: ``python scripts/bench_predictive.py [--data FOLDER] [--level 0.9] [--bands]``. ``eb`` is tuned
on the days before the test year. *Frozen*: the spread is learnt on windows before the test year and never again.
*Monthly*: before each window of the test year it is learnt anew on the two years before, as in operation. Coverage is
randomised at the ends (`models.predictive`); ``closed`` and ``promised`` are the share of counts in the closed
interval, and what the spread says it should be. Areas are neighbourhoods (Toronto), police districts (Chicago) and
cells of resolution 6 (Manchester). Data sets that the folder lacks are left out, and it is said.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geodata import hexgrid, points  # noqa: E402
from models import backtest, predictive  # noqa: E402
from models.history import History, start_of_record  # noqa: E402
from models.kernels import Kernels  # noqa: E402
from models.risk_model import RiskModel  # noqa: E402
from models.shrinkage import tune  # noqa: E402
from models.windows import rolling_windows  # noqa: E402

DATA = ROOT.parent / "shared" / "data" / "bench"
HORIZONS_DAYS = (7, 30, 90)
AREA_RESOLUTION = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A file of incidents, the categories asked for, and the column that names areas."""

    file: str
    as_of: date
    categories: tuple[str, ...]
    area_column: str | None


DATA_SETS = (
    DataSet(
        file="toronto_mci_to_2018.parquet",
        as_of=date(2019, 1, 1),
        categories=("Robbery", "Break and Enter", "Assault"),
        area_column="neighbourhood",
    ),
    DataSet(
        file="chicago_aggassault_2010_2018aug.parquet",
        as_of=date(2018, 8, 1),
        categories=("AGGRAVATED ASSAULT",),
        area_column="district",
    ),
    DataSet(
        file="gmp_burglary_2016feb_2017.parquet", as_of=date(2018, 1, 1), categories=("Burglary",), area_column=None
    ),
)


def area_of_cells(path: Path, column: str | None, cells: hexgrid.Cells) -> NDArray[np.int64]:
    """Number of each cell's area: the one in which most of its incidents lie; -1 where none does."""
    resolution = hexgrid.resolution_of(cells)
    if column is None:
        return np.unique(hexgrid.to_parent(cells, AREA_RESOLUTION), return_inverse=True)[1].astype(np.int64)
    rows = pl.read_parquet(path).drop_nulls(["lat", "lon", column])
    own = hexgrid.assign_cells(rows["lat"].to_numpy(), rows["lon"].to_numpy(), resolution=resolution)
    named = pl.DataFrame({"cell": own, "area": rows[column].cast(pl.String)}).group_by("cell", "area").len()
    usual = named.sort("len", "area", descending=True).unique("cell", keep="first", maintain_order=True)
    found = pl.DataFrame({"cell": cells}).join(usual, on="cell", how="left", maintain_order="left")
    return found["area"].rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1


def judged(
    model: RiskModel,
    history: History,
    *,
    as_of: date,
    horizon_days: int,
    area_of_cell: NDArray[np.int64] | None,
    level: float,
) -> tuple[pl.DataFrame, float]:
    """`predictive.coverage_table` of the frozen spread over the test year, and the coverage of the monthly one."""
    frozen: predictive.Spread | None = None
    monthly, expected, observed = [], [], []
    for window in rolling_windows(history.start, as_of, horizon_days=horizon_days):
        past = predictive.past_forecasts(
            model, history, as_of=window.start, horizon_days=horizon_days, area_of_cell=area_of_cell
        )
        spread = predictive.fit_spread(past)
        frozen = frozen or spread
        fitted = model.fit(history.before(window.start), as_of=window.start)
        expected.append(predictive.area_sums(fitted.expected_incidents(horizon_days), area_of_cell))
        counts = history.counts(window.start, window.end)
        observed.append(predictive.area_sums(counts, area_of_cell).astype(np.int64))
        monthly.append(spread.coverage(expected[-1], observed[-1], level=level))
    assert frozen is not None
    later = predictive.PastForecasts(expected=np.concatenate(expected), observed=np.concatenate(observed))
    return predictive.coverage_table(frozen, later, level=level), float(np.concatenate(monthly).mean())


def show(data_set: DataSet, path: Path, arguments: argparse.Namespace) -> None:
    """All cases of one data set, a line each."""
    known = points.known_before(points.read_points(path).frame, data_set.as_of)
    day = known["occurred_on"]
    start = start_of_record(day)
    print(f"\n{data_set.file}, test year before {data_set.as_of}")
    print(f"{'':44}    n  frozen monthly  closed promised  width  seconds")
    for resolution in (8, 9):
        cell = hexgrid.assign_cells(known["lat"].to_numpy(), known["lon"].to_numpy(), resolution=resolution)
        for horizon_days in HORIZONS_DAYS:
            first = backtest.first_test_day(start, data_set.as_of, horizon_days=horizon_days)
            kernels = Kernels(backtest.support_cells(cell, day, before=first))
            areas = area_of_cells(path, data_set.area_column, kernels.cells)
            for category in data_set.categories:
                own = (known["category"] == category).to_numpy()
                history = History.from_incidents(
                    cell[own], day.filter(pl.Series(own)), cells=kernels.cells, start=start, end=data_set.as_of
                )
                model = tune(history.before(first), as_of=first, horizon_days=horizon_days, kernels=kernels)
                for kind, area_of_cell in (("cells", None), ("areas", areas)):
                    started = time.perf_counter()
                    table, monthly = judged(
                        model,
                        history,
                        as_of=data_set.as_of,
                        horizon_days=horizon_days,
                        area_of_cell=area_of_cell,
                        level=arguments.level,
                    )
                    case = f"{category}, r{resolution}, {horizon_days} days, {kind}"
                    seconds = time.perf_counter() - started
                    print(_line(case, table.row(-1, named=True), f"{monthly:8.3f}", f"{seconds:9.1f}"), flush=True)
                    for band in table.rows(named=True)[:-1] if arguments.bands else ():
                        print(_line(f"    expected from {band['least_expected']:g}", band, " " * 8, ""))


def _line(case: str, row: dict[str, float], monthly: str, seconds: str) -> str:
    return (
        f"{case:44}{row['n_forecasts']:>6}{row['coverage']:8.3f}{monthly}{row['closed_coverage']:8.3f}"
        f"{row['closed_promise']:9.3f}{row['mean_width']:7.2f}{seconds}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="where the data sets lie")
    parser.add_argument("--level", type=float, default=0.9, help="of the intervals")
    parser.add_argument("--bands", action="store_true", help="also by band of expected counts")
    arguments = parser.parse_args()
    for data_set in DATA_SETS:
        path = arguments.data / data_set.file
        if path.exists():
            show(data_set, path, arguments)
        else:
            print(f"{path} is absent; its cases are left out.")


if __name__ == "__main__":
    main()
