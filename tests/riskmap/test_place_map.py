"""The map of a place is the same on every page: options, words, surroundings, marks."""

import json

import numpy as np
import pytest

from geodata import hexgrid
from riskmap import release, wording
from riskmap.public import map_view, place_map
from tests.installation import COUNTRY
from tests.journal_builder import CELL
from tests.release_builder import a_release, fine_and_coarse_cells


@pytest.fixture
def toy(tmp_path):
    release.write(tmp_path, *a_release())
    return release.read(tmp_path, "toy")


def marks_of(toy, *cells):
    return place_map.marks(toy, cells, wording.in_language("en"))


def test_the_map_asks_for_the_files_of_its_release(toy):
    options = place_map.options(toy, tile_url="/tiles/{z}/{x}/{y}.png")

    assert options.release_url == f"/releases/toy/{toy.release_id}"
    assert (options.has_cells, options.has_areas, options.has_basemap) == (True, True, False)
    assert (options.is_simulated, options.tile_url) == (True, "/tiles/{z}/{x}/{y}.png")


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_class_has_its_word_in_the_language_asked_for(toy, language):
    words = wording.in_language(language)

    state = place_map.state(toy, words)

    assert state.language == language
    assert [state.labels[str(code)] for code in range(1, 6)] == [words.text(f"class.{code}") for code in range(1, 6)]
    assert words.text("map.label", territory=toy.names[language]) == state.labels["map"]


def test_an_area_is_chosen_only_where_no_cell_is(toy):
    words = wording.in_language("kk")

    assert place_map.state(toy, words, area="d1").area == "d1"
    assert place_map.state(toy, words, area="d1", cell=CELL).area is None


def test_a_cell_is_shown_with_room_around_it():
    south, west, north, east = place_map.surroundings(CELL)
    (lat,), (lng,) = hexgrid.centres(np.array([hexgrid.parse_cell(CELL)]))

    assert south < lat < north
    assert west < lng < east
    assert north - south < 0.1
    assert place_map.surroundings(None) is None


def test_requests_of_one_cell_share_a_mark_that_tells_how_many_they_are(toy):
    other = hexgrid.cell_ids(fine_and_coarse_cells())[2]

    first, second = marks_of(toy, CELL, other, CELL)

    assert (first.cell, first.count, first.text) == (CELL, 2, "Requests here: 2")
    assert (second.cell, second.count) == (other, 1)


def test_a_mark_stands_in_the_middle_of_its_cell(toy):
    (mark,) = marks_of(toy, CELL)

    assert hexgrid.cell_at(mark.lat, mark.lng, resolution=9) == CELL


def test_a_cell_inside_a_coarser_published_one_is_marked_there(toy):
    coarse = next(cell for cell in fine_and_coarse_cells() if hexgrid.resolution_of(np.array([cell])) == 8)
    (lat,), (lng,) = hexgrid.centres(np.array([coarse]))
    inside = [hexgrid.cell_at(lat, lng, resolution=resolution) for resolution in (9, 10)]

    (mark,) = marks_of(toy, *inside)

    assert (mark.cell, mark.count) == (f"{int(coarse):x}", 2)


def test_a_cell_no_longer_published_keeps_its_place(toy):
    far = hexgrid.cell_at(48.15, 67.15, resolution=9)

    (mark,) = marks_of(toy, far)

    assert mark.cell == far
    assert hexgrid.cell_at(mark.lat, mark.lng, resolution=9) == far


@pytest.mark.parametrize("text", ["", "no cell", "0", "<script>", "8921538235bfff"])
def test_what_is_no_cell_is_passed_over(toy, text):
    assert [mark.cell for mark in marks_of(toy, text, CELL)] == [CELL]
    assert place_map.shown_cell(toy, text) is None


def test_a_map_of_areas_carries_no_marks(installation, toy):
    country = installation.release(COUNTRY)

    state = place_map.state(country, wording.in_language("ru"), marks=marks_of(toy, CELL))

    assert state.marks == ()
    assert len([key for key in state.labels if key.startswith("step")]) == 5


def test_a_plain_page_gets_the_same_map_as_the_screens(toy):
    options = place_map.options(toy, tile_url=None)
    state = place_map.state(toy, wording.in_language("kk"), cell=CELL, marks=marks_of(toy, CELL))

    told = json.loads(map_view.page_map(options, state))

    page = map_view.territory_map(options).get_root().render()
    assert told["options"]["release_url"] == options.release_url
    assert told["options"]["palettes"]["light"]["mark"] != told["options"]["palettes"]["dark"]["mark"]
    assert told["state"]["marks"][0]["cell"] == CELL
    assert {"minZoom", "maxZoom", "zoomSnap", "zoomControl", "scrollWheelZoom", "center", "zoom"} <= set(
        told["leaflet"]
    )
    for name, value in told["leaflet"].items():
        if name != "center":
            assert f'"{name}": {json.dumps(value)}' in page


def test_what_was_done_has_a_mark_and_words_of_its_own(toy):
    words = wording.in_language("en")
    cell = toy.cell_at(0).cell_id

    (asked,) = place_map.marks(toy, [cell], words)
    (done,) = place_map.marks(toy, [cell], words, kind="done")

    assert (asked.kind, done.kind) == ("open", "done")
    assert done.text == "Done here: 1"
    assert asked.text != done.text


def test_the_legend_names_every_colour_and_says_what_it_rests_on(toy):
    words = wording.in_language("ru")

    legend = place_map.legend(toy, words)

    assert [code for code, _ in legend.entries] == list(range(1, 9))
    assert words.text("legend.note") in legend.notes
    assert words.text("map.simulated") in legend.notes
