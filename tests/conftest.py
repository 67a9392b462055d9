"""Options and fixtures that several layers share."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest

from geodata import kazakhstan
from riskmap.pipeline import territories
from tests.installation import installation

__all__ = ["installation"]

# Examples are the same on every run, so a red test is red twice; a busy machine is no fault of a test.
hypothesis.settings.register_profile("riskmap", deadline=None, derandomize=True)
hypothesis.settings.load_profile("riskmap")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption("--browser", action="store_true", help="run the journeys in a real browser")
    parser.addoption("--deep", action="store_true", help="run the long examples too")


def pytest_collection_modifyitems(config, items):
    for option, reason in (
        ("browser", "browser journeys run with --browser"),
        ("deep", "long examples run with --deep"),
    ):
        if not config.getoption(f"--{option}"):
            for item in items:
                if option in item.keywords:
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data kept beside the checkout; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder ../shared/data with real data is absent")
    return SHARED_DATA


@pytest.fixture(autouse=True, scope="session")
def _kazakhstan_is_read_once():
    """Each new store asks for the built-in territory; the outlines take longer to read than all the rest."""
    made = kazakhstan.territory()
    with pytest.MonkeyPatch.context() as patch:
        copied = SimpleNamespace(NAME=kazakhstan.NAME, territory=lambda: replace(made, regions=made.regions.copy()))
        patch.setattr(territories, "kazakhstan", copied)
        yield


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    for name in list(os.environ):
        if name.startswith("RISKMAP_"):
            monkeypatch.delenv(name)
