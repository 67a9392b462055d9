"""The words beside the map, as the browser fetches them after a choice."""

import re

import pytest

from models.risk_class import RiskClass
from riskmap import release, wording
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient
from tests.release_builder import a_release
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


@pytest.fixture
def two_periods(tmp_path):
    """The releases of a place about two periods, the earlier one first."""
    root = tmp_path / "releases"
    later, files = a_release()
    period = {"from": "2024-10-01", "to": "2025-10-01"}
    served = {group: {**one, **period} for group, one in later["served"].items()}
    first, _ = release.write(root, {**later, "period": period, "served": served, "as_of": "2025-11-01"}, files)
    second, _ = release.write(root, {**later, "predecessor": first}, files)
    return PublicClient(releases=root), first, second


def test_words_are_those_of_the_release_the_map_shows(two_periods):
    client, first, second = two_periods
    words = wording.in_language("en")

    newest = client.get("/panel/toy", lang="en", shown=second).text
    earlier = client.get("/panel/toy", lang="en", shown=first, cell="zz", group="all").text

    assert second in newest
    assert first not in newest
    assert words.text("panel.earlier") not in newest
    assert words.text("panel.earlier") in earlier
    assert first in earlier
    link = re.search(r'<p class="rm-note" role="status">.*?href="([^"]*)"', earlier)[1]
    assert set(link.removeprefix("/?").split("&amp;")) == {"place=toy", "cell=zz", "group=all", "lang=en"}


@pytest.mark.parametrize("wanted", ["2020-01-01-00000000", "../../etc", "<script>"])
def test_a_release_that_is_not_there_is_said_and_the_newest_shown(two_periods, wanted):
    client, _, second = two_periods

    told = client.get("/panel/toy", lang="ru", release=wanted).text

    assert wording.in_language("ru").text("panel.gone") in told
    assert second in told
    assert "<script" not in told


def test_the_map_of_an_earlier_period_is_a_link_away(two_periods, monkeypatch):
    client, first, _ = two_periods
    words = wording.in_language("kk")

    page = open_page(client.releases.parent, monkeypatch, place="toy", lang="kk", view="hexagons")
    earlier = open_page(client.releases.parent, monkeypatch, place="toy", lang="kk", release=first)

    assert words.text("periods.label") in page.text
    assert [link for link in page.links if f"release={first}" in link and "view=hexagons" in link]
    assert words.text("panel.earlier") in earlier.text
    assert first in earlier.text


def test_what_has_not_changed_is_not_sent_again(client):
    first = client.get(PANEL, lang="kk")

    again = client.ask(PANEL, {"lang": "kk"}, {"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
