"""The map in a real browser: what is painted, what a press and the keyboard do, what is never asked for."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from geodata import hexgrid
from riskmap import release
from riskmap.public import map_view

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("map")]

ROOT = Path(__file__).parents[2]
RELEASE_ID = "2026-11-01-0a1b2c3d"
PATIENCE_MS = 20_000
LAT, LNG = 48.0, 67.0
COLOURS_ON_CANVAS = """(pane) => {
  const found = {};
  for (const canvas of document.querySelectorAll(`.leaflet-rm-${pane}-pane canvas`)) {
    // A canvas of a frame that has no height yet has no pixels.
    if (!canvas.height || !canvas.width) continue;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 255) continue;
      const hex = "#" + [data[i], data[i + 1], data[i + 2]].map((v) => v.toString(16).padStart(2, "0")).join("");
      found[hex] = (found[hex] || 0) + 1;
    }
  }
  return found;
}"""


def a_square(south, west, north, east):
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def an_area(area_id, geometry, **properties):
    names = {"name_kk": f"{area_id} ауданы", "name_ru": f"район {area_id}"}
    return {"type": "Feature", "properties": {"area_id": area_id, **names, **properties}, "geometry": geometry}


def write_map(root, name, *, cells=None, classes=None, areas=(), marks=(), **options):
    """A release folder and what the test page is told of it."""
    folder = root / name / RELEASE_ID
    folder.mkdir(parents=True)
    if cells is not None:
        (folder / "cells.bin").write_bytes(release.encode_cells(cells))
        for group, codes in classes.items():
            (folder / f"classes-{group}.bin").write_bytes(codes.astype(np.uint8).tobytes())
    (folder / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": list(areas)}))
    street = {"type": "LineString", "coordinates": [[LNG - 0.05, LAT], [LNG + 0.05, LAT]]}
    streets = [{"type": "Feature", "properties": {"kind": "street"}, "geometry": street}]
    (folder / "basemap.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": streets}))
    told = {"name": name, "release_url": f"/releases/{name}/{RELEASE_ID}", "attribution": "Сынақ", **options}
    later = {"lat": LAT + 0.01, "lng": LNG + 0.01}
    page = {"options": told, "is_steps": cells is None, "marks": list(marks), "marked_later": later}
    (root / f"{name}.json").write_text(json.dumps(page))


def a_mark(lat, lng, count):
    """A mark in the middle of the cell that holds a point."""
    cell = hexgrid.cell_at(lat, lng, resolution=9)
    (lat,), (lng,) = hexgrid.centres(np.array([hexgrid.parse_cell(cell)]))
    return {"lat": float(lat), "lng": float(lng), "cell": cell, "count": count, "text": f"Сұраныс: {count}"}


def _disk(lat, lng):
    return np.unique(hexgrid.disk(hexgrid.assign_cells(np.array([lat]), np.array([lng]), resolution=9), 9)[1])


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """A city of cells 9 whose western half is higher and eastern half lower, rimmed by cells 8; and a country."""
    root = tmp_path_factory.mktemp("releases")
    middle = hexgrid.assign_cells(np.array([LAT]), np.array([LNG]), resolution=9)
    fine = np.unique(hexgrid.disk(middle, 9)[1])
    outer = np.setdiff1d(hexgrid.with_ring(hexgrid.to_parent(fine, 8)), hexgrid.to_parent(fine, 8))
    cells = np.sort(np.concatenate([fine, np.unique(outer)]))
    lng = hexgrid.centres(cells)[1]
    is_coarse = np.isin(cells, outer)
    halves = np.where(is_coarse, 6, np.where(lng < LNG, 4, 2))
    bounds = [LAT - 0.05, LNG - 0.07, LAT + 0.05, LNG + 0.07]
    districts = [an_area("W", a_square(47.9, 66.5, 48.1, 67.0)), an_area("E", a_square(47.9, 67.0, 48.1, 67.5))]
    classes = {"all": halves, "theft": np.full(cells.size, 2)}
    write_map(root, "city", cells=cells, classes=classes, areas=districts, bounds=bounds, is_simulated=True)
    write_map(
        root,
        "marked",
        cells=cells,
        classes=classes,
        areas=districts,
        bounds=bounds,
        marks=[a_mark(LAT, LNG, count=2)],
    )
    far = np.sort(np.concatenate([cells[~is_coarse], _disk(LAT + 3, LNG), _disk(LAT, LNG + 4)]))
    codes = np.where(hexgrid.centres(far)[0] > LAT + 1, 5, np.where(hexgrid.centres(far)[1] > LNG + 1, 7, 2))
    corners = [LAT - 0.1, LNG - 0.1, LAT + 3.1, LNG + 4.1]
    write_map(root, "far", cells=far, classes={"all": codes}, bounds=corners, has_areas=False)
    write_map(root, "roadless", cells=cells, classes=classes, bounds=bounds, areas=districts, has_basemap=False)
    regions = [
        an_area("10", a_square(45, 60, 50, 65), step=1),
        an_area("20", a_square(45, 65, 50, 70), step=5),
        an_area("30", a_square(45, 70, 50, 75)),
    ]
    write_map(root, "country", areas=regions, bounds=[45, 60, 50, 75], has_cells=False, has_basemap=False)
    return root


@pytest.fixture(scope="module")
def address(releases):
    """Address of a server of our own over these releases."""
    if not (ROOT / "riskmap" / "assets" / "vendor" / "leaflet" / "leaflet.js").is_file():
        pytest.skip("browser libraries are not in place; run scripts/place_assets.py")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).parent), "map_server:app"]
    environment = {**os.environ, "RISKMAP_MAP_RELEASES": str(releases), "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen([*command, f"--port={port}", "--log-level=warning"], cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, "the server stopped while starting"
                assert time.monotonic() < deadline, "the server did not answer within a minute"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


class Visit:
    """One open page with its map, and everything it asked for or complained of."""

    def __init__(self, chromium, address, *, name="city", query="", scheme="light", phone=False):
        size = {"width": 360, "height": 740} if phone else {"width": 1366, "height": 768}
        self.context = chromium.new_context(viewport=size, color_scheme=scheme, has_touch=phone, is_mobile=phone)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.outside, self.errors = [], []
        host = urlsplit(address).netloc
        self.page.on("request", lambda r: self._note_request(r.url, host))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.goto(f"{address}/?map={name}{query}")
        self.frame = self.page.frame_locator("iframe")
        self.map = self.frame.locator(".rm-map")
        self.wait_for("ready")
        self.inner = self.page.frames[1]
        self.inner.evaluate("window.isSameMap = true")

    def _note_request(self, url, host):
        if url.startswith(("http", "ws")) and urlsplit(url).netloc != host:
            self.outside.append(url)

    def wait_for(self, phase):
        self.frame.locator(f".rm-map[data-phase={phase}]").wait_for()

    def press(self, right=0, down=0):
        """Press the map, so many pixels from its middle."""
        box = self.map.bounding_box()
        self.page.mouse.click(box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down)

    def button(self, key):
        self.page.locator(f".st-key-{key} button").click()

    def panel(self, text):
        """Text of the page's panel, once it holds the given part."""
        self.page.locator("#panel", has_text=text).wait_for()
        return self.page.inner_text("#panel")

    def said(self, text):
        """The live region, once it says the given part."""
        self.frame.locator(".rm-unseen[aria-live]", has_text=text).wait_for(state="attached")
        return self.frame.locator(".rm-unseen[aria-live]").text_content()

    def colours(self, pane="cells"):
        return self.inner.evaluate(COLOURS_ON_CANVAS, pane)

    def wait_for_marks(self, count):
        self.frame.locator(f".rm-map[data-marks='{count}']").wait_for()
        self.inner.wait_for_function(
            "[...document.querySelectorAll('.leaflet-rm-marks-pane canvas')].some((canvas) => canvas.height > 0)"
        )

    @property
    def is_same_map(self):
        return self.inner.evaluate("window.isSameMap === true")


