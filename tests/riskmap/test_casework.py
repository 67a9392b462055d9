"""Use cases of the council: who may, what changes, what stays when something goes wrong."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest

from geodata import hexgrid
from riskmap import assembly, journal
from riskmap.council import casework
from riskmap.council.casework import Office
from riskmap.council.request import TRANSITIONS, Action, Filing, State
from riskmap.errors import ChangedMeanwhile, NotAllowed, StepNotPossible, UnfitFields, UnknownRequest
from riskmap.identity import audit
from riskmap.identity.access import Role
from tests.council import GROUNDS, NOW, TOWN, a_filing, a_place, a_request, an_actor, enrol, fields_for, step

MEMBER = an_actor(Role.COUNCIL_MEMBER)
RESIDENT, OTHER = an_actor(Role.RESIDENT), an_actor(Role.RESIDENT, account_id="a-other")
SECRETARY, CHAIR = an_actor(Role.SECRETARY), an_actor(Role.CHAIR)
OFFICER, NOBODY = an_actor(Role.AKIMAT_OFFICER), an_actor(None)
STRANGER = an_actor(Role.RESIDENT, "elsewhere", account_id="a-stranger")
PEOPLE = (MEMBER, RESIDENT, OTHER, SECRETARY, CHAIR, OFFICER, NOBODY, STRANGER)

ONLY_SECRETARY = {"take_up", "ask", "merge", "forward", "refer", "send", "confirm", "reopen"}
WHO = {
    "submit": set(),
    "withdraw": {"resident", "council_member"},
    "answer": {"resident", "council_member"},
    "approve": {"chair"},
    "refuse": {"chair"},
    "schedule": {"secretary", "akimat_officer"},
    "report_not_done": {"secretary", "akimat_officer"},
    "complete": {"secretary", "akimat_officer"},
    "dispute": {"resident", "council_member"},
    "undo_merge": {"secretary"},
    "undo_withdrawal": {"secretary"},
    **{action: {"secretary"} for action in (*ONLY_SECRETARY, "enter_appeal", "extend_term", "set_date")},
}
"""Who may take a step on a request, as ARCHITECTURE says, written out a second time."""
OWN_ONLY, NEVER_OWN = {"withdraw", "answer"}, {"approve", "refuse"}


@pytest.fixture
def office(tmp_path):
    store = assembly.in_memory_store(tmp_path / "data")
    enrol(store, *PEOPLE)
    yield Office(store=store, journals=tmp_path / "journals")
    store.close()


def filed(office, actor=RESIDENT, *, key="k", at=NOW, **given):
    place = given.pop("place", a_place())
    return casework.file(office, actor, a_filing(**given), place, key=key, at=at)


def everything(office):
    with office.store.look() as look:
        requests = look.requests.of_territory(TOWN)
        return requests, look.requests.supports(TOWN), audit.head(look)


def audit_head(office):
    with office.store.look() as look:
        return audit.head(look)


def public(office, number=1):
    return journal.latest(office.journals, TOWN).find(number)


def test_a_request_goes_from_the_map_to_done_and_the_public_sees_each_step(office):
    request = filed(office)
    casework.support(office, OTHER, TOWN, 1, at=NOW)
    for actor, action in (
        (SECRETARY, Action.TAKE_UP),
        (SECRETARY, Action.REFER),
        (CHAIR, Action.APPROVE),
        (SECRETARY, Action.SEND),
        (OFFICER, Action.SCHEDULE),
        (OFFICER, Action.COMPLETE),
    ):
        request = step(office, actor, request, action)
        assert public(office).state == request.state

    seen = public(office)
    assert [s.action for s in seen.steps] == ["submit", "take_up", "refer", "approve", "send", "schedule", "complete"]
    assert (seen.supporters, seen.wording) == (1, fields_for(Action.TAKE_UP)["wording"])
    assert seen.steps[2].fields == {}  # the note to the council stays inside


def test_the_journal_names_nobody_and_keeps_the_requesters_words_inside(office):
    request = filed(office, grounds=f"{GROUNDS} Айгүл Сапарқызы", landmark="7-үйдің жанында")
    request = step(office, SECRETARY, request, Action.TAKE_UP)
    request = step(office, SECRETARY, request, Action.ASK, question="Айгүл, қай үй?")
    step(office, RESIDENT, request, Action.ANSWER, answer="7-үй, Айгүл")

    newest = journal.latest(office.journals, TOWN).journal_id
    told = (office.journals / TOWN / newest / journal.REQUESTS).read_text(encoding="utf-8")

    assert "Тексерілді" in told
    assert [word for word in ("Айгүл", "7-үй", "a-resident", "a-secretary", GROUNDS) if word in told] == []


REGIONS = {f"{TOWN}/d1": True, TOWN: True, f"{TOWN}/d2": False, "toy2": False, "toy/d": False}
"""Where a role is held, and whether it reaches a request in toy/d1."""


@pytest.mark.parametrize("action", Action)
def test_every_role_every_step_every_region(office, action):
    """The whole matrix: each cell either moves the request or leaves everything as it was."""
    before = next(state for state, possible in TRANSITIONS if possible is action)
    filed(office, OTHER, key="an earlier request, for those that are merged")
    walked = 0
    for region, reaches in REGIONS.items():
        for role in (*Role, None):
            for is_own in (False, True):
                actor = an_actor(role, region, account_id=f"a-{action}-{region.replace('/', '-')}-{role}-{is_own}")
                enrol(office.store, actor, OTHER)
                requester = actor.account_id if is_own else OTHER.account_id
                request = _stored_in(office, before, requester)
                if action is Action.EXTEND_TERM:
                    request = step(office, SECRETARY, request, Action.ENTER_APPEAL)
                may = _is_expected(action.value, role, reaches, is_own)

                if action is Action.SUBMIT:
                    with pytest.raises((StepNotPossible, NotAllowed)):
                        step(office, actor, request, action)
                elif may:
                    assert step(office, actor, request, action).state is TRANSITIONS[before, action]
                else:
                    head = audit_head(office)
                    with pytest.raises(NotAllowed):
                        step(office, actor, request, action)
                    with office.store.look() as look:
                        assert look.requests.find(TOWN, request.number) == request
                    assert audit_head(office) == head
                walked += 1
    assert walked == len(REGIONS) * (len(Role) + 1) * 2


def _is_expected(action, role, reaches, is_own):
    if role is None or not reaches or role.value not in WHO[action]:
        return False
    if action in OWN_ONLY:
        return is_own
    return not (action in NEVER_OWN and is_own)


def _stored_in(office, state, requester):
    """A request put into a state as if its steps had been taken."""
    with office.store.work() as work:
        number = work.requests.next_number(TOWN)
        request = a_request(number=number, requester=requester, entered_by=requester, key=f"filed-{number}")
        (first,) = request.steps
        placed = dataclasses.replace(request, state=state, steps=(dataclasses.replace(first, after=state),))
        work.requests.add(placed)
        work.commit()
    return placed


@pytest.mark.parametrize("actor", [SECRETARY, CHAIR, OFFICER, NOBODY, STRANGER], ids=lambda a: a.account_id)
def test_only_residents_and_members_of_the_region_file_for_themselves(office, actor):
    with pytest.raises(NotAllowed):
        filed(office, actor)

    assert everything(office)[0] == []


@pytest.mark.parametrize("actor", [RESIDENT, MEMBER, CHAIR, OFFICER, NOBODY], ids=lambda a: a.account_id)
def test_only_the_secretary_files_for_somebody_else(office, actor):
    with pytest.raises(NotAllowed):
        casework.file(office, actor, a_filing(), a_place(), key="k", at=NOW, is_for_someone=True)


def test_a_request_for_someone_has_no_requester_and_the_secretary_answers_for_them(office):
    request = casework.file(office, SECRETARY, a_filing(), a_place(), key="k", at=NOW, is_for_someone=True)
    for action in (Action.TAKE_UP, Action.ASK, Action.ANSWER):
        request = step(office, SECRETARY, request, action)

    assert (request.requester, request.entered_by, request.state) == (None, "a-secretary", State.IN_TRIAGE)


def test_nobody_decides_on_a_request_of_their_own_whatever_other_role_they_hold(office):
    both = dataclasses.replace(CHAIR, grants=(*CHAIR.grants, *RESIDENT.grants))
    request = filed(office, both)
    for action in (Action.TAKE_UP, Action.REFER):
        request = step(office, SECRETARY, request, action)

    for action in (Action.APPROVE, Action.REFUSE):
        with pytest.raises(NotAllowed) as caught:
            step(office, both, request, action)
        assert caught.value.is_own
    assert casework.view(office, both, TOWN, 1).actions == ()


def test_nobody_decides_on_what_they_wrote_down_for_somebody(office):
    both = dataclasses.replace(SECRETARY, grants=(*CHAIR.grants, *SECRETARY.grants))
    request = casework.file(office, both, a_filing(), a_place(), key="k", at=NOW, is_for_someone=True)
    for action in (Action.TAKE_UP, Action.REFER):
        request = step(office, both, request, action)

    with pytest.raises(NotAllowed):
        step(office, both, request, Action.APPROVE)


def test_the_same_form_sent_twice_makes_one_request(office):
    first, second = filed(office, key="once"), filed(office, key="once", grounds=f"{GROUNDS} Тағы бір рет.")

    requests, _, _ = everything(office)
    assert (first, second) == (requests[0], requests[0])
    assert len(requests) == 1


def test_the_same_step_sent_twice_is_taken_once(office):
    request = filed(office)

    first = step(office, SECRETARY, request, Action.TAKE_UP)
    second = step(office, SECRETARY, request, Action.TAKE_UP)

    assert first == second
    assert first.version == 2


def test_of_two_people_who_move_one_request_the_second_is_told(office):
    colleague = an_actor(Role.SECRETARY, account_id="a-colleague")
    enrol(office.store, colleague)
    request = filed(office)
    step(office, SECRETARY, request, Action.TAKE_UP)

    with pytest.raises(ChangedMeanwhile, match="has 2 steps; it was read when it had 1"):
        step(office, colleague, request, Action.TAKE_UP)


def test_support_counts_each_person_once_and_never_the_requester(office):
    filed(office)

    assert casework.support(office, OTHER, TOWN, 1, at=NOW)
    assert not casework.support(office, OTHER, TOWN, 1, at=NOW + timedelta(days=1))
    with pytest.raises(NotAllowed):
        casework.support(office, RESIDENT, TOWN, 1, at=NOW)
    assert public(office).supporters == 1


@pytest.mark.parametrize("actor", [SECRETARY, CHAIR, OFFICER, NOBODY, STRANGER], ids=lambda a: a.account_id)
def test_staff_and_strangers_do_not_support(office, actor):
    filed(office)

    with pytest.raises(NotAllowed):
        casework.support(office, actor, TOWN, 1, at=NOW)

    assert everything(office)[1] == []


def test_a_closed_request_is_not_supported(office):
    request = filed(office)
    step(office, RESIDENT, request, Action.WITHDRAW)

    with pytest.raises(StepNotPossible, match="only open requests can be supported"):
        casework.support(office, OTHER, TOWN, 1, at=NOW)


def test_merging_keeps_every_supporter_once_and_undoing_gives_them_back(office):
    filed(office, key="first")
    later = filed(office, MEMBER, key="later")
    casework.support(office, OTHER, TOWN, 1, at=NOW)
    casework.support(office, OTHER, TOWN, 2, at=NOW)
    later = step(office, SECRETARY, later, Action.TAKE_UP)

    merged = step(office, SECRETARY, later, Action.MERGE, earlier_request="1")
    together = public(office, 1).supporters
    step(office, SECRETARY, merged, Action.UNDO_MERGE)

    assert together == 2  # the neighbour once, and whoever asked the second time
    assert (public(office, 1).supporters, public(office, 2).supporters) == (1, 1)


@pytest.mark.parametrize("number", ["2", "3", "99"])
def test_a_request_is_merged_only_into_an_earlier_one(office, number):
    filed(office, key="first")
    later = step(office, SECRETARY, filed(office, MEMBER, key="later"), Action.TAKE_UP)

    with pytest.raises(UnfitFields) as caught:
        step(office, SECRETARY, later, Action.MERGE, earlier_request=number)

    assert [fault.fault for fault in caught.value.faults] == ["unknown_request"]


def test_a_request_is_merged_only_into_an_open_one_of_its_kind_and_neighbourhood(office):
    here = a_place()
    lat, lng = hexgrid.centre(here.cell_id)
    far = a_place(cell_id=hexgrid.cell_at(lat + 0.05, lng, resolution=9))
    step(office, RESIDENT, filed(office, key="gone"), Action.WITHDRAW)
    filed(office, key="of another kind", kind="camera")
    filed(office, key="far away", place=far)
    filed(office, OTHER, key="of no kind", kind="other")
    later = step(office, SECRETARY, filed(office, MEMBER, key="later"), Action.TAKE_UP)

    refused = {}
    for number in (1, 2, 3):
        with pytest.raises(UnfitFields) as caught:
            step(office, SECRETARY, later, Action.MERGE, earlier_request=str(number))
        refused[number] = caught.value.faults[0].fault
    merged = step(office, SECRETARY, later, Action.MERGE, earlier_request="4")

    assert refused == {1: "closed_request", 2: "request_of_other_kind", 3: "request_far_away"}
    assert merged.merged_into == 4


def test_the_same_wish_in_the_same_words_is_one_request_while_it_is_open(office):
    first = filed(office, key="first press")
    again = filed(office, key="back and send")
    of_a_neighbour = filed(office, OTHER, key="a neighbour")
    step(office, RESIDENT, first, Action.WITHDRAW)

    anew = filed(office, key="anew")

    assert again == first
    assert [request.number for request in (first, of_a_neighbour, anew)] == [1, 2, 3]


def test_whoever_may_decide_supports_nothing(office):
    both = dataclasses.replace(CHAIR, grants=(*CHAIR.grants, *RESIDENT.grants))
    filed(office)

    with pytest.raises(NotAllowed):
        casework.support(office, both, TOWN, 1, at=NOW)

    assert not casework.view(office, both, TOWN, 1).may_support


def test_one_person_disputes_once_until_it_is_reported_as_done_again(office):
    request = filed(office)
    path = [(SECRETARY, Action.TAKE_UP), (SECRETARY, Action.REFER), (CHAIR, Action.APPROVE), (SECRETARY, Action.SEND)]
    path += [(OFFICER, Action.SCHEDULE), (OFFICER, Action.COMPLETE), (RESIDENT, Action.DISPUTE)]
    path += [(SECRETARY, Action.CONFIRM)]
    for actor, action in path:
        request = step(office, actor, request, action)

    with pytest.raises(StepNotPossible, match="has disputed request toy-1 before"):
        step(office, RESIDENT, request, Action.DISPUTE)
    assert casework.view(office, RESIDENT, TOWN, 1).actions == ()
    disputed = step(office, OTHER, request, Action.DISPUTE)
    for actor, action in ((SECRETARY, Action.REOPEN), (OFFICER, Action.SCHEDULE), (OFFICER, Action.COMPLETE)):
        disputed = step(office, actor, disputed, action)

    assert casework.view(office, RESIDENT, TOWN, 1).actions == (Action.DISPUTE,)


def test_a_faulty_filing_leaves_no_trace(office):
    with pytest.raises(UnfitFields):
        filed(office, grounds="қысқа")

    requests, supports, head = everything(office)
    assert (requests, supports, head["position"]) == ([], [], 0)
    assert journal.latest(office.journals, TOWN) is None


def test_a_request_nobody_knows_is_said_to_be_unknown(office):
    with pytest.raises(UnknownRequest):
        casework.view(office, SECRETARY, TOWN, 5)
    with pytest.raises(UnknownRequest):
        casework.support(office, OTHER, TOWN, 5, at=NOW)


def test_a_neighbour_sees_what_is_public_and_the_requester_everything(office):
    filed(office)

    assert casework.view(office, RESIDENT, TOWN, 1).is_full
    assert casework.view(office, SECRETARY, TOWN, 1).is_full
    assert not casework.view(office, OTHER, TOWN, 1).is_full
    with pytest.raises(NotAllowed):
        casework.view(office, STRANGER, TOWN, 1)
    with pytest.raises(NotAllowed):
        casework.view(office, NOBODY, TOWN, 1)


def test_the_desk_shows_staff_the_queue_and_residents_their_own(office):
    filed(office, key="one")
    second = filed(office, MEMBER, key="two", at=NOW + timedelta(hours=1))
    step(office, SECRETARY, second, Action.TAKE_UP, at=NOW + timedelta(hours=2))

    desks = {actor.account_id: casework.desk(office, actor, TOWN) for actor in (SECRETARY, CHAIR, RESIDENT, OTHER)}

    assert [r.number for r in desks["a-secretary"].requests] == [2, 1]
    assert desks["a-secretary"].waiting == {1, 2}
    assert desks["a-chair"].waiting == frozenset()
    assert [r.number for r in desks["a-resident"].requests] == [1]
    assert desks["a-other"].requests == ()
    for actor in (NOBODY, STRANGER):
        with pytest.raises(NotAllowed):
            casework.desk(office, actor, TOWN)


def test_open_requests_nearby_come_nearest_first_and_closed_ones_not_at_all(office):
    here = a_place()
    ring = hexgrid.with_ring(np.array([hexgrid.parse_cell(here.cell_id)], dtype=np.uint64))
    beside = next(cell for cell in hexgrid.cell_ids(ring) if cell != here.cell_id)
    far = hexgrid.cell_at(hexgrid.centre(here.cell_id)[0] + 0.1, hexgrid.centre(here.cell_id)[1], resolution=9)
    filed(office, key="beside", place=a_place(cell_id=beside))
    filed(office, key="here")
    filed(office, key="far", place=a_place(cell_id=far))
    step(office, MEMBER, filed(office, MEMBER, key="gone"), Action.WITHDRAW)

    found = casework.nearby(office, OTHER, here)

    assert [(near.number, near.distance_m == 0) for near in found] == [(2, True), (1, False)]
    assert all(near.may_support and not near.has_supported for near in found)
    assert not casework.nearby(office, RESIDENT, here)[0].may_support


def test_every_change_and_every_refusal_is_in_the_audit_log(office):
    request = filed(office)
    casework.support(office, OTHER, TOWN, 1, at=NOW)
    step(office, SECRETARY, request, Action.TAKE_UP)
    try:
        casework.support(office, STRANGER, TOWN, 1, at=NOW)
    except NotAllowed as error:
        casework.note_refusal(office, error, account_id=STRANGER.account_id, subject="request toy-1", at=NOW)

    with office.store.look() as look:
        entries = list(look.audit.entries())

    assert [(entry.account_id, entry.action) for entry in entries] == [
        ("a-resident", "submit"),
        ("a-other", "support"),
        ("a-secretary", "take_up"),
        ("a-stranger", "refused"),
    ]
    assert GROUNDS not in str(entries)
    assert audit.check(entries)["position"] == 4


def test_a_journal_that_cannot_be_written_loses_no_request_and_comes_later(office, caplog):
    office.journals.parent.mkdir(parents=True, exist_ok=True)
    office.journals.write_text("a file where a folder should be")

    request = filed(office)
    office.journals.unlink()
    step(office, SECRETARY, request, Action.TAKE_UP)

    assert "could not be written" in caplog.text
    assert public(office).state == "in_triage"


def test_yesterdays_journals_do_not_pile_up(office):
    request = filed(office)
    for action in (Action.TAKE_UP, Action.ASK):
        request = step(office, SECRETARY, request, action)
    for number in range(2, 9):
        filed(office, key=f"k{number}", grounds=f"{GROUNDS} № {number}")

    assert len(list((office.journals / TOWN).glob("2*"))) == journal.KEPT


def test_filing_takes_what_a_person_wrote_and_nothing_unseen(office):
    written = Filing(kind="camera", grounds=f"  {GROUNDS}\u202e\x00 ", landmark="a\nb")

    request = casework.file(office, RESIDENT, written, a_place(), key="k", at=NOW)

    assert (request.grounds, request.landmark) == (GROUNDS, "a b")
