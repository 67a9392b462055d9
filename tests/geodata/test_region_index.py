from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata import hexgrid, region_index, regions
from geodata.errors import InvalidRegions
from geodata.region_index import RegionIndex

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "kz"
WEST, EAST = shapely.box(70.0, 46.0, 70.5, 46.5), shapely.box(70.5, 46.0, 71.0, 46.5)
METRE = 1 / 111_195


def a_frame(**shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"region_id": list(shapes)}, geometry=list(shapes.values()), crs=4326)


@contextmanager
def table_from(points: int, *, boxes: int = region_index.TABLE_BOXES):
    """A new index builds its table for so many points, of about so many boxes, and cuts them up early."""
    region_index._index.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region_index, "WORTH_A_TABLE", points)
        patch.setattr(region_index, "TABLE_BOXES", boxes)
        patch.setattr(region_index, "WORTH_A_CUT", 3)
        yield
    region_index._index.cache_clear()


@pytest.fixture(params=["with a table", "without"])
def _either_way(request):
    with table_from(0 if request.param == "with a table" else 10**12, boxes=4_000):
        yield


def found(frame, lat, lng, **options):
    return RegionIndex.of(frame, **options).region_of(np.array(lat, float), np.array(lng, float)).to_list()


def slowly(frame: gpd.GeoDataFrame, lat: np.ndarray, lng: np.ndarray, *, nearest_within_m: float) -> list[str | None]:
    """The rule itself: the lowest code that holds the point, else that of the nearest region."""
    ordered = frame.sort_values("region_id")
    held = regions.region_of_points(lat, lng, frame).to_list()
    for i in np.flatnonzero([code is None for code in held]):
        scale = 111_195.0 * np.array([np.cos(np.radians(np.floor(lat[i]) + 0.5)), 1.0])
        plane = [shapely.transform(shape, lambda xy, scale=scale: xy * scale) for shape in ordered.geometry]
        metres = shapely.distance(shapely.Point(*(np.array([lng[i], lat[i]]) * scale)), plane)
        if 0 < nearest_within_m >= metres.min():
            held[i] = ordered["region_id"].iloc[int(np.argmin(metres))]
    return held


