"""A description as PDF on A4: selectable text in our own font, title, language, outline and page numbers.

Footnotes stand at the end, where each mark leads. Equal descriptions give equal bytes. fpdf2 writes no structure
tags, so the page on the site and the DOCX are what a screen reader should be given.
"""

import struct
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, time
from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from riskmap.documents import description, fonts
from riskmap.documents.description import (
    Block,
    Document,
    Heading,
    PageBreak,
    Paragraph,
    Picture,
    SignatureLine,
    Table,
    Text,
)

MARGIN_MM = 18.0
FONT = "noto"
INK, SOFT, LINE, STRIPE = (29, 39, 51), (85, 97, 110), (196, 203, 209), (243, 233, 214)
HEADING_PT = {0: 17.0, 1: 13.5, 2: 11.5, 3: 10.5}
BODY_PT, SMALL_PT = 9.8, 8.2
MINUS = "\u2212"
WIDE_FROM, WIDE_SIZE = 6, 0.78
"""Tables of so many columns have smaller letters, or long words would be broken."""
TABLE_HEAD_MM, LINE_MM = 38.0, 7.0
"""What a table needs to begin below its heading, and about what a paragraph's line does."""


class _Sheets(FPDF):
    """Pages with the document's banner above and its footer and page number below."""

    def __init__(self, document: Document) -> None:
        super().__init__(unit="mm", format="A4")
        self.document = document

    def header(self) -> None:
        if self.document.banner:
            self.set_font(FONT, "B", SMALL_PT)
            self.set_fill_color(*STRIPE)
            self.set_text_color(*INK)
            self.cell(0, 6, self.document.banner, align="C", fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(2)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FONT, "", 7.5)
        self.set_text_color(*SOFT)
        self.cell(self.epw - 20, 5, self.document.footer or self.document.title)
        self.cell(20, 5, f"{self.page_no()} / {{nb}}", align="R")


def pdf_bytes(document: Document, *, margin_mm: float = MARGIN_MM, size: float = 1.0) -> bytes:
    """The document as PDF; ``size`` makes all letters smaller or larger.

    Raises
    ------
    MissingFont
        If the font has not been placed.
    """
    with tempfile.TemporaryDirectory() as beside:
        sheets = _Sheets(document)
        for style, weight in (("", fonts.REGULAR), ("B", fonts.STRONG)):
            path = Path(beside) / f"noto-{weight}.ttf"
            path.write_bytes(fonts.font_bytes(weight))
            sheets.add_font(FONT, style, path)
        sheets.set_title(document.title)
        sheets.set_lang(document.language)
        sheets.set_author("riskmap")
        sheets.set_creator("riskmap")
        sheets.set_producer("riskmap, fpdf2")
        sheets.set_creation_date(datetime.combine(document.made_on, time(), UTC))
        sheets.set_display_mode("default")
        sheets.set_margins(margin_mm, margin_mm, margin_mm)
        sheets.set_auto_page_break(auto=True, margin=18)
        sheets.add_page()
        numbers = description.numbered_notes(document)
        links = {note: sheets.add_link() for note in numbers}
        for at, block in enumerate(document.blocks):
            if isinstance(block, Heading) and sheets.will_page_break(_together_mm(document.blocks[at:], size)):
                sheets.add_page()
            _block(sheets, block, numbers, links, size)
        _notes(sheets, numbers, links, size)
        return bytes(sheets.output())


def _together_mm(blocks: Sequence[Block], size: float) -> float:
    """Height a heading needs with what must stand on its page: up to the first picture or rows of the first table."""
    height = 0.0
    for block in blocks[:4]:
        if isinstance(block, Picture):
            width, tall = struct.unpack(">II", block.png[16:24])
            return height + block.width_mm * float(tall / width) + LINE_MM
        if isinstance(block, Table):
            return height + TABLE_HEAD_MM * size
        if isinstance(block, SignatureLine):
            return height + TABLE_HEAD_MM
        height += LINE_MM * 2 * size
        if isinstance(block, Paragraph) and block.is_listed:
            break
    return height


def _block(sheets: _Sheets, block: Block, numbers: dict[str, int], links: dict[str, int], size: float) -> None:
    if isinstance(block, Heading):
        _heading(sheets, block, size)
    elif isinstance(block, Paragraph):
        _paragraph(sheets, block, numbers, links, size)
    elif isinstance(block, Table):
        _table(sheets, block, numbers, size)
    elif isinstance(block, Picture):
        _picture(sheets, block, size)
    elif isinstance(block, SignatureLine):
        _signature(sheets, block, size)
    elif isinstance(block, PageBreak):
        sheets.add_page()


