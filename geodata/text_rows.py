"""Rows of a delimited text (`geodata.csv_text`), as columns of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import polars as pl

from geodata import csv_text
from geodata.archives import Place, Stamp, require_unchanged, stamp
from geodata.mapping import Mapping
from geodata.rows import LINE, RAGGED, handed_out


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRows:
    """An opened delimited text."""

    path: Place
    dialect: csv_text.Dialect
    kind: str = "csv"
    part: str | None = None
    coordinate_system: str | None = None
    stamp: Stamp | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return handed_out(self.dialect.header)

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        names = self.columns
        wanted = [names.index(column) for column in columns]
        nothing: list[str | None] = [None] * len(names)
        records = csv_text.records(self.path, self.dialect)
        while True:
            lines: list[int] = []
            texts: list[str | None] = []
            table: list[Sequence[str | None]] = []
            for line, fields, ragged in islice(records, rows):
                lines.append(line)
                texts.append(ragged)
                table.append(fields if ragged is None else nothing)
            if not lines:
                require_unchanged(self.path, self.stamp)
                return
            by_column = list(zip(*table, strict=True))
            yield pl.DataFrame(
                [
                    *(pl.Series(names[at], by_column[at], dtype=pl.String) for at in wanted),
                    pl.Series(LINE, lines, dtype=pl.Int64),
                    pl.Series(RAGGED, texts, dtype=pl.String),
                ]
            )


def open_text(path: Place, mapping: Mapping | None, *, is_compressed: bool, part: str | None = None) -> TextRows:
    """Open a delimited text; what the mapping says of it is not guessed. ``part`` is its name in an archive.

    Raises
    ------
    UnreadableFile
        As `csv_text.sniff`.
    """
    before = stamp(path)
    dialect = csv_text.sniff(
        path,
        is_compressed=is_compressed,
        encoding=mapping.encoding if mapping else None,
        separator=mapping.separator if mapping else None,
    )
    return TextRows(path=path, dialect=dialect, part=part, stamp=before)
