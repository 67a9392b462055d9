"""What every store does with accounts, roles, sessions and the audit log."""

import json
from datetime import UTC, timedelta, timezone

import pytest
import sqlalchemy as sa

from riskmap.identity.access import Grant, Role
from riskmap.ports import Store
from tests.contracts.council_builders import (
    AWKWARD_TEXTS,
    HASHES,
    NOON,
    a_session,
    an_account,
    an_audit_entry,
    keep_accounts,
)

ALMATY = timezone(timedelta(hours=5))

# accounts


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"is_simulated": True, "failures": 7},
        {"disabled_at": NOON, "rests_until": NOON + timedelta(minutes=15, microseconds=1)},
        {"login": "айгүл.қ", "language": "en"},
    ],
    ids=["plain", "simulated", "with moments", "kazakh login"],
)
def test_an_account_comes_back_as_it_was_saved(store: Store, changes: dict):
    account = an_account(**changes)

    with store.work() as work:
        work.accounts.save(account)
        work.commit()

    with store.look() as look:
        assert look.accounts.find("a1") == account
        assert look.accounts.by_login(account.login) == account


def test_an_account_that_is_not_there_is_none(store: Store):
    keep_accounts(store, "a1")

    with store.look() as look:
        assert look.accounts.find("a2") is None
        assert look.accounts.by_login("login-a2") is None
        assert look.accounts.by_login("login-a1' OR '1'='1") is None


def test_saving_an_account_again_replaces_it_and_keeps_what_hangs_on_it(store: Store):
    keep_accounts(store, "a1", "a2")
    chair = Grant(role=Role.CHAIR, region_id="town")
    with store.work() as work:
        work.accounts.grant("a1", chair, at=NOON)
        work.sessions.save(a_session())
        work.commit()

    with store.work() as work:
        work.accounts.save(an_account("a1", password_hash=HASHES[1], failures=3, rests_until=NOON))
        work.commit()

    with store.look() as look:
        assert look.accounts.find("a1") == an_account("a1", password_hash=HASHES[1], failures=3, rests_until=NOON)
        assert look.accounts.find("a2") == an_account("a2")
        assert look.accounts.grants_of("a1") == (chair,)
        assert look.sessions.find(a_session().token_sha256) == a_session()


def test_a_moment_that_ended_is_taken_off_an_account_again(store: Store):
    with store.work() as work:
        work.accounts.save(an_account(disabled_at=NOON, rests_until=NOON))
        work.accounts.save(an_account())
        work.commit()

    with store.look() as look:
        assert look.accounts.find("a1") == an_account()


def test_accounts_are_listed_by_login(store: Store):
    accounts = [an_account("a1", login="zhanna"), an_account("a2", login="aibek"), an_account("a3", login="marat")]

    with store.work() as work:
        assert work.accounts.all() == []
        for account in accounts:
            work.accounts.save(account)
        work.commit()

    with store.look() as look:
        assert look.accounts.all() == [accounts[1], accounts[2], accounts[0]]


def test_two_accounts_cannot_share_a_login(store: Store):
    with store.work() as work:
        work.accounts.save(an_account("a1", login="same"))

        with pytest.raises(Exception, match="UNIQUE"):
            work.accounts.save(an_account("a2", login="same"))


# roles


def test_roles_are_held_in_their_regions_and_listed_by_region_and_role(store: Store):
    keep_accounts(store, "a1", "a2")
    grants = [
        Grant(role=Role.SECRETARY, region_id="town/north"),
        Grant(role=Role.RESIDENT, region_id="town"),
        Grant(role=Role.CHAIR, region_id="town/north"),
        Grant(role=Role.RESIDENT, region_id="town/north"),
    ]

    with store.work() as work:
        for grant in grants:
            work.accounts.grant("a1", grant, at=NOON)
        work.accounts.grant("a2", grants[0], at=NOON)
        work.commit()

    with store.look() as look:
        assert look.accounts.grants_of("a1") == (grants[1], grants[2], grants[3], grants[0])
        assert look.accounts.grants_of("a2") == (grants[0],)
        assert look.accounts.grants_of("a3") == ()


