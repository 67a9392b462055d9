"""Rows of a delimited text (`geodata.csv_text`), as columns of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
        held = pl.DataFrame()
        for piece in csv_text.pieces(self.path, self.dialect):
            frame = self._frame(piece, columns)
            held = pl.concat([held, frame]) if held.height else frame
            while held.height >= rows:
                yield held.head(rows).rechunk()
                held = held.slice(rows)
        if held.height:
            yield held.rechunk()
        require_unchanged(self.path, self.stamp)

    def _frame(self, piece: csv_text.PlainLines | list[csv_text.Record], columns: Sequence[str]) -> pl.DataFrame:
        names, width = self.columns, len(self.dialect.header)
        wanted = [names.index(column) for column in columns]
        if isinstance(piece, csv_text.PlainLines):
            split = piece.texts.str.split_exact(self.dialect.separator, width - 1).struct.unnest()
            by_column: Sequence[pl.Series] = split.get_columns()
            lines = pl.int_range(piece.first, piece.first + split.height, eager=True).alias(LINE)
            ragged = pl.Series(RAGGED, [None], dtype=pl.String).new_from_index(0, split.height)
        else:
            nothing: list[str | None] = [None] * width
            table = [fields if text is None else nothing for _, fields, text in piece]
            by_column = [pl.Series(values, dtype=pl.String) for values in zip(*table, strict=True)]
            lines = pl.Series(LINE, [line for line, _, _ in piece], dtype=pl.Int64)
            ragged = pl.Series(RAGGED, [text for _, _, text in piece], dtype=pl.String)
        return pl.DataFrame([*(by_column[at].alias(names[at]) for at in wanted), lines, ragged])


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
