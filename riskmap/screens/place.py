"""One place: the sentence, the map, the list below it.

A choice on the map fills the words beside it without a run of this script (riskmap/public/map_panel.py); what is chosen
from the group or the list runs one fragment, which redraws words, never the map.
"""

import html
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from streamlit_folium import st_folium

from riskmap.council.request import civil_day
from riskmap.public import base_map, council, council_panel, explain, map_panel, map_view, object_layer, place_map
from riskmap.release import Release
from riskmap.screens import cell_list, method, region_table
from riskmap.settings import Settings
from riskmap.wording import Wording

MAP_HEIGHT_PX = 560
UNKNOWN = '<span class="rm-swatch rm-unknown" aria-hidden="true"></span>'
NOT_COVERED = '<span class="rm-swatch rm-class-8" aria-hidden="true"></span>'


def show(release: Release, settings: Settings, words: Wording) -> None:
    """The whole screen of a release, as `map_panel.opened` gives it."""
    st.set_page_config(page_title=_title(release, words))
    if release.is_simulated:
        st.html(f'<p class="rm-simulated" role="note">{html.escape(words.text("simulated.banner"))}</p>')
    _answering(release, settings, words)
    method.show(release, words)


@st.fragment
def _answering(release: Release, settings: Settings, words: Wording) -> None:
    sources = map_panel.Sources(
        releases=settings.releases, journals=settings.journals, today=lambda: civil_day(datetime.now(UTC))
    )
    base = base_map.of(settings.tile_url, settings.basemap_file, settings.basemap_attribution)
    options = place_map.options(release, base=base)
    _remember_press(st.session_state.get(map_view.map_key(options)))
    query, turn = st.query_params.to_dict(), st.session_state.get("fly_count", 0)
    group = map_panel.group_of(release, st.session_state.get("group") or query.get("group"))
    chosen = map_panel.selection(release, cell_id=query.get("cell"), area_id=query.get("area"))

    found = council_panel.council_of(release, settings.releases, settings.journals)
    state = place_map.state(
        release,
        words,
        group=group,
        cell=chosen.cell_id,
        area=chosen.area.area_id if chosen.area else None,
        fly_to=place_map.surroundings(chosen.cell_id) if turn else None,
        fly_count=turn,
        marks=council.marks(found, words) if found else (),
    )

    words_column, map_column = st.columns([0.36, 0.64], gap="medium")
    with words_column:
        inner = map_panel.content(release, chosen, words, group=group, sources=sources, query=query)
        st.html(map_panel.section(release, words, group=group, query=query, inner=inner, turn=turn))
    with map_column:
        if len(release.groups) > 1:
            _group_select(release, group, words)
        if periods := map_panel.periods_nav(release, words, settings.releases, query):
            st.html(periods)
        _map(release, options, state)
        _legend(release, group, words)
    if release.cells.size:
        cell_list.show(release, group, words)
    else:
        region_table.show(release, words)


def _map(release: Release, options: map_view.MapOptions, state: map_view.MapState) -> None:
    st.html(map_view.state_script(state), unsafe_allow_javascript=True)
    with st.container(key="map-of-cells" if release.cells.size else "map-of-areas"):
        st_folium(
            map_view.territory_map(options),
            key=map_view.map_key(options),
            returned_objects=["cell", "area"],
            use_container_width=True,
            height=MAP_HEIGHT_PX,
        )


def _title(release: Release, words: Wording) -> str:
    if not release.cells.size:
        return words.text("page.country.title")
    return words.text("page.territory.title", territory=release.names[words.language])


def _remember_press(picked: dict[str, Any] | None) -> None:
    """Take over a new press on the map; an earlier one must not undo a choice from the list."""
    is_from_list = st.session_state.pop(cell_list.OPENED, False)
    if picked and picked.get("n") != st.session_state.get("taken_press"):
        st.session_state["taken_press"] = picked.get("n")
        if is_from_list:
            return
        cell = picked.get("cell")
        for name, value in (("cell", cell), ("area", None if cell else picked.get("area"))):
            if value:
                st.query_params[name] = value
            elif name in st.query_params:
                del st.query_params[name]


def _group_select(release: Release, group: str, words: Wording) -> None:
    def keep() -> None:
        st.query_params["group"] = st.session_state["group"]

    st.selectbox(
        words.text("groups.label"),
        release.groups,
        index=release.groups.index(group),
        key="group",
        format_func=lambda code: words.text(f"group.{code}"),
        on_change=keep,
        filter_mode=None,
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
