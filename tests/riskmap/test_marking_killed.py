"""A mark that is killed half-way leaves zero or one, and sending its form again makes it one with the same receipt."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from riskmap import installation_key
from riskmap.assembly import migrate, open_store
from riskmap.photos import sending
from riskmap.settings import REPOSITORY, Settings
from riskmap.signals import desk, receipt
from riskmap.signals.desk import SignalOffice
from riskmap.signals.limits import Gate
from riskmap.signals.rules import Category
from tests.council import NOW, TOWN
from tests.photo_builder import a_jpeg
from tests.signal_builder import ANSWERS, a_marked_place


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """How many steps a mark has that nobody kills."""
    done = _mark_and_die(_installed(tmp_path_factory.mktemp("whole")).data, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_killed_mark_leaves_zero_or_one(tmp_path, steps):
    _kill_and_check(tmp_path, random.Random("ci mark").randrange(steps // 2, steps))


@pytest.mark.deep
@pytest.mark.parametrize("part", range(20))
def test_wherever_a_mark_is_killed_it_leaves_zero_or_one(tmp_path, steps, part):
    _kill_and_check(tmp_path, random.Random(part).randrange(1 + part * steps // 20, 1 + (part + 1) * steps // 20))


def _kill_and_check(folder: Path, step: int) -> None:
    settings = _installed(folder)
    killed = _mark_and_die(settings.data, step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    store, secret = open_store(settings), installation_key.load(settings.data)
    office = SignalOffice(store=store, journals=settings.journals, secret=secret, gate=Gate())
    with store.look() as look:
        left, photos = look.signals.waiting(TOWN), look.photos.of_territory(TOWN)
    assert len(photos) == len(left), "both or neither"

    told = {"key": "once", "address": None, "at": NOW, "photos": [a_jpeg()]}
    again = desk.mark(office, a_marked_place(), Category.LIGHTING, ANSWERS, **told)

    sending.sweep(store, TOWN)
    with store.look() as look:
        after, (photo,) = look.signals.waiting(TOWN), look.photos.of_territory(TOWN)
    assert [path.stem for path in (settings.data / "photos" / TOWN).iterdir()] == [photo.sha256]
    assert len(left) in (0, 1)
    assert after == [again.signal]
    assert again.receipt == receipt.of_form(secret, "once")
    store.close()


def _installed(folder: Path) -> Settings:
    settings = Settings.from_environment({"RISKMAP_DATA": str(folder / "data")})
    migrate(settings)
    return settings


def _mark_and_die(data: Path, step: int) -> "subprocess.CompletedProcess[str]":
    script = Path(__file__).with_name("mark_and_die.py")
    return subprocess.run(
        [sys.executable, str(script), str(data), str(step)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
