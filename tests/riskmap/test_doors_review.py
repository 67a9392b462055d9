"""The pages of reviewers: who may open them, what they say in each language, and what they hand out."""

import json
import re

import pytest

from riskmap.doors.review import PAGE_ROWS
from riskmap.doors.routes import routes
from riskmap.identity.access import Grant, Role
from riskmap.release import decode_cells
from riskmap.wording import LANGUAGES, in_language
from tests.council import NOW
from tests.hotspot_town import EXCLUDED, a_town, cells_of, expected_of, score_town, the_hotspots
from tests.riskmap.doors_client import ACCOUNTS, a_council, form_to, text_of

KK = in_language("kk")
HOME = "/review/toy"
MAP = f"{HOME}/map/all/all/30"
WHY = {"purpose": "patrols"}
"""Nothing is shown to somebody who does not say why they look."""
OTHERS = [login for login in ACCOUNTS if login not in {"police", "officer"}]
FORMS = ("csv", "geojson", "xlsx")
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    score_town(council.store)
    yield council
    council.store.close()


def grant(council, login, role, region_id):
    with council.store.work() as work:
        work.accounts.grant(council.actor(login).account_id, Grant(role=role, region_id=region_id), at=NOW)
        work.commit()


def entries(council, action):
    with council.store.look() as look:
        return [entry for entry in look.audit.entries() if entry.action == action]


def map_of(answer):
    """What a page hands its map."""
    told = re.search(r'data-map="([^"]*)"', answer.text).group(1)
    return json.loads(told.replace("&#34;", '"').replace("&amp;", "&"))


# ---- The gate ----


def paths_of(council):
    gaps = {"territory": "toy", "form": "csv", "district": "all", "group": "all", "days": "30", "file": "cells.bin"}
    gaps["rest:path"] = "any/thing/at/all/else/and/more"
    return [
        re.sub(r"\{([^}]+)\}", lambda gap: gaps[gap[1]], route.path)
        for route in routes(council.settings, lambda: council.store, now=lambda: council.at)
        if route.path.split("/")[1] == "review" and "GET" in route.methods
    ]


def test_every_page_of_reviewers_asks_who_is_there(council):
    paths = paths_of(council)

    answers = [council.browser().get(path) for path in paths]

    assert len(paths) == 5
    assert {answer.status_code for answer in answers} == {303}
    assert all(answer.headers["location"].startswith("/sign-in?") for answer in answers)


def test_signing_in_leads_back_to_the_list_that_was_asked_for(council):
    asked = council.browser().get(HOME, group="theft", district="d2")

    page = council.browser().get(asked.headers["location"])

    assert 'name="return" value="/review/toy?group=theft&amp;district=d2"' in page.text


@pytest.mark.parametrize("login", OTHERS)
def test_nobody_but_police_and_akimat_gets_in_and_each_try_is_written_down(council, login):
    browser = council.signed_in(login)
    paths = [HOME, *(f"{HOME}/hotspots.{form}" for form in FORMS)]
    paths += [f"{MAP}/{file}" for file in ("cells.bin", "classes-all.bin", "areas.geojson", "basemap.geojson")]

    answers = [browser.get(path) for path in paths]

    assert {answer.status_code for answer in answers} == {403}
    assert not [answer for answer in answers if the_hotspots()[0] in answer.text]
    assert [entry.details["permission"] for entry in entries(council, "refused")] == ["review_hotspots"] * len(paths)


def test_an_unknown_territory_is_refused_like_any_other(council):
    assert council.signed_in("police").get("/review/elsewhere").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        f"{HOME}?group=burglary&purpose=patrols",
        f"{HOME}?days=7&purpose=patrols",
        f"{HOME}?days=soon&purpose=patrols",
        f"{HOME}?district=d9&purpose=patrols",
        f"{HOME}/hotspots.pdf?purpose=patrols",
        f"{HOME}/hotspots.csv?days=7&purpose=patrols",
        f"{HOME}?order=colour&purpose=patrols",
        f"{MAP}/manifest.json",
        f"{MAP}/classes-theft.bin",
        f"{HOME}/map/d9/all/30/cells.bin",
        f"{HOME}/more",
    ],
)
def test_what_is_not_there_is_said_with_a_way_back(council, path):
    answer = council.signed_in("police").get(path)

    assert answer.status_code == 404
    assert 'href="/review?lang=kk"' in answer.text


