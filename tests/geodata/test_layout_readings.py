"""Entries of a layout that say how values are read, one at a time."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from geodata.errors import UnexpectedColumns
from geodata.intake import examine
from geodata.mapping import Mapping
from geodata.sources import NOT_KEPT, RAGGED, open_source
from tests.builders import some_rules


def read(tmp_path, text, **entries):
    """Accepted and quarantined rows of a small file, read as a layout says."""
    path = tmp_path / "delivery.csv"
    path.write_text(text, encoding="utf-8")
    source = open_source(path, Mapping(**entries))
    return examine(pl.concat(source.batches()), source, some_rules(mapping=source.said))


PLACE = {"lat": "lat", "lng": "lng"}
MOMENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # 14:30 in Almaty


@pytest.mark.parametrize(
    ("when", "entries", "expected"),
    [
        ("1772443800", {"date_format": "epoch s"}, MOMENT),
        ("1772443800000", {"date_format": "epoch ms"}, MOMENT),
        ("1772443800000.0", {"date_format": "epoch ms", "clock": "utc"}, MOMENT),
        ("1772461800000", {"date_format": "epoch ms", "clock": "local written as utc"}, MOMENT),
        ("2026-03-02 09:30", {"clock": "utc"}, MOMENT),
        ("2026-03-02 12:30+03:00", {"clock": "utc"}, MOMENT),
        ("2026-03-02T14:30:00Z", {"clock": "local written as utc"}, MOMENT),
        ("2026-03-02 14:30:00+0000", {"clock": "local written as utc"}, MOMENT),
        ("2026-03-02 14:30", {"clock": "local"}, MOMENT),
    ],
)
def test_the_clock_of_a_file_is_the_one_its_layout_names(tmp_path, when, entries, expected):
    result = read(tmp_path, f"occurred_at,lat,lng\n{when},43.2,76.9\n", **entries)

    assert result.accepted["occurred_from"].to_list() == [expected]


@pytest.mark.parametrize("when", ["soon", "1e400", "9" * 30, "12:30"])
def test_a_number_of_milliseconds_that_is_none_is_an_impossible_date(tmp_path, when):
    result = read(tmp_path, f"occurred_at,lat,lng\n{when},43.2,76.9\n,43.2,76.9\n", date_format="epoch ms")

    assert result.quarantined["fault"].to_list() == ["impossible_date", "missing_date"]


def test_counts_of_a_typed_file_are_read_as_moments_only_where_a_layout_says_so(tmp_path):
    path = tmp_path / "delivery.parquet"
    pl.DataFrame({"occurred_at": [1_772_443_800_000], "lat": [43.2], "lng": [76.9]}).write_parquet(path)

    source = open_source(path, Mapping(date_format="epoch ms"))
    accepted = examine(next(source.batches()), source, some_rules()).accepted

    assert accepted["occurred_from"].to_list() == [MOMENT]
    with pytest.raises(UnexpectedColumns, match="holds Int64 values"):
        open_source(path)


PARTS = {name: name for name in ("year", "month", "day", "hour", "minute")} | PLACE


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("2026,3,2,14,30", (MOMENT, "minute")),
        ("2026.0,3.0,2.0,14.0,5.0", (MOMENT.replace(minute=5), "minute")),
        ("2026,3,2,14,", (MOMENT.replace(minute=0), "hour")),
        ("2026,3,2,,30", (datetime(2026, 3, 1, 19, tzinfo=UTC), "day")),
        ("2026,3,,14,30", (datetime(2026, 2, 28, 19, tzinfo=UTC), "month")),
    ],
)
def test_a_date_in_parts_is_as_fine_as_its_last_part_in_a_row(tmp_path, parts, expected):
    result = read(tmp_path, f"year,month,day,hour,minute,lat,lng\n{parts},43.2,76.9\n", columns=PARTS)

    assert result.accepted.select("occurred_from", "time_precision").rows() == [expected]


@pytest.mark.parametrize(
    ("parts", "fault"),
    [(",3,2,14,30", "missing_date"), ("2026,,2,14,30", "impossible_date"), ("2026,2,31,14,30", "impossible_date")],
)
def test_a_date_in_parts_that_is_none_is_a_fault(tmp_path, parts, fault):
    result = read(tmp_path, f"year,month,day,hour,minute,lat,lng\n{parts},43.2,76.9\n", columns=PARTS)

    assert result.quarantined["fault"].to_list() == [fault]


def test_a_precision_that_is_said_goes_before_what_the_values_look_like(tmp_path):
    result = read(tmp_path, "occurred_at,lat,lng\n2026-03-02 14:30,43.2,76.9\n", precision="day")

    assert result.accepted.select("occurred_on", "time_precision").rows() == [(date(2026, 3, 2), "day")]


@pytest.mark.parametrize(("midnight", "precision"), [("day", "day"), ("time", "minute")])
def test_midnight_is_a_day_only_where_a_layout_says_so(tmp_path, midnight, precision):
    text = "occurred_at,lat,lng\n2026-03-02 00:00,43.2,76.9\n2026-03-02 00:01,43.2,76.9\n"

    result = read(tmp_path, text, midnight=midnight)

    assert result.accepted["time_precision"].to_list() == [precision, "minute"]


def test_points_and_spaces_group_digits_where_the_comma_is_the_decimal_sign(tmp_path):
    text = "occurred_at;east;north\n2026-03-02;653.400,5;4 789 000,0\n2026-03-02;;\n2026-03-02;0;0\n2026-03-02;x;1\n"

    result = read(tmp_path, text, columns={"x": "east", "y": "north"}, coordinate_system="EPSG:32643", decimal=",")

    assert result.accepted["cell"].is_null().to_list() == [False, True, True]
    assert result.accepted["lat"][0] == pytest.approx(43.24, abs=0.01)
    assert result.quarantined["fault"].to_list() == ["impossible_coordinates"]


def test_a_projected_point_far_from_its_system_is_a_fault_and_no_crash(tmp_path):
    text = "occurred_at,x,y\n2026-03-02,1e30,1e30\n2026-03-02,653400,\n2026-03-02,inf,5\n"

    result = read(tmp_path, text, columns={"x": "x", "y": "y"}, coordinate_system="EPSG:32643")

    assert result.quarantined["fault"].to_list() == [
        "impossible_coordinates",
        "incomplete_coordinates",
        "impossible_coordinates",
    ]


def test_x_and_y_without_a_coordinate_system_are_refused(tmp_path):
    with pytest.raises(UnexpectedColumns, match="coordinates of a system that nothing names"):
        read(tmp_path, "occurred_at,x,y\n2026-03-02,653400,4789000\n", columns={"x": "x", "y": "y"})


def test_several_columns_identify_an_incident_together(tmp_path):
    text = "occurred_at,lat,lng,no,year_of_case\n" + "".join(
        f"2026-03-0{day},43.2,76.9,{number},{year}\n" for day, number, year in ((2, 1, 25), (3, 1, 25), (4, 1, 26))
    )

    ids = read(tmp_path, text, key=("no", "year_of_case"), drop=("no",)).accepted["incident_id"]

    assert ids.n_unique() == 2
    with pytest.raises(UnexpectedColumns, match="key names column 'number', which is not in the file"):
        read(tmp_path, text, key=("number",))


def test_a_key_that_is_dropped_goes_into_the_id_and_nowhere_else(tmp_path):
    text = "occurred_at,lat,lng,case_number\n2026-02-31,43.2,76.9,KR-77\n"

    result = read(tmp_path, text, key=("case_number",), drop=("case_number",))

    assert "KR-77" not in str(result.quarantined.rows())


def test_the_text_of_a_ragged_row_is_not_kept_where_columns_are_dropped(tmp_path):
    path = tmp_path / "delivery.csv"
    path.write_text("occurred_at,lat,lng,victim\n2026-03-02,43.2,76.9,a name,more\n")

    source = open_source(path, Mapping(drop=("victim",)))

    assert next(source.batches())[RAGGED].to_list() == [NOT_KEPT]


def test_everything_that_is_not_used_can_be_dropped(tmp_path):
    path = tmp_path / "delivery.csv"
    path.write_text("occurred_at,lat,lng,victim,age\n2026-03-02,43.2,76.9,a name,31\n")

    assert open_source(path, Mapping(drop=("*",))).columns == ("occurred_at", "lat", "lng")


def test_a_broader_category_stands_in_where_the_column_of_categories_is_empty(tmp_path):
    text = "occurred_at,lat,lng,fine,broad\n2026-03-02,43.2,76.9,,theft\n"

    result = read(tmp_path, text, columns={"category": "fine", "category_otherwise": "broad"})

    assert result.accepted.select("offence_group", "offence_code").rows() == [("theft", "theft")]


def test_a_file_said_to_have_no_coordinates_is_taken_in_without_places(tmp_path):
    result = read(tmp_path, "occurred_at,block\n2026-03-02,a street\n", columns={"lat": "", "lng": ""})

    assert result.accepted["cell"].to_list() == [None]


def test_an_encoding_and_separator_of_a_layout_are_taken_when_it_is_recognised(tmp_path):
    path = tmp_path / "delivery.csv"
    path.write_bytes("occurred_at;kind;lat;lng;note\n2026-03-02;Қаза;43,2;76,9;a,b,c,d,e\n".encode("kz1048"))
    layout = Mapping.parse(
        'name = "own"\nencoding = "cp1251"\nseparator = ";"\n[recognised_by]\ncolumns = ["kind", "note"]\n'
        '[columns]\noccurred_at = "occurred_at"\ncategory = "kind"\nlat = "lat"\nlng = "lng"\n',
        where="own",
    )

    source = open_source(path, layouts=[layout])

    assert (source.table.dialect.encoding, source.table.dialect.separator) == ("cp1251", ";")
