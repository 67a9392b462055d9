"""Reasons in words: every theme reads in every language, and never as a cause."""

from itertools import product

import pytest

from models.reasons import Effect, Presence, Reason, Theme
from riskmap import wording
from riskmap.public import reasons_text
from riskmap.wording import LANGUAGES

VENUES = Reason(theme=Theme.VENUES, presence=Presence.MORE, factor=1.4)
LAMPS = Reason(theme=Theme.LIGHTING, presence=Presence.FEWER, factor=1.2)
QUIET = Reason(theme=Theme.OWN_RECORD, presence=Presence.FEWER, factor=0.5)


def test_a_cell_is_told_in_the_order_given_and_closes_with_the_note():
    told = reasons_text.of_cell([QUIET, VENUES], wording.in_language("en"))

    assert told == (
        "Incidents of this kind recorded here: few for such surroundings. This goes with a lower expected number.",
        "Late-night venues (within about 200 m): more than average. This goes with a higher expected number.",
        "These are associations in the data, not causes.",
    )


def test_an_area_is_told_without_metres():
    told = reasons_text.of_area([VENUES], wording.in_language("en"))

    assert told[0].startswith("Late-night venues (in this area): more than average.")


def test_fewer_may_go_with_more():
    (sentence, _) = reasons_text.of_cell([LAMPS], wording.in_language("ru"), reach_m=530)

    assert sentence == (
        "Уличные фонари (в радиусе около 530 м): меньше среднего. С этим связано более высокое ожидаемое число."
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_reason_it_is_said_that_nothing_stands_out(language):
    words = wording.in_language(language)

    assert reasons_text.of_cell([], words) == (words.text("reason.none"),)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_theme_reads_differently_in_each_presence_and_effect(language):
    words = wording.in_language(language)
    every = [
        Reason(theme=theme, presence=presence, factor=factor)
        for theme, presence, factor in product(Theme, Presence, (0.5, 2.0))
    ]

    told = [reasons_text.of_cell([one], words)[0] for one in every]

    assert len(set(told)) == len(every) == 4 * len(Theme)
    assert {one.effect for one in every} == set(Effect)
    assert not [sentence for sentence in told if "{" in sentence]


def test_a_release_can_hold_codes_alone():
    class Codes:
        theme, presence, effect = "park", "more", "lower"

    told = reasons_text.of_area([Codes()], wording.in_language("kk"))

    assert told[0] == "Саябақтар (осы аумақта): орташадан көп. Бұл төменірек күтілетін санмен байланысты."
