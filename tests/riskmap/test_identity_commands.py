"""Commands about accounts and the audit log, as an operator types them."""

import io
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import argon2
import pytest

from riskmap import commands, journal, release, wording
from riskmap.assembly import migrate, open_store
from riskmap.errors import ExitStatus, SignInRefused
from riskmap.identity import access, accounts, audit, sessions
from riskmap.identity.access import Grant, Role
from riskmap.pipeline import territories
from riskmap.settings import Settings
from tests.release_builder import a_release
from tests.typed_commands import Answer

PASSWORD_LINE = re.compile(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}")
RIGHT = "four words make one"
ROLE = ("--role", "chair", "--region", "kazakhstan")


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """An installation as it is after its first start; making one takes longer than copying it."""
    folder = tmp_path_factory.mktemp("installation") / "data"
    settings = Settings.from_environment({"RISKMAP_DATA": str(folder)})
    migrate(settings)
    store = open_store(settings)
    territories.ensure_kazakhstan(store)
    store.close()
    return folder


@pytest.fixture
def settings(tmp_path, monkeypatch, installation):
    monkeypatch.setenv("RISKMAP_DATA", str(shutil.copytree(installation, tmp_path / "data")))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    # Real argon2 at its smallest; the parameters of the house are tested with the accounts.
    monkeypatch.setattr(accounts, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return Settings.from_environment()


@pytest.fixture
def run(settings, capsys, monkeypatch):
    def typed(*arguments, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        return Answer(commands.main([str(argument) for argument in arguments]), capsys.readouterr())

    return typed


@pytest.fixture
def store(settings):
    """The store that the commands work on, with one account."""
    opened = open_store(settings)
    grants, at = [Grant(role=Role.CHAIR, region_id="kazakhstan")], datetime.now(UTC)
    accounts.add(opened, access.operator(), login="aigul", password=RIGHT, grants=grants, language="kk", at=at)
    yield opened
    opened.close()


def require_refused(answer, status, *parts):
    assert answer.status == int(status)
    assert answer.err.count("riskmap: ") == 1
    assert "Traceback" not in answer.err + answer.out
    assert [part for part in parts if part not in answer.err] == []
    assert answer.out == ""


def grants_of(store, login="aigul"):
    with store.look() as look:
        return look.accounts.grants_of(accounts.by_login(look, login).account_id)


def can_sign_in(store, password, login="aigul"):
    try:
        return bool(sessions.sign_in(store, login, password, language="kk", at=datetime.now(UTC)))
    except SignInRefused:
        return False


# ---- Accounts ----


def test_an_account_is_opened_with_a_password_that_is_shown_once(run, settings):
    answer = run("account", "add", "Aigul", *ROLE)

    made = PASSWORD_LINE.search(answer.out).group()
    assert answer.status == ExitStatus.DONE
    assert answer.out.count(made) == 1
    assert made not in run("account", "list", "--json").out
    store = open_store(settings)
    assert can_sign_in(store, made)
    assert grants_of(store) == (Grant(role=Role.CHAIR, region_id="kazakhstan"),)
    store.close()


def test_a_made_password_stands_in_the_object_for_programs(run):
    answer = run("account", "add", "aigul", *ROLE, "--json")

    assert PASSWORD_LINE.fullmatch(answer.data["password"])
    assert (answer.data["login"], answer.data["role"], answer.data["region"]) == ("aigul", "chair", "kazakhstan")


def test_an_account_without_a_password_waits_to_be_linked_or_given_one(run, settings):
    answer = run("account", "add", "aigul", *ROLE, "--no-password")

    assert answer.status == ExitStatus.DONE
    assert PASSWORD_LINE.search(answer.out) is None
    store = open_store(settings)
    assert not can_sign_in(store, "")
    run("account", "password", "aigul", "--password-stdin", stdin=f"{RIGHT}\n")
    assert can_sign_in(store, RIGHT)
    store.close()


@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=ascii)
def test_a_password_read_from_a_line_opens_the_account_and_is_never_shown(run, settings, end):
    answer = run("account", "add", "aigul", *ROLE, "--password-stdin", "--json", stdin=f" typed by hand {end}")

    assert "typed by hand" not in answer.out + answer.err
    assert "password" not in answer.data
    store = open_store(settings)
    assert can_sign_in(store, " typed by hand ")
    store.close()


@pytest.mark.parametrize(
    ("arguments", "stdin", "parts"),
    [
        (("a b", *ROLE), "", ("3 to 40",)),
        (("marat", *ROLE, "--password-stdin"), "short\n", ("5 signs", "12 to 200")),
        (("marat", *ROLE, "--password-stdin"), "", ("0 signs",)),
        (("AIGUL", *ROLE), "", ("aigul is taken",)),
        (("marat", "--role", "chair", "--region", "kazakhstan/nowhere"), "", ("no area of kazakhstan", "750000000")),
        (("marat", "--role", "chair", "--region", "Kazakhstan/75/1"), "", ("ulgiqala/ulg-01",)),
    ],
    ids=["login", "short password", "no password", "taken", "no such area", "no region"],
)
def test_what_does_not_fit_an_account_is_said_and_nothing_is_kept(run, store, arguments, stdin, parts):
    answer = run("account", "add", *arguments, stdin=stdin)

    require_refused(answer, ExitStatus.BAD_INPUT, "This does not fit an account", *parts)
    assert [account.login for account, _ in accounts.listing(store, access.operator())] == ["aigul"]


@pytest.mark.parametrize("action", ["add", "grant"])
def test_a_role_in_a_territory_that_is_not_there_is_refused(run, store, action):
    answer = run("account", action, "aigul", "--role", "chair", "--region", "atlantis")

    require_refused(answer, ExitStatus.NOTHING_THERE, "atlantis", "kazakhstan")


@pytest.mark.parametrize(
    "arguments", [("add", "x", "--role", "king", "--region", "kazakhstan"), ("grant", "x"), ("fly",), ()]
)
def test_a_misspelt_command_line_ends_as_bad_input(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))

    with pytest.raises(SystemExit) as ended:
        commands.main(["account", *arguments])

    assert ended.value.code == ExitStatus.BAD_INPUT
    assert "usage: python -m riskmap account" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_role_is_given_in_a_region_of_the_territory_and_taken_back(run, store):
    more = ("--role", "secretary", "--region", "kazakhstan/750000000")

    given = run("account", "grant", "aigul", *more)
    both = grants_of(store)
    taken = run("account", "take-back", "aigul", *ROLE, "--json")

    assert (given.status, taken.status) == (ExitStatus.DONE, ExitStatus.DONE)
    assert "Council secretary" in given.out
    assert both == (
        Grant(role=Role.CHAIR, region_id="kazakhstan"),
        Grant(role=Role.SECRETARY, region_id="kazakhstan/750000000"),
    )
    assert grants_of(store) == both[1:]
    assert taken.data == {"login": "aigul", "role": "chair", "region": "kazakhstan"}


