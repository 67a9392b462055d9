"""The public page on past forecasts: a sentence first, a chart with its table, the rules, in three languages."""

import json
import re
from datetime import date
from html import unescape
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap import release, wording
from riskmap.public import scorecard, scorecard_chart
from riskmap.public.scorecard_chart import FLOOR_PX, LEFT, RIGHT, TOP_PX
from tests.public_client import PublicClient
from tests.release_builder import a_release
from tests.scorecard_builder import a_scored_release, windows_of

GROUPS = {
    "all": windows_of(registered=[1240] * 12, expected=1190.0, baseline=1100.0, low=1150.0, high=1250.0),
    "theft": windows_of(deviance=[0.2] * 10 + [0.4] * 2),
    "robbery": windows_of(registered=[22] * 12, deviance=[0.2] * 9 + [0.4] * 3, expected=21.0, baseline=19.0),
    "hooliganism": windows_of(registered=[3] * 12, expected=4.0, baseline=2.0),
    "assault": windows_of(registered=[50, 60]),
}


@pytest.fixture
def releases(tmp_path):
    release.write(tmp_path / "releases", *a_scored_release(**GROUPS))
    return tmp_path / "releases"


@pytest.fixture
def client(releases):
    return PublicClient(releases=releases)


def text_of(answer):
    """All text of a page, without marks and in one line; no-break spaces as spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def section_of(page, group):
    return re.search(rf'<section class="rm-sc-group" aria-labelledby="group-{group}">.*?</section>', page, re.DOTALL)[0]


def card_of(client, group):
    return next(one for one in scorecard.latest(client.releases, "toy").months.groups if one.offence_group == group)


def rewrite(releases, **changes):
    """Publish the release with another scorecard.json."""
    manifest, files = a_scored_release(**GROUPS)
    content = json.loads(files["scorecard.json"])
    content["monthly"] |= changes
    release.write(releases, manifest, files | {"scorecard.json": release.as_json(content)})


# ---- What is said ----


def test_the_page_begins_with_how_often_the_forecast_was_closer(client):
    page = client.get("/scorecard/toy", lang="en")

    lead = re.search(r'<p class="rm-lead">(.*?)</p>', page.text)[1]
    assert "in 12 of the last 12 test periods the forecast was closer" in lead
    assert "“Long-run mean”" in unescape(lead)
    assert page.text.index(lead) < page.text.index("<svg class")


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_page_is_whole_in_every_language(client, language):
    answer = client.get("/scorecard/toy", lang=language)
    words = wording.in_language(language)

    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text
    for key in ("scorecard.page.title", "scorecard.page.stop.title", "simulated.banner"):
        assert words.text(key) in unescape(answer.text)
    for group in GROUPS:
        assert words.text(f"group.{group}") in text_of(answer)


@pytest.mark.parametrize(
    ("group", "standing", "said"),
    [
        ("all", "In use", None),
        ("theft", "In use, with a warning", "Day of the warning: 01.11.2026."),
        ("robbery", "Switched off", "Day it was switched off: 01.11.2026."),
        ("assault", "Not tested yet", None),
    ],
)
def test_each_group_says_what_the_stop_rule_says_of_it(client, group, standing, said):
    section = section_of(client.get("/scorecard/toy", lang="en").text, group)

    assert re.search(rf'<span class="rm-sc-state[^>]*>{standing}</span>', section)
    assert ("Day " in section) is (said is not None)
    assert said is None or said in section


def test_the_criterion_and_the_stop_rule_are_told_with_their_days_and_numbers(client):
    text = text_of(client.get("/scorecard/toy", lang="en"))

    assert "This criterion was set on 23.11.2026. Over at least 12 test periods" in text
    assert "By 31.12.2027 the owner" in text
    assert "is switched off when in each of 3 periods in a row" in text
    assert "Advantage (Long-run mean): 0.1000; standard error: 0.0000. Met." in text


def test_a_group_whose_classes_rest_on_the_long_run_for_another_reason_says_so(releases, client):
    manifest, files = a_scored_release(territory="other", **GROUPS)
    manifest["served"]["theft"]["level"] = manifest["served"]["all"]["level"] = "long_run"
    release.write(releases, manifest, files)
    said = wording.in_language("en").text("legend.long_run")

    page = unescape(client.get("/scorecard/other", lang="en").text)

    assert said in section_of(page, "theft")
    assert said not in section_of(page, "robbery")
    assert said not in unescape(client.get("/scorecard/toy", lang="en").text)


def test_the_table_holds_the_numbers_of_the_chart(client):
    section = section_of(client.get("/scorecard/toy", lang="en").text, "all")
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", section, re.DOTALL)]

    assert rows[0][:5] == ["Period starts", "Registered", "Forecast", "Long-run mean", "The same days of last year"]
    assert rows[1] == ["06.11.2025", "1,240", "1,190", "1,100", "1,100", "1,150–1,250", "yes", "0.41"]
    assert len(rows) == 13


def test_a_small_total_is_told_as_at_most_nine_and_draws_no_line(client):
    section = section_of(client.get("/scorecard/toy", lang="en").text, "hooliganism")

    assert "≤\u00a09" in section
    assert "too few incidents to draw" in section
    assert "<svg class" not in section
    assert not re.search(r"<td>[1-8]</td>", section)


def test_the_page_needs_no_script_and_asks_nobody_else(client):
    page = client.get("/scorecard/toy")

    assert "<script" not in page.text
    assert not re.search(r"""(?:src|href)="(?:https?:)?//""", page.text)


