"""The page on privacy tells the rules of the code, a true example, and what the newest releases' tests found."""

import asyncio
import html
import re

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from geodata import disclosure, public_counts, split
from geodata.split import LEAST_COUNT, LEAST_SENSITIVE
from riskmap import journal, kept_kinds, release, wording
from riskmap.identity import sessions
from riskmap.public import privacy_pages
from riskmap.public.privacy_pages import EXAMPLE, LEFT_OUT_TOO, TOO_SMALL
from riskmap.settings import KeptFor
from riskmap.wording import LANGUAGES, in_language
from tests.public_client import PublicClient
from tests.release_builder import a_release

EXAMPLE_ROW = "example-01 2025"
"""A name of the made-up row for which the rule's order takes what the page says."""


def page(releases, language="en", address=privacy_pages.ADDRESS, **settings):
    given = {"terms": kept_kinds.rows(KeptFor())} | settings

    async def ask():
        app = Starlette(routes=privacy_pages.routes(releases, releases / "journals", **given))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://riskmap.test") as client:
            return await client.get(address, params={"lang": language})

    return asyncio.run(ask())


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_long_texts_of_reviews_are_kept_is_what_the_installation_says(tmp_path, language):
    assert ": 90." in page(tmp_path, language, terms=kept_kinds.rows(KeptFor(reviews_days=90))).text


def numbers_in(text):
    return {int(found) for found in re.findall(r"\d+", text)}


# ---- What is told is what the code does ----


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("privacy.not_shown.small", {1, LEAST_COUNT - 1, LEAST_COUNT}),
        ("privacy.not_shown.sensitive", {LEAST_SENSITIVE}),
        ("privacy.not_shown.rare", {public_counts.LEAST_OF_GROUP}),
        ("privacy.not_shown.places", {1, disclosure.LEAST_RESIDENTS - 1, disclosure.LEAST_ADDRESSES - 1}),
        ("privacy.band.zero", {0, public_counts.BAND_WIDTH - 1}),
        ("privacy.band.wide", set(public_counts.BAND_WIDTH_OF_FEW.values())),
        (
            "privacy.visitor.account",
            {int(sessions.IDLE.total_seconds()) // 60, int(sessions.ABSOLUTE.total_seconds()) // 3600},
        ),
    ],
)
def test_the_numbers_of_a_rule_are_those_of_the_code(language, key, numbers):
    assert numbers_in(in_language(language).text(key)) == numbers


def test_the_example_leaves_out_what_the_rule_leaves_out():
    counts = np.array([[count for _, count in EXAMPLE]])
    groups = [group for group, _ in EXAMPLE]

    hidden = split.hidden_entries(
        counts,
        order=split.order_of([EXAMPLE_ROW], groups),
        row_total_is_told=np.ones(1, dtype=bool),
        part_total_is_told=np.zeros(len(groups), dtype=bool),
    )

    assert {group for group, is_hidden in zip(groups, hidden[0], strict=True) if is_hidden} == {TOO_SMALL, LEFT_OUT_TOO}
    assert {row.published for row in privacy_pages.example_rows(in_language("en"))} == {"42", "18", None}


def test_every_small_number_fits_the_published_example():
    counts = dict(EXAMPLE)
    together = counts[TOO_SMALL] + counts[LEFT_OUT_TOO]

    possible = privacy_pages.possible_small(together, least=LEAST_COUNT)

    assert possible == list(range(1, LEAST_COUNT))
    for small in possible:
        row = np.array([together - small, small])
        assert split.is_closed(row, np.ones(2, dtype=bool))


def test_subtraction_in_the_example_is_right():
    steps = privacy_pages.example_steps(in_language("en"))

    _, second, third, *_ = [step.replace(wording.NO_BREAK_SPACE, " ") for step in steps]
    assert f"72 {wording.MINUS} 42 {wording.MINUS} 18 {wording.MINUS} 9 = 3" in second
    assert "1 + 11, 2 + 10, 3 + 9, 4 + 8" in third


