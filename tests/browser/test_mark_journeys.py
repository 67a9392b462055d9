"""A mark in a real browser: from the category to the receipt, to the council's request, and to what became of it."""

import re

import pytest

from riskmap import wording
from riskmap.signals import opened
from tests.browser.council_town import WORD, CouncilTown
from tests.browser.visits import DESKTOP, PHONE, Visit, served
from tests.installation import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("council journeys")]
PAUSE_MS = opened.LEAST.total_seconds() * 1000 + 1500


@pytest.fixture(scope="module")
def town(installation, tmp_path_factory):
    made = CouncilTown(installation, tmp_path_factory.mktemp("marks"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def site(town):
    with served(town.data) as address:
        yield address


@pytest.mark.parametrize(("language", "size"), [("kk", PHONE), ("ru", DESKTOP)], ids=["kk phone", "ru desktop"])
def test_a_mark_becomes_a_request_and_its_receipt_says_so(chromium, site, town, language, size):
    words, cell = wording.in_language(language), f"{int(town.release.cells[40 + len(language + str(size))]):x}"
    resident = Visit(chromium, site, size, path=f"/mark/{CITY}/{cell}", lang=language)
    resident.page.get_by_role("link", name=words.text("signal.category.lighting")).click()
    for question in ("what", "when", "how_often", "feels_unsafe"):
        resident.page.locator(f"input[name={question}]").first.check()
    resident.page.wait_for_timeout(PAUSE_MS)
    resident.page.locator("form.rm-form button.rm-primary").click()
    receipt = resident.page.locator(".rm-receipt").inner_text()
    assert resident.context.cookies() == []

    secretary = Visit(chromium, site, size, path=f"/marks/{CITY}", lang=language)
    secretary.page.locator("#login").fill("secretary")
    secretary.page.locator("#password").fill(WORD)
    secretary.page.locator("form.rm-form button.rm-primary").click()
    secretary.page.locator(f"main a[href*='/lighting/{cell}']").click()
    secretary.page.locator("form[action*='/into'] button").click()
    secretary.page.wait_for_url(re.compile(rf"/casework/{CITY}/\d+\?"))
    number = re.search(r"/(\d+)\?", secretary.page.url)[1]

    anyone = Visit(chromium, site, size, path="/mark/receipt", lang=language)
    anyone.page.locator("input[name=receipt]").fill(receipt)
    anyone.page.locator("form.rm-look-up button").click()
    told = anyone.page.locator("main [role=status]").inner_text()
    visits = (resident, secretary, anyone)
    assert f"№ {number}" in told
    assert [one.troubles for one in visits] == [([], [], [])] * 3
    for one in visits:
        one.context.close()


def test_from_the_front_door_a_place_is_found_and_a_problem_marked_with_the_keyboard_alone(chromium, site, town):
    words = wording.in_language("kk")
    district = town.release.area_by_id["ulg-03"]
    resident = Visit(chromium, site, DESKTOP, path="/kk")
    press = resident.page.keyboard.press

    resident.tab_to("q")
    resident.page.keyboard.type(district.names["ru"].replace("ж", "ш", 1))  # misspelt
    press("Enter")
    resident.page.wait_for_url(re.compile(r"[?&]q="))
    resident.tab_to(district.names["kk"])
    press("Enter")
    resident.page.locator("h1", has_text=district.names["kk"]).wait_for()
    resident.tab_to(words.text("signal.button"))
    press("Enter")
    resident.page.locator(".rm-mark-categories").wait_for()
    resident.tab_to(words.text("signal.category.lighting"))
    press("Enter")
    resident.page.locator("input[name=what]").first.wait_for()
    for question in ("what", "when", "how_often", "feels_unsafe"):
        resident.tab_to(question)
        press("Space")
    resident.page.wait_for_timeout(PAUSE_MS)
    resident.tab_to(words.text("signal.send"))
    press("Enter")

    assert re.sub(r"\D", "", resident.page.locator(".rm-receipt").inner_text()).isdigit()
    assert resident.troubles == ([], [], [])
    resident.context.close()
