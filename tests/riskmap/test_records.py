"""Records that the law asks for: who has access and what for, the notice of a breach, everything a council owns."""

import csv
import hashlib
import io
import json
from datetime import date, timedelta

import docx
import pypdf
import pytest

from riskmap.assembly import in_memory_store, migrate, open_store
from riskmap.council import casework, discussion, meetings
from riskmap.council.casework import Office
from riskmap.council.request import Action
from riskmap.errors import CannotWrite, ExitStatus, InvalidOptions, NotAllowed
from riskmap.identity import access, accounts, audit
from riskmap.identity.access import Grant, Role
from riskmap.photos import attached, picture, scan
from riskmap.photos import desk as photo_desk
from riskmap.photos.attached import Attached
from riskmap.photos.desk import PhotoOffice
from riskmap.pipeline import territories
from riskmap.records import access_list, breach, council_export
from riskmap.records.export_tables import TABLES, Shelf
from riskmap.records.purposes import PURPOSES
from riskmap.settings import KeptFor, Settings
from riskmap.wording import LANGUAGES, in_language
from tests.council import GROUNDS, NOW, TOWN, a_filing, a_place, an_actor, enrol, step
from tests.photo_builder import A_PDF, a_jpeg
from tests.place_review_builder import a_review, a_reviewed_place, a_voice
from tests.riskmap.test_meetings import ACCEPTED, CHAIR, MEMBERS, NOTICE, RESIDENT, SECRETARY, VOTERS, all_for
from tests.signal_builder import a_marked_place, a_signal
from tests.typed_commands import typed

EN = in_language("en")
ADMINISTRATOR = an_actor(Role.ADMINISTRATOR)
INNER_WORDS = "Құпия сұрақ: нешінші қабат?"


@pytest.fixture
def office(tmp_path):
    store = in_memory_store(tmp_path / "data")
    enrol(store, SECRETARY, RESIDENT, *VOTERS)
    yield Office(store=store, journals=tmp_path / "journals")
    store.close()


# ---- Who has access ----


def test_the_list_says_who_has_which_role_where_since_when_and_last_signed_in(office):
    later = NOW + timedelta(days=3)
    with office.store.work() as work:
        work.accounts.grant(CHAIR.account_id, Grant(role=Role.STEWARD, region_id=f"{TOWN}/d1"), at=later)
        for at in (NOW, later):
            subject = f"account {CHAIR.account_id}"
            audit.record(work, account_id=CHAIR.account_id, action="signed_in", subject=subject, details={}, at=at)
        work.commit()
    accounts.disable(office.store, access.operator(), RESIDENT.login, at=later)

    found = access_list.collect(office.store, access.operator(), at=later)

    of_chair = [
        (one.grant.role, one.grant.region_id, one.since, one.last_sign_in) for one in found if "chair" in one.login
    ]
    assert of_chair == [(Role.CHAIR, TOWN, NOW, later), (Role.STEWARD, f"{TOWN}/d1", later, later)]
    assert {one.login for one in found if one.is_closed} == {RESIDENT.login}
    assert [one.last_sign_in for one in found if one.login == SECRETARY.login] == [None]
    with office.store.look() as look:
        assert look.audit.last().action == "access_list"


def test_only_who_manages_accounts_reads_the_list(office):
    with pytest.raises(NotAllowed):
        access_list.collect(office.store, CHAIR, at=NOW)


def test_every_purpose_names_roles_that_the_rules_really_let_in():
    for one in PURPOSES:
        for role in Role:
            may = any(
                access.allowed_role(an_actor(role), permission, region_id=TOWN) is not None
                for permission in one.permissions
            )
            assert may is (role in one.roles), (one.code, role)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_holds_both_tables_in_the_language_asked_for(office, language):
    words, kept = in_language(language), KeptFor(marks_days=222)
    found = access_list.collect(office.store, access.operator(), at=NOW)

    described = access_list.describe(found, kept, words, at=NOW)

    read = docx.Document(io.BytesIO(access_list_file(described)))
    cells = [[cell.text for cell in row.cells] for table in read.tables for row in table.rows]
    assert [words.text("account.role.secretary")] == [row[1] for row in cells if row[0] == SECRETARY.login]
    assert [words.text("retention.days", n=222)] == [row[4] for row in cells if row[0] == words.text("purpose.marks")]
    assert len(cells) == len(found) + len(PURPOSES) + 2


