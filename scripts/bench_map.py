"""Measure the map: hexagons visible after opening the page, and a press until the panel shows its cell.

Both pages hold the same made-up cells (simulated data) and are measured in one run, with a cold browser cache: the
whole site as visitors get it, and the plain way, ``folium.GeoJson`` with a style function on a bare page. Prints a
Markdown table for docs/benchmarks.md.

    python scripts/bench_map.py [--cells 50000] [--loads 3]
"""

import argparse
import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geodata import hexgrid  # noqa: E402
from riskmap import release  # noqa: E402
from riskmap.public import map_view  # noqa: E402
from tests.release_builder import a_release  # noqa: E402

TERRITORY = "bench"
SEED = 20260101
CAP_S = 60.0
MIDDLE = FloatRect(x=780, y=330, width=300, height=250)
SHARE_COLOURED = 0.1
"""Hexagons count as visible once this share of the pixels in the middle has the colour of class 2, 4 or 5."""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

PLAIN_PAGE = """
import json
from pathlib import Path
import folium
import streamlit as st
from streamlit_folium import st_folium
from riskmap.public import map_view

st.set_page_config(layout="wide")
panel = st.empty()
here = Path(__file__).parent
south, west, north, east = json.loads((here / "bounds.json").read_text())

@st.cache_resource
def cells_as_geojson():
    return json.loads((here / "cells.geojson").read_text())

@st.fragment
def view():
    plain = map_view.RiskFoliumMap(
        location=[(south + north) / 2, (west + east) / 2], zoom_start=10, prefer_canvas=True)
    folium.GeoJson(
        cells_as_geojson(),
        style_function=lambda f: {
            "fillColor": map_view.LIGHT.classes[f["properties"]["class"] - 1], "fillOpacity": 1, "weight": 0.2},
    ).add_to(plain)
    plain.fit_bounds([[south, west], [north, east]], padding=[12, 12])
    picked = st_folium(plain, key="plain", returned_objects=["last_object_clicked"],
                       use_container_width=True, height=640)
    panel.html(f"<p id='panel'>{picked.get('last_object_clicked')}</p>")

view()
"""
PLAIN_SERVER = """
from pathlib import Path
import streamlit as st
from riskmap.public import static_files
from riskmap.settings import ASSETS
here = Path(__file__).parent
app = st.App(here / "page.py", routes=static_files.routes(assets=ASSETS, releases=here / "releases"))
"""
WATCH_PANEL = """(CAP_MS) => {
  window.panelChanged = new Promise((resolve) => {
    setTimeout(() => resolve(null), CAP_MS);
    // The panel of the site ends with the address of its view, which names the cell.
    const said = () => document.querySelector("#panel")?.textContent ?? document.querySelector(".rm-share a")?.href;
    const before = said();
    const look = () => {
      const now = said();
      if (now !== undefined && now !== before) resolve(Date.now());
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
WATCH_PRESS = """() => { window.addEventListener("mousedown", () => { window.pressedAt = Date.now(); }, true); }"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One page load; None where the cap was reached."""

    visible_s: float | None
    click_ms: list[float | None]


