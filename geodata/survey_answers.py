"""Answers of surveys on how safe people feel: shares by region and sex, as a statistics office publishes them.

One row is one share. A row that cannot be used is refused with what was found and what was expected; the others are
taken. Where two rows say different things of the same people, nobody can tell which is right, so both are refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import polars as pl

from geodata.column_names import printable, shown
from geodata.columns import Column, Table
from geodata.errors import InvalidSurvey, UnexpectedColumns
from geodata.recognised import open_recognised
from geodata.rows import LINE, RAGGED

SURVEY_ANSWERS = Table(
    name="survey answers",
    meaning="What people answered when asked how safe they feel, as an operator loaded it; see `survey load`.",
    columns=(
        Column(name="region_id", dtype=pl.String(), meaning="region, or the territory's name for answers of the whole"),
        Column(name="sex", dtype=pl.String(), meaning="f, m, or all"),
        Column(name="year", dtype=pl.Int64(), meaning="year in which people were asked"),
        Column(name="question", dtype=pl.String(), meaning="what was asked, see the table of survey questions"),
        Column(name="share_percent", dtype=pl.Float64(), meaning="share of those asked who said so", unit="%"),
        Column(name="respondents", dtype=pl.Int64(), meaning="people asked"),
        Column(name="source", dtype=pl.String(), meaning="who asked, as the operator said"),
        Column(name="dated", dtype=pl.Date(), meaning="day whose state the delivery is"),
        Column(name="is_simulated", dtype=pl.Boolean(), meaning="drawn by a computer; nobody was asked"),
    ),
)
KEY = ("region_id", "sex", "year", "question")
"""Columns that say whom a share is of, and what of."""
ALL, WOMEN, MEN = "all", "f", "m"
SEXES = (WOMEN, MEN, ALL)
FIRST_YEAR = 2000
MOST_ROWS = 100_000
_MOST_RESPONDENTS = 10_000_000
_MOST_SHOWN = 80
_WHOLE_PERCENT = 100.0

Values = Mapping[str, str | int | float]

NAMES = {
    "region_id": ("region id", "region", "kato", "kato code", "код КАТО", "КАТО", "регион", "өңір коды", "өңір"),
    "sex": ("sex", "gender", "пол", "жынысы", "жыныс"),
    "year": ("year", "год", "жыл", "жылы"),
    "question": ("question", "question code", "вопрос", "код вопроса", "сұрақ", "сұрақ коды"),
    "share_percent": ("share percent", "share", "percent", "доля", "процент", "үлес", "пайыз"),
    "respondents": ("respondents", "asked", "респондентов", "респонденты", "опрошено", "респонденттер"),
}
"""What each column may be called, best first."""


class Question(StrEnum):
    """What a survey may be taken in about. Another question needs its words in every language first."""

    UNSAFE_AFTER_DARK = "feels_unsafe_after_dark"
    UNSAFE_BY_DAY = "feels_unsafe_by_day"
    FEARS_ATTACK = "fears_attack"
    COMPLETELY_SAFE = "feels_completely_safe"


QUESTION_MEANINGS: dict[str, str] = {
    Question.UNSAFE_AFTER_DARK: "feels unsafe walking alone in the own neighbourhood after dark",
    Question.UNSAFE_BY_DAY: "feels unsafe walking alone in the own neighbourhood by day",
    Question.FEARS_ATTACK: "is afraid of being attacked",
    Question.COMPLETELY_SAFE: "feels completely safe (indicator 5 of the Concept)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that was not taken: its line in the file, the column, what stood there and what would have fitted."""

    line: int
    column: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSurvey:
    """What a file says: ``answers`` as `SURVEY_ANSWERS`, sorted by its key; ``repeated`` rows said the same again."""

    answers: pl.DataFrame
    refused: tuple[RefusedRow, ...]
    repeated: int


