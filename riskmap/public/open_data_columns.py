"""Columns of the open data: type, unit, and the wording key of what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from riskmap import wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. ``kind`` is a Table Schema type; its meaning is in the catalogue under ``data.column.<key>``."""

    name: str
    kind: str = "string"
    unit: str = ""
    key: str = ""

    def meanings(self) -> tuple[str, ...]:
        """What the column means, in each language."""
        key = f"data.column.{self.key or self.name}"
        return tuple(wording.in_language(language).text(key) for language in wording.LANGUAGES)

    def field(self) -> dict[str, object]:
        """The column as a Table Schema field."""
        meanings = dict(zip(wording.LANGUAGES, self.meanings(), strict=True))
        described: dict[str, object] = {
            "name": self.name,
            "type": self.kind,
            "description": meanings["en"],
            "descriptions": meanings,
        }
        return described | ({"unit": self.unit} if self.unit else {})


def _names() -> tuple[Column, ...]:
    return tuple(Column(name=f"name_{language}") for language in wording.LANGUAGES)


REGIONS: tuple[Column, ...] = (
    Column(name="region_id"),
    Column(name="level"),
    *_names(),
    Column(name="residents", kind="integer"),
    Column(name="period_from", kind="date"),
    Column(name="period_to", kind="date"),
    Column(name="count", kind="integer"),
    Column(name="rate_low", kind="number", unit="1/10000/a"),
    Column(name="rate_high", kind="number", unit="1/10000/a"),
    Column(name="class", key="class_of_area"),
    Column(name="change"),
    Column(name="official_count", kind="integer"),
    Column(name="official_rate", kind="number", unit="1/10000/a"),
    Column(name="release_id"),
    Column(name="citation"),
)
PLACES: tuple[Column, ...] = (
    Column(name="place_id"),
    Column(name="level"),
    Column(name="parent_id"),
    *_names(),
    Column(name="year", kind="integer"),
    Column(name="cells"),
)
COUNTS: tuple[Column, ...] = (
    Column(name="place_id"),
    Column(name="level"),
    Column(name="parent_id"),
    *_names(),
    Column(name="kind"),
    Column(name="offence_group"),
    Column(name="period"),
    Column(name="part_of_day"),
    Column(name="status"),
    Column(name="low", kind="integer"),
    Column(name="high", kind="integer"),
    Column(name="likely_low", kind="number"),
    Column(name="likely_high", kind="number"),
    Column(name="class", key="class_of_area"),
    Column(name="release_id"),
    Column(name="citation"),
)
OBJECTS: tuple[Column, ...] = (
    Column(name="kind", key="object_kind"),
    Column(name="lat", kind="number", unit="°"),
    Column(name="lng", kind="number", unit="°"),
    Column(name="region_id"),
    Column(name="cell_id", key="object_cell"),
    Column(name="year", kind="integer", key="object_year"),
    Column(name="low", kind="integer", key="object_low"),
    Column(name="high", kind="integer", key="object_high"),
    Column(name="release_id"),
)
DICTIONARY: tuple[Column, ...] = (
    Column(name="file"),
    Column(name="column"),
    Column(name="type"),
    Column(name="unit"),
    *(Column(name=f"meaning_{language}") for language in wording.LANGUAGES),
)
RELEASE_FILES = {
    "counts.csv": pl.Schema(
        {
            "kind": pl.String,
            "place_id": pl.String,
            "offence_group": pl.String,
            "period": pl.String,
            "part_of_day": pl.String,
            "low": pl.Int64,
            "high": pl.Int64,
        }
    ),
    "places.csv": pl.Schema(
        {"place_id": pl.String, "level": pl.String, "parent_id": pl.String, "year": pl.Int64, "cells": pl.String}
    ),
    "off_map.csv": pl.Schema({"year": pl.Int64, "place_id": pl.String, "offence_group": pl.String, "count": pl.Int64}),
    "residents.csv": pl.Schema({"place_id": pl.String, "residents": pl.Int64}),
    "survey.csv": pl.Schema(
        {
            "region_id": pl.String,
            "sex": pl.String,
            "year": pl.Int64,
            "question": pl.String,
            "share_percent": pl.Float64,
            "respondents": pl.Int64,
            "source": pl.String,
            "dated": pl.Date,
            "is_simulated": pl.Boolean,
        }
    ),
    "gazetteer.csv": pl.Schema(
        dict.fromkeys(("kind", "name_kk", "name_ru", "name_en", "other_names", "place_id", "cells"), pl.String)
    ),
}
"""Tables of a release this reads; docs/data_format.md says what stands in them."""


def of_cells(groups: Sequence[str]) -> tuple[Column, ...]:
    """Columns of the table of cells of a release with these offence groups."""
    return (
        Column(name="cell_id"),
        Column(name="resolution", kind="integer"),
        Column(name="lat", kind="number", unit="°"),
        Column(name="lng", kind="number", unit="°"),
        Column(name="region_id"),
        *(Column(name=f"class_{group}", key="class_of_cell") for group in groups),
        Column(name="release_id"),
    )
