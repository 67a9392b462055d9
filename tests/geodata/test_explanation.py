"""What is said of a file before it is delivered, and the draft for one that no layout fits."""

import json
from datetime import date

import pytest

from geodata.draft_layout import draft_of
from geodata.errors import UnexpectedColumns, UnreadableFile
from geodata.explanation import explain
from geodata.mapping import Mapping
from geodata.sources import open_source
from tests.builders import FILES

LAYOUTS = FILES / "layouts"
TODAY = date(2026, 11, 22)


def explained(path, mapping=None, **given):
    return explain(path, mapping, latest_day=TODAY, **given)


def test_a_recognised_file_is_explained_by_its_layout():
    found = explained(LAYOUTS / "stlouis_slmpd.csv")

    assert (found.kind, found.layout, found.encoding, found.separator) == ("csv", "stlouis_slmpd", "utf-8", ",")
    assert "ileads_address" in found.known_by
    assert found.columns["category_otherwise"] == "crimeCatName"
    assert "cad_street" in found.dropped
    assert (found.date_format, found.at_best) == ("month first", "minute")
    assert (found.zone, found.zone_from) == ("America/Chicago", "layout")
    assert found.coordinate_system == "ESRI:102696"
    assert (found.rows_looked_at, found.faults, found.without_place) == (24, {"impossible_date": 1}, 2)
    assert found.first_faults == ((25, "impossible_date", "date_occur not known"),)


def test_a_file_read_by_general_rules_is_explained_with_a_draft_of_its_layout():
    found = explained(FILES / "plain.csv")

    assert (found.layout, found.known_by, found.zone_from) == (None, (), "territory")
    assert Mapping.parse(found.draft, where="draft").columns == dict(found.columns)


def test_a_zone_given_on_the_command_line_goes_first():
    found = explained(LAYOUTS / "toronto_mci.csv", zone="Asia/Almaty")

    assert (found.zone, found.zone_from) == ("Asia/Almaty", "command")


def test_a_sheet_and_those_not_read_are_named():
    found = explained(LAYOUTS / "austin_aggravated_assault.xlsx")

    assert (found.kind, found.part, found.other_parts) == ("workbook", "Austin", ("Fort Worth", "Seattle"))


def test_a_file_nobody_understands_is_explained_with_the_problem_and_a_draft(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("YEAR;MONTH;DAY;KIND;XCOORD;YCOORD\n2026;3;2;theft;653400;4789000\n", encoding="utf-16")

    found = explained(path)

    assert "no column found for occurred_at" in found.problem
    assert (found.encoding, found.separator) == ("utf-16", ";")
    assert 'year = "YEAR"' in found.draft
    assert 'encoding = "utf-16"' in found.draft
    assert 'coordinate_system = "…"' in found.draft


POINT = {"type": "Point", "coordinates": [76.88, 43.23]}


@pytest.mark.parametrize("names", [("moment", "what"), ("occurred_at", "category")], ids=["refused", "understood"])
def test_the_draft_for_a_file_that_names_its_coordinate_system_repeats_it(tmp_path, names):
    path = tmp_path / "points.geojson"
    feature = {"type": "Feature", "properties": dict(zip(names, ("2026-03-02 14:30", "theft"), strict=True))}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature | {"geometry": POINT}]}))

    found = explained(path)

    assert found.coordinate_system == "EPSG:4326"
    assert 'coordinate_system = "EPSG:4326"' in found.draft.splitlines()


def test_the_draft_in_a_refusal_does_not_ask_for_what_the_file_may_say_itself(tmp_path):
    path = tmp_path / "points.geojson"
    feature = {"type": "Feature", "properties": {"moment": "2026-03-02 14:30"}, "geometry": POINT}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    with pytest.raises(UnexpectedColumns) as refused:
        open_source(path)

    assert '# coordinate_system = "…"' in str(refused.value)


def test_a_coordinate_system_described_at_length_stays_out_of_the_draft():
    draft = draft_of(("geometry x",), {"x": "geometry x"}, readings={"coordinate_system": 'PROJCS["made up"]'})

    assert "PROJCS" not in draft
    assert "# coordinate_system: the file describes it" in draft


def test_a_completed_draft_is_a_layout_that_reads_its_file(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("YEAR;MONTH;DAY;KIND;XCOORD;YCOORD\n2026;3;2;theft;653400;4789000\n", encoding="utf-16")

    completed = explained(path).draft.replace('coordinate_system = "…"', 'coordinate_system = "EPSG:32643"')
    completed = completed.replace('category = "…"', 'category = "KIND"')
    source = open_source(path, layouts=[Mapping.parse(completed, where="draft")])

    assert source.known_by == ("YEAR", "MONTH", "DAY", "KIND", "XCOORD", "YCOORD")
    assert source.points()[0][0] == pytest.approx(43.24, abs=0.01)


def test_the_refusal_of_a_file_carries_the_draft_too(tmp_path):
    found = explained(FILES / "no_place_columns.csv")

    assert "Complete this draft" not in found.problem
    assert 'lat = "…"' in found.draft
    assert "# not used: block" in found.draft


def test_a_file_that_is_no_table_is_refused():
    with pytest.raises(UnreadableFile):
        explained(FILES / "picture.csv")


def test_strange_names_stay_one_line_and_valid_in_a_draft():
    names = ['a "b"', "c\\d", "e\nf", "\x07g", "h" * 300]

    draft = draft_of(names, {"occurred_at": 'a "b"', "lat": "c\\d", "lng": "h"})

    parsed = Mapping.parse(draft.replace('"…"', '"x"'), where="draft")
    assert parsed.columns["occurred_at"] == 'a "b"'
    assert parsed.columns["lat"] == "c\\d"
    assert all(len(line) < 600 for line in draft.splitlines())
