"""Commands as an operator types them: exit statuses, messages with a next step, and nothing half done."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from riskmap import commands, release, wording
from riskmap.errors import ExitStatus
from riskmap.settings import REPOSITORY
from tests.builders import FILES
from tests.made_up_town import LAT, LNG, ROWS, ZONE, some_incidents, write_csv
from tests.typed_commands import typed

PLAIN = FILES / "plain.csv"
HEADER = "occurred_at,category,lat,lng\n"
ROW = "2026-03-02 14:30,theft,43.238949,76.889709\n"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Data folder of an installation that nobody has used."""
    folder = tmp_path / "data"
    monkeypatch.setenv("RISKMAP_DATA", str(folder))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return folder


@pytest.fixture
def run(data, capsys):
    return partial(typed, capsys)


@pytest.fixture
def file(tmp_path):
    def written(content, name="delivery.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def lake_of(data):
    return sorted(path for kind in ("lake", "quarantine") for path in (data / kind).rglob("*.parquet"))


def require_refused(answer, status, *parts):
    """After the steps begun, one message in words on the error stream, no traceback, and the exit status."""
    assert answer.status == int(status)
    assert answer.err.count("riskmap: ") == 1
    assert "Traceback" not in answer.err + answer.out
    message = answer.err.partition("riskmap: ")[2]
    assert [part for part in parts if part not in message] == []
    assert answer.out == ""


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "empty"),
        (b"   \n\n", ""),
        (bytes(range(256)) * 20, ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "PNG picture"),
        (b"PK\x03\x04" + bytes(200), "ZIP archive or an Excel workbook"),
        (b"%PDF-1.7\n" + bytes(200), "PDF document"),
        (b"PAR1" + bytes(50), ""),
        (b'{"type": "FeatureCollection", "features": []}', ""),
    ],
    ids=["empty", "blank", "binary", "picture", "workbook", "document", "broken parquet", "json"],
)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_is_stored(run, data, file, content, part):
    answer = run("deliver", file(content), "--territory", "kazakhstan")

    require_refused(answer, ExitStatus.BAD_INPUT, "delivery.csv", part)
    assert lake_of(data) == []


def test_a_file_that_is_not_there_is_refused(run, tmp_path):
    require_refused(run("deliver", tmp_path / "gone.csv"), ExitStatus.BAD_INPUT, "gone.csv")


def test_a_folder_in_place_of_a_file_is_refused(run, tmp_path):
    require_refused(run("deliver", tmp_path), ExitStatus.BAD_INPUT, tmp_path.name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_without_permission_is_refused(run, file):
    path = file(HEADER + ROW)
    path.chmod(0)

    require_refused(run("deliver", path), ExitStatus.BAD_INPUT, "delivery.csv")


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("category,lat,lng", ("date", "--mapping")),
        ("occurred_at,category", ("lat", "--mapping")),
        ("occurred_at,category,lat,lng,lat", ("lat", "twice")),
        ("a,b,c,d", ("--mapping",)),
    ],
    ids=["no time", "no place", "doubled", "unknown"],
)
def test_missing_and_doubled_columns_are_named_with_the_next_step(run, data, file, header, parts):
    values = ["2026-03-02 14:30", "theft", "43.2", "76.8", "43.2"][: header.count(",") + 1]

    answer = run("deliver", file(f"{header}\n{','.join(values)}\n"), "--territory", "kazakhstan")

    require_refused(answer, ExitStatus.BAD_INPUT, "delivery.csv", *parts)
    assert lake_of(data) == []


def test_impossible_dates_and_places_are_quarantined_and_every_row_is_accounted_for(run, file):
    rows = [
        ROW,
        ROW.replace("14:30", "15:30"),
        ROW,
        ROW.replace("2026-03-02", "2026-02-31"),
        ROW.replace("2026-03-02", "2199-01-01"),
        ROW.replace("2026-03-02", "1999-12-31"),
        ROW.replace("43.238949", "143.2"),
        ROW.replace("43.238949", "north"),
        ROW.replace("43.238949", ""),
        ROW.replace("43.238949,76.889709", "76.889709,43.238949"),
        ROW.replace("43.238949,76.889709", "-33.9,18.4"),
        "2026-03-04 10:00,theft,,\n",
    ]

    answer = run("deliver", file(HEADER + "".join(rows)), "--territory", "kazakhstan", "--json")

    assert answer.status == ExitStatus.DONE
    told = answer.data
    assert told["rows_read"] == len(rows) == told["accepted"] + told["duplicates"] + told["quarantined"]
    assert (told["accepted"], told["duplicates"], told["without_place"]) == (3, 1, 1)
    assert told["faults"] == {
        "impossible_date": 1,
        "future_date": 1,
        "date_too_early": 1,
        "impossible_coordinates": 2,
        "incomplete_coordinates": 1,
        "swapped_coordinates": 1,
        "outside_territory": 1,
    }
    assert wording.in_language("en").text("fault.swapped_coordinates") in answer.out


