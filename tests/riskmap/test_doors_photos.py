"""Photos through the doors: sent with forms as browsers do, looked at by the secretary, reached by nobody else."""

import re

import pytest
from starlette.applications import Starlette

from riskmap.council.request import Action
from riskmap.photos import picture
from riskmap.photos.rules import Of, State
from riskmap.public import council_pages
from riskmap.signals import limits
from riskmap.wording import LANGUAGES, in_language
from tests.council import GROUNDS, TOWN, fields_for
from tests.photo_builder import A_PDF, MARKER, a_jpeg, a_png_of
from tests.riskmap.doors_client import CELL, Browser, a_council, a_form, form_to, forms_of, text_of
from tests.riskmap.test_doors_marks import MARK, become, mark, opened_form, receipt_in
from tests.signal_builder import ANSWERS

CAPTION = "Өткел, бағананың шамы жоқ"
KK, RU = in_language("kk"), in_language("ru")
PHOTOS = f"/photos/{TOWN}"
NEW = f"/casework/{TOWN}/new"


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def photos_of(council):
    with council.store.look() as look:
        return look.photos.of_territory(TOWN)


def marks_of(council):
    with council.store.look() as look:
        return look.signals.waiting(TOWN)


def send_mark(council, *files, address="203.0.113.7", lang="ru", **given):
    browser = council.browser(address)
    form = opened_form(council, browser, lang=lang)
    return browser.post_files(f"{MARK}/{CELL}", form | ANSWERS | given, *files)


def ask(council, *files, login="resident", **given):
    browser = council.signed_in(login)
    form = form_to(browser.get(NEW, cell=CELL), "/new")
    return browser, browser.post_files(NEW, form | a_form(**given), *files)


def show(council, number=1, **changes):
    browser = council.signed_in("secretary")
    form = form_to(browser.get(f"{PHOTOS}/{number}"), "/show")
    return browser.post(f"{PHOTOS}/{number}/show", form | {"caption": CAPTION, "is_clear": "yes"} | changes)


def public(council):
    app = Starlette(routes=council_pages.routes(council.settings.releases, council.settings.journals))
    return Browser(app=app)


def done(council):
    request = council.file("resident")
    for login, action in (
        ("secretary", Action.TAKE_UP),
        ("secretary", Action.REFER),
        ("chair", Action.APPROVE),
        ("secretary", Action.SEND),
        ("secretary", Action.SCHEDULE),
        ("officer", Action.COMPLETE),
    ):
        request = council.step(login, request, action)
    return request


# ---- A mark ----


@pytest.mark.parametrize("language", LANGUAGES)
def test_anybody_sends_a_mark_with_a_photo_and_reads_that_it_is_checked(council, language):
    sent = send_mark(council, a_jpeg(), lang=language)

    assert sent.status_code == 200
    assert "set-cookie" not in sent.headers
    assert [(one.of, one.mark_number, one.state) for one in photos_of(council)] == [(Of.MARK, 1, State.WAITING)]
    told = text_of(become(council, receipt_in(sent), lang=language))
    assert in_language(language).text("photo.state.waiting") in told


def test_the_form_of_a_mark_is_one_of_a_browser_without_a_script(council):
    page = council.browser().get(f"{MARK}/{CELL}", category="lighting")
    form = re.search(r'<form class="rm-form"[^>]*>.*?</form>', page.text, re.DOTALL)[0]

    assert 'method="post"' in form
    assert 'enctype="multipart/form-data"' in form
    assert re.search(r'<input type="file" name="photo"[^>]*accept="image/jpeg,image/png,image/webp"', form)
    assert form.index('type="file"') > form.index('name="feels_unsafe"'), "what is written comes before the file"


