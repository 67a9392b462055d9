"""The model card: whole in three languages, its numbers those of the benchmark, its document current."""

import asyncio
import importlib.util
import json
import re
from datetime import date
from functools import cache
from html import unescape

import httpx
import pytest
from starlette.applications import Starlette

from geodata import offences
from models.scorecard import Criterion, StopRule
from riskmap import model_terms, wording
from riskmap.errors import InvalidSetting
from riskmap.public import model_card, model_card_pages
from riskmap.public.model_card import InvalidResults
from riskmap.settings import LONGEST_CONTACT, REPOSITORY, Settings

TERMS = model_terms.current()
ENTRY = {
    "data_set": "Toronto",
    "offence_group": "Robbery",
    "resolution": 9,
    "horizon_days": 30,
    "model": "eb",
    "n_windows": 12,
    "incidents": 3210,
    "pai_5": 8.5,
    "poisson_deviance": 0.195,
    "calibration_slope": 1.04,
    "observed_over_expected": 0.98,
}
EXAMPLE = [
    {**ENTRY, "model": "long_run_mean", "pai_5": 8.4, "poisson_deviance": 0.202},
    {**ENTRY, "pai_5_gain": 0.0, "pai_5_gain_error": 0.0},
    {
        **ENTRY,
        "model": "stacked",
        "pai_5": 8.85,
        "poisson_deviance": 0.193,
        "pai_5_gain": 0.37,
        "pai_5_gain_error": 0.08,
        "poisson_deviance_gain": 0.002,
        "poisson_deviance_gain_error": 0.0005,
        "coverage_90": 0.904,
    },
    {**ENTRY, "model": "truth", "poisson_deviance": 0.179},
]
"""Results as scripts/bench_risk_model.py writes them; the numbers are made up."""


