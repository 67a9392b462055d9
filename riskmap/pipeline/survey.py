"""Survey answers of a territory: takes in deliveries, and writes ``survey.csv`` of a release.

A delivery is what one source says of one year. The same file again changes nothing; a newer one takes the place of the
earlier. Answers enter no model, so a release tells all that are held, each with its own day.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from geodata import survey_answers
from geodata.column_names import printable
from geodata.errors import InvalidSurvey
from geodata.survey_answers import KEY, ReadSurvey
from geodata.territory import Territory
from riskmap.ports import Store

SURVEY_FILE = "survey.csv"
LEAST_RESPONDENTS = 30
"""With fewer people asked, a share says too little and is not told."""
LONGEST_SOURCE = 200
_DELIVERY = ("source", "year")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What `load` did; ``replaced`` is the number of rows that gave way, ``read`` what the file says."""

    territory: Territory
    read: ReadSurvey
    replaced: int
    is_unchanged: bool


def load(
    store: Store,
    path: Path,
    *,
    territory_name: str,
    source: str,
    dated: date,
    now: datetime,
    is_simulated: bool = False,
) -> LoadReport:
    """Read a file of survey answers and keep what can be used; answers of a made-up territory are always simulated.

    Raises
    ------
    InvalidSurvey
        If source or day cannot be, no row can be used, or a newer delivery of the source is held.
    UnreadableFile, UnexpectedColumns
        If the file cannot be used.
    """
    territory = store.territories.load(territory_name)
    source = _named(source)
    if dated > now.date():
        raise InvalidSurvey(
            f"The answers are dated {dated}, which is still to come; expected the day whose state they are: "
            "--dated YYYY-MM-DD."
        )
    read = survey_answers.read_survey(
        path,
        region_ids=(territory.name, *territory.region_table["region_id"]),
        source=source,
        dated=dated,
        is_simulated=is_simulated or territory.is_simulated,
    )
    held = store.survey.load(territory.name).join(
        read.answers.select(_DELIVERY).unique(), on=_DELIVERY, how="semi", maintain_order="left"
    )
    newest = held["dated"].max()
    if isinstance(newest, date) and newest > dated:
        raise InvalidSurvey(
            f"Answers of {printable(source, most=40)!r} for the same year dated {newest} are held already; these are "
            f"dated {dated}. Expected newer ones. Correct --dated, or give another --source."
        )
    is_unchanged = held.sort(KEY).equals(read.answers)
    replaced = 0 if is_unchanged else store.survey.put(territory.name, read.answers)
    return LoadReport(territory=territory, read=read, replaced=replaced, is_unchanged=is_unchanged)


def file_of(answers: pl.DataFrame) -> dict[str, bytes]:
    """``survey.csv`` of a release, or nothing where nobody was asked.

    A share of fewer than `LEAST_RESPONDENTS` people is missing; their number stays.
    """
    if answers.is_empty():
        return {}
    told = answers.with_columns(pl.when(pl.col("respondents") >= LEAST_RESPONDENTS).then("share_percent"))
    return {SURVEY_FILE: told.write_csv().encode()}


def _named(source: str) -> str:
    text = source.strip()
    # A sign such as = at the start would be calculated by whoever opens the published table in a spreadsheet.
    if not text or len(text) > LONGEST_SOURCE or not text.isprintable() or not text[0].isalnum():
        raise InvalidSurvey(
            f"The source {printable(text, most=40)!r} has {len(text)} characters; expected one line of 1 to "
            f"{LONGEST_SOURCE} that starts with a letter, such as the publisher's name: --source TEXT."
        )
    return text
