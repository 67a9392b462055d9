"""How well every model forecasts, beside naive ones: Toronto, Chicago assaults, Manchester burglary, the made-up city.

Run from the repository: ``python scripts/bench_risk_model.py [--data FOLDER] [--only CASE …] [--write]``. Real
incidents are not part of the repository: where ``FOLDER`` lacks them, their cases are left out, and it is said. The
made-up city is simulated; there the truth is known and stands in the table as ``truth``. Windows, support and metrics
are those of `models.backtest`. With ``--write`` the results go to docs/model_results.json; the model card is made from
them.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geodata import hexgrid, made_up_city, made_up_incidents, points  # noqa: E402
from geodata.offences import ALL, MAPPABLE_CODES  # noqa: E402
from models import backtest  # noqa: E402
from models.contenders import CONTENDERS  # noqa: E402
from models.errors import TooLittleHistory  # noqa: E402
from models.history import History, start_of_record  # noqa: E402
from models.kernels import Kernels  # noqa: E402
from models.level import AtLevel  # noqa: E402
from models.predictive import fit_spread, past_forecasts  # noqa: E402
from models.risk_model import RiskModel, SteadyRate, Tune  # noqa: E402
from models.stacked import Stacking  # noqa: E402
from models.surfaces import Surfaces  # noqa: E402
from models.windows import rolling_windows  # noqa: E402
from riskmap.pipeline.cell_features import features_of  # noqa: E402
from riskmap.pipeline.level_areas import level_areas  # noqa: E402

DATA = ROOT.parent / "shared" / "data" / "bench"
RESULTS = ROOT / "docs" / "model_results.json"
HORIZONS_DAYS = (7, 30, 90)
COLUMNS = {
    "PAI 1 %": "pai_1",
    "PAI 5 %": "pai_5",
    "PAI 10 %": "pai_10",
    "deviance": "poisson_deviance",
    "slope": "calibration_slope",
    "obs/exp": "observed_over_expected",
    "90 % held": "coverage_90",
}
DIFFERENCES = {"poisson_deviance": -1.0, "pai_5": 1.0}
"""Metrics compared with ``eb`` window by window, and the sign that makes more better."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class City:
    """Incidents of one data set: columns ``cell`` (resolution 9), ``occurred_on``, ``category``; truth by category.

    ``places`` are those of `geodata.columns.PLACES`, where the city has them.
    """

    name: str
    incidents: pl.DataFrame
    as_of: date
    categories: tuple[str, ...]
    places: pl.DataFrame | None = None
    truth: pl.DataFrame | None = None


def from_file(name: str, file: str, as_of: date, categories: tuple[str, ...]) -> Callable[[Path], City | None]:
    """How to read a city of real incidents from a folder; None where it is not there."""

    def read(folder: Path) -> City | None:
        if not (folder / file).exists():
            return None
        given = points.known_before(points.read_points(folder / file).frame, as_of)
        cell = hexgrid.assign_cells(given["lat"].to_numpy(), given["lon"].to_numpy(), resolution=9)
        return City(name=name, incidents=given.with_columns(cell=pl.Series(cell)), as_of=as_of, categories=categories)

    return read


def made_up(_folder: Path) -> City:
    """The made-up city, simulated."""
    city = made_up_city.build()
    rows = city.incidents.filter(pl.col("category").is_in(sorted(MAPPABLE_CODES)))
    day = rows["occurred_at"].cast(pl.String).str.slice(0, 10).str.to_date(strict=False)
    inside = rows.with_columns(occurred_on=day).drop_nulls(["occurred_on", "lat", "lon"])
    inside = inside.filter(pl.col("occurred_on").is_between(made_up_incidents.FIRST_DAY, made_up_incidents.LAST_DAY))
    cell = hexgrid.assign_cells(inside["lat"].to_numpy(), inside["lon"].to_numpy(), resolution=9)
    return City(
        name="made-up city (simulated)",
        incidents=inside.with_columns(cell=pl.Series(cell)),
        as_of=made_up_incidents.LAST_DAY + timedelta(days=1),
        categories=("theft", "burglary", "robbery", "assault", "vehicle_theft"),
        places=city.territory.places,
        truth=city.intensities,
    )


