"""Delivers the files of the corpus, each in a process of its own, and measures what that takes.

``python -m riskmap`` spends most of its time on being loaded. One process loads it, and forks itself for each file:
the fork's memory and processor time are then those of the one delivery. What a fork that does nothing holds already is
the baseline.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from riskmap.settings import REPOSITORY

MOST_CPU_S, MOST_MB = 10.0, 500.0
"""What one file may take, above the baseline where memory is meant."""

_WALL_S, _KILL_MB = 60.0, 2_500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a delivery ended: exit status, what it said, processor seconds, and the most memory it held.

    ``baseline_mb`` is what the loaded program holds before it is given a file.
    """

    status: int
    out: str
    err: str
    cpu_s: float
    most_mb: float
    baseline_mb: float

    @property
    def above_mb(self) -> float:
        """Memory above the baseline."""
        return self.most_mb - self.baseline_mb

    @property
    def answer(self) -> dict[str, Any]:
        """The object that ``--json`` ends with."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


class Runs:
    """The loaded program, ready to be given files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile_runs"],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.installed = folder / "installed"
        made = self._ask(["migrate", "--json"], self.installed)
        assert made.status == 0, made.err
        self.baseline_mb = made.baseline_mb

    def deliver(self, path: Path, data: Path, *, mapping: Path | None = None) -> Run:
        """Deliver a file into a new installation at ``data``."""
        shutil.copytree(self.installed, data)
        options = ["--mapping", str(mapping)] if mapping else []
        return self._ask(
            ["deliver", str(path), "--territory", "kazakhstan", "--language", "en", "--json", *options], data
        )

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ask(self, arguments: list[str], data: Path) -> Run:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = {"arguments": arguments, "data": str(data), "folder": str(self._folder)}
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        return Run(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def over_and_over(change: Any, path: Path) -> Iterator[None]:
    """Do something to a file every few milliseconds while the block runs."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.03):
            with contextlib.suppress(OSError):
                change(path)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        is_over.set()
        worker.join()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _serve() -> None:
    from riskmap import commands

    answers = os.fdopen(os.dup(1), "w")
    idle, *_ = _forked(lambda: 0)
    for line in sys.stdin:
        asked = json.loads(line)
        folder = Path(asked["folder"])
        os.environ["RISKMAP_DATA"] = asked["data"]
        out, err = folder / "out.txt", folder / "err.txt"

        def run(asked: dict[str, Any] = asked, out: Path = out, err: Path = err) -> int:
            for file, number in ((out, 1), (err, 2)):
                os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            return commands.main(asked["arguments"])

        most_mb, cpu_s, status = _forked(run)
        said = Run(
            status=status,
            out=out.read_text(errors="replace"),
            err=err.read_text(errors="replace"),
            cpu_s=cpu_s,
            most_mb=most_mb,
            baseline_mb=idle,
        )
        answers.write(json.dumps(asdict(said)) + "\n")
        answers.flush()


def _forked(work: Any) -> tuple[float, float, int]:
    """Memory in MB, processor seconds and exit status of work done in a fork; what hangs or swells is killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            status = work()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    start = time.monotonic()
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            return used.ru_maxrss / 1024, used.ru_utime + used.ru_stime, os.waitstatus_to_exitcode(status)
        if time.monotonic() - start > _WALL_S or _held_mb(child) > _KILL_MB:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)


def _held_mb(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    _serve()
