"""Meetings of a council: who may, quorum, conflicts of interest, corrections that keep the old version."""

from dataclasses import replace
from io import BytesIO

import docx
import pypdf
import pytest
from icalendar import Calendar

from riskmap import assembly, journal, release, wording
from riskmap.council import casework, confirming, meetings
from riskmap.council import meeting as rules
from riskmap.council.casework import Office
from riskmap.council.meeting import Stage
from riskmap.council.request import Action
from riskmap.errors import ChangedMeanwhile, NotAllowed, StepNotPossible, UnfitFields
from riskmap.identity.access import Role
from riskmap.public import meeting_pages
from tests.council import NOW, TOWN, a_filing, a_place, a_request, an_actor, enrol, step
from tests.journal_builder import CELL
from tests.public_client import PublicClient
from tests.release_builder import a_release
from tests.riskmap.doors_client import a_council, form_to, forms_of, text_of

SECRETARY, CHAIR = an_actor(Role.SECRETARY), an_actor(Role.CHAIR)
MEMBERS = [an_actor(Role.COUNCIL_MEMBER, account_id=f"a-member-{number}") for number in range(1, 4)]
RESIDENT = an_actor(Role.RESIDENT)
VOTERS = [CHAIR, *MEMBERS]
NOTICE = {"day": "2026-11-20", "time": "15:00", "place": "Әкімдік, 2-қабат"}
ACCEPTED = {
    "verdict": "accepted",
    "decision_grounds": "Тексерілді.",
    "owner": "Жарық шаруашылығы",
    "due_day": "2026-12-20",
    "money_line": "Жергілікті бюджет, 015",
    "expectation": "Бес бағанның бесеуі жанады.",
}


@pytest.fixture
def office(tmp_path):
    store = assembly.in_memory_store(tmp_path / "data")
    enrol(store, SECRETARY, RESIDENT, *VOTERS)
    yield Office(store=store, journals=tmp_path / "journals")
    store.close()


def before_council(office, actor=RESIDENT, *, key="k"):
    request = casework.file(office, actor, a_filing(), a_place(), key=key, at=NOW)
    for action in (Action.TAKE_UP, Action.REFER):
        request = step(office, SECRETARY, request, action)
    return request


def called(office):
    return meetings.call(office, SECRETARY, TOWN, NOTICE, key="call", at=NOW)


def opened(office, present=VOTERS):
    made = called(office)
    there = {actor.account_id for actor in present}
    return meetings.open_(office, SECRETARY, TOWN, made.number, there, version=made.version, key="open", at=NOW)


def decided(office, found, votes, *, key="decide", request=1, **given):
    return meetings.decide(
        office,
        SECRETARY,
        TOWN,
        found.number,
        request=request,
        given={**ACCEPTED, **given},
        votes=votes,
        version=found.version,
        key=key,
        at=NOW,
    )


def all_for(*actors):
    return dict.fromkeys([actor.account_id for actor in actors], "for")


def faults_of(caught):
    return {(fault.field, fault.fault) for fault in caught.value.faults}


def test_the_agenda_is_ordered_by_the_rule_that_is_shown():
    told = [
        (a_request(number=1, place=a_place(risk_class=5)), 0),
        (a_request(number=2, place=a_place(risk_class=1)), 4),
        (a_request(number=3, place=a_place(risk_class=7)), 4),
        (a_request(number=4, place=a_place(risk_class=5)), 0),
    ]

    agenda = rules.build_agenda(told, today=NOW.date())

    assert [(one.number, one.weight) for one in agenda] == [(3, 15), (1, 5), (2, 5), (4, 5)]


def test_a_meeting_goes_from_its_notice_to_its_minutes_in_the_journal(office):
    before_council(office)

    found = decided(office, opened(office), {**all_for(CHAIR, *MEMBERS[:2]), "a-member-3": "against"})
    closed = meetings.close(office, SECRETARY, TOWN, 1, version=found.version, key="close", at=NOW)

    (public,) = journal.latest(office.journals, TOWN).meetings
    (decision,) = public.decisions
    assert (closed.stage, public.stage, public.quorum, public.present) == (Stage.CLOSED, "closed", 3, 4)
    assert decision.votes == {"for": 3, "against": 1, "abstained": 0, "conflict": 0}
    assert decision.fields["money_line"] == ACCEPTED["money_line"]
    told = (office.journals / TOWN / journal.latest(office.journals, TOWN).journal_id / journal.MEETINGS).read_text()
    assert "a-member" not in told
    with office.store.look() as look:
        kept = [entry.action for entry in look.audit.entries() if entry.action.startswith("meeting")]
    assert kept == ["meeting_call", "meeting_open", "meeting_decide", "meeting_close"]


