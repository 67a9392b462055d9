"""The part of a release's scorecard.json that tells each past forecast beside what came, month by month.

Totals are those of all tested cells of the territory, for one offence group and window. They are told in fives and,
below ten, only as fewer than ten: windows of two releases overlap, and exact totals would give single days by
subtraction.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from models import scorecard
from models.scorecard import Card, Criterion, Difference, Month, Score, StopRule, Turn

VERSION = 1
"""Of this part; a reader that knows another one leaves it out."""
TOLD_IN = 5
LEAST_TOLD = 10
FINE_SHARES_FROM = 100
"""Incidents from which on a share is told in whole percent; a finer share of fewer would tell how many they are."""
WINDOWS = "scorecard_windows"
"""Where a score run's details keep `models.scorecard.to_rows`."""


def monthly(details: Mapping[str, Any], groups: Iterable[str], *, model: str) -> dict[str, Any]:
    """``{"monthly": …}`` for scorecard.json; empty for a score run that kept no windows.

    Parameters
    ----------
    details : of the score run; ``served`` may name the ``model`` of each group
    groups : published offence groups
    model : the model of the groups for which nothing else is named
    """
    if WINDOWS not in details:
        return {}
    rule, criterion = StopRule(), Criterion()
    found = scorecard.cards(
        scorecard.from_rows(details[WINDOWS]),
        forecast=forecast_of(details["served"], groups, model=model),
        rule=rule,
        criterion=criterion,
        turns=turns_of(details.get("turns_before", {})),
    )
    return {
        "monthly": {
            "version": VERSION,
            "told_in": TOLD_IN,
            "least_told": LEAST_TOLD,
            "stop_rule": asdict(rule),
            "criterion": {name: _plain(value) for name, value in asdict(criterion).items()},
            "groups": [_group(card) for card in found],
        }
    }


def turns_of(told: Mapping[str, Mapping[str, Any]]) -> dict[str, Turn]:
    """Turns of the stop rule as a score run's details keep them."""
    return {group: Turn(is_off=one["is_off"], since=date.fromisoformat(one["since"])) for group, one in told.items()}


def turns_told(turns: Mapping[str, Turn]) -> dict[str, dict[str, Any]]:
    """The other way round from `turns_of`."""
    return {group: {"is_off": turn.is_off, "since": turn.since.isoformat()} for group, turn in turns.items()}


def forecast_of(served: Mapping[str, Mapping[str, Any]], groups: Iterable[str], *, model: str) -> dict[str, str]:
    """The model that forecasts each group: the one the gate names for it, or else ``model``."""
    return {group: str(served[group].get("model") or model) for group in groups}


def told(total: float | None) -> int | None:
    """A total as it may be published: the nearest five, half upwards; None below ten.

    Examples
    --------
    >>> [told(total) for total in (0, 9.9, 10, 12.5, 141)]
    [None, None, 10, 15, 140]
    """
    return None if total is None or total < LEAST_TOLD else TOLD_IN * math.floor(total / TOLD_IN + 0.5)


def _group(card: Card) -> dict[str, Any]:
    return {
        "offence_group": card.offence_group,
        "model": card.model,
        "horizon_days": card.horizon_days,
        "baseline": card.baseline,
        "n_closer": card.n_closer,
        "differences": {name: _difference(difference) for name, difference in card.differences.items()},
        "standing": card.verdict.standing.value,
        "since": _plain(card.verdict.since),
        "in_a_row": card.verdict.in_a_row,
        "outcome": card.outcome.value,
        "windows": [_window(month, card.baseline) for month in card.months],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "mean": round(difference.mean, 5),
        "standard_error": None if difference.standard_error is None else round(difference.standard_error, 5),
        "n_windows": difference.n_windows,
    }


def _window(month: Month, baseline: str | None) -> dict[str, Any]:
    is_small = told(month.incidents) is None
    scores = {"forecast": month.forecast, **month.baselines}
    return {
        "from": month.start.isoformat(),
        "to": month.end.isoformat(),
        "registered": told(month.incidents),
        "expected": {name: told(score.expected) for name, score in scores.items()},
        "range": _range(month.forecast),
        "hit_rate_5": None if is_small else _share(month.forecast.hit_rate_5, of=month.incidents),
        "poisson_deviance": None if is_small else {name: round(score.deviance, 4) for name, score in scores.items()},
        "is_closer": baseline is not None and month.is_closer(baseline),
    }


def _share(share: float | None, *, of: int) -> float | None:
    steps = 100 if of >= FINE_SHARES_FROM else 20
    return None if share is None else math.floor(share * steps + 0.5) / steps


def _range(score: Score) -> list[int] | None:
    """The 90 % range widened to fives; None where it is not known or reaches below ten."""
    if score.low is None or score.high is None or score.low < LEAST_TOLD:
        return None
    return [TOLD_IN * math.floor(score.low / TOLD_IN), TOLD_IN * math.ceil(score.high / TOLD_IN)]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
