"""One's own account through its pages: codes switched on, asked for and switched off, a new password, notices."""

import dataclasses
import re
from datetime import timedelta

import pyotp
import pytest

from riskmap.doors.routes import routes
from riskmap.identity import access, accounts
from riskmap.identity.access import Role
from riskmap.wording import LANGUAGES, in_language
from tests.council import GROUNDS, TOWN
from tests.hostile_texts import HOSTILE_TEXTS
from tests.riskmap.doors_client import ACCOUNTS, CELL, PHRASE, a_council, a_form, form_to, forms_of, text_of

KK = in_language("kk")
NEW = "тағы да төрт бөлек сөз"


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def switch_on(council, login="secretary"):
    """A browser, the app that makes its codes, and the recovery codes the page showed."""
    browser = council.signed_in(login)
    begun = browser.post("/account/codes-begin", form_to(browser.get("/account"), "/codes-begin"))
    (secret,) = re.findall(r"<code class=\"rm-receipt\">([A-Z2-7]{32})</code>", begun.text)
    app = pyotp.TOTP(secret)
    shown = browser.post("/account/codes-confirm", form_to(begun, "/codes-confirm") | {"code": app.at(council.at)})
    council.later(minutes=1)
    return browser, app, re.findall(r"<li><code>([a-z0-9-]{19})</code>", shown.text)


def sign_in(browser, login="secretary", **more):
    return browser.post("/sign-in", {"login": login, "password": PHRASE, **more})


def test_codes_are_switched_on_and_asked_for_and_the_form_that_came_too_late_arrives(council):
    _, app, recovery = switch_on(council)
    browser = council.signed_in("secretary")
    form = form_to(browser.get(f"/casework/{TOWN}/new", cell=CELL), "/new")
    council.later(hours=1)
    late = browser.post(f"/casework/{TOWN}/new", form | a_form(channel="paper", heard_day="2026-11-01"))

    asked = browser.post("/sign-in", form_to(late, "/sign-in") | {"login": "secretary", "password": PHRASE})
    wrong = browser.post("/sign-in/code", form_to(asked, "/sign-in/code") | {"code": "000000"})
    inside = browser.post("/sign-in/code", form_to(wrong, "/sign-in/code") | {"code": app.at(council.at)})
    sent = browser.post(f"/casework/{TOWN}/new", form_to(inside, "/new"))

    (request,) = council.requests()
    assert len(recovery) == 10
    assert [asked.status_code, wrong.status_code, sent.status_code] == [200, 401, 303]
    assert asked.headers["cache-control"] == "no-store"
    assert KK.text("account.code.refused") in text_of(wrong)
    assert KK.text("council.choice.paper") in text_of(asked)
    assert (request.grounds, request.steps[0].fields["channel"]) == (GROUNDS, "paper")


def test_no_page_opens_between_password_and_code(council):
    switch_on(council)
    browser = council.browser()

    asked = sign_in(browser)
    page = browser.get(f"/casework/{TOWN}")

    assert "/sign-in/code" in forms_of(asked)
    assert "set-cookie" not in asked.headers
    assert page.headers["location"].startswith("/sign-in")


def test_a_code_that_comes_too_late_begins_the_sign_in_anew(council):
    _, app, _ = switch_on(council)
    browser = council.browser()
    asked = sign_in(browser)
    council.later(minutes=6)

    late = browser.post("/sign-in/code", form_to(asked, "/sign-in/code") | {"code": app.at(council.at)})

    assert late.status_code == 401
    assert KK.text("account.code.too_late") in text_of(late)
    assert "/sign-in" in forms_of(late)


def test_the_secret_and_the_recovery_codes_are_shown_once(council):
    browser, app, recovery = switch_on(council)

    again = browser.get("/account")

    assert [one for one in (app.secret, *recovery) if one in again.text] == []
    assert KK.text("account.recovery.left", n=10) in text_of(again)


def test_codes_are_switched_off_with_password_and_code(council):
    browser, app, _ = switch_on(council)
    form = form_to(browser.get("/account"), "/codes-off")

    without = browser.post("/account/codes-off", form | {"password": PHRASE, "code": ""})
    stopped = browser.post("/account/codes-off", form | {"password": PHRASE, "code": app.at(council.at)})

    assert without.status_code == 422
    assert KK.text("council.fault.wrong_code") in text_of(without)
    assert KK.text("account.done.codes_off") in text_of(browser.follow(stopped))
    assert sign_in(council.browser()).status_code == 303


