"""The model card in words: what the model is for, what it must not be used for, how it did, who answers for it.

The same content becomes the page ``/model-card`` and docs/model_card.md (scripts/write_model_card.py). Numbers come
from the results of the benchmark, a JSON list of one entry for each model and case, written by
scripts/bench_risk_model.py; see `Result` for what is read of each.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from riskmap.errors import RiskMapError
from riskmap.wording import NO_BREAK_SPACE, Wording

HORIZON_DAYS = 30
BASE, MEAN = "eb", "long_run_mean"
PREFERRED = ("served", "stacked", BASE)
"""Which model of a case the card speaks of: the first of these that was tested."""
DATA_SETS = {
    "Toronto": "toronto",
    "Chicago": "chicago",
    "Greater Manchester": "manchester",
    "made-up city (simulated)": "made_up",
}
"""Data sets of the benchmark and the part of our keys that names them."""
GROUPS = {
    "Assault": "assault",
    "AGGRAVATED ASSAULT": "assault",
    "Auto Theft": "vehicle_theft",
    "Break and Enter": "burglary",
    "Burglary": "burglary",
    "Robbery": "robbery",
    "Theft Over": "theft",
}
"""Kinds of offences as publishers call them, and our groups; ours stand for themselves."""
OURS = frozenset(
    {
        *GROUPS.values(),
        "all",
        "antisocial_behaviour",
        "criminal_damage",
        "hooliganism",
        "theft_from_vehicle",
        "unspecified",
    }
)
"""Groups that may stand on a map; tests/riskmap/test_model_card.py compares them with those of geodata."""
NO_VALUE = "–"


class InvalidResults(RiskMapError, ValueError):
    """The file of benchmark results is not what this program reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a forecast is judged by: days and numbers of the success criterion and the stop rule."""

    set_on: date
    decided_by: date
    least_windows: int
    standard_errors: float
    stop_windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One model on one case of the benchmark, as means over its windows.

    ``poisson_deviance_gain`` and ``pai_5_gain`` are paired differences to ``eb``, positive where the model is better,
    with their standard errors ``…_error``. ``coverage_90`` is the share of counts inside the 90 % range. Other fields
    of an entry are passed over; one that is missing or null has no value.
    """

    data_set: str
    offence_group: str
    resolution: int
    horizon_days: int
    model: str
    n_windows: int
    pai_5: float | None = None
    poisson_deviance: float | None = None
    calibration_slope: float | None = None
    observed_over_expected: float | None = None
    pai_5_gain: float | None = None
    pai_5_gain_error: float | None = None
    poisson_deviance_gain: float | None = None
    poisson_deviance_gain_error: float | None = None
    coverage_90: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Heads and rows of text; the first cell of a row is its head."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the card: a heading, paragraphs, a list and a table, each where there is one."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    table: Table | None = None


def read_results(path: Path) -> tuple[Result, ...]:
    """Results of the benchmark; empty where the file does not exist.

    Raises
    ------
    InvalidResults
        If the file is not a list of entries that each name their case and model.
    """
    try:
        entries = json.loads(path.read_bytes())
        known = Result.__dataclass_fields__
        return tuple(Result(**{name: value for name, value in entry.items() if name in known}) for entry in entries)
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidResults(
            f"{path.name} is not a list of benchmark results: {error}. "
            "Write it with scripts/bench_risk_model.py --write."
        ) from error


def sections(
    words: Wording, terms: Terms, results: Sequence[Result] = (), *, contact: str | None = None
) -> tuple[Section, ...]:
    """The card in one language, in the order it is read.

    Parameters
    ----------
    contact : how the owner is reached; None where an installation names nothing
    """

    def several(*keys: str) -> tuple[str, ...]:
        return tuple(words.text(f"modelcard.{key}") for key in keys)

    def section(name: str, **content: Any) -> Section:
        return Section(name=name, title=words.text(f"modelcard.{name}.title"), **content)

    criterion = words.text(
        "scorecard.page.criterion",
        set_on=terms.set_on,
        decided_by=terms.decided_by,
        least=terms.least_windows,
        errors=words.number(terms.standard_errors),
    )
    return (
        section("what", paragraphs=several("what", "how")),
        section("use", items=several("use.places", "use.planning", "use.public")),
        section("never", items=several("never.people", "never.stops", "never.money", "never.proof")),
        section(
            "limits",
            items=several("limits.reports", "limits.excluded", "limits.dates", "limits.small", "limits.cause"),
        ),
        _numbers(words, results),
        section(
            "data",
            paragraphs=several("data"),
            items=several(*(f"data.{name}.source" for name in DATA_SETS.values())),
        ),
        section("oversight", paragraphs=several("oversight")),
        Section(name="criterion", title=words.text("scorecard.page.criterion.title"), paragraphs=(criterion,)),
        Section(
            name="stop",
            title=words.text("scorecard.page.stop.title"),
            paragraphs=(words.text("scorecard.page.stop", windows=terms.stop_windows),),
        ),
        section("contact", paragraphs=(_contact(words, contact),)),
    )


