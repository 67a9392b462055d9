"""What every store does with anonymous marks."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from riskmap.ports import Store
from riskmap.signals.rules import Category, Signal, State
from tests.contracts.council_builders import a_request, keep_accounts
from tests.council import TOWN
from tests.signal_builder import TODAY, a_marked_place, a_signal, in_request, refused

OTHER_PLACE = a_marked_place("d2", area_id="d2", region_id=f"{TOWN}/d2")
ELSEWHERE = a_marked_place(territory="village")


@pytest.fixture
def signals(store: Store) -> Store:
    keep_accounts(store, "a1")
    return store


def keep(store: Store, *signals: Signal) -> None:
    with store.work() as work:
        for one in signals:
            work.signals.add(one)
        work.commit()


def waiting(store: Store) -> list[Signal]:
    with store.look() as look:
        return look.signals.waiting(TOWN)


def test_a_mark_and_a_support_come_back_as_they_were_kept(signals: Store):
    kept = [a_signal(), a_signal(2, answers={}, is_counted=False, category=Category.OTHER, place=OTHER_PLACE)]

    keep(signals, *kept)

    assert waiting(signals) == kept


def test_a_receipt_leads_to_its_mark_and_is_given_once(signals: Store):
    keep(signals, a_signal(7), a_signal(8, settlement=refused()))

    with signals.look() as look:
        assert look.signals.by_receipt("8".rjust(64, "0")) == a_signal(8, settlement=refused())
        assert look.signals.by_receipt("9".rjust(64, "0")) is None
    with pytest.raises(sa.exc.IntegrityError, match="receipt_hash"):
        keep(signals, replace(a_signal(9), receipt_hash="7".rjust(64, "0")))


def test_numbers_go_on_in_each_territory(signals: Store):
    keep(signals, a_signal(1), a_signal(2), a_signal(1, place=ELSEWHERE, receipt_hash="v" * 64))

    with signals.look() as look:
        assert [look.signals.next_number(name) for name in (TOWN, "village", "nowhere")] == [3, 2, 1]
        assert [look.signals.last_day(name) for name in (TOWN, "nowhere")] == [TODAY, None]


def test_only_waiting_marks_of_the_category_and_place_up_to_the_number_are_settled(signals: Store):
    keep(
        signals,
        a_signal(1),
        a_signal(2, category=Category.DOGS),
        a_signal(3, place=OTHER_PLACE),
        a_signal(4, settlement=refused(TODAY - timedelta(days=3))),
        a_signal(5),
        a_signal(6),
    )

    with signals.work() as work:
        settled = work.signals.settle(TOWN, Category.LIGHTING, a_marked_place().place_id, up_to=5, settlement=refused())
        work.commit()

    assert settled == 2
    assert [one.number for one in waiting(signals)] == [2, 3, 6]
    with signals.look() as look:
        assert look.signals.by_receipt("4".rjust(64, "0")).settlement.on == TODAY - timedelta(days=3)


def test_a_mark_in_a_request_names_one_that_there_is(signals: Store):
    with signals.work() as work:
        work.requests.add(a_request(1, territory=TOWN))
        work.commit()
    keep(signals, a_signal(1, settlement=in_request(1)), a_signal(2, settlement=in_request(1)), a_signal(3))

    with signals.look() as look:
        assert look.signals.of_requests(TOWN) == {1: 2}
    with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"):
        keep(signals, a_signal(4, settlement=in_request(2)))


def test_a_refusal_without_a_reason_is_no_refusal(signals: Store):
    with pytest.raises(sa.exc.IntegrityError, match="settlement"):
        keep(signals, a_signal(settlement=replace(refused(), refusal=None)))


def test_counts_are_of_those_that_count_by_area_category_and_day_settled_or_not(signals: Store):
    yesterday = TODAY - timedelta(days=1)
    keep(
        signals,
        a_signal(1),
        a_signal(2, settlement=refused()),
        a_signal(3, is_counted=False),
        a_signal(4, marked_on=yesterday),
        a_signal(5, place=OTHER_PLACE),
        a_signal(1, place=ELSEWHERE, receipt_hash="v" * 64),
    )

    with signals.look() as look:
        found = look.signals.counted_by_day(TOWN)

    assert found == [
        ("d1", Category.LIGHTING, yesterday, 1),
        ("d1", Category.LIGHTING, TODAY, 2),
        ("d2", Category.LIGHTING, TODAY, 1),
    ]


def test_marks_made_before_a_day_are_removed_in_their_territory_alone(signals: Store):
    old = TODAY - timedelta(days=400)
    keep(
        signals,
        a_signal(1, marked_on=old),
        a_signal(2, marked_on=old, settlement=refused()),
        a_signal(3),
        a_signal(1, place=ELSEWHERE, marked_on=old, receipt_hash="v" * 64),
    )

    with signals.work() as work:
        removed = work.signals.remove(TOWN, TODAY)
        work.commit()

    assert removed == 2
    assert [one.number for one in waiting(signals)] == [3]
    with signals.look() as look:
        assert [one.state for one in look.signals.waiting("village")] == [State.WAITING]
