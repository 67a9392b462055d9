"""Where a request may stand."""

import pytest

from geodata import hexgrid
from riskmap import release
from riskmap.council import places
from riskmap.errors import OutsideCouncil
from tests.release_builder import a_release


@pytest.fixture
def toy(tmp_path):
    manifest, files = a_release()
    release_id, _ = release.write(tmp_path, manifest, files)
    return release.read(tmp_path, "toy", release_id)


def test_a_cell_of_the_map_is_a_place_with_its_district_and_what_the_map_says(toy):
    cell_id = f"{int(toy.cells[1]):x}"
    shown = toy.find(cell_id)

    place = places.locate(toy, cell_id)

    assert (place.cell_id, place.area_id, place.region_id) == (cell_id, shown.area.area_id, f"toy/{shown.area.area_id}")
    assert (place.territory, place.release_id) == ("toy", toy.release_id)
    assert place.risk_class == int(shown.classes["all"])


def test_a_finer_cell_is_published_as_the_one_that_holds_it(toy):
    coarse = next(
        f"{int(cell):x}" for cell in toy.cells if hexgrid.parents_of(f"{int(cell):x}", [8]) == [f"{int(cell):x}"]
    )
    inside = hexgrid.cell_at(*hexgrid.centre(coarse), resolution=10)

    assert places.locate(toy, inside).cell_id == coarse


@pytest.mark.parametrize("cell_id", ["8928308280fffff", "", "zzz", "💥", "0", "-1", "ffffffffffffffff", "1" * 400])
def test_a_place_outside_the_councils_region_is_refused_in_words(toy, cell_id):
    with pytest.raises(OutsideCouncil, match=r"lies outside toy|is no place"):
        places.locate(toy, cell_id)


def test_a_place_in_no_district_belongs_to_the_whole_territory(toy):
    assert places.region_of(toy, toy.whole) == "toy"
