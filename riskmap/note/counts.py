"""The chapters of a note that tell counts: period, places, kinds, map, sensitive kinds. All from the release."""

from datetime import date

from riskmap.documents import map_picture
from riskmap.documents.description import Block, Heading, Paragraph, Picture, Span, Table, Text, said
from riskmap.note import span as spans
from riskmap.note.sources import COUNTS, Sources, number
from riskmap.public import area_facts, area_sheet, area_words, off_map_pages, open_data
from riskmap.public.area_facts import QUARTERS, Book, Place
from riskmap.wording import EN_DASH, Wording

SENSITIVE_YEARS = 2


def period(book: Book, asked: spans.Span, told: tuple[str, ...], words: Wording) -> list[Block]:
    """What was asked for, and which part of it has counts."""
    first, last = (int(one[-1]) for one in (told[0], told[-1]))
    after = asked.end if told[-1] == asked.quarters[-1] else date(asked.year, 3 * last + 1, 1)
    days = words.period(date(asked.year, 3 * first - 2, 1), after)
    blocks: list[Block] = [
        Heading(text=words.text("note.span.title")),
        _written(words.text("note.span.asked", period=asked.in_words(words))),
        _written(words.text("note.span.told", quarters=", ".join(one[-1] for one in told), days=days)),
    ]
    if told != asked.quarters:
        blocks.append(_written(words.text("note.span.missing")))
    as_of = words.text("panel.data_as_of", date_loc=words.date_locative(book.release.as_of))
    return [*blocks, _written(as_of)]


def places(book: Book, place: Place, told: tuple[str, ...], sources: Sources, words: Wording) -> list[Block]:
    """Counts, ranges and changes of a place and of the places one level below it."""
    head = (
        words.text("area.column.area"),
        words.text("note.column.now"),
        words.text("note.column.before"),
        words.text("note.column.range"),
        words.text("note.column.change"),
    )
    rows = tuple(_place_row(book, one, told, sources, words) for one in (place, *book.children(place.place_id)))
    name, count = area_words.name(book, place, words), book.count_of(place, told)
    blocks: list[Block] = [Heading(text=words.text("note.counts.title"))]
    if count is not None:
        note = sources.of_counts("quarter", place.place_id, told)
        lead = (
            Span(text=words.text("note.counts.whole", place=name) + ": "),
            Span(text=words.number(count), note=note, is_strong=True),
            Span(text="."),
        )
        blocks.append(Paragraph(text=lead, is_machine_written=True))
    blocks += [
        Table(head=head, rows=rows, shares=(30, 16, 16, 22, 16)),
        Paragraph(text=said(words.text("note.counts.order")), is_small=True),
    ]
    return blocks


def _place_row(book: Book, place: Place, told: tuple[str, ...], sources: Sources, words: Wording) -> tuple[Text, ...]:
    earlier = spans.year_before(told)
    now, before = book.count_of(place, told), book.count_of(place, earlier)
    residents, earlier_ids = book.residents_of(place), " + ".join(book.parts_of(place, int(earlier[0][:4])))
    change = "unknown" if now is None or before is None else area_facts.change(now, before)
    ends = area_facts.likely_rate(now, residents, len(told) / QUARTERS) if now is not None and residents else None
    is_visited = book.facts(place.place_id).is_visited
    if is_visited:
        level = said(words.text("area.visitors.short"))
    elif ends is None:
        level = said(EN_DASH)
    else:
        level = number(words.range(*ends, digits=1), sources.of_range(place.place_id, told))
    return (
        said(area_words.name(book, place, words)),
        _counted(now, sources.of_counts("quarter", place.place_id, told), words),
        said(EN_DASH)
        if before is None
        else number(words.number(before), sources.of_counts("quarter", earlier_ids, earlier)),
        level,
        said(words.text(f"note.change.{change}")),
    )


