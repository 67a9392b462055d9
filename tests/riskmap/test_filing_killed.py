"""A submission that is killed leaves zero or one request, and sending it again makes it one."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from riskmap import journal
from riskmap.assembly import migrate, open_store
from riskmap.council import casework
from riskmap.council.casework import Office
from riskmap.identity import audit
from riskmap.identity.access import Role
from riskmap.settings import REPOSITORY, Settings
from tests.council import NOW, TOWN, a_filing, a_place, an_actor, enrol

RESIDENT = an_actor(Role.RESIDENT)


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """How many steps a submission has that nobody kills."""
    settings = _installed(tmp_path_factory.mktemp("whole"))
    done = _file_and_die(settings.data, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("part", range(4))
def test_a_killed_submission_leaves_zero_or_one_request(tmp_path, steps, part):
    step = random.Random(f"ci {part}").randrange(1 + part * steps // 4, (part + 1) * steps // 4)

    _kill_and_check(tmp_path, step)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(100))
def test_wherever_a_submission_is_killed_it_leaves_zero_or_one_request(tmp_path, steps, part):
    step = random.Random(part).randrange(1 + part * steps // 100, 1 + (part + 1) * steps // 100)

    _kill_and_check(tmp_path, step)


def _kill_and_check(folder: Path, step: int) -> None:
    settings = _installed(folder)
    killed = _file_and_die(settings.data, step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    office = Office(store=open_store(settings), journals=settings.journals)
    with office.store.look() as look:
        left, head = look.requests.of_territory(TOWN), audit.check(look.audit.entries())

    again = casework.file(office, RESIDENT, a_filing(), a_place(), key="once", at=NOW)
    casework.publish(office, TOWN, at=NOW)

    with office.store.look() as look:
        after, entries = look.requests.of_territory(TOWN), list(look.audit.entries())
    assert len(left) in (0, 1)
    assert head["position"] == len(left)  # the request and its line in the log came together or not at all
    assert after == [again]
    assert audit.check(entries)["position"] == 1
    assert [request.number for request in journal.latest(office.journals, TOWN).requests] == [1]
    office.store.close()


def _installed(folder: Path) -> Settings:
    settings = Settings.from_environment({"RISKMAP_DATA": str(folder / "data")})
    migrate(settings)
    store = open_store(settings)
    enrol(store, RESIDENT)
    store.close()
    return settings


def _file_and_die(data: Path, step: int) -> "subprocess.CompletedProcess[str]":
    script = Path(__file__).with_name("file_and_die.py")
    return subprocess.run(
        [sys.executable, str(script), str(data), str(step)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
