"""Public objects and the base map of an operator, in a real browser."""

import json

import numpy as np
import pytest

from geodata import hexgrid
from riskmap.public import base_map, map_view
from tests.browser.test_map_layer import LAT, LNG, RELEASE_ID, Visit, address, write_map  # noqa: F401 - fixture
from tests.pmtiles_builder import LINE, POLYGON, place_in_tile, write_pmtiles

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("map")]

PIXELS = """(pane) => {
  let painted = 0;
  for (const canvas of document.querySelectorAll(`.leaflet-rm-${pane}-pane canvas`)) {
    if (!canvas.width) continue;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 3; i < data.length; i += 4) painted += data[i] > 0;
  }
  return painted;
}"""
ZOOM = 8


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """A town with cameras and a base map, and one whose objects and base map are broken."""
    root = tmp_path_factory.mktemp("releases")
    cells = np.unique(hexgrid.disk(hexgrid.assign_cells(np.array([LAT]), np.array([LNG]), resolution=9), 9)[1])

    def at(lat, lng):
        return place_in_tile(lat, lng, ZOOM)

    file = write_pmtiles(
        root / "base.pmtiles",
        {
            "roads": [(LINE, [at(LAT, LNG - 0.2), at(LAT, LNG + 0.2)], {"kind": "highway"})],
            "water": [
                (
                    POLYGON,
                    [at(LAT + dy, LNG + dx) for dy, dx in ((0.03, -0.2), (0.03, 0.2), (0.02, 0.2), (0.02, -0.2))],
                    {"kind": "lake"},
                )
            ],
        },
        lat=LAT,
        lng=LNG,
        zoom=ZOOM,
    )
    told = base_map.opened(None, file, None).file
    base = {name: getattr(told, name) for name in ("url", "script", "min_zoom", "max_zoom", "bounds")}
    for name, address_of in (("town", told.url), ("broken", "/nothing.pmtiles")):
        write_map(
            root,
            name,
            cells=cells,
            classes={"all": np.full(cells.size, 2)},
            bounds=[LAT - 0.02, LNG - 0.03, LAT + 0.02, LNG + 0.03],
            has_areas=False,
            objects=[["camera", 3]],
            base_file={**base, "url": address_of},
            base_attribution="Made <up>",
        )
    places = {"type": "MultiPoint", "coordinates": [[LNG, LAT], [LNG + 0.005, LAT], [LNG, LAT + 0.005]]}
    cameras = {"type": "Feature", "properties": {"kind": "camera", "region_id": "W", "count": 3}, "geometry": places}
    folder = root / "town" / RELEASE_ID
    (folder / "objects.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [cameras]}))
    return root


@pytest.fixture
def visit(chromium, address):  # noqa: F811
    visits = []

    def open_page(**options):
        visits.append(Visit(chromium, address, **options))
        return visits[-1]

    yield open_page
    for one in visits:
        one.context.close()


def asked(opened, name):
    return opened.inner.evaluate(
        "(name) => performance.getEntriesByName(name).length || performance.getEntries()"
        ".filter((one) => one.name.includes(name)).length",
        name,
    )


def test_objects_are_asked_for_and_drawn_once_switched_on_by_keyboard_and_gone_when_switched_off(visit):
    opened = visit(name="town")
    before = asked(opened, "objects.geojson")
    opened.frame.locator(".rm-layers summary").focus()
    opened.page.keyboard.press("Enter")
    box = opened.frame.locator("input[data-kind=camera]")

    box.focus()
    opened.page.keyboard.press("Space")
    said = opened.said("көрсетілді")
    opened.inner.wait_for_function(f"({PIXELS})('objects') > 100")
    drawn = opened.colours("objects")
    opened.page.keyboard.press("Space")
    opened.said("алынды")

    assert (before, asked(opened, "objects.geojson")) == (0, 1)
    assert said.startswith("Камералар: 3")
    assert drawn.get(map_view.LIGHT.selection, 0) > 50
    assert opened.inner.evaluate(PIXELS, "objects") == 0
    assert opened.errors == []


def test_a_base_map_is_drawn_under_and_over_the_hexagons_and_names_its_makers(visit):
    opened = visit(name="town")

    opened.inner.wait_for_function(f"({PIXELS})('baseground') > 100 && ({PIXELS})('baselines') > 100")

    assert map_view.LIGHT.water in opened.colours("baseground")
    assert opened.frame.locator(".leaflet-control-attribution", has_text="Made <up>").count() == 1
    assert opened.outside == []
    assert opened.errors == []


def test_a_base_map_or_objects_that_do_not_load_leave_the_map_readable(visit):
    opened = visit(name="broken")
    opened.frame.locator(".rm-layers summary").click()
    opened.frame.locator("input[data-kind=camera]").click()

    opened.said("жүктелмеді")

    assert not opened.frame.locator("input[data-kind=camera]").is_checked()
    assert opened.frame.locator(".rm-map[data-phase=ready]").count() == 1
    assert opened.colours().get(map_view.LIGHT.classes[1], 0) > 500
    assert opened.frame.locator("[role=alert]").count() == 0
    assert opened.frame.locator(".leaflet-control-attribution", has_text="Made").count() == 0
