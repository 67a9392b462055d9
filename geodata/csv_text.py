"""Delimited text as delivered: its encoding, separator and header, and its records with their physical lines.

Any of UTF-8, UTF-16, Windows Cyrillic and a few older encodings, plain or gzip-compressed; comma, semicolon, tab or
bar between fields. A record that does not fit the header is handed on as ragged instead of stopping the file.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, cast

import charset_normalizer
import polars as pl

from geodata.archives import Place, Unpacked
from geodata.column_names import printable
from geodata.errors import UnreadableFile

MAX_LINE = 1_000_000
"""Characters in one line; a longer one is not a table."""
MAX_RECORD_LINES = 1_000
"""Lines in one record; more means that a quotation mark was never closed."""
_PLAIN_CHARACTERS = 1_000_000
_RECORDS_AT_ONCE = 10_000
MAX_COLUMNS = 2_000
MOST_READ_AGAIN = 20_000_000
"""Characters that are read again after unclosed quotation marks; more of them and quotation marks mean nothing."""

_SAMPLE_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 20
_SEPARATORS = (",", ";", "\t", "|")
_SNIFFED = ["cp1251", "cp866", "cp1252"]
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a text file is written. ``header_line`` is the physical line of the header, from 1."""

    encoding: str
    separator: str
    header: tuple[str, ...]
    header_line: int
    is_compressed: bool


Record = tuple[int, list[str], str | None]
"""Physical line, fields, and the raw text instead of fields where they do not fit the header."""


