"""Two clocks on the real calendar of Kazakhstan: the law's, which needs an official appeal, and the council's own."""

from datetime import UTC, date, datetime

import pytest

from riskmap.council import clocks
from riskmap.council import request as rules
from riskmap.council.clocks import Clock
from riskmap.council.request import Action
from riskmap.errors import StepNotPossible, UnfitFields
from tests.council import NOW, a_request, after, fields_for

SENT = (Action.TAKE_UP, Action.REFER, Action.APPROVE, Action.SEND)
OWN = Action.SET_DATE


def moved(request, action, *, at=NOW, **given):
    clocks.require_possible(request, action)
    told = rules.advance(
        request, action, fields_for(action, **given), account_id="a", role="secretary", at=at, key=f"x{request.version}"
    )
    clocks.require_fit(told)
    return told


def faults_of(caught):
    return {(fault.field, fault.fault) for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("appeal", "due", "redirect"),
    [
        # Nauryz: 21 to 23 March, and the free days that stand for those on a weekend.
        ("2025-03-18", "2025-04-11", "2025-03-26"),
        ("2026-03-16", "2026-04-09", "2026-03-19"),
        # 1 and 2 January; 3 January 2025 was moved to Sunday the 5th, which was worked; 7 January is Christmas.
        ("2024-12-30", "2025-01-23", "2025-01-06"),
        # May 2025: the 1st, the 7th and the 9th.
        ("2025-04-29", "2025-05-23", "2025-05-05"),
        # Kurban-ait of 2026 on 27 May, and 6 July.
        ("2026-05-22", "2026-06-15", "2026-05-28"),
        ("2026-12-14", "2027-01-08", "2026-12-18"),
    ],
)
def test_the_terms_of_the_law_step_over_holidays_and_moved_days(appeal, due, redirect):
    on = date.fromisoformat(appeal)

    assert (clocks.legal_due(on).isoformat(), clocks.redirect_due(on).isoformat()) == (due, redirect)


def test_without_an_official_appeal_no_term_of_the_law_runs():
    request = a_request()

    assert clocks.running(request) is None
    assert clocks.legal_term(after(request, *SENT)) is None


def test_an_appeal_starts_the_law_and_the_council_sets_no_date_beside_it():
    request = moved(moved(a_request(), OWN), Action.ENTER_APPEAL, appeal_day="2026-10-20")

    found = clocks.running(request)

    assert (found.clock, found.due_on, found.body) == (Clock.LEGAL, date(2026, 11, 11), None)
    assert found.days_late(date(2026, 11, 11)) == 0
    assert found.days_late(date(2026, 11, 14)) == 3
    with pytest.raises(StepNotPossible):
        moved(request, OWN)


def test_a_term_is_the_bodys_only_once_the_request_was_sent_with_a_document_number():
    request = moved(a_request(), Action.ENTER_APPEAL)
    approved = after(request, *SENT[:-1])

    sent = after(approved, Action.SEND)

    assert clocks.running(approved).body is None
    assert clocks.running(sent).body == sent.newest("body")
    assert sent.newest("document_number")


def test_an_answer_ends_the_laws_term_and_the_bodys_own_date_takes_its_place():
    request = after(moved(a_request(), Action.ENTER_APPEAL), *SENT)

    answered = after(request, Action.SCHEDULE)

    assert clocks.running(answered).clock is Clock.PROMISED
    assert clocks.running(answered).due_on == date(2026, 11, 20)
    assert clocks.running(after(answered, Action.COMPLETE)) is None


def test_a_date_the_council_set_for_itself_is_not_held_against_the_body():
    request = moved(a_request(), OWN, own_day="2026-11-10")

    assert clocks.running(request).clock is Clock.OWN
    assert clocks.running(after(request, *SENT)) is None


def test_a_date_set_after_sending_is_the_bodys_but_called_the_councils():
    found = clocks.running(moved(after(a_request(), *SENT), OWN))

    assert (found.clock, found.body) == (Clock.OWN, "КҚ-04")


def test_a_term_is_extended_once_and_says_whether_the_notice_came_in_time():
    request = moved(a_request(), Action.ENTER_APPEAL, appeal_day="2026-10-12")

    late = moved(request, Action.EXTEND_TERM, extension_day="2026-10-22", extended_day="2026-12-12")

    term = clocks.running(late).legal
    assert (term.due_on, term.notice_by) == (date(2026, 12, 12), date(2026, 10, 28))
    assert term.is_notice_late  # told on 2 November
    with pytest.raises(StepNotPossible):
        moved(late, Action.EXTEND_TERM, extended_day="2026-12-11")
    with pytest.raises(StepNotPossible):
        moved(late, Action.ENTER_APPEAL)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"extended_day": "2026-12-13"}, ("extended_day", "beyond_two_months")),
        ({"extended_day": "2026-11-03"}, ("extended_day", "day_too_early")),
        ({"extension_day": "2026-10-30", "notice_day": "2026-10-29"}, ("notice_day", "day_too_early")),
    ],
)
def test_an_extension_keeps_the_bounds_of_the_law(given, fault):
    request = moved(a_request(), Action.ENTER_APPEAL, appeal_day="2026-10-12")

    with pytest.raises(UnfitFields) as caught:
        moved(request, Action.EXTEND_TERM, **{"extended_day": "2026-12-01", **given})

    assert faults_of(caught) == {fault}


def test_a_term_that_is_over_cannot_be_extended():
    request = moved(a_request(), Action.ENTER_APPEAL, appeal_day="2026-09-01")

    with pytest.raises(UnfitFields) as caught:
        moved(request, Action.EXTEND_TERM, extension_day="2026-10-01", extended_day="2026-10-30")

    assert faults_of(caught) == {("extension_day", "term_is_over")}


def test_two_months_end_with_the_month_where_it_is_shorter():
    assert clocks.latest_extension(date(2025, 12, 31)) == date(2026, 2, 28)
    assert clocks.latest_extension(date(2026, 11, 15)) == date(2027, 1, 15)


def test_a_request_with_a_running_term_of_the_law_is_not_merged_away():
    request = moved(after(a_request(number=2), Action.TAKE_UP), Action.ENTER_APPEAL)

    with pytest.raises(StepNotPossible):
        moved(request, Action.MERGE)
    assert not clocks.is_possible(request, Action.MERGE)


def test_a_date_of_the_council_lies_ahead():
    with pytest.raises(UnfitFields) as caught:
        moved(a_request(), OWN, at=datetime(2026, 11, 21, tzinfo=UTC))

    assert faults_of(caught) == {("own_day", "day_has_passed")}
