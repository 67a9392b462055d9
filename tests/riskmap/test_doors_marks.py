"""Marks through the doors: anybody marks without an account, the secretary deals with them, the receipt tells."""

import re

import pytest

from riskmap.signals import limits
from riskmap.signals.rules import Category, State
from riskmap.wording import LANGUAGES, in_language
from tests.council import GROUNDS, TOWN
from tests.hostile_texts import HOSTILE_TEXTS
from tests.riskmap.doors_client import CELL, FROM_HERE, a_council, form_to, forms_of, text_of
from tests.signal_builder import ANSWERS

MARK, MARKS = f"/mark/{TOWN}", f"/marks/{TOWN}"
RU = in_language("ru")
UNKNOWN = "1234567890123450"
"""A well-made receipt that was never given."""


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def kept(council):
    with council.store.look() as look:
        return look.signals.waiting(TOWN)


def opened_form(council, browser, place=CELL, category="lighting", lang="ru"):
    page = browser.get(f"{MARK}/{place}", category=category, lang=lang)
    council.later(seconds=10)
    return forms_of(page)[f"{MARK}/{place}"]


def mark(council, place=CELL, category="lighting", *, address="203.0.113.7", lang="ru", **given):
    """Open the form of a place as it is served, take a person's time, and send it."""
    browser = council.browser(address)
    form = opened_form(council, browser, place, category, lang)
    answers = ANSWERS if category == "lighting" else {}
    return browser.post(f"{MARK}/{place}", form | answers | given)


def receipt_in(answer):
    return re.search(r'class="rm-receipt"><strong>([0-9 ]+)<', answer.text)[1]


def become(council, receipt, *, lang="ru"):
    return council.browser().post(f"/mark/receipt?lang={lang}", {"receipt": receipt})


def heap_form(browser, ending, category="lighting", place=CELL):
    page = browser.get(f"{MARKS}/{category}/{place}")
    assert page.status_code == 200, page.status_code
    return form_to(page, f"/{ending}")


def send(browser, ending, form, category="lighting", place=CELL):
    return browser.post(f"{MARKS}/{category}/{place}/{ending}", form)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_emergency_line_the_legal_label_and_the_official_system_stand_first(council, language):
    words, browser = in_language(language), council.browser()
    addresses = ["/mark/receipt", MARK, f"{MARK}/{CELL}", f"{MARK}/{CELL}?category=noise"]

    pages = [browser.get(f"{address}{'&' if '?' in address else '?'}lang={language}") for address in addresses]

    for page in pages:
        main = page.text.partition('<main id="main"')[2]
        assert page.status_code == 200
        assert main.index('href="tel:102"') < main.index(words.text("signal.legal")) < main.index("<h1")
        assert 'href="https://eotinish.kz"' in main
        assert "set-cookie" not in page.headers


@pytest.mark.parametrize("language", LANGUAGES)
def test_anybody_marks_gets_a_receipt_and_its_picture_and_learns_that_it_waits(council, language):
    words = in_language(language)

    sent = mark(council, lang=language)

    told = become(council, receipt_in(sent), lang=language)
    assert sent.status_code == 200
    assert '<div class="rm-qr"' in sent.text
    assert "<svg" in sent.text
    assert words.text("signal.state.waiting") in text_of(told)
    assert [(one.category, dict(one.answers)) for one in kept(council)] == [(Category.LIGHTING, ANSWERS)]


def test_the_receipt_stands_in_no_address_is_set_in_no_cookie_and_kept_only_as_a_hash(council):
    sent = mark(council)

    digits = receipt_in(sent).replace(" ", "")
    assert "location" not in sent.headers
    assert "set-cookie" not in sent.headers
    assert sent.headers["cache-control"] == "no-store"
    assert digits.encode() not in (council.settings.data / "riskmap.db").read_bytes()


def test_nothing_a_person_typed_and_no_moment_and_no_address_reaches_the_disk(council):
    mark(council, address="203.0.113.77", grounds="Айдос-12-пәтер", note="Айдос-12-пәтер")

    files = [path for path in council.settings.data.rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in files)
    assert len(kept(council)) == 1
    assert "Айдос".encode() not in everything
    assert b"203.0.113" not in everything
    assert council.audit_actions() == [], "the log keeps moments, so making a mark writes none"


