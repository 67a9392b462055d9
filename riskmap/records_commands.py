"""Commands for the records the law asks for: who has access and what for, a notice of a breach, a council's export."""

import argparse
from pathlib import Path

from riskmap.command_line import Context, Report, day, opened
from riskmap.council.request import civil_day
from riskmap.errors import InvalidOptions
from riskmap.identity import access, audit
from riskmap.records import access_list, breach, council_export, saving

CSV = ".csv"


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``access-list``, ``breach-notice`` and ``export-council``; ``shared`` holds the options of every command."""
    text = "write the list of persons with access and of purposes, as CSV, DOCX or PDF"
    listed = commands.add_parser("access-list", parents=[shared], help=text, description=text)
    listed.set_defaults(run=_access_list)
    listed.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file, .csv, .docx or .pdf")

    text = "write the form of a notice that personal data got out, with the term of the law"
    notice = commands.add_parser("breach-notice", parents=[shared], help=text, description=text)
    notice.set_defaults(run=_breach_notice)
    notice.add_argument("--found-on", type=day, metavar="YYYY-MM-DD", help="day it was found (default: today)")
    notice.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file, .docx or .pdf")

    text = "write everything a council owns as CSV and JSON, restricted tables apart"
    exported = commands.add_parser("export-council", parents=[shared], help=text, description=text)
    exported.set_defaults(run=_export_council)
    exported.add_argument("--territory", required=True, metavar="NAME")
    exported.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")


def _access_list(options: argparse.Namespace, context: Context) -> Report:
    words, kept = context.words, context.settings.kept_for
    suffix = saving.require_suffix(options.out, CSV)
    with opened(context) as store:
        found = access_list.collect(store, access.operator(), at=context.now)
    written = [options.out]
    if suffix == CSV:
        beside = options.out.with_name(f"{options.out.stem}-purposes{CSV}")
        saving.new_file(
            options.out, access_list.csv_bytes(access_list.PERSONS, access_list.persons(found, words), words)
        )
        saving.new_file(
            beside, access_list.csv_bytes(access_list.PURPOSE_COLUMNS, access_list.purposes(kept, words), words)
        )
        written.append(beside)
    else:
        saving.document(options.out, access_list.describe(found, kept, words, at=context.now))
    files = [str(path) for path in written]
    line = words.text("cli.access_list.done", n=len(found), files=", ".join(files))
    return Report(lines=[line], data={"files": files, "roles": len(found)})


def _breach_notice(options: argparse.Namespace, context: Context) -> Report:
    words, today = context.words, civil_day(context.now)
    saving.require_suffix(options.out)
    found_on = options.found_on or today
    if found_on > today:
        raise InvalidOptions(f"--found-on is {found_on}; expected today or a day before it. Correct the day.")
    with opened(context) as store:
        entry = audit.note(
            store,
            account_id=access.OPERATOR,
            action="breach_notice",
            subject="installation",
            details={"found_on": found_on.isoformat()},
            at=context.now,
        )
    head = {"position": entry.position, "hash": entry.entry_hash}
    described = breach.describe(found_on, head, words, contact=context.settings.contact, at=context.now)
    saving.document(options.out, described)
    tell_by = breach.tell_by(found_on)
    line = words.text("cli.breach.done", file=str(options.out), date=tell_by)
    return Report(lines=[line], data={"file": str(options.out), "found_on": found_on, "tell_by": tell_by})


def _export_council(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        territory = store.territories.load(options.territory)
        made = council_export.write(store, access.operator(), territory.name, options.out, at=context.now)
    name = territory.names.of(context.words.language)
    rows = sum(made.rows.values())
    lines = [
        context.words.text("cli.export_council.done", territory=name, folder=str(made.folder), n=rows),
        context.words.text("cli.export_council.restricted"),
    ]
    return Report(
        lines=lines, data={"folder": str(made.folder), "rows": dict(made.rows), "audit_head": made.audit_head}
    )
