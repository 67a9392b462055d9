"""Hostile and broken Parquet files."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile_case import (
    COLUMNS,
    EITHER,
    ELSEWHERE,
    REPORTED,
    UNREADABLE,
    Case,
    Make,
    cut_off,
    one_of_each,
    spoilt,
)

DAY = date(2026, 3, 2)


def cases() -> list[Case]:
    """All cases of Parquet."""
    return [*_damaged_parquet(), *_odd_parquet()]


def _damaged_parquet() -> list[Case]:
    def changed(change: Callable[[bytes, random.Random], bytes]) -> Make:
        def make(folder: Path, chance: random.Random) -> Path:
            path = folder / "delivery.parquet"
            pq.write_table(_table(200), path)
            path.write_bytes(change(path.read_bytes(), chance))
            return path

        return make

    return one_of_each(
        "damaged Parquet",
        {
            **{f"cut off at {share} %": (changed(cut_off(share)), UNREADABLE) for share in (5, 40, 80, 99)},
            **{f"bytes changed by chance, {n}": (changed(spoilt), EITHER) for n in range(10)},
            "its mark alone": (changed(lambda *_: b"PAR1"), UNREADABLE),
            "its mark twice": (changed(lambda *_: b"PAR1PAR1"), UNREADABLE),
            "a footer of 4 GB": (changed(lambda whole, _: whole[:-8] + b"\xff\xff\xff\xffPAR1"), UNREADABLE),
            "a footer of no length": (changed(lambda whole, _: whole[:-8] + b"\0\0\0\0PAR1"), UNREADABLE),
            "a footer of chance": (
                changed(lambda whole, chance: whole[:-600] + chance.randbytes(592) + whole[-8:]),
                UNREADABLE,
            ),
            "encrypted": (changed(lambda whole, _: b"PARE" + whole[4:-4] + b"PARE"), UNREADABLE),
            "chance after the end": (changed(lambda whole, chance: whole + chance.randbytes(900)), UNREADABLE),
            "pages of zero": (changed(lambda whole, _: whole[:4] + bytes(900) + whole[904:]), UNREADABLE),
        },
    )


def _odd_parquet() -> list[Case]:
    def of(table: Callable[[], pa.Table], **options: object) -> Make:
        def make(folder: Path, _: random.Random) -> Path:
            pq.write_table(table(), folder / "delivery.parquet", **options)
            return folder / "delivery.parquet"

        return make

    def also(**columns: object) -> Make:
        return of(lambda: _table(9, **{name: pa.array([value] * 9) for name, value in columns.items()}))

    def instead(**columns: pa.Array) -> Make:
        return of(lambda: pa.table({**dict(zip(_table(9).column_names, _table(9).columns, strict=True)), **columns}))

    def repeated(value: object, rows: int) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([value]))

    def same_rows(rows: int, text: str = "theft") -> pa.Table:
        return pa.table(
            {
                name: repeated(value, rows)
                for name, value in {
                    "occurred_at": "2026-03-02 14:30",
                    "category": text,
                    "lat": "43.25",
                    "lng": "76.9",
                }.items()
            }
        )

    texts = pa.array(["2026-03-02"] * 9)
    return one_of_each(
        "odd Parquet",
        {
            "lists, structures and maps beside": (
                of(
                    lambda: _table(
                        9,
                        a=pa.array([[1, 2]] * 9),
                        b=pa.array([{"x": 1}] * 9),
                        c=pa.array([[("k", 1)]] * 9, pa.map_(pa.string(), pa.int64())),
                    )
                ),
                REPORTED,
            ),
            "a list for a date": (instead(occurred_at=pa.array([[DAY]] * 9)), COLUMNS),
            "bytes for a date": (instead(occurred_at=pa.array([b"2026-03-02"] * 9)), COLUMNS),
            "decimal coordinates": (
                instead(lat=pa.array([Decimal("43.25")] * 9), lng=pa.array([Decimal("76.9")] * 9)),
                REPORTED,
            ),
            "decimals of 76 digits": (instead(lat=pa.array([Decimal("9" * 70)] * 9, pa.decimal256(76, 0))), EITHER),
            "whole numbers for coordinates": (
                instead(lat=pa.array([43] * 9, pa.int8()), lng=pa.array([77] * 9, pa.uint64())),
                REPORTED,
            ),
            "half numbers for coordinates": (
                instead(
                    lat=pa.array(np.full(9, 43.25, dtype=np.float16)), lng=pa.array(np.full(9, 76.9, dtype=np.float16))
                ),
                REPORTED,
            ),
            "truth values for coordinates": (instead(lat=pa.array([True] * 9)), EITHER),
            "not a number": (instead(lat=pa.array([float("nan")] * 9), lng=pa.array([float("inf")] * 9)), EITHER),
            "spans for dates": (instead(occurred_at=pa.array([timedelta(days=1)] * 9)), COLUMNS),
            "times of day for dates": (instead(occurred_at=pa.array([1] * 9, pa.time64("ns"))), COLUMNS),
            "moments of nanoseconds at the ends": (
                instead(occurred_at=pa.array([2**63 - 1, -(2**63) + 1, 0] * 3, pa.timestamp("ns"))),
                REPORTED,
            ),
            "moments of seconds at the ends": (
                instead(occurred_at=pa.array([2**50, -(2**50), 0] * 3, pa.timestamp("s"))),
                EITHER,
            ),
            "days at the ends": (instead(occurred_at=pa.array([2**31 - 1, -(2**31), 0] * 3, pa.date32())), EITHER),
            "moments of a zone that is none": (
                instead(occurred_at=pa.array([0] * 9, pa.timestamp("us", tz="Nowhere/Else"))),
                EITHER,
            ),
            "moments of another zone": (
                instead(occurred_at=pa.array([datetime(2026, 3, 2, tzinfo=UTC)] * 9, pa.timestamp("us", tz="+05:30"))),
                REPORTED,
            ),
            "all missing": (
                of(lambda: pa.table({name: pa.nulls(9) for name in ("occurred_at", "category", "lat", "lng")})),
                REPORTED,
            ),
            "no rows": (of(lambda: _table(0)), UNREADABLE),
            "no columns": (of(lambda: pa.table({})), UNREADABLE),
            "one name twice": (
                of(lambda: pa.Table.from_arrays([texts, texts, texts], names=["occurred_at", "lat", "lat"])),
                COLUMNS,
            ),
            "five thousand columns": (
                of(lambda: _table(3, **{f"c{n}": pa.array([1] * 3) for n in range(5_000)})),
                UNREADABLE,
            ),
            "names that are ours": (also(line=1, ragged="x", repeat=2), REPORTED),
            "fifty million equal rows in a few bytes": (
                of(lambda: same_rows(50_000_000), row_group_size=50_000_000),
                UNREADABLE,
            ),
            "a text of 10 KB in 300 000 rows": (of(lambda: same_rows(300_000, "x" * 10_000)), UNREADABLE),
            "a text of 5 MB in 100 000 rows": (of(lambda: same_rows(100_000, "x" * 5_000_000)), UNREADABLE),
            "ten thousand groups of one row": (of(lambda: _table(10_000), row_group_size=1), REPORTED),
            "categories of a dictionary": (instead(category=repeated("theft", 9)), REPORTED),
            "packed to 500 MB of one byte": (
                of(lambda: _table(5, note=pa.array(["x" * 100_000_000] * 5)), compression="zstd", use_dictionary=False),
                EITHER,
            ),
            "places of another country": (instead(lat=pa.array([-33.9] * 9), lng=pa.array([151.2] * 9)), ELSEWHERE),
        },
    )


def _table(rows: int, **more: pa.Array) -> pa.Table:
    columns = {
        "occurred_at": pa.array(
            [datetime(2026, 3, 1 + n % 28, n % 24, n % 60, tzinfo=UTC).replace(tzinfo=None) for n in range(rows)],
            pa.timestamp("us"),
        ),
        "category": pa.array(["theft", "robbery", "fraud"] * (rows // 3) + ["theft"] * (rows % 3), pa.string()),
        "lat": pa.array([43.2 + n / 1e5 for n in range(rows)], pa.float64()),
        "lng": pa.array([76.9] * rows, pa.float64()),
    }
    return pa.table(columns | more)
