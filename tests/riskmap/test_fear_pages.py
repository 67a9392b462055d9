"""Fear and recorded crime side by side: what the page says of survey answers in a release of official totals."""

import re
import shutil
from datetime import UTC, date, datetime
from html import unescape
from itertools import pairwise

import pytest
from scipy import stats

from geodata import kazakhstan, made_up_survey, survey_answers
from geodata.survey_answers import Question
from riskmap import assembly, wording
from riskmap.pipeline import publication, survey
from riskmap.public import area_drawing, area_facts, fear_facts, fear_pages, shelf
from tests.public_client import PublicClient

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HEADER = "region_id,sex,year,question,share_percent,respondents\n"
AFTER_DARK = "feels_unsafe_after_dark"
WAVES = {
    "Bureau of statistics": f"""\
kazakhstan,all,2025,{AFTER_DARK},35,9000
750000000,f,2025,{AFTER_DARK},45.7,812
750000000,m,2025,{AFTER_DARK},30.1,29
710000000,f,2025,{AFTER_DARK},20,700
710000000,f,2024,{AFTER_DARK},90,700
""",
    "Drawn by a computer": f"""\
750000000,f,2026,{AFTER_DARK},99,812
750000000,f,2026,fears_attack,26.7,812
""",
}
ROW = re.compile(r'<tr><th scope="row"><a href="/area/kazakhstan(?:/(\d+))?\?.*?</tr>', re.DOTALL)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A release of Kazakhstan with two real waves of one source and a simulated one."""
    folder = tmp_path_factory.mktemp("fear")
    store = assembly.in_memory_store(folder)
    store.territories.save(kazakhstan.territory())
    for source, lines in WAVES.items():
        path = folder / "answers.csv"
        path.write_text(HEADER + lines, encoding="utf-8")
        survey.load(
            store,
            path,
            territory_name="kazakhstan",
            source=source,
            dated=date(2026, 1, 20),
            now=NOW,
            is_simulated=source.startswith("Drawn"),
        )
    territory = store.territories.load("kazakhstan")
    publication.publish(store, folder / "releases", territory, as_of=None, now=NOW, progress=lambda *_: None)
    return PublicClient(releases=folder / "releases")


def text_of(answer):
    main = re.search(r"<main.*?</main>", answer.text, re.DOTALL)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def cells_of(answer, region_id):
    """Texts of the cells of one line of the table."""
    row = next(found[0] for found in ROW.finditer(answer.text) if found[1] == region_id)
    return [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<td>(.*?)</td>", row)]


@pytest.mark.parametrize(("percent", "n"), [(0, 30), (12, 50), (50, 200), (97, 1000), (100, 40)])
def test_the_sampling_range_is_that_of_wilson(percent, n):
    low, high = fear_facts.sampling_range(percent, n)

    known = stats.binomtest(round(percent * n / 100), n).proportion_ci(0.9, method="wilson")
    assert (low, high) == pytest.approx((100 * known.low, 100 * known.high), abs=0.051)


def test_every_question_of_the_reader_has_its_place_on_the_page_and_its_words():
    assert sorted(fear_facts.QUESTIONS) == sorted(Question) == sorted(survey_answers.QUESTION_MEANINGS)
    for language in wording.LANGUAGES:
        assert all(wording.in_language(language).text(f"fear.question.{code}") for code in Question)


def test_a_share_stands_with_its_range_beside_the_recorded_rate(client):
    answer = client.get("/fear/kazakhstan", lang="en")

    women, men, everybody, recorded = cells_of(answer, "750000000")
    assert women == "45.7\u00a0% (42.8\u201348.6)"
    assert men == "Too few answers"
    assert everybody == "\u2013"
    assert re.fullmatch(r"\d+\.\d\u2013\d+\.\d", recorded)


def test_a_share_of_too_few_people_is_nowhere_on_the_page_or_in_the_release(client):
    release = shelf.latest(client.releases, "kazakhstan")

    assert "30.1" not in text_of(client.get("/fear/kazakhstan", lang="en"))
    assert "30.1" not in (release.folder / "survey.csv").read_text()


def test_places_stand_in_the_order_of_their_codes_below_the_whole(client):
    found = [match[1] for match in ROW.finditer(client.get("/fear/kazakhstan", lang="ru").text)]

    assert found[0] is None
    assert len(found) == 21
    assert all(one < other for one, other in pairwise(found[1:]))


def test_real_answers_come_before_simulated_ones_and_waves_are_not_mixed(client):
    said = text_of(client.get("/fear/kazakhstan", lang="en"))

    assert "Year of the survey: 2025." in said
    assert "Source: Bureau of statistics." in said
    assert "Number: 2" in said
    assert "99.0" not in said
    assert "90.0" not in said


def test_simulated_answers_say_so_in_place_of_a_source(client):
    said = text_of(client.get("/fear/kazakhstan/fears_attack", lang="en"))

    assert "This is simulated sample data: nobody was asked." in said
    assert "Drawn by a computer" not in said


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("kk", "Адамдардың үрейі полиция жұмысының өлшемі емес."),
        ("ru", "Страх людей не показывает, как работает полиция."),
        ("en", "People’s fear is not a measure of police work."),
    ],
)
def test_every_page_says_that_fear_is_no_measure_of_the_police(client, language, sentence):
    assert sentence in text_of(client.get("/fear/kazakhstan", lang=language))


def test_a_question_nobody_was_asked_is_answered_in_words_with_the_others(client):
    answer = client.get("/fear/kazakhstan/feels_unsafe_by_day", lang="en")

    assert answer.status_code == 404
    assert "no answers to that question" in text_of(answer)
    assert "feels_unsafe_by_day" not in answer.text.partition("<main")[0]
    assert 'href="/fear/kazakhstan/fears_attack?lang=en"' in answer.text


def test_the_table_of_answers_is_one_link_away(client):
    link = re.search(r'href="(/releases/[^"]+survey\.csv)"', client.get("/fear/kazakhstan", lang="kk").text)[1]

    answer = client.get(link)

    assert answer.status_code == 200
    assert answer.text.startswith("region_id,sex,year,question,share_percent,respondents,source,dated,is_simulated\n")


def test_a_release_without_answers_says_so_and_keeps_its_address(client, tmp_path):
    shutil.copytree(client.releases, tmp_path / "releases")
    store = assembly.in_memory_store(tmp_path / "other")
    store.territories.save(kazakhstan.territory())
    territory = store.territories.load("kazakhstan")
    publication.publish(store, tmp_path / "releases", territory, as_of=None, now=NOW, progress=lambda *_: None)

    answer = PublicClient(releases=tmp_path / "releases").get("/fear/kazakhstan", lang="en")

    assert answer.status_code == 200
    assert "This release has no survey answers." in text_of(answer)
    assert "/fear/kazakhstan/" not in answer.text


def test_the_page_of_regions_leads_there_and_the_twin_has_each_question(client):
    book = area_facts.book(shelf.latest(client.releases, "kazakhstan"))

    assert 'href="/fear/kazakhstan?lang=kk"' in client.get("/regions/kazakhstan", lang="kk").text
    assert fear_pages.addresses(book) == ["/fear/kazakhstan", "/fear/kazakhstan/fears_attack"]


def test_ranges_of_several_kinds_share_one_axis_and_a_place_without_any_keeps_its_line():
    chart = area_drawing.grouped([("a", [("f", (10, 20)), ("m", (20, 40))]), ("b", []), ("c", [("f", (10, 20))])])

    first, _, last = chart.groups
    assert [len(group.bars) for group in chart.groups] == [2, 0, 1]
    assert first.bars[0][1].x == last.bars[0][1].x
    assert first.bars[0][1].y < first.bars[1][1].y < chart.groups[1].y < last.y < chart.floor
    assert area_drawing.grouped([("a", [])]) is None


def test_the_made_up_answers_are_the_same_each_time_and_all_are_usable(tmp_path):
    answers = made_up_survey.answers()
    answers.write_parquet(tmp_path / "answers.parquet")

    read = survey_answers.read_survey(
        tmp_path / "answers.parquet",
        region_ids=answers["region_id"].unique().to_list(),
        source=made_up_survey.SOURCE,
        dated=date(2025, 12, 20),
        is_simulated=True,
    )

    assert made_up_survey.answers().equals(answers)
    assert (read.answers.height, read.refused, read.repeated) == (answers.height, (), 0)
    assert answers.filter(answers["respondents"] < survey.LEAST_RESPONDENTS)["sex"].unique().to_list() == ["m"]
