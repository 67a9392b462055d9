"""The steward's pages: who may open them, what they show of a row, and how a corrected table comes back."""

import asyncio
import csv
import io
import re

import pytest
from starlette.requests import Request

from geodata.faults import Fault
from riskmap.doors import form_body
from riskmap.doors.refusals import FileTooLarge
from riskmap.doors.routes import routes
from riskmap.pipeline.deliveries import deliver
from riskmap.quarantine.desk import PAGE_ROWS, DismissReason
from riskmap.wording import LANGUAGES, in_language
from tests.council import NOW
from tests.riskmap.doors_client import ACCOUNTS, FROM_HERE, PHRASE, a_council, form_to, text_of
from tests.rows_aside import FAULTY, TOWN, a_file, a_town, corrected, sound_rows

KK = in_language("kk")
SCRIPT = "<script>alert(1)</script>"
OTHERS = [login for login in ACCOUNTS if login != "steward"]


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    council.store.territories.save(a_town())
    yield council
    council.store.close()


@pytest.fixture
def delivery_id(council, tmp_path):
    rows = [*sound_rows(), *(row for _, row in FAULTY.values()), f",{SCRIPT},43.25,76.9,"]
    return deliver(council.store, a_file(tmp_path, rows), territory=a_town(), now=NOW).delivery_id


@pytest.fixture
def home(delivery_id):
    return f"/steward/{TOWN}/{delivery_id}"


def send(browser, address, content, *, token=None, headers=FROM_HERE, name="table"):
    fields = {"form_token": browser.form_token if token is None else token}
    files = {} if content is None else {name: ("rows.csv", content, "text/csv")}
    return browser.ask("POST", f"{address}/replay", data=fields, files=files or {name: ("", b"", "")}, headers=headers)


def table_of(browser, home, **query):
    answer = browser.get(f"{home}/table.csv", **query)
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def as_file(table):
    out = io.StringIO(newline="")
    csv.writer(out).writerows(table)
    return out.getvalue().encode()


def open_rows(council, delivery_id):
    with council.store.look() as look:
        return 6 - len(look.quarantine_marks.of_delivery(delivery_id))


# ---- The gate ----


def paths_of(council, delivery_id, method):
    gaps = {"territory": TOWN, "delivery": delivery_id, "rest:path": "any/thing/at/all/else"}
    return [
        re.sub(r"\{([^}]+)\}", lambda gap: gaps[gap[1]], route.path)
        for route in routes(council.settings, lambda: council.store, now=lambda: council.at)
        if route.path.startswith("/steward") and method in route.methods
    ]


def test_every_page_of_the_steward_asks_who_is_there(council, delivery_id):
    paths = paths_of(council, delivery_id, "GET")

    answers = [council.browser().get(path) for path in paths]

    assert len(paths) >= 8
    assert {answer.status_code for answer in answers} == {303}
    assert all(answer.headers["location"].startswith("/sign-in?") for answer in answers)


def test_every_form_of_the_steward_asks_who_is_there(council, delivery_id, home):
    paths = paths_of(council, delivery_id, "POST")

    answers = [council.browser().post(path, {"reason": "not_an_incident"}) for path in paths]
    answers.append(send(council.browser(), home, b"x" * 200_000, token=PHRASE))

    assert {answer.status_code for answer in answers} == {401}
    assert open_rows(council, delivery_id) == 6