def access_list_file(described):
    from riskmap.records.saving import WRITERS

    return WRITERS[".docx"](described)


# ---- The notice of a breach ----


@pytest.mark.parametrize(
    ("found_on", "tell_by"),
    [
        (date(2026, 11, 24), date(2026, 11, 25)),
        (date(2026, 11, 27), date(2026, 11, 30)),  # over a weekend
        (date(2026, 12, 15), date(2026, 12, 17)),  # over Independence Day
    ],
)
def test_the_notice_is_due_one_working_day_after_the_breach_was_found(found_on, tell_by):
    assert breach.tell_by(found_on) == tell_by


# ---- Everything a council owns ----


@pytest.fixture
def full(office):
    """A council with a decided request, an open one, supports, a meeting, marks and a review; and another town's."""
    request = casework.file(office, RESIDENT, a_filing(), a_place(), key="k1", at=NOW)
    other = an_actor(Role.RESIDENT, account_id="a-other")
    enrol(office.store, other, an_actor(Role.RESIDENT, "elsewhere", account_id="a-elsewhere"))
    casework.support(office, other, TOWN, 1, at=NOW)
    casework.support(office, MEMBERS[0], TOWN, 1, at=NOW, is_counted=False)
    request = step(office, SECRETARY, request, Action.TAKE_UP, wording="=Жарық керек")
    request = step(office, SECRETARY, request, Action.REFER, note=INNER_WORDS)
    casework.file(office, other, a_filing(kind="patrol"), a_place(), key="k2", at=NOW)
    discussion.say(office, other, TOWN, 1, "Бағана да қисайған.", key="said", at=NOW)
    discussion.say(office, SECRETARY, TOWN, 1, "Тексердік.", key="answered", at=NOW)
    made = meetings.call(office, SECRETARY, TOWN, NOTICE, key="call", at=NOW)
    there = {actor.account_id for actor in VOTERS}
    made = meetings.open_(office, SECRETARY, TOWN, 1, there, version=made.version, key="open", at=NOW)
    told = {"request": 1, "given": ACCEPTED, "votes": all_for(*VOTERS), "version": made.version}
    meetings.decide(office, SECRETARY, TOWN, 1, **told, key="decide", at=NOW)
    with office.store.work() as work:
        work.signals.add(a_signal(place=a_marked_place()))
        work.reviews.add(a_review(1, a_voice("1", text="Сан дұрыс емес."), place=a_reviewed_place()))
        audit.record(work, account_id="a-x", action="x", subject="request toy-2-9", details={}, at=NOW)
        work.commit()
    brought = Attached(pictures=(picture.cleaned(a_jpeg()),), scan=scan.checked(A_PDF))
    with office.store.work() as work, attached.along(office.store, work, brought, request, Action.SUBMIT, at=NOW):
        work.commit()
    rooms = PhotoOffice(store=office.store, journals=office.journals)
    photo_desk.show(rooms, SECRETARY, TOWN, 1, "Шамсыз бағана", is_clear=True, at=NOW)
    elsewhere = a_place(territory="elsewhere", region_id="elsewhere")
    asking = an_actor(Role.RESIDENT, "elsewhere", account_id="a-elsewhere")
    casework.file(office, asking, a_filing(), elsewhere, key="k3", at=NOW)
    return office


def taken(office, folder):
    return council_export.write(office.store, access.operator(), TOWN, folder, at=NOW)


def rows_of(folder, table):
    return json.loads((folder / table.shelf / f"{table.name}.json").read_text(encoding="utf-8"))[table.name]


