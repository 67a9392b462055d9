"""Every hostile or broken file is refused in a sentence or reported row by row, soon and in little memory.

Times are processor seconds, so that a busy machine fails nobody; memory is what a delivery takes above the loaded
program. Both limits are those of the corpus alone, and no other test may assert a time.
"""

import contextlib
import shutil
import signal
from pathlib import Path

import pytest

from geodata.column_names import printable
from riskmap.errors import ExitStatus
from tests.hostile_case import EITHER, REPORTED, Case, table
from tests.hostile_files import corpus, sample
from tests.hostile_runs import MOST_CPU_S, MOST_MB, Run, Runs, contents, over_and_over

SAMPLE = sample()
REST = tuple(case for case in corpus() if case not in SAMPLE)
FORGING = ("\n", "\r", "\x1b", "\u202e", "\u2066")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("program"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def untouched(runs):
    """What stands in an installation that nothing was delivered to."""
    return contents(runs.installed)


def test_the_corpus_has_at_least_200_files_in_20_families_and_each_family_is_sampled():
    cases = corpus()

    assert len({str(case) for case in cases}) == len(cases) >= 200
    assert len({case.family for case in cases}) >= 20
    assert {case.family for case in SAMPLE} == {case.family for case in cases}


def test_the_corpus_is_the_same_in_every_run(tmp_path):
    case = next(case for case in corpus() if case.name == "chance alone")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert case.write(tmp_path / "a").read_bytes() == case.write(tmp_path / "b").read_bytes()


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_hostile_file_is_refused_or_reported_and_leaves_nothing_behind(case, runs, untouched, tmp_path):
    _deliver_and_check(case, runs, untouched, tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("case", REST, ids=str)
def test_every_hostile_file_is_refused_or_reported_and_leaves_nothing_behind(case, runs, untouched, tmp_path):
    _deliver_and_check(case, runs, untouched, tmp_path)


def _deliver_and_check(case: Case, runs: Runs, untouched: dict[str, bytes], folder: Path) -> None:
    place, data = folder / "given", folder / "data"
    place.mkdir()
    path = case.write(place)
    sound = folder / "sound.csv"
    sound.write_text(table(sound=20), encoding="utf-8")

    with over_and_over(case.meanwhile, path) if case.meanwhile else contextlib.nullcontext():
        run = runs.deliver(sound, data, mapping=path) if case.is_layout else runs.deliver(path, data)
    left = {name: content for name, content in contents(data).items() if not name.startswith("locks/")}
    # The corpus is large, and pytest keeps the folders of its last runs.
    shutil.rmtree(folder)

    assert "Traceback" not in run.out + run.err
    assert run.status in {int(status) for status in ExitStatus} - {int(ExitStatus.UNEXPECTED)}, _ended(run)
    assert run.cpu_s <= MOST_CPU_S
    assert run.above_mb <= MOST_MB
    answer = run.answer
    if run.status == ExitStatus.DONE:
        assert case.outcome in (REPORTED, EITHER), answer
        assert answer["rows_read"] == answer["accepted"] + answer["duplicates"] + answer["quarantined"] + answer.get(
            "withdrawn", 0
        )
        assert sum(answer["faults"].values()) == answer["quarantined"]
        assert answer["rows_read"] > 0
    else:
        assert case.outcome in (answer["error"], EITHER), answer
        assert any(name in answer["detail"] for name in _names_of(path, sound)), answer
        assert left == untouched
    if not case.is_layout:
        assert not any(f"{sign}vsc" in run.out + run.err for sign in FORGING)


def _names_of(*paths: Path) -> set[str]:
    return {name for path in paths for name in (path.name, printable(path.name, most=100))}


def _ended(run: Run) -> str:
    return signal.Signals(-run.status).name if run.status < 0 else run.err[-2_000:]