@pytest.mark.parametrize("login", OTHERS)
def test_nobody_but_the_steward_of_the_territory_gets_in(council, delivery_id, home, login):
    browser = council.signed_in(login)
    table = as_file(table_of(council.signed_in("steward"), home))
    dismissing = {"reason": "not_an_incident", "form_token": browser.form_token}

    answers = [
        *(browser.get(path) for path in (f"/steward/{TOWN}", home, f"{home}/rows", f"{home}/table.csv")),
        browser.get(f"{home}/dismiss", fault="ragged_row"),
        browser.post(f"{home}/dismiss?fault=ragged_row", dismissing),
        send(browser, home, table),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert not [answer for answer in answers if "43.27" in answer.text]
    assert open_rows(council, delivery_id) == 6


def test_a_refusal_is_written_down_with_the_delivery_it_is_about(council, delivery_id, home):
    council.signed_in("chair").get(home)

    with council.store.look() as look:
        entry = list(look.audit.entries())[-1]
    assert (entry.action, entry.subject) == ("refused", f"delivery {delivery_id}")
    assert entry.details["permission"] == "correct_rows"


@pytest.mark.parametrize("token", ["", "0" * 64], ids=["none", "made up"])
def test_a_table_without_the_token_of_its_session_changes_nothing(council, delivery_id, home, token):
    browser = council.signed_in("steward")
    table = corrected(table_of(browser, home), line_16={"occurred_at": "2026-02-04 12:00"})

    answer = send(browser, home, as_file(table), token=token)

    assert answer.status_code == 403
    assert open_rows(council, delivery_id) == 6


def test_a_table_that_another_site_sends_changes_nothing(council, delivery_id, home):
    browser = council.signed_in("steward")
    table = corrected(table_of(browser, home), line_16={"occurred_at": "2026-02-04 12:00"})

    answer = send(browser, home, as_file(table), headers={"origin": "https://elsewhere.example"})

    assert answer.status_code == 403
    assert open_rows(council, delivery_id) == 6


# ---- Pages ----


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_territory_shows_faults_and_deliveries_in_words(council, delivery_id, language):
    answer = council.signed_in("steward", language=language).get(f"/steward/{TOWN}")

    words, text = in_language(language), text_of(answer)
    assert answer.status_code == 200
    assert words.text("steward.open", n=6) in text
    for fault, count in {**dict.fromkeys((fault for fault, _ in FAULTY.values()), 1), "missing_date": 2}.items():
        assert words.text("steward.fault.count", fault=words.text(f"fault.{fault}"), n=count) in text
        assert words.text(f"steward.todo.{fault}") in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_says_what_to_do(language):
    told = [in_language(language).text(f"steward.todo.{fault}") for fault in Fault]

    assert len(set(told)) == len(Fault)


def test_a_territory_without_faults_says_so(council):
    assert KK.text("steward.empty") in text_of(council.signed_in("steward").get(f"/steward/{TOWN}"))


def test_a_steward_with_one_territory_is_led_there(council):
    browser = council.signed_in("steward")

    assert browser.get("/steward").headers["location"].startswith(f"/steward/{TOWN}?")


def test_whoever_is_no_steward_is_told_so(council):
    answer = council.signed_in("resident").get("/steward")

    assert KK.text("steward.choose.none") in text_of(answer)


@pytest.mark.parametrize(("login", "is_offered"), [("steward", True), ("secretary", False), ("resident", False)])
def test_the_desk_leads_stewards_to_the_rows_set_aside(council, login, is_offered):
    answer = council.signed_in(login).get(f"/casework/{TOWN}")

    assert (f'href="/steward/{TOWN}?lang=kk"' in answer.text) is is_offered


def test_rows_are_shown_as_delivered_with_everything_escaped(council, home):
    answer = council.signed_in("steward").get(f"{home}/rows", fault="missing_date")

    assert SCRIPT not in answer.text
    assert SCRIPT in text_of(answer).replace("\u00a0", " ")
    assert "43.26" in answer.text
    assert KK.text("steward.row.line", n=13) in text_of(answer)


def test_a_row_that_fits_no_header_is_shown_as_text_where_every_column_of_the_file_is_read(council, tmp_path):
    rows = [*sound_rows(), FAULTY[15][1]]
    told = deliver(
        council.store, a_file(tmp_path, rows, header="occurred_at,category,lat,lng"), territory=a_town(), now=NOW
    )

    answer = council.signed_in("steward").get(f"/steward/{TOWN}/{told.delivery_id}/rows", fault="ragged_row")

    assert FAULTY[15][1] in text_of(answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_row_that_fits_no_header_of_a_file_with_other_columns_says_that_its_text_is_not_kept(council, home, language):
    answer = council.signed_in("steward").get(f"{home}/rows", fault="ragged_row", lang=language)

    assert FAULTY[15][1] not in text_of(answer)
    assert in_language(language).text("steward.row.not_kept") in text_of(answer)


def test_rows_can_be_turned_over_page_by_page(council, tmp_path):
    rows = [*sound_rows(), *(f",theft,43.2{n:02},76.9," for n in range(PAGE_ROWS + 1))]
    told = deliver(council.store, a_file(tmp_path, rows), territory=a_town(), now=NOW)
    browser, here = council.signed_in("steward"), f"/steward/{TOWN}/{told.delivery_id}/rows"

    first, last = browser.get(here), browser.get(here, page="2")

    assert 'rel="next"' in first.text
    assert 'rel="prev"' not in first.text
    assert f"43.2{PAGE_ROWS}" in last.text
    assert 'rel="next"' not in last.text
    assert browser.get(here, page="-1").status_code == browser.get(here, page="9" * 40).status_code == 200


@pytest.mark.parametrize("ending", ["", "/rows", "/table.csv", "/dismiss"])
@pytest.mark.parametrize("delivery", ["f" * 16, "x", "..%2f..", "f" * 400])
def test_an_unknown_delivery_is_said_in_words(council, delivery, ending):
    answer = council.signed_in("steward").get(f"/steward/{TOWN}/{delivery}{ending}", fault="ragged_row")

    assert answer.status_code == 404
    assert KK.text("error.unknown_delivery") in text_of(answer) or KK.text("error.unknown_page") in text_of(answer)


@pytest.mark.parametrize("fault", ["nothing", SCRIPT, "ragged_row%00"])
def test_an_unknown_fault_is_said_in_words(council, home, fault):
    answers = [council.signed_in("steward").get(f"{home}/{name}", fault=fault) for name in ("rows", "dismiss")]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_no_page_is_kept_by_a_cache_or_runs_a_script_of_others(council, home):
    browser = council.signed_in("steward")
    paths = (
        "/steward",
        f"/steward/{TOWN}",
        home,
        f"{home}/rows",
        f"{home}/table.csv",
        f"{home}/dismiss?fault=ragged_row",
    )

    answers = [browser.get(path) for path in paths]

    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    pages = [answer for answer in answers if answer.headers.get("content-type", "").startswith("text/html")]
    assert len(pages) == 4
    assert all("script-src 'self';" in answer.headers["content-security-policy"] for answer in pages)
    assert not any(re.search(r"<script(?![^>]* src=)| on[a-z]+=", answer.text) for answer in pages)


# ---- Taking the table away and sending it back ----


def test_the_table_is_a_file_to_keep_not_a_page(council, home, delivery_id):
    answer = council.signed_in("steward").get(f"{home}/table.csv", fault="missing_date")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="rows-{delivery_id}-missing_date.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_corrected_table_is_read_again_and_its_account_is_shown(council, home, delivery_id):
    browser = council.signed_in("steward")
    right = {"line_16": {"occurred_at": "2026-02-04 12:00"}, "line_13": {"occurred_at": "no day"}}

    answer = send(browser, home, as_file(corrected(table_of(browser, home), **right)))
    page = browser.follow(answer)

    told = {"rows": 6, "accepted": 1, "duplicates": 0, "withdrawn": 0, "still_faulty": 1, "unchanged": 4}
    assert KK.text("steward.replay.done", **told) in text_of(page)
    assert KK.text("steward.open", n=5) in text_of(page)
    assert council.store.lake.read(TOWN).height == 11


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (None, "no_file"),
        (b"", "no_file"),
        (b"a,b\n1,2\n", "headings"),
        (b"\x00\x01", "not_a_table"),
        (b"delivery_id,line,fault,found\nffffffffffffffff,2,x,y\n", "other_delivery"),
    ],
    ids=["nothing chosen", "empty", "another table", "binary", "of another delivery"],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_table_that_does_not_fit_is_refused_on_the_same_page(council, home, content, key, language):
    browser = council.signed_in("steward", language=language)

    answer = send(browser, home, content)

    assert answer.status_code == 422
    assert in_language(language).text(f"steward.unfit.{key}", n=0) in text_of(answer)
    assert 'role="alert"' in answer.text
    assert open_rows(council, home.rpartition("/")[2]) == 6


def test_a_table_that_is_too_large_is_refused_in_words(council, home):
    answer = send(council.signed_in("steward"), home, b"a" * (form_body.FILE_BYTES + 1))

    assert answer.status_code == 413
    assert KK.text("error.file_too_large") in text_of(answer)


def test_a_table_is_taken_up_to_its_limit(council, home):
    answer = send(council.signed_in("steward"), home, b"a,b\n" * (form_body.FILE_BYTES // 4 - 300))

    assert answer.status_code == 422, "read, and found to be another table"


def test_no_more_of_a_table_is_kept_than_fits():
    async def receive():
        taken.append(1)
        return {"type": "http.request", "body": b"a" * 1_048_576, "more_body": True}

    taken = []
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)

    with pytest.raises(FileTooLarge):
        asyncio.run(form_body.read_with_file(request))

    assert len(taken) == 2 * form_body.FILE_MEGABYTES + 1, "an endless sender is not listened to for ever"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"form_token=x", "application/x-www-form-urlencoded"),
        (b"--x\r\n", "multipart/form-data"),
        (b"no boundary at all", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: nothing\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=x"),
        (
            b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(99))
            + b"--x--",
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n' * 2 + b"--x--",
            "multipart/form-data; boundary=x",
        ),
    ],
    ids=["no file form", "no boundary", "no parts", "no name", "many fields", "two files"],
)
def test_what_is_no_form_with_a_file_is_refused_in_words(council, home, content, kind):
    browser = council.signed_in("steward")

    answer = browser.ask("POST", f"{home}/replay", content=content, headers={**FROM_HERE, "content-type": kind})

    assert answer.status_code in (400, 403)
    assert KK.text("error.unreadable_form") in text_of(answer) or KK.text("error.foreign_form") in text_of(answer)


