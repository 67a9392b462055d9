"""Offence groups, and the table that maps delivered categories to them.

A group may be shown at a place only when it has one, when victims report it, and when it is not sensitive: offences
that patrols discover map the patrols, fraud by telephone happens nowhere, and sensitive offences point at people
(Lum & Isaac 2016, Significance 13, 14-19). A category that mixes sensitive offences with others counts as sensitive.
Codes of the Criminal Code of Kazakhstan are looked up beside names (`geodata.criminal_code`).
"""

import csv
import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import polars as pl

from geodata import criminal_code


@dataclass(frozen=True, slots=True, kw_only=True)
class OffenceGroup:
    """One public grouping of offences; its name is in the wording catalogue under ``group.<code>``."""

    code: str
    has_place: bool = True
    is_reported_by_victims: bool = True
    is_sensitive: bool = False

    @property
    def is_mappable(self) -> bool:
        """Whether it may stand on the hexagon map and in ``all``."""
        return self.has_place and self.is_reported_by_victims and not self.is_sensitive


OFFENCE_GROUPS: tuple[OffenceGroup, ...] = (
    OffenceGroup(code="theft"),
    OffenceGroup(code="vehicle_theft"),
    OffenceGroup(code="theft_from_vehicle"),
    OffenceGroup(code="burglary"),
    OffenceGroup(code="robbery"),
    OffenceGroup(code="assault"),
    OffenceGroup(code="hooliganism"),
    OffenceGroup(code="criminal_damage"),
    OffenceGroup(code="antisocial_behaviour"),
    OffenceGroup(code="fraud", has_place=False),
    OffenceGroup(code="drugs", is_reported_by_victims=False),
    OffenceGroup(code="weapons", is_reported_by_victims=False),
    OffenceGroup(code="public_order_found", is_reported_by_victims=False),
    OffenceGroup(code="sexual", is_sensitive=True),
    OffenceGroup(code="domestic", is_sensitive=True),
    OffenceGroup(code="minors", is_sensitive=True),
    OffenceGroup(code="hate", is_sensitive=True),
    OffenceGroup(code="homicide", is_sensitive=True),
    OffenceGroup(code="other", has_place=False, is_sensitive=True),
    OffenceGroup(code="unspecified"),
    OffenceGroup(code="unclassified", has_place=False, is_sensitive=True),
)

ALL = "all"
"""The sum of the mappable groups."""
UNSPECIFIED = "unspecified"
"""The delivery has no category at all."""
UNCLASSIFIED = "unclassified"
"""A category nobody mapped: kept and counted, not on the map."""
DOMESTIC = "domestic"
CODES = frozenset(group.code for group in OFFENCE_GROUPS)
SENSITIVE_CODES = frozenset(group.code for group in OFFENCE_GROUPS if group.is_sensitive and group.has_place)
"""Told of regions and years alone."""
MAPPABLE_CODES = frozenset(group.code for group in OFFENCE_GROUPS if group.is_mappable)
EMPTY_TEXTS = frozenset({"", "null", "none", "nan", "na", "n/a", "#n/a", "\\n"})
"""What a missing value looks like in text, once case and outer spaces are gone."""

_SEPARATORS = str.maketrans(dict.fromkeys("_-‐‑‒–—/", " "))


def group_of(category: pl.Series, mapping: Mapping[str, str] | None = None, *, has_articles: bool = True) -> pl.Series:
    """Offence group of each delivered category.

    Case, spaces, hyphens and underscores do not matter. ``mapping`` (as delivered → group) goes before the table of
    names, that before official titles and codes of the Criminal Code of Kazakhstan. Set ``has_articles`` to False for
    a delivery from elsewhere, where the same numbers mean other things.

    Parameters
    ----------
    category : text series of shape (n_rows,)
        Categories as delivered; missing and unknown ones become ``unclassified``.

    Returns
    -------
    series of shape (n_rows,)
        Codes of `OFFENCE_GROUPS`, named ``offence_group``.

    Examples
    --------
    >>> group_of(pl.Series(["MOTOR VEHICLE THEFT", "кража", "ст.191 ч.2", "Moon landing"])).to_list()
    ['vehicle_theft', 'theft', 'robbery', 'unclassified']
    """
    named = {**category_table(), **{_plain(name): group for name, group in (mapping or {}).items()}}
    distinct = category.unique().drop_nulls()
    if distinct.is_empty():
        return pl.Series("offence_group", [UNCLASSIFIED] * category.len(), dtype=pl.String)
    found = [named.get(_plain(name)) or (_group_of_code(name) if has_articles else None) for name in distinct]
    groups = pl.Series([group or UNCLASSIFIED for group in found], dtype=pl.String)
    placed = category.replace_strict(distinct, groups, default=UNCLASSIFIED, return_dtype=pl.String)
    return placed.fill_null(UNCLASSIFIED).alias("offence_group")


@cache
def category_table() -> dict[str, str]:
    """Offence group of each category we know, keyed by its plain spelling (see ``tables/offence_categories.csv``)."""
    text = files("geodata").joinpath("tables/offence_categories.csv").read_text(encoding="utf-8")
    return {_plain(row["category"]): row["offence_group"] for row in csv.DictReader(text.splitlines())}


@cache
def _title_table() -> dict[str, str]:
    return {_plain(title): group for title, group in criminal_code.titles().items()}


def _group_of_code(category: str) -> str | None:
    article = criminal_code.article_of(category)
    return article.offence_group if article else _title_table().get(_plain(category))


def fingerprint() -> str:
    """Hash of the tables behind `group_of`: when they change, a file has to be read again."""
    told = [sorted(category_table().items()), criminal_code.fingerprint()]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _plain(category: str) -> str:
    spelled = unicodedata.normalize("NFKC", category).casefold().replace("ё", "е")
    return " ".join(spelled.translate(_SEPARATORS).split())
