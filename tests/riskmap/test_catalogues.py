"""The catalogues: complete in three languages, in the words agreed, asked for by code that exists."""

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from geodata.faults import Fault
from geodata.offences import OFFENCE_GROUPS
from models.baselines import BASELINES
from models.contenders import SERVED
from riskmap import wording
from riskmap.wording import LANGUAGES

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
NBSP = "\u00a0"

FORBIDDEN = {
    "kk": (
        "қауіпті (аудан|жер|аумақ|аймақ|өңір)",
        "қылмысты (аудан|жер|аумақ)",
        "криминал(ды|дық) (аудан|аумақ|өңір)",
        "қызыл (аймақ|аудан)",
        "рейтинг",
        r"\bтоп\b",
        "жасыр",
        "болжанған қылмыс",
        "қылмыскерлік ошағы",
        "(?<!қоғамдық )қауіпсіздік кеңесі",
        "қоғамдық кеңес",
    ),
    "ru": (
        r"опасн\w+ (район|мест|территори|зон)",
        r"криминальн\w+ (район|мест|территори|зон)",
        r"красн\w+ зон",
        "рейтинг",
        r"\bтоп\b",
        r"\bскры[втл]",
        r"\bсокры",
        r"\bукры[втл]",
        r"предсказанн\w+ преступлени",
        r"очаг\w* преступности",
        "совет безопасности",
        "общественн(ый|ого|ом) совет",
    ),
    "en": (
        r"dangerous (district|place|area|neighbou?rhood|zone)",
        r"criminal (district|place|area|neighbou?rhood|zone)",
        r"red zone",
        r"\brating\b",
        r"\btop\b",
        r"\bhidden\b",
        r"\bhotspot",
        r"predicted crime",
        "public council",
    ),
}

STAFF_ONLY = {"kk": ("қылмыскерлік ошағы",), "ru": (r"очаг\w* преступности",), "en": (r"\bhotspot",)}
"""Words of the texts `hotspots.*`, which stand on the pages of reviewers alone."""

NUMBERS = ("n", "cells", "areas", "windows")
"""Placeholders that stand for a count of things."""


@cache
def texts(language: str) -> dict[str, tuple[str, ...]]:
    """Every key of a catalogue with its text, or its plural forms."""
    return {
        str(message.id if isinstance(message.id, str) else message.id[0]): (
            (message.string,) if isinstance(message.string, str) else tuple(message.string)
        )
        for message in catalogue(language)
        if message.id
    }


