import logging
import re
import shutil
from urllib.parse import parse_qsl, urlsplit

import pytest

from models.risk_class import RiskClass
from riskmap import release, wording
from riskmap.public import explain
from tests.installation import CITY, COUNTRY
from tests.release_builder import a_release
from tests.screens.page import foreign_texts, open_page, pieces

REGION = "100000000"


@pytest.fixture
def visit(installation, monkeypatch):
    return lambda **address: open_page(installation.data, monkeypatch, **address)


@pytest.fixture
def own_copy(installation, tmp_path):
    """Releases that a test may break."""
    shutil.copytree(installation.releases, tmp_path / "releases")
    return tmp_path


def _says(link, **parts):
    """Whether an address holds all these parts."""
    return parts.items() <= dict(parse_qsl(urlsplit(link).query)).items()


def cell_of_class(installation, code, group="all"):
    city = installation.release()
    return city.cell_at(city.classes[group].tolist().index(code))


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_country_page_tells_official_totals_and_leads_to_the_city(visit, installation, language):
    words, country = wording.in_language(language), installation.release(COUNTRY)

    page = visit(lang=language)

    assert not page.app.exception
    assert page.has_map
    assert words.text("country.intro", year=2023) in page.text
    assert [area.names[language] for area in country.areas if area.names[language] not in page.text] == []
    assert explain.official_source(country, words) in page.text
    assert any(_says(link, lang=language, place=CITY) for link in page.links)
    assert words.text("place.simulated") in page.text


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_city_page_says_simulated_and_shows_map_legend_and_list(visit, language):
    words = wording.in_language(language)

    page = visit(place=CITY, lang=language)

    assert not page.app.exception
    assert page.has_map
    assert words.text("simulated.banner") in page.text
    assert [key for key in explain.CLASS_KEYS.values() if words.text(key) not in page.text] == []
    assert words.text("legend.note") in page.text
    assert words.text("list.open") in page.text


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize("place", [CITY, COUNTRY])
def test_every_text_is_in_the_language_asked_for(visit, place, language):
    page = visit(place=place, lang=language)

    assert foreign_texts(page, language) == []


@pytest.mark.parametrize("language", ["kk", "ru"])
@pytest.mark.parametrize("place", [CITY, COUNTRY])
def test_no_sentence_of_a_kazakh_or_russian_page_is_in_latin_letters(visit, place, language):
    page = visit(place=place, lang=language)

    assert re.findall(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}", page.text) == []


def test_a_text_of_another_language_would_be_noticed(visit):
    page = visit(place=CITY, lang="ru")

    assert len(foreign_texts(page, "kk")) > 10
    assert len(pieces("kk")) > 100


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_document_says_its_language(visit, language):
    assert f"document.documentElement.lang = {language!r}" in visit(lang=language).scripts


@pytest.mark.parametrize("asked", ["xx", "", "../etc", "EN_us'; alert(1)", "de"])
def test_a_broken_language_code_still_answers(visit, asked):
    page = visit(lang=asked)

    expected = "en" if asked.lower().startswith("en") else "kk"
    assert not page.app.exception
    assert wording.in_language(expected).text("country.intro", year=2023) in page.text
    assert "alert(1)" not in page.scripts


@pytest.mark.parametrize("code", [RiskClass.CLEARLY_HIGHER, RiskClass.TOO_LITTLE, RiskClass.PROTECTED])
def test_an_address_that_names_a_hexagon_answers_in_sentences(visit, installation, code):
    cell, words = cell_of_class(installation, code), wording.in_language("kk")
    answer = explain.cell_answer(installation.release(), cell, "all", words)

    page = visit(place=CITY, lang="kk", cell=cell.cell_id)

    assert not page.app.exception
    assert [sentence for sentence in answer.sentences if sentence not in page.text] == []
    assert explain.area_name(cell.area, words) in page.text
    assert words.text("panel.choose") not in page.text


def test_the_group_of_the_address_is_the_one_answered_for(visit, installation):
    words = wording.in_language("ru")
    cell = cell_of_class(installation, RiskClass.TOO_LITTLE, group="theft")

    page = visit(place=CITY, lang="ru", cell=cell.cell_id, group="theft")

    answer = explain.cell_answer(installation.release(), cell, "theft", words)
    assert page.app.selectbox(key="group").value == "theft"
    assert all(sentence in page.text for sentence in answer.sentences)


def test_a_region_of_the_address_answers_with_its_official_number(visit, installation):
    words = wording.in_language("kk")
    country = installation.release(COUNTRY)

    page = visit(lang="kk", area=REGION)

    (sentence,) = explain.area_answer(country, country.area_by_id[REGION], words).sentences
    assert sentence in page.text
    assert words.number(country.area_by_id[REGION].official_count) in sentence


