"""Measure the council: how long a page and a change take as requests grow.

A store on disk is filled with simulated requests (seeded), then the same things are timed at each size, in one run:
the public list and page from the journal, the desk and a request from the store, and one support with its journal.
Prints a Markdown table for docs/benchmarks.md; the smallest size is the comparison.

    python scripts/bench_council.py [--sizes 20 1000 5000] [--repeats 9]
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from riskmap import assembly, release  # noqa: E402
from riskmap.council import casework, places  # noqa: E402
from riskmap.council import request as rules  # noqa: E402
from riskmap.council.casework import Office  # noqa: E402
from riskmap.council.request import Action, CouncilRequest, Filing, RequestKind  # noqa: E402
from riskmap.identity.access import Actor, Grant, Role  # noqa: E402
from riskmap.ports import Account  # noqa: E402
from riskmap.public import council_pages  # noqa: E402
from riskmap.release import Release  # noqa: E402
from riskmap.settings import Settings  # noqa: E402
from tests.release_builder import a_release  # noqa: E402

SEED = 20261123
START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
TOWN = "toy"
GROUNDS = "Вечером на дороге от остановки до школы темно, фонари не горят уже месяц."
PEOPLE = 50


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=[20, 1000, 5000])
    options.add_argument("--repeats", type=int, default=9)
    given = options.parse_args()
    columns = [measure(size, given.repeats) for size in given.sizes]
    print("| ms, median (smallest–largest) | " + " | ".join(f"{size} requests" for size in given.sizes) + " |")
    print("|---" * (len(given.sizes) + 1) + "|")
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(column[name] for column in columns) + " |")


def measure(size: int, repeats: int) -> dict[str, str]:
    """Times of one size by what was done."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment({"RISKMAP_DATA": folder})
        assembly.migrate(settings)
        manifest, files = a_release()
        release_id, _ = release.write(settings.releases, manifest, files)
        town = release.read(settings.releases, TOWN, release_id)
        office = Office(store=assembly.open_store(settings), journals=settings.journals)
        secretary, residents = _enrol(office)
        _fill(office, town, secretary, residents, size)
        casework.publish(office, TOWN, at=START)
        pages = TestClient(Starlette(routes=council_pages.routes(settings.releases, settings.journals)))
        supporters = iter(residents[1:])
        timed: dict[str, Callable[[], object]] = {
            "public list, a page of 20": lambda: pages.get(f"/council/{TOWN}").raise_for_status(),
            "public page of one request": lambda: pages.get(f"/council/{TOWN}/{size}").raise_for_status(),
            "desk of the secretary (use case)": lambda: casework.desk(office, secretary, TOWN),
            "one request for the secretary (use case)": lambda: casework.view(office, secretary, TOWN, size),
            "support: access, row, audit line, journal": lambda: casework.support(
                office, next(supporters), TOWN, size, at=START + timedelta(days=300)
            ),
        }
        result = {name: _timed(act, repeats) for name, act in timed.items()}
        office.store.close()
    return result


def _timed(act: Callable[[], object], repeats: int) -> str:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    return f"{statistics.median(times):.0f} ({min(times):.0f}–{max(times):.0f})"


def _enrol(office: Office) -> tuple[Actor, list[Actor]]:
    roles = {"secretary": Role.SECRETARY} | {f"resident-{n:02}": Role.RESIDENT for n in range(PEOPLE)}
    actors = []
    with office.store.work() as work:
        for login, role in roles.items():
            grant = Grant(role=role, region_id=TOWN)
            account = Account(account_id=f"a-{login}", login=login, password_hash="", language="kk", created_at=START)
            work.accounts.save(account)
            work.accounts.grant(account.account_id, grant, at=START)
            actors.append(Actor(account_id=account.account_id, login=login, grants=(grant,)))
        work.commit()
    return actors[0], actors[1:]


def _fill(office: Office, town: Release, secretary: Actor, residents: list[Actor], size: int) -> None:
    """Simulated requests on the cells of the town: half taken up, a quarter before the council."""
    draw = random.Random(SEED)  # noqa: S311 - seeded on purpose, no secret
    with office.store.work() as work:
        for number in range(1, size + 1):
            place = places.locate(town, f"{int(draw.choice(list(town.cells))):x}")
            asked_at = START + timedelta(minutes=number)
            request = _filed(number, draw.choice(list(RequestKind)), place, asked_at)
            work.requests.add(request)
            for action in (Action.TAKE_UP, Action.REFER)[: max(0, number % 4 - 1)]:
                request = _moved(request, action, secretary, asked_at + timedelta(hours=1))
                work.requests.save(request)
            for resident in draw.sample(residents[10:], draw.randrange(6)):
                work.requests.support(TOWN, number, resident.account_id, at=asked_at)
        work.commit()


def _filed(number: int, kind: RequestKind, place: rules.Place, at: datetime) -> CouncilRequest:
    filed = rules.submit(
        Filing(kind=kind.value, grounds=f"{GROUNDS} № {number}"),
        place,
        number=number,
        requester="a-resident-00",
        entered_by="a-resident-00",
        role="resident",
        at=at,
        key=f"filed-{number}",
        is_simulated=True,
    )
    return replace(filed, landmark="возле остановки")


def _moved(request: CouncilRequest, action: Action, secretary: Actor, at: datetime) -> CouncilRequest:
    given = {"wording": "Освещение дороги от остановки до школы.", "note": "Проверено."}
    key = f"{action}-{request.number}"
    told = {"account_id": secretary.account_id, "role": "secretary", "key": key}
    return rules.advance(request, action, given, at=at, **told)


if __name__ == "__main__":
    main()
