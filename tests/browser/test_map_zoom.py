"""What the map shows from afar and from near: hexagons drawn as one, and colour on roads instead of houses."""

import pytest

from riskmap.public import map_view
from tests.browser.test_map_layer import Visit, address, releases  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("map")]

PAINTED = """() => {
  let [painted, all] = [0, 0];
  for (const canvas of document.querySelectorAll(".leaflet-rm-cells-pane canvas")) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    all += data.length / 4;
    for (let i = 3; i < data.length; i += 4) painted += data[i] > 250;
  }
  return painted / all;
}"""


@pytest.fixture
def visit(chromium, address):  # noqa: F811
    visits = []

    def open_page(**options):
        visits.append(Visit(chromium, address, **options))
        return visits[-1]

    yield open_page
    for one in visits:
        assert one.errors == []
        one.context.close()


def zoom_in(opened, steps):
    opened.map.focus()
    for _ in range(steps):
        opened.page.keyboard.press("+")
        opened.page.wait_for_timeout(450)
    opened.page.wait_for_timeout(400)


def test_from_afar_hexagons_are_drawn_as_one_in_their_middle_class_and_said_so(visit):
    opened = visit(name="far")
    opened.page.wait_for_timeout(500)

    colours = opened.colours()
    opened.map.focus()
    opened.page.keyboard.press("ArrowRight")
    said = opened.said("Бір болып салынғаны")

    assert colours.get(map_view.LIGHT.classes[1], 0) > 5
    assert int(said.rpartition(": ")[2]) > 7


def test_what_is_drawn_as_one_is_shown_nearer_before_anything_is_chosen(visit):
    opened = visit(name="far")
    opened.map.focus()
    opened.page.keyboard.press("ArrowRight")
    opened.said("Бір болып салынғаны")

    opened.page.keyboard.press("Enter")
    told = opened.said("Жақындатылды")
    opened.page.wait_for_timeout(800)
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("Enter")

    assert "Бір болып салынғаны" in told
    assert opened.panel("· 1").split()[1] != "None"


def test_near_the_colour_lies_on_roads_alone(visit):
    opened = visit(name="city")

    zoom_in(opened, 4)

    share = opened.inner.evaluate(PAINTED)
    assert 0 < share < 0.1
    assert {map_view.LIGHT.classes[1], map_view.LIGHT.classes[3]} & set(opened.colours())


def test_without_roads_the_fill_ends_before_houses_and_the_edge_keeps_the_colour(visit):
    opened = visit(name="roadless")
    zoom_in(opened, 4)
    filled = opened.inner.evaluate(PAINTED)

    zoom_in(opened, 2)

    share = opened.inner.evaluate(PAINTED)
    assert filled > 0.9
    assert 0 < share < 0.5


def test_layers_are_hidden_and_shown_by_keyboard_and_said_without_loading_the_map_again(visit):
    opened = visit(name="marked")
    display = "getComputedStyle(document.querySelector('.leaflet-rm-marks-pane')).display"
    opened.frame.locator(".rm-layers summary").focus()

    opened.page.keyboard.press("Enter")
    opened.frame.locator(".rm-layers input").last.focus()
    opened.page.keyboard.press("Space")
    told = opened.said("алынды")
    hidden = opened.inner.evaluate(display)
    opened.page.keyboard.press("Space")
    opened.said("көрсетілді")

    assert told == "Сұраныстар: алынды"
    assert hidden == "none"
    assert opened.inner.evaluate(display) == "block"
    assert opened.is_same_map
