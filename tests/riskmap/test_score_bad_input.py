"""Records no forecast can stand on: each gets a clear answer, never a crash or a number out of nothing."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import polars as pl
import pytest

from riskmap import assembly, wording
from riskmap.errors import ExitStatus
from riskmap.pipeline import record
from riskmap.settings import Settings
from tests.made_up_town import a_territory, some_incidents, write_csv
from tests.typed_commands import typed

DAY = pl.col("occurred_at").str.slice(0, 10).str.to_date()
TOWN = "smalltown"
COMMANDS = ("score", "backtest")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return partial(typed, capsys)


@pytest.fixture
def town(run, tmp_path):
    """Delivers a frame to the town, which has a list of cells or none."""

    def delivered(frame, *, has_cells=True):
        run("migrate")
        territory = a_territory()
        store = assembly.open_store(Settings.from_environment({"RISKMAP_DATA": str(tmp_path / "data")}))
        store.territories.save(territory if has_cells else replace(territory, places=territory.places.head(0)))
        store.close()
        if frame.height:
            answer = run("deliver", write_csv(tmp_path / "town.csv", frame), "--territory", TOWN)
            assert answer.status == ExitStatus.DONE

    return delivered


def a_year(days=400):
    return some_incidents(rows=1200, days=days)


def on_one_day(frame):
    return frame.with_columns(occurred_at=pl.format("2024-06-15 {}", pl.col("occurred_at").str.slice(11)))


def at_one_place(frame):
    return frame.with_columns(lat=pl.lit(frame["lat"][0]), lng=pl.lit(frame["lng"][0]))


def require_said(answer, status, *parts):
    assert answer.status == status
    assert answer.err.count("riskmap: ") == 1
    assert "Traceback" not in answer.err
    assert [part for part in parts if part not in answer.err] == []
    assert answer.out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_no_incident_is_answered_with_what_to_deliver(run, town, command):
    town(a_year().head(0))

    require_said(run(command, "--territory", TOWN), ExitStatus.NOTHING_THERE, "python -m riskmap deliver")


@pytest.mark.parametrize("has_cells", [True, False], ids=["cells", "no cells"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "frame",
    [a_year().head(1), on_one_day(a_year()), on_one_day(a_year().head(30)), some_incidents(rows=200, days=20)],
    ids=["one", "one day", "few on one day", "20 days"],
)
def test_a_record_of_few_days_gets_no_number(run, town, command, frame, has_cells):
    town(frame, has_cells=has_cells)

    require_said(run(command, "--territory", TOWN), ExitStatus.NOTHING_THERE, "too little data", "runs from 2024-0")


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_too_little_is_said_in_the_language_asked_for(run, town, language):
    town(a_year().head(1))

    answer = run("score", "--territory", TOWN, "--language", language)

    assert wording.in_language(language).text("cli.error.too_little_to_score", detail="") in answer.err


def test_a_handful_of_incidents_in_a_month_gets_no_number(run, town):
    town(a_year().gather_every(12).head(9))

    require_said(run("score", "--territory", TOWN), ExitStatus.NOTHING_THERE, "9 of 9 incidents", "needs 10")


def test_incidents_of_one_cell_are_scored_where_the_cells_are_known(run, town):
    town(at_one_place(a_year()))

    answer = run("score", "--territory", TOWN, "--json")

    month = answer.data["expected"][0]
    assert answer.status == ExitStatus.DONE
    assert month["low"] <= 90 <= month["high"]
    assert set(answer.data["served"].values()) == {"untested"}
    assert wording.in_language("en").text("hotspots.served.untested") in answer.out


def test_incidents_of_one_cell_make_no_list_of_cells(run, town):
    town(at_one_place(a_year()), has_cells=False)

    require_said(run("score", "--territory", TOWN), ExitStatus.NOTHING_THERE, "no two neighbouring cells")


def test_incidents_of_one_cell_cannot_be_tested(run, town):
    town(at_one_place(a_year()))

    require_said(run("backtest", "--territory", TOWN), ExitStatus.NOTHING_THERE, "neighbouring cells")


def test_after_a_gap_of_months_only_the_days_since_then_count(run, town):
    town(a_year().filter((date(2024, 4, 1) > DAY) | (date(2024, 9, 1) <= DAY)))

    answer = run("score", "--territory", TOWN, "--json")

    month = answer.data["expected"][0]
    assert answer.status == ExitStatus.DONE
    assert month["low"] <= 90 <= month["high"]


def test_a_week_after_a_gap_of_months_is_too_little_and_the_gap_is_named(run, town):
    frame = a_year().filter((date(2024, 12, 1) > DAY) | (date(2025, 1, 28) <= DAY))
    town(frame)

    answer = run("score", "--territory", TOWN)

    before = frame.filter(date(2024, 12, 1) > DAY).height
    require_said(answer, ExitStatus.NOTHING_THERE, "from 2025-01-28", f"before the gap incidents: {before}")


def test_a_group_that_has_stopped_is_named_and_expected_to_stay_few(run, town):
    town(a_year().filter((pl.col("category") != "burglary") | (date(2024, 7, 1) > DAY)))

    answer = run("score", "--territory", TOWN, "--json")

    assert answer.status == ExitStatus.DONE
    assert list(answer.data["silent"]) == ["burglary"]
    assert "Burglary" in answer.out.splitlines()[-2]
    assert run("backtest", "--territory", TOWN).status == ExitStatus.DONE


@pytest.mark.parametrize(
    ("per_day", "quiet_days", "is_silent"), [(40, 0, False), (8, 1, False), (9, 1, True), (3, 3, True)]
)
def test_only_days_on_which_nothing_came_make_a_group_silent(per_day, quiet_days, is_silent):
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(50) for _ in range(per_day)]
    known = pl.DataFrame({"occurred_on": days, "offence_group": "theft", "cell": 1})

    silent = record.silent_groups(known, ["theft"], as_of=days[-1] + timedelta(days=1 + quiet_days))

    assert silent == ({"theft": days[-1]} if is_silent else {})


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("as_of", ["1890-01-01", "2024-01-01", "2025-03-30", "9999-12-31"])
def test_a_day_before_the_record_or_long_after_it_is_refused(run, town, command, as_of):
    town(a_year())

    answer = run(command, "--territory", TOWN, "--as-of", as_of)

    require_said(answer, ExitStatus.BAD_INPUT, f"--as-of {as_of}", "from 2024-01-01 to 2025-02-03")


def test_incidents_of_days_to_come_move_nothing(run, town):
    town(a_year())
    plain = run("score", "--territory", TOWN, "--json").data["expected"]
    town(pl.concat([a_year(), a_year().head(50).with_columns(occurred_at=pl.lit("2131-01-01 10:00"))]))

    answer = run("score", "--territory", TOWN, "--json")

    assert answer.status == ExitStatus.DONE
    assert answer.data["as_of"] == "2025-02-04"
    assert answer.data["expected"] == plain