@cache
def script():
    """The script that writes docs/model_card.md."""
    spec = importlib.util.spec_from_file_location("write_model_card", REPOSITORY / "scripts" / "write_model_card.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "model_results.json"
    path.write_text(json.dumps(EXAMPLE), encoding="utf-8")
    return path


def numbers_of(entries, tmp_path, language="en"):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    found = model_card.sections(wording.in_language(language), TERMS, model_card.read_results(path))
    return next(section for section in found if section.name == "numbers")


def the_page(results, language="en", contact=None) -> httpx.Response:
    app = Starlette(routes=model_card_pages.routes(TERMS, results=results, contact=contact))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://riskmap.test") as client:
            return await client.get("/model-card", params={"lang": language})

    return asyncio.run(ask())


# ---- The document ----


def test_the_document_is_what_the_code_and_the_results_say_today():
    page = REPOSITORY / "docs" / "model_card.md"

    assert page.read_text(encoding="utf-8") == script().page()


def test_an_outdated_document_is_told_and_then_written_anew(tmp_path, results, capsys):
    page = tmp_path / "model_card.md"
    page.write_text("an old page")

    before = script().main(["--check"], target=page, results=results)
    script().main([], target=page, results=results)
    after = script().main(["--check"], target=page, results=results)

    assert (before, after) == (1, 0)
    assert "out of date" in capsys.readouterr().err


def test_the_document_speaks_three_languages_with_the_same_parts_and_numbers(results):
    parts = re.split(r"^## ", script().page(results), flags=re.MULTILINE)[1:]

    assert [part.partition("\n")[0] for part in parts] == ["Қазақша", "Русский", "English"]
    assert len({part.count("### ") for part in parts}) == 1
    assert len({part.count("\n- ") for part in parts}) == 1
    assert len({re.sub(r"[^0-9]", "", part[part.index("| 9 |") :].partition("\n")[0]) for part in parts}) == 1


def test_the_document_names_the_setting_and_no_installation(results):
    assert script().page(results).count("`RISKMAP_CONTACT`") == 3


# ---- The numbers ----


def test_a_case_stands_in_one_row_with_the_model_beside_the_base_and_the_mean(tmp_path):
    table = numbers_of(EXAMPLE, tmp_path).table

    (row,) = table.rows
    assert len(row) == len(table.heads)
    assert [cell.replace("\u00a0", " ") for cell in row] == [
        "Toronto, Robbery",
        "9",
        "8.8 / 8.5 / 8.4",
        "0.37 ± 0.08",
        "0.193 / 0.195 / 0.202",
        "1.04",
        "0.98",
        "90 %",
    ]


def test_the_card_counts_where_the_model_is_better_than_the_mean_and_clearly_worse_than_the_base(tmp_path):
    worse = [
        {**entry, "offence_group": "Assault", "poisson_deviance_gain": -0.002}
        if entry["model"] == "stacked"
        else {**entry, "offence_group": "Assault", "poisson_deviance": 0.15}
        for entry in EXAMPLE
    ]

    said = numbers_of([*EXAMPLE, *worse], tmp_path).paragraphs[1]

    assert "better than the long-run mean: 1 of 2" in said
    assert "clearly worse than our base model: 1 of 2" in said


def test_where_only_the_base_was_tested_there_is_no_gain_over_it(tmp_path):
    (row,) = numbers_of(EXAMPLE[:2], tmp_path).table.rows

    assert (row[3], row[7]) == ("–", "–")


def test_other_horizons_and_cases_of_baselines_alone_stand_in_no_row(tmp_path):
    others = [{**entry, "horizon_days": 90} for entry in EXAMPLE] + [{**EXAMPLE[0], "data_set": "Chicago"}]

    section = numbers_of(others, tmp_path)

    assert section.table is None
    assert section.paragraphs == ("The test results of this version have not been written down yet.",)


def test_without_a_file_the_card_has_no_numbers(tmp_path):
    assert model_card.read_results(tmp_path / "none.json") == ()


@pytest.mark.parametrize("text", ["{", "[1]", '[{"model": "eb"}]', "7"])
def test_a_file_that_holds_no_results_is_refused_with_a_way_out(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)

    with pytest.raises(InvalidResults, match="Write it with scripts/bench_risk_model"):
        model_card.read_results(path)


def test_groups_of_the_card_are_those_that_may_stand_on_a_map():
    assert set(model_card.GROUPS.values()) <= model_card.OURS
    assert {"all", *offences.MAPPABLE_CODES} == model_card.OURS


def test_a_kind_nobody_has_named_stands_as_its_publisher_wrote_it(tmp_path):
    entries = [{**entry, "offence_group": "Odd Kind", "data_set": "Elsewhere"} for entry in EXAMPLE]

    assert numbers_of(entries, tmp_path, "kk").table.rows[0][0] == "Elsewhere, Odd Kind"


# ---- The words ----


def test_the_terms_are_those_the_scorecard_is_judged_by():
    assert (TERMS.set_on, TERMS.decided_by) == (Criterion().set_on, Criterion().decided_by)
    assert (TERMS.least_windows, TERMS.stop_windows) == (Criterion().least_windows, StopRule().windows)
    assert date(2026, 11, 23) == TERMS.set_on


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_part_of_the_card_says_something(language):
    words = wording.in_language(language)

    found = model_card.sections(words, TERMS)

    assert [section.name for section in found] == [
        "what",
        "use",
        "never",
        "limits",
        "numbers",
        "data",
        "oversight",
        "criterion",
        "stop",
        "contact",
    ]
    assert all(section.paragraphs or section.items for section in found)
    assert len({text for section in found for text in (*section.paragraphs, *section.items)}) == sum(
        len(section.paragraphs) + len(section.items) for section in found
    )


def test_the_card_says_what_under_reporting_does_and_that_people_are_never_its_subject():
    found = {section.name: " ".join(section.items) for section in model_card.sections(wording.in_language("en"), TERMS)}

    assert "does not cure that" in found["limits"]
    assert "grounds to stop, check or search anybody" in found["never"]


# ---- The page ----


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_page_shows_the_card_in_each_language(results, language):
    answer = the_page(results, language)

    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    text = unescape(answer.text)
    assert "<script" not in text
    for section in model_card.sections(wording.in_language(language), TERMS, model_card.read_results(results)):
        assert section.title in text
        assert all(item in text for item in (*section.paragraphs, *section.items))
        assert section.table is None or section.table.rows[0][2] in text


def test_a_contact_is_shown_as_text_and_never_as_markup(results):
    assert "&lt;b&gt;model@akimat.example&lt;/b&gt;" in the_page(results, contact="<b>model@akimat.example</b>").text
    assert "This installation names no contact." in the_page(results).text


def test_results_that_cannot_be_read_leave_the_words_of_the_card(results, caplog):
    results.write_text("{")

    answer = the_page(results)

    assert answer.status_code == 200
    assert "have not been written down yet" in answer.text
    assert "cannot be shown" in caplog.text


# ---- The setting ----


def test_the_contact_is_a_setting():
    given = {"RISKMAP_DATA": "data", "RISKMAP_CONTACT": " model@akimat.example "}

    assert Settings.from_environment(given).contact == "model@akimat.example"
    assert Settings.from_environment({"RISKMAP_DATA": "data"}).contact is None


@pytest.mark.parametrize("text", ["x" * (LONGEST_CONTACT + 1), "one\ntwo"])
def test_a_contact_of_several_lines_or_without_end_is_refused(text):
    with pytest.raises(InvalidSetting, match="RISKMAP_CONTACT"):
        Settings.from_environment({"RISKMAP_DATA": "data", "RISKMAP_CONTACT": text})