def test_an_export_holds_every_table_twice_with_a_dictionary_and_right_checksums(full, tmp_path):
    folder = tmp_path / "out"

    made = taken(full, folder)

    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"SHA256SUMS"}
    assert (
        set(sums)
        == files
        == {"export.json", "dictionary.csv"}
        | {f"{table.shelf}/{table.name}.{form}" for table in TABLES for form in ("csv", "json")}
        | {f"{Shelf.RESTRICTED}/photos/1.jpg", f"{Shelf.RESTRICTED}/scans/1-3.pdf"}
    )
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files} == sums
    dictionary = list(csv.DictReader(io.StringIO((folder / "dictionary.csv").read_text())))
    for table in TABLES:
        rows = rows_of(folder, table)
        with (folder / table.shelf / f"{table.name}.csv").open(encoding="utf-8-sig", newline="") as file:
            header, *lines = list(csv.reader(file))
        told = [one for one in dictionary if one["file"] == f"{table.shelf}/{table.name}"]
        assert header == [one["column"] for one in told] == list(table.names)
        assert len(lines) == len(rows) == made.rows[table.name]
        assert all(set(row) == set(table.names) for row in rows)
        assert all(one["meaning"] and one["access"] == table.shelf for one in told)


def test_an_export_holds_what_the_council_did_and_nothing_of_another_town(full, tmp_path):
    taken(full, tmp_path / "out")

    found = {table.name: rows_of(tmp_path / "out", table) for table in TABLES}
    assert [(one["request"], one["supporters"]) for one in found["requests"]] == [(1, 1), (2, 0)]
    assert [one["supports_not_counted"] for one in found["request_words"]] == [1, 0]
    assert [(one["request"], one["action"]) for one in found["steps"]] == [
        (1, "submit"),
        (1, "take_up"),
        (1, "refer"),
        (2, "submit"),
    ]
    (decision,) = found["decisions"]
    assert (decision["for"], decision["against"], decision["fields"]["owner"]) == (4, 0, ACCEPTED["owner"])
    assert [one["deed"] for one in found["meeting_entries"]] == ["call", "open", "decide"]
    assert [(one["category"], one["marks"]) for one in found["mark_heaps"]] == [("lighting", 1)]
    assert [one["text"] for one in found["review_voices"]] == ["Сан дұрыс емес."]
    assert {one["subject"].split()[1].split("-")[0] for one in found["audit"]} == {TOWN}
    assert "request toy-2-9" not in {one["subject"] for one in found["audit"]}
    assert found["audit"][-1]["action"] == "council_export"


def test_restricted_words_and_accounts_stand_in_the_restricted_folder_alone(full, tmp_path):
    taken(full, tmp_path / "out")

    public = b"".join(path.read_bytes() for path in (tmp_path / "out" / Shelf.PUBLIC).glob("*.*")).decode()
    restricted = b"".join(path.read_bytes() for path in (tmp_path / "out" / Shelf.RESTRICTED).glob("*.*")).decode()
    for word in (GROUNDS, INNER_WORDS, RESIDENT.account_id, MEMBERS[0].account_id, "Сан дұрыс емес."):
        assert word not in public
        assert word in restricted


def test_no_cell_of_an_export_calculates_and_json_keeps_the_text(full, tmp_path):
    taken(full, tmp_path / "out")

    table = (tmp_path / "out" / "public" / "requests.csv").read_text(encoding="utf-8-sig")
    assert "'=Жарық керек" in table
    assert rows_of(tmp_path / "out", TABLES[0])[0]["wording"] == "=Жарық керек"


