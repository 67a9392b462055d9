"""Measure what visitors of the site wait for: a phone on a slow line, and many sessions at once.

The site runs as one process over a made-up release (simulated data, see scripts/bench_map.py, which measures the map
itself beside the plain way). Prints Markdown for docs/benchmarks.md.

    python scripts/bench_web.py [--cells 50000] [--sessions 200] [--seconds 60]
"""

import argparse
import asyncio
import gzip
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
import websockets
from playwright.sync_api import Browser, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_map import FLAGS, SEED, TERRITORY, serve, write_data  # noqa: E402

from geodata import hexgrid  # noqa: E402
from riskmap import release  # noqa: E402

SLOW_BYTES_PER_S = 400_000 / 8
SLOW_LATENCY_MS = 400
SLOW_CPU = 4
THINK_S = 2.0
PATIENCE_S = 120.0
KEPT_OPEN = httpx.Limits(keepalive_expiry=3.0)
"""Shorter than the five seconds after which the server closes a silent line; a browser asks again by itself."""
PAINTED = "performance.getEntriesByName('first-contentful-paint').length > 0"
WAYS = {
    "front door: its first sentence": ("/kk", ".rm-lead", False),
    "my area: its first sentence": (f"/area/{TERRITORY}?lang=kk", ".rm-lead", False),
    "map: hexagons drawn": (f"/?place={TERRITORY}&view=hexagons&lang=kk", ".rm-map[data-phase=ready]", True),
}
"""Address, what is awaited, and whether it stands in the map's frame."""


@dataclass(frozen=True, slots=True)
class Waited:
    """What a slow phone waited for: seconds and kilobytes over the line until it was there."""

    seconds: float
    kilobytes: float


def on_slow_phone(browser: Browser, address: str, *, awaited: str, in_frame: bool = False) -> Waited:
    """Open a page on a slow phone and wait until what is awaited (a CSS selector) is seen."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page = context.new_page()
    line = context.new_cdp_session(page)
    received = [0.0]
    line.on("Network.loadingFinished", lambda told: received.__setitem__(0, received[0] + told["encodedDataLength"]))
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": SLOW_LATENCY_MS,
            "downloadThroughput": SLOW_BYTES_PER_S,
            "uploadThroughput": SLOW_BYTES_PER_S,
        },
    )
    line.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_CPU})
    started = time.perf_counter()
    page.goto(address, wait_until="commit", timeout=PATIENCE_S * 1000)
    place = page.frame_locator("iframe").locator(awaited) if in_frame else page.locator(awaited)
    place.first.wait_for(timeout=PATIENCE_S * 1000, state="attached" if in_frame else "visible")
    # What has a place on the page is not seen before its styles have come.
    while not page.evaluate(PAINTED):
        if time.perf_counter() - started > PATIENCE_S:
            raise SystemExit(f"{address} painted nothing within {PATIENCE_S:.0f} s.")
        time.sleep(0.02)
    found = Waited(time.perf_counter() - started, received[0] / 1000)
    context.close()
    return found


@dataclass(frozen=True, slots=True)
class Answered:
    """Milliseconds a session waited, and the second since the start at which it asked."""

    at: float
    ms: float


async def one_session(
    address: str, cells: list[str], rng: np.random.Generator, *, started: float, seconds: float
) -> tuple[Answered, list[Answered]]:
    """A person who opens the map and chooses one cell after the other: the opening, and the answer to each choice."""
    view = f"place={TERRITORY}&view=hexagons&lang=kk"
    stream = address.replace("http", "ws") + "/_stcore/stream"
    # Streamlit keeps a line to every open page, whether or not it is asked anything.
    async with (
        websockets.connect(stream, max_size=None, subprotocols=["streamlit"]) as line,  # type: ignore[list-item]
        httpx.AsyncClient(base_url=address, timeout=PATIENCE_S, limits=KEPT_OPEN) as browser,
    ):
        opening = await _timed(_asked(line, view), started)
        choices = []
        while time.perf_counter() - started < seconds:
            await asyncio.sleep(rng.exponential(THINK_S))
            wanted = {"lang": "kk", "group": "all", "view": "hexagons", "cell": str(rng.choice(cells))}
            choices.append(await _timed(_chosen(browser, wanted), started))
    return opening, choices


async def _timed(asking: Awaitable[None], started: float) -> Answered:
    asked = time.perf_counter()
    await asking
    return Answered(asked - started, (time.perf_counter() - asked) * 1000)


async def _chosen(browser: httpx.AsyncClient, wanted: dict[str, str]) -> None:
    """Choose a cell on the map and wait for the words beside it, as riskmap/assets/panel.js does."""
    answer = await browser.get(f"/panel/{TERRITORY}", params=wanted)
    if answer.status_code != HTTPStatus.OK or "rm-answer" not in answer.text:
        raise SystemExit(f"A choice was answered with status {answer.status_code} and no words.")


async def _asked(line: websockets.ClientConnection, query: str) -> None:
    """Ask for a page and wait until all of it has come."""
    message = BackMsg()
    message.rerun_script.query_string = query
    await line.send(message.SerializeToString())
    while True:
        told = ForwardMsg.FromString(bytes(await line.recv(decode=False)))
        if told.WhichOneof("type") == "script_finished":
            return


async def many_sessions(
    address: str, cells: list[str], *, sessions: int, seconds: float
) -> list[tuple[Answered, list[Answered]]]:
    """What every session waited for; they arrive over the first third of the time."""
    started = time.perf_counter()

    async def arriving(number: int) -> tuple[Answered, list[Answered]]:
        rng = np.random.default_rng([SEED, number])
        await asyncio.sleep(seconds / 3 * number / sessions)
        return await one_session(address, cells, rng, started=started, seconds=seconds)

    return await asyncio.gather(*map(arriving, range(sessions)))


def slow_phone(address: str, chromium: str, *, loads: int) -> dict[str, list[Waited]]:
    """What was waited for on each page of `WAYS`, once for each load."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        found = {
            way: [on_slow_phone(browser, address + path, awaited=wanted, in_frame=framed) for _ in range(loads)]
            for way, (path, wanted, framed) in WAYS.items()
        }
        browser.close()
    return found