# ---- The reason for looking ----


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("query", [{}, {"purpose": "curiosity"}])
def test_nothing_is_shown_before_a_reason_is_stated_and_the_address_is_kept(council, language, query):
    words, browser = in_language(language), council.signed_in("police", language=language)

    answer = browser.get(HOME, group="theft", **query)
    file = browser.get(f"{HOME}/hotspots.csv", **query)

    assert words.text("hotspots.purpose.title") in text_of(answer)
    assert the_hotspots()[0] not in answer.text
    assert form_to(answer, HOME)["group"] == "theft"
    assert (file.status_code, file.headers["location"].partition("?")[0]) == (303, HOME)
    assert entries(council, "hotspots_look") == entries(council, "hotspots_export") == []


def test_the_reason_stands_on_the_page_in_the_log_and_in_every_link(council):
    answer = council.signed_in("police").get(HOME, purpose="council")

    assert KK.text("hotspots.purpose.council") in text_of(answer)
    assert all("purpose=council" in href for href in re.findall(r'class="rm-queue-name" href="([^"]*)"', answer.text))
    assert form_to(answer, HOME)["purpose"] == "council"
    (entry,) = entries(council, "hotspots_look")
    assert entry.details["purpose"] == "council"


# ---- Pages ----


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("login", ["police", "officer"])
def test_the_page_says_what_is_expected_in_a_sentence_and_what_it_does_not_justify(council, language, login):
    words = in_language(language)

    answer = council.signed_in(login, language=language).get(HOME, **WHY)

    text = text_of(answer)
    assert answer.status_code == 200
    assert words.text("hotspots.people") in text
    assert words.text("hotspots.interval", low=3, high=12, days=30) in text
    assert text.count(words.text("hotspots.stability", percent="90", word=words.text("hotspots.stability.high"))) == 5
    for key in ("hotspots.rule.stability", "hotspots.rule.repeat", "hotspots.rule.range", "hotspots.logged"):
        assert words.text(key) in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_what_is_left_out_and_why(council, language):
    words = in_language(language)

    text = text_of(council.signed_in("police", language=language).get(HOME, **WHY))

    for why in ("no_place_kind", "discovered", "no_place"):
        assert words.text("hotspots.excluded.count", n=EXCLUDED[why]) in text
        assert words.text(f"hotspots.excluded.{why}") in text
    assert words.text("hotspots.excluded.few") in text
    assert words.text("hotspots.excluded.unclassified") not in text
    assert words.text("hotspots.excluded.kept", n=900) in text


def test_a_filter_narrows_the_list_and_stays_in_every_link(council):
    answer = council.signed_in("police").get(HOME, **WHY, group="theft", days="90", district="d2")

    hrefs = re.findall(r'class="rm-queue-name" href="([^"]*)"', answer.text)
    assert [re.search(r"cell=(\w+)", href).group(1) for href in hrefs] == cells_of("d2")[:3]
    assert all("group=theft" in href and "days=90" in href and "district=d2" in href for href in hrefs)
    assert f'<option value="d2" selected>{a_town().region_table["name_kk"][1]}' in answer.text
    switch = re.search(r'href="([^"]*)" lang="ru"', answer.text).group(1)
    assert "group=theft" in switch
    assert "district=d2" in switch


def test_a_reviewer_of_one_district_is_offered_no_other(council):
    grant(council, "neighbour", Role.POLICE_REVIEWER, "toy/d1")

    answer = council.signed_in("neighbour").get(HOME, **WHY)

    assert answer.status_code == 200
    assert 'name="district"' not in answer.text
    assert set(re.findall(r"cell=(\w+)", answer.text)) == set(cells_of("d1")[:2])
    assert council.signed_in("neighbour").get(HOME, **WHY, district="d2").status_code == 403


def test_a_chosen_hexagon_is_told_also_off_the_list(council):
    browser = council.signed_in("police")
    off = cells_of("d1")[-1]

    listed, unlisted, unknown = (browser.get(HOME, **WHY, cell=cell) for cell in (the_hotspots()[0], off, SCRIPT))

    assert KK.text("hotspots.cell", cell=the_hotspots()[0]) in text_of(listed)
    assert KK.text("hotspots.cell.not_listed") in text_of(unlisted)
    assert KK.text("hotspots.cell.unknown") in text_of(unknown)
    assert SCRIPT not in unknown.text


def test_a_long_list_is_turned_over_and_a_page_beyond_is_the_last(council, monkeypatch):
    monkeypatch.setattr("riskmap.doors.review.PAGE_ROWS", 4)
    browser = council.signed_in("police")

    first, last = browser.get(HOME, **WHY), browser.get(HOME, **WHY, page="9")

    assert PAGE_ROWS > 4
    assert 'rel="next"' in first.text
    assert 'rel="prev"' not in first.text
    assert '<ol class="rm-queue rm-hotspots" start="5">' in last.text
    assert 'rel="next"' not in last.text


