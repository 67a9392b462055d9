"""The feed of a place as an Atom document (RFC 4287)."""

from datetime import datetime
from xml.etree import ElementTree as Tree

from riskmap.public import page
from riskmap.public.area_news import AREA_ADDRESS, News, Told, clean
from riskmap.public.following import part_of

MEDIA_TYPE = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
XML = "{http://www.w3.org/XML/1998/namespace}"


def document(told: Told, *, site: str, own: str) -> bytes:
    """The feed in UTF-8.

    Parameters
    ----------
    site : address of the site that links begin with, such as ``https://map.example``
    own : path and query the feed was asked for by
    """
    words, language = told.words, told.words.language
    feed = Tree.Element("feed", {"xmlns": NAMESPACE, f"{XML}lang": language})
    if site:
        feed.set(f"{XML}base", f"{site}/")
    _add(feed, "id", told.identifier("feed").urn)
    _add(feed, "title", told.marked(words.text("feed.title", area=told.name)))
    if told.release.is_simulated:
        _add(feed, "subtitle", words.text("simulated.banner"))
    _add(feed, "updated", _moment(told.updated_at))
    _add(_add(feed, "author"), "name", words.text("site.title"))
    _add(feed, "link", rel="self", type=MEDIA_TYPE, hreflang=language, href=f"{site}{own}")
    place = page.address(f"{AREA_ADDRESS}/{part_of(told.book, told.place)}", lang=language)
    _add(feed, "link", rel="alternate", type="text/html", hreflang=language, href=f"{site}{place}")
    for one in told.news:
        _entry(feed, told, one, site=site)
    return bytes(Tree.tostring(feed, encoding="utf-8", xml_declaration=True))


def _entry(feed: Tree.Element, told: Told, one: News, *, site: str) -> None:
    entry = _add(feed, "entry")
    language = told.words.language
    _add(entry, "id", told.identifier("entry", one.name).urn)
    _add(entry, "title", told.marked(one.title, is_simulated=one.is_simulated))
    _add(entry, "updated", _moment(one.updated_at))
    if one.published_at is not None:
        _add(entry, "published", _moment(one.published_at))
    href = f"{site}{page.address(one.path, lang=language)}"
    _add(entry, "link", rel="alternate", type="text/html", hreflang=language, href=href)
    _add(entry, "summary", "\n".join((*one.lead, *one.sentences)) or one.title, type="text")


def _add(parent: Tree.Element, tag: str, text: str | None = None, **attributes: str) -> Tree.Element:
    element = Tree.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = clean(text)
    return element


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
