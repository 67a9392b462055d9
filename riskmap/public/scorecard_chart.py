"""Geometry of the chart of one scorecard, for templates/_scorecard.html: columns of what came, lines of forecasts.

Across, places are percents of the width, so that one drawing fits a phone and a desk without a script and its letters
keep their size; downwards they are pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from riskmap.public.scorecard import FORECAST, GroupCard, Window

HEIGHT_PX = 232
TOP_PX = 14
FLOOR_PX = 196
LABEL_PX = 218
LEFT, RIGHT = 13.0, 99.5
"""Percents of the width between which columns stand; left of them stands the axis."""
COLUMN_SHARE = 0.64
RANGE_SHARE = 0.34
MOST_TICKS = 5
DATED_EVERY = 4
FEW_PX = 5.0
"""Height of the empty column that stands for a total too small to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle: ``x`` and ``width`` in percents, ``y`` and ``height`` in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Box):
    """What came in one period; ``is_few`` where the number is too small to be told."""

    is_few: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One method: its points ``(x, y)`` and the lines ``(x1, y1, x2, y2)`` between those that follow each other."""

    name: str
    points: tuple[tuple[float, float], ...]
    lines: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All that the template draws. ``ticks`` hold a number and its height, ``days`` a day and its place."""

    columns: tuple[Column, ...]
    ranges: tuple[Box, ...]
    series: tuple[Series, ...]
    ticks: tuple[tuple[int, float], ...]
    days: tuple[tuple[date, float], ...]


def draw(card: GroupCard) -> Chart | None:
    """The chart of one group; None where no number of it can be told."""
    told = [value for window in card.windows for value in _values(window) if value is not None]
    if not told:
        return None
    step = _step(max(told))
    top = step * -(-max(told) // step)
    n = len(card.windows)
    names = [name for name in card.windows[0].expected if name != FORECAST]

    def height(value: float) -> float:
        return round(FLOOR_PX - (FLOOR_PX - TOP_PX) * value / top, 1)

    def middle(position: int) -> float:
        return round(LEFT + (RIGHT - LEFT) * (position + 0.5) / n, 3)

    def box(position: int, share: float, low: float, high: float) -> tuple[float, float, float, float]:
        width = (RIGHT - LEFT) / n * share
        return round(middle(position) - width / 2, 3), high, round(width, 3), round(low - high, 1)

    columns, ranges = [], []
    for position, window in enumerate(card.windows):
        y = FLOOR_PX - FEW_PX if window.registered is None else height(window.registered)
        x, y, width, tall = box(position, COLUMN_SHARE, FLOOR_PX, y)
        columns.append(Column(x=x, y=y, width=width, height=tall, is_few=window.registered is None))
        if window.range:
            x, y, width, tall = box(position, RANGE_SHARE, height(window.range[0]), height(window.range[1]))
            ranges.append(Box(x=x, y=y, width=width, height=tall))
    series = []
    for name in (*names, FORECAST):  # the forecast last, so that it lies on the others
        values = [window.expected.get(name) for window in card.windows]
        points = [None if value is None else (middle(i), height(value)) for i, value in enumerate(values)]
        series.append(_series(name, points))
    return Chart(
        columns=tuple(columns),
        ranges=tuple(ranges),
        series=tuple(series),
        ticks=tuple((value, height(value)) for value in range(0, top + 1, step)),
        days=tuple((card.windows[i].start, middle(i)) for i in range(0, n, DATED_EVERY)),
    )


def _values(window: Window) -> Iterator[int | None]:
    yield window.registered
    yield from window.expected.values()
    yield from window.range or ()


def _step(most: int) -> int:
    """The smallest round step that reaches ``most`` with few lines."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if -(-most // (size * factor)) <= MOST_TICKS:
                return size * factor
        size *= 10


def _series(name: str, points: Sequence[tuple[float, float] | None]) -> Series:
    return Series(
        name=name,
        points=tuple(point for point in points if point),
        lines=tuple((*one, *other) for one, other in pairwise(points) if one and other),
    )