@pytest.mark.parametrize("role", Role)
def test_every_role_can_be_held(store: Store, role: Role):
    keep_accounts(store, "a1")

    with store.work() as work:
        work.accounts.grant("a1", Grant(role=role, region_id="town"), at=NOON)

        assert work.accounts.grants_of("a1") == (Grant(role=role, region_id="town"),)


def test_a_role_given_twice_stays_as_it_was_given_first(store: Store):
    keep_accounts(store, "a1")
    chair = Grant(role=Role.CHAIR, region_id="town")

    with store.work() as work:
        work.accounts.grant("a1", chair, at=NOON)
        work.accounts.grant("a1", chair, at=NOON + timedelta(days=1))
        work.commit()

    with store.look() as look:
        assert look.accounts.grants_of("a1") == (chair,)
    with store.engine.connect() as connection:
        moments = connection.execute(sa.text("SELECT granted_at FROM account_grant")).scalars().all()
    assert moments == [NOON.strftime("%Y-%m-%d %H:%M:%S.%f")]


def test_a_role_is_taken_back_from_one_account_in_one_region(store: Store):
    keep_accounts(store, "a1", "a2")
    here, there = Grant(role=Role.CHAIR, region_id="town"), Grant(role=Role.CHAIR, region_id="village")
    other_role = Grant(role=Role.SECRETARY, region_id="town")
    with store.work() as work:
        for grant in (here, there, other_role):
            work.accounts.grant("a1", grant, at=NOON)
        work.accounts.grant("a2", here, at=NOON)
        work.commit()

    with store.work() as work:
        work.accounts.take_back("a1", here)
        work.accounts.take_back("a1", here)  # not held any more: nothing happens
        work.commit()

    with store.look() as look:
        assert look.accounts.grants_of("a1") == (other_role, there)
        assert look.accounts.grants_of("a2") == (here,)


def test_a_role_of_nobody_cannot_be_stored(store: Store):
    with store.work() as work, pytest.raises(Exception, match="FOREIGN KEY"):
        work.accounts.grant("nobody", Grant(role=Role.CHAIR, region_id="town"), at=NOON)


def test_a_role_that_is_none_of_ours_cannot_be_stored(store: Store):
    keep_accounts(store, "a1")

    with store.work() as work, pytest.raises(Exception, match="ck_account_grant_role"):
        work.accounts.grant("a1", Grant(role="king", region_id="town"), at=NOON)


# sessions


def test_a_session_comes_back_and_is_replaced_by_its_token(store: Store):
    keep_accounts(store, "a1")
    first, other = a_session("t1"), a_session("t2", language="kk")
    seen = a_session("t1", language="en", seen_at=NOON + timedelta(hours=1, microseconds=1), ended_at=NOON)

    with store.work() as work:
        work.sessions.save(first)
        work.sessions.save(other)
        assert work.sessions.find(first.token_sha256) == first
        work.sessions.save(seen)
        work.commit()

    with store.look() as look:
        assert look.sessions.find(first.token_sha256) == seen
        assert look.sessions.find(other.token_sha256) == other
        assert look.sessions.find("t3") is None


def test_ending_all_sessions_ends_those_of_the_account_that_are_still_open(store: Store):
    keep_accounts(store, "a1", "a2")
    ended = a_session("t1", ended_at=NOON - timedelta(days=1))
    with store.work() as work:
        for session in (ended, a_session("t2"), a_session("t3"), a_session("t4", account_id="a2")):
            work.sessions.save(session)
        work.commit()

    with store.work() as work:
        work.sessions.end_all("a1", at=NOON)
        work.commit()

    with store.look() as look:
        assert look.sessions.find(ended.token_sha256) == ended
        for token in ("t2", "t3"):
            session = a_session(token, ended_at=NOON)
            assert look.sessions.find(session.token_sha256) == session
        other = a_session("t4", account_id="a2")
        assert look.sessions.find(other.token_sha256) == other


