"""Photos and scans behind the doors: what survives of a file, who decides, what is public, what a broken end leaves."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from PIL import Image

from riskmap import assembly, journal
from riskmap.council import casework
from riskmap.council.casework import Office
from riskmap.council.request import Action
from riskmap.errors import DamagedStore, NotAllowed, StepNotPossible, UnfitFields, UnknownPhoto
from riskmap.identity.access import Permission, Role
from riskmap.photos import attached, desk, picture, rules, scan, scan_desk, sending
from riskmap.photos import retention as photo_retention
from riskmap.photos.desk import PhotoOffice
from riskmap.photos.rules import Of, Reason, State
from riskmap.settings import Settings
from tests.council import NOW, TOWN, a_filing, a_place, an_actor, enrol, fields_for, step
from tests.photo_builder import (
    A_PDF,
    MARKER,
    a_jpeg,
    a_png,
    a_png_of,
    a_webp,
    hostile_files,
)

RESIDENT, OTHER = an_actor(Role.RESIDENT), an_actor(Role.RESIDENT, account_id="a-other")
SECRETARY, CHAIR = an_actor(Role.SECRETARY), an_actor(Role.CHAIR)
CAPTION = "Өткел, бағананың шамы жоқ"


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})


@pytest.fixture
def store(settings):
    assembly.migrate(settings)
    store = assembly.open_store(settings)
    enrol(store, RESIDENT, OTHER, SECRETARY, CHAIR)
    yield store
    store.close()


@pytest.fixture
def office(store, settings):
    return Office(store=store, journals=settings.journals)


@pytest.fixture
def rooms(store, settings):
    return PhotoOffice(store=store, journals=settings.journals)


def filed(office, *photos, key="k1", **given):
    return casework.file(office, RESIDENT, a_filing(**given), a_place(), key=key, at=NOW, photos=photos)


def photos_of(store):
    with store.look() as look:
        return look.photos.of_territory(TOWN)


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def done(office, request):
    for actor, action in (
        (SECRETARY, Action.TAKE_UP),
        (SECRETARY, Action.REFER),
        (CHAIR, Action.APPROVE),
        (SECRETARY, Action.SEND),
        (SECRETARY, Action.SCHEDULE),
        (SECRETARY, Action.COMPLETE),
    ):
        request = step(office, actor, request, action)
    return request


def faults_of(error):
    return [(fault.field, fault.fault) for fault in error.value.faults]


# ---- What survives of a file ----


@pytest.mark.parametrize("made", [a_jpeg, a_png, a_webp], ids=lambda one: one.__name__)
def test_nothing_but_the_pixels_survives(made):
    sent = made()
    assert sent.count(MARKER) >= 3

    kept = picture.cleaned(sent)

    with Image.open(io.BytesIO(kept.content)) as found:
        assert (found.format, found.size) == ("JPEG", (240, 160))
        assert not found.getexif()
        assert set(found.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert kept.content != sent
    assert MARKER not in kept.content
    assert not [word for word in (b"Exif", b"xmp", b"ICC_PROFILE", b"GPS", b"Photoshop") if word in kept.content]
    assert kept.content.endswith(b"\xff\xd9"), "nothing stands behind the picture"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_whatever_way_its_camera_was_held(orientation):
    straight = a_jpeg(orientation=1)
    with Image.open(io.BytesIO(straight)) as image:
        plain = image.convert("RGB")
        turned = {
            1: None,
            2: 0,
            3: 3,
            4: 1,
            5: 5,
            6: 2,
            7: 6,
            8: 4,
        }[orientation]
        lying = plain if turned is None else plain.transpose(Image.Transpose(turned))
        out = io.BytesIO()
        told = Image.Exif()
        told[0x0112] = orientation
        lying.save(out, format="JPEG", exif=told)

    kept = picture.cleaned(out.getvalue())

    with Image.open(io.BytesIO(kept.content)) as found:
        grey = found.convert("L")
        assert found.size == (240, 160)
        assert grey.getpixel((120, 20)) + 70 < grey.getpixel((120, 140)), "dark above, light below"


def test_a_large_picture_is_made_smaller():
    kept = picture.cleaned(a_jpeg(width=4000, height=1000))

    assert (kept.width, kept.height) == (1600, 400)


@pytest.mark.parametrize(("name", "content"), hostile_files().items(), ids=list(hostile_files()))
def test_a_hostile_file_is_refused_in_words_or_left_without_what_it_carried(name, content):
    if not name.startswith(("jpeg cut", "png cut", "webp cut")):
        with pytest.raises(UnfitFields) as refused:
            picture.cleaned(content)
        assert [field for field, _ in faults_of(refused)] == ["photo"]
        return
    with suppress(UnfitFields):  # of a cut file the part that came may be a picture
        assert MARKER not in picture.cleaned(content).content


def test_there_are_enough_hostile_files():
    assert len(hostile_files()) >= 40


def test_a_file_that_promises_too_much_is_refused_before_it_is_decoded(monkeypatch):
    heavy = a_jpeg() + bytes(picture.MOST_BYTES)

    def decoded(*_):
        raise AssertionError("nothing may be decoded")

    monkeypatch.setattr(Image.Image, "load", decoded)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)

    for width, height in ((50_000, 50_000), (7_100, 7_100), (2_000_000_000, 1)):
        with pytest.raises(UnfitFields) as refused:
            picture.cleaned(a_png_of(width, height))
        assert faults_of(refused) == [("photo", "photo_pixels")]
    with pytest.raises(UnfitFields) as refused:
        picture.cleaned(heavy)
    assert faults_of(refused) == [("photo", "photo_large")]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "photo_empty"),
        (A_PDF[:-6], "scan_damaged"),
        (b"x" + A_PDF, "scan_kind"),
        (b"<html>%PDF-1.7 %%EOF", "scan_kind"),
        (A_PDF + bytes(2000), "scan_damaged"),
        (A_PDF + bytes(scan.MOST_BYTES), "photo_large"),
        (a_jpeg()[:300], "photo_damaged"),
    ],
)
def test_a_scan_is_a_whole_pdf_or_a_picture(content, fault):
    with pytest.raises(UnfitFields) as refused:
        scan.checked(content)

    assert faults_of(refused) == [("scan", fault)]


def test_a_pdf_is_kept_as_it_came_and_a_picture_drawn_anew():
    assert scan.checked(A_PDF).content == A_PDF
    made = scan.checked(a_jpeg())
    assert (made.suffix, MARKER in made.content) == ("jpg", False)


# ---- A photo and what it came with ----


def test_a_request_takes_up_to_three_photos_and_the_same_one_once(office):
    filed(office, a_jpeg(seed=1), a_png(seed=2), a_jpeg(seed=1))

    found = photos_of(office.store)
    assert [(one.number, one.of, one.request_number, one.state) for one in found] == [
        (1, Of.REQUEST, 1, State.WAITING),
        (2, Of.REQUEST, 1, State.WAITING),
    ]


def test_too_many_photos_or_one_that_does_not_fit_leave_nothing(office, settings):
    for brought in ([a_jpeg(seed=n) for n in range(4)], [a_jpeg(), b"no photo"]):
        with pytest.raises(UnfitFields):
            filed(office, *brought)

    with office.store.look() as look:
        assert look.requests.of_territory(TOWN) == []
    assert photos_of(office.store) == []
    assert files_in(settings.data / "photos") == []


def test_whoever_may_not_take_a_step_gets_no_file_decoded(office, monkeypatch):
    request = done(office, filed(office))
    monkeypatch.setattr(sending, "cleaned", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(scan, "checked", lambda *_: pytest.fail("decoded"))

    with pytest.raises(NotAllowed):
        casework.move(
            office,
            CHAIR,
            TOWN,
            1,
            action=Action.DISPUTE,
            given=fields_for(Action.DISPUTE),
            version=request.version,
            key="d",
            at=NOW,
            files=[a_jpeg()],
        )


def test_a_commit_that_fails_takes_the_file_along(office, settings, monkeypatch):
    monkeypatch.setattr(casework, "_record", lambda *_args, **_given: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        filed(office, a_jpeg())

    assert photos_of(office.store) == []
    assert files_in(settings.data / "photos") == []


def test_a_dispute_brings_a_photo_and_sent_again_it_stays_one(office):
    request = done(office, filed(office))
    told = {"action": Action.DISPUTE, "given": fields_for(Action.DISPUTE), "version": request.version}

    for _ in range(2):
        casework.move(office, OTHER, TOWN, 1, **told, key="d", at=NOW + timedelta(days=1), files=[a_jpeg()])

    assert [(one.of, one.request_number) for one in photos_of(office.store)] == [(Of.DISPUTE, 1)]


# ---- The secretary's look ----


def test_a_photo_is_public_with_its_request_once_it_is_shown_and_not_before(office, rooms, settings):
    filed(office, a_jpeg())
    (waiting,) = photos_of(office.store)
    assert journal.latest(settings.journals, TOWN).find(1).photos == ()
    assert not journal.photo_path(settings.journals, TOWN, waiting.sha256).exists()

    desk.show(rooms, SECRETARY, TOWN, 1, CAPTION, is_clear=True, at=NOW)

    (public,) = journal.latest(settings.journals, TOWN).find(1).photos
    content = journal.photo_path(settings.journals, TOWN, public.sha256).read_bytes()
    assert (public.caption, public.sha256) == (CAPTION, hashlib.sha256(content).hexdigest())


def test_one_that_is_taken_back_is_gone_everywhere_at_once(office, rooms, settings):
    filed(office, a_jpeg())
    desk.show(rooms, SECRETARY, TOWN, 1, CAPTION, is_clear=True, at=NOW)

    for _ in range(2):
        found = desk.reject(rooms, SECRETARY, TOWN, 1, "faces", at=NOW)

    assert (found.state, found.check.reason, found.sha256) == (State.REJECTED, Reason.FACES, None)
    assert files_in(settings.data / "photos") == []
    assert files_in(settings.journals / journal.PHOTOS) == []
    assert journal.latest(settings.journals, TOWN).find(1).photos == ()
    with pytest.raises(StepNotPossible):
        desk.show(rooms, SECRETARY, TOWN, 1, CAPTION, is_clear=True, at=NOW)
    with pytest.raises(UnknownPhoto):
        desk.picture(rooms, SECRETARY, TOWN, 1, at=NOW)


@pytest.mark.parametrize(
    ("caption", "is_clear", "field"),
    [
        ("", True, "caption"),
        ("Шам", True, "caption"),
        ("а" * 201, True, "caption"),
        ("Айдосқа 87011234567", True, "caption"),
        (CAPTION, False, "is_clear"),
    ],
)
def test_showing_needs_words_and_the_confirmation(office, rooms, caption, is_clear, field):
    filed(office, a_jpeg())

    with pytest.raises(UnfitFields) as refused:
        desk.show(rooms, SECRETARY, TOWN, 1, caption, is_clear=is_clear, at=NOW)

    assert [name for name, _ in faults_of(refused)] == [field]
    assert photos_of(office.store)[0].state is State.WAITING


def test_of_a_request_that_is_withdrawn_no_photo_is_shown(office, rooms, settings):
    request = filed(office, a_jpeg())
    desk.show(rooms, SECRETARY, TOWN, 1, CAPTION, is_clear=True, at=NOW)

    step(office, RESIDENT, request, Action.WITHDRAW)

    assert journal.latest(settings.journals, TOWN).find(1).photos == ()
    assert files_in(settings.journals / journal.PHOTOS) == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SECRETARY])
def test_nobody_but_the_secretary_looks_or_decides(office, rooms, role):
    filed(office, a_jpeg())
    actor = an_actor(role)
    before = photos_of(office.store)

    for act in (
        lambda: desk.queue(rooms, actor, TOWN),
        lambda: desk.view(rooms, actor, TOWN, 1),
        lambda: desk.picture(rooms, actor, TOWN, 1, at=NOW),
        lambda: desk.show(rooms, actor, TOWN, 1, CAPTION, is_clear=True, at=NOW),
        lambda: desk.reject(rooms, actor, TOWN, 1, "faces", at=NOW),
    ):
        with pytest.raises(NotAllowed) as refused:
            act()
        assert refused.value.permission == Permission.CHECK_PHOTOS
    assert photos_of(office.store) == before


def test_a_secretary_of_another_district_finds_nothing(office, rooms):
    filed(office, a_jpeg())
    elsewhere = an_actor(Role.SECRETARY, f"{TOWN}/d2")

    assert desk.queue(rooms, elsewhere, TOWN) == []
    with pytest.raises(NotAllowed):
        desk.picture(rooms, elsewhere, TOWN, 1, at=NOW)


def test_every_look_at_a_picture_leaves_a_line(office, rooms):
    filed(office, a_jpeg())

    for _ in range(2):
        desk.picture(rooms, SECRETARY, TOWN, 1, at=NOW)

    with office.store.look() as look:
        told = [(one.action, one.subject, one.account_id) for one in look.audit.entries()]
    assert told[-2:] == [("photo_seen", f"photo {TOWN}-1", SECRETARY.account_id)] * 2


def test_a_changed_file_is_shown_to_nobody(office, rooms, settings):
    filed(office, a_jpeg())
    (path,) = (settings.data / "photos").rglob("*.jpg")
    path.write_bytes(path.read_bytes() + b"<script>")

    with pytest.raises(DamagedStore):
        desk.picture(rooms, SECRETARY, TOWN, 1, at=NOW)
    desk.show(rooms, SECRETARY, TOWN, 1, CAPTION, is_clear=True, at=NOW)

    assert journal.latest(settings.journals, TOWN).find(1).photos == ()


def test_of_eight_who_decide_at_once_one_rejection_wins(office, rooms, settings):
    filed(office, a_jpeg())

    def decide(n):
        try:
            if n % 2:
                return desk.show(rooms, SECRETARY, TOWN, 1, CAPTION, is_clear=True, at=NOW)
            return desk.reject(rooms, SECRETARY, TOWN, 1, rules.OFFERED[n // 2], at=NOW)
        except StepNotPossible:
            return None

    with ThreadPoolExecutor(8) as pool:
        found = [one for one in pool.map(decide, range(8)) if one is not None]

    (kept,) = photos_of(office.store)
    with office.store.look() as look:
        rejections = [one for one in look.audit.entries() if one.action == "photo_rejected"]
    assert len(rejections) == 1
    assert kept.state is State.REJECTED
    assert {one.check.reason for one in found if one.state is State.REJECTED} == {kept.check.reason}
    assert files_in(settings.data / "photos") == []
    assert journal.latest(settings.journals, TOWN).find(1).photos == ()


# ---- Broken ends and terms ----


def test_a_file_without_a_row_and_a_row_without_a_file_are_swept(office, store, settings):
    filed(office, a_jpeg(seed=1), a_jpeg(seed=2))
    lost, kept = photos_of(store)
    (settings.data / "photos" / TOWN / f"{lost.sha256}.jpg").unlink()
    left = settings.data / "photos" / TOWN / f"{'0' * 64}.jpg"
    left.write_bytes(b"left by a killed process")

    with store.work() as work:
        swept = photo_retention.take(store, work, TOWN, NOW, NOW, is_meant=True)
        work.commit()
    photo_retention.sweep(store, TOWN)

    assert swept.entries == 1
    assert photos_of(store) == [kept]
    assert files_in(settings.data / "photos") == [f"{kept.sha256}.jpg"]


def test_what_waits_or_was_rejected_goes_after_its_term_and_what_is_shown_stays(office, rooms, settings):
    filed(office, a_jpeg(seed=1), a_jpeg(seed=2), a_jpeg(seed=3))
    desk.show(rooms, SECRETARY, TOWN, 1, CAPTION, is_clear=True, at=NOW)
    desk.reject(rooms, SECRETARY, TOWN, 2, "plates", at=NOW)

    def gone_after(days):
        before = NOW + timedelta(days=days) - timedelta(days=settings.kept_for.photos_days)
        with office.store.work() as work:
            swept = photo_retention.take(office.store, work, TOWN, before, before, is_meant=True)
            work.commit()
        photo_retention.sweep(office.store, TOWN)
        return swept.entries

    assert gone_after(365) == 0
    assert gone_after(366) == 2
    assert [one.state for one in photos_of(office.store)] == [State.SHOWN]
    assert gone_after(4000) == 0, "shown with an open request"
    with office.store.look() as look:
        request = look.requests.find(TOWN, 1)
    step(office, RESIDENT, request, Action.WITHDRAW)
    assert gone_after(366) == 1
    assert files_in(settings.data / "photos") == []


def test_a_scan_goes_once_its_request_has_long_been_closed(office, settings):
    answered_with(office, A_PDF)
    for days, left in ((365, 1), (366 + 1, 0)):
        before = NOW + timedelta(days=days) - timedelta(days=settings.kept_for.photos_days)
        with office.store.work() as work:
            photo_retention.take(office.store, work, TOWN, before, before, is_meant=True)
            work.commit()
        photo_retention.sweep(office.store, TOWN)
        assert len(files_in(settings.data / "scans")) == left


# ---- The scan of an answer ----


def answered_with(office, content, **given):
    request = filed(office)
    for actor, action in (
        (SECRETARY, Action.TAKE_UP),
        (SECRETARY, Action.REFER),
        (CHAIR, Action.APPROVE),
        (SECRETARY, Action.SEND),
    ):
        request = step(office, actor, request, action)
    request = casework.move(
        office,
        SECRETARY,
        TOWN,
        1,
        action=Action.SCHEDULE,
        given=fields_for(Action.SCHEDULE, **given),
        version=request.version,
        key="answer",
        at=NOW + timedelta(hours=1),
        files=[content],
    )
    return casework.move(
        office,
        SECRETARY,
        TOWN,
        1,
        action=Action.COMPLETE,
        given=fields_for(Action.COMPLETE),
        version=request.version,
        key="done",
        at=NOW + timedelta(hours=2),
    )


@pytest.mark.parametrize("role", Role)
def test_a_scan_is_taken_by_those_who_read_casework_and_the_look_is_kept(office, role):
    request = answered_with(office, A_PDF)
    actor = an_actor(role)
    may = role in (Role.COUNCIL_MEMBER, Role.SECRETARY, Role.CHAIR, Role.AKIMAT_OFFICER)

    assert [one.position for one in scan_desk.of_request(office, actor, request)] == ([6] if may else [])
    if not may:
        with pytest.raises(NotAllowed):
            scan_desk.take(office, actor, TOWN, 1, 6, at=NOW)
        return
    found, content = scan_desk.take(office, actor, TOWN, 1, 6, at=NOW)
    assert (found.suffix, content) == ("pdf", A_PDF)
    with office.store.look() as look:
        assert (look.audit.last().action, look.audit.last().account_id) == ("scan_taken", actor.account_id)
    with pytest.raises(UnknownPhoto):
        scan_desk.take(office, actor, TOWN, 1, 5, at=NOW)


@pytest.mark.parametrize(
    ("day", "fault"),
    [("", "missing"), ("2026-11-03", "day_in_future"), ("2026-11-01", "day_too_early"), ("soon", "not_a_day")],
)
def test_an_answer_has_a_day_between_the_letter_and_today(office, day, fault):
    with pytest.raises(UnfitFields) as refused:
        answered_with(office, A_PDF, answer_day=day)

    assert faults_of(refused) == [("answer_day", fault)]


def test_a_step_that_takes_no_file_leaves_it_out():
    assert attached.checked(Action.TAKE_UP, [b"whatever"]) == attached.Attached()
