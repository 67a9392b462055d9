"""What an installation serves: outline, regions, covered cells, zones.

Kazakhstan is the default; the made-up city and any city given by its points are territories too, so that every
test on real data goes through the same doors.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import geopandas as gpd
import polars as pl
import shapely

from geodata import divisions
from geodata.columns import PLACES, REGIONS

WORKING_RESOLUTION = 9
LANGUAGES = ("kk", "ru", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """One name in the three languages of the product."""

    kk: str
    ru: str
    en: str

    def of(self, language: str) -> str:
        """The name in one of `LANGUAGES`."""
        return {"kk": self.kk, "ru": self.ru, "en": self.en}[language]


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """A place served with one method.

    ``regions`` has the columns of `REGIONS` and a geometry (WGS84, longitude first); ``places`` those of `PLACES`,
    and no rows where coverage is not known cell by cell. ``basemap`` is a GeoJSON FeatureCollection of lines and
    areas drawn under the hexagons, each feature with a property ``kind``.
    """

    name: str
    names: Names
    zone: str
    regions: gpd.GeoDataFrame
    places: pl.DataFrame = field(default_factory=PLACES.empty)
    basemap: dict[str, object] = field(default_factory=dict)
    is_simulated: bool = False
    origin: Names
    """Where outlines, names and numbers come from, with dates; shown as the map's attribution."""
    official: dict[str, Any] = field(default_factory=dict)
    """What ``official_count`` counts: keys ``year``, ``measure``, ``source``, ``dated``; empty where there is none."""

    divisions: gpd.GeoDataFrame = field(default_factory=divisions.empty)
    """Regions, districts and city districts as an operator loaded them, with the columns of `divisions.DIVISIONS` and
    a geometry like ``regions``; of several periods where they changed."""

    @property
    def has_residents(self) -> bool:
        return self.places.height > 0 and self.places["residents"].null_count() == 0

    @property
    def has_addresses(self) -> bool:
        return self.places.height > 0 and self.places["addresses"].null_count() == 0

    def divisions_on(self, day: date) -> gpd.GeoDataFrame:
        """The rows of ``divisions`` valid on a day, first and last day included."""
        return divisions.valid_on(self.divisions, day)

    @property
    def outline(self) -> shapely.Geometry:
        return self.regions.geometry.union_all()

    @property
    def region_table(self) -> pl.DataFrame:
        """The regions without outlines, as declared in `REGIONS`."""
        plain = self.regions.drop(columns=self.regions.geometry.name)
        rows = plain.astype(object).where(plain.notna(), None).to_dict("records")
        return REGIONS.checked(pl.DataFrame(rows, schema_overrides=REGIONS.schema))