def groups(book: Book, place: Place, asked: spans.Span, sources: Sources, words: Wording) -> list[Block]:
    """Counts by kind of the newest whole year the span reaches, beside the year before."""
    title = Heading(text=words.text("note.groups.title"))
    year = next(
        (one for one in range(asked.last_whole_year, 1999, -1) if any(book.kinds_of(place, one).values())), None
    )
    if year is None:
        return [title, _written(words.text("note.groups.none"))]
    now, before = book.kinds_of(place, year), book.kinds_of(place, year - 1)
    head = (
        words.text("area.column.kind"),
        words.text("note.column.year", year=year),
        words.text("note.column.year", year=year - 1),
        words.text("note.column.range"),
        words.text("note.column.change"),
    )
    residents, rows = book.residents_of(place), []
    for group in sorted(now):
        count, earlier = now[group], before.get(group)
        change = "unknown" if count is None or earlier is None else area_facts.change(count, earlier)
        ends = area_facts.likely_rate(count, residents, 1.0) if count is not None and residents else None
        where = {"offence_group": group}
        rows.append(
            (
                said(words.text(f"group.{group}")),
                _counted(count, sources.of_counts("year_group", place.place_id, [str(year)], **where), words),
                _counted(earlier, sources.of_counts("year_group", place.place_id, [str(year - 1)], **where), words),
                said(EN_DASH)
                if ends is None
                else number(words.range(*ends, digits=1), sources.of_range(place.place_id, [str(year)], **where)),
                said(words.text(f"note.change.{change}")),
            )
        )
    return [
        title,
        _written(words.text("note.groups.year", year=year)),
        Table(head=head, rows=tuple(rows), shares=(30, 16, 16, 22, 16)),
    ]


def _counted(count: int | None, note: str, words: Wording) -> Text:
    return said(words.text("area.not_shown")) if count is None else number(words.number(count), note)


def drawn(book: Book, place: Place, words: Wording) -> list[Block]:
    """The drawing of the places below a place; nothing where there is none."""
    shapes, height, legend = area_sheet.drawing(book, place, words)
    if not shapes:
        return []
    made = map_picture.picture(shapes, height, legend=legend, words=map_picture.Words(), letters=1.5)
    shown = f"{words.text('area.parts.map')}. {'; '.join(text for _, text in legend)}"
    return [
        Heading(text=words.text("note.map.title")),
        _written(words.text("note.map.as_of")),
        Picture(png=made, words=shown, caption=words.text("area.parts.map"), width_mm=120.0),
    ]


def sensitive(book: Book, asked: spans.Span, sources: Sources, words: Wording) -> list[Block]:
    """Sensitive kinds as they are published: by region and whole year, and nothing finer."""
    blocks: list[Block] = [
        Heading(text=words.text("note.sensitive.title")),
        _written(words.text("off_map.sensitive.text")),
    ]
    rows = open_data.counts_table(book.release)
    codes = sorted(set(rows.filter(rows["kind"] == "sensitive")["offence_group"].to_list()))
    ids = [book.release.territory, *(one.place_id for one in book.children(book.release.territory))]
    tables = [one for one in off_map_pages.sensitive(book, words) if int(one[0]) <= asked.last_whole_year]
    for year, (heads, lines) in tables[:SENSITIVE_YEARS]:
        told = []
        for place_id, (name, cells) in zip(ids, lines, strict=False):
            row = [said(name)]
            for code, cell in zip(codes, cells, strict=True):
                note = sources.of_release(COUNTS, kind="sensitive", period=year, place_id=place_id, offence_group=code)
                row.append(said(words.text("area.not_shown")) if cell is None else number(cell, note))
            told.append(tuple(row))
        head = (words.text("area.column.area"), *heads)
        shares = (15, *(85 // max(len(heads), 1) for _ in heads))
        blocks += [
            Heading(text=words.text("note.sensitive.year", year=int(year)), level=2),
            Table(head=head, rows=tuple(told), shares=shares),
        ]
    if not tables:
        blocks.append(_written(words.text("off_map.sensitive.none")))
    return blocks


def _written(text: str) -> Paragraph:
    return Paragraph(text=said(text), is_machine_written=True)
