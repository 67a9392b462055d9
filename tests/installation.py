"""The made-up city and Kazakhstan, published by the real commands once per test run.

Import the fixture in a conftest: ``from tests.installation import installation``. However many workers and folders ask
for it, it is built once, behind a file lock.
"""

import contextlib
import fcntl
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from riskmap import commands, release
from riskmap.release import Release

CITY = "ulgiqala"
COUNTRY = "kazakhstan"
TOLD = "told.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A data folder with two releases. Tests read it and never change it; copy what you want to break."""

    data: Path

    @property
    def releases(self) -> Path:
        return self.data / "releases"

    @property
    def told(self) -> str:
        """What the command ``demo`` said when it built the made-up city."""
        return (self.data / TOLD).read_text(encoding="utf-8")

    def release(self, territory: str = CITY) -> Release:
        return release.read(self.releases, territory)


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    # Workers of pytest-xdist have a folder each below the run's own.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    data = once(shared, "installation", _build)
    return Installation(data=data)


def once(folder: Path, name: str, build: Callable[[Path], None]) -> Path:
    """The folder ``name``, built by whoever comes first; the others wait for it."""
    built = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            being_built = folder / f"{name}-in-work"
            build(being_built)
            being_built.rename(built)
    return built


def _build(data: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RISKMAP_DATA", str(data))
        patch.setenv("LC_ALL", "en")
        patch.delenv("RISKMAP_DATABASE_URL", raising=False)
        with contextlib.redirect_stdout(io.StringIO()) as told:
            assert commands.main(["demo"]) == 0
        (data / TOLD).write_text(told.getvalue(), encoding="utf-8")
        assert commands.main(["release", "--territory", COUNTRY]) == 0
