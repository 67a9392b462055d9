"""The gate in front of every page for people who sign in: sessions, forms of other sites, sizes, faults."""

import asyncio
import logging
import re

import pytest
from starlette.requests import Request

from riskmap.council.request import Action
from riskmap.doors import form_body
from riskmap.doors.answers import ANSWERS, SIGNS_THAT_FIT
from riskmap.doors.refusals import BodyTooLarge
from riskmap.doors.routes import routes
from riskmap.errors import StoreBusy, WrongSchema
from riskmap.wording import LANGUAGES, in_language
from tests.council import GROUNDS, TOWN
from tests.riskmap.doors_client import CELL, FROM_HERE, PHRASE, SITE, a_council, a_form, form_to, forms_of, text_of

FORMS = [
    "/sign-out",
    f"/casework/{TOWN}/new",
    f"/casework/{TOWN}/1/support",
    *(f"/casework/{TOWN}/1/{action}" for action in Action),
    f"/casework/{TOWN}/1/nothing",
    "/casework/anything/else/at/all",
]
KK = in_language("kk")
FILES = "multipart/form-data; boundary=x"


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def open_routes(council, method):
    """Paths of every route below /casework that takes a method, with something in each gap."""
    gaps = {
        "territory": TOWN,
        "number": "1",
        "action": "take_up",
        "deed": "open",
        "comment": "1",
        "position": "1",
        "rest:path": "any/thing",
    }
    found = routes(council.settings, lambda: council.store, now=lambda: council.at)
    return [
        re.sub(r"\{([^}]+)\}", lambda gap: gaps[gap[1]], route.path)
        for route in found
        if route.path.startswith("/casework") and method in route.methods
    ]


def test_every_page_of_the_workspace_asks_who_is_there(council):
    council.file()
    paths = open_routes(council, "GET")

    answers = {path: council.browser().get(path) for path in paths}

    assert len(paths) >= 6
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 303} == {}
    assert all(answer.headers["location"].startswith("/sign-in?") for answer in answers.values())


def test_every_form_of_the_workspace_asks_who_is_there(council):
    council.file()
    before = council.everything()
    paths = open_routes(council, "POST")

    answers = {path: council.browser().post(path, a_form(version="1")) for path in paths}

    assert len(paths) >= 4
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 401} == {}
    assert council.everything() == before


def test_the_doors_are_all_the_routes_there_are(council):
    found = {route.path.split("/")[1] for route in routes(council.settings, lambda: council.store)}

    assert found == {
        "account",
        "sign-in",
        "sign-out",
        "casework",
        "steward",
        "release-desk",
        "review",
        "review-of-place",
        "place-reviews",
        "mark",
        "marks",
        "photos",
    }


@pytest.mark.parametrize("token", [None, "", "0" * 64, "жоқ"], ids=["none", "empty", "made up", "Kazakh"])
def test_a_form_without_the_token_of_its_session_changes_nothing(council, token):
    council.file()
    before, browser = council.everything(), council.signed_in("both")
    fields = a_form(version="1", **({} if token is None else {"form_token": token}))

    answers = {path: browser.post(path, fields) for path in FORMS}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(FORMS, 403)
    assert all(KK.text("error.foreign_form") in text_of(answer) for answer in answers.values())
    assert council.everything() == before
    assert browser.get(f"/casework/{TOWN}").status_code == 200, "still signed in"


def test_a_form_token_of_another_account_is_refused(council):
    mine, other = council.signed_in("resident"), council.signed_in("other")

    answer = mine.post(f"/casework/{TOWN}/new", a_form(form_token=other.form_token))

    assert answer.status_code == 403
    assert council.requests() == []


