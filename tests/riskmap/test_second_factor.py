"""Codes beside a password: each opens an account once, wrong ones count, and nothing of a session is given before."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import argon2
import pyotp
import pytest

from riskmap.assembly import migrate, open_store
from riskmap.errors import CodeNeeded, NotAllowed, SessionEnded, SignInRefused, UnfitAccount, UnfitFields
from riskmap.identity import access, accounts, own_account, second_factor, sessions
from riskmap.identity.access import Actor, Grant, Permission, Role
from riskmap.settings import Settings

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
STEP, MINUTE = timedelta(seconds=30), timedelta(minutes=1)
RIGHT, NEW = "four words make one", "a wholly new password"
KEY = bytes(range(32))
CHAIR = Grant(role=Role.CHAIR, region_id="town")
RESIDENT = Grant(role=Role.RESIDENT, region_id="town")


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Real argon2 at its smallest; the parameters of the house are tested with the accounts."""
    monkeypatch.setattr(accounts, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def store(tmp_path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    made = open_store(settings)
    operator, grants = access.operator(), [CHAIR, RESIDENT]
    accounts.add(made, operator, login="aigul", password=RIGHT, grants=grants, language="kk", at=NOW)
    yield made
    made.close()


def aigul(store) -> Actor:
    with store.look() as look:
        account = look.accounts.by_login("aigul")
        return Actor(account_id=account.account_id, login="aigul", grants=look.accounts.grants_of(account.account_id))


def switched_on(store, at=NOW) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    begun = own_account.begin_codes(store, aigul(store), KEY, at=at)
    app = pyotp.TOTP(begun.secret)
    return app, own_account.confirm_codes(store, aigul(store), KEY, app.at(at), at=at)


def waiting(store, at) -> str:
    with pytest.raises(CodeNeeded) as caught:
        sessions.sign_in(store, "aigul", RIGHT, language="kk", at=at)
    return caught.value.waiting


def send(store, token, code, at) -> str:
    return sessions.sign_in_with_code(store, KEY, token, code, language="kk", at=at)


def actions(store) -> list[str]:
    with store.look() as look:
        return [line.action for line in look.audit.entries()]


def test_a_password_alone_gives_no_session_and_a_code_gives_one(store):
    app, _ = switched_on(store)
    later = NOW + MINUTE

    token = waiting(store, later)
    with pytest.raises(SessionEnded):
        sessions.current(store, token, at=later)
    session = send(store, token, f"{app.at(later)[:3]} {app.at(later)[3:]}", later)

    assert sessions.current(store, session, at=later).actor.login == "aigul"
    with pytest.raises(SessionEnded):
        send(store, token, app.at(later + STEP), later + STEP)


def test_a_wrong_password_reads_the_same_with_codes_and_without(store):
    told = []
    for _ in range(2):
        with pytest.raises(SignInRefused) as caught:
            sessions.sign_in(store, "aigul", "not the right one", language="kk", at=NOW)
        told.append(str(caught.value))
        if len(told) == 1:
            switched_on(store)

    assert told[0] == told[1]


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(store, steps, is_taken):
    app, _ = switched_on(store, at=NOW - 10 * MINUTE)

    try:
        send(store, waiting(store, NOW), app.at(NOW, counter_offset=steps), NOW)
        taken = True
    except SignInRefused:
        taken = False

    assert taken is is_taken


def test_a_code_opens_once_and_no_earlier_one_after_it(store):
    app, _ = switched_on(store, at=NOW - 10 * MINUTE)
    send(store, waiting(store, NOW), app.at(NOW), NOW)

    for code in (app.at(NOW), app.at(NOW, counter_offset=-1)):
        with pytest.raises(SignInRefused):
            send(store, waiting(store, NOW), code, NOW)

    assert send(store, waiting(store, NOW), app.at(NOW, counter_offset=1), NOW)


def test_the_code_that_switches_codes_on_opens_nothing_afterwards(store):
    app, _ = switched_on(store)

    with pytest.raises(SignInRefused):
        send(store, waiting(store, NOW), app.at(NOW), NOW)


def test_of_eight_who_send_one_code_at_once_one_gets_in(store):
    app, _ = switched_on(store, at=NOW - 10 * MINUTE)
    tokens = [waiting(store, NOW) for _ in range(8)]

    def try_it(token):
        try:
            return send(store, token, app.at(NOW), NOW)
        except SignInRefused:
            return None

    with ThreadPoolExecutor(8) as pool:
        got = [one for one in pool.map(try_it, tokens) if one]

    assert len(got) == 1


def test_a_recovery_code_opens_once(store):
    _, recovery = switched_on(store)

    send(store, waiting(store, NOW), recovery[0].upper().replace("-", " "), NOW)
    with pytest.raises(SignInRefused):
        send(store, waiting(store, NOW), recovery[0], NOW)

    assert len(set(recovery)) == second_factor.RECOVERY_CODES
    assert own_account.overview(store, aigul(store)).recovery_codes_left == second_factor.RECOVERY_CODES - 1


def test_wrong_codes_let_the_account_rest_and_a_right_password_does_not_forgive_them(store):
    app, _ = switched_on(store, at=NOW - 10 * MINUTE)
    for _ in range(sessions.MOST_FAILURES):
        with pytest.raises(SignInRefused):
            send(store, waiting(store, NOW), "000000" if app.at(NOW) != "000000" else "111111", NOW)

    with pytest.raises(SignInRefused):
        sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)

    assert "account_rests" in actions(store)
    assert send(store, waiting(store, NOW + sessions.REST), app.at(NOW + sessions.REST), NOW + sessions.REST)


def test_a_sign_in_waits_five_minutes_for_its_code(store):
    app, _ = switched_on(store)
    token = waiting(store, NOW)
    late = NOW + second_factor.WAIT

    with pytest.raises(SessionEnded):
        send(store, token, app.at(late), late)
    for unknown in ("", "x" * 5000, "\ud800"):
        with pytest.raises(SessionEnded):
            send(store, unknown, app.at(late), late)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "' OR 1=1 --", "\x00" * 6, "x" * 5000, "\ud800"])