def test_the_ways_on_lead_to_the_card_the_map_and_the_numbers(client):
    page = client.get("/scorecard/toy", lang="ru").text
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', page)]

    assert {"/model-card?lang=ru", "/?lang=ru&place=toy&view=hexagons", "/scorecard/toy?lang=kk"} <= set(links)
    file = next(link for link in links if link.endswith("/scorecard.json"))
    assert client.get(file).json()["monthly"]["version"] == scorecard.VERSION


def test_every_chart_has_a_title_and_a_description_of_its_own(client):
    page = client.get("/scorecard/toy", lang="en").text
    charts = re.findall(r'<svg class="rm-sc-chart".*?</svg>\n<ul', page, re.DOTALL)

    named = [re.search(r'aria-labelledby="(\S+) (\S+)"', chart).groups() for chart in charts]

    assert len(charts) == 4
    assert all(f'<title id="{title}">' in page and f'<desc id="{text}">' in page for title, text in named)
    assert len(set(named)) == len(named)
    for chart in charts:
        ElementTree.fromstring(chart.removesuffix("\n<ul"))  # noqa: S314 - written by our own template


def test_the_footer_of_plain_pages_leads_to_the_scorecard(client):
    assert 'href="/scorecard/toy?lang=kk"' in client.get("/council/toy").text
    assert 'href="/scorecard?lang=kk"' in client.get("/council").text


# ---- What is missing ----


def test_a_release_without_months_shows_the_means_of_all_methods(releases, client):
    manifest, files = a_scored_release(territory="old")
    content = json.loads(files["scorecard.json"])
    del content["monthly"]
    release.write(releases, manifest, files | {"scorecard.json": release.as_json(content)})

    page = client.get("/scorecard/old", lang="en")

    assert page.status_code == 200
    assert "This release holds no month-by-month test" in page.text
    assert text_of(page).count("8.41") == 3
    assert "<svg class" not in page.text


def test_months_of_a_later_version_are_left_out(releases, client):
    rewrite(releases, version=scorecard.VERSION + 1)

    assert "This release holds no month-by-month test" in client.get("/scorecard/toy", lang="en").text


