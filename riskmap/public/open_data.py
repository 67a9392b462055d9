"""A release as open data: tables with every count and class it tells, for spreadsheets, maps and programs.

What is here follows from the files of the release alone and is the same each time. Rows stand in the order of codes,
never of counts. The layout is a Data Package (https://datapackage.org), version 2.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import geopandas as gpd
import numpy as np
import polars as pl
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from geodata import hexgrid
from riskmap import wording
from riskmap.public import object_layer, open_data_columns
from riskmap.public.open_data_columns import Column
from riskmap.release import CLASS_NAMES, Area, Release
from riskmap.wording import Wording

LICENCE = {"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}
PACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
LIKELY_RANGE = (0.05, 0.95)
BYTE_ORDER_MARK = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")
"""What a spreadsheet would calculate instead of showing."""
ALL = "all"
CLASS_OF_COMPARISON = {
    "clear_lower": "clearly_lower",
    "maybe_lower": "maybe_lower",
    "none": "no_clear_difference",
    "maybe_higher": "maybe_higher",
    "clear_higher": "clearly_higher",
}
LEVELS = ("territory", "region", "area", "cell")
KINDS = ("quarter", "month", "year_group", "hours", "sensitive", "band")
DECIMALS = 6

Row = Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One file of the package: its name, media type and how it is made of a release."""

    name: str
    media_type: str
    make: Callable[[Release], bytes]
    columns: tuple[Column, ...] = ()


def datasets(release: Release) -> dict[str, Dataset]:
    """Files a release can be fetched as, by name; a release of official totals has no counts and no cells."""
    known = [Dataset(name="regions.csv", media_type=_CSV, make=regions_csv, columns=open_data_columns.REGIONS)]
    if release.cells.size:
        cell_columns = open_data_columns.of_cells(release.groups)
        known += [
            Dataset(name="counts.csv", media_type=_CSV, make=counts_csv, columns=open_data_columns.COUNTS),
            Dataset(name="places.csv", media_type=_CSV, make=places_csv, columns=open_data_columns.PLACES),
            Dataset(name="cells.csv", media_type=_CSV, make=cells_csv, columns=cell_columns),
            Dataset(name="cells.geojson", media_type="application/geo+json", make=cells_geojson, columns=cell_columns),
            Dataset(
                name="cells.parquet",
                media_type="application/vnd.apache.parquet",
                make=cells_parquet,
                columns=cell_columns,
            ),
        ]
    if object_layer.shown(release):
        known += [
            Dataset(name="objects.csv", media_type=_CSV, make=objects_csv, columns=open_data_columns.OBJECTS),
            Dataset(name="objects.geojson", media_type="application/geo+json", make=object_layer.as_published),
        ]
    known += [
        Dataset(name="dictionary.csv", media_type=_CSV, make=dictionary_csv, columns=open_data_columns.DICTIONARY),
        Dataset(name="README.md", media_type="text/markdown; charset=utf-8", make=readme),
        Dataset(name="datapackage.json", media_type="application/json", make=package),
        Dataset(name="SHA256SUMS", media_type="text/plain; charset=utf-8", make=checksums),
    ]
    return {one.name: one for one in known}


def content(release: Release, name: str) -> bytes:
    """Bytes of one file of `datasets`."""
    return _made(Key(release), name)


def citation(release: Release, place: str = "") -> str:
    """How a number is quoted: place, territory, period of the release and its id."""
    subject = f"{place}, {release.names['en']}" if place and place != release.names["en"] else release.names["en"]
    simulated = " (simulated)" if release.is_simulated else ""
    return f"riskmap: {subject}{simulated}, {release.as_of}, release {release.release_id}"


