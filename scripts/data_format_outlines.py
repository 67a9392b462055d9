"""What docs/data_format.md says about files of region outlines."""

from geodata import division_checks, divisions, regions
from geodata.region_files import PROPERTY_NAMES

__all__ = ["PROPERTY_NAMES", "text"]

REGIONS_TEXT = """\
### Region outlines for `regions load`

GeoJSON or GeoPackage (`.geojson`, `.json`, `.gpkg`), one polygon feature for each region, in WGS84 or with its
coordinate system named. A file may hold several levels. Level and parent follow from a KATO code: `AA0000000` is a
region, `AABB00000` a district, `AABBCC000` a city district below `71`, `75` and `79`, and so are codes like
`151011100`. Codes of a territory's own, without a level, are its regions and nothing else. A property `level` wins over
the code:

{levels}

`valid_from` and `valid_to` are days such as `2022-06-08`, both included. Where the first day is missing, that of the
newest division is set for regions it made or cut anew (`geodata/tables/kz_division_changes.csv`):
{changes}. Rows of a later file go before stored ones of the same code on the days they
are valid.

`regions check FILE` tells of overlaps, gaps, slivers (mean width, twice the area by the perimeter, below {width} m),
shapes repaired or refused, parts outside what they are part of (by more than {share} %), doubled codes and missing
names. A point on a border belongs to the lowest code; one outside all belongs to the nearest region within {near} m,
else to none.

Recognised properties, upper and lower case being equal:
"""


def text() -> str:
    """The section with its heading, without the table of `PROPERTY_NAMES`."""
    levels = "\n".join(
        f"- `{level}`: " + ", ".join(f"`{word}`" for word in words) for level, words in divisions.LEVEL_WORDS.items()
    )
    days = sorted({day for _, day in divisions.changes().values()})
    changes = "; ".join(
        ", ".join(f"`{code}`" for code, (_, first) in divisions.changes().items() if first == day) + f" from {day}"
        for day in days
    )
    return REGIONS_TEXT.format(
        levels=levels,
        changes=changes,
        width=f"{division_checks.SLIVER_WIDTH_M:g}",
        share=f"{100 * division_checks.LEAST_SHARE:g}",
        near=f"{regions.NEAREST_WITHIN_M:g}",
    )
