"""What the page of a place says of reviews: of the chosen hexagon, of the area, and how to ask for one."""

from datetime import date

import pytest

from riskmap import journal, release, wording
from riskmap.journal import PublicReview
from tests.release_builder import a_release, fine_and_coarse_cells
from tests.screens.page import foreign_texts, open_page

CELL = f"{int(fine_and_coarse_cells()[1]):x}"
ASKED, DUE = date(2026, 11, 2), date(2026, 11, 23)


@pytest.fixture
def data(tmp_path):
    release.write(tmp_path / "releases", *a_release())
    return tmp_path


@pytest.fixture
def visit(data, monkeypatch):
    return lambda **address: open_page(data, monkeypatch, **{"place": "toy", **address})


def write(data, **changes):
    told = {"number": 1, "place_id": CELL, "area_id": "d1", "asked_on": ASKED, "due_on": DUE} | changes
    reviews = (PublicReview(**told),)
    head = {"position": 0, "hash": "0" * 64}
    return journal.write(data / "journals", "toy", (), reviews, as_of=ASKED, is_simulated=True, audit_head=head)


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_a_hexagon_under_review_says_since_when_and_by_when(visit, data, language):
    write(data, due_on=date(2999, 1, 4))

    page = visit(lang=language, cell=CELL)

    words = wording.in_language(language)
    assert words.text("place_review.pending", asked=ASKED, due=date(2999, 1, 4)) in page.text
    assert f"/review-of-place/toy/{CELL}?lang={language}" in page.links
    assert foreign_texts(page, language) == []


def test_a_review_that_waits_too_long_is_said_to_be_late(visit, data):
    write(data, due_on=date(2026, 11, 3))

    page = visit(lang="ru", cell=CELL)

    assert wording.in_language("ru").text("place_review.late", asked=ASKED, due=date(2026, 11, 3)) in page.text


def test_an_answer_about_an_area_stands_with_that_area_alone(visit, data):
    reasons = {"kk": "Салыстырылды, бәрі дұрыс.", "ru": "Сверено, всё <b>верно</b>."}
    write(data, place_id="d2", area_id="d2", answered_on=DUE, outcome="stands", role="steward", reasons=reasons)

    with_it, without = visit(lang="ru", area="d2"), visit(lang="ru", area="d1")

    assert reasons["ru"] in with_it.text
    assert "/review-of-place/toy/d2?lang=ru" in with_it.links
    assert reasons["ru"] not in without.text


def test_the_link_to_ask_stands_once(visit):
    for address in ({}, {"cell": CELL}, {"area": "d2"}):
        page = visit(lang="kk", **address)

        assert len([link for link in page.links if link.startswith("/review-of-place")]) == 1


def test_a_damaged_journal_leaves_the_page_as_it_is(visit, data, caplog):
    (data / "journals" / "toy" / write(data) / "reviews.json").write_bytes(b"{}")

    page = visit(lang="en", cell=CELL)

    assert not page.app.exception
    assert f"/review-of-place/toy/{CELL}?lang=en" in page.links
    assert "reviews of toy cannot be shown" in caplog.text
