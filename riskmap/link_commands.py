"""Commands that link accounts to people at the provider of sign-in: the only way such a link is made."""

import argparse
from collections.abc import Callable

from riskmap import installation_key
from riskmap.command_line import Context, Report, opened
from riskmap.errors import InvalidOptions, UnfitAccount
from riskmap.identity import access, accounts, audit, provider_sign_in

Add = Callable[[str, Callable[[argparse.Namespace, Context], Report], str], argparse.ArgumentParser]


def add_actions(add: Add) -> None:
    """Add ``account link``, ``unlink`` and ``links`` by the parser's own way of adding an action."""
    link = add("link", _link, "let somebody at the provider of sign-in open an account")
    unlink = add("unlink", _unlink, "let no provider open an account any more, and end its sessions")
    add("links", _links, "accounts that a provider opens")
    for command in (link, unlink):
        command.add_argument("login", metavar="LOGIN")
    link.add_argument("--subject", required=True, metavar="SUB", help="the person's subject, as the provider writes it")
    link.add_argument("--code", metavar="XXXX-XXXX", help="what the person reads out: it has to be of this subject")


def _link(options: argparse.Namespace, context: Context) -> Report:
    provider = context.settings.provider
    if provider is None:
        raise InvalidOptions(
            "No provider of sign-in is set up; expected RISKMAP_OIDC_ISSUER and the settings beside it. Give them."
        )
    code = _code(context, provider.issuer, options.subject)
    if options.code is not None and not provider_sign_in.is_same_code(options.code, code):
        raise UnfitAccount(
            f"The code {options.code[:20]!r} is not of this subject, whose code is {code}; expected the same. "
            "Ask the person again, and compare the subject with the provider's list."
        )
    with opened(context) as store:
        is_new = accounts.link(
            store, access.operator(), options.login, issuer=provider.issuer, subject=options.subject, at=context.now
        )
    key = "cli.account.linked" if is_new else "cli.account.linked_before"
    told = {"login": options.login, "issuer": provider.issuer, "code": code}
    return Report(lines=[context.words.text(key, **told)], data={**told, "is_new": is_new})


def _unlink(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        was_linked = accounts.unlink(store, access.operator(), options.login, at=context.now)
    key = "cli.account.unlinked" if was_linked else "cli.account.not_linked"
    line = context.words.text(key, login=options.login)
    return Report(lines=[line], data={"login": options.login, "was_linked": was_linked})


def _links(_options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        listed = accounts.listing(store, access.operator())
        with store.look() as look:
            found = [(account, one) for account, _ in listed for one in look.identities.of_account(account.account_id)]
        audit.note(
            store,
            account_id=access.OPERATOR,
            action="links_listed",
            subject="accounts",
            details={"links": len(found)},
            at=context.now,
        )
    data = [
        {
            "login": account.login,
            "issuer": one.issuer,
            "code": _code(context, one.issuer, one.subject),
            "subject": one.subject,
        }
        for account, one in found
    ]
    lines = [context.words.text("cli.account.links.line", **one) for one in data]
    return Report(lines=lines or [context.words.text("cli.account.links.none")], data={"links": data})


def _code(context: Context, issuer: str, subject: str) -> str:
    return provider_sign_in.read_out(installation_key.load(context.settings.data), issuer, subject)