def test_without_a_photo_a_mark_is_made_as_before(council):
    assert send_mark(council).status_code == 200
    assert mark(council, address="203.0.114.7").status_code == 200
    assert (len(marks_of(council)), photos_of(council)) == (2, [])


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ((b"GIF89a no photo",), "photo_kind"),
        ((a_jpeg()[:500],), "photo_damaged"),
        ((a_png_of(50_000, 50_000),), "photo_pixels"),
        ((b"",), "photo_empty"),
        ((a_jpeg(seed=1), a_jpeg(seed=2)), "photo_many"),
        ((bytes(picture.MOST_BYTES + 1),), "photo_large"),
        ((bytes(3 * picture.MOST_BYTES),), "photo_large"),
    ],
    ids=["kind", "damaged", "pixels", "empty", "many", "large", "far too large"],
)
def test_a_photo_that_fails_is_told_and_loses_nothing_of_the_form(council, files, fault):
    answer = send_mark(council, *files)

    limit = {"photo_pixels": 50, "photo_many": 1, "photo_large": 8}.get(fault, 0)
    found = len(files) if fault == "photo_many" else 0
    assert answer.status_code == 422
    assert RU.text(f"council.fault.{fault}", limit=limit, found=found) in text_of(answer)
    form = forms_of(answer)[f"{MARK}/{CELL}"]
    assert {name: form.get(name) for name in ANSWERS} == ANSWERS
    assert (marks_of(council), photos_of(council)) == ([], [])
    again = council.browser("203.0.113.7").post_files(f"{MARK}/{CELL}", form, a_jpeg())
    assert again.status_code == 200
    assert len(photos_of(council)) == 1


def test_a_form_that_comes_back_for_another_reason_says_that_the_file_is_not_kept(council):
    answer = send_mark(council, a_jpeg(), how_often="")

    assert answer.status_code == 422
    assert RU.text("photo.again") in text_of(answer)


def test_pictures_of_one_address_are_decoded_so_often_an_hour_and_no_more(council, monkeypatch):
    monkeypatch.setattr(limits, "PICTURES_HOUR", 3)
    answers = [send_mark(council, b"no photo").status_code for _ in range(4)]

    assert answers == [422, 422, 422, 429]
    assert send_mark(council, b"no photo", address="198.51.100.7").status_code == 422
    assert send_mark(council).status_code == 200, "without a photo it goes on"


def test_nothing_that_a_file_carried_reaches_the_disk(council):
    send_mark(council, a_jpeg())

    everything = b"".join(path.read_bytes() for path in council.settings.data.rglob("*") if path.is_file())
    assert len(photos_of(council)) == 1
    assert MARKER not in everything
    assert b"IMG_1" not in everything


def test_the_secretary_finds_the_photo_with_the_mark_and_it_goes_with_it_into_a_request(council):
    send_mark(council, a_jpeg())
    heap = f"/marks/{TOWN}/lighting/{CELL}"
    browser = council.signed_in("secretary")
    page = browser.get(heap)
    assert f"{PHOTOS}/1?" in page.text
    assert f"{PHOTOS}/1?" not in council.signed_in("chair").get(heap).text

    show(council)
    assert public(council).get(f"/council/{TOWN}").text.count("/photos/") == 0, "a mark alone publishes nothing"
    browser.post(f"{heap}/into", form_to(page, "/into"))

    assert [one.request_number for one in photos_of(council)] == [1]
    assert CAPTION in public(council).get(f"/council/{TOWN}/1").text


def test_a_refused_mark_takes_its_photo_along(council):
    send_mark(council, a_jpeg())
    heap = f"/marks/{TOWN}/lighting/{CELL}"
    browser = council.signed_in("secretary")

    browser.post(f"{heap}/refuse", form_to(browser.get(heap), "/refuse") | {"refusal": "not_found"})

    (kept,) = photos_of(council)
    assert (kept.state, kept.sha256) == (State.REJECTED, None)
    assert [path for path in (council.settings.data / "photos").rglob("*") if path.is_file()] == []


# ---- A request, a dispute, an answer ----


