"""What the made-up city publishes and says, as text that is read when it changes.

After a change that is meant, rewrite the files and look at their diff::

    RISKMAP_REWRITE_GOLDEN=1 python -m pytest tests/golden
"""

import difflib
import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

from models.risk_class import RiskClass
from riskmap import wording
from riskmap.public import explain
from tests.installation import COUNTRY
from tests.public_client import PublicClient

FILES = Path(__file__).parent / "files"
REWRITE = "RISKMAP_REWRITE_GOLDEN"
IS_REWRITING = bool(os.environ.get(REWRITE))
"""Read when the module is loaded: tests run without the settings of this machine."""


def as_text(value: object) -> str:
    return json.dumps(_rounded(value), ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"


def _rounded(value: object) -> object:
    """Four significant digits, so that another processor's last digit changes nothing."""
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {str(key): _rounded(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_rounded(inner) for inner in value]
        case _:
            return value


def require_equal(name: str, value: object) -> None:
    """Compare with the file of that name, or write it; a difference is shown line by line."""
    path, found = FILES / name, as_text(value)
    if IS_REWRITING:
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
        return
    expected = path.read_text(encoding="utf-8")
    if found != expected:
        lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "kept", "found", lineterm="", n=2)
        pytest.fail(f"{name} differs; if that is meant: {REWRITE}=1\n" + "\n".join(lines), pytrace=False)


@pytest.fixture(scope="module")
def city(installation):
    return installation.release()


def some_cells(city):
    """Cells of three different classes, each the first of its class."""
    wanted = (RiskClass.CLEARLY_LOWER, RiskClass.CLEARLY_HIGHER, RiskClass.TOO_LITTLE)
    codes = city.classes["theft"].tolist()
    return [city.cell_at(codes.index(code)) for code in wanted]


def test_how_many_hexagons_each_class_has(city):
    counted = {
        group: {RiskClass(code).name.lower(): n for code, n in sorted(Counter(codes.tolist()).items())}
        for group, codes in city.classes.items()
    }

    require_equal("classes.json", {"hexagons": int(city.cells.size), "by_group": counted})


def test_what_the_manifest_says(city):
    own = ("release_id", "published_at", "deliveries", "files")
    manifest = {key: value for key, value in city.manifest.items() if key not in own}
    manifest["model"] = {key: value for key, value in manifest["model"].items() if key != "run_id"}

    require_equal("manifest.json", {**manifest, "files": sorted(city.manifest["files"])})


def test_what_the_areas_publish(city):
    require_equal("areas.json", [asdict(area) for area in city.areas])


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_what_is_said_of_hexagons_and_areas(city, language):
    words = wording.in_language(language)

    said = {
        "cells": [
            {"cell": cell.cell_id, **asdict(explain.cell_answer(city, cell, "theft", words))}
            for cell in some_cells(city)
        ],
        "not_covered": asdict(explain.cell_answer(city, None, "theft", words)),
        "areas": [asdict(explain.area_answer(city, area, words)) for area in city.areas],
        "legend": {group: explain.legend_notes(city, group, words) for group in ("all", "theft")},
    }

    require_equal(f"said-{language}.json", said)


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_what_is_said_of_regions(installation, language):
    country, words = installation.release(COUNTRY), wording.in_language(language)

    answers = (explain.area_answer(country, area, words) for area in country.areas)

    require_equal(f"regions-{language}.json", {answer.heading: answer.sentences for answer in answers})


def test_what_the_api_answers(installation, city):
    client = PublicClient(releases=installation.releases)

    answers = {}
    for cell in some_cells(city)[:2]:
        answer = client.get(f"/api/v1/cells/{cell.cell_id}", lang="en").json()
        answers[cell.cell_id] = {key: value for key, value in answer.items() if key != "release"}

    require_equal("api.json", answers)
