"""Lines read many at once say the same as lines read one by one."""

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from geodata import csv_text
from geodata.rows import LINE, RAGGED
from geodata.text_rows import TextRows

HEADER = "a,b,c"
FIELDS = st.sampled_from(
    ["", "x", "қала", '"q"', '"a,b"', '"line\nbreak"', '"open', 'in"side', " ", "1", "\x0b", "\u2028"]
)
ROWS = st.lists(st.lists(FIELDS, min_size=1, max_size=4).map(",".join), max_size=12)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def one_by_one(path, dialect: csv_text.Dialect) -> list[tuple[object, ...]]:
    return [
        (*(fields if ragged is None else [None] * len(dialect.header)), line, ragged)
        for line, fields, ragged in csv_text.records(path, dialect)
    ]


@pytest.fixture(params=[1, 7, 1_000_000])
def path(request, monkeypatch, tmp_path):
    """A file that is looked at so many characters at once."""
    monkeypatch.setattr(csv_text, "_PLAIN_CHARACTERS", request.param)
    return tmp_path / "delivery.csv"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, end=ENDS, last=st.sampled_from(["", "\n"]), size=st.integers(1, 9))
@example(rows=["1,2,3", "", "1,2,3"], end="\r\n", last="", size=2)
@example(rows=["1,2,3", '"open,2,3', "1,2,3"], end="\n", last="\n", size=1)
def test_a_text_is_read_the_same_at_once_as_record_by_record(path, rows, end, last, size):
    path.write_bytes((HEADER + "\n" + end.join(rows) + last).encode())
    dialect = csv_text.Dialect(
        encoding="utf-8", separator=",", header=tuple(HEADER.split(",")), header_line=1, is_compressed=False
    )
    table = TextRows(path=path, dialect=dialect)

    frames = list(table.frames(size, table.columns))

    assert [row for frame in frames for row in frame.iter_rows()] == one_by_one(path, dialect)
    assert all(frame.height == size for frame in frames[:-1])
    assert all(frame.columns == ["a", "b", "c", LINE, RAGGED] for frame in frames)
    assert all(frame.schema["a"] == pl.String() for frame in frames)
