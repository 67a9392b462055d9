import gzip
from contextlib import suppress
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from geodata import csv_text
from geodata.errors import GeodataError, InvalidMapping, UnexpectedColumns, UnreadableFile
from geodata.intake import examine
from geodata.sources import LINE, RAGGED, Mapping, open_source
from tests.builders import FILES, some_rules

PLAIN = b"occurred_at,category,lat,lng\n2026-03-02 14:30,theft,43.238949,76.889709\n"


def rows_of(source) -> pl.DataFrame:
    return pl.concat(source.batches())


def written(tmp_path, content: bytes, name: str = "delivery.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def a_parquet(tmp_path, name="delivery.parquet", **columns):
    given = {
        "occurred_at": [datetime.fromisoformat("2026-03-02 14:30")],
        "category": ["theft"],
        "lat": [43.238949],
        "lng": [76.889709],
    } | columns
    path = tmp_path / name
    pl.DataFrame(given).write_parquet(path)
    return path


# Text files in several hands


@pytest.mark.parametrize(
    ("name", "rows", "first_category"),
    [
        ("plain.csv", 4, "theft"),
        ("byte_order_mark.csv", 1, "theft"),
        ("windows_cyrillic.csv", 3, "Кража"),
        ("windows_kazakh.csv", 3, "Ұрлық"),
        ("utf16_tabs.csv", 2, "Theft"),
        ("month_first.csv", 3, "WEAPONS VIOLATION"),
        ("date_and_hour.csv", 4, "Theft Over"),
    ],
)
def test_a_csv_file_is_read_whatever_its_encoding_and_separator(name, rows, first_category):
    source = open_source(FILES / name)

    found = rows_of(source)

    assert source.kind == "csv"
    assert found.height == rows
    assert found[source.layout["category"]][0] == first_category


def test_a_gzip_compressed_file_is_read_like_a_plain_one(tmp_path):
    path = written(tmp_path, gzip.compress((FILES / "plain.csv").read_bytes()), "plain.csv.gz")

    assert rows_of(open_source(path)).equals(rows_of(open_source(FILES / "plain.csv")))


def test_older_bytes_far_down_in_the_file_are_noticed(tmp_path):
    head = "дата;категория;широта;долгота\n".encode("cp1251")
    ascii_rows = b"02.03.2026 14:30;theft;43,2;76,9\n" * 5_000
    path = written(tmp_path, head + ascii_rows + "02.03.2026 14:30;кража;43,2;76,9\n".encode("cp1251"))

    assert rows_of(open_source(path))["категория"][-1] == "кража"


def test_the_separator_a_spreadsheet_announces_is_taken(tmp_path):
    path = written(tmp_path, b"sep=;\noccurred_at;lat;lng\n2026-03-02;43,2;76,9\n")

    found = rows_of(open_source(path))

    assert found[LINE].to_list() == [3]


def test_lines_are_those_of_the_file_with_the_header_as_line_one():
    assert rows_of(open_source(FILES / "plain.csv"))[LINE].to_list() == [2, 3, 4, 5]


def test_a_line_break_inside_quotes_does_not_shift_the_lines_after_it():
    found = rows_of(open_source(FILES / "ragged.csv"))

    assert found[LINE].to_list() == [2, 3, 4, 5, 6, 7, 9]


def test_rows_that_do_not_fit_the_header_are_handed_on_with_their_text():
    found = rows_of(open_source(FILES / "ragged.csv")).filter(pl.col(RAGGED).is_not_null())

    assert found.select(LINE, RAGGED).rows() == [
        (3, "2026-03-02 15:00,theft,43.238949"),
        (4, '2026-03-02 16:00,"theft,43.238949,76.889709'),
        (6, "2026-03-02 18:00,theft,43.238949,76.889709,more"),
    ]


@pytest.mark.parametrize("rows_after", [5, 5 * csv_text.MAX_RECORD_LINES])
def test_a_quotation_mark_that_is_never_closed_costs_one_row(tmp_path, rows_after):
    good = b"2026-03-02 14:30,theft,43.238949,76.889709\n"
    path = written(tmp_path, PLAIN + b'2026-03-02 14:30,"theft,43.2,76.9\n' + good * rows_after)

    found = rows_of(open_source(path))

    assert found.height == 2 + rows_after
    assert found.filter(pl.col(RAGGED).is_not_null())[LINE].to_list() == [3]


def test_blank_lines_are_no_rows(tmp_path):
    path = written(tmp_path, b"\n\n" + PLAIN + b"\n\n2026-03-03,theft,43.2,76.9\n\n")

    assert rows_of(open_source(path))[LINE].to_list() == [4, 7]


def test_batches_have_the_length_asked_for_and_together_every_row(tmp_path):
    path = written(tmp_path, PLAIN + b"2026-03-02 14:30,theft,43.2,76.9\n" * 24)

    batches = list(open_source(path).batches(rows=10))

    assert [batch.height for batch in batches] == [10, 10, 5]
    assert pl.concat(batches)[LINE].to_list() == list(range(2, 27))


# Parquet


def test_parquet_rows_are_numbered_from_one_through_all_row_groups(tmp_path):
    path = tmp_path / "delivery.parquet"
    frame = pl.DataFrame({"date": [date(2026, 3, 2)] * 25, "lat": [43.2] * 25, "lon": [76.9] * 25})
    frame.write_parquet(path, row_group_size=7)

    found = pl.concat(open_source(path).batches(rows=10))

    assert open_source(path).kind == "parquet"
    assert found[LINE].to_list() == list(range(1, 26))


def test_a_parquet_file_is_told_by_its_content_not_its_name(tmp_path):
    assert open_source(a_parquet(tmp_path, "delivery.csv")).kind == "parquet"


def test_a_column_of_ours_in_the_file_keeps_its_values_under_another_name(tmp_path):
    source = open_source(a_parquet(tmp_path, line=["tram 7"]), Mapping(columns={"category": "line (delivered)"}))
    found = rows_of(source)

    assert found["line (delivered)"].to_list() == ["tram 7"]
    assert found[LINE].to_list() == [1]


def test_columns_of_lists_and_bytes_are_left_out(tmp_path):
    path = a_parquet(tmp_path, shape=[[1, 2]], geometry=[b"\x00\x01"])

    assert rows_of(open_source(path)).columns == ["occurred_at", "category", "lat", "lng", LINE, RAGGED]


def test_a_date_column_of_numbers_is_refused_with_the_type_that_is_needed(tmp_path):
    with pytest.raises(UnexpectedColumns, match=r"'occurred_at' holds Int64 values; .* expected dates"):
        open_source(a_parquet(tmp_path, occurred_at=[1_581_193_800_000]))


# Columns


def test_columns_are_found_by_name_without_case_spaces_and_underscores(tmp_path):
    path = written(tmp_path, b"OCCURRED AT,Crime-Type,LATITUDE,Longitude\n2026-03-02,theft,43.2,76.9\n")

    assert open_source(path).layout == {
        "occurred_at": "OCCURRED AT",
        "category": "Crime-Type",
        "lat": "LATITUDE",
        "lng": "Longitude",
    }


def test_a_date_and_a_time_column_stand_together():
    assert (
        open_source(FILES / "date_and_hour.csv").layout.items()
        >= {"date": "occurrencedate", "time": "occurrencehour"}.items()
    )


def test_the_exact_name_wins_over_others_that_would_do(tmp_path):
    path = written(tmp_path, b"date,lat,latitude,lon,lng\n2026-03-02,43.2,1,1,76.9\n")

    layout = open_source(path).layout

    assert (layout["lat"], layout["lng"]) == ("lat", "lng")


def test_a_month_beside_a_year_is_no_date(tmp_path):
    path = written(tmp_path, b"YEAR,MONTH,DAY,lat,lng\n2020,6,19,49.2,-123.1\n")

    with pytest.raises(
        UnexpectedColumns, match=r"no column found for occurred_at .* Found: YEAR, MONTH, DAY, lat, lng"
    ):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_place_columns.csv", r"no column found for lat, lng. Found: date, type, block. .*--mapping FILE"),
        ("projected.csv", r"x and y in metres or feet are read where a layout says their coordinate_system"),
        ("doubled_columns.csv", r"column 'LAT' stands twice \(first as 'lat'\)"),
        ("rival_columns.csv", r"columns latitude, широта may each be lat; .*--mapping FILE"),
        ("two_ways.csv", r'dates such as 03/04/2026 can be read two ways.*date_format = "day first"'),
    ],
)
def test_missing_doubled_and_doubtful_columns_are_named_with_a_next_step(name, message):
    with pytest.raises(UnexpectedColumns, match=f"(?s){name}: .*{message}"):
        open_source(FILES / name)


