"""What every store does with council requests, their steps and their supports."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa

from riskmap.assembly import migrate, open_store
from riskmap.council.request import Action, CouncilRequest, RequestKind, State
from riskmap.errors import ChangedMeanwhile
from riskmap.ports import Store
from riskmap.settings import Settings
from tests.contracts.council_builders import (
    AWKWARD_TEXTS,
    NOON,
    a_request,
    keep_accounts,
    keep_requests,
    one_step_on,
)

THREADS = 8
STUCK_S = 30
"""After this long a thread that never came is told to the others, so that a red test ends."""


@pytest.fixture
def council(store: Store) -> Store:
    """A store in which three people have accounts."""
    keep_accounts(store, "a1", "a2", "a3")
    return store


@contextmanager
def queries_to(store: Store) -> Iterator[list[str]]:
    """Statements sent to the database while the block runs, its settings apart."""
    sent: list[str] = []

    def note(statement: str, **_: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            sent.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note, named=True)
    try:
        yield sent
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)


def found(store: Store, number: int = 1, *, territory: str = "town") -> CouncilRequest | None:
    with store.look() as look:
        return look.requests.find(territory, number)


# requests


def test_a_request_comes_back_with_its_whole_history(council: Store):
    request = a_request()
    keep_requests(council, request)

    for action, given in (
        (Action.TAKE_UP, {"wording": "Көше қараңғы"}),
        (Action.REFER, {"note": "For the next sitting"}),
        (Action.APPROVE, {"decision_grounds": "It is dark", "expectation": "Light before the winter"}),
        (Action.SEND, {"body": "Akimat", "document_number": "№ 5/1", "document_day": "2026-10-05"}),
    ):
        request = one_step_on(request, action, account_id="a2", **given)
        with council.work() as work:
            work.requests.save(request)
            work.commit()

    assert found(council) == request
    assert (request.state, request.version) == (State.WITH_BODY, 5)


@pytest.mark.parametrize(
    "changes",
    [
        {"requester": None, "entered_by": "a2"},
        {"is_simulated": True, "landmark": ""},
        *({"kind": kind} for kind in RequestKind),
    ],
    ids=str,
)
def test_every_part_of_a_request_comes_back(council: Store, changes: dict):
    request = a_request(**changes)

    keep_requests(council, request)

    assert found(council) == request


@pytest.mark.parametrize("text", AWKWARD_TEXTS, ids=range(len(AWKWARD_TEXTS)))
def test_what_people_write_comes_back_sign_by_sign(council: Store, text: str):
    request = a_request(grounds=text, landmark=text)
    (step,) = request.steps
    request = replace(request, steps=(replace(step, key="k'\"ұ", fields={"wording": text, "ключ": text}),))

    keep_requests(council, request)

    assert found(council) == request


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_kept(council: Store, state: State):
    request = a_request(state=state)
    request = replace(request, steps=(replace(request.steps[0], before=state, after=state),))

    keep_requests(council, request)

    assert found(council) == request


@pytest.mark.parametrize("action", Action)
def test_every_action_can_be_kept(council: Store, action: Action):
    request = a_request()
    request = replace(request, steps=(replace(request.steps[0], action=action),))

    keep_requests(council, request)

    assert found(council) == request


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda request: replace(request, state="lost"), "ck_council_request_state"),
        (lambda request: replace(request, kind="statue"), "ck_council_request_kind"),
        (lambda request: replace(request, number=0), "ck_council_request_number"),
        (lambda request: replace(request, place=replace(request.place, risk_class=8)), "risk_class"),
        (lambda request: replace(request, entered_by="nobody"), "FOREIGN KEY"),
        (lambda request: replace(request, requester="nobody"), "FOREIGN KEY"),
        (lambda request: replace(request, steps=(replace(request.steps[0], role="king"),)), "ck_council_step_role"),
        (lambda request: replace(request, steps=(replace(request.steps[0], action="burn"),)), "ck_council_step_action"),
    ],
)
def test_what_the_rules_do_not_know_cannot_be_stored(council: Store, change: Callable, check: str):
    with council.work() as work, pytest.raises(Exception, match=check):
        work.requests.add(change(a_request()))


def test_moments_of_steps_come_back_in_utc_to_the_microsecond(council: Store):
    almaty = timezone(timedelta(hours=5))
    request = a_request()
    request = replace(request, steps=(replace(request.steps[0], at=NOON.astimezone(almaty)),))

    keep_requests(council, request)

    assert found(council).submitted_at == NOON
    assert found(council).submitted_at.tzinfo is UTC


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 2**63, 10**40])
def test_a_number_that_nobody_filed_finds_nothing(council: Store, number: int):
    keep_requests(council, a_request())

    assert found(council, number) is None
    assert found(council, 1, territory="village") is None


def test_numbers_run_by_territory(council: Store):
    with council.work() as work:
        assert work.requests.next_number("town") == 1
        work.requests.add(a_request(1))
        assert work.requests.next_number("town") == 2
        work.requests.add(a_request(7))
        work.commit()

    with council.look() as look:
        assert look.requests.next_number("town") == 8
        assert look.requests.next_number("village") == 1


def test_a_territory_lists_its_own_requests_by_number(council: Store):
    town = [a_request(number) for number in (1, 2, 10)]
    town[1] = one_step_on(one_step_on(town[1]), Action.ASK)
    village = a_request(3, territory="village")

    keep_requests(council, town[2], village, town[1], town[0])
    with council.engine.connect() as connection:
        # Rows without an order come the other way round.
        connection.exec_driver_sql("PRAGMA reverse_unordered_selects = ON")

    with council.look() as look:
        assert look.requests.of_territory("town") == town
        assert look.requests.of_territory("village") == [village]
        assert look.requests.of_territory("nowhere") == []


def test_a_territory_is_read_with_two_queries_however_many_requests_it_has(council: Store):
    requests = [one_step_on(one_step_on(a_request(number)), Action.ASK) for number in range(1, 301)]
    keep_requests(council, *requests)

    with queries_to(council) as sent, council.look() as look:
        listed = look.requests.of_territory("town")

    assert listed == requests
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("states", "numbers"),
    [
        (set(), []),
        ({State.SUBMITTED}, [1]),
        ({State.IN_TRIAGE, State.SUBMITTED}, [1, 2]),
        ({State.NEEDS_INFORMATION}, [3]),
        ({State.MERGED}, []),
        (set(State), [1, 2, 3]),
    ],
    ids=lambda value: "-".join(map(str, sorted(value))) or "none",
)
def test_a_territory_lists_the_requests_in_the_states_asked_for(council: Store, states: set[State], numbers: list[int]):
    taken, asked = one_step_on(a_request(2)), one_step_on(one_step_on(a_request(3)), Action.ASK)
    keep_requests(council, a_request(1), taken, asked)

    with council.look() as look:
        listed = look.requests.of_territory("town", states=states)

    assert [request.number for request in listed] == numbers
    assert [request.version for request in listed] == numbers  # each with all its steps


# the rivalry of steps


def test_a_request_is_found_by_the_key_it_was_filed_or_moved_with(council: Store):
    request = a_request(1)
    keep_requests(council, request, a_request(2))
    moved = one_step_on(request, account_id="a2", key="press-1")
    with council.work() as work:
        work.requests.save(moved)
        work.commit()

    with council.look() as look:
        assert look.requests.by_key("a1", request.steps[0].key) == moved
        assert look.requests.by_key("a2", "press-1") == moved
        assert look.requests.by_key("a1", "press-1") is None
        assert look.requests.by_key("a2", "press-2") is None


def test_a_number_is_given_once(council: Store):
    keep_requests(council, one_step_on(a_request()))
    rival = a_request(account_id="a2")

    with council.work() as work:
        with pytest.raises(ChangedMeanwhile, match=r"town-1 is there already, with version 2.*file it again"):
            work.requests.add(rival)
        work.requests.add(replace(rival, number=work.requests.next_number("town")))  # the unit can go on
        work.commit()

    assert found(council) == one_step_on(a_request())
    assert found(council, 2) == replace(rival, number=2)


def test_a_key_counts_once_per_account(council: Store):
    first = a_request(1)
    keep_requests(council, first, a_request(3, account_id="a2"))
    key = first.steps[0].key
    second = a_request(2)
    second = replace(second, steps=(replace(second.steps[0], key=key),))
    of_somebody_else = a_request(4, account_id="a2")
    of_somebody_else = replace(of_somebody_else, steps=(replace(of_somebody_else.steps[0], key=key),))

    with council.work() as work:
        with pytest.raises(ChangedMeanwhile, match=r"a1 has used the key 'file-town-1' on request town-1"):
            work.requests.add(second)
        with pytest.raises(ChangedMeanwhile, match="has used the key"):
            work.requests.save(one_step_on(first, key=key))
        work.requests.add(of_somebody_else)
        work.commit()

    with council.look() as look:
        assert [request.number for request in look.requests.of_territory("town")] == [1, 3, 4]
    assert found(council, 1) == first


def test_of_two_steps_from_the_same_place_the_second_is_refused(council: Store):
    request = a_request()
    keep_requests(council, request, a_request(2))
    taken_up, withdrawn = one_step_on(request, account_id="a2"), one_step_on(request, Action.WITHDRAW)
    with council.work() as work:
        work.requests.save(taken_up)
        work.commit()

    with (
        council.work() as work,
        pytest.raises(ChangedMeanwhile, match=r"town-1 has version 2; this step expects version 1.*Read"),
    ):
        work.requests.save(withdrawn)

    assert found(council) == taken_up
    assert found(council, 2) == a_request(2)


def test_a_request_two_steps_on_or_not_on_at_all_is_refused(council: Store):
    request = a_request()
    keep_requests(council, request)
    skipping = one_step_on(one_step_on(request), Action.ASK)

    for wrong, expected in ((skipping, 2), (request, 0)):
        with council.work() as work, pytest.raises(ChangedMeanwhile, match=rf"has version 1.*expects .*{expected}|key"):
            work.requests.save(wrong)

    assert found(council) == request


def test_a_step_of_a_request_that_is_not_there_is_refused(council: Store):
    with council.work() as work, pytest.raises(ChangedMeanwhile, match="town-1 has version none"):
        work.requests.save(one_step_on(a_request()))

    assert found(council) is None


def test_a_step_refused_by_the_store_leaves_nothing_behind(council: Store):
    request = a_request()
    keep_requests(council, request)

    with pytest.raises(Exception, match="FOREIGN KEY"), council.work() as work:
        work.requests.save(one_step_on(request, account_id="nobody"))

    assert found(council) == request


# supports


def test_each_person_supports_a_request_once(council: Store):
    keep_requests(council, a_request(1), a_request(2))

    with council.work() as work:
        assert work.requests.support("town", 1, "a2", at=NOON)
        assert not work.requests.support("town", 1, "a2", at=NOON + timedelta(days=1))
        assert work.requests.support("town", 2, "a2", at=NOON)
        assert work.requests.support("town", 1, "a3", at=NOON)
        work.commit()

    with council.look() as look:
        assert look.requests.supports("town") == [(1, "a2"), (1, "a3"), (2, "a2")]


def test_supports_are_listed_by_request_and_moment_in_their_territory(council: Store):
    keep_requests(council, a_request(1), a_request(2), a_request(1, territory="village"))

    with council.work() as work:
        work.requests.support("town", 2, "a1", at=NOON)
        work.requests.support("town", 1, "a2", at=NOON + timedelta(microseconds=1))
        work.requests.support("town", 1, "a3", at=NOON)
        work.requests.support("village", 1, "a3", at=NOON)
        work.commit()

    with council.look() as look:
        assert look.requests.supports("town") == [(1, "a3"), (1, "a2"), (2, "a1")]
        assert look.requests.supports("village") == [(1, "a3")]
        assert look.requests.supports("nowhere") == []


@pytest.mark.parametrize(("number", "account_id"), [(2, "a1"), (1, "nobody")])
def test_a_support_of_nothing_or_by_nobody_cannot_be_stored(council: Store, number: int, account_id: str):
    keep_requests(council, a_request(1))

    with council.work() as work, pytest.raises(Exception, match="FOREIGN KEY"):
        work.requests.support("town", number, account_id, at=NOON)


# many at once


@pytest.fixture
def open_twice(tmp_path: Path) -> Iterator[list[Store]]:
    """One installation, opened twice as two processes would."""
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    with ExitStack() as opened:
        stores = [open_store(settings) for _ in range(2)]
        for store in stores:
            opened.callback(store.close)
        keep_accounts(stores[0], *(f"a{person}" for person in range(1, THREADS + 1)))
        yield stores


@pytest.mark.parametrize("rounds", [6, pytest.param(50, marks=pytest.mark.deep)])
def test_of_many_who_move_a_request_at_once_exactly_one_does(open_twice: list[Store], rounds: int):
    request = one_step_on(a_request())
    keep_requests(open_twice[0], request)
    ready = Barrier(THREADS, timeout=STUCK_S)

    def try_to_move(person: int) -> str:
        store = open_twice[person % 2]
        seen = found(store)
        action = Action.ASK if seen.state is State.IN_TRIAGE else Action.ANSWER
        moved = one_step_on(seen, action, account_id=f"a{person}")
        ready.wait()
        try:
            with store.work() as work:
                work.requests.save(moved)
                work.commit()
        except ChangedMeanwhile:
            return ""
        return f"a{person}"

    winners = []
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(rounds):
            moved_by = [name for name in pool.map(try_to_move, range(1, THREADS + 1)) if name]
            assert len(moved_by) == 1
            winners += moved_by

    history = found(open_twice[1])
    assert [step.account_id for step in history.steps[2:]] == winners
    assert history.version == 2 + rounds
    assert [step.after for step in history.steps[:-1]] == [step.before for step in history.steps[1:]]


def test_many_who_file_at_once_get_numbers_of_their_own(open_twice: list[Store]):
    ready = Barrier(THREADS, timeout=STUCK_S)

    def file(person: int) -> int:
        ready.wait()
        with open_twice[person % 2].work() as work:
            number = work.requests.next_number("town")
            work.requests.add(a_request(number, account_id=f"a{person}"))
            work.commit()
        return number

    with ThreadPoolExecutor(THREADS) as pool:
        numbers = list(pool.map(file, range(1, THREADS + 1)))

    assert sorted(numbers) == list(range(1, THREADS + 1))
    with open_twice[0].look() as look:
        assert {request.number: request.requester for request in look.requests.of_territory("town")} == {
            number: f"a{person}" for person, number in enumerate(numbers, start=1)
        }


def test_one_person_pressing_many_times_at_once_supports_once(open_twice: list[Store]):
    keep_requests(open_twice[0], a_request())
    ready = Barrier(THREADS, timeout=STUCK_S)

    def press(hand: int) -> bool:
        ready.wait()
        with open_twice[hand % 2].work() as work:
            is_new = work.requests.support("town", 1, "a2", at=NOON)
            work.commit()
        return is_new

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(press, range(THREADS))) == 1

    with open_twice[0].look() as look:
        assert look.requests.supports("town") == [(1, "a2")]