def sniff(path: Place, *, is_compressed: bool, encoding: str | None, separator: str | None) -> Dialect:
    """Find encoding, separator and header of a text file; what is given is not guessed.

    Raises
    ------
    UnreadableFile
        If it is binary, empty, has no header, or lines or columns beyond any table.
    """
    encoding = _checked_encoding(path, is_compressed, encoding or _sniff_encoding(path, is_compressed))
    with _open_text(path, encoding, is_compressed) as stream:
        lines = _Lines(stream, path.name)
        first = next((line for line in lines if lines.take() and line.strip("\ufeff \r\n\t,;")), None)
        if first is None:
            raise UnreadableFile(f"{path.name} holds no text; expected a header line and one row for each incident.")
        if first.lower().startswith("sep=") and len(first.strip()) == 5:
            # Spreadsheets announce the separator in a line of its own.
            separator = separator or first.strip()[4]
            first = next(lines, "")
        header_line = lines.number
        rows = [line for line in islice(lines, 20) if lines.take()]
    separator = separator or _sniff_separator(first, rows)
    header = _fields(first.lstrip("\ufeff"), separator)
    if len(header) > MAX_COLUMNS:
        raise UnreadableFile(
            f"{path.name} has {len(header)} columns in its header; expected at most {MAX_COLUMNS}. "
            "Export a table with one row for each incident."
        )
    return Dialect(
        encoding=encoding,
        separator=separator,
        header=_distinct(header),
        header_line=header_line,
        is_compressed=is_compressed,
    )


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Lines without a quotation mark, each of as many fields as the header; ``first`` is the line of the first."""

    first: int
    texts: pl.Series


def pieces(path: Place, dialect: Dialect) -> Iterator[PlainLines | list[Record]]:
    """The records after the header, in order: most texts are plain, and such lines need not be read one by one.

    Raises
    ------
    UnreadableFile
        As `records`.
    """
    with _open_text(path, dialect.encoding, dialect.is_compressed) as stream:
        lines = _Lines(stream, path.name)
        for _ in islice(lines, dialect.header_line):
            lines.take()
        while not lines.has_ended:
            plain = lines.plain(dialect.separator, len(dialect.header))
            if plain is not None:
                yield plain
            else:
                one_by_one = _records(lines, dialect)
                while piece := list(islice(one_by_one, _RECORDS_AT_ONCE)):
                    yield piece
                    if not lines.has_returned:
                        break


def records(path: Place, dialect: Dialect) -> Iterator[Record]:
    """The records after the header, one by one; empty lines are no records.

    A record is told with the physical line on which it starts. Extra fields are let pass when they are empty. Of a
    record over several lines that does not fit the header, only the first line is set aside and the rest is read
    anew: an unclosed quotation mark costs one row, not the file.

    Raises
    ------
    UnreadableFile
        If the text breaks off, is damaged, or has a line beyond any table.
    """
    with _open_text(path, dialect.encoding, dialect.is_compressed) as stream:
        lines = _Lines(stream, path.name)
        for _ in islice(lines, dialect.header_line):
            lines.take()
        yield from _records(lines, dialect)


def _records(lines: "_Lines", dialect: Dialect) -> Iterator[Record]:
    width = len(dialect.header)
    reader = _reader(lines, dialect.separator)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (csv.Error, _EndlessRecord):
            fields, reader = [""] * (width + 1) + ["unclosed"], _reader(lines, dialect.separator)
        start, was_cut_off, raw = lines.start, lines.has_ended, lines.take()
        is_unclosed = was_cut_off and len(raw) > 1 and "".join(raw).count('"') % 2 == 1
        if not fields:
            continue
        if len(fields) > width and not any(fields[width:]):
            del fields[width:]
        if len(fields) == width and not is_unclosed:
            yield start, fields, None
        else:
            lines.give_back(raw[1:])
            yield start, [], raw[0].rstrip("\r\n")


class _EndlessRecord(Exception):
    """A quotation mark was opened and nothing closes it within the lines of one record."""


class _Lines:
    """Lines of a stream with their numbers; keeps those of the record being read."""

    def __init__(self, stream: io.TextIOBase, name: str) -> None:
        self._stream = stream
        self._name = name
        self._held: list[str] = []
        self._held_length = 0
        self._returned: deque[str] = deque()
        self._read_again = 0
        self.number = 0
        self.has_ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self._held) >= MAX_RECORD_LINES or self._held_length > MAX_LINE:
            raise _EndlessRecord
        line = self._returned.popleft() if self._returned else self._stream.readline(MAX_LINE + 1)
        self.has_ended = not line
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE:
            raise UnreadableFile(
                f"{self._name} line {self.number} is longer than {MAX_LINE:,} characters; expected one row for each "
                "incident. Check that the file is a table with line breaks."
            )
        self._held.append(line)
        self._held_length += len(line)
        return line

    @property
    def has_returned(self) -> bool:
        """Whether lines wait that were looked at, or are read again."""
        return bool(self._returned)

    def plain(self, separator: str, width: int) -> PlainLines | None:
        """The next lines where all of them are plain; else they wait to be read one by one. None at the end too.

        Call it between two records.
        """
        if self._returned:
            return None
        text = self._stream.read(_PLAIN_CHARACTERS)
        while text and not text.endswith("\n"):
            rest = self._stream.readline(MAX_LINE + 1)
            text += rest
            if not rest or len(rest) > MAX_LINE:
                break
        if '"' not in text and text.count("\r") == text.count("\r\n") and text:
            found = pl.Series(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))
            is_plain = (found.str.count_matches(separator, literal=True) == width - 1) & (
                found.str.len_bytes() <= MAX_LINE
            )
            if is_plain.all() and (width > 1 or (found != "").all()):
                first, self.number = self.number + 1, self.number + found.len()
                return PlainLines(first, found)
        # Only the marks that end a line in a table end one here.
        self._returned.extend(io.StringIO(text, newline=""))
        return None

    @property
    def start(self) -> int:
        """Line on which the record being read starts."""
        return self.number - len(self._held) + 1

    def take(self) -> list[str]:
        """The lines read since the last time; they are one record."""
        held, self._held, self._held_length = self._held, [], 0
        return held

    def give_back(self, lines: list[str]) -> None:
        """Let lines just taken be read again."""
        self._read_again += sum(map(len, lines))
        if self._read_again > MOST_READ_AGAIN:
            raise UnreadableFile(
                f"{self._name} has quotation marks that are opened and never closed, again and again up to line "
                f"{self.number}; expected each to be closed. Export the file again, or replace them."
            )
        self._returned.extendleft(reversed(lines))
        self.number -= len(lines)


@contextmanager
def _open_bytes(path: Place, is_compressed: bool) -> Iterator[BinaryIO]:
    with path.open("rb") as plain:
        yield cast(BinaryIO, Unpacked(plain, path.name)) if is_compressed else cast(BinaryIO, plain)


@contextmanager
def _open_text(path: Place, encoding: str, is_compressed: bool) -> Iterator[io.TextIOBase]:
    with _open_bytes(path, is_compressed) as stream, _as_unreadable(path, encoding):
        yield io.TextIOWrapper(stream, encoding=encoding, newline="")


@contextmanager
def _as_unreadable(path: Place, encoding: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as trouble:
        raise UnreadableFile(
            f"{path.name} is damaged or incomplete gzip data ({trouble}). Copy or compress the file again."
        ) from None
    except UnicodeError as trouble:
        raise UnreadableFile(
            f"{path.name} is not text in {encoding}: {printable(str(trouble), most=120)}. Save it as UTF-8, or give "
            'its encoding in a mapping file: encoding = "cp1251".'
        ) from None


def _sniff_encoding(path: Place, is_compressed: bool) -> str:
    with _open_bytes(path, is_compressed) as stream, _as_unreadable(path, "UTF-8"):
        head = stream.read(_SAMPLE_BYTES)
        if head.startswith(codecs.BOM_UTF32_LE):
            raise UnreadableFile(
                f"{path.name} is text in UTF-32; expected UTF-8. Save it as UTF-8 and deliver it again."
            )
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        if len(head) >= 4 and 0 not in head[::2] and head[1::2].count(0) > 0.4 * len(head):
            return "utf-16-le"
        decoder = codecs.getincrementaldecoder("utf-8")()
        chunk = head
        while chunk:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return _sniff_older(chunk)
            chunk = stream.read(_CHUNK_BYTES)
    return "utf-8"


def _sniff_older(chunk: bytes) -> str:
    first = next(at for at, byte in enumerate(chunk) if byte > 0x7F)
    sample = chunk[max(0, first - 2_000) : first + 30_000]
    best = charset_normalizer.from_bytes(sample, cp_isolation=_SNIFFED).best()
    found = best.encoding if best else "cp1251"
    # KZ-1048 is Windows Cyrillic with the Kazakh letters in the places of Serbian and Ukrainian ones.
    return "kz1048" if found == "cp1251" else found


def _checked_encoding(path: Place, is_compressed: bool, encoding: str) -> str:
    """Refuse text that holds NUL characters: a binary file, whatever its name."""
    if encoding.startswith("utf-16"):
        return encoding
    line = 1
    with _open_bytes(path, is_compressed) as stream, _as_unreadable(path, encoding):
        while chunk := stream.read(_CHUNK_BYTES):
            at = chunk.find(0)
            if at >= 0:
                line += chunk.count(b"\n", 0, at)
                raise UnreadableFile(
                    f"{path.name} holds a zero byte on line {line}: it is binary or damaged, not text. "
                    "Expected CSV or Parquet; export the file again."
                )
            line += chunk.count(b"\n")
    return encoding


def _sniff_separator(header: str, rows: list[str]) -> str:
    """The separator that cuts header and first rows into the same number of fields, and the most of them."""

    def fit(separator: str) -> tuple[float, int]:
        width = len(_fields(header, separator))
        if width < 2:
            return (0.0, 0)
        widths = Counter(len(_fields(row, separator)) for row in rows if row.strip())
        share = widths[width] / widths.total() if widths else 1.0
        return (round(share, 1), width)

    return max(_SEPARATORS, key=fit)


def _reader(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    # A field may be as long as a record: the limits on lines and records are the ones that protect memory.
    csv.field_size_limit(3 * MAX_LINE)
    return csv.reader(lines, delimiter=separator)


def _fields(line: str, separator: str) -> list[str]:
    return next(_reader([line], separator), [])


def _distinct(header: list[str]) -> tuple[str, ...]:
    return tuple(name.strip() or f"column_{number}" for number, name in enumerate(header, start=1))
