"""A real server and a real browser for journeys, and what one person's page asked for, missed or complained of."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from riskmap.settings import REPOSITORY

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE_MS = 30_000
MOST_TABS = 60
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
PHONE, DESKTOP, NARROW = (360, 740), (1366, 768), (320, 640)
SIZES = {"phone": PHONE, "desktop": DESKTOP}
ALWAYS = {("kk", "phone", "light"), ("ru", "desktop", "dark")}
COMBINATIONS = [
    pytest.param((language, size, scheme), marks=() if (language, size, scheme) in ALWAYS else pytest.mark.deep)
    for language in ("kk", "ru")
    for size in SIZES
    for scheme in ("light", "dark")
]
"""Language, size and theme in which pages are judged; scripts/check takes two, ``--deep`` all eight."""
WHERE_FOCUS_IS = """() => {
  const active = document.activeElement;
  if (active.tagName === "IFRAME") return "map: " + active.contentDocument.activeElement.className;
  if (!["A", "BUTTON", "INPUT"].includes(active.tagName)) return "";
  return active.getAttribute("aria-label") || active.textContent || active.name;
}"""
SEVERE_FINDINGS = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const severe = found.violations.filter((v) => ["serious", "critical"].includes(v.impact));
  const where = (node) => `${node.target.join(" ")} ${node.html.slice(0, 120)}`;
  return severe.map((v) => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map(where).join(" | ")}`);
}"""


@contextmanager
def served(data: Path):
    """Address the real command prints once it serves the installation in a data folder."""
    if not (REPOSITORY / "riskmap" / "assets" / "vendor" / "leaflet" / "leaflet.js").is_file():
        pytest.skip("browser libraries are not in place; run scripts/place_assets.py")
    with socket.create_server(("", 0)) as probe:
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RISKMAP_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "riskmap", "serve", f"--port={port}", "--language=en"],
        cwd=REPOSITORY,
        env={**kept, "RISKMAP_DATA": str(data)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the website it starts is stopped with it
    )
    try:
        # Accounts of the made-up city's council may be told before the address.
        told = (re.search(r"http://\S+", line) for line in server.stdout)
        address = next((found for found in told if found), None)
        assert address, "the command printed no address"
        wait_until_it_listens(port, server)
        yield address.group().rstrip("/")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
        server.stdout.close()


def wait_until_it_listens(port, server):
    for _ in range(600):
        assert server.poll() is None, "the server stopped while starting"
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            server.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail("the server did not listen within a minute")


@contextmanager
def browser():
    """Chromium, as it is installed here."""
    sync_api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


class Visit:
    """One person's page, and everything it asked for, missed or complained of."""

    def __init__(self, chromium, site, size=DESKTOP, *, path="/", color_scheme="light", **address):
        is_phone = size[0] < 500
        self.context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            is_mobile=is_phone,
            has_touch=is_phone,
            color_scheme=color_scheme,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.asked, self.outside, self.failed, self.complaints = [], [], [], []
        self.host = urlsplit(site).netloc
        self.page.on("request", self._note_request)
        self.page.on("requestfailed", self._note_failure)
        self.page.on("response", lambda r: self.failed.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.goto(f"{site}{path}?{urlencode(address)}" if address else f"{site}{path}")

    def _note_request(self, request):
        self.asked.append(request.url)
        if request.url.startswith(("http", "ws")) and urlsplit(request.url).netloc != self.host:
            self.outside.append(request.url)

    def _note_failure(self, request):
        # What was still under way when the person left the page is no failure.
        if "ERR_ABORTED" not in (request.failure or ""):
            self.failed.append(f"{request.failure} {request.url}")

    @property
    def troubles(self):
        return self.outside, self.failed, self.complaints

    def severe_findings(self):
        """What axe-core calls serious or critical, in the page and in the map's frame."""
        for frame in self.page.frames:
            # Not as a script of the page: some pages' content policy rightly refuses those.
            frame.evaluate(f"() => {{{AXE.read_text(encoding='utf-8')}}}")
        return self.page.evaluate(SEVERE_FINDINGS)

    @property
    def map(self):
        return self.page.frame_locator("iframe").locator(".rm-map")

    @property
    def inner(self):
        return self.page.query_selector("iframe").content_frame()

    def wait_for_map(self):
        self.page.frame_locator("iframe").locator(".rm-map[data-phase=ready]").wait_for()
        self.page.locator(".rm-foot").wait_for()

    def press_map(self, right=0, down=0):
        """Tap (phone) or click the map, so many pixels from its middle."""
        self.page.locator("iframe").scroll_into_view_if_needed()
        box = self._box_at_rest()
        x, y = box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down
        if self.page.viewport_size["width"] < 500:
            self.page.touchscreen.tap(x, y)
        else:
            self.page.mouse.click(x, y)

    def _box_at_rest(self):
        """Where the map lies once the page around it has stopped moving, else the press lands beside it."""
        box = self.map.bounding_box()
        for _ in range(40):
            self.page.wait_for_timeout(150)
            before, box = box, self.map.bounding_box()
            if box == before:
                break
        return box

    @property
    def query(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def wait_for_query(self, name):
        self.page.wait_for_url(re.compile(rf"[?&]{name}="))
        return self.query[name]

    @property
    def language(self):
        return self.page.evaluate("document.documentElement.lang")

    def answer(self, part):
        """The answer about a hexagon, once it holds the given part."""
        self.page.locator(".rm-answer", has_text=part).wait_for()
        return self.page.locator(".rm-answer").inner_text()

    def press_until(self, key, wanted, presses=3):
        """A page that is still being drawn may swallow a press, as it does a person's."""
        for _ in range(presses):
            self.page.keyboard.press(key)
            for _ in range(100):
                if wanted.is_visible():
                    return
                self.page.wait_for_timeout(100)
        pytest.fail(f"{presses} presses of {key} did not show {wanted}")

    def tab_to(self, wanted):
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted in self.page.evaluate(WHERE_FOCUS_IS):
                return
        pytest.fail(f"{wanted!r} was not reached by {MOST_TABS} presses of Tab")
