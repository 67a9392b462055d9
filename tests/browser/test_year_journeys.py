"""A council's month in a real browser, from a mark made without an account to residents who disagree; kk and ru.

One story for each language, told by everybody in it: whoever marks, the secretary, the chair, a resident, anyone.
"""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

from riskmap import wording
from riskmap.council.request import CIVIL_TIME
from riskmap.signals import opened
from tests.browser.council_town import WORD, CouncilTown
from tests.browser.visits import DESKTOP, PHONE, Visit, served
from tests.installation import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("council journeys")]
PAUSE_MS = opened.LEAST.total_seconds() * 1000 + 1500
HEARD = {
    "kk": "Қария келіп айтты: аулада орындық сынған, кешке отыратын жер жоқ.",
    "ru": "Пожилая женщина рассказала: во дворе сломана скамейка, вечером негде сесть.",
}
PUBLISHED = {"kk": "Ауладағы орындықты жөндеу.", "ru": "Починить скамейку во дворе."}
GROUNDS = {"kk": "Аула ортақ, оны бәрі пайдаланады.", "ru": "Двор общий, им пользуются все."}
EXPECTED = {"kk": "Екі орындық бүтін тұрады.", "ru": "Обе скамейки целы."}
BODY = {"kk": "Үлгіқала қаласының әкімдігі", "ru": "Акимат города Улгикала"}
ANSWER = {"kk": "Жөндеу жоспарға енгізілді.", "ru": "Ремонт включён в план."}
UNTRUE = {"kk": "Бір орындық әлі сынған күйінде.", "ru": "Одна скамейка всё ещё сломана."}


