"""What a person does, in a real browser against the real server: look, tap, change the language, share, use keys."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from models.risk_class import RiskClass
from riskmap import wording
from riskmap.public import explain
from riskmap.settings import REPOSITORY
from tests.installation import CITY, COUNTRY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE_MS = 30_000
MOST_TABS = 60
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
PHONE, DESKTOP, NARROW = (360, 740), (1366, 768), (320, 640)
WHERE_FOCUS_IS = """() => {
  const active = document.activeElement;
  if (active.tagName === "IFRAME") return "map: " + active.contentDocument.activeElement.className;
  if (!["A", "BUTTON", "INPUT"].includes(active.tagName)) return "";
  return active.getAttribute("aria-label") || active.textContent;
}"""
SEVERE_FINDINGS = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const severe = found.violations.filter((v) => ["serious", "critical"].includes(v.impact));
  const where = (node) => `${node.target.join(" ")} ${node.html.slice(0, 120)}`;
  return severe.map((v) => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map(where).join(" | ")}`);
}"""


@pytest.fixture(scope="module")
def site(installation):
    """Address the real command prints once it serves the made-up city and Kazakhstan."""
    if not (REPOSITORY / "riskmap" / "assets" / "vendor" / "leaflet" / "leaflet.js").is_file():
        pytest.skip("browser libraries are not in place; run scripts/place_assets.py")
    with socket.create_server(("", 0)) as probe:
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RISKMAP_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "riskmap", "serve", f"--port={port}", "--language=en"],
        cwd=REPOSITORY,
        env={**kept, "RISKMAP_DATA": str(installation.data)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the website it starts is stopped with it
    )
    try:
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address, "the command printed no address"
        _wait_until_it_listens(port, server)
        yield address.group().rstrip("/")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
        server.stdout.close()


def _wait_until_it_listens(port, server):
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


@pytest.fixture(scope="module")
def chromium():
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

    def __init__(self, chromium, site, size=DESKTOP, **address):
        is_phone = size[0] < 500
        self.context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, is_mobile=is_phone, has_touch=is_phone
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
        self.page.goto(f"{site}/?{urlencode(address)}" if address else f"{site}/")
        self.wait_for_map()

    def _note_request(self, request):
        self.asked.append(request.url)
        if request.url.startswith(("http", "ws")) and urlsplit(request.url).netloc != self.host:
            self.outside.append(request.url)

    def _note_failure(self, request):
        # What was still under way when the person left the page is no failure.
        if "ERR_ABORTED" not in (request.failure or ""):
            self.failed.append(f"{request.failure} {request.url}")

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
        box = self.map.bounding_box()
        x, y = box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down
        if self.page.viewport_size["width"] < 500:
            self.page.touchscreen.tap(x, y)
        else:
            self.page.mouse.click(x, y)

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

    def tab_to(self, wanted):
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted in self.page.evaluate(WHERE_FOCUS_IS):
                return
        pytest.fail(f"{wanted!r} was not reached by {MOST_TABS} presses of Tab")


@pytest.fixture
def visit(chromium, site):
    visits = []

    def go(*arguments, **address):
        visits.append(Visit(chromium, site, *arguments, **address))
        return visits[-1]

    yield go
    for one in visits:
        one.context.close()
    troubles = [(one.outside, one.failed, one.complaints) for one in visits]
    assert troubles == [([], [], [])] * len(visits)


def said_of(installation, cell_id, language, group="all"):
    """First sentence of the answer about a hexagon."""
    city, words = installation.release(), wording.in_language(language)
    return explain.cell_answer(city, city.find(cell_id), group, words).sentences[0]


def test_a_resident_taps_a_hexagon_on_a_phone_and_shares_the_address(visit, installation):
    opened = visit(PHONE)
    assert opened.language == "kk"
    link = opened.page.locator(f".rm-panel a[href*='place={CITY}']").first
    link.scroll_into_view_if_needed()
    link.tap()
    opened.page.wait_for_url(re.compile(f"place={CITY}"))
    opened.page.locator(".rm-simulated").wait_for()
    opened.wait_for_map()

    opened.press_map()
    cell = opened.wait_for_query("cell")
    told = opened.answer(said_of(installation, cell, "kk"))
    card = opened.page.locator(".rm-answer").bounding_box()
    assert card is not None
    assert card["y"] + card["height"] <= PHONE[1] + 1  # the answer is seen where the finger is
    opened.page.reload()
    opened.wait_for_map()

    assert opened.answer(said_of(installation, cell, "kk")) == told
    assert opened.query["cell"] == cell
    assert wording.in_language("kk").text("simulated.banner") in opened.page.inner_text("body")


