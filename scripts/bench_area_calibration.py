"""Calibration by area on Toronto, Chicago assaults, Manchester burglary and the made-up city: districts and kinds.

Run from the repository: ``python scripts/bench_area_calibration.py [--data FOLDER] [--only CASE …]``. Real incidents
are not part of the repository: where ``FOLDER`` lacks them, their cases are left out, and it is said. In real cities,
cells of resolution 6 stand for districts; names of districts in the data are not used. The made-up city is simulated;
it has districts and kinds of its own. ``eb`` is the base layer with the total it has by itself, ``one`` the stacked
model at one level for the whole city, ``served`` the same at the levels of its districts; 30 days ahead, resolution 9,
tuned before the first window. See `models.area_calibration`.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench_risk_model import CITIES, DATA, City  # noqa: E402

from geodata import hexgrid  # noqa: E402
from geodata.offences import ALL  # noqa: E402
from models import backtest  # noqa: E402
from models.area_calibration import BAND, LEAST_EXPECTED, area_calibration  # noqa: E402
from models.history import History, start_of_record  # noqa: E402
from models.kernels import Kernels  # noqa: E402
from models.level import AtLevel  # noqa: E402
from models.risk_model import RiskModel  # noqa: E402
from models.stacked import Stacked, Stacking  # noqa: E402
from models.surfaces import Surfaces  # noqa: E402
from models.windows import rolling_windows  # noqa: E402
from riskmap.pipeline.cell_features import features_of  # noqa: E402
from riskmap.pipeline.level_areas import level_areas  # noqa: E402

HORIZON_DAYS = 30
DISTRICT_RESOLUTION = 6


def areas_of(city: City, cells: hexgrid.Cells) -> dict[str, pl.Series]:
    """Area of each cell, by what the areas are."""
    if city.places is None:
        return {"H3 6": pl.Series(hexgrid.cell_ids(hexgrid.to_parent(cells, DISTRICT_RESOLUTION)))}
    places = city.places.select("cell", "region_id", "kind")
    own = pl.DataFrame({"cell": cells}).join(places, on="cell", how="left", maintain_order="left")
    return {"district": own["region_id"].cast(pl.String), "kind": own["kind"].cast(pl.String)}


def calibrations(city: City) -> Iterator[tuple[str, pl.DataFrame]]:
    """`area_calibration` of each category, with columns ``areas`` and ``model`` that say what they are."""
    cell, day, category = city.incidents["cell"].to_numpy(), city.incidents["occurred_on"], city.incidents["category"]
    start = start_of_record(day)
    windows = rolling_windows(start, city.as_of, horizon_days=HORIZON_DAYS)
    first = windows[0].start
    kernels = Kernels(backtest.support_cells(cell, day, before=first))

    def history(mask: NDArray[np.bool_]) -> History:
        return History.from_incidents(
            cell[mask], day.filter(pl.Series(mask)), cells=kernels.cells, start=start, end=city.as_of
        )

    kinds = category.unique().sort().to_list()
    histories = {kind: history((category == kind).to_numpy()) for kind in kinds}
    if len(kinds) > 1:
        histories[ALL] = history(np.ones(cell.size, dtype=bool))
    stacking = Stacking(
        surfaces=Surfaces(kernels=kernels, histories=histories),
        features=None if city.places is None else features_of(city.places, kernels.cells),
    )
    levels = level_areas(kernels.cells, city.places)
    for kind in city.categories:
        own = histories[kind]
        observed = np.stack([own.counts(w.start, w.end) for w in windows])
        one = stacking.tuner(kind)(own.before(first), as_of=first, horizon_days=HORIZON_DAYS, kernels=kernels)
        assert isinstance(one, AtLevel)
        assert isinstance(one.place, Stacked)
        models: dict[str, RiskModel] = {
            "eb": one.place.base,
            "one": one,
            "served": replace(one, area_of_cell=levels),
        }
        found = []
        for name, model in models.items():
            expected = np.stack(
                [model.fit(own.before(w.start), as_of=w.start).expected_incidents(HORIZON_DAYS) for w in windows]
            )
            found += [
                area_calibration(area, expected, observed).select(
                    pl.lit(what).alias("areas"), pl.lit(name).alias("model"), pl.all()
                )
                for what, area in areas_of(city, kernels.cells).items()
            ]
        yield kind, pl.concat(found)


def show(city: City, kind: str, found: pl.DataFrame) -> None:
    """One line for each sort of area and model of one category."""
    for (what, model), own in found.group_by("areas", "model", maintain_order=True):
        judged = own.filter("is_judged")
        told, sloped = (_span(judged[column]) for column in ("observed_over_expected", "slope"))
        print(
            f"{city.name:26}{kind:20}{what!s:10}{model!s:8}{own.height:>7}{judged.height:>8}"
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
    print(f"{'data set':26}{'group':20}{'areas':10}{'model':8}", end="")
    print(f"{'areas':>7}{'judged':>8}{'within':>8}{'obs/exp':>13}{'slope':>13}")
    for name in options.only or CITIES:
        city = CITIES[name](options.data)
        if city is None:
            print(f"{name}: left out, its incidents are not in {options.data.name}", file=sys.stderr)
            continue
        for kind, found in calibrations(city):
            show(city, kind, found)


if __name__ == "__main__":
    main()
