"""Use cases of marks: limits, brigading, what the journal tells, retention, a mark killed half-way."""

from datetime import UTC, datetime, timedelta

import pytest

from riskmap import journal
from riskmap.assembly import in_memory_store
from riskmap.council import journal_desk
from riskmap.errors import TooManyAsks
from riskmap.identity.access import Role
from riskmap.journal import MarkedQuarter
from riskmap.signals import desk, limits, receipt, rules
from riskmap.signals.desk import SignalOffice
from riskmap.signals.limits import Gate
from riskmap.signals.rules import Category
from tests.council import NOW, TOWN, an_actor
from tests.signal_builder import ANSWERS, a_marked_place, a_signal

HERE = a_marked_place()


@pytest.fixture
def office(tmp_path, monkeypatch):
    # The cost of the hash is for whoever steals it; a thousand marks need not wait for it here.
    monkeypatch.setattr(receipt, "_COST", 2)
    store = in_memory_store(tmp_path)
    yield SignalOffice(store=store, journals=tmp_path / "journals", secret=b"s" * 32, gate=Gate())
    store.close()


def mark(office, key, place=HERE, category=Category.LIGHTING, *, address=None, at=NOW, answers=ANSWERS):
    return desk.mark(office, place, category, answers, key=str(key), address=address, at=at)


def test_a_thousand_supports_from_one_network_do_not_reach_the_first_ten(office, monkeypatch):
    monkeypatch.setattr(limits, "PER_TERRITORY_HOUR", 10**6)
    for place in range(10):
        for network in range(2):
            mark(office, f"{place} {network}", a_marked_place(f"p{place}"), address=f"10.{network}.{place}.1")

    taken, refused = 0, 0
    for number in range(1000):
        try:
            mark(office, number, address=f"203.0.113.{number % 250}", answers={}, at=NOW + timedelta(seconds=number))
            taken += 1
        except TooManyAsks:
            refused += 1

    queue = desk.queue(office, an_actor(Role.SECRETARY), TOWN)
    assert (taken, refused) == (1000, 0), "so many addresses stay below the limit of each"
    assert [heap.place.place_id for heap in queue].index(HERE.place_id) == 10
    assert (queue[10].heard, queue[10].counted) == (1000, 1)


def test_a_network_counts_once_a_day_for_a_place_and_category_and_another_one_counts_too(office):
    addresses = ["203.0.113.1", "203.0.113.2", "203.0.114.1", "2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:2::1"]

    same_day = [mark(office, address, address=address).signal.is_counted for address in addresses]
    other_category = mark(office, "dogs", category=Category.DOGS, address=addresses[0]).signal.is_counted
    next_day = mark(office, "late", address=addresses[0], at=NOW + timedelta(days=1)).signal.is_counted

    assert same_day == [True, False, True, True, False, True]
    assert (other_category, next_day) == (True, True)


def test_whoever_has_no_known_address_counts_as_one_neighbourhood(office):
    assert [mark(office, number).signal.is_counted for number in range(3)] == [True, False, False]


def test_the_key_of_the_limits_is_another_one_each_day_and_nothing_of_yesterday_is_left(office):
    mark(office, 1, address="203.0.113.1")
    before, held = office.gate._key, len(office.gate._moments)

    mark(office, 2, address="203.0.113.2", at=NOW + timedelta(days=1))

    assert office.gate._key != before
    assert len(office.gate._moments) == held == 2, "one territory and one address"
    assert b"203.0.113" not in repr(vars(office.gate)).encode()


def test_an_address_has_a_limit_a_day_beside_that_of_an_hour(office):
    for number in range(limits.PER_ADDRESS_DAY):
        hour = number // limits.PER_ADDRESS_HOUR
        mark(office, number, address="203.0.113.1", at=NOW + timedelta(hours=2 * hour))

    with pytest.raises(TooManyAsks, match="tomorrow"):
        mark(office, "more", address="203.0.113.1", at=NOW + timedelta(hours=10))


def test_everybody_together_has_a_limit_and_a_form_sent_again_needs_none(office, monkeypatch):
    monkeypatch.setattr(limits, "PER_TERRITORY_HOUR", 2)
    first = mark(office, 1)
    mark(office, 2)

    with pytest.raises(TooManyAsks, match="in an hour"):
        mark(office, 3)
    assert mark(office, 1) == first


def test_memory_of_the_limits_is_bounded(office, monkeypatch):
    monkeypatch.setattr(limits, "MOST_HASHES", 50)

    for number in range(100):
        office.gate.note(TOWN, f"10.0.{number}.1", "x", at=NOW)

    assert max(len(office.gate._moments), len(office.gate._counted)) == 50


def test_the_journal_tells_quarters_that_are_over_once_and_for_ever(office):
    summer, autumn = datetime(2026, 9, 30, 6, tzinfo=UTC), datetime(2026, 10, 1, 6, tzinfo=UTC)
    for number in range(6):
        mark(office, number, category=Category.NOISE, address=f"10.{number}.0.1", at=summer)
        mark(office, f"dog {number}", category=Category.DOGS, address=f"10.{min(number, 3)}.0.1", at=summer)
    journal_desk.publish(office.store, office.journals, TOWN, at=summer)
    running = journal.latest(office.journals, TOWN)

    mark(office, "first of autumn", at=autumn)
    told = journal.latest(office.journals, TOWN).marks
    with office.store.work() as work:
        work.signals.remove(TOWN, NOW.date() + timedelta(days=9))
        work.commit()
    journal_desk.publish(office.store, office.journals, TOWN, at=NOW)

    assert running.marks == ()
    assert told == (MarkedQuarter(quarter="2026-Q3", counts=(("d1", "noise", 6),)),)
    assert journal.latest(office.journals, TOWN).marks == told, "removing marks takes nothing back"


def test_one_more_support_nearby_cannot_be_seen(office):
    seen = []
    for number in range(12):
        mark(office, number, address=f"10.{number}.0.1")
        seen.append([one.at_least for one in desk.similar(office, HERE, Category.LIGHTING)])

    assert seen == [[]] * 4 + [[5]] * 5 + [[10]] * 3


def test_what_is_far_away_or_of_a_district_is_not_near(office):
    far = a_marked_place("892026109a3ffff")
    district = a_marked_place("d1")
    for number in range(5):
        mark(office, f"far {number}", far, address=f"10.{number}.0.1")
        mark(office, f"district {number}", district, address=f"10.{number}.1.1")

    assert desk.similar(office, HERE, Category.LIGHTING) == []
    assert desk.similar(office, district, Category.LIGHTING) == []


def test_a_secretary_of_one_district_finds_its_marks_alone(office):
    elsewhere = a_marked_place("d2", area_id="d2", region_id=f"{TOWN}/d2")
    with office.store.work() as work:
        work.signals.add(a_signal(1))
        work.signals.add(a_signal(2, place=elsewhere))
        work.commit()

    found = desk.queue(office, an_actor(Role.SECRETARY, f"{TOWN}/d2"), TOWN)

    assert [heap.place for heap in found] == [elsewhere]
    assert found == rules.heaps([a_signal(2, place=elsewhere)])
