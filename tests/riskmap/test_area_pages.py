"""My area, regions side by side, two areas compared, what is not on the map: what they say, from a release alone."""

import re
from datetime import date
from html import unescape

import polars as pl
import pytest

from riskmap import wording
from riskmap.public import area_facts, area_words, region_pages, shelf
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient

PAGES = (
    f"/area/{CITY}",
    f"/area/{CITY}/ulg-06",
    f"/area/{CITY}/{{area}}",
    f"/area/{CITY}/{{visited}}",
    f"/area/{COUNTRY}",
    f"/regions/{COUNTRY}",
    f"/regions/{CITY}",
    f"/compare/{CITY}?a={{area}}&b={{visited}}",
    f"/not-on-map/{CITY}",
    f"/not-on-map/{COUNTRY}",
    f"/fear/{CITY}",
    f"/fear/{CITY}/feels_completely_safe",
    f"/fear/{COUNTRY}",
    f"/embed/{CITY}",
    f"/embed/{CITY}/{{area}}",
    f"/embed/{COUNTRY}",
    "/area",
    "/how",
)
MOST_WORDS = 32
"""A sentence longer than that is lost when read aloud; legal lists with semicolons are cut at them."""
NEVER = {
    "kk": ("қауіпті", "рейтинг", "ең жаман", "жасыр"),
    "ru": ("опасный", "опасная", "рейтинг", "худш", "скрыт"),
    "en": ("dangerous", "ranking", "worst", "hidden"),
}


@pytest.fixture(scope="module")
def client(installation):
    return PublicClient(releases=installation.releases, journals=installation.data / "journals")


@pytest.fixture(scope="module")
def book(installation):
    return area_facts.book(shelf.latest(installation.releases, CITY))


@pytest.fixture(scope="module")
def visited(book):
    return next(key for key in book.areas if book.facts(key).is_visited)


@pytest.fixture(scope="module")
def area(book):
    return next(key for key in book.areas if book.facts(key).range and book.facts(key).quarters == 4)


def text_of(answer):
    """All text of a page's main part, in one line; no-break spaces as spaces."""
    main = re.search(r"<main.*?</main>", answer.text, re.DOTALL)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def first_sentence(answer):
    return unescape(re.search(r'<p class="rm-lead">(.*?)</p>', answer.text, re.DOTALL)[1])


# ---- Numbers ----


def test_the_count_of_an_area_is_the_sum_of_its_published_quarters(installation, book, area):
    counts = pl.read_csv(installation.release().folder / "counts.csv")
    quarters = counts.filter(pl.col("kind") == "quarter", pl.col("period").str.starts_with("2026"))
    own = quarters.filter(pl.col("place_id") == area)["low"].sum()
    cells = {one.place_id: one.cells for one in book.places.values() if one.year == 2025}
    before = [key for key, held in cells.items() if held <= book.places[area].cells]
    last = counts.filter(pl.col("kind") == "quarter", pl.col("period") == "2025-Q4", pl.col("place_id").is_in(before))

    assert book.facts(area).total == own + last["low"].sum()
    assert (book.facts(area).start, book.facts(area).end) == (date(2025, 10, 1), date(2026, 10, 1))


def test_an_area_whose_borders_changed_is_counted_in_its_own_quarters_and_not_compared_with_the_year_before(book):
    changed = [book.facts(key) for key in book.areas if book.facts(key).change == "redrawn"]

    assert changed
    assert {one.quarters for one in changed} == {3}
    assert {one.start for one in changed} == {date(2026, 1, 1)}


def test_the_range_follows_from_published_count_and_residents(installation, book, area):
    facts = book.facts(area)
    residents = dict(pl.read_csv(installation.release().folder / "residents.csv").iter_rows())[area]

    assert facts.residents == residents
    assert facts.range == area_facts.likely_rate(facts.total, residents, 1.0)
    assert facts.range[0] < 10_000 * facts.total / residents < facts.range[1]


