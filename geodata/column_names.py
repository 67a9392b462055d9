"""What columns are called: our names, what each is called in the world, and names fit for a message.

Names are compared without case, spaces, hyphens, underscores and dots. Each canonical column has names in tiers; a
later tier is asked only when the earlier ones are absent, so ``Type`` is no rival of ``Offence``.
"""

import unicodedata
from collections.abc import Sequence

NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "occurred_at": (
        ("occurred at", "occurred", "datetime", "date time", "timestamp", "occurrence datetime", "дата и время",
         "дата и время совершения", "время совершения", "дата время", "dat sover str", "күні мен уақыты",
         "күні мен уақыты жасалған", "fecha hecho"),
        ("дата совершения", "dat sover"),
    ),
    "occurred_from": (
        ("occurred from", "date start", "start date", "datetime start", "date from", "from date", "start datetime",
         "cmplnt fr dt", "дата начала", "начало", "период с", "басталған күні"),
    ),
    "occurred_to": (
        ("occurred to", "date end", "end date", "datetime end", "date to", "to date", "end datetime",
         "cmplnt to dt", "дата окончания", "окончание", "период по", "аяқталған күні"),
    ),
    "date": (
        ("date", "occurrence date", "occurred on", "date occurred", "date of occurrence", "date occ", "offence date",
         "incident date", "crime date", "дата", "дата правонарушения", "дата происшествия", "күні"),
        ("month", "year month", "месяц", "ай"),
    ),
    "time": (
        ("time", "occurrence time", "occurrence hour", "time occurred", "time occ", "incident time", "время",
         "время правонарушения", "время происшествия", "уақыты"),
        ("hour", "час", "сағат"),
    ),
    "time_precision": (("time precision", "precision", "точность времени", "точность"),),
    "category": (
        ("category", "offence", "offense", "offence type", "offense type", "offence category", "crime type",
         "crime category", "primary type", "mci", "mci category", "offence group", "категория", "вид правонарушения",
         "вид преступления", "правонарушение", "преступление", "санат", "санаты", "құқық бұзушылық түрі",
         "қылмыс түрі"),
        ("type", "crime", "тип", "вид", "түрі"),
        ("статья", "stat", "article", "бап"),
    ),
    "incident_id": (
        ("incident id", "crime id", "offence id", "record id", "event unique id", "номер происшествия",
         "id происшествия", "идентификатор"),
        ("id", "globalid"),
    ),
    "lat": (("lat", "latitude", "широта", "ендік", "latitud"),),
    "lng": (("lng", "lon", "long", "longitude", "долгота", "бойлық", "longitud"),),
    "is_domestic": (("is domestic", "domestic", "domestic violence"),),
    "is_withdrawn": (),
    "incident_hash": (),
    "x": (),
    "y": (),
    "year": (),
    "month": (),
    "day": (),
    "hour": (),
    "minute": (),
    "category_otherwise": (),
}  # fmt: skip
"""What each canonical column may be called in English, Russian, Kazakh and in well-known publications.

Those without names are found only where a layout or mapping says so: `x` is too short to be guessed, and whether a
column says that a record was struck off, nobody can guess. ``incident_hash`` is a pseudonym this installation made.
"""

CANONICAL = tuple(NAMES)
DATE_PARTS = ("year", "month", "day", "hour", "minute")
TIME_COLUMNS = ("occurred_at", "date", "time", "occurred_from", "occurred_to", *DATE_PARTS)
"""Canonical columns that tell when."""
PLACE_COLUMNS = ("lat", "lng", "x", "y")
"""Canonical columns that tell where."""

GEOMETRY = ("geometry x", "geometry y")
"""Columns under which readers hand out the points of files that have geometry."""


def shown(names: Sequence[str], *, most: int = 25) -> str:
    """Column names for a message: printable, each at most 40 characters, the first ``most`` of them."""
    listed = ", ".join(printable(name, most=40) for name in names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed


def printable(text: str, *, most: int) -> str:
    """A text fit for a message: no control characters, cut after ``most`` signs."""
    head = text[: most + 1]
    shown_signs = (sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in head)
    cleaned = head if head.isprintable() else "".join(shown_signs)
    return cleaned if len(cleaned) <= most else cleaned[: most - 1] + "…"


def plain(name: str) -> str:
    """A column's name without case, spaces, hyphens, underscores and dots."""
    spelled = unicodedata.normalize("NFKC", name).casefold().replace("ё", "е")
    return "".join(sign for sign in spelled if sign.isalnum())


PLAIN_NAMES = {canonical: tuple(frozenset(map(plain, tier)) for tier in tiers) for canonical, tiers in NAMES.items()}


def is_month_name(column: str) -> bool:
    """Whether a column's name says that it holds months."""
    return plain(column) in PLAIN_NAMES["date"][1]
