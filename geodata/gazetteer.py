"""What places are called: streets, quarters, settlements, in every spelling delivered, and where each lies.

Names come from the territory's basemap, from an OpenStreetMap extract, and for Kazakhstan from the state classifier
КАТО (``tables/kz_places.csv``; former names in ``tables/kz_former_names.csv``). They are names of places alone: an
extract's names of people's homes, offices and shops are not read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from geodata import hexgrid
from geodata.columns import Column, Table
from geodata.territory import WORKING_RESOLUTION

GAZETTEER = Table(
    name="gazetteer",
    meaning="Names of places: one row a place or street, once for all parts of the same names.",
    columns=(
        Column(name="kind", dtype=pl.String(), meaning="street, place, district, city, town or village"),
        Column(name="name_kk", dtype=pl.String(), meaning="name in Kazakh"),
        Column(name="name_ru", dtype=pl.String(), meaning="name in Russian"),
        Column(name="name_en", dtype=pl.String(), meaning="name in English; the Kazakh one where none is known"),
        Column(name="other_names", dtype=pl.List(pl.String()), meaning="former, short and local names"),
        Column(name="within", dtype=pl.String(), meaning="code of its region, where its cells are unknown",
               is_nullable=True),
        Column(name="cells", dtype=pl.List(pl.UInt64()), meaning="H3 cells it passes through; none where only its "
               "region is known"),
    ),
)  # fmt: skip

STEP_DEG = 0.0008
"""A line is followed in steps of at most so much, less than 90 m: a third of a cell at the working resolution."""
OTHER_KEYS = ("name", "alt_name", "short_name", "loc_name", "old_name", "official_name")
LONGEST_NAME = 100
_LANGUAGES = ("kk", "ru", "en")
_TITLES = tuple(f"name_{code}" for code in _LANGUAGES)
_SEPARATOR = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A named object of a map: its names by OpenStreetMap's keys, and its shape (longitude first, degrees)."""

    kind: str
    names: Mapping[str, str]
    shape: shapely.Geometry


def is_name(key: str) -> bool:
    """Whether a key of OpenStreetMap holds a name that is read.

    Examples
    --------
    >>> is_name("name:kk"), is_name("old_name:ru"), is_name("name:de"), is_name("addr:housename")
    (True, True, False, False)
    """
    base, _, language = key.partition(":")
    return base in OTHER_KEYS and language in ("", *_LANGUAGES)


def of_named(named: Sequence[Named], *, inside: hexgrid.Cells) -> pl.DataFrame:
    """Rows of `GAZETTEER` of named objects, as far as they pass through the cells given (working resolution)."""
    if not named:
        return GAZETTEER.empty()
    owner, cells = _cells_along(np.array([one.shape for one in named], dtype=object))
    is_inside = np.isin(cells, inside)
    passed = pl.DataFrame({"owner": owner[is_inside], "cell": cells[is_inside]}).unique()
    rows = pl.DataFrame(
        [{"owner": i, "kind": one.kind, **_titles(one.names)} for i, one in enumerate(named)],
        schema={"owner": pl.Int64, **{name: GAZETTEER.schema[name] for name in ("kind", *_TITLES, "other_names")}},
    )
    joined = rows.filter(pl.col("name_kk") != "").join(passed, on="owner")
    return GAZETTEER.checked(
        joined.group_by("kind", *_TITLES)
        .agg(
            pl.col("other_names").list.explode().drop_nulls().unique().sort(),
            pl.lit(None, pl.String).alias("within"),
            pl.col("cell").unique().sort().alias("cells"),
        )
        .sort("kind", *_TITLES)
    )


def of_basemap(basemap: Mapping[str, Any], *, inside: hexgrid.Cells) -> pl.DataFrame:
    """Rows of `GAZETTEER` of the features of a territory's basemap that have names (``name_kk``, ``_ru``, ``_en``)."""
    found = []
    for feature in basemap.get("features", []):
        told = feature["properties"]
        names = {f"name:{code}": told[f"name_{code}"] for code in _LANGUAGES if told.get(f"name_{code}")}
        if names:
            shape = shapely.geometry.shape(feature["geometry"])
            kind = "street" if shape.geom_type.endswith("LineString") else "place"
            found.append(Named(kind=kind, names=names, shape=shape))
    return of_named(found, inside=inside)


def of_kazakhstan() -> pl.DataFrame:
    """Rows of `GAZETTEER` of the districts, cities, towns and villages of КАТО, and former names of cities.

    Places of the same names in a region are one row, because what is published of them is the region; no cells.
    """
    places, former = _table("kz_places.csv"), _table("kz_former_names.csv")
    others = former.group_by("code").agg(pl.col("name").sort().alias("other_names"))
    return joined(
        [
            places.join(others, on="code", how="left")
            .sort("code")
            .select(
                "kind",
                "name_kk",
                "name_ru",
                pl.col("name_kk").alias("name_en"),
                pl.col("other_names").fill_null([]),
                (pl.col("code").str.slice(0, 2) + "0000000").alias("within"),
                pl.lit([], dtype=pl.List(pl.UInt64)).alias("cells"),
            )
        ]
    )


def joined(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Several gazetteers as one: of places of the same kind, names and region the cells and other names together."""
    together = pl.concat([GAZETTEER.empty(), *frames])
    return GAZETTEER.checked(
        together.group_by("kind", *_TITLES, "within", maintain_order=True).agg(
            pl.col("other_names").list.explode().drop_nulls().unique().sort(),
            pl.col("cells").list.explode().drop_nulls().unique().sort(),
        )
    )


def _titles(names: Mapping[str, str]) -> dict[str, Any]:
    """The name in each language and all others; a name of several parts parted by semicolons is several names."""
    parts = {key: [p for p in (_cleaned(one) for one in text.split(_SEPARATOR)) if p] for key, text in names.items()}
    first = {key: found[0] for key, found in parts.items() if found}
    plain = first.get("name", "")
    kazakh = first.get("name:kk") or plain or first.get("name:ru") or first.get("name:en", "")
    titles = {
        "name_kk": kazakh,
        "name_ru": first.get("name:ru") or plain or kazakh,
        "name_en": first.get("name:en") or kazakh,
    }
    others = {one for found in parts.values() for one in found} - set(titles.values())
    return {**titles, "other_names": sorted(others)}


def _cleaned(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_NAME]


def _cells_along(shapes: NDArray[np.object_]) -> tuple[NDArray[np.int64], hexgrid.Cells]:
    """For each cell touched: position of the shape, and the cell; areas count by their outline and their middle."""
    followed = shapely.segmentize(shapes, STEP_DEG)
    at, owner = shapely.get_coordinates(followed, return_index=True)
    middles = shapely.get_coordinates(shapely.point_on_surface(shapes))
    at = np.concatenate([at, middles])
    owner = np.concatenate([owner, np.arange(len(shapes))])
    return owner, hexgrid.assign_cells(at[:, 1], at[:, 0], resolution=WORKING_RESOLUTION)


def _table(name: str) -> pl.DataFrame:
    # Every column is read as text: a code is never a number.
    text = (files("geodata") / "tables" / name).read_text(encoding="utf-8")
    return pl.read_csv(text.encode(), infer_schema=False)