def write_data(folder: Path, count: int) -> None:
    """Cells around one point on empty steppe, with smooth made-up classes, as a release and as GeoJSON."""
    rng = np.random.default_rng(SEED)
    middle = hexgrid.assign_cells(np.array([48.0]), np.array([67.0]), resolution=9)
    rings = int(np.ceil((np.sqrt(12 * count - 3) - 3) / 6))
    cells = np.unique(hexgrid.disk(middle, rings)[1])[:count]
    lat, lng = hexgrid.centres(cells)
    level = sum(
        rng.normal() * np.exp(-((lat - lat[at]) ** 2 + (lng - lng[at]) ** 2 / 2) / 0.01)
        for at in rng.integers(cells.size, size=24)
    )
    classes = (np.digitize(level, np.quantile(level, [0.1, 0.3, 0.7, 0.9])) + 1).astype(np.uint8)

    bounds = [float(side) for side in (lat.min(), lng.min(), lat.max(), lng.max())]
    manifest, files = a_release(territory=TERRITORY, classes={"all": [1, 1, 1], "theft": [1, 1, 1]})
    files |= {
        "cells.bin": release.encode_cells(cells),
        "areas.bin": np.ones(cells.size, dtype="<u2").tobytes(),
        "classes-all.bin": classes.tobytes(),
        "classes-theft.bin": classes[::-1].tobytes(),
    }
    release.write(folder / "releases", {**manifest, "bounds": bounds, "public_resolutions": [9]}, files)
    (folder / "bounds.json").write_text(json.dumps(bounds))
    features = [
        {
            "type": "Feature",
            "properties": {"class": int(code)},
            "geometry": {"type": "Polygon", "coordinates": [[[x, y] for y, x in ring + ring[:1]]]},
        }
        for code, ring in (
            (code, hexgrid.boundary(one)) for code, one in zip(classes, hexgrid.cell_ids(cells), strict=True)
        )
    ]
    (folder / "cells.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (folder / "server.py").write_text(PLAIN_SERVER)
    (folder / "page.py").write_text(PLAIN_PAGE)


def serve(application: str, data: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server of ``module:app`` on a free port, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", application, f"--port={port}"]
    server = subprocess.Popen(
        [*command, "--log-level=warning"],
        cwd=ROOT,
        env={**os.environ, "RISKMAP_DATA": str(data), "PYTHONPATH": f"{ROOT}:{data}"},
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.1)
        else:
            return server, address
    server.terminate()
    raise SystemExit("The bench server did not answer within 30 s; its output above says why.")


def coloured_share(page: Page) -> float:
    """Share of the pixels in the middle that have the colour of class 2, 4 or 5; 0 while the page is too busy."""
    try:
        picture = page.screenshot(timeout=CAP_S * 1000, clip=MIDDLE)
    except PlaywrightError:
        return 0.0
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=np.int16)
    found = np.zeros(pixels.shape[:2], dtype=bool)
    for code in (2, 4, 5):
        colour = np.array([int(map_view.LIGHT.classes[code - 1][at : at + 2], 16) for at in (1, 3, 5)])
        found |= (np.abs(pixels - colour) <= 12).all(axis=2)
    return float(found.mean())


def measure(browser: Browser, address: str, *, clicks: int) -> Measured:
    """Open the page in a fresh browser context, wait for colour, then press ``clicks`` times."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, color_scheme="light")
    page = context.new_page()
    try:
        started = time.perf_counter()
        page.goto(address, wait_until="commit")
        while coloured_share(page) < SHARE_COLOURED:
            if time.perf_counter() - started > CAP_S:
                return Measured(None, [])
            time.sleep(0.03)
        visible_s = time.perf_counter() - started
        page.wait_for_timeout(1500)
        box = page.locator("iframe").bounding_box()
        assert box is not None
        inner = page.frames[1]
        inner.evaluate(WATCH_PRESS)
        click_ms: list[float | None] = []
        for number in range(clicks):
            page.evaluate(WATCH_PANEL, CAP_S * 1000)
            page.mouse.click(box["x"] + box["width"] / 2 + 23 * number, box["y"] + box["height"] / 2 + 31 * number)
            changed = page.evaluate("window.panelChanged")
            if changed is None:
                return Measured(visible_s, [*click_ms, None])
            click_ms.append(float(changed - inner.evaluate("window.pressedAt")))
            page.wait_for_timeout(700)
        return Measured(visible_s, click_ms)
    finally:
        context.close()


def row(name: str, found: list[Measured]) -> str:
    """One line of the table: medians, and the range of page loads."""
    seen = [one.visible_s for one in found if one.visible_s is not None]
    pressed = [ms for one in found for ms in one.click_ms if ms is not None]
    unanswered = sum(ms is None for one in found for ms in one.click_ms)
    if len(seen) < len(found):
        visible = f"> {CAP_S:.0f} in {len(found) - len(seen)} of {len(found)}"
        if seen:
            visible += f", else {min(seen):.1f}–{max(seen):.1f}"
    else:
        visible = f"{statistics.median(seen):.2f} ({min(seen):.2f}–{max(seen):.2f})"
    click = f"{statistics.median(pressed):.0f} ({min(pressed):.0f}–{max(pressed):.0f})" if pressed else "–"
    if unanswered:
        click += f"; {unanswered} without answer in {CAP_S:.0f} s"
    return f"| {name} | {visible} | {click} |"


def main() -> None:
    """Run both pages and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--loads", type=int, default=3, help="page loads per way")
    parser.add_argument("--clicks", type=int, default=3, help="presses per page load")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_data(folder, given.cells)
        pages = {"ours": ("app:app", f"/?place={TERRITORY}&lang=kk"), "plain": ("server:app", "/")}
        browser = playwright.chromium.launch(executable_path=given.chromium, args=FLAGS)
        version, load = browser.version, os.getloadavg()[0]
        found = {}
        for way, (application, path) in pages.items():
            server, address = serve(application, folder)
            try:
                # The first visitor pays for imports; neither way is charged with them.
                measure(browser, address + path, clicks=0)
                found[way] = [measure(browser, address + path, clicks=given.clicks) for _ in range(given.loads)]
            finally:
                server.terminate()
                server.wait()
        browser.close()
    print(f"{given.cells} cells (simulated), all in view, median of {given.loads} cold page loads and of")
    print(f"{given.clicks} presses each (smallest–largest); Chromium {version} headless, localhost,")
    print(f"{os.cpu_count()} cores, load average {load:.1f} at the start.\n")
    print("| page | hexagons visible, s | press to panel, ms |")
    print("|---|---|---|")
    print(row("riskmap: the whole page", found["ours"]))
    print(row("plain: folium.GeoJson, canvas, style function", found["plain"]))


if __name__ == "__main__":
    main()
