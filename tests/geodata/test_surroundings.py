"""Features of cells: counts and lengths that add up, distances that are sure, and unknown that is not nought."""

import json
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geodata import hexgrid, surroundings
from geodata.errors import InvalidSurroundings, UnreadableFile
from geodata.surroundings import Known, SurroundingSource
from tests.made_up_town import LAT, LNG, town_cells

WIDE = shapely.box(LNG - 0.2, LAT - 0.2, LNG + 0.2, LAT + 0.2)
EAST = shapely.box(LNG, LAT - 0.2, LNG + 0.2, LAT + 0.2)
SOURCE = SurroundingSource(source_id="s", source="made up", dated=date(2026, 1, 1), licence=None, coverage="box")

offsets = st.floats(min_value=-0.012, max_value=0.012)
points = st.lists(st.tuples(offsets, offsets), min_size=1, max_size=40)


def known(coverage=WIDE):
    return Known.within(town_cells(), coverage)


def at(pairs) -> tuple[np.ndarray, np.ndarray]:
    pairs = list(pairs)
    return np.array([LAT + a for a, _ in pairs]), np.array([LNG + b for _, b in pairs])


def values(frame: pl.DataFrame, measure: str) -> dict[int, float]:
    return dict(frame.filter(measure=measure).select("cell", "value").iter_rows())


@given(points)
def test_counts_sum_to_the_places_that_lie_in_known_cells(pairs):
    lat, lng = at(pairs)

    found = surroundings.of_places(known(), lat, lng, feature="stop", source_id="s")

    cells = hexgrid.assign_cells(lat, lng, resolution=9)
    assert sum(values(found, "count").values()) == np.isin(cells, town_cells()).sum()
    assert len(values(found, "count")) == town_cells().size


@given(points, st.randoms())
def test_the_order_of_places_changes_nothing(pairs, rng):
    shuffled = rng.sample(pairs, len(pairs))

    first, second = (
        surroundings.of_places(known(), *at(given), feature="stop", source_id="s") for given in (pairs, shuffled)
    )

    assert first.equals(second)


@given(points)
def test_a_distance_is_that_to_the_nearest_place(pairs):
    lat, lng = at(pairs)

    found = values(surroundings.of_places(known(), lat, lng, feature="stop", source_id="s"), "distance_m")

    cell, value = next(iter(found.items()))
    own = hexgrid.centre(f"{cell:x}")
    nearest = min(hexgrid.distance_m(own, place) for place in zip(lat, lng, strict=True))
    assert value == pytest.approx(nearest, abs=0.5)
    assert len(found) == town_cells().size


def test_outside_the_coverage_a_cell_has_no_row_and_inside_it_has_nought():
    lat, lng = at([(0.0, 0.001)])

    found = surroundings.of_places(known(EAST), lat, lng, feature="stop", source_id="s")

    counts = values(found, "count")
    middles = dict(zip(town_cells().tolist(), hexgrid.centres(town_cells())[1], strict=True))
    assert set(counts) == {cell for cell, middle in middles.items() if middle > LNG}
    assert sorted(set(counts.values())) == [0.0, 1.0]


def test_no_distance_is_told_where_something_nearer_could_lie_beyond_the_edge():
    lat, lng = at([(0.0, 0.010)])

    found = surroundings.of_places(known(EAST), lat, lng, feature="stop", source_id="s")

    distances = values(found, "distance_m")
    to_edge = {
        int(cell): hexgrid.distance_m((y, x), (y, LNG))
        for cell, y, x in zip(town_cells(), *hexgrid.centres(town_cells()), strict=True)
    }
    assert 0 < len(distances) < len(values(found, "count"))
    assert all(value <= to_edge[cell] + 30 for cell, value in distances.items())


def test_a_feature_that_was_looked_for_and_not_found_has_counts_but_no_distance():
    found = surroundings.of_places(known(), *at([]), feature="camera", source_id="s")

    assert set(values(found, "count").values()) == {0.0}
    assert values(found, "distance_m") == {}


