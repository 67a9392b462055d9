"""Public counts: do they give a protected count away, what do they still tell, and what does a country cost?

Run from the repository: ``python scripts/bench_public_counts.py [--data FOLDER] [--only CASE …]``. Cases: the made-up
city drawn from three seeds (simulated), Toronto (real; left out, and said so, where ``FOLDER`` lacks it), and a country
of 50 000 cells, 12 groups and three years (simulated). Each is counted, built and attacked as a release does it. How
useful the layer of hexagons is: the share of a year's incidents that lies in the highest 5 % of the area, by the middle
of the bands against by the counts themselves (PAI, ties shared), and Spearman's rank correlation with the counts.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geodata import hexgrid, made_up_city, public_partition  # noqa: E402
from geodata.columns import COUNTED  # noqa: E402
from geodata.offences import MAPPABLE_CODES, SENSITIVE_CODES  # noqa: E402
from geodata.public_counts import PARTS_OF_DAY, PublicCounts  # noqa: E402
from geodata.territory import Territory  # noqa: E402
from riskmap.assembly import in_memory_store  # noqa: E402
from riskmap.pipeline import class_layers, public_tables, scoring, territories  # noqa: E402
from riskmap.pipeline.deliveries import deliver  # noqa: E402
from riskmap.ports import Store  # noqa: E402

DATA = ROOT.parent / "shared" / "data" / "bench"
TORONTO = "toronto_mci_to_2018.parquet"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
SEEDS = (made_up_city.SEED, 1, 2)
TOP_SHARE = 0.05
COUNTRY_CELLS, COUNTRY_YEARS, COUNTRY_REGIONS = 50_000, 3, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What public counts are built of."""

    territory: str
    counted: pl.DataFrame
    grid: pl.DataFrame
    start: date
    end: date


def made_up(seed: int, folder: Path, _data: Path) -> Case:
    """The made-up city of a seed, through the doors of a real delivery."""
    city = made_up_city.build(seed=seed)
    path = folder / "city.parquet"
    city.incidents.write_parquet(path)
    store = in_memory_store(folder / "data")
    store.territories.save(city.territory)
    deliver(store, path, territory=city.territory, now=NOW)
    return _of_store(store, city.territory)


def toronto(folder: Path, data: Path) -> Case | None:
    """Toronto's five kinds, as a territory made from its points."""
    if not (data / TORONTO).is_file():
        return None
    store = in_memory_store(folder / "data")
    report = territories.deliver_file(
        store,
        data / TORONTO,
        territory_name=territories.AUTO,
        mapping=None,
        zone="America/Toronto",
        now=NOW,
        progress=lambda *_: None,
    )
    return _of_store(store, store.territories.load(report.territory))


def _of_store(store: Store, territory: Territory) -> Case:
    incidents = store.lake.read(territory.name)
    known = scoring.usable_incidents(store, territory)
    places = scoring.coverage(territory, known)
    last: date = known["occurred_on"].max()  # type: ignore[assignment]
    return Case(
        territory=territory.name,
        counted=public_tables.count(incidents, places),
        grid=class_layers.public_grid(places, territory),
        start=scoring.record_start(known),
        end=last + timedelta(days=1),
    )