@pytest.mark.parametrize("name", ["nowhere", "../kazakhstan", "ULGIQALA", "<script>alert(1)</script>"])
@pytest.mark.parametrize("language", ["kk", "ru"])
def test_an_unknown_place_is_said_in_words_with_a_way_on(visit, name, language):
    words = wording.in_language(language)

    page = visit(place=name, lang=language)

    assert not page.app.exception
    assert words.text("error.unknown_place") in page.text
    assert words.text("error.home") in page.text
    assert "alert(1)" not in page.text


@pytest.mark.parametrize("cell", ["zzz", "12", "8928308280fffff_", "ffffffffffffffff", "0", "-1", "💥"])
def test_a_cell_that_is_none_is_said_in_words_and_the_map_stays(visit, cell):
    page = visit(place=CITY, lang="ru", cell=cell)

    assert not page.app.exception
    assert wording.in_language("ru").text("error.unknown_cell") in page.text
    assert page.has_map


def test_a_cell_the_release_does_not_list_is_called_not_covered(visit):
    page = visit(place=CITY, lang="en", cell="8928308280fffff")

    assert not page.app.exception
    assert wording.in_language("en").text("grey.not_covered.long") in page.text
    assert page.has_map


def test_a_damaged_release_is_said_in_words_without_details(own_copy, monkeypatch, caplog):
    (cells,) = (own_copy / "releases" / CITY).glob("2*/cells.bin")
    cells.write_bytes(cells.read_bytes()[:-1])

    with caplog.at_level(logging.CRITICAL):
        page = open_page(own_copy, monkeypatch, place=CITY, lang="kk")

    assert not page.app.exception
    assert wording.in_language("kk").text("error.damaged_release") in page.text
    assert "cells.bin" not in page.text
    assert not page.has_map


def test_a_damaged_place_does_not_take_the_country_page_with_it(own_copy, monkeypatch):
    (cells,) = (own_copy / "releases" / CITY).glob("2*/cells.bin")
    cells.write_bytes(b"")

    page = open_page(own_copy, monkeypatch, lang="kk")

    assert not page.app.exception
    assert page.has_map
    assert wording.in_language("kk").text("country.intro", year=2023) in page.text


def test_a_fault_of_the_program_shows_a_reference_and_nothing_of_its_cause(own_copy, monkeypatch, caplog):
    (own_copy / "releases" / CITY / "latest.json").write_text('{"release_id": 1')

    page = open_page(own_copy, monkeypatch, place=CITY, lang="ru")

    assert not page.app.exception
    assert "JSONDecodeError" not in page.text
    assert "latest.json" not in page.text
    assert wording.in_language("ru").text("error.home") in page.text


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_an_installation_without_any_release_says_so(tmp_path, monkeypatch, language):
    page = open_page(tmp_path, monkeypatch, lang=language)

    assert not page.app.exception
    assert wording.in_language(language).text("error.no_release") in page.text
    assert not page.has_map


def test_a_release_without_residents_says_that_it_counts(tmp_path, monkeypatch):
    manifest, files = a_release(has_rates=False)
    release.write(tmp_path / "releases", manifest, files)

    page = open_page(tmp_path, monkeypatch, place="toy", lang="ru")

    words = wording.in_language("ru")
    assert words.text("legend.counts_only") in page.text
    assert words.text("legend.similar.covered") in page.text
    assert words.text("legend.similar") not in page.text


def test_the_list_is_filtered_by_class_and_its_button_puts_the_hexagon_into_the_answer(visit, installation):
    words = wording.in_language("kk")
    page = visit(place=CITY, lang="kk")

    page.app.selectbox(key="list_class").select(int(RiskClass.PROTECTED)).run()
    rows = [button for button in page.app.button if button.key.startswith("open-")]
    cell = installation.release().find(rows[0].key.removeprefix("open-"))
    rows[0].click().run()

    assert cell.classes["all"] is RiskClass.PROTECTED
    assert page.app.query_params["cell"] in (cell.cell_id, [cell.cell_id])
    assert words.text("grey.protected.long", parent=explain.area_name(cell.area, words)) in page.text


def test_pages_of_the_list_hold_other_hexagons(visit):
    page = visit(place=CITY, lang="ru")
    first = {button.key for button in page.app.button if button.key.startswith("open-")}

    page.app.button(key="list-after").click().run()

    second = {button.key for button in page.app.button if button.key.startswith("open-")}
    assert len(first) == len(second) == 12
    assert first & second == set()


def test_links_to_other_languages_keep_place_cell_and_group(visit, installation):
    cell = cell_of_class(installation, RiskClass.CLEARLY_LOWER, group="theft")

    page = visit(place=CITY, lang="kk", cell=cell.cell_id, group="theft")

    assert any(_says(link, lang="ru", place=CITY, cell=cell.cell_id, group="theft") for link in page.links)
