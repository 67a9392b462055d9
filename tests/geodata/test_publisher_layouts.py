"""Layouts that come with the program, each on a made-up file with its publisher's dirt, and on the real files."""

from datetime import date

import polars as pl
import pytest
import shapely

from geodata import publisher_layouts
from geodata.errors import InvalidMapping, UnexpectedColumns, UnreadableFile
from geodata.intake import Rules
from geodata.mapping import Mapping
from geodata.sources import open_source
from tests.builders import FILES, all_examined, first_of_each

LAYOUTS = FILES / "layouts"
ALMATY = (76.7, 43.1, 77.1, 43.4)


def account(path, *, box=None, mapping=None, layouts=None):
    """Layout, rows read, kept, duplicates, faults, kept without place; and the kept and quarantined rows."""
    source = open_source(path, mapping, layouts=layouts)
    rules = Rules(
        zone=source.time_zone or "Asia/Almaty",
        latest_day=date(2026, 11, 22),
        outline=shapely.box(*box) if box else None,
        mapping=source.said,
    )
    parts = all_examined(source, rules)
    kept, duplicates = first_of_each(pl.concat([part.accepted for part in parts]))
    set_aside = pl.concat([part.quarantined for part in parts])
    faults = dict(set_aside["fault"].value_counts().iter_rows())
    rows = sum(part.accepted.height + part.quarantined.height + part.withdrawn for part in parts)
    counted = (source.said.name, rows, kept.height, duplicates, faults, kept["cell"].null_count())
    return counted, kept, set_aside


SMALL = [
    ("police_uk_street.csv", (-1.7, 53.6, -1.4, 54.0), (24, 22, 1, {"outside_territory": 1}, 2)),
    ("lancashire_asb.tab", (-2.9, 53.6, -2.5, 53.9), (24, 22, 0, {"missing_date": 1, "impossible_date": 1}, 0)),
    ("vancouver_vpd.csv", (-123.3, 49.1, -123.0, 49.4), (25, 23, 1, {"impossible_date": 1}, 4)),
    ("chicago_portal.csv", (-87.9, 41.6, -87.5, 42.1), (25, 22, 1, {"future_date": 1, "incomplete_coordinates": 1}, 1)),
    ("chicago_without_coordinates.csv", None, (24, 23, 0, {"impossible_date": 1}, 23)),
    ("toronto_mci.csv", (-79.7, 43.5, -79.1, 43.9), (24, 21, 1, {"impossible_date": 2}, 0)),
    ("medellin_homicides.csv", (-75.7, 6.1, -75.4, 6.4), (24, 22, 1, {"missing_date": 1}, 2)),
    ("stlouis_slmpd.csv", (-90.4, 38.5, -90.1, 38.8), (24, 22, 1, {"impossible_date": 1}, 2)),
    ("camden_bng.csv", (-0.3, 51.4, 0.1, 51.7), (24, 22, 0, {"missing_date": 1, "outside_territory": 1}, 0)),
    ("austin_aggravated_assault.xlsx", (-98.0, 30.1, -97.5, 30.5), (24, 21, 1, {"missing_date": 2}, 0)),
    ("portland_nij.zip", (-122.9, 45.4, -122.4, 45.7), (24, 23, 0, {"missing_date": 1}, 0)),
    ("nyc_intervals.csv", (-74.1, 40.6, -73.8, 40.9), (24, 22, 0, {"window_too_long": 1, "window_reversed": 1}, 0)),
    ("kgp_crime_points.geojson", ALMATY, (25, 22, 1, {"outside_territory": 1, "date_too_early": 1}, 1)),
    ("kgp_crime_points_fetched.csv", ALMATY, (25, 21, 2, {"outside_territory": 1, "date_too_early": 1}, 1)),
    ("kgp_crime_points_legacy.json", ALMATY, (25, 22, 1, {"outside_territory": 1, "date_too_early": 1}, 1)),
    ("kgp_crime_points_numbers.json", ALMATY, (24, 21, 1, {"missing_date": 1, "impossible_date": 1}, 1)),
]


