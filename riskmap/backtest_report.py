"""The report of a backtest: one page without script or anything from outside, with tables and drawings.

For each offence group: every method's numbers, its paired difference from the base model with two standard errors,
expected against registered incidents, and the share of incidents caught window by window.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models import backtest
from models.backtest import Backtest
from riskmap.public.page import TEMPLATES
from riskmap.wording import Wording

BASE = "eb"
DRAWN = ("stacked", "eb", "long_run_mean")
"""Methods of the drawings over windows: ours and the plainest."""
CALIBRATED = ("stacked", "eb")
METRICS = ("poisson_deviance", "pai_5")
WIDTH, HEIGHT, LEFT, TOP, FLOOR = 360.0, 200.0, 44.0, 10.0, 172.0
SCALE_HALF = 100.0
"""Half of the width of a drawn difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method in a table. ``values`` are as they are read, None where undefined."""

    name: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One method beside the base model; ``low``, ``middle`` and ``high`` are places from 0 to 2 × `SCALE_HALF`."""

    name: str
    told: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A drawn method: points ``(x, y)`` and the text of a polyline through them."""

    model: str
    name: str
    points: tuple[tuple[float, float], ...]
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Series with the marks of both axes: a text and its place."""

    series: tuple[Series, ...]
    across: tuple[tuple[str, float], ...]
    upwards: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One offence group."""

    group: str
    lines: tuple[Line, ...]
    differences: Mapping[str, tuple[Difference, ...]]
    reliability: Drawing | None
    bands: tuple[Line, ...]
    hits: Drawing | None


def write(
    found: Backtest, words: Wording, *, territory: str, as_of: date, is_simulated: bool, horizon_days: int
) -> bytes:
    """The page in one language.

    Parameters
    ----------
    found : backtest of one or several groups; its reliability table has the column ``offence_group``
    territory : its name in that language
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    groups = found.windows["offence_group"].unique(maintain_order=True).to_list()
    page = environment.get_template("backtest_report.html").render(
        t=words.text,
        words=words,
        territory=territory,
        as_of=as_of,
        is_simulated=is_simulated,
        horizon_days=horizon_days,
        n_windows=found.windows["window_start"].n_unique(),
        sections=[_section(found, group, words) for group in groups],
        size=(WIDTH, HEIGHT, LEFT, TOP, FLOOR),
        half=SCALE_HALF,
    )
    return page.encode()


def _section(found: Backtest, group: str, words: Wording) -> Section:
    windows = found.windows.filter(pl.col("offence_group") == group)
    gaps = backtest.differences(windows, reference=BASE)
    bands = found.reliability.filter(pl.col("offence_group") == group)
    return Section(
        group=words.text(f"group.{group}"),
        lines=_lines(windows, words),
        differences={
            metric: _differences(gaps.filter(pl.col("metric") == metric), words) if gaps.height else ()
            for metric in METRICS
        },
        reliability=_reliability(bands, words),
        bands=_bands(bands, words),
        hits=_hits(windows, words),
    )


def _lines(windows: pl.DataFrame, words: Wording) -> tuple[Line, ...]:
    columns = ("pai_5", "hit_rate_5", "poisson_deviance", "observed_over_expected", "calibration_slope")
    return tuple(
        Line(
            name=words.text(f"model.{row['model']}"),
            values=tuple(_number(row[column], words, digits=3) for column in columns),
        )
        for row in backtest.summary(windows).iter_rows(named=True)
    )


def _differences(rows: pl.DataFrame, words: Wording) -> tuple[Difference, ...]:
    ends = [abs(row["difference"]) + 2 * (row["standard_error"] or 0.0) for row in rows.iter_rows(named=True)]
    farthest = max(ends, default=0.0) or 1.0

    def place(value: float) -> float:
        return round(SCALE_HALF * (1 + value / farthest), 1)

    return tuple(
        Difference(
            name=words.text(f"model.{row['model']}"),
            told=words.text(
                "report.backtest.gap",
                difference=words.number(row["difference"], digits=4),
                errors=words.number(2 * row["standard_error"], digits=4) if row["standard_error"] else "–",
            ),
            low=place(row["difference"] - 2 * (row["standard_error"] or 0.0)),
            middle=place(row["difference"]),
            high=place(row["difference"] + 2 * (row["standard_error"] or 0.0)),
        )
        for row in rows.sort("difference", descending=True).iter_rows(named=True)
    )


