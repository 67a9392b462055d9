"""A small form 1-М with made-up numbers, as a workbook of nested headings like the official one."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

Cell = str | float | None

HEAD: tuple[tuple[Cell, ...], ...] = (
    (),
    ("Форма отчета № 1-М «О зарегистрированных уголовных правонарушениях»",),
    ("Раздел 1. Сведения о зарегистрированных уголовных правонарушениях",),
    (
        "Наименование показателей",
        None,
        None,
        "Шифр строки",
        "Количество правонарушений, уголовные дела о которых находились в производстве в  отчетном периоде",
        "Количество правонарушений, зарегистрированных в ЕРДР в отчетном периоде",
        "в т.ч. совершенные в прошлых годах (из графы 2)",
        "из графы 2",
    ),
    (*[None] * 7, "в отношении женщин", "в отношении несовершеннолетних"),
    ("А", None, None, "Б", 1, 2, 3, 4, 5),
)

LINES: tuple[tuple[Cell, ...], ...] = (
    ("Всего правонарушений", None, None, 1, 150, 120, 9, 40, 6),
    ("из них", "проступки", None, 2, 30, 20, 1, 8, 2),
    (None, "преступлений", None, 3, 120, 100, 8, 32, 4),
    (None, "(Исчезновение лица) Факт не установлен (ст.000)", None, 4, 7, 7, 0, 3, 0),
    (None, "Глава 1. Уголовные правонарушения против личности", None, 5, 15, 12, 1, 5, 2),
    (None, "из них", "Убийство (ст.99) ", 6, 6, 5, 1, 1, 1),
    (None, None, "приготовление и покушение на убийство", 7, 3, 2, 0, 1, 0),
    (None, None, "Подмена ребенка (ст.136.) ", 8, 6, 5, 0, 3, 1),
    (None, "Глава 6. Уголовные правонарушения против собственности", None, 9, 135, 108, 8, 35, 4),
    (None, "из них", "Кража (ст.188) ", 10, 90, 80, 5, 30, 3),
    (None, None, "          из квартир", 11, 25, 20, 1, 9, 1),
    (None, None, "Скотокрадство (ст.188-1) ", 12, 5, 4, 0, 1, 0),
    (None, None, "Мошенничество (ст.190) ", 13, 40, 24, 3, 4, 1),
)


def write_form(
    path: Path, *, heading: str = "", lines: Sequence[Sequence[Cell]] = LINES, head: Sequence[Sequence[Cell]] = HEAD
) -> Path:
    """The form as ``.xlsx``; ``heading`` is a line above the table, such as the name of a region."""
    first = [(heading,), *head[1:]] if heading else list(head)
    return write_workbook(path, {"R2": [("Раздел 2. Сведения о лицах",)], "R1": [*first, *lines]})


def write_workbook(path: Path, sheets: dict[str, Sequence[Sequence[Cell]]]) -> Path:
    """A workbook with these rows on its sheets, made without a library that writes one."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbered = list(enumerate(sheets.items(), start=1))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>'
            for n, _ in numbered
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, (name, _) in numbered)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n, _ in numbered
        )
        + "</Relationships>",
    } | {
        f"xl/worksheets/sheet{n}.xml": f'<worksheet xmlns="{main}"><sheetData>{_rows(rows)}</sheetData></worksheet>'
        for n, (_, rows) in numbered
    }
    with ZipFile(path, "w", ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + text)
    return path


def _rows(rows: Sequence[Sequence[Cell]]) -> str:
    return "".join(
        f'<row r="{number}">{"".join(_cell(at, number, cell) for at, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, start=1)
    )


def _cell(at: int, number: int, cell: Cell) -> str:
    place = f"{chr(ord('A') + at)}{number}"
    if cell is None or cell == "":
        return ""
    if isinstance(cell, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
    return f'<c r="{place}"><v>{cell}</v></c>'
