"""Signing in and out: how long a session lasts, who is refused and when an account rests."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import argon2
import pytest

from riskmap.assembly import in_memory_store, migrate, open_store
from riskmap.errors import SessionEnded, SignInRefused
from riskmap.identity import access, accounts, audit, sessions
from riskmap.identity.access import Grant, Role
from riskmap.settings import Settings

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RIGHT, NEW, WRONG = "four words make one", "a wholly new password", "not the right one"
OPERATOR = access.operator()
CHAIR = Grant(role=Role.CHAIR, region_id="town")
MEMBER = Grant(role=Role.COUNCIL_MEMBER, region_id="town/t-01")
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Real argon2 at its smallest; the parameters of the house are tested with the accounts."""
    monkeypatch.setattr(accounts, "_HASHER", QUICK)


def with_aigul(store):
    accounts.add(store, OPERATOR, login="aigul", password=RIGHT, grants=[CHAIR], language="kk", at=NOW)
    return store


@pytest.fixture
def store(tmp_path):
    made = with_aigul(in_memory_store(tmp_path))
    yield made
    made.close()


@pytest.fixture
def store_on_disk(tmp_path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    made = with_aigul(open_store(settings))
    yield made
    made.close()


def sign_in(store, login="aigul", password=RIGHT, *, language="ru", at=NOW):
    return sessions.sign_in(store, login, password, language=language, at=at)


def is_refused(store, login="aigul", password=RIGHT, *, at=NOW):
    try:
        sign_in(store, login, password, at=at)
    except SignInRefused:
        return True
    return False


def is_open(store, token, *, at=NOW):
    try:
        sessions.current(store, token, at=at)
    except SessionEnded:
        return False
    return True


def logged(store):
    """Lines of the audit log after the account was opened; the whole of it must be sound."""
    with store.look() as look:
        entries = list(look.audit.entries())
    audit.check(entries)
    return entries[2:]


def account_of(store, login="aigul"):
    with store.look() as look:
        return accounts.by_login(look, login)


def session_of(store, token):
    with store.look() as look:
        return look.sessions.find(sessions._sha256(token))


# ---- Who is signed in ----


def test_a_token_leads_to_the_account_its_roles_and_its_language(store):
    token = sign_in(store, language="en")

    signed_in = sessions.current(store, token, at=NOW)

    assert signed_in.actor.account_id == account_of(store).account_id
    assert (signed_in.actor.login, signed_in.actor.grants) == ("aigul", (CHAIR,))
    assert (signed_in.language, signed_in.token) == ("en", token)
    assert signed_in.form_token == sessions.form_token(token)


@pytest.mark.parametrize("login", ["aigul", "AIGUL", " Aigul "])
def test_a_login_is_known_however_it_is_written(store, login):
    assert sign_in(store, login)


@pytest.mark.parametrize("token", [None, "", "x", "ә" * 50, "\ud800", "x" * 100_000], ids=ascii)
def test_a_token_nobody_was_given_opens_nothing(store, token):
    with pytest.raises(SessionEnded):
        sessions.current(store, token, at=NOW)


def test_tokens_are_long_and_never_the_same(store):
    tokens = {sign_in(store) for _ in range(20)}

    assert len(tokens) == 20
    assert min(map(len, tokens)) * 6 >= 128


def test_the_token_is_stored_nowhere(store_on_disk, tmp_path):
    token = sign_in(store_on_disk)
    sessions.current(store_on_disk, token, at=NOW + 2 * MINUTE)
    store_on_disk.close()

    stored = [path.read_bytes() for path in tmp_path.glob("riskmap.db*")]

    assert any(sessions._sha256(token).encode() in content for content in stored)
    assert not any(token.encode() in content for content in stored)
    assert not any(sessions.form_token(token).encode() in content for content in stored)


def test_neither_token_is_shown_with_the_rest(store):
    token = sign_in(store)

    shown = repr(sessions.current(store, token, at=NOW))

    assert token not in shown
    assert sessions.form_token(token) not in shown


def test_several_browsers_have_sessions_of_their_own(store):
    first, second = sign_in(store), sign_in(store)

    sessions.sign_out(store, first, at=NOW)

    assert not is_open(store, first)
    assert is_open(store, second)


# ---- How long ----


def test_a_session_unused_for_half_an_hour_is_over(store):
    token = sign_in(store)

    assert not is_open(store, token, at=NOW + timedelta(minutes=30))
    assert is_open(store, token, at=NOW + timedelta(minutes=30) - SECOND)


def test_half_an_hour_counts_from_the_last_use(store):
    token = sign_in(store)
    used_at = NOW + timedelta(minutes=29)
    assert is_open(store, token, at=used_at)

    assert is_open(store, token, at=used_at + timedelta(minutes=30) - SECOND)
    assert not is_open(store, token, at=used_at + timedelta(minutes=60))


def test_a_session_in_use_is_over_after_eight_hours(store):
    token = sign_in(store)
    minutes = range(0, 8 * 60, 20)

    assert all(is_open(store, token, at=NOW + number * MINUTE) for number in minutes)
    assert is_open(store, token, at=NOW + timedelta(hours=8) - SECOND)
    assert not is_open(store, token, at=NOW + timedelta(hours=8))


def test_use_is_written_down_at_most_once_a_minute(store):
    token = sign_in(store)

    seen = []
    for seconds in (1, 59, 60, 61, 119, 120, 300):
        sessions.current(store, token, at=NOW + seconds * SECOND)
        seen.append((session_of(store, token).seen_at - NOW) // SECOND)

    assert seen == [0, 0, 60, 60, 60, 120, 300]


def test_a_page_is_shown_while_another_program_writes(tmp_path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    store = with_aigul(open_store(settings, wait_s=0.1))
    token = sign_in(store)

    with store.work():
        signed_in = sessions.current(store, token, at=NOW + 5 * MINUTE)

    assert signed_in.actor.login == "aigul"
    assert session_of(store, token).seen_at == NOW
    store.close()


# ---- Signing out, roles, closing ----


def test_signing_out_ends_the_session_and_is_on_record_once(store):
    token = sign_in(store)

    sessions.sign_out(store, token, at=NOW + MINUTE)
    sessions.sign_out(store, token, at=NOW + 2 * MINUTE)

    account_id = account_of(store).account_id
    assert not is_open(store, token)
    assert session_of(store, token).ended_at == NOW + MINUTE
    assert [(entry.account_id, entry.action, entry.subject) for entry in logged(store)] == [
        (account_id, "signed_in", f"account {account_id}"),
        (account_id, "signed_out", f"account {account_id}"),
    ]


@pytest.mark.parametrize("token", [None, "", "unknown"])
def test_signing_out_or_choosing_a_language_without_a_session_changes_nothing(store, token):
    sessions.sign_out(store, token, at=NOW)
    sessions.keep_language(store, token, "en")

    assert logged(store) == []


def test_a_role_given_or_taken_back_counts_at_once(store):
    token = sign_in(store)

    accounts.grant(store, OPERATOR, "aigul", MEMBER, at=NOW)
    accounts.take_back(store, OPERATOR, "aigul", CHAIR, at=NOW)

    assert sessions.current(store, token, at=NOW).actor.grants == (MEMBER,)


def test_a_closed_account_is_out_at_once_even_if_its_session_was_left_open(store):
    token = sign_in(store)
    accounts.disable(store, OPERATOR, "aigul", at=NOW)
    with store.work() as work:
        work.sessions.save(replace(work.sessions.find(sessions._sha256(token)), ended_at=None))
        work.commit()

    assert not is_open(store, token)


# ---- Language ----


def test_a_chosen_language_stays_with_the_session_and_with_no_other(store):
    token, other = sign_in(store, language="ru"), sign_in(store, language="ru")

    sessions.keep_language(store, token, "en")

    assert sessions.current(store, token, at=NOW + 5 * MINUTE).language == "en"
    assert sessions.current(store, other, at=NOW).language == "ru"


@pytest.mark.parametrize(("asked", "kept"), [("ru-KZ", "ru"), ("de", "kk"), ("", "kk")])
def test_a_language_without_texts_becomes_one_with_texts(store, asked, kept):
    token = sign_in(store, language=asked)
    at_first = sessions.current(store, token, at=NOW).language
    sessions.keep_language(store, token, "en")

    sessions.keep_language(store, token, asked)

    assert at_first == sessions.current(store, token, at=NOW).language == kept


def test_choosing_a_language_does_not_bring_a_session_back(store):
    token = sign_in(store)
    sessions.sign_out(store, token, at=NOW)

    sessions.keep_language(store, token, "en")

    assert not is_open(store, token)


# ---- Refusals ----


def refused_in_every_way(store):
    """What is said to an unknown login, a wrong password, a closed account and one that rests."""
    accounts.add(store, OPERATOR, login="closed", password=RIGHT, grants=[CHAIR], language="kk", at=NOW)
    accounts.disable(store, OPERATOR, "closed", at=NOW)
    accounts.add(store, OPERATOR, login="tired", password=RIGHT, grants=[CHAIR], language="kk", at=NOW)
    for _ in range(sessions.MOST_FAILURES):
        assert is_refused(store, "tired", WRONG)
    ways = [("nobody", RIGHT), ("aigul", WRONG), ("closed", RIGHT), ("tired", RIGHT), ("", ""), ("aigul", "")]
    for login, password in ways:
        with pytest.raises(SignInRefused) as refused:
            sign_in(store, login, password)
        yield str(refused.value)


def test_every_refusal_reads_the_same(store):
    said = list(refused_in_every_way(store))

    assert len(said) == 6
    assert len(set(said)) == 1
    assert not any(word in said[0].lower() for word in ("unknown", "wrong", "disabled", "aigul"))


class Counting:
    """The hasher, writing down the work it does."""

    def __init__(self, work):
        self._work = work

    def hash(self, password):
        self._work.append(QUICK.hash(password))
        return self._work[-1]

    def verify(self, password_hash, password):
        self._work.append(password_hash)
        return QUICK.verify(password_hash, password)

    def check_needs_rehash(self, password_hash):
        return QUICK.check_needs_rehash(password_hash)


@pytest.mark.parametrize(
    ("login", "password"), [("nobody", RIGHT), ("aigul", WRONG), ("closed", RIGHT), ("aigul", RIGHT)]
)
def test_every_attempt_costs_one_hash_of_the_same_parameters(store, monkeypatch, login, password):
    accounts.add(store, OPERATOR, login="closed", password=RIGHT, grants=[CHAIR], language="kk", at=NOW)
    accounts.disable(store, OPERATOR, "closed", at=NOW)
    work = []
    monkeypatch.setattr(accounts, "_HASHER", Counting(work))

    is_refused(store, login, password)

    assert [argon2.extract_parameters(done) for done in work] == [
        argon2.extract_parameters(account_of(store).password_hash)
    ]


def test_nobody_waits_to_write_while_a_password_is_compared(store_on_disk, monkeypatch):
    verify, written = accounts.verify, []

    def verify_while_another_writes(password_hash, password):
        with store_on_disk.work() as work:
            audit.record(work, account_id="a-1", action="another", subject="x", details={}, at=NOW)
            work.commit()
        written.append(True)
        return verify(password_hash, password)

    monkeypatch.setattr(accounts, "verify", verify_while_another_writes)

    assert sign_in(store_on_disk)
    assert written == [True]


def test_a_password_set_anew_meanwhile_is_the_one_that_counts(store_on_disk, monkeypatch):
    verify, calls = accounts.verify, []

    def verify_while_it_changes(password_hash, password):
        if not calls:
            accounts.set_password(store_on_disk, OPERATOR, "aigul", NEW, at=NOW)
        calls.append(password)
        return verify(password_hash, password)

    monkeypatch.setattr(accounts, "verify", verify_while_it_changes)

    assert is_refused(store_on_disk, password=RIGHT)
    assert len(calls) == 2
    assert not is_refused(store_on_disk, password=NEW)


def test_refusals_are_on_record_without_what_was_typed(store):
    accounts.disable(store, OPERATOR, "aigul", at=NOW)
    is_refused(store, "my secret password", "aigul")
    is_refused(store, "aigul", RIGHT)
    accounts.enable(store, OPERATOR, "aigul", at=NOW)
    is_refused(store, "aigul", WRONG)

    entries = [entry for entry in logged(store) if entry.action == "sign_in_refused"]

    known = f"account {account_of(store).account_id}"
    assert [(entry.account_id, entry.subject, entry.details) for entry in entries] == [
        ("nobody", "unknown", {"reason": "unknown_login"}),
        ("nobody", known, {"reason": "disabled"}),
        ("nobody", known, {"reason": "wrong_password"}),
    ]
    assert not any(typed in str(logged(store)) for typed in ("secret", RIGHT, WRONG, "aigul"))


# ---- Resting ----


def fail(store, times, *, at=NOW):
    assert all(is_refused(store, password=WRONG, at=at) for _ in range(times))


def test_after_five_wrong_passwords_the_account_rests_a_quarter_of_an_hour(store):
    fail(store, 5)

    assert is_refused(store, at=NOW)
    assert is_refused(store, at=NOW + timedelta(minutes=15) - SECOND)
    assert not is_refused(store, at=NOW + timedelta(minutes=15))


def test_four_wrong_passwords_are_forgotten_with_the_right_one(store):
    fail(store, 4)
    assert sign_in(store)
    assert account_of(store).failures == 0

    fail(store, 4)

    assert not is_refused(store)


def test_attempts_while_resting_neither_count_nor_make_it_longer(store):
    fail(store, 5)

    fail(store, 20, at=NOW + timedelta(minutes=14))

    assert account_of(store).failures == 5
    assert account_of(store).rests_until == NOW + timedelta(minutes=15)
    assert not is_refused(store, at=NOW + timedelta(minutes=15))


def test_after_a_rest_five_more_wrong_passwords_bring_the_next(store):
    fail(store, 5)
    later = NOW + timedelta(minutes=15)

    fail(store, 4, at=later)
    before = account_of(store).rests_until
    fail(store, 1, at=later)

    assert before == later
    assert account_of(store).rests_until == later + timedelta(minutes=15)


def test_a_rest_ends_no_session(store):
    token = sign_in(store)

    fail(store, 5)

    assert is_open(store, token)


def test_a_rest_is_on_record(store):
    fail(store, 5)
    is_refused(store)

    entries = logged(store)

    assert [entry.action for entry in entries] == ["sign_in_refused"] * 5 + ["account_rests", "sign_in_refused"]
    assert [entry.details for entry in entries[-2:]] == [{"failures": 5}, {"reason": "resting"}]


def test_wrong_passwords_of_many_at_once_are_all_counted(store_on_disk):
    accounts.add(store_on_disk, OPERATOR, login="marat", password=RIGHT, grants=[CHAIR], language="kk", at=NOW)

    with ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(lambda _: is_refused(store_on_disk, password=WRONG), range(4)))
        others = list(pool.map(lambda _: is_refused(store_on_disk, "marat", WRONG), range(24)))

    assert all(refused)
    assert all(others)
    assert account_of(store_on_disk).failures == 4
    marat = account_of(store_on_disk, "marat")
    assert (marat.failures, marat.rests_until) == (5, NOW + timedelta(minutes=15))
    reasons = [entry.details.get("reason") for entry in logged(store_on_disk)]
    assert (reasons.count("wrong_password"), reasons.count("resting")) == (4 + 5, 24 - 5)


# ---- Outdated hashes, forms ----


def test_a_hash_of_older_parameters_is_renewed_by_signing_in(store, monkeypatch):
    before = account_of(store).password_hash
    monkeypatch.setattr(accounts, "_HASHER", argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))

    is_refused(store, password=WRONG)
    after_wrong = account_of(store).password_hash
    sign_in(store)
    after_right = account_of(store).password_hash
    sign_in(store)

    assert after_wrong == before
    assert argon2.extract_parameters(after_right).time_cost == 2
    assert account_of(store).password_hash == after_right


def test_a_form_belongs_to_its_session_alone(store):
    first, second = sign_in(store), sign_in(store)

    assert sessions.is_form_token(first, sessions.form_token(first))
    assert not sessions.is_form_token(first, sessions.form_token(second))
    assert sessions.form_token(first) != sessions._sha256(first)


@pytest.mark.parametrize("given", [None, "", "x", "ә", "\ud800", "0" * 64])
def test_a_forged_form_is_told(store, given):
    assert not sessions.is_form_token(sign_in(store), given)
