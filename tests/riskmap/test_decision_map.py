"""The map of decisions, the council's list of silent areas, and the note from the screen."""

import pytest

from riskmap import journal, release, wording
from riskmap.journal import PublicDecision, PublicMeeting
from riskmap.public import council, decision_map, shelf
from tests.council import TOWN
from tests.journal_builder import LAST_DAY, a_request
from tests.public_client import PublicClient
from tests.release_builder import a_release
from tests.riskmap.doors_client import a_council, form_to, text_of
from tests.riskmap.test_note import a_told_release

WORDS = wording.in_language("kk")


def a_decision(request, verdict="accepted", *, is_in_force=True, **fields):
    votes = {"for": 3, "against": 0, "abstained": 0, "conflict": 0}
    return PublicDecision(
        request=request, verdict=verdict, on=LAST_DAY, votes=votes, fields=fields, is_in_force=is_in_force
    )


def a_meeting(number, *decisions):
    return PublicMeeting(
        number=number,
        stage="closed",
        day=LAST_DAY,
        time="15:00",
        place="Әкімдік",
        members=4,
        quorum=3,
        present=4,
        notices=1,
        changed_on=LAST_DAY,
        is_simulated=True,
        agenda=(),
        decisions=decisions,
    )


def published(tmp_path, *requests, meetings=(), made=a_release):
    release.write(tmp_path / "releases", *made())
    journal.write(
        tmp_path / "journals",
        "toy",
        requests,
        meetings=meetings,
        as_of=LAST_DAY,
        is_simulated=True,
        audit_head={"entries": 0, "sha256": "0" * 64},
    )
    return council.open_council(tmp_path / "releases", tmp_path / "journals", "toy")


def test_each_request_stands_in_one_column_and_money_is_of_decisions_in_force(tmp_path):
    states = ("submitted", "approved", "scheduled", "disputed", "done", "refused", "merged", "withdrawn")
    requests = [a_request(number, state=state) for number, state in enumerate(states, start=1)]
    requests[4] = a_request(5, state="done", area_id="d2")
    first = a_meeting(1, a_decision(2, money_sum="70"), a_decision(3, is_in_force=False, money_sum="5"))
    second = a_meeting(2, a_decision(2, money_sum="100"), a_decision(3, money_sum="1000000"), a_decision(5))
    found = published(tmp_path, *requests, meetings=(first, second))

    lines = {line.place_id: line for line in decision_map.lines(found, WORDS)}

    assert dict(lines["toy"].counts) == {"asked": 1, "decided": 1, "building": 2, "done": 1, "not_coming": 1}
    assert (lines["toy"].money, lines["d1"].money, lines["d2"].money) == (1_000_100, 1_000_100, None)
    assert (lines["d1"].key, lines["d2"].key) == ("stage3", "stage4")


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_page_says_what_is_not_told_and_not_judged(tmp_path, language):
    published(tmp_path, a_request(1, state="approved"))
    client = PublicClient(releases=tmp_path / "releases", journals=tmp_path / "journals")
    words = wording.in_language(language)

    page = client.get("/council/toy/decisions", lang=language)

    assert page.status_code == 200
    for key in ("council.decided.not_told", "council.decided.not_judged", "council.decided.building"):
        assert words.text(key) in page.text
    assert "/council/toy/decisions" in client.get("/council/toy", lang=language).text


def test_areas_nobody_spoke_for_are_counted_in_public_and_listed_to_the_council_alone(tmp_path, monkeypatch):
    council_ = a_council(tmp_path)
    book = decision_map.area_facts.book
    place = next(iter(book(shelf.latest(council_.settings.releases, TOWN)).places.values()))
    monkeypatch.setattr(decision_map, "silent", lambda _found: [place])
    address = f"/casework/{TOWN}/silent"

    assert council_.signed_in("resident").get(address).status_code == 403
    assert council_.signed_in("officer").get(address).status_code == 403
    shown = council_.signed_in("member").get(address)

    assert f"/area/{TOWN}/{place.place_id}" in shown.text
    with council_.store.look() as look:
        kept = [entry.action for entry in look.audit.entries() if entry.action in {"read_silent", "refused"}]
    assert kept == ["refused", "refused", "read_silent"]
    public = PublicClient(releases=council_.settings.releases, journals=council_.settings.journals)
    page = public.get(f"/council/{TOWN}/decisions", lang="kk").text
    assert WORDS.text("council.silent.count", n=1) in page
    assert f'/area/{TOWN}/{place.place_id}"' not in page
    council_.store.close()


@pytest.fixture
def with_counts(tmp_path):
    made = a_council(tmp_path)
    manifest, files = a_told_release(territory=TOWN, as_of="2026-11-02")
    release.write(made.settings.releases, manifest, files)
    yield made
    made.store.close()


@pytest.mark.parametrize(("login", "form", "start"), [("secretary", "docx", b"PK"), ("chair", "pdf", b"%PDF")])
def test_the_note_is_taken_from_the_screen_as_the_command_writes_it(with_counts, login, form, start):
    browser, address = with_counts.signed_in(login), f"/casework/{TOWN}/note"
    given = form_to(browser.get(address), "/note") | {
        "place": "d1",
        "period": "2026-H1",
        "note_language": "ru",
        "form": form,
    }

    taken = browser.post(address, given)

    assert taken.status_code == 200, text_of(taken)
    assert taken.content.startswith(start)
    assert f"note-d1-2026-H1-ru.{form}" in taken.headers["content-disposition"]
    with with_counts.store.look() as look:
        (kept,) = [entry for entry in look.audit.entries() if entry.action == "write_note"]
    assert (kept.details["place"], kept.details["period"]) == ("d1", "2026-H1")


def test_a_note_that_cannot_be_written_is_refused_in_words_and_others_may_not_ask(with_counts):
    browser, address = with_counts.signed_in("secretary"), f"/casework/{TOWN}/note"
    form = form_to(browser.get(address), "/note") | {"place": TOWN, "note_language": "kk", "form": "pdf"}

    empty = browser.post(address, form | {"period": "2021"})
    unknown = browser.post(address, form | {"period": "2026", "form": "exe"})

    assert (empty.status_code, unknown.status_code) == (422, 422)
    assert WORDS.text("note.desk.nothing") in text_of(empty)
    assert WORDS.text("note.desk.invalid") in text_of(unknown)
    for login in ("member", "resident", "officer"):
        assert with_counts.signed_in(login).get(address).status_code == 403
