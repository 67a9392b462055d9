"""What a release says of its past forecasts: read from its scorecard.json, ready to be shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from riskmap.errors import DamagedRelease, RiskMapError
from riskmap.public import shelf
from riskmap.release import Release

FILE = "scorecard.json"
VERSION = 1
"""Of the part ``monthly`` that this program reads; a release with another one shows the page without the months."""
FORECAST = "forecast"
FIRST_GROUP = "all"


class NoScorecard(RiskMapError, LookupError):
    """The release of this place holds no test of a forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One test period ``[start, end)``: rounded totals, None where they are too small to be told.

    ``expected`` holds the forecast under ``forecast`` and each simple method under its name; ``registered`` what came.
    """

    start: date
    end: date
    registered: int | None
    expected: Mapping[str, int | None]
    range: tuple[int, int] | None
    hit_rate_5: float | None
    is_closer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Mean advantage of the forecast over a simple method in Poisson deviance, with its standard error."""

    mean: float
    standard_error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCard:
    """One offence group: who was closer how often, and what the stop rule and the criterion say.

    ``baseline`` is the better of the simple methods, None where nothing could be tested.
    """

    offence_group: str
    baseline: str | None
    n_closer: int
    gains: Mapping[str, Gain]
    standing: str
    since: date | None
    outcome: str
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """The past forecasts of a release, month by month, with the rules they are judged by."""

    told_in: int
    least_told: int
    stop_windows: int
    least_windows: int
    standard_errors: float
    set_on: date
    decided_by: date
    groups: tuple[GroupCard, ...]

    @property
    def horizon_days(self) -> int | None:
        """Length of a test period in days; None where no group has one."""
        return next(((card.windows[0].end - card.windows[0].start).days for card in self.groups if card.windows), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The tests of one release: ``methods`` as means over all periods, ``months`` where the release has them."""

    release: Release
    methods: tuple[Mapping[str, Any], ...]
    months: Months | None


def latest(root: Path, territory: str) -> Scorecard:
    """The scorecard of the newest release of a place.

    Raises
    ------
    NoRelease, DamagedRelease
        As `release.read`; also where the file is not what a scorecard is.
    NoScorecard
        If the release has none, as one of official totals.
    """
    found = shelf.latest(root, territory)
    if not has_scorecard(found):
        raise NoScorecard(f"Release {found.release_id} of {territory} holds no {FILE}; it has no forecast to test.")
    methods, months = _read(found.folder)
    return Scorecard(release=found, methods=methods, months=months)


def has_scorecard(release: Release) -> bool:
    """Whether a release holds a test of its forecast."""
    return FILE in release.manifest["files"]


def months_of(release: Release) -> Months | None:
    """The past forecasts a release tells month by month; None where it has none."""
    return _read(release.folder)[1] if has_scorecard(release) else None


@lru_cache(maxsize=32)
def _read(folder: Path) -> tuple[tuple[Mapping[str, Any], ...], Months | None]:
    try:
        content = json.loads((folder / FILE).read_bytes())
        monthly = content.get("monthly", {})
        return tuple(content["models"]), _months(monthly) if monthly.get("version") == VERSION else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DamagedRelease(
            f"{FILE} of release {folder.name} is not a scorecard. Publish the release again."
        ) from error


def _months(monthly: Mapping[str, Any]) -> Months:
    criterion = monthly["criterion"]
    groups = sorted(monthly["groups"], key=lambda group: group["offence_group"] != FIRST_GROUP)
    return Months(
        told_in=monthly["told_in"],
        least_told=monthly["least_told"],
        stop_windows=monthly["stop_rule"]["windows"],
        least_windows=criterion["least_windows"],
        standard_errors=criterion["standard_errors"],
        set_on=date.fromisoformat(criterion["set_on"]),
        decided_by=date.fromisoformat(criterion["decided_by"]),
        groups=tuple(_group(group) for group in groups),
    )


def _group(group: Mapping[str, Any]) -> GroupCard:
    return GroupCard(
        offence_group=group["offence_group"],
        baseline=group["baseline"],
        n_closer=group["n_closer"],
        gains={
            name: Gain(mean=gain["mean"], standard_error=gain["standard_error"])
            for name, gain in group["differences"].items()
        },
        standing=group["standing"],
        since=date.fromisoformat(group["since"]) if group["since"] else None,
        outcome=group["outcome"],
        windows=tuple(_window(window) for window in group["windows"]),
    )


def _window(window: Mapping[str, Any]) -> Window:
    return Window(
        start=date.fromisoformat(window["from"]),
        end=date.fromisoformat(window["to"]),
        registered=window["registered"],
        expected=window["expected"],
        range=tuple(window["range"]) if window["range"] else None,
        hit_rate_5=window["hit_rate_5"],
        is_closer=window["is_closer"],
    )