def _heading(sheets: _Sheets, block: Heading, size: float) -> None:
    points = HEADING_PT[block.level] * size
    sheets.ln(points * 0.18)
    sheets.set_font(FONT, "B", points)
    sheets.set_text_color(*INK)
    if block.level:
        sheets.start_section(block.text, level=block.level - 1)
    sheets.multi_cell(0, points * 0.46, block.text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheets.ln(points * 0.08)


def _paragraph(sheets: _Sheets, block: Paragraph, numbers: dict[str, int], links: dict[str, int], size: float) -> None:
    points = (SMALL_PT if block.is_small else BODY_PT) * size
    height = points * 0.5
    left = sheets.l_margin
    if sheets.will_page_break(height * 2):
        sheets.add_page()
    sheets.set_text_color(*(SOFT if block.is_small else INK))
    if block.is_listed:
        sheets.set_font(FONT, "", points)
        sheets.cell(4, height, "•")
        sheets.set_left_margin(left + 4)
        sheets.set_x(left + 4)
    for span in block.text:
        sheets.set_font(FONT, "B" if span.is_strong else "", points)
        sheets.write(height, span.text)
        if span.note is not None:
            sheets.set_font(FONT, "", points * 0.8)
            mark = f"\u00a0[{numbers[span.note]}]"
            if sheets.get_x() + sheets.get_string_width(mark) > sheets.w - sheets.r_margin:
                sheets.ln(height)
            sheets.write(height, mark, links[span.note])
    if block.is_machine_written and sheets.document.machine_mark:
        sheets.set_font(FONT, "", points * 0.75)
        sheets.set_text_color(*SOFT)
        sheets.write(height, f" [{sheets.document.machine_mark}]".replace(" ", "\u00a0").replace("\u00a0", " ", 1))
    sheets.set_left_margin(left)
    sheets.ln(height + points * 0.13)


def _table(sheets: _Sheets, block: Table, numbers: dict[str, int], size: float) -> None:
    points = (BODY_PT - 1) * size * (WIDE_SIZE if len(block.head) >= WIDE_FROM else 1.0)
    sheets.set_font(FONT, "", points)
    sheets.set_text_color(*INK)
    sheets.set_draw_color(*LINE)
    aligned = tuple("LEFT" if column == 0 else _alignment(block, column) for column in range(len(block.head)))
    with sheets.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", color=INK, fill_color=STRIPE),
        line_height=points * 0.47,
        col_widths=block.shares,
        text_align=aligned,
        padding=(0.7, 1.0, 0.7, 1.0),
    ) as table:
        for row in (tuple(description.said(head) for head in block.head), *block.rows):
            line = table.row()
            for text in row:
                line.cell(_flat(text, numbers))
    sheets.ln(points * 0.25)


def _alignment(block: Table, column: int) -> str:
    """Columns that hold numbers stand to the right."""
    told = [text for row in block.rows if (text := _flat(row[column], {}))]
    return "RIGHT" if any(text[0].isdigit() or text[0] == MINUS for text in told) else "LEFT"


def _flat(text: Text, numbers: dict[str, int]) -> str:
    return "".join(
        span.text + (f"\u00a0[{numbers[span.note]}]" if span.note is not None and numbers else "") for span in text
    )


def _picture(sheets: _Sheets, block: Picture, size: float) -> None:
    width = min(block.width_mm, sheets.epw)
    sheets.image(BytesIO(block.png), w=width, alt_text=block.words)
    if block.caption:
        sheets.set_font(FONT, "", SMALL_PT * size)
        sheets.set_text_color(*SOFT)
        sheets.multi_cell(0, 4, block.caption, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheets.ln(1.5)


def _signature(sheets: _Sheets, block: SignatureLine, size: float) -> None:
    if sheets.will_page_break(20):
        sheets.add_page()
    sheets.ln(11)
    sheets.set_draw_color(*INK)
    y = sheets.get_y()
    sheets.line(sheets.l_margin, y, sheets.l_margin + 85, y)
    sheets.line(sheets.l_margin + 95, y, sheets.l_margin + 135, y)
    sheets.set_font(FONT, "", SMALL_PT * size)
    sheets.set_text_color(*SOFT)
    sheets.multi_cell(0, 4.5, block.role, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _notes(sheets: _Sheets, numbers: dict[str, int], links: dict[str, int], size: float) -> None:
    if not numbers:
        return
    _heading(sheets, Heading(text=sheets.document.notes_title), size)
    points = SMALL_PT * size
    for note, number in numbers.items():
        height = points * 0.46
        if sheets.will_page_break(height * 2):
            sheets.add_page()
        sheets.set_link(links[note], y=sheets.get_y(), page=sheets.page_no())
        sheets.set_font(FONT, "", points)
        sheets.set_text_color(*INK)
        sheets.multi_cell(0, height, f"[{number}] {note}", align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def page_count(pdf: bytes) -> int:
    """Pages of a file `pdf_bytes` has made."""
    return pdf.count(b"/Type /Page\n")
