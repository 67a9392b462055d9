"""Public objects and accidents: what is read, what is set aside, what is never read, and ids that last."""

import json
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.errors import InvalidSurroundings, UnexpectedColumns
from geodata.public_objects import KINDS, MEANINGS, ObjectFault, ObjectKind, merged, read_objects
from tests import made_up_town
from tests.made_up_town import LAT, LNG

KEY = bytes(range(32))
TODAY = date(2026, 3, 10)


def read(path, kind=ObjectKind.CAMERA, *, dated=TODAY, key=KEY):
    return read_objects(path, made_up_town.a_territory(), kind=kind, dated=dated, today=TODAY, key=key)


@pytest.fixture
def file(tmp_path):
    def written(text, name="objects.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def accidents(*rows: str) -> str:
    return "\n".join(["date,lat,lng,injured,killed", *rows])


def crash(day="2026-01-05", lat=LAT, lng=LNG, injured="1", killed="0"):
    return f"{day},{lat},{lng},{injured},{killed}"


def test_objects_are_read_with_place_cell_and_region(file):
    found = read(file(f"id,lat,lng\nA-1,{LAT},{LNG}\nA-2,{LAT + 0.002},{LNG + 0.008}\n"))

    assert (found.rows_read, found.duplicates, found.faults) == (2, 0, {})
    assert found.objects["kind"].to_list() == ["camera", "camera"]
    assert sorted(found.objects["region_id"]) == ["d2", "d3"]
    assert found.objects["dated"].unique().to_list() == [TODAY]
    assert found.objects["occurred_on"].null_count() == 2


def test_geojson_points_are_read(file):
    feature = {"type": "Feature", "properties": {"id": "7"}, "geometry": {"type": "Point", "coordinates": [LNG, LAT]}}
    path = file(json.dumps({"type": "FeatureCollection", "features": [feature]}), "objects.geojson")

    found = read(path)

    assert found.objects.select("lat", "lng").rows() == [(LAT, LNG)]


@pytest.mark.parametrize(("kind", "word"), [(kind, word) for kind in ObjectKind for word in KINDS[kind]])
def test_a_column_of_kinds_is_read_in_three_languages(file, kind, word):
    path = file(f"kind,date,casualties,lat,lng\n{word.upper()},2026-01-02,1,{LAT},{LNG}\n")

    assert read(path, None).kinds == [kind]


FAULTY = {
    ObjectFault.RAGGED_ROW: "camera,2026-01-02,1,30.0,-40.0,5,6",
    ObjectFault.UNKNOWN_KIND: "statue,2026-01-02,1,30.0,-40.0",
    ObjectFault.IMPOSSIBLE_PLACE: "camera,2026-01-02,1,north,-40.0",
    ObjectFault.OUTSIDE_TERRITORY: "camera,2026-01-02,1,35.0,-40.0",
    ObjectFault.NO_PLACE: "camera,2026-01-02,1,,",
    ObjectFault.IMPOSSIBLE_DATE: "accident,2026-13-02,1,30.0,-40.0",
    ObjectFault.IMPOSSIBLE_CASUALTIES: "accident,2026-01-02,-3,30.0,-40.0",
    ObjectFault.NO_CASUALTIES: "accident,2026-01-02,0,30.0,-40.0",
}


@pytest.mark.parametrize("fault", ObjectFault)
def test_a_faulty_row_is_set_aside_with_its_line_and_reason_and_nothing_of_it(file, fault):
    path = file(f"kind,date,casualties,lat,lng\ncamera,,,{LAT},{LNG}\n{FAULTY[fault]}\n")

    found = read(path, None)

    assert found.faults == {fault: 1}
    assert found.set_aside.rows() == [(3, fault)]
    assert found.set_aside.columns == ["line", "fault"]
    assert found.rows_read == found.objects.height + found.duplicates + found.set_aside.height == 2


def test_every_fault_has_a_meaning():
    assert set(MEANINGS) == set(ObjectFault)


@pytest.mark.parametrize("number", ["", "many", "1.5", "1000", "-1"])
def test_an_accident_needs_a_whole_number_of_casualties(file, number):
    path = file(accidents(crash(), crash(injured=number, killed="")))

    assert read(path, ObjectKind.ACCIDENT).faults == {ObjectFault.IMPOSSIBLE_CASUALTIES: 1}


def test_an_accident_still_to_come_is_set_aside(file):
    path = file(accidents(crash(), crash(day="2026-03-11")))

    assert read(path, ObjectKind.ACCIDENT).faults == {ObjectFault.IMPOSSIBLE_DATE: 1}


def test_casualties_are_the_hurt_and_the_killed_together(file):
    found = read(file(accidents(crash(injured="2", killed="1"))), ObjectKind.ACCIDENT)

    assert found.objects.select("occurred_on", "casualties", "killed").rows() == [(date(2026, 1, 5), 3, 1)]


def test_a_date_is_read_with_the_day_first_unless_the_file_rules_it_out(file):
    usual = read(file(accidents(crash(day="03/02/2026"))), ObjectKind.ACCIDENT)
    american = read(file(accidents(crash(day="02/03/2026"), crash(day="02/25/2026"))), ObjectKind.ACCIDENT)

    assert usual.objects["occurred_on"].to_list() == [date(2026, 2, 3)]
    assert sorted(american.objects["occurred_on"]) == [date(2026, 2, 3), date(2026, 2, 25)]


PERSONAL = {"name": "Aigerim Planted", "sex": "F", "age": "91919", "plate": "777ZZZ02", "phone": "+77001112233"}


@pytest.mark.parametrize("kind", [ObjectKind.CAMERA, ObjectKind.ACCIDENT])
def test_nothing_personal_is_kept_of_any_row(file, kind):
    head = ",".join(["number", "date", "casualties", "lat", "lng", *PERSONAL])
    good = ",".join(["CASE-31337", "2026-01-05", "2", str(LAT), str(LNG), *PERSONAL.values()])
    faulty = ",".join(["CASE-31338", "2026-01-05", "2", "north", str(LNG), *PERSONAL.values()])

    found = read(file(f"{head}\n{good}\n{faulty}\n"), kind)

    kept = found.objects.write_csv() + found.set_aside.write_csv() + repr(found)
    assert found.objects.height == found.set_aside.height == 1
    assert [planted for planted in (*PERSONAL.values(), "CASE-3133") if planted in kept] == []


def test_ids_are_keyed_so_that_another_installation_has_others(file):
    path = file(f"id,lat,lng\nA-1,{LAT},{LNG}\n")

    first, again, other = read(path), read(path), read(path, key=bytes(32))

    assert first.objects["object_id"].to_list() == again.objects["object_id"].to_list()
    assert first.objects["object_id"].to_list() != other.objects["object_id"].to_list()


def test_a_number_given_twice_is_one_object_and_the_later_row_counts(file):
    found = read(file(f"id,lat,lng\nA-1,{LAT},{LNG}\nA-1,{LAT + 0.001},{LNG}\n"))

    assert (found.rows_read, found.duplicates) == (2, 1)
    assert found.objects["lat"].to_list() == [LAT + 0.001]


def test_cameras_on_one_pole_are_several_but_equal_accidents_are_one(file):
    cameras = read(file(f"lat,lng\n{LAT},{LNG}\n{LAT},{LNG}\n", "a.csv"))
    crashes = read(file(accidents(crash(), crash()), "b.csv"), ObjectKind.ACCIDENT)

    assert (cameras.objects.height, cameras.duplicates) == (2, 0)
    assert (crashes.objects.height, crashes.duplicates) == (1, 1)


steps = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=25)


