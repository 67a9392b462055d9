"""What the page of a place says of its council: marks, requests about the chosen hexagon, ways on."""

import re

import pytest

from riskmap import release, wording
from tests.hostile_texts import HOSTILE_TEXTS
from tests.installation import COUNTRY
from tests.journal_builder import CELL, a_request, a_step, write_journal
from tests.release_builder import a_release, fine_and_coarse_cells
from tests.screens.page import foreign_texts, open_page

OTHER_CELL = f"{int(fine_and_coarse_cells()[2]):x}"
FAR_CELL = "8921538235bffff"
SIGNS_OF_MARKUP = re.compile(r"[<&]")


@pytest.fixture
def data(tmp_path):
    release.write(tmp_path / "releases", *a_release())
    return tmp_path


@pytest.fixture
def visit(data, monkeypatch):
    return lambda **address: open_page(data, monkeypatch, **{"place": "toy", **address})


def marks_in(page):
    return re.findall(r'"cell": "([0-9a-f]{15})", "count": (\d+)', page.scripts)


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_head_leads_to_map_council_and_workspace(visit, language):
    page = visit(lang=language)

    assert not page.app.exception
    for address in ("/?place=toy&view=hexagons&lang=", "/council/toy?lang=", "/casework/toy?lang="):
        assert address + language in page.links
    assert foreign_texts(page, language) == []


def test_a_place_without_hexagons_leads_to_the_councils_of_others(installation, monkeypatch):
    page = open_page(installation.data, monkeypatch, place=COUNTRY, lang="ru")

    assert "/council?lang=ru" in page.links
    assert not [link for link in page.links if link.startswith(("/casework", f"/council/{COUNTRY}"))]


def test_a_place_that_does_not_exist_still_has_a_head(visit):
    page = visit(place="nowhere", lang="en")

    assert wording.in_language("en").text("error.unknown_place") in page.text
    assert "/council?lang=en" in page.links


def test_without_a_choice_the_number_in_progress_leads_to_all_requests(visit, data):
    closed = a_request(2, state="refused", is_open=False)
    write_journal(data / "journals", a_request(1), closed, a_request(3, cell_id=OTHER_CELL))

    page = visit(lang="kk")

    assert wording.in_language("kk").text("council.list.open", n=2) in page.text
    assert marks_in(page) == [(CELL, "1"), (OTHER_CELL, "1")]


def test_a_chosen_hexagon_lists_its_requests_and_the_way_to_a_new_one(visit, data):
    write_journal(data / "journals", a_request(1), a_request(2, kind="camera", cell_id=OTHER_CELL))

    page = visit(lang="ru", cell=CELL)

    assert "Уличное освещение, № 1" in page.text
    assert wording.in_language("ru").text("council.state.in_triage") in page.text
    assert "/council/toy/1?lang=ru" in page.links
    assert "/council/toy/2?lang=ru" not in page.links
    assert f"/casework/toy/new?cell={CELL}&lang=ru" in page.links


def test_without_a_journal_a_request_can_still_be_made(visit):
    page = visit(lang="en", cell=CELL)

    assert not page.app.exception
    assert wording.in_language("en").text("council.map.none_here") in page.text
    assert f"/casework/toy/new?cell={CELL}&lang=en" in page.links
    assert marks_in(page) == []


def test_nothing_can_be_asked_for_where_the_map_does_not_reach(visit):
    page = visit(lang="en", cell=FAR_CELL)

    assert not [link for link in page.links if "cell=" in link and link.startswith("/casework")]


def test_a_damaged_journal_leaves_the_map_as_it_is(visit, data, caplog):
    folder = data / "journals" / "toy" / write_journal(data / "journals", a_request(1))
    (folder / "requests.json").write_bytes(b"{}")

    page = visit(lang="en", cell=CELL)

    assert not page.app.exception
    assert page.has_map
    assert "/council/toy/1?lang=en" not in page.links
    assert "journal of toy cannot be shown" in caplog.text


@pytest.mark.parametrize("address", [{}, {"cell": CELL}], ids=["no choice", "chosen hexagon"])
def test_hostile_texts_of_a_journal_make_nothing_new_on_the_page(visit, data, address):
    def write_everywhere(texts):
        write_journal(
            data / "journals",
            *(
                a_request(number, wording=text, steps=(a_step("take_up", "in_triage", wording=text, body=text),))
                for number, text in enumerate(texts, start=1)
            ),
        )

    write_everywhere(["word"] * len(HOSTILE_TEXTS))
    expected = visit(**address)

    write_everywhere(HOSTILE_TEXTS)
    page = visit(**address)

    assert not page.app.exception
    assert page._read.tags == expected._read.tags
    assert page.links == expected.links
    assert page.scripts == expected.scripts
    assert [part.value for part in page.app.markdown] == [part.value for part in expected.app.markdown]
    shown = [part.value for part in page.app.get("html")]
    assert [
        text for text in HOSTILE_TEXTS if SIGNS_OF_MARKUP.search(text) and any(text in part for part in shown)
    ] == []
