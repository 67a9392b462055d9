"""The council's table and API: every request once, nothing that calculates, the same content in every language."""

import csv
import io
import json

import pytest

from riskmap import release, wording
from riskmap.public import council_export
from riskmap.release import territories
from tests.hostile_texts import HOSTILE_TEXTS
from tests.installation import COUNTRY
from tests.journal_builder import CELL, FIRST_DAY, LAST_DAY, RELEASE_ID, a_request, a_step, write_journal
from tests.public_client import PublicClient
from tests.release_builder import a_release

CALCULATING = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
UNSEEN = " \u00a0\u200b\u200c\u200d\u202e\u2060\u2066\u2067\ufeff"


@pytest.fixture
def client(tmp_path):
    release.write(tmp_path / "releases", *a_release())
    return PublicClient(releases=tmp_path / "releases", journals=tmp_path / "journals")


def table(client, **parameters):
    answer = client.get("/council/toy/requests.csv", **parameters)
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def with_everywhere(text, number=1):
    steps = (
        a_step("submit", "submitted"),
        a_step("approve", "approved", decision_grounds=text, expectation=text),
        a_step("send", "with_body", body=text),
    )
    return a_request(number, wording=text, steps=steps)


# ---- Table ----


def test_the_table_is_utf_8_with_a_mark_spreadsheets_know_and_a_name_of_its_own(client):
    write_journal(client.journals, a_request())

    answer = client.get("/council/toy/requests.csv")

    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="council-toy-{LAST_DAY}.csv"'


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_header_and_the_closed_words_are_in_the_language_asked_for(client, language):
    words = wording.in_language(language)
    write_journal(client.journals, a_request())

    header, row = table(client, lang=language)

    told = dict(zip(header, row, strict=True))
    assert told[words.text("council.field.kind")] == words.text("council.kind.lighting")
    assert told[words.text("council.csv.state")] == words.text("council.state.in_triage")
    assert told[words.text("council.csv.evidence")] == words.text("class.4")
    assert told[words.text("council.csv.submitted_on")] == FIRST_DAY.isoformat()
    assert told[words.text("council.csv.page")] == f"/council/toy/1?lang={language}"
    assert len(set(header)) == len(header)


def test_there_is_one_row_for_each_request_by_number(client):
    write_journal(client.journals, *(a_request(n, wording=None if n % 2 else "Lamp") for n in range(1, 31)))

    _, *rows = table(client)

    assert [row[0] for row in rows] == [str(n) for n in range(1, 31)]
    assert len({len(row) for row in rows}) == 1


def test_a_council_without_requests_has_a_table_with_a_header_only(client):
    assert len(table(client)) == 1


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_comes_back_whole_and_never_starts_a_formula(client, text):
    write_journal(client.journals, with_everywhere(text))

    header, row = table(client)

    assert len(row) == len(header)
    found = [cell for cell in row if cell in (text, f"'{text}")]
    assert len(found) == 4  # wording, grounds, expectation, body
    assert not [cell for cell in row if cell.lstrip(UNSEEN).startswith(CALCULATING)]


def test_no_cell_is_marked_that_would_not_calculate():
    for text in ("12 lamps", "a=b", "№ 5 + 6", "'quoted", "", "2026-09-10", "Көше"):
        assert council_export.harmless(text) == text


# ---- API ----


def test_the_api_tells_a_request_with_codes_and_words(client):
    journal_id = write_journal(client.journals, a_request(4))

    answer = client.get("/api/v1/council/toy/4", lang="en").json()

    request = answer.pop("request")
    assert answer == {
        "ok": True,
        "territory": "toy",
        "journal_id": journal_id,
        "as_of": LAST_DAY.isoformat(),
        "is_simulated": True,
    }
    assert request["kind"] == {"code": "lighting", "name": "Street lighting"}
    assert request["state"] == {"code": "in_triage", "name": wording.in_language("en").text("council.state.in_triage")}
    assert request["evidence"]["heading"] == wording.in_language("en").text("class.4")
    assert (request["number"], request["cell"], request["supporters"]) == (4, CELL, 3)
    assert request["evidence"]["release"] == RELEASE_ID
    assert [step["action"]["code"] for step in request["steps"]] == ["submit", "take_up"]


def test_the_api_lists_all_requests_newest_change_first(client):
    write_journal(client.journals, a_request(1, changed_on=LAST_DAY), a_request(2, changed_on=FIRST_DAY), a_request(3))

    listed = client.get("/api/v1/council/toy").json()["requests"]

    assert [request["number"] for request in listed] == [3, 1, 2]


def test_a_council_without_a_journal_answers_with_an_empty_list(client):
    answer = client.get("/api/v1/council/toy").json()

    assert (answer["ok"], answer["journal_id"], answer["requests"]) == (True, None, [])
    assert territories(client.releases) == ["toy"]


@pytest.mark.parametrize(
    ("address", "status", "key"),
    [
        ("council/toy/5", 404, "error.council.no_request"),
        ("council/toy/x", 404, "error.council.no_request"),
        ("council/nowhere", 404, "api.no_release"),
        ("council/nowhere/1", 404, "api.no_release"),
    ],
)
def test_the_api_says_what_is_not_there_in_its_one_shape(client, address, status, key):
    write_journal(client.journals, a_request(1))

    answer = client.get(f"/api/v1/{address}", lang="ru")

    assert answer.status_code == status
    assert answer.json() == {"ok": False, "error": wording.in_language("ru").text(key), "status": status}


def test_a_place_without_hexagons_has_no_council_in_the_api(installation):
    assert PublicClient(releases=installation.releases).get(f"/api/v1/council/{COUNTRY}").status_code == 404


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_goes_through_the_api_unchanged(client, text):
    write_journal(client.journals, with_everywhere(text))

    answer = client.get("/api/v1/council/toy/1")

    request = json.loads(answer.text)["request"]
    assert answer.headers["content-type"] == "application/json"
    assert request["wording"] == text
    assert [field["text"] for step in request["steps"] for field in step["fields"]] == [text] * 3
