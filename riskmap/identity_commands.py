"""Commands about accounts and the audit log. Whoever may run them on the machine is its operator."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from riskmap import journal, link_commands, release
from riskmap.command_line import Context, Report, opened
from riskmap.errors import DamagedRelease, InvalidOptions, NoRelease, UnfitAccount
from riskmap.identity import access, accounts, audit
from riskmap.identity.access import Grant, Role
from riskmap.ports import Account, Store


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``account ...`` and ``check-audit`` to the command line; ``shared`` holds the options of every command."""
    actions = commands.add_parser("account", help="accounts").add_subparsers(required=True, metavar="ACTION")

    def add(name: str, run: Callable[[argparse.Namespace, Context], Report], help_text: str) -> argparse.ArgumentParser:
        command = actions.add_parser(name, parents=[shared], help=help_text, description=help_text)
        command.set_defaults(run=run)
        return command

    new = add("add", _add, "open an account with its first role")
    give = add("grant", _grant, "give an account one more role")
    take = add("take-back", _take_back, "take a role back")
    disable = add("disable", _disable, "close an account and end its sessions")
    enable = add("enable", _enable, "open a closed account again")
    password = add("password", _password, "give a new password and end the sessions")
    reset = add("reset-totp", _reset_codes, "ask for no code any more, of somebody who lost theirs; end the sessions")
    add("list", _list, "accounts with their roles")
    link_commands.add_actions(add)
    for command in (new, give, take, disable, enable, password, reset):
        command.add_argument("login", metavar="LOGIN")
    for command in (new, give, take):
        command.add_argument("--role", choices=[role.value for role in Role], required=True)
        command.add_argument("--region", required=True, metavar="TERRITORY[/AREA]")
    for command in (new, password):
        command.add_argument(
            "--password-stdin", action="store_true", help="read the password from a line; default: make one and show it"
        )
    new.add_argument(
        "--no-password", action="store_true", help="give no password: the account is opened through a provider alone"
    )

    check_text = "compare the audit log with itself and with published journals"
    check = commands.add_parser("check-audit", parents=[shared], help=check_text, description=check_text)
    check.set_defaults(run=_check_audit)
    check.add_argument(
        "--heads", type=Path, metavar="FILE", help="heads of the log published earlier: a copy kept elsewhere"
    )


def _add(options: argparse.Namespace, context: Context) -> Report:
    password, lines, data = _first_password(options, context)
    with opened(context) as store:
        _require_region(store, context, options.region)
        account = accounts.add(
            store,
            access.operator(),
            login=options.login,
            password=password,
            grants=[_grant_of(options)],
            language=context.words.language,
            at=context.now,
        )
    values = {"login": account.login, **_grant_in_words(_grant_of(options), context)}
    added = context.words.text("cli.account.added", **values)
    told = {"login": account.login, "account_id": account.account_id, "role": options.role, "region": options.region}
    return Report(lines=[added, *lines], data={**told, **data})


