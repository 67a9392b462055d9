"""A page of the website, run by Streamlit's own test runner and read as a person reads it."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.pofile import read_po
from streamlit.testing.v1 import AppTest

from riskmap import wording
from riskmap.settings import REPOSITORY

PATIENCE_S = 60
LEAST_LETTERS = 14
"""Shorter pieces of text may stand in two languages by chance."""
PLACEHOLDER = re.compile(r"\{[a-z_]*\}")
SHOWN_ATTRIBUTES = ("aria-label", "title", "alt")


class _Reader(HTMLParser):
    """Texts outside scripts and styles, tags, and the targets of links."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._unseen += tag in ("script", "style")
        self.texts += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._unseen and data.strip():
            self.texts.append(re.sub(r"[ \t\r\n]+", " ", data).strip(" "))


class Page:
    """What stands on the page after a run; press a button and read again."""

    def __init__(self, app: AppTest) -> None:
        self.app = app

    @property
    def _read(self) -> _Reader:
        reader = _Reader()
        for part in self.app.get("html"):
            reader.feed(part.value)
        return reader

    @property
    def text(self) -> str:
        """All that can be read: texts in the page, labels and options of its controls."""
        controls = [button.label for button in self.app.button]
        for box in self.app.selectbox:
            controls += [box.label, *box.options]
        folded = [block.label for block in self.app.expander]
        return "\n".join([*self._read.texts, *controls, *folded])

    @property
    def links(self) -> list[str]:
        return self._read.links

    @property
    def scripts(self) -> str:
        return "\n".join(part.value for part in self.app.get("html") if "<script" in part.value)

    @property
    def has_map(self) -> bool:
        return any(type(part).__name__ == "UnknownElement" for part in self.app.main)


def open_page(data: Path, monkeypatch, **address: str) -> Page:
    """The page at ``/?place=…&lang=…`` of an installation, once it has been run."""
    monkeypatch.setenv("RISKMAP_DATA", str(data))
    monkeypatch.syspath_prepend(str(REPOSITORY))
    app = AppTest.from_file(REPOSITORY / "riskmap" / "website.py", default_timeout=PATIENCE_S)
    for name, value in address.items():
        app.query_params[name] = value
    return Page(app.run())


@cache
def pieces(language: str) -> frozenset[str]:
    """Every text of a language's catalogue, cut at its placeholders."""
    path = REPOSITORY / "riskmap" / "locale" / language / "LC_MESSAGES" / "riskmap.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    found = set()
    for message in catalogue:
        forms = message.string if isinstance(message.string, tuple | list) else [message.string]
        if message.id:
            found |= {piece.strip(" .:;,") for form in forms for piece in PLACEHOLDER.split(form)}
    return frozenset(piece for piece in found if len(piece) >= LEAST_LETTERS)


def foreign_texts(page: Page, language: str) -> list[str]:
    """Pieces of the other languages' catalogues that stand on the page and in no text of its own."""
    own = "\n".join(pieces(language))
    others = {piece for other in wording.LANGUAGES if other != language for piece in pieces(other)}
    text = page.text
    return sorted(piece for piece in others if piece in text and piece not in own)
