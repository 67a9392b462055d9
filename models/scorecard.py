"""Past forecasts against what came, window by window, and what follows: the success criterion and the stop rule.

A forecast is compared with two naive ones, the long-run mean and last year's same days, place by place: by its Poisson
deviance on the tested cells (`hotspot_metrics.poisson_deviance`, lower is better). The *better baseline* of a card is
the one of the lower mean deviance over all windows of the card, the same for every window, so that no window is judged
against whichever baseline happened to be lucky in it.

**Stop rule.** In a window the forecast is *closer* when its deviance is lower than that of the better baseline. After
`StopRule.windows` windows in a row in which it is not, it is switched off from the last day of the third on, and the
long-run classes are served. It comes back after as many windows in a row in which it is closer. Each switch is
remembered as a `Turn`: windows of a later backtest lie on other days, and those that began before the last turn have
been judged already, so they undo none.

**Success criterion.** Over at least `Criterion.least_windows` windows the mean difference in deviance is more than
`Criterion.standard_errors` standard errors above zero.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl

from models.errors import InvalidRule, MismatchedSupport
from models.history import days_later
from models.seasonal_baseline import NAME as SAME_MONTH_LAST_YEAR

HORIZON_DAYS = 30
BASELINES = ("long_run_mean", SAME_MONTH_LAST_YEAR)
"""What a forecast has to beat on the scorecard."""

SCHEMA = pl.Schema(
    {
        "offence_group": pl.String(),
        "model": pl.String(),
        "resolution": pl.Int64(),
        "horizon_days": pl.Int64(),
        "window_start": pl.Date(),
        "incidents": pl.Int64(),
        "expected_incidents": pl.Float64(),
        "hit_rate_5": pl.Float64(),
        "poisson_deviance": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
    }
)
"""What a scorecard needs of `backtest.SCHEMA`; ``low`` and ``high``, the 90 % range of the total, may be missing."""

OPTIONAL = ("low", "high")


class Standing(StrEnum):
    """What the stop rule says of a forecast."""

    IN_USE = "in_use"
    WARNED = "warned"
    SWITCHED_OFF = "switched_off"
    UNTESTED = "untested"


class Outcome(StrEnum):
    """What the success criterion says of a forecast."""

    MET = "met"
    NOT_MET = "not_met"
    TOO_EARLY = "too_early"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """After how many windows in a row a forecast is warned, is switched off, and comes back.

    Raises
    ------
    InvalidRule
        Unless ``0 < warned_after < windows``.
    """

    windows: int = 3
    warned_after: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.warned_after < self.windows:
            raise InvalidRule(
                f"The stop rule warns after {self.warned_after} windows and stops after {self.windows}; "
                "a warning must come first, and after one window at least."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """When the forecast counts as a success: set before its numbers were known, decided on by a day."""

    set_on: date = date(2026, 11, 23)
    decided_by: date = date(2027, 12, 31)
    least_windows: int = 12
    standard_errors: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One model in one window, on the tested cells.

    ``expected`` incidents in total, with the 90 % range ``low`` to ``high`` where it is known; share of incidents in
    the riskiest 5 % of the area (None where nothing came); mean Poisson deviance per cell.
    """

    expected: float
    deviance: float
    hit_rate_5: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One window ``[start, end)``: incidents on the tested cells, the forecast and the baselines made on ``start``."""

    start: date
    end: date
    incidents: int
    forecast: Score
    baselines: Mapping[str, Score]

    def is_closer(self, baseline: str) -> bool:
        """Whether the forecast came closer to what was registered than this baseline."""
        return self.forecast.deviance < self.baselines[baseline].deviance


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Mean advantage in deviance over the windows, positive where the forecast is better, and its standard error."""

    mean: float
    standard_error: float | None
    n_windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The last time that the stop rule switched a forecast off, or on again."""

    is_off: bool
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the stop rule says, and since when.

    ``since`` is the day from which it holds: of ``in_use`` the start of the first window unless the forecast came
    back; None where untested. ``in_a_row`` windows, the latest last, in which the forecast was closer (positive) or
    was not (negative). ``turn`` is what a later judgement has to be told; None where nothing was ever switched off.
    """

    standing: Standing
    since: date | None = None
    in_a_row: int = 0
    turn: Turn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The scorecard of one offence group.

    ``baseline`` is the better one, ``n_closer`` the windows in which the forecast was closer than it; ``differences``
    hold the paired comparison with each baseline. Without windows of the forecast and of a baseline the card is empty
    and untested.
    """

    offence_group: str
    model: str
    horizon_days: int
    months: tuple[Month, ...]
    baseline: str | None
    differences: Mapping[str, Difference]
    n_closer: int
    verdict: Verdict
    outcome: Outcome


def cards(
    windows: pl.DataFrame,
    *,
    forecast: Mapping[str, str],
    horizon_days: int = HORIZON_DAYS,
    rule: StopRule | None = None,
    criterion: Criterion | None = None,
    turns: Mapping[str, Turn] | None = None,
) -> tuple[Card, ...]:
    """The scorecard of each offence group.

    Parameters
    ----------
    windows : `backtest.Backtest.windows` of one or several groups, or what `from_rows` makes of kept rows
    forecast : the model that forecasts each group; a group without windows of it gets an empty, untested card
    rule, criterion : the defaults where not given
    turns : the last turn of each group that earlier judgements have switched off

    Raises
    ------
    MismatchedSupport
        If a model has two rows for one window, as when resolutions are mixed.
    """
    if windows.height:
        windows = windows.filter((pl.col("horizon_days") == horizon_days) & pl.col("poisson_deviance").is_not_null())
    return tuple(
        _card(
            windows.filter(pl.col("offence_group") == group) if windows.height else windows,
            group,
            model,
            horizon_days=horizon_days,
            rule=rule or StopRule(),
            criterion=criterion or Criterion(),
            turn=(turns or {}).get(group),
        )
        for group, model in forecast.items()
    )


def turns_after(
    windows: pl.DataFrame, *, forecast: Mapping[str, str], turns: Mapping[str, Turn] | None = None
) -> dict[str, Turn]:
    """The last turn of each group, to be told to the next judgement; groups never switched off are left out.

    Long-run classes serve for those that are off. A group that is not forecast this time keeps its turn. Parameters and
    errors as of `cards`.
    """
    found = {card.offence_group: card.verdict.turn for card in cards(windows, forecast=forecast, turns=turns)}
    return {**(turns or {}), **{group: turn for group, turn in found.items() if turn is not None}}


def judge(
    is_closer: Sequence[bool],
    starts: Sequence[date],
    ends: Sequence[date],
    *,
    rule: StopRule,
    turn: Turn | None = None,
) -> Verdict:
    """What the stop rule says after these windows, the latest last.

    Parameters
    ----------
    is_closer : whether the forecast was closer than the better baseline, one for each window
    starts, ends : first day of each window, and the day after its last
    turn : how earlier judgements left it; what it says holds until whole windows since then turn it again

    Examples
    --------
    >>> first, end = date(2026, 1, 1), date(2026, 1, 31)
    >>> judge([True, False, False, False], [first] * 4, [end] * 4, rule=StopRule()).standing
    <Standing.SWITCHED_OFF: 'switched_off'>
    """
    is_off = turn is not None and turn.is_off
    if len(is_closer) < rule.windows and not is_off:
        return Verdict(standing=Standing.UNTESTED, turn=turn)
    since_turn, told_in_a_row, warned_since = 0, 0, None
    judged_from = turn.since if turn else None
    for closer, start, end in zip(is_closer, starts, ends, strict=True):
        told_in_a_row = _longer(told_in_a_row, closer)
        if judged_from is not None and start < judged_from:
            continue
        since_turn = _longer(since_turn, closer)
        if since_turn == -rule.warned_after:
            warned_since = end
        if since_turn == (rule.windows if is_off else -rule.windows):
            is_off, since_turn = not is_off, 0
            turn = Turn(is_off=is_off, since=end)
    is_warned = not is_off and since_turn <= -rule.warned_after
    standing = Standing.SWITCHED_OFF if is_off else Standing.WARNED if is_warned else Standing.IN_USE
    since = warned_since if is_warned else turn.since if turn else starts[0]
    return Verdict(standing=standing, since=since, in_a_row=told_in_a_row, turn=turn)


def _longer(in_a_row: int, closer: bool) -> int:
    return max(in_a_row, 0) + 1 if closer else min(in_a_row, 0) - 1


def to_rows(windows: pl.DataFrame, *, forecast: Mapping[str, str]) -> list[dict[str, object]]:
    """Rows of a backtest that a scorecard needs, as plain values for a score run's details: days in ISO form.

    Kept are the windows of `HORIZON_DAYS` of each group's forecast and of `BASELINES`, in the order of the frame.
    """
    kept = [name for name in SCHEMA if name in windows.columns]
    is_forecast = pl.lit(value=False)
    for group, model in forecast.items():
        is_forecast |= (pl.col("offence_group") == group) & (pl.col("model") == model)
    rows = windows.filter(
        (pl.col("horizon_days") == HORIZON_DAYS)
        & pl.col("offence_group").is_in(list(forecast))
        & (is_forecast | pl.col("model").is_in(BASELINES))
    )
    return rows.select(kept).with_columns(pl.col("window_start").cast(pl.String)).to_dicts()


def from_rows(rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """The frame that `to_rows` was given, as far as a scorecard needs it; columns of `SCHEMA`."""
    columns = {name: pl.String() if name == "window_start" else dtype for name, dtype in SCHEMA.items()}
    frame = pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=columns)
    return frame.with_columns(pl.col("window_start").str.to_date())


def _card(
    own: pl.DataFrame,
    group: str,
    model: str,
    *,
    horizon_days: int,
    rule: StopRule,
    criterion: Criterion,
    turn: Turn | None,
) -> Card:
    months = _months(own, model, horizon_days) if own.height else ()
    if not months:
        return Card(
            offence_group=group,
            model=model,
            horizon_days=horizon_days,
            months=(),
            baseline=None,
            differences={},
            n_closer=0,
            verdict=judge([], [], [], rule=rule, turn=turn),
            outcome=Outcome.TOO_EARLY,
        )
    # The mean gain over each baseline: it is smallest over the better one.
    differences = {name: _difference(months, name) for name in months[0].baselines}
    baseline = min(differences, key=lambda name: differences[name].mean)
    is_closer = [month.is_closer(baseline) for month in months]
    return Card(
        offence_group=group,
        model=model,
        horizon_days=horizon_days,
        months=months,
        baseline=baseline,
        differences=differences,
        n_closer=sum(is_closer),
        verdict=judge(is_closer, [m.start for m in months], [m.end for m in months], rule=rule, turn=turn),
        outcome=_outcome(differences[baseline], criterion),
    )


def _months(own: pl.DataFrame, model: str, horizon_days: int) -> tuple[Month, ...]:
    """Windows of the forecast in order, with the baselines that stand in all of them."""
    if own.select("model", "window_start").is_duplicated().any():
        raise MismatchedSupport(
            f"The windows of {own['offence_group'][0]} hold a model twice for one day; a scorecard is made of windows "
            "of one resolution. Give it one backtest at a time."
        )
    by_model = {
        name: {row["window_start"]: row for row in own.filter(pl.col("model") == name).to_dicts()}
        for name in (model, *BASELINES)
    }
    starts = sorted(by_model[model])
    baselines = [name for name in BASELINES if name != model and all(start in by_model[name] for start in starts)]
    if not baselines:
        return ()
    return tuple(
        Month(
            start=start,
            end=days_later(start, horizon_days),
            incidents=by_model[model][start]["incidents"],
            forecast=_score(by_model[model][start]),
            baselines={name: _score(by_model[name][start]) for name in baselines},
        )
        for start in starts
    )


def _score(row: Mapping[str, float]) -> Score:
    return Score(
        expected=row["expected_incidents"],
        deviance=row["poisson_deviance"],
        hit_rate_5=row["hit_rate_5"],
        low=row.get("low"),
        high=row.get("high"),
    )


def _difference(months: Sequence[Month], baseline: str) -> Difference:
    gains = np.array([month.baselines[baseline].deviance - month.forecast.deviance for month in months])
    error = float(gains.std(ddof=1) / math.sqrt(gains.size)) if gains.size > 1 else None
    return Difference(mean=float(gains.mean()), standard_error=error, n_windows=int(gains.size))


def _outcome(difference: Difference, criterion: Criterion) -> Outcome:
    error = difference.standard_error
    if error is None or difference.n_windows < criterion.least_windows:
        return Outcome.TOO_EARLY
    return Outcome.MET if difference.mean > criterion.standard_errors * error else Outcome.NOT_MET
