"""Plain HTML pages: the shell around every page that is not drawn by Streamlit, from Jinja templates.

Whatever is put into a template is escaped; nothing written by a person is ever marked safe. The pages need no inline
script, so their content policy forbids it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from riskmap import wording
from riskmap.public import static_files
from riskmap.wording import Wording

TEMPLATES = Path(__file__).parents[1] / "templates"
ASSETS = Path(__file__).parents[1] / "assets"
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:{pictures}; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Leaflet places things by style attributes, hence the styles."""
COUNTRY = "kazakhstan"
"""The territory whose map shows all regions."""
NO_TWIN = ("/account", "/casework", "/mark", "/review", "/sign-in", "/steward", "/release-desk", "/site")
"""Pages of people who sign in, and forms: these are not copied as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What a page shows of whoever is signed in; ``form_token`` goes into each of its forms.

    ``notices`` are ends of ``account.notice.*``: what they have to do about their account.
    """

    login: str
    form_token: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What every page needs around its content.

    ``path`` is the page's own address without language; ``query`` its other parameters. ``territory`` and
    ``place_name`` are None on pages about no place in particular.
    """

    words: Wording
    path: str
    query: Mapping[str, str]
    territory: str | None = None
    place_name: str | None = None
    is_simulated: bool = False
    visitor: Visitor | None = None

    def link(self, path: str, **query: str) -> str:
        """Address of another page of the site in the same language."""
        return address(path, lang=self.words.language, **query)

    def in_language(self, code: str) -> str:
        """Address of this page in another language."""
        if self.path == "/":
            return address(f"/{code}", **self.query)
        return address(self.path, **{**self.query, "lang": code})

    def text_twin(self) -> str:
        """Address of this page as text, or of the list of all such pages where it has none of its own."""
        is_own = not self.path.startswith(NO_TWIN) and self.path != "/"
        return f"/site/{self.words.language}/{self.path.strip('/') if is_own else 'index'}.html"


def address(path: str, **query: str) -> str:
    """A path with its query; parameters without a value are left out.

    Examples
    --------
    >>> address("/council/ulgiqala", lang="kk", state="")
    '/council/ulgiqala?lang=kk'
    """
    kept = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def render(
    template: str,
    shell: Shell,
    *,
    title: str,
    status: HTTPStatus = HTTPStatus.OK,
    tile_url: str | None = None,
    content_policy: str = CONTENT_POLICY,
    **values: Any,
) -> HTMLResponse:
    """One page. Templates get ``t`` (a text by its key), ``words``, ``shell``, ``title`` and the given values."""
    words = shell.words
    content = (
        _environment()
        .get_template(template)
        .render(
            shell=shell,
            words=words,
            t=words.text,
            title=title,
            languages=wording.LANGUAGES,
            country=COUNTRY,
            asset=_asset,
            **values,
        )
    )
    headers = {
        "content-security-policy": content_policy.format(pictures=static_files.picture_host(tile_url)),
        "cache-control": "no-store" if shell.visitor else "no-cache",
        "content-language": words.language,
    }
    return HTMLResponse(content, status_code=status, headers=headers)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["paragraphs"] = paragraphs
    return environment


def paragraphs(text: str) -> Markup:
    """A person's text with its paragraphs and line breaks, everything else escaped.

    Examples
    --------
    >>> str(paragraphs("<b>one</b>\\ntwo\\n\\nthree"))
    '<p>&lt;b&gt;one&lt;/b&gt;<br>two</p><p>three</p>'
    """
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return Markup("").join(Markup("<p>{}</p>").format(Markup("<br>").join(block.split("\n"))) for block in blocks)


def _asset(name: str) -> str:
    return static_files.versioned(f"/assets/{name}", root=ASSETS)
