"""The council's analytic note: every number has its footnote, both files say the same, bad input is told in words."""

import re
import zipfile
from datetime import date
from io import BytesIO

import docx
import pypdf
import pytest

from riskmap import release, wording
from riskmap.documents import description, docx_file, pdf_file
from riskmap.documents.description import Paragraph, Table
from riskmap.errors import InvalidNote, NothingToTell
from riskmap.journal import PublicClock
from riskmap.note import decisions, span, writing
from riskmap.public import area_facts, shelf
from tests.journal_builder import a_request, a_step, write_journal
from tests.release_builder import a_release
from tests.typed_commands import typed

TODAY = date(2026, 11, 23)
LANGUAGES = ("kk", "ru", "en")


def a_told_release(**changes):
    """A release that tells quarters of 2025 and 2026, kinds of 2024 and 2025 and a sensitive kind. All made up."""
    manifest, files = a_release(**changes)
    territory = manifest["territory"]
    quarters = [f"{year}-Q{number}" for year in (2025, 2026) for number in (1, 2, 3, 4)][:7]
    rows = [
        ("quarter", place, "all", one, "", n, n) for one in quarters for place, n in ((territory, 203), ("d1", 125))
    ]
    rows += [("year_group", territory, "theft", year, "", n, n) for year, n in (("2024", 500), ("2025", 300))]
    rows += [("sensitive", place, "domestic", "2025", "", 61, 61) for place in (territory, "d1")]
    head = "kind,place_id,offence_group,period,part_of_day,low,high\n"
    files["counts.csv"] = (head + "".join(",".join(map(str, row)) + "\n" for row in rows)).encode()
    places = [(territory, "territory", ""), ("d1", "region", territory), ("d2", "region", territory)]
    lines = [f"{place},{level},{parent},,\n" for place, level, parent in places]
    files["places.csv"] = ("place_id,level,parent_id,year,cells\n" + "".join(lines)).encode()
    return manifest, files


