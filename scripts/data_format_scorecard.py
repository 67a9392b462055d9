"""What docs/data_format.md says of the part ``monthly`` of scorecard.json."""

from riskmap.pipeline import scorecard_file

INTRODUCTION = f"""\
`monthly` (version {scorecard_file.VERSION}; absent where the score run kept no windows) tells each past forecast beside
what came. Totals are those of all tested cells, to the nearest {scorecard_file.TOLD_IN}, and null below
{scorecard_file.LEAST_TOLD}. Beside `version` it holds `told_in`, `least_told`, `stop_rule` (`windows`, `warned_after`),
`criterion` (`set_on`, `decided_by`, `least_windows`, `standard_errors`) and `groups`, one entry for each offence group:
"""
GROUP = {
    "offence_group": "group, or `all`",
    "model": "the model whose forecast is told",
    "horizon_days": "length of a window",
    "baseline": "the better of the simple methods: lower mean deviance over all windows; null where none was tested",
    "n_closer": "windows in which the forecast had a lower deviance than it",
    "differences": "for each simple method `mean` advantage in deviance, its `standard_error`, `n_windows`",
    "standing": "what the stop rule says: `in_use`, `warned`, `switched_off`, `untested`",
    "since": "day from which that holds; null where untested",
    "in_a_row": "latest windows in a row in which the forecast was closer (positive) or was not (negative)",
    "outcome": "what the criterion says: `met`, `not_met`, `too_early`",
    "windows": "the windows, oldest first",
}
WINDOW = {
    "from": "first day",
    "to": "day after the last",
    "registered": "incidents that came",
    "expected": "what was expected: `forecast`, and each simple method by its name",
    "range": "90 % range of the forecast, widened to fives; null where unknown or below ten",
    "hit_rate_5": (
        f"share of incidents in the riskiest 5 % of the area, in steps of 0.05 (0.01 from "
        f"{scorecard_file.FINE_SHARES_FROM} incidents on)"
    ),
    "poisson_deviance": "mean per cell of the forecast and each simple method",
    "is_closer": "whether the forecast had a lower deviance than `baseline`",
}
