"""How much processor time a delivery of millions of rows takes, beside the bare conversion of its points to cells.

Run from the repository: ``python scripts/bench_intake.py [--rows 10000000] [--times 3]``. Everything is simulated and
seeded: 20 cities of a country of 200 jagged districts, six years, 24 offences, one row in a hundred delivered twice.
Each measurement is a process of its own, so that its peak of memory is its own too; of the times the median is told.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import shapely

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geodata import hexgrid  # noqa: E402
from geodata.region_index import RegionIndex  # noqa: E402
from geodata.territory import Names, Territory  # noqa: E402
from riskmap import assembly  # noqa: E402
from riskmap.pipeline.deliveries import deliver  # noqa: E402
from riskmap.settings import Settings  # noqa: E402

WEST, SOUTH, EAST, NORTH = 47.0, 41.0, 87.0, 55.0
COLUMNS, ROWS = 20, 10
CITIES = 20
OFFENCES = 24
START = datetime(2020, 1, 1, tzinfo=UTC)
MINUTES = 6 * 365 * 24 * 60
NOW = START + timedelta(minutes=MINUTES)
DAY_ROWS = 5_000
JOINED = 1_000_000
SEED = 20_261_123


def country() -> gpd.GeoDataFrame:
    """A simulated country of 200 districts with jagged shared borders."""
    drawn = np.random.default_rng(SEED)
    steps = 100

    def border(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
        along = np.linspace(0, 1, steps + 1)[:, None]
        line = np.array(start) + along * (np.array(end) - np.array(start))
        line[1:-1] += drawn.normal(0, 0.02, size=(steps - 1, 2))
        return np.asarray(line)

    x, y = np.linspace(WEST, EAST, COLUMNS + 1), np.linspace(SOUTH, NORTH, ROWS + 1)
    across = {(i, j): border((x[i], y[j]), (x[i + 1], y[j])) for i in range(COLUMNS) for j in range(ROWS + 1)}
    up = {(i, j): border((x[i], y[j]), (x[i], y[j + 1])) for i in range(COLUMNS + 1) for j in range(ROWS)}
    shapes = [
        shapely.make_valid(
            shapely.Polygon(np.concatenate([across[i, j], up[i + 1, j], across[i, j + 1][::-1], up[i, j][::-1]]))
        )
        for i in range(COLUMNS)
        for j in range(ROWS)
    ]
    codes = [f"{number:03}" for number in range(len(shapes))]
    names = {f"name_{language}": codes for language in ("kk", "ru", "en")}
    frame = {"region_id": codes, **names, "zone": "Asia/Almaty", "residents": None, "official_count": None}
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=4326)


def points(size: int, drawn: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Latitudes and longitudes: most in cities, one in twenty anywhere."""
    towns = np.random.default_rng(SEED).uniform([SOUTH + 1, WEST + 1], [NORTH - 1, EAST - 1], size=(CITIES, 2))
    town = drawn.choice(CITIES, size=size, p=np.arange(1, CITIES + 1)[::-1] / (CITIES * (CITIES + 1) / 2))
    lat, lng = (towns[town] + drawn.normal(0, [0.06, 0.09], size=(size, 2))).T
    anywhere = drawn.random(size) < 0.05
    lat[anywhere] = drawn.uniform(SOUTH + 0.1, NORTH - 0.1, anywhere.sum())
    lng[anywhere] = drawn.uniform(WEST + 0.1, EAST - 0.1, anywhere.sum())
    return lat, lng


def rows(size: int, *, seed: int, first: int = 0, start: datetime = START, minutes: int = MINUTES) -> pl.DataFrame:
    """Simulated rows as a publisher delivers them; one in a hundred stands twice."""
    drawn = np.random.default_rng(seed)
    lat, lng = points(size, drawn)
    number = np.arange(first, first + size)
    again = drawn.random(size) < 0.01
    again[0] = False
    source = np.where(again, np.arange(size) - 1, np.arange(size))
    moments = (
        start.replace(tzinfo=None)
        + pl.Series(drawn.integers(0, minutes, size)[source]).cast(pl.Duration("us")) * 60_000_000
    )
    offences = pl.Series([f"ст.{188 + kind} ч.1" for kind in range(OFFENCES)])
    return pl.DataFrame(
        {
            "incident id": pl.Series(number[source]).cast(pl.String),
            "occurred_at": moments,
            "category": offences.gather(drawn.integers(0, 4, size)[source]),
            "lat": lat[source],
            "lng": lng[source],
        }
    )


def main() -> None:
    options = _parser().parse_args()
    if options.measure:
        print(json.dumps(MEASURES[options.measure](options.folder, options.rows)))
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        folder = Path(name)
        _prepare(folder, options.rows)
        found: dict[str, list[dict[str, float]]] = {}
        for _ in range(options.times):
            for measure in options.only or MEASURES:
                found.setdefault(measure, []).append(_measured(measure, folder, options.rows))
                print(measure, found[measure][-1], file=sys.stderr, flush=True)
    _show(found, options.rows)


