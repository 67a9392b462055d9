"""``gazetteer.csv`` of a release: what places are called and where they are published, for the public search.

Names of places are no secret, so all of them are told; a place outside what the release covers is left out.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from geodata import gazetteer, hexgrid, kazakhstan
from geodata.territory import Territory
from riskmap.pipeline.surroundings import OSM

GAZETTEER_FILE = "gazetteer.csv"
SEPARATOR = ";"


def file_of(
    territory: Territory, delivered: pl.DataFrame, *, regions: Sequence[str], cells: hexgrid.Cells | None = None
) -> dict[str, bytes]:
    """The file, or nothing where the territory has no names.

    Parameters
    ----------
    delivered : `GAZETTEER` rows of files an operator loaded
    regions : ids of the regions the release publishes
    cells : its published cells, of one or several resolutions; None where it has none
    """
    covered = territory.places["cell"].to_numpy()
    frames = [gazetteer.of_basemap(territory.basemap, inside=covered), delivered]
    if territory.name == kazakhstan.NAME:
        frames.append(gazetteer.of_kazakhstan())
    names = gazetteer.joined(frames).with_row_index("row")
    in_cells = _published(names, np.empty(0, dtype=np.uint64) if cells is None else cells)
    told = (
        names.join(in_cells, on="row", how="left")
        .with_columns(pl.col("cell_ids").fill_null(""))
        .filter((pl.col("cell_ids") != "") | pl.col("within").is_in(list(regions)))
        .sort("row")
        .select(
            "kind",
            "name_kk",
            "name_ru",
            "name_en",
            pl.col("other_names").list.join(SEPARATOR),
            pl.col("within").alias("place_id"),
            pl.col("cell_ids").alias("cells"),
        )
    )
    return {GAZETTEER_FILE: told.write_csv().encode()} if told.height else {}


def attributions(delivered: pl.DataFrame, sources: pl.DataFrame) -> list[str]:
    """Licence and attribution of the extracts whose names are told; ``sources`` as `SURROUNDING_SOURCES`."""
    if not delivered.height:
        return []
    return sorted(sources.filter(pl.col("source") == OSM)["licence"].drop_nulls().unique())


def _published(names: pl.DataFrame, cells: hexgrid.Cells) -> pl.DataFrame:
    """For each row that passes through published cells: row, and their texts parted by semicolons as ``cell_ids``."""
    passed = names.select("row", "cells").explode("cells").drop_nulls()
    own = passed["cells"].to_numpy()
    found = []
    for resolution in np.unique(hexgrid.resolutions(cells)) if cells.size and own.size else []:
        above = hexgrid.to_parent(own, int(resolution))
        is_published = np.isin(above, cells)
        found.append(passed.filter(is_published).select("row", cell=pl.Series(above[is_published])))
    if not found:
        return pl.DataFrame(schema={"row": pl.UInt32, "cell_ids": pl.String})
    together = pl.concat(found).unique().sort("row", "cell")
    return (
        together.with_columns(cell_id=pl.Series(hexgrid.cell_ids(together["cell"].to_numpy())))
        .group_by("row")
        .agg(pl.col("cell_id").str.join(SEPARATOR).alias("cell_ids"))
    )
