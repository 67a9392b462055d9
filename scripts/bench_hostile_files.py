"""Deliver the whole corpus of hostile and broken files; print each family's worst time and memory as Markdown.

    python scripts/bench_hostile_files.py

Seconds are processor time; memory is what a delivery takes above the loaded program, which is named below the table.
"""

import contextlib
import shutil
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.hostile_case import table
from tests.hostile_files import corpus
from tests.hostile_runs import Run, Runs, over_and_over


def main() -> None:
    """Measure and print."""
    found: dict[str, list[Run]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder))
        for number, case in enumerate(corpus()):
            place = Path(folder) / f"case-{number}"
            place.mkdir()
            path = case.write(place)
            sound = Path(folder) / "sound.csv"
            sound.write_text(table(sound=20), encoding="utf-8")
            with over_and_over(case.meanwhile, path) if case.meanwhile else contextlib.nullcontext():
                given, mapping = (sound, path) if case.is_layout else (path, None)
                found[case.family].append(runs.deliver(given, Path(folder) / "data", mapping=mapping))
            shutil.rmtree(place)
            shutil.rmtree(Path(folder) / "data")
        runs.close()
    print("| family | files | refused | reported | unanswered | worst CPU, s | worst memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for family, ended in found.items():
        print(_line(family, ended))
    every = [run for ended in found.values() for run in ended]
    print(_line(f"**all {len(found)} families**", every))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}; the loaded program itself holds {every[0].baseline_mb:.0f} MB.")


def _line(family: str, ended: list[Run]) -> str:
    refused = sum(run.status == 2 for run in ended)
    reported = sum(run.status == 0 for run in ended)
    worst_s, worst_mb = max(run.cpu_s for run in ended), max(run.above_mb for run in ended)
    rest = len(ended) - refused - reported
    return f"| {family} | {len(ended)} | {refused} | {reported} | {rest} | {worst_s:.1f} | {worst_mb:.0f} |"


if __name__ == "__main__":
    main()
