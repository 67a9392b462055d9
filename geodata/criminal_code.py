"""Articles of the Criminal Code of Kazakhstan: group, severity and harm of each, and how a delivered code names one.

``tables/offences_kz.csv`` holds one row for every article and one more for each part where severity or sanction
differs. It is our own table of facts: official titles and numbers of form 1-М 2023, severity and longest sanction from
the Code where its text could be read, else the one class all registrations of 2023 fell into. What is not known is
empty, and ``is_certain`` is false where the title leaves the group in doubt or the severity was not read.
"""

import csv
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files

import polars as pl

SEVERITIES = ("misdemeanour", "minor", "medium", "grave", "especially_grave")
"""Classes of articles 10 and 11 of the Code; the official service numbers them 0 to 4."""

SEVERITY_BASES = {
    "text": "the sanction was read in the Code, edition of 2023-2024",
    "older_text": "the sanction was read in an edition before 2020; later laws may have changed it",
    "registered": "every registration of 2023 in Almaty, Astana and Shymkent has this class",
    "memory": "not read anywhere; never certain",
}
HARM_BASES = {
    "text": SEVERITY_BASES["text"],
    "older_text": SEVERITY_BASES["older_text"],
    "part_1": "no part is named, so the article's first part counts",
}
DAYS_OF_LIFE = 20 * 365
"""A life sentence counts as the longest term of the Code, 20 years."""

ZONES_OF_THE_CODE = frozenset(
    {
        "Asia/Almaty",
        "Asia/Aqtau",
        "Asia/Aqtobe",
        "Asia/Atyrau",
        "Asia/Oral",
        "Asia/Qostanay",
        "Asia/Qyzylorda",
    }
)
"""IANA zones of Kazakhstan: only a delivery from there is searched for articles."""

MOST_PARTS = 20
MOST_SIGNS = 200
"""A longer text is no code of one article."""

