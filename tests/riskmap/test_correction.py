"""Once a year a published year is corrected, and everybody can see that it was."""

import shutil

import numpy as np
import polars as pl
import pytest

from geodata import hexgrid
from riskmap import release
from riskmap.errors import ExitStatus
from riskmap.pipeline import public_tables
from tests.installation import CITY
from tests.typed_commands import typed

pytestmark = pytest.mark.xdist_group("withdrawal")

YEAR = 2025
CORRECT = ["release", "--territory", CITY, "--as-of", "2026-11-01", "--correct", str(YEAR), "--json"]


@pytest.fixture
def root(installation, tmp_path, monkeypatch):
    """Releases of a copy of the installation."""
    data = tmp_path / "data"
    shutil.copytree(installation.data, data)
    monkeypatch.setenv("RISKMAP_DATA", str(data))
    return data / "releases"


@pytest.fixture
def run(root, capsys):
    return lambda *arguments: typed(capsys, *arguments)


def counts_of(root, release_id):
    return public_tables.read(release.open_folder(root, CITY, release_id)[1]).counts


def late_records(root, folder, name, n):
    """A file of simulated thefts on one winter night that the register learnt of later."""
    counts = counts_of(root, release.latest_id(root, CITY))
    busiest = counts.filter(pl.col("kind") == "band", pl.col("period") == str(YEAR)).sort("low", "place_id")[-1]
    cell = hexgrid.parse_cell(busiest["place_id"][0])
    lat, lng = hexgrid.centres(np.array([cell], dtype=np.uint64))
    rng = np.random.default_rng(n)
    frame = pl.DataFrame(
        {
            "incident_id": [f"{name}-{at}" for at in range(n)],
            "occurred_at": [f"2025-02-{1 + at % 28:02d}T21:{at // 28:02d}:00" for at in range(n)],
            "time_precision": ["minute"] * n,
            "category": ["theft"] * n,
            "lon": (lng[0] + rng.uniform(-2e-4, 2e-4, n)).round(6),
            "lat": (lat[0] + rng.uniform(-2e-4, 2e-4, n)).round(6),
        }
    )
    path = folder / f"{name}.parquet"
    frame.write_parquet(path)
    return path


def test_late_records_are_told_once_and_a_second_time_in_one_year_is_refused(root, run, tmp_path):
    first = release.latest_id(root, CITY)
    delivered = run("deliver", late_records(root, tmp_path, "late", 80), "--territory", CITY, "--json")

    corrected = run(*CORRECT)
    again = run(*CORRECT)
    plain = run("release", "--territory", CITY, "--as-of", "2026-11-01", "--json")

    assert delivered.data["accepted"] == 80
    assert corrected.status == ExitStatus.DONE
    assert (again.data["release_id"], again.data["is_new"]) == (corrected.data["release_id"], False)
    assert (plain.data["release_id"], plain.data["is_new"]) == (corrected.data["release_id"], False)
    key = ["kind", "place_id", "offence_group", "period", "part_of_day"]
    both = counts_of(root, first).join(
        counts_of(root, corrected.data["release_id"]), on=key, suffix="_now", nulls_equal=True
    )
    moved = both.filter(pl.col("low") != pl.col("low_now")).with_columns(move=pl.col("low_now") - pl.col("low"))
    assert set(moved.filter(pl.col("kind") == "quarter")["period"]) == {"2025-Q1"}
    assert set(moved.filter(pl.col("kind") != "band")["move"]) == {80}
    assert set(moved["period"].str.slice(0, 4)) == {str(YEAR)}
    manifest, _ = release.open_folder(root, CITY, corrected.data["release_id"])
    assert manifest["corrected"]["areas"] == 1
    assert manifest["change"] == "corrected"
    assert all(str(YEAR) in said for said in manifest["what_changed"].values())

    run("deliver", late_records(root, tmp_path, "later", 60), "--territory", CITY)
    second = run(*CORRECT)

    assert second.status == ExitStatus.REFUSED
    assert "once in a calendar year" in second.err
    assert release.latest_id(root, CITY) == corrected.data["release_id"]


def test_a_year_with_nothing_late_is_not_corrected(run):
    assert run(*CORRECT).status == ExitStatus.NOTHING_THERE


def test_a_year_that_was_not_published_as_a_whole_cannot_be_corrected(root, run):
    answer = run(*CORRECT[:-3], "--correct", "2026")

    assert answer.status == ExitStatus.NOTHING_THERE
    assert "2026" in answer.err