def test_an_area_of_the_newest_release_is_a_region_but_the_whole_is_no_area(run, store, settings):
    manifest, files = a_release(territory="kazakhstan")
    release.write(settings.releases, manifest, files)

    inside = run("account", "grant", "aigul", "--role", "chair", "--region", "kazakhstan/d1")
    whole = run("account", "grant", "aigul", "--role", "chair", "--region", "kazakhstan/kazakhstan")

    assert inside.status == ExitStatus.DONE
    require_refused(whole, ExitStatus.BAD_INPUT, "no area of kazakhstan", "d1, d2")


def test_a_role_in_a_region_that_is_gone_can_still_be_taken_back(run, store):
    gone = Grant(role=Role.CHAIR, region_id="atlantis/a-1")
    accounts.grant(store, access.operator(), "aigul", gone, at=datetime.now(UTC))

    answer = run("account", "take-back", "aigul", "--role", "chair", "--region", "atlantis/a-1")

    assert answer.status == ExitStatus.DONE
    assert gone not in grants_of(store)


def test_taking_back_what_is_not_held_is_refused_with_what_is(run, store):
    answer = run("account", "take-back", "aigul", "--role", "chair", "--region", "kazakhstan/750000000")

    require_refused(answer, ExitStatus.BAD_INPUT, "chair in kazakhstan")


def test_a_closed_account_signs_in_again_once_it_is_opened(run, store):
    closed = run("account", "disable", "aigul")
    out = can_sign_in(store, RIGHT)
    opened = run("account", "enable", "aigul")

    assert (closed.status, opened.status) == (ExitStatus.DONE, ExitStatus.DONE)
    assert not out
    assert can_sign_in(store, RIGHT)


