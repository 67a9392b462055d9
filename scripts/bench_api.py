"""Measure the API on a country: how long its largest answers take, first and later.

A release of 50 000 cells, 12 groups and three years is built from simulated counts (seeded; `bench_public_counts`) and
asked through the routes as they are served, compressed. "First" is the first answer of a new process's release;
"later" is the median of the next ones. Prints a Markdown table for docs/benchmarks.md.

    python scripts/bench_api.py [--repeats 9]
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from starlette.applications import Starlette
from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_public_counts import country  # noqa: E402

from geodata import public_counts  # noqa: E402
from riskmap import release  # noqa: E402
from riskmap.pipeline import public_tables  # noqa: E402
from riskmap.public import api, data_api  # noqa: E402
from tests.release_builder import a_release  # noqa: E402

TERRITORY = "country"
GROUPS = ("all", "theft", "assault")
ASKED = {
    "health": "/api/v1/health",
    "releases": "/api/v1/territories/{territory}/releases",
    "periods": "/api/v1/territories/{territory}/periods",
    "groups": "/api/v1/territories/{territory}/groups",
    "areas, a page of 5 000": "/api/v1/territories/{territory}/areas?limit={most}",
    "counts, the first 5 000": "/api/v1/territories/{territory}/counts?limit={most}",
    "counts, the last 5 000": "/api/v1/territories/{territory}/counts?limit={most}&offset={last}",
    "counts of cells in a year, 5 000": "/api/v1/territories/{territory}/counts?kind=band&period=2025&limit={most}",
    "cells in view, 5 000": "/api/v1/territories/{territory}/cells?bbox=52,43,84,54&limit={most}",
    "one cell": "/api/v1/cells/{cell}?territory={territory}",
}


def write_country(root: Path) -> tuple[str, int]:
    """A release of the simulated country; one of its cells and the number of its counts."""
    case = country(root, root)
    cube = case.counted.filter(case.counted["cell"].is_not_null()).drop("region_id")
    sensitive = case.counted.filter(case.counted["cell"].is_null()).select(
        "region_id", "offence_group", "month", "count"
    )
    public = public_counts.build(TERRITORY, cube, sensitive, case.grid, start=case.start, end=case.end)
    cells = case.grid["public_cell"].to_numpy()
    rng = np.random.default_rng(1)
    manifest, files = a_release(territory=TERRITORY, classes={group: [] for group in GROUPS})
    periods = sorted(public.counts["period"].unique().to_list())
    files |= {
        "cells.bin": release.encode_cells(cells),
        "areas.bin": np.ones(cells.size, dtype="<u2").tobytes(),
        **{f"classes-{group}.bin": rng.integers(1, 8, cells.size).astype(np.uint8).tobytes() for group in GROUPS},
        **public_tables.files_of(public),
    }
    release.write(root, manifest | {"counts": {"periods": periods, "new_periods": periods}}, files)
    return f"{int(cells[0]):x}", public.counts.height


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "releases"
        cell, height = write_country(root)
        client = TestClient(Starlette(routes=api.routes(root, Path(folder) / "journals")))
        told = {"territory": TERRITORY, "cell": cell, "most": data_api.MOST_ROWS, "last": height - data_api.MOST_ROWS}
        print(f"{height:,} counts\n\n| answer | first, ms | later, ms | kB as sent |\n|---|---|---|---|")
        for name, path in ASKED.items():
            times = []
            for _ in range(1 + repeats):
                started = time.perf_counter()
                answer = client.get(path.format(**told))
                times.append(1000 * (time.perf_counter() - started))
                if answer.status_code != 200:
                    sys.exit(f"{path.format(**told)}: {answer.status_code} {answer.text[:200]}")
            size = int(answer.headers["content-length"]) / 1000
            print(f"| {name} | {times[0]:.0f} | {statistics.median(times[1:]):.0f} | {size:.0f} |", flush=True)


if __name__ == "__main__":
    main()
