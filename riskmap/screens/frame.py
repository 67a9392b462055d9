"""What every page shares: title, language switch, emergency line, places, footer."""

import html
from urllib.parse import urlencode

import streamlit as st

from riskmap import wording
from riskmap.public import map_panel, page, shelf, static_files
from riskmap.settings import ASSETS, Settings
from riskmap.wording import Wording

STYLE = ASSETS / "page.css"
PANEL_SCRIPT = "/assets/panel.js"

LISTEN = """
if (!window.riskmapListens) {
  window.riskmapListens = true;
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".rm-lang a");
    if (link) {
      const view = new URLSearchParams(window.location.search);
      view.set("lang", link.lang);
      link.href = "?" + view.toString();
    }
    event.target.closest(".rm-close")?.closest(".rm-answer").classList.add("rm-closed");
  });
}
"""
"""A change of language keeps what was chosen since the page was drawn; without it the links still work. On a phone the
answer lies over the foot of the page, beside the finger that asked, and can be put away."""


def begin(settings: Settings, words: Wording, *, place_name: str) -> None:
    """Head of the page. The language and the place are links, so that each view has an address of its own."""
    st.set_page_config(page_title=words.text("site.title"), layout="wide", initial_sidebar_state="collapsed")
    st.html(STYLE)
    # Streamlit fixes the document's language to English; screen readers need the true one.
    st.html(
        f"<script>document.documentElement.lang = {words.language!r};{LISTEN}{_panel_script()}</script>",
        unsafe_allow_javascript=True,
    )
    languages = "".join(_language_link(code, words, place_name) for code in wording.LANGUAGES)
    st.html(
        f'<header class="rm-head"><a class="rm-brand" href="/{words.language}" target="_self">'
        f'{_(words, "site.title")}</a><nav class="rm-lang" aria-label="{_(words, "nav.language")}">{languages}</nav>'
        f'<p class="rm-sub">{_(words, "site.subtitle")}</p>'
        f'<p class="rm-emergency"><a href="tel:102">{_(words, "emergency")}</a></p>'
        f"{_sections(settings, words, place_name)}</header>"
    )


def _panel_script() -> str:
    return f"import({static_files.versioned(PANEL_SCRIPT, root=ASSETS)!r});"


def _sections(settings: Settings, words: Wording, place_name: str) -> str:
    """The same ways on as in the head of a plain page (templates/layout.html)."""
    if _has_cells(settings, place_name):
        links = {
            page.address("/", place=place_name, view=map_panel.HEXAGONS, lang=words.language): "nav.map",
            page.address(f"/council/{place_name}", lang=words.language): "nav.council",
            page.address(f"/casework/{place_name}", lang=words.language): "nav.casework",
        }
    else:
        links = {
            page.address("/", place=page.COUNTRY, lang=words.language): "nav.country",
            page.address("/council", lang=words.language): "nav.council",
        }
    items = "".join(
        f'<a href="{html.escape(address)}" target="_self">{_(words, key)}</a>' for address, key in links.items()
    )
    return f'<nav class="rm-nav" aria-label="{_(words, "nav.label")}">{items}</nav>'


def _has_cells(settings: Settings, place_name: str) -> bool:
    try:
        return bool(shelf.latest(settings.releases, place_name).cells.size)
    except Exception:  # whatever it is, the page below says it and logs it
        return False


def end(settings: Settings, words: Wording) -> None:
    """Other places, and what the page is."""
    ways = {
        "/scorecard": "nav.scorecard",
        "/privacy": "privacy.title",
        "/press": "press.short",
        "/site": "site.twin.all",
    }
    links = "".join(
        f'<a href="{html.escape(page.address(path, lang=words.language))}" target="_self">{_(words, key)}</a>'
        for path, key in ways.items()
    )
    home = _query(place=page.COUNTRY, lang=words.language)
    country = f'<p><a href="?{home}" target="_self">{_(words, "nav.country")}</a></p>'
    st.html(
        f'<footer class="rm-foot">{country}{map_panel.places_nav(settings.releases, words)}'
        f'<p class="rm-foot-ways">{links}</p>'
        f"<p>{_(words, 'footer.places')}. {_(words, 'footer.licence')}.</p></footer>"
    )


def apologise(words: Wording, key: str, **values: str) -> None:
    """Say what happened and offer the next place to go."""
    st.html(
        f'<main class="rm-error"><h1>{html.escape(words.text(key, **values))}</h1>'
        f'<p><a href="/{words.language}" target="_self">{_(words, "error.home")}</a></p></main>'
    )


def _language_link(code: str, words: Wording, place_name: str) -> str:
    current = ' aria-current="true"' if code == words.language else ""
    kept = {key: st.query_params.get(key) for key in map_panel.KEPT}
    return (
        f'<a href="?{_query(lang=code, place=place_name, **kept)}" target="_self" lang="{code}" hreflang="{code}"'
        f"{current}>{_(words, f'language.short.{code}')}</a>"
    )


def _query(**parameters: str | None) -> str:
    return html.escape(urlencode({key: value for key, value in parameters.items() if value}))


def _(words: Wording, key: str) -> str:
    return html.escape(words.text(key))
