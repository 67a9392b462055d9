"""A description as DOCX: real headings, tables with repeated heads, pictures with words, footnotes Word knows.

python-docx (MIT) has no footnotes, so their part is written here by the rules of WordprocessingML: the first mark of
a note is the footnote itself, later marks of the same note refer to it. Equal descriptions give equal bytes.
"""

import zipfile
from datetime import datetime, time
from io import BytesIO
from xml.sax.saxutils import escape

import docx
from docx.document import Document as Sheets
from docx.enum.text import WD_BREAK
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph as Line

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

FOOTNOTES = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
FIXED = (1980, 1, 1, 0, 0, 0)
"""Day of every file in the archive: the earliest a ZIP can hold."""
LANGUAGE = {"kk": "kk-KZ", "ru": "ru-RU", "en": "en-GB"}
BODY_PT, SMALL_PT = 10.5, 8.5
INK, SOFT = RGBColor(29, 39, 51), RGBColor(85, 97, 110)


def docx_bytes(document: Document) -> bytes:
    """The document as DOCX."""
    sheets = docx.Document()
    _prepare(sheets, document)
    writer = _Writer(sheets, document)
    for block in document.blocks:
        writer.add(block)
    if writer.numbers:
        _add_footnotes(sheets, list(writer.numbers))
    written = BytesIO()
    sheets.save(written)
    return _with_fixed_days(written.getvalue())


class _Writer:
    """Writes blocks one below the other and knows which notes already have their mark."""

    def __init__(self, sheets: Sheets, document: Document) -> None:
        self.sheets, self.document = sheets, document
        self.numbers = description.numbered_notes(document)
        self._marked: set[str] = set()

    def add(self, block: Block) -> None:
        if isinstance(block, Heading):
            self.sheets.add_heading(block.text, level=block.level)
        elif isinstance(block, Paragraph):
            self._paragraph(block)
        elif isinstance(block, Table):
            self._table(block)
        elif isinstance(block, Picture):
            self._picture(block)
        elif isinstance(block, SignatureLine):
            line = self.sheets.add_paragraph("_" * 42 + "    " + "_" * 20)
            line.paragraph_format.space_before = Pt(22)
            line.paragraph_format.keep_with_next = True
            self._small(self.sheets.add_paragraph(block.role))
        elif isinstance(block, PageBreak):
            self.sheets.add_paragraph().add_run().add_break(WD_BREAK.PAGE)

    def _paragraph(self, block: Paragraph) -> None:
        line = self.sheets.add_paragraph(style="List Bullet" if block.is_listed else None)
        self._write(line, block.text)
        if block.is_small:
            self._small(line)
        if block.is_machine_written and self.document.machine_mark:
            mark = line.add_run(f" [{self.document.machine_mark}]")
            mark.font.size, mark.font.color.rgb = Pt(7.5), SOFT

    def _table(self, block: Table) -> None:
        table = self.sheets.add_table(rows=0, cols=len(block.head), style="Table Grid")
        head = table.add_row()
        head._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
        for cell, text in zip(head.cells, block.head, strict=True):
            cell.paragraphs[0].add_run(text).bold = True
        for row in block.rows:
            for cell, told in zip(table.add_row().cells, row, strict=True):
                self._write(cell.paragraphs[0], told)
        for row in table.rows:
            for cell in row.cells:
                cell.paragraphs[0].paragraph_format.space_after = Pt(1)
                for run in cell.paragraphs[0].runs:
                    run.font.size = run.font.size or Pt(9)
        if block.shares:
            width = 17.0 / sum(block.shares)
            for row in table.rows:
                for cell, share in zip(row.cells, block.shares, strict=True):
                    cell.width = Cm(width * share)
        self.sheets.add_paragraph().paragraph_format.space_after = Pt(2)

    def _picture(self, block: Picture) -> None:
        shape = self.sheets.add_picture(BytesIO(block.png), width=Mm(block.width_mm))
        shape._inline.docPr.set("descr", block.words)
        if block.caption:
            self._small(self.sheets.add_paragraph(block.caption))

    def _write(self, line: Line, text: Text) -> None:
        for span in text:
            line.add_run(span.text).bold = span.is_strong or None
            if span.note is not None:
                self._mark(line, span.note)

    def _mark(self, line: Line, note: str) -> None:
        """A footnote at its first mark, a reference to it at later ones."""
        number = self.numbers[note]
        if note in self._marked:
            field = OxmlElement("w:fldSimple")
            field.set(qn("w:instr"), f" NOTEREF _Note{number} \\f \\h ")
            run = line.add_run(str(number))
            run.font.superscript = True
            line._p.append(field)
            field.append(run._r)
            return
        self._marked.add(note)
        begin, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for mark in (begin, end):
            mark.set(qn("w:id"), str(number))
        begin.set(qn("w:name"), f"_Note{number}")
        line._p.append(begin)
        run = line.add_run()
        run.font.superscript = True
        reference = OxmlElement("w:footnoteReference")
        reference.set(qn("w:id"), str(number + 1))
        run._r.append(reference)
        line._p.append(end)

    @staticmethod
    def _small(line: Line) -> None:
        for run in line.runs:
            run.font.size, run.font.color.rgb = Pt(SMALL_PT), SOFT


