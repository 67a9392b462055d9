"""Commands about official totals: ``totals load`` takes in a form 1-М, ``totals check`` holds it against the rest."""

import argparse
from collections.abc import Callable
from pathlib import Path

from geodata.offences import ALL
from geodata.territory import Territory
from riskmap.command_line import Context, Report, opened
from riskmap.pipeline import totals
from riskmap.wording import Wording

DIFFERENCES_SHOWN = 20


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``totals load`` and ``totals check`` to the command line; ``shared`` holds the options of every command."""
    actions = commands.add_parser("totals", help="official totals").add_subparsers(required=True, metavar="ACTION")

    def add(name: str, run: Callable[[argparse.Namespace, Context], Report], help_text: str) -> argparse.ArgumentParser:
        command = actions.add_parser(name, parents=[shared], help=help_text, description=help_text)
        command.set_defaults(run=run)
        command.add_argument("--territory", default="kazakhstan", metavar="NAME")
        return command

    load = add("load", _load, "take in a registered-offence form 1-М")
    load.add_argument("file", type=Path, metavar="FILE")
    load.add_argument("--region", metavar="CODE", help="KATO code, or the territory's name for the whole of it")
    load.add_argument("--year", type=_year, required=True, metavar="YYYY")
    check = add("check", _check, "compare official totals with the incidents held and with one another")
    check.add_argument("--year", type=_year, metavar="YYYY", help="default: every year loaded")


def _load(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        loaded = totals.load(
            store,
            options.file,
            territory_name=options.territory,
            region=options.region,
            year=options.year,
            now=context.now,
        )
    words, form = context.words, loaded.form
    region = _name(loaded.territory, loaded.region_id, words)
    lines = [
        words.text("cli.totals.loaded", region=region, year=loaded.year, n=form.registered),
        *([words.text("cli.totals.replaced", n=loaded.replaced)] if loaded.replaced else []),
        *([_same_form(loaded, words)] if loaded.same_as else []),
        *([words.text("cli.totals.adds_up_not", n=form.difference)] if form.difference else []),
        *(words.text("cli.totals.unknown_article", article=article) for article in form.unknown_articles),
    ]
    data = {
        "territory": loaded.territory.name,
        "region_id": loaded.region_id,
        "year": loaded.year,
        "lines": form.totals.height,
        "registered": form.registered,
        "replaced": loaded.replaced,
        "same_as": list(loaded.same_as),
        "difference": form.difference,
        "unknown_articles": list(form.unknown_articles),
    }
    return Report(lines=lines, data=data)


def _same_form(loaded: totals.LoadReport, words: Wording) -> str:
    names = ", ".join(_name(loaded.territory, code, words) for code in loaded.same_as)
    return words.text("cli.totals.same_form", year=loaded.year, names=names)


def _check(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        found = totals.check(store, territory_name=options.territory, year=options.year)
    words, territory = context.words, found.territory
    data = {
        "territory": territory.name,
        "coverage": found.coverage.to_dicts(),
        "unplaced": found.unplaced,
        "differences": found.differences.to_dicts(),
        "missing": {str(year): codes for year, codes in found.missing.items()},
        "against_table": found.against_table.to_dicts(),
    }
    lines = [
        *_coverage_lines(found, words),
        words.text("cli.totals.folded"),
        *([words.text("cli.totals.unplaced", n=found.unplaced)] if found.unplaced else []),
        *(
            words.text(
                "cli.totals.missing", year=year, names=", ".join(_name(territory, code, words) for code in codes)
            )
            for year, codes in found.missing.items()
        ),
        *_difference_lines(found, words),
        *(
            words.text(
                "cli.totals.against_table",
                region=_name(territory, row["region_id"], words),
                year=row["year"],
                form=row["form"],
                table=row["table"],
            )
            for row in found.against_table.iter_rows(named=True)
        ),
    ]
    return Report(lines=lines, data=data)


def _coverage_lines(found: totals.CheckReport, words: Wording) -> list[str]:
    return [
        words.text(
            "cli.totals.coverage",
            region=_name(found.territory, row["region_id"], words),
            year=row["year"],
            group=_group(row["offence_group"], words),
            held=row["held"],
            registered=row["registered"],
            percent="–" if row["percent"] is None else words.number(row["percent"], 1),
        )
        for row in found.coverage.iter_rows(named=True)
    ]


def _difference_lines(found: totals.CheckReport, words: Wording) -> list[str]:
    rows = found.differences.to_dicts()
    shown = [
        words.text(
            "cli.totals.difference",
            year=row["year"],
            article=row["article"] or _group(ALL, words),
            whole=row["whole"],
            regions=row["regions"],
            n=row["difference"],
        )
        for row in rows[:DIFFERENCES_SHOWN]
    ]
    return [*shown, *([words.text("cli.totals.more", n=len(rows) - len(shown))] if len(rows) > len(shown) else [])]


def _group(code: str, words: Wording) -> str:
    return words.text("cli.totals.all") if code == ALL else words.text(f"group.{code}")


def _name(territory: Territory, region_id: str, words: Wording) -> str:
    table = territory.region_table
    named = dict(zip(table["region_id"], table[f"name_{words.language}"], strict=True))
    return named.get(region_id) or territory.names.of(words.language)


def _year(text: str) -> int:
    if not (text.isdecimal() and len(text) == 4):
        raise argparse.ArgumentTypeError(f"{text!r} is not a year; expected four digits such as 2023")
    return int(text)