def test_json_ends_with_one_object_of_the_promised_keys(run):
    answer = run("deliver", PLAIN, "--territory", "kazakhstan", "--json")

    assert {"rows_read", "accepted", "duplicates", "quarantined", "faults"} <= set(answer.data)
    assert sum(line.startswith("{") for line in answer.out.splitlines()) == 1
    assert "{" not in answer.err


def test_an_error_too_ends_with_one_object_where_json_is_asked_for(run, file):
    answer = run("deliver", file(""), "--json")

    assert answer.status == answer.data["status"] == ExitStatus.BAD_INPUT
    assert answer.data["error"] == "unreadable_file"
    assert len(answer.out.strip().splitlines()) == 1


def test_unknown_categories_are_refused_with_lines_for_a_mapping(run, data, file):
    answer = run("deliver", file(HEADER + ROW.replace("theft", "зырк")), "--territory", "kazakhstan")

    require_refused(answer, ExitStatus.BAD_INPUT, "[categories]", '"зырк" = "theft"', "--mapping")
    assert lake_of(data) == []


def test_some_unknown_categories_are_counted_and_named(run, file):
    answer = run("deliver", file(HEADER + ROW + ROW.replace("theft", "зырк")), "--territory", "kazakhstan", "--json")

    assert answer.status == ExitStatus.DONE
    assert answer.data["files"][0]["unknown_categories"] == {"зырк": 1}
    assert "зырк" in answer.out.splitlines()[-3]


def test_a_mapping_makes_unknown_categories_known(run, file):
    delivery = file(HEADER + ROW.replace("theft", "зырк"))
    mapping = file('[categories]\n"зырк" = "theft"\n', "mapping.toml")

    answer = run("deliver", delivery, "--territory", "kazakhstan", "--mapping", mapping, "--json")

    assert (answer.status, answer.data["accepted"]) == (ExitStatus.DONE, 1)


def test_a_broken_mapping_is_refused(run, file):
    answer = run("deliver", PLAIN, "--territory", "kazakhstan", "--mapping", file("[columns", "mapping.toml"))

    require_refused(answer, ExitStatus.BAD_INPUT, "mapping.toml")


def test_a_file_of_another_place_is_refused(run, data, tmp_path):
    elsewhere = write_csv(tmp_path / "elsewhere.csv", some_incidents(rows=50))

    answer = run("deliver", elsewhere, "--territory", "kazakhstan")

    require_refused(answer, ExitStatus.BAD_INPUT, "50 of 50", "--territory")
    assert lake_of(data) == []


@pytest.mark.parametrize("command", ["score", "release", "backtest"])
def test_an_unknown_territory_is_refused_with_those_there_are(run, command):
    require_refused(run(command, "--territory", "atlantis"), ExitStatus.NOTHING_THERE, "atlantis", "kazakhstan")


@pytest.mark.parametrize("name", ["atlantis", "../data", "Atlantis!"])
def test_a_delivery_to_an_unknown_territory_is_refused(run, data, name):
    answer = run("deliver", PLAIN, "--territory", name)

    require_refused(answer, answer.status, name)
    assert answer.status in (ExitStatus.NOTHING_THERE, ExitStatus.BAD_INPUT)
    assert lake_of(data) == []


def test_an_unknown_zone_is_refused(run, data):
    answer = run("deliver", PLAIN, "--territory", "kazakhstan", "--timezone", "Mars/Olympus")

    require_refused(answer, ExitStatus.BAD_INPUT, "Mars/Olympus")
    assert lake_of(data) == []


def test_too_few_points_make_no_territory(run, data, tmp_path):
    few = write_csv(tmp_path / "few.csv", some_incidents(rows=2))

    require_refused(run("deliver", few, "--timezone", ZONE), ExitStatus.BAD_INPUT, "--territory")
    assert sorted(path.name for path in (data / "territories").iterdir()) == ["kazakhstan"]


