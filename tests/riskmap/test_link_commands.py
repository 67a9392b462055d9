"""Commands that link accounts to people at the provider of sign-in, as an operator types them."""

from datetime import UTC, datetime

import argon2
import pytest

from riskmap import installation_key
from riskmap.assembly import migrate, open_store
from riskmap.errors import ExitStatus, NotAllowed, SignInRefused
from riskmap.identity import access, accounts, audit, provider_sign_in, sessions
from riskmap.identity.access import Actor, Grant, Role
from riskmap.settings import Settings
from tests.typed_commands import typed

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ISSUER = "https://id.example/realm"
CHAIR = Grant(role=Role.CHAIR, region_id="ulgiqala")
PROVIDER = {
    "RISKMAP_SITE_ADDRESS": "http://localhost:8501",
    "RISKMAP_OIDC_ISSUER": ISSUER,
    "RISKMAP_OIDC_CLIENT_ID": "riskmap",
    "RISKMAP_OIDC_CLIENT_SECRET_FILE": "/nowhere/that/a/command/looks",
}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name, text in {"RISKMAP_DATA": str(tmp_path), "LC_ALL": "en_US.UTF-8", **PROVIDER}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(accounts, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    settings = Settings.from_environment()
    migrate(settings)
    return settings


@pytest.fixture
def store(settings):
    opened = open_store(settings)
    for login in ("aigul", "marat"):
        accounts.add(
            opened, access.operator(), login=login, password=None, grants=[CHAIR], language="kk", at=datetime.now(UTC)
        )
    yield opened
    opened.close()


@pytest.fixture
def run(store, capsys):
    return lambda *arguments: typed(capsys, "account", *arguments)


def code_of(settings, subject, issuer=ISSUER):
    return provider_sign_in.read_out(installation_key.load(settings.data), issuer, subject)


def links(store):
    with store.look() as look:
        found = [(one, look.identities.of_account(one.account_id)) for one in look.accounts.all()]
    return {account.login: [(one.issuer, one.subject) for one in held] for account, held in found}


def last_line(store):
    with store.look() as look:
        audit.check(look.audit.entries())
        line = look.audit.last()
    return line.account_id, line.action, dict(line.details)


def test_an_account_is_linked_with_the_code_its_owner_reads_out_and_once_only(run, store, settings):
    code = code_of(settings, "s-1")

    answer = run("link", "Aigul", "--subject", "s-1", "--code", code.lower().replace("-", " ").replace("o", "0"))
    line = last_line(store)
    again = run("link", "aigul", "--subject", "s-1", "--json")

    assert answer.status == again.status == ExitStatus.DONE
    assert code in answer.out
    assert links(store) == {"aigul": [(ISSUER, "s-1")], "marat": []}
    assert line == ("operator", "identity_linked", {"issuer": ISSUER})
    assert again.data == {"login": "aigul", "issuer": ISSUER, "code": code, "is_new": False}
    assert last_line(store) == line


@pytest.mark.parametrize(
    ("arguments", "status", "parts"),
    [
        (("nobody", "--subject", "s-2"), ExitStatus.NOTHING_THERE, ("account list",)),
        (("aigul", "--subject", "s-2"), ExitStatus.BAD_INPUT, ("account unlink",)),
        (("marat", "--subject", "s-1"), ExitStatus.BAD_INPUT, ("account unlink",)),
        (("marat", "--subject", ""), ExitStatus.BAD_INPUT, ("0 signs",)),
        (("marat", "--subject", "s" * 256), ExitStatus.BAD_INPUT, ("256 signs",)),
        (("marat", "--subject", "s-2", "--code", "AAAA-AAAA"), ExitStatus.BAD_INPUT, ("AAAA-AAAA", "Ask the person")),
    ],
    ids=["nobody", "has one", "has another", "empty", "long", "other code"],
)
def test_what_cannot_be_linked_is_said_and_nothing_is_kept(run, store, arguments, status, parts):
    run("link", "aigul", "--subject", "s-1")
    before = links(store), last_line(store)

    answer = run("link", *arguments)

    assert answer.status == status
    assert [part for part in parts if part not in answer.err] == []
    assert (links(store), last_line(store)) == before


def test_without_a_provider_nothing_can_be_linked_and_links_can_be_taken_away(run, store, monkeypatch):
    run("link", "aigul", "--subject", "s-1")
    for name in PROVIDER:
        monkeypatch.delenv(name)

    refused, gone, again = run("link", "marat", "--subject", "s-2"), run("unlink", "aigul"), run("unlink", "aigul")

    assert refused.status == ExitStatus.BAD_INPUT
    assert "RISKMAP_OIDC_ISSUER" in refused.err
    assert (gone.status, again.status) == (ExitStatus.DONE, ExitStatus.DONE)
    assert gone.out != again.out
    assert links(store) == {"aigul": [], "marat": []}
    assert last_line(store) == ("operator", "identity_unlinked", {"links": 1})


def test_the_list_shows_codes_on_the_screen_and_subjects_to_programs_alone(run, store, settings):
    assert "No account is linked" in run("links").out
    run("link", "aigul", "--subject", "880101300123")

    shown, told = run("links").out, run("links", "--json").data

    assert code_of(settings, "880101300123") in shown
    assert "880101300123" not in shown
    assert [(one["login"], one["subject"]) for one in told["links"]] == [("aigul", "880101300123")]
    assert last_line(store) == ("operator", "links_listed", {"links": 1})


def test_a_code_differs_by_subject_issuer_and_installation(settings):
    key = installation_key.load(settings.data)
    codes = {
        provider_sign_in.read_out(*given)
        for given in [
            (key, ISSUER, "s-1"),
            (key, ISSUER, "s-2"),
            (key, "https://b.example", "s-1"),
            (b"k", ISSUER, "s-1"),
        ]
    }

    assert len(codes) == 4


def test_whoever_manages_no_accounts_there_links_none(store):
    elsewhere = Actor(account_id="a-x", login="x", grants=(Grant(role=Role.ADMINISTRATOR, region_id="elsewhere"),))

    for change in (
        lambda: accounts.link(store, elsewhere, "aigul", issuer=ISSUER, subject="s-1", at=NOW),
        lambda: accounts.unlink(store, elsewhere, "aigul", at=NOW),
    ):
        with pytest.raises(NotAllowed):
            change()

    assert links(store) == {"aigul": [], "marat": []}


def test_an_account_without_a_password_is_opened_by_none_and_told_from_no_other(run, store, monkeypatch):
    work = []
    hasher = accounts._HASHER
    monkeypatch.setattr(
        accounts, "_HASHER", type("H", (), {"hash": lambda _, given: work.append(hasher.hash(given))})()
    )

    for password in ("", "aigul", "four words make one"):
        with pytest.raises(SignInRefused):
            sessions.sign_in(store, "aigul", password, language="kk", at=NOW)

    assert len(work) == 3


def test_an_account_is_opened_without_a_password_by_its_option(run, store, tmp_path):
    both = run("add", "dana", "--role", "chair", "--region", "ulgiqala", "--no-password", "--password-stdin")

    assert both.status == ExitStatus.BAD_INPUT
    assert "--no-password" in both.err