def test_what_is_no_code_is_refused(store, code):
    switched_on(store, at=NOW - 10 * MINUTE)

    with pytest.raises(SignInRefused):
        send(store, waiting(store, NOW), code, NOW)


def test_nothing_kept_makes_codes_without_the_key(store, tmp_path):
    begun = own_account.begin_codes(store, aigul(store), KEY, at=NOW)
    app = pyotp.TOTP(begun.secret)
    recovery = own_account.confirm_codes(store, aigul(store), KEY, app.at(NOW), at=NOW)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("riskmap.db*"))

    found = [
        one for one in (begun.secret, *recovery, *(code.replace("-", "") for code in recovery)) if one.encode() in kept
    ]
    later = NOW + MINUTE
    with pytest.raises(SignInRefused):
        sessions.sign_in_with_code(store, bytes(32), waiting(store, later), app.at(later), language="kk", at=later)

    assert found == []


def test_codes_that_were_begun_and_never_confirmed_ask_for_nothing(store):
    begun = own_account.begin_codes(store, aigul(store), KEY, at=NOW)
    with pytest.raises(UnfitFields):
        own_account.confirm_codes(store, aigul(store), KEY, "no", at=NOW)

    assert sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)
    assert own_account.begin_codes(store, aigul(store), KEY, at=NOW).secret != begun.secret


def test_codes_are_switched_off_with_password_and_code_alone(store):
    app, _ = switched_on(store, at=NOW - 10 * MINUTE)
    with pytest.raises(UnfitAccount):
        own_account.begin_codes(store, aigul(store), KEY, at=NOW)
    for password, code, field in (("wrong", app.at(NOW), "password"), (RIGHT, "000 000", "code")):
        with pytest.raises(UnfitFields) as caught:
            own_account.stop_codes(store, aigul(store), KEY, password=password, code=code, at=NOW)
        assert [fault.field for fault in caught.value.faults] == [field]

    own_account.stop_codes(store, aigul(store), KEY, password=RIGHT, code=app.at(NOW), at=NOW)

    assert sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)
    assert [one for one in actions(store) if one.startswith("codes_")] == ["codes_on", "codes_off"]


