"""The public page ``/press``: how a number of the map is quoted, with sentences made of the newest release.

In app.py::

    routes=[*press_pages.routes(settings.releases, contact=settings.contact), ...]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap import wording
from riskmap.public import explain, open_data, page, shelf
from riskmap.public.page import Shell
from riskmap.release import Area, Release
from riskmap.wording import Wording

ADDRESS = "/press"
SECTIONS = {
    "which": ("area", "cell", "period"),
    "rate": ("count", "rate"),
    "registered": ("what", "write", "low"),
    "cannot": ("rank", "street", "cause", "change", "share", "grey"),
}
"""Sections of fixed words and the paragraphs of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """A sentence ready for a newspaper, and how it is cited."""

    text: str
    citation: str


def routes(releases: Path, *, contact: str | None = None) -> list[Route]:
    """The route of the page; ``?place=`` chooses whose numbers stand in the examples.

    The folder does not have to exist yet. ``contact`` is how the owner is reached, None where nothing is named.
    """

    # Not async: releases are read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        found = shelf.all_latest(releases)
        asked = request.query_params.get("place")
        chosen = choose(found, asked)
        ask = words.text("privacy.ask.contact", contact=contact) if contact else words.text("modelcard.contact.none")
        return page.render(
            "press.html",
            Shell(words=words, path=ADDRESS, query={"place": chosen.territory} if chosen and asked else {}),
            title=words.text("press.title"),
            sections={name: [words.text(f"press.{name}.{one}") for one in keys] for name, keys in SECTIONS.items()},
            chosen=chosen,
            quotations=quotations(chosen, words) if chosen else [],
            caveat=words.text("country.not_ranking") if chosen and chosen.manifest["official"] else None,
            citation=open_data.citation(chosen) if chosen else None,
            others=[one for one in found if chosen and one.territory != chosen.territory and quotations(one, words)],
            licence=words.text("data.licence", licence=open_data.LICENCE["name"]),
            ask=ask,
        )

    return [Route(ADDRESS, endpoint, methods=["GET"])]


def choose(releases: Sequence[Release], asked: str | None) -> Release | None:
    """Release whose numbers are the examples: the one asked for, else a real one with counts, by name."""
    kazakh = wording.in_language(wording.DEFAULT_LANGUAGE)
    quotable = [one for one in releases if quotations(one, kazakh)]
    by_wish = sorted(
        quotable,
        key=lambda one: (one.territory != asked, one.is_simulated, one.whole.total is None, one.territory),
    )
    return by_wish[0] if by_wish else None


def quotations(release: Release, words: Wording) -> list[Quotation]:
    """Sentences about the territory, its first district by code that has a number, and one kind of offence there."""
    parts = sorted((area for area in release.areas if area.kind != "territory"), key=lambda area: area.area_id)
    numbered = [area for area in parts if _has_number(area)][:1]
    found = [_of_area(release, area, words) for area in (release.whole, *numbered) if _has_number(area)]
    return found + [_of_kind(release, area, words) for area in numbered if area.by_group and area.by_group_year]


def _has_number(area: Area) -> bool:
    return area.total is not None or area.official_count is not None


def _of_area(release: Release, area: Area, words: Wording) -> Quotation:
    """Count, likely range and change of an area; no comparison, which out of its context reads as a rank."""
    answer = explain.area_answer(release, area, words).sentences
    if area.total is None:
        return _quoted(release, area, [answer[-1], explain.official_source(release, words)])
    sentences = [answer[0]]
    if area.rate_low is None:
        sentences.append(words.text("press.sentence.range", **_range(area.total, words)))
    if area.change:
        sentences.append(words.text(f"chg.{area.change}"))
    return _quoted(release, area, sentences)


def _of_kind(release: Release, area: Area, words: Wording) -> Quotation:
    counts = area.by_group or {}
    group = min(counts)
    sentence = words.text(
        "press.sentence.kind",
        area=explain.area_name(area, words),
        group=words.text(f"group.{group}"),
        year=area.by_group_year or 0,
        n=counts[group],
        **_range(counts[group], words),
    )
    return _quoted(release, area, [sentence])


def _range(count: int, words: Wording) -> dict[str, str]:
    low, high = (float(end) for end in open_data.likely_range(count))
    return {"lo": words.number(low), "hi": words.number(high)}


def _quoted(release: Release, area: Area, sentences: Sequence[str]) -> Quotation:
    text = " ".join(sentences)
    # Names of regions may begin with a small letter («область Абай»).
    return Quotation(text=text[:1].upper() + text[1:], citation=open_data.citation(release, area.names["en"]))
