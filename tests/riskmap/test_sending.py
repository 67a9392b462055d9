"""What leaves the council: the body in charge, the letter in two languages and two forms, the list of each body."""

import io
from datetime import date, timedelta

import pytest
from docx import Document
from openpyxl import load_workbook

from geodata import working_days
from riskmap import release
from riskmap.council.request import Action, RequestKind
from riskmap.documents import pdf_file
from riskmap.errors import InvalidSetting
from riskmap.sending import bodies, ledger, letter
from riskmap.wording import in_language
from tests.council import GROUNDS, TOWN, a_filing, a_place, a_request
from tests.riskmap.doors_client import a_council, form_to, text_of

KK, RU = in_language("kk"), in_language("ru")
LETTER = f"/casework/{TOWN}/1/letter"
LIST = f"/casework/{TOWN}/bodies"
BODY = "Ойыншық қаласының әкімдігі"
APPROVING = (("secretary", Action.TAKE_UP), ("secretary", Action.REFER), ("chair", Action.APPROVE))


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def approved(council, **given):
    request = council.file("resident")
    for login, action in APPROVING:
        request = council.step(login, request, action, **(given if action is Action.TAKE_UP else {}))
    return request


def sent(council, **given):
    return council.step("secretary", approved(council), Action.SEND, body=BODY, **given)


def words_of(docx: bytes) -> str:
    document = Document(io.BytesIO(docx))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


# ---- The body in charge ----


@pytest.mark.parametrize(
    ("kind", "area_id", "name"),
    [
        ("patrol", "751110000", "Департамент полиции города Алматы"),
        ("lighting", "110000000", "Акимат Акмолинской области"),
        ("camera", "620000000", "Акимат области Ұлытау"),
        ("road_sign", "d1", "Местный исполнительный орган (акимат)"),
        ("patrol", "999999999", "Территориальный орган полиции"),
    ],
)
def test_kind_and_kato_give_the_body(tmp_path, kind, area_id, name):
    request = a_request(filing=a_filing(kind=kind), place=a_place(area_id=area_id))

    assert bodies.in_charge(tmp_path, request).name("ru") == name


def test_every_kind_has_a_body_in_every_region_and_every_row_says_where_it_comes_from():
    rows = bodies.read(bodies.TABLE.read_text(encoding="utf-8"), "bodies.csv")
    prefixes = {row.kato for row in rows}

    assert len(prefixes) == 21
    assert {(kind, one.kato) for one in rows for kind in one.kinds} == {
        (kind, kato) for kind in RequestKind for kato in prefixes
    }
    assert all(row.source and row.checked_on for row in rows)


def test_a_table_of_the_installation_stands_above_ours(tmp_path):
    own = tmp_path / bodies.FOLDER / f"{TOWN}.csv"
    own.parent.mkdir()
    own.write_text(f"{','.join(bodies.COLUMNS)}\nlighting,,Жарық қызметі,Служба света,Lights,приказ 1,2026-11-01\n")

    assert bodies.in_charge(tmp_path, a_request()).name("kk") == "Жарық қызметі"
    assert bodies.in_charge(tmp_path, a_request(filing=a_filing(kind="patrol"))).name("en") == "Territorial police body"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kinds,kato\n", "has no column"),
        ("lamps,,А,Б,В,с,2026-11-01", "kinds are 'lamps'"),
        ("lighting,7x,А,Б,В,с,2026-11-01", "kato is '7x'"),
        ("lighting,75,,Б,В,с,2026-11-01", "a name is empty"),
    ],
)
def test_a_faulty_table_is_refused_in_words(text, said):
    head = "" if "has no" in said else ",".join(bodies.COLUMNS) + "\n"

    with pytest.raises(InvalidSetting, match=said):
        bodies.read(head + text, "toy.csv")


def test_the_form_begins_with_the_proposed_body_and_a_faulty_table_only_leaves_it_empty(council, caplog):
    approved(council)
    browser = council.signed_in("secretary")
    proposed = form_to(browser.get(f"/casework/{TOWN}/1"), "/send")["body"]
    own = council.settings.data / bodies.FOLDER / f"{TOWN}.csv"
    own.parent.mkdir()
    own.write_text("nonsense")

    shown = browser.get(f"/casework/{TOWN}/1")

    assert proposed == "Жергілікті атқарушы орган (әкімдік)"
    assert (shown.status_code, form_to(shown, "/send")["body"]) == (200, "")
    assert "cannot be used" in caplog.text


# ---- The letter ----


@pytest.mark.parametrize(("language", "words"), [("kk", KK), ("ru", RU)])
def test_the_letter_says_number_day_place_words_decision_evidence_and_when_to_answer(council, language, words):
    request = sent(council, document_number="07-11/3")
    released = release.read(council.settings.releases, TOWN)
    due = working_days.add(date(2026, 11, 2), ledger.ANSWER_WORKING_DAYS)

    answer = council.signed_in("secretary").get(LETTER, language=language, form="docx")
    text = words_of(answer.content)

    for part in (
        words.text("letter.number", number="07-11/3", date=date(2026, 11, 2)),
        words.text("letter.to", body=BODY),
        words.text("council.kind.lighting"),
        request.place.cell_id,
        request.wording,
        request.newest("decision_grounds"),
        request.newest("expectation"),
        words.text("letter.evidence.class", release=request.place.release_id),
        words.text("letter.answer.due", date=due),
        words.text("note.sign.chair"),
    ):
        assert part in text
    assert released.release_id == request.place.release_id
    assert GROUNDS not in text, "the requester's own words stay inside"
    assert request.landmark not in text
    assert "resident" not in text


