"""From an empty folder to an open map: prepare what is missing, then start the website."""

import contextlib
import os
import socket
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from geodata import kazakhstan, publisher_layouts
from geodata.layout import Mapping
from geodata.made_up_city import NAME as MADE_UP
from riskmap import release
from riskmap.council import simulated
from riskmap.council.casework import Office
from riskmap.council.simulated import NewAccount
from riskmap.errors import PortInUse
from riskmap.pipeline import demo, publication, territories
from riskmap.pipeline.scoring import Progress
from riskmap.ports import Store
from riskmap.settings import REPOSITORY, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What stands ready: the territory of the given file, if there was one, and accounts that were made for trying."""

    territory: str | None = None
    accounts: list[NewAccount] = field(default_factory=list)


def prepare(
    store: Store,
    settings: Settings,
    *,
    incidents: Path | None,
    mapping: Mapping | None,
    zone: str | None,
    language: str,
    now: datetime,
    progress: Progress,
) -> Prepared:
    """Publish Kazakhstan, and the given file's territory or else the made-up city; what is there already stays."""
    published = release.territories(settings.releases)
    if kazakhstan.NAME not in published:
        country = store.territories.load(kazakhstan.NAME)
        publication.publish(store, settings.releases, country, as_of=None, now=now, progress=progress)
    if incidents is None:
        if MADE_UP not in published:
            demo.build(store, settings, now=now, progress=progress)
        return Prepared(accounts=made_up_council(store, settings, language=language, now=now, progress=progress))
    report = territories.deliver_file(
        store,
        incidents,
        territory_name=territories.AUTO,
        mapping=mapping,
        layouts=publisher_layouts.with_those_of(settings.layouts),
        zone=zone,
        now=now,
        progress=progress,
    )
    territory = store.territories.load(report.territory)
    publication.publish(store, settings.releases, territory, as_of=None, now=now, progress=progress)
    return Prepared(territory=territory.name)


def made_up_council(
    store: Store, settings: Settings, *, language: str, now: datetime, progress: Progress
) -> list[NewAccount]:
    """Simulated requests and one account per role for the made-up city; returns the accounts made now."""
    office = Office(store=store, journals=settings.journals)
    city = release.read(settings.releases, MADE_UP)
    return simulated.build(
        office,
        city,
        language=language,
        at=now,
        progress=lambda done, total: progress("cli.demo.step.council", done, total),
    )


def address(port: int, place: str | None) -> str:
    """Address of the start page, or of a place's map."""
    return f"http://localhost:{port}/" + (f"?{urlencode({'place': place, 'view': 'hexagons'})}" if place else "")


def require_free_port(port: int) -> None:
    """Raise `PortInUse` where another program listens."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As the server does, so that a port in its short rest after a stop counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise PortInUse(
                f"Port {port} cannot be opened: {error.strerror or error}. Stop the other program, or choose another "
                f"port: scripts/run --port {port + 1 if port < 65535 else 8501}."
            ) from error


def run_website(port: int) -> None:
    """Become the web server, so that a signal to this process reaches it. Never returns.

    Streamlit reads its settings from the program's own folder.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "app.py"), f"--server.port={port}"]
    os.chdir(REPOSITORY)
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": str(REPOSITORY)})  # noqa: S606 - our own server