@pytest.fixture
def visit(chromium, address):
    visits = []

    def open_page(**options):
        visits.append(Visit(chromium, address, **options))
        return visits[-1]

    yield open_page
    for one in visits:
        one.context.close()


def test_cells_have_the_colours_of_their_classes_and_nothing_outside_is_asked(visit):
    opened = visit()

    colours = opened.colours()

    for code in (2, 4, 6):
        assert colours.get(map_view.LIGHT.classes[code - 1], 0) > 500, f"class {code} is not painted"
    for code in (1, 5):
        assert map_view.LIGHT.classes[code - 1] not in colours
    assert opened.outside == []
    assert opened.errors == []


def test_a_dark_theme_has_its_own_colours(visit):
    opened = visit(scheme="dark")

    colours = opened.colours()

    assert colours.get(map_view.DARK.classes[3], 0) > 500
    assert map_view.LIGHT.classes[3] not in colours


def test_a_press_reaches_the_page_with_cell_and_area_and_the_map_is_not_loaded_again(visit):
    opened = visit()

    opened.press(right=-60)
    west = opened.panel("W · 1")
    opened.press(right=60)
    east = opened.panel("E · 2")

    assert west.split()[1] != east.split()[1]
    assert opened.said("Төмен болуы мүмкін") == "E ауданы: Төмен болуы мүмкін"
    assert opened.is_same_map


