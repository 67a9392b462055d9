"""Commands about rows set aside: ``quarantine list``, ``export``, ``replay`` and ``dismiss``."""

import argparse
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from geodata.faults import Fault
from riskmap.command_line import Context, Report, opened
from riskmap.disk import writing_to
from riskmap.errors import CannotWrite
from riskmap.identity import access
from riskmap.ports import Store
from riskmap.quarantine import corrections, desk
from riskmap.quarantine.bench import Bench
from riskmap.quarantine.desk import Aside, DismissReason
from riskmap.wording import Wording


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``quarantine ...`` to the command line; ``shared`` holds the options of every command."""
    actions = commands.add_parser("quarantine", help="rows set aside").add_subparsers(required=True, metavar="ACTION")

    def add(name: str, run: Callable[[argparse.Namespace, Context], Report], help_text: str) -> argparse.ArgumentParser:
        command = actions.add_parser(name, parents=[shared], help=help_text, description=help_text)
        command.set_defaults(run=run)
        return command

    listing = add("list", _list, "deliveries that set rows aside, with counts by fault")
    listing.add_argument("--territory", metavar="NAME", help="default: every territory")
    export = add("export", _export, "write open rows as a table to correct")
    export.add_argument("--to", type=Path, required=True, metavar="FILE")
    replay = add("replay", _replay, "read the corrected rows of an exported table again")
    replay.add_argument("file", type=Path, metavar="FILE")
    dismiss = add("dismiss", _dismiss, "give rows up; they stay where they are until their term is over")
    dismiss.add_argument("--line", type=_line, action="append", default=[], metavar="N", help="may be given repeatedly")
    dismiss.add_argument("--reason", choices=[reason.value for reason in DismissReason], required=True)
    for command in (listing, export, dismiss):
        command.add_argument("--delivery", required=command is not listing, metavar="ID")
    for command in (export, dismiss):
        command.add_argument("--fault", choices=[fault.value for fault in Fault], metavar="FAULT")


def _list(options: argparse.Namespace, context: Context) -> Report:
    actor, at = access.operator(), context.now
    with opened(context) as store:
        bench = _bench(store, context)
        if options.delivery is not None:
            found = [desk.about(bench, actor, options.delivery, territory=options.territory, at=at)]
        else:
            if options.territory is not None:
                store.territories.load(options.territory)
            names = store.territories.names() if options.territory is None else [options.territory]
            found = [one for name in names for one in desk.overview(bench, actor, name, at=at)]
    words = context.words
    lines = [line for one in found for line in _lines(one, words)]
    return Report(
        lines=lines or [words.text("cli.quarantine.none")], data={"deliveries": [asdict(one) for one in found]}
    )


def _export(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        count, pieces = desk.export(
            _bench(store, context), access.operator(), options.delivery, fault=options.fault, at=context.now
        )
        _write_new(options.to, pieces)
    lines = [
        context.words.text("cli.quarantine.exported", n=count),
        context.words.text("cli.next_step", command=f"python -m riskmap quarantine replay {options.to}"),
    ]
    return Report(lines=lines, data={"delivery_id": options.delivery, "rows": count, "file": str(options.to)})


def _replay(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        told = corrections.replay(
            _bench(store, context),
            access.operator(),
            options.file,
            at=context.now,
            progress=lambda done, total: context.progress("cli.progress.deliver", done, total),
        )
    words = context.words
    lines = [
        words.text(
            "steward.replay.done",
            rows=told.rows,
            accepted=told.accepted,
            duplicates=told.duplicates,
            withdrawn=told.withdrawn,
            still_faulty=told.still_faulty,
            unchanged=told.unchanged,
        ),
        *_fault_lines(told.faults.items(), words),
    ]
    if told.accepted or told.withdrawn:
        command = f"python -m riskmap release --territory {told.territory}"
        lines.append(words.text("cli.next_step", command=command))
    return Report(lines=lines, data=asdict(told))


def _dismiss(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        count = desk.dismiss(
            _bench(store, context),
            access.operator(),
            options.delivery,
            fault=options.fault,
            lines=options.line,
            reason=DismissReason(options.reason),
            at=context.now,
        )
    line = context.words.text("steward.dismiss.done", n=count)
    return Report(lines=[line], data={"delivery_id": options.delivery, "dismissed": count, "reason": options.reason})


def _lines(one: Aside, words: Wording) -> list[str]:
    day = words.date(one.received_at.date())
    told = [
        words.text("steward.set_aside", rows=one.rows_read, n=one.set_aside),
        words.text("steward.open", n=one.open),
        *_fault_lines(one.faults.items(), words),
        words.text("steward.replayed", n=one.replayed),
        words.text("steward.dismissed", n=one.dismissed),
    ]
    if one.removed_at is not None:
        told.append(words.text("steward.removed", day=words.date(one.removed_at.date())))
    head = words.text(
        "cli.quarantine.delivery", id=one.delivery_id, file=one.file_name, territory=one.territory, day=day
    )
    return [head, *(f"  {line}" for line in told)]


def _fault_lines(faults: Iterable[tuple[str, int]], words: Wording) -> list[str]:
    return [f"  {words.text('cli.deliver.fault', fault=words.text(f'fault.{code}'), n=n)}" for code, n in faults]


def _bench(store: Store, context: Context) -> Bench:
    return Bench(store=store, data=context.settings.data)


def _write_new(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that only this user may read; one that is there may hold somebody's corrections."""
    if path.exists():
        raise CannotWrite(f"{path} exists already and may hold corrections. Name another file with --to, or remove it.")
    with writing_to(path), open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.writelines(pieces)


def _line(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a line; expected a whole number such as 17")
    return int(text)
