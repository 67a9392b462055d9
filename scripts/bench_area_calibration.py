"""Calibration by area on Toronto, Chicago assaults, Manchester burglary and the made-up city: districts and kinds.

Run from the repository: ``python scripts/bench_area_calibration.py [--data FOLDER] [--only CASE …]``. Real incidents
are not part of the repository: where ``FOLDER`` lacks them, their cases are left out, and it is said. In real cities,
cells of resolution 6 stand for districts; names of districts in the data are not used. The made-up city is simulated;
it has districts and kinds of its own. The model is ``eb``, 30 days ahead, resolution 9, tuned before the first window;
see `models.area_calibration`.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench_risk_model import CITIES, DATA, City  # noqa: E402

from geodata import hexgrid, made_up_city  # noqa: E402
from models import backtest, shrinkage  # noqa: E402
from models.area_calibration import BAND, LEAST_EXPECTED, area_calibration  # noqa: E402
from models.history import History, start_of_record  # noqa: E402
from models.kernels import Kernels  # noqa: E402
from models.windows import rolling_windows  # noqa: E402

HORIZON_DAYS = 30
DISTRICT_RESOLUTION = 6


def areas_of(name: str, cells: hexgrid.Cells) -> dict[str, pl.Series]:
    """Area of each cell, by what the areas are."""
    if name != "made_up":
        return {"H3 6": pl.Series(hexgrid.cell_ids(hexgrid.to_parent(cells, DISTRICT_RESOLUTION)))}
    places = made_up_city.build().territory.places.select("cell", "region_id", "kind")
    own = pl.DataFrame({"cell": cells}).join(places, on="cell", how="left", maintain_order="left")
    return {"district": own["region_id"].cast(pl.String), "kind": own["kind"].cast(pl.String)}


def calibrations(name: str, city: City, kind: str) -> pl.DataFrame:
    """`area_calibration` of one category, with a column ``areas`` that says what they are."""
    day = city.incidents["occurred_on"]
    start = start_of_record(day)
    windows = rolling_windows(start, city.as_of, horizon_days=HORIZON_DAYS)
    first = windows[0].start
    kernels = Kernels(backtest.support_cells(city.incidents["cell"].to_numpy(), day, before=first))
    own = city.incidents.filter(pl.col("category") == kind)
    history = History.from_incidents(
        own["cell"].to_numpy(), own["occurred_on"], cells=kernels.cells, start=start, end=city.as_of
    )
    model = shrinkage.tune(history.before(first), as_of=first, horizon_days=HORIZON_DAYS, kernels=kernels)
    expected = np.stack(
        [model.fit(history.before(w.start), as_of=w.start).expected_incidents(HORIZON_DAYS) for w in windows]
    )
    observed = np.stack([history.counts(w.start, w.end) for w in windows])
    found = [
        area_calibration(area, expected, observed).select(pl.lit(what).alias("areas"), pl.all())
        for what, area in areas_of(name, kernels.cells).items()
    ]
    return pl.concat(found)


def show(city: City, kind: str, found: pl.DataFrame) -> None:
    """One line for each sort of area of one category."""
    for what in found["areas"].unique(maintain_order=True):
        own = found.filter(pl.col("areas") == what)
        judged = own.filter("is_judged")
        told, sloped = (_span(judged[column]) for column in ("observed_over_expected", "slope"))
        print(
            f"{city.name:26}{kind:20}{what:10}{own.height:>7}{judged.height:>8}"
            f"{judged['is_within_band'].sum():>8}{told:>13}{sloped:>13}",
            flush=True,
        )


def _span(values: pl.Series) -> str:
    found = values.drop_nulls().to_numpy()
    return f"{found.min():.2f}–{found.max():.2f}" if found.size else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=CITIES, metavar="CASE")
    options = parser.parse_args()
    print(f"Judged from {LEAST_EXPECTED:.0f} expected incidents on; band {BAND[0]}–{BAND[1]}; {HORIZON_DAYS} days.")
    print(f"{'data set':26}{'group':20}{'areas':10}{'areas':>7}{'judged':>8}{'within':>8}{'obs/exp':>13}{'slope':>13}")
    for name in options.only or CITIES:
        city = CITIES[name](options.data)
        if city is None:
            print(f"{name}: left out, its incidents are not in {options.data.name}", file=sys.stderr)
            continue
        for kind in city.categories:
            show(city, kind, calibrations(name, city, kind))


if __name__ == "__main__":
    main()