@cache
def catalogue(language: str) -> Catalog:
    with (ROOT / "riskmap" / "locale" / language / "LC_MESSAGES" / "riskmap.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def sentences(language: str) -> list[tuple[str, str]]:
    """Key and text of a catalogue, one pair for each plural form."""
    return [(key, form) for key, forms in texts(language).items() for form in forms]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


# ---- The three catalogues are one ----


def test_the_three_languages_have_the_same_texts():
    kk, ru, en = (set(texts(language)) for language in LANGUAGES)

    assert kk ^ ru == set()
    assert kk ^ en == set()


def test_a_text_has_the_same_placeholders_in_all_its_forms_and_languages():
    found = {
        key: {frozenset(placeholders(form)) for language in LANGUAGES for form in texts(language)[key]}
        for key in texts("kk")
    }

    assert {key: sets for key, sets in found.items() if len(sets) != 1} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_plain_names(language: str):
    odd = [
        (key, name)
        for key, text in sentences(language)
        for _, name, spec, conversion in Formatter().parse(text)
        if name is not None and (not name.isidentifier() or spec or conversion)
    ]

    assert odd == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_stands_twice_in_a_catalogue(language: str):
    source = (ROOT / "riskmap" / "locale" / language / "LC_MESSAGES" / "riskmap.po").read_text(encoding="utf-8")
    keys = re.findall(r'^msgid "(.+)"$', source, flags=re.MULTILINE)

    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_padded(language: str):
    odd = [key for key, text in sentences(language) if not text or text != text.strip() or "  " in text]

    assert odd == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_left_as_uncertain(language: str):
    assert [message.id for message in catalogue(language) if message.id and message.fuzzy] == []


def test_keys_are_small_words_joined_by_dots():
    assert [key for key in texts("kk") if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+|emergency|fresh", key)] == []


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_kazakh_and_russian_sentences_hold_no_latin_words_but_names(language: str):
    known = (
        "riskmap|PAI|PEI|ProMap|MIT|H3|English|eng|api|v1|health|release|cells|cell|mapping|JPEG|PNG|WebP|PDF|"
        "[0-9a-f]{15}"
    )
    latin = [
        (key, word)
        for key, text in sentences(language)
        for word in re.findall(r"[A-Za-z][A-Za-z0-9]*", re.sub(r"\{+\w+\}+|[0-9a-f]{15}", "", text))
        if not re.fullmatch(known, word)
    ]

    assert latin == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_letter_of_another_alphabet_hides_inside_a_word(language: str):
    mixed = [
        (key, word)
        for key, text in sentences(language)
        for word in re.findall(r"\w+", text)
        if re.search(r"[a-z]", word, re.IGNORECASE) and re.search(r"[\u0400-\u04ff]", word)
    ]

    assert mixed == []


def test_russian_texts_hold_no_kazakh_letters():
    odd = [key for key, text in sentences("ru") if re.search("[әғқңөұүһі]", text.lower())]

    assert set(odd) <= {"language.kk", "language.short.kk"}


# ---- Grammar and words ----


def endings_on_placeholders(text: str) -> list[str]:
    return re.findall(r"\}[-'’‑]?\w", re.sub(r"\{\{|\}\}", "", text))


@pytest.mark.parametrize("text", ["{x}-да болды", "{x}ға дейін", "{x}’ның саны", "{x}‑де"])
def test_a_case_ending_on_a_placeholder_is_found(text: str):
    assert endings_on_placeholders(text) != []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_placeholder_takes_an_ending(language: str):
    assert [(key, text) for key, text in sentences(language) if endings_on_placeholders(text)] == []


def test_no_kazakh_word_after_a_placeholder_asks_for_a_case_on_it():
    """Words such as «дейін» govern a case that the value cannot show; the bare form would be a mistake."""
    governing = "дейін|қарай|дейінгі|бастап|кейін|бұрын|басқа|артық|кем|асады|жетеді|тең|қарағанда|сәйкес|гөрі"
    odd = [(key, text) for key, text in sentences("kk") if re.search(rf"\}}[\s{NBSP}]+({governing})\b", text)]

    assert odd == []


def test_a_kazakh_noun_stays_singular_after_a_number():
    plural = re.compile(rf"\{{({'|'.join(NUMBERS)})\}}\s+\w+(лар|лер|дар|дер|тар|тер)\b")

    assert [key for key, text in sentences("kk") if plural.search(text)] == []


def test_a_russian_number_comes_last_unless_the_text_has_plural_forms():
    names = "|".join(NUMBERS)
    odd = [
        key
        for key, forms in texts("ru").items()
        for text in forms
        if len(forms) == 1 and re.search(rf"\{{({names})\}}[\s{NBSP}]+[а-яё]", text)
    ]

    assert odd == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_range_is_written_with_an_en_dash_and_no_spaces(language: str):
    pairs = [("from", "to"), ("lo", "hi")]
    odd = [
        key
        for key, text in sentences(language)
        for first, last in pairs
        if f"{{{first}}}" in text and f"{{{first}}}–{{{last}}}" not in text
    ]

    assert odd == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_forbidden_word_is_used(language: str):
    odd = [
        (key, pattern)
        for key, text in sentences(language)
        for pattern in FORBIDDEN[language]
        if re.search(pattern, text.lower()) and not (key.startswith("hotspots.") and pattern in STAFF_ONLY[language])
    ]

    assert odd == []


def test_no_public_page_asks_for_a_text_of_reviewers():
    room = ROOT / "riskmap"
    public = [*(room / "public").glob("*.py"), *(room / "screens").glob("*.py"), *(room / "templates").glob("*.html")]
    asking = {path.name for path in public if '"hotspots.' in path.read_text(encoding="utf-8")}

    assert {name for name in asking if not name.startswith(("review_", "casework_", "steward_"))} == set()
    assert "review_list.html" in asking


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("kk", "бұл сан жасырылған"),
        ("kk", "қауіпті аудан"),
        ("kk", "ұлттық қауіпсіздік кеңесі"),
        ("ru", "число скрыто"),
        ("ru", "опасный район"),
        ("ru", "общественный совет"),
        ("en", "a dangerous district"),
        ("en", "the number is hidden"),
    ],
)
def test_forbidden_words_are_found(language: str, text: str):
    assert any(re.search(pattern, text) for pattern in FORBIDDEN[language])