@pytest.fixture(scope="module")
def town(installation, tmp_path_factory):
    made = CouncilTown(installation, tmp_path_factory.mktemp("year"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def site(town):
    with served(town.data) as address:
        yield address


class People:
    """Everybody of the story, each with a browser of their own."""

    def __init__(self, chromium, site, size, language):
        self.chromium, self.site, self.size, self.language = chromium, site, size, language
        self.visits = []

    def anyone(self, path) -> Visit:
        self.visits.append(Visit(self.chromium, self.site, self.size, path=path, lang=self.language))
        return self.visits[-1]

    def signed_in(self, login, path) -> Visit:
        visit = self.anyone(path)
        visit.page.locator("#login").fill(login)
        visit.page.locator("#password").fill(WORD)
        press(visit)
        visit.page.wait_for_url(re.compile(re.escape(path)))
        return visit

    def open(self, visit, path) -> str:
        """Go to an address and read the page."""
        visit.page.goto(f"{self.site}{path}?lang={self.language}")
        return visit.page.locator("main").inner_text()


def press(visit):
    visit.page.locator("form.rm-form button.rm-primary").first.click()


def fill(form, **fields):
    for name, text in fields.items():
        if form.locator(f"input[type=radio][name='{name}']").count():
            form.locator(f"input[name='{name}'][value='{text}']").check()
        else:
            form.locator(f"[name='{name}']").fill(text)


def take_step(visit, action, **fields):
    form = visit.page.locator(f"#step-{action}")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    fill(form, **fields)
    form.locator("button.rm-primary").click()
    visit.page.locator(".rm-done").wait_for()


def number_in(visit) -> int:
    visit.page.wait_for_url(re.compile(rf"/casework/{CITY}/\d+\?"))
    return int(re.search(r"/(\d+)\?", visit.page.url)[1])


def taken(visit, link) -> bytes:
    """What a link that is a file brings."""
    with visit.page.expect_download() as started:
        link.click()
    return started.value.path().read_bytes()


def mark(people, words, cell) -> str:
    resident = people.anyone(f"/mark/{CITY}/{cell}")
    resident.page.get_by_role("link", name=words.text("signal.category.lighting")).click()
    for question in ("what", "when", "how_often", "feels_unsafe"):
        resident.page.locator(f"input[name={question}]").first.check()
    resident.page.wait_for_timeout(PAUSE_MS)
    press(resident)
    receipt = resident.page.locator(".rm-receipt").inner_text()
    assert resident.context.cookies() == []
    return receipt


def to_the_council(secretary, language):
    """Publish words for the request that is open and put it before the council."""
    take_step(secretary, "take_up", wording=PUBLISHED[language])
    take_step(secretary, "refer", note="Тексерілді")


def hold_a_meeting(people, secretary, requests, day) -> int:
    """Call a meeting about everything before the council, open it, accept these requests, close it."""
    language = people.language
    people.open(secretary, f"/casework/{CITY}/meetings")
    fill(secretary.page.locator("form.rm-form"), day=day, time="15:00", place="Мәслихат")
    press(secretary)
    secretary.page.wait_for_url(re.compile(r"/meetings/\d+\?"))
    meeting = int(re.search(r"/meetings/(\d+)\?", secretary.page.url)[1])
    for box in secretary.page.locator("input[name^='present.']").all():
        box.check()
    secretary.page.locator("form[action*='/open'] button").click()
    for request in requests:
        question = secretary.page.locator(f"#question-{request}")
        question.locator("summary").click()
        for choice in question.locator("input[name^='vote.'][value=for]").all():
            choice.check()
        fill(
            question,
            verdict="accepted",
            decision_grounds=GROUNDS[language],
            owner=BODY[language],
            due_day=day,
            money_line="451",
            expectation=EXPECTED[language],
        )
        question.locator("button.rm-primary").click()
        secretary.page.locator(f"#question-{request} dl").wait_for()
    secretary.page.locator("form[action*='/close'] button").click()
    secretary.page.locator("form[action*='/close']").wait_for(state="detached")
    return meeting


def hear(people, secretary, cells, today) -> tuple[str, int, int]:
    """One request made of a mark, one written down for somebody who came; receipt of the mark, and both numbers."""
    receipt = mark(people, wording.in_language(people.language), cells[0])
    people.open(secretary, f"/marks/{CITY}")
    secretary.page.locator(f"main a[href*='/lighting/{cells[0]}']").click()
    secretary.page.locator("form[action*='/into'] button").click()
    marked = number_in(secretary)
    to_the_council(secretary, people.language)
    secretary.page.goto(f"{people.site}/casework/{CITY}/new?cell={cells[1]}&lang={people.language}")
    form = secretary.page.locator("form:has(textarea[name=grounds])")
    fill(form, kind="other", channel="oral", heard_day=today, grounds=HEARD[people.language])
    form.locator("button.rm-primary").click()
    heard = number_in(secretary)
    paper = people.open(secretary, f"/casework/{CITY}/{heard}/receipt")
    assert f"{people.site}/council/{CITY}/{heard}" in paper
    assert HEARD[people.language] not in paper
    people.open(secretary, f"/casework/{CITY}/{heard}")
    to_the_council(secretary, people.language)
    return receipt, marked, heard


def decide(people, secretary, numbers, day):
    """The council accepts both, the chair confirms, and anyone reads the minutes."""
    meeting = hold_a_meeting(people, secretary, numbers, day)
    chair = people.signed_in("chair", f"/casework/{CITY}/meetings/{meeting}")
    for number in numbers:
        chair.page.locator(f"#question-{number} form[action*='/confirm'] button").click()
        chair.page.locator(f"#question-{number} form[action*='/confirm']").wait_for(state="detached")
    anyone = people.anyone(f"/council/{CITY}/meetings/{meeting}")
    assert anyone.page.locator("main").inner_text().count(GROUNDS[people.language]) == 2
    assert EXPECTED[people.language] in text_of_docx(taken(anyone, anyone.page.locator("a[href*='.docx']")))


def carry_out(people, secretary, number, today):
    """The letter leaves, the body's answer is entered, the list of bodies knows both, and then it is done."""
    language = people.language
    people.open(secretary, f"/casework/{CITY}/{number}")
    letter = text_of_docx(taken(secretary, secretary.page.locator("a[href*='/letter?'][href*='form=docx']").first))
    assert PUBLISHED[language] in letter
    assert HEARD[language] not in letter
    take_step(secretary, "send", body=BODY[language], document_number=f"15-{number}", document_day=today)
    answer = {"body_answer": ANSWER[language], "answer_number": f"ЖТ-{number}", "answer_day": today}
    take_step(secretary, "schedule", **answer, planned_day=today)
    people.open(secretary, f"/casework/{CITY}/bodies")
    book = openpyxl.load_workbook(io.BytesIO(taken(secretary, secretary.page.locator("a[href*='bodies.xlsx']").first)))
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row]
    assert {BODY[language], f"15-{number}", f"ЖТ-{number}"} <= set(cells)
    people.open(secretary, f"/casework/{CITY}/{number}")
    take_step(secretary, "complete", done_day=today, document=f"Акт {number}")


def disagree(people, secretary, number):
    """A resident says that it is not done; everybody reads what is amiss, and the secretary gives it back."""
    words = wording.in_language(people.language)
    resident = people.signed_in("resident", f"/casework/{CITY}/{number}")
    take_step(resident, "dispute", dispute_kind="partly_done", dispute_reason=UNTRUE[people.language])
    told = people.anyone(f"/council/{CITY}/{number}").page.locator("main").inner_text()
    assert words.text("council.state.disputed") in told
    assert words.text("council.choice.partly_done") in told
    assert UNTRUE[people.language] not in told
    people.open(secretary, f"/casework/{CITY}/{number}")
    take_step(secretary, "reopen", checked=UNTRUE[people.language])


@pytest.mark.parametrize(("language", "size"), [("kk", PHONE), ("ru", DESKTOP)], ids=["kk phone", "ru desktop"])
def test_a_month_of_a_council_from_marks_to_residents_who_disagree(chromium, site, town, language, size):
    people = People(chromium, site, size, language)
    cells = [f"{int(town.release.cells[at + 7 * (language == 'ru')]):x}" for at in (60, 90)]
    today = datetime.now(UTC).astimezone(CIVIL_TIME).date()
    secretary = people.signed_in("secretary", f"/casework/{CITY}")

    receipt, marked, heard = hear(people, secretary, cells, today.isoformat())
    decide(people, secretary, [marked, heard], (today + timedelta(days=20)).isoformat())
    carry_out(people, secretary, heard, today.isoformat())
    disagree(people, secretary, heard)
    whoever = people.anyone("/mark/receipt")
    whoever.page.locator("input[name=receipt]").fill(receipt)
    whoever.page.locator("form.rm-look-up button").click()
    told = whoever.page.locator("main [role=status]").inner_text()
    people.open(secretary, f"/casework/{CITY}/note")
    note = taken(secretary, secretary.page.locator("form.rm-form button.rm-primary"))
    troubles = [one.troubles for one in people.visits]
    for one in people.visits:
        one.context.close()

    states = {request.number: request.state for request in town.requests()}
    assert f"№ {marked}" in told
    assert note[:2] in (b"PK", b"%P")
    assert (states[marked], states[heard]) == ("approved", "with_body")
    assert troubles == [([], [], [])] * len(troubles)


def text_of_docx(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return re.sub(r"<[^>]+>", "", packed.read("word/document.xml").decode())