def main() -> None:
    """Run all and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--loads", type=int, default=3)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, given.cells)
        made = release.read(folder / "releases", TERRITORY)
        files = [(made.folder / file).read_bytes() for file in ("cells.bin", "classes-all.bin")]
        packed = sum(len(gzip.compress(content)) for content in files)
        load = os.getloadavg()[0]
        server, address = serve("app:app", folder)
        try:
            slow = slow_phone(address, given.chromium, loads=given.loads)
            cells = hexgrid.cell_ids(made.cells)
            answers = asyncio.run(many_sessions(address, cells, sessions=given.sessions, seconds=given.seconds))
        finally:
            server.terminate()
            server.wait()
    print(f"{given.cells} cells (simulated), {os.cpu_count()} cores, load average {load:.1f} at the start.\n")
    print("| slow phone (400 kbit/s, 400 ms, 4 times slower) | s, median (range) | kB |")
    print("|---|---|---|")
    for way, found in slow.items():
        seconds = [one.seconds for one in found]
        kilobytes = statistics.median(one.kilobytes for one in found)
        print(f"| {way} | {statistics.median(seconds):.1f} ({min(seconds):.1f}–{max(seconds):.1f}) | {kilobytes:.0f} |")
    print(f"\nCells of the view and their classes, gzip: {packed / 1000:.0f} kB.\n")
    print(f"{given.sessions} sessions, thinking {THINK_S:.0f} s on average, {given.seconds:.0f} s:\n")
    print("| | answers | median, ms | p95, ms | p99, ms |")
    print("|---|---|---|---|---|")
    arrived = max(opening.at + opening.ms / 1000 for opening, _ in answers)
    choices = [one for _, chosen in answers for one in chosen]
    _print_waits("opening the map (a run of its script)", [opening for opening, _ in answers])
    _print_waits("a choice while sessions arrive", [one for one in choices if one.at <= arrived])
    _print_waits("a choice after that", [one for one in choices if one.at > arrived])
    _print_waits("a choice, all of them", choices)


def _print_waits(what: str, found: list[Answered]) -> None:
    if not found:
        print(f"| {what} | 0 | | | |")
        return
    median, p95, p99 = np.quantile([one.ms for one in found], [0.5, 0.95, 0.99])
    print(f"| {what} | {len(found)} | {median:.0f} | {p95:.0f} | {p99:.0f} |")


if __name__ == "__main__":
    main()
