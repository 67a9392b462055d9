"""Colours told apart by everybody, and text that can be read; docs/accessibility.md has the figures.

Differences are CAM02-UCS; sight without one kind of cone after Machado, Oliveira and Fernandes (2009); contrast after
WCAG 2.1.
"""

import re
from itertools import combinations
from pathlib import Path

import pytest
from coloraide.everything import ColorAll as Color

from riskmap.public import map_view

SIGHTS = (None, "protan", "deutan", "tritan")
PAGES = Path(map_view.__file__).parent.parent / "assets" / "page.css"
THEMES = {"light": map_view.LIGHT, "dark": map_view.DARK}


def seen(colour, sight):
    return Color(colour).filter(sight) if sight else Color(colour)


def least_difference(colours, sight):
    return min(one.delta_e(other, method="cam02") for one, other in combinations([seen(c, sight) for c in colours], 2))


def contrast(one, other):
    return Color(one).contrast(other)


def page_colours(theme):
    """The named colours of the pages: the first of each name is the light theme's, the second the dark one's."""
    found = {}
    for name, colour in re.findall(r"--rm-([a-z-]+):\s*(#[0-9a-f]{6})", PAGES.read_text(encoding="utf-8")):
        found.setdefault(name, []).append(colour)
    return {name: colours[list(THEMES).index(theme)] for name, colours in found.items() if len(colours) == len(THEMES)}


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", THEMES)
def test_classes_and_steps_are_told_apart_with_any_sight(theme, sight):
    colours = THEMES[theme]

    assert least_difference(colours.classes[:5], sight) >= 20
    assert least_difference(colours.steps, sight) >= 13


@pytest.mark.parametrize("theme", THEMES)
def test_the_chosen_cell_stands_out_on_every_class(theme):
    colours = THEMES[theme]

    for ground in colours.classes:
        assert max(contrast(colours.selection, ground), contrast(colours.halo, ground)) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_marks_stand_out_from_the_halo_around_them(theme):
    assert contrast(THEMES[theme].mark, THEMES[theme].halo) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_text_links_and_warnings_can_be_read(theme):
    colours = page_colours(theme)
    assert {"text", "soft", "accent", "warn", "paper", "raised", "stripe"} <= set(colours)

    for ground in ("paper", "raised", "stripe"):
        assert contrast(colours["text"], colours[ground]) >= 7
        for name in ("soft", "accent", "warn"):
            assert contrast(colours[name], colours[ground]) >= 4.5
