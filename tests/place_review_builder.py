"""Reviews of places for tests, with sensible defaults. Everything asked and answered in them is made up."""

from typing import Any

from riskmap.place_review import rules
from riskmap.place_review.rules import PlaceReview, ReviewedPlace, Voice
from tests.council import NOW, TOWN

REASON_KK = "Санды полиция тізілімімен салыстырдық: ол дұрыс."
REASON_RU = "Число сверено с реестром полиции: оно верно."
REASONS = {"reason_kk": REASON_KK, "reason_ru": REASON_RU}


def a_reviewed_place(place_id: str = "892db0d9a0bffff", **changes: Any) -> ReviewedPlace:
    told = {
        "territory": TOWN,
        "region_id": f"{TOWN}/d1",
        "area_id": "d1",
        "place_id": place_id,
        "release_id": "2026-11-01-00000000-simulated",
        "is_simulated": True,
    }
    return ReviewedPlace(**told | changes)


def a_voice(receipt: str = "1", doubt: str = "number", text: str = "", *, at=NOW) -> Voice:
    return rules.voice(doubt, text, at=at, receipt_hash=receipt.rjust(64, "0"))


def a_review(number: int = 1, *voices: Voice, place: ReviewedPlace | None = None) -> PlaceReview:
    """An open review with these voices, or with one of its own."""
    first, *others = voices or [a_voice(f"{number}")]
    review = rules.begin(place or a_reviewed_place(), first, number=number)
    for another in others:
        review = rules.join(review, another)
    return review


def answered(review: PlaceReview, outcome: str = "stands", *, at=NOW, key: str = "k", **changes: str) -> PlaceReview:
    told = {"role": "steward", "account_id": "a1", "version": review.version, "at": at, "key": key}
    return rules.close(review, outcome, REASONS | changes, **told)
