"""``attack``: what comes back by arithmetic from everything published; ``export-public``: the same for an auditor;
``withdraw``: take a release back that may point at a person.
"""

import argparse
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from geodata.public_coarser import TABLES, Coarser
from geodata.public_counts import PublicCounts
from riskmap import release, site
from riskmap.attack.programme import sampled
from riskmap.attack.published import Published
from riskmap.attack.verdict import attack
from riskmap.command_line import Context, Report, opened
from riskmap.disk import replace_synced, writing_to
from riskmap.errors import ExitStatus, NoRelease
from riskmap.identity import access, audit
from riskmap.pipeline import auditor, public_tables, publication, withdrawal
from riskmap.ports import Store

LISTED = 10
BY_PROGRAMME = 10
"""Protected counts of each year that are also tried by programmes over all counts."""
EVERY = "default: every territory whose release tells counts"
BYTE_ORDER_MARK = "\ufeff"


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add both to the command line; ``shared`` holds the options of every command."""
    help_text = "try to find small counts out from everything published of a territory"
    tried = commands.add_parser("attack", parents=[shared], help=help_text, description=help_text)
    tried.set_defaults(run=_attack)
    tried.add_argument("--territory", metavar="NAME", help=EVERY)
    tried.add_argument(
        "--all", action="store_true", help="every year told so far, not only the last whole one and what came since"
    )
    help_text = "write every public number for an auditor to attack"
    given = commands.add_parser("export-public", parents=[shared], help=help_text, description=help_text)
    given.set_defaults(run=_export)
    given.add_argument("--territory", metavar="NAME", help=EVERY)
    given.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for public.csv and types.json")
    given.add_argument("--truth", type=Path, metavar="FILE", help="true counts, for the operator alone")
    help_text = "take back what releases told of a year below a place, and publish a coarser release instead"
    taken = commands.add_parser("withdraw", parents=[shared], help=help_text, description=help_text)
    taken.set_defaults(run=_withdraw)
    taken.add_argument("--territory", required=True, metavar="NAME")
    taken.add_argument("--what", required=True, choices=sorted(TABLES), help="what is told more coarsely")
    taken.add_argument("--year", required=True, type=int, metavar="YYYY")
    taken.add_argument("--below", metavar="REGION", help="the region it lies in (default: all of the territory)")
    taken.add_argument("--reason", required=True, choices=withdrawal.REASONS)


def _attack(options: argparse.Namespace, context: Context) -> Report:
    lines: list[str] = []
    data: list[dict[str, Any]] = []
    is_safe = True
    with opened(context) as store:
        for territory in _territories(context, options.territory):
            own, found, is_own_safe = _attacked(store, context, territory, every_year=options.all)
            lines, data, is_safe = [*lines, *own], [*data, found], is_safe and is_own_safe
    sums = {name: sum(one[name] for one in data) for name in ("targets", "solved", "exact", "within_one")}
    report = data[0] if len(data) == 1 else {**sums, "territories": data}
    return Report(lines=lines, data=report, status=ExitStatus.DONE if is_safe else ExitStatus.REFUSED)


def _attacked(
    store: Store, context: Context, territory: str, *, every_year: bool
) -> tuple[list[str], dict[str, Any], bool]:
    words, started = context.words, time.monotonic()
    told = _told(context, territory)
    newest = next(iter(told))
    counted = store.counted.load(territory, newest)
    if counted is None:
        raise NoRelease(
            f"What release {newest} of {territory} was counted from is not kept, so nobody knows which of its "
            "counts are protected. Restore the folder counted/ of the data folder from a backup."
        )
    everything = public_tables.together(list(told.values()), before=date.max)
    whole = everything.counts.filter(pl.col("kind") == "band")["period"].cast(pl.Int64).max()
    first = None if every_year or whole is None else int(str(whole))
    published = [Published(counts=one.counts, places=one.places) for one in (everything, *told.values())]
    found = attack(published[0], counted, earlier=published[1:], from_year=first)
    rng = np.random.default_rng(int.from_bytes(newest.encode(), "big"))
    taken_back = {one.release_id for one in release.withdrawn(context.settings.releases, territory)}
    standing = public_tables.together([one for name, one in told.items() if name not in taken_back], before=date.max)
    # Once told, a number is known for good: a withdrawal is judged by what stands.
    now = Published(counts=standing.counts, places=standing.places) if taken_back else published[0]
    again = sampled(now, counted, from_year=first, most=BY_PROGRAMME, rng=rng)
    known = len(found.leaks) if taken_back else 0
    if known and standing.counts.height:
        known -= len(attack(now, counted, from_year=first).leaks)
    seconds = round(time.monotonic() - started, 1)
    lines = [
        words.text("cli.attack.release", id=newest, n=len(told)),
        words.text("cli.attack.targets", n=found.targets),
        words.text("cli.attack.solved", n=found.solved),
        words.text("cli.attack.exact", n=found.exact),
        words.text("cli.attack.within_one", n=found.within_one),
        words.text("cli.attack.by_programme", found=len(again.leaks), n=again.targets),
        *([words.text("cli.attack.known", n=known)] if taken_back else []),
        words.text("cli.attack.seconds", n=words.number(seconds, digits=1)),
        *(
            words.text("cli.attack.leak", place=leak.row, table=leak.table, period=leak.period, part=leak.part)
            for leak in [*again.leaks, *found.leaks][:LISTED]
        ),
    ]
    data = {
        "territory": territory,
        "release": newest,
        "targets": found.targets,
        "solved": found.solved,
        "exact": found.exact,
        "within_one": found.within_one,
        "by_programme": {"targets": again.targets, "exact": again.exact, "within_one": again.within_one},
        "told_by_withdrawn": known,
        "seconds": seconds,
    }
    return lines, data, len(found.leaks) == known and again.is_safe


def _export(options: argparse.Namespace, context: Context) -> Report:
    words = context.words
    truths: list[pl.DataFrame] = []
    lines: list[str] = []
    data: dict[str, Any] = {"rows": 0, "releases": []}
    with opened(context) as store:
        names = _territories(context, options.territory)
        for territory in names:
            told = _told(context, territory)
            counted = store.counted.load(territory, next(iter(told)))
            if options.truth is not None and counted is not None:
                _note_truth(store, territory, context)
            truths += [] if counted is None else [auditor.truth_table(counted)]
            table = auditor.public_table(told)
            # What a type holds differs from territory to territory, so several do not share a folder.
            folder = options.out / territory if len(names) > 1 else options.out
            _write(folder / "public.csv", table)
            with writing_to(folder):
                replace_synced(folder / "types.json", json.dumps(auditor.types(told), indent=1).encode())
            lines.append(words.text("cli.export_public.done", folder=str(folder), n=table.height))
            data = {"rows": data["rows"] + table.height, "releases": [*data["releases"], *told]}
    if options.truth is not None and truths:
        truth = pl.concat(truths)
        _write(options.truth, truth)
        lines.append(words.text("cli.export_public.truth", file=str(options.truth), n=truth.height))
    return Report(lines=lines, data=data)


def _note_truth(store: Store, territory: str, context: Context) -> None:
    """True counts leave the installation: that stands in the audit log before they do."""
    audit.note(
        store,
        account_id=access.OPERATOR,
        action="truth_export",
        subject=f"territory {territory}",
        details={},
        at=context.now,
    )


def _withdraw(options: argparse.Namespace, context: Context) -> Report:
    words, root, name = context.words, context.settings.releases, options.territory
    rule = Coarser(what=options.what, below=options.below or name, year=options.year)
    newest = release.newest_id(root, name)
    told = public_tables.told_before(root, name, from_release=newest)
    taken = withdrawal.withdraw(root, name, rule, told=told, reason=options.reason, today=context.now.date())
    key = "cli.withdraw.done" if taken else "cli.withdraw.none"
    lines = [words.text(key, ids=", ".join(taken))]
    with opened(context) as store:
        territory = store.territories.load(name)
        manifest, _ = withdrawal.open_any(root, name, str(newest))
        published = publication.publish(
            store,
            root,
            territory,
            as_of=date.fromisoformat(manifest["as_of"]),
            now=context.now,
            progress=context.progress,
        )
    site.refresh_quietly(context.settings, now=context.now)
    lines.append(words.text("cli.withdraw.instead", id=published.release_id))
    return Report(lines=lines, data={"withdrawn": taken, "instead": published.release_id})


def _territories(context: Context, wanted: str | None) -> list[str]:
    """The territory asked for, or all whose release tells counts."""
    if wanted is not None:
        return [wanted]
    root = context.settings.releases
    telling = [
        name
        for name in release.territories(root)
        if public_tables.COUNTS_FILE in release.open_folder(root, name, release.latest_id(root, name))[1]
    ]
    if not telling:
        raise NoRelease("No release tells counts. Publish one: python -m riskmap demo, or release --territory NAME.")
    return telling


def _told(context: Context, territory: str) -> dict[str, PublicCounts]:
    root = context.settings.releases
    newest = release.newest_id(root, territory) or release.latest_id(root, territory)
    told = public_tables.told_before(root, territory, from_release=newest)
    if not told:
        raise NoRelease(f"Release {newest} of {territory} tells no counts, so there is nothing to attack.")
    return told


def _write(path: Path, table: pl.DataFrame) -> None:
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(path, table.write_csv().encode())
