"""Filing, supporting and moving requests through their pages: what is shown, what changes, what is never lost."""

import uuid
from datetime import date

import pytest

from riskmap.council.request import NEEDS, TRANSITIONS, Action, State
from riskmap.wording import LANGUAGES, in_language
from tests.council import GROUNDS, HEARD, TOWN, fields_for
from tests.riskmap.doors_client import CELL, FAR_CELL, a_council, a_form, form_to, forms_of, text_of

KK = in_language("kk")
NEW = f"/casework/{TOWN}/new"


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def page(number=1):
    return f"/casework/{TOWN}/{number}"


def take(browser, action, *, number=1, **given):
    """Open a request, fill in the form of a step and send it."""
    form = form_to(browser.get(page(number)), f"/{action.value}")
    return browser.post(f"{page(number)}/{action.value}", form | fields_for(action, **given))


# ---- Filing ----


def test_a_resident_files_a_request_and_is_told_its_number(council):
    browser = council.signed_in("resident")
    form = form_to(browser.get(NEW, cell=CELL), "/new")

    shown = browser.follow(browser.post(NEW, form | a_form()))

    (request,) = council.requests()
    assert (request.requester, request.place.cell_id, request.grounds) == ("a-resident-0123", CELL, GROUNDS)
    assert KK.text("casework.done.submit", number="1") in text_of(shown)
    assert KK.text("casework.asked_by.you") in text_of(shown)
    assert request.is_simulated, "as the release is"


def test_the_page_of_a_new_request_says_where_it_is_what_to_leave_out_and_what_it_is_not(council):
    shown = text_of(council.signed_in("resident").get(NEW, cell=CELL))

    assert KK.text("casework.new.place", district="d2 ауданы") in shown
    assert KK.text("council.careful") in shown
    assert KK.text("casework.legal") in shown
    assert "102" in KK.text("casework.legal")


def test_without_a_place_there_is_a_map_to_pick_one(council):
    shown = council.signed_in("resident").get(NEW)

    assert shown.status_code == 200
    assert f'data-pick-url="{NEW}?lang=kk"' in shown.text
    assert KK.text("casework.new.pick") in text_of(shown)


def test_requests_nearby_come_before_the_form_and_can_be_supported_with_one_press(council):
    council.step("secretary", council.file("resident"), Action.TAKE_UP, wording="Өткелге жарық керек.")
    council.file("resident", cell=FAR_CELL)
    browser = council.signed_in("other")

    shown = browser.get(NEW, cell=CELL)
    thanked = browser.follow(browser.post(f"{page()}/support", form_to(shown, "/1/support")))

    text = text_of(shown)
    assert text.index("Өткелге жарық керек.") < text.index(KK.text("council.field.grounds"))
    assert "№ 2" not in text, "kilometres away"
    assert GROUNDS not in text, "the requester's own words stay inside"
    assert KK.text("casework.done.support") in text_of(thanked)
    assert council.supports() == [(1, "a-other-0123")]


