"""Accounts: who may change which, what fits, and that each change is on record."""

from datetime import UTC, datetime, timedelta

import argon2
import pytest

from riskmap.assembly import in_memory_store
from riskmap.errors import NotAllowed, SessionEnded, SignInRefused, UnfitAccount, UnknownAccount
from riskmap.identity import access, accounts, audit, sessions
from riskmap.identity.access import Actor, Grant, Role

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
RIGHT, NEW, WRONG = "four words make one", "a wholly new password", "not the right one"
OPERATOR = access.operator()
CHAIR = Grant(role=Role.CHAIR, region_id="town")
OF_AREA = Grant(role=Role.RESIDENT, region_id="town/t-01")
ELSEWHERE = Grant(role=Role.RESIDENT, region_id="village")
LIBRARY_HASHER = accounts._HASHER


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Real argon2 at its smallest; the parameters of the house have a test of their own."""
    monkeypatch.setattr(accounts, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def store(tmp_path):
    made = in_memory_store(tmp_path)
    yield made
    made.close()


def add(store, login="aigul", *, actor=OPERATOR, password=RIGHT, grants=(CHAIR,), language="kk", **more):
    return accounts.add(store, actor, login=login, password=password, grants=grants, language=language, at=NOW, **more)


def administrator_of(region_id):
    return Actor(account_id="a-admin", login="admin", grants=(Grant(role=Role.ADMINISTRATOR, region_id=region_id),))


def stored(store, login="aigul"):
    with store.look() as look:
        account = accounts.by_login(look, login)
        return account, look.accounts.grants_of(account.account_id) if account else ()


def logged(store):
    """Actions of the audit log, which must be whole."""
    with store.look() as look:
        entries = list(look.audit.entries())
    audit.check(entries)
    return entries


def sign_in(store, login="aigul", password=RIGHT, *, at=NOW):
    return sessions.sign_in(store, login, password, language="kk", at=at)


# ---- Opening ----


def test_an_account_is_opened_with_its_roles(store):
    account = add(store, grants=(CHAIR, OF_AREA, CHAIR), is_simulated=True)

    assert stored(store) == (account, (CHAIR, OF_AREA))
    assert account.account_id.startswith("a-")
    assert len(account.account_id) == len("a-") + 16
    assert (account.login, account.language, account.is_simulated) == ("aigul", "kk", True)
    assert (account.created_at, account.failures, account.disabled_at) == (NOW, 0, None)


def test_two_accounts_never_share_an_id(store):
    assert len({add(store, f"person-{number}").account_id for number in range(20)}) == 20


def test_opening_is_on_record_with_each_role_and_without_login_or_password(store):
    account = add(store, grants=(CHAIR, OF_AREA))

    entries = logged(store)
    assert [(entry.account_id, entry.action, entry.subject) for entry in entries] == [
        ("operator", "account_added", f"account {account.account_id}"),
        ("operator", "role_granted", f"account {account.account_id}"),
        ("operator", "role_granted", f"account {account.account_id}"),
    ]
    assert entries[1].details == {"role": "chair", "region_id": "town"}
    assert "aigul" not in str(entries)
    assert RIGHT not in str(entries)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Aigul", "aigul"),
        ("  aigul ", "aigul"),
        ("А\u0438\u0306гүл", "айгүл"),
        ("ӘСЕЛ.Қ-1_2", "әсел.қ-1_2"),
        ("a" * 40,) * 2,
    ],
)
def test_a_login_is_kept_in_one_way_of_writing(store, typed, kept):
    account = add(store, typed)

    assert account.login == kept
    assert stored(store, typed.upper())[0] == account


@pytest.mark.parametrize(
    "login", ["", "ab", "a" * 41, "two words", "a@b.kz", "line\nbreak", "<script>", "٪٪٪"], ids=repr
)
def test_a_login_that_does_not_fit_is_refused(store, login):
    with pytest.raises(UnfitAccount, match="expected 3 to 40 letters"):
        add(store, login)

    assert logged(store) == []


@pytest.mark.parametrize("login", ["aigul", "AIGUL", " aigul"])
def test_a_login_that_is_taken_is_refused(store, login):
    account = add(store)

    with pytest.raises(UnfitAccount, match="aigul is taken"):
        add(store, login, password=NEW)

    assert stored(store)[0] == account
    assert len(logged(store)) == 2


@pytest.mark.parametrize(
    ("password", "length"), [("", 0), ("x" * 11, 11), ("x" * 201, 201), ("и\u0306" * 11, 11)], ids=str
)
def test_a_password_of_another_length_is_refused_and_not_repeated(store, password, length):
    with pytest.raises(UnfitAccount, match=f"has {length} signs; expected 12 to 200") as refused:
        add(store, password=password)

    assert password == "" or password not in str(refused.value)


@pytest.mark.parametrize("password", ["x" * 12, "x" * 200, "құпия сөзім бар"])
def test_a_password_of_a_fit_length_opens_the_account(store, password):
    add(store, password=password)

    assert sign_in(store, password=password)


def test_the_login_is_no_password(store):
    with pytest.raises(UnfitAccount, match="password is the login"):
        add(store, "aigul.serikova", password="aigul.serikova".title())


@pytest.mark.parametrize("language", ["", "de", "KK"])
def test_a_language_without_texts_is_refused(store, language):
    with pytest.raises(UnfitAccount, match="expected one of kk, ru, en"):
        add(store, language=language)


@pytest.mark.parametrize(
    "region_id", ["", "Town", "town/", "/t-01", "town/a/b", "town\n", "../town", "t" * 41, "town/" + "a" * 40]
)
def test_a_region_written_wrongly_is_refused(store, region_id):
    wrong = Grant(role=Role.CHAIR, region_id=region_id)
    add(store)

    with pytest.raises(UnfitAccount, match="expected a territory or one of its areas"):
        add(store, "second", grants=(wrong,))
    with pytest.raises(UnfitAccount, match="expected a territory or one of its areas"):
        accounts.grant(store, OPERATOR, "aigul", wrong, at=NOW)

    assert stored(store, "second") == (None, ())
    assert stored(store)[1] == (CHAIR,)


# ---- Roles ----


def test_a_role_is_given_and_taken_back(store):
    account = add(store)

    accounts.grant(store, OPERATOR, "Aigul", OF_AREA, at=NOW)
    both = stored(store)[1]
    accounts.take_back(store, OPERATOR, "AIGUL", CHAIR, at=NOW)

    assert both == (CHAIR, OF_AREA)
    assert stored(store)[1] == (OF_AREA,)
    assert [(entry.action, entry.details) for entry in logged(store)[2:]] == [
        ("role_granted", {"role": "resident", "region_id": "town/t-01"}),
        ("role_taken_back", {"role": "chair", "region_id": "town"}),
    ]
    assert {entry.subject for entry in logged(store)} == {f"account {account.account_id}"}


def test_a_role_given_twice_changes_and_records_nothing(store):
    add(store)

    accounts.grant(store, OPERATOR, "aigul", CHAIR, at=NOW)

    assert stored(store)[1] == (CHAIR,)
    assert len(logged(store)) == 2


@pytest.mark.parametrize(
    "grant", [Grant(role=Role.CHAIR, region_id="town/t-01"), Grant(role=Role.SECRETARY, region_id="town")]
)
def test_taking_back_a_role_that_is_not_held_says_which_are(store, grant):
    add(store)

    with pytest.raises(UnfitAccount, match="roles held: chair in town"):
        accounts.take_back(store, OPERATOR, "aigul", grant, at=NOW)

    assert stored(store)[1] == (CHAIR,)


# ---- Closing, opening again, passwords ----


def test_a_closed_account_has_no_session_and_gets_none(store):
    account = add(store)
    tokens = [sign_in(store), sign_in(store)]

    accounts.disable(store, OPERATOR, "aigul", at=NOW)

    for token in tokens:
        with pytest.raises(SessionEnded):
            sessions.current(store, token, at=NOW)
    with pytest.raises(SignInRefused):
        sign_in(store)
    assert stored(store)[0].disabled_at == NOW
    assert [entry.action for entry in logged(store) if entry.subject == f"account {account.account_id}"][-2:] == [
        "account_disabled",
        "sign_in_refused",
    ]


def test_an_account_opened_again_signs_in_anew_and_old_sessions_stay_ended(store):
    add(store)
    token = sign_in(store)
    accounts.disable(store, OPERATOR, "aigul", at=NOW)

    accounts.enable(store, OPERATOR, "aigul", at=NOW)

    assert sign_in(store) != token
    with pytest.raises(SessionEnded):
        sessions.current(store, token, at=NOW)


def test_closing_twice_keeps_the_first_moment_and_one_line(store):
    add(store)
    accounts.disable(store, OPERATOR, "aigul", at=NOW)

    accounts.disable(store, OPERATOR, "aigul", at=NOW + timedelta(days=1))

    assert stored(store)[0].disabled_at == NOW
    assert [entry.action for entry in logged(store)].count("account_disabled") == 1


def test_opening_an_open_account_changes_and_records_nothing(store):
    account = add(store)

    accounts.enable(store, OPERATOR, "aigul", at=NOW)

    assert stored(store)[0] == account
    assert len(logged(store)) == 2


def test_a_new_password_ends_sessions_and_replaces_the_old_one(store):
    add(store)
    token = sign_in(store)

    accounts.set_password(store, OPERATOR, "aigul", NEW, at=NOW)

    with pytest.raises(SessionEnded):
        sessions.current(store, token, at=NOW)
    with pytest.raises(SignInRefused):
        sign_in(store)
    assert sign_in(store, password=NEW)
    assert "password_set" in [entry.action for entry in logged(store)]


def test_a_new_password_wakes_an_account_that_rests(store):
    add(store)
    for _ in range(sessions.MOST_FAILURES):
        with pytest.raises(SignInRefused):
            sign_in(store, password=WRONG)

    accounts.set_password(store, OPERATOR, "aigul", NEW, at=NOW)

    assert (stored(store)[0].failures, stored(store)[0].rests_until) == (0, None)
    assert sign_in(store, password=NEW)


@pytest.mark.parametrize("password", ["short", "x" * 201, "aigul.serikova"])
def test_a_new_password_has_to_fit_too(store, password):
    add(store, "aigul.serikova")

    with pytest.raises(UnfitAccount):
        accounts.set_password(store, OPERATOR, "aigul.serikova", password, at=NOW)

    assert sign_in(store, "aigul.serikova")


CHANGES = {
    "grant": lambda store, actor, login: accounts.grant(store, actor, login, OF_AREA, at=NOW),
    "take back": lambda store, actor, login: accounts.take_back(store, actor, login, CHAIR, at=NOW),
    "disable": lambda store, actor, login: accounts.disable(store, actor, login, at=NOW),
    "enable": lambda store, actor, login: accounts.enable(store, actor, login, at=NOW),
    "password": lambda store, actor, login: accounts.set_password(store, actor, login, "x" * 12, at=NOW),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_unknown_login_is_refused_with_the_next_step(store, change):
    with pytest.raises(UnknownAccount, match=r"no account 'nobody\.here'.*account list"):
        change(store, OPERATOR, "Nobody.Here")


# ---- Who may ----


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("login", ["aigul", "nobody.here"])
@pytest.mark.parametrize(
    "actor",
    [
        Actor(account_id="a-1", login="x"),
        *(
            Actor(account_id="a-1", login="x", grants=(Grant(role=role, region_id="town"),))
            for role in Role
            if role is not Role.ADMINISTRATOR
        ),
    ],
    ids=lambda actor: next((str(grant.role) for grant in actor.grants), "no role"),
)
def test_who_manages_no_accounts_changes_none_and_learns_no_login(store, change, login, actor):
    account = add(store)

    with pytest.raises(NotAllowed):
        change(store, actor, login)

    assert stored(store) == (account, (CHAIR,))
    assert [(entry.account_id, entry.action) for entry in logged(store)[2:]] == [("a-1", "refused")]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("region_id", ["town/t-02", "town2", "tow", "village"])
def test_an_administrator_of_another_region_changes_nothing(store, change, region_id):
    account = add(store)

    with pytest.raises(NotAllowed):
        change(store, administrator_of(region_id), "aigul")

    assert stored(store) == (account, (CHAIR,))
    assert logged(store)[-1].action == "refused"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_administrator_of_the_territory_may(store, change):
    add(store)

    change(store, administrator_of("town"), "aigul")

    assert [entry.action for entry in logged(store)].count("refused") == 0


@pytest.mark.parametrize("name", ["disable", "enable", "password"])
def test_an_administrator_needs_every_region_of_the_account(store, name):
    add(store, grants=(CHAIR, ELSEWHERE))
    token = sign_in(store)

    with pytest.raises(NotAllowed):
        CHANGES[name](store, administrator_of("town"), "aigul")

    assert sessions.current(store, token, at=NOW)


def test_an_administrator_of_an_area_gives_no_role_in_the_territory(store):
    add(store, grants=(OF_AREA,))
    actor = administrator_of("town/t-01")

    with pytest.raises(NotAllowed):
        accounts.grant(store, actor, "aigul", CHAIR, at=NOW)
    accounts.grant(store, actor, "aigul", Grant(role=Role.CHAIR, region_id="town/t-01"), at=NOW)

    assert stored(store)[1] == (Grant(role=Role.CHAIR, region_id="town/t-01"), OF_AREA)


def test_an_account_is_opened_only_where_each_of_its_roles_may_be_given(store):
    actor = administrator_of("town")

    with pytest.raises(NotAllowed):
        add(store, "first", actor=actor, grants=(OF_AREA, ELSEWHERE))
    with pytest.raises(NotAllowed):
        add(store, "second", actor=actor, grants=())
    add(store, "third", actor=actor, grants=(OF_AREA,))

    assert [account.login for account, _ in accounts.listing(store, OPERATOR)] == ["third"]


def test_an_account_without_roles_is_the_operators_alone(store):
    add(store, grants=())

    with pytest.raises(NotAllowed):
        accounts.disable(store, administrator_of("town"), "aigul", at=NOW)
    accounts.disable(store, OPERATOR, "aigul", at=NOW)

    assert stored(store)[0].disabled_at == NOW


def test_an_account_called_operator_is_not_the_operator(store):
    account = add(store, "operator", grants=(OF_AREA,))
    signed_in = sessions.current(store, sign_in(store, "operator"), at=NOW)

    with pytest.raises(NotAllowed):
        accounts.disable(store, signed_in.actor, "operator", at=NOW)

    assert account.account_id != access.OPERATOR


# ---- Listing ----


def test_the_operator_sees_every_account_by_login(store):
    for login, grants in (("zarina", (CHAIR,)), ("aigul", (OF_AREA, ELSEWHERE)), ("marat", ())):
        add(store, login, grants=grants)

    listed = accounts.listing(store, OPERATOR)

    assert [(account.login, grants) for account, grants in listed] == [
        ("aigul", (OF_AREA, ELSEWHERE)),
        ("marat", ()),
        ("zarina", (CHAIR,)),
    ]


def test_an_administrator_sees_the_accounts_of_the_own_region(store):
    for login, grants in (("zarina", (CHAIR,)), ("aigul", (OF_AREA, ELSEWHERE)), ("marat", (ELSEWHERE,))):
        add(store, login, grants=grants)

    def seen(region_id):
        return [account.login for account, _ in accounts.listing(store, administrator_of(region_id))]

    assert seen("town") == ["aigul", "zarina"]
    assert seen("town/t-01") == ["aigul"]
    assert seen("village") == ["aigul", "marat"]
    assert seen("elsewhere") == []


def test_who_manages_no_accounts_sees_none(store):
    add(store)

    with pytest.raises(NotAllowed):
        accounts.listing(store, Actor(account_id="a-1", login="x", grants=(CHAIR,)))


# ---- Passwords ----


def test_hashes_are_argon2id_at_the_librarys_defaults(monkeypatch):
    monkeypatch.setattr(accounts, "_HASHER", LIBRARY_HASHER)

    first, second = accounts.hash_password(RIGHT), accounts.hash_password(RIGHT)

    assert first != second
    assert argon2.extract_parameters(first) == argon2.profiles.RFC_9106_LOW_MEMORY
    assert argon2.extract_parameters(first).type is argon2.Type.ID
    assert not accounts.is_outdated(first)


def test_a_password_is_right_in_one_piece_or_two():
    password_hash = accounts.hash_password("айна жарқырайды")

    assert accounts.verify(password_hash, "аи\u0306на жарқыраи\u0306ды")
    assert not accounts.verify(password_hash, "айна жарқырайды ")


@pytest.mark.parametrize("password_hash", [None, "", "x", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$"])
@pytest.mark.parametrize("password", [RIGHT, "", "\ud800", "x" * 100_000], ids=["plain", "empty", "half", "long"])
def test_nothing_is_right_where_there_is_no_hash(password_hash, password):
    assert not accounts.verify(password_hash, password)


def test_made_passwords_fit_differ_and_cannot_be_misread(store):
    made = {accounts.random_password() for _ in range(200)}

    assert len(made) == 200
    assert {tuple(len(group) for group in password.split("-")) for password in made} == {(5, 5, 5, 5)}
    assert set("".join(made)) == set("abcdefghjkmnpqrstuvwxyz23456789-")
    add(store, password=made.pop())
