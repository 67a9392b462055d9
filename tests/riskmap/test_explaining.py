"""``deliver --explain`` and ``deliver --layout``: what an operator reads before a file is taken in, and how it is."""

import json
from itertools import cycle

import pytest

from geodata import explanation
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
        "All rows were looked at: 25",
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


NOTHING_STORED = {"kk": "Ештеңе сақталған жоқ.", "ru": "Ничего не сохранено.", "en": "Nothing was stored."}


@pytest.mark.parametrize(
    ("name", "language"),
    list(zip(sorted(path.name for path in LAYOUTS.iterdir()), cycle(NOTHING_STORED), strict=False)),
)
def test_every_layout_is_explained(run, name, language):
    status, out, _ = run("deliver", "--explain", LAYOUTS / name, "--language", language)

    assert status == 0
    assert out.splitlines()[-1] == NOTHING_STORED[language]


ARTICLES = "occurred_at,category,lat,lng\n" + "".join(
    f"2026-03-{day:02} 14:3{day % 10},188,{lat},{lng}\n"
    for day, (lat, lng) in enumerate([(43.23, 76.88)] * 8 + [(76.88, 43.23), (55.75, 37.62)], start=1)
)


@pytest.mark.parametrize("territory", [("--territory", "kazakhstan"), ()])
def test_a_file_is_explained_by_the_rules_of_its_territory(run, data, tmp_path, territory):
    path = tmp_path / "articles.csv"
    path.write_text(ARTICLES)

    status, out, _ = run("deliver", "--explain", path, *territory, "--json")

    (found,) = json.loads(out.strip().splitlines()[-1])["files"]
    assert (status, data.exists()) == (0, False)
    assert (found["territory"], found["zone"], found["zone_from"]) == ("kazakhstan", "Asia/Almaty", "territory")
    assert found["unknown_categories"] == {}
    assert found["faults"] == {"outside_territory": 1, "swapped_coordinates": 1}
    assert "Time zone: Asia/Almaty. It is that of the territory." in out


def test_a_file_of_another_country_would_make_a_territory(run):
    _, out, _ = run("deliver", "--explain", LAYOUTS / "vancouver_vpd.csv")

    assert "Territory: none holds most of the points; a new one would be made." in out


def test_a_territory_that_does_not_exist_is_refused(run, own_file):
    status, out, err = run("deliver", "--explain", own_file, "--territory", "atlantis")

    assert (status, out) == (int(ExitStatus.NOTHING_THERE), "")
    assert "There is no territory 'atlantis'" in err


def test_a_long_file_is_said_to_have_been_looked_at_in_part(run, tmp_path, monkeypatch):
    monkeypatch.setattr(explanation, "LOOKED_AT", 4)
    path = tmp_path / "articles.csv"
    path.write_text(ARTICLES)

    _, out, _ = run("deliver", "--explain", path)

    assert "Only the first rows were looked at: 4" in out
    assert "All rows" not in out


def test_a_tab_is_called_so(run):
    _, out, _ = run("deliver", "--explain", FILES / "utf16_tabs.csv")

    assert "Separator: tab" in out


def test_the_group_that_a_layout_gives_every_row_is_told(run):
    _, out, _ = run("deliver", "--explain", LAYOUTS / "austin_aggravated_assault.xlsx")

    assert "Offence group of every row: " in out


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-03-{:02} 14:30", "Dates: written so that they can be read one way only"),
        ("2026-{:02}", "Dates: written so that they can be read one way only"),
        ("{:02}.12.2025 14:30", "Dates: day first, then month"),
    ],
)
def test_dates_are_called_day_first_only_where_a_day_or_month_comes_first(run, tmp_path, moment, said):
    path = tmp_path / "dates.csv"
    rows = "".join(f"{moment.format(number)},theft,43.23,76.88\n" for number in range(1, 13))
    path.write_text("occurred_at,category,lat,lng\n" + rows)

    _, out, _ = run("deliver", "--explain", path)

    assert [line for line in out.splitlines() if line.startswith("Dates")] == [said]


def test_the_answer_of_a_map_service_is_called_so(run, tmp_path):
    features = [
        {"attributes": {"occurred_at": "2026-03-02 14:30", "category": "theft"}, "geometry": {"x": 76.88, "y": 43.23}}
    ]
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"spatialReference": {"wkid": 4326}, "features": features}))

    _, out, _ = run("deliver", "--explain", path)

    assert "Kind: list of points of a map service (Esri JSON)" in out


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
