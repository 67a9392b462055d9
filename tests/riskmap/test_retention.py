"""What is older than its term goes, kind by kind, and nothing else does."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from geodata import kazakhstan
from geodata.columns import EXPECTED_INCIDENTS
from riskmap.council.request import Action, civil_day
from riskmap.errors import DamagedRelease, InvalidSetting
from riskmap.identity import audit, sessions
from riskmap.kept_kinds import Kind
from riskmap.photos import picture, sending
from riskmap.photos.rules import Of
from riskmap.photos.sending import Sent
from riskmap.pipeline import publication, retention
from riskmap.pipeline.deliveries import deliver
from riskmap.place_review import rules
from riskmap.ports import Account, DeliveryStatus, ScoreRun, Session
from riskmap.provider_port import PendingSignIn
from riskmap.quarantine import corrections, desk
from riskmap.settings import KeptFor, Settings
from tests.council import NOT_A_HASH, a_place, after
from tests.council import a_request as a_council_request
from tests.photo_builder import a_jpeg
from tests.place_review_builder import REASON_RU, REASONS, a_review, a_reviewed_place, a_voice
from tests.rows_aside import NOW, STEWARD, TOWN, a_file, a_town, a_town_on_disk, corrected, sound_rows
from tests.signal_builder import a_marked_place, a_signal


@pytest.fixture
def town(tmp_path):
    with a_town_on_disk(tmp_path) as made:
        yield made


def due(town, days, *, settings=None, act=retention.look):
    """Entries and files by kind, so many days after the delivery."""
    found = act(town.store, settings or town.settings, now=NOW + timedelta(days=days))
    return {one.kind: (one.entries, one.files) for one in found if one.entries or one.files}


def carried_out(town, days, **given):
    return due(town, days, act=retention.carry_out, **given)


def incidents_kept_for(town, years):
    return replace(town.settings, kept_for=KeptFor(incidents_years=years))


def files_below(town):
    data = town.settings.data
    return {
        path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file() and "locks" not in path.parts
    }


def a_session(town, name, **given):
    told = {"token_sha256": name, "account_id": "a-x", "language": "kk", "created_at": NOW, "seen_at": NOW}
    with town.store.work() as work:
        work.sessions.save(Session(**{**told, **given}))
        work.commit()


def an_account(town):
    with town.store.work() as work:
        work.accounts.save(
            Account(account_id="a-x", login="x", password_hash=NOT_A_HASH, language="kk", created_at=NOW)
        )
        work.commit()
    return "a-x"


def a_run(town, run_id, *, at=NOW):
    expected = pl.DataFrame(schema=EXPECTED_INCIDENTS.schema)
    run = ScoreRun(
        run_id=run_id, territory=TOWN, as_of=date(2026, 10, 5), model="m", version="1", deliveries=(), created_at=at
    )
    return town.store.scores.save(run, expected)


def a_release_of(town, run_id):
    folder = town.settings.releases / TOWN / f"release-{run_id}"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"model": {"run_id": run_id}}))


# ---- Photos ----


def test_a_waiting_photo_goes_when_its_term_is_over_with_its_file_and_not_a_day_before(town):
    with town.store.work() as work:
        sent = Sent(of=Of.MARK, territory=TOWN, region_id=TOWN, area_id="d1", is_simulated=True, mark_number=1)
        with sending.along(town.store, work, [picture.cleaned(a_jpeg())], sent, on=civil_day(NOW)):
            work.commit()
    (town.settings.data / "photos" / TOWN / f"{'0' * 64}.jpg").write_bytes(b"left by a killed process")

    before, after_ = due(town, 365).get(Kind.PHOTOS), due(town, 366).get(Kind.PHOTOS)
    carried_out(town, 365)
    whole = [name for name in files_below(town) if name.startswith("photos/")]
    carried_out(town, 366)

    assert (before, after_) == (None, (1, 0))
    assert len(whole) == 1, "a file that nothing names goes with the next run"
    assert not [name for name in files_below(town) if name.startswith("photos/")]


# ---- Rows set aside ----


def test_rows_set_aside_go_when_their_term_is_over_and_not_a_day_before(town):
    told = town.deliver()

    before, after = due(town, 180), due(town, 181)
    carried_out(town, 181)

    assert (before, after) == ({}, {Kind.QUARANTINE: (5, 1)})
    assert town.store.lake.quarantined(TOWN, told.delivery_id).is_empty()
    assert not [name for name in files_below(town) if name.startswith("quarantine/")]


def test_a_delivery_without_its_rows_is_whole_and_says_when_they_went(town):
    told = town.deliver()
    carried_out(town, 181)

    repeated = town.deliver(at=NOW + timedelta(days=182))

    assert town.store.lake.is_whole(told.delivery_id)
    assert (repeated.is_repeat, repeated.quarantined) == (True, 5)
    (aside,) = town.overview()
    assert (aside.open, aside.set_aside, aside.removed_at) == (0, 5, NOW + timedelta(days=181))


def test_rows_that_were_corrected_and_are_still_faulty_stay_for_their_own_term(town):
    told = town.deliver()
    table = corrected(town.table(told.delivery_id), line_13={"occurred_at": "nonsense"})
    later = NOW + timedelta(days=100)
    corrections.replay(town.bench, STEWARD, town.sent_back(table), at=later)

    carried_out(town, 181)

    left = desk.rows(town.bench, STEWARD, told.delivery_id, at=later).rows
    assert [(row.line, row.fault) for row in left] == [(13, "impossible_date")]
    assert due(town, 281) == {Kind.QUARANTINE: (1, 1)}


def test_a_file_that_a_killed_run_left_goes_with_the_next(town, monkeypatch):
    town.deliver()
    with monkeypatch.context() as broken:
        broken.setattr("riskmap.pipeline.retention._unlink", _die)
        with pytest.raises(KeyboardInterrupt):
            carried_out(town, 181)
    assert town.overview()[0].removed_at is not None, "the catalogue lets go first"

    again = carried_out(town, 182)

    assert again == {Kind.QUARANTINE: (0, 1)}
    assert carried_out(town, 183) == {}


def _die(_):
    raise KeyboardInterrupt


# ---- Sessions ----


def test_sessions_go_a_month_after_they_ended_however_they_ended(town):
    account_id = an_account(town)
    day = timedelta(days=1)
    a_session(town, "signed out", account_id=account_id, ended_at=NOW)
    later = NOW + 2 * day
    a_session(town, "signed out later", account_id=account_id, created_at=later, seen_at=later, ended_at=later)
    a_session(town, "left", account_id=account_id)
    a_session(town, "in use", account_id=account_id, created_at=NOW + 30 * day, seen_at=NOW + 30 * day)

    before, after = due(town, 30), due(town, 31)
    carried_out(town, 31)

    assert before == {Kind.SESSIONS: (1, 0)}, "at the very end of the term only what was signed out before"
    assert after == {Kind.SESSIONS: (2, 0)}
    with town.store.look() as look:
        assert look.sessions.find("left") is None
        assert look.sessions.find("signed out later") is not None
        assert look.sessions.find("in use") is not None


def test_a_browser_that_never_came_back_from_the_provider_goes_with_the_sessions(town):
    begun = PendingSignIn(state_sha256="5" * 64, browser_sha256="b" * 64, wanted="/council", created_at=NOW)
    with town.store.work() as work:
        work.pending_sign_ins.add(begun)
        work.commit()

    assert due(town, 29) == {}
    assert due(town, 30) == {Kind.SESSIONS: (1, 0)}


def test_a_session_that_still_lets_somebody_in_is_never_removed(town):
    account_id = an_account(town)
    now = NOW + timedelta(days=1)
    kept = replace(town.settings, kept_for=KeptFor(sessions_days=1))
    a_session(town, "in use", account_id=account_id, created_at=now - sessions.ABSOLUTE, seen_at=now - sessions.IDLE)

    removed = due(town, 1, settings=kept, act=retention.carry_out)

    assert removed == {}


# ---- Files of services, scores ----


def test_fetches_go_after_ninety_days_and_what_is_held_of_the_city_stays(town):
    city = town.settings.feeds / "kgp" / "1975"
    for name, age in (("old/page-1.json", 91), ("old/page-2.json", 91), ("new/page-1.json", 89), ("feed.json", 400)):
        path = city / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        moment = (NOW - timedelta(days=age)).timestamp()
        os.utime(path, (moment, moment))
        os.utime(path.parent, (moment, moment))

    looked, removed = due(town, 0), carried_out(town, 0)

    assert looked == removed == {Kind.FEEDS: (2, 1)}
    assert sorted(path.name for path in city.iterdir()) == ["feed.json", "new"]


def test_score_runs_go_after_a_year_unless_a_release_was_made_of_them(town):
    published, old = a_run(town, "published"), a_run(town, "old")
    a_run(town, "recent", at=NOW + timedelta(days=300))
    a_release_of(town, "published")

    removed = carried_out(town, 366)

    assert removed == {Kind.SCORES: (1, 1)}
    with town.store.look() as look:
        assert [run.run_id for run in look.score_runs.of_territory(TOWN)] == ["published", "recent"]
    assert (town.settings.data / published.path).exists()
    assert not (town.settings.data / old.path).exists()


def test_a_release_of_official_totals_has_no_model_and_stops_nothing(town):
    country = kazakhstan.territory()
    publication.publish(town.store, town.settings.releases, country, as_of=None, now=NOW, progress=lambda *_: None)
    a_run(town, "old")

    removed = carried_out(town, 366)

    assert removed == {Kind.SCORES: (1, 1)}


def test_a_release_that_names_no_score_run_stops_everything(town):
    town.deliver()
    a_release_of(town, "x")
    (town.settings.releases / TOWN / "release-x" / "manifest.json").write_text("{}")

    with pytest.raises(DamagedRelease, match="release-x"):
        carried_out(town, 400)

    assert town.overview()[0].open == 5


def test_score_files_that_nothing_names_go_after_a_day(town):
    kept = a_run(town, "kept")
    stray = (town.settings.data / kept.path).with_name("stray.000000000000.parquet")
    stray.write_bytes(b"x")
    moment = NOW.timestamp()
    os.utime(stray, (moment, moment))

    early, late = due(town, 1), carried_out(town, 2)

    assert (early, late) == ({}, {Kind.LEFT_OVER: (0, 1)})
    assert not stray.exists()


def test_rows_that_a_killed_correction_left_in_its_work_folder_go_after_a_day(town):
    with corrections.work_folder(town.settings.data) as folder:
        (folder / "rows.csv").write_text("a row")
        moment = NOW.timestamp()
        os.utime(folder, (moment, moment))

        early, late = due(town, 1), carried_out(town, 2)

        assert (early, late) == ({}, {Kind.LEFT_OVER: (0, 1)})
        assert not folder.exists()


# ---- Reviews of places ----


def test_marks_go_a_year_after_their_day_and_the_log_says_how_many(town):
    old, new = a_marked_place(territory=TOWN), a_marked_place("d2", territory=TOWN, area_id="d2")
    with town.store.work() as work:
        work.signals.add(a_signal(1, place=old, marked_on=civil_day(NOW)))
        work.signals.add(a_signal(2, place=new, marked_on=civil_day(NOW + timedelta(days=1))))
        work.commit()

    before, removed = due(town, 365), carried_out(town, 366)

    assert (before.get(Kind.MARKS), removed[Kind.MARKS]) == (None, (1, 0))
    with town.store.look() as look:
        assert [one.number for one in look.signals.waiting(TOWN)] == [2]


def test_what_people_wrote_for_a_review_goes_a_year_after_its_answer(town):
    account_id, place = an_account(town), a_reviewed_place(territory=TOWN)
    asked = a_review(1, a_voice("1", text="Сан дұрыс емес."), a_voice("2"), place=place)
    waiting = a_review(2, a_voice("3", text="Тексеріңіз."), place=a_reviewed_place("892db0d9a0fffff", territory=TOWN))
    with town.store.work() as work:
        work.reviews.add(asked)
        work.reviews.add(waiting)
        told = {"role": "steward", "account_id": account_id, "version": asked.version, "at": NOW, "key": "k"}
        work.reviews.save(rules.close(asked, "stands", REASONS, **told))
        work.commit()

    before, looked, removed = due(town, 365), due(town, 366), carried_out(town, 366)

    assert (before, looked, removed) == ({}, {Kind.REVIEWS: (1, 0)}, {Kind.REVIEWS: (1, 0)})
    with town.store.look() as look:
        first, second = look.reviews.of_territory(TOWN)
    assert [voice.text for voice in first.voices] == ["", ""]
    assert (first.answer.reason_ru, first.voices[0].receipt_hash) == (REASON_RU, asked.voices[0].receipt_hash)
    assert [voice.text for voice in second.voices] == ["Тексеріңіз."]
    assert carried_out(town, 367) == {}


# ---- Requests of councils, and the audit log ----


def a_closed_request(town):
    """A request that went through the whole way, with inner fields, as the first test of its words needs it."""
    an_account(town)
    told = {"place": a_place(territory=TOWN), "requester": "a-x", "entered_by": "a-x"}
    request = after(a_council_request(**told), Action.TAKE_UP, Action.REFER, Action.REFUSE, at=NOW, account_id="a-x")
    with town.store.work() as work:
        work.requests.add(request)
        work.requests.add(a_council_request(**told, number=2, key="k-open"))
        work.commit()
    return request


def test_what_was_never_published_of_a_request_goes_five_years_after_it_closed(town):
    request = a_closed_request(town)
    inner, public = request.steps[2].fields["note"], dict(request.steps[3].fields)

    before, looked, removed = due(town, 1826), due(town, 1827), carried_out(town, 1827)

    assert inner
    assert (before.get(Kind.REQUESTS), looked[Kind.REQUESTS], removed[Kind.REQUESTS]) == (None, (1, 0), (1, 0))
    with town.store.look() as look:
        closed, still_open = look.requests.of_territory(TOWN)
    assert (closed.grounds, closed.landmark, closed.steps[2].fields) == ("", "", {})
    assert (closed.wording, dict(closed.steps[3].fields), closed.version) == (request.wording, public, 4)
    assert still_open.grounds == request.grounds
    assert Kind.REQUESTS not in carried_out(town, 1828)


def test_the_audit_log_is_shortened_behind_an_anchor_and_stays_whole(town):
    town.deliver()
    town.overview()
    old = len(town.audit())

    before, looked, removed = due(town, 1826), due(town, 1827), carried_out(town, 1827)

    assert (before.get(Kind.AUDIT), looked[Kind.AUDIT], removed[Kind.AUDIT]) == (None, (old, 0), (old, 0))
    assert [entry.action for entry in town.audit()] == ["retention", audit.SHORTENED]
    with town.store.look() as look:
        assert audit.check_whole(look)["position"] == old + 2
    assert carried_out(town, 1827) == {}


def test_a_log_of_an_information_system_is_kept_for_three_years_at_least():
    with pytest.raises(InvalidSetting, match="from 1096 to"):
        Settings.from_environment({"RISKMAP_KEEP_AUDIT_DAYS": "1095"})


# ---- Deliveries and incidents ----


def test_of_a_superseded_delivery_only_counts_are_left_after_a_year(town):
    path = a_file(town.folder, [*sound_rows(), "2026-02-01 10:00,Иванов,43.25,76.9,"])
    first = deliver(town.store, path, territory=a_town(), now=NOW)
    deliver(town.store, path, territory=a_town(), zone="Asia/Qyzylorda", now=NOW)

    before, removed = due(town, 365), carried_out(town, 366)

    assert Kind.SUPERSEDED not in before
    assert removed[Kind.SUPERSEDED] == (1, 0)
    with town.store.look() as look:
        superseded, standing = (
            next(one for one in look.deliveries.all(TOWN) if one.status is status)
            for status in (DeliveryStatus.SUPERSEDED, DeliveryStatus.ADOPTED)
        )
    assert superseded.delivery_id == first.delivery_id
    assert (superseded.file_name, superseded.unknown_categories, superseded.settled) == ("", {}, {})
    assert (superseded.rows_read, superseded.accepted, superseded.sha256) == (11, 11, standing.sha256)
    assert standing.unknown_categories == {"Иванов": 1}


def test_incidents_are_kept_unless_years_are_set(town):
    town.deliver(sound_rows())

    removed = carried_out(town, 20_000)

    assert Kind.INCIDENTS not in removed
    assert town.store.lake.read(TOWN).height == 10


def test_incidents_go_by_whole_weeks_once_their_years_are_over(town):
    town.deliver([*sound_rows(), "2026-03-04 10:00,theft,43.25,76.9,"])
    settings = incidents_kept_for(town, 2)
    end_of_first_weeks = (datetime(2028, 1, 19, tzinfo=UTC) - NOW).days

    looked = due(town, end_of_first_weeks, settings=settings)
    removed = carried_out(town, end_of_first_weeks, settings=settings)

    assert looked[Kind.INCIDENTS][0] == removed[Kind.INCIDENTS][0] == 10
    left = town.store.lake.read(TOWN)
    assert left["occurred_on"].to_list() == [date(2026, 3, 4)]
    assert carried_out(town, end_of_first_weeks, settings=settings) == {}


def test_the_lake_takes_deliveries_after_old_incidents_went(town):
    told = town.deliver([*sound_rows(), "2026-03-04 10:00,theft,43.25,76.9,"])
    days = (datetime(2028, 1, 19, tzinfo=UTC) - NOW).days
    carried_out(town, days, settings=incidents_kept_for(town, 2))

    more = town.deliver(
        ["2026-03-04 10:00,theft,43.25,76.9,", "2026-03-05 10:00,theft,43.25,76.9,"], at=NOW + timedelta(days=days)
    )

    assert (more.accepted, more.duplicates) == (1, 1)
    assert town.store.lake.is_whole(told.delivery_id)


# ---- All of it ----


def test_a_look_changes_nothing(town):
    an_account(town)
    town.deliver()
    a_run(town, "old")
    before, log = files_below(town), town.audit()

    found = due(town, 4000, settings=incidents_kept_for(town, 1))

    assert {Kind.QUARANTINE, Kind.SCORES, Kind.INCIDENTS} <= found.keys()
    assert (files_below(town), town.audit()) == (before, log)
    assert town.store.lake.read(TOWN).height == 10


def test_carrying_out_twice_changes_nothing_more(town):
    town.deliver()
    a_run(town, "old")
    settings = incidents_kept_for(town, 1)
    carried_out(town, 4000, settings=settings)
    before, log = files_below(town), town.audit()

    assert carried_out(town, 4000, settings=settings) == {}
    assert (files_below(town), town.audit()) == (before, log)


def test_what_went_is_audited_by_counts_and_the_log_itself_stays_whole(town):
    town.deliver()
    town.overview()
    lines = len(town.audit())

    carried_out(town, 400)

    entries = town.audit()
    (entry,) = entries[lines:]
    assert (entry.action, entry.subject, dict(entry.details)) == (
        "retention",
        f"territory {TOWN}",
        {"quarantine": 5},
    )
    assert audit.check(entries)["position"] == lines + 1


def test_marks_are_kept_at_least_until_their_quarter_is_counted():
    assert Settings.from_environment({"RISKMAP_KEEP_MARKS_DAYS": "100"}).kept_for.marks_days == 100
    with pytest.raises(InvalidSetting, match="from 100 to"):
        Settings.from_environment({"RISKMAP_KEEP_MARKS_DAYS": "99"})


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "٣", "99999999999", "1 000"])
@pytest.mark.parametrize("name", ["RISKMAP_KEEP_QUARANTINE_DAYS", "RISKMAP_KEEP_INCIDENTS_YEARS"])
def test_a_term_that_is_no_whole_number_is_refused(name, text):
    with pytest.raises(InvalidSetting, match=name):
        Settings.from_environment({name: text})


def test_terms_are_read_from_the_environment():
    settings = Settings.from_environment({"RISKMAP_KEEP_FEEDS_DAYS": "7", "RISKMAP_KEEP_INCIDENTS_YEARS": "10"})

    assert settings.kept_for == KeptFor(feeds_days=7, incidents_years=10)
    assert Settings.from_environment({}).kept_for == KeptFor()


def test_years_end_on_the_last_day_of_february_too(town):
    settings = incidents_kept_for(town, 1)

    found = retention.look(town.store, settings, now=datetime(2028, 2, 29, tzinfo=UTC))

    assert {one.kind: one.before for one in found}[Kind.INCIDENTS] == datetime(2027, 2, 28, tzinfo=UTC)