@st.composite
def outlines(draw):
    """Overlapping, touching and separate regions of one or two pieces, some with a hole."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def star(centre: np.ndarray, reach: float, corners: int) -> shapely.Geometry:
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.uniform(0.3, 1.0, corners) * reach
        ring = centre + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
        return shapely.make_valid(shapely.Polygon(ring)).buffer(0)

    shapes = []
    for _ in range(draw(st.integers(1, 5))):
        centre = rng.uniform([69.0, 45.0], [72.0, 48.0])
        shape = star(centre, rng.uniform(0.05, 1.5), draw(st.integers(4, 30)))
        if draw(st.booleans()):
            shape = shapely.difference(shape, shapely.box(*(centre - 0.05), *(centre + 0.05)))
        if draw(st.booleans()):
            shape = shapely.union(shape, shapely.box(*np.round(centre + 0.5, 1), *np.round(centre + 0.9, 1)))
        if shape.area > 0 and shape.geom_type in {"Polygon", "MultiPolygon"}:
            shapes.append(shape)
    shapes = shapes or [WEST]
    codes = [f"{code:03}" for code in rng.permutation(100)[: len(shapes)]]
    corners = shapely.get_coordinates(shapes)
    middles = (corners[:-1] + corners[1:]) / 2
    beside = corners + rng.normal(0, 0.003, corners.shape)
    points = np.vstack([corners, middles, beside, rng.uniform([67.0, 43.0], [74.0, 50.0], (200, 2))])
    return gpd.GeoDataFrame({"region_id": codes}, geometry=shapes, crs=4326), points[:, 1], points[:, 0]


@given(outlines(), st.sampled_from([0.0, 40.0, 500.0, 20_000.0]))
@settings(max_examples=60, deadline=None)
def test_the_table_says_of_every_point_what_the_rule_says(made, nearest_within_m):
    frame, lat, lng = made

    with table_from(0, boxes=2_000):
        answer = found(frame, lat, lng, nearest_within_m=nearest_within_m)

    assert answer == slowly(frame, lat, lng, nearest_within_m=nearest_within_m)


@given(outlines())
@settings(max_examples=30, deadline=None)
def test_few_points_get_the_same_answer_without_a_table(made):
    frame, lat, lng = made

    with table_from(10**12):
        answer = found(frame, lat, lng)

    assert answer == slowly(frame, lat, lng, nearest_within_m=regions.NEAREST_WITHIN_M)


@given(outlines(), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_regions_does_not_matter(made, chance):
    frame, lat, lng = made
    order = list(range(len(frame)))
    chance.shuffle(order)

    with table_from(0, boxes=2_000):
        answers = [found(rows, lat, lng) for rows in (frame, frame.iloc[order])]

    assert answers[0] == answers[1]


@pytest.mark.usefixtures("_either_way")
def test_a_point_on_a_shared_border_belongs_to_the_lowest_code():
    lat, lng = [46.2, 46.0, 46.5], [70.5, 70.5, 70.5]

    assert found(a_frame(a=WEST, b=EAST), lat, lng) == ["a"] * 3
    assert found(a_frame(b=WEST, a=EAST), lat, lng) == ["a"] * 3


@pytest.mark.usefixtures("_either_way")
def test_where_regions_overlap_the_lowest_code_wins():
    inner = shapely.box(70.2, 46.2, 70.3, 46.3)

    assert found(a_frame(a=inner, b=WEST), [46.25, 46.1], [70.25, 70.1]) == ["a", "b"]
    assert found(a_frame(b=inner, a=WEST), [46.25, 46.1], [70.25, 70.1]) == ["a", "a"]


@pytest.mark.usefixtures("_either_way")
def test_a_point_in_a_hole_is_outside_unless_another_region_fills_it():
    hole = shapely.box(70.2, 46.2, 70.3, 46.3)
    ring = shapely.difference(WEST, hole)

    assert found(a_frame(a=ring), [46.25], [70.25]) == [None]
    assert found(a_frame(a=ring, b=hole), [46.25], [70.25]) == ["b"]


@pytest.mark.usefixtures("_either_way")
def test_a_point_outside_all_belongs_to_the_nearest_region_within_the_distance():
    lat = [46.2, 46.2, 46.5 + 400 * METRE, 46.5 + 600 * METRE]
    lng = [70.0 - 0.001, 69.0, 70.9, 70.9]

    assert found(a_frame(a=WEST, b=EAST), lat, lng) == ["a", None, "b", None]
    assert found(a_frame(a=WEST, b=EAST), lat, lng, nearest_within_m=0) == [None] * 4
    assert found(a_frame(a=WEST, b=EAST), lat, lng, nearest_within_m=700) == ["a", None, "b", "b"]


@pytest.mark.usefixtures("_either_way")
def test_equally_near_regions_leave_the_point_to_the_lowest_code():
    frame = a_frame(b=shapely.box(70.0, 46.0, 70.25, 46.5), a=shapely.box(70.2578125, 46.0, 70.5, 46.5))

    assert found(frame, [46.25], [70.25390625]) == ["a"]


@pytest.mark.usefixtures("_either_way")
def test_nearness_counts_metres_along_the_ground_not_degrees():
    # At 60° north a degree of longitude is half as long as one of latitude.
    frame = a_frame(a=shapely.box(70.0, 60.0, 70.5, 60.5), b=shapely.box(70.507, 60.505, 70.6, 60.6))

    assert found(frame, [60.505], [70.507 - 450 * METRE / np.cos(np.radians(60.5))]) == ["b"]
    assert found(frame, [60.2], [70.5 + 700 * METRE]) == ["a"]


@pytest.mark.usefixtures("_either_way")
def test_points_without_coordinates_and_far_away_have_no_region():
    lat = [np.nan, 46.2, np.inf, -np.inf, 46.2, 1e300, -90.0]
    lng = [70.2, np.nan, 70.2, 70.2, np.inf, 70.2, -180.0]

    assert found(a_frame(a=WEST), lat, lng) == [None] * 7


def test_no_points_have_no_regions():
    assert found(a_frame(a=WEST), [], []) == []


def test_the_table_comes_once_enough_points_have_been_asked_for():
    with table_from(100, boxes=2_000):
        index = RegionIndex.of(a_frame(a=WEST))
        few = index.region_of(np.full(60, 46.2), np.full(60, 70.2))
        had_a_table = index.has_table
        more = index.region_of(np.full(60, 46.2), np.full(60, 70.2))

    assert (had_a_table, index.has_table) == (False, True)
    assert few.to_list() == more.to_list() == ["a"] * 60


def test_cutting_boxes_up_again_and_again_changes_no_answer():
    coast = shapely.Point(70.2, 46.2).buffer(0.15, quad_segs=64)
    rng = np.random.default_rng(7)
    on_it = shapely.get_coordinates(coast)[rng.integers(0, 256, 4_000)]
    lng, lat = (on_it + rng.normal(0, 0.0005, on_it.shape)).T
    frame = a_frame(a=coast, b=WEST)

    with table_from(0, boxes=2_000):
        index = RegionIndex.of(frame)
        answers = [index.region_of(lat, lng).to_list() for _ in range(3)]

    assert answers == [regions.region_of_points(lat, lng, frame).to_list()] * 3
    assert {"a", "b"} == set(answers[0])


def test_equal_outlines_share_one_index_and_other_distances_do_not():
    frame = a_frame(a=WEST, b=EAST)

    assert RegionIndex.of(frame) is RegionIndex.of(frame.iloc[::-1].copy())
    assert RegionIndex.of(frame) is not RegionIndex.of(frame, nearest_within_m=10)
    assert RegionIndex.of(frame) is not RegionIndex.of(a_frame(a=WEST))


@pytest.mark.parametrize("codes", [["a", "a"], ["a", None], []])
def test_regions_without_one_code_each_are_refused(codes):
    frame = gpd.GeoDataFrame({"region_id": codes}, geometry=[WEST, EAST][: len(codes)], crs=4326)

    with pytest.raises(InvalidRegions, match="one code each"):
        RegionIndex.of(frame)


@pytest.mark.parametrize("metres", [-1.0, np.nan, np.inf])
def test_a_distance_that_is_none_is_refused(metres):
    with pytest.raises(InvalidRegions, match="expected 0 or more"):
        RegionIndex.of(a_frame(a=WEST), nearest_within_m=metres)


@pytest.mark.parametrize("file", ["kz_oblasts.geojson", "city_districts_almaty_astana.geojson"])
def test_on_real_outlines_nothing_differs_from_the_exact_test(file):
    if not (SHARED / file).is_file():
        pytest.skip("shared data are not here")
    frame = regions.read_regions(SHARED / file, default_zone="Asia/Almaty")
    rng = np.random.default_rng(20)
    west, south, east, north = frame.total_bounds
    corners = shapely.get_coordinates(frame.geometry.to_numpy())
    middles = (corners[:-1] + corners[1:]) / 2
    beside = np.repeat(corners, 3, axis=0) + rng.normal(0, 0.002, (3 * len(corners), 2))
    anywhere = rng.uniform([west - 0.1, south - 0.1], [east + 0.1, north + 0.1], (60_000, 2))
    lng, lat = np.vstack([corners, middles, beside, anywhere]).T

    with table_from(0):
        answer = RegionIndex.of(frame, nearest_within_m=0).region_of(lat, lng)

    assert answer.equals(regions.region_of_points(lat, lng, frame), null_equal=True)


def test_a_cell_and_the_point_at_its_centre_have_the_same_region():
    frame = a_frame(a=WEST, b=EAST)
    cells = hexgrid.cells_within(shapely.box(69.98, 45.98, 71.02, 46.52), 7)
    lat, lng = hexgrid.centres(cells)

    with table_from(0, boxes=2_000):
        answer = RegionIndex.of(frame).region_of(lat, lng)

    assert answer.to_list() == regions.region_of_cells(cells, frame).to_list()
    assert 0 < answer.null_count() < cells.size