def test_a_press_beside_the_cells_names_the_area_and_says_it_is_not_covered(visit):
    opened = visit()

    opened.press(right=-250)

    assert "None · W" in opened.panel("None · W")
    assert "Карта қамтымаған" in opened.said("қамтымаған")


def test_a_tap_on_a_phone_chooses_a_cell(visit):
    opened = visit(phone=True)
    opened.map.scroll_into_view_if_needed()
    opened.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 9999)")
    opened.page.wait_for_timeout(300)

    box = opened.map.bounding_box()
    opened.page.touchscreen.tap(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2)

    assert "E · 1" in opened.panel("E · 1")


def test_arrow_keys_walk_from_cell_to_neighbouring_cell_and_enter_chooses(visit):
    opened = visit()
    opened.map.focus()

    opened.page.keyboard.press("ArrowRight")  # the first arrow takes the cell in the middle
    opened.said("ауданы")
    opened.page.keyboard.press("Enter")
    first = opened.panel("· 1").split()[1]
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        opened.page.keyboard.press(key)
    opened.page.keyboard.press("Enter")
    back = opened.panel("· 2").split()[1]
    opened.page.keyboard.press("ArrowUp")
    opened.page.keyboard.press("Enter")
    above = opened.panel("· 3").split()[1]

    assert back == first
    neighbours = hexgrid.cell_ids(hexgrid.with_ring(np.array([hexgrid.parse_cell(first)])))
    assert above in neighbours
    assert above != first


def test_language_and_offence_group_change_without_loading_the_map_again(visit):
    opened = visit()
    assert opened.frame.locator(".leaflet-control-zoom-in").get_attribute("title") == "Жақындату"

    opened.button("ru")
    opened.frame.locator(".leaflet-control-zoom-in[title=Приблизить]").wait_for()
    opened.button("theft")
    opened.page.wait_for_timeout(800)
    colours = opened.colours()

    assert opened.map.get_attribute("aria-label") == "Карта Улгикалы. вымышленные данные (модель)"
    assert map_view.LIGHT.classes[3] not in colours
    assert colours[map_view.LIGHT.classes[1]] > 500
    assert opened.is_same_map