@pytest.mark.parametrize(("name", "box", "expected"), SMALL, ids=[name for name, *_ in SMALL])
def test_a_publishers_file_is_recognised_and_every_row_accounted_for(name, box, expected):
    (layout, *counted), *_ = account(LAYOUTS / name, box=box)

    assert layout == name.partition(".")[0]
    assert tuple(counted) == expected
    rows, kept, duplicates, faults, _ = counted
    assert rows == kept + duplicates + sum(faults.values())


def test_every_shipped_layout_has_a_made_up_file():
    shipped = {layout.name for layout in publisher_layouts.shipped()}

    assert {name.partition(".")[0] for name, *_ in SMALL} == shipped


@pytest.mark.parametrize("layout", publisher_layouts.shipped(), ids=lambda layout: layout.name)
def test_a_shipped_layout_says_whose_it_is_and_what_it_is_known_by(layout):
    assert layout.title
    assert layout.recognised_by.columns


@pytest.mark.parametrize(("name", "box", "expected"), SMALL, ids=[name for name, *_ in SMALL])
def test_what_a_layout_drops_reaches_neither_incidents_nor_quarantine(name, box, expected):
    source = open_source(LAYOUTS / name)
    dropped = [column for column in source.said.drop if column in (source.table.columns if source.table else ())]

    _, kept, set_aside = account(LAYOUTS / name, box=box)

    assert not set(dropped) & (set(source.columns) - set(source.hidden))
    for column in dropped:
        assert f'"{column}"' not in "".join(set_aside["row"])
    for words in ("МАСКА", "EXAMPLE ST", "2400000000000", "Hombre"):
        if words in (LAYOUTS / name).read_bytes().decode("utf-8", errors="ignore"):
            assert words not in "".join(set_aside["row"]) + str(kept.rows())


# What single layouts settle


def first(name, **columns):
    _, kept, _ = account(LAYOUTS / name)
    return kept.row(0, named=True)


def test_feet_of_a_state_plane_and_metres_of_a_national_grid_become_degrees():
    for name, lat, lng in (
        ("stlouis_slmpd.csv", 38.64, -90.26),
        ("portland_nij.zip", 45.52, -122.65),
        ("camden_bng.csv", 51.54, -0.14),
        ("vancouver_vpd.csv", 49.26, -123.11),
        ("kgp_crime_points_legacy.json", 43.24, 76.90),
    ):
        row = first(name)
        assert (row["lat"], row["lng"]) == (pytest.approx(lat, abs=0.05), pytest.approx(lng, abs=0.06)), name


def test_an_hour_in_its_own_column_belongs_to_the_local_day_of_a_date_in_utc():
    _, kept, _ = account(LAYOUTS / "toronto_mci.csv")

    local = kept["occurred_from"].dt.convert_time_zone("America/Toronto")
    assert local.dt.hour().to_list()[:3] == [0, 1, 2]
    assert kept["occurred_on"].to_list()[:3] == [date(2018, 1, 1), date(2018, 2, 2), date(2018, 3, 3)]
    assert set(kept["time_precision"]) == {"hour"}


def test_wall_time_written_as_if_utc_is_read_as_wall_time():
    by_text, by_number = first("kgp_crime_points.geojson"), first("kgp_crime_points_numbers.json")

    assert by_text["occurred_from"].isoformat() == "2024-03-01T15:30:00+00:00"  # 20:30 in Almaty, UTC+5 from that day
    assert by_number["occurred_from"] == by_text["occurred_from"]


def test_a_date_of_the_service_without_a_clock_is_a_day():
    _, kept, _ = account(LAYOUTS / "kgp_crime_points.geojson", box=ALMATY)

    assert kept["time_precision"].value_counts().sort("count").rows() == [("day", 1), ("minute", 21)]


def test_midnight_of_rows_kept_from_view_is_no_hour():
    _, kept, _ = account(LAYOUTS / "vancouver_vpd.csv")

    assert set(kept.filter(pl.col("offence_group") == "other")["time_precision"]) == {"day"}
    assert kept.filter(pl.col("time_precision") == "day").height == 3


def test_start_and_end_of_an_interval_are_kept():
    _, kept, _ = account(LAYOUTS / "nyc_intervals.csv")

    hours = (kept["occurred_to"] - kept["occurred_from"]).dt.total_hours().to_list()
    assert hours[:5] == [2, 3, 4, 5, 6]
    assert hours[19:21] == [0, 0]  # an empty end


