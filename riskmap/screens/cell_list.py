"""The same content as the map, as a list that needs no mouse."""

import html

import streamlit as st

from riskmap.public import explain, map_view
from riskmap.release import Release
from riskmap.wording import Wording

PAGE_ROWS = 12
ALL_CODES = frozenset(range(1, 8))
OPENED = "opened_from_list"
"""Said to the page that a hexagon was opened from the list, later than any press on the map it hears of."""


def show(release: Release, group: str, words: Wording) -> None:
    """Filter by class, pages of cells, and a button per cell that shows it on the map."""
    st.html(f'<h2 id="list">{html.escape(words.text("list.title"))}</h2><p>{html.escape(words.text("list.intro"))}</p>')
    code = st.selectbox(
        words.text("list.filter"),
        [0, *sorted(ALL_CODES)],
        key="list_class",
        format_func=lambda c: words.text(explain.CLASS_KEYS[c]) if c else words.text("list.all_classes"),
        on_change=lambda: st.session_state.update(list_page=0),
        filter_mode=None,
    )
    positions = explain.list_rows(release, group, {code} if code else set(ALL_CODES), words)
    if positions.size == 0:
        st.html(f"<p>{html.escape(words.text('list.empty'))}</p>")
        return
    pages = -(-int(positions.size) // PAGE_ROWS)
    page = min(st.session_state.get("list_page", 0), pages - 1)
    for position in positions[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]:
        _row(release, int(position), group, words)
    _pager(page, pages, words)


def _row(release: Release, position: int, group: str, words: Wording) -> None:
    row = explain.list_row(release, position, group, words)
    picture = map_view.swatch(row.class_code)
    with st.container(key=f"row-{row.cell_id}", horizontal=True, vertical_alignment="center"):
        st.html(
            f'<p class="rm-row">{picture} <b>{html.escape(row.class_name)}</b> · {html.escape(row.area)}'
            f"<br><span>{html.escape(row.place)}</span></p>",
            width="stretch",
        )
        st.button(words.text("list.open"), key=f"open-{row.cell_id}", on_click=_open, args=(row.cell_id,))


def _open(cell_id: str) -> None:
    st.query_params["cell"] = cell_id
    st.session_state[OPENED] = True
    st.session_state["fly_count"] = st.session_state.get("fly_count", 0) + 1


def _pager(page: int, pages: int, words: Wording) -> None:
    def turn(step: int) -> None:
        st.session_state["list_page"] = page + step

    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.button(words.text("list.previous"), disabled=page == 0, on_click=turn, args=(-1,), key="list-before")
        st.html(
            f'<p class="rm-pages">{html.escape(words.text("list.page", page=page + 1, pages=pages))}</p>',
            width="content",
        )
        st.button(words.text("list.next"), disabled=page == pages - 1, on_click=turn, args=(1,), key="list-after")