CITIES: dict[str, Callable[[Path], City | None]] = {
    "toronto": from_file(
        "Toronto",
        "toronto_mci_to_2018.parquet",
        date(2019, 1, 1),
        ("Assault", "Auto Theft", "Break and Enter", "Robbery", "Theft Over"),
    ),
    "chicago": from_file(
        "Chicago", "chicago_aggassault_2010_2018aug.parquet", date(2018, 9, 1), ("AGGRAVATED ASSAULT",)
    ),
    "manchester": from_file("Greater Manchester", "gmp_burglary_2016feb_2017.parquet", date(2018, 1, 1), ("Burglary",)),
    "made_up": made_up,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """The yearly intensities a city was drawn from, as a model; their level follows the record, as for the others."""

    yearly: NDArray[np.float64]
    name: str = "truth"

    def fit(self, history: History, *, as_of: date) -> SteadyRate:
        known = history.before(as_of)
        recent = known.counts(max(known.start, as_of - timedelta(days=365)), as_of).sum() / min(365, known.n_days)
        return SteadyRate(incidents_per_day=self.yearly / self.yearly.sum() * recent)


def truth_of(city: City, category: str, cells: hexgrid.Cells) -> Tune | None:
    """The truth of a category as a contender; None where nobody knows it."""
    if city.truth is None:
        return None
    own = city.truth.filter(pl.col("offence_group") == category)
    parents = hexgrid.to_parent(own["cell"].to_numpy(), hexgrid.resolution_of(cells))
    at = np.searchsorted(cells, parents)
    inside = (at < cells.size) & (cells[np.minimum(at, cells.size - 1)] == parents)
    yearly = np.bincount(at[inside], weights=own["yearly_expected"].to_numpy()[inside], minlength=cells.size)

    def tune(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
        return Truth(yearly=np.maximum(yearly, 1e-9))

    return tune


def with_places(tune: Tune) -> dict[str, Tune]:
    """The stacked model, and beside it what it says of places alone; tuned once."""
    kept: dict[date, RiskModel] = {}

    def stacked(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
        kept[as_of] = tune(history, as_of=as_of, horizon_days=horizon_days, kernels=kernels)
        return kept[as_of]

    def places(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
        model = kept[as_of]
        return model.place if isinstance(model, AtLevel) else model

    return {"stacked": stacked, "places": places}


def backtests(city: City, resolution: int, horizon_days: int) -> Iterator[pl.DataFrame]:
    """Backtest of each category of a city: `models.backtest.Backtest.windows`, with a column ``data_set``."""
    cell = hexgrid.to_parent(city.incidents["cell"].to_numpy(), resolution)
    day, category = city.incidents["occurred_on"], city.incidents["category"]
    start = start_of_record(day)
    first = backtest.first_test_day(start, city.as_of, horizon_days=horizon_days)
    kernels = Kernels(backtest.support_cells(cell, day, before=first))

    def history(own: pl.Series | None) -> History:
        mask = np.ones(cell.size, dtype=bool) if own is None else own.to_numpy()
        return History.from_incidents(
            cell[mask], day.filter(pl.Series(mask)), cells=kernels.cells, start=start, end=city.as_of
        )

    kinds = category.unique().sort().to_list()
    histories = {kind: history(category == kind) for kind in kinds}
    if len(kinds) > 1:
        histories[ALL] = history(None)
    places = city.places if resolution == 9 else None
    stacking = Stacking(
        surfaces=Surfaces(kernels=kernels, histories=histories),
        features=None if places is None else features_of(places, kernels.cells),
        area_of_cell=level_areas(kernels.cells, places),
    )
    for kind in city.categories:
        contenders = {**CONTENDERS, **with_places(stacking.tuner(kind))}
        truth = truth_of(city, kind, kernels.cells)
        found = backtest.run(
            histories[kind],
            kernels,
            as_of=city.as_of,
            horizon_days=horizon_days,
            offence_group=kind,
            contenders={**contenders, **({"truth": truth} if truth else {})},
        )
        model = contenders["stacked"](
            histories[kind].before(first), as_of=first, horizon_days=horizon_days, kernels=kernels
        )
        held = coverage(model, histories[kind], as_of=city.as_of, horizon_days=horizon_days)
        yield found.windows.with_columns(
            data_set=pl.lit(city.name),
            coverage_90=pl.when(pl.col("model") == "stacked").then(pl.lit(held, dtype=pl.Float64)),
        )


def coverage(model: RiskModel, history: History, *, as_of: date, horizon_days: int) -> float | None:
    """What 90 % intervals of cells held in the test year, by a spread learnt before it; see `models.predictive`."""
    windows = rolling_windows(history.start, as_of, horizon_days=horizon_days)
    first = windows[0].start
    try:
        spread = fit_spread(past_forecasts(model, history.before(first), as_of=first, horizon_days=horizon_days))
    except TooLittleHistory:
        return None
    expected = [
        model.fit(history.before(window.start), as_of=window.start).expected_incidents(horizon_days)
        for window in windows
    ]
    observed = [history.counts(window.start, window.end) for window in windows]
    return float(spread.coverage(np.concatenate(expected), np.concatenate(observed), level=0.9).mean())


def results_of(windows: pl.DataFrame) -> list[dict[str, object]]:
    """One entry a model of one case: means over the windows, and its difference to ``eb`` with the standard error."""
    entries = []
    data_set = windows["data_set"][0]
    for line in backtest.summary(windows).iter_rows(named=True):
        held = windows.filter(pl.col("model") == line["model"])["coverage_90"][0]
        entry: dict[str, object] = {"data_set": data_set, **line, "coverage_90": held}
        for metric, sign in DIFFERENCES.items():
            own, base = (
                windows.filter(pl.col("model") == model).sort("window_start")[metric].to_numpy()
                for model in (line["model"], "eb")
            )
            difference = sign * (own - base)
            entry[f"{metric}_gain"] = float(np.nanmean(difference))
            entry[f"{metric}_gain_error"] = float(np.nanstd(difference, ddof=1) / np.sqrt(difference.size))
        entries.append(entry)
    return entries


def show(entries: list[dict[str, object]]) -> None:
    """One case as a table."""
    case = entries[0]
    print(
        f"\n{case['data_set']}: {case['offence_group']}, resolution {case['resolution']}, {case['horizon_days']} days, "
        f"{case['n_windows']} windows, {case['incidents']} incidents"
    )
    heads = [*COLUMNS, "PAI 5 % − eb", "(SE)"]
    print(f"{'':22}" + "".join(f"{head:>14}" for head in heads))
    for entry in entries:
        values = [entry[column] for column in (*COLUMNS.values(), "pai_5_gain", "pai_5_gain_error")]
        told = "".join(f"{'–':>14}" if value is None else f"{float(str(value)):>14.3f}" for value in values)
        print(f"{entry['model']:22}{told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=CITIES, metavar="CASE")
    parser.add_argument("--resolutions", nargs="+", type=int, default=[8, 9], metavar="N")
    parser.add_argument("--horizons", nargs="+", type=int, default=list(HORIZONS_DAYS), metavar="DAYS")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options = parser.parse_args()
    started, entries = time.process_time(), []
    for name in options.only or CITIES:
        city = CITIES[name](options.data)
        if city is None:
            print(f"{name}: left out, its incidents are not in {options.data.name}", file=sys.stderr)
            continue
        for resolution in options.resolutions:
            for horizon_days in options.horizons:
                for windows in backtests(city, resolution, horizon_days):
                    entries += results_of(windows)
                    show(entries[-windows["model"].n_unique() :])
    print(f"\n{time.process_time() - started:.0f} CPU seconds, {platform.python_version()}, numpy {np.__version__}")
    if options.write:
        rounded = [
            {key: round(value, 5) if isinstance(value, float) else value for key, value in entry.items()}
            for entry in entries
        ]
        RESULTS.write_text(json.dumps(rounded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