def test_a_mapping_settles_which_of_two_columns_is_meant():
    source = open_source(FILES / "rival_columns.csv", Mapping.read(FILES / "rival_columns.toml"))

    assert source.layout["lat"] == "latitude"


def test_a_mapping_names_columns_zone_and_order_of_dates():
    source = open_source(FILES / "own_names.csv", Mapping.read(FILES / "own_names.toml"))

    assert source.layout == {"occurred_at": "when", "category": "what", "lat": "north", "lng": "east"}
    assert (source.time_zone, source.date_format) == ("Asia/Almaty", "day first")


def test_an_empty_name_in_a_mapping_means_that_there_is_no_such_column():
    source = open_source(FILES / "plain.csv", Mapping(columns={"category": ""}))

    assert not source.has_category


def test_a_mapping_that_names_an_absent_column_is_told(tmp_path):
    with pytest.raises(UnexpectedColumns, match="the mapping names column 'breite' for lat, which is not in the file"):
        open_source(FILES / "plain.csv", Mapping(columns={"lat": "breite"}))


def test_a_column_of_categories_that_holds_nothing_is_none(tmp_path):
    in_csv = written(tmp_path, b"occurred_at,category,lat,lng\n2026-03-02,,43.2,76.9\n2026-03-02,NULL,43.2,76.9\n")

    assert not open_source(in_csv).has_category
    assert not open_source(a_parquet(tmp_path, category=[None])).has_category


