"""Many supports from one place of the net, and many forms from one account, move nothing."""

from datetime import timedelta

import pytest

from riskmap import journal
from riskmap.assembly import in_memory_store
from riskmap.council import casework, journal_desk, meetings
from riskmap.council.casework import Office
from riskmap.council.request import Action
from riskmap.errors import TooManyAsks
from riskmap.identity.access import Role
from riskmap.signals.limits import PRESSES_HOUR, SUPPORTS_OF_NEIGHBOURHOOD, Gate, Press
from riskmap.wording import in_language
from tests.council import HEARD, NOW, TOWN, a_filing, a_place, an_actor, enrol, step
from tests.riskmap.doors_client import a_council, a_form, form_to, text_of

KK = in_language("kk")
NEW = f"/casework/{TOWN}/new"
HONEST = 5
"""Supports, each from another neighbourhood, of every request but the one that is pushed."""
REQUESTS = 12
PUSHED = 12


@pytest.fixture
def office(tmp_path):
    store = in_memory_store(tmp_path)
    yield Office(store=store, journals=tmp_path / "journals")
    store.close()


def test_a_thousand_supports_from_one_subnet_do_not_move_a_request_into_the_top_ten(office, monkeypatch):
    """Through gate and use case as the door calls them; the journal is written once, at the end."""
    monkeypatch.setattr(casework, "publish", lambda *_args, **_given: None)
    secretary, asker = an_actor(Role.SECRETARY), an_actor(Role.RESIDENT)
    crowd = [an_actor(Role.RESIDENT, account_id=f"a-{number}") for number in range(1000)]
    enrol(office.store, secretary, asker, *crowd)
    for number in range(REQUESTS):
        place = a_place(cell_id=f"892db0d9{number:x}0bffff")
        filed = casework.file(office, asker, a_filing(), place, key=f"k{number}", at=NOW)
        taken = step(office, secretary, filed, Action.TAKE_UP, wording=f"Сұраныс {number}", at=NOW)
        step(office, secretary, taken, Action.REFER, at=NOW)
    gate = Gate()

    def support(actor, number, address):
        is_counted = gate.weigh_support(address, f"{TOWN}-{number}", at=NOW)
        assert casework.support(office, actor, TOWN, number, at=NOW, is_counted=is_counted)

    for number in range(1, REQUESTS):
        for one in range(HONEST):
            support(crowd[one], number, f"203.0.{10 + one}.7")
    for one, actor in enumerate(crowd):
        support(actor, PUSHED, f"198.51.100.{one % 250 + 1}")

    journal_desk.publish(office.store, office.journals, TOWN, at=NOW)
    told = journal.latest(office.journals, TOWN)
    by_number = {one.number: one.supporters for one in told.requests}
    agenda = [one.number for one in meetings.listing(office, secretary, TOWN, at=NOW + timedelta(days=3)).agenda]
    public = sorted(told.requests, key=lambda one: (-one.supporters, one.number))
    assert by_number == dict.fromkeys(range(1, REQUESTS), HONEST) | {PUSHED: SUPPORTS_OF_NEIGHBOURHOOD}
    assert agenda.index(PUSHED) >= 10
    assert [one.number for one in public].index(PUSHED) >= 10
    assert casework.view(office, secretary, TOWN, PUSHED).uncounted == 1000 - SUPPORTS_OF_NEIGHBOURHOOD
    assert casework.view(office, crowd[0], TOWN, PUSHED).uncounted == 0, "for staff alone"


def test_places_of_a_neighbourhood_are_free_again_the_next_day_and_where_a_support_was_not_kept():
    gate, about = Gate(), f"{TOWN}-1"
    taken = [gate.weigh_support(f"198.51.100.{one}", about, at=NOW) for one in range(5)]
    assert taken == [True] * SUPPORTS_OF_NEIGHBOURHOOD + [False] * (5 - SUPPORTS_OF_NEIGHBOURHOOD)

    gate.give_back("198.51.100.1", about)

    assert gate.weigh_support("198.51.100.77", about, at=NOW)
    assert not gate.weigh_support("198.51.100.78", about, at=NOW)
    assert gate.weigh_support("198.51.100.78", f"{TOWN}-2", at=NOW), "another request"
    assert gate.weigh_support("203.0.113.9", about, at=NOW), "another neighbourhood"
    assert gate.weigh_support("198.51.100.79", about, at=NOW + timedelta(days=1))


def test_one_network_of_a_provider_is_one_neighbourhood_in_the_new_protocol_too():
    gate = Gate()

    counted = [gate.weigh_support(f"2001:db8:7:{one:x}::1", "x", at=NOW) for one in range(50)]

    assert sum(counted) == SUPPORTS_OF_NEIGHBOURHOOD