def test_a_form_of_an_earlier_session_shows_what_was_written_and_can_be_sent_with_one_press(council):
    """Somebody signed in again in another window; the first one still holds a half-written form."""
    browser = council.signed_in("resident")
    old_form = form_to(browser.get(f"/casework/{TOWN}/new", cell=CELL), "/new") | a_form()
    browser.cookies = council.signed_in("resident").cookies

    refused = browser.post(f"/casework/{TOWN}/new", old_form)
    sent = browser.post(f"/casework/{TOWN}/new", form_to(refused, "/new"))

    assert refused.status_code == 403
    assert GROUNDS in text_of(refused)
    assert sent.status_code == 303
    assert [request.grounds for request in council.requests()] == [GROUNDS]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://riskmap.test.elsewhere.example"},
        {"origin": "http://riskmap.test:8080"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": SITE},
    ],
    ids=str,
)
def test_a_form_that_another_site_sent_changes_nothing(council, headers):
    council.file()
    before, browser = council.everything(), council.signed_in("both")
    token = browser.token
    fields = a_form(version="1", form_token=browser.form_token, login="resident") | {"password": PHRASE}

    answers = [browser.post(path, fields, headers=headers) for path in ("/sign-in", *FORMS)]

    assert [answer.status_code for answer in answers] == [403] * (len(FORMS) + 1)
    assert all(KK.text("error.cross_site") in text_of(answer) for answer in answers)
    assert not any(forms_of(answer) for answer in answers), "no button that sends it all the same"
    assert council.everything() == before
    assert browser.token == token


def test_a_browser_that_says_nothing_about_the_sender_is_let_in_by_the_form_token_alone(council):
    browser = council.signed_in("resident")

    answer = browser.post(f"/casework/{TOWN}/new", a_form(form_token=browser.form_token), headers={})

    assert answer.status_code == 303


