import datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from geodata import workbook
from geodata.errors import UnreadableFile
from tests.form_builder import write_workbook


@pytest.fixture
def path(tmp_path):
    return write_workbook(tmp_path / "book.xlsx", {"One": [("a", "б", "ү"), (1, None, 2.5, None), ()], "Two": [("x",)]})


def read(path, sheet="One", **limits):
    with workbook.opened(path) as book:
        return list(book.rows(sheet, **limits))


def changed(path, part, change):
    """The workbook with one of its parts changed; nothing else is touched."""
    with ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    parts[part] = change(parts.get(part, b""))
    with ZipFile(path, "w", ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


def test_rows_come_in_order_with_text_numbers_and_gaps(path):
    with workbook.opened(path) as book:
        assert book.sheet_names == ("One", "Two")

    assert read(path)[:2] == [("a", "б", "ү"), (1, None, 2.5)]
    assert read(path, "Two") == [("x",)]


def test_a_cell_in_the_far_corner_does_not_fill_the_memory(path):
    corner = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    changed(path, "xl/worksheets/sheet1.xml", lambda text: text.replace(b"</sheetData>", corner))

    found = read(path, most_rows=5, most_columns=3)

    assert found[0] == ("a", "б", "ү")
    assert len(found) <= 5


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("xl/worksheets/sheet1.xml", lambda text: text.replace(b"</row>", b"<c/>" * 300_000 + b"</row>", 1), "a row"),
        ("xl/worksheets/sheet1.xml", lambda text: text.replace(b"<row", b"<!-- </row> --><row", 1), "comments"),
        ("xl/worksheets/sheet1.xml", lambda text: text[: len(text) // 2], "cannot be read as a workbook"),
        ("xl/sharedStrings.xml", lambda _: b" " * (workbook.MOST_TEXTS + 1), "xl/sharedStrings.xml has"),
        ("xl/styles.xml", lambda _: b" " * (workbook.MOST_STYLES + 1), "xl/styles.xml has"),
        ("xl/workbook.xml", lambda _: b"<nothing/>", "cannot be read as a workbook"),
    ],
)
def test_a_hostile_or_broken_part_is_refused_with_its_name(path, part, change, said):
    with pytest.raises(UnreadableFile, match=said):
        read(changed(path, part, change))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_a_damaged_workbook_is_closed_while_its_error_is_held(path):
    changed(path, "xl/worksheets/sheet1.xml", lambda text: text[: len(text) // 2])

    with pytest.raises(UnreadableFile) as told:
        read(path)

    assert told.value.__traceback__ is not None
    assert path not in [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]


def test_what_unpacks_into_too_much_is_refused(path):
    with pytest.raises(UnreadableFile, match="what it unpacks into has"), workbook.opened(path, most_unpacked=100):
        pytest.fail("the workbook was opened")


def test_pictures_may_be_large(path):
    changed(path, "xl/media/image1.png", lambda _: b"\0" * (workbook.MOST_STYLES + 1))

    assert read(path, "Two") == [("x",)]


def test_dates_are_read_as_dates(shared_data):
    with workbook.opened(shared_data / "raw" / "austin_aggassault_2019.xlsx") as book:
        assert book.sheet_names == ("Austin", "Fort Worth", "Seattle")
        rows = list(book.rows("Austin", most_rows=2))

    assert rows[0][0] == "date"
    assert rows[1][0] == datetime.datetime(2019, 1, 1)  # noqa: DTZ001
