"""What a document says, free of any file format: `docx_file` and `pdf_file` write the same description.

A number carries its footnote in its own `Span`. Equal footnotes share a mark, in the order they are first met. Signs
that no file of the kind can hold, such as control signs, are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs that XML, and so DOCX, forbids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of text; ``note`` is the footnote that stands behind it."""

    text: str
    note: str | None = None
    is_strong: bool = False

    def __post_init__(self) -> None:
        _make_writable(self, "text", "note")


Text = tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading; ``level`` 0 is the document's title, 1 to 3 its parts."""

    text: str
    level: int = 1

    def __post_init__(self) -> None:
        _make_writable(self, "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph. ``is_machine_written`` puts the document's mark for such sentences behind it."""

    text: Text
    is_machine_written: bool = False
    is_small: bool = False
    is_listed: bool = False
    """Whether it stands in a list, with a dot before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a head that is repeated on each page; ``shares`` are the widths of the columns beside each other."""

    head: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    shares: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as PNG bytes; ``words`` say what it shows to those who do not see it."""

    png: bytes
    words: str
    caption: str = ""
    width_mm: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """An empty line for a signature above the role of whoever signs."""

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBreak:
    """The next block begins a page."""


Block = Heading | Paragraph | Table | Picture | SignatureLine | PageBreak


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document in one language.

    ``made_on`` is the only day written into the file, so that equal descriptions give equal bytes. ``banner`` stands
    above every page, ``machine_mark`` behind machine-written sentences, ``notes_title`` above the footnotes where the
    format puts them at the end.
    """

    title: str
    language: str
    made_on: date
    blocks: tuple[Block, ...]
    machine_mark: str = ""
    notes_title: str = ""
    banner: str | None = None
    footer: str = ""

    def __post_init__(self) -> None:
        _make_writable(self, "title", "footer")


def _make_writable(thing: object, *names: str) -> None:
    for name in names:
        text = getattr(thing, name)
        if text and _UNWRITABLE.search(text):
            object.__setattr__(thing, name, _UNWRITABLE.sub("", text))


def said(text: str, *, note: str | None = None, is_strong: bool = False) -> Text:
    """A text of one piece."""
    return (Span(text=text, note=note, is_strong=is_strong),)


def texts(document: Document) -> Iterator[Text]:
    """Every text of a document that may carry footnotes, in reading order."""
    for block in document.blocks:
        if isinstance(block, Paragraph):
            yield block.text
        elif isinstance(block, Table):
            for row in block.rows:
                yield from row


def numbered_notes(document: Document) -> dict[str, int]:
    """Footnotes with their numbers, from 1 in the order they are first met."""
    found: dict[str, int] = {}
    for text in texts(document):
        for span in text:
            if span.note is not None:
                found.setdefault(span.note, len(found) + 1)
    return found