def _contact(words: Wording, contact: str | None) -> str:
    return words.text("modelcard.contact", contact=contact) if contact else words.text("modelcard.contact.none")


def _numbers(words: Wording, results: Sequence[Result]) -> Section:
    title = words.text("modelcard.numbers.title")
    cases = _cases(results)
    if not cases:
        return Section(name="numbers", title=title, paragraphs=(words.text("modelcard.numbers.none"),))
    better = sum(_is_lower(_own(case), case.get(MEAN)) for case in cases)
    worse = sum(_is_clearly_worse(_own(case)) for case in cases)
    heads = (
        *(words.text(f"modelcard.column.{name}") for name in ("data", "resolution", "pai", "gain", "deviance")),
        words.text("scorecard.column.slope"),
        *(words.text(f"modelcard.column.{name}") for name in ("level", "coverage")),
    )
    return Section(
        name="numbers",
        title=title,
        paragraphs=(
            words.text("modelcard.numbers", days=HORIZON_DAYS),
            words.text("modelcard.numbers.better", better=better, worse=worse, total=len(cases)),
            words.text("scorecard.help.pai"),
            words.text("scorecard.help.deviance"),
            words.text("scorecard.help.slope"),
        ),
        table=Table(heads=heads, rows=tuple(_row(words, case) for case in cases)),
    )


def _cases(results: Sequence[Result]) -> list[Mapping[str, Result]]:
    """Models by name of each case of the card's horizon, in the order of the results.

    A case in which baselines alone were tested is none.
    """
    cases: dict[tuple[str, str, int], dict[str, Result]] = {}
    for result in results:
        if result.horizon_days == HORIZON_DAYS:
            cases.setdefault((result.data_set, result.offence_group, result.resolution), {})[result.model] = result
    return [case for case in cases.values() if any(name in case for name in PREFERRED)]


def _own(case: Mapping[str, Result]) -> Result:
    return next(case[name] for name in PREFERRED if name in case)


def _is_lower(own: Result, other: Result | None) -> bool:
    if other is None or own.poisson_deviance is None or other.poisson_deviance is None:
        return False
    return own.poisson_deviance < other.poisson_deviance


def _is_clearly_worse(own: Result) -> bool:
    gain, error = own.poisson_deviance_gain, own.poisson_deviance_gain_error
    return gain is not None and error is not None and gain < -2.0 * error


def _row(words: Wording, case: Mapping[str, Result]) -> tuple[str, ...]:
    own = _own(case)

    def number(value: float | None, digits: int = 2) -> str:
        return NO_VALUE if value is None else words.number(value, digits=digits)

    def three(metric: str, digits: int) -> str:
        models = (own, case.get(BASE), case.get(MEAN))
        return f"{NO_BREAK_SPACE}/{NO_BREAK_SPACE}".join(
            number(getattr(model, metric) if model else None, digits) for model in models
        )

    is_base = own.model == BASE or own.pai_5_gain is None
    gain = NO_VALUE if is_base else f"{number(own.pai_5_gain)} ± {number(own.pai_5_gain_error)}"
    return (
        f"{_data_set(words, own.data_set)}, {_group(words, own.offence_group)}",
        words.number(own.resolution),
        three("pai_5", 1),
        gain,
        three("poisson_deviance", 3),
        number(own.calibration_slope),
        number(own.observed_over_expected),
        NO_VALUE if own.coverage_90 is None else f"{words.number(100 * own.coverage_90)}{NO_BREAK_SPACE}%",
    )


def _data_set(words: Wording, name: str) -> str:
    return words.text(f"modelcard.data.{DATA_SETS[name]}") if name in DATA_SETS else name


def _group(words: Wording, name: str) -> str:
    """Our name of a kind of offence; a kind nobody has named stands as its publisher wrote it."""
    code = GROUPS.get(name, name)
    return words.text(f"group.{code}") if code in OURS else code