def test_a_request_brings_up_to_three_photos_whose_sender_reads_what_became_of_them(council):
    browser, sent = ask(council, *(a_jpeg(seed=n) for n in range(3)))
    assert sent.status_code == 303
    assert text_of(browser.get(f"/casework/{TOWN}/1")).count(KK.text("photo.state.waiting")) == 3

    staff = council.signed_in("secretary")
    staff.post(f"{PHOTOS}/2/reject", form_to(staff.get(f"{PHOTOS}/2"), "/reject") | {"reason_photo": "faces"})

    page = text_of(browser.get(f"/casework/{TOWN}/1"))
    assert KK.text("photo.reason.faces") in page
    assert KK.text("photo.state.waiting") not in text_of(council.signed_in("other").get(f"/casework/{TOWN}/1"))


def test_too_many_photos_keep_the_words_of_a_request(council):
    _, answer = ask(council, *(a_jpeg(seed=n) for n in range(4)))

    assert answer.status_code == 422
    assert KK.text("council.fault.photo_many", limit=3, found=4) in text_of(answer)
    assert GROUNDS in answer.text
    assert council.requests() == []


def test_a_session_that_ended_keeps_the_words_and_says_that_the_photo_is_gone(council):
    browser = council.signed_in("resident")
    form = form_to(browser.get(NEW, cell=CELL), "/new") | a_form()
    council.later(hours=9)

    answer = browser.post_files(NEW, form, a_jpeg())

    assert answer.status_code == 401
    assert GROUNDS in answer.text
    assert KK.text("photo.again") in text_of(answer)


def test_of_nobody_signed_in_no_more_is_read_than_a_form(council):
    browser = council.browser()

    answer = browser.post_files(NEW, a_form(), bytes(3 * 1024 * 1024))

    assert answer.status_code == 401
    assert GROUNDS in answer.text


def test_who_disagrees_shows_it_with_a_photo(council):
    request = done(council)
    browser = council.signed_in("other")
    here = f"/casework/{TOWN}/{request.number}"
    form = form_to(browser.get(here), "/dispute") | fields_for(Action.DISPUTE)

    wrong = browser.post_files(f"{here}/dispute", form, b"no photo")
    sent = browser.post_files(f"{here}/dispute", form, a_jpeg())

    assert (wrong.status_code, sent.status_code) == (422, 303)
    assert fields_for(Action.DISPUTE)["dispute_reason"] in wrong.text
    assert [(one.of, one.request_number) for one in photos_of(council)] == [(Of.DISPUTE, 1)]


def test_the_scan_of_an_answer_is_saved_by_staff_and_by_nobody_else(council):
    request = council.file("resident")
    for login, action in (
        ("secretary", Action.TAKE_UP),
        ("secretary", Action.REFER),
        ("chair", Action.APPROVE),
        ("secretary", Action.SEND),
    ):
        request = council.step(login, request, action)
    browser, here = council.signed_in("secretary"), f"/casework/{TOWN}/1"
    form = form_to(browser.get(here), "/schedule") | fields_for(Action.SCHEDULE)
    wrong = browser.post_files(f"{here}/schedule", form, b"<html>", name="scan")
    assert KK.text("council.fault.scan_kind") in text_of(wrong)
    assert browser.post_files(f"{here}/schedule", form, A_PDF, name="scan").status_code == 303

    file = f"{here}/answers/6"
    assert f"{file}?" in council.signed_in("officer").get(here).text
    taken = council.signed_in("officer").get(file)
    assert (taken.status_code, taken.content) == (200, A_PDF)
    assert taken.headers["content-disposition"] == f'attachment; filename="answer-{TOWN}-1-6.pdf"'
    assert taken.headers["x-content-type-options"] == "nosniff"
    assert taken.headers["cache-control"] == "no-store"
    assert council.audit_actions()[-1] == "scan_taken"
    for login in ("resident", "other", "police", "steward"):
        assert council.signed_in(login).get(file).status_code == 403
        assert f"{file}?" not in council.signed_in(login).get(here).text
    assert council.browser().get(file).status_code == 303
    assert browser.get(f"{here}/answers/5").status_code == 404
    assert browser.get(f"{here}/answers/x").status_code == 404
    assert str(A_PDF) not in public(council).get(f"/council/{TOWN}/1").text


