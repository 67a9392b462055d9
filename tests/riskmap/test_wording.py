"""How texts, numbers and days are written in the three languages."""

import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap import wording
from riskmap.wording import LANGUAGES, UnknownText, Wording
from tests.riskmap.test_catalogues import placeholders, texts

NBSP = "\u00a0"


# ---- The texts of a language ----


def test_kazakh_is_the_default():
    assert [wording.language_or_default(code) for code in (None, "", "xx", "де", "../ru", "k")] == ["kk"] * 6


@pytest.mark.parametrize(
    ("code", "language"), [("ru", "ru"), ("EN", "en"), ("kk-KZ", "kk"), ("ru_RU", "ru"), (" en ", "en")]
)
def test_codes_of_browsers_are_understood(code: str, language: str):
    assert wording.language_or_default(code) == language


@given(st.text())
def test_any_code_ends_at_a_language(code: str):
    assert wording.language_or_default(code) in LANGUAGES


def test_a_language_nobody_wrote_is_refused():
    with pytest.raises(ValueError, match="kk, ru, en"):
        Wording("de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_missing_text_is_an_error_that_names_it(language: str):
    words = wording.in_language(language)

    with pytest.raises(UnknownText, match=r"map\.hnt.*" + language):
        words.text("map.hnt")
    with pytest.raises(UnknownText, match=r"map\.hnt"):
        words.plural("map.hnt", 3)


def test_a_placeholder_without_a_value_is_an_error():
    with pytest.raises(TypeError, match=r"country\.region.*\{rate\}"):
        wording.in_language("ru").text("country.region", region="Астана", year=2023, n=17)


@pytest.mark.parametrize("value", [1.5, None, True, b"x"])
def test_a_value_without_one_way_of_writing_it_is_an_error(value: object):
    with pytest.raises(TypeError, match="number"):
        wording.in_language("kk").text("cli.deliver.rows_read", n=value)  # type: ignore[arg-type]


def test_values_are_written_in_the_language_of_the_text():
    answers = [
        wording.in_language(language).text("country.region", region="X", year=2023, n=12345, rate="61")
        for language in LANGUAGES
    ]

    assert answers == [
        f"X. 2023 жылы өндірісте болған қылмыстық құқық бұзушылықтар саны: 12{NBSP}345. 10 мың тұрғынға шаққанда: 61.",
        f"X. Уголовных правонарушений в производстве за 2023 год: 12{NBSP}345. На 10 тысяч жителей: 61.",
        "X. Criminal offences in proceedings in 2023: 12,345. That is 61 per 10,000 residents.",
    ]


def test_a_day_given_as_a_value_is_written_as_a_day():
    answer = wording.in_language("en").text("country.source", source="S", date=date(2024, 2, 1))

    assert answer == "Source: S, 01.02.2024."


def test_braces_in_a_value_stay_as_they_are():
    assert "{n}" in wording.in_language("kk").text("map.attribution", origin="{n}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_filled(language: str):
    words = wording.in_language(language)
    for key, forms in texts(language).items():
        values = dict.fromkeys(placeholders(forms[0]), "5")
        assert "{" not in words.text(key, **values).replace("{cell}", "")


@pytest.mark.parametrize(
    ("n", "written"),
    [(1, "1 место"), (3, "3 места"), (5, "5 мест"), (11, "11 мест"), (21, "21 место"), (1002, f"1{NBSP}002 места")],
)
def test_russian_has_three_plural_forms(n: int, written: str):
    assert wording.in_language("ru").plural("list.count", n) == written


def test_kazakh_has_one_form_after_any_number_and_english_two():
    assert [wording.in_language("kk").plural("list.count", n) for n in (1, 5)] == ["1 жер", "5 жер"]
    assert [wording.in_language("en").plural("list.count", n) for n in (1, 5)] == ["1 place", "5 places"]


def test_the_texts_of_a_language_are_shared():
    assert wording.in_language("ru") is wording.in_language("ru")


# ---- Numbers, days, ranges ----


@pytest.mark.parametrize(
    ("x", "digits", "local", "english"),
    [
        (0, 0, "0", "0"),
        (999, 0, "999", "999"),
        (1000, 0, f"1{NBSP}000", "1,000"),
        (1234567.891, 2, f"1{NBSP}234{NBSP}567,89", "1,234,567.89"),
        (0.5, 1, "0,5", "0.5"),
        (-1234.5, 1, f"−1{NBSP}234,5", "−1,234.5"),
        (-0.04, 1, "0,0", "0.0"),
    ],
)
def test_numbers_are_written_the_local_way(x: float, digits: int, local: str, english: str):
    assert wording.in_language("kk").number(x, digits) == local
    assert wording.in_language("ru").number(x, digits) == local
    assert wording.in_language("en").number(x, digits) == english


@given(st.integers(min_value=-(10**12), max_value=10**12), st.sampled_from(LANGUAGES))
def test_a_whole_number_can_be_read_back(x: int, language: str):
    written = wording.in_language(language).number(x)

    assert int(re.sub(f"[{NBSP},]", "", written).replace("−", "-")) == x


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=2, max_size=20, unique=True))
def test_numbers_in_order_do_not_change_their_width_order(values: list[int]):
    written = [wording.in_language("kk").number(value) for value in sorted(values)]

    assert all(len(first) <= len(second) for first, second in pairwise(written))


@pytest.mark.parametrize("x", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(x: float):
    with pytest.raises(ValueError, match="cannot be written"):
        wording.in_language("kk").number(x)


def test_a_range_has_an_en_dash_without_spaces():
    assert wording.in_language("kk").range(11, 28) == "11–28"
    assert wording.in_language("ru").range(0.5, 1234.5, digits=1) == f"0,5–1{NBSP}234,5"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_is_written_dd_mm_yyyy_in_every_language(language: str):
    assert wording.in_language(language).date(date(2026, 7, 1)) == "01.07.2026"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_period_names_its_last_day_not_the_day_after(language: str):
    words = wording.in_language(language)

    assert words.period(date(2025, 10, 1), date(2026, 10, 1)) == "01.10.2025–30.09.2026"
    assert words.first_and_last_day(date(2024, 2, 1), date(2024, 3, 1)) == ("01.02.2024", "29.02.2024")


def test_a_period_of_one_day_is_that_day():
    assert wording.in_language("kk").period(date(2026, 7, 1), date(2026, 7, 2)) == "01.07.2026"


def test_a_period_without_a_day_is_refused():
    with pytest.raises(ValueError, match="holds no day"):
        wording.in_language("kk").period(date(2026, 7, 1), date(2026, 7, 1))


def test_data_as_of_a_day_reads_as_a_sentence_in_every_language():
    languages = [wording.in_language(language) for language in LANGUAGES]

    answers = [words.text("panel.data_as_of", date_loc=words.date_locative(date(2026, 7, 1))) for words in languages]

    assert answers == [
        "Деректер: 2026 жылғы 1 шілдедегі жағдай бойынша.",
        "Данные на 01.07.2026.",
        "Data as of 01.07.2026.",
    ]


def test_each_kazakh_month_takes_the_ending_its_vowels_ask_for():
    words = wording.in_language("kk")
    months = [words.date_locative(date(2026, month, 9)).removeprefix("2026 жылғы 9 ") for month in range(1, 13)]

    assert months == [
        "қаңтардағы",
        "ақпандағы",
        "наурыздағы",
        "сәуірдегі",
        "мамырдағы",
        "маусымдағы",
        "шілдедегі",
        "тамыздағы",
        "қыркүйектегі",
        "қазандағы",
        "қарашадағы",
        "желтоқсандағы",
    ]
