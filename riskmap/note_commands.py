"""The command that writes the council's analytic note and half-year information."""

import argparse
from pathlib import Path

from riskmap.command_line import Context, Report
from riskmap.council.request import civil_day
from riskmap.note import span, writing


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``note`` to the command line; ``shared`` holds the options of every command."""
    text = "write the analytic note of a year, or the information of a half-year, as DOCX or PDF"
    command = commands.add_parser("note", parents=[shared], help=text, description=text)
    command.set_defaults(run=_note)
    command.add_argument(
        "--region", metavar="CODE", help="a territory or a region of one (default: the only territory)"
    )
    command.add_argument("--period", required=True, metavar="YYYY|YYYY-H1|YYYY-H2")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file, .docx or .pdf")


def _note(options: argparse.Namespace, context: Context) -> Report:
    writing.require_suffix(options.out)
    asked = span.parse(options.period, today=civil_day(context.now))
    book, place = span.place_of(context.settings.releases, options.region)
    document = writing.describe(book, place, asked, context.words, journals=context.settings.journals)
    is_new, notes = writing.save(document, options.out)
    line = context.words.text("cli.note.done" if is_new else "cli.note.same", file=str(options.out), notes=notes)
    data = {
        "file": str(options.out),
        "is_new": is_new,
        "notes": notes,
        "place": place.place_id,
        "period": options.period,
        "release_id": book.release.release_id,
    }
    return Report(data=data, lines=[line])
