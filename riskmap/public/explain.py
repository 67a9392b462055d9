"""What may be said about a cell or an area of a release, in words. Screens and API show what is made here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from geodata import hexgrid
from riskmap.public import reasons_text
from riskmap.release import Area, PublishedCell, Release
from riskmap.wording import Wording

EARTH_RADIUS_KM = 6371.0
DIRECTIONS = ("north", "north_east", "east", "south_east", "south", "south_west", "west", "north_west")

CLASS_KEYS = {
    1: "class.1",
    2: "class.2",
    3: "class.3",
    4: "class.4",
    5: "class.5",
    6: "grey.too_little",
    7: "grey.protected",
    8: "grey.not_covered",
}
"""Wording key of each class code of a release; 8 is a place no release lists."""

NOT_COVERED = 8
CENTRE_KM = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CellAnswer:
    """The answer to a tap: ``heading`` is the class in short, then sentences in reading order."""

    heading: str
    sentences: tuple[str, ...]
    class_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaAnswer:
    """Numbers and change, told only for an area: ``kinds`` pairs an offence group's name with its count.

    ``why`` holds the reasons of its forecast, and last that they are associations.
    """

    heading: str
    sentences: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    caveats: tuple[str, ...]
    kinds_heading: str = ""
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """One line of the list below the map."""

    cell_id: str
    place: str
    class_code: int
    class_name: str
    area: str


def cell_answer(release: Release, cell: PublishedCell | None, group: str, words: Wording) -> CellAnswer:
    """What the class of a cell means, how sure it is and which period it speaks of."""
    code = int(cell.classes[group]) if cell else NOT_COVERED
    key = CLASS_KEYS[code]
    parent = area_name(cell.area if cell else release.whole, words)
    long = words.text(f"{key}.long", parent=parent) if code in (6, 7) else words.text(f"{key}.long")
    sentences = [long]
    if code <= 5:
        sure = {1: "clear", 2: "maybe", 3: "none", 4: "maybe", 5: "clear"}[code]
        sentences.append(words.text(f"panel.sure.{sure}", **_percents(release)))
    if code <= 5 and not release.has_rates:
        sentences.append(words.text("legend.counts_only"))
    if code != NOT_COVERED:
        sentences.append(words.text("panel.period", period=words.period(*release.period_of(group))))
    return CellAnswer(heading=words.text(key), sentences=tuple(sentences), class_code=code)


def area_answer(release: Release, area: Area, words: Wording) -> AreaAnswer:
    """Count, likely range, comparison and change of an area, and what is not in the number."""
    name = area_name(area, words)
    if release.manifest["official"]:
        return _official_answer(release, area, words)
    if release.period is None:
        return AreaAnswer(heading=name, sentences=(), kinds=(), caveats=())
    first, last = words.first_and_last_day(*release.period)
    group = words.text("group.all")
    if area.total is None:
        sentences = [words.text("panel.area.hidden")]
    elif area.rate_low is not None and area.rate_high is not None:
        low, high = words.number(area.rate_low), words.number(area.rate_high)
        total = words.number(area.total)
        sentences = [
            words.text("sum.rate", area=name, group=group, **{"from": first, "to": last}, n=total, lo=low, hi=high)
        ]
    else:
        total = words.number(area.total)
        sentences = [words.text("panel.area.total", area=name, n=total, **{"from": first, "to": last})]
    if area.comparison:
        sentences.append(words.text(f"cmp_whole.{area.comparison}"))
    if area.change:
        sentences.append(words.text(f"chg.{area.change}"))
    kinds = sorted((area.by_group or {}).items(), key=lambda item: (-item[1], item[0]))
    return AreaAnswer(
        heading=name,
        sentences=tuple(sentences),
        kinds=tuple((words.text(f"group.{code}"), words.number(count)) for code, count in kinds),
        caveats=(words.text("not_in.number"), words.text("not_in.low")),
        why=reasons_text.of_area([reasons_text.Codes(**one) for one in area.reasons], words)
        if area.reasons is not None
        else (),
        kinds_heading=words.text("panel.kinds.year", year=area.by_group_year)
        if area.by_group_year
        else words.text("panel.kinds"),
    )


def area_name(area: Area, words: Wording) -> str:
    """Name of an area in the language of ``words``."""
    return area.names[words.language]


def list_rows(release: Release, group: str, class_codes: set[int], words: Wording) -> NDArray[np.int64]:
    """Positions of the cells of some classes, area by area and outward from the centre, for the list below the map."""
    shown = np.flatnonzero(np.isin(release.classes[group], sorted(class_codes)))
    distance, _ = _from_centre(release, shown)
    return shown[np.lexsort((distance, release.cell_area[shown]))]


def list_row(release: Release, position: int, group: str, words: Wording) -> ListRow:
    """One line of the list: where the cell lies, its class and its area."""
    cell = release.cell_at(position)
    distance, direction = _from_centre(release, np.array([position]))
    place = _place(float(distance[0]), int(direction[0]), words)
    code = int(cell.classes[group])
    return ListRow(
        cell_id=cell.cell_id,
        place=place,
        class_code=code,
        class_name=words.text(CLASS_KEYS[code]),
        area=area_name(cell.area, words),
    )


def where(release: Release, cell_ids: Sequence[str], words: Wording) -> str:
    """How far from the centre of the territory the middle of some cells lies, and which way."""
    cells = np.array([hexgrid.parse_cell(cell) for cell in cell_ids], dtype=np.uint64)
    lat, lng = (float(np.mean(degrees)) for degrees in hexgrid.centres(cells))
    distance, direction = _from_middle(release, np.array([lat]), np.array([lng]))
    return _place(float(distance[0]), int(direction[0]), words)


def legend_notes(release: Release, group: str, words: Wording) -> tuple[str, ...]:
    """The sentences the legend of a group's map carries: period, counts only, similar places, what it rests on."""
    first, last = words.first_and_last_day(*release.period_of(group))
    notes = [words.text("legend.period", **{"from": first, "to": last})]
    if not release.has_rates:
        notes.append(words.text("legend.counts_only"))
    notes.append(words.text("legend.similar" if release.has_rates else "legend.similar.covered"))
    if min(release.manifest["public_resolutions"]) < release.manifest["working_resolution"]:
        notes.append(words.text("legend.coarse"))
    level = release.manifest["served"][group]["level"]
    if level != "smoothed":
        notes.append(words.text("legend.long_run" if level == "long_run" else "legend.no_test"))
    notes.append(words.text("legend.note"))
    return tuple(notes)