def test_a_forecast_that_failed_its_test_or_whose_time_is_over_says_so(council):
    score_town(council.store, details={"served": {"all": {"level": "long_run"}}})
    council.at = NOW.replace(year=2027)

    text = text_of(council.signed_in("police").get(HOME, **WHY))

    assert KK.text("hotspots.served.long_run") in text
    assert KK.text("hotspots.over") in text


def test_where_nothing_has_been_scored_the_page_says_whom_to_ask(council):
    council.store.territories.save(a_town("calm"))
    grant(council, "police", Role.POLICE_REVIEWER, "calm")
    browser = council.signed_in("police")

    page, file = (browser.get(path, **WHY) for path in ("/review/calm", "/review/calm/hotspots.csv"))

    assert KK.text("hotspots.not_scored") in text_of(page)
    assert file.status_code == 404


def test_a_quiet_district_has_an_empty_list_with_its_reason(council):
    town = a_town()
    few = town.places.filter(~town.places["cell"].is_in(town.places.filter(region_id="d3")["cell"].sort()[:1]))
    score_town(council.store, territory=a_town(places=few))

    answer = council.signed_in("police").get(HOME, **WHY, district="d3")

    assert KK.text("hotspots.list.empty") in text_of(answer)
    assert "hotspots.csv" not in answer.text


def test_one_territory_is_opened_at_once_and_several_are_offered(council):
    assert council.signed_in("police").get("/review").headers["location"].startswith(f"{HOME}?")
    council.store.territories.save(a_town("second"))
    grant(council, "police", Role.POLICE_REVIEWER, "second")

    answer = council.signed_in("police").get("/review")

    assert 'href="/review/toy?lang=kk"' in answer.text
    assert 'href="/review/second?lang=kk"' in answer.text
    assert KK.text("hotspots.choose.none") in text_of(council.signed_in("resident").get("/review"))


@pytest.mark.parametrize(("login", "is_offered"), [("police", True), ("officer", True), ("secretary", False)])
def test_the_desk_leads_reviewers_to_the_hotspots_and_nobody_else(council, login, is_offered):
    answer = council.signed_in(login).get("/casework/toy")

    assert ('href="/review/toy?lang=kk"' in answer.text) is is_offered


# ---- The map ----


def test_the_map_gets_the_cells_of_the_choice_and_a_step_for_each(council):
    browser = council.signed_in("police")
    told = map_of(browser.get(HOME, **WHY, district="d2"))
    address = told["options"]["release_url"]

    cells, steps = browser.get(f"{address}/cells.bin"), browser.get(f"{address}/classes-all.bin")

    found = [f"{int(cell):x}" for cell in decode_cells(cells.content)]
    assert found == cells_of("d2")
    assert [cell for cell, step in zip(found, steps.content, strict=True) if step > 1] == cells_of("d2")[:3]
    assert steps.headers["cache-control"] == "no-store"


def test_the_map_is_drawn_in_steps_of_one_hue_without_patterns(council):
    palettes = map_of(council.signed_in("police").get(HOME, **WHY))["options"]["palettes"]

    for palette in palettes.values():
        assert palette["classes"][:5] == palette["steps"]
        assert palette["pattern"] == "transparent"


def test_districts_are_named_in_the_three_languages_on_the_map(council):
    told = council.signed_in("police").get(f"{MAP}/areas.geojson").json()

    assert [one["properties"]["names"]["en"] for one in told["features"]] == ["District 1", "District 2", "District 3"]


def test_each_look_and_the_colours_of_the_map_are_written_down(council):
    browser = council.signed_in("officer")

    browser.get(HOME, **WHY, group="theft")
    browser.get(f"{MAP}/classes-all.bin")

    (look,), (drawn,) = entries(council, "hotspots_look"), entries(council, "hotspots_map")
    assert (look.details["role"], look.details["group"]) == ("akimat_officer", "theft")
    assert (drawn.details["group"], drawn.account_id) == ("all", look.account_id)


# ---- Files ----


@pytest.mark.parametrize("form", FORMS)
def test_a_file_comes_as_an_attachment_of_its_kind_and_is_written_down(council, form):
    answer = council.signed_in("police").get(f"{HOME}/hotspots.{form}", **WHY, district="d2")

    assert answer.status_code == 200
    name = f"hotspots-toy-d2-all-30d-2026-11-01-simulated.{form}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    (entry,) = entries(council, "hotspots_export")
    assert (entry.details["form"], entry.details["district"]) == (form, "d2")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_is_in_the_language_of_the_session(council, language):
    words = in_language(language)

    answer = council.signed_in("police", language=language).get(f"{HOME}/hotspots.csv", **WHY)

    table = answer.content.decode("utf-8-sig")
    assert words.text("hotspots.people") in table
    assert words.text("hotspots.column.expected") in table
    assert str(expected_of(the_hotspots()[0], "all", 30)) in table