def test_the_pdf_is_made_of_the_same_and_equal_input_gives_equal_bytes(council):
    sent(council)
    browser = council.signed_in("secretary")

    first, second = (browser.get(LETTER, language="kk", form="pdf") for _ in range(2))

    assert first.content.startswith(b"%PDF")
    assert first.content == second.content
    assert pdf_file.page_count(first.content) <= 2
    assert 'filename="letter-toy-1-kk.pdf"' in first.headers["content-disposition"]
    assert council.audit_actions().count("letter") == 2


def test_before_it_is_sent_number_and_day_are_empty_lines(council):
    approved(council)

    text = words_of(council.signed_in("secretary").get(LETTER, language="ru", form="docx").content)

    assert RU.text("letter.number.empty") in text
    assert RU.text("letter.to", body="Местный исполнительный орган (акимат)") in text


def test_what_is_somebody_elses_goes_with_a_letter_of_its_own(council):
    request = council.step("secretary", council.file("resident"), Action.TAKE_UP)
    council.step("secretary", request, Action.FORWARD, competent_body="Су арнасы мекемесі")

    text = words_of(council.signed_in("secretary").get(LETTER, language="kk", form="docx").content)

    assert KK.text("letter.title.passed_on") in text
    assert KK.text("letter.to", body="Су арнасы мекемесі") in text
    assert KK.text("note.sign.chair") not in text


@pytest.mark.parametrize("login", ["resident", "other", "member", "chair", "officer", "police", "stranger"])
def test_only_the_secretary_takes_letters(council, login):
    sent(council)

    answer = council.signed_in(login).get(LETTER, language="kk", form="pdf")

    assert answer.status_code == 403
    assert "letter" not in council.audit_actions()


@pytest.mark.parametrize("query", [{}, {"language": "kk", "form": "exe"}, {"language": "de", "form": "pdf"}])
def test_a_letter_nobody_knows_is_said_to_be_none(council, query):
    sent(council)

    assert council.signed_in("secretary").get(LETTER, **query).status_code == 404


def test_where_no_letter_goes_out_it_is_said(council):
    council.file("resident")
    browser = council.signed_in("secretary")

    assert browser.get(LETTER, language="kk", form="pdf").status_code == 409
    assert KK.text("letter.files") + ":" not in text_of(browser.get(f"/casework/{TOWN}/1"))


# ---- The list of each body ----


def test_the_list_says_what_each_body_was_sent_owes_and_answered(council):
    request = sent(council, document_number="07-11/3")
    due = working_days.add(date(2026, 11, 2), ledger.ANSWER_WORKING_DAYS)
    council.later(days=40)

    waiting = text_of(council.signed_in("officer").get(LIST))
    told = {"planned_day": "2026-12-30", "answer_number": "З-9", "answer_day": "2026-12-10"}
    council.step("officer", request, Action.SCHEDULE, **told)
    answered = text_of(council.signed_in("officer").get(LIST))
    ((body, (line,)),) = ledger.listing(council.office, council.actor("secretary"), TOWN, at=council.at)

    assert BODY in waiting
    assert "07-11/3" in waiting
    assert KK.date(due) in waiting
    late = (date(2026, 11, 2) + timedelta(days=40) - due).days
    assert KK.text("council.late.days", n=late) in waiting
    assert KK.text("council.sent.waiting") in waiting
    assert KK.text("council.sent.waiting") not in answered
    assert "З-9" in answered
    assert (body, line.planned_day, line.answered_on) == (BODY, date(2026, 12, 30), date(2026, 12, 10))
    assert line.days_late == (date(2026, 12, 10) - due).days, "by the day of the answer, not that of its entry"


def test_the_workbook_holds_the_same_and_calculates_nothing(council):
    body = '=HYPERLINK("http://x")'
    council.step("secretary", approved(council), Action.SEND, body=body, document_number="+1+1")

    answer = council.signed_in("secretary").get(f"{LIST}.xlsx")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    rows = list(sheet.iter_rows())
    values = rows[-1]

    assert [cell.value for cell in rows[-2]] == [KK.text(f"council.sent.{name}") for name in ledger.COLUMNS]
    assert values[0].value == f"'{body}"
    assert values[3].value == "'+1+1"
    assert not [cell.coordinate for row in rows for cell in row if cell.data_type == "f"]
    assert "bodies_export" in council.audit_actions()


@pytest.mark.parametrize("login", ["resident", "police", "stranger"])
def test_who_does_not_read_the_councils_work_gets_no_list(council, login):
    sent(council)
    browser = council.signed_in(login)

    assert browser.get(LIST).status_code == 403
    assert browser.get(f"{LIST}.xlsx").status_code == 403


def test_where_an_appeal_runs_the_answer_is_due_by_the_law(council):
    request = council.step("secretary", council.file("resident"), Action.ENTER_APPEAL, appeal_day="2026-11-01")
    for login, action in (*APPROVING, ("secretary", Action.SEND)):
        request = council.step(login, request, action)

    assert ledger.answer_due(request) == working_days.add(date(2026, 11, 1), 15)
    assert letter.is_possible(request)
