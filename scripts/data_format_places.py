"""What docs/data_format.md says of population grids, extracts and public objects, from the code that reads them."""

from geodata import exposure, osm_extract, population_grid, public_objects, recognised

INTRODUCTION = f"""\
### Files for `exposure load`, `surroundings load` and `objects load`

A population grid is a GeoPackage (packed with gzip too), CSV, Parquet or GeoJSON: hexagons of one H3 resolution, or
points in degrees. Every row needs a number of people from 0 to {population_grid.MOST_IN_CELL:,}; with one that has
none the file is refused. People of a coarser cell go to its cells by addresses where these are known, else evenly;
whole people sum exactly to the region's total. A region whose total is more than {exposure.MOST_SCALE:g} times the
grid's people, or less than that part of them, is left as it was, unless the grid is said to hold shares (`--relative`).

Public objects and addresses come as any file that incidents may come in. Accidents need a day and casualties (or
injured and killed). No other column is read.
"""
FEATURES = """\
An OpenStreetMap extract (`.osm.pbf`) gives, for each covered cell inside its box or `--coverage`, the number of places
and the distance to the nearest, and metres of road. A distance is told only where nothing nearer could lie beyond the
edge; a feature the extract never names has no values at all.
"""
FAULTS = "A row of public objects is set aside with the first fault that applies; only its line number is kept.\n"


def names() -> list[tuple[str, str]]:
    """Recognised columns, best name first."""
    known = {**population_grid.NAMES, "lat": recognised.LAT, "lng": recognised.LNG, **public_objects.NAMES}
    return [(f"`{name}`", ", ".join(names)) for name, names in known.items()]


def features() -> list[tuple[str, str]]:
    """Features of an extract and the tags that make one."""
    places = [(feature, "; ".join(map(_tag, tags.items()))) for feature, tags in osm_extract.PLACE_TAGS.items()]
    roads = [(name, _tag(("highway", values))) for name, values in osm_extract.ROAD_CLASSES.items()]
    return [(f"`{name}`", tags) for name, tags in (*places, *roads)]


def faults() -> list[tuple[str, str]]:
    """Faults of public objects and what each means."""
    return [(f"`{fault}`", meaning) for fault, meaning in public_objects.MEANINGS.items()]


def _tag(tag: tuple[str, frozenset[str] | None]) -> str:
    key, values = tag
    return f"{key}: {', '.join(sorted(values)) if values else 'any'}"
