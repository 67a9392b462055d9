"""The public page ``/privacy``: what is not shown and why, and what is kept about whoever reads it.

It tells rules of geodata.public_counts and geodata.split in words; tests/riskmap/test_privacy_pages.py compares them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap import journal, wording
from riskmap.public import page, shelf
from riskmap.public.page import Shell
from riskmap.release import Release
from riskmap.wording import MINUS, NO_BREAK_SPACE, Wording

ADDRESS = "/privacy"
HEADS_ADDRESS = f"{ADDRESS}/{journal.HEADS}"

EXAMPLE = (("theft", 42), ("burglary", 18), ("hooliganism", 9), ("robbery", 3))
"""Offence groups and made-up counts of one area and year: the worked example."""
TOO_SMALL, LEFT_OUT_TOO = "robbery", "hooliganism"
"""What the rule leaves out of `EXAMPLE`: the small entry and the one beside it."""

BEFORE_EXAMPLE = {
    "not_shown": ("small", "sensitive", "rare", "places", "hours"),
    "grey": ("why", "zero", "colour"),
    "band": ("what", "zero", "wide"),
}
"""Sections above the example and the paragraphs of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and its paragraphs; ``name`` is its anchor on the page."""

    name: str
    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRow:
    """A kind of offence with three counts in words: registered, one number left out, published; None is not shown."""

    kind: str
    registered: str
    alone: str | None
    published: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """A kind of data, how long it is kept and why so long, in words."""

    kind: str
    term: str
    basis: str


def routes(
    releases: Path,
    journals: Path,
    *,
    contact: str | None = None,
    tile_url: str | None = None,
    terms: Sequence[tuple[str, int | None, int | None]],
) -> list[Route]:
    """The page, and the file of published heads of the audit log. The folders do not have to exist yet.

    Parameters
    ----------
    contact : how the owner is reached; None where an installation names nothing
    tile_url : address of map tiles, whose server sees who asks for them
    terms : kinds of data, each with its days or years; neither where it is kept without a term
    """
    days = {kind: number or 0 for kind, number, _ in terms}

    # Not async: releases are read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        found = shelf.all_latest(releases)
        return page.render(
            "privacy.html",
            Shell(words=words, path=ADDRESS, query={}),
            title=words.text("privacy.title"),
            before=[_section(words, name, paragraphs) for name, paragraphs in BEFORE_EXAMPLE.items()],
            rows=example_rows(words),
            total=words.number(sum(count for _, count in EXAMPLE)),
            steps=example_steps(words),
            after=after_example(words, found, contact=contact, tile_url=tile_url, days=days),
            terms=[_term(words, *one) for one in terms],
            heads_address=HEADS_ADDRESS if (journals / journal.HEADS).is_file() else "",
            territories=[(one.territory, one.names[words.language]) for one in found],
            reviewed=[(one.territory, one.names[words.language]) for one in found if one.cells.size],
        )

    def heads(_: Request) -> Response:
        try:
            content = (journals / journal.HEADS).read_bytes()
        except FileNotFoundError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        headers = {"cache-control": "no-cache", "access-control-allow-origin": "*"}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    return [Route(ADDRESS, endpoint, methods=["GET"]), Route(HEADS_ADDRESS, heads, methods=["GET"])]


def _term(words: Wording, kind: str, days: int | None, years: int | None) -> TermRow:
    if days is not None:
        term = words.text("retention.days", n=days)
    else:
        term = words.text("retention.kept" if years is None else "retention.years", n=years or 0)
    name, basis = words.text(f"cli.retention.kind.{kind}"), words.text(f"retention.basis.{kind}")
    return TermRow(kind=name, term=term, basis=basis)


def example_rows(words: Wording) -> list[ExampleRow]:
    """The worked example, one row a kind of offence."""
    return [
        ExampleRow(
            kind=words.text(f"group.{group}"),
            registered=words.number(count),
            alone=None if group == TOO_SMALL else words.number(count),
            published=None if group in (TOO_SMALL, LEFT_OUT_TOO) else words.number(count),
        )
        for group, count in EXAMPLE
    ]


def example_steps(words: Wording) -> list[str]:
    """What happens in the worked example, in its order."""
    counts = dict(EXAMPLE)
    small, together = counts[TOO_SMALL], counts[TOO_SMALL] + counts[LEFT_OUT_TOO]
    others = [count for group, count in EXAMPLE if group != TOO_SMALL]
    difference = f" {MINUS} ".join(words.number(count) for count in (sum(counts.values()), *others))
    calculation = f"{difference} = {words.number(small)}".replace(" ", NO_BREAK_SPACE)
    sums = [f"{words.number(one)} + {words.number(together - one)}" for one in possible_small(together)]
    pairs = ", ".join(one.replace(" ", NO_BREAK_SPACE) for one in sums)
    return [
        words.text("privacy.example.first", group=words.text(f"group.{TOO_SMALL}"), n=small),
        words.text("privacy.example.second", sum=calculation),
        words.text("privacy.example.third", group=words.text(f"group.{LEFT_OUT_TOO}"), n=together, pairs=pairs),
        words.text("privacy.example.choice"),
        words.text("privacy.example.everywhere"),
    ]


def possible_small(together: int, *, least: int = 5) -> list[int]:
    """What the smaller of two entries may be that are not shown and sum to ``together``, one of them small.

    Examples
    --------
    >>> possible_small(12)
    [1, 2, 3, 4]
    """
    return [one for one in range(1, least) if together - one >= least]


def after_example(
    words: Wording,
    releases: Sequence[Release],
    *,
    contact: str | None,
    tile_url: str | None,
    days: Mapping[str, int],
) -> list[Section]:
    """Sections below the example."""
    host = urlsplit(tile_url).netloc if tile_url else ""
    outside = words.text("privacy.visitor.tiles", host=host) if host else words.text("privacy.visitor.no_outside")
    visitor = [words.text(f"privacy.visitor.{name}") for name in ("read", "browser", "account", "forms")]
    terms = {"review": "reviews", "mark": "marks", "photo": "photos"}
    visitor += [words.text(f"privacy.visitor.{name}", n=days[kind]) for name, kind in terms.items()]
    ask = words.text("privacy.ask.contact", contact=contact) if contact else words.text("modelcard.contact.none")
    attack = [
        words.text("privacy.attack.how"),
        *attack_results(words, releases),
        words.text("privacy.attack.withdrawn"),
    ]
    return [
        _section(words, "exact", ("total", "late")),
        Section(name="attack", title=words.text("privacy.attack.title"), paragraphs=tuple(attack)),
        _section(words, "limits", ("proof", "neighbour")),
        Section(
            name="visitor",
            title=words.text("privacy.visitor.title"),
            paragraphs=(*visitor[:2], outside, *visitor[2:]),
        ),
        Section(name="ask", title=words.text("privacy.ask.title"), paragraphs=(ask, words.text("privacy.ask.review"))),
    ]


def attack_results(words: Wording, releases: Sequence[Release]) -> list[str]:
    """What the attack on each release found, or one sentence where none has a result."""
    found = []
    for release in releases:
        result = release.manifest.get("attack")
        if result:
            found.append(
                words.text(
                    "privacy.attack.result",
                    place=release.names[words.language],
                    date=_published_on(release),
                    targets=int(result["targets"]),
                    exact=int(result["exact"]),
                    within=int(result["within_one"]),
                )
            )
    return found or [words.text("privacy.attack.none")]


def _published_on(release: Release) -> date:
    published_at = release.manifest.get("published_at")
    return date.fromisoformat(str(published_at)[:10]) if published_at else release.as_of


def _section(words: Wording, name: str, paragraphs: Sequence[str]) -> Section:
    return Section(
        name=name,
        title=words.text(f"privacy.{name}.title"),
        paragraphs=tuple(words.text(f"privacy.{name}.{paragraph}") for paragraph in paragraphs),
    )
