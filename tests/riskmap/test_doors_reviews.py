"""Reviews of places through the doors: anybody asks without an account, the steward answers, everybody reads."""

import re

import pytest

from riskmap import journal
from riskmap.place_review import rules
from riskmap.wording import LANGUAGES, in_language
from tests.council import TOWN
from tests.hostile_texts import HOSTILE_TEXTS
from tests.place_review_builder import REASON_KK, REASON_RU, REASONS
from tests.riskmap.doors_client import CELL, FROM_HERE, a_council, form_to, text_of

ASK, ANSWER = f"/review-of-place/{TOWN}", f"/place-reviews/{TOWN}"
KK, RU = in_language("kk"), in_language("ru")


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def reviews(council):
    with council.store.look() as look:
        return look.reviews.of_territory(TOWN)


def ask(council, place=CELL, *, lang="ru", **given):
    """Fill in the form of a place as it is served, and send it."""
    browser = council.browser()
    form = form_to(browser.get(f"{ASK}/{place}", lang=lang), f"/{place}")
    return browser.post(f"{ASK}/{place}", form | {"doubt": "number"} | given)


def receipt_in(answer):
    return re.search(r'class="rm-receipt"><strong>([0-9 ]+)<', answer.text)[1]


def answer_form(browser, number=1, **given):
    page = browser.get(f"{ANSWER}/{number}")
    return form_to(page, f"/{number}") | {"outcome": "stands"} | REASONS | given


@pytest.mark.parametrize("language", LANGUAGES)
def test_anybody_asks_gets_a_receipt_and_reads_that_the_place_is_under_review(council, language):
    words = in_language(language)

    sent = ask(council, lang=language)

    (review,) = reviews(council)
    assert sent.status_code == 200
    assert words.text("place_review.sent.due", due=review.due_on) in text_of(sent)
    assert re.fullmatch(r"\d{4}( \d{4}){3}", receipt_in(sent))
    told = council.browser().get(f"{ASK}/{CELL}", lang=language)
    assert words.text("place_review.pending", asked=review.asked_on, due=review.due_on) in text_of(told)


def test_the_receipt_stands_in_no_address_and_no_cookie_is_set(council):
    sent = ask(council)

    assert "location" not in sent.headers
    assert "set-cookie" not in sent.headers
    assert sent.headers["cache-control"] == "no-store"
    assert receipt_in(sent).replace(" ", "") not in re.sub(r"rm-receipt.*", "", sent.text)


def test_a_form_sent_twice_shows_the_same_receipt_and_asks_once(council):
    browser = council.browser()
    form = form_to(browser.get(f"{ASK}/{CELL}"), f"/{CELL}") | {"doubt": "place"}

    first, second = (browser.post(f"{ASK}/{CELL}", form) for _ in range(2))

    assert receipt_in(first) == receipt_in(second)
    assert [len(review.voices) for review in reviews(council)] == [1]


def test_a_second_ask_is_told_that_it_joins(council):
    ask(council)

    sent = ask(council, doubt="person")

    assert RU.text("place_review.sent.joined") in text_of(sent)
    assert [len(review.voices) for review in reviews(council)] == [2]


@pytest.mark.parametrize(
    ("given", "fault"), [({"doubt": ""}, "missing"), ({"doubt_text": "+7 701 123 45 67"}, "points_at_person")]
)
def test_a_form_that_does_not_fit_comes_back_with_what_was_written(council, given, fault):
    sent = ask(council, **{"doubt_text": "Сан тым үлкен"} | given)

    assert sent.status_code == 422
    assert RU.text(f"council.fault.{fault}") in text_of(sent)
    assert form_to(sent, f"/{CELL}")["doubt_text"] == given.get("doubt_text", "Сан тым үлкен")
    assert reviews(council) == []


def test_too_many_asks_are_refused_with_a_sentence_and_the_text_is_kept(council):
    for _ in range(rules.PER_PLACE):
        ask(council)

    refused = ask(council, doubt_text="Сан тым үлкен")

    assert refused.status_code == 429
    assert RU.text("error.too_many_asks") in text_of(refused)
    assert form_to(refused, f"/{CELL}")["doubt_text"] == "Сан тым үлкен"


@pytest.mark.parametrize("headers", [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}])
def test_another_site_cannot_ask_in_a_visitors_name(council, headers):
    sent = council.browser().post(f"{ASK}/{CELL}", {"doubt": "number"}, headers=headers)

    assert sent.status_code == 403
    assert reviews(council) == []


@pytest.mark.parametrize("place", ["gone", "8921538235bffff", "%3Cscript%3E"])
def test_a_place_the_release_does_not_tell_of_is_not_found(council, place):
    answer = council.browser().get(f"{ASK}/{place}", lang="ru")

    assert answer.status_code == 404
    assert RU.text("error.unknown_reviewed_place") in text_of(answer)
    assert f'href="{ASK}?lang=ru"' in answer.text


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_is_text_for_whoever_answers(council, text):
    ask(council, doubt="other", doubt_text=text[: rules.MOST_SIGNS_OF_TEXT] + " .")
    browser = council.signed_in("steward")

    page = browser.get(f"{ANSWER}/1")

    assert page.status_code == 200
    assert text_of(page).count(KK.text("place_review.doubt.other")) == 1
    assert "<script>alert" not in page.text


