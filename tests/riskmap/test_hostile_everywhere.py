"""Every hostile text at once wherever a council's words are shown, fed or exported: none becomes more than text.

Single pages meet each text by itself elsewhere; here stand the doors of meetings and everything that carries many.
"""

import csv
import io
import json
import re
import zipfile
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import openpyxl
import pytest
from icalendar import Calendar

from riskmap import journal, release
from riskmap.council import texts
from riskmap.council.request import Action
from riskmap.journal import PublicDecision, PublicMeeting, PublicQuestion
from tests.council import TOWN
from tests.hostile_texts import HOSTILE_TEXTS, as_read
from tests.journal_builder import LAST_DAY
from tests.public_client import PublicClient
from tests.release_builder import a_release
from tests.riskmap.doors_client import a_council, form_to, forms_of, text_of
from tests.riskmap.test_council_pages import hostile
from tests.riskmap.test_doors_pages import tags_of
from tests.riskmap.test_follow_pages import parsed
from tests.riskmap.test_meetings import NOTICE

TAGS_OF_TEXT = {"p", "br"}
CALCULATING = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
UNSEEN = " \u00a0\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
DECISION_FIELDS = ("decision_grounds", "legal_grounds", "owner", "money_line", "expectation", "correction_reason")
PAGES = (
    "/council/toy",
    "/council/toy/1",
    "/council/toy/late",
    "/council/toy/decisions",
    "/council/toy/meetings",
    "/council/toy/meetings/1",
    "/area/toy",
    "/area/toy/d1",
    "/kk",
    "/data/toy",
    "/panel/toy",
)


def test_the_corpus_holds_at_least_a_hundred_texts_of_every_kind():
    kinds = ("<script", "=", "DROP TABLE", "../", "\u202e", "{{", "javascript:", "\x00", "BEGIN:VEVENT")

    assert len(set(HOSTILE_TEXTS)) >= 100
    assert [kind for kind in kinds if not any(kind in text for text in HOSTILE_TEXTS)] == []


# ---- What the public reads ----


def a_meeting(number, text, requests):
    decision = {
        "verdict": "accepted",
        "on": LAST_DAY,
        "votes": {"for": 3, "against": 0, "abstained": 0, "conflict": 0},
        "is_in_force": True,
    }
    fields = dict.fromkeys(DECISION_FIELDS, text) | {"due_day": "2026-12-20"}
    return PublicMeeting(
        number=number,
        stage="closed",
        day=LAST_DAY + timedelta(days=40),
        time="15:00",
        place=text,
        members=5,
        quorum=3,
        present=4,
        notices=1,
        changed_on=LAST_DAY,
        is_simulated=True,
        agenda=tuple(PublicQuestion(request=one, supporters=1, evidence=3, days=2, weight=18) for one in requests),
        decisions=tuple(PublicDecision(request=one, fields=fields, **decision) for one in requests),
    )


def a_site(folder, words):
    """A release and a journal in which each word stands in a request and in a meeting."""
    release.write(folder / "releases", *a_release())
    numbered = list(enumerate(words, start=1))
    journal.write(
        folder / "journals",
        "toy",
        tuple(hostile_request(number, text) for number, text in numbered),
        meetings=tuple(a_meeting(number, text, [number]) for number, text in numbered),
        as_of=LAST_DAY,
        is_simulated=True,
        audit_head={"position": 1, "hash": "0" * 64},
    )
    return PublicClient(releases=folder / "releases", journals=folder / "journals")


def hostile_request(number, text):
    made = hostile(text)
    return type(made)(**{**{name: getattr(made, name) for name in made.__slots__}, "number": number})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return a_site(tmp_path_factory.mktemp("hostile"), HOSTILE_TEXTS)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    return a_site(tmp_path_factory.mktemp("harmless"), ["шам"] * len(HOSTILE_TEXTS))


class _Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found: Counter[str] = Counter()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS_OF_TEXT:
            self.found[" ".join([tag, *(name for name, _ in attrs)])] += 1


def elements(answer):
    return _Elements(answer.text).found


@pytest.mark.parametrize("address", PAGES)
def test_no_public_page_gets_an_element_or_attribute_from_a_text(site, harmless, address):
    answer, plain = site.get(address, lang="kk"), harmless.get(address, lang="kk")

    assert answer.status_code == plain.status_code == 200
    assert elements(answer) == elements(plain)


def test_each_request_and_meeting_shows_its_text_as_text(site):
    for number, text in enumerate(HOSTILE_TEXTS, start=1):
        if not text.strip():
            continue
        for address in (f"/council/toy/{number}", f"/council/toy/meetings/{number}"):
            answer = site.get(address, lang="ru")
            assert answer.status_code == 200
            assert as_read(text) in as_read(text_of(answer))
            assert "<script>alert" not in answer.text


