"""My area on paper: one A4 page as PDF, and the drawing as a picture, from the facts of the area's page.

Both always carry their sentence, period, day of the data, link and, for a made-up city, its mark.
"""

from functools import lru_cache

from riskmap.documents import map_picture, pdf_file
from riskmap.documents.description import Block, Document, Heading, Paragraph, Picture, Table, Text, said
from riskmap.documents.map_picture import Shape
from riskmap.public import area_drawing, area_facts, area_words, explain, open_data, page
from riskmap.public.area_facts import AREA, Book, Facts, Place
from riskmap.release import Release
from riskmap.wording import Wording, in_language

MARGIN_MM = 15.0
SIZES = (1.0, 0.94, 0.88, 0.82)
"""Sizes of letters that are tried until everything stands on one page."""
DRAWING_MM = (88.0, 78.0, 70.0, 60.0)
"""Width of the drawing beside each of them."""
LETTERS = 1.9
"""Letters of a drawing that is shown so small."""
PDF, PNG = "application/pdf", "image/png"


def pdf(book: Book, place_id: str, words: Wording, *, link: str) -> bytes:
    """One page about a place; ``KeyError`` for one the release does not list."""
    return _pdf(open_data.Key(book.release), place_id, words.language, link)


def png(book: Book, place_id: str, words: Wording, *, link: str) -> bytes:
    """The drawing of a place with its words around it; errors as in `pdf`."""
    return _png(open_data.Key(book.release), place_id, words.language, link)


@lru_cache(maxsize=64)
def _pdf(key: open_data.Key, place_id: str, language: str, link: str) -> bytes:
    book, words = area_facts.book(key.release), in_language(language)
    made = b""
    for size, width in zip(SIZES, DRAWING_MM, strict=True):
        made = pdf_file.pdf_bytes(
            _document(book, place_id, words, link=link, drawing_mm=width), margin_mm=MARGIN_MM, size=size
        )
        if pdf_file.page_count(made) == 1:
            break
    return made


@lru_cache(maxsize=64)
def _png(key: open_data.Key, place_id: str, language: str, link: str) -> bytes:
    book, words = area_facts.book(key.release), in_language(language)
    facts = book.facts(place_id)
    shapes, height, legend = drawing(book, facts.place, words)
    around = map_picture.Words(
        title=area_words.name(book, facts.place, words),
        banner=words.text("simulated.banner") if book.release.is_simulated else None,
        sentences=area_words.lead(book, facts, words),
        below=[*_caveats(book.release, words), *_source(book, link, words)],
    )
    return map_picture.picture(shapes, height, legend=legend, words=around)


def drawing(book: Book, place: Place, words: Wording) -> tuple[list[Shape], int, list[tuple[str, str]]]:
    """Shapes of the areas around or inside a place, the height and the legend; empty where nothing is drawn."""
    around = book.children(place.parent_id or book.release.territory) if place.level == AREA else []
    shown = around or book.children(place.place_id) or book.children(book.release.territory)
    drawn = area_drawing.of_places(book.release, shown)
    if drawn is None:
        return [], 0, []
    rows = area_words.rows(book, shown, words)
    shapes = [
        Shape(
            path=drawn.paths[row.place_id],
            key=row.key,
            number=row.number,
            middle=drawn.middles.get(row.place_id),
            is_own=row.place_id == place.place_id,
        )
        for row in rows
        if row.place_id in drawn.paths
    ]
    return shapes, drawn.height, area_words.legend(book.release, rows, words)


def _document(book: Book, place_id: str, words: Wording, *, link: str, drawing_mm: float) -> Document:
    facts, release = book.facts(place_id), book.release
    name = area_words.name(book, facts.place, words)
    first, *others = area_words.lead(book, facts, words)
    blocks: list[Block] = [
        Heading(text=name, level=0),
        Paragraph(text=said(first, is_strong=True)),
        *(Paragraph(text=said(sentence)) for sentence in others),
        *_picture(book, facts.place, words, drawing_mm),
        *_numbers(facts, words),
        Heading(text=words.text("panel.not_included"), level=2),
        *(Paragraph(text=said(caveat)) for caveat in _caveats(release, words)),
        *(Paragraph(text=said(line), is_small=True) for line in _source(book, link, words)),
    ]
    return Document(
        title=name,
        language=words.language,
        made_on=release.as_of,
        blocks=tuple(blocks),
        banner=words.text("simulated.banner") if release.is_simulated else None,
    )


def _picture(book: Book, place: Place, words: Wording, width_mm: float) -> list[Block]:
    shapes, height, legend = drawing(book, place, words)
    if not shapes:
        return []
    made = map_picture.picture(shapes, height, legend=legend, words=map_picture.Words(), letters=LETTERS)
    text = f"{words.text('area.parts.map')}. {'; '.join(text for _, text in legend)}"
    return [Picture(png=made, words=text, caption=words.text("area.parts.map"), width_mm=width_mm)]


def _numbers(facts: Facts, words: Wording) -> list[Block]:
    """Kinds and parts of the day beside each other, in one table: pages are short."""
    if not facts.kinds_year or facts.total is None:
        return []
    kinds, hours = area_words.kinds(facts, words), area_words.hours(facts, words)
    hidden = words.text("area.not_shown")
    left = [(said(kind), said(count)) for kind, count in kinds]
    right = [(said(part), said(count or hidden)) for part, count in hours]
    nothing: tuple[Text, Text] = (said(""), said(""))
    rows = tuple(
        (left[at] if at < len(left) else nothing) + (right[at] if at < len(right) else nothing)
        for at in range(max(len(left), len(right)))
    )
    count = words.text("area.column.count")
    head = (words.text("area.column.kind"), count, words.text("area.column.part"), count)
    told: list[Block] = [Heading(text=words.text("area.sheet.numbers", year=facts.kinds_year), level=2)]
    if rows:
        told.append(Table(head=head, rows=rows, shares=(30, 20, 30, 20)))
    if not kinds:
        told.append(Paragraph(text=said(words.text("area.kinds.none")), is_small=True))
    if not hours:
        told.append(Paragraph(text=said(words.text("area.hours.none")), is_small=True))
    return told


def _caveats(release: Release, words: Wording) -> list[str]:
    if release.manifest["official"]:
        return [words.text("country.measure"), words.text("not_in.low")]
    return [words.text("not_in.number"), words.text("not_in.low")]


def _source(book: Book, link: str, words: Wording) -> list[str]:
    """Day of the data, release and address: what a sheet needs when its page is far away."""
    release = book.release
    told = [explain.official_source(release, words)] if release.manifest["official"] else []
    as_of = words.text("panel.data_as_of", date_loc=words.date_locative(release.as_of))
    return [*told, as_of, words.text("sheet.source", id=release.release_id, link=link)]


def ways(path: str, language: str) -> tuple[str, str]:
    """Addresses of the PDF and of the picture beside a place's page."""
    return page.address(f"{path}.pdf", lang=language), page.address(f"{path}.png", lang=language)