def test_months_that_are_not_what_they_say_are_a_damaged_release(releases, client):
    rewrite(releases, groups=[{"offence_group": "all"}])

    answer = client.get("/scorecard/toy", lang="en")

    assert answer.status_code == 503
    assert wording.in_language("en").text("error.damaged_release") in unescape(answer.text)


@pytest.mark.parametrize("name", ["nowhere", "..", "%2e%2e", "toy/x"])
def test_a_place_nobody_has_published_is_not_found(client, name):
    assert client.get(f"/scorecard/{name}").status_code == 404


def test_a_place_of_official_totals_says_that_nothing_was_tested(releases, client):
    manifest, files = a_release(territory="country")
    del files["scorecard.json"]
    release.write(releases, manifest, files)

    answer = client.get("/scorecard/country", lang="en")

    assert answer.status_code == 404
    assert "The forecast of this place has not been tested." in answer.text


def test_the_list_names_the_places_that_have_a_scorecard(releases, client):
    manifest, files = a_release(territory="country")
    del files["scorecard.json"]
    release.write(releases, manifest, files)

    page = client.get("/scorecard", lang="en").text

    assert 'href="/scorecard/toy?lang=en"' in page
    assert "/scorecard/country" not in page


def test_without_any_release_the_list_says_so(tmp_path):
    answer = PublicClient(releases=tmp_path / "none").get("/scorecard", lang="en")

    assert answer.status_code == 200
    assert "There is no place yet" in answer.text


# ---- The chart ----


def test_columns_stand_on_the_floor_as_high_as_their_numbers(client):
    chart = scorecard_chart.draw(card_of(client, "all"))

    (zero, floor), *_, (top, ceiling) = chart.ticks
    assert (zero, floor, ceiling) == (0, FLOOR_PX, TOP_PX)
    column = chart.columns[0]
    assert column.y + column.height == pytest.approx(FLOOR_PX, abs=0.11)
    assert column.height == pytest.approx((FLOOR_PX - TOP_PX) * 1240 / top, abs=0.11)


def test_the_forecast_is_drawn_last_with_a_point_for_each_period(client):
    chart = scorecard_chart.draw(card_of(client, "theft"))

    assert [series.name for series in chart.series][-1] == scorecard.FORECAST
    assert {len(series.points) for series in chart.series} == {12}
    assert {len(series.lines) for series in chart.series} == {11}
    assert chart.ranges == ()


def test_a_number_that_may_not_be_told_breaks_the_line(tmp_path):
    kept = windows_of(registered=[40, 3, 40, 40])
    for row in kept:
        row["expected_incidents"] = 5.0 if row["incidents"] == 3 else 40.0
    release.write(tmp_path, *a_scored_release(all=kept))

    chart = scorecard_chart.draw(scorecard.latest(tmp_path, "toy").months.groups[0])

    assert [column.is_few for column in chart.columns] == [False, True, False, False]
    assert {len(series.points) for series in chart.series} == {3}
    assert {len(series.lines) for series in chart.series} == {1}


@given(most=st.integers(min_value=1, max_value=10**7))
def test_the_axis_has_few_round_lines_and_reaches_the_largest_number(most):
    window = scorecard.Window(
        start=date(2026, 1, 1),
        end=date(2026, 1, 31),
        registered=most,
        expected={scorecard.FORECAST: most},
        range=None,
        hit_rate_5=None,
        is_closer=True,
    )
    card = scorecard.GroupCard(
        offence_group="all",
        baseline="long_run_mean",
        n_closer=1,
        gains={},
        standing="untested",
        since=None,
        outcome="too_early",
        windows=(window,),
    )

    chart = scorecard_chart.draw(card)

    values = [value for value, _ in chart.ticks]
    assert values[-2] < most <= values[-1]
    assert 2 <= len(values) <= scorecard_chart.MOST_TICKS + 1
    assert re.fullmatch(r"[125]0*", str(values[1]))
    assert chart.columns[0].x >= LEFT
    assert chart.columns[0].x + chart.columns[0].width <= RIGHT