def test_a_correction_needs_its_reason_and_keeps_the_old_version(office):
    before_council(office)
    first = decided(office, opened(office), all_for(*VOTERS))
    closed = meetings.close(office, SECRETARY, TOWN, 1, version=first.version, key="close", at=NOW)

    with pytest.raises(UnfitFields) as caught:
        decided(office, closed, all_for(*VOTERS), key="again", owner="Әкімдік")
    decided(office, closed, all_for(*VOTERS), key="again", owner="Әкімдік", correction_reason="Орган қате жазылған.")

    (public,) = journal.latest(office.journals, TOWN).meetings
    assert faults_of(caught) == {("correction_reason", "missing")}
    assert [(one.fields["owner"], one.is_in_force) for one in public.decisions] == [
        (ACCEPTED["owner"], False),
        ("Әкімдік", True),
    ]


def test_the_public_page_knows_every_field_of_a_decision():
    assert set(meeting_pages.FIELDS) == set(rules.DECISION)


def test_without_a_quorum_a_meeting_is_not_opened(office):
    before_council(office)

    with pytest.raises(UnfitFields) as caught:
        opened(office, VOTERS[:2])

    assert faults_of(caught) == {("present", "no_quorum")}


def test_who_is_no_member_counts_for_no_quorum(office):
    before_council(office)

    with pytest.raises(UnfitFields):
        opened(office, [CHAIR, MEMBERS[0], SECRETARY, RESIDENT])


def test_a_member_who_asked_may_not_vote_on_it_and_the_conflict_is_counted(office):
    before_council(office, MEMBERS[0])
    found = opened(office)

    with pytest.raises(UnfitFields) as caught:
        decided(office, found, all_for(*VOTERS))
    after = decided(office, found, {**all_for(*VOTERS), "a-member-1": "conflict"})

    assert faults_of(caught) == {("votes", "own_interest")}
    assert rules.count(after.decisions(1)[-1].fields["votes"])["conflict"] == 1


@pytest.mark.parametrize(
    ("votes", "given", "fault"),
    [
        ({"a-member-1": "for", "a-member-2": "conflict"}, {}, ("votes", "no_quorum")),
        (all_for(*VOTERS), {"verdict": "refused", "legal_grounds": "Заң"}, ("votes", "votes_say_otherwise")),
        (dict.fromkeys([one.account_id for one in VOTERS], "abstained"), {}, ("votes", "votes_say_otherwise")),
        ({**all_for(*VOTERS), "a-stranger": "for"}, {}, ("votes", "not_present")),
        (all_for(*VOTERS), {"expectation": ""}, ("expectation", "missing")),
        (all_for(*VOTERS), {"owner": "тел. 87011234567"}, ("owner", "holds_phone")),
        (all_for(*VOTERS), {"verdict": "maybe"}, ("verdict", "no_choice")),
    ],
)
def test_a_decision_that_does_not_hold_is_not_entered(office, votes, given, fault):
    before_council(office)
    found = opened(office)

    with pytest.raises(UnfitFields) as caught:
        decided(office, found, votes, **given)

    assert fault in faults_of(caught)
    assert meetings.view(office, SECRETARY, TOWN, 1).meeting == found


def test_only_questions_of_the_agenda_are_decided_and_only_in_session(office):
    before_council(office)
    made = called(office)

    with pytest.raises(StepNotPossible):
        decided(office, made, all_for(*VOTERS))
    with pytest.raises(StepNotPossible):
        decided(
            office,
            meetings.open_(
                office, SECRETARY, TOWN, 1, {one.account_id for one in VOTERS}, version=1, key="open", at=NOW
            ),
            all_for(*VOTERS),
            request=2,
        )


