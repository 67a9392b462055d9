"""Eight people who decide the same thing at once: one of them does, the others are told, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest

from riskmap import assembly, journal
from riskmap.council import casework, meetings
from riskmap.council.casework import Office
from riskmap.council.request import Action
from riskmap.errors import ChangedMeanwhile
from riskmap.identity import audit
from riskmap.identity.access import Role
from riskmap.settings import Settings
from riskmap.signals import desk
from riskmap.signals.desk import SignalOffice
from riskmap.signals.limits import Gate
from riskmap.signals.rules import Category, Refusal
from tests.council import NOW, TOWN, a_filing, a_place, an_actor, enrol, step
from tests.riskmap.test_meetings import ACCEPTED, NOTICE
from tests.signal_builder import a_marked_place, a_signal

PEOPLE, STUCK_S = 8, 60
ROUNDS = [4, pytest.param(50, marks=pytest.mark.deep)]
SECRETARIES = [an_actor(Role.SECRETARY, account_id=f"a-secretary-{number}") for number in range(PEOPLE)]
MEMBERS = [an_actor(Role.COUNCIL_MEMBER, account_id=f"a-member-{number}") for number in range(3)]
RESIDENT = an_actor(Role.RESIDENT)
HEAP = 3
"""Marks of each round."""


@pytest.fixture
def offices(tmp_path):
    """Two processes, so to speak, over one database on disk."""
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    assembly.migrate(settings)
    with ExitStack() as opened:
        stores = [assembly.open_store(settings) for _ in range(2)]
        for store in stores:
            opened.callback(store.close)
        enrol(stores[0], RESIDENT, *SECRETARIES, *MEMBERS)
        yield [Office(store=store, journals=settings.journals) for store in stores]


def together(act):
    """What came of everybody acting at the same moment; None for each who was told that somebody was faster."""
    ready = Barrier(PEOPLE, timeout=STUCK_S)

    def one(person):
        ready.wait()
        try:
            return act(person)
        except ChangedMeanwhile:
            return None

    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(one, range(PEOPLE)))


def a_request_before_the_council(office):
    request = casework.file(office, RESIDENT, a_filing(), a_place(), key="k", at=NOW)
    for action in (Action.TAKE_UP, Action.REFER):
        request = step(office, SECRETARIES[0], request, action)
    return request


@pytest.mark.parametrize("rounds", ROUNDS)
def test_of_many_who_enter_a_decision_at_once_one_does_and_no_version_is_lost(offices, rounds):
    office = offices[0]
    a_request_before_the_council(office)
    found = meetings.call(office, SECRETARIES[0], TOWN, NOTICE, key="call", at=NOW)
    there = {member.account_id for member in MEMBERS}
    found = meetings.open_(office, SECRETARIES[0], TOWN, 1, there, version=found.version, key="open", at=NOW)
    begun, winners = found.version, []
    for turn in range(rounds):

        def decide(person, version=begun + turn, turn=turn):
            meetings.decide(
                offices[person % 2],
                SECRETARIES[person],
                TOWN,
                1,
                request=1,
                given=ACCEPTED | {"owner": f"Қызмет {person}", "correction_reason": "Түзету"},
                votes=dict.fromkeys(there, "for"),
                version=version,
                key=f"{turn}-{person}",
                at=NOW,
            )
            return person

        decided = [person for person in together(decide) if person is not None]
        assert len(decided) == 1
        winners += decided

    with offices[1].store.look() as look:
        kept = look.meetings.find(TOWN, 1)
        assert audit.check(look.audit.entries())["position"] > rounds
    assert kept.version == begun + rounds
    assert [entry.account_id for entry in kept.entries[begun:]] == [SECRETARIES[one].account_id for one in winners]
    (public,) = journal.latest(office.journals, TOWN).meetings
    assert [one.fields["owner"] for one in public.decisions] == [f"Қызмет {one}" for one in winners]
    assert [one.is_in_force for one in public.decisions] == [False] * (rounds - 1) + [True]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_of_many_who_deal_with_a_heap_of_marks_at_once_one_does_and_no_mark_is_settled_twice(offices, rounds):
    asked = a_request_before_the_council(offices[0])
    place, gate = a_marked_place(), Gate()
    signal_offices = [
        SignalOffice(store=one.store, journals=one.journals, secret=b"s" * 32, gate=gate) for one in offices
    ]
    for turn in range(rounds):
        numbers = range(turn * HEAP + 1, (turn + 1) * HEAP + 1)
        with offices[0].store.work() as work:
            for number in numbers:
                work.signals.add(a_signal(number, place=place))
            work.commit()

        def deal(person, up_to=numbers[-1]):
            told = (signal_offices[person % 2], SECRETARIES[person], place, Category.LIGHTING)
            if person % 2:
                return desk.refuse(*told, Refusal.NOT_FOUND, up_to=up_to, at=NOW)
            return desk.add_to_request(*told, number=asked.number, up_to=up_to, at=NOW)

        assert [settled for settled in together(deal) if settled is not None] == [HEAP]

    with offices[1].store.look() as look:
        behind = look.signals.of_requests(TOWN).get(asked.number, 0)
        told = [entry for entry in look.audit.entries() if entry.action in ("marks_refused", "marks_in_request")]
        assert look.signals.waiting(TOWN) == []
    assert len(told) == rounds
    assert sum(entry.details["marks"] for entry in told) == rounds * HEAP
    assert behind == sum(entry.details["marks"] for entry in told if entry.action == "marks_in_request")