def _prepare(sheets: Sheets, document: Document) -> None:
    """Paper, styles, properties, banner and page numbers."""
    section = sheets.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    section.top_margin = section.bottom_margin = Mm(18)
    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Heading 3", "List Bullet"):
        style = sheets.styles[name]
        style.font.name = fonts.FAMILY
        style.font.color.rgb = INK
        family = style.element.get_or_add_rPr().get_or_add_rFonts()
        for use in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            family.set(qn(use), fonts.FAMILY)
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            family.attrib.pop(qn(theme), None)
    sheets.styles["Normal"].font.size = Pt(BODY_PT)
    sheets.styles["Title"].font.size = Pt(20)
    for language in sheets.styles.element.iter(qn("w:lang")):
        for use in ("w:val", "w:eastAsia"):
            language.set(qn(use), LANGUAGE[document.language])
    told, moment = sheets.core_properties, datetime.combine(document.made_on, time())
    told.title, told.language, told.author = document.title, LANGUAGE[document.language], "riskmap"
    told.last_modified_by, told.comments, told.revision = "riskmap", "", 1
    told.created = told.modified = moment
    if document.banner:
        section.header.paragraphs[0].add_run(document.banner).bold = True
    line = section.footer.paragraphs[0]
    line.add_run(f"{document.footer or document.title}   ").font.size = Pt(8)
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), " PAGE ")
    line._p.append(field)


def _add_footnotes(sheets: Sheets, notes: list[str]) -> None:
    """The part of footnotes: two that separate, then ours from 2 on."""
    lines = [
        f'<w:footnote w:type="{kind}" w:id="{own}"><w:p><w:r><w:{element}/></w:r></w:p></w:footnote>'
        for own, kind, element in (
            (0, "separator", "separator"),
            (1, "continuationSeparator", "continuationSeparator"),
        )
    ]
    lines += [
        f'<w:footnote w:id="{number + 1}"><w:p><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:footnoteRef/>'
        f'</w:r><w:r><w:rPr><w:sz w:val="16"/></w:rPr><w:t xml:space="preserve"> {escape(note)}</w:t></w:r></w:p>'
        "</w:footnote>"
        for number, note in enumerate(notes, start=1)
    ]
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    xml = f"{head}<w:footnotes {nsdecls('w')}>{''.join(lines)}</w:footnotes>"
    part = Part(PackURI("/word/footnotes.xml"), FOOTNOTES, xml.encode(), sheets.part.package)
    sheets.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)


def _with_fixed_days(data: bytes) -> bytes:
    """The same archive without the moment it was made at."""
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(zipfile.ZipInfo(entry.filename, FIXED), old.read(entry), zipfile.ZIP_DEFLATED)
    return written.getvalue()
