"""Finds published places by name, however it is written: Kazakh, Russian, English, Cyrillic or Latin, with a slip.

Names come from releases alone: of their areas, and of the streets, quarters and settlements of ``gazetteer.csv``.
Spellings are compared by a skeleton of Latin letters in which letters that people exchange are one: қ, q and к; ұ, ү,
у and u; ы, і, и, й and y. Words that say what a place is (street, district) count for nothing beside its name.
"""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import shapely
from rapidfuzz import fuzz, process

from geodata import hexgrid
from riskmap.public import area_facts, open_data
from riskmap.release import Release

LONGEST_QUERY = 100
"""Characters that are read of what somebody typed."""
MOST_RESULTS = 10
LIKENESS = 78.0
"""Likeness (percent of letters in common) from which a misspelt name is offered."""
SHORTEST_SLIP = 4
"""Letters below which only the beginning of a word is looked for: in three letters a slip is another name."""
KINDS = ("street", "place", "district", "city", "town", "village")
"""Kinds of a gazetteer's rows."""
MOST_LAT, MOST_LNG = 90.0, 180.0
HALF_STEP = 0.005
"""Degrees a point may lie from its rounding."""
SKELETON = str.maketrans(
    {
        **dict(zip("абвгдезиклмнопрстуфхы", "abvgdeziklmnoprstufhi", strict=True)),
        **dict(zip("әғқңөұүһіёэйyıqwx", "agknouuhieeiiikvh", strict=True)),
        **{"ж": "zh", "j": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ş": "sh"},
        **{"ю": "iu", "я": "ia", "ъ": "", "ь": ""},
    }
)
_KINDS_OF_PLACE = (
    "көшесі даңғылы тұйығы бульвары алаңы тас жолы ауданы аудан облысы қаласы ауылы кенті ықшам ықшамаудан мөлтек "
    "улица ул проспект пр пр-т переулок бульвар площадь шоссе тракт проезд район р-н область город г посёлок поселок "
    "село микрорайон мкр имени им атындағы көш даң "
    "street avenue lane boulevard square road district region city town village"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place whose name is like what was asked.

    ``names`` is by language and ``also`` the other name that was met, None where it is one of these. ``place_ids`` are
    the published places it lies in, by code; ``cell`` one of its cells, None where none is known.
    """

    release: Release
    names: dict[str, str]
    kind: str
    also: str | None
    place_ids: tuple[str, ...]
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    names: dict[str, str]
    others: tuple[str, ...]
    kind: str
    place_id: str | None
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Index:
    """Every spelling of every name of a release: ``owner`` is the position of its entry, ``spelling`` the name."""

    entries: list[_Entry]
    owner: list[int] = field(default_factory=list)
    spelling: list[str] = field(default_factory=list)
    skeletons: list[str] = field(default_factory=list)


def skeleton(text: str) -> str:
    """A name reduced to the letters in which its spellings agree, words parted by one space.

    Examples
    --------
    >>> skeleton("Қызылорда"), skeleton("Qyzylorda"), skeleton("Кызылорда")
    ('kizilorda', 'kizilorda', 'kizilorda')
    """
    letters = unicodedata.normalize("NFC", text.casefold()).translate(SKELETON).replace("kh", "h")
    plain = unicodedata.normalize("NFD", letters)
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(kept.split())


def find(releases: Sequence[Release], asked: str) -> list[Found]:
    """Places named like ``asked``, likest first; at most `MOST_RESULTS`.

    Of equally like ones those come first whose name is shorter, then by territory and the order of the release.
    """
    wanted = _without_kinds(skeleton(asked[:LONGEST_QUERY]))
    if not wanted:
        return []
    scored = [
        (-likeness, len(index.skeletons[at]), order, index.owner[at], release, index.spelling[at])
        for order, release in enumerate(releases)
        for index in [_index(open_data.Key(release))]
        for likeness, at in _like(wanted, index.skeletons)
    ]
    found: dict[tuple[str, int], Found] = {}
    for _, _, _, owner, release, spelling in sorted(scored, key=lambda row: row[:4]):
        if len(found) < MOST_RESULTS:
            found.setdefault((release.territory, owner), _found(release, owner, spelling))
    return list(found.values())


def rounded(lat: float, lng: float) -> tuple[float, float] | None:
    """A point to a hundredth of a degree, about a kilometre: coarser than a cell. None for what is no point.

    Examples
    --------
    >>> rounded(43.23871, 76.94521), rounded(float("nan"), 0.0), rounded(91.0, 0.0)
    ((43.24, 76.95), None, None)
    """
    if not (abs(lat) <= MOST_LAT and abs(lng) <= MOST_LNG):
        return None
    return round(lat, 2), round(lng, 2)


def near(releases: Sequence[Release], lat: float, lng: float) -> list[Found]:
    """The published places that a rounded point may lie in, of each release that covers it; cities before the country.

    All places within the rounding are named, because nobody knows which of them it was.
    """
    found = []
    for release in sorted(releases, key=lambda one: (not one.cells.size, one.territory)):
        ids = _within_rounding(release, lat, lng)
        if ids:
            found.append(
                Found(release=release, names=dict(release.names), kind="territory", also=None, place_ids=tuple(ids))
            )
    return found


def _within_rounding(release: Release, lat: float, lng: float) -> list[str]:
    points = [(lat + north * HALF_STEP, lng + east * HALF_STEP) for north in (-1, 0, 1) for east in (-1, 0, 1)]
    book = area_facts.book(release)
    if not release.cells.size:
        shapes, ids = _outlines(open_data.Key(release))
        return sorted({ids[at] for y, x in points for at in shapes.query(shapely.Point(x, y), predicate="within")})
    ids_of_cells = set()
    for y, x in points:
        cell = hexgrid.cell_at(y, x, resolution=max(release.manifest["public_resolutions"]))
        published = release.find(cell)
        if published is not None:
            place = book.holding(cell)
            ids_of_cells.add(place.place_id if place else published.area.area_id)
    return sorted(ids_of_cells)


@lru_cache(maxsize=4)
def _outlines(key: open_data.Key) -> tuple[shapely.STRtree, list[str]]:
    """Outlines of the regions of a release, and their ids in the same order."""
    features = json.loads((key.release.folder / "areas.geojson").read_bytes())["features"]
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    return shapely.STRtree(shapes), [feature["properties"]["area_id"] for feature in features]


def _like(wanted: str, skeletons: Sequence[str]) -> Iterable[tuple[float, int]]:
    """Likeness and position of the skeletons that are like what is wanted."""
    if len(wanted) >= SHORTEST_SLIP:
        for _, likeness, at in process.extract(
            wanted, skeletons, scorer=fuzz.ratio, score_cutoff=LIKENESS, limit=5 * MOST_RESULTS
        ):
            yield likeness, at
    for at, name in enumerate(skeletons):
        if name.startswith(wanted) or f" {wanted}" in name:
            yield 99.0 if name != wanted else 100.0, at


def _found(release: Release, owner: int, spelling: str) -> Found:
    entry = _index(open_data.Key(release)).entries[owner]
    return Found(
        release=release,
        names=entry.names,
        kind=entry.kind,
        also=None if spelling in entry.names.values() else spelling,
        place_ids=_places_of(release, entry),
        cell=entry.cells[0] if entry.cells else None,
    )


def _places_of(release: Release, entry: _Entry) -> tuple[str, ...]:
    if entry.place_id is not None:
        return (entry.place_id,)
    book = area_facts.book(release)
    held = (book.holding(cell) for cell in entry.cells)
    ids = {place.place_id for place in held if place is not None}
    if not ids:
        ids = {found.area.area_id for cell in entry.cells if (found := release.find(cell))}
    return tuple(sorted(ids)) or (release.territory,)


@lru_cache(maxsize=16)
def _index(key: open_data.Key) -> _Index:
    release = key.release
    entries = [_Entry(dict(area.names), (), area.kind, area.area_id) for area in release.areas]
    entries += [
        _Entry(
            {language: row[f"name_{language}"] for language in ("kk", "ru", "en")},
            tuple(one for one in row["other_names"].split(";") if one),
            row["kind"],
            row["place_id"] or None,
            tuple(one for one in row["cells"].split(";") if one),
        )
        for row in open_data.gazetteer_table(release).fill_null("").iter_rows(named=True)
    ]
    index = _Index(entries)
    for owner, entry in enumerate(entries):
        for spelling in dict.fromkeys((*entry.names.values(), *entry.others)):
            index.owner.append(owner)
            index.spelling.append(spelling)
            index.skeletons.append(_without_kinds(skeleton(spelling)))
    return index


def _without_kinds(words: str) -> str:
    """The words that name a place; all of them where none would be left."""
    kept = " ".join(word for word in words.split() if word not in _KINDS)
    return kept or words


_KINDS = frozenset(skeleton(_KINDS_OF_PLACE).split())