def test_no_feed_or_calendar_gets_an_entry_from_a_text(site, harmless):
    feeds = [parsed(one.get("/feed/toy.atom", lang="kk")) for one in (site, harmless)]
    plans = [Calendar.from_ical(one.get("/calendar/toy.ics", lang="kk").content) for one in (site, harmless)]

    assert Counter(one.tag for one in feeds[0].iter()) == Counter(one.tag for one in feeds[1].iter())
    assert [len(plan.walk("VEVENT")) for plan in plans] == [len(plans[1].walk("VEVENT"))] * 2
    assert {name for event in plans[0].walk("VEVENT") for name in event} == {
        name for event in plans[1].walk("VEVENT") for name in event
    }


def test_no_cell_of_the_public_table_calculates(site):
    rows = list(csv.reader(io.StringIO(site.get("/council/toy/requests.csv", lang="kk").text.removeprefix("\ufeff"))))

    assert len(rows) == len(HOSTILE_TEXTS) + 1
    assert [cell for row in rows for cell in row if cell.lstrip(UNSEEN).startswith(CALCULATING)] == []


def test_the_api_gives_every_text_unchanged_as_json(site):
    answer = site.get("/api/v1/council/toy")

    told = [one["wording"] for one in json.loads(answer.text)["requests"]]
    assert answer.headers["content-type"] == "application/json"
    assert sorted(told) == sorted(HOSTILE_TEXTS)


@pytest.mark.parametrize("form", ["docx", "pdf"])
def test_minutes_of_every_text_can_be_opened_and_hold_nothing_that_runs(site, form):
    for number in range(1, len(HOSTILE_TEXTS) + 1, 6 if form == "pdf" else 2):
        answer = site.get(f"/council/toy/meetings/{number}.{form}", lang="kk")

        assert answer.status_code == 200
        if form == "pdf":
            assert not re.search(rb"/(JavaScript|JS|Launch)\b", answer.content)
        else:
            require_quiet_office_file(answer.content)


