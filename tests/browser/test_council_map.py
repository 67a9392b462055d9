"""The map of the council's plain pages in a real browser, under their own strict content policy."""

import re

import pytest

from riskmap import journal, wording
from riskmap.public import map_view
from tests.browser import visits
from tests.browser.visits import DESKTOP, NARROW, PHONE, Visit
from tests.installation import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

LIST = f"/council/{CITY}"
PLACE_OF_CELL = """([lat, lng]) => {
  const box = document.querySelector(".rm-map").getBoundingClientRect();
  const {x, y} = window.riskmapTestMap.latLngToContainerPoint([lat, lng]);
  return [box.left + x, box.top + y];
}"""
KEEP_THE_MAP = """
  let given;
  Object.defineProperty(window, "riskmapH3Canvas", {
    configurable: true,
    get: () => given && ((map, options) => given(window.riskmapTestMap = map, options)),
    set: (own) => { given = own; },
  });
"""
"""Remembers the Leaflet map, so that a test can ask where on the screen a place lies."""


@pytest.fixture(scope="module")
def site(installation):
    with visits.served(installation.data) as address:
        yield address


@pytest.fixture
def visit(chromium, site):
    opened = []

    def go(size=DESKTOP, *, path=LIST, **address):
        one = Visit(chromium, site, size, path="/council", lang="en")
        opened.append(one)
        one.context.add_init_script(KEEP_THE_MAP)
        one.page.goto(site + path + "?" + "&".join(f"{name}={value}" for name, value in address.items()))
        one.page.locator(".rm-map[data-phase=ready]").wait_for()
        return one

    yield go
    for one in opened:
        one.context.close()
    assert [one.troubles for one in opened] == [([], [], [])] * len(opened)


@pytest.fixture
def published(installation):
    return journal.latest(installation.data / "journals", CITY)


def mark_of(opened, cell):
    state = opened.page.evaluate("JSON.parse(document.getElementById('council-map').dataset.map).state")
    return next(mark for mark in state["marks"] if mark["cell"] == cell)


def place_of(opened, lat, lng):
    opened.page.locator(".rm-map").scroll_into_view_if_needed()
    return opened.page.evaluate(PLACE_OF_CELL, [lat, lng])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_press_on_a_marked_hexagon_leaves_its_requests_in_the_list(visit, published, size):
    asked = next(request for request in published.requests if request.is_open)
    opened = visit(size, lang="ru")
    mark = mark_of(opened, asked.cell_id)
    x, y = place_of(opened, mark["lat"], mark["lng"])

    if size == PHONE:
        opened.page.touchscreen.tap(x, y)
    else:
        opened.page.mouse.click(x, y)
    opened.page.wait_for_url(re.compile(f"cell={asked.cell_id}"))

    assert opened.query == {"lang": "ru", "cell": asked.cell_id}
    assert opened.page.locator(".rm-card").count() == mark["count"]
    opened.page.get_by_role("link", name=wording.in_language("ru").text("council.list.show_all")).click()
    opened.page.wait_for_url(re.compile(r"/council/\w+\?lang=ru$"))


def test_another_hexagon_is_said_in_words_and_can_be_asked_for(visit, installation, published):
    opened = visit(lang="en")
    city = installation.release()
    marked = {request.cell_id for request in published.requests}

    opened.page.locator(".rm-map").focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        opened.page.keyboard.press(key)
    go = opened.page.locator("#pick-go")
    go.wait_for()
    said = opened.page.locator("#pick-said").inner_text()

    (cell,) = re.fullmatch(rf"/casework/{CITY}/new\?lang=en&cell=([0-9a-f]{{15}})", go.get_attribute("href")).groups()
    chosen = city.find(cell)
    assert cell not in marked
    assert said.startswith(chosen.area.names["en"])
    assert opened.page.locator("#pick-said").get_attribute("aria-live") == "polite"


def test_the_map_is_drawn_in_the_colours_of_the_theme(visit):
    opened = visit(lang="kk")

    colours = opened.page.evaluate(
        """() => [...document.querySelectorAll(".leaflet-rm-marks-pane canvas")].flatMap((canvas) => {
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const found = new Set();
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] === 255) found.add([data[i], data[i + 1], data[i + 2]].join());
          }
          return [...found];
        })"""
    )

    mark = map_view.LIGHT.mark
    assert ",".join(str(int(mark[i : i + 2], 16)) for i in (1, 3, 5)) in colours


@pytest.mark.parametrize("path", ["/council", LIST, f"{LIST}/2"])
def test_without_scripts_every_page_can_be_read_and_says_what_the_map_needs(chromium, site, path):
    context = chromium.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{site}{path}?lang=ru")

        assert page.locator("h1").is_visible()
        assert page.locator("main a[href*='/council/']").count() > 0
        if path != "/council":
            assert wording.in_language("ru").text("council.map.no_script") in page.inner_text("main")
            assert not page.locator("#council-map").is_visible()
    finally:
        context.close()


@pytest.mark.parametrize("path", [LIST, f"{LIST}/2", f"{LIST}/13"])
def test_long_words_of_narrow_phones_and_zoomed_pages_stay_on_the_page(visit, path):
    opened = visit(NARROW, path=path, lang="kk")

    assert opened.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert opened.page.locator(".rm-map").bounding_box()["width"] <= NARROW[0]
