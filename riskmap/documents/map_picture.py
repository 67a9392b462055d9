"""A drawing of areas as a PNG picture with its words: title, sentences, legend and source stand in the picture.

A picture travels without its page, so it never leaves without its sentence, period and link.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageFont

from riskmap.documents import fonts

SCALE = 2
"""Pixels of the picture for each pixel of the drawing."""
MARGIN = 24
WIDTH = 680
COLOURS = {
    "1": "#2b5c8a",
    "2": "#9fc3dd",
    "3": "#f1efe9",
    "4": "#e8b86b",
    "5": "#9c5a0b",
    "grey": "#d9d9d6",
    "plain": "#ffffff",
    "step1": "#f7f1e4",
    "step2": "#ebcb90",
    "step3": "#d19d49",
    "step4": "#a9691b",
    "step5": "#6f3a05",
}
"""Those of the site's drawings on paper."""
HATCHES = {"1": (1, 12), "5": (-1, 12), "grey": (1, 18)}
"""Slope and distance in pixels: classes differ without colour too."""
HATCH_GREY = "#8b8f92"
INK, SOFT, PAPER = "#1d2733", "#55616e", "#ffffff"
_STEP = re.compile(r"([Ml])(-?\d+) (-?\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An area: its path in whole pixels (``M``, ``l``, ``z`` alone), colour name and number; ``is_own`` is framed."""

    path: str
    key: str
    number: int | None = None
    middle: tuple[int, int] | None = None
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What stands around a drawing, each in order from above."""

    title: str = ""
    banner: str | None = None
    sentences: Sequence[str] = ()
    below: Sequence[str] = ()


def picture(
    shapes: Sequence[Shape],
    height: int,
    *,
    legend: Sequence[tuple[str, str]],
    words: Words,
    letters: float = 1.0,
) -> bytes:
    """PNG bytes; the drawing is ``WIDTH`` wide and ``height`` high, both in pixels before scaling.

    ``letters`` makes numbers and legend larger, for a picture that will be shown small.
    """
    above = _lines(words.title, 17, fonts.STRONG)
    if words.banner:
        above = [*_lines(words.banner, 12, fonts.STRONG), *above]
    for sentence in words.sentences:
        above += _lines(sentence, 13, fonts.REGULAR)
    below = [line for sentence in words.below for line in _lines(sentence, 11, fonts.REGULAR)]
    head = sum(size + 7 for _, size, _ in above)
    row = round(24 * letters)
    tail = sum(size + 6 for _, size, _ in below) + row * len(legend)
    total = MARGIN * 2 + head + 10 + height + 16 + tail
    image = Image.new("RGB", ((WIDTH + 2 * MARGIN) * SCALE, total * SCALE), PAPER)
    draw = ImageDraw.Draw(image)
    at = _write(draw, above, MARGIN, INK, gap=7) + 10
    _map(image, shapes, at, round(12 * letters))
    at += height + 16
    for key, text in legend:
        _swatch(image, key, at, letters)
        left = round(MARGIN + 36 * letters)
        draw.text((left * SCALE, at * SCALE), text, font=_font(round(12 * letters), fonts.REGULAR), fill=INK)
        at += row
    _write(draw, below, at, SOFT, gap=6)
    written = BytesIO()
    image.quantize(64, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


Line = tuple[str, int, int]


@cache
def _font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BytesIO(fonts.font_bytes(weight)), size * SCALE, layout_engine=ImageFont.Layout.BASIC)


def _lines(text: str, size: int, weight: int) -> list[Line]:
    """A text in lines that fit the width."""
    font, lines = _font(size, weight), [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > WIDTH * SCALE:
            lines.append(word)
        else:
            lines[-1] = longer
    return [(line, size, weight) for line in lines if line]


def _write(draw: ImageDraw.ImageDraw, lines: Sequence[Line], at: int, colour: str, *, gap: int) -> int:
    for text, size, weight in lines:
        draw.text((MARGIN * SCALE, at * SCALE), text, font=_font(size, weight), fill=colour)
        at += size + gap
    return at


def _map(image: Image.Image, shapes: Sequence[Shape], top: int, letter: int) -> None:
    draw = ImageDraw.Draw(image)
    drawn = [(shape, _rings(shape.path, top)) for shape in shapes]
    for shape, rings in drawn:
        _fill(image, rings, shape.key)
    for is_own in (False, True):
        for shape, rings in drawn:
            if shape.is_own == is_own:
                for ring in rings:
                    draw.line([*ring, ring[0]], fill=INK if is_own else "#ffffff", width=7 if is_own else 3)
                    if not is_own:
                        draw.line([*ring, ring[0]], fill=SOFT, width=1)
    for shape, _ in drawn:
        if shape.number is not None and shape.middle is not None:
            x, y = (MARGIN + shape.middle[0]) * SCALE, (top + shape.middle[1]) * SCALE
            draw.text(
                (x, y),
                str(shape.number),
                font=_font(letter, fonts.STRONG),
                fill=INK,
                anchor="mm",
                stroke_width=4,
                stroke_fill=PAPER,
            )


def _rings(path: str, top: int) -> list[list[tuple[int, int]]]:
    rings: list[list[tuple[int, int]]] = []
    x = y = 0
    for kind, right, down in _STEP.findall(path):
        if kind == "M":
            x, y = int(right), int(down)
            rings.append([])
        else:
            x, y = x + int(right), y + int(down)
        rings[-1].append(((MARGIN + x) * SCALE, (top + y) * SCALE))
    return [ring for ring in rings if len(ring) > 2]


def _fill(image: Image.Image, rings: Sequence[Sequence[tuple[int, int]]], key: str) -> None:
    """Colour and hatch what an even-odd filling of the rings covers."""
    if not rings:
        return
    xs, ys = zip(*(point for ring in rings for point in ring), strict=True)
    box = (min(xs), min(ys), max(xs) + 1, max(ys) + 1)
    mask = Image.new("1", (box[2] - box[0], box[3] - box[1]))
    for ring in rings:
        one = Image.new("1", mask.size)
        ImageDraw.Draw(one).polygon([(x - box[0], y - box[1]) for x, y in ring], fill=1)
        mask = ImageChops.logical_xor(mask, one)
    filled = mask.convert("L")
    image.paste(COLOURS.get(key, COLOURS["plain"]), box, filled)
    if key in HATCHES:
        hatch = _hatch(image.size, *HATCHES[key]).crop(box)
        image.paste(HATCH_GREY if key == "grey" else PAPER, box, ImageChops.multiply(filled, hatch))


@lru_cache(maxsize=4)
def _hatch(size: tuple[int, int], slope: int, step: int) -> Image.Image:
    found = Image.new("L", size)
    draw = ImageDraw.Draw(found)
    width, height = size
    for start in range(-height, width + height, step):
        draw.line([(start, 0), (start + slope * height, height)], fill=255, width=2)
    return found


def _swatch(image: Image.Image, key: str, at: int, letters: float) -> None:
    left, top, right, bottom = (
        round(value * SCALE) for value in (MARGIN, at, MARGIN + 26 * letters, at + 16 * letters)
    )
    box = [(left, top), (right, top), (right, bottom), (left, bottom)]
    _fill(image, [box], key)
    ImageDraw.Draw(image).line([*box, box[0]], fill=SOFT, width=1)
