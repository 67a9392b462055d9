"""The council's analytic note and half-year information: the whole description, and its file.

The numbers come from the newest release and journal alone, each with a footnote that names file, filter and release.
"""

from pathlib import Path

from riskmap import disk
from riskmap import journal as journals_on_disk
from riskmap.documents import description, docx_file, pdf_file
from riskmap.documents.description import Block, Document, Heading, PageBreak, Paragraph, SignatureLine, said
from riskmap.errors import CannotWrite, InvalidNote, NothingToTell
from riskmap.note import counts, decisions
from riskmap.note.sources import Sources
from riskmap.note.span import Span
from riskmap.public import area_words, off_map_pages
from riskmap.public.area_facts import Book, Place
from riskmap.wording import Wording

WRITERS = {".docx": docx_file.docx_bytes, ".pdf": pdf_file.pdf_bytes}
SIGNED_BY = ("chair", "secretary")


def describe(book: Book, place: Place, asked: Span, words: Wording, *, journals: Path) -> Document:
    """The note about a place and a period.

    Raises
    ------
    NothingToTell
        If the release tells no count of the period.
    DamagedRelease
        If files of the journal are missing or changed.
    """
    release = book.release
    told = tuple(one for one in asked.quarters if one in book.quarters)
    if not told or book.count_of(book.places[release.territory], told) is None:
        span = f"{book.quarters[0]} to {book.quarters[-1]}" if book.quarters else "no quarter"
        raise NothingToTell(
            f"Release {release.release_id} tells {span}; the period {asked.start} to before {asked.end} holds none of "
            "these quarters. Choose another --period, or publish a release that covers it."
        )
    journal = journals_on_disk.latest(journals, release.territory)
    sources = Sources(release=release, journal=journal, words=words)
    name = area_words.name(book, place, words)
    title = f"{words.text('note.title')}: {name}, {asked.in_words(words)}"
    blocks: list[Block] = [
        Heading(text=words.text("note.title"), level=0),
        Paragraph(text=said(words.text("note.subtitle"))),
        Paragraph(text=said(f"{name}. {asked.in_words(words)}", is_strong=True)),
        Paragraph(text=said(words.text("note.draft"), is_strong=True)),
        Paragraph(text=said(words.text("note.machine.how"))),
        *counts.period(book, asked, told, words),
        PageBreak(),
        *counts.places(book, place, told, sources, words),
        *counts.groups(book, place, asked, sources, words),
        *counts.drawn(book, place, words),
        *decisions.goals(words),
        *decisions.told(journal, place, asked, sources, words),
        *decisions.forecast(sources, words),
        *counts.sensitive(book, asked, sources, words),
        *_limits(book, words),
        Heading(text=words.text("note.sign.title")),
        *(SignatureLine(role=words.text(f"note.sign.{one}")) for one in SIGNED_BY),
    ]
    return Document(
        title=title,
        language=words.language,
        made_on=release.as_of,
        blocks=tuple(blocks),
        machine_mark=words.text("note.machine"),
        notes_title=words.text("note.notes"),
        banner=words.text("simulated.banner") if release.is_simulated else None,
        footer=title,
    )


def require_suffix(path: Path) -> None:
    """Refuse a file name that is neither DOCX nor PDF.

    Raises
    ------
    InvalidNote
        If it is not.
    """
    if path.suffix.lower() not in WRITERS:
        raise InvalidNote(
            f"--out {path.name!r} ends with {path.suffix!r}; expected a name that ends with .docx or .pdf."
        )


def save(document: Document, path: Path) -> tuple[bool, int]:
    """Write a note to a new file; whether it is new, and how many footnotes it has.

    Raises
    ------
    InvalidNote
        If the suffix is unknown, or another file of that name is there.
    CannotWrite
        If the folder cannot be written.
    """
    require_suffix(path)
    data, notes = WRITERS[path.suffix.lower()](document), len(description.numbered_notes(document))
    if path.exists():
        if path.is_file() and path.read_bytes() == data:
            return False, notes
        raise InvalidNote(f"{path} is there already and differs; it may have been edited. Choose another --out name.")
    try:
        disk.write_synced(path, data)
    except OSError as error:
        raise CannotWrite(
            f"{path} cannot be written: {error.strerror or error}. Choose a folder that exists and that this user may "
            "write to."
        ) from error
    return True, notes


def _limits(book: Book, words: Wording) -> list[Block]:
    """What the numbers cannot say."""
    told = [
        words.text("not_in.number"),
        words.text("not_in.low"),
        words.text("note.limits.cause"),
        words.text("note.limits.people"),
        words.text("area.kinds.rest"),
        off_map_pages.coverage(book.release, words)[-1],
    ]
    return [
        Heading(text=words.text("note.limits.title")),
        *(Paragraph(text=said(one), is_listed=True, is_machine_written=True) for one in told),
    ]