def test_a_change_of_language_keeps_place_and_hexagon(visit, installation):
    opened = visit(DESKTOP, place=CITY, lang="kk")
    opened.press_map(right=20)
    cell = opened.wait_for_query("cell")
    opened.answer(said_of(installation, cell, "kk"))

    for language in ("ru", "en"):
        opened.page.click(f".rm-lang a[lang={language}]")
        opened.page.wait_for_function(f"document.documentElement.lang === '{language}'")
        opened.wait_for_map()

        assert opened.answer(said_of(installation, cell, language))
        assert (opened.query["place"], opened.query["cell"], opened.query["lang"]) == (CITY, cell, language)
        assert opened.inner.evaluate("document.documentElement.lang") == language
        assert opened.page.locator("h1").inner_text() == installation.release().names[language]


def test_the_map_answers_to_the_keyboard_alone(visit, installation):
    opened = visit(DESKTOP, place=CITY, lang="ru")

    opened.tab_to("rm-map")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        opened.page.keyboard.press(key)

    cell = opened.wait_for_query("cell")
    assert opened.answer(said_of(installation, cell, "ru"))


def test_the_list_answers_to_the_keyboard_alone(visit, installation):
    words = wording.in_language("ru")
    opened = visit(DESKTOP, place=CITY, lang="ru")
    first_row = opened.page.locator(".rm-row b").first

    opened.tab_to(words.text("list.filter"))
    opened.page.keyboard.press("ArrowDown")
    opened.page.get_by_role("option").first.wait_for()
    for _ in range(7):  # past "all" to the last class: protected
        opened.page.keyboard.press("ArrowDown")
    opened.page.keyboard.press("Enter")
    opened.page.locator(".rm-row b", has_text=words.text("grey.protected")).first.wait_for()
    opened.tab_to(words.text("list.open"))
    opened.page.keyboard.press("Enter")

    cell = opened.wait_for_query("cell")
    assert first_row.inner_text() == words.text("grey.protected")
    assert installation.release().find(cell).classes["all"] is RiskClass.PROTECTED
    assert opened.answer(said_of(installation, cell, "ru"))


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_press_on_a_region_answers_with_its_official_number(visit, installation, size):
    country, words = installation.release(COUNTRY), wording.in_language("kk")
    opened = visit(size, lang="kk")

    opened.press_map()
    area = country.area_by_id[opened.wait_for_query("area")]

    (sentence,) = explain.area_answer(country, area, words).sentences
    opened.page.locator(".rm-area", has_text=words.number(area.official_count)).wait_for()
    shown = opened.page.locator(".rm-area").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert sentence.replace("\N{NO-BREAK SPACE}", " ") in shown


def test_neither_a_press_nor_another_group_loads_the_map_again(visit, installation):
    words = wording.in_language("en")
    opened = visit(DESKTOP, place=CITY, lang="en")
    opened.inner.evaluate("window.isSameMap = true")

    opened.press_map()
    cell = opened.wait_for_query("cell")
    opened.answer(said_of(installation, cell, "en"))
    opened.page.get_by_label(words.text("groups.label")).click()
    opened.page.get_by_role("option", name=words.text("group.theft"), exact=True).click()
    opened.page.locator(".rm-kind", has_text=words.text("group.theft")).wait_for()
    opened.wait_for_map()

    assert opened.answer(said_of(installation, cell, "en", "theft"))
    assert opened.query["group"] == "theft"
    assert opened.inner.evaluate("window.isSameMap === true")
    assert sum(url.endswith("/classes-theft.bin") for url in opened.asked) == 1
    assert sum(url.endswith("/cells.bin") for url in opened.asked) == 1


@pytest.mark.parametrize("language", ["kk", "ru"])
@pytest.mark.parametrize("place", [CITY, COUNTRY])
def test_nothing_reaches_over_the_edge_of_a_narrow_phone(visit, place, language):
    opened = visit(NARROW, place=place, lang=language)

    assert opened.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert opened.map.bounding_box()["width"] <= NARROW[0]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not in node_modules; scripts/setup puts it there")
@pytest.mark.parametrize(("size", "language"), [(PHONE, "kk"), (DESKTOP, "ru")], ids=["phone kk", "desktop ru"])
@pytest.mark.parametrize("place", [CITY, COUNTRY])
def test_no_severe_barrier_is_found(visit, place, size, language):
    opened = visit(size, place=place, lang=language)

    for frame in (opened.inner, opened.page.main_frame):
        frame.add_script_tag(content=Path(AXE).read_text(encoding="utf-8"))

    assert opened.page.evaluate(SEVERE_FINDINGS) == []