def test_only_who_manages_an_account_resets_its_codes(store):
    app, _ = switched_on(store, at=NOW - 10 * MINUTE)
    session = send(store, waiting(store, NOW), app.at(NOW), NOW)
    with pytest.raises(NotAllowed) as caught:
        accounts.reset_codes(store, aigul(store), "aigul", at=NOW)

    assert caught.value.permission is Permission.MANAGE_ACCOUNTS
    assert accounts.reset_codes(store, access.operator(), "aigul", at=NOW)
    assert not accounts.reset_codes(store, access.operator(), "aigul", at=NOW)
    with pytest.raises(SessionEnded):
        sessions.current(store, session, at=NOW)
    assert sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)


def test_a_role_that_needs_codes_sleeps_until_they_are_on(store):
    session, code_roles = sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW), frozenset({Role.CHAIR})

    before = sessions.current(store, session, at=NOW, code_roles=code_roles)
    switched_on(store)
    after = sessions.current(store, session, at=NOW, code_roles=code_roles)

    assert (before.actor.grants, before.lacks_codes) == ((RESIDENT,), True)
    assert (set(after.actor.grants), after.lacks_codes) == ({CHAIR, RESIDENT}, False)


# ---- The password ----


def test_a_changed_password_ends_every_session_and_is_known_to_its_owner_alone(store):
    others = sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)

    own = own_account.change_password(store, aigul(store), old=RIGHT, new=NEW, again=NEW, language="ru", at=NOW)

    with pytest.raises(SessionEnded):
        sessions.current(store, others, at=NOW)
    signed_in = sessions.current(store, own, at=NOW)
    assert (signed_in.is_password_given, signed_in.language) == (False, "ru")
    assert sessions.sign_in(store, "aigul", NEW, language="kk", at=NOW)
    with pytest.raises(SignInRefused):
        sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)
    assert "password_changed" in actions(store)


def test_a_password_given_by_somebody_else_says_so_until_it_is_changed(store):
    given = sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)
    at_first = sessions.current(store, given, at=NOW).is_password_given
    own_account.change_password(store, aigul(store), old=RIGHT, new=NEW, again=NEW, language="kk", at=NOW)
    accounts.set_password(store, access.operator(), "aigul", RIGHT, at=NOW)

    anew = sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)

    assert at_first
    assert sessions.current(store, anew, at=NOW).is_password_given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"old": "wrong"}, [("old_password", "wrong_password")]),
        ({"new": "short", "again": "short"}, [("new_password", "password_length")]),
        ({"new": "x" * 201, "again": "x" * 201}, [("new_password", "password_length")]),
        ({"new": RIGHT, "again": RIGHT}, [("new_password", "same_password")]),
        ({"again": "another one again"}, [("password_again", "not_the_same")]),
        ({"old": "", "again": ""}, [("old_password", "wrong_password"), ("password_again", "not_the_same")]),
    ],
)
def test_what_is_wrong_with_a_new_password_is_said_field_by_field(store, given, expected):
    told = {"old": RIGHT, "new": NEW, "again": NEW} | given

    with pytest.raises(UnfitFields) as caught:
        own_account.change_password(store, aigul(store), language="kk", at=NOW, **told)

    assert [(fault.field, fault.fault) for fault in caught.value.faults] == expected
    assert sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)


def test_guessing_the_old_password_lets_the_account_rest(store):
    faults = []
    for _ in range(sessions.MOST_FAILURES + 1):
        with pytest.raises(UnfitFields) as caught:
            own_account.change_password(store, aigul(store), old="guess", new=NEW, again=NEW, language="kk", at=NOW)
        faults.append(caught.value.faults[0].fault)

    assert faults == ["wrong_password"] * sessions.MOST_FAILURES + ["rests"]
    with pytest.raises(SignInRefused):
        sessions.sign_in(store, "aigul", RIGHT, language="kk", at=NOW)


def test_the_audit_log_holds_no_secret(store):
    app, recovery = switched_on(store)
    send(store, waiting(store, NOW + MINUTE), app.at(NOW + MINUTE), NOW + MINUTE)
    own_account.change_password(store, aigul(store), old=RIGHT, new=NEW, again=NEW, language="kk", at=NOW + MINUTE)

    with store.look() as look:
        lines = repr(list(look.audit.entries()))

    assert [one for one in (app.secret, RIGHT, NEW, *recovery) if one in lines] == []
