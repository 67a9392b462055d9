"""Rules of a council request: which steps there are, what each needs, and what cannot be published."""

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.council import request as rules
from riskmap.council import texts
from riskmap.council.request import NEEDS, TRANSITIONS, Action, FieldKind, State
from riskmap.errors import StepNotPossible, UnfitFields
from tests.council import NOW, a_filing, a_request, after, fields_for

BY = {"account_id": "a-secretary", "role": "secretary", "at": NOW, "key": "k"}
ARCHITECTURE = {
    ("draft", "submit", "submitted"),
    ("submitted", "take_up", "in_triage"),
    ("submitted", "withdraw", "withdrawn"),
    ("in_triage", "ask", "needs_information"),
    ("in_triage", "merge", "merged"),
    ("in_triage", "forward", "not_ours"),
    ("in_triage", "refer", "before_council"),
    ("needs_information", "answer", "in_triage"),
    ("before_council", "approve", "approved"),
    ("before_council", "refuse", "refused"),
    ("approved", "send", "with_body"),
    ("with_body", "schedule", "scheduled"),
    ("with_body", "report_not_done", "not_done"),
    ("scheduled", "complete", "done"),
    ("scheduled", "report_not_done", "not_done"),
    ("done", "dispute", "disputed"),
    ("disputed", "dispute", "disputed"),
    ("disputed", "confirm", "done"),
    ("disputed", "reopen", "with_body"),
    ("merged", "undo_merge", "in_triage"),
    ("withdrawn", "undo_withdrawal", "submitted"),
}
"""The table as it was agreed, written out a second time."""
OF_TERMS = {"enter_appeal", "extend_term", "set_date"}
"""Steps about terms, possible in every open state, which stays."""


def faults_of(caught) -> set[tuple[str, str]]:
    return {(fault.field, fault.fault) for fault in caught.value.faults}


def test_the_steps_are_those_that_were_agreed():
    staying = {(state.value, action, state.value) for state in rules.OPEN_STATES for action in OF_TERMS}

    assert {
        (before.value, action.value, after.value) for (before, action), after in TRANSITIONS.items()
    } == ARCHITECTURE | staying


def test_every_action_says_what_it_needs_and_leads_somewhere():
    assert set(NEEDS) == set(Action) == {action for _, action in TRANSITIONS}


def test_every_state_can_be_reached_from_a_draft():
    reached, edge = set(), {State.DRAFT}
    while edge - reached:
        reached |= edge
        edge = {after for (before, _), after in TRANSITIONS.items() if before in reached}

    assert reached == set(State)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_a_step_outside_the_table_is_refused_and_the_possible_ones_are_named(state, action):
    request = dataclasses.replace(a_request(), state=state)
    expected = TRANSITIONS.get((state, action))

    if expected is not None:
        assert rules.advance(request, action, fields_for(action), **BY).state is expected
        return
    with pytest.raises(StepNotPossible) as caught:
        rules.advance(request, action, fields_for(action), **BY)
    assert f"is {state}; {action} is not possible" in str(caught.value)
    assert all(possible.value in str(caught.value) for possible in rules.possible_actions(state))


def test_a_choice_outside_its_list_is_refused():
    done = after(a_request(), *PATH_TO_SCHEDULED, Action.COMPLETE)

    with pytest.raises(UnfitFields) as caught:
        rules.advance(done, Action.DISPUTE, fields_for(Action.DISPUTE, dispute_kind="I am angry"), **BY)

    assert faults_of(caught) == {("dispute_kind", "no_choice")}


@given(st.lists(st.sampled_from(Action), max_size=25))
def test_whatever_is_tried_a_request_keeps_its_whole_history(actions):
    request = a_request()

    for action in actions:
        try:
            request = rules.advance(request, action, fields_for(action), **BY)
        except StepNotPossible:
            continue

    chain = [(step.before, step.action, step.after) for step in request.steps]
    assert all(TRANSITIONS[before, action] is after for before, action, after in chain)
    assert [after for _, _, after in chain[:-1]] == [before for before, _, _ in chain[1:]]
    assert request.state is chain[-1][2]
    assert request.version == len(chain)