def read_survey(
    path: Path, *, region_ids: Collection[str], source: str, dated: date, is_simulated: bool = False
) -> ReadSurvey:
    """The usable rows of a file of survey answers, and the refused ones by line.

    Parameters
    ----------
    path : CSV, Parquet or XLSX with the columns of `NAMES`; shares in percent, with a point or a comma
    region_ids : codes that a row may name
    source, dated, is_simulated : of every row

    Raises
    ------
    UnreadableFile
        If the file as a whole cannot be read.
    UnexpectedColumns
        If a column is missing, or stands there twice.
    InvalidSurvey
        If there are too many rows, or none can be used.
    """
    table = open_recognised(path, NAMES)
    missing = [name for name in NAMES if name not in table.layout]
    if missing:
        raise UnexpectedColumns(
            f"{path.name} has no column {shown(missing)}; found columns {shown(table.rows.columns)}. Expected "
            f"{', '.join(NAMES)}. Name them so, one row for each region, sex, year and question."
        )
    known = frozenset(region_ids)
    kept: list[Values] = []
    refused: list[RefusedRow] = []
    for frame in table.frames():
        texts = frame.select(LINE, RAGGED, pl.col(list(NAMES)).cast(pl.String).fill_null("").str.strip_chars())
        for row in texts.iter_rows(named=True):
            taken = _row(row, known, last_year=dated.year)
            if isinstance(taken, RefusedRow):
                refused.append(taken)
            else:
                kept.append(taken)
            if len(kept) + len(refused) > MOST_ROWS:
                raise InvalidSurvey(
                    f"{path.name} has more than {MOST_ROWS} rows; expected one for each region, sex, year and "
                    "question. Give shares, not the answers of each person."
                )
    lines = pl.DataFrame(kept, schema={"line": pl.Int64, **{name: SURVEY_ANSWERS.schema[name] for name in NAMES}})
    single, contradicted = _without_contradictions(lines)
    refused = sorted([*refused, *contradicted], key=lambda one: one.line)
    answers = single.unique(list(KEY)).with_columns(
        source=pl.lit(source), dated=pl.lit(dated), is_simulated=pl.lit(is_simulated)
    )
    if answers.is_empty():
        first = refused[0]
        raise InvalidSurvey(
            f"{path.name}: none of its {len(refused)} rows can be used. Line {first.line}, {first.column}: found "
            f"{first.found!r}; expected {first.expected}. Correct the file."
        )
    return ReadSurvey(
        answers=SURVEY_ANSWERS.checked(answers).sort(KEY),
        refused=tuple(refused),
        repeated=single.height - answers.height,
    )


def _row(row: Mapping[str, str], known: Collection[str], *, last_year: int) -> Values | RefusedRow:
    """The values of a row, or its first fault."""
    checked: dict[str, tuple[str | int | float | None, str]] = {
        "region_id": (
            row["region_id"] if row["region_id"] in known else None,
            "the KATO code of a region of the territory, or the territory's name",
        ),
        "sex": (row["sex"].casefold() if row["sex"].casefold() in SEXES else None, ", ".join(SEXES)),
        "year": (
            _whole(row["year"], least=FIRST_YEAR, most=last_year),
            f"{FIRST_YEAR} to {last_year}, the year of --dated",
        ),
        "question": (row["question"] if row["question"] in list(Question) else None, ", ".join(Question)),
        "share_percent": (_percent(row["share_percent"]), "a number of percent from 0 to 100"),
        "respondents": (
            _whole(row["respondents"], least=1, most=_MOST_RESPONDENTS),
            "a whole number of people above 0",
        ),
    }
    line = int(row[LINE])
    if row[RAGGED] is not None:
        found = printable(row[RAGGED], most=_MOST_SHOWN)
        return RefusedRow(line=line, column=RAGGED, found=found, expected="as many fields as the header has")
    for column, (value, expected) in checked.items():
        if value is None:
            found = printable(row[column], most=_MOST_SHOWN)
            return RefusedRow(line=line, column=column, found=found, expected=expected)
    return {"line": line, **{column: value for column, (value, _) in checked.items() if value is not None}}


def _without_contradictions(lines: pl.DataFrame) -> tuple[pl.DataFrame, list[RefusedRow]]:
    said = pl.struct("share_percent", "respondents").n_unique().over(KEY)
    refused = [
        RefusedRow(
            line=row["line"],
            column="share_percent",
            found=f"{row['share_percent']:g} of {row['respondents']}",
            expected=f"one row for {row['region_id']}, {row['sex']}, {row['year']}, {row['question']}; "
            "another row says something else",
        )
        for row in lines.filter(said > 1).iter_rows(named=True)
    ]
    return lines.filter(said == 1), refused


def _number(text: str) -> float | None:
    plain = text.replace(",", ".")
    return float(plain) if plain.isascii() and plain.replace(".", "", 1).isdecimal() else None


def _percent(text: str) -> float | None:
    value = _number(text)
    return value if value is not None and value <= _WHOLE_PERCENT else None


def _whole(text: str, *, least: int, most: int) -> int | None:
    value = _number(text)
    return int(value) if value is not None and least <= value <= most and value == int(value) else None
