"""A mark in a real browser by keyboard alone; what becomes of marks is in test_year_journeys.py."""

import re

import pytest

from riskmap import wording
from riskmap.signals import opened
from tests.browser.council_town import CouncilTown
from tests.browser.visits import DESKTOP, Visit, served

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
