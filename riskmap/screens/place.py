"""One place: the sentence, the map, the list below it.

Everything that answers a tap stands in one fragment, so a tap redraws words, never the map.
"""

import html
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit_folium import st_folium

from geodata.errors import InvalidCell
from riskmap.public import area_pages, base_map, council, explain, map_view, object_layer, page, place_map
from riskmap.public.council import Council
from riskmap.release import Area, PublishedCell, Release
from riskmap.screens import cell_list, council_panel, frame, method, region_table, review_panel
from riskmap.settings import Settings
from riskmap.wording import Wording

MAP_HEIGHT_PX = 560
UNKNOWN = '<span class="rm-swatch rm-unknown" aria-hidden="true"></span>'
NOT_COVERED = '<span class="rm-swatch rm-class-8" aria-hidden="true"></span>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the visitor has chosen; ``is_unknown`` when the address names a cell this release does not list."""

    cell: PublishedCell | None
    cell_id: str | None
    area: Area | None
    is_unknown: bool = False


def show(release: Release, settings: Settings, words: Wording) -> None:
    """The whole screen of a territory's newest release.

    A country with official totals opens on its regions; ``view=hexagons`` or a cell in the address leads to its cells.
    """
    if release.manifest["official"] and not {"view", "cell"} & set(st.query_params):
        release = release.without_cells()
    st.set_page_config(page_title=_title(release, words))
    if release.is_simulated:
        st.html(f'<p class="rm-simulated" role="note">{html.escape(words.text("simulated.banner"))}</p>')
    _answering(release, settings, words)
    method.show(release, words)


@st.fragment
def _answering(release: Release, settings: Settings, words: Wording) -> None:
    base = base_map.of(settings.tile_url, settings.basemap_file, settings.basemap_attribution)
    options = place_map.options(release, base=base)
    _remember_press(st.session_state.get(map_view.map_key(options)))
    group = _group(release)
    selection = _selection(release)
    found = council_panel.council_of(release, settings)

    words_column, map_column = st.columns([0.36, 0.64], gap="medium")
    with words_column:
        requests = _council_words(found, selection, words)
        places = "" if release.cells.size else frame.places_nav(settings, words)
        reviewed = _reviews(release, selection, settings, words)
        _panel(release, selection, group, words, requests=requests, places=places, reviewed=reviewed)
    with map_column:
        if len(release.groups) > 1:
            _group_select(release, words)
        state = place_map.state(
            release,
            words,
            group=group,
            cell=selection.cell_id,
            area=selection.area.area_id if selection.area else None,
            fly_to=place_map.surroundings(selection.cell_id) if st.session_state.get("fly_count") else None,
            fly_count=st.session_state.get("fly_count", 0),
            marks=council.marks(found, words) if found else (),
        )
        st.html(map_view.state_script(state), unsafe_allow_javascript=True)
        with st.container(key="map-of-cells" if release.cells.size else "map-of-areas"):
            st_folium(
                map_view.territory_map(options),
                key=map_view.map_key(options),
                returned_objects=["cell", "area"],
                use_container_width=True,
                height=MAP_HEIGHT_PX,
            )
        _legend(release, group, words)
    if release.cells.size:
        cell_list.show(release, group, words)
    else:
        region_table.show(release, words)


def _title(release: Release, words: Wording) -> str:
    if not release.cells.size:
        return words.text("page.country.title")
    return words.text("page.territory.title", territory=release.names[words.language])


def select(**chosen: str | None) -> None:
    """Put a choice into the address, so that the view can be shared; the map follows."""
    for name in ("cell", "area"):
        value = chosen.get(name)
        if value:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def _remember_press(picked: dict[str, Any] | None) -> None:
    """Take over a new press on the map; an old one must not undo a later choice from the list."""
    if picked and picked.get("n") != st.session_state.get("taken_press"):
        st.session_state["taken_press"] = picked.get("n")
        select(cell=picked.get("cell"), area=picked.get("area") if not picked.get("cell") else None)


def _group(release: Release) -> str:
    wanted = st.session_state.get("group") or st.query_params.get("group")
    return wanted if wanted in release.groups else next(iter(release.groups), "all")


def _group_select(release: Release, words: Wording) -> None:
    def keep() -> None:
        st.query_params["group"] = st.session_state["group"]

    st.selectbox(
        words.text("groups.label"),
        release.groups,
        index=release.groups.index(_group(release)),
        key="group",
        format_func=lambda code: words.text(f"group.{code}"),
        on_change=keep,
        filter_mode=None,
    )


def _selection(release: Release) -> Selection:
    cell_id, area_id = st.query_params.get("cell"), st.query_params.get("area")
    if cell_id and release.cells.size:
        try:
            cell = release.find(cell_id)
        except InvalidCell:
            return Selection(cell=None, cell_id=None, area=None, is_unknown=True)
        return Selection(cell=cell, cell_id=cell.cell_id if cell else cell_id, area=cell.area if cell else None)
    area = release.area_by_id.get(area_id) if area_id else None
    return Selection(cell=None, cell_id=None, area=area, is_unknown=bool(area_id and area is None))


def _reviews(release: Release, selection: Selection, settings: Settings, words: Wording) -> tuple[str, str]:
    """What is said of reviews of the chosen hexagon and of the area below it; a link to ask is there once."""
    cell = selection.cell
    of_cell = review_panel.about(release, cell.cell_id, settings, words) if cell else ""
    area = selection.area or release.whole
    return of_cell, review_panel.about(release, area.area_id, settings, words, may_ask=cell is None)


