"""OpenStreetMap extracts: what is found in them, and files that are none."""

import numpy as np
import pytest
import shapely

from geodata.errors import UnreadableFile
from geodata.osm_extract import PLACE_TAGS, ROAD_CLASSES, read_extract
from tests.made_up_town import LAT, LNG
from tests.osm_builder import BOX, a_node, a_way, an_area_of_ways, write_extract

TAGS = {
    "stop": {"highway": "bus_stop"},
    "shop": {"shop": "convenience"},
    "bar": {"amenity": "pub"},
    "school": {"amenity": "school"},
    "street_light": {"highway": "street_lamp"},
    "police_post": {"amenity": "police"},
}


@pytest.mark.parametrize("feature", PLACE_TAGS)
def test_a_node_with_our_tags_is_found_where_it_stands(tmp_path, feature):
    path = write_extract(tmp_path / "town.osm.pbf", a_node(1, LAT, LNG, **TAGS[feature]), a_node(2, LAT, LNG, x="y"))

    found = read_extract(path)

    assert list(found.places) == [feature]
    lat, lng = found.places[feature]
    assert (lat.tolist(), lng.tolist()) == ([pytest.approx(LAT)], [pytest.approx(LNG)])


def test_a_stop_with_two_tags_of_a_stop_is_one(tmp_path):
    node = a_node(1, LAT, LNG, highway="bus_stop", public_transport="platform")

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", node))

    assert found.places["stop"][0].size == 1


@pytest.mark.parametrize("value", ["no", "vacant"])
def test_a_shop_that_is_none_is_not_found(tmp_path, value):
    things = a_node(1, LAT, LNG, shop=value), a_node(2, LAT, LNG, amenity="bar")

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", *things))

    assert list(found.places) == ["bar"]


def corners(first: int, lat: float, lng: float, side: float = 0.002):
    return [
        a_node(first, lat, lng),
        a_node(first + 1, lat, lng + side),
        a_node(first + 2, lat + side, lng + side),
        a_node(first + 3, lat + side, lng),
    ]


def test_a_building_counts_once_at_its_middle(tmp_path):
    things = *corners(1, LAT, LNG), a_way(1, 1, 2, 3, 4, 1, shop="mall", building="yes")

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", *things))

    lat, lng = found.places["shop"]
    assert (lat.tolist(), lng.tolist()) == ([pytest.approx(LAT + 0.001)], [pytest.approx(LNG + 0.001)])


def test_an_area_of_several_ways_counts_once_at_its_middle(tmp_path):
    things = (
        *corners(1, LAT, LNG),
        a_way(1, 1, 2, 3),
        a_way(2, 3, 4, 1),
        an_area_of_ways(1, 1, 2, amenity="school"),
    )

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", *things))

    lat, lng = found.places["school"]
    assert (lat.tolist(), lng.tolist()) == ([pytest.approx(LAT + 0.001)], [pytest.approx(LNG + 0.001)])


@pytest.mark.parametrize("name", ROAD_CLASSES)
def test_a_road_belongs_to_the_class_of_its_highway(tmp_path, name):
    things = *corners(1, LAT, LNG), a_way(1, 1, 2, 3, highway=sorted(ROAD_CLASSES[name])[0])

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", *things))

    assert list(found.roads) == [name]
    line = shapely.get_coordinates(found.roads[name])
    assert np.allclose(line, [(LNG, LAT), (LNG + 0.002, LAT), (LNG + 0.002, LAT + 0.002)])


def test_roads_not_built_yet_are_none(tmp_path):
    things = *corners(1, LAT, LNG), a_way(1, 1, 2, highway="construction"), a_way(2, 2, 3, highway="service")

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", *things))

    assert list(found.roads) == ["road_service"]


def test_a_road_cut_off_by_the_extract_is_counted_and_does_no_harm(tmp_path):
    things = *corners(1, LAT, LNG), a_way(1, 1, 99, highway="service"), a_way(2, 2, 3, highway="service")

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", *things))

    assert (found.unplaced, found.roads["road_service"].size) == (1, 1)


def test_the_box_is_the_one_the_extract_states(tmp_path):
    found = read_extract(write_extract(tmp_path / "town.osm.pbf", a_node(1, LAT, LNG, shop="yes")))

    assert found.has_own_box
    assert found.box.bounds == pytest.approx(BOX)


def test_without_a_stated_box_it_is_that_of_what_was_found(tmp_path):
    things = a_node(1, LAT, LNG, shop="yes"), a_node(2, LAT + 0.01, LNG + 0.02, amenity="bar")

    found = read_extract(write_extract(tmp_path / "town.osm.pbf", *things, box=None))

    assert not found.has_own_box
    assert found.box.bounds == pytest.approx((LNG, LAT, LNG + 0.02, LAT + 0.01))


def an_extract_of_many(path):
    return write_extract(path, *(a_node(n, LAT + n / 1e5, LNG, shop="yes", name=f"made up {n}") for n in range(1, 900)))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_an_extract_cut_short_is_refused(tmp_path, share):
    path = an_extract_of_many(tmp_path / "town.osm.pbf")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(UnreadableFile, match=r"town\.osm\.pbf .*expected"):
        read_extract(path)


def test_an_extract_with_a_broken_middle_is_refused(tmp_path):
    path = an_extract_of_many(tmp_path / "town.osm.pbf")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match="Copy or download it again"):
        read_extract(path)


@pytest.mark.parametrize("content", [b"hello " * 50, b"<osm></osm>", b"\x00" * 64, b"SQLite format 3\x00" * 9])
def test_a_file_that_is_no_extract_is_refused(tmp_path, content):
    path = tmp_path / "town.osm.pbf"
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match="no complete OpenStreetMap extract"):
        read_extract(path)


def test_an_extract_without_our_features_is_refused(tmp_path):
    path = write_extract(tmp_path / "town.osm.pbf", a_node(1, LAT, LNG, natural="tree"))

    with pytest.raises(UnreadableFile, match="holds no stop, shop"):
        read_extract(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UnreadableFile, match="not there"):
        read_extract(tmp_path / "town.osm.pbf")
