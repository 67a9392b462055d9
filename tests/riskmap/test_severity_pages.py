"""The public page of weights: every article is there, in each language, and nothing of any place."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from geodata import harm_index
from riskmap import severity_terms
from riskmap.public import severity_pages
from riskmap.wording import LANGUAGES, in_language


def page(language):
    async def ask():
        app = Starlette(routes=severity_pages.routes(severity_terms.current()))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://riskmap.test") as client:
            return await client.get(severity_pages.ADDRESS, params={"lang": language})

    return asyncio.run(ask())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_weight_stands_on_the_page(language):
    words = in_language(language)

    rows = severity_pages.rows(severity_terms.current(), words)
    answer = page(language)

    assert len(rows) == harm_index.weights().height == answer.text.count('<th scope="row">')
    assert {row.title_language for row in rows} <= ({"kk", "ru"} if language == "kk" else {"ru"})
    for name in severity_pages.PARAGRAPHS:
        assert words.text(f"severity.page.{name}") in answer.text


def test_a_weight_is_told_with_what_it_rests_on():
    words = in_language("en")
    theft = [row for row in severity_pages.rows(severity_terms.current(), words) if row.article.startswith("188,")]

    assert {row.basis for row in theft} <= {words.text(f"severity.basis.{basis}") for basis in harm_index.BASES}
    assert all(int(row.days.replace(",", "")) > 0 for row in theft)
