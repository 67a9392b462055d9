"""The command about survey answers, as an operator types it, and what a release tells of them."""

import shutil
from functools import partial

import polars as pl
import pytest

from riskmap import commands, release
from riskmap.errors import ExitStatus
from tests.typed_commands import typed

HEADER = "region_id,sex,year,question,share_percent,respondents\n"
LINES = """\
750000000,f,2025,feels_unsafe_after_dark,45.7,812
750000000,m,2025,feels_unsafe_after_dark,30.1,29
710000000,f,2025,feels_unsafe_after_dark,41,700
"""
DATED = ("--source", "Бюро статистики", "--dated", "2025-12-20")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An installation to copy, with the built-in territory only."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "en_US.UTF-8")
        patch.setenv("RISKMAP_DATA", str(folder / "empty"))
        assert commands.main(["migrate"]) == 0
    return folder / "empty"


@pytest.fixture
def run(made, tmp_path, capsys, monkeypatch):
    """Types a command in an installation without survey answers."""
    shutil.copytree(made, tmp_path / "data")
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return partial(typed, capsys)


@pytest.fixture
def answers(tmp_path):
    """Writes a file of survey answers."""

    def write(lines=LINES):
        path = tmp_path / "answers.csv"
        path.write_text(HEADER + lines, encoding="utf-8")
        return path

    return write


def test_answers_are_loaded_once_however_often_the_file_comes(run, answers):
    first = run("survey", "load", answers(), *DATED, "--json").data
    again = run("survey", "load", answers(), *DATED, "--json").data

    assert (first["accepted"], first["is_unchanged"], first["replaced"]) == (3, False, 0)
    assert (again["accepted"], again["is_unchanged"], again["replaced"]) == (3, True, 0)


def test_a_newer_delivery_takes_the_place_of_the_earlier_and_an_older_is_refused(run, answers):
    run("survey", "load", answers(), *DATED)

    newer = run("survey", "load", answers(LINES.replace("45.7", "46")), *DATED[:3], "2026-01-20", "--json")
    older = run("survey", "load", answers(), *DATED)

    assert newer.data["replaced"] == 3
    assert older.status == ExitStatus.BAD_INPUT
    assert "dated 2026-01-20 are held already" in older.err


def test_what_a_source_says_of_another_year_stays_beside_it(run, answers):
    run("survey", "load", answers(), *DATED)

    earlier = run("survey", "load", answers(LINES.replace("2025", "2024")), *DATED[:3], "2024-12-20", "--json")

    assert (earlier.status, earlier.data["replaced"]) == (ExitStatus.DONE, 0)


def test_refused_rows_are_told_with_line_found_and_expected(run, answers):
    answer = run("survey", "load", answers(LINES + "999,f,2025,feels_unsafe_after_dark,41,700\n"), *DATED)

    assert answer.status == ExitStatus.DONE
    assert "Rows refused: 1" in answer.out
    assert "Line 5, column region_id. Found: “999”. Expected: the KATO code" in answer.out


@pytest.mark.parametrize(("language", "word"), [("kk", "Сауалнама"), ("ru", "Ответы опроса"), ("en", "Survey answers")])
def test_the_command_speaks_three_languages(run, answers, language, word):
    assert word in run("survey", "load", answers(), *DATED, "--language", language).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--source", "", "--dated", "2025-12-20"), "expected one line of 1 to 200"),
        (("--source", "=1+1", "--dated", "2025-12-20"), "starts with a letter"),
        (("--source", "Bureau", "--dated", "2999-01-01"), "still to come"),
    ],
)
def test_a_source_or_day_that_cannot_be_is_refused(run, answers, arguments, said):
    answer = run("survey", "load", answers(), *arguments)

    assert answer.status == ExitStatus.BAD_INPUT
    assert answer.err.startswith("riskmap: The survey file cannot be used.")
    assert said in answer.err


def test_a_release_tells_the_answers_but_no_share_of_too_few_people(run, answers, tmp_path):
    run("survey", "load", answers(), *DATED, "--simulated")

    run("release", "--territory", "kazakhstan")

    folder = release.read(tmp_path / "data" / "releases", "kazakhstan").folder
    told = pl.read_csv(folder / "survey.csv", schema_overrides={"region_id": pl.String})
    assert told.filter(sex="f")["share_percent"].to_list() == [41.0, 45.7]
    assert told.filter(sex="m").select("share_percent", "respondents").row(0) == (None, 29)
    assert told["is_simulated"].all()