def test_places_of_many_visitors_are_few_for_their_cases_and_thinly_peopled_and_compared_with_each_other_alone(book):
    told = [book.facts(key) for key in book.areas if book.facts(key).total]
    visited = {one.place.place_id for one in told if one.is_visited}

    assert 0 < len(visited) < len(told) / 5
    for one in told:
        if one.is_visited:
            assert one.range is None
            assert one.residents * one.years < area_facts.RESIDENTS_PER_CASE * one.total
            assert set(one.like) == visited - {one.place.place_id}
        else:
            assert not visited & set(one.like)


def test_a_crowded_area_with_many_cases_keeps_its_rate(book):
    told = [book.facts(key) for key in book.areas if book.facts(key).range]
    densest = max(told, key=lambda one: one.residents / one.km2)

    assert not densest.is_visited


def test_every_cell_leads_to_the_area_that_holds_it(book):
    for area in list(book.areas.values())[::20]:
        assert {book.holding(cell).place_id for cell in area.cells} == {area.place_id}


def test_spans_of_places_contain_the_order_of_the_rates_and_are_never_one_place(installation):
    book = area_facts.book(shelf.latest(installation.releases, COUNTRY))
    found = region_pages.levels(book)
    order = sorted(found, key=lambda one: -one.count / one.residents)

    for level, (first, last) in zip(found, region_pages.spans(found), strict=True):
        assert first <= order.index(level) + 1 <= last
        assert last - first + 1 >= region_pages.LEAST_SPAN


# ---- Following ----


def test_the_feed_of_a_region_tells_its_official_total_and_its_calendar_promises_no_quarter(client):
    told = client.get(f"/feed/{COUNTRY}/750000000.atom", lang="en")
    dates = client.get(f"/calendar/{COUNTRY}/750000000.ics", lang="en")

    page = client.get(f"/area/{COUNTRY}/750000000", lang="en")
    assert first_sentence(page) in unescape(told.text)
    assert dates.text.count("BEGIN:VEVENT") == 1
    assert "quarter" not in dates.text


# ---- Pages ----


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_whole_light_and_without_script_in_every_language(client, area, visited, page, language):
    path, _, query = page.format(area=area, visited=visited).partition("?")

    answer = client.get(path, lang=language, **dict(part.split("=") for part in query.split("&") if part))

    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert "<script" not in answer.text
    assert len(answer.content) <= 60_000
    assert len(re.findall("<h1", answer.text)) == 1
    said = text_of(answer)
    assert not [word for word in NEVER[language] if word in said.lower()]


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_sentences_of_the_new_pages_are_short_enough_to_be_read_aloud(language):
    words = wording.in_language(language)
    known = wording._catalogue(language)._catalog
    keys = [key for key in known if isinstance(key, str) and key.partition(".")[0] in FAMILIES]

    told = {key: re.split(r"(?<=[.;:?!])\s", words.text(key, **dict.fromkeys(VALUES, "1"))) for key in keys}

    assert len(keys) > 100
    assert {key: one for key, own in told.items() for one in own if len(one.split()) > MOST_WORDS} == {}


FAMILIES = {"area", "regions", "compare", "off_map", "fear", "how", "site"}
VALUES = re.split(
    r"\s+",
    "area region parent n residents quarters year lo hi total margin sure likely least little kept series date source "
    "first last",
)


def test_the_page_of_an_area_begins_with_its_sentence(client, book, area):
    words = wording.in_language("en")

    answer = client.get(f"/area/{CITY}/{area}", lang="en")

    facts = book.facts(area)
    assert first_sentence(answer) == area_words.lead(book, facts, words)[0]
    assert f"{facts.total} registered in 01.10.2025–30.09.2026" in first_sentence(answer)
    assert answer.text.index('class="rm-lead"') < answer.text.index("<h2")
    assert "Data as of 01.11.2026." in text_of(answer)


def test_a_place_of_many_visitors_gives_no_rate_but_the_reason_and_the_hours(client, visited):
    answer = client.get(f"/area/{CITY}/{visited}", lang="en")

    assert first_sentence(answer).startswith("Many more people come here than live here")
    assert "per 10,000 residents a year." not in first_sentence(answer)
    assert "By part of the day, 2025" in text_of(answer)
    assert "compared only with others of many visitors" in text_of(answer)


