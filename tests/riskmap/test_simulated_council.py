"""The made-up city's council: in every state, marked as simulated, and the same however often it is built."""

from datetime import UTC, datetime

import pytest

from riskmap import assembly, journal, wording
from riskmap.council import simulated
from riskmap.council.casework import Office
from riskmap.council.request import State
from riskmap.council.simulated_requests import STORIES
from riskmap.errors import SignInRefused
from riskmap.identity import access, accounts, audit, sessions
from riskmap.identity.access import Role
from tests.installation import CITY

AT = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def built(installation, tmp_path_factory):
    """An office with the simulated council, the accounts made, and what was told of progress."""
    folder = tmp_path_factory.mktemp("council")
    store = assembly.in_memory_store(folder)
    office = Office(store=store, journals=folder / "journals")
    told = []
    made = simulated.build(
        office, installation.release(), language="kk", at=AT, progress=lambda *step: told.append(step)
    )
    yield office, made, told
    store.close()


def test_there_is_a_request_in_every_state(built):
    office, _, told = built

    published = journal.latest(office.journals, CITY)

    assert {request.state for request in published.requests} == set(State) - {State.DRAFT}
    assert len(published.requests) == len(STORIES)
    assert told[-1] == (len(told), len(told))


def test_everything_is_marked_as_simulated(built):
    office, _, _ = built

    published = journal.latest(office.journals, CITY)

    assert published.is_simulated
    assert published.journal_id.endswith("-simulated")
    assert all(request.is_simulated for request in published.requests)
    assert all(account.is_simulated for account, _ in accounts.listing(office.store, access.operator()))


def test_a_meeting_was_held_and_the_next_one_is_called(built):
    office, _, _ = built

    held, called = journal.latest(office.journals, CITY).meetings

    assert (held.stage, called.stage) == ("closed", "called")
    assert held.is_simulated
    assert called.is_simulated
    assert [(one.verdict, one.fields.get("money_sum")) for one in held.decisions] == [
        ("accepted", "4200000"),
        ("accepted", None),
    ]
    assert {one.request for one in called.agenda} == {9, 10}


def test_there_is_one_account_for_each_role_and_its_password_opens_it(built):
    office, made, _ = built

    assert [account.role for account in made] == list(Role)
    for account in made:
        token = sessions.sign_in(office.store, account.login, account.password, language="kk", at=AT)
        signed_in = sessions.current(office.store, token, at=AT)
        assert [(grant.role, grant.region_id) for grant in signed_in.actor.grants] == [(account.role, CITY)]


def test_the_command_shows_the_accounts_and_where_to_sign_in(installation):
    words = wording.in_language("en")

    lines = installation.told.splitlines()

    shown = {role: next(line for line in lines if f": {role.value}, password: " in line) for role in Role}
    assert all(words.text(f"account.role.{role}") in line for role, line in shown.items())
    assert words.text("cli.demo.sign_in", path=f"/casework/{CITY}?lang=en") in lines


def test_passwords_differ_and_no_two_buildings_share_one(built, installation, tmp_path):
    _, made, _ = built
    store = assembly.in_memory_store(tmp_path)

    other = simulated.build(
        Office(store=store, journals=tmp_path / "j"), installation.release(), language="kk", at=AT, progress=_silent
    )
    store.close()

    passwords = [account.password for account in (*made, *other)]
    assert len(set(passwords)) == len(passwords) == 2 * len(Role)


def test_nobody_signs_in_as_a_neighbour(built):
    office, _, _ = built

    with pytest.raises(SignInRefused):
        sessions.sign_in(office.store, "neighbour-01", "whatever it may be", language="kk", at=AT)


def test_building_again_changes_nothing_and_tells_no_password(built, installation):
    office, _, _ = built
    before = journal.latest(office.journals, CITY)
    with office.store.look() as look:
        head = audit.head(look)

    again = simulated.build(office, installation.release(), language="ru", at=AT, progress=_silent)

    assert again == []
    assert journal.latest(office.journals, CITY) == before
    with office.store.look() as look:
        assert audit.head(look) == head


def test_each_request_stands_in_the_district_of_its_story(built, installation):
    office, _, _ = built
    districts = sorted(area.area_id for area in installation.release().areas if area.kind == "district")

    published = journal.latest(office.journals, CITY)

    assert [request.area_id for request in published.requests] == [districts[story.district - 1] for story in STORIES]


def _silent(_done, _total):
    pass
