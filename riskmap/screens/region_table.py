"""The regions of the country in the order of their codes: official numbers as a table, never as a ranking."""

import html

import streamlit as st

from riskmap.public import explain, map_panel
from riskmap.release import Area, Release
from riskmap.wording import Wording


def show(release: Release, words: Wording) -> None:
    """One row a region; its name leads to its place on the map."""
    rows = "".join(
        f'<tr><th scope="row"><a target="_self" href="{_address(release, area, words)}">'
        f"{html.escape(explain.area_name(area, words))}</a></th>"
        f"{_numbers(area, words)}</tr>"
        for area in release.areas
        if area.kind == "region"
    )
    official = release.manifest["official"]
    columns = "".join(
        f'<th scope="col">{html.escape(words.text(f"country.column.{name}", year=official["year"]))}</th>'
        for name in ("region", "count", "rate")
    )
    source = explain.official_source(release, words)
    st.html(
        f'<section class="rm-table"><h2>{html.escape(words.text("country.list.title"))}</h2>'
        '<div class="rm-scroll" tabindex="0">'
        f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<p>{html.escape(source)}</p><p>{html.escape(words.text('country.measure'))}</p></section>"
    )


def _address(release: Release, area: Area, words: Wording) -> str:
    return map_panel.address(lang=words.language, place=release.territory, area=area.area_id)


def _numbers(area: Area, words: Wording) -> str:
    if area.official_count is None or area.official_rate is None:
        return f'<td colspan="2">{html.escape(words.text("country.unknown"))}</td>'
    return f"<td>{words.number(area.official_count)}</td><td>{words.number(area.official_rate, digits=1)}</td>"
