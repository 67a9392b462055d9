"""Places and roads of an OpenStreetMap extract (``.osm.pbf``), read as a stream by osmium.

Only what carries one of our tags becomes a value here; of everything else the locations of nodes alone are kept, in
osmium's own store, because ways do not say where they are. OpenStreetMap says what somebody mapped: a feature that
the extract never names is unknown, not absent.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import shapely
from numpy.typing import NDArray

from geodata.column_names import printable
from geodata.errors import UnreadableFile
from geodata.gazetteer import Named, is_name

ATTRIBUTION = "© OpenStreetMap contributors"
LICENCE = "ODbL 1.0"

PLACE_TAGS: dict[str, dict[str, frozenset[str] | None]] = {
    "stop": {
        "highway": frozenset({"bus_stop"}),
        "public_transport": frozenset({"platform"}),
        "railway": frozenset({"tram_stop", "station", "halt"}),
        "amenity": frozenset({"bus_station"}),
    },
    "shop": {"shop": None},
    "bar": {
        "amenity": frozenset({"bar", "pub", "nightclub", "biergarten", "hookah_lounge", "casino", "gambling"}),
        "leisure": frozenset({"adult_gaming_centre"}),
    },
    "school": {"amenity": frozenset({"school"})},
    "street_light": {"highway": frozenset({"street_lamp"})},
    "police_post": {"amenity": frozenset({"police"})},
}
"""Feature → key → values that make an object one; None: any value but those of `NOT_THERE`."""

NOT_THERE = frozenset({"no", "vacant", "none"})

ROAD_CLASSES: dict[str, frozenset[str]] = {
    "road_main": frozenset({"motorway", "trunk", "primary", "motorway_link", "trunk_link", "primary_link"}),
    "road_secondary": frozenset({"secondary", "tertiary", "secondary_link", "tertiary_link"}),
    "road_local": frozenset({"residential", "unclassified", "living_street", "road"}),
    "road_service": frozenset({"service"}),
    "road_track": frozenset({"track"}),
    "road_foot": frozenset({"footway", "path", "pedestrian", "steps", "cycleway"}),
}
"""Class of road → values of ``highway``; roads under construction or planned belong to none."""

SETTLEMENTS: dict[str, str] = {
    **dict.fromkeys(("city",), "city"),
    **dict.fromkeys(("town",), "town"),
    **dict.fromkeys(("village", "hamlet"), "village"),
    **dict.fromkeys(("suburb", "quarter", "neighbourhood", "borough", "allotments"), "place"),
}
"""Value of ``place`` → kind of a gazetteer's row."""

