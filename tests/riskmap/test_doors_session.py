"""Signing in and out through the front door, and what happens to a form that came too late."""

from datetime import timedelta

import pytest

from riskmap.doors.session_door import RETURN, safe_return
from riskmap.doors.visit import COOKIE
from riskmap.identity import access, accounts
from riskmap.identity.sessions import ABSOLUTE, IDLE
from riskmap.wording import LANGUAGES, in_language
from tests.council import GROUNDS, TOWN
from tests.riskmap.doors_client import CELL, PHRASE, a_council, a_form, form_to, forms_of, text_of

KK = in_language("kk")


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def sign_in(browser, login="resident", password=PHRASE, **more):
    return browser.post("/sign-in", {"login": login, "password": password, **more})


def test_whoever_signs_in_lands_where_they_wanted_to_go(council):
    browser = council.browser()
    wanted = browser.get(f"/casework/{TOWN}/new", cell=CELL, lang="ru")

    page = browser.follow(wanted)
    answer = browser.post("/sign-in?lang=ru", form_to(page, "/sign-in") | {"login": "Resident ", "password": PHRASE})

    assert answer.headers["location"] == f"/casework/{TOWN}/new?lang=ru&cell={CELL}"
    assert in_language("ru").text("council.careful") in text_of(browser.follow(answer))


@pytest.mark.parametrize("is_https", [False, True])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(tmp_path, is_https):
    council = a_council(tmp_path, is_https=is_https)

    cookie = sign_in(council.browser()).headers["set-cookie"]

    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert cookie.startswith(f"{COOKIE}=")
    assert parts == {"httponly", "samesite=lax", "path=/"} | ({"secure"} if is_https else set())


def test_each_sign_in_gets_a_token_of_its_own_and_ends_the_one_before(council):
    browser = council.browser()
    sign_in(browser)
    first = browser.cookies

    sign_in(browser)

    old = council.browser()
    old.cookies = first
    assert first.get(COOKIE) != browser.token
    assert old.get(f"/casework/{TOWN}").headers["location"].startswith("/sign-in")
    assert browser.get(f"/casework/{TOWN}").status_code == 200


def test_a_token_chosen_by_somebody_else_opens_nothing_and_is_not_kept(council):
    browser, foreign = council.browser(), "chosen-by-somebody-else"
    browser.cookies.set(COOKIE, foreign, domain="riskmap.test", path="/")

    refused = browser.get(f"/casework/{TOWN}")
    sign_in(browser)

    assert refused.status_code == 303
    assert browser.token not in (None, foreign)


@pytest.mark.parametrize(
    ("login", "password"),
    [("resident", "wrong password"), ("nobody", PHRASE), ("", ""), ("resident' OR 1=1 --", "x"), ("ж" * 500, "x")],
)
def test_every_refused_sign_in_reads_the_same_and_keeps_the_login_but_not_the_password(council, login, password):
    browser = council.browser()

    answer = sign_in(browser, login, password)

    assert answer.status_code == 401
    assert KK.text("account.refused") in text_of(answer)
    assert form_to(answer, "/sign-in")["login"] == login[:100]
    assert form_to(answer, "/sign-in")["password"] == ""
    assert browser.token is None


def test_after_five_wrong_passwords_the_right_one_reads_like_a_wrong_one(council):
    browser = council.browser()

    pages = [sign_in(browser, "resident", "wrong") for _ in range(5)] + [sign_in(browser)]

    assert [page.status_code for page in pages] == [401] * 6
    assert len({text_of(page) for page in pages}) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example/casework",
        "//elsewhere.example/casework",
        "/\\elsewhere.example",
        "\\\\elsewhere.example",
        "/casework//elsewhere.example",
        "/casework\r\nset-cookie: a=b",
        "/casework/%0d%0aset-cookie:a",
        "javascript:alert(1)",
        "/casework/../sign-out",
        "/council@elsewhere.example",
        "/councilx",
        "/casework?x=//elsewhere.example",
        "/?place=x",
        " /casework",
        "/casework/toy\n",
        "",
    ],
)
def test_after_signing_in_nobody_is_sent_anywhere_but_to_a_page_of_ours(council, wanted):
    answer = sign_in(council.browser(), **{"return": wanted})
    already_in = council.signed_in("resident").get("/sign-in", **{"return": wanted})

    assert answer.headers["location"] == already_in.headers["location"] == "/council?lang=kk"


@pytest.mark.parametrize(
    "wanted", ["/casework", "/casework/toy", "/casework/toy/12", "/council/toy?state=done&x=1", "/release-desk/toy"]
)
def test_a_page_of_ours_is_one_to_come_back_to(wanted):
    assert RETURN.fullmatch(wanted)
    assert safe_return(wanted) == wanted


def test_signing_out_ends_the_session_and_takes_the_cookie_back(council):
    browser = council.signed_in("resident")
    stolen = council.browser()
    stolen.cookies.set(COOKIE, browser.token, domain="riskmap.test", path="/")

    answer = browser.post("/sign-out", form_to(browser.get(f"/casework/{TOWN}"), "/sign-out"))

    assert answer.headers["location"] == "/council?lang=kk"
    assert browser.token is None
    assert stolen.get(f"/casework/{TOWN}").status_code == 303


