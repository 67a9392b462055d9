"""``deliver --explain`` and ``deliver --layout``: what an operator reads before a file is taken in, and how it is."""

import json

import pytest

from riskmap import commands
from riskmap.errors import ExitStatus
from tests.builders import FILES

LAYOUTS = FILES / "layouts"
MAPPED = """
name = "town_hall"
time_zone = "Asia/Almaty"

[recognised_by]
columns = ["when", "what", "north", "east"]

[columns]
occurred_at = "when"
category = "what"
lat = "north"
lng = "east"
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    monkeypatch.setenv("RISKMAP_DATA", str(folder))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return folder


@pytest.fixture
def run(data, capsys):
    def typed(*arguments):
        capsys.readouterr()
        status = commands.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return typed


@pytest.fixture
def own_file(tmp_path):
    path = tmp_path / "delivery.csv"
    rows = "".join(f"2026-03-{day:02} 14:3{day % 10},theft,43.2389{day:02},76.8897{day:02}\n" for day in range(1, 21))
    path.write_text("when,what,north,east\n" + rows)
    return path


def test_a_file_is_explained_and_nothing_stored(run, data):
    status, out, err = run("deliver", "--explain", LAYOUTS / "vancouver_vpd.csv")

    assert (status, err) == (0, "")
    assert not data.exists()
    for line in (
        "Layout: vancouver_vpd – Vancouver Police Department: GeoDASH crime data",
        "  year = YEAR",
        "Dropped at the door: HUNDRED_BLOCK",
        "Time zone: America/Vancouver. The layout says it.",
        "Coordinate system: EPSG:26910",
        "First rows looked at: 25",
        "  Row: 26. No such date or time. Found: YEAR 2020, MONTH 2, DAY 11, HOUR 25, MINUTE 0",
        "Nothing was stored.",
    ):
        assert line in out.splitlines(), line


def test_a_file_nobody_understands_is_explained_with_a_draft(run):
    status, out, _ = run("deliver", "--explain", FILES / "no_place_columns.csv")

    assert status == 0
    assert "The file cannot be taken in as it is. no_place_columns.csv: no column found for lat, lng." in out
    assert 'lat = "…"' in out


def test_what_was_recognised_can_be_had_as_json(run):
    _, out, _ = run("deliver", "--explain", LAYOUTS / "camden_bng.csv", "--json")

    (found,) = json.loads(out.strip().splitlines()[-1])["files"]
    assert (found["layout"], found["zone"], found["coordinate_system"]) == ("camden_bng", "Europe/London", "EPSG:27700")


@pytest.mark.parametrize("name", sorted(path.name for path in LAYOUTS.iterdir()))
@pytest.mark.parametrize(
    ("language", "stored"),
    [("kk", "Ештеңе сақталған жоқ."), ("ru", "Ничего не сохранено."), ("en", "Nothing was stored.")],
)
def test_every_layout_is_explained_in_every_language(run, name, language, stored):
    status, out, _ = run("deliver", "--explain", LAYOUTS / name, "--language", language)

    assert status == 0
    assert out.splitlines()[-1] == stored


def test_the_official_form_is_refused_in_words(run, shared_data):
    status, _, err = run("deliver", "--explain", shared_data / "raw" / "kz_form_1m_2023_almaty.xlsx")

    assert status == int(ExitStatus.BAD_INPUT)
    assert "official form 1-М" in err


def test_a_layout_of_the_operators_folder_reads_a_file(run, data, own_file):
    (data / "layouts").mkdir(parents=True)
    (data / "layouts" / "town_hall.toml").write_text(MAPPED)

    status, out, _ = run("deliver", own_file, "--territory", "kazakhstan", "--json")

    assert status == 0
    assert json.loads(out.strip().splitlines()[-1])["accepted"] == 20


def test_a_layout_given_as_a_file_reads_a_file(run, tmp_path, own_file):
    layout = tmp_path / "own.toml"
    layout.write_text(MAPPED)

    status, out, _ = run("deliver", own_file, "--layout", layout, "--territory", "kazakhstan", "--json")

    assert status == 0
    assert json.loads(out.strip().splitlines()[-1])["accepted"] == 20


def test_a_layout_nobody_knows_is_refused_with_those_known(run, own_file):
    status, out, err = run("deliver", own_file, "--layout", "camdem")

    assert (status, out) == (int(ExitStatus.BAD_INPUT), "")
    assert "No layout is named 'camdem'; expected one of austin_aggravated_assault, camden_bng" in err


def test_a_layout_that_changes_is_a_new_reading_of_the_same_file(run, tmp_path, own_file):
    layout = tmp_path / "own.toml"
    layout.write_text(MAPPED)
    arguments = ("deliver", own_file, "--layout", layout, "--territory", "kazakhstan", "--json")

    first = json.loads(run(*arguments)[1].strip().splitlines()[-1])
    layout.write_text(MAPPED.replace("[columns]", '[columns]\nincident_id = ""').replace('town_hall"', 'town"'))
    second = json.loads(run(*arguments)[1].strip().splitlines()[-1])

    assert [report["files"][0]["is_repeat"] for report in (first, second)] == [False, False]
    assert second["accepted"] == 20