def test_the_list_of_places_offers_every_area(council):
    answer = council.browser().get(ASK, lang="kk")

    assert [f'href="{ASK}/{area}?lang=kk"' in answer.text for area in (TOWN, "d1", "d2")] == [True] * 3
    assert KK.text("place_review.list.none") in text_of(answer)


def test_a_receipt_finds_the_answer_and_another_number_does_not(council):
    receipt = receipt_in(ask(council, "d1"))
    steward = council.signed_in("steward")
    steward.post(f"{ANSWER}/1", answer_form(steward), headers=FROM_HERE)
    browser = council.browser()

    found = browser.post(f"{ASK}?lang=ru", {"receipt": receipt})
    lost = browser.post(f"{ASK}?lang=ru", {"receipt": "1234 5678 9012 3456"})

    assert (found.status_code, lost.status_code) == (200, 422)
    assert text_of(found).count(REASON_RU) == 2, "as the answer, and in the list of all"
    assert RU.text("council.fault.unknown_receipt") in text_of(lost)


def test_the_steward_answers_and_everybody_reads_it_with_the_role_and_no_name(council):
    ask(council)
    steward = council.signed_in("steward", language="ru")

    done = steward.follow(steward.post(f"{ANSWER}/1", answer_form(steward)))

    told = council.browser().get(f"{ASK}/{CELL}", lang="kk")
    (published,) = journal.latest(council.settings.journals, TOWN).reviews
    assert RU.text("place_review.staff.done") in text_of(done)
    assert REASON_KK in text_of(told)
    assert KK.text("account.role.steward") in text_of(told)
    assert "a-steward" not in told.text
    assert published.role == "steward"


def test_an_answer_that_does_not_fit_comes_back_with_what_was_written(council):
    ask(council)
    steward = council.signed_in("steward")

    answer = steward.post(f"{ANSWER}/1", answer_form(steward, reason_ru="Коротко"))

    assert answer.status_code == 422
    assert form_to(answer, "/1")["reason_kk"] == REASON_KK
    assert reviews(council)[0].is_open


def test_a_voice_that_came_meanwhile_is_shown_and_the_answer_can_be_sent_after_reading_it(council):
    ask(council)
    steward = council.signed_in("steward")
    form = answer_form(steward)
    ask(council, doubt="person", doubt_text="Мұнда бір ғана үй бар")

    refused = steward.post(f"{ANSWER}/1", form)
    sent = steward.post(f"{ANSWER}/1", form_to(refused, "/1") | {"outcome": "coarser"})

    assert refused.status_code == 409
    assert "Мұнда бір ғана үй бар" in text_of(refused)
    assert KK.text("place_review.staff.person.todo") in text_of(refused)
    assert sent.status_code == 303
    assert reviews(council)[0].answer.outcome == "coarser"


def test_a_second_answer_is_refused_and_what_was_written_is_shown(council):
    ask(council)
    steward, other = council.signed_in("steward"), council.signed_in("steward")
    late = answer_form(other, reason_ru="Другая причина, написанная позже.")
    steward.post(f"{ANSWER}/1", answer_form(steward))

    refused = other.post(f"{ANSWER}/1", late)

    assert refused.status_code == 409
    assert "Другая причина, написанная позже." in text_of(refused)
    assert reviews(council)[0].answer.reason_ru == REASON_RU


@pytest.mark.parametrize("login", ["resident", "secretary", "chair", "officer", "police", "member", "stranger"])
def test_others_neither_read_nor_answer_and_the_attempt_is_audited(council, login):
    ask(council, doubt_text="Сан тым үлкен")
    browser = council.signed_in(login)
    form = {"form_token": browser.form_token, "outcome": "stands", "version": "1", **REASONS}

    answers = [browser.get(ANSWER), browser.get(f"{ANSWER}/1"), browser.post(f"{ANSWER}/1", form)]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert not any("Сан тым үлкен" in answer.text for answer in answers)
    assert council.audit_actions().count("refused") == 3
    assert reviews(council)[0].is_open


def test_whoever_is_not_signed_in_is_asked_to(council):
    ask(council)
    browser = council.browser()

    assert browser.get(f"{ANSWER}/1").headers["location"].startswith("/sign-in?")
    assert browser.post(f"{ANSWER}/1", {"outcome": "stands", **REASONS}).status_code == 401
    assert reviews(council)[0].is_open


def test_an_answer_without_the_token_of_its_session_is_refused(council):
    ask(council)
    steward = council.signed_in("steward")

    answer = steward.post(f"{ANSWER}/1", answer_form(steward) | {"form_token": "0" * 64})

    assert answer.status_code == 403
    assert reviews(council)[0].is_open


def test_a_steward_of_a_district_finds_that_district_and_says_late_when_it_is(council):
    ask(council, "d1")
    ask(council, "d2")
    council.later(days=30)
    steward = council.signed_in("district_steward", language="ru")

    listed = steward.follow(steward.get("/place-reviews"))

    assert (f"{ANSWER}/1?" in listed.text, f"{ANSWER}/2?" in listed.text) == (True, False)
    assert RU.text("place_review.staff.late") in text_of(listed)
    assert "запаздывает" in text_of(council.browser().get(f"{ASK}/d1", lang="ru"))
    assert steward.get(f"{ANSWER}/2").status_code == 403


def test_the_workspace_leads_a_steward_there_and_nobody_else(council):
    link = 'href="/place-reviews'

    assert link in council.signed_in("steward").get(f"/casework/{TOWN}").text
    assert link not in council.signed_in("secretary").get(f"/casework/{TOWN}").text