@pytest.mark.parametrize("signs", [form_body.MOST_BYTES // 6, 100_000])
def test_a_body_that_does_not_fit_is_refused_in_words_and_says_how_much_fits(council, signs):
    browser = council.signed_in("resident")

    answer = browser.post(f"/casework/{TOWN}/new", a_form(grounds="ғ" * signs, form_token=browser.form_token))

    assert answer.status_code == 413
    assert KK.text("error.body_too_large", n=SIGNS_THAT_FIT) in text_of(answer)
    assert council.requests() == []


def test_no_more_of_a_body_is_kept_than_fits():
    """Whatever is sent, the reader never holds more than its limit and one piece of the stream."""

    async def receive():
        taken.append(1)
        return {"type": "http.request", "body": b"a" * 65_536, "more_body": True}

    taken = []
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)

    with pytest.raises(BodyTooLarge):
        asyncio.run(form_body.read(request))

    assert len(taken) == form_body.POURED_AWAY_BYTES // 65_536 + 1, "an endless sender is not listened to for ever"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"&".join(b"a%d=1" % n for n in range(1000)), "application/x-www-form-urlencoded"),
        (b'{"kind": "camera"}', "application/json"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=y"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--", "multipart/form-data"),
        (b"".join(b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" for _ in range(99)), FILES),
    ],
    ids=["a thousand fields", "JSON", "another boundary", "no boundary", "a hundred parts"],
)
def test_what_is_no_form_of_ours_is_refused_in_words(council, content, kind):
    browser = council.signed_in("resident")

    answer = browser.ask("POST", f"/casework/{TOWN}/new", content=content, headers={**FROM_HERE, "content-type": kind})

    assert answer.status_code == 400
    assert KK.text("error.unreadable_form") in text_of(answer)


@pytest.mark.parametrize("name", ["nowhere", "TOY", "toy.", "%2e%2e", "toy%00", "a" * 300, "тест"])
@pytest.mark.parametrize("rest", ["", "/new", "/1"])
def test_an_unknown_territory_is_said_in_words(council, name, rest):
    answer = council.signed_in("secretary").get(f"/casework/{name}{rest}")

    assert answer.status_code == 404
    assert KK.text("error.no_council") in text_of(answer) or KK.text("error.unknown_page") in text_of(answer)
    assert 'href="/council?lang=kk"' in answer.text


@pytest.mark.parametrize("number", ["0", "-1", "01", "1.0", "99", "9" * 30, "1%20", "x", "%D9%A1", "..%2f..%2fetc"])
def test_a_number_that_is_none_is_said_in_words(council, number):
    council.file()

    answer = council.signed_in("secretary").get(f"/casework/{TOWN}/{number}")

    assert answer.status_code == 404
    assert KK.text("error.unknown_request") in text_of(answer) or KK.text("error.unknown_page") in text_of(answer)


def test_an_address_of_a_step_that_is_only_opened_leads_to_its_request(council):
    council.file()
    browser = council.signed_in("secretary")

    answer = browser.get(f"/casework/{TOWN}/1/take_up")

    assert browser.follow(answer).status_code == 200
    assert council.requests()[0].version == 1


@pytest.mark.parametrize("error", [WrongSchema("not set up"), StoreBusy("busy")], ids=["not set up", "busy"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_database_every_door_says_so_in_the_language_asked_for(tmp_path, error, language):
    def refuse():
        raise error

    council = a_council(tmp_path)
    council.app.router.routes = routes(council.settings, refuse, now=lambda: council.at)
    browser = council.browser()

    answers = [
        browser.get("/sign-in", lang=language),
        browser.get(f"/casework/{TOWN}", lang=language),
        browser.post(f"/casework/{TOWN}/new?lang={language}", a_form()),
    ]

    assert [answer.status_code for answer in answers] == [503] * 3
    assert all(in_language(language).text(ANSWERS[type(error)].key) in text_of(answer) for answer in answers)
    assert GROUNDS in text_of(answers[2])


def test_the_store_is_opened_once_and_only_when_somebody_needs_it(council):
    opened = []
    council.app.router.routes = routes(
        council.settings, lambda: opened.append(1) or council.store, now=lambda: council.at
    )
    assert opened == []

    for _ in range(3):
        council.browser().get("/sign-in")

    assert opened == [1]


def test_a_fault_of_the_program_gets_a_number_that_stands_in_the_log(council, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("riskmap.council.casework.desk", fail)
    browser = council.signed_in("secretary")

    with caplog.at_level(logging.ERROR):
        answer = browser.get(f"/casework/{TOWN}")

    (reference,) = re.findall(r"\b[0-9a-f]{8}\b", text_of(answer))
    assert answer.status_code == 500
    assert reference in caplog.text
    assert "a bug" not in answer.text


def test_nothing_that_opens_a_session_stands_in_the_log_or_in_an_address(council, caplog):
    browser = council.browser()

    with caplog.at_level(logging.DEBUG):
        signed_in = browser.post("/sign-in", {"login": "resident", "password": "қате құпиясөз 123"})
        council_page = council.signed_in("resident")
        council_page.post(f"/casework/{TOWN}/new", a_form())

    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("riskmap"))
    assert signed_in.status_code == 401
    assert council_page.token not in ours
    assert "қате құпиясөз" not in ours


def test_every_answer_is_kept_by_no_cache_and_lets_no_script_of_others_run(council):
    council.file()
    browser, nobody = council.signed_in("resident"), council.browser()
    paths = ("/casework", f"/casework/{TOWN}", f"/casework/{TOWN}/new", f"/casework/{TOWN}/1", "/casework/x")

    answers = [browser.get(path) for path in paths]
    answers += [nobody.get("/sign-in"), nobody.get("/casework"), nobody.post(f"/casework/{TOWN}/new", a_form())]
    answers += [nobody.post("/sign-in", {"login": "x"}, headers={"origin": "null"})]

    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    pages = [answer for answer in answers if answer.status_code != 303]
    assert all("script-src 'self';" in answer.headers["content-security-policy"] for answer in pages)
    assert not any(re.search(r"<script(?![^>]* src=)| on[a-z]+=", answer.text) for answer in pages)