@pytest.mark.parametrize("actor", [CHAIR, MEMBERS[0], RESIDENT], ids=lambda actor: actor.account_id)
def test_only_the_secretary_holds_meetings(office, actor):
    before_council(office)
    called(office)

    with pytest.raises(NotAllowed):
        meetings.call(office, actor, TOWN, NOTICE, key="other", at=NOW)
    with pytest.raises(NotAllowed):
        meetings.open_(office, actor, TOWN, 1, set(), version=1, key="o", at=NOW)
    decided_by = {"request": 1, "given": {}, "votes": {}, "version": 1, "key": "d", "at": NOW}
    with pytest.raises(NotAllowed):
        meetings.decide(office, actor, TOWN, 1, **decided_by)


def test_of_two_people_at_once_the_second_is_told_and_a_press_twice_counts_once(office):
    before_council(office)
    found = opened(office)
    decided(office, found, all_for(*VOTERS))

    again = decided(office, found, all_for(*VOTERS))
    with pytest.raises(ChangedMeanwhile):
        decided(office, found, all_for(*VOTERS), key="another")

    assert again.version == found.version + 1
    assert called(office).number == 1


def test_a_meeting_is_held_through_the_doors_and_read_by_everybody(tmp_path):
    council = a_council(tmp_path)
    request = council.step("secretary", council.file(), Action.TAKE_UP)
    council.step("secretary", request, Action.REFER)
    browser = council.signed_in("secretary")
    desk = f"/casework/{TOWN}/meetings"

    form = form_to(browser.get(desk), "/meetings") | NOTICE
    shown = browser.follow(browser.post(desk, form))
    there = {"present.a-member-0123": "1", "present.a-chair-0123": "1"}
    shown = browser.follow(browser.post(f"{desk}/1/open", form_to(shown, "/1/open") | there))
    votes = {"vote.a-member-0123": "for", "vote.a-chair-0123": "for"}
    decide = form_to(shown, "/1/decide") | ACCEPTED | votes
    refused = browser.post(f"{desk}/1/decide", decide | {"owner": ""})
    assert browser.post(f"{desk}/1/decide", decide).status_code == 303

    words = wording.in_language("kk")
    assert refused.status_code == 422
    assert words.text("council.fault.missing") in text_of(refused)
    assert f"{desk}/1/close" not in forms_of(council.signed_in("member").get(f"{desk}/1"))
    assert council.signed_in("resident").get(desk).status_code == 403
    public = PublicClient(releases=council.settings.releases, journals=council.settings.journals)
    assert f"/council/{TOWN}/meetings/1?" in public.get(f"/council/{TOWN}/meetings").text
    page = public.get(f"/council/{TOWN}/meetings/1", lang="kk")
    assert page.status_code == 200
    assert all(
        told in page.text for told in (ACCEPTED["owner"], ACCEPTED["money_line"], words.text("council.meeting.rule"))
    )
    assert "0123" not in page.text.partition("<main")[2].partition("</main")[0]
    assert public.get(f"/council/{TOWN}/meetings/2").status_code == 404
    council.store.close()


def test_the_chair_confirms_through_the_doors_and_of_two_presses_one_counts(tmp_path):
    council = a_council(tmp_path)
    request = council.step("secretary", council.step("secretary", council.file(), Action.TAKE_UP), Action.REFER)
    browser, desk = council.signed_in("secretary"), f"/casework/{TOWN}/meetings"
    browser.post(desk, form_to(browser.get(desk), "/meetings") | NOTICE)
    there = {"present.a-member-0123": "1", "present.a-chair-0123": "1"}
    browser.post(f"{desk}/1/open", form_to(browser.get(f"{desk}/1"), "/1/open") | there)
    votes = {"vote.a-member-0123": "for", "vote.a-chair-0123": "for"}
    browser.post(f"{desk}/1/decide", form_to(browser.get(f"{desk}/1"), "/1/decide") | ACCEPTED | votes)
    browser.post(f"{desk}/1/close", form_to(browser.get(f"{desk}/1"), "/1/close"))
    chair = council.signed_in("chair")
    form = form_to(chair.get(f"{desk}/1"), "/1/confirm")

    assert f"{desk}/1/confirm" not in forms_of(browser.get(f"{desk}/1"))
    assert browser.post(f"{desk}/1/confirm", form | {"form_token": form_token(browser)}).status_code == 403
    assert [chair.post(f"{desk}/1/confirm", form).status_code for _ in range(2)] == [303, 303]
    second = chair.post(f"{desk}/1/confirm", form | {"key": "another-press"})
    assert second.status_code == 409
    assert wording.in_language("kk").text("error.changed_meanwhile") in text_of(second)
    shown = chair.get(f"{desk}/1")
    assert f"{desk}/1/confirm" not in forms_of(shown)
    assert wording.in_language("kk").text("council.state.approved") in text_of(shown)
    with council.store.look() as look:
        assert look.requests.find(TOWN, request.number).version == request.version + 1
    council.store.close()