def test_a_new_password_ends_other_sessions_and_goes_on_with_this_one(council):
    browser, other = council.signed_in("chair"), council.signed_in("chair")
    form = form_to(browser.get("/account", lang="ru"), "/account/password")

    changed = browser.post(
        "/account/password", form | {"old_password": PHRASE, "new_password": NEW, "password_again": NEW}
    )

    assert in_language("ru").text("account.done.password") in text_of(browser.follow(changed))
    assert other.get(f"/casework/{TOWN}").headers["location"].startswith("/sign-in")
    assert sign_in(council.browser(), "chair").status_code == 401


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_is_said_at_its_field_and_no_password_comes_back(council, language):
    browser = council.signed_in("chair")
    form = form_to(browser.get("/account", lang=language), "/account/password")

    told = browser.post(
        "/account/password", form | {"old_password": "not this one", "new_password": "short", "password_again": "other"}
    )

    words = in_language(language)
    expected = [
        words.text("council.fault.wrong_password"),
        words.text("council.fault.password_length", limit=accounts.LEAST_PASSWORD),
        words.text("council.fault.not_the_same"),
    ]
    assert told.status_code == 422
    assert [one for one in expected if text_of(told).count(one) != 2] == []
    assert [one for one in ("not this one", 'value="short"', 'value="other"') if one in told.text] == []


@pytest.mark.parametrize("login", ACCOUNTS)
def test_everybody_has_a_page_of_their_own_account_and_of_no_other(council, login):
    told = text_of(council.signed_in(login).get("/account", account_id="a-chair-0123", login="chair"))

    others = {other for other in ACCOUNTS if other not in login and re.search(rf"\b{other}\b", told)}
    assert login in told
    assert others == set()


def test_nobody_signed_in_has_no_account(council):
    asked = council.browser().get("/account")

    assert asked.headers["location"].startswith("/sign-in")
    assert council.browser().follow(asked).status_code == 200


def test_a_notice_stands_on_each_page_until_a_given_password_is_changed(council):
    accounts.set_password(council.store, access.operator(), "chair", NEW, at=council.at)
    browser = council.signed_in("chair")

    before = browser.get(f"/casework/{TOWN}")
    form = form_to(browser.get("/account"), "/account/password")
    browser.post("/account/password", form | {"old_password": NEW, "new_password": PHRASE, "password_again": PHRASE})

    notice = KK.text("account.notice.password")
    assert notice in text_of(before)
    assert notice not in text_of(browser.get(f"/casework/{TOWN}"))


def test_a_role_named_in_the_settings_works_only_with_codes(tmp_path):
    council = a_council(tmp_path)
    settings = dataclasses.replace(council.settings, code_roles=frozenset({Role.SECRETARY}))
    council.app.router.routes[:] = [*routes(settings, lambda: council.store, now=lambda: council.at)]
    browser = council.signed_in("secretary")

    asleep = browser.get(f"/casework/{TOWN}")
    switch_on(council)
    awake = browser.get(f"/casework/{TOWN}")
    council.store.close()

    assert (asleep.status_code, awake.status_code) == (403, 200)
    assert KK.text("account.notice.codes") in text_of(asleep)


def test_hostile_texts_in_any_field_are_refused_and_never_executed(council):
    statuses, typed_again = set(), set()
    for text in HOSTILE_TEXTS[::12]:
        council.later(minutes=20)
        browser = council.signed_in("chair")
        form = {"form_token": browser.form_token}
        fields = {"old_password": text, "new_password": text, "password_again": text}
        answer = browser.post("/account/password", form | fields)
        statuses.add(answer.status_code)
        typed_again |= {name for name in fields if forms_of(answer)["/account/password"][name]}
        statuses.add(browser.post("/sign-in/code", {"waiting": text, "code": text, "return": text}).status_code)

    assert (statuses, typed_again) == ({422, 401}, set())


def test_an_account_that_waits_leaves_nothing_after_its_time(council):
    switch_on(council)
    sign_in(council.browser())
    with council.store.work() as work:
        removed = work.second_factors.remove_pending_before(council.at + timedelta(seconds=1))

    assert removed == 1