def _panel(
    release: Release,
    selection: Selection,
    group: str,
    words: Wording,
    *,
    requests: str,
    places: str,
    reviewed: tuple[str, str],
) -> None:
    parts = [f"<h1>{html.escape(release.names[words.language])}</h1>"]
    if selection.is_unknown:
        parts.append(f'<p class="rm-note" role="alert">{html.escape(words.text("error.unknown_cell"))}</p>')
    if selection.cell_id:
        parts.append(_cell_words(release, selection.cell, group, words, reviewed[0] + requests))
    elif not selection.area:
        hint = "panel.choose" if release.cells.size else "country.choose"
        parts.append(f'<p class="rm-hint">{html.escape(words.text(hint))}</p>')
        parts.append(requests)
    parts.append(_area_words(release, selection.area or release.whole, words, reviewed[1]))
    parts.append(_more_words(release, selection, words))
    parts.append(places)
    parts.append(_share_words(release, words))
    st.html(f'<section class="rm-panel" aria-live="polite">{"".join(parts)}</section>')


def _council_words(found: Council | None, selection: Selection, words: Wording) -> str:
    """Requests about the chosen hexagon, or the way to all of them; nothing where the map does not cover the place."""
    if found is None or (selection.cell_id and selection.cell is None):
        return ""
    if selection.cell is not None:
        return council_panel.about_cell(found, selection.cell.cell_id, words)
    return council_panel.about_place(found, words)


def _cell_words(release: Release, cell: PublishedCell | None, group: str, words: Wording, requests: str) -> str:
    answer = explain.cell_answer(release, cell, group, words)
    picture = map_view.swatch(answer.class_code) if cell else ""
    kind = f'<p class="rm-kind">{html.escape(words.text(f"group.{group}"))}</p>' if cell else ""
    first, *rest = (html.escape(sentence) for sentence in answer.sentences)
    close = f'<button type="button" class="rm-close">{html.escape(words.text("panel.close"))}</button>'
    return (
        f'<div class="rm-answer">{kind}<h2>{picture} {html.escape(answer.heading)}</h2><p class="rm-lead">{first}</p>'
        f"{''.join(f'<p>{sentence}</p>' for sentence in rest)}{requests}{close}</div>"
    )


def _area_words(release: Release, area: Area, words: Wording, reviewed: str) -> str:
    answer = explain.area_answer(release, area, words)
    sentences = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in answer.sentences)
    caveats = "".join(f"<p>{html.escape(caveat)}</p>" for caveat in answer.caveats)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(count)}</td></tr>'
        for name, count in answer.kinds
    )
    why = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in answer.why)
    why = _folded(words.text("reason.area.title"), why) if why else ""
    kinds = _folded(answer.kinds_heading, f"<table>{rows}</table>") if rows else ""
    return (
        f'<div class="rm-area"><h2>{html.escape(answer.heading)}</h2>{sentences}{kinds}{why}'
        f"{_folded(words.text('panel.not_included'), caveats) if release.cells.size else caveats}{reviewed}</div>"
    )


def _more_words(release: Release, selection: Selection, words: Wording) -> str:
    """The way to the page of the area that holds what is chosen."""
    path, cell = f"{area_pages.ADDRESS}/{release.territory}", None
    if selection.cell is not None:
        cell = selection.cell.cell_id
    elif selection.area is not None and selection.area is not release.whole:
        path = f"{path}/{selection.area.area_id}"
    link = page.address(path, lang=words.language, cell=cell or "")
    text = html.escape(words.text("area.kicker"))
    return f'<p class="rm-review"><a href="{html.escape(link)}" target="_self">{text}</a></p>'


def _folded(heading: str, content: str) -> str:
    """Content behind its heading, so that on a phone the map is not far below the sentence."""
    return f"<details><summary>{html.escape(heading)}</summary>{content}</details>"


def _share_words(release: Release, words: Wording) -> str:
    kept = {name: st.query_params.get(name) for name in frame.KEPT}
    link = frame.address(place=release.territory, lang=words.language, **kept)
    as_of = words.text("panel.data_as_of", date_loc=words.date_locative(release.as_of))
    identity = words.text("panel.release", id=release.release_id)
    return (
        f'<p class="rm-share"><a href="{link}" target="_self">{html.escape(words.text("panel.share"))}</a><br>'
        f"{html.escape(as_of)}<br>{html.escape(identity)}</p>"
    )


def _legend(release: Release, group: str, words: Wording) -> None:
    if release.cells.size:
        title, is_step = words.text("legend.title"), False
        entries = [(code, words.text(explain.CLASS_KEYS[code])) for code in range(1, 8)]
        notes = (
            *explain.legend_notes(release, group, words),
            words.text("legend.merged"),
            words.text("legend.marks"),
            *object_layer.legend(release, words),
        )
    else:
        title, is_step = words.text("country.legend.title", year=release.manifest["official"]["year"]), True
        entries = list(enumerate(place_map.step_names(release, words), start=1))
        notes = (words.text("country.not_ranking"),)
    if release.is_simulated:
        notes = (words.text("map.simulated"), *notes)
    notes = (*notes, words.text("map.attribution", origin=release.manifest["origin"][words.language]))
    items = "".join(f"<li>{map_view.swatch(code, is_step=is_step)} {html.escape(name)}</li>" for code, name in entries)
    if is_step:
        items += f"<li>{UNKNOWN} {html.escape(words.text('country.unknown'))}</li>"
    else:
        items += f"<li>{NOT_COVERED} {html.escape(words.text('grey.not_covered'))}</li>"
    lines = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    st.html(
        f"<style>{map_view.swatch_css()}</style>"
        f'<section class="rm-legend"><h2>{html.escape(title)}</h2><ul>{items}</ul>{lines}</section>'
    )
