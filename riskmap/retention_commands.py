"""The command ``retention``: shows what is over its term, and removes it when told to."""

import argparse
from dataclasses import asdict

from riskmap.command_line import Context, Report, opened
from riskmap.pipeline import retention


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``retention`` to the command line; ``shared`` holds the options of every command."""
    text = "show what is over its term; remove it with --carry-out"
    command = commands.add_parser("retention", parents=[shared], help=text, description=text)
    command.set_defaults(run=_retention)
    command.add_argument("--carry-out", action="store_true", help="remove it")


def _retention(options: argparse.Namespace, context: Context) -> Report:
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
    lines.append(words.text("cli.retention.audit"))
    if options.carry_out:
        lines.append(words.text("cli.retention.carried_out"))
    else:
        command = "python -m riskmap retention --carry-out"
        lines.append(words.text("cli.retention.only_looked", command=command))
    data = {"is_carried_out": options.carry_out, "due": [asdict(due) for due in found]}
    return Report(lines=lines, data=data)