def test_a_category_nobody_knows_falls_back_on_the_publishers_own_broader_one():
    _, kept, _ = account(LAYOUTS / "stlouis_slmpd.csv")

    made_up = kept.filter(pl.col("offence_code") == "AN ENTRY MADE UP FOR THIS TEST")
    assert set(made_up["offence_group"]) == {"theft"}


def test_rows_without_a_place_that_differ_only_in_what_is_not_kept_are_all_real():
    _, kept, _ = account(LAYOUTS / "chicago_without_coordinates.csv")

    assert kept["incident_id"].n_unique() == 23


def test_columns_that_fit_two_places_of_the_world_are_told_apart_by_the_coordinates(tmp_path):
    path = tmp_path / "elsewhere.csv"
    path.write_text("x,y,date,type\n650000,4790000,2026-03-02,theft\n")

    with pytest.raises(UnexpectedColumns, match="no column found for lat, lng"):
        open_source(path)


def test_the_official_form_is_answered_as_totals_not_incidents(shared_data):
    for city in ("almaty", "astana"):
        with pytest.raises(UnreadableFile, match="official form 1-М: totals of registered offences, not incidents"):
            open_source(shared_data / "raw" / f"kz_form_1m_2023_{city}.xlsx")


# An operator's own layouts

OWN = """
name = "town_hall"
date_format = "%d|%m|%Y"
coordinate_system = "EPSG:32643"
key = ["no", "yr"]
drop = ["who"]

[recognised_by]
columns = ["no", "yr", "on", "what", "east", "north"]

[columns]
occurred_at = "on"
category = "what"
x = "east"
y = "north"
"""


@pytest.fixture
def own_folder(tmp_path):
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "town_hall.toml").write_text(OWN)
    return folder


@pytest.fixture
def own_file(tmp_path):
    path = tmp_path / "delivery.csv"
    rows = ["1,2026,02|03|2026,theft,653400,4789000,a name", "1,2026,02|03|2026,fraud,653400,4789000,a name"]
    rows += ["1,2025,02|03|2025,theft,653400,4789000,a name", "2,2026,31|02|2026,theft,653400,4789000,a name"]
    path.write_text("no,yr,on,what,east,north,who\n" + "\n".join(rows) + "\n")
    return path


def test_an_operator_adds_a_layout_by_putting_a_file_into_a_folder(own_folder, own_file):
    layouts = publisher_layouts.with_those_of(own_folder)

    counted, kept, set_aside = account(own_file, box=ALMATY, layouts=layouts)

    assert counted == ("town_hall", 4, 2, 1, {"impossible_date": 1}, 0)
    assert "a name" not in str(kept.rows()) + "".join(set_aside["row"])


def test_a_layout_of_the_operator_replaces_the_shipped_one_of_its_name(own_folder):
    (own_folder / "police.toml").write_text('name = "camden_bng"\n[recognised_by]\ncolumns = ["x", "y"]\n')

    layouts = publisher_layouts.with_those_of(own_folder)

    assert [layout.recognised_by.columns for layout in layouts if layout.name == "camden_bng"] == [("x", "y")]


def test_without_a_folder_there_are_the_shipped_layouts(tmp_path):
    assert publisher_layouts.with_those_of(tmp_path / "absent") == publisher_layouts.shipped()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('time_zone = "Asia/Almaty"', "has no name or no .recognised_by."),
        ('name = "town_hall"\n[recognised_by]\ncolumns = ["a"]', "named 'town_hall' already"),
    ],
)
def test_a_file_in_the_folder_that_is_no_layout_is_told(own_folder, text, message):
    (own_folder / "wrong.toml").write_text(text)

    with pytest.raises(InvalidMapping, match=f"wrong.toml.*{message}"):
        publisher_layouts.with_those_of(own_folder)


def test_a_layout_is_chosen_by_name_or_by_file(own_folder):
    shipped = publisher_layouts.shipped()

    assert publisher_layouts.chosen("camden_bng", shipped).name == "camden_bng"
    assert publisher_layouts.chosen(str(own_folder / "town_hall.toml"), shipped).name == "town_hall"
    with pytest.raises(InvalidMapping, match=r"No layout is named 'camdem'; expected one of .*camden_bng"):
        publisher_layouts.chosen("camdem", shipped)