def test_a_form_sent_twice_is_one_mark_with_one_receipt(council):
    browser = council.browser("203.0.113.7")
    form = opened_form(council, browser) | ANSWERS

    first, second = (browser.post(f"{MARK}/{CELL}", form) for _ in range(2))

    assert receipt_in(first) == receipt_in(second)
    assert len(kept(council)) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"website": "x"}, "signal.trapped"),
        ({"opened": ""}, "signal.too_old"),
        ({"when": ""}, "council.fault.missing"),
        ({"what": "stray"}, "council.fault.missing"),
    ],
)
def test_a_form_that_does_not_fit_comes_back_and_fits_when_put_right(council, given, told):
    sent = mark(council, **given)

    assert sent.status_code == 422
    assert RU.text(told) in text_of(sent)
    assert kept(council) == []
    council.later(seconds=10)
    browser = council.browser("203.0.113.7")
    assert browser.post(f"{MARK}/{CELL}", forms_of(sent)[f"{MARK}/{CELL}"] | ANSWERS).status_code == 200


def test_a_form_sent_within_a_second_waits_and_the_same_form_is_taken_a_moment_later(council):
    browser = council.browser()
    page = browser.get(f"{MARK}/{CELL}", category="lighting", lang="ru")
    form = forms_of(page)[f"{MARK}/{CELL}"] | ANSWERS

    early = browser.post(f"{MARK}/{CELL}", form)
    council.later(seconds=5)
    late = browser.post(f"{MARK}/{CELL}", form)

    assert (early.status_code, late.status_code) == (422, 200)
    assert RU.text("signal.too_fast") in text_of(early)


def test_one_address_marks_so_often_in_an_hour_and_another_one_still_may(council):
    sent = [mark(council, place="d1" if number % 2 else "d2") for number in range(limits.PER_ADDRESS_HOUR)]

    refused, other = mark(council), mark(council, address="203.0.113.8")
    council.later(hours=1)
    later = mark(council)

    assert {answer.status_code for answer in (*sent, other, later)} == {200}
    assert refused.status_code == 429
    assert RU.text("signal.too_many") in text_of(refused)


def test_behind_a_proxy_the_last_address_of_its_header_counts_and_no_made_up_one(tmp_path):
    council = a_council(tmp_path, address_header="X-Forwarded-For")
    browser, counted = council.browser(), []
    for number, written in enumerate(["9.9.9.9, 203.0.113.7", "8.8.8.8, 203.0.113.9", "203.0.113.7, 198.51.100.1"]):
        form = opened_form(council, browser) | ANSWERS
        browser.post(f"{MARK}/{CELL}", form, headers={"x-forwarded-for": written, **FROM_HERE})
        counted.append(kept(council)[number].is_counted)
    council.store.close()

    assert counted == [True, False, True]


@pytest.mark.parametrize("headers", [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}])
def test_another_site_cannot_mark_in_a_visitors_name(council, headers):
    browser = council.browser()
    form = opened_form(council, browser) | ANSWERS

    assert browser.post(f"{MARK}/{CELL}", form, headers=headers).status_code == 403
    assert kept(council) == []


def test_a_place_the_release_does_not_tell_of_is_not_found(council):
    for place in ("gone", "8921538235bffff", "%3Cscript%3E", "toy%27--"):
        answer = council.browser().get(f"{MARK}/{place}", category="dogs", lang="ru")

        assert answer.status_code == 404
        assert RU.text("error.unknown_reviewed_place") in text_of(answer)


