"""``deliver --explain FILE``: what would be made of a file and why, said in lines; nothing is stored."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from zoneinfo import ZoneInfo

from geodata import kazakhstan, publisher_layouts
from geodata.column_names import printable, shown
from geodata.explanation import Explanation, explain
from geodata.mapping import Mapping, check_zone
from geodata.sources import Source
from geodata.territory import Territory
from riskmap import assembly
from riskmap.command_line import Context, Report
from riskmap.pipeline import territories
from riskmap.ports import TerritoryShelf
from riskmap.settings import Settings
from riskmap.wording import Wording

_ORDERS = {"day first": "day_first", "month first": "month_first"}


def known_layouts(settings: Settings) -> tuple[Mapping, ...]:
    """The layouts of the installation: the operator's own from the folder ``layouts``, then the shipped ones."""
    return publisher_layouts.with_those_of(settings.layouts)


def told(*, mapping: Path | None, layout: str | None, layouts: Sequence[Mapping]) -> Mapping | None:
    """What the options ``--layout`` and ``--mapping`` say together; the mapping goes before the layout.

    Raises
    ------
    InvalidMapping
        If there is no such layout, or a file cannot be used.
    """
    by_layout = publisher_layouts.chosen(layout, layouts) if layout else None
    return Mapping.read(mapping).over(by_layout) if mapping else by_layout


def report(
    paths: Sequence[Path],
    context: Context,
    *,
    mapping: Mapping | None,
    layouts: Sequence[Mapping],
    zone: str | None,
    territory_name: str,
) -> Report:
    """What would be made of each file in the named territory, or with ``auto`` in the one its points choose.

    Raises
    ------
    UnknownTerritoryName
        If there is no such territory.
    geodata.errors.GeodataError
        If a file is no table, or the mapping or the zone cannot be used.
    """
    if zone:
        check_zone(zone, where="--timezone")
    today = context.now.astimezone(ZoneInfo(zone or kazakhstan.ZONE)).date()
    shelf = _Shelf(assembly.territory_shelf(context.settings))
    is_auto = territory_name == territories.AUTO
    named = None if is_auto else shelf.load(territory_name)

    def territory_of(source: Source) -> Territory | None:
        return territories.choose(shelf, *source.points()) if is_auto else named

    found = [
        explain(path, mapping, layouts=layouts, zone=zone, territory_of=territory_of, latest_day=today)
        for path in paths
    ]
    lines = [line for one in found for line in _lines(one, context.words)]
    return Report(
        data={"files": [asdict(one) for one in found]},
        lines=[*lines, context.words.text("cli.explain.nothing_stored")],
    )


class _Shelf:
    """The territories at hand, and the built-in one also before the first command has put it there."""

    def __init__(self, shelf: TerritoryShelf) -> None:
        self._shelf = shelf

    def names(self) -> list[str]:
        return sorted({kazakhstan.NAME, *self._shelf.names()})

    def load(self, name: str) -> Territory:
        is_new = name == kazakhstan.NAME and name not in self._shelf.names()
        return kazakhstan.territory() if is_new else self._shelf.load(name)


def _lines(found: Explanation, words: Wording) -> list[str]:
    lines = [
        words.text("cli.explain.file", file=found.file_name),
        words.text(f"cli.explain.kind.{found.kind}"),
        *([words.text("cli.explain.part", part=_short(found.part))] if found.part else []),
        *([words.text("cli.explain.other_parts", parts=shown(found.other_parts))] if found.other_parts else []),
        *([words.text("cli.explain.encoding", encoding=found.encoding)] if found.encoding else []),
    ]
    if found.separator:
        is_tab = found.separator == "\t"
        shown_as = words.text("cli.explain.separator.tab") if is_tab else found.separator
        lines.append(words.text("cli.explain.separator", separator=shown_as))
    if found.problem is not None:
        draft = [words.text("cli.explain.draft"), "", *found.draft.splitlines(), ""]
        return [*lines, words.text("cli.explain.problem", detail=found.problem), *draft]
    return [*lines, *_layout_lines(found, words), *_reading_lines(found, words), *_row_lines(found, words)]


