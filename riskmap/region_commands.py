"""Commands about region outlines: ``regions check`` looks a file through, ``regions load`` takes it in."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from geodata.division_checks import Piece, Share
from geodata.territory import Territory
from riskmap import wording
from riskmap.command_line import Context, Report, opened
from riskmap.errors import ExitStatus
from riskmap.pipeline import territories
from riskmap.pipeline.territories import CheckedRegions
from riskmap.wording import Wording

SHOWN = 10
"""So many findings of a kind are told to people; programs get all of them."""


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``regions load`` and ``regions check`` to the command line; ``shared`` holds the options of every command."""
    actions = commands.add_parser("regions", help="region outlines").add_subparsers(required=True, metavar="ACTION")

    def add(name: str, run: Callable[[argparse.Namespace, Context], Report], help_text: str) -> None:
        command = actions.add_parser(name, parents=[shared], help=help_text, description=help_text)
        command.set_defaults(run=run)
        command.add_argument("file", type=Path, metavar="FILE")
        command.add_argument("--territory", default="kazakhstan", metavar="NAME")
        command.add_argument("--on", type=_day, metavar="YYYY-MM-DD", help="the division of this day (default: today)")

    add("load", _load, "replace region outlines by those of a file")
    add("check", _check, "say what is the matter with a file of region outlines; store nothing")


def _load(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        loaded = territories.load_regions(store, options.territory, options.file, on=options.on or context.now.date())
    words, changed = context.words, loaded.territory
    named, count = changed.names.of(words.language), len(changed.regions)
    key = "cli.regions.summary" if loaded.has_new_regions else "cli.regions.kept"
    lines = [
        words.text(key, territory=named, n=count),
        *_lines(loaded.checked, _names(loaded.checked, changed, words), words),
    ]
    data = {
        "territory": changed.name,
        "regions": count,
        "has_new_regions": loaded.has_new_regions,
        "divisions": len(changed.divisions),
        **_data(loaded.checked),
    }
    return Report(lines=lines, data=data)


def _check(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        territory = store.territories.load(options.territory)
    checked = territories.check_regions(options.file, territory=territory, on=options.on or context.now.date())
    words = context.words
    lines = [
        words.text("cli.regions.read", file=options.file.name, n=len(checked.file.rows)),
        *_lines(checked, _names(checked, territory, words), words),
        words.text("cli.regions.usable" if checked.is_usable else "cli.regions.unusable"),
    ]
    status = ExitStatus.DONE if checked.is_usable else ExitStatus.BAD_INPUT
    data = {"territory": territory.name, "is_usable": checked.is_usable, **_data(checked)}
    return Report(lines=lines, data=data, status=status)


def _lines(checked: CheckedRegions, names: Mapping[str, str], words: Wording) -> list[str]:
    file, found = checked.file, checked.findings

    def name(code: str) -> str:
        return names.get(code, code)

    def piece(key: str) -> Callable[[Piece], str]:
        return lambda piece: words.text(
            key,
            names=", ".join(map(name, piece.codes)),
            area=_area(piece.area_km2, words),
            width=words.number(piece.width_m, 1),
        )

    def share(key: str) -> Callable[[Share], str]:
        return lambda share: words.text(
            key,
            name=name(share.region_id),
            parent=name(share.parent_id or ""),
            percent=words.number(100 * share.share, 1),
        )

    def coded(key: str) -> Callable[[tuple[str, object]], str]:
        return lambda entry: words.text(key, name=name(entry[0]))

    def plain(key: str) -> Callable[[str], str]:
        return lambda code: words.text(key, name=name(code))

    lines = [
        *(words.text("cli.regions.level", level=words.text(f"cli.level.{v}"), n=n) for v, n in checked.levels.items()),
        *_some(file.uncoded, lambda number: words.text("cli.regions.uncoded", n=number), words),
        *_some(file.refused, coded("cli.regions.refused"), words),
        *_some(checked.doubled, plain("cli.regions.doubled"), words),
        *_some(checked.unlevelled, plain("cli.regions.unlevelled"), words),
        *_some(file.repaired, coded("cli.regions.repaired"), words),
        *_some(found.without_parent, plain("cli.regions.without_parent"), words),
        *_some(found.nameless, coded("cli.regions.nameless"), words),
        *_some(_largest(found.overlaps), piece("cli.regions.overlap"), words),
        *_some(_largest(found.gaps), piece("cli.regions.gap"), words),
        *_some(_largest(found.slivers), piece("cli.regions.sliver"), words),
        *_some(found.outside_parent, share("cli.regions.outside_parent"), words),
        *_some(found.uncovered, share("cli.regions.uncovered"), words),
    ]
    is_clean = checked.is_usable and not file.repaired and not found.has_any
    return [*lines, *([words.text("cli.regions.clean")] if is_clean else [])]


def _some(entries: Iterable[Any], told: Callable[[Any], str], words: Wording) -> list[str]:
    all_of_them = list(entries)
    left = len(all_of_them) - SHOWN
    return [*map(told, all_of_them[:SHOWN]), *([words.text("cli.regions.more", n=left)] if left > 0 else [])]


def _largest(pieces: Iterable[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: -piece.area_km2)


def _area(area_km2: float, words: Wording) -> str:
    return words.number(area_km2, 3) if area_km2 >= 0.001 else f"< {words.number(0.001, 3)}"


def _names(checked: CheckedRegions, territory: Territory, words: Wording) -> dict[str, str]:
    """Name and code: the name in this language, else in another one, of the file or else of the territory."""
    languages = (words.language, *(language for language in wording.LANGUAGES if language != words.language))
    named: dict[str, str] = {}
    for rows in (checked.file.rows, territory.regions):
        for language in languages:
            for code, name in zip(rows["region_id"], rows[f"name_{language}"], strict=True):
                if isinstance(name, str):
                    named.setdefault(code, f"{name} ({code})")
    return named


def _data(checked: CheckedRegions) -> dict[str, Any]:
    return {
        "levels": dict(checked.levels),
        "uncoded": list(checked.file.uncoded),
        "refused": dict(checked.file.refused),
        "repaired": dict(checked.file.repaired),
        "doubled": list(checked.doubled),
        "unlevelled": list(checked.unlevelled),
        **asdict(checked.findings),
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as trouble:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; expected YYYY-MM-DD") from trouble