@pytest.mark.parametrize(("action", "name"), [(a, f.name) for a, fields in NEEDS.items() for f in fields])
def test_a_field_left_empty_is_named(action, name):
    state = next(before for before, possible in TRANSITIONS if possible is action)
    request = dataclasses.replace(a_request(), state=state)

    with pytest.raises(UnfitFields) as caught:
        rules.advance(request, action, fields_for(action, **{name: " \n\t"}), **BY)

    assert faults_of(caught) == {(name, "missing")}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Звоните +7 701 123-45-67", "holds_phone"),
        ("хабарласыңыз 87011234567", "holds_phone"),
        ("ЖСН 900101300123 иесі", "holds_iin"),
        ("пишите a.b@example.kz", "holds_e_mail"),
        ("шум из кв. 12", "holds_flat"),
        ("45-пәтерден шу шығады", "holds_flat"),
        ("карта 4400 4301 2345 6789", "holds_card"),
    ],
)
def test_published_words_may_not_point_at_a_person(text, fault):
    taken = a_request()

    with pytest.raises(UnfitFields) as caught:
        rules.advance(taken, Action.TAKE_UP, {"wording": text}, **BY)

    assert faults_of(caught) == {("wording", fault)}


@pytest.mark.parametrize(
    "text",
    [
        "Акт № 27 от 01.10.2026, 12 ламп на 8 опорах",
        "2026 жылғы 15 желтоқсанға дейін, сағат 22.00–02.00",
        "улица 8 марта, дом 14, остановка 102",
        "Дом на углу, квартал 12: два фонаря",
    ],
)
def test_days_numbers_and_addresses_of_places_are_no_personal_details(text):
    assert texts.personal_details(text) == []


def test_what_stays_inside_the_council_may_hold_a_telephone():
    asked = after(a_request(), Action.TAKE_UP)

    moved = rules.advance(asked, Action.ASK, {"question": "Сізге 87011234567 нөмірінен қоңырау шалайық па?"}, **BY)

    assert moved.state is State.NEEDS_INFORMATION


@pytest.mark.parametrize(
    ("given_text", "fault"),
    [("", "missing"), ("   \u200b\u202e ", "missing"), ("қысқа", "too_short"), ("ұ" * 2001, "too_long")],
)
def test_grounds_have_a_length(given_text, fault):
    with pytest.raises(UnfitFields) as caught:
        a_request(filing=a_filing(grounds=given_text))

    assert faults_of(caught) == {("grounds", fault)}


def test_all_that_is_wrong_with_a_filing_is_told_at_once():
    with pytest.raises(UnfitFields) as caught:
        a_request(filing=a_filing(kind="siren", grounds="", landmark="x" * 201))

    assert faults_of(caught) == {("kind", "missing"), ("grounds", "missing"), ("landmark", "too_long")}


@pytest.mark.parametrize("day", ["31.02.2026", "2026-02-31", "1999-01-01", "2100-01-01", "завтра", "20261101x"])
def test_a_day_that_is_none_is_refused(day):
    scheduled = after(a_request(), *PATH_TO_SCHEDULED)

    with pytest.raises(UnfitFields) as caught:
        rules.advance(scheduled, Action.COMPLETE, fields_for(Action.COMPLETE, done_day=day), **BY)

    assert faults_of(caught) == {("done_day", "not_a_day")}