def test_a_cell_leads_to_the_smallest_area_that_holds_it(client, book, area):
    cell = min(book.places[area].cells)

    answer = client.get(f"/area/{CITY}", cell=cell, lang="ru")

    assert answer.status_code == 302
    assert answer.headers["location"] == f"/area/{CITY}/{area}?lang=ru"


@pytest.mark.parametrize("cell", ["8a1fb46622dffff", "zzz", "", "8920047a553fffg"])
def test_a_cell_that_is_not_covered_is_answered_in_words(client, cell):
    answer = client.get(f"/area/{CITY}", cell=cell, lang="en")

    assert answer.status_code == 404
    assert "is not covered by the map, or is misspelt" in text_of(answer)
    assert f'href="/area/{CITY}?lang=en"' in answer.text


@pytest.mark.parametrize("address", ["/area/{}", "/embed/{}", "/feed/{}.atom", "/calendar/{}.ics"])
def test_an_area_of_an_earlier_year_says_where_its_ground_belongs_now(client, book, address):
    earlier = next(one for one in book.places.values() if one.year == 2024)

    answer = client.get(address.format(f"{CITY}/{earlier.place_id}"), lang="en")

    assert answer.status_code == 410
    assert f"/area/{CITY}/{book.now(earlier)[0].place_id}?lang=en" in unescape(answer.text)


@pytest.mark.parametrize("path", [f"/area/{CITY}/nothing", "/area/nowhere", "/regions/nowhere", "/area/a/b/c"])
def test_an_unknown_place_is_answered_in_words_with_a_way_on(client, path):
    answer = client.get(path, lang="ru")

    assert answer.status_code == 404
    assert re.search(r'<p class="rm-problem" role="alert">\S', answer.text)
    assert f'href="/area/{CITY}' in answer.text or f'href="/regions/{CITY}' in answer.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"lang": "fr"}, "area.notice.language"),
        ({"release": "2026-11-01-00000000"}, "area.notice.release"),
    ],
)
def test_a_broken_language_or_an_old_release_is_told_above_the_page(client, query, said):
    answer = client.get(f"/area/{CITY}", **query)

    assert answer.status_code == 200
    assert wording.in_language("kk").text(said) in text_of(answer)


def test_regions_stand_by_code_with_ranges_and_spans(client):
    answer = client.get(f"/regions/{COUNTRY}", lang="en")

    rows = re.findall(r'<th scope="row"><a href="/area/kazakhstan/(\d+)', answer.text)
    assert len(rows) == 20
    assert rows == sorted(rows)
    assert "Of 19 places, 1 is the highest level." in text_of(answer)
    assert re.search(r"<td>183\.2–186\.2</td><td>1–3</td>", answer.text)
    assert "108,394" in text_of(answer)


def test_two_areas_whose_ranges_overlap_are_not_told_apart(client, book):
    told = sorted((book.facts(key) for key in book.areas if book.facts(key).range), key=lambda one: one.range)
    first, second = told[0].place.place_id, told[1].place.place_id

    near = client.get(f"/compare/{CITY}", a=first, b=second, lang="en")
    far = client.get(f"/compare/{CITY}", a=first, b=told[-1].place.place_id, lang="en")

    assert first_sentence(near) == "The likely ranges overlap. It is not known which level is higher."
    assert first_sentence(far).startswith("The likely ranges do not overlap.")


def test_fraud_is_told_by_region_and_where_the_region_is_not_known(client):
    answer = client.get(f"/not-on-map/{CITY}", lang="en")

    assert "Region not known" in text_of(answer)
    assert re.search(r"Cases that belong on the map but came without a place, 2025: \d{2,}", text_of(answer))
    assert "Fraud" in text_of(answer)


def test_sensitive_offences_are_told_of_regions_and_years_and_never_below_ten(client):
    answer = client.get(f"/not-on-map/{CITY}", lang="en")

    told = [int(cell) for cell in re.findall(r"<td>([\d]+)</td>", answer.text)]
    assert told
    assert all(count == 0 or count >= 10 for count in told)
    assert "not shown" in text_of(answer)
