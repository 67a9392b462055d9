"""The numbers of a backtest as one file: every one is there once, and they sum up to what the command answers."""

import re
from functools import partial

import polars as pl
import pytest

from geodata.columns import BACKTEST_RESULTS
from models import backtest
from riskmap import assembly, wording
from riskmap.errors import ExitStatus
from riskmap.settings import Settings
from tests.made_up_town import a_territory, some_incidents, write_csv
from tests.typed_commands import typed


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Commands on a data folder where the simulated town has its incidents."""
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    command = partial(typed, capsys)
    command("migrate")
    store = assembly.open_store(Settings.from_environment({"RISKMAP_DATA": str(tmp_path / "data")}))
    store.territories.save(a_territory())
    store.close()
    command(
        "deliver", write_csv(tmp_path / "town.csv", some_incidents(rows=1200, days=400)), "--territory", "smalltown"
    )
    return partial(command, "backtest", "--territory", "smalltown", "--group", "all", "--json", "--out")


def test_the_file_holds_what_the_command_answers(run, tmp_path):
    answer = run(tmp_path / "new" / "folder")

    results = pl.read_parquet(tmp_path / "new" / "folder" / "backtest.parquet")
    keys = [column.name for column in BACKTEST_RESULTS.columns if column.name != "value"]
    assert answer.status == ExitStatus.DONE
    assert BACKTEST_RESULTS.checked(results).columns == results.columns
    assert results.height == answer.data["rows"] == results.unique(keys).height
    assert results["window_start"].n_unique() == answer.data["windows"]
    assert set(results["model"]) == {row["model"] for row in answer.data["results"]}
    for row in answer.data["results"]:
        own = results.filter(model=row["model"])
        for metric in backtest.METRICS:
            assert own.filter(metric=metric)["value"].mean() == pytest.approx(row[metric], abs=1e-4)
        counted = {name: own.filter(metric=name)["value"].sum() for name in ("incidents", "expected_incidents")}
        assert counted["incidents"] == row["incidents"]
        assert counted["incidents"] / counted["expected_incidents"] == pytest.approx(
            row["observed_over_expected"], abs=1e-4
        )


def test_a_file_in_the_place_of_the_folder_is_left_as_it_was(run, tmp_path):
    (tmp_path / "taken").write_text("mine", encoding="utf-8")

    answer = run(tmp_path / "taken")

    assert answer.status != ExitStatus.DONE
    assert "taken cannot be written" in answer.err
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_report_says_the_same_in_one_page_that_needs_nothing_else(run, tmp_path, language):
    answer = run(tmp_path / "out", "--language", language)

    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    words = wording.in_language(language)
    assert f'<html lang="{language}">' in page
    assert words.text("data.simulated") in page
    told = pl.read_parquet(tmp_path / "out" / "backtest.parquet").filter(metric="poisson_deviance")
    for (model,), own in told.group_by("model"):
        assert words.text(f"model.{model}") in page
        assert words.number(own["value"].mean(), digits=3) in page
    # Every other method stands beside the base model, by deviance and by PAI.
    assert page.count(" ± ") >= 2 * (len(answer.data["results"]) - 1)
    assert page.count('role="img"') == 2
    assert not re.search(r"<script|https?://|src=|@import", page)


def test_differences_are_those_of_pairs(run, tmp_path):
    run(tmp_path)
    results = pl.read_parquet(tmp_path / "backtest.parquet").filter(metric="poisson_deviance")
    wide = results.pivot("model", index="window_start", values="value")

    windows = results.rename({"value": "poisson_deviance"}).with_columns(pai_5=pl.lit(None, pl.Float64))
    gaps = backtest.differences(windows).filter(model="long_run_mean")

    gain = (wide["eb"] - wide["long_run_mean"]).to_numpy()
    assert gaps["difference"].to_list() == pytest.approx([gain.mean()])
    assert gaps["standard_error"].to_list() == pytest.approx([gain.std(ddof=1) / len(gain) ** 0.5])
    assert gaps["n_windows"].to_list() == [len(gain)]