def test_signing_out_of_a_session_that_has_ended_is_no_fault(council):
    browser = council.signed_in("resident")
    form = form_to(browser.get(f"/casework/{TOWN}"), "/sign-out")
    council.at += IDLE

    answer = browser.post("/sign-out", form)

    assert answer.status_code == 303
    assert browser.token is None


@pytest.mark.parametrize("presses", [[IDLE], [IDLE * 0.9] * 20], ids=["idle", "too old"])
def test_a_session_ends_by_itself(council, presses):
    browser, began = council.signed_in("resident"), council.at
    answers = []

    for pause in presses:
        council.at += pause
        answers.append(browser.get(f"/casework/{TOWN}").status_code)

    assert answers[-1] == 303
    assert all(status == 200 for status in answers[: int((ABSOLUTE - timedelta(1)) / IDLE)])
    assert council.at - began >= min(IDLE, ABSOLUTE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_was_written_is_lost_when_the_session_ends_meanwhile(council, language):
    words, browser = in_language(language), council.signed_in("resident", language=language)
    form = form_to(browser.get(f"/casework/{TOWN}/new", cell=CELL), "/new")
    typed = a_form(grounds='Бірінші жол: <b>"дәйексөз"</b> & белгі.\r\n\r\nЕкінші жол, №2.', landmark="'қақпа'")
    council.at += IDLE

    asked = browser.post(f"/casework/{TOWN}/new?lang={language}", form | typed)
    mistaken = browser.post(f"/sign-in?lang={language}", form_to(asked, "/sign-in") | {"login": "x", "password": "y"})
    ready = browser.post(
        f"/sign-in?lang={language}", form_to(mistaken, "/sign-in") | {"login": "resident", "password": PHRASE}
    )
    sent = browser.post(f"/casework/{TOWN}/new?lang={language}", form_to(ready, "/new"))

    assert [asked.status_code, mistaken.status_code, ready.status_code, sent.status_code] == [401, 401, 200, 303]
    assert words.text("account.session_ended_kept") in text_of(asked)
    assert words.text("casework.resume.kept") in text_of(ready)
    assert form_to(ready, "/new") | {"form_token": ""} == {**typed, "key": form["key"], "form_token": ""}
    (request,) = council.requests()
    assert request.grounds == 'Бірінші жол: <b>"дәйексөз"</b> & белгі.\n\nЕкінші жол, №2.'
    assert request.steps[0].key == form["key"]


def test_a_step_that_came_too_late_is_carried_with_its_version_and_key(council):
    council.file()
    browser = council.signed_in("secretary")
    form = form_to(browser.get(f"/casework/{TOWN}/1"), "/take_up") | {"wording": "Жарыққа толы өткел керек."}
    council.at += IDLE

    asked = browser.post(f"/casework/{TOWN}/1/take_up", form)
    ready = browser.post("/sign-in", form_to(asked, "/sign-in") | {"login": "secretary", "password": PHRASE})
    sent = browser.post(f"/casework/{TOWN}/1/take_up", form_to(ready, "/take_up"))

    assert KK.text("council.action.take_up") in text_of(ready)
    assert sent.status_code == 303
    assert council.requests()[0].wording == "Жарыққа толы өткел керек."


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "/sign-out", "/casework/toy", "//x/casework/toy/new"])
def test_a_carried_form_goes_nowhere_but_into_the_workspace(council, target):
    answer = sign_in(council.browser(), target=target, **{"keep.grounds": GROUNDS})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/council?lang=kk"


def test_only_fields_of_our_forms_are_carried(council):
    answer = sign_in(
        council.browser(),
        target=f"/casework/{TOWN}/new",
        **{"keep.grounds": GROUNDS, "keep.form_token": "chosen", "keep.password": "x", "keep.x": "y"},
    )

    carried = form_to(answer, "/new")
    assert carried.keys() == {"form_token", "grounds"}
    assert "chosen" not in carried.values()


def test_the_language_of_the_address_wins_and_is_kept_from_page_to_page(council):
    browser = council.signed_in("resident", language="kk")

    first = browser.get(f"/casework/{TOWN}", lang="ru")
    later = [browser.get(path) for path in (f"/casework/{TOWN}", f"/casework/{TOWN}/new", f"/casework/{TOWN}/9")]
    unknown = browser.get(f"/casework/{TOWN}", lang="xx")

    assert [page.headers["content-language"] for page in (first, *later, unknown)] == ["ru"] * 5


def test_without_anything_asked_the_front_door_speaks_kazakh(council):
    page = council.browser().get("/sign-in")

    assert page.headers["content-language"] == "kk"
    assert forms_of(page).keys() == {"/sign-in"}


def test_an_account_that_is_closed_loses_its_workspace_at_once(council):
    browser = council.signed_in("secretary")

    accounts.disable(council.store, access.operator(), "secretary", at=council.at)

    assert browser.get(f"/casework/{TOWN}").headers["location"].startswith("/sign-in")
    assert sign_in(council.browser(), "secretary").status_code == 401
