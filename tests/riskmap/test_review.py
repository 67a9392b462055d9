"""Hotspots for reviewers: who sees which, what counts as one, what is left out, what a file says, and the audit log."""

import csv
import io
import json

import openpyxl
import polars as pl
import pytest

from geodata import hexgrid
from geodata.offences import OFFENCE_GROUPS
from models.shrinkage import EmpiricalBayes
from riskmap.assembly import migrate, open_store
from riskmap.errors import NotAllowed, UnknownFilter, UnknownTerritoryName
from riskmap.identity import audit
from riskmap.identity.access import Actor, Grant, Role
from riskmap.pipeline import hotspot_marks
from riskmap.review import exclusions, export, hotspots, picture
from riskmap.review.export import COLUMNS, Form
from riskmap.review.hotspots import Choice
from riskmap.settings import Settings
from riskmap.wording import LANGUAGES, in_language
from tests.council import NOW, an_actor
from tests.hotspot_town import (
    AS_OF,
    EXCLUDED,
    HOTSPOTS,
    a_town,
    cells_of,
    expected_of,
    score_town,
    some_rows,
    the_hotspots,
)
from tests.models.simulated import simulated_town

EN = in_language("en")
POLICE = an_actor(Role.POLICE_REVIEWER)
HOSTILE = '=HYPERLINK("http://example.org")\x00'


