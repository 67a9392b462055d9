"""The page for journalists: real sentences of the newest release, never a cell, never an order by count."""

import pytest

from riskmap import release
from riskmap.public import open_data, press_pages, shelf
from riskmap.wording import LANGUAGES, in_language
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient
from tests.release_builder import a_release, an_area


@pytest.fixture
def client(installation):
    return PublicClient(releases=installation.releases)


def with_areas(root, *areas, territory="toy", **changes):
    manifest, files = a_release(territory=territory, **changes)
    files["areas.json"] = release.as_json({"is_simulated": True, "areas": list(areas)})
    release.write(root, manifest, files)
    return shelf.latest(root, territory)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_carries_a_number_of_the_release_and_its_citation(client, installation, language):
    city, words = installation.release(CITY), in_language(language)

    answer = client.get("/press", lang=language, place=CITY)

    found = press_pages.quotations(city, words)
    assert len(found) == 3
    assert words.number(city.whole.total) in found[0].text
    for one in found:
        assert one.text in answer.text.replace("&#39;", "'")
        assert city.release_id in one.citation
    assert words.text("press.examples.simulated") in answer.text


def test_the_district_is_the_first_by_code_and_not_by_count(tmp_path):
    made = with_areas(
        tmp_path,
        an_area("toy", "territory", total=812, rate_low=85.1, rate_high=95.5),
        an_area("d9", total=700, rate_low=90.0, rate_high=110.0),
        an_area("d1"),
        an_area(
            "d2",
            total=112,
            rate_low=50.0,
            rate_high=60.0,
            comparison="clear_higher",
            change="none",
            by_group={"theft": 40},
            by_group_year=2025,
        ),
    )

    whole, district, kind = press_pages.quotations(made, in_language("en"))

    assert "812" in whole.text
    assert district.text.startswith("District d2. All offences on the map: 112 registered")
    assert district.text.endswith("50–60 per 10,000 residents a year. " + in_language("en").text("chg.none"))
    assert kind.text == "District d2. Theft: 40 registered in 2025. Allowing for chance, the likely range is 31–52."


def test_without_residents_the_range_is_that_of_the_count(tmp_path):
    made = with_areas(tmp_path, an_area("toy", "territory", total=40, change="none"), has_rates=False)

    (one,) = press_pages.quotations(made, in_language("en"))

    assert "40" in one.text
    assert "the likely range is 31–52" in one.text
    assert one.text.endswith("no clear change.")


def test_official_totals_are_quoted_with_their_source(client, installation):
    words = in_language("ru")

    answer = client.get("/press", lang="ru", place=COUNTRY)

    (one,) = press_pages.quotations(installation.release(COUNTRY), words)
    assert one.text in answer.text
    assert words.text("country.not_ranking") in answer.text
    assert words.text("press.examples.simulated") not in answer.text


def test_a_real_place_is_the_example_before_a_made_up_one(installation):
    found = shelf.all_latest(installation.releases)

    assert press_pages.choose(found, None).territory == COUNTRY
    assert press_pages.choose(found, CITY).territory == CITY
    assert press_pages.choose(found, "nowhere").territory == COUNTRY


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_any_release_nothing_is_invented(tmp_path, language):
    words = in_language(language)

    answer = PublicClient(releases=tmp_path / "none").get("/press", lang=language)

    assert answer.status_code == 200
    assert words.text("press.examples.none") in answer.text
    assert "<blockquote" not in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_what_cannot_be_concluded_and_names_no_cell(client, installation, language):
    words = in_language(language)

    answer = client.get("/press", lang=language, place=CITY)

    for name, keys in press_pages.SECTIONS.items():
        for key in keys:
            assert words.text(f"press.{name}.{key}") in answer.text
    assert words.text("data.not_for") in answer.text
    cells = open_data.cells_table(installation.release(CITY))["cell_id"]
    assert not any(cell in answer.text for cell in cells)


def test_another_language_keeps_the_chosen_place(client):
    answer = client.get("/press", lang="en", place=CITY)

    assert f"/press?place={CITY}&amp;lang=kk" in answer.text
    assert 'href="/privacy?lang=en"' in answer.text


def test_a_contact_is_shown_as_text_and_never_as_markup(tmp_path):
    named = PublicClient(releases=tmp_path, contact="<i>press@akimat.example</i>")

    assert "&lt;i&gt;press@akimat.example&lt;/i&gt;" in named.get("/press", lang="en").text
    nobody = PublicClient(releases=tmp_path).get("/press", lang="en")
    assert in_language("en").text("modelcard.contact.none") in nobody.text