def require_quiet_office_file(content):
    """Well-formed parts, no field, no link that leads out but the site's own, no macro."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        names = parts.namelist()
        read = {name: parts.read(name) for name in names if name.endswith((".xml", ".rels"))}
    assert not [name for name in names if "vba" in name.lower() or "activeX" in name]
    for name, part in read.items():
        root = ElementTree.fromstring(part)  # noqa: S314 - written by our own program
        assert not [one for one in root.iter() if one.tag.endswith(("}fldSimple", "}instrText", "}f"))] or (
            "foot" in name or "head" in name
        ), name
        assert b"evil.example" not in part or not name.endswith(".rels")


# ---- What the council writes and takes away ----

BATCHES = [
    " | ".join(fit[start : start + 8])
    for fit in [[one for one in HOSTILE_TEXTS if one.strip() and not texts.personal_details(one) and len(one) < 150]]
    for start in range(0, len(fit), 8)
]
"""Texts a few at a time, without those that are refused as addresses or numbers of people."""


@pytest.fixture(scope="module")
def council(tmp_path_factory):
    made = a_council(tmp_path_factory.mktemp("council"))
    yield made
    made.store.close()


def before_council(council, login, text, **given):
    request = council.step("secretary", council.file(login, grounds=f"{text} – шам.", **given), Action.TAKE_UP)
    return council.step("secretary", request, Action.REFER, note=text)


def test_meeting_forms_take_every_text_as_text(council):
    before_council(council, "resident", "Өткелге жарық керек, қараңғы")
    browser, desk = council.signed_in("secretary"), f"/casework/{TOWN}/meetings"
    browser.post(desk, form_to(browser.get(desk), "/meetings") | NOTICE)
    public = PublicClient(releases=council.settings.releases, journals=council.settings.journals)
    there = {"present.a-member-0123": "1", "present.a-chair-0123": "1"}
    votes = {"vote.a-member-0123": "for", "vote.a-chair-0123": "for"}

    def sent(deed, fields, text):
        shown = browser.follow(
            browser.post(f"{desk}/1/{deed}", form_to(browser.get(f"{desk}/1"), f"/1/{deed}") | fields)
        )
        published = public.get(f"/council/{TOWN}/meetings/1", lang="kk")
        assert shown.status_code == published.status_code == 200
        assert as_read(texts.clean(text, is_line=deed == "change")) in as_read(text_of(shown) + str(forms_of(shown)))
        return tags_of(shown.text), Counter(tags_of(published.text))

    before = sent("change", {"place": "Әкімдік"}, "Әкімдік")
    for batch in BATCHES:
        line = batch[:180]
        assert sent("change", {"place": line, "time": "15:00"}, line) == before
    browser.post(f"{desk}/1/open", form_to(browser.get(f"{desk}/1"), "/1/open") | there)
    first = {"verdict": "accepted_changed", "due_day": "2026-12-20", "correction_reason": "Түзету"}
    sent("decide", first | votes | dict.fromkeys(TEXT_FIELDS, "Жазылды"), "Жазылды")
    honest, _ = sent("decide", first | votes | dict.fromkeys(TEXT_FIELDS, "Жазылды"), "Жазылды")
    for batch in BATCHES:
        fields = first | votes | dict.fromkeys(LONG_FIELDS, batch) | dict.fromkeys(LINE_FIELDS, batch[:180])
        tags, _ = sent("decide", fields | {"correction_reason": batch}, batch)
        assert tags == honest


LONG_FIELDS = ("decision_grounds", "expectation")
LINE_FIELDS = ("owner", "money_line")
TEXT_FIELDS = LONG_FIELDS + LINE_FIELDS


def test_faulty_meeting_forms_bring_every_text_back_as_text(council):
    before_council(council, "other", "Аялдамаға жарық керек, қараңғы", kind="patrol")
    browser, desk = council.signed_in("secretary"), f"/casework/{TOWN}/meetings"
    form = form_to(browser.get(desk), "/meetings")

    for batch in BATCHES:
        # An honest text as long meets the same faults.
        answers = [
            browser.post(desk, form | {"place": text, "time": text, "day": text})
            for text in (batch, "ш" * len(texts.clean(batch, is_line=True)))
        ]

        assert [answer.status_code for answer in answers] == [422, 422]
        assert tags_of(answers[0].text) == tags_of(answers[1].text)


@pytest.fixture(scope="module")
def sent_away(council):
    """Requests with hostile words in every published field of every step up to the letter."""
    made = []
    for number, batch in enumerate(BATCHES):
        kind = ("camera", "patrol", "road_sign", "lighting", "other")[number % 5]
        request = council.file("resident", grounds=f"{batch} – өткелге жарық керек.", kind=kind, landmark=batch[:150])
        request = council.step("secretary", request, Action.TAKE_UP, wording=batch)
        request = council.step("secretary", request, Action.REFER, note=batch)
        request = council.step("chair", request, Action.APPROVE, decision_grounds=batch, expectation=batch)
        made.append(council.step("secretary", request, Action.SEND, body=batch[:180], document_number=batch[:30]))
    return made


def test_letters_of_every_text_can_be_opened_and_hold_nothing_that_runs(council, sent_away):
    browser = council.signed_in("secretary")
    for request in sent_away:
        with council.store.look() as look:
            asked = look.requests.find(TOWN, request.number)
        answer = browser.get(f"/casework/{TOWN}/{asked.number}/letter", language="kk", form="docx")

        assert answer.status_code == 200
        require_quiet_office_file(answer.content)


def test_the_workbook_of_bodies_calculates_nothing(council, sent_away):
    answer = council.signed_in("secretary").get(f"/casework/{TOWN}/bodies.xlsx")

    cells = [cell for row in openpyxl.load_workbook(io.BytesIO(answer.content)).active.iter_rows() for cell in row]
    assert len([cell for cell in cells if cell.value]) > len(sent_away)
    assert [cell.value for cell in cells if cell.data_type == "f"] == []
    assert not [
        cell.value
        for cell in cells
        if isinstance(cell.value, str) and cell.value.lstrip(UNSEEN).startswith(CALCULATING)
    ]


def test_pages_of_staff_show_every_text_as_text(council, sent_away):
    browser = council.signed_in("secretary")
    for address in (f"/casework/{TOWN}", f"/casework/{TOWN}/bodies", f"/casework/{TOWN}/{sent_away[0].number}"):
        answer = browser.get(address)

        assert answer.status_code == 200
        tags = tags_of(answer.text)
        assert not {tag.split()[0] for tag in tags} & {"iframe", "object", "embed", "base", "video", "plaintext", "b"}
        assert not [name for tag in tags for name in tag.split()[1:] if name.startswith("on")]
        assert not re.search(r"<script(?![^>]* src=)", answer.text)


def test_no_word_of_a_person_reaches_the_audit_log(council, sent_away):
    with council.store.look() as look:
        told = [f"{one.subject} {json.dumps(dict(one.details))}" for one in look.audit.entries()]

    assert [line for line in told if "шам" in line or "alert" in line or "evil" in line] == []