# ---- The secretary ----


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_the_secretary_sees_what_waits_looks_and_shows_it(council, language):
    ask(council, a_jpeg())
    browser = council.signed_in("secretary", language=language)
    assert f"{PHOTOS}?" in browser.get(f"/casework/{TOWN}").text
    listed = browser.get(PHOTOS)
    page = browser.get(f"{PHOTOS}/1")
    look = browser.get(f"{PHOTOS}/1/picture")

    assert f"{PHOTOS}/1?" in listed.text
    assert "/picture" not in listed.text
    assert f'src="{PHOTOS}/1/picture"' in page.text
    assert (look.headers["content-type"], look.headers["cache-control"]) == ("image/jpeg", "no-store")
    assert "private" not in look.headers.get("etag", "")
    assert council.audit_actions()[-3:] == ["photos_queue_read", "photo_read", "photo_seen"]
    answer = show(council)
    assert answer.status_code == 303
    seen = public(council).get(f"/council/{TOWN}/1", lang=language)
    assert f'alt="{CAPTION}"' in seen.text
    address = re.search(r'src="(/council/[^"]+\.jpg)"', seen.text)[1]
    assert public(council).get(address).content == look.content


@pytest.mark.parametrize("change", [{"caption": ""}, {"is_clear": ""}, {"caption": "Айдос, 12-пәтер"}])
def test_showing_without_words_or_confirmation_comes_back(council, change):
    ask(council, a_jpeg())

    answer = show(council, **change)

    assert answer.status_code == 422
    assert photos_of(council)[0].state is State.WAITING


def test_rejecting_needs_a_reason(council):
    ask(council, a_jpeg())
    browser = council.signed_in("secretary")
    form = form_to(browser.get(f"{PHOTOS}/1"), "/reject")

    assert browser.post(f"{PHOTOS}/1/reject", form | {"reason_photo": "mark_refused"}).status_code == 422
    assert browser.post(f"{PHOTOS}/1/reject", form | {"reason_photo": "flats"}).status_code == 303
    assert browser.get(f"{PHOTOS}/1/picture").status_code == 404
    assert show_after_rejection(browser, council) == 409


def show_after_rejection(browser, council):
    fields = {"form_token": browser.form_token, "caption": CAPTION, "is_clear": "yes"}
    return browser.post(f"{PHOTOS}/1/show", fields).status_code


@pytest.mark.parametrize("login", ["resident", "other", "member", "chair", "officer", "police", "steward", "stranger"])
def test_nobody_else_comes_near_a_waiting_photo(council, login):
    ask(council, a_jpeg())
    browser = council.signed_in(login)
    token = {"form_token": browser.form_token, "caption": CAPTION, "is_clear": "yes", "reason_photo": "faces"}

    answers = [browser.get(address).status_code for address in (PHOTOS, f"{PHOTOS}/1", f"{PHOTOS}/1/picture")]
    answers += [browser.post(f"{PHOTOS}/1/{deed}", token).status_code for deed in ("show", "reject")]

    assert answers == [403] * 5
    assert photos_of(council)[0].state is State.WAITING


def test_a_waiting_photo_has_no_public_address(council):
    ask(council, a_jpeg())
    (waiting,) = photos_of(council)
    names = [f"{waiting.sha256}.jpg", f"{waiting.sha256}", "1.jpg", f"../{waiting.sha256}.jpg", f"..%2f{TOWN}.jpg"]
    open_door, front = council.browser(), public(council)
    addresses = [f"/council/{TOWN}/photos/{name}" for name in names]
    addresses += [f"/{folder}/{TOWN}/{waiting.sha256}.jpg" for folder in ("photos", "journals/.photos", "assets")]

    for address in addresses:
        for browser in (open_door, front):
            answer = browser.get(address)
            assert answer.status_code in (303, 404), address
            assert answer.headers.get("content-type", "").partition(";")[0] != "image/jpeg"
    assert waiting.sha256 not in front.get(f"/council/{TOWN}/1").text
    assert open_door.get(f"{PHOTOS}/1/picture").status_code == 303
