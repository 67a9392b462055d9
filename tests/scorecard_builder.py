"""Kept windows of a backtest for tests of the scorecard, with sensible defaults. All numbers in them are made up."""

from datetime import date, timedelta
from typing import Any

from riskmap import release
from riskmap.pipeline import scorecard_file
from tests.release_builder import a_release

FIRST = date(2025, 11, 6)
"""So that the last of twelve windows ends on 1 November 2026."""
METHODS = ("last_period", "long_run_mean", "eb")


def windows_of(
    *,
    registered: list[int] | None = None,
    deviance: list[float] | None = None,
    expected: float = 100.0,
    baseline: float = 100.0,
    hit_rate_5: float = 0.41,
    model: str = "eb",
    low: float | None = None,
    high: float | None = None,
) -> list[dict[str, Any]]:
    """Twelve windows (or as many as are registered) in which the forecast is closer, unless ``deviance`` says no."""
    registered = registered or [100] * len(deviance or [0.0] * 12)
    deviance = deviance or [0.2] * len(registered)
    others = {"long_run_mean": (baseline, 0.3), "same_month_last_year": (baseline, 0.5)}
    rows = []
    for number, (incidents, own) in enumerate(zip(registered, deviance, strict=True)):
        for name, (total, measured) in {model: (expected, own), **others}.items():
            rows.append(
                {
                    "model": name,
                    "resolution": 9,
                    "horizon_days": 30,
                    "window_start": (FIRST + timedelta(days=30 * number)).isoformat(),
                    "incidents": incidents,
                    "expected_incidents": total,
                    "hit_rate_5": hit_rate_5,
                    "poisson_deviance": measured,
                    "low": low if name == model else None,
                    "high": high if name == model else None,
                }
            )
    return rows


def some_details(**groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Details of a score run that kept these windows of each offence group."""
    rows = [{"offence_group": group, **row} for group, own in groups.items() for row in own]
    return {"served": {group: {} for group in groups}, scorecard_file.WINDOWS: rows}


def a_scored_release(
    *, territory: str = "toy", **groups: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and files of a release whose scorecard tells these windows, for `riskmap.release.write`."""
    details = some_details(**groups)
    methods = [
        {
            "offence_group": "all",
            "model": name,
            "resolution": 9,
            "horizon_days": 30,
            "n_windows": 12,
            "pai_5": 8.41,
            "pei_5": None,
            "hit_rate_5": 0.42,
            "poisson_deviance": 0.2012,
            "calibration_slope": 1.01,
        }
        for name in METHODS
    ]
    manifest, files = a_release(territory=territory)
    told = scorecard_file.monthly(details, details["served"], model="eb")
    return manifest, files | {"scorecard.json": release.as_json({"is_simulated": True, "models": methods, **told})}
