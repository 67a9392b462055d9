"""Anonymous marks for tests, with sensible defaults. Everything in them is made up."""

from datetime import date
from typing import Any

from riskmap.council.request import civil_day
from riskmap.signals.rules import Category, MarkedPlace, Refusal, Settlement, Signal, State
from tests.council import NOW, TOWN

ANSWERS = {"what": "lamps_off", "when": "night", "how_often": "daily", "feels_unsafe": "yes"}
TODAY = civil_day(NOW)


def a_marked_place(place_id: str = "892db0d9a0bffff", **changes: Any) -> MarkedPlace:
    told = {
        "territory": TOWN,
        "region_id": f"{TOWN}/d1",
        "area_id": "d1",
        "place_id": place_id,
        "is_simulated": True,
    }
    return MarkedPlace(**told | changes)


def a_signal(number: int = 1, **changes: Any) -> Signal:
    told = {
        "place": a_marked_place(),
        "number": number,
        "category": Category.LIGHTING,
        "answers": ANSWERS,
        "marked_on": TODAY,
        "is_counted": True,
        "receipt_hash": f"{number}".rjust(64, "0"),
    }
    return Signal(**told | changes)


def refused(on: date = TODAY, *, account_id: str = "a1") -> Settlement:
    return Settlement(state=State.REFUSED, on=on, account_id=account_id, role="secretary", refusal=Refusal.NOT_FOUND)


def in_request(number: int, on: date = TODAY, *, account_id: str = "a1") -> Settlement:
    return Settlement(state=State.IN_REQUEST, on=on, account_id=account_id, role="secretary", request_number=number)