def _reliability(bands: pl.DataFrame, words: Wording) -> Drawing | None:
    """Registered against expected incidents of bands, per window and cell, both on logarithmic axes."""
    own = bands.filter(
        pl.col("model").is_in(CALIBRATED), pl.col("observed_incidents") > 0, pl.col("expected_incidents") > 0
    ).with_columns(
        x=(pl.col("expected_incidents") / pl.col("n_cells")).log10(),
        y=(pl.col("observed_incidents") / pl.col("n_cells")).log10(),
    )
    if own.is_empty():
        return None
    ends = [own.select(pl.min_horizontal("x", "y").min()).item(), own.select(pl.max_horizontal("x", "y").max()).item()]
    low, high = math.floor(ends[0]), max(math.ceil(ends[1]), math.floor(ends[0]) + 1)

    def across(value: float) -> float:
        return float(round(LEFT + (WIDTH - LEFT - 10) * (value - low) / (high - low), 1))

    def up(value: float) -> float:
        return float(round(FLOOR - (FLOOR - TOP) * (value - low) / (high - low), 1))

    marks = [(_number(10.0**power, words, digits=max(0, -power)) or "", power) for power in range(low, high + 1)]
    return Drawing(
        series=tuple(
            _series(model, [(across(x), up(y)) for x, y in own.filter(model=model).select("x", "y").iter_rows()], words)
            for model in CALIBRATED
            if own.filter(model=model).height
        ),
        across=tuple((text, across(power)) for text, power in marks),
        upwards=tuple((text, up(power)) for text, power in marks),
    )


def _bands(bands: pl.DataFrame, words: Wording) -> tuple[Line, ...]:
    columns = (("expected_incidents", 1), ("observed_incidents", 0), ("observed_over_expected", 2))
    return tuple(
        Line(
            name=words.number(row["band"]),
            values=tuple(_number(row[column], words, digits=digits) for column, digits in columns),
        )
        for row in bands.filter(model=CALIBRATED[0]).iter_rows(named=True)
    )


def _hits(windows: pl.DataFrame, words: Wording) -> Drawing | None:
    starts = windows["window_start"].unique().sort().to_list()
    highest = windows.filter(pl.col("model").is_in(DRAWN))["hit_rate_5"].max()
    if highest is None:
        return None
    top = max(0.1, math.ceil(10 * float(str(highest))) / 10)
    step = (WIDTH - LEFT - 20) / max(1, len(starts) - 1)

    def across(position: int) -> float:
        return round(LEFT + 6 + step * position, 1)

    def up(value: float) -> float:
        return round(FLOOR - (FLOOR - TOP) * value / top, 1)

    series = []
    for model in DRAWN:
        own = windows.filter(pl.col("model") == model).sort("window_start").drop_nulls("hit_rate_5")
        told = own.select("window_start", "hit_rate_5").iter_rows()
        series.append(_series(model, [(across(starts.index(start)), up(value)) for start, value in told], words))
    every = max(1, len(starts) // 4)
    return Drawing(
        series=tuple(one for one in series if one.points),
        across=tuple((words.date(starts[at]), across(at)) for at in range(0, len(starts), every)),
        upwards=tuple((_number(share, words, digits=2) or "", up(share)) for share in (0.0, top / 2, top)),
    )


def _series(model: str, points: Sequence[tuple[float, float]], words: Wording) -> Series:
    return Series(
        model=model,
        name=words.text(f"model.{model}"),
        points=tuple(points),
        line=" ".join(f"{x},{y}" for x, y in points),
    )


def _number(value: float | None, words: Wording, *, digits: int) -> str | None:
    return None if value is None else words.number(value, digits=digits)