def test_an_export_is_never_written_over_and_a_failed_one_leaves_nothing(full, tmp_path):
    taken(full, tmp_path / "out")

    with pytest.raises(InvalidOptions, match="new folder"):
        taken(full, tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        taken(full, tmp_path / "file" / "out")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("actor", [SECRETARY, CHAIR, RESIDENT])
def test_only_an_administrator_takes_everything_away(full, tmp_path, actor):
    with pytest.raises(NotAllowed):
        council_export.write(full.store, actor, TOWN, tmp_path / "out", at=NOW)

    assert not (tmp_path / "out").exists()
    council_export.write(full.store, ADMINISTRATOR, TOWN, tmp_path / "out", at=NOW)


def test_every_row_of_an_export_has_the_columns_of_its_table(full):
    with full.store.look() as look:
        rows = council_export._rows(look, TOWN)
        assert set(rows) == {table.name for table in TABLES}
        assert all(list(rows[table.name]) for table in TABLES), "the fixture fills every table"


# ---- The commands ----


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    settings = Settings.from_environment()
    migrate(settings)
    store = open_store(settings)
    territories.ensure_kazakhstan(store)
    enrol(store, an_actor(Role.CHAIR, "kazakhstan"))
    store.close()
    return lambda *arguments: typed(capsys, *arguments)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["csv", "docx", "pdf"])
def test_the_access_list_is_written_in_every_form_and_language(run, tmp_path, form, language):
    words, path = in_language(language), tmp_path / f"list.{form}"

    answer = run("access-list", "--out", path, "--language", language, "--json")

    assert (answer.status, answer.data["roles"]) == (ExitStatus.DONE, 1)
    if form == "csv":
        (header, row) = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        assert header == list(access_list.head(access_list.PERSONS, words))
        assert row[1] == words.text("account.role.chair")
        purposes = (tmp_path / "list-purposes.csv").read_text(encoding="utf-8-sig")
        assert len(list(csv.reader(io.StringIO(purposes)))) == len(PURPOSES) + 1
    elif form == "docx":
        assert words.text("access_list.purposes") in [one.text for one in docx.Document(path).paragraphs]
    else:
        assert len(pypdf.PdfReader(path).pages) >= 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["docx", "pdf"])
def test_the_notice_of_a_breach_is_written_with_its_term_and_the_head_of_the_log(run, tmp_path, form, language):
    path = tmp_path / f"notice.{form}"

    answer = run("breach-notice", "--found-on", "2026-11-20", "--out", path, "--language", language, "--json")

    words = in_language(language)
    assert (answer.status, answer.data["tell_by"]) == (ExitStatus.DONE, "2026-11-23")
    if form == "docx":
        read = docx.Document(path)
        cells = [cell.text for table in read.tables for row in table.rows for cell in row.cells]
        assert words.date(date(2026, 11, 23)) in cells
        assert any(len(cell) == 64 for cell in cells)
        assert [f"{n}. {words.text(f'breach.part.{part}')}" for n, part in enumerate(breach.PARTS, start=1)] == [
            one.text for one in read.paragraphs if one.style.name == "Heading 2"
        ]
    else:
        assert len(pypdf.PdfReader(path).pages) >= 1


def test_a_record_is_never_written_over_and_an_unknown_form_is_told(run, tmp_path):
    path = tmp_path / "list.docx"
    run("access-list", "--out", path)
    before = path.read_bytes()

    again, wrong = run("access-list", "--out", path), run("access-list", "--out", tmp_path / "list.odt")
    future = run("breach-notice", "--found-on", "2199-01-01", "--out", tmp_path / "n.pdf")

    assert [one.status for one in (again, wrong, future)] == [ExitStatus.BAD_INPUT] * 3
    assert "new file" in again.err
    assert ".docx, .pdf, .csv" in wrong.err
    assert path.read_bytes() == before


def test_an_export_says_where_it_is_and_what_must_not_be_published(run, tmp_path):
    answer = run("export-council", "--territory", "kazakhstan", "--out", tmp_path / "out", "--json")

    assert answer.status == ExitStatus.DONE
    assert EN.text("cli.export_council.restricted") in answer.out
    assert set(answer.data["rows"]) == {table.name for table in TABLES}
    assert run("check-audit").status == ExitStatus.DONE
