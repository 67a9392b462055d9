"""Ways to follow a place and to show it elsewhere: addresses of feed, calendar and frame, and the text to copy."""

import html
import re
from dataclasses import dataclass

from starlette.requests import Request

from riskmap.public import area_words, page
from riskmap.public.area_facts import Book, Place
from riskmap.wording import Wording

FEED, CALENDAR, EMBED = "/feed", "/calendar", "/embed"
FRAME_WIDTH, FRAME_HEIGHT = 480, 820

_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Addresses within the site, and the ``snippet`` for another page, empty where the site's address is not known."""

    feed: str
    calendar: str
    embed: str
    snippet: str


def ways(book: Book, place: Place, words: Wording, *, site: str) -> Ways:
    """How a place is followed in the language of ``words``; ``site`` as of `site_of`."""
    part = part_of(book, place)
    embed = page.address(f"{EMBED}/{part}", lang=words.language)
    return Ways(
        feed=page.address(f"{FEED}/{part}.atom", lang=words.language),
        calendar=page.address(f"{CALENDAR}/{part}.ics", lang=words.language),
        embed=embed,
        snippet=_snippet(f"{site}{embed}", area_words.name(book, place, words), words) if site else "",
    )


def part_of(book: Book, place: Place) -> str:
    """End of every address about a place: the territory, and the place where it is another.

    Examples
    --------
    ``ulgiqala`` of the whole, ``ulgiqala/ulg-06`` of a district.
    """
    territory = book.release.territory
    return territory if place.place_id == territory else f"{territory}/{place.place_id}"


def site_of(request: Request) -> str:
    """Address of the site as its reader reached it, such as ``https://map.example``; empty where it is no address.

    Feeds, calendars and frames of others need whole addresses; the name a reader asked for is the only one known.
    """
    host = request.headers.get("host", "")
    sent = request.headers.get("x-forwarded-proto", request.url.scheme).partition(",")[0].strip().lower()
    return f"{'https' if sent == 'https' else 'http'}://{host}" if _HOST.fullmatch(host) else ""


def _snippet(address: str, name: str, words: Wording) -> str:
    """A frame that may open tabs, and nothing else."""
    title = f"{name} – {words.text('site.title')}"
    return (
        f'<iframe src="{html.escape(address)}" title="{html.escape(title)}" width="{FRAME_WIDTH}" '
        f'height="{FRAME_HEIGHT}" loading="lazy" '
        'sandbox="allow-popups allow-popups-to-escape-sandbox" style="border:0;max-width:100%"></iframe>'
    )
