"""What a person does, in a real browser against the real server: look, tap, change the language, share, use keys."""

import re

import pytest

from models.risk_class import RiskClass
from riskmap import wording
from riskmap.public import explain
from tests.browser.visits import AXE, DESKTOP, NARROW, PHONE, Visit, served
from tests.installation import CITY, COUNTRY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]


@pytest.fixture(scope="module")
def site(installation):
    with served(installation.data) as address:
        yield address


@pytest.fixture
def visit(chromium, site):
    visits = []

    def go(*arguments, **address):
        address.setdefault("place", COUNTRY)
        visits.append(Visit(chromium, site, *arguments, **address))
        visits[-1].wait_for_map()
        return visits[-1]

    yield go
    for one in visits:
        one.context.close()
    assert [one.troubles for one in visits] == [([], [], [])] * len(visits)


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
    opened.press_until("ArrowDown", opened.page.get_by_role("option").first)
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


def test_without_a_connection_the_answer_before_stays_and_says_why(visit, installation):
    opened = visit(DESKTOP, place=CITY, lang="kk")
    opened.press_map()
    cell = opened.wait_for_query("cell")
    before = opened.answer(said_of(installation, cell, "kk"))

    opened.context.set_offline(True)
    opened.press_map(right=120)
    opened.page.locator(".rm-note", has_text=wording.in_language("kk").text("panel.failed")).wait_for()
    still = opened.page.locator(".rm-answer").inner_text()
    opened.context.set_offline(False)
    opened.press_map(right=120)
    opened.page.locator(".rm-panel > .rm-note").wait_for(state="detached")

    assert still == before
    assert opened.query["cell"] != cell
    opened.failed.clear()  # the lost connection was the point
    opened.complaints.clear()


def test_after_a_press_the_list_opens_another_hexagon_and_a_press_chooses_again(visit, installation):
    words = wording.in_language("ru")
    opened = visit(DESKTOP, place=CITY, lang="ru")
    opened.press_map()
    pressed = opened.wait_for_query("cell")

    opened.page.get_by_role("button", name=words.text("list.open")).first.click()
    opened.page.wait_for_function(f"!location.search.includes('{pressed}')")
    listed = opened.query["cell"]
    assert opened.answer(said_of(installation, listed, "ru"))
    opened.page.wait_for_timeout(500)
    opened.press_map(right=60)
    opened.page.wait_for_function(f"!location.search.includes('{listed}')")

    assert opened.answer(said_of(installation, opened.query["cell"], "ru"))


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

    assert opened.severe_findings() == []