def test_the_right_name_of_the_council_is_not_forbidden():
    assert not any(re.search(pattern, "қоғамдық қауіпсіздік кеңесі") for pattern in FORBIDDEN["kk"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_apostrophes_dashes_and_quotation_marks_are_typographic(language: str):
    odd = [key for key, text in sentences(language) if re.search(r"\s-\s|\"|'|\.\.\.", text)]

    assert odd == []


# ---- Closed sets have their texts ----


def test_every_offence_group_has_a_name():
    codes = {group.code for group in OFFENCE_GROUPS} | {"all"}

    assert {f"group.{code}" for code in codes} <= set(texts("kk"))


def test_every_fault_has_a_name_and_no_name_lacks_its_fault():
    named = {key for key in texts("kk") if key.startswith("fault.")}

    assert named == {f"fault.{fault}" for fault in Fault}


def test_every_model_of_the_scorecard_has_a_name():
    assert {f"model.{name}" for name in (*SERVED, *BASELINES)} <= set(texts("kk"))


@pytest.mark.parametrize("family", ["class.{}", "class.{}.long"])
def test_the_five_classes_read_differently_in_every_language(family: str):
    for language in LANGUAGES:
        words = wording.in_language(language)
        assert len({words.text(family.format(code)) for code in range(1, 6)}) == 5


# ---- Code asks only for what exists ----


def keys_asked_for(source: str, known: set[str]) -> set[str]:
    """Keys a module names: arguments of text() and plural(), and literals that begin like a family of keys.

    A part filled in later (an f-string) is shown as ``*``.
    """
    families = {key.split(".")[0] for key in known if "." in key}
    asked = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"text", "plural"}:
            asked |= {pattern_of(node.args[0])} if node.args else set()
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_key = re.fullmatch(r"([a-z]+)(\.[a-z0-9_]+)+", node.value)
            is_file = node.value.endswith(
                (".json", ".geojson", ".bin", ".py", ".css", ".js", ".parquet", ".csv", ".html")
            )
            asked |= {node.value} if is_key and is_key[1] in families and not is_file else set()
    return {key for key in asked if re.fullmatch(r"[a-z0-9_.*]+", key)}


def pattern_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "*" for part in node.values]
        return "".join(str(part) for part in parts)
    return ""


def is_known(asked: str, known: set[str]) -> bool:
    pattern = re.escape(asked).replace(r"\*", "[a-z0-9_.]+")
    return any(re.fullmatch(pattern, key) for key in known)


def speaking_modules() -> list[Path]:
    """Modules that ask for texts; a store shows none, and its columns are written like keys (``account.login``)."""
    room = ROOT / "riskmap"
    return [
        path for path in sorted(room.rglob("*.py")) if path.name != "wording.py" and room / "store" not in path.parents
    ]


def test_every_text_the_code_asks_for_exists():
    known = set(texts("kk"))
    modules = speaking_modules()
    missing = {
        f"{path.relative_to(ROOT)}: {asked}"
        for path in modules
        for asked in keys_asked_for(path.read_text(encoding="utf-8"), known)
        if not is_known(asked, known)
    }

    assert missing == set()


def values_left_out(source: str, known: dict[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    """Key and placeholder of each call of text() that names its key and all its values, but not that one."""
    left_out = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "text"
            and node.args
        ):
            given = {keyword.arg for keyword in node.keywords}
            key = pattern_of(node.args[0])
            if None not in given and key in known:
                left_out |= {(key, name) for name in placeholders(known[key][0]) - given}
    return left_out


def test_the_code_gives_every_text_its_values():
    known = texts("kk")
    modules = speaking_modules()
    left_out = {
        (str(path.relative_to(ROOT)), *gap)
        for path in modules
        for gap in values_left_out(path.read_text(encoding="utf-8"), known)
    }

    assert left_out == set()


def test_a_value_left_out_is_found_in_code():
    source = 'words.text("a.b", n=1); words.text("a.c", **values); words.text("a.d")'

    assert values_left_out(source, {"a.b": ("{n} {m}",), "a.c": ("{n}",), "a.d": ("x",)}) == {("a.b", "m")}


def test_a_key_nobody_wrote_is_found_in_code():
    known = {"map.hint", "class.1.long"}
    source = 'words.text("map.hnt"); words.text(f"class.{c}.long"); words.text(f"klass.{c}"); KEYS = {1: "map.tip"}'

    missing = {asked for asked in keys_asked_for(source, known) if not is_known(asked, known)}

    assert missing == {"map.hnt", "klass.*", "map.tip"}


def test_the_glossary_lists_exactly_the_texts_that_wait_for_a_kazakh_editor():
    waiting = {
        str(message.id if isinstance(message.id, str) else message.id[0]): message
        for message in catalogue("kk")
        if "[P]" in message.user_comments
    }
    expected = [f"| `{key}` | {texts('kk')[key][0]} | {texts('ru')[key][0]} |" for key in waiting]

    listed = re.findall(r"^\| `[a-z0-9_.]+` \|.*$", GLOSSARY.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert set(expected) - set(listed) == set(), "add these rows to docs/glossary.md"
    assert set(listed) - set(expected) == set(), "take these rows out of docs/glossary.md"