def test_supporting_twice_counts_once(council):
    council.file("resident")
    browser = council.signed_in("other")
    form = form_to(browser.get(page()), "/support")

    answers = [browser.post(f"{page()}/support", form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(council.supports()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_with_faults_comes_back_with_everything_typed_and_the_faults_beside_their_fields(council, language):
    words, browser = in_language(language), council.signed_in("resident", language=language)
    form = form_to(browser.get(NEW, cell=CELL), "/new")
    typed = {"kind": "patrol", "grounds": "Қысқа", "landmark": "ж" * 201, "cell": CELL}

    answer = browser.post(NEW, form | typed)

    text = text_of(answer)
    assert answer.status_code == 422
    assert form_to(answer, "/new") == form | typed
    assert words.text("council.fault.too_short", limit=20, found=5) in text
    assert words.text("council.fault.too_long", limit=200, found=201) in text
    assert 'href="#submit-grounds"' in answer.text
    assert 'aria-describedby="submit-grounds-help submit-grounds-fault" aria-invalid="true"' in answer.text
    assert council.requests() == []


def test_after_the_faults_are_put_right_the_same_key_makes_one_request(council):
    browser = council.signed_in("resident")
    form = form_to(browser.get(NEW, cell=CELL), "/new")

    faulty = browser.post(NEW, form | a_form(grounds=""))
    browser.post(NEW, form_to(faulty, "/new") | {"grounds": GROUNDS})

    assert [request.steps[0].key for request in council.requests()] == [form["key"]]


@pytest.mark.parametrize("signs", [2001, 3000])
def test_a_text_that_is_too_long_is_kept_whole(council, signs):
    browser = council.signed_in("resident")
    form = form_to(browser.get(NEW, cell=CELL), "/new")

    answer = browser.post(NEW, form | a_form(grounds="ә" * signs))

    assert answer.status_code == 422
    assert KK.text("council.fault.too_long", limit=2000, found=signs) in text_of(answer)
    assert form_to(answer, "/new")["grounds"] == "ә" * signs


def test_pressing_twice_makes_one_request_and_both_presses_land_on_it(council):
    browser = council.signed_in("resident")
    form = form_to(browser.get(NEW, cell=CELL), "/new") | a_form()

    first, second = browser.post(NEW, form), browser.post(NEW, form)

    assert first.headers["location"] == second.headers["location"]
    assert len(council.requests()) == 1


@pytest.mark.parametrize("cell", ["zz", "8928308280fffff", "' OR 1=1", "<b>", "f" * 400, "0", "892026109a3fff\x00"])
def test_a_place_outside_the_council_is_said_and_another_can_be_picked(council, cell):
    browser = council.signed_in("resident")

    opened = browser.get(NEW, cell=cell)
    sent = browser.post(NEW, a_form(cell=cell, form_token=browser.form_token))

    assert [opened.status_code, sent.status_code] == [422, 422]
    assert KK.text("error.outside_council") in text_of(opened)
    assert f'data-pick-url="{NEW}?lang=kk"' in sent.text
    assert GROUNDS in text_of(sent), "what was written can be copied"
    assert council.requests() == []


def test_whoever_may_file_in_one_district_hears_which_when_another_is_picked(council):
    browser = council.signed_in("neighbour")

    opened = browser.get(NEW, cell=FAR_CELL)
    sent = browser.post(NEW, a_form(cell=FAR_CELL, form_token=browser.form_token))
    at_home = browser.get(NEW, cell=CELL)

    assert [opened.status_code, sent.status_code, at_home.status_code] == [422, 422, 200]
    for answer in (opened, sent):
        assert KK.text("error.outside_own_places", places="d2 ауданы") in text_of(answer)
    assert GROUNDS in text_of(sent), "what was written can be copied"
    assert council.requests() == []


@pytest.mark.parametrize("key", ["", "x", "' --", "0" * 500])
def test_a_key_that_is_none_of_ours_is_replaced(council, key):
    browser = council.signed_in("resident")

    browser.post(NEW, a_form(key=key, form_token=browser.form_token))

    (request,) = council.requests()
    assert uuid.UUID(request.steps[0].key)


def test_a_secretary_enters_a_request_for_somebody_with_channel_and_day(council):
    browser = council.signed_in("secretary")
    opened = browser.get(NEW, cell=CELL)
    form = form_to(opened, "/new") | a_form()

    unsaid = browser.post(NEW, form)
    later = browser.post(NEW, form | {"channel": "phone", "heard_day": "2026-11-03"})
    nothing_yet = council.requests()
    shown = browser.follow(browser.post(NEW, form_to(unsaid, "/new") | {"channel": "phone", "heard_day": "2026-10-30"}))

    (request,) = council.requests()
    came = KK.text("casework.asked_by.assisted", channel=KK.text("council.choice.phone"), date=date(2026, 10, 30))
    assert [unsaid.status_code, later.status_code, nothing_yet] == [422, 422, []]
    assert KK.text("council.fault.day_in_future") in text_of(later)
    assert KK.text("casework.for_whom.only_someone") in text_of(opened)
    assert (request.requester, request.entered_by) == (None, "a-secretary-0123")
    assert request.steps[0].fields == {"channel": "phone", "heard_day": "2026-10-30"}
    assert came in text_of(shown)


@pytest.mark.parametrize(("whom", "requester", "kept"), [("myself", "a-both-0123", {}), ("someone", None, HEARD)])
def test_whoever_may_do_both_says_for_whom(council, whom, requester, kept):
    browser = council.signed_in("both")
    form = form_to(browser.get(NEW, cell=CELL), "/new") | a_form() | HEARD

    unsaid = browser.post(NEW, form)
    browser.post(NEW, form_to(unsaid, "/new") | {"for_whom": whom, "channel": "phone"})

    (request,) = council.requests()
    assert unsaid.status_code == 422
    assert (request.requester, request.steps[0].fields) == (requester, kept)


# ---- The receipt of what was written down for somebody ----


def test_the_receipt_has_number_day_and_address_and_no_words_of_anybody(council):
    request = council.file("secretary", is_for_someone=True, landmark="Мектеп қақпасы")
    path = f"/casework/{TOWN}/{request.number}"
    browser = council.signed_in("secretary")
    page = browser.get(path)

    receipt = browser.get(f"{path}/receipt", lang="ru")

    ru = in_language("ru")
    assert f"{path}/receipt" in page.text
    assert receipt.headers["cache-control"] == "no-store"
    said = text_of(receipt)
    assert ru.text("casework.receipt.title", number="1") in said
    channel = ru.text("council.choice.phone")
    assert ru.text("casework.asked_by.assisted", channel=channel, date=date(2026, 11, 1)) in said
    assert f"http://riskmap.test/council/{TOWN}/1" in said
    assert ru.text("casework.legal") in said
    assert "<svg" in receipt.text
    assert request.grounds not in said
    assert "Мектеп қақпасы" not in said


def test_only_what_was_written_down_for_somebody_has_a_receipt(council):
    own = council.file("resident")
    council.file("secretary", is_for_someone=True)

    told = council.signed_in("secretary").get(f"/casework/{TOWN}/{own.number}/receipt")
    others = [council.signed_in(login).get(f"/casework/{TOWN}/2/receipt") for login in ("resident", "chair", "police")]

    assert told.status_code == 409
    assert [answer.status_code for answer in others] == [403, 403, 403]
    assert "/receipt" not in council.signed_in("secretary").get(f"/casework/{TOWN}/{own.number}").text


# ---- Who may not ----


@pytest.mark.parametrize("login", ["stranger", "police", "chair", "officer"])
def test_whoever_may_not_file_hears_it_before_writing(council, login):
    browser = council.signed_in(login)

    opened = browser.get(NEW)
    sent = browser.post(NEW, a_form(form_token=browser.form_token))

    assert [opened.status_code, sent.status_code] == [403, 403]
    assert KK.text("error.not_allowed") in text_of(opened)
    assert GROUNDS in text_of(sent)
    assert council.requests() == []
    assert council.audit_actions().count("refused") == 2


@pytest.mark.parametrize("path", [f"/casework/{TOWN}", page(), f"{page()}/support", f"{page()}/take_up"])
def test_a_stranger_is_refused_in_words_and_the_attempt_is_kept(council, path):
    council.file()
    before, browser = council.everything(), council.signed_in("stranger")

    if path.endswith(("support", "take_up")):
        answer = browser.post(path, {"form_token": browser.form_token, "version": "1", "wording": "Жарық керек."})
    else:
        answer = browser.get(path)

    assert answer.status_code == 403
    assert KK.text("error.not_allowed") in text_of(answer)
    assert GROUNDS not in answer.text
    assert council.everything() == before
    assert council.audit_actions()[-1] == "refused"


def test_supporting_ones_own_request_is_refused_with_a_sentence_of_its_own(council):
    council.file("resident")
    browser = council.signed_in("resident")

    answer = browser.post(f"{page()}/support", {"form_token": browser.form_token})

    assert answer.status_code == 403
    assert KK.text("error.not_allowed_own") in text_of(answer)
    assert "/support" not in browser.get(page()).text, "nor is it offered"


@pytest.mark.parametrize("login", ["resident", "other", "member", "secretary", "chair", "officer", "both", "police"])
@pytest.mark.parametrize("action", [action for action in Action if action is not Action.SUBMIT])
def test_a_page_offers_exactly_the_steps_that_would_be_taken(council, login, action):
    """For every role and step, from a state where the step is possible: offered means done, not offered means 403."""
    ways = {
        State.SUBMITTED: (),
        State.IN_TRIAGE: ("take_up",),
        State.NEEDS_INFORMATION: ("take_up", "ask"),
        State.BEFORE_COUNCIL: ("take_up", "refer"),
        State.APPROVED: ("take_up", "refer", "approve"),
        State.WITH_BODY: ("take_up", "refer", "approve", "send"),
        State.SCHEDULED: ("take_up", "refer", "approve", "send", "schedule"),
        State.DONE: ("take_up", "refer", "approve", "send", "schedule", "complete"),
        State.DISPUTED: ("take_up", "refer", "approve", "send", "schedule", "complete", "dispute"),
        State.MERGED: ("take_up", "merge"),
        State.WITHDRAWN: ("withdraw",),
    }
    before = next(state for state, possible in TRANSITIONS if possible is action)
    council.file("other")
    request = council.file("resident")
    for name in ways[before]:
        taker = {"approve": "chair", "withdraw": "resident", "dispute": "other"}.get(name, "secretary")
        request = council.step(taker, request, Action(name))
    if action is Action.EXTEND_TERM:
        request = council.step("secretary", request, Action.ENTER_APPEAL)
    browser = council.signed_in(login)

    shown = browser.get(page(2))
    is_offered = f"{page(2)}/{action.value}" in forms_of(shown)
    fields = fields_for(action) | {"form_token": browser.form_token, "version": str(request.version)}
    answer = browser.post(f"{page(2)}/{action.value}", fields)

    assert answer.status_code == (303 if is_offered else 403), text_of(answer)


# ---- Moving ----


def test_a_request_goes_from_the_form_to_done_and_each_press_says_what_happened(council):
    council.file("resident")
    way = [
        ("secretary", Action.TAKE_UP),
        ("secretary", Action.ASK),
        ("resident", Action.ANSWER),
        ("secretary", Action.REFER),
        ("chair", Action.APPROVE),
        ("secretary", Action.SEND),
        ("officer", Action.SCHEDULE),
        ("officer", Action.COMPLETE),
        ("other", Action.DISPUTE),
        ("secretary", Action.CONFIRM),
    ]

    for login, action in way:
        browser = council.signed_in(login)
        shown = browser.follow(take(browser, action))
        assert KK.text(f"casework.done.{action.value}", number="1") in text_of(shown)

    assert council.requests()[0].state is State.DONE


def test_an_address_that_claims_what_did_not_happen_says_nothing(council):
    council.file("resident")
    browser = council.signed_in("secretary")

    pages = [browser.get(page(), done=done) for done in ("approve", "support", "nonsense", "../x")]

    assert {shown.status_code for shown in pages} == {200}
    assert not any('class="rm-done"' in shown.text for shown in pages)


def test_the_form_of_a_step_asks_for_everything_the_step_needs(council):
    request = council.step("secretary", council.step("secretary", council.file(), Action.TAKE_UP), Action.REFER)
    request = council.step("chair", request, Action.APPROVE)

    form = form_to(council.signed_in("secretary").get(page()), "/send")

    assert {needed.name for needed in NEEDS[Action.SEND]} <= form.keys()
    assert form["document_day"] == "2026-11-02", "today, by the civil time of Kazakhstan"
    assert request.version == int(form["version"])


def test_the_words_to_publish_begin_with_those_of_the_requester(council):
    council.file()

    form = form_to(council.signed_in("secretary").get(page()), "/take_up")

    assert form["wording"] == GROUNDS


def test_words_that_point_at_a_person_are_refused_beside_their_field_and_kept(council):
    council.file()
    words = "Шам жанбайды, телефоным +7 701 123 45 67, №12 пәтер."

    answer = take(council.signed_in("secretary"), Action.TAKE_UP, wording=words)

    assert answer.status_code == 422
    assert KK.text("council.fault.holds_phone") in text_of(answer)
    assert form_to(answer, "/take_up")["wording"] == words
    assert '<details open id="step-take_up">' in answer.text
    assert council.requests()[0].version == 1


def test_a_similar_request_nearby_can_be_chosen_or_its_number_written(council):
    for login in ("resident", "member"):
        council.file(login)
    council.file("other", cell=FAR_CELL)
    for request in council.requests()[1:]:
        council.step("secretary", request, Action.TAKE_UP)
    browser = council.signed_in("secretary")
    near, far = browser.get(page(2)), browser.get(page(3))

    chosen = browser.post(f"{page(2)}/merge", form_to(near, "/merge") | {"earlier_request": "1"})
    wrong = browser.post(f"{page(3)}/merge", form_to(far, "/merge") | {"earlier_request": "77"})

    assert 'id="merge-earlier_request-1" value="1"' in near.text
    assert chosen.status_code == 303
    assert wrong.status_code == 422
    assert KK.text("council.fault.unknown_request") in text_of(wrong)


def test_the_number_of_another_request_is_kept_when_it_is_wrong(council):
    for login in ("resident", "member"):
        council.file(login)
    council.step("secretary", council.requests()[1], Action.TAKE_UP)
    browser = council.signed_in("secretary")
    form = form_to(browser.get(page(2)), "/merge") | {"earlier_request": "other", "other_request": "№ бір"}

    answer = browser.post(f"{page(2)}/merge", form)

    assert answer.status_code == 422
    assert form_to(answer, "/merge")["other_request"] == "№ бір"
    assert KK.text("council.fault.not_a_number") in text_of(answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_two_people_who_move_one_request_the_second_is_told_and_keeps_what_was_written(council, language):
    request = council.step("secretary", council.file(), Action.TAKE_UP)
    words, browser = in_language(language), council.signed_in("secretary", language=language)
    form = form_to(browser.get(page()), "/ask") | {"question": "Қай бағандағы шам туралы айтып отырсыз?"}
    council.step("both", request, Action.REFER)

    answer = browser.post(f"{page()}/ask", form)

    text = text_of(answer)
    assert answer.status_code == 409
    assert words.text("error.changed_meanwhile") in text
    assert words.text("council.state.before_council") in text
    assert form["question"] in text
    assert council.requests()[0].state is State.BEFORE_COUNCIL


def test_the_same_press_twice_takes_one_step(council):
    council.file()
    browser = council.signed_in("secretary")
    form = form_to(browser.get(page()), "/take_up")

    answers = [browser.post(f"{page()}/take_up", form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert council.requests()[0].version == 2


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "١"])
def test_a_version_that_is_none_changes_nothing(council, version):
    council.file()
    browser = council.signed_in("secretary")

    answer = browser.post(
        f"{page()}/take_up",
        {"form_token": browser.form_token, "version": version, "wording": "Өткелге жарық керек."},
    )

    assert answer.status_code == 409
    assert "Өткелге жарық керек." in text_of(answer)
    assert council.requests()[0].version == 1


def test_a_step_that_is_not_possible_is_said_with_those_that_are(council):
    council.file()
    browser = council.signed_in("secretary")

    answer = browser.post(f"{page()}/refer", {"form_token": browser.form_token, "version": "1", "note": "Тексерілді."})

    assert answer.status_code == 409
    assert KK.text("error.step_not_possible") in text_of(answer)
    assert f"{page()}/take_up" in forms_of(answer)
    assert "Тексерілді." in text_of(answer)


def test_a_closed_request_can_no_longer_be_supported(council):
    council.step("resident", council.file("resident"), Action.WITHDRAW)
    browser = council.signed_in("other")

    answer = browser.post(f"{page()}/support", {"form_token": browser.form_token})

    assert answer.status_code == 409
    assert KK.text("casework.support.closed") in text_of(answer)


# ---- What is shown to whom ----


def test_only_the_requester_and_staff_read_what_is_not_published(council):
    request = council.step("secretary", council.file("resident"), Action.TAKE_UP, wording="Өткелге жарық керек.")
    council.step("secretary", request, Action.ASK, question="Қай бағандағы шам?")

    seen = {
        login: text_of(council.signed_in(login).get(page())) for login in ("resident", "secretary", "chair", "other")
    }

    assert {login for login, text in seen.items() if GROUNDS in text} == {"resident", "secretary", "chair"}
    assert {login for login, text in seen.items() if "Қай бағандағы шам?" in text} == {"resident", "secretary", "chair"}
    assert all("Өткелге жарық керек." in text for text in seen.values())


def test_no_page_names_the_account_of_anybody_else(council):
    council.step("secretary", council.file("resident"), Action.TAKE_UP)
    council.signed_in("other")

    pages = [council.signed_in("chair").get(path) for path in (page(), f"/casework/{TOWN}")]

    assert not any(f"a-{login}" in shown.text for shown in pages for login in ("resident", "secretary", "chair"))
    assert not any("resident" in text_of(shown) or "secretary" in text_of(shown) for shown in pages)