# ---- The page ----


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_that_the_example_is_made_up_and_speaks_what_is_not_shown(tmp_path, language):
    words = in_language(language)

    answer = page(tmp_path, language)

    assert answer.status_code == 200
    assert words.text("privacy.example.made_up") in answer.text
    assert answer.text.count(words.text("privacy.example.not_shown") + "</span>") == 3
    assert answer.headers["content-language"] == language


def test_what_the_test_of_the_newest_release_found_stands_there(tmp_path):
    manifest, files = a_release(
        attack={"targets": 86583, "exact": 0, "within_one": 0}, published_at="2026-11-23T13:09:39+00:00"
    )
    release.write(tmp_path, manifest, files)

    answer = page(tmp_path)

    assert "Toy, 23.11.2026. Small counts tested: 86,583. Found exactly: 0. Found within one: 0." in answer.text
    assert 'href="/data/toy?lang=en"' in answer.text


def test_without_a_test_nothing_is_claimed_of_one(tmp_path):
    release.write(tmp_path, *a_release())

    answer = page(tmp_path)

    assert in_language("en").text("privacy.attack.none") in answer.text


def test_a_server_of_tiles_is_named(tmp_path):
    nothing = in_language("en").text("privacy.visitor.no_outside")

    assert nothing in page(tmp_path).text
    assert nothing not in page(tmp_path, tile_url="https://tiles.example/{z}/{x}/{y}.png").text
    assert "tiles.example" in page(tmp_path, tile_url="https://tiles.example/{z}/{x}/{y}.png").text


def test_a_contact_is_shown_as_text_and_never_as_markup(tmp_path):
    assert "&lt;b&gt;map@akimat.example&lt;/b&gt;" in page(tmp_path, contact="<b>map@akimat.example</b>").text
    assert in_language("en").text("modelcard.contact.none") in page(tmp_path).text


@pytest.mark.parametrize("path", ["/press", "/model-card", "/severity-weights"])
def test_the_page_leads_to_what_explains_more(tmp_path, path):
    assert f'href="{path}?lang=en"' in page(tmp_path).text


def test_every_plain_page_leads_to_privacy_and_press(tmp_path):
    release.write(tmp_path / "releases", *a_release())

    answer = PublicClient(releases=tmp_path / "releases").get("/data/toy", lang="ru")

    assert 'href="/privacy?lang=ru"' in answer.text
    assert 'href="/press?lang=ru"' in answer.text


def test_the_page_itself_keeps_nothing_in_the_browser(tmp_path):
    answer = page(tmp_path)

    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text


# ---- How long what is kept ----


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_data_stands_on_the_page_with_its_term_and_reason(tmp_path, language):
    words, kept = in_language(language), KeptFor(requests_days=777, incidents_years=9)

    told = html.unescape(page(tmp_path, language, terms=kept_kinds.rows(kept)).text)

    for kind in kept_kinds.Kind:
        assert f"<b>{words.text(f'cli.retention.kind.{kind}')}</b>" in told
        assert words.text(f"retention.basis.{kind}") in told
    assert words.text("retention.days", n=777) in told
    assert words.text("retention.years", n=9) in told


def test_heads_of_the_audit_log_are_served_once_there_are_any(tmp_path):
    assert page(tmp_path, address=privacy_pages.HEADS_ADDRESS).status_code == 404
    assert privacy_pages.HEADS_ADDRESS not in page(tmp_path).text
    (tmp_path / "journals").mkdir()
    told = f"{journal.HEADS_HEADER}\n2026-11-20,5,{'a' * 64}\n"
    (tmp_path / "journals" / journal.HEADS).write_text(told)

    answer = page(tmp_path, address=privacy_pages.HEADS_ADDRESS)

    assert (answer.text, answer.headers["content-type"]) == (told, "text/csv; charset=utf-8")
    assert privacy_pages.HEADS_ADDRESS in page(tmp_path).text
