"""What stands on the pages: queues, filters, empty pages, languages, and hostile texts shown as text."""

import re
from html.parser import HTMLParser
from threading import Thread

import pytest

from riskmap.council import texts
from riskmap.council.request import Action, RequestKind, State
from riskmap.wording import LANGUAGES, in_language
from tests.council import NOW, TOWN
from tests.hostile_texts import HOSTILE_TEXTS, as_read
from tests.riskmap.doors_client import CELL, FAR_CELL, a_council, a_form, form_to, text_of
from tests.screens.page import foreign_texts

KK = in_language("kk")
DESK, NEW = f"/casework/{TOWN}", f"/casework/{TOWN}/new"
HOSTILE = [" ".join(HOSTILE_TEXTS[start::9]) for start in range(9)]
"""All hostile texts, several at a time."""


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


class _Tags(HTMLParser):
    """Tags of a page with the names of their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(" ".join([tag, *(name for name, _ in attrs)]))


def tags_of(markup: str) -> list[str]:
    """Tags in order, without those that only break lines."""
    reader = _Tags()
    reader.feed(markup)
    return [tag for tag in reader.found if tag not in {"p", "br"}]


class _Read:
    """A page as `foreign_texts` wants it."""

    def __init__(self, answer) -> None:
        read = [text_of(answer), *re.findall(r'(?:aria-label|title|alt|data-left|data-over)="([^"]*)"', answer.text)]
        self.text = "\n".join(read)


def everything_shown(council, language):
    """One page of every kind, in one language."""
    lang = {"lang": language}
    request = council.step("secretary", council.file("resident"), Action.TAKE_UP, wording="№")
    council.step("secretary", council.file("other", grounds="№" * 20, landmark=""), Action.TAKE_UP, wording="№")
    council.step("secretary", request, Action.ASK, question="№")
    resident, secretary = council.signed_in("resident"), council.signed_in("secretary")
    faulty = form_to(resident.get(NEW, cell=CELL, **lang), "/new") | {"grounds": "№"}
    return {
        "front door": council.browser().get("/sign-in", **lang),
        "refused": council.browser().post(f"/sign-in?lang={language}", {"login": "x", "password": "y"}),
        "too late": council.browser().post(f"{NEW}?lang={language}", {"kind": "patrol"}),
        "mine": resident.get(DESK, **lang),
        "nothing yet": council.signed_in("member").get(DESK, **lang),
        "no role": council.signed_in("police").get(DESK, **lang),
        "map": resident.get(NEW, **lang),
        "outside": resident.get(NEW, cell="zz", **lang),
        "form": resident.get(NEW, cell=CELL, **lang),
        "faulty": resident.post(f"{NEW}?lang={language}", faulty),
        "queue": secretary.get(DESK, **lang, show="all"),
        "nothing left": secretary.get(DESK, **lang, kind="camera"),
        "request": secretary.get(f"{DESK}/1", **lang),
        "question": resident.get(f"{DESK}/1", **lang),
        "triage": secretary.get(f"{DESK}/2", **lang),
        "no page": secretary.get("/casework/a/b/c/d", **lang),
        "not allowed": council.signed_in("stranger").get(DESK, **lang),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_holds_a_text_of_another_language(council, language):
    council_words = {"Мектеп жанындағы өткел қараңғы, бағандағы шам жанбайды", "Мектеп қақпасы"}

    pages = everything_shown(council, language)

    assert {name: page.headers["content-language"] for name, page in pages.items()} == dict.fromkeys(pages, language)
    found = {name: set(foreign_texts(_Read(page), language)) - council_words for name, page in pages.items()}
    assert {name: foreign for name, foreign in found.items() if foreign} == {}


def test_a_text_of_another_language_would_be_noticed(council):
    pages = everything_shown(council, "ru")

    assert all(foreign_texts(_Read(page), "kk") for page in pages.values())


def pages_about(council, text):
    """Every page on which something a person wrote can come back, with this text in all its fields."""
    long = f"{text} – өткелге жарық керек, шам жанбайды."
    request = council.file("resident", grounds=long, landmark=text[:150])
    request = council.step("secretary", request, Action.TAKE_UP, wording=long)
    request = council.step("secretary", request, Action.ASK, question=long)
    request = council.step("resident", request, Action.ANSWER, answer=long)
    mine, staff = council.signed_in("resident"), council.signed_in("secretary")
    typed = a_form(grounds=long, landmark="x" * 201 + text, form_token=mine.form_token)
    moved = {"form_token": staff.form_token, "version": text, "note": long, "key": text}
    late = a_form(grounds=text, landmark=text, key=text, version=text, kind=text)
    return [
        mine.get(f"{DESK}/1"),
        staff.get(f"{DESK}/1"),
        mine.get(NEW, cell=CELL),
        mine.post(NEW, typed),
        staff.post(f"{DESK}/1/refer", moved),
        staff.post(f"{DESK}/1/merge", moved | {"earlier_request": text, "version": "4"}),
        council.browser().post(NEW, late),
        staff.get(DESK),
        staff.get(f"{DESK}/1", lang=text, done=text),
        staff.get(DESK, show=text, kind=text, state=text, district=text),
        staff.get(NEW, cell=text),
        council.browser().get("/sign-in", **{"return": text}),
        council.browser().post("/sign-in", {"login": text, "password": text, "return": text, "target": text}),
    ]


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    """Tags of the pages about an honest text."""
    council = a_council(tmp_path_factory.mktemp("harmless"))
    tags = [tags_of(page.text) for page in pages_about(council, "өткел")]
    council.store.close()
    return tags


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_person_writes_is_only_ever_text(council, harmless, text):
    pages = pages_about(council, text)

    assert [tags_of(page.text) for page in pages] == harmless
    kept, sent_back = pages[:3], (pages[3], pages[4], pages[6])
    assert all(as_read(texts.clean(text)) in as_read(text_of(page)) for page in kept)
    assert all(as_read(text) in as_read(text_of(page)) for page in sent_back), "as typed"
    assert not any("\u202e" in page.text or "\x00" in page.text for page in kept), "unseen signs are taken out"


def test_a_text_that_became_a_tag_would_be_noticed():
    honest, hostile = "<p>өткел</p>", "<p><img src=x onerror=alert(1)></p>"

    assert tags_of(hostile) != tags_of(honest)


# ---- Desks ----


def test_the_queue_of_a_secretary_begins_with_what_waits_newest_need_first(council):
    first = council.file("resident")
    council.later(days=1)
    council.step("secretary", council.step("secretary", first, Action.TAKE_UP), Action.REFER)
    for kind in ("patrol", "camera"):
        council.later(days=1)
        council.file("other", kind=kind, cell=FAR_CELL)
    council.later(days=2)
    browser = council.signed_in("secretary")

    page = browser.get(DESK, show="all")

    shown = text_of(page)
    order = [shown.index(f"№ {number} ·") for number in (3, 2, 1)]
    assert order == sorted(order)
    assert KK.text("casework.age", n=5) in shown
    assert page.text.count('class="rm-mark"') == 2
    assert "№ 1 ·" not in text_of(browser.get(DESK)), "it waits for the chair"
    assert "№ 1 ·" in text_of(council.signed_in("chair").get(DESK))


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"show": "all"}, {1, 2, 3}),
        ({"show": "open"}, {1, 2}),
        ({"show": "all", "kind": "patrol"}, {2, 3}),
        ({"show": "all", "state": "withdrawn"}, {3}),
        ({"show": "all", "district": "d1"}, {2}),
        ({"show": "all", "kind": "patrol", "district": "d2"}, {3}),
        ({"show": "all", "kind": "camera"}, set()),
        ({"show": "nonsense", "kind": "nonsense", "state": "nonsense", "district": "nonsense"}, {1, 2}),
    ],
    ids=str,
)
def test_filters_leave_what_they_say(council, query, numbers):
    council.file("resident", kind="lighting")
    council.file("resident", kind="patrol", cell=FAR_CELL)
    council.step("resident", council.file("resident", kind="patrol"), Action.WITHDRAW)

    page = council.signed_in("secretary").get(DESK, **query)

    shown = text_of(page)
    assert {number for number in (1, 2, 3) if f"№ {number} ·" in shown} == numbers
    assert (KK.text("casework.empty.filtered") in shown) == (not numbers)
    assert "nonsense" not in page.text


def test_a_resident_finds_their_own_requests_and_those_they_support(council):
    council.file("resident", kind="lighting")
    council.file("other", kind="patrol")
    council.file("other", kind="camera")
    browser = council.signed_in("resident")
    browser.post(f"{DESK}/2/support", {"form_token": browser.form_token})

    shown = text_of(browser.get(DESK))

    mine, _, supported = shown.partition(KK.text("casework.supported.title"))
    assert f"№ 1 · {KK.text('council.kind.lighting')}" in mine
    assert f"№ 2 · {KK.text('council.kind.patrol')}" in supported
    assert "№ 3 ·" not in shown


@pytest.mark.parametrize(
    ("login", "key"),
    [
        ("resident", "casework.empty.mine"),
        ("resident", "casework.empty.supported"),
        ("police", "casework.empty.no_role"),
        ("secretary", "casework.empty.queue"),
    ],
)
def test_an_empty_desk_says_what_to_do_next(council, login, key):
    assert KK.text(key) in text_of(council.signed_in(login).get(DESK))


def test_whoever_works_in_one_place_only_is_led_there(council):
    assert council.signed_in("secretary").get("/casework").headers["location"] == f"{DESK}?lang=kk"
    assert KK.text("casework.choose.none") in text_of(council.signed_in("stranger").get("/casework"))


def test_every_state_and_kind_reads_as_a_word_in_the_filters(council):
    council.file("resident")

    shown = text_of(council.signed_in("secretary").get(DESK, show="all"))

    assert KK.text(f"council.state.{State.SUBMITTED}") in shown
    assert KK.text(f"council.kind.{RequestKind.LIGHTING}") in shown


def test_days_are_those_of_kazakhstan(council):
    council.at = NOW.replace(hour=18, minute=30)  # half past eleven in the evening there
    council.file("resident")
    council.later(hours=1)

    shown = text_of(council.signed_in("resident").get(f"{DESK}/1"))

    assert "02.11.2026" in shown
    assert KK.text("casework.age", n=1) in shown


# ---- Many at once ----


def test_twenty_presses_at_the_same_moment_make_one_request(council):
    browsers = [council.signed_in("resident") for _ in range(20)]
    form = a_form(key="0f0f0f0f-0000-4000-8000-000000000001")
    answers = []

    def press(browser):
        answers.append(browser.post(NEW, form | {"form_token": browser.form_token}).headers["location"])

    threads = [Thread(target=press, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) == {f"{DESK}/1?lang=kk&done=submit"}
    assert len(answers) == 20
    assert len(council.requests()) == 1


def test_of_ten_people_who_take_up_one_request_at_once_nine_are_told(council):
    council.file("resident")
    browsers = [council.signed_in("secretary") for _ in range(10)]
    forms = [form_to(browser.get(f"{DESK}/1"), "/take_up") for browser in browsers]
    answers = []

    def press(browser, form):
        answers.append(browser.post(f"{DESK}/1/take_up", form).status_code)

    threads = [Thread(target=press, args=pair) for pair in zip(browsers, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [303] + [409] * 9
    assert council.requests()[0].version == 2
