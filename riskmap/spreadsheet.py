"""Texts in files that spreadsheets open: shown as they are, never calculated."""

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from riskmap.public.council_export import harmless

MOST_SIGNS_OF_TITLE = 31
"""Signs that a workbook allows in the name of a sheet."""


def plain(text: str) -> str:
    """A text without signs that workbooks refuse, and nothing a spreadsheet would calculate."""
    return harmless(ILLEGAL_CHARACTERS_RE.sub("", text))


def text_cell(sheet: WriteOnlyWorksheet, text: str, *, is_bold: bool = False) -> WriteOnlyCell:
    """A cell that holds a text and says so."""
    cell = WriteOnlyCell(sheet, value=plain(text))
    # Without this a text that begins like a formula would be one.
    cell.data_type = "s"
    if is_bold:
        cell.font = Font(bold=True)
    return cell
