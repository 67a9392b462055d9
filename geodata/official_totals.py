"""The registered-offence form 1-М, a workbook of nested headings, as totals of a region by article and year.

Section 1 of the form has a line for each article; its columns are found by their headings, not by their places. Lines
that only divide another line (of which: from flats) keep the article they belong to and count in no sum. A form names
no year and often no region, so the operator says both.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from geodata import workbook
from geodata.columns import OFFICIAL_TOTALS
from geodata.criminal_code import group_by_article
from geodata.errors import InvalidForm, UnreadableFile
from geodata.offences import UNCLASSIFIED
from geodata.workbook import Cell, Row

ARTICLE, ATTEMPT, OF_WHICH, TOTAL = "article", "attempt", "of_which", "total"
"""Kinds of lines. Articles and attempts sum to the total; a division of another line is in it already."""

ATTEMPTED = "99"
"""The article whose preparation and attempt stand on a line of their own, beside its line."""

COUNTED = ("in_proceedings", "registered", "victims_women", "victims_minors")
_HEADINGS = {
    "in_proceedings": "находились в производстве",
    "registered": "зарегистрированных в ердр",
    "victims_women": "в отношении женщин",
    "victims_minors": "в отношении несовершеннолетн",
}
_LINE_HEADING = "шифр строки"
_SECTION = re.compile(r"раздел 1\. ")
_ARTICLE = re.compile(r"\(ст\.? ?(\d{2,3}(?:-\d{1,2})?)\.?\)")
_MOST_UNPACKED, _MOST_TEXTS = 40_000_000, 5_000_000
_MOST_COLUMNS = 100
_MOST_ROWS = 5_000
_HEAD_ROWS = 12
_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What one form says: ``totals`` as declared in `OFFICIAL_TOTALS`; ``difference`` is the stated total of
    registered offences less the sum of its lines, 0 in a form that adds up."""

    totals: pl.DataFrame
    difference: int
    unknown_articles: tuple[str, ...]

    @property
    def registered(self) -> int:
        return int(self.totals.filter(pl.col("kind") == TOTAL)["registered"].sum())


def read_form(path: Path, *, region_id: str, year: int) -> Form:
    """Section 1 of a form 1-М, an ``.xlsx`` workbook.

    Raises
    ------
    InvalidForm
        If the file is no workbook, is too large, holds no such section, or a count in it is not a whole number.
    """
    rows = _section(path)
    found = [{"region_id": region_id, "year": year, **line} for line in _lines(rows, path.name)]
    totals = OFFICIAL_TOTALS.checked(pl.DataFrame(found, schema=OFFICIAL_TOTALS.schema))
    if TOTAL not in totals["kind"] or ARTICLE not in totals["kind"]:
        raise InvalidForm(
            f"{path.name}: section 1 has {totals.height} lines with counts, but no line of all offences or none of an "
            "article; expected both. Give the whole form 1-М as published."
        )
    stated = int(totals.filter(pl.col("kind") == TOTAL)["registered"].sum())
    summed = int(totals.filter(pl.col("kind").is_in((ARTICLE, ATTEMPT)))["registered"].sum())
    known = set(group_by_article()["article"])
    named = totals.filter(pl.col("kind") == ARTICLE)["article"].to_list()
    return Form(
        totals=totals,
        difference=stated - summed,
        unknown_articles=tuple(article for article in named if article not in known),
    )


def region_named_in(path: Path, names: Mapping[str, Sequence[str]]) -> str | None:
    """Code of the one region whose name stands in the headings of section 1; None where none or several do.

    ``names`` holds the names of each region by its code. Endings may differ, as they do in Russian.
    """
    head = _plain(" ".join(str(cell) for row in _section(path)[:_HEAD_ROWS] for cell in row if isinstance(cell, str)))
    hits = {code: name for code, all_names in names.items() for name in all_names if _is_named(name, head)}
    # Almaty stands in the name of Almaty region: the longer name is meant.
    longest = max((len(_plain(name)) for name in hits.values()), default=0)
    meant = [code for code, name in hits.items() if len(_plain(name)) == longest]
    return meant[0] if len(meant) == 1 else None


def by_group(totals: pl.DataFrame) -> pl.DataFrame:
    """Totals by offence group: region_id, year, offence_group and the counts of `COUNTED`.

    Articles the table does not know are ``unclassified``.
    """
    counted = totals.filter(pl.col("kind").is_in((ARTICLE, ATTEMPT)))
    return (
        counted.join(group_by_article(), on="article", how="left")
        .with_columns(pl.col("offence_group").fill_null(UNCLASSIFIED))
        .group_by("region_id", "year", "offence_group")
        .agg(pl.col(COUNTED).sum())
        .sort("region_id", "year", "offence_group")
    )


