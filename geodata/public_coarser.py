"""Public counts told more coarsely: a table below a place is not told of a year.

What goes is everything below a region, or below the territory: a gap of one place would point at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from geodata.public_counts import PublicCounts

TABLES: dict[str, frozenset[str]] = {
    "kinds": frozenset({"year_group"}),
    "hours": frozenset({"hours"}),
    "cells": frozenset({"band"}),
    "sensitive": frozenset({"sensitive"}),
    "areas": frozenset({"quarter", "month", "year_group", "hours", "band"}),
}
"""What can go, and the tables it stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarser:
    """A rule: what lies below a place is not told of a year; ``what`` is one of `TABLES`."""

    what: str
    below: str
    year: int


def is_told(public: PublicCounts, rule: Coarser) -> bool:
    """Whether any number that the rule takes is there."""
    return public.counts.filter(_taken(public, rule)).drop_nulls("low").height > 0


def coarsened(public: PublicCounts, taken: Sequence[Coarser]) -> PublicCounts:
    """The same counts without the numbers that rules take; their rows stay and tell nothing."""
    counts = public.counts
    for rule in taken:
        kept = pl.when(~_taken(public, rule))
        counts = counts.with_columns(kept.then("low").alias("low"), kept.then("high").alias("high"))
    return PublicCounts(counts=counts, places=public.places)


def _taken(public: PublicCounts, rule: Coarser) -> pl.Expr:
    places = public.places
    regions = places.filter(pl.col("parent_id") == rule.below, pl.col("level") == "region")["place_id"].to_list()
    areas = places.filter(
        pl.col("level") == "area", pl.col("year") == rule.year, pl.col("parent_id").is_in([rule.below, *regions])
    )
    cells = areas["cells"].str.split(";").explode().drop_nulls().to_list()
    below = [*regions, *areas["place_id"].to_list(), *cells]
    return (
        pl.col("kind").is_in(sorted(TABLES[rule.what]))
        & pl.col("period").str.starts_with(str(rule.year))
        & pl.col("place_id").is_in(below)
    )