def form_token(browser):
    return next(iter(forms_of(browser.get(f"/casework/{TOWN}/meetings/1")).values()))["form_token"]


# ---- A decision moves its request ----


def closed_with(office, verdict="accepted", actor=RESIDENT, **given):
    """A closed meeting that decided on request 1, and the request."""
    request = before_council(office, actor)
    is_refused = verdict == "refused"
    votes = dict.fromkeys([one.account_id for one in VOTERS], "against" if is_refused else "for")
    votes |= {actor.account_id: "conflict"} if actor.account_id in votes else {}
    if is_refused:
        given = {"legal_grounds": "Бағалау туралы қағида, 4-тармақ.", **given}
    found = decided(office, opened(office), votes, verdict=verdict, **given)
    return meetings.close(office, SECRETARY, TOWN, 1, version=found.version, key="close", at=NOW), request


def confirmed(office, found, request, actor=CHAIR, *, key="confirm"):
    return confirming.confirm(
        office,
        actor,
        TOWN,
        found.number,
        request=request.number,
        version=found.version,
        request_version=request.version,
        key=key,
        at=NOW,
    )


@pytest.mark.parametrize(
    ("verdict", "state", "named"),
    [
        ("accepted", "approved", ("decision_grounds", "expectation")),
        ("accepted_changed", "approved", ("decision_grounds", "expectation")),
        ("refused", "refused", ("legal_grounds", "decision_grounds")),
    ],
)
def test_a_confirmed_decision_moves_its_request_once_with_the_words_of_the_meeting(office, verdict, state, named):
    found, request = closed_with(office, verdict)

    moved = confirmed(office, found, request)
    again = confirmed(office, found, request)

    said = found.decisions(1)[-1].fields
    assert (moved.state, again.version) == (state, moved.version)
    assert dict(moved.steps[-1].fields) == {name: said[name] for name in named}
    assert journal.latest(office.journals, TOWN).find(1).state == state
    with office.store.look() as look:
        (kept,) = [entry for entry in look.audit.entries() if entry.action in {"approve", "refuse"}]
    assert (kept.account_id, kept.details["meeting"]) == (CHAIR.account_id, 1)


@pytest.mark.parametrize("actor", [SECRETARY, MEMBERS[0], RESIDENT], ids=lambda actor: actor.account_id)
def test_nobody_but_the_chair_confirms(office, actor):
    found, request = closed_with(office)

    with pytest.raises(NotAllowed):
        confirmed(office, found, request, actor)


def test_a_chair_does_not_confirm_what_they_asked_for_themselves(office):
    both = replace(CHAIR, grants=(*CHAIR.grants, *RESIDENT.grants))
    found, request = closed_with(office, actor=both)

    with pytest.raises(NotAllowed):
        confirmed(office, found, request, both)
    assert meetings.view(office, both, TOWN, 1).confirmable == {}


def test_where_the_request_moved_or_the_meeting_was_corrected_meanwhile_the_chair_is_told(office):
    found, request = closed_with(office)
    again = {"correction_reason": "Қате.", "owner": "Әкімдік"}
    corrected = decided(office, found, all_for(*VOTERS), key="again", **again)

    with pytest.raises(ChangedMeanwhile):
        confirmed(office, found, request)
    step(office, CHAIR, request, Action.APPROVE)
    with pytest.raises(ChangedMeanwhile):
        confirmed(office, corrected, request)