def test_a_new_password_is_made_or_read(run, store):
    made = run("account", "password", "aigul", "--json").data["password"]
    with_made = can_sign_in(store, made)
    given = run("account", "password", "aigul", "--password-stdin", stdin="another one by hand\n")

    assert with_made
    assert "another one by hand" not in given.out
    assert can_sign_in(store, "another one by hand")
    assert not can_sign_in(store, made)


@pytest.mark.parametrize(
    "arguments",
    [("grant", *ROLE), ("take-back", *ROLE), ("disable",), ("enable",), ("password",)],
    ids=lambda arguments: arguments[0],
)
def test_an_unknown_login_is_refused_with_the_next_step(run, store, arguments):
    action, *rest = arguments

    answer = run("account", action, "nobody.here", *rest)

    require_refused(answer, ExitStatus.NOTHING_THERE, "nobody.here", "python -m riskmap account list")


def test_the_list_shows_logins_roles_and_marks_and_no_hash(run, store):
    operator, now = access.operator(), datetime.now(UTC)
    accounts.add(store, operator, login="marat", password="x" * 12, grants=(), language="ru", at=now, is_simulated=True)
    accounts.disable(store, operator, "marat", at=now)

    answer = run("account", "list", "--json")

    assert answer.out.splitlines()[:-1] == [
        "aigul: Council chair (kazakhstan)",
        "marat: no role; closed; simulated",
    ]
    first, second = answer.data["accounts"]
    assert first["grants"] == [{"role": "chair", "region": "kazakhstan"}]
    assert (first["is_disabled"], second["is_disabled"], second["is_simulated"]) == (False, True, True)
    assert "argon2" not in answer.out


def test_an_installation_without_accounts_says_so(run):
    answer = run("account", "list")

    assert answer.out == wording.in_language("en").text("cli.account.none") + "\n"


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_summaries_and_roles_are_in_the_language_asked_for(run, language):
    answer = run("account", "add", "aigul", *ROLE, "--language", language, "--json")

    words = wording.in_language(language)
    role = words.text("account.role.chair")
    assert words.text("cli.account.added", login="aigul", role=role, region="kazakhstan") in answer.out
    assert words.text("cli.account.password_made", password=answer.data["password"]) in answer.out


# ---- The audit log ----


def publish_head(store, settings, *, as_of="2026-11-20", territory="kazakhstan"):
    with store.look() as look:
        head = audit.head(look)
    day = datetime.fromisoformat(as_of).date()
    return journal.write(settings.journals, territory, (), as_of=day, is_simulated=False, audit_head=head)


def write_lines(store, number=5):
    with store.work() as work:
        for count in range(number):
            at = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=count)
            audit.record(work, account_id="a-1", action="tried", subject="x", details={"n": count}, at=at)
        work.commit()


def change_database(settings, statement):
    """Change the file behind the program's back: without the triggers that protect the log."""
    with closing(sqlite3.connect(settings.data / "riskmap.db")) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        changed = connection.execute(statement).rowcount
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
    return len(triggers), changed


def test_a_whole_log_is_told_with_its_length_and_head(run, store, settings):
    publish_head(store, settings)
    write_lines(store)
    publish_head(store, settings, as_of="2026-11-21")

    answer = run("check-audit", "--json")

    with store.look() as look:
        head = audit.head(look)
    assert answer.status == ExitStatus.DONE
    assert answer.data == {"entries": 7, "published_heads": 2, "head": head}
    assert "7" in answer.out.splitlines()[0]
    assert head["hash"] in answer.out.splitlines()[0]


def test_a_log_nobody_has_written_to_is_whole(run):
    answer = run("check-audit", "--json")

    assert answer.data == {"entries": 0, "published_heads": 0, "head": {"position": 0, "hash": "0" * 64}}