def test_the_address_of_the_upload_that_is_only_opened_leads_to_its_page(council, home):
    answer = council.signed_in("steward").get(f"{home}/replay")

    assert answer.headers["location"].startswith(f"{home}?")


# ---- Giving up ----


def test_giving_up_asks_first_and_needs_a_reason(council, home, delivery_id):
    browser = council.signed_in("steward")
    question = browser.get(f"{home}/dismiss", fault="future_date")
    form = form_to(question, "/dismiss")

    refused = browser.post(f"{home}/dismiss?fault=future_date", form)
    done = browser.follow(browser.post(f"{home}/dismiss?fault=future_date", form | {"reason": "cannot_be_known"}))

    assert all(KK.text(f"steward.reason.{reason}") in text_of(question) for reason in DismissReason)
    assert refused.status_code == 422
    assert KK.text("steward.dismiss.no_reason") in text_of(refused)
    assert KK.text("steward.dismiss.done", n=1) in text_of(done)
    assert open_rows(council, delivery_id) == 5


@pytest.mark.parametrize("query", ["?accepted=1", "?dismissed=<b>", "?rows=1&accepted=x", "?dismissed=" + "9" * 40])
def test_what_an_address_claims_was_done_is_shown_only_where_it_makes_sense(council, home, query):
    answer = council.signed_in("steward").get(f"{home}{query}")

    assert answer.status_code == 200
    assert 'role="status"' not in answer.text


def test_whoever_signs_in_comes_back_to_the_rows(council, home):
    asked = council.browser().get(home)

    assert f"return={home.replace('/', '%2F')}" in asked.headers["location"]