def test_ids_that_only_number_the_rows_are_no_ids():
    assert "incident_id" not in open_source(FILES / "running_numbers.csv").layout
    assert "incident_id" in open_source(FILES / "running_numbers.csv", Mapping(columns={"incident_id": "id"})).layout
    assert "incident_id" in open_source(FILES / "police_uk_layout.csv").layout


def test_a_publisher_known_by_its_columns_brings_its_time_zone():
    assert open_source(FILES / "layouts" / "police_uk_street.csv").time_zone == "Europe/London"
    assert open_source(FILES / "plain.csv").time_zone is None


def test_the_order_of_day_and_month_is_found_in_the_file():
    assert open_source(FILES / "month_first.csv").date_format == "month first"


def test_the_order_of_day_and_month_is_looked_for_through_the_whole_file(tmp_path):
    rows = b"01/01/2026 10:00,43.2,76.9\n" * 30_000 + b"02/13/2026 10:00,43.2,76.9\n"

    assert open_source(written(tmp_path, b"date,lat,lng\n" + rows)).date_format == "month first"


def test_points_are_those_with_a_usable_place():
    lat, lng = open_source(FILES / "bad_coordinates.csv").points()

    assert lat.tolist() == pytest.approx([76.889709, 51.128207, 43.238949])
    assert lng.tolist() == pytest.approx([43.238949, 71.430411, 76.889709])
    assert lat.dtype == np.float64