def test_hostile_texts_in_every_field_are_dropped_or_refused_and_run_nowhere(council, monkeypatch):
    monkeypatch.setattr(limits, "PER_TERRITORY_HOUR", 10**6)
    browser = council.browser()
    form = opened_form(council, browser)
    for text in HOSTILE_TEXTS:
        filled = dict.fromkeys((*ANSWERS, "key", "opened", "category", "support2", "note"), text)

        refused = browser.post(f"{MARK}/{CELL}", filled | {"category": "lighting"})
        elsewhere = browser.post(f"{MARK}/{CELL}", filled)
        looked_up = browser.post("/mark/receipt", {"receipt": text})

        assert {answer.status_code for answer in (refused, elsewhere, looked_up)} <= {200, 422}
        assert not any("<script>alert" in answer.text for answer in (refused, elsewhere, looked_up))
    taken = browser.post(f"{MARK}/{CELL}", form | ANSWERS | dict.fromkeys(("note", "text"), "=cmd|' /C calc'!A0"))
    assert taken.status_code == 200
    assert [dict(one.answers) for one in kept(council)] == [ANSWERS]


def test_a_mistyped_receipt_and_an_unknown_one_are_told_apart(council):
    receipt = receipt_in(mark(council))

    mistyped = become(council, receipt[:-1] + str((int(receipt[-1]) + 1) % 10))
    unknown = become(council, UNKNOWN)

    assert (mistyped.status_code, unknown.status_code) == (422, 422)
    assert RU.text("signal.lookup.mistyped") in text_of(mistyped)
    assert RU.text("signal.lookup.unknown") in text_of(unknown)


def test_receipts_cannot_be_tried_without_end(council):
    browser = council.browser("203.0.113.7")

    answers = [browser.post("/mark/receipt", {"receipt": UNKNOWN}).status_code for _ in range(limits.LOOK_UPS_HOUR + 1)]

    assert answers == [422] * limits.LOOK_UPS_HOUR + [429]


def test_five_marks_nearby_can_be_supported_and_four_are_not_shown(council):
    supports = []
    for number in range(6):
        page = council.browser().get(f"{MARK}/{CELL}", category="lighting", lang="ru")
        supports.append(RU.text("signal.similar.why") in text_of(page))
        mark(council, address=f"10.{number}.0.1")

    page = council.browser().get(f"{MARK}/{CELL}", category="lighting", lang="ru")
    council.later(seconds=10)
    form = next(fields for fields in re.findall(r"(?s)<form.*?</form>", page.text) if 'name="support"' in fields)
    fields = dict(re.findall(r'name="([a-z]+)"[^>]*?value="([^"]*)"', form))
    sent = council.browser("10.9.0.1").post(f"{MARK}/{CELL}", fields)

    assert supports == [False] * 5 + [True]
    assert RU.text("signal.similar.marks", n=5) in text_of(page), "six are told as at least five"
    assert sent.status_code == 200
    assert dict(kept(council)[-1].answers) == {}


@pytest.mark.parametrize("category", ["noise", "drink_drugs"])
def test_marks_that_point_at_neighbours_are_shown_to_nobody_nearby(council, category):
    answers = ANSWERS | {"what": {"noise": "music", "drink_drugs": "traces"}[category]}
    for number in range(6):
        mark(council, category=category, address=f"10.{number}.0.1", **answers)

    page = council.browser().get(f"{MARK}/{CELL}", category=category, lang="ru")

    assert len(kept(council)) == 6
    assert RU.text("signal.similar.title") not in text_of(page)


def test_the_secretary_makes_one_request_of_many_marks_and_the_receipt_tells_its_number(council):
    receipts = [receipt_in(mark(council, address=f"10.{number}.0.1")) for number in range(3)]
    secretary = council.signed_in("secretary", language="ru")
    form = heap_form(secretary, "into")

    sent = send(secretary, "into", form | {"kind": "lighting"})
    again = send(secretary, "into", form | {"kind": "lighting"})

    (request,) = council.requests()
    told = become(council, receipts[2])
    assert sent.headers["location"] == again.headers["location"]
    assert f"/casework/{TOWN}/{request.number}?" in sent.headers["location"]
    assert (
        RU.text(
            "signal.staff.grounds",
            category=RU.text("signal.category.lighting"),
            n=3,
            **{"from": council.at.date(), "to": council.at.date()},
        )
        in request.grounds
    )
    assert "№ 1" in text_of(told)
    assert f'href="/council/{TOWN}/1?lang=ru"' in told.text
    assert kept(council) == []
    assert council.audit_actions() == ["submit", "marks_in_request"]
    told = text_of(secretary.follow(sent))
    assert RU.text("signal.staff.behind", n=3) in told
    assert RU.text("casework.asked_by.marks", n=3) in told
    assert RU.text("casework.asked_by.in_person") not in told


