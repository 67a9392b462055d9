"""Measure the map: hexagons visible after opening the page, and a press until the panel shows its cell.

Both pages hold the same made-up cells (simulated data) and are measured in one run, with a cold browser cache:
ours, and the plain way, ``folium.GeoJson`` with a style function. Prints a Markdown table for docs/benchmarks.md.

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

TERRITORY = "bench"
RELEASE_ID = "2026-01-01-00000000"
SEED = 20260101
CAP_S = 60.0
MIDDLE = FloatRect(x=483, y=234, width=400, height=300)
SHARE_COLOURED = 0.1
"""Hexagons count as visible once this share of the pixels in the middle has the colour of class 2, 4 or 5."""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

SERVER = """
import os, sys
from pathlib import Path
import streamlit as st
sys.path.insert(0, os.environ["BENCH_ROOT"])
from riskmap.public import static_files
here = Path(__file__).parent
assets = Path(os.environ["BENCH_ROOT"]) / "riskmap" / "assets"
app = st.App(here / "page.py", routes=static_files.routes(assets=assets, releases=here / "releases"))
"""
PAGE = """
import json
from pathlib import Path
import folium
import streamlit as st
from streamlit_folium import st_folium
from riskmap.public import map_view

st.set_page_config(layout="wide")
panel = st.empty()
here = Path(__file__).parent
told = json.loads((here / "options.json").read_text())
options = map_view.MapOptions(**{**told, "bounds": tuple(told["bounds"])})
south, west, north, east = options.bounds

@st.cache_resource
def cells_as_geojson():
    return json.loads((here / "cells.geojson").read_text())

@st.fragment
def view():
    if st.query_params.get("way") == "plain":
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
        return
    picked = st_folium(map_view.territory_map(options), key=map_view.map_key(options),
                       returned_objects=["cell", "area"], use_container_width=True, height=640)
    st.html(map_view.state_script(map_view.MapState(name=options.name, language="kk", labels={
        "loading": "Карта жүктеліп жатыр…", "map": "Сынақ картасы"})), unsafe_allow_javascript=True)
    panel.html(f"<p id='panel'>{picked.get('cell')}</p>")

view()
"""
WATCH_PANEL = """(CAP_MS) => {
  window.panelChanged = new Promise((resolve) => {
    setTimeout(() => resolve(null), CAP_MS);
    const before = document.querySelector("#panel")?.textContent;
    const look = () => {
      const now = document.querySelector("#panel")?.textContent;
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

    published = folder / "releases" / TERRITORY / RELEASE_ID
    published.mkdir(parents=True)
    (published / "cells.bin").write_bytes(release.encode_cells(cells))
    (published / "classes-all.bin").write_bytes(classes.tobytes())
    options = {
        "name": TERRITORY,
        "bounds": [lat.min(), lng.min(), lat.max(), lng.max()],
        "release_url": f"/releases/{TERRITORY}/{RELEASE_ID}",
        "attribution": "Ойдан құрастырылған деректер",
        "has_areas": False,
        "has_basemap": False,
    }
    (folder / "options.json").write_text(json.dumps(options))
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
    (folder / "server.py").write_text(SERVER)
    (folder / "page.py").write_text(PAGE)


def serve(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server of its own on a free port, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(folder), "server:app", f"--port={port}"]
    server = subprocess.Popen(
        [*command, "--log-level=warning"],
        cwd=ROOT,
        env={**os.environ, "BENCH_ROOT": str(ROOT), "PYTHONPATH": str(ROOT)},
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
        server, address = serve(folder)
        browser = playwright.chromium.launch(executable_path=given.chromium, args=FLAGS)
        load = os.getloadavg()[0]
        try:
            # The first visitor pays for imports; neither way is charged with them.
            measure(browser, f"{address}/?way=ours", clicks=0)
            ours = [measure(browser, f"{address}/?way=ours", clicks=given.clicks) for _ in range(given.loads)]
            plain = [measure(browser, f"{address}/?way=plain", clicks=given.clicks) for _ in range(given.loads)]
        finally:
            version = browser.version
            browser.close()
            server.terminate()
            server.wait()
    print(f"{given.cells} cells (simulated), all in view, median of {given.loads} cold page loads and of")
    print(f"{given.clicks} presses each (smallest–largest); Chromium {version} headless, localhost,")
    print(f"{os.cpu_count()} cores, load average {load:.1f} at the start.\n")
    print("| page | hexagons visible, s | press to panel, ms |")
    print("|---|---|---|")
    print(row("riskmap: folium map with h3canvas.js", ours))
    print(row("plain: folium.GeoJson, canvas, style function", plain))


if __name__ == "__main__":
    main()
