"""Rules of marks: questions, heaps, what is told, receipts, seals of forms."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import UnfitFields
from riskmap.signals import opened, receipt, rules
from riskmap.signals.opened import Pace
from riskmap.signals.rules import Category
from tests.council import NOW
from tests.signal_builder import ANSWERS, TODAY, a_marked_place, a_signal, refused

SECRET = b"s" * 32
DIGITS = st.text("0123456789", min_size=15, max_size=15)


@pytest.mark.parametrize("category", Category)
def test_every_category_has_questions_a_kind_and_answers_of_its_own(category):
    asked = rules.questions(category)

    assert rules.answered(category, {name: choices[0] for name, choices in asked.items()}).keys() == asked.keys()
    assert category in rules.KIND_OF
    assert ("what" in asked) == (category is not Category.OTHER)


def test_what_was_not_offered_is_dropped_and_an_unanswered_question_is_a_fault():
    assert rules.answered(Category.LIGHTING, ANSWERS | {"text": "Айдос, 12-пәтер"}) == ANSWERS
    with pytest.raises(UnfitFields) as told:
        rules.answered(Category.LIGHTING, ANSWERS | {"what": "stray", "when": "<script>"})

    assert [fault.field for fault in told.value.faults] == ["what", "when"]


def test_heaps_weigh_what_counts_and_the_older_of_two_equal_ones_comes_first():
    other = a_marked_place("d2", area_id="d2")
    loud = [a_signal(number, is_counted=number == 1) for number in range(1, 1001)]
    quiet = [a_signal(number, place=other, marked_on=TODAY - timedelta(days=1)) for number in (1001, 1002)]
    gone = a_signal(1003, category=Category.DOGS, settlement=refused())

    found = rules.heaps([*loud, *quiet, gone])

    assert [(heap.place.place_id, heap.counted, heap.heard) for heap in found] == [
        ("d2", 2, 2),
        (a_marked_place().place_id, 1, 1000),
    ]
    assert found[1].answers["when"] == {"night": 1000}
    assert found[1].newest == 1000


def test_the_quarter_that_runs_and_small_counts_are_not_told():
    days = [
        ("d1", Category.NOISE, date(2026, 7, 1), 3),
        ("d1", Category.NOISE, date(2026, 9, 30), 2),
        ("d1", Category.DOGS, date(2026, 9, 30), 4),
        ("d2", Category.DOGS, date(2026, 6, 30), 4),
        ("d1", Category.NOISE, date(2026, 10, 1), 90),
    ]

    assert rules.told_counts(days, today=date(2026, 12, 31)) == {
        "2026-Q2": [],
        "2026-Q3": [("d1", Category.NOISE, 5)],
    }


@given(DIGITS, st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_of_a_receipt_is_found(digits, at, other):
    whole = digits + receipt.check_digit(digits)
    wrong = whole[:at] + str((int(whole[at]) + other) % 10) + whole[at + 1 :]

    assert receipt.read(whole) == receipt.read(receipt.spaced(whole)) == whole
    assert receipt.read(wrong) is None


@given(DIGITS, st.integers(0, 14))
def test_two_neighbours_swapped_are_found(digits, at):
    whole = digits + receipt.check_digit(digits)
    swapped = whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :]

    assert (receipt.read(swapped) == swapped) == (whole[at] == whole[at + 1])


def test_a_form_sent_twice_has_one_receipt_and_another_key_or_installation_another():
    first = receipt.of_form(SECRET, "k")

    assert receipt.of_form(SECRET, "k") == first == receipt.read(first)
    assert len({first, receipt.of_form(SECRET, "l"), receipt.of_form(b"t" * 32, "k")}) == 3
    assert first not in receipt.kept_hash(SECRET, first)
    assert receipt.kept_hash(SECRET, first) != receipt.kept_hash(b"t" * 32, first)


def test_the_picture_is_one_element_without_an_address_or_a_script():
    drawn = receipt.picture("1234567890123452")

    assert drawn.startswith("<svg")
    assert drawn.endswith("</svg>")
    assert "http" not in drawn
    assert "script" not in drawn


@pytest.mark.parametrize(
    ("seconds", "pace"), [(2, Pace.TOO_FAST), (3, Pace.FITS), (86_400, Pace.FITS), (86_401, Pace.TOO_OLD)]
)
def test_a_form_takes_a_persons_time(seconds, pace):
    sealed = opened.seal(SECRET, "k", at=NOW)

    assert opened.pace(SECRET, "k", sealed, at=NOW + timedelta(seconds=seconds)) is pace


@pytest.mark.parametrize("sealed", ["", "0", "1.x", "²." + "0" * 32, "9" * 400 + ".a"])
def test_a_made_up_seal_and_one_of_another_form_are_none(sealed):
    later = NOW + timedelta(minutes=1)

    assert opened.pace(SECRET, "k", sealed, at=later) is Pace.TOO_OLD
    assert opened.pace(SECRET, "l", opened.seal(SECRET, "k", at=NOW), at=later) is Pace.TOO_OLD
