"""The command ``retention``: shows terms, what is over its term, and removes it when told to."""

import argparse
from dataclasses import asdict

from riskmap import kept_kinds
from riskmap.command_line import Context, Report, opened
from riskmap.pipeline import retention


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``retention`` to the command line; ``shared`` holds the options of every command."""
    text = "show what is over its term; remove it with --carry-out"
    command = commands.add_parser("retention", parents=[shared], help=text, description=text)
    command.set_defaults(run=_retention)
    choice = command.add_mutually_exclusive_group()
    choice.add_argument("--carry-out", action="store_true", help="remove it")
    choice.add_argument("--terms", action="store_true", help="show every kind of data with its term and the reason")


def _retention(options: argparse.Namespace, context: Context) -> Report:
    if options.terms:
        return _terms(context)
    act = retention.carry_out if options.carry_out else retention.look
    with opened(context) as store:
        found = act(store, context.settings, now=context.now)
    words = context.words
    lines = []
    for due in found:
        kind = words.text(f"cli.retention.kind.{due.kind}")
        if due.before is None:
            lines.append(words.text("cli.retention.kept", kind=kind))
        else:
            before = words.date(due.before.date())
            lines.append(words.text("cli.retention.line", kind=kind, before=before, n=due.entries, files=due.files))
    if options.carry_out:
        lines.append(words.text("cli.retention.carried_out"))
    else:
        command = "python -m riskmap retention --carry-out"
        lines.append(words.text("cli.retention.only_looked", command=command))
    data = {"is_carried_out": options.carry_out, "due": [asdict(due) for due in found]}
    return Report(lines=lines, data=data)


def _terms(context: Context) -> Report:
    words, lines = context.words, []
    found = kept_kinds.table(context.settings.kept_for)
    for one in found:
        if one.days is not None:
            term = words.text("retention.days", n=one.days)
        else:
            term = words.text("retention.kept" if one.years is None else "retention.years", n=one.years or 0)
        kind, basis = words.text(f"cli.retention.kind.{one.kind}"), words.text(f"retention.basis.{one.kind}")
        lines.append(words.text("cli.retention.term", kind=kind, term=term, basis=basis))
    return Report(lines=lines, data={"terms": [asdict(one) for one in found]})