def test_a_group_that_cannot_be_loaded_is_said_and_no_other_groups_colours_stay(visit):
    opened = visit()

    opened.button("lost")
    opened.wait_for("failed")

    assert "Карта деректері жүктелмеді" in opened.frame.locator("[role=alert]").inner_text()
    assert not set(opened.colours()) & set(map_view.LIGHT.classes)


def test_a_cell_named_by_the_page_is_outlined_when_the_map_opens(visit):
    wanted = hexgrid.cell_at(LAT, LNG, resolution=9)

    opened = visit(query=f"&cell={wanted}")

    expect = pytest.importorskip("playwright.sync_api").expect
    # The map is still on its way to the cell: from afar a hexagon is drawn with fewer corners.
    expect(opened.frame.locator("path.rm-chosen")).to_have_attribute("d", re.compile("(L[^L]+){5}"))


def test_marks_are_drawn_in_their_own_colour_in_both_themes(visit):
    for scheme, palette, other in (("light", map_view.LIGHT, map_view.DARK), ("dark", map_view.DARK, map_view.LIGHT)):
        opened = visit(name="marked", scheme=scheme)
        opened.wait_for_marks(1)

        colours = opened.colours("marks")

        assert colours[palette.mark] > 40
        assert colours[palette.halo] > 40
        assert other.mark not in colours
        assert palette.mark not in visit(scheme=scheme).colours("marks")


def test_marks_that_come_later_are_drawn_without_loading_the_map_again(visit):
    opened = visit(name="marked")
    opened.wait_for_marks(1)
    before = opened.colours("marks")[map_view.LIGHT.mark]

    opened.button("more_marks")
    opened.wait_for_marks(2)

    assert opened.colours("marks")[map_view.LIGHT.mark] > 1.5 * before
    assert opened.is_same_map


def test_a_press_on_a_mark_chooses_the_cell_below_it_and_says_what_is_there(visit):
    opened = visit(name="marked")
    opened.wait_for_marks(1)
    wanted = hexgrid.cell_at(LAT, LNG, resolution=9)

    opened.press()
    panel = opened.panel("· 1")

    assert wanted in panel
    assert opened.said("Сұраныс: 2").endswith(". Сұраныс: 2")


def test_a_mark_is_no_element_a_screen_reader_or_the_keyboard_could_meet(visit):
    opened = visit(name="marked")
    opened.wait_for_marks(1)

    pane = opened.frame.locator(".leaflet-rm-marks-pane")

    assert pane.locator("*").evaluate_all("all => all.map((one) => one.tagName)") == ["CANVAS"]
    assert pane.evaluate("one => getComputedStyle(one).pointerEvents") == "none"


def test_simulated_data_are_marked_across_the_picture(visit):
    opened = visit()

    ribbon = opened.frame.locator(".rm-ribbon")

    assert ribbon.is_visible()
    assert "ойдан құрастырылған деректер" in ribbon.inner_text()


def test_a_country_is_coloured_by_step_and_its_regions_can_be_chosen_by_press_and_by_key(visit):
    opened = visit(name="country")

    opened.press()
    pressed = opened.panel("20 · 1")
    pressed_words = opened.said("20 ауданы")
    opened.map.focus()
    opened.page.keyboard.press("ArrowRight")
    words = opened.said("30 ауданы")
    opened.page.keyboard.press("Enter")

    assert "None · 20" in pressed
    assert pressed_words == "20 ауданы: ең жоғары бестік"
    assert words == "30 ауданы: дерек жоқ"
    assert "None · 30 · 2" in opened.panel("30 · 2")
    assert opened.errors == []


def test_the_page_with_the_map_has_no_serious_accessibility_finding(visit):
    axe = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("axe-core is not in place; run scripts/place_assets.py")
    opened = visit()

    opened.page.add_script_tag(path=str(axe))
    opened.inner.add_script_tag(path=str(axe))
    found = opened.inner.evaluate("axe.run(document).then((r) => r.violations.map((v) => [v.impact, v.id]))")

    assert [one for one in found if one[0] in ("serious", "critical")] == []