def _prepare(folder: Path, size: int) -> None:
    """Files of all rows, as Parquet and as CSV, made in pieces, and of one more day."""
    writer, piece = None, 1_000_000
    with (folder / "all.csv").open("wb") as text:
        for at, first in enumerate(range(0, size, piece)):
            frame = rows(min(piece, size - first), seed=SEED + at, first=first)
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(folder / "all.parquet", table.schema, compression="zstd")
            writer.write_table(table)
            frame.with_columns(pl.col("occurred_at").dt.strftime("%Y-%m-%d %H:%M")).write_csv(
                text, include_header=first == 0, float_precision=6
            )
        assert writer is not None
        writer.close()
    day = rows(DAY_ROWS, seed=SEED - 1, first=size, start=NOW - timedelta(days=1), minutes=24 * 60)
    # What the publisher repeats is of the days before.
    late = pl.col("occurred_at") >= (NOW - timedelta(days=3)).replace(tzinfo=None)
    overlap = pl.scan_parquet(folder / "all.parquet").filter(late).head(DAY_ROWS // 10).collect()
    pl.concat([day, overlap]).write_parquet(folder / "day.parquet")


def _measured(measure: str, folder: Path, size: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", measure, "--folder", str(folder), "--rows", str(size)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _timed(work: Callable[[], object]) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - start
    # What getrusage calls the peak is the parent's too.
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return {"cpu": cpu, "wall": wall, "peak_mb": int(peak.split()[1]) / 1024}


def _bare(folder: Path, _size: int) -> dict[str, float]:
    frame = pl.read_parquet(folder / "all.parquet", columns=["lat", "lng"])
    lat, lng = frame["lat"].to_numpy(), frame["lng"].to_numpy()
    return _timed(lambda: hexgrid.assign_cells(lat, lng, resolution=9))


def _delivered(folder: Path, name: str, data: Path) -> dict[str, float]:
    settings = Settings.from_environment({"RISKMAP_DATA": str(data)})
    assembly.migrate(settings)
    regions = country()
    names = Names(kk="Ойдан шығарылған", ru="Вымышленная", en="Made up")
    territory = Territory(name="bench", names=names, zone="Asia/Almaty", regions=regions, origin=names)
    store = assembly.open_store(settings)
    found = _timed(lambda: deliver(store, folder / name, territory=territory, now=NOW))
    store.close()
    return found


def _parquet(folder: Path, _size: int) -> dict[str, float]:
    return _delivered(folder, "all.parquet", _fresh(folder / "data"))


def _day(folder: Path, _size: int) -> dict[str, float]:
    return _delivered(folder, "day.parquet", folder / "data")


def _csv(folder: Path, _size: int) -> dict[str, float]:
    return _delivered(folder, "all.csv", _fresh(folder / "data-csv"))


def _fresh(data: Path) -> Path:
    shutil.rmtree(data, ignore_errors=True)
    return data


def _sjoin(_folder: Path, size: int) -> dict[str, float]:
    lat, lng = points(min(JOINED, size), np.random.default_rng(SEED + 1))
    regions = country()

    def join() -> None:
        placed = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lng, lat), crs=4326)
        gpd.sjoin(placed, regions[["region_id", "geometry"]], how="left", predicate="intersects")

    return _timed(join)


def _region_index(_folder: Path, size: int) -> dict[str, float]:
    lat, lng = points(min(JOINED, size), np.random.default_rng(SEED + 1))
    regions = country()
    index = RegionIndex.of(regions)
    index.region_of(lat[:1], lng[:1])
    made = _timed(lambda: index.region_of(lat, lng))
    found = _timed(lambda: index.region_of(lat, lng))
    placed = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lng, lat), crs=4326)
    joined = gpd.sjoin(placed, regions[["region_id", "geometry"]], how="left", predicate="intersects")
    expected = joined.groupby(level=0)["region_id"].min()
    exact = RegionIndex.of(regions, nearest_within_m=0).region_of(lat, lng)
    differences = int((exact.fill_null("").to_numpy() != expected.fillna("").to_numpy()).sum())
    return {**found, "with_table_cpu": made["cpu"], "differences": differences}


MEASURES: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "bare H3": _bare,
    "Parquet": _parquet,
    "one day": _day,
    "CSV": _csv,
    "geopandas.sjoin": _sjoin,
    "region index": _region_index,
}


def _show(found: dict[str, list[dict[str, float]]], size: int) -> None:
    bare = statistics.median(one["cpu"] for one in found.get("bare H3", [{"cpu": float("nan")}]))
    print(f"{size} rows, 1 of 100 delivered twice; day: {DAY_ROWS} new rows and {DAY_ROWS // 10} known ones")
    print("| measure | CPU s, median (smallest–largest) | times the bare conversion | wall s | peak MB |")
    print("|---|---|---|---|---|")
    for measure, runs in found.items():
        cpu = [one["cpu"] for one in runs]
        middle = statistics.median(cpu)
        wall, peak = (statistics.median(one[name] for one in runs) for name in ("wall", "peak_mb"))
        more = "".join(f", {key} {runs[-1][key]:g}" for key in ("with_table_cpu", "differences") if key in runs[-1])
        told = f"{middle:.2f} ({min(cpu):.2f}–{max(cpu):.2f}) | {middle / bare:.2f} | {wall:.1f} | {peak:.0f}"
        print(f"| {measure}{more} | {told} |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--scratch", type=Path, help="folder for the files (default: the system's)")
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="MEASURE", help="some of the measures")
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
