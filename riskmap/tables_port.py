"""What the use cases ask of storage for tables that an operator loads: official totals and survey answers."""

from typing import Protocol

import polars as pl


class TotalsShelf(Protocol):
    """Official totals of the territories, as declared in `geodata.columns.OFFICIAL_TOTALS`."""

    def put(self, territory: str, totals: pl.DataFrame) -> int:
        """Keep totals; earlier ones of the same region and year give way. Returns how many lines those had."""
        ...

    def load(self, territory: str) -> pl.DataFrame:
        """All totals of a territory by region, year and line; no rows where nothing was loaded."""
        ...


class SurveyShelf(Protocol):
    """Survey answers of the territories, as declared in `geodata.survey_answers.SURVEY_ANSWERS`."""

    def put(self, territory: str, answers: pl.DataFrame) -> int:
        """Keep answers; earlier ones of the same source and year give way. Returns how many rows those had."""
        ...

    def load(self, territory: str) -> pl.DataFrame:
        """All answers of a territory; no rows where nothing was loaded."""
        ...
