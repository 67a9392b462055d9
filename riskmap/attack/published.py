"""What a reader of a release can look up: its counts by table, place, kind and period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid

COUNTS = pl.Schema(
    {
        "kind": pl.String,
        "place_id": pl.String,
        "offence_group": pl.String,
        "period": pl.String,
        "part_of_day": pl.String,
        "low": pl.Int64,
        "high": pl.Int64,
    }
)
PLACES = pl.Schema(
    {"place_id": pl.String, "level": pl.String, "parent_id": pl.String, "year": pl.Int64, "cells": pl.String}
)
UNTOLD = -1
MONTHS_OF_QUARTER = 3


@dataclass(frozen=True, kw_only=True)
class Published:
    """Counts and places of one release, as its files hold them."""

    counts: pl.DataFrame
    places: pl.DataFrame

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "Published":
        """Read ``counts.csv`` and ``places.csv``."""
        return cls(
            counts=pl.read_csv(files["counts.csv"], schema=COUNTS),
            places=pl.read_csv(files["places.csv"], schema=PLACES),
        )

    @cached_property
    def territory(self) -> str:
        return str(self.places.filter(pl.col("level") == "territory")["place_id"][0])

    @cached_property
    def exact(self) -> Mapping[tuple[str, str, str, str], int]:
        """Exact counts by table, place, part (offence group or part of the day, else ``all``) and period."""
        told = self.counts.filter(pl.col("low") == pl.col("high"), pl.col("kind") != "band")
        part = pl.coalesce("part_of_day", "offence_group")
        return {
            (kind, place, name, period): low
            for kind, place, name, period, low in told.select(
                "kind", "place_id", part.alias("p"), "period", "low"
            ).iter_rows()
        }

    def years(self) -> list[int]:
        """Calendar years that have areas."""
        return sorted(self.places["year"].drop_nulls().unique().to_list())

    def areas(self, year: int) -> pl.DataFrame:
        """Areas of a year, in the order of the file."""
        return self.places.filter(pl.col("level") == "area", pl.col("year") == year)

    def quarters(self, year: int) -> list[str]:
        """Quarters of a year that the release speaks of."""
        found = self.counts.filter(pl.col("kind") == "quarter", pl.col("period").str.starts_with(f"{year}-"))
        return sorted(found["period"].unique().to_list())

    def has_year(self, year: int) -> bool:
        """Whether the year is told as a whole."""
        return self.counts.filter(pl.col("kind") == "band", pl.col("period") == str(year)).height > 0

    def parts(self, kind: str, year: int) -> list[str]:
        """Parts a table splits a year into."""
        own = self.counts.filter(pl.col("kind") == kind, pl.col("period") == str(year))
        return sorted(own.select(pl.coalesce("part_of_day", "offence_group")).to_series().unique().to_list())

    def grid(self, kind: str, places: Sequence[str], keys: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
        """Exact counts of places (rows) and parts with their periods (columns); `UNTOLD` where there is none."""
        rows = [[self.exact.get((kind, place, part, period), UNTOLD) for part, period in keys] for place in places]
        return np.array(rows, dtype=np.int64).reshape(len(places), len(keys))

    def bands(self, year: int) -> tuple[hexgrid.Cells, NDArray[np.int64], NDArray[np.int64]]:
        """Published cells of a year with the ends of their bands; 0 and `UNTOLD` where a cell has none."""
        own = self.counts.filter(pl.col("kind") == "band", pl.col("period") == str(year))
        cells = np.array([int(text, 16) for text in own["place_id"]], dtype=np.uint64)
        low, high = own["low"].fill_null(0).to_numpy(), own["high"].fill_null(UNTOLD).to_numpy()
        order = np.argsort(cells)
        return cells[order], low[order], high[order]


def months_of(quarter: str) -> list[str]:
    """Names of a quarter's months.

    Examples
    --------
    >>> months_of("2024-Q4")
    ['2024-10', '2024-11', '2024-12']
    """
    year, number = quarter.split("-Q")
    first = MONTHS_OF_QUARTER * (int(number) - 1)
    return [f"{year}-{first + month:02d}" for month in range(1, MONTHS_OF_QUARTER + 1)]
