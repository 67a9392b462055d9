"""What the reviewers' page says of reasons, severity, areas and hours, and what it says where a run lacks them."""

import csv
import io
import json
import re

import pytest

from riskmap import journal
from riskmap.doors.review_areas import _alphabetical
from riskmap.wording import LANGUAGES, in_language
from tests.hotspot_town import AS_OF, a_request, cells_of, score_town, the_hotspots
from tests.riskmap.doors_client import a_council, text_of

KK = in_language("kk")
HOME = "/review/toy"
WHY = {"purpose": "quality"}
FEW_SHARES = {"incidents": 4, "shares": None}
PARTS = {"incidents": 400, "shares": [[0.1, 0.08, 0.12], [0.2, 0.17, 0.23], [0.3, 0.26, 0.34], [0.4, 0.36, 0.44]]}
AREAS = {
    "d1": {"incidents": 90, "rate": 90.0, "low": 75.0, "high": 107.0, "highest": 1, "lowest": 2, "ranked": 3},
    "d2": {"incidents": 85, "rate": 85.0, "low": 70.0, "high": 102.0, "highest": 1, "lowest": 2, "ranked": 3},
    "d3": {"incidents": 3, "rate": 3.0, "low": 1.0, "high": 7.0, "highest": 3, "lowest": 3, "ranked": 3},
}
DETAILS = {
    "areas": {"all": AREAS},
    "times": {
        "all": {
            "toy": {"part_of_day": PARTS, "weekday": FEW_SHARES, "default_hours": [0]},
            "d2": {"part_of_day": FEW_SHARES, "weekday": FEW_SHARES, "default_hours": []},
        }
    },
    "severity": {
        "incidents": 100,
        "weighed": 80,
        "stood_in": 5,
        "weights": {"theft": 900.0},
        "rest": {"share": 0.1, "days": 4000.0},
    },
    "excluded": {"kept": 9, "unspecified": 6},
}


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    score_town(council.store, details=DETAILS)
    yield council
    council.store.close()


def looked_at(council, language="kk", **query):
    return council.signed_in("police", language=language).get(HOME, **WHY, **query)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reasons_of_a_hexagon_are_told_with_the_note_that_they_are_no_causes(council, language):
    words = in_language(language)

    text = text_of(looked_at(council, language, cell=the_hotspots()[0]))

    assert text.count(words.text("reason.own_record.more")) == 2
    assert words.text("reason.note") in text
    assert words.text("reason.none") in text


def test_a_run_without_reasons_opens_and_says_nothing_of_them(council):
    score_town(council.store, is_marked=False)

    answer = looked_at(council, cell=the_hotspots()[0])

    assert answer.status_code == 200
    assert KK.text("reason.title") not in text_of(answer)


def test_a_file_holds_reasons_and_severity_of_each_place(council):
    browser = council.signed_in("police", language="en")

    told = json.loads(browser.get(f"{HOME}/hotspots.geojson", **WHY).content)
    table = browser.get(f"{HOME}/hotspots.csv", **WHY).content.decode("utf-8-sig")

    first = told["features"][0]["properties"]
    assert first["reasons"][0] == {"theme": "own_record", "presence": "more", "factor": 2.5, "effect": "higher"}
    assert first["severity_index"] > 1.0
    rows = list(csv.reader(io.StringIO(table)))
    header, row, *_ = rows[rows.index([]) + 1 :]
    assert float(row[header.index("severity index")]) == first["severity_index"]
    assert row[header.index("why this expected number")].startswith("Incidents of this kind recorded here: many")
    assert in_language("en").text("reason.note") in table


def test_a_list_by_severity_holds_the_same_hexagons_and_the_order_stays_in_its_links(council):
    plain, ordered = looked_at(council), looked_at(council, order="severity")

    found = [re.findall(r'rm-queue-name" href="[^"]*cell=(\w+)', page.text) for page in (plain, ordered)]
    assert sorted(found[0]) == sorted(found[1])
    assert 'value="severity" selected' in ordered.text
    assert "order=severity" in re.search(r'rm-queue-name" href="([^"]*)"', ordered.text).group(1)
    assert KK.text("hotspots.rule.severity", percent="80") in text_of(ordered)


def test_one_group_alone_has_no_severity(council):
    text = looked_at(council, group="theft").text

    assert 'name="order"' not in text
    assert KK.text("hotspots.severity.none") not in text


def test_without_weights_the_page_says_why_there_is_no_severity(council):
    score_town(council.store)

    answer = looked_at(council)

    assert KK.text("hotspots.severity.none") in text_of(answer)
    assert 'name="order"' not in answer.text


def test_areas_stand_by_name_with_ranges_and_never_with_one_place(council):
    words = in_language("en")

    text = looked_at(council, "en").text

    table = re.search(r'(?s)<table class="rm-areas">.*?</table>', text).group(0)
    assert re.findall(r'scope="row">([^<]*)', table) == ["District 1", "District 2", "District 3"]
    assert "90.0 (75.0–107.0)" in table
    assert words.text("hotspots.areas.places", highest=2, lowest=3, of=3) in table
    assert words.text("hotspots.areas.few") in table


def test_hours_are_of_the_whole_or_of_the_district_chosen_and_too_few_is_said(council):
    whole, district = looked_at(council), looked_at(council, district="d2")

    assert whole.text.count('class="rm-share"') == 4
    assert KK.text("hotspots.times.default_hours") in text_of(whole)
    assert KK.text("hotspots.times.few", n=35) in text_of(whole)
    assert 'class="rm-share"' not in district.text
    assert KK.text("hotspots.times.few", n=20) in text_of(district)


def test_a_district_without_a_profile_says_so(council):
    assert KK.text("hotspots.times.unknown") in text_of(looked_at(council, district="d3"))


def test_incidents_without_a_category_are_told_among_what_the_forecast_holds(council):
    assert KK.text("hotspots.excluded.unspecified", n=6) in text_of(looked_at(council))


def test_kazakh_names_stand_in_the_order_of_their_alphabet():
    names = ["Шығыс", "Өзен жағасы", "Орталық", "Қала", "Кент", "Әуежай", "Батыс"]

    assert sorted(names, key=_alphabetical) == ["Әуежай", "Батыс", "Кент", "Қала", "Орталық", "Өзен жағасы", "Шығыс"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_card_says_what_the_council_last_did_nearby(council, language):
    words, here = in_language(language), the_hotspots()[0]
    told = tuple(a_request(number, here, AS_OF) for number in range(1, 5))
    journal.write(council.settings.journals, "toy", told, as_of=AS_OF, is_simulated=True, audit_head={})

    near, far = (text_of(looked_at(council, language, cell=cell)) for cell in (here, cells_of("d1")[0]))

    assert near.count(words.text("council.state.done")) == 3
    assert words.text("hotspots.actions.more", n=1) in near
    assert words.text("hotspots.actions.none", m=400) in far


def test_without_a_journal_the_card_says_that_nothing_has_been_published(council):
    assert KK.text("hotspots.actions.unpublished") in text_of(looked_at(council, cell=cells_of("d1")[-1]))