def _grant(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        _require_region(store, context, options.region)
        accounts.grant(store, access.operator(), options.login, _grant_of(options), at=context.now)
    return _about_role("cli.account.granted", options, context)


def _take_back(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        accounts.take_back(store, access.operator(), options.login, _grant_of(options), at=context.now)
    return _about_role("cli.account.taken_back", options, context)


def _disable(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        accounts.disable(store, access.operator(), options.login, at=context.now)
    return _about("cli.account.disabled", options, context)


def _enable(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        accounts.enable(store, access.operator(), options.login, at=context.now)
    return _about("cli.account.enabled", options, context)


def _password(options: argparse.Namespace, context: Context) -> Report:
    password, lines, data = _chosen_password(options, context)
    with opened(context) as store:
        accounts.set_password(store, access.operator(), options.login, password, at=context.now)
    report = _about("cli.account.password_set", options, context)
    return Report(lines=[*report.lines, *lines], data={**report.data, **data})


def _reset_codes(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        had_codes = accounts.reset_codes(store, access.operator(), options.login, at=context.now)
    return _about("cli.account.codes_reset" if had_codes else "cli.account.no_codes", options, context)


def _list(_options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        found = accounts.listing(store, access.operator())
        audit.note(
            store,
            account_id=access.OPERATOR,
            action="accounts_listed",
            subject="accounts",
            details={"accounts": len(found)},
            at=context.now,
        )
    lines = [_in_words(account, grants, context) for account, grants in found]
    data = [
        {
            "login": account.login,
            "account_id": account.account_id,
            "is_disabled": account.disabled_at is not None,
            "is_simulated": account.is_simulated,
            "grants": [{"role": given.role.value, "region": given.region_id} for given in grants],
        }
        for account, grants in found
    ]
    return Report(lines=lines or [context.words.text("cli.account.none")], data={"accounts": data})


def _check_audit(options: argparse.Namespace, context: Context) -> Report:
    # Heads first: a journal written in between must not look like one of a longer log.
    heads = _published_heads(context.settings.journals)
    days = [one for path in _lists_of_heads(options, context) for one in journal.read_heads(path)]
    heads += [{"position": one.lines, "hash": one.hash} for one in days]
    with opened(context) as store, store.look() as look:
        head = audit.check_whole(look, heads)
    line = context.words.text("cli.audit.summary", n=head["position"], heads=len(heads), hash=head["hash"])
    return Report(lines=[line], data={"entries": head["position"], "published_heads": len(heads), "head": dict(head)})


def _lists_of_heads(options: argparse.Namespace, context: Context) -> list[Path]:
    if options.heads is not None and not options.heads.is_file():
        raise InvalidOptions(
            f"{options.heads} is no file; expected a list of heads published earlier. Correct --heads."
        )
    return [context.settings.journals / journal.HEADS, *([options.heads] if options.heads else [])]


def _published_heads(journals: Path) -> list[Mapping[str, Any]]:
    """Heads of the audit log in the manifests of every journal that is still there."""
    heads: list[Mapping[str, Any]] = []
    for path in sorted(journals.glob("[!.]*/[!.]*/manifest.json")):
        try:
            head = json.loads(path.read_bytes())["audit_head"]
        except FileNotFoundError:
            continue  # an old journal, removed meanwhile
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedRelease(
                f"{path} does not say after which line of the audit log its journal was written. "
                "Restore the journals from a backup."
            ) from error
        heads.append(head if isinstance(head, dict) else {"position": None})
    return heads


def _first_password(options: argparse.Namespace, context: Context) -> tuple[str | None, list[str], dict[str, str]]:
    """As `_chosen_password`; None where the account is to have none."""
    if not options.no_password:
        return _chosen_password(options, context)
    if options.password_stdin:
        raise InvalidOptions("--no-password and --password-stdin are both given; expected one at most. Leave one out.")
    return None, [context.words.text("cli.account.no_password")], {}


def _chosen_password(options: argparse.Namespace, context: Context) -> tuple[str, list[str], dict[str, str]]:
    """The password with what is to be said of it: one that was made is shown once, one that was given never."""
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n"), [], {}
    made = accounts.random_password()
    return made, [context.words.text("cli.account.password_made", password=made)], {"password": made}


def _require_region(store: Store, context: Context, region_id: str) -> None:
    """Check that the territory is on the shelf, and the area one of its regions or of its newest release."""
    accounts.require_region_id(region_id)
    name, _, area_id = region_id.partition("/")
    known = set(store.territories.load(name).regions["region_id"])
    try:
        areas = release.read(context.settings.releases, name).areas
    except NoRelease:
        areas = ()
    known |= {area.area_id for area in areas if area.kind != "territory"}
    if area_id and area_id not in known:
        listed = ", ".join(sorted(known)[:40]) or "none"
        raise UnfitAccount(
            f"{area_id!r} is no area of {name}; its areas are: {listed}. Choose one, or give the role in all of {name}."
        )


def _grant_of(options: argparse.Namespace) -> Grant:
    return Grant(role=Role(options.role), region_id=options.region)


def _grant_in_words(given: Grant, context: Context) -> dict[str, str]:
    return {"role": context.words.text(f"account.role.{given.role.value}"), "region": given.region_id}


def _about(key: str, options: argparse.Namespace, context: Context) -> Report:
    return Report(lines=[context.words.text(key, login=options.login)], data={"login": options.login})


def _about_role(key: str, options: argparse.Namespace, context: Context) -> Report:
    values = {"login": options.login, **_grant_in_words(_grant_of(options), context)}
    data = {"login": options.login, "role": options.role, "region": options.region}
    return Report(lines=[context.words.text(key, **values)], data=data)


def _in_words(account: Account, grants: tuple[Grant, ...], context: Context) -> str:
    words = context.words
    roles = [words.text("cli.account.role", **_grant_in_words(given, context)) for given in grants]
    marks = [words.text("cli.account.mark.disabled")] if account.disabled_at else []
    marks += [words.text("cli.account.mark.simulated")] if account.is_simulated else []
    told = [*(roles or [words.text("cli.account.no_role")]), *marks]
    return words.text("cli.account.line", login=account.login, roles="; ".join(told))
