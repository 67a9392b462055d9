"""``attack``: what comes back by arithmetic from everything published; ``export-public``: the same for an auditor."""

import argparse
import json
import time
from pathlib import Path

import polars as pl

from geodata.public_counts import PublicCounts
from riskmap import release
from riskmap.attack.published import Published
from riskmap.attack.verdict import attack
from riskmap.command_line import Context, Report, opened
from riskmap.disk import replace_synced, writing_to
from riskmap.errors import ExitStatus, NoRelease
from riskmap.pipeline import auditor, public_tables

LISTED = 10
BYTE_ORDER_MARK = "\ufeff"


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add both to the command line; ``shared`` holds the options of every command."""
    help_text = "try to find small counts out from everything published of a territory"
    tried = commands.add_parser("attack", parents=[shared], help=help_text, description=help_text)
    tried.set_defaults(run=_attack)
    tried.add_argument("--territory", required=True, metavar="NAME")
    tried.add_argument("--all", action="store_true", help="every year told so far, not only the newest")
    help_text = "write every public number for an auditor to attack"
    given = commands.add_parser("export-public", parents=[shared], help=help_text, description=help_text)
    given.set_defaults(run=_export)
    given.add_argument("--territory", required=True, metavar="NAME")
    given.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for public.csv and types.json")
    given.add_argument("--truth", type=Path, metavar="FILE", help="true counts, for the operator alone")


def _attack(options: argparse.Namespace, context: Context) -> Report:
    words, started = context.words, time.monotonic()
    with opened(context) as store:
        told = _told(context, options.territory)
        newest = next(iter(told))
        counted = store.counted.load(options.territory, newest)
    if counted is None:
        raise NoRelease(
            f"What release {newest} of {options.territory} was counted from is not kept, so nobody knows which of its "
            "counts are protected. Restore the folder counted/ of the data folder from a backup."
        )
    releases = [Published(counts=one.counts, places=one.places) for one in told.values()]
    year = None if options.all else releases[0].years()[-1]
    found = attack(releases[0], counted, earlier=releases[1:], only_year=year)
    seconds = round(time.monotonic() - started, 1)
    lines = [
        words.text("cli.attack.release", id=newest, n=len(releases)),
        words.text("cli.attack.targets", n=found.targets),
        words.text("cli.attack.solved", n=found.solved),
        words.text("cli.attack.exact", n=found.exact),
        words.text("cli.attack.within_one", n=found.within_one),
        words.text("cli.attack.seconds", n=words.number(seconds, digits=1)),
        *(
            words.text("cli.attack.leak", place=leak.row, table=leak.table, period=leak.period, part=leak.part)
            for leak in found.leaks[:LISTED]
        ),
    ]
    data = {
        "release": newest,
        "targets": found.targets,
        "solved": found.solved,
        "exact": found.exact,
        "within_one": found.within_one,
        "seconds": seconds,
    }
    return Report(lines=lines, data=data, status=ExitStatus.DONE if found.is_safe else ExitStatus.REFUSED)


def _export(options: argparse.Namespace, context: Context) -> Report:
    words = context.words
    with opened(context) as store:
        told = _told(context, options.territory)
        counted = store.counted.load(options.territory, next(iter(told)))
    table = auditor.public_table(told)
    types = json.dumps(auditor.types(told), indent=1).encode()
    _write(options.out / "public.csv", table)
    with writing_to(options.out):
        replace_synced(options.out / "types.json", types)
    lines = [words.text("cli.export_public.done", folder=str(options.out), n=table.height)]
    if options.truth is not None and counted is not None:
        truth = auditor.truth_table(counted)
        _write(options.truth, truth)
        lines.append(words.text("cli.export_public.truth", file=str(options.truth), n=truth.height))
    return Report(lines=lines, data={"rows": table.height, "releases": list(told)})


def _told(context: Context, territory: str) -> dict[str, PublicCounts]:
    newest = release.latest_id(context.settings.releases, territory)
    told = public_tables.told_before(context.settings.releases, territory, from_release=newest)
    if not told:
        raise NoRelease(f"Release {newest} of {territory} tells no counts, so there is nothing to attack.")
    return told


def _write(path: Path, table: pl.DataFrame) -> None:
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(path, table.write_csv().encode())