def test_nothing_is_confirmed_of_what_was_put_off_or_is_still_in_session(office):
    request = before_council(office)
    in_session = decided(office, opened(office), all_for(*VOTERS), verdict="postponed")
    assert meetings.view(office, CHAIR, TOWN, 1).confirmable == {}
    with pytest.raises(StepNotPossible):
        confirmed(office, in_session, request)

    closed = meetings.close(office, SECRETARY, TOWN, 1, version=in_session.version, key="close", at=NOW)

    with pytest.raises(StepNotPossible):
        confirmed(office, closed, request)
    with office.store.look() as look:
        assert look.requests.find(TOWN, 1).version == request.version


def test_a_decision_of_a_later_meeting_takes_the_place_of_an_earlier_one(office):
    found, request = closed_with(office)
    later = meetings.call(office, SECRETARY, TOWN, NOTICE, key="later", at=NOW)
    there = {one.account_id for one in VOTERS}
    later = meetings.open_(office, SECRETARY, TOWN, 2, there, version=later.version, key="open2", at=NOW)
    decided(office, later, all_for(*VOTERS), key="decide2", verdict="postponed")

    with pytest.raises(StepNotPossible):
        confirmed(office, found, request)


# ---- Minutes ----


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_minutes_tell_votes_decision_and_correction_in_both_files_and_no_name(office, tmp_path, language):
    found, _ = closed_with(office, actor=MEMBERS[0])
    votes = all_for(*VOTERS) | {MEMBERS[0].account_id: "conflict"}
    decided(office, found, votes, key="again", owner="Әкімдік", correction_reason="Орган қате жазылған.")
    manifest, files = a_release(territory=TOWN)
    release.write(tmp_path / "releases", manifest, files)
    client = PublicClient(releases=tmp_path / "releases", journals=office.journals)

    as_pdf = client.get(f"/council/{TOWN}/meetings/1.pdf", lang=language)
    as_docx = client.get(f"/council/{TOWN}/meetings/1.docx", lang=language)

    words = wording.in_language(language)
    pdf = " ".join("".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(as_pdf.content)).pages).split())
    written = docx.Document(BytesIO(as_docx.content))
    cells = [cell.text for table in written.tables for row in table.rows for cell in row.cells]
    text = " ".join(" ".join([*(one.text for one in written.paragraphs), *cells]).split())
    told = words.text("council.meeting.votes", in_favour=3, against=0, abstained=0, conflict=1)
    for one in (ACCEPTED["owner"], "Әкімдік", ACCEPTED["money_line"], ACCEPTED["expectation"], told):
        assert one in text
        assert one.replace(" ", "") in pdf.replace(" ", "")
    assert words.text("note.machine") in text
    assert f"/council/{TOWN}/meetings/1" in text
    assert "a-member" not in text + pdf
    assert client.get(f"/council/{TOWN}/meetings/1.odt").status_code == 404


def test_a_meeting_that_was_only_called_has_no_minutes(office, tmp_path):
    before_council(office)
    called(office)
    manifest, files = a_release(territory=TOWN)
    release.write(tmp_path / "releases", manifest, files)
    client = PublicClient(releases=tmp_path / "releases", journals=office.journals)

    assert client.get(f"/council/{TOWN}/meetings/1.pdf").status_code == 404
    assert ".pdf" not in client.get(f"/council/{TOWN}/meetings/1").text


def test_the_notice_of_a_meeting_stands_in_feed_and_calendar_of_its_places_alone(office, tmp_path):
    request = casework.file(office, RESIDENT, a_filing(), a_place(cell_id=CELL), key="k", at=NOW)
    for action in (Action.TAKE_UP, Action.REFER):
        request = step(office, SECRETARY, request, action)
    called(office)
    manifest, files = a_release(territory=TOWN)
    release.write(tmp_path / "releases", manifest, files)
    client = PublicClient(releases=tmp_path / "releases", journals=office.journals)
    title = wording.in_language("kk").text("council.meeting.of_council", number="1")

    for place in (TOWN, f"{TOWN}/d1"):
        calendar = client.get(f"/calendar/{place}.ics", lang="kk")
        assert title in client.get(f"/feed/{place}.atom", lang="kk").text
        (event,) = [
            one
            for one in Calendar.from_ical(calendar.content).walk("VEVENT")
            if title in str(one["summary"]) and NOTICE["time"] in str(one["summary"])
        ]
        assert event.decoded("dtstart").isoformat() == NOTICE["day"]
    assert title not in client.get(f"/feed/{TOWN}/d2.atom", lang="kk").text