@pytest.fixture
def store(tmp_path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    opened = open_store(settings, wait_s=0.5)
    score_town(opened)
    yield opened
    opened.close()


def seen(store, actor=POLICE, **choice):
    return hotspots.look(store, actor, "toy", Choice(**choice), at=NOW)


def in_district(*districts, role=Role.POLICE_REVIEWER):
    grants = tuple(Grant(role=role, region_id=f"toy/{one}") for one in districts)
    return Actor(account_id="a-district", login="district", grants=grants)


def entries(store):
    with store.look() as look:
        return list(look.audit.entries())


def exported(store, form, *, actor=POLICE, words=EN, **choice):
    return export.export(store, actor, "toy", Choice(**choice), form=form, words=words, at=NOW)


def csv_of(store, **given):
    return list(csv.reader(io.StringIO(exported(store, Form.CSV, **given).content.decode("utf-8-sig"))))


def table_of(lines):
    """Header and rows of a text table, without the lines that stand above them."""
    return lines[lines.index([]) + 1 :]


# ---- Who sees what ----


@pytest.mark.parametrize("role", [Role.POLICE_REVIEWER, Role.AKIMAT_OFFICER])
def test_police_and_akimat_see_the_hotspots_of_their_territory(store, role):
    board = seen(store, an_actor(role))

    assert [one.cell_id for one in board.hotspots] == the_hotspots()
    assert board.frame.height == 127


@pytest.mark.parametrize("role", [*sorted(set(Role) - {Role.POLICE_REVIEWER, Role.AKIMAT_OFFICER}), None])
def test_nobody_else_sees_or_takes_anything(store, role):
    actor = an_actor(role)

    for ask in (
        lambda: seen(store, actor),
        lambda: hotspots.draw(store, actor, "toy", Choice(), at=NOW),
        lambda: hotspots.outline(store, actor, "toy"),
        lambda: exported(store, Form.CSV, actor=actor),
    ):
        with pytest.raises(NotAllowed, match="review_hotspots needs akimat_officer or police_reviewer"):
            ask()
    assert entries(store) == []


def test_a_role_elsewhere_opens_nothing_here_and_does_not_tell_what_there_is(store):
    stranger = an_actor(Role.POLICE_REVIEWER, "elsewhere")

    with pytest.raises(NotAllowed):
        seen(store, stranger)
    with pytest.raises(NotAllowed):
        hotspots.look(store, stranger, "no_such_town", Choice(), at=NOW)


def test_a_role_in_a_territory_that_is_gone_is_told_so(store):
    with pytest.raises(UnknownTerritoryName):
        hotspots.look(store, an_actor(Role.POLICE_REVIEWER, "gone"), "gone", Choice(), at=NOW)


def test_a_reviewer_of_a_district_sees_that_district_and_nothing_beside_it(store):
    board = seen(store, in_district("d1"))

    assert set(board.frame["area_id"]) == set(cells_of("d1"))
    assert set(board.districts) == {"d1"}
    assert board.find(cells_of("d2")[0]) is None
    assert set(hexgrid.cell_ids(board.picture()[0])) == set(cells_of("d1"))


def test_a_reviewer_of_a_district_cannot_choose_another(store):
    with pytest.raises(NotAllowed):
        seen(store, in_district("d1"), district="d2")


def test_two_districts_are_seen_together_but_have_no_common_total(store):
    board = seen(store, in_district("d1", "d3"))

    assert [one.district_id for one in board.hotspots] == ["d1", "d1", "d3"]
    assert board.total is None


def test_a_role_in_a_district_that_is_no_more_opens_nothing(store):
    with pytest.raises(NotAllowed):
        seen(store, in_district("d9"))


@pytest.mark.parametrize("choice", [{"group": "burglary"}, {"horizon_days": 7}, {"district": "d9"}])
def test_a_filter_the_run_does_not_have_is_refused_and_leaves_no_line(store, choice):
    with pytest.raises(UnknownFilter):
        seen(store, **choice)

    assert entries(store) == []


def test_the_way_here_is_offered_to_whoever_may_go_it(store):
    assert [name for name, _ in hotspots.territories(store, in_district("d1"))] == ["toy"]
    assert hotspots.territories(store, an_actor(Role.SECRETARY)) == []
    assert hotspots.territories(store, an_actor(Role.POLICE_REVIEWER, "gone")) == []


# ---- What counts as a hotspot ----


def test_a_hotspot_is_one_of_the_highest_of_the_territory_also_for_a_reviewer_of_a_quiet_district(store):
    whole, quiet = seen(store), seen(store, in_district("d3"))

    assert len(whole.hotspots) == HOTSPOTS
    assert [one.cell_id for one in quiet.hotspots] == the_hotspots()[-1:]
    assert [one.rank for one in quiet.hotspots] == [1]


def test_group_and_period_are_those_asked_for(store):
    board = seen(store, group="theft", horizon_days=90)

    assert board.hotspots[0].count.expected == expected_of(the_hotspots()[0], "theft", 90)
    assert (board.period[1] - board.period[0]).days == 90


def test_without_a_choice_the_shortest_period_of_all_offences_is_shown(store):
    board = seen(store)

    assert (board.choice.group, board.horizon_days) == ("all", 30)
    assert board.period[0] == AS_OF


@pytest.mark.parametrize(("district", "mean"), [(None, 120.0), ("d2", 40.0)])
def test_the_total_is_that_of_the_place_chosen(store, district, mean):
    assert seen(store, district=district).total.expected == mean


def test_marks_come_with_each_place_and_are_unknown_for_a_run_without_them(store):
    marked = seen(store).hotspots
    score_town(store, is_marked=False)

    unmarked = seen(store).hotspots

    assert [one.stability for one in marked] == [0.9] * 5 + [0.1]
    assert [one.is_repeat_place for one in marked] == [True, True, False, False, False, False]
    assert {(one.stability, one.is_repeat_place) for one in unmarked} == {(None, None)}


def test_the_share_is_that_of_what_is_expected_in_the_cells_seen(store):
    board = seen(store)

    means = [expected_of(one, "all", 30) for one in board.frame["area_id"]]
    assert board.share == pytest.approx(sum(means[:HOTSPOTS]) / sum(means))


def test_steps_rise_with_what_is_expected_and_cells_off_the_list_have_the_first(store):
    board = seen(store)
    steps = [one.step for one in board.hotspots]

    assert steps == sorted(steps, reverse=True)
    assert (max(steps), min(steps)) == (5, 2)
    assert set(board.frame.filter(pl.col("rank").is_null())["step"]) == {1}


def test_the_files_of_the_map_hold_each_cell_with_its_step(store):
    board = seen(store)

    cells, steps = picture.cells(board), picture.steps(board)

    assert len(cells) == 8 + 8 * 127
    assert len(steps) == 127
    assert sum(step > 1 for step in steps) == HOTSPOTS


def test_a_territory_whose_cells_are_nowhere_declared_is_sorted_by_its_outlines(store):
    store.territories.save(a_town(places=a_town().places.clear()))

    board = seen(store, in_district("d2"))

    assert set(board.frame["area_id"]) == set(cells_of("d2"))


def test_where_nothing_has_been_scored_there_is_no_list(store):
    store.territories.save(a_town("calm"))

    board = hotspots.look(store, an_actor(Role.POLICE_REVIEWER, "calm"), "calm", Choice(), at=NOW)

    assert board is None
    assert entries(store)[-1].details["run"] == "none"


def test_the_served_model_marks_every_cell_of_a_simulated_town():
    town = simulated_town(seed=3, days=800)
    ids = hexgrid.cell_ids(town.kernels.cells)

    found = hotspot_marks.of_group(EmpiricalBayes(kernels=town.kernels), town.history(), ids, "theft", as_of=town.end)

    assert found["area_id"].to_list() == ids
    assert found["stability"].max() == 1.0
    assert found["is_repeat_place"].any()
    assert not found["is_repeat_place"].all()


def test_a_short_record_leaves_stability_unknown():
    town = simulated_town(seed=3, days=100)

    found = hotspot_marks.of_group(
        EmpiricalBayes(kernels=town.kernels),
        town.history(),
        hexgrid.cell_ids(town.kernels.cells),
        "theft",
        as_of=town.end,
    )

    assert found["stability"].null_count() == found.height


# ---- What is left out ----


def test_every_incident_of_the_last_year_has_one_reason_or_none():
    told = [(group.code, has_place, 10) for group in OFFENCE_GROUPS for has_place in (True, False)]

    counts = exclusions.counted(some_rows(*told), as_of=AS_OF)

    assert sum(n for why, n in counts.items() if why != "unspecified") == 2 * len(OFFENCE_GROUPS)
    assert counts == {
        "sensitive": 10,
        "unclassified": 4,
        "no_place_kind": 2,
        "discovered": 6,
        "no_place": 10,
        "kept": 10,
        "unspecified": 1,
    }


def test_only_the_days_of_the_last_year_are_counted():
    counts = exclusions.counted(
        some_rows(("theft", True, 0), ("theft", True, 1), ("theft", True, 365), ("theft", True, 366)), as_of=AS_OF
    )

    assert counts["kept"] == 2


def test_counts_kept_by_the_run_are_told_and_others_are_made_from_the_lake(store):
    kept = hotspots.left_out(store, seen(store))
    score_town(store, details={})

    made = hotspots.left_out(store, seen(store))

    assert kept == EXCLUDED
    assert set(made) == set(EXCLUDED)
    assert set(made.values()) == {0}


# ---- Files ----


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_table_says_of_when_it_is_how_it_was_made_and_what_it_does_not_mean(store, language):
    words = in_language(language)

    lines = [line[0] for line in csv_of(store, words=words) if len(line) == 1]

    assert lines[0] == words.text("simulated.banner")
    assert words.text("hotspots.people") in lines
    assert any(words.date_locative(AS_OF) in line for line in lines)
    assert any("run1" in line and "eb" in line for line in lines)
    assert any(words.text("group.all") in line for line in lines)


def test_a_table_holds_the_whole_list_of_the_choice(store):
    header, *rows = table_of(csv_of(store, group="theft", horizon_days=90, district="d2"))

    assert header == [EN.text(f"hotspots.column.{name}") for name in COLUMNS]
    assert [row[1] for row in rows] == cells_of("d2")[:3]
    assert [float(row[6]) for row in rows] == [expected_of(one, "theft", 90) for one in cells_of("d2")[:3]]
    assert [row[10] for row in rows] == ["yes", "yes", "no"]


def test_a_workbook_holds_numbers_as_numbers_and_the_same_rows(store):
    sheet = openpyxl.load_workbook(io.BytesIO(exported(store, Form.XLSX).content)).active
    written = [[cell.value for cell in row] for row in sheet.iter_rows()]

    start = next(i for i, row in enumerate(written) if row[1] == EN.text("hotspots.column.cell_id"))
    rows = written[start + 1 :]
    assert written[2][0] == EN.text("hotspots.people")
    assert [row[1] for row in rows] == the_hotspots()
    assert [row[6] for row in rows] == [expected_of(one, "all", 30) for one in the_hotspots()]


def test_a_map_layer_holds_the_hexagons_and_says_the_same_beside_them(store):
    told = json.loads(exported(store, Form.GEOJSON, district="d1").content)

    assert told["is_simulated"] is True
    assert EN.text("hotspots.people") in told["about"]
    assert [one["properties"]["cell_id"] for one in told["features"]] == cells_of("d1")[:2]
    ring = told["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert len(ring) == 7
    assert -41 < ring[0][0] < -39


def test_names_that_look_like_formulas_are_never_calculated(store):
    outlines = a_town().regions.assign(name_en=HOSTILE)
    store.territories.save(a_town(regions=outlines))

    rows = table_of(csv_of(store))
    book = openpyxl.load_workbook(io.BytesIO(exported(store, Form.XLSX).content))

    assert {row[5] for row in rows[1:]} == {"'" + HOSTILE.rstrip("\x00")}
    assert {cell.data_type for row in book.active.iter_rows() for cell in row} <= {"s", "n"}


def test_a_name_that_looks_like_a_fault_of_a_spreadsheet_stays_a_text(store):
    store.territories.save(a_town(regions=a_town().regions.assign(name_en="#REF!")))

    sheet = openpyxl.load_workbook(io.BytesIO(exported(store, Form.XLSX).content)).active

    found = [cell for row in sheet.iter_rows() for cell in row if cell.value == "#REF!"]
    assert {cell.data_type for cell in found} == {"s"}


def test_the_name_of_a_file_tells_the_choice_and_is_safe(store):
    renamed = a_town().regions.assign(region_id=["d/1", "d2", "d3"])
    store.territories.save(a_town(regions=renamed))

    name = exported(store, Form.CSV, district="d2").name

    assert name == "hotspots-toy-d2-all-30d-2026-11-01-simulated.csv"


def test_a_file_of_a_reviewer_of_a_district_holds_that_district_alone(store):
    rows = table_of(csv_of(store, actor=in_district("d3")))

    assert {row[4] for row in rows[1:]} == {"d3"}


# ---- The audit log ----


def test_each_look_is_written_down_with_who_what_and_which_filter(store):
    seen(store, group="theft", horizon_days=90, district="d2")

    (entry,) = entries(store)

    assert (entry.account_id, entry.action, entry.subject) == (POLICE.account_id, "hotspots_look", "territory toy")
    assert entry.details == {
        "role": "police_reviewer",
        "run": "run1",
        "group": "theft",
        "horizon_days": 90,
        "district": "d2",
        "order": "expected",
        "purpose": "not stated",
        "cells": len(cells_of("d2")),
        "hotspots": 3,
    }


def test_the_map_and_each_file_are_written_down_too_and_the_log_stays_whole(store):
    hotspots.draw(store, POLICE, "toy", Choice(), at=NOW)
    told = exported(store, Form.XLSX)

    drawn, taken = entries(store)

    assert (drawn.action, taken.action) == ("hotspots_map", "hotspots_export")
    assert taken.details["form"] == "xlsx"
    assert len(taken.details["sha256"]) == 64
    assert told.content[:2] == b"PK"
    assert audit.check(entries(store))["position"] == 2


def test_a_look_that_cannot_be_written_down_shows_nothing(store, monkeypatch):
    def refuse(*_given, **_named):
        raise OSError("the disk is full")

    monkeypatch.setattr(audit, "record", refuse)

    with pytest.raises(OSError, match="disk is full"):
        seen(store)
    with pytest.raises(OSError, match="disk is full"):
        exported(store, Form.CSV)


def test_what_the_run_says_of_its_test_is_told(store):
    score_town(store, details={"served": {"all": {"level": "long_run"}}})

    assert seen(store).served == "long_run"
    assert seen(store, group="theft").served == "untested"


def test_a_file_names_the_model_that_serves_the_group(store):
    score_town(store, details={"parameters": {"theft": {"model": "stacked"}}})

    told = [json.loads(exported(store, Form.GEOJSON, group=group).content)["model"] for group in ("all", "theft")]

    assert told == ["eb", "stacked"]
