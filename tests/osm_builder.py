"""Small OpenStreetMap extracts to test with: simulated, in a place of the open ocean, and marked so in their header."""

from pathlib import Path

import osmium
from osmium.osm import Box, Location, mutable

from tests.made_up_town import LAT, LNG

BOX = (LNG - 0.05, LAT - 0.05, LNG + 0.05, LAT + 0.05)
"""West, south, east, north: the whole town and a margin."""


def write_extract(path: Path, *things: object, box: tuple[float, float, float, float] | None = BOX) -> Path:
    """An extract of nodes, ways and relations as given; nodes have to come first."""
    header = osmium.io.Header()
    header.set("generator", "simulated by the tests of riskmap")
    if box is not None:
        header.add_box(Box(Location(box[0], box[1]), Location(box[2], box[3])))
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        for thing in things:
            writer.add(thing)
    return path


def a_node(number: int, lat: float, lng: float, **tags: str) -> mutable.Node:
    return mutable.Node(id=number, location=(lng, lat), tags=tags)


def a_way(number: int, *nodes: int, **tags: str) -> mutable.Way:
    return mutable.Way(id=number, nodes=list(nodes), tags=tags)


def an_area_of_ways(number: int, *ways: int, **tags: str) -> mutable.Relation:
    members = [("w", way, "outer") for way in ways]
    return mutable.Relation(id=number, members=members, tags={"type": "multipolygon", **tags})
