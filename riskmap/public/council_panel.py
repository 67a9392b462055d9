"""What the council's journal says beside the map: requests about the chosen hexagon, or how many are in progress.

Everything goes through `html.escape` into one piece of HTML; no text of the journal is ever read as Markdown.
"""

import html
import logging
from pathlib import Path

from riskmap.errors import DamagedRelease
from riskmap.public import council, page
from riskmap.public.council import Council
from riskmap.release import Release
from riskmap.wording import Wording

logger = logging.getLogger(__name__)


def council_of(release: Release, releases: Path, journals: Path) -> Council | None:
    """The council of a place with hexagons; None where there can be none or its journal cannot be read."""
    if not release.cells.size:
        return None
    try:
        return council.open_council(releases, journals, release.territory)
    except DamagedRelease:
        logger.exception("journal of %s cannot be shown", release.territory)
        return None


def about_cell(found: Council, cell_id: str, words: Wording) -> str:
    """Requests about a hexagon, each with a link to its public page, and the way to a new one."""
    items = "".join(
        f"<li>{_link(f'/council/{found.territory}/{request.number}', council.title(request, words), words)}"
        f"<br><span>{html.escape(words.text(f'council.state.{request.state}'))}</span></li>"
        for request in council.in_cell(found, cell_id)
    )
    listed = f"<ul>{items}</ul>" if items else f"<p>{html.escape(words.text('council.map.none_here'))}</p>"
    ask = _link(f"/casework/{found.territory}/new", words.text("council.map.ask_here"), words, cell=cell_id)
    mark = _link(f"/mark/{found.territory}/{cell_id}", words.text("signal.button"), words)
    heading = html.escape(words.text("council.map.here"))
    return f'<div class="rm-requests"><h3>{heading}</h3>{listed}<p>{ask}</p><p>{mark}</p></div>'


def about_place(found: Council, words: Wording) -> str:
    """How many requests are in progress, as the way to all of them."""
    sentence = words.text("council.list.open", n=found.open_count)
    mark = _link(f"/mark/{found.territory}", words.text("signal.button"), words)
    return f'<p class="rm-requests">{_link(f"/council/{found.territory}", sentence, words)} · {mark}</p>'


def _link(path: str, text: str, words: Wording, **query: str) -> str:
    address = html.escape(page.address(path, **query, lang=words.language))
    return f'<a href="{address}" target="_self">{html.escape(text)}</a>'