def likely_range(counts: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the range in which the level behind exact counts lies with 90 %; arrays of the shape of ``counts``.

    Examples
    --------
    >>> [float(end) for end in likely_range(40)]
    [30.6, 51.5]
    """
    exact = np.asarray(counts, dtype=np.float64)
    low, high = (np.round(stats.gamma.ppf(share, exact + 0.5), 1) for share in LIKELY_RANGE)
    return low, high


def counts_table(release: Release) -> pl.DataFrame:
    """`_counts_table`, made once for a release."""
    return _kept_counts(Key(release))


def _counts_table(release: Release) -> pl.DataFrame:
    """Every published count with its place, likely range and citation, by level, code, table and period.

    The likely range is that of the level behind an exact count: the gamma posterior of a Poisson mean with Jeffreys'
    prior, 5 to 95 %. It follows from the count alone.
    """
    counts, places = _csv(release, "counts.csv"), _csv(release, "places.csv")
    names = _named(release)
    compared = pl.DataFrame(
        [(place, _class_of(area)) for place, area in release.area_by_id.items()]
        + [(cell, CLASS_NAMES[code]) for cell, code in _classes_of_all(release)],
        schema={"place_id": pl.String, "class": pl.String},
        orient="row",
    )
    level = {name: position for position, name in enumerate(LEVELS)}
    kind = {name: position for position, name in enumerate(KINDS)}
    found = (
        counts.join(places.select("place_id", "level", "parent_id").unique("place_id"), on="place_id", how="left")
        .with_columns(pl.col("level").fill_null("cell"))
        .join(names, on="place_id", how="left")
        .join(compared, on="place_id", how="left")
        .with_columns(
            status=pl.when(pl.col("low").is_null())
            .then(pl.lit("not_shown"))
            .when(pl.col("low") == pl.col("high"))
            .then(pl.lit("exact"))
            .otherwise(pl.lit("band")),
        )
        .sort(
            pl.col("level").replace_strict(level, return_dtype=pl.Int8),
            "place_id",
            pl.col("kind").replace_strict(kind, return_dtype=pl.Int8),
            "period",
            "offence_group",
            "part_of_day",
        )
    )
    exact = found.filter(pl.col("status") == "exact").select("low").unique()
    low, high = likely_range(exact["low"].to_numpy())
    ranges = exact.with_columns(likely_low=pl.Series(low), likely_high=pl.Series(high), status=pl.lit("exact"))
    return (
        found.join(ranges, on=["low", "status"], how="left", maintain_order="left")
        .with_columns(
            release_id=pl.lit(release.release_id),
            citation=pl.concat_str(
                pl.lit("riskmap: "),
                pl.coalesce("name_en", "place_id"),
                pl.lit(", "),
                "period",
                pl.lit(f"{' (simulated)' if release.is_simulated else ''}, release "),
                pl.lit(release.release_id),
            ),
        )
        .select(column.name for column in open_data_columns.COUNTS)
    )


def places_table(release: Release) -> pl.DataFrame:
    """Places that counts speak of, with names where they have any, by level and code."""
    level = {name: position for position, name in enumerate(LEVELS)}
    places = _csv(release, "places.csv").join(_named(release), on="place_id", how="left")
    return places.sort(pl.col("level").replace_strict(level, return_dtype=pl.Int8), "place_id")


def residents_table(release: Release) -> pl.DataFrame:
    """Residents of areas; empty where the release does not tell them."""
    return _csv(release, "residents.csv")


def off_map_table(release: Release) -> pl.DataFrame:
    """Offences that no map holds, by year and region; empty where the release does not tell them."""
    return _csv(release, "off_map.csv")


def survey_table(release: Release) -> pl.DataFrame:
    """Survey answers by region and sex; empty where the release has none. A share of too few people is missing."""
    return _csv(release, "survey.csv")


def gazetteer_table(release: Release) -> pl.DataFrame:
    """Names of streets, quarters and settlements; empty where the release tells none."""
    return _csv(release, "gazetteer.csv")


def places_csv(release: Release) -> bytes:
    """`places_table` as CSV: where the areas of each year lie."""
    table = places_table(release).select(column.name for column in open_data_columns.PLACES)
    return _written(table.columns, table.iter_rows())


def counts_csv(release: Release) -> bytes:
    """`counts_table` as CSV."""
    table = counts_table(release)
    return _written(table.columns, table.iter_rows())


def objects_csv(release: Release) -> bytes:
    """Public objects that may be shown, and the hexagons of road accidents, by kind and place."""
    table = object_layer.table(release).with_columns(pl.lit(release.release_id).alias("release_id"))
    return _written([column.name for column in open_data_columns.OBJECTS], table.iter_rows())


def regions_csv(release: Release) -> bytes:
    """The territory and its regions or districts with what is told of each, in the order of their codes."""
    rows = []
    for area in sorted(release.areas, key=lambda one: (one.kind != "territory", one.area_id)):
        names = [area.names[language] for language in wording.LANGUAGES]
        start, end = release.period or (None, None)
        rows.append(
            (
                area.area_id,
                area.kind,
                *names,
                area.residents,
                start,
                end,
                area.total,
                area.rate_low,
                area.rate_high,
                _class_of(area),
                area.change,
                area.official_count,
                area.official_rate,
                release.release_id,
                citation(release, area.names["en"]),
            )
        )
    return _written([column.name for column in open_data_columns.REGIONS], rows)


def cells_table(release: Release) -> pl.DataFrame:
    """Published cells with their region, the class of each offence group and the bands of each year, by cell."""
    lat, lng = hexgrid.centres(release.cells)
    regions = [release.areas[at].area_id if at < len(release.areas) else None for at in release.cell_area]
    table = pl.DataFrame(
        {
            "cell_id": hexgrid.cell_ids(release.cells),
            "resolution": hexgrid.resolutions(release.cells),
            "lat": lat.round(DECIMALS),
            "lng": lng.round(DECIMALS),
            "region_id": pl.Series(regions, dtype=pl.String),
            **{
                f"class_{group}": pl.Series(codes).replace_strict(CLASS_NAMES, return_dtype=pl.String)
                for group, codes in release.classes.items()
            },
        }
    )
    return table.with_columns(pl.lit(release.release_id).alias("release_id"))


def cells_csv(release: Release) -> bytes:
    """`cells_table` as CSV."""
    table = cells_table(release)
    return _written(table.columns, table.iter_rows())


def cells_parquet(release: Release) -> bytes:
    """`cells_table` with outlines as GeoParquet (WGS84, longitude first)."""
    packed = io.BytesIO()
    _outlined(release).to_parquet(packed, compression="zstd", index=False, write_covering_bbox=True)
    return packed.getvalue()


def cells_geojson(release: Release) -> bytes:
    """`cells_table` with outlines as GeoJSON (RFC 7946), rounded to a decimetre."""
    table = cells_table(release)
    outlines = shapely.set_precision(hexgrid.polygons(release.cells), 10.0**-DECIMALS)
    features = [
        {"type": "Feature", "id": row["cell_id"], "properties": row, "geometry": shapely.geometry.mapping(outline)}
        for row, outline in zip(table.iter_rows(named=True), outlines, strict=True)
    ]
    whole = {
        "type": "FeatureCollection",
        "is_simulated": release.is_simulated,
        "citation": citation(release),
        "features": features,
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def dictionary_csv(release: Release) -> bytes:
    """Every column of every table: type, unit and meaning in the three languages."""
    rows = [
        (one.name, column.name, column.kind, column.unit, *column.meanings())
        for one in datasets(release).values()
        for column in one.columns
    ]
    return _written([column.name for column in open_data_columns.DICTIONARY], rows)


def readme(release: Release) -> bytes:
    """What the package is, how to quote it and what it cannot support, in the three languages."""
    parts = []
    for language in wording.LANGUAGES:
        words = wording.in_language(language)
        title = words.text("data.title", territory=release.names[language])
        files = [f"- `{one.name}`: {meaning(one.name, words)}" for one in datasets(release).values()]
        parts.append("\n\n".join([f"# {title}", *notices(release, language), "\n".join(files)]))
    return ("\n\n---\n\n".join(parts) + "\n").encode()


def package(release: Release) -> bytes:
    """Description of the package for programs, with sizes and checksums of its files."""
    words = {language: wording.in_language(language) for language in wording.LANGUAGES}
    named = {language: words[language].text("data.title", territory=release.names[language]) for language in words}
    described = {
        "$schema": PACKAGE_PROFILE,
        "name": f"riskmap-{release.territory}",
        "id": release.release_id,
        "title": named["en"],
        "titles": named,
        "description": "\n\n".join(notices(release, "en")),
        "descriptions": {language: "\n\n".join(notices(release, language)) for language in words},
        "version": release.release_id,
        "created": f"{release.as_of}T00:00:00Z",
        "is_simulated": release.is_simulated,
        "citation": citation(release),
        "licenses": [LICENCE],
        "sources": [{"title": release.manifest["origin"]["en"]}],
        "resources": [
            _resource(release, one) for one in datasets(release).values() if one.make not in (package, checksums)
        ],
    }
    return (json.dumps(described, ensure_ascii=False, indent=1) + "\n").encode()


def checksums(release: Release) -> bytes:
    """SHA-256 of every other file, as ``sha256sum --check`` reads it."""
    names = [one.name for one in datasets(release).values() if one.make is not checksums]
    lines = [f"{hashlib.sha256(content(release, name)).hexdigest()}  {name}\n" for name in names]
    return "".join(lines).encode()


def safe(value: object) -> object:
    """A value as a spreadsheet shows it and never calculates it; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


_CSV = "text/csv; charset=utf-8"


class Key:
    """A release by its folder, so that what was made of it once is kept."""

    def __init__(self, release: Release) -> None:
        self.release = release

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.release.folder == self.release.folder

    def __hash__(self) -> int:
        return hash(self.release.folder)


@lru_cache(maxsize=8)
def _kept_counts(key: Key) -> pl.DataFrame:
    return _counts_table(key.release)


@lru_cache(maxsize=64)
def _made(key: Key, name: str) -> bytes:
    return datasets(key.release)[name].make(key.release)


def _class_of(area: Area) -> str | None:
    """An area's word beside the whole territory, in the words of the classes of cells."""
    return None if area.comparison is None else CLASS_OF_COMPARISON[area.comparison]


def _classes_of_all(release: Release) -> Iterable[tuple[str, int]]:
    """Each published cell with the class of all offences together."""
    codes = release.classes.get(ALL)
    return zip(hexgrid.cell_ids(release.cells), codes.tolist(), strict=True) if codes is not None else ()


def _csv(release: Release, name: str) -> pl.DataFrame:
    path = release.folder / name
    if not path.is_file():
        return pl.DataFrame(schema=open_data_columns.RELEASE_FILES[name])
    return pl.read_csv(path, schema=open_data_columns.RELEASE_FILES[name])


def _named(release: Release) -> pl.DataFrame:
    rows = [
        (place, *(area.names[language] for language in wording.LANGUAGES)) for place, area in release.area_by_id.items()
    ]
    columns = ["place_id", *(f"name_{language}" for language in wording.LANGUAGES)]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _written(header: Iterable[str], rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([safe(value) for value in row] for row in rows)
    return (BYTE_ORDER_MARK + text.getvalue()).encode()


def _outlined(release: Release) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(cells_table(release).to_pandas(), geometry=hexgrid.polygons(release.cells), crs=4326)


def notices(release: Release, language: str) -> list[str]:
    """What a reader must know before using the data, in one language."""
    words = wording.in_language(language)
    found = [words.text("data.simulated")] if release.is_simulated else []
    found += [words.text(key) for key in ("data.about", "data.hidden", "data.not_for", "data.issues")]
    found.append(words.text("data.cite", citation=citation(release)))
    found.append(words.text("data.licence", licence=LICENCE["name"]))
    return found


def _resource(release: Release, one: Dataset) -> Mapping[str, object]:
    made = content(release, one.name)
    described: dict[str, object] = {
        "name": one.name.lower().replace(".", "-"),
        "path": one.name,
        "format": one.name.rpartition(".")[2],
        "mediatype": one.media_type.partition(";")[0],
        "bytes": len(made),
        "hash": f"sha256:{hashlib.sha256(made).hexdigest()}",
    }
    if one.media_type == _CSV:
        fields = [column.field() for column in one.columns]
        described |= {"encoding": "utf-8", "type": "table", "schema": {"fields": fields, "missingValues": [""]}}
    return described


def meaning(name: str, words: Wording) -> str:
    """What a file of the package holds."""
    return words.text(f"data.file.{name.lower().replace('.', '_')}")