def test_a_mark_that_came_after_the_page_was_read_goes_on_waiting(council):
    mark(council, address="10.1.0.1")
    secretary = council.signed_in("secretary")
    form = heap_form(secretary, "refuse")
    mark(council, address="10.2.0.1")

    send(secretary, "refuse", form | {"refusal": "not_found"})

    assert [one.number for one in kept(council)] == [2]


def test_of_two_secretaries_the_second_is_told_and_no_second_request_is_made(council):
    mark(council)
    first, second = council.signed_in("secretary"), council.signed_in("both")
    forms = [heap_form(browser, "into") | {"kind": "lighting"} for browser in (first, second)]

    answers = [send(browser, "into", form) for browser, form in zip((first, second), forms, strict=True)]

    assert [answer.status_code for answer in answers] == [303, 409]
    assert len(council.requests()) == 1


def test_marks_are_added_to_an_open_request_and_to_no_other(council):
    request = council.file()
    receipt = receipt_in(mark(council, place="d1"))
    secretary = council.signed_in("secretary", language="ru")
    form = heap_form(secretary, "join", place="d1")

    wrong = send(secretary, "join", form | {"request_number": "77"}, place="d1")
    right = send(secretary, "join", form | {"request_number": f"№ {request.number}"}, place="d1")

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert RU.text("signal.staff.join.unknown") in text_of(wrong)
    assert f"№ {request.number}" in text_of(become(council, receipt))
    with council.store.look() as look:
        assert look.signals.of_requests(TOWN) == {request.number: 1}


def test_a_refusal_needs_a_reason_which_the_receipt_tells(council):
    receipt = receipt_in(mark(council))
    secretary = council.signed_in("secretary", language="ru")
    form = heap_form(secretary, "refuse")

    without = send(secretary, "refuse", form)
    refused = secretary.follow(send(secretary, "refuse", form | {"refusal": "for_police"}))

    assert without.status_code == 422
    assert RU.text("signal.staff.done") in text_of(refused)
    assert RU.text("signal.refusal.for_police") in text_of(become(council, receipt))
    with council.store.look() as look:
        assert look.signals.waiting(TOWN) == []


@pytest.mark.parametrize("login", ["resident", "officer", "police", "steward", "stranger"])
def test_others_read_no_marks_and_the_attempt_is_audited(council, login):
    mark(council)
    browser = council.signed_in(login)
    form = {"form_token": browser.form_token, "up_to": "9", "refusal": "not_found"}

    answers = [browser.get(MARKS), browser.get(f"{MARKS}/lighting/{CELL}"), send(browser, "refuse", form)]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert council.audit_actions().count("refused") == 3
    assert [one.state for one in kept(council)] == [State.WAITING]


@pytest.mark.parametrize("login", ["member", "chair"])
def test_members_and_the_chair_read_marks_and_deal_with_none(council, login):
    mark(council)
    browser = council.signed_in(login)
    form = {"form_token": browser.form_token, "up_to": "9", "refusal": "not_found", "grounds": GROUNDS}

    page = browser.get(f"{MARKS}/lighting/{CELL}")
    answers = [send(browser, ending, form) for ending in ("into", "join", "refuse")]

    assert page.status_code == 200
    assert [path for path in forms_of(page) if path.startswith("/marks")] == []
    assert [answer.status_code for answer in answers] == [403] * 3
    assert len(kept(council)) == 1


def test_whoever_is_not_signed_in_is_asked_to(council):
    mark(council)
    browser = council.browser()

    assert browser.get(MARKS).headers["location"].startswith("/sign-in?")
    assert send(browser, "refuse", {"refusal": "not_found", "up_to": "9"}).status_code == 401
    assert len(kept(council)) == 1