@pytest.mark.parametrize(
    ("action", "name", "day", "fault"),
    [
        (Action.SEND, "document_day", "2026-11-03", "day_in_future"),
        (Action.SEND, "document_day", "2026-11-01", "day_too_early"),
        (Action.SCHEDULE, "planned_day", "2026-11-01", "day_too_early"),
        (Action.COMPLETE, "done_day", "2026-11-03", "day_in_future"),
        (Action.COMPLETE, "done_day", "2026-11-01", "day_too_early"),
    ],
)
def test_what_happened_lies_between_the_filing_and_today_and_a_plan_after_the_letter(action, name, day, fault):
    path = PATH_TO_SCHEDULED[: PATH_TO_SCHEDULED.index(action)] if action in PATH_TO_SCHEDULED else PATH_TO_SCHEDULED
    request = after(a_request(), *path)

    with pytest.raises(UnfitFields) as caught:
        rules.advance(request, action, fields_for(action, **{name: day}), **BY)

    assert faults_of(caught) == {(name, fault)}


def test_a_day_is_counted_in_civil_time():
    late = NOW.replace(hour=20)  # one in the morning of the next day there
    request = after(a_request(), *PATH_TO_SCHEDULED)

    done = rules.advance(
        request, Action.COMPLETE, fields_for(Action.COMPLETE, done_day="2026-11-03"), **{**BY, "at": late}
    )

    assert done.state is State.DONE


def test_every_personal_detail_is_told_at_once():
    text = "ЖСН 900101300123, 87011234567, a.b@example.kz, 45-пәтер"

    with pytest.raises(UnfitFields) as caught:
        rules.advance(a_request(), Action.TAKE_UP, {"wording": text}, **BY)

    assert {fault for _, fault in faults_of(caught)} == {"holds_iin", "holds_phone", "holds_e_mail", "holds_flat"}


PATH_TO_SCHEDULED = (Action.TAKE_UP, Action.REFER, Action.APPROVE, Action.SEND, Action.SCHEDULE)


@pytest.mark.parametrize(("written", "number"), [("12", "12"), ("№ 12", "12"), (" 007 ", "7")])
def test_the_number_of_an_earlier_request_is_read_as_people_write_it(written, number):
    taken = after(a_request(number=20), Action.TAKE_UP)

    merged = rules.advance(taken, Action.MERGE, {"earlier_request": written}, **BY)

    assert merged.steps[-1].fields == {"earlier_request": number}
    assert merged.merged_into == int(number)


@pytest.mark.parametrize("written", ["0", "-1", "twelve", "1.5", "٣", "12 или 13", "9" * 12])
def test_what_is_no_number_is_refused(written):
    taken = after(a_request(number=20), Action.TAKE_UP)

    with pytest.raises(UnfitFields) as caught:
        rules.advance(taken, Action.MERGE, {"earlier_request": written}, **BY)

    assert faults_of(caught) == {("earlier_request", "not_a_number")}


def test_a_request_taken_up_again_after_an_undone_merge_keeps_its_words():
    merged = after(a_request(number=2), Action.TAKE_UP, Action.MERGE)

    restored = after(merged, Action.UNDO_MERGE)

    assert (merged.merged_into, restored.merged_into) == (1, None)
    assert restored.wording == merged.wording == fields_for(Action.TAKE_UP)["wording"]


@given(st.text(max_size=300))
def test_cleaning_a_text_twice_changes_nothing_more(text):
    once = texts.clean(text)

    assert texts.clean(once) == once
    assert once == once.strip()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", once)


@given(st.text(max_size=300))
def test_a_line_has_no_breaks(text):
    assert not re.search(r"[\r\n\u2028\u2029\x85]", texts.clean(text, is_line=True))


def test_kazakh_letters_and_joined_signs_survive_cleaning():
    text = "Әкімдік, Ұлы дала көшесі 👨\u200d👩\u200d👧"

    assert texts.clean(text) == text


def test_the_workflow_page_shows_the_table_of_the_code():
    page = (Path(__file__).parents[2] / "docs" / "council_workflow.md").read_text(encoding="utf-8")

    listed = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", page, flags=re.MULTILINE))

    assert listed == ARCHITECTURE
    assert {action for action in OF_TERMS if f"`{action}`" not in page} == set()
    assert {field for fields in NEEDS.values() for field in fields if f"`{field.name}`" not in page} == set()
    assert all(field.kind in FieldKind for fields in NEEDS.values() for field in fields)
