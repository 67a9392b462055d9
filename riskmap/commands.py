"""``python -m riskmap``: what an operator does, each command ending in a short summary and an exit status.

The summary is in Kazakh, Russian or English (``--language``, else the locale of the shell, else Kazakh). With
``--json`` the last line is one JSON object. Exit statuses are those of `riskmap.errors.ExitStatus`.
"""

import argparse
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from geodata.errors import GeodataError
from geodata.layout import Mapping
from geodata.made_up_city import NAME as MADE_UP
from geodata.sources import open_source
from geodata.territory import Territory
from models.errors import ModelError
from riskmap import (
    assembly,
    attack_commands,
    backtest_commands,
    explaining,
    exposure_commands,
    fetch_commands,
    identity_commands,
    note_commands,
    quarantine_commands,
    records_commands,
    region_commands,
    release,
    retention_commands,
    serving,
    site,
    site_commands,
    survey_commands,
    totals_commands,
    wording,
)
from riskmap.command_line import Context, Report, day, delivery_lines, opened, positive
from riskmap.council import journal_desk
from riskmap.council.simulated import NewAccount
from riskmap.errors import ExitStatus, NoRelease, RiskMapError, UnusableBaseMap
from riskmap.pipeline import demo, publication, scoring, territories
from riskmap.pipeline.deliveries import DeliveryReport
from riskmap.pipeline.publication import PublicationReport
from riskmap.public import base_map
from riskmap.settings import Settings
from riskmap.wording import UnknownText, Wording


class _Bars:
    """One progress bar per step on standard error; where that is no terminal, one line per step."""

    def __init__(self, words: Wording, *, is_terminal: bool) -> None:
        self._words, self._is_terminal = words, is_terminal
        self._key = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, key: str, done: int, total: int) -> None:
        if key != self._key:
            self.close()
            self._key = key
            if self._is_terminal:
                self._bar = tqdm(total=total or None, desc=self._words.text(key), leave=True)
            else:
                print(self._words.text(key), file=sys.stderr, flush=True)
        if self._bar is not None:
            self._bar.total = total or None
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._key, self._bar = "", None