@pytest.mark.parametrize("command", ["score", "backtest"])
def test_nothing_to_score_says_what_to_deliver(run, command):
    answer = run(command, "--territory", "kazakhstan")

    require_refused(answer, ExitStatus.NOTHING_THERE, "python -m riskmap deliver")


def test_a_data_folder_that_cannot_be_written_is_refused_with_the_next_step(tmp_path, monkeypatch, run):
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "occupied" / "below"))

    for command in (["migrate"], ["deliver", PLAIN], ["release", "--territory", "kazakhstan"]):
        require_refused(run(*command), ExitStatus.CANNOT_WRITE, "occupied")
    assert (tmp_path / "occupied").read_text() == "a file"


@pytest.mark.parametrize("url", ["postgresql://localhost/riskmap", "mysql://x", "nonsense"])
def test_a_database_this_version_cannot_use_is_refused(run, monkeypatch, url):
    monkeypatch.setenv("RISKMAP_DATABASE_URL", url)

    require_refused(run("migrate"), ExitStatus.BAD_INPUT, "RISKMAP_DATABASE_URL")


def test_a_port_in_use_is_said_before_anything_long_begins(run, data):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]

        answer = run("serve", "--port", port)

    require_refused(answer, ExitStatus.BUSY, str(port), f"--port {port + 1}")
    assert not (data / "releases").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["score"],
        ["fly"],
        [],
        ["score", "--territory", "kazakhstan", "--as-of", "31.12.2025"],
        ["serve", "--port", "0"],
        ["serve", "--port", "99999"],
        ["backtest", "--territory", "kazakhstan", "--horizon", "-3"],
    ],
    ids=" ".join,
)
def test_a_misspelt_command_line_ends_as_bad_input(data, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        commands.main(arguments)

    assert ended.value.code == ExitStatus.BAD_INPUT
    assert "python -m riskmap" in capsys.readouterr().err
    assert not data.exists()


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_summaries_are_in_the_language_asked_for(run, language):
    answer = run("deliver", PLAIN, "--territory", "kazakhstan", "--language", language)

    words = wording.in_language(language)
    assert words.text("cli.deliver.summary", file="plain.csv", territory="kazakhstan") in answer.out
    assert "python -m riskmap release --territory kazakhstan" in answer.out


def test_a_second_delivery_of_the_same_file_changes_nothing(run, data):
    first = run("deliver", PLAIN, "--territory", "kazakhstan", "--json").data
    before = {path: path.stat().st_mtime_ns for path in lake_of(data)}

    second = run("deliver", PLAIN, "--territory", "kazakhstan", "--json")

    assert second.status == ExitStatus.DONE
    assert second.data["files"][0]["is_repeat"]
    assert (second.data["rows_read"], second.data["accepted"]) == (first["rows_read"], first["accepted"])
    assert {path: path.stat().st_mtime_ns for path in lake_of(data)} == before
    assert wording.in_language("en").text("cli.repeat") in second.out


def test_the_country_is_released_from_official_totals_alone(run, data):
    answer = run("release", "--territory", "kazakhstan", "--json")

    assert (answer.status, answer.data["areas"], answer.data["cells"]) == (ExitStatus.DONE, 20, 0)
    assert release.territories(data / "releases") == ["kazakhstan"]


@pytest.mark.parametrize("as_of", ["2023-06-01", "2031-01-01"])
def test_a_day_outside_the_record_is_refused_with_the_days_there_are(run, tmp_path, as_of):
    path = write_csv(tmp_path / "ocean.csv", some_incidents(rows=400, days=60))
    run("deliver", path, "--timezone", ZONE)

    for command in ("score", "release", "backtest"):
        answer = run(command, "--territory", "ocean", "--as-of", as_of)
        require_refused(answer, ExitStatus.BAD_INPUT, f"--as-of {as_of}", "from 2024-01-01 to 2024-02-29")


def test_a_record_without_a_complete_month_is_refused_by_the_gate(run, tmp_path, data):
    path = write_csv(tmp_path / "short.csv", some_incidents(rows=300, first_day=date(2024, 1, 3), days=50))
    run("deliver", path, "--timezone", ZONE)

    answer = run("release", "--territory", "short")

    require_refused(answer, ExitStatus.REFUSED, "no complete calendar month")
    assert not (data / "releases").exists()


def test_a_file_of_a_year_goes_from_delivery_to_release(run, tmp_path, data):
    path = write_csv(tmp_path / "Open Ocean 2024.csv", some_incidents())

    delivered = run("deliver", path, "--timezone", ZONE, "--json")
    scored = run("score", "--territory", "open_ocean_2024", "--json")
    published = run("release", "--territory", "open_ocean_2024", "--json")
    tested = run("backtest", "--territory", "open_ocean_2024", "--group", "theft", "--json")
    run("deliver", path, "--timezone", ZONE)
    again = run("release", "--territory", "open_ocean_2024", "--json")

    assert [a.status for a in (delivered, scored, published, tested, again)] == [ExitStatus.DONE] * 5
    assert (delivered.data["rows_read"], delivered.data["accepted"]) == (ROWS, ROWS)
    assert scored.data["as_of"] == "2025-05-15"
    assert [row["horizon_days"] for row in scored.data["expected"]] == [30, 90]
    assert all(row["low"] <= row["expected_incidents"] <= row["high"] for row in scored.data["expected"])
    assert published.data["period"] == ["2024-04-01", "2025-04-01"]
    assert {row["model"] for row in tested.data["results"]} > {"eb"}
    assert (again.data["release_id"], again.data["is_new"]) == (published.data["release_id"], False)
    opened = release.read(data / "releases", "open_ocean_2024")
    assert opened.manifest["public_resolutions"] == [8]
    south, west, north, east = opened.manifest["bounds"]
    assert south < LAT < north
    assert west < LNG < east


def test_a_territory_of_a_name_that_is_taken_is_refused(run, tmp_path):
    path = write_csv(tmp_path / "ocean.csv", some_incidents(rows=400, days=60))
    made = run("territory", "new", "ocean", "--from-points", path, "--timezone", ZONE, "--json")

    again = run("territory", "new", "ocean", "--from-points", path)

    assert (made.status, made.data["zone"]) == (ExitStatus.DONE, ZONE)
    require_refused(again, ExitStatus.BAD_INPUT, "ocean", "--territory ocean")


def test_regions_of_a_file_that_is_no_map_are_refused(run, file):
    answer = run("regions", "load", file('{"type": "Point"}', "regions.geojson"))

    require_refused(answer, ExitStatus.BAD_INPUT, "regions.geojson")


def python(*arguments, data, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RISKMAP_")}
    return subprocess.run(
        [sys.executable, "-m", "riskmap", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**kept, "RISKMAP_DATA": str(data), "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_program_is_started_by_its_name(data):
    ended = python("deliver", PLAIN, "--territory", "kazakhstan", "--json", data=data)

    assert ended.returncode == 0
    assert json.loads(ended.stdout.splitlines()[-1])["rows_read"] > 0
    summary = wording.in_language("kk").text("cli.deliver.summary", file="plain.csv", territory="kazakhstan")
    assert summary in ended.stdout
    assert "Warning" not in ended.stderr


def test_the_exit_status_reaches_the_shell(data, file):
    ended = python("deliver", file(""), "--language", "ru", data=data)

    assert ended.returncode == ExitStatus.BAD_INPUT
    assert len(ended.stderr.strip().splitlines()) == 1
    assert ended.stdout == ""


def test_a_command_stopped_while_it_is_loaded_ends_quietly(tmp_path):
    stops = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n"
    (tmp_path / "polars.py").write_text(stops)

    ended = subprocess.run(
        [sys.executable, "-m", "riskmap", "migrate"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_a_database_of_a_newer_program_is_not_touched(run, data):
    run("migrate")
    with closing(sqlite3.connect(data / "riskmap.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (data / "riskmap.db").read_bytes()

    answer = run("deliver", PLAIN, "--territory", "kazakhstan")

    require_refused(answer, ExitStatus.WRONG_SCHEMA, "9999")
    assert (data / "riskmap.db").read_bytes()[:100] == before[:100]


def test_a_data_folder_can_be_moved(run, data, tmp_path, monkeypatch):
    run("deliver", PLAIN, "--territory", "kazakhstan")
    moved = Path(shutil.move(data, tmp_path / "elsewhere"))
    monkeypatch.setenv("RISKMAP_DATA", str(moved))

    answer = run("deliver", PLAIN, "--territory", "kazakhstan", "--json")

    assert answer.data["files"][0]["is_repeat"]


def test_the_frames_used_here_are_what_they_claim():
    frame = some_incidents()

    assert frame.height == ROWS
    days = frame["occurred_at"].str.slice(0, 10)
    assert days.n_unique() >= 400
    assert frame.select(pl.col("lat").is_between(LAT - 0.1, LAT + 0.1).all()).item()