# the audit log


def test_an_empty_log_has_no_last_line(store: Store):
    with store.look() as look:
        assert look.audit.last() is None
        assert list(look.audit.entries()) == []


def test_lines_come_back_in_order_of_position_and_the_last_one_is_the_highest(store: Store):
    entries = [an_audit_entry(position) for position in range(2500)]  # more than are read at a time

    with store.work() as work:
        for entry in [*entries[2:], entries[1], entries[0]]:
            work.audit.append(entry)
        work.commit()

    with store.look() as look:
        assert list(look.audit.entries()) == entries
        assert look.audit.last() == entries[-1]


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"big": 2**80, "small": -1, "fraction": 0.1, "whole": 1.0, "tiny": 5e-324, "yes": True, "none": None},
        {"nested": {"lists": [[], {}, [1, "ә", None]]}, "": "empty key", "ұ": "kazakh key"},
        {"z": 1, "a": 2, "texts": AWKWARD_TEXTS},
    ],
    ids=["nothing", "numbers", "nested", "texts"],
)
def test_details_come_back_equal_to_the_last_digit(store: Store, details: dict):
    entry = an_audit_entry(details=details)

    with store.work() as work:
        work.audit.append(entry)
        work.commit()

    with store.look() as look:
        found = look.audit.last()
    assert found == entry
    # True equals 1 and 1.0 for Python, but not in what the hash is taken over.
    assert json.dumps(found.details) == json.dumps(details)


@pytest.mark.parametrize("microsecond", [0, 1, 999_999])
def test_moments_of_a_line_come_back_in_utc_to_the_microsecond(store: Store, microsecond: int):
    entry = an_audit_entry(at=NOON.replace(microsecond=microsecond).astimezone(ALMATY))

    with store.work() as work:
        work.audit.append(entry)
        work.commit()

    with store.look() as look:
        found = look.audit.last()
    assert found.at == NOON.replace(microsecond=microsecond)
    assert found.at.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(store: Store):
    with store.work() as work, pytest.raises(Exception, match="no time zone"):
        work.audit.append(an_audit_entry(at=NOON.replace(tzinfo=None)))


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entry SET action = 'nothing' WHERE position = 2",
        "UPDATE audit_entry SET position = position + 10",
        "UPDATE OR REPLACE audit_entry SET position = 1 WHERE position = 2",
        "DELETE FROM audit_entry WHERE position = 3",
        "DELETE FROM audit_entry",
        "INSERT OR REPLACE INTO audit_entry SELECT 2, at, 'somebody', action, subject, details, previous_hash, 'other'"
        " FROM audit_entry WHERE position = 2",
        "REPLACE INTO audit_entry SELECT 9, at, 'somebody', action, subject, details, previous_hash, entry_hash"
        " FROM audit_entry WHERE position = 2",
        "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE position = 1"
        " ON CONFLICT DO UPDATE SET account_id = 'somebody'",
    ],
)
def test_the_database_itself_refuses_to_change_or_delete_a_line(store: Store, tampering: str):
    entries = [an_audit_entry(position) for position in (1, 2, 3)]
    with store.work() as work:
        for entry in entries:
            work.audit.append(entry)
        work.commit()

    with pytest.raises(sa.exc.IntegrityError, match="append-only"), store.engine.begin() as connection:
        connection.execute(sa.text(tampering))

    with store.look() as look:
        assert list(look.audit.entries()) == entries


def test_a_position_or_a_hash_is_used_once(store: Store):
    with store.work() as work:
        work.audit.append(an_audit_entry(1))

        for entry in (an_audit_entry(1, entry_hash="f" * 64), an_audit_entry(2, entry_hash=f"{1:064x}")):
            with pytest.raises(Exception, match="append-only"):
                work.audit.append(entry)


def test_a_line_of_a_unit_that_was_not_committed_is_not_in_the_log(store: Store):
    with store.work() as work:
        work.audit.append(an_audit_entry())

    with store.look() as look:
        assert look.audit.last() is None