def _official_answer(release: Release, area: Area, words: Wording) -> AreaAnswer:
    official, name = release.manifest["official"], area_name(area, words)
    is_whole = area.kind == "territory"
    sentences = [words.text("country.intro", year=official["year"])] if is_whole else []
    if area.official_count is not None and area.official_rate is not None:
        key = "country.national" if is_whole else "country.region"
        count, rate = words.number(area.official_count), words.number(area.official_rate, digits=1)
        sentences.append(words.text(key, region=name, n=count, year=official["year"], rate=rate))
    elif not is_whole:
        sentences.append(words.text("country.no_total", region=name))
    caveats = (official_source(release, words), words.text("not_in.low"))
    return AreaAnswer(heading=name, sentences=tuple(sentences), kinds=(), caveats=caveats)


def official_source(release: Release, words: Wording) -> str:
    """Who published the official totals, and when."""
    official = release.manifest["official"]
    dated = date.fromisoformat(official["dated"])
    return words.text("country.source", source=official["source"][words.language], date=dated)


def _percents(release: Release) -> dict[str, int]:
    rule = release.manifest["class_rule"]
    return {name: round(100 * rule[name]) for name in ("sure", "likely", "margin")}


def _place(distance_km: float, direction: int, words: Wording) -> str:
    if distance_km < CENTRE_KM:
        return words.text("list.centre")
    return words.text(
        "list.place",
        distance=words.number(distance_km, digits=1),
        direction=words.text(f"list.direction.{DIRECTIONS[direction]}"),
    )


def _from_centre(release: Release, positions: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Kilometres and compass direction (0 north, clockwise to 7) of cells from the territory's centre."""
    return _from_middle(release, *hexgrid.centres(release.cells[positions]))


def _from_middle(
    release: Release, lat_degrees: NDArray[np.float64], lng_degrees: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    lat0, lng0 = np.radians(release.manifest["centre"])
    lat, lng = np.radians(lat_degrees), np.radians(lng_degrees)
    east, north = (lng - lng0) * np.cos(lat0), lat - lat0
    eighth = np.round(np.degrees(np.arctan2(east, north)) / 45).astype(np.int64) % 8
    return EARTH_RADIUS_KM * np.hypot(east, north), eighth