KEPT = "last"
"""The models a run may go on with: those kept last."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    try:
        options = _parser().parse_args(arguments)
        words = wording.in_language(_language(options.language))
    except KeyboardInterrupt:
        return 130
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    bars = _Bars(words, is_terminal=sys.stderr.isatty())
    try:
        settings = Settings.from_environment(os.environ)
        context = Context(settings=settings, now=datetime.now(UTC), words=words, progress=bars)
        report = options.run(options, context)
    except (RiskMapError, GeodataError, ModelError) as error:
        bars.close()
        return _fail(error, words, as_json=options.json)
    except KeyboardInterrupt:
        bars.close()
        return 130
    bars.close()
    for line in report.lines:
        print(line)
    if options.json:
        print(json.dumps(report.data, ensure_ascii=False, default=str))
    return int(report.status)


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="end with one JSON object")
    shared.add_argument("--language", choices=wording.LANGUAGES, help="language of the summary")
    parser = argparse.ArgumentParser(prog="python -m riskmap", description="The public criminogenic risk map.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace, Context], Report], help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[shared], help=help_text, description=help_text)
        command.set_defaults(run=run)
        return command

    add("migrate", _migrate, "create or upgrade the database and the built-in territory")

    territory = commands.add_parser("territory", help="territories").add_subparsers(required=True, metavar="ACTION")
    new = territory.add_parser("new", parents=[shared], help="make a territory from the points of a file")
    new.set_defaults(run=_territory_new)
    new.add_argument("name", metavar="NAME")
    new.add_argument("--from-points", type=Path, required=True, metavar="FILE")
    new.add_argument("--timezone", metavar="AREA/CITY", help="IANA zone of its civil time (default: by coordinates)")
    new.add_argument("--mapping", type=Path, metavar="FILE")

    deliver = add("deliver", _deliver, "take in files of incidents")
    deliver.add_argument("files", type=Path, nargs="+", metavar="FILE")
    deliver.add_argument("--territory", default="auto", metavar="NAME|auto")
    deliver.add_argument("--mapping", type=Path, metavar="FILE", help="TOML file: columns, categories, time_zone")
    deliver.add_argument("--layout", metavar="NAME|FILE", help="the layout of the files (default: recognised)")
    deliver.add_argument("--explain", action="store_true", help="say what would be made of the files; store nothing")
    deliver.add_argument("--timezone", metavar="AREA/CITY")

    score = add("score", _score, "expected incidents of every cell and region for 30 and 90 days")
    release = add("release", _release, "publish the newest state of a territory")
    for command in (score, release):
        command.add_argument("--territory", required=True, metavar="NAME")
        model_help = "go on with the kept models of the last run instead of fitting and testing anew"
        command.add_argument("--model", choices=[KEPT], help=model_help)
        command.add_argument("--as-of", type=day, metavar="YYYY-MM-DD", help="default: the day after the last incident")

    release_help = "also tell late records of a published year, as far as that gives nothing away; once a year"
    release.add_argument("--correct", type=int, metavar="YYYY", help=release_help)

    journal = add("journal", _journal, "publish the council's journal of a territory anew")
    journal.add_argument("--territory", required=True, metavar="NAME")

    add("demo", _demo, "the made-up city from nothing to a release, with a living council")

    serve = add("serve", _serve, "prepare what is missing and open the map")
    serve.add_argument("--incidents", type=Path, metavar="FILE", help="show the map of this file")
    serve.add_argument("--timezone", metavar="AREA/CITY")
    serve.add_argument("--mapping", type=Path, metavar="FILE")
    serve.add_argument("--port", type=positive, default=8501)
    serve.add_argument("--prepare-only", action="store_true", help="do not open the map")

    for group in (
        identity_commands,
        attack_commands,
        backtest_commands,
        totals_commands,
        survey_commands,
        fetch_commands,
        quarantine_commands,
        region_commands,
        records_commands,
        retention_commands,
        exposure_commands,
        site_commands,
        note_commands,
    ):
        group.add_commands(commands, shared)
    return parser


def _migrate(_options: argparse.Namespace, context: Context) -> Report:
    assembly.migrate(context.settings)
    with opened(context) as store:
        names = store.territories.names()
    return Report(
        data={"territories": names},
        lines=[context.words.text("cli.migrate.summary", version=assembly.schema_version())],
    )


def _territory_new(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        layouts = explaining.known_layouts(context.settings)
        source = open_source(options.from_points, _mapping(options), layouts=layouts)
        made = territories.new_from_points(store, options.name, source, zone=options.timezone)
    words = context.words
    line = words.text(
        "cli.territory.summary", territory=made.names.of(words.language), cells=made.places.height, zone=made.zone
    )
    return Report(data={"territory": made.name, "cells": made.places.height, "zone": made.zone}, lines=[line])


def _deliver(options: argparse.Namespace, context: Context) -> Report:
    layouts = explaining.known_layouts(context.settings)
    mapping = explaining.told(mapping=options.mapping, layout=options.layout, layouts=layouts)
    if options.explain:
        return explaining.report(
            options.files,
            context,
            mapping=mapping,
            layouts=layouts,
            zone=options.timezone,
            territory_name=options.territory,
        )
    with opened(context) as store:
        reports = [
            territories.deliver_file(
                store,
                path,
                territory_name=options.territory,
                mapping=mapping,
                layouts=layouts,
                zone=options.timezone,
                now=context.now,
                progress=context.progress,
            )
            for path in options.files
        ]
    return _delivery_report(reports, context)


def _score(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        territory = store.territories.load(options.territory)
        run, expected = scoring.score(
            store,
            territory,
            as_of=options.as_of,
            now=context.now,
            progress=context.progress,
            with_kept=options.model == KEPT,
        )
    whole = expected.filter((pl.col("area_kind") == "territory") & (pl.col("offence_group") == "all"))
    words = context.words
    lines = [
        words.text(
            "cli.score.summary",
            territory=territory.names.of(words.language),
            as_of=run.as_of,
            days=row["horizon_days"],
            n=words.number(row["expected_incidents"]),
            lo=row["low"],
            hi=row["high"],
        )
        for row in whole.iter_rows(named=True)
    ]
    lines += [
        words.text("cli.score.silent", group=words.text(f"group.{group}"), day=date.fromisoformat(last))
        for group, last in run.details["silent"].items()
    ]
    if {entry["level"] for entry in run.details["served"].values()} == {"untested"}:
        lines.append(words.text("hotspots.served.untested"))
    lines += [words.text("cli.score.refused", why=why) for why in run.details.get("refused_models", [])]
    data = {
        "territory": territory.name,
        "run_id": run.run_id,
        "as_of": run.as_of,
        "cells": expected.filter(pl.col("area_kind") == "cell")["area_id"].n_unique(),
        "groups": list(run.details["served"]),
        "served": {group: entry["level"] for group, entry in run.details["served"].items()},
        "expected": whole.to_dicts(),
        "silent": run.details["silent"],
        "models": run.details["models"],
        "with_kept": run.details.get("with_kept"),
        "refused_models": run.details.get("refused_models", []),
    }
    return Report(data=data, lines=lines)


def _release(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        territory = store.territories.load(options.territory)
        published = publication.publish(
            store,
            context.settings.releases,
            territory,
            as_of=options.as_of,
            now=context.now,
            progress=context.progress,
            correct=options.correct,
            needs_second_person=context.settings.needs_second_person,
            with_kept=options.model == KEPT,
        )
    site.refresh_quietly(context.settings, now=context.now)
    return _release_report(published, territory, context)


def _demo(_options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        published, territory = demo.build(store, context.settings, now=context.now, progress=context.progress)
        made = serving.made_up_council(
            store,
            context.settings,
            language=context.words.language,
            now=context.now,
            progress=context.progress,
        )
    site.refresh_quietly(context.settings, now=context.now)
    report = _release_report(published, territory, context)
    line = context.words.text("cli.demo.done", territory=territory.names.of(context.words.language))
    return Report(
        data={**report.data, "accounts": [asdict(account) for account in made]},
        lines=[*report.lines, line, *_account_lines(made, context)],
    )


def _account_lines(made: list[NewAccount], context: Context) -> list[str]:
    """The accounts for trying, with their passwords; the only time these are shown."""
    if not made:
        return []
    words = context.words
    lines = [
        words.text(
            "cli.demo.account",
            role=words.text(f"account.role.{account.role}"),
            login=account.login,
            password=account.password,
        )
        for account in made
    ]
    path = f"/casework/{MADE_UP}?lang={words.language}"
    return [
        words.text("cli.demo.accounts"),
        *(f"  {line}" for line in lines),
        words.text("cli.demo.sign_in", path=path),
    ]


def _journal(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        territory = store.territories.load(options.territory)
        journal_id = journal_desk.publish(store, context.settings.journals, territory.name, at=context.now)
    site.refresh_quietly(context.settings, now=context.now)
    name = territory.names.of(context.words.language)
    line = context.words.text("cli.journal.summary", territory=name, id=journal_id)
    return Report(data={"territory": territory.name, "journal_id": journal_id}, lines=[line])


def _serve(options: argparse.Namespace, context: Context) -> Report:
    if not options.prepare_only:
        serving.require_free_port(options.port)
    _tell_of_base_map(context)
    if context.settings.is_public_side:
        return _serve_public(options, context)
    with opened(context) as store:
        prepared = serving.prepare(
            store,
            context.settings,
            incidents=options.incidents,
            mapping=_mapping(options),
            zone=options.timezone,
            language=context.words.language,
            now=context.now,
            progress=context.progress,
        )
    site.refresh_quietly(context.settings, now=context.now)
    url = serving.address(options.port, prepared.territory)
    lines = [*_account_lines(prepared.accounts, context), context.words.text("cli.address", url=url)]
    if not options.prepare_only:
        print("\n".join(lines), flush=True)
        serving.run_website(options.port)
    data = {"address": url, "territory": prepared.territory, "accounts": [asdict(a) for a in prepared.accounts]}
    return Report(data=data, lines=lines)


def _tell_of_base_map(context: Context) -> None:
    """Say what is wrong with the file of the base map; the website starts without it."""
    settings = context.settings
    try:
        base_map.opened(settings.tile_url, settings.basemap_file, settings.basemap_attribution)
    except UnusableBaseMap as problem:
        print(problem, file=sys.stderr, flush=True)


def _serve_public(options: argparse.Namespace, context: Context) -> Report:
    """Open what is published already; nothing is prepared, for this side can write nothing."""
    if not release.territories(context.settings.releases):
        raise NoRelease(
            f"RISKMAP_SIDE is public and {context.settings.releases} holds no release. Publish there from the machine "
            "that has the store, or leave RISKMAP_SIDE out."
        )
    url = serving.address(options.port, None)
    line = context.words.text("cli.address", url=url)
    if not options.prepare_only:
        print(line, flush=True)
        serving.run_website(options.port)
    return Report(data={"address": url, "territory": None, "accounts": []}, lines=[line])


def _delivery_report(reports: list[DeliveryReport], context: Context) -> Report:
    words, lines = context.words, []
    for report in reports:
        if report.is_repeat:
            lines.append(words.text("cli.repeat"))
        lines += delivery_lines(report, words)
    faults: Counter[str] = Counter()
    for report in reports:
        faults.update(report.faults)
    counted = ("rows_read", "accepted", "without_place", "corrected", "duplicates", "withdrawn", "quarantined")
    totals: dict[str, Any] = {name: sum(getattr(report, name) for report in reports) for name in counted}
    return Report(data={**totals, "faults": dict(faults), "files": [asdict(r) for r in reports]}, lines=lines)


def _release_report(published: PublicationReport, territory: Territory, context: Context) -> Report:
    words = context.words
    line = words.text(
        "cli.release.summary",
        id=published.release_id,
        territory=territory.names.of(words.language),
        cells=published.cells,
        areas=published.areas_with_total,
    )
    if published.is_proposed:
        path = f"/release-desk/{territory.name}"
        line = words.text("cli.release.proposed", id=published.release_id, path=path)
    return Report(data=asdict(published), lines=[line])


def _mapping(options: argparse.Namespace) -> Mapping | None:
    return Mapping.read(options.mapping) if options.mapping else None


def _fail(error: Exception, words: Wording, *, as_json: bool) -> int:
    status = error.exit_status if isinstance(error, RiskMapError) else ExitStatus.BAD_INPUT
    name = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in type(error).__name__).strip("_")
    try:
        sentence = words.text(f"cli.error.{name}", detail=str(error))
    except UnknownText:
        sentence = words.text("cli.error.other", detail=str(error))
    print(f"riskmap: {sentence}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": name, "detail": str(error), "status": int(status)}, ensure_ascii=False))
    return int(status)


def _language(wanted: str | None) -> str:
    shell = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return wanted or (shell[:2] if shell[:2] in wording.LANGUAGES else wording.DEFAULT_LANGUAGE)
