"""Public pages as they are read: short sentences, one language, numbers as Kazakhstan writes them, no headline words.

The limits are rules of thumb for plain language, counted by words: they find what to look at, they do not prove that
somebody understands it.
"""

import re
from html.parser import HTMLParser

import pytest

from riskmap import site, wording
from riskmap.settings import REPOSITORY
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient

MOST_WORDS = {"kk": 28, "ru": 32, "en": 36}
"""In one sentence. Kazakh says in one word what takes two or three in Russian or English."""
USUAL_WORDS = 16
"""The middle sentence of a page has at most so many."""
SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=[A-ZА-ЯӘҒҚҢӨҰҮІЁ«“0-9])")
LATIN = re.compile(r"[A-Za-z]{3,}")
CYRILLIC = re.compile(r"[А-Яа-яӘәҒғҚқҢңӨөҰұҮүІіЁё]{3,}")
LATIN_AS_WRITTEN = re.compile(
    r"https?://\S+|/[\w/.{}?=&:-]+|\w+\.(?:csv|json|geojson|parquet|bin|kz|txt|md)|[\w-]*simulated\w*|\bulg-[\w-]+"
)
KEY = re.compile(r"\b[a-z_]+(?:\.[a-z_]+){1,}\b")
ISO_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b(?!-[0-9a-f]{8})")
COMMA_THOUSANDS = re.compile(r"\d,\d{3}(?!\d)")
HEADLINE = re.compile(
    r"қауіпті аудан|ең қауіпті|самый опасн|опасный район|most dangerous|dangerous (?:area|district)", re.I
)
CITATION = "riskmap: "
"""How a citation begins: it is the same in every language, with the days of its files."""
THEMSELVES = frozenset({"riskmap", "MIT", "SHA", "SUMS", "PAI", "PEI", "ProMap", "qamqor", "release"})
THEMSELVES |= {"Kazakhstan", "Ulgiqala"}
"""Names of programs, licences, measures and sites, and what stands in citations."""
PO = REPOSITORY / "riskmap" / "locale" / "en" / "LC_MESSAGES" / "riskmap.po"
KEYS = re.compile(r'^msgid "([a-z_.0-9]+)"$', re.M)
SKIPPED = frozenset({"script", "style", "code", "pre", "svg", "option", "title", "textarea"})
BREAKING = frozenset(
    [
        "p",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "td",
        "th",
        "dt",
        "dd",
        "summary",
        "caption",
        "label",
        "button",
        "figcaption",
        "div",
        "section",
        "a",
    ]
)


class Text(HTMLParser):
    """What a person reads of a page, block by block; names in another language are marked so by the page."""

    def __init__(self, language):
        super().__init__(convert_charrefs=True)
        self.language, self.blocks, self.inside = language, [""], []

    def handle_starttag(self, tag, attrs):
        if tag in ("input", "br", "meta", "link", "img", "path", "use", "circle", "rect", "line", "hr"):
            return
        own = dict(attrs).get("lang", self.language)
        self.inside.append((tag, own))
        if tag in BREAKING:
            self.blocks.append("")

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass
        if tag in BREAKING:
            self.blocks.append("")

    def handle_data(self, data):
        if any(tag in SKIPPED or own != self.language for tag, own in self.inside):
            return
        self.blocks[-1] += data


@pytest.fixture(scope="module")
def pages(installation):
    """Text of every kind of public page, by language and address."""
    client = PublicClient(releases=installation.releases, journals=installation.data / "journals")
    common = [address for address in site.COMMON if address not in ("/model-card", "/severity-weights")]
    kinds = ("area", "regions", "compare", "not-on-map", "council", "data")
    addresses = [*common, *(f"/{kind}/{CITY}" for kind in kinds)]
    addresses += [f"/{kind}/{COUNTRY}" for kind in ("area", "regions", "not-on-map", "data")]
    addresses += [f"/scorecard/{CITY}", f"/area/{CITY}/ulg-01"]
    found = {}
    for language in wording.LANGUAGES:
        for address in [*addresses, f"/{language}"]:
            reader = Text(language)
            reader.feed(client.get(address, lang=language).text)
            blocks = (" ".join(block.replace("\xa0", " ").split()) for block in reader.blocks)
            found[language, address] = [block for block in blocks if block]
    return found


def sentences(blocks):
    return [one for block in blocks for one in SENTENCE.split(block) if len(one.split()) > 2]


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_no_sentence_is_longer_than_a_breath(pages, language):
    long = {
        address: found
        for (code, address), blocks in pages.items()
        if code == language and (found := [one for one in sentences(blocks) if len(one.split()) > MOST_WORDS[language]])
    }

    assert long == {}


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_middle_sentence_of_each_page_is_short(pages, language):
    middle = {}
    for (code, address), blocks in pages.items():
        lengths = sorted(len(one.split()) for one in sentences(blocks))
        if code == language and lengths:
            middle[address] = lengths[len(lengths) // 2]

    assert {address: words for address, words in middle.items() if words > USUAL_WORDS} == {}


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_pages_are_in_one_language_and_show_no_key_of_a_text(pages, language):
    keys = set(KEYS.findall(PO.read_text(encoding="utf-8")))
    foreign = CYRILLIC if language == "en" else LATIN

    found = {}
    for (code, address), blocks in pages.items():
        # What people asked for stands there in their own words.
        if code != language or (language == "en" and address.startswith("/council/")):
            continue
        plain = LATIN_AS_WRITTEN.sub(" ", " ".join(blocks))
        words = {word for word in foreign.findall(plain) if word not in THEMSELVES}
        words |= {key for key in KEY.findall(plain) if key in keys}
        if words:
            found[address] = sorted(words)

    assert found == {}


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_numbers_and_days_are_written_as_in_kazakhstan_and_no_place_is_called_dangerous(pages, language):
    found = {}
    for (code, address), blocks in pages.items():
        patterns = [ISO_DAY, *([] if language == "en" else [COMMA_THOUSANDS])]
        # The page for journalists says which words are not to be written.
        patterns += [] if address == "/press" else [HEADLINE]
        told = " ".join(block for block in blocks if CITATION not in block)
        if code == language and (hits := [one.group() for pattern in patterns for one in pattern.finditer(told)]):
            found[address] = hits

    assert found == {}