def country(_folder: Path, _data: Path) -> Case:
    """A simulated country: towns of unequal size, incidents by a skewed law."""
    rng = np.random.default_rng(1)
    middles = hexgrid.assign_cells(rng.uniform(43, 54, size=60), rng.uniform(52, 84, size=60), resolution=9)
    cells = np.unique(np.concatenate([hexgrid.disk(np.array([middle]), 17)[1] for middle in middles]))[:COUNTRY_CELLS]
    town = np.searchsorted(np.unique(hexgrid.to_parent(cells, 4)), hexgrid.to_parent(cells, 4))
    region = np.char.add("r", np.char.zfill((town % COUNTRY_REGIONS).astype(str), 2))
    groups = sorted(MAPPABLE_CODES)[:12]
    months = [date(2023 + at // 12, at % 12 + 1, 1) for at in range(12 * COUNTRY_YEARS)]
    rate = rng.gamma(0.4, 20.0, size=cells.size)
    weight = rng.dirichlet(np.full(len(groups), 0.6))
    counts = rng.poisson(rate[:, None, None] / 12 * weight[:, None], size=(cells.size, len(groups), len(months)))
    at = np.argwhere(counts > 0)
    own = pl.DataFrame(
        {
            "cell": cells[at[:, 0]],
            "region_id": pl.Series([None] * len(at), dtype=pl.String),
            "offence_group": np.array(groups)[at[:, 1]],
            "month": pl.Series([months[m] for m in at[:, 2]], dtype=pl.Date),
            "part_of_day": rng.choice(PARTS_OF_DAY, size=len(at)),
            "count": counts[tuple(at.T)],
        }
    )
    sensitive = [
        (None, name, group, month, None, int(rng.poisson(2.0)))
        for name in np.unique(region)
        for group in sorted(SENSITIVE_CODES)
        for month in months
    ]
    below = pl.DataFrame(sensitive, schema=COUNTED.schema, orient="row").filter(pl.col("count") > 0)
    grid = pl.DataFrame({"public_cell": cells, "region_id": region, "is_protected": np.zeros(cells.size, dtype=bool)})
    return Case(
        territory="country",
        counted=COUNTED.checked(pl.concat([own.select(below.columns), below])),
        grid=grid.sort("public_cell"),
        start=months[0],
        end=date(2023 + COUNTRY_YEARS, 1, 1),
    )


CASES: dict[str, Callable[[Path, Path], Case | None]] = {
    **{f"made-up city, seed {seed}": partial(made_up, seed) for seed in SEEDS},
    "Toronto": toronto,
    "country": country,
}


def measured(name: str, case: Case) -> str:
    """One line of the table."""
    started = time.perf_counter()
    public, verdict = public_tables.build(case.territory, case.counted, case.grid, start=case.start, end=case.end)
    seconds = time.perf_counter() - started
    told = public.counts.filter(pl.col("kind") == "quarter", pl.col("low").is_not_null())
    quarters = told.join(public.places.filter(pl.col("level") == "area"), on="place_id")["low"].sum()
    pai, rho = _usefulness(case, public)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    share = quarters / max(1, _of_whole_quarters(case))
    return (
        f"| {name} | {case.grid.height:,} | {public.counts.height:,} | {verdict.targets:,} | {verdict.solved:,} | "
        f"{verdict.exact} | {verdict.within_one} | {share:.3f} | {pai:.3f} | {rho:.3f} | {seconds:.1f} | {peak:.1f} |"
    )


def _of_whole_quarters(case: Case) -> int:
    """Incidents on cells in the quarters that lie whole in the record."""
    first = date(case.start.year, (case.start.month - 1) // 3 * 3 + 1, 1)
    begun = first if first >= case.start else (first + timedelta(days=93)).replace(day=1)
    end = date(case.end.year, (case.end.month - 1) // 3 * 3 + 1, 1)
    own = case.counted.filter(pl.col("cell").is_not_null(), pl.col("month").is_between(begun, end, closed="left"))
    return int(own["count"].sum())


def _usefulness(case: Case, public: PublicCounts) -> tuple[float, float]:
    """Loss of PAI and rank correlation of the last whole year's hexagons."""
    bands = public.counts.filter(pl.col("kind") == "band")
    year = bands["period"].max()
    own = bands.filter(pl.col("period") == year)
    cells, _ = hexgrid.parse_cells(own["place_id"])
    order = np.argsort(cells)
    cells = cells[order]
    middle = ((own["low"] + own["high"]) / 2).fill_null(0.0).to_numpy()[order]
    cube = case.counted.filter(pl.col("cell").is_not_null(), pl.col("month").dt.year() == int(str(year)))
    at = public_partition.position_of(cells, cube["cell"].to_numpy())
    inside = at >= 0
    truth = np.bincount(at[inside], weights=cube["count"].to_numpy()[inside], minlength=cells.size).astype(np.float64)
    area = 7.0 ** (9 - hexgrid.resolutions(cells).astype(np.float64))
    loss = 1.0 - _hit_share(middle, truth, area) / _hit_share(truth, truth, area)
    return loss, float(stats.spearmanr(middle, truth).statistic)


def _hit_share(score: NDArray[np.float64], truth: NDArray[np.float64], area: NDArray[np.float64]) -> float:
    """Share of incidents in the highest 5 % of the area by density of the score; cells of one density share alike."""
    density = score / area
    budget, found = TOP_SHARE * area.sum(), 0.0
    for level in np.unique(density)[::-1]:
        tied = density == level
        share = min(1.0, budget / area[tied].sum())
        found += share * truth[tied].sum()
        budget -= share * area[tied].sum()
        if budget <= 0:
            break
    return float(found / truth.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    arguments = parser.parse_args()
    heads = [
        "case",
        "cells",
        "numbers",
        "targets",
        "solved",
        "exact",
        "within one",
        "in areas",
        "loss of PAI",
        "Spearman",
        "seconds",
        "peak GB",
    ]
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            case = CASES[name](Path(folder), arguments.data)
            print(f"{name}: left out, {TORONTO} is not there" if case is None else measured(name, case), flush=True)


if __name__ == "__main__":
    main()