# Mapping files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns = [", "is not a TOML file"),
        ('colums = "x"', "unknown entry 'colums'; expected name, title, .*columns, .*categories"),
        ('[columns]\nlatitude = "x"', "names 'latitude'; .* expected one of occurred_at"),
        ('[categories]\n"A" = "larceny"', "'A' goes to 'larceny', which is not an offence group"),
        ('offence_group = "larceny"', "offence_group goes to 'larceny'"),
        ("[categories]\nA = 1", "in quotes"),
        ('time_zone = "Asia/Nowhere"', "time zone 'Asia/Nowhere' is not known; .*Asia/Almaty"),
        ("time_zone = 5", "expected a text in quotes"),
        ('date_format = "DD.MM.YYYY"', "expected 'day first', 'month first' or a pattern"),
        ('encoding = "ebcdic"', "expected one of utf-8"),
        ('separator = "::"', "separator is '::'"),
        ('coordinate_system = "EPSG:999999"', "expected a known code such as EPSG:32643 or ESRI:102696"),
        ('coordinate_system = "32643"', "expected a known code"),
        ('clock = "gmt"', "clock is 'gmt'; expected one of 'local', 'utc', 'local written as utc'"),
        ('precision = "year"', "expected one of 'minute', 'hour', 'day', 'month'"),
        ('drop = "sex"', r"drop is sex; expected a list such as"),
        ("key = [1]", r"key is .1.; expected a list such as"),
        ('name = "My Town"', "name is 'My Town'; expected small letters"),
        ('[recognised_by]\ncolumns = ["a"]', "a layout needs a name"),
        ('name = "a"\n[recognised_by]\nwithout = ["a"]', "should hold columns"),
        ('name = "a"\n[recognised_by]\ncolumns = ["a"]\nbounds = [1, 2]', "expected four numbers"),
    ],
)
def test_a_mapping_file_that_does_not_fit_is_refused_with_what_is_expected(tmp_path, text, message):
    path = tmp_path / "mapping.toml"
    path.write_text(text)

    with pytest.raises(InvalidMapping, match=f"mapping.toml.*{message}"):
        Mapping.read(path)


def test_an_absent_mapping_file_is_told(tmp_path):
    with pytest.raises(InvalidMapping, match=r"none.toml cannot be read"):
        Mapping.read(tmp_path / "none.toml")


def test_the_fingerprint_of_a_mapping_tells_what_it_says_and_not_how_it_is_laid_out():
    one = Mapping(columns={"lat": "a", "lng": "b"})

    assert one.fingerprint == Mapping(columns={"lng": "b", "lat": "a"}).fingerprint
    assert one.fingerprint != Mapping(columns={"lat": "b", "lng": "a"}).fingerprint
    assert one.fingerprint != Mapping(columns={"lat": "a", "lng": "b"}, time_zone="Asia/Almaty").fingerprint


# Files that cannot be read


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("picture.csv", "is a PNG picture; expected CSV, Parquet, XLSX, GeoJSON, GeoPackage or a zipped shapefile"),
        ("zero_bytes.csv", "holds a zero byte on line 2"),
        ("header_only.csv", "has a header but no rows"),
        ("absent.csv", "cannot be opened"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(name, message):
    with pytest.raises(UnreadableFile, match=f"{name} {message}"):
        open_source(FILES / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b" \n\n", "holds no text"),
        ("book.xlsx", b"PK\x03\x04rest", "is a ZIP archive or an Excel workbook, but damaged"),
        ("map.geojson", b' {"type": "FeatureCollection"}', "is JSON without a list of features"),
        ("page.csv", b"<!doctype html><html>", "is HTML or XML"),
        ("text.parquet", PLAIN, "is no Parquet"),
        ("cut.csv.gz", gzip.compress(PLAIN * 100, mtime=0)[:-20], "damaged or incomplete gzip"),
        ("inside.csv.gz", gzip.compress(b"\x00\x01\x02" * 100, mtime=0), "holds a zero byte on line 1"),
        ("long.csv", b"a" * 1_200_000, "line 1 is longer than 1,000,000 characters"),
        ("wide.csv", b",".join(b"c%d" % n for n in range(2_001)) + b"\n1\n", "has 2001 columns"),
        ("odd.csv", "a,b\nc,d\n".encode("utf-16") + b"\x00", "is not text in utf-16"),
    ],
)
def test_other_formats_and_damaged_files_are_refused_in_one_sentence(tmp_path, name, content, message):
    with pytest.raises(UnreadableFile, match=f"^{name} .*{message}"):
        open_source(written(tmp_path, content, name))


def test_a_long_line_further_on_is_refused_with_its_number(tmp_path):
    source = open_source(written(tmp_path, PLAIN * 30_000 + b"x" * 1_200_000))

    with pytest.raises(UnreadableFile, match="line 60001 is longer than"):
        list(source.batches())