def requests():
    done = (a_step("submit", "submitted", date(2026, 2, 1)), a_step("approve", "approved", date(2026, 3, 1)))
    done += (a_step("complete", "done", date(2026, 5, 4)),)
    late = (a_step("schedule", "scheduled", date(2026, 8, 1), planned_day="2026-09-30"),)
    clock = PublicClock(kind="promised", due_on=date(2026, 9, 30), body="Жарық қызметі")
    return (
        a_request(1, state="done", is_open=False, submitted_on=date(2026, 2, 1), steps=done),
        a_request(2, state="scheduled", kind="camera", submitted_on=date(2026, 7, 9), steps=late, clock=clock),
        a_request(3, submitted_on=date(2025, 7, 9)),
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("note")
    release.write(root / "releases", *a_told_release())
    write_journal(root / "journals", *requests())
    return root


def described(data, language="kk", period="2026", region=None):
    book, place = span.place_of(data / "releases", region)
    asked = span.parse(period, today=TODAY)
    return writing.describe(book, place, asked, wording.in_language(language), journals=data / "journals")


def tables(document):
    return [block for block in document.blocks if isinstance(block, Table)]


def cells(document):
    """Every cell of the tables but the first of each row, which names it."""
    return [text for table in tables(document) for row in table.rows for text in row[1:]]


# ---- What it says ----


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("region", [None, "d1"])
def test_every_number_of_a_table_has_a_footnote_that_names_file_filter_and_release(data, language, region):
    document = described(data, language, region=region)

    told = [span for text in cells(document) for span in text if any(sign.isdigit() for sign in span.text)]

    release_id = release.latest_id(data / "releases", "toy")
    journal_id = release.latest_id(data / "journals", "toy")
    assert len(told) > 25
    assert [span.text for span in told if span.note is None] == []
    for note in description.numbered_notes(document):
        assert release_id in note or journal_id in note or "200" in note or "2024" in note


def test_the_counts_are_those_of_the_published_quarters_of_the_period(data):
    year, half = (tables(described(data, "en", period))[0].rows[0] for period in ("2026", "2026-H1"))

    assert [text[0].text for text in year[1:3]] == ["609", "609"]
    assert [text[0].text for text in half[1:3]] == ["406", "406"]
    assert "2026-Q1 + 2026-Q2 + 2026-Q3" in year[1][0].note
    assert "2025-Q1 + 2025-Q2" in half[2][0].note


def test_a_clear_change_of_a_kind_is_called_clear(data):
    row = tables(described(data, "en"))[1].rows[-1]

    assert [text[0].text for text in row] == ["Theft", "300", "500", "30.3–36.6", "clearly down"]


def test_what_was_asked_decided_done_and_late_is_counted_from_the_journal(data):
    book, place = span.place_of(data / "releases", None)
    found = decisions.lines(
        writing.journals_on_disk.latest(data / "journals", book.release.territory),
        place,
        span.parse("2026", today=TODAY),
    )

    numbers = {line.key: [request.number for request in line.requests] for line in found}
    assert numbers == {
        "asked": [1, 2],
        "decided": [1],
        "sent": [],
        "done": [1],
        "not_done": [],
        "disputed": [],
        "late.legal": [],
        "late.own": [],
        "late.promised": [2],
    }


def test_what_is_late_is_told_with_its_kind_of_date_and_its_body(data):
    document = described(data, "en")

    texts = ["".join(span.text for span in text) for text in description.texts(document)]
    late = [text for text in texts if "Жарық қызметі" in text]
    assert len(late) == 1
    assert "30.09.2026" in late[0]


def test_nothing_of_the_other_half_of_the_year_is_counted(data):
    book, place = span.place_of(data / "releases", None)
    journal = writing.journals_on_disk.latest(data / "journals", book.release.territory)

    found = {
        line.key: len(line.requests) for line in decisions.lines(journal, place, span.parse("2026-H2", today=TODAY))
    }

    assert (found["asked"], found["decided"], found["done"]) == (1, 0, 0)


def test_the_program_marks_its_own_sentences_and_leaves_the_lines_for_signatures_empty(data):
    document = described(data, "kk")

    written = [block for block in document.blocks if isinstance(block, Paragraph) and block.is_machine_written]
    assert len(written) > 8
    assert document.machine_mark == "бағдарлама жазған"
    assert [type(block).__name__ for block in document.blocks[-2:]] == ["SignatureLine", "SignatureLine"]


def test_a_year_without_a_journal_says_so(tmp_path, data):
    document = writing.describe(
        *span.place_of(data / "releases", None),
        span.parse("2026", today=TODAY),
        wording.in_language("en"),
        journals=tmp_path,
    )

    texts = ["".join(span.text for span in text) for text in description.texts(document)]
    assert wording.in_language("en").text("note.council.none") in texts


# ---- Files ----


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_the_docx_can_be_read_back_with_its_footnotes(data, language):
    document = described(data, language)

    written = docx_file.docx_bytes(document)

    read = docx.Document(BytesIO(written))
    body = " ".join(line.text for line in read.paragraphs)
    footnotes = zipfile.ZipFile(BytesIO(written)).read("word/footnotes.xml").decode()
    marks = re.findall(r'<w:footnoteReference w:id="(\d+)"', read.element.xml)
    assert wording.in_language(language).text("note.limits.cause") in body
    assert len(marks) == len(set(marks)) == len(description.numbered_notes(document))
    assert all(f'<w:footnote w:id="{mark}">' in footnotes for mark in marks)
    assert read.core_properties.title == document.title
    assert len(read.tables) == len(tables(document))


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_the_pdf_can_be_read_back_with_its_footnotes(data, language):
    document = described(data, language)

    read = pypdf.PdfReader(BytesIO(pdf_file.pdf_bytes(document)))

    text = " ".join(" ".join(page.extract_text() for page in read.pages).split())
    assert read.trailer["/Root"]["/Lang"] == language
    assert wording.in_language(language).text("note.limits.people") in text
    assert f"[{len(description.numbered_notes(document))}]" in text
    if language == "kk":
        assert set("әғқңөұүі") <= set(text.lower())


def test_both_files_have_the_same_bytes_each_time(data):
    first, again = described(data), described(data)

    assert docx_file.docx_bytes(first) == docx_file.docx_bytes(again)
    assert pdf_file.pdf_bytes(first) == pdf_file.pdf_bytes(again)


# ---- Bad input ----


@pytest.mark.parametrize(
    ("text", "part"), [("2027", "begins on 2027-01-01"), ("2026-H3", "no period"), ("last", "no period")]
)
def test_a_period_that_is_none_or_has_not_begun_is_refused(text, part):
    with pytest.raises(InvalidNote, match=part):
        span.parse(text, today=TODAY)


def test_a_period_no_release_tells_of_is_refused(data):
    with pytest.raises(NothingToTell, match="2025-Q1 to 2026-Q3"):
        described(data, period="2024")


def test_an_unknown_region_is_refused_with_the_known_ones(data):
    with pytest.raises(InvalidNote, match="expected one of: toy, d1, d2"):
        span.place_of(data / "releases", "d9")


def test_without_a_code_several_territories_are_refused(tmp_path):
    for name in ("one", "two"):
        release.write(tmp_path, *a_told_release(territory=name))

    with pytest.raises(InvalidNote, match="2 territories have a release with counts: one, two"):
        span.place_of(tmp_path, None)


@pytest.fixture
def command(data, monkeypatch, capsys):
    monkeypatch.setenv("RISKMAP_DATA", str(data))

    def run(out, *more):
        return typed(capsys, "note", "--period", "2026", "--language", "en", "--out", out, "--json", *more)

    return run


def test_the_command_writes_a_file_once_and_never_over_an_edited_one(command, tmp_path):
    path = tmp_path / "note.docx"

    first, again = command(path), command(path)
    path.write_bytes(path.read_bytes() + b" ")
    edited = command(path)

    assert (first.status, first.data["is_new"], again.data["is_new"]) == (0, True, False)
    assert first.data["notes"] > 20
    assert edited.status == 2
    assert "Choose another --out name" in edited.err


@pytest.mark.parametrize(
    ("given", "status", "part"),
    [
        (("note.odt",), 2, "ends with .docx or .pdf"),
        (("nowhere/note.pdf",), 3, "Choose a folder that exists"),
        (("note.pdf", "--region", "d9"), 2, "is not known"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(command, tmp_path, given, status, part):
    answer = command(tmp_path / given[0], *given[1:])

    assert answer.status == status
    assert part in answer.err


def test_a_region_of_a_territory_has_a_note_of_its_own(data):
    book = area_facts.book(shelf.latest(data / "releases", "toy"))

    document = described(data, "en", region="d1")

    assert book.places["d1"].level == "region"
    assert tables(document)[0].rows[0][1][0].text == "375"
    assert "District d1" in document.title
