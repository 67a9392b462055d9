"""Small things to test with, made with sensible defaults: name only what the test is about."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import shapely

from geodata import hexgrid
from geodata.columns import INCIDENTS
from geodata.intake import Examined, Numbering, Rules, examine
from geodata.sources import LINE, RAGGED, Source
from geodata.territory import WORKING_RESOLUTION

ALMATY = shapely.box(76.7, 43.1, 77.1, 43.4)
"""A rectangle around Almaty, longitude first."""

FILES = Path(__file__).parent / "files"


def an_incident(**given) -> dict[str, object]:
    """One accepted incident as a row of `INCIDENTS`; ``occurred_at`` sets its window, the cell follows."""
    moment = given.pop("occurred_at", datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    lat, lng = given.get("lat", 43.238949), given.get("lng", 76.889709)
    has_place = lat is not None and lng is not None
    cell = hexgrid.assign_cells(np.array([lat]), np.array([lng]), resolution=WORKING_RESOLUTION) if has_place else None
    row = {
        "incident_id": "0" * 32,
        "occurred_from": moment,
        "occurred_to": moment,
        "occurred_on": moment.date(),
        "time_zone": "Asia/Almaty",
        "time_precision": "minute",
        "offence_group": "theft",
        "offence_code": "theft",
        "lat": lat,
        "lng": lng,
        "cell": int(cell[0]) if cell is not None else None,
        "region_id": None,
        "line": 2,
    }
    return row | given


def incidents(*rows: dict[str, object]) -> pl.DataFrame:
    """A frame of `INCIDENTS`; rows that were given no id get one each, in order."""
    numbered = [
        row | {"incident_id": f"{number:032x}"} if row["incident_id"] == "0" * 32 else row
        for number, row in enumerate(rows, start=1)
    ]
    return INCIDENTS.checked(pl.DataFrame(numbered, schema=INCIDENTS.schema))


def first_of_each(accepted: pl.DataFrame, known: pl.Series | None = None) -> tuple[pl.DataFrame, int]:
    """Rows whose id neither an earlier row nor ``known`` has, and how many have one."""
    kept = accepted.unique("incident_id", keep="first", maintain_order=True)
    if known is not None:
        kept = kept.filter(~pl.col("incident_id").is_in(known.to_list()))
    return kept, accepted.height - kept.height


def all_examined(source: Source, rules: Rules, *, rows: int = 100_000) -> list[Examined]:
    """Every batch of a source, examined as a delivery does."""
    numbering = Numbering()
    return [examine(batch, source, rules, numbering) for batch in source.batches(rows)]


def a_delivery_frame(rows: int = 1, **columns) -> pl.DataFrame:
    """A raw batch as a source yields it; one value fills its column, and ``...`` leaves the column out."""
    given = {"occurred_at": "2026-03-02 14:30", "category": "theft", "lat": 43.238949, "lng": 76.889709} | columns
    rows = max([rows, *(len(value) for value in given.values() if isinstance(value, list | pl.Series))])
    filled = {
        name: value if isinstance(value, list | pl.Series) else [value] * rows
        for name, value in given.items()
        if value is not ...
    }
    return pl.DataFrame(filled).with_columns(
        pl.int_range(2, rows + 2).alias(LINE), pl.lit(None, dtype=pl.String).alias(RAGGED)
    )


def a_source(frame: pl.DataFrame, **given) -> Source:
    """The source a raw batch could have come from: each column stands for the canonical one of its name."""
    columns = tuple(name for name in frame.columns if name not in (LINE, RAGGED))
    defaults = {"path": Path("delivery.csv"), "kind": "csv", "layout": {name: name for name in columns}}
    return Source(**(defaults | {"columns": columns, "date_format": "day first"} | given))


def some_rules(**given) -> Rules:
    """Rules of Almaty on 22 November 2026."""
    return Rules(**({"zone": "Asia/Almaty", "latest_day": date(2026, 11, 22), "outline": ALMATY} | given))