@pytest.mark.parametrize("kept", [4, 20, 0.5, 0.9])
def test_a_parquet_file_that_breaks_off_is_refused(tmp_path, kept):
    whole = a_parquet(tmp_path).read_bytes()

    with pytest.raises(UnreadableFile, match="damaged or incomplete Parquet"):
        open_source(written(tmp_path, whole[: int(kept * len(whole)) if isinstance(kept, float) else kept]))


def test_a_parquet_file_without_rows_is_refused(tmp_path):
    path = tmp_path / "none.parquet"
    pl.DataFrame(schema={"date": pl.Date, "lat": pl.Float64, "lng": pl.Float64}).write_parquet(path)

    with pytest.raises(UnreadableFile, match="holds no rows"):
        open_source(path)


def test_a_message_about_a_strange_header_stays_short_and_printable(tmp_path):
    path = written(tmp_path, b"\x07bell" + b"x" * 500 + b"," + b",".join(b"c%d" % n for n in range(500)) + b"\n1,2\n")

    with pytest.raises(UnexpectedColumns) as refused:
        open_source(path)

    message = str(refused.value)
    assert len(message) < 1_000
    assert all(sign.isprintable() or sign == "\n" for sign in message)


# Whatever comes

TEXTS = st.one_of(
    st.sampled_from(
        ["", "theft", "2026-03-02 14:30", "31.02.2026", "43.2", "76,9", "0", "-1e400", "nan", '"', "\r", "x\ny"]
    ),
    st.text(max_size=20),
)
HEADERS = st.sampled_from(
    ["occurred_at", "date", "time", "date_end", "category", "id", "lat", "lng", "domestic", "", "LAT"]
)


def account_for(path) -> None:
    """Only errors of the package may come out, and every row is sorted."""
    with suppress(GeodataError):
        source = open_source(path)
        for batch in source.batches(rows=7):
            examined = examine(batch, source, some_rules())
            lines = [*examined.accepted[LINE], *examined.quarantined[LINE]]
            assert sorted(lines) == batch[LINE].to_list()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=400),
    opening=st.sampled_from([b"", PLAIN, b"PAR1", b"\x1f\x8b", b"\xff\xfe", b"\xef\xbb\xbf"]),
)
@example(content=b'"' * 9, opening=PLAIN)
@example(content=b"\xff" * 40, opening=PLAIN)
def test_no_bytes_get_past_the_errors_of_the_package(tmp_path, content, opening):
    account_for(written(tmp_path, opening + content))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.lists(HEADERS, max_size=6, unique=True),
    rows=st.lists(st.lists(TEXTS, max_size=9), max_size=12),
    separator=st.sampled_from([",", ";", "\t"]),
)
def test_no_table_of_text_loses_a_row(tmp_path, header, rows, separator):
    full = ["occurred_at", "lat", "lng", *(name for name in header if name not in ("LAT", "lat", "lng", "occurred_at"))]
    text = "\n".join(separator.join(row) for row in [full, *rows])

    account_for(written(tmp_path, text.encode("utf-8", errors="replace")))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), height=st.integers(min_value=1, max_value=9))
def test_no_typed_table_loses_a_row(tmp_path, data, height):
    def column(values):
        return data.draw(st.lists(st.one_of(st.none(), values), min_size=height, max_size=height))

    numbers = st.one_of(st.floats(), st.floats(min_value=-180, max_value=180))
    kind = data.draw(
        st.sampled_from([st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.dates(), st.text(max_size=9)])
    )
    frame = pl.DataFrame(
        {
            "occurred_at": pl.Series(column(kind)),
            "date_start": pl.Series(column(st.datetimes())),
            "date_end": pl.Series(column(st.datetimes())),
            "time_precision": pl.Series(
                column(st.sampled_from(["minute", "hour", "day", "month", "interval", "?"])), dtype=pl.String
            ),
            "category": pl.Series(column(st.text(max_size=5)), dtype=pl.String),
            "lat": pl.Series(column(numbers), dtype=pl.Float64),
            "lng": pl.Series(column(numbers), dtype=pl.Float64),
        }
    )
    path = tmp_path / "delivery.parquet"
    frame.write_parquet(path)

    account_for(path)
