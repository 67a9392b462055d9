"""Commands about exposure and surroundings: ``exposure load``, ``surroundings load`` and ``list``, ``objects load``."""

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from geodata.errors import InvalidSurroundings
from geodata.exposure import Spread
from geodata.public_objects import ObjectKind
from geodata.territory import Territory
from riskmap import assembly, installation_key
from riskmap.command_line import Context, Report, opened
from riskmap.pipeline import surroundings
from riskmap.pipeline.surroundings import ExposureReport, OwnersWord, Provenance, SurroundingsReport
from riskmap.wording import Wording

Run = Callable[[argparse.Namespace, Context], Report]
LINES_SHOWN = 20
"""Line numbers told of each fault; the operator finds the rows in the file, which alone holds them."""


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add the groups ``exposure``, ``surroundings`` and ``objects``; ``shared`` holds the options of every command."""

    def group(name: str, help_text: str) -> Callable[[str, Run, str], argparse.ArgumentParser]:
        actions = commands.add_parser(name, help=help_text).add_subparsers(required=True, metavar="ACTION")

        def add(action: str, run: Run, text: str) -> argparse.ArgumentParser:
            command = actions.add_parser(action, parents=[shared], help=text, description=text)
            command.set_defaults(run=run)
            command.add_argument("--territory", required=True, metavar="NAME")
            return command

        return add

    load = group("exposure", "residents and addresses of cells")("load", _load_exposure, "take in where people live")
    load.add_argument("--population", type=Path, metavar="FILE", help="grid of h3 or points, with population")
    load.add_argument("--addresses", type=Path, metavar="FILE", help="points of addresses")
    _add_provenance(load)
    load.add_argument("--relative", action="store_true", help="the grid's numbers are shares, not people")
    load.add_argument("--complete", action="store_true", help="cells that the files leave out hold nobody")
    load.add_argument("--cover-inhabited", action="store_true", help="cells with residents are covered too")

    add = group("surroundings", "features of places")
    extract = add("load", _load_extract, "take in an OpenStreetMap extract")
    extract.add_argument("--osm", type=Path, required=True, metavar="FILE", help=".osm.pbf")
    extract.add_argument("--dated", type=_day, required=True, metavar="YYYY-MM-DD", help="day of the extract")
    extract.add_argument("--coverage", type=Path, metavar="FILE", help="GeoJSON of the area it was cut to")
    add("list", _list, "features with unit, source, date and the cells they are known for")

    objects = group("objects", "public objects and road accidents")("load", _load_objects, "take in public objects")
    objects.add_argument("file", type=Path, metavar="FILE")
    objects.add_argument("--kind", choices=list(map(str, ObjectKind)), help="default: as a column of the file says")
    _add_provenance(objects)
    objects.add_argument("--public-by", metavar="TEXT", help="the owner who said that everybody may see them")
    objects.add_argument("--public-on", type=_day, metavar="YYYY-MM-DD", help="day on which the owner said so")


def _load_exposure(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        report = surroundings.load_exposure(
            store.territories,
            assembly.surroundings_shelf(context.settings),
            territory_name=options.territory,
            population=options.population,
            addresses=options.addresses,
            provenance=_provenance(options),
            now=context.now,
            is_relative=options.relative,
            is_complete=options.complete,
            covers_inhabited=options.cover_inhabited,
        )
    places = report.completed.places
    words = context.words
    lines = [
        words.text("cli.exposure.places", territory=report.territory.names.of(words.language), n=places.height),
        *_spread_lines(report, words),
        *_address_lines(report, words),
    ]
    return Report(lines=lines, data=_exposure_data(report))


def _spread_lines(report: ExposureReport, words: Wording) -> list[str]:
    spread, completed = report.spread, report.completed
    if spread is None:
        return []
    known = completed.places["residents"]
    told = [
        words.text("cli.exposure.residents", n=int(known.sum()), cells=known.len() - known.null_count()),
        *([words.text("cli.exposure.unknown", n=known.null_count())] if known.null_count() else []),
        *(
            words.text("cli.exposure.own_numbers", region=_name(report.territory, share.region_id, words))
            for share in spread.regions
            if not share.has_total and share.is_spread
        ),
        *(
            words.text(
                "cli.exposure.unfit",
                region=_name(report.territory, share.region_id, words),
                grid=words.number(share.people),
                total=share.total,
            )
            for share in spread.regions
            if not share.is_spread
        ),
        *(
            words.text("cli.exposure.unreached", region=_name(report.territory, region_id, words))
            for region_id in spread.unreached
        ),
    ]
    if spread.cells_outside:
        people = words.number(spread.people_outside)
        told.append(words.text("cli.exposure.outside", cells=spread.cells_outside, n=people))
    if completed.cells_uncovered:
        n = completed.residents_uncovered
        told.append(words.text("cli.exposure.uncovered", cells=completed.cells_uncovered, n=n))
    return told


def _address_lines(report: ExposureReport, words: Wording) -> list[str]:
    addresses = report.addresses
    if addresses is None:
        return []
    inside = int(addresses.cells["addresses"].sum())
    lost = addresses.without_place + addresses.outside
    return [
        words.text("cli.exposure.addresses", n=inside, cells=addresses.cells.height),
        *([words.text("cli.exposure.addresses_lost", n=lost)] if lost else []),
    ]


def _exposure_data(report: ExposureReport) -> dict[str, Any]:
    places, addresses = report.completed.places, report.addresses
    return {
        "territory": report.territory.name,
        "cells": places.height,
        "cells_added": report.completed.cells_added,
        "cells_uncovered": report.completed.cells_uncovered,
        "residents_uncovered": report.completed.residents_uncovered,
        "residents": int(places["residents"].sum()),
        "cells_without_residents_known": places["residents"].null_count(),
        "addresses": int(places["addresses"].sum()),
        "cells_without_addresses_known": places["addresses"].null_count(),
        "spread": _spread_data(report.spread) if report.spread else None,
        "addresses_read": None
        if addresses is None
        else {
            "rows_read": addresses.rows_read,
            "without_place": addresses.without_place,
            "outside": addresses.outside,
        },
    }


def _spread_data(spread: Spread) -> dict[str, Any]:
    return {
        "cells": spread.cells.height,
        "cells_outside": spread.cells_outside,
        "people_outside": spread.people_outside,
        "regions_unreached": list(spread.unreached),
        "regions": [
            {
                "region_id": share.region_id,
                "grid": share.people,
                "total": share.total,
                "has_total": share.has_total,
                "is_spread": share.is_spread,
            }
            for share in spread.regions
        ],
    }


def _load_extract(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        report = surroundings.load_extract(
            store.territories,
            assembly.surroundings_shelf(context.settings),
            options.osm,
            territory_name=options.territory,
            dated=options.dated,
            coverage=options.coverage,
            now=context.now,
        )
    words = context.words
    lines = _loaded_lines(report, words)
    data = _loaded_data(report)
    if report.extract is not None:
        lines += [words.text("cli.surroundings.unmapped", feature=_feature(name, words)) for name in report.missing]
        if not report.extract.has_own_box and options.coverage is None:
            lines.append(words.text("cli.surroundings.no_box"))
        if report.extract.unplaced:
            lines.append(words.text("cli.surroundings.unplaced", n=report.extract.unplaced))
        data |= {
            "unmapped": list(report.missing),
            "unplaced": report.extract.unplaced,
            "has_own_box": report.extract.has_own_box,
        }
    return Report(lines=lines, data=data)


def _load_objects(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        report = surroundings.load_objects(
            store.territories,
            assembly.surroundings_shelf(context.settings),
            options.file,
            territory_name=options.territory,
            kind=ObjectKind(options.kind) if options.kind else None,
            provenance=_provenance(options),
            key=installation_key.load(context.settings.data),
            now=context.now,
            word=_owners_word(options),
        )
    words = context.words
    lines, data = _loaded_lines(report, words), _loaded_data(report)
    if options.public_by:
        lines.append(words.text("cli.objects.public", owner=options.public_by, day=words.date(options.public_on)))
    else:
        lines.append(words.text("cli.objects.not_public"))
    data["is_public"] = options.public_by is not None
    if report.read is not None:
        read = report.read
        lines.append(
            words.text(
                "cli.objects.rows",
                rows=read.rows_read,
                accepted=read.objects.height,
                duplicates=read.duplicates,
                quarantined=read.set_aside.height,
            )
        )
        by_fault = {fault: read.set_aside.filter(fault=fault)["line"] for fault in read.faults}
        lines += [
            words.text(
                "cli.objects.set_aside",
                fault=words.text(f"cli.objects.fault.{fault}"),
                n=read.faults[fault],
                lines=", ".join(map(str, found.head(LINES_SHOWN))) + (" …" if found.len() > LINES_SHOWN else ""),
            )
            for fault, found in by_fault.items()
        ]
        data |= {
            "rows_read": read.rows_read,
            "accepted": read.objects.height,
            "duplicates": read.duplicates,
            "quarantined": read.set_aside.height,
            "faults": read.faults,
            "lines": {fault: found.to_list() for fault, found in by_fault.items()},
        }
    return Report(lines=lines, data=data)


def _list(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        territory = store.territories.load(options.territory)
        shelf = assembly.surroundings_shelf(context.settings)
        sources, shown = shelf.sources(territory.name), [one.consent for one in shelf.shown(territory.name)]
    words = context.words
    named = territory.names.of(words.language)
    lines = [words.text("cli.surroundings.of", territory=named, n=territory.places.height)]
    lines += [_source_line(row, words) for row in sources.iter_rows(named=True)]
    if sources.height == 0:
        lines.append(words.text("cli.surroundings.none"))
    lines += [words.text("cli.objects.public", owner=one.owner, day=words.date(one.said_on)) for one in shown]
    data = {"territory": territory.name, "cells": territory.places.height, "features": sources.to_dicts()}
    data["shown"] = [{"owner": one.owner, "said_on": one.said_on.isoformat()} for one in shown]
    return Report(lines=lines, data=data)


def _loaded_lines(report: SurroundingsReport, words: Wording) -> list[str]:
    key = "cli.surroundings.unchanged" if report.is_unchanged else "cli.surroundings.loaded"
    first = words.text(key, territory=report.territory.names.of(words.language))
    return [first, *(_source_line(row, words) for row in report.sources.iter_rows(named=True))]


def _loaded_data(report: SurroundingsReport) -> dict[str, Any]:
    return {
        "territory": report.territory.name,
        "is_unchanged": report.is_unchanged,
        "features": report.sources.to_dicts(),
    }


def _source_line(row: dict[str, Any], words: Wording) -> str:
    return words.text(
        "cli.surroundings.feature",
        feature=_feature(row["feature"], words),
        measure=words.text(f"cli.measure.{row['measure']}"),
        cells=row["cells"],
        source=", ".join(part for part in (row["source"], row["licence"]) if part),
        dated=words.date(row["dated"]),
    )


def _feature(name: str, words: Wording) -> str:
    return words.text(f"cli.feature.{name}")


def _name(territory: Territory, region_id: str, words: Wording) -> str:
    table = territory.region_table
    named = dict(zip(table["region_id"], table[f"name_{words.language}"], strict=True))
    return str(named.get(region_id) or region_id)


def _add_provenance(command: argparse.ArgumentParser) -> None:
    command.add_argument("--source", required=True, metavar="TEXT", help="who publishes it")
    command.add_argument("--dated", type=_day, required=True, metavar="YYYY-MM-DD", help="day whose state it is")
    command.add_argument("--licence", metavar="TEXT", help="licence, with the attribution it asks for")


def _provenance(options: argparse.Namespace) -> Provenance:
    return Provenance(source=options.source, dated=options.dated, licence=options.licence)


def _owners_word(options: argparse.Namespace) -> OwnersWord | None:
    """The owner's name and the day, both or neither."""
    if options.public_by is None and options.public_on is None:
        return None
    if options.public_by is None or options.public_on is None:
        lacking = "--public-by" if options.public_by is None else "--public-on"
        raise InvalidSurroundings(
            f"{lacking} is missing; expected the owner and the day of the owner's word together: --public-by TEXT "
            "--public-on YYYY-MM-DD. Leave both out where nobody said that the objects may be shown."
        )
    return OwnersWord(owner=options.public_by, said_on=options.public_on)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; expected YYYY-MM-DD such as 2026-03-01") from None