@given(st.lists(st.tuples(offsets, offsets), min_size=2, max_size=12))
def test_metres_of_road_sum_to_the_length_of_the_road(pairs):
    lat, lng = at((a / 4, b / 4) for a, b in pairs)
    line = np.array([shapely.LineString(np.column_stack([lng, lat]))])

    found = surroundings.of_roads(known(), line, feature="road_main", source_id="s")

    ends = list(zip(lat, lng, strict=True))
    length = sum(hexgrid.distance_m(a, b) for a, b in pairwise(ends))
    assert sum(values(found, "length_m").values()) == pytest.approx(length, abs=0.05 * town_cells().size + 0.01)


def test_a_road_through_several_cells_has_metres_in_each():
    line = np.array([shapely.LineString([(LNG - 0.008, LAT), (LNG + 0.008, LAT)])])

    metres = values(surroundings.of_roads(known(), line, feature="road_main", source_id="s"), "length_m")

    crossed = hexgrid.assign_cells(np.full(400, LAT), np.linspace(LNG - 0.008, LNG + 0.008, 400), resolution=9)
    touched = {cell for cell, value in metres.items() if value > 0}
    assert touched <= set(crossed.tolist())
    assert len(touched) >= 4


def test_many_roads_are_cut_in_portions_without_losing_any(monkeypatch):
    rng = np.random.default_rng(3)
    starts = rng.uniform(-0.004, 0.004, (60, 2))
    lines = np.array([shapely.LineString([(LNG + a, LAT + b), (LNG - b, LAT + a)]) for a, b in starts])
    whole = surroundings.of_roads(known(), lines, feature="road_local", source_id="s")

    monkeypatch.setattr(surroundings, "ROADS_AT_ONCE", 7)
    monkeypatch.setattr(surroundings, "PIECES_AT_ONCE", 11)
    portions = surroundings.of_roads(known(), lines, feature="road_local", source_id="s")

    assert portions["value"].to_list() == pytest.approx(whole["value"].to_list(), abs=0.11)
    assert whole["value"].sum() > 0


def test_accidents_are_counted_with_the_people_who_came_to_harm():
    lat, lng = at([(0.0, 0.0), (0.0, 0.0), (0.004, 0.004)])

    found = surroundings.of_accidents(known(), lat, lng, np.array([2, 1, 5]), feature="accident", source_id="s")

    assert sorted(value for value in values(found, "count").values() if value) == [1.0, 2.0]
    assert sorted(value for value in values(found, "casualties").values() if value) == [3.0, 5.0]
    assert len(values(found, "casualties")) == town_cells().size


def test_a_coverage_that_reaches_no_cell_is_refused():
    with pytest.raises(InvalidSurroundings, match=r"none of the territory's 127 cells"):
        known(shapely.box(10, 10, 11, 11))


def test_each_feature_has_a_row_of_its_source_with_unit_and_cells():
    found = surroundings.of_places(known(), *at([(0.0, 0.0)]), feature="stop", source_id="s")

    rows = surroundings.sources_of(found, SOURCE, {"stop": 1}).to_dicts()

    assert [(row["measure"], row["unit"], row["cells"], row["objects"]) for row in rows] == [
        ("count", "number in the cell", 127, 1),
        ("distance_m", "m", 127, 1),
    ]
    assert {row["dated"] for row in rows} == {date(2026, 1, 1)}


@pytest.mark.parametrize("kind", ["collection", "feature", "geometry"])
def test_an_area_is_read_from_any_form_of_geojson(tmp_path, kind):
    geometry = shapely.geometry.mapping(EAST)
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    forms = {
        "collection": {"type": "FeatureCollection", "features": [feature]},
        "feature": feature,
        "geometry": geometry,
    }
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps(forms[kind]), encoding="utf-8")

    assert surroundings.read_area(path).equals(EAST)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"type": "FeatureCollection", "features": []}',
        '{"type": "Point", "coordinates": [1, 2]}',
        '{"type": "Polygon", "coordinates": [[[5000, 0], [9000, 0], [9000, 4000], [5000, 0]]]}',
        '{"type": "Polygon", "coordinates": [[["a", 0], [1, 0], [1, 1], ["a", 0]]]}',
        '{"type": "Polygon", "coordinates": "here"}',
    ],
)
def test_a_file_that_encloses_no_area_is_refused(tmp_path, content):
    path = tmp_path / "area.geojson"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(UnreadableFile, match=r"area\.geojson .*expected one or more polygons"):
        surroundings.read_area(path)
