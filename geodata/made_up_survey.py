"""Simulated survey answers of Үлгіқала: nobody was asked, the shares are drawn from one seed.

They are drawn without a look at the made-up incidents: where people feel unsafe says nothing of where more happens.
In the last district too few men are asked, so that a page has that to show too.
"""

import numpy as np
import polars as pl

from geodata.made_up_city import DISTRICTS, NAME, SEED
from geodata.survey_answers import ALL, MEN, WOMEN, Question

SOURCE = "Үлгіқала (simulated)"
YEARS = (2024, 2025)
LEVELS = {Question.UNSAFE_AFTER_DARK: (0.44, 0.29), Question.COMPLETELY_SAFE: (0.57, 0.68)}
"""Shares of women and men around which those of the districts are drawn."""
SCATTER = 0.06
FEW = 24


def answers(*, seed: int = SEED) -> pl.DataFrame:
    """Rows of a file for `geodata.survey_answers.read_survey`, by year, question, district and sex; the city first.

    Examples
    --------
    >>> answers().columns
    ['region_id', 'sex', 'year', 'question', 'share_percent', 'respondents']
    """
    rng = np.random.default_rng([seed, 5])
    rows = []
    for year in YEARS:
        asked = rng.integers(110, 260, size=(len(DISTRICTS), 2))
        asked[-1, 1] = FEW
        for question, levels in LEVELS.items():
            likely = np.clip(rng.normal(levels, SCATTER, size=asked.shape), 0.02, 0.98)
            said = rng.binomial(asked, likely)
            of_all = [(NAME, said.sum(axis=0), asked.sum(axis=0)), *zip(DISTRICTS, said, asked, strict=True)]
            for region_id, own_said, own_asked in of_all:
                counted = {
                    WOMEN: (own_said[0], own_asked[0]),
                    MEN: (own_said[1], own_asked[1]),
                    ALL: (own_said.sum(), own_asked.sum()),
                }
                rows += [
                    (region_id, sex, year, str(question), round(100 * float(yes / n), 1), int(n))
                    for sex, (yes, n) in counted.items()
                ]
    columns = ["region_id", "sex", "year", "question", "share_percent", "respondents"]
    return pl.DataFrame(rows, schema=columns, orient="row")