@given(steps, st.randoms())
def test_ids_do_not_depend_on_the_order_of_rows(tmp_path_factory, places, rng):
    path = tmp_path_factory.mktemp("objects") / "objects.csv"
    rows = [f"{LAT + a / 1_000},{LNG + b / 1_000}" for a, b in places]

    def ids(lines):
        path.write_text("\n".join(["lat,lng", *lines]), encoding="utf-8")
        return read(path).objects.select("object_id", "lat", "lng")

    assert ids(rows).equals(ids(rng.sample(rows, len(rows))))


def test_a_newer_delivery_of_objects_takes_the_place_of_the_earlier_one(file):
    earlier = read(file(f"id,lat,lng\nA,{LAT},{LNG}\nB,{LAT},{LNG}\n", "a.csv")).objects
    newer = read(file(f"id,lat,lng\nB,{LAT},{LNG}\nC,{LAT},{LNG}\n", "b.csv")).objects

    assert merged(earlier, newer).equals(newer)


def test_a_newer_delivery_of_accidents_says_everything_of_its_days_and_nothing_of_others(file):
    held = read(
        file(accidents(crash("2025-12-31"), crash("2026-01-02"), crash("2026-01-09")), "a.csv"), ObjectKind.ACCIDENT
    ).objects
    newer = read(file(accidents(crash("2026-01-01"), crash("2026-01-05")), "b.csv"), ObjectKind.ACCIDENT).objects

    days = sorted(merged(held, newer)["occurred_on"])

    assert [f"{day:%m-%d}" for day in days] == ["12-31", "01-01", "01-05", "01-09"]


def test_accidents_delivered_again_change_nothing(file):
    held = read(file(accidents(crash("2025-12-31"), crash("2026-01-02"))), ObjectKind.ACCIDENT).objects

    assert merged(held, held).equals(held)


def test_a_delivery_of_objects_alone_takes_no_accident_away(file):
    both = read(
        file(f"kind,date,casualties,lat,lng\ncamera,,,{LAT},{LNG}\naccident,2026-01-02,1,{LAT},{LNG}\n", "a.csv"), None
    ).objects
    cameras = read(file(f"kind,lat,lng\ncamera,{LAT},{LNG}\n", "b.csv"), None).objects

    assert merged(both, cameras)["kind"].to_list() == ["accident", "camera"]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("id,street\n1,Made Up\n", ObjectKind.CAMERA, "no place for its objects"),
        ("id,lat,lng\n1,30,-40\n", None, "does not say what its objects are"),
        ("lat,lng,casualties\n30,-40,1\n", ObjectKind.ACCIDENT, "no column of a date"),
        ("lat,lng,date\n30,-40,2026-01-01\n", ObjectKind.ACCIDENT, "no column of casualties"),
        ("lat,lat,lng\n30,30,-40\n", ObjectKind.CAMERA, "lat"),
    ],
)
def test_a_file_that_lacks_a_needed_column_is_refused(file, text, kind, message):
    with pytest.raises((UnexpectedColumns, ValueError), match=message):
        read(file(text), kind)


def test_a_file_without_one_usable_row_is_refused_with_the_reasons(file):
    with pytest.raises(InvalidSurroundings, match=r"none of its 2 rows can be used \(outside_territory: 2\)"):
        read(file("lat,lng\n50,70\n51,71\n"))


def test_objects_are_the_same_from_csv_and_parquet(file, tmp_path):
    rows = pl.DataFrame({"id": ["1", "2"], "lat": [LAT, LAT], "lng": [LNG, LNG + 0.001]})
    rows.write_parquet(tmp_path / "objects.parquet")

    from_text, from_parquet = read(file(rows.write_csv())), read(tmp_path / "objects.parquet")

    assert from_text.objects.equals(from_parquet.objects)