def test_supports_whose_address_nobody_knows_count():
    gate = Gate()

    assert all(gate.weigh_support(None, "x", at=NOW) for _ in range(10))


@pytest.mark.parametrize("what", Press)
def test_an_account_and_an_address_send_so_many_forms_an_hour_and_no_more(what):
    of_account, of_address = PRESSES_HOUR[what]
    gate = Gate()
    for number in range(of_account):
        gate.press(what, "a-1", "203.0.113.9", f"form {number}", at=NOW)
    gate.press(what, "a-1", "203.0.113.9", "form 0", at=NOW)  # the same once more
    with pytest.raises(TooManyAsks):
        gate.press(what, "a-1", "198.51.100.1", "another", at=NOW)
    for number in range(of_address - of_account):
        gate.press(what, f"b-{number}", "203.0.113.9", "x", at=NOW)

    with pytest.raises(TooManyAsks):
        gate.press(what, "a-fresh", "203.0.113.9", "x", at=NOW)

    gate.press(what, "a-fresh", "203.0.113.10", "x", at=NOW)
    gate.press(what, "a-1", "203.0.113.9", "later", at=NOW + timedelta(hours=1))


# ---- Through the doors ----


@pytest.fixture
def council(tmp_path):
    made = a_council(tmp_path)
    yield made
    made.store.close()


def supported(council, logins, address):
    for login in logins:
        browser = council.signed_in(login)
        browser.address = address
        form = form_to(browser.get(f"/casework/{TOWN}/1"), "/1/support")
        browser.follow(browser.post(f"/casework/{TOWN}/1/support", form))


def test_supports_of_one_neighbourhood_are_kept_and_damped_and_staff_is_told(council, monkeypatch):
    monkeypatch.setattr("riskmap.signals.limits.SUPPORTS_OF_NEIGHBOURHOOD", 1)
    council.file("resident")

    supported(council, ["other", "both"], "198.51.100.7")

    assert len(council.supports()) == 2
    assert journal.latest(council.settings.journals, TOWN).requests[0].supporters == 1
    for_staff = text_of(council.signed_in("secretary").get(f"/casework/{TOWN}/1"))
    for_residents = text_of(council.signed_in("other").get(f"/casework/{TOWN}/1"))
    told = KK.text("casework.supporters.uncounted", n=1)
    assert (told in for_staff, told in for_residents) == (True, False)
    assert KK.text("casework.support.given") in for_residents
    assert [one for one in council.audit_actions() if one.startswith("support")] == ["support", "support_not_counted"]


def test_a_support_that_is_refused_takes_no_place(council, monkeypatch):
    monkeypatch.setattr("riskmap.signals.limits.SUPPORTS_OF_NEIGHBOURHOOD", 1)
    council.file("resident")
    own = council.signed_in("resident")
    own.address = "198.51.100.7"
    assert own.post(f"/casework/{TOWN}/1/support", {"form_token": own.form_token}).status_code == 403

    supported(council, ["other"], "198.51.100.8")

    assert journal.latest(council.settings.journals, TOWN).requests[0].supporters == 1


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_too_many_requests_in_an_hour_are_refused_in_words_and_nothing_typed_is_lost(council, monkeypatch, language):
    monkeypatch.setattr("riskmap.signals.limits.PRESSES_HOUR", dict.fromkeys(Press, (1, 9)))
    browser = council.signed_in("resident", language=language)
    grounds = "Екінші өтініш: аялдамада түнде жарық жоқ, адамдар қараңғыда тұрады."
    # Marks of a request alike are asked about first; these two are of different kinds.
    first = browser.post(NEW, a_form(form_token=browser.form_token, kind="camera"))
    second = browser.post(NEW, a_form(form_token=browser.form_token, grounds=grounds))

    assert (first.status_code, second.status_code) == (303, 429)
    assert in_language(language).text("error.too_many_forms") in text_of(second)
    assert grounds in second.text
    assert len(council.requests()) == 1
    council.later(minutes=61)
    again = council.signed_in("resident")
    assert again.post(NEW, a_form(form_token=again.form_token, grounds=grounds)).status_code == 303


def test_a_secretary_who_writes_down_for_many_people_is_not_held_up(council, monkeypatch):
    monkeypatch.setattr("riskmap.signals.limits.PRESSES_HOUR", dict.fromkeys(Press, (1, 1)))
    browser = council.signed_in("secretary")

    answers = [
        browser.post(NEW, a_form(form_token=browser.form_token, kind=kind, **HEARD)).status_code
        for kind in ("camera", "patrol", "road_sign")
    ]

    assert answers == [303, 303, 303]