def test_a_mapping_completes_the_layout_its_file_was_recognised_by():
    mapping = Mapping(categories={"Burglary": "theft"})

    counted, kept, _ = account(LAYOUTS / "police_uk_street.csv", mapping=mapping)

    assert counted[0] == "police_uk_street"
    assert set(kept.filter(pl.col("offence_code") == "Burglary")["offence_group"]) == {"theft"}


def test_a_mapping_that_names_a_column_of_place_sets_all_of_the_layouts_place_aside():
    layout = Mapping(
        name="one", columns={"x": "X", "y": "Y", "year": "YEAR"}, coordinate_system="EPSG:26910", midnight="day"
    )

    joined = Mapping(columns={"lat": "north", "lng": "east"}).over(layout)

    assert joined.columns == {"lat": "north", "lng": "east", "year": "YEAR"}
    assert (joined.coordinate_system, joined.midnight, joined.name) == (None, "day", "one")


# Real files

RAW = [
    ("2016-07-west-yorkshire-street.csv.gz", "police_uk_street", 27_176, 0, {}, 1_347),
    ("2017-07-west-yorkshire-street.csv.gz", "police_uk_street", 28_537, 0, {}, 1_541),
    ("austin_aggassault_2019.xlsx", "austin_aggravated_assault", 8_696, 19, {"missing_date": 2}, 0),
    ("camden_2021_bng.csv", "camden_bng", 4_578, 0, {}, 0),
    ("chicago_2022_slim_no_coords.csv.gz", "chicago_without_coordinates", 215_551, 0, {}, 215_551),
    ("chicago_socrata_sample_2017_2018aug.csv.gz", "chicago_portal", 15_285, 0, {}, 0),
    ("lancashire_asb_2022.tab.gz", "lancashire_asb", 56_434, 0, {}, 0),
    ("medellin_homicidios_2010_2019.csv.gz", "medellin_homicides", 9_360, 509, {}, 81),
    ("portland_nij_2016_08_shapefile.zip", "portland_nij", 19_376, 0, {"missing_date": 1}, 0),
    ("stlouis_slmpd_cwe_2009_2019.csv.gz", "stlouis_slmpd", 13_239, 147, {}, 123),
    ("toronto_mci_2018.csv.gz", "toronto_mci", 32_101, 297, {}, 0),
    ("vancouver_vpd_2020.csv.gz", "vancouver_vpd", 37_512, 21, {}, 3_751),
]


@pytest.mark.parametrize("expected", RAW, ids=[name for name, *_ in RAW])
def test_a_real_file_is_read_in_full(shared_data, expected):
    name, layout, rows, duplicates, faults, without_place = expected

    counted, *_ = account(shared_data / "raw" / name)

    kept = rows - duplicates - sum(faults.values())
    assert counted == (layout, rows, kept, duplicates, faults, without_place)


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("kgp_sample_current_constructed.json", "kgp_crime_points"),
        ("kgp_sample_current_constructed.geojson", "kgp_crime_points"),
        ("kgp_sample_legacy.json", "kgp_crime_points_legacy"),
    ],
)
def test_the_samples_of_the_official_service_are_read(shared_data, name, layout):
    counted, kept, _ = account(shared_data / "kz" / name)

    assert counted == (layout, 1, 1, 0, {}, 0)
    row = kept.row(0, named=True)
    assert (row["lat"], row["lng"]) == (pytest.approx(42.827, abs=0.002), pytest.approx(71.294, abs=0.002))
    assert row["occurred_from"].isoformat() == "2020-02-08T14:30:00+00:00"  # 20:30 when Almaty had UTC+6
    assert row["offence_group"] == "theft"


def test_the_benchmark_file_of_intervals_has_a_layout(shared_data):
    counted, *_ = account(shared_data / "bench" / "nyc_vehicle_theft_intervals_2014_2016.parquet")

    assert counted == ("nyc_intervals", 27_861, 27_810, 0, {"window_too_long": 51}, 0)
