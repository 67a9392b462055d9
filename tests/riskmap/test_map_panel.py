"""The words beside the map, as the browser fetches them after a choice."""

import re

import pytest

from models.risk_class import RiskClass
from riskmap import wording
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient
from tests.screens.page import open_page

PANEL = f"/panel/{CITY}"
DAY = re.compile(r"\d\d\.\d\d\.\d{4}")
DECIMAL = re.compile(r"\d[.,]\d")


@pytest.fixture
def client(installation):
    return PublicClient(releases=installation.releases, journals=installation.data / "journals")


def a_cell(installation, risk_class):
    found = installation.release()
    cells = map(found.cell_at, range(found.cells.size))
    return next((cell for cell in cells if cell.classes["all"] is risk_class), None)


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize("risk_class", RiskClass)
def test_a_chosen_hexagon_is_answered_in_words_without_a_decimal(client, installation, language, risk_class):
    cell = a_cell(installation, risk_class)
    if cell is None:
        pytest.skip("the made-up city has no such hexagon")

    answer = client.get(PANEL, lang=language, cell=cell.cell_id)

    assert answer.status_code == 200
    of_cell = answer.text.split('class="rm-answer"')[1].split('class="rm-area"')[0]
    assert wording.in_language(language).text("council.map.here") in of_cell
    assert DECIMAL.findall(DAY.sub("", of_cell)) == []


def test_the_page_and_the_answer_after_a_choice_say_the_same(client, installation, monkeypatch):
    cell = a_cell(installation, RiskClass.CLEARLY_HIGHER).cell_id
    page = open_page(installation.data, monkeypatch, place=CITY, cell=cell, lang="ru")
    drawn = next(part.value for part in page.app.get("html") if "rm-panel" in part.value)
    source = re.search(r'data-source="([^"]*)"', drawn)[1].replace("&amp;", "&")

    answer = client.get(f"{source}&cell={cell}")

    assert answer.text.split('<p class="rm-share">')[0] in drawn


def test_a_region_is_answered_for(client, installation):
    words = wording.in_language("kk")
    area = next(one for one in installation.release(COUNTRY).areas if one.official_count)

    answer = client.get(f"/panel/{COUNTRY}", lang="kk", area=area.area_id)

    assert words.number(area.official_count) in answer.text


@pytest.mark.parametrize("cell", ["8921538235bffff", "zzz", "<script>", "'"])
def test_what_is_no_hexagon_of_the_map_is_said_in_words(client, cell):
    answer = client.get(PANEL, lang="kk", cell=cell)

    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert any(wording.in_language("kk").text(key) in answer.text for key in ("error.unknown_cell", "grey.not_covered"))


def test_an_unknown_place_is_said_in_words(client):
    answer = client.get("/panel/atlantis", lang="ru")

    assert (answer.status_code, "etag" in answer.headers) == (404, True)
    assert wording.in_language("ru").text("error.unknown_place") in answer.text


def test_whose_map_shows_an_earlier_release_is_told(client, installation):
    shown = installation.release().release_id
    words = wording.in_language("en")

    assert words.text("panel.newer") not in client.get(PANEL, lang="en", release=shown).text
    told = client.get(PANEL, lang="en", release="2020-01-01-00000000", cell="zz", group="theft").text
    assert words.text("panel.newer") in told
    link = re.search(r'<p class="rm-note" role="alert">.*?href="([^"]*)"', told)[1]
    assert {f"place={CITY}", "cell=zz", "group=theft", "lang=en"} == set(link.removeprefix("/?").split("&amp;"))


def test_what_has_not_changed_is_not_sent_again(client):
    first = client.get(PANEL, lang="kk")

    again = client.ask(PANEL, {"lang": "kk"}, {"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