def difference_of_regions(totals: pl.DataFrame, *, whole_id: str, region_ids: Sequence[str]) -> pl.DataFrame:
    """Where the regions do not sum to the whole: year, article, whole, regions, difference of registered offences.

    Only years that have a form of the whole and of every region are compared. The line of all offences is the row
    without an article; empty where everything adds up.
    """
    counted = totals.filter(pl.col("kind") != OF_WHICH)
    years = [
        year
        for (year,), held in counted.group_by(["year"], maintain_order=True)
        if {whole_id, *region_ids} <= set(held["region_id"])
    ]
    by_article = (
        counted.filter(pl.col("year").is_in(years))
        .group_by("year", "article")
        .agg(
            whole=pl.col("registered").filter(pl.col("region_id") == whole_id).sum(),
            regions=pl.col("registered").filter(pl.col("region_id").is_in(region_ids)).sum(),
        )
    )
    compared = by_article.with_columns(difference=pl.col("whole") - pl.col("regions"))
    return compared.filter(pl.col("difference") != 0).sort("year", "article")


def _section(path: Path) -> list[Row]:
    """Rows of the sheet that holds section 1."""
    try:
        with workbook.opened(path, most_unpacked=_MOST_UNPACKED, most_texts=_MOST_TEXTS) as book:
            for name in book.sheet_names:
                head = list(book.rows(name, most_rows=_HEAD_ROWS, most_columns=_MOST_COLUMNS))
                if any(_SECTION.search(f"{_plain(cell)} ") for row in head for cell in row if isinstance(cell, str)):
                    rows = list(book.rows(name, most_rows=_MOST_ROWS, most_columns=_MOST_COLUMNS))
                    width = max(map(len, rows))
                    return [(*row, *[None] * (width - len(row))) for row in rows]
            names = ", ".join(book.sheet_names[:8])
    except UnreadableFile as error:
        raise InvalidForm(f"{error} Expected is the form 1-М as published.") from error
    raise InvalidForm(
        f"{path.name}: none of the sheets {names} is headed Раздел 1. "
        "Give the form 1-М as published, with all its sheets."
    )


def _lines(rows: Sequence[Row], name: str) -> Iterator[dict[str, object]]:
    top = next((number for number, row in enumerate(rows) if _LINE_HEADING in map(_plain, row)), None)
    if top is None:
        raise InvalidForm(f"{name}: section 1 has no column headed Шифр строки. Give the form 1-М as published.")
    columns, line_column = _columns(rows[top : top + 2], name)
    article = None
    for number, row in enumerate(rows[top + 2 :], start=top + 3):
        label = next((cell for cell in reversed(row[:line_column]) if _plain(cell)), None)
        line = row[line_column]
        if isinstance(line, bool) or not isinstance(line, float | int) or not 0 < line < _MOST or not _plain(label):
            continue
        kind, own = _kind(str(label))
        article = own or article
        if kind is None:
            article = None
        if kind is None or (kind == OF_WHICH and article is None):
            continue
        counts = {key: _count(row[at], f"{name} row {number}") for key, at in columns.items()}
        yield {"line": int(line), "kind": kind, "article": None if kind == TOTAL else article, **counts}


def _kind(label: str) -> tuple[str | None, str | None]:
    """Kind of a line and the article it names; no kind for chapters, severities and facts that are no offences."""
    plain = _plain(label)
    if named := _ARTICLE.search(plain):
        # Facts of disappearance and death without a crime have numbers 000 and 001; no sum of the form counts them.
        return (None, None) if named[1].startswith("0") else (ARTICLE, named[1])
    if plain == "всего правонарушений":
        return TOTAL, None
    if plain.startswith("приготовление и покушение на убийство"):
        return ATTEMPT, ATTEMPTED
    is_indented = label[:1].isspace()
    return (OF_WHICH, None) if is_indented else (None, None)


def _columns(head: Sequence[Row], name: str) -> tuple[dict[str, int], int]:
    """Place of each counted column, and of the line numbers; headings stand in two rows."""
    upper, lower = (list(map(_plain, row)) for row in head)
    found = {}
    for key, heading in _HEADINGS.items():
        at = next((i for i in range(len(upper)) if heading in upper[i] or heading in lower[i]), None)
        if at is None:
            raise InvalidForm(
                f"{name}: section 1 has no column headed {heading!r}; found {', '.join(filter(None, upper))[:300]}. "
                "Give the form 1-М as published."
            )
        found[key] = at
    return found, upper.index(_LINE_HEADING)


def _count(value: Cell, place: str) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST or value != int(value):
        raise InvalidForm(f"{place}: {str(value)[:40]!r} stands where a count is expected. Correct the form.")
    return int(value)


def _is_named(name: str, head: str) -> bool:
    words = [word[: max(4, len(word) - 2)] for word in _plain(name).split()]
    return bool(words) and re.search(r"\b" + r"\w*\s+".join(map(re.escape, words)), head) is not None


def _plain(cell: object) -> str:
    return "" if cell is None else " ".join(unicodedata.normalize("NFKC", str(cell)).casefold().split())