_KEYS = tuple(sorted({key for tags in PLACE_TAGS.values() for key in tags} | {"highway", "place"}))
_AREA_KEYS = tuple(key for key in _KEYS if key != "highway")
_BY_TAG = {
    (key, value): feature
    for feature, tags in PLACE_TAGS.items()
    for key, values in tags.items()
    if values
    for value in values
}
_ANY_VALUE = {key: feature for feature, tags in PLACE_TAGS.items() for key, values in tags.items() if values is None}
_ROAD_OF = {value: name for name, values in ROAD_CLASSES.items() for value in values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What an extract holds of our features.

    ``places`` has latitude and longitude in degrees for each feature found, in the order of the file; an object mapped
    as an area stands at its middle. ``roads`` has the lines (longitude first) of each class found. ``box`` is the
    extract's own bounds, else that of what was found (``has_own_box`` is false). ``named`` are the streets and
    settlements with a name. ``unplaced`` counts objects of ours left out because the extract cuts off their nodes or
    their shape is broken.
    """

    places: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    roads: Mapping[str, NDArray[np.object_]]
    box: shapely.Polygon
    has_own_box: bool
    unplaced: int
    named: tuple[Named, ...] = ()


def read_extract(path: Path) -> Extract:
    """Read an extract; memory is that of its node locations (16 bytes each) and of what is found.

    Raises
    ------
    UnreadableFile
        If the file is no PBF, damaged or cut short, or holds none of our features.
    """
    if not path.is_file() or path.stat().st_size == 0:
        raise UnreadableFile(
            f"{path.name} is {'empty' if path.is_file() else 'not there'}; expected an OpenStreetMap extract "
            "(.osm.pbf). Copy or download it again."
        )
    found = _Found()
    with _as_unreadable(path):
        processor = (
            osmium.FileProcessor(osmium.io.File(str(path), "pbf"))
            .with_locations("flex_mem")
            .with_areas(osmium.filter.KeyFilter(*_AREA_KEYS))
            .with_filter(osmium.filter.KeyFilter(*_KEYS))
        )
        box = processor.header.box()
        for thing in processor:
            found.take(thing)
    points, areas, roads = found.points, found.shapes("areas"), found.shapes("roads")
    if not (points or areas or roads):
        raise UnreadableFile(
            f"{path.name} holds no stop, shop, bar, school, light, police post or road of OpenStreetMap; expected an "
            "extract with tags. Cut it with all its tags, or check the file."
        )
    middles = {feature: _middles(shapes) for feature, shapes in areas.items()}
    places = {}
    for feature in PLACE_TAGS:
        parts = [part for part in (points.get(feature), middles.get(feature)) if part is not None]
        if parts:
            at = np.concatenate(parts)
            places[feature] = (at[:, 0], at[:, 1])
    own_box = _polygon(box)
    return Extract(
        places=places,
        roads={name: roads[name] for name in ROAD_CLASSES if name in roads},
        box=own_box or _around(places, roads),
        has_own_box=own_box is not None,
        unplaced=found.unplaced,
        named=found.named(),
    )


class _Found:
    """Collects what a stream of objects holds of our features: numbers and outlines, no objects."""

    def __init__(self) -> None:
        self._lat: dict[str, list[float]] = {}
        self._lng: dict[str, list[float]] = {}
        self._wkb: dict[str, dict[str, list[str]]] = {"areas": {}, "roads": {}}
        self._named: list[tuple[str, dict[str, str], str]] = []
        self._factory = osmium.geom.WKBFactory()
        self.unplaced = 0

    @property
    def points(self) -> dict[str, NDArray[np.float64]]:
        """Latitude and longitude of each feature's nodes, shape (n, 2)."""
        return {feature: np.column_stack([self._lat[feature], self._lng[feature]]) for feature in self._lat}

    def shapes(self, kind: str) -> dict[str, NDArray[np.object_]]:
        """Shapes by feature or class of road; ``kind`` is ``areas`` or ``roads``."""
        return {name: np.asarray(shapely.from_wkb(texts)) for name, texts in self._wkb[kind].items()}

    def named(self) -> tuple[Named, ...]:
        """Streets and settlements with a name, in the order of the file."""
        shapes = shapely.from_wkb([text for _, _, text in self._named])
        return tuple(
            Named(kind=kind, names=names, shape=shape)
            for (kind, names, _), shape in zip(self._named, shapes, strict=True)
        )

    def take(self, thing: object) -> None:
        """Keep what an object says of our features, and its name; anything else is passed over."""
        if isinstance(thing, osmium.osm.Node):
            feature = _feature(thing.tags)
            if feature is not None:
                self._place(feature, thing.location)
            self._name(SETTLEMENTS.get(thing.tags.get("place") or ""), thing)
        elif isinstance(thing, osmium.osm.Way):
            feature, road = _feature(thing.tags), _ROAD_OF.get(thing.tags.get("highway") or "")
            if feature is not None:
                self._shape("areas", feature, thing)
            if road is not None and thing.tags.get("area") != "yes":
                self._shape("roads", road, thing)
            self._name("street" if road is not None else SETTLEMENTS.get(thing.tags.get("place") or ""), thing)
        elif isinstance(thing, osmium.osm.Area) and not thing.from_way():
            feature = _feature(thing.tags)
            if feature is not None:
                self._shape("areas", feature, thing)
            self._name(SETTLEMENTS.get(thing.tags.get("place") or ""), thing)

    def _place(self, feature: str, at: osmium.osm.Location) -> None:
        if not at.valid():
            self.unplaced += 1
            return
        self._lat.setdefault(feature, []).append(at.lat)
        self._lng.setdefault(feature, []).append(at.lon)

    def _shape(self, kind: str, name: str, thing: osmium.osm.Way | osmium.osm.Area) -> None:
        text = self._outline(thing)
        if text is None:
            self.unplaced += 1
        else:
            self._wkb[kind].setdefault(name, []).append(text)

    def _name(self, kind: str | None, thing: osmium.osm.Node | osmium.osm.Way | osmium.osm.Area) -> None:
        names = {tag.k: tag.v for tag in thing.tags if is_name(tag.k)} if kind else {}
        text = self._outline(thing) if names else None
        if kind and text is not None:
            self._named.append((kind, names, text))

    def _outline(self, thing: osmium.osm.Node | osmium.osm.Way | osmium.osm.Area) -> str | None:
        """Its shape as hexadecimal WKB; None for nodes beyond the edge of the extract, or a ring that is none."""
        try:
            if isinstance(thing, osmium.osm.Node):
                return self._factory.create_point(thing) if thing.location.valid() else None
            if isinstance(thing, osmium.osm.Way):
                return self._factory.create_linestring(thing)
            return self._factory.create_multipolygon(thing)
        except (osmium.InvalidLocationError, RuntimeError):
            return None


def _feature(tags: osmium.osm.TagList) -> str | None:
    for key in _KEYS:
        value = tags.get(key)
        if value is None:
            continue
        feature = _BY_TAG.get((key, value))
        if feature is None and key in _ANY_VALUE and value not in NOT_THERE:
            feature = _ANY_VALUE[key]
        if feature is not None:
            return feature
    return None


def _middles(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Latitude and longitude of the middle of each shape; of a closed line, of the area inside."""
    is_ring = np.asarray(shapely.is_closed(shapes)) & (np.asarray(shapely.get_num_coordinates(shapes)) >= 4)
    is_line = np.asarray(shapely.get_type_id(shapes)) == shapely.GeometryType.LINESTRING
    is_outline = is_ring & is_line
    full = shapes.copy()
    if is_outline.any():
        corners, index = shapely.get_coordinates(shapes[is_outline], return_index=True)
        full[is_outline] = shapely.polygons(shapely.linearrings(corners, indices=index))
    middle = shapely.centroid(full)
    return np.column_stack([shapely.get_y(middle), shapely.get_x(middle)])


def _polygon(box: osmium.osm.Box) -> shapely.Polygon | None:
    if not box.valid():
        return None
    west, south = box.bottom_left.lon, box.bottom_left.lat
    east, north = box.top_right.lon, box.top_right.lat
    return shapely.box(west, south, east, north) if west < east and south < north else None


def _around(
    places: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    roads: Mapping[str, NDArray[np.object_]],
) -> shapely.Polygon:
    corners = [
        *(np.array([lng.min(), lat.min(), lng.max(), lat.max()]) for lat, lng in places.values()),
        *(np.asarray(shapely.total_bounds(lines)) for lines in roads.values()),
    ]
    west, south = np.min([corner[:2] for corner in corners], axis=0)
    east, north = np.max([corner[2:] for corner in corners], axis=0)
    return shapely.box(west, south, east, north)


@contextmanager
def _as_unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError, OSError) as trouble:
        raise UnreadableFile(
            f"{path.name} is no complete OpenStreetMap extract ({printable(str(trouble), most=120)}); expected "
            ".osm.pbf. Copy or download it again."
        ) from None