@pytest.mark.parametrize(
    "change",
    [
        "action = 'tried_'",
        "details = '{\"n\": 4}'",
        "details = 'no json'",
        "at = '2026-11-20 00:02:00.000001'",
        "at = 'no moment'",
        "account_id = 'a-2'",
        "subject = x'00ff'",
        "previous_hash = entry_hash",
        "entry_hash = 'f'",
        "position = 400",
    ],
)
def test_a_line_changed_in_the_file_is_found(run, store, settings, change):
    write_lines(store)

    done = change_database(settings, f"UPDATE audit_entry SET {change} WHERE position = 5")  # noqa: S608 (fixed texts)
    answer = run("check-audit")

    assert done[0] > 0
    assert done[1] == 1
    require_refused(answer, ExitStatus.DAMAGED, "The audit log is damaged or was changed.")
    assert re.search(r"(Line|A line of the audit log after line) \d", answer.err)


def test_a_line_removed_from_the_file_is_found(run, store, settings):
    write_lines(store)

    change_database(settings, "DELETE FROM audit_entry WHERE position = 5")

    require_refused(run("check-audit"), ExitStatus.DAMAGED, "Line 5 of the audit log is missing")


def test_lines_cut_off_at_the_end_of_the_file_are_found_through_a_journal(run, store, settings):
    write_lines(store)
    publish_head(store, settings)

    change_database(settings, "DELETE FROM audit_entry WHERE position > 5")

    require_refused(run("check-audit"), ExitStatus.DAMAGED, "ends at line 5", "after line 7")


def test_a_database_begun_anew_is_found_through_a_journal_of_any_territory(run, store, settings):
    publish_head(store, settings, territory="another")
    store.close()
    for path in settings.data.glob("riskmap.db*"):
        path.unlink()

    require_refused(run("check-audit"), ExitStatus.DAMAGED, "ends at line 0", "after line 2")


def test_a_chain_written_anew_is_found_through_a_journal(run, store, settings):
    write_lines(store)
    publish_head(store, settings)
    change_database(settings, "DELETE FROM audit_entry WHERE position > 2")
    with store.work() as work:
        for count in range(9):
            at = datetime(2026, 11, 20, tzinfo=UTC)
            audit.record(work, account_id="a-1", action="forged", subject="x", details={"n": count}, at=at)
        work.commit()

    require_refused(run("check-audit"), ExitStatus.DAMAGED, "Line 7 of the audit log is not the one")


def test_a_tail_cut_off_is_found_through_a_copy_of_heads_kept_elsewhere(run, store, settings, tmp_path):
    write_lines(store)
    with store.look() as look:
        head = audit.head(look)
    copy = tmp_path / "heads.csv"
    copy.write_text(f"day,lines,hash\n2026-11-20,{head['position']},{head['hash']}\n")
    assert run("check-audit", "--heads", copy, "--json").data["published_heads"] == 1

    change_database(settings, "DELETE FROM audit_entry WHERE position > 5")

    assert run("check-audit").status == ExitStatus.DONE, "nothing here says that there was more"
    require_refused(run("check-audit", "--heads", copy), ExitStatus.DAMAGED, "ends at line 5")


def test_a_list_of_heads_that_is_not_there_is_told(run, store, tmp_path):
    answer = run("check-audit", "--heads", tmp_path / "none.csv")

    assert (answer.status, "Correct --heads" in answer.err) == (ExitStatus.BAD_INPUT, True)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"audit_head": 7}', '{"audit_head": {}}'])
def test_a_journal_without_a_head_is_refused(run, store, settings, content):
    journal_id = publish_head(store, settings)
    (settings.journals / "kazakhstan" / journal_id / "manifest.json").write_text(content)

    answer = run("check-audit")

    assert answer.status == ExitStatus.DAMAGED
    assert "Restore the journals" in answer.err


def test_a_journal_that_is_being_written_is_passed_over(run, store, settings):
    publish_head(store, settings)
    unfinished = settings.journals / "kazakhstan" / ".2026-11-20-00000000-abcd"
    unfinished.mkdir()
    (unfinished / "manifest.json").write_text("{")

    assert run("check-audit", "--json").data["published_heads"] == 1


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_a_broken_log_is_told_in_the_language_asked_for(run, store, settings, language):
    change_database(settings, "DELETE FROM audit_entry WHERE position = 1")

    answer = run("check-audit", "--language", language, "--json")

    sentence = wording.in_language(language).text("cli.error.broken_audit", detail="").strip()
    assert sentence in answer.err
    assert (answer.data["error"], answer.data["status"]) == ("broken_audit", 8)
