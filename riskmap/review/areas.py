"""Areas for reviewers: what is expected in each, its rate, the range of places it may hold, and its hours.

Read from a run's details (`riskmap.pipeline.review_details`); a run without them tells what is expected alone. Areas
stand in the order of their names: a list ordered by rate would be a contest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEW = 5
"""With fewer incidents in a year an area has no rate: it would be the number itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Incidents per 10 000 person-years of the last year with the ends of the 90 % interval."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Range of places of ``of`` areas, 1 the highest rate; never a single place."""

    highest: int
    lowest: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Shares by bin of one scale (parts of the day from 0, weekdays from Monday) with 90 % intervals.

    ``shares`` is None where too few incidents tell.
    """

    incidents: int
    shares: Sequence[tuple[float, float, float]] | None


def rate_of(details: Mapping[str, Any], group: str, area_id: str) -> Rate | None:
    """Rate of an area; None where residents are unknown, incidents are few, or the run does not say."""
    told = _told(details, "areas", group, area_id)
    if not told or told["incidents"] < FEW:
        return None
    return Rate(rate=told["rate"], low=told["low"], high=told["high"])


def places_of(details: Mapping[str, Any], group: str, area_id: str) -> Places | None:
    """Range of places of an area; None where it has no place in the list.

    Where the draws leave one place only, its neighbour is told with it: even then the next year may change them.
    """
    told = _told(details, "areas", group, area_id)
    if not told or told["ranked"] < 2:
        return None
    highest, lowest, ranked = told["highest"], told["lowest"], told["ranked"]
    if highest == lowest:
        highest, lowest = (highest, lowest + 1) if lowest < ranked else (highest - 1, lowest)
    return Places(highest=highest, lowest=lowest, of=ranked)


def profile_of(details: Mapping[str, Any], group: str, area_id: str, scale: str) -> Profile | None:
    """Parts of the day or weekdays of an area; None where the run does not say or the area is too small for it."""
    told = _told(details, "times", group, area_id).get(scale)
    if not told:
        return None
    shares = told["shares"]
    return Profile(
        incidents=told["incidents"],
        shares=None if shares is None else [(share, low, high) for share, low, high in shares],
    )


def default_hours(details: Mapping[str, Any], group: str, area_id: str) -> tuple[int, ...]:
    """Hours that stand out in an area because clocks were set to them by default."""
    return tuple(_told(details, "times", group, area_id).get("default_hours", ()))


def _told(details: Mapping[str, Any], what: str, group: str, area_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = details.get(what, {}).get(group, {}).get(area_id, {})
    return found
