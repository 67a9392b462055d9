"""What every store does with reviews of places and their voices."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from riskmap.errors import ChangedMeanwhile
from riskmap.place_review import rules
from riskmap.ports import Store
from tests.contracts.council_builders import AWKWARD_TEXTS, keep_accounts
from tests.council import NOW, TOWN
from tests.place_review_builder import a_review, a_reviewed_place, a_voice, answered

OTHER_PLACE = a_reviewed_place("d2", area_id="d2", region_id=f"{TOWN}/d2")


@pytest.fixture
def reviews(store: Store) -> Store:
    keep_accounts(store, "a1")
    return store


def keep(store: Store, *reviews: rules.PlaceReview) -> None:
    with store.work() as work:
        for review in reviews:
            work.reviews.add(review)
        work.commit()


def save(store: Store, review: rules.PlaceReview) -> None:
    with store.work() as work:
        work.reviews.save(review)
        work.commit()


def found(store: Store, number: int = 1) -> rules.PlaceReview | None:
    with store.look() as look:
        return look.reviews.find(TOWN, number)


def test_a_review_comes_back_as_it_was_kept(reviews: Store):
    texts = [text[: rules.MOST_SIGNS_OF_TEXT] for text in AWKWARD_TEXTS]
    voices = [a_voice(f"{number}", "other", text) for number, text in enumerate(texts)]
    review = a_review(1, *voices)

    keep(reviews, review)

    assert found(reviews) == review
    assert found(reviews, 2) is None
    assert found(reviews, 2**40) is None


def test_a_voice_more_and_then_the_answer_are_kept(reviews: Store):
    review = a_review()
    keep(reviews, review)
    joined = rules.join(review, a_voice("2", "person", "Жалғыз үй", at=NOW + timedelta(microseconds=1)))
    closed = answered(joined, "coarser", at=NOW + timedelta(days=2))

    save(reviews, joined)
    save(reviews, closed)

    assert found(reviews) == closed


def test_one_review_of_a_place_is_open_at_a_time(reviews: Store):
    keep(reviews, a_review(1), a_review(2, place=OTHER_PLACE))

    with pytest.raises(sa.exc.IntegrityError, match="UNIQUE"):
        keep(reviews, a_review(3, a_voice("3")))


def test_an_answered_place_can_be_asked_about_again(reviews: Store):
    keep(reviews, a_review(1))
    save(reviews, answered(a_review(1)))
    keep(reviews, a_review(2))

    with reviews.look() as look:
        assert look.reviews.open_at(TOWN, a_reviewed_place().place_id) == a_review(2)
        assert look.reviews.open_at("elsewhere", a_reviewed_place().place_id) is None
        assert [review.number for review in look.reviews.of_territory(TOWN)] == [1, 2]
        assert look.reviews.next_number(TOWN) == 3
        assert look.reviews.next_number("elsewhere") == 1


@pytest.mark.parametrize("late", ["voice", "answer"])
def test_of_two_changes_from_one_reading_the_second_is_refused(reviews: Store, late: str):
    review = a_review()
    keep(reviews, review)
    save(reviews, rules.join(review, a_voice("2")))
    second = answered(review) if late == "answer" else rules.join(review, a_voice("3"))

    with pytest.raises(ChangedMeanwhile, match="Read it again"):
        save(reviews, second)

    assert found(reviews).version == 2


def test_nobody_joins_an_answered_review(reviews: Store):
    review = a_review()
    keep(reviews, review)
    save(reviews, answered(review))

    with pytest.raises(ChangedMeanwhile, match="is answered"):
        save(reviews, rules.join(rules.join(review, a_voice("2")), a_voice("3")))


def test_a_receipt_leads_to_its_review_whichever_voice_it_was_given_for(reviews: Store):
    review = a_review(1, a_voice("7"), a_voice("8"))
    keep(reviews, review)

    with reviews.look() as look:
        assert look.reviews.by_receipt("8".rjust(64, "0")) == review
        assert look.reviews.by_receipt("9".rjust(64, "0")) is None


def test_a_receipt_is_given_once(reviews: Store):
    keep(reviews, a_review(1, a_voice("7")))

    with pytest.raises(sa.exc.IntegrityError, match="receipt_hash"):
        keep(reviews, a_review(2, a_voice("7"), place=OTHER_PLACE))


def test_voices_are_counted_after_a_moment_by_territory_and_place(reviews: Store):
    voices = [a_voice(f"{minute}", at=NOW + timedelta(minutes=minute)) for minute in range(4)]
    village = a_review(1, a_voice("11"), place=a_reviewed_place(territory="village"))
    keep(reviews, a_review(1, *voices[:3]), a_review(2, voices[3], place=OTHER_PLACE), village)

    with reviews.look() as look:
        assert look.reviews.voices_since(TOWN, NOW) == 3
        assert look.reviews.voices_since(TOWN, NOW, place_id="d2") == 1
        assert look.reviews.voices_since(TOWN, NOW - timedelta(seconds=1), place_id=a_reviewed_place().place_id) == 3
        assert look.reviews.voices_since(TOWN, NOW + timedelta(minutes=3)) == 0
