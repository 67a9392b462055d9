from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from geodata import division_checks, divisions, region_files
from geodata.division_checks import SLIVER_WIDTH_M, check

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "kz"
WEST, EAST = shapely.box(70.0, 46.0, 70.5, 46.5), shapely.box(70.5, 46.0, 71.0, 46.5)
WHOLE = shapely.box(70.0, 46.0, 71.0, 46.5)


def a_frame(*rows: tuple[str, str, str | None, shapely.Geometry], **names: object) -> gpd.GeoDataFrame:
    """Rows of code, level, parent and shape, named in three languages unless told otherwise."""
    named = {"name_kk": "а", "name_ru": "а", "name_en": "a"} | names
    return gpd.GeoDataFrame(
        [
            {"region_id": code, "level": level, "parent_id": parent, **named, "valid_from": None, "valid_to": None}
            for code, level, parent, _ in rows
        ],
        geometry=[shape for *_, shape in rows],
        crs=4326,
    )


def regions(**shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return a_frame(*((code, "region", None, shape) for code, shape in shapes.items()))


def test_a_clean_division_has_no_findings():
    frame = a_frame(("w", "region", None, WHOLE), ("a", "district", "w", WEST), ("b", "district", "w", EAST))

    found = check(frame)

    assert not found.has_any


def test_overlaps_are_pairs_with_their_area():
    found = check(regions(b=shapely.box(70.4, 46.0, 71.0, 46.5), a=WEST))

    assert [piece.codes for piece in found.overlaps] == [("a", "b")]
    # A tenth of a degree of longitude at 46° north by half a degree of latitude.
    assert found.overlaps[0].area_km2 == pytest.approx(7.73 * 55.6, rel=0.02)
    assert found.slivers == ()


def test_regions_of_different_levels_may_lie_over_one_another():
    found = check(a_frame(("w", "region", None, WHOLE), ("a", "district", "w", WHOLE)))

    assert found.overlaps == ()


def test_a_hole_between_regions_is_a_gap_beside_them():
    hole = shapely.box(70.45, 46.2, 70.55, 46.3)

    found = check(regions(a=shapely.difference(WEST, hole), b=shapely.difference(EAST, hole)))

    assert [piece.codes for piece in found.gaps] == [("a", "b")]
    assert found.gaps[0].area_km2 == pytest.approx(7.73 * 11.1, rel=0.02)
    assert not found.gaps[0].is_sliver


@pytest.mark.parametrize(("metres", "is_sliver"), [(40, True), (70, False)])
def test_an_overlap_narrower_than_the_rule_is_a_sliver(metres, is_sliver):
    degrees = metres / 77_000

    found = check(regions(a=WEST, b=shapely.box(70.5 - degrees, 46.0, 71.0, 46.5)))

    assert SLIVER_WIDTH_M == 50
    assert len(found.overlaps) == 1
    assert [piece.codes for piece in found.slivers] == ([("a", "b")] if is_sliver else [])


def test_a_thin_separate_piece_of_a_region_is_a_sliver():
    shred = shapely.box(70.6, 46.1, 70.6001, 46.4)

    found = check(regions(a=shapely.MultiPolygon([WEST, shred])))

    assert [(piece.codes, piece.width_m < 10) for piece in found.slivers] == [(("a",), True)]


def test_a_part_outside_its_whole_is_told_with_its_share():
    reaching = shapely.box(70.0, 46.0, 70.5, 47.0)

    found = check(a_frame(("w", "region", None, WHOLE), ("a", "district", "w", reaching), ("b", "district", "w", EAST)))

    assert [(share.region_id, share.parent_id) for share in found.outside_parent] == [("a", "w")]
    assert found.outside_parent[0].share == pytest.approx(0.5, abs=0.01)
    assert found.uncovered == ()


def test_a_whole_that_its_parts_leave_bare_is_told():
    found = check(a_frame(("w", "region", None, WHOLE), ("a", "district", "w", WEST)))

    assert [(share.region_id, round(share.share, 3)) for share in found.uncovered] == [("w", 0.5)]


def test_a_parent_may_be_known_from_elsewhere():
    frame = a_frame(("a", "district", "w", WEST), ("b", "district", "x", EAST))

    found = check(frame, known=regions(w=WEST))

    assert found.without_parent == ("b",)
    assert found.outside_parent == ()
    assert check(frame).without_parent == ("a", "b")


def test_missing_names_are_told_by_language():
    found = check(a_frame(("a", "region", None, WEST), name_kk=None, name_en=None))

    assert found.nameless == (("a", ("kk", "en")),)


def test_on_the_real_outlines_the_known_faults_are_found():
    path = SHARED / "kz_oblasts.geojson"
    if not path.is_file():
        pytest.skip("shared data are not here")

    found = check(divisions.classified(region_files.read_file(path, default_zone="Asia/Almaty")).divisions)

    assert found.overlaps[0].codes[0] == "110000000"
    # Its publisher's note says about 15 km².
    assert sum(piece.area_km2 for piece in found.overlaps) == pytest.approx(15.7, abs=0.5)
    assert ("110000000", "710000000") in {piece.codes for piece in found.overlaps}
    assert all(piece.width_m < division_checks.SLIVER_WIDTH_M for piece in found.slivers)
    assert found.nameless == ()