_SPELLINGS = str.maketrans("aceopxytkmhi", "асеорхуткмні")
_ENGLISH = ((re.compile(r"\bart(?:icle)?\b"), "ст"), (re.compile(r"\bpart\b"), "ч"), (re.compile(r"\bpoint\b"), "п"))
_DASHES = re.compile(r"[‐‑‒–—−]")
_CODE_MARKS = re.compile(r"(?:^|(?<=[ ,.;)]))(?:ук ?рк|рк ук|ук|[қк]р [қк]к|[қк]к)(?=$|[ ,.;])")
_ATTEMPT = re.compile(
    r"^(?:ст\w*\.? ?)?24(?: ?,? ?ч\w*\.? ?\d| ?- ?ба[пб]\w*(?: ?,? ?\d ?- ?б[өо]л[іи][кг]\w*)?)?"
    r" ?(?:[,;]| - | ) ?(?=ст|\d)"
)
_NUMBER = r"(?P<article>\d{1,3}(?: ?- ?\d{1,2})?)"
_PART = r"ч(?:аст[ьию]\w*)?\.? ?(?P<part>\d{1,2}(?:-\d)?)"
_POINT = r"п(?:\.? ?п)?(?:ункт\w*)?\.? ?[«\"]?[\dа-я]{1,2}[»\"]?\)?(?:(?:[,;] ?| и | )[«\"]?[\dа-я]{1,2}[»\"]?\)?)*"
_ARTICLE_WORD = r"ст(?:ать\w+)?\.? ?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?:{_ARTICLE_WORD})?{_NUMBER}(?: ?,? ?{_PART}(?: ?,? ?{_POINT})?)?",
        rf"(?:{_POINT} ?,? ?)?{_PART} ?,? ?{_ARTICLE_WORD}{_NUMBER}",
        rf"{_NUMBER} ?- ?ба[пб]\w*(?: ?,? ?\(?(?P<part>\d{{1,2}}(?:-\d)?) ?- ?б[өо]л[іи][кг]\w*\)?"
        rf"(?: ?,? ?\(?\d{{1,2}}\)? ?-? ?тарма\w+\)?)?)?",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One row of the table: an article, or one part of it (``part`` is empty where all parts are meant).

    ``harm_days`` is the longest sanction in days, a life sentence as `DAYS_OF_LIFE`, detention in its own days;
    None where the sanction is a fine only, or was not read, or has changed since. It is derived, not official.
    ``valid_from`` is None for articles added later on a day we do not know; ``valid_to`` is the last day of validity.
    """

    article: str
    part: str
    crime_code: str
    title_ru: str
    title_kk: str
    offence_group: str
    is_certain: bool
    severity: str | None
    severity_basis: str | None
    harm_days: int | None
    harm_basis: str | None
    valid_from: date | None
    valid_to: date | None
    source: str
    remark: str


def article_of(code: str) -> Article | None:
    """The article, or the part of it, that a delivered code names; None where it names none, or several.

    Read are the number of the article alone, with part and points in Russian, Kazakh or English order and spelling,
    and the four digits of the official service. Latin letters that look Cyrillic, kinds of dashes and an attempt
    (article 24 in front) do not matter. Of a part the table does not hold only the group is told.

    Examples
    --------
    >>> [article_of(code).severity for code in ("ст.188 ч.3", "188-бап 1-бөлік", "1881")]
    ['grave', 'medium', None]
    >>> article_of("ст. 500") is None
    True
    """
    if len(code) > MOST_SIGNS:
        return None
    spelled = _spelled(code)
    if re.fullmatch(r"\d{4}", spelled):
        return _by_crime_code().get(spelled)
    for form in _FORMS:
        if named := form.fullmatch(spelled):
            return _found(named["article"], named["part"] or "")
    return None


def titles() -> dict[str, str]:
    """Offence group of each official title, Russian and Kazakh, as it stands in the table.

    A title that articles of different groups share is left out.
    """
    groups: dict[str, set[str]] = {}
    for (_, part), row in articles().items():
        for title in (row.title_ru, row.title_kk):
            if title and not part:
                groups.setdefault(title, set()).add(row.offence_group)
    return {title: found.pop() for title, found in groups.items() if len(found) == 1}


@cache
def articles() -> Mapping[tuple[str, str], Article]:
    """Every row of the table by article and part, in the order of the Code."""
    rows = (_article(row) for row in csv.DictReader(_text().splitlines()))
    return {(row.article, row.part): row for row in rows}


def group_by_article() -> pl.DataFrame:
    """Offence group of each article: article, offence_group."""
    rows = [(article, row.offence_group) for (article, part), row in articles().items() if not part]
    return pl.DataFrame(rows, schema={"article": pl.String, "offence_group": pl.String}, orient="row")


def fingerprint() -> str:
    """Hash of the table: an earlier reading of a file stands only as long as this does."""
    return hashlib.sha256(_text().encode()).hexdigest()


def _text() -> str:
    return files("geodata").joinpath("tables/offences_kz.csv").read_text(encoding="utf-8")


def _article(row: Mapping[str, str]) -> Article:
    days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("valid_from", "valid_to")}
    texts = {name: row[name] for name in ("article", "part", "crime_code", "title_ru", "title_kk")}
    return Article(
        **texts,
        offence_group=row["offence_group"],
        is_certain=row["is_certain"] == "true",
        severity=row["severity"] or None,
        severity_basis=row["severity_basis"] or None,
        harm_days=int(row["harm_days"]) if row["harm_days"] else None,
        harm_basis=row["harm_basis"] or None,
        valid_from=days["valid_from"],
        valid_to=days["valid_to"],
        source=row["source"],
        remark=row["remark"],
    )


@cache
def _by_crime_code() -> Mapping[str, Article]:
    return {row.crime_code: row for (_, part), row in articles().items() if not part}


def _found(number: str, part: str) -> Article | None:
    main, _, suffix = number.replace(" ", "").partition("-")
    article = f"{int(main)}-{int(suffix)}" if suffix else str(int(main))
    if part and int(part.partition("-")[0]) not in range(1, MOST_PARTS + 1):
        return None
    listed, whole = articles().get((article, part)), articles().get((article, ""))
    if listed is not None or whole is None:
        return listed
    return replace(
        whole, part=part, is_certain=False, severity=None, severity_basis=None, harm_days=None, harm_basis=None
    )


def _spelled(code: str) -> str:
    """One spelling of a code: lower case, Cyrillic, plain hyphens, single spaces, no mark of the Code itself."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", code).casefold().strip())
    text = re.sub(r"^(\d+)\.0$", r"\1", text)
    for pattern, word in _ENGLISH:
        text = pattern.sub(word, text)
    text = " ".join(_CODE_MARKS.sub(" ", " ".join(text.translate(_SPELLINGS).split())).split()).strip(" ,.;")
    return _ATTEMPT.sub("", text, count=1)
