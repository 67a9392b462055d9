"""Names of places: every spelling kept, segments of a street joined, and nothing from outside the territory."""

import numpy as np
import polars as pl
import shapely

from geodata import gazetteer, hexgrid
from geodata.gazetteer import Named
from geodata.territory import WORKING_RESOLUTION

LAT, LNG = 43.24, 76.94
COVERED = hexgrid.cells_within(shapely.box(LNG - 0.02, LAT - 0.02, LNG + 0.02, LAT + 0.02), WORKING_RESOLUTION)


def street(names, *, start, end):
    return Named(kind="street", names=names, shape=shapely.LineString([start, end]))


def test_segments_of_one_street_are_one_row_with_all_their_cells():
    names = {"name": "Абай даңғылы", "name:ru": "проспект Абая"}
    west = street(names, start=(LNG - 0.015, LAT), end=(LNG, LAT))
    east = street(names, start=(LNG, LAT), end=(LNG + 0.015, LAT))

    table = gazetteer.of_named([west, east], inside=COVERED)

    passed = shapely.LineString([(LNG - 0.015, LAT), (LNG + 0.015, LAT)])
    at = shapely.get_coordinates(shapely.segmentize(passed, 1e-5))
    crossed = np.unique(hexgrid.assign_cells(at[:, 1], at[:, 0], resolution=WORKING_RESOLUTION))
    assert table.height == 1
    assert table["name_kk"].to_list() == ["Абай даңғылы"]
    assert table["name_ru"].to_list() == ["проспект Абая"]
    assert table["name_en"].to_list() == ["Абай даңғылы"]
    found = table["cells"].explode().to_numpy()
    assert len(np.setdiff1d(crossed, found)) <= 0.1 * len(crossed)
    assert np.isin(found, crossed).all()


def test_former_and_short_names_are_kept_beside_the_title_and_several_in_one_tag_are_parted():
    one = street(
        {
            "name": "Нұрсұлтан Назарбаев даңғылы",
            "old_name": "Фурманова; Фурманов көшесі",
            "old_name:ru": "улица Фурманова",
        },
        start=(LNG, LAT),
        end=(LNG, LAT + 0.001),
    )

    table = gazetteer.of_named([one], inside=COVERED)

    assert table["other_names"].to_list() == [["Фурманов көшесі", "Фурманова", "улица Фурманова"]]


def test_what_lies_outside_the_territory_or_has_no_name_left_is_left_out():
    outside = street({"name": "Алыс көше"}, start=(LNG + 1, LAT), end=(LNG + 1, LAT + 0.01))
    nameless = street({"name": " ;\u200b "}, start=(LNG, LAT), end=(LNG, LAT + 0.01))

    assert gazetteer.of_named([outside, nameless], inside=COVERED).height == 0


def test_control_and_direction_signs_never_reach_a_name():
    one = street({"name": "Абай\u202e\x00\nдаңғылы" + "x" * 500}, start=(LNG, LAT), end=(LNG, LAT + 0.001))

    (name,) = gazetteer.of_named([one], inside=COVERED)["name_kk"]

    assert name.startswith("Абай даңғылы")
    assert len(name) == gazetteer.LONGEST_NAME
    assert name.isprintable()


def test_every_region_of_kazakhstan_has_names_of_its_places_and_old_names_lead_to_the_new():
    table = gazetteer.of_kazakhstan()

    astana = table.filter(pl.col("name_kk") == "Астана", pl.col("kind") == "city")
    assert table["within"].n_unique() == 20
    assert table.height > 8000
    assert {"Целиноград", "Нур-Султан"} <= set(astana["other_names"].explode())
    assert astana["within"].to_list() == ["710000000"]


def test_the_same_street_of_two_deliveries_is_one_row():
    one = street({"name": "Абай"}, start=(LNG, LAT), end=(LNG, LAT + 0.001))
    other = street({"name": "Абай", "old_name": "Калинин"}, start=(LNG + 0.01, LAT), end=(LNG + 0.01, LAT + 0.001))
    frames = [gazetteer.of_named([named], inside=COVERED) for named in (one, other)]

    table = gazetteer.joined(frames)

    assert table.height == 1
    assert table["other_names"].to_list() == [["Калинин"]]
    assert set(table["cells"].explode()) == {cell for frame in frames for cell in frame["cells"].explode()}
