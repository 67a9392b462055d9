"""What an operator and an auditor can do about published numbers."""

import json

import polars as pl
import pytest

from geodata import hexgrid
from riskmap.errors import ExitStatus
from tests.installation import CITY
from tests.typed_commands import typed

COLUMNS = ["cell", "resolution", "type", "period", "count-or-band", "kind"]


@pytest.fixture
def run(installation, monkeypatch, capsys):
    monkeypatch.setenv("RISKMAP_DATA", str(installation.data))
    return lambda *arguments: typed(capsys, *arguments)


def test_nothing_the_made_up_city_publishes_gives_a_protected_count_away(run):
    answer = run("attack", "--territory", CITY, "--all", "--json")

    told = answer.data
    assert answer.status == ExitStatus.DONE
    assert told["targets"] == told["solved"] > 50_000
    assert told["exact"] == told["within_one"] == 0


def test_an_auditor_gets_every_public_number_and_the_operator_the_truth(run, installation, tmp_path):
    published = pl.read_csv(installation.release(CITY).folder / "counts.csv")

    answer = run(
        "export-public", "--territory", CITY, "--out", str(tmp_path / "out"), "--truth", str(tmp_path / "t.csv")
    )

    public = pl.read_csv(tmp_path / "out" / "public.csv", infer_schema=False)
    truth = pl.read_csv(tmp_path / "t.csv")
    types = json.loads((tmp_path / "out" / "types.json").read_text())
    assert answer.status == ExitStatus.DONE
    assert public.columns == COLUMNS
    assert public.height == published.height
    assert set(public["type"]) <= set(types)
    assert public["count-or-band"].null_count() + (public["count-or-band"] == "").sum() == published["low"].null_count()
    assert truth.columns == ["cell", "type", "period", "count"]
    assert set(hexgrid.resolutions(hexgrid.parse_cells(truth["cell"])[0])) == {9}
    whole = public.filter(pl.col("kind") == "quarter", pl.col("period") == "2025-Q1").sort(
        pl.col("cell").str.len_chars()
    )
    months = truth.filter(pl.col("period").is_in(["2025-01", "2025-02", "2025-03"]))
    assert int(whole["count-or-band"][-1]) == months["count"].sum()


def test_a_territory_without_counts_is_said_in_words(run):
    answer = run("attack", "--territory", "kazakhstan")

    assert answer.status == ExitStatus.NOTHING_THERE
