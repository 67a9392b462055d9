"""Every look at what is not public leaves a line of the audit log, and every door says whether it is one."""

import pytest
from starlette.routing import Route

from riskmap.council.request import Action
from riskmap.doors import looks
from riskmap.doors.routes import routes
from riskmap.errors import StoreBusy
from riskmap.settings import Settings
from tests.council import GROUNDS, TOWN
from tests.riskmap.doors_client import CELL, a_council, form_to, text_of
from tests.riskmap.test_meetings import NOTICE
from tests.signal_builder import a_marked_place, a_signal

OPEN_TO_ALL = ("/sign-in", "/mark", "/review-of-place")


@pytest.fixture
def council(tmp_path):
    made = a_council(tmp_path)
    yield made
    made.store.close()


def audited(council):
    with council.store.look() as look:
        return [(entry.action, entry.subject, entry.account_id, dict(entry.details)) for entry in look.audit.entries()]


def test_every_door_behind_the_gate_says_what_a_look_leaves(tmp_path):
    made = routes(Settings.from_environment({"RISKMAP_DATA": str(tmp_path)}), lambda: None)
    behind = {
        route.path
        for route in made
        if isinstance(route, Route)
        and not any(route.path == one or route.path.startswith(f"{one}/") for one in OPEN_TO_ALL)
    }
    told = [set(looks.AT), set(looks.BY_USE_CASE), set(looks.NOTHING_RESTRICTED)]

    assert behind == set().union(*told)
    assert sum(map(len, told)) == len(behind), "each door in one of the three"
    assert all(looks.NOTHING_RESTRICTED.values())


@pytest.mark.parametrize("login", ["secretary", "member", "chair", "officer"])
def test_a_request_that_staff_reads_is_noted_with_who_when_and_by_which_role(council, login):
    council.file("resident")
    before = len(audited(council))

    council.signed_in(login).get(f"/casework/{TOWN}/1")

    (line,) = audited(council)[before:]
    role = council.actor(login).grants[0].role
    assert line == ("request_read", f"request {TOWN}-1", council.actor(login).account_id, {"role": str(role)})
    with council.store.look() as look:
        assert look.audit.last().at == council.at


def test_what_everybody_may_read_leaves_no_line(council):
    council.file("resident")
    before = audited(council)

    for login in ("resident", "other"):
        browser = council.signed_in(login)
        assert browser.get(f"/casework/{TOWN}/1").status_code == 200
        assert browser.get(f"/casework/{TOWN}").status_code == 200

    assert audited(council) == before


def test_a_form_that_comes_back_shows_the_request_and_is_noted_too(council):
    council.file("resident")
    browser = council.signed_in("secretary")
    before = len(audited(council))

    answer = browser.post(f"/casework/{TOWN}/1/take_up", {"form_token": browser.form_token, "version": "1"})

    assert answer.status_code == 422
    assert GROUNDS in text_of(answer)
    assert [line[0] for line in audited(council)[before:]] == ["request_read"]


def test_a_step_taken_is_noted_as_the_step_alone(council):
    council.file("resident")
    browser = council.signed_in("secretary")
    fields = {"form_token": browser.form_token, "version": "1", "wording": "Өткелге жарық керек.", "key": "k1"}
    before = len(audited(council))

    assert browser.post(f"/casework/{TOWN}/1/take_up", fields).status_code == 303

    assert [line[0] for line in audited(council)[before:]] == ["take_up"]


@pytest.mark.parametrize(
    ("login", "address", "action"),
    [
        ("secretary", f"/casework/{TOWN}", "queue_read"),
        ("secretary", f"/casework/{TOWN}/bodies", "bodies_read"),
        ("member", f"/casework/{TOWN}/meetings/1", "meeting_read"),
        ("member", f"/marks/{TOWN}", "marks_queue_read"),
        ("chair", f"/marks/{TOWN}/lighting/{CELL}", "marks_read"),
        ("steward", f"/place-reviews/{TOWN}", "reviews_queue_read"),
        ("district_steward", f"/place-reviews/{TOWN}", "reviews_queue_read"),
        ("steward", f"/place-reviews/{TOWN}/1", "review_read"),
        ("steward", f"/release-desk/{TOWN}", "release_look"),
    ],
)
def test_every_door_of_the_table_leaves_its_line(council, login, address, action):
    request = council.step("secretary", council.file("resident"), Action.TAKE_UP)
    council.step("secretary", request, Action.REFER)
    staff, desk = council.signed_in("secretary"), f"/casework/{TOWN}/meetings"
    staff.post(desk, form_to(staff.get(desk), "/meetings") | NOTICE)
    asking, ask = council.browser(), f"/review-of-place/{TOWN}/{CELL}"
    asking.post(ask, form_to(asking.get(ask), CELL) | {"doubt": "other", "doubt_text": "Сан дұрыс емес."})
    with council.store.work() as work:
        work.signals.add(a_signal(place=a_marked_place(CELL)))
        work.commit()
    browser, before = council.signed_in(login), len(audited(council))

    answer = browser.get(address)

    assert answer.status_code == 200
    assert [(line[0], line[2]) for line in audited(council)[before:]] == [(action, council.actor(login).account_id)]


def test_without_its_line_nothing_is_shown(council, monkeypatch):
    council.file("resident")
    browser = council.signed_in("secretary")

    def busy(*_args, **_given):
        raise StoreBusy("Somebody else writes.")

    monkeypatch.setattr("riskmap.identity.audit.record", busy)
    answer = browser.get(f"/casework/{TOWN}/1")

    assert answer.status_code == 503
    assert GROUNDS not in answer.text


def test_a_refused_look_leaves_the_line_of_the_refusal_alone(council):
    council.file("resident")
    before = len(audited(council))

    council.signed_in("stranger").get(f"/casework/{TOWN}/1")

    assert [line[0] for line in audited(council)[before:]] == ["refused"]