def _layout_lines(found: Explanation, words: Wording) -> list[str]:
    if found.layout is None:
        known = [words.text("cli.explain.no_layout")]
    else:
        named = f"{found.layout} – {found.title}" if found.title else found.layout
        known = [words.text("cli.explain.layout", layout=named)]
        if found.known_by:
            known.append("  " + words.text("cli.explain.known_by", columns=shown(found.known_by)))
        else:
            known.append("  " + words.text("cli.explain.chosen"))
    return [
        *known,
        words.text("cli.explain.columns"),
        *(f"  {canonical} = {_short(column)}" for canonical, column in found.columns.items()),
        *([words.text("cli.explain.dropped", columns=shown(found.dropped))] if found.dropped else []),
        *([words.text("cli.explain.unused", columns=shown(found.unused))] if found.unused else []),
    ]


def _reading_lines(found: Explanation, words: Wording) -> list[str]:
    order = _ORDERS.get(found.date_format or "")
    if found.date_format is None:
        dates = words.text("cli.explain.dates.plain")
    elif order:
        dates = words.text(f"cli.explain.dates.{order}")
    else:
        dates = words.text("cli.explain.dates.pattern", pattern=_short(found.date_format))
    if found.zone_from == "command":
        zone = words.text("cli.explain.zone.command", zone=found.zone or "")
    elif found.zone_from == "layout":
        zone = words.text("cli.explain.zone.layout", zone=found.zone or "")
    elif found.territory:
        zone = words.text("cli.explain.zone.of_territory", zone=found.zone or "")
    else:
        zone = words.text("cli.explain.zone.territory")
    if not found.has_place:
        place = words.text("cli.explain.place.none")
    elif found.coordinate_system:
        place = words.text("cli.explain.place.system", system=_short(found.coordinate_system))
    else:
        place = words.text("cli.explain.place.degrees")
    shown_dates = [] if "year" in found.columns else [dates]
    return [
        *([words.text("cli.explain.territory", territory=found.territory)] if found.territory else []),
        *([] if found.territory or not found.has_place else [words.text("cli.explain.territory.none")]),
        *shown_dates,
        words.text(f"cli.explain.precision.{found.at_best}"),
        zone,
        place,
        *(
            [words.text("cli.explain.offence_group", group=words.text(f"group.{found.offence_group}"))]
            if found.offence_group
            else []
        ),
    ]


def _row_lines(found: Explanation, words: Wording) -> list[str]:
    return [
        words.text("cli.explain.looked_at" if found.has_more_rows else "cli.explain.all_rows", n=found.rows_looked_at),
        words.text("cli.deliver.accepted", n=found.rows_looked_at - sum(found.faults.values())),
        "  " + words.text("cli.deliver.without_place", n=found.without_place),
        words.text("cli.deliver.quarantined", n=sum(found.faults.values())),
        *_counted(found.faults, words),
        *(
            "  "
            + words.text("cli.explain.fault_row", line=line, fault=words.text(f"fault.{fault}"), found=_short(what))
            for line, fault, what in found.first_faults
        ),
        *(
            words.text("cli.deliver.unknown_category", category=category, n=count)
            for category, count in sorted(found.unknown_categories.items())
        ),
        *(_draft_lines(found, words) if found.layout is None else []),
    ]


def _counted(faults: Dictionary[str, int], words: Wording) -> list[str]:
    return [
        "  " + words.text("cli.deliver.fault", fault=words.text(f"fault.{fault}"), n=count)
        for fault, count in faults.items()
    ]


def _draft_lines(found: Explanation, words: Wording) -> list[str]:
    return [words.text("cli.explain.draft"), "", *found.draft.splitlines(), ""]


def _short(text: str | None) -> str:
    return printable(text or "", most=100)
