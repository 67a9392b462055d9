"""What the journal says beside the map about a review of the chosen place, and the way to ask for one."""

import html
import logging
from datetime import date
from pathlib import Path

from riskmap.errors import DamagedRelease
from riskmap.public import place_reviews
from riskmap.release import Release
from riskmap.wording import Wording

logger = logging.getLogger(__name__)


def about(release: Release, place_id: str, journals: Path, words: Wording, *, today: date, may_ask: bool = True) -> str:
    """The review of a place as one piece of HTML, everything escaped; ``may_ask`` adds the link to the form."""
    try:
        reviews = place_reviews.published(journals, release.territory)
    except DamagedRelease:
        logger.exception("reviews of %s cannot be shown", release.territory)
        reviews = ()
    found = place_reviews.of_place(release, reviews, place_id)
    parts = []
    if found is not None:
        told = place_reviews.in_words(release, found, words, today=today)
        parts.append(f"<p><strong>{html.escape(told.sentence)}</strong></p>")
        parts += [f'<p lang="{code}">{html.escape(text)}</p>' for code, text in told.reasons]
        parts += [f"<p>{html.escape(told.role)}</p>"] if told.role else []
    if may_ask:
        address = html.escape(place_reviews.ask_address(release, place_id, words))
        link = html.escape(words.text("place_review.title"))
        parts.append(f'<p><a href="{address}" target="_self">{link}</a></p>')
    return f'<div class="rm-review">{"".join(parts)}</div>' if parts else ""
