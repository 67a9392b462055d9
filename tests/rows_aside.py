"""A town with deliveries whose rows were set aside, and the table as a steward would send it back."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import shapely

from geodata.territory import Names, Territory
from riskmap.assembly import migrate, open_store
from riskmap.audit_port import AuditEntry
from riskmap.identity.access import Actor, Grant, Role
from riskmap.pipeline.deliveries import DeliveryReport, deliver
from riskmap.ports import Store
from riskmap.quarantine import desk
from riskmap.quarantine.bench import Bench
from riskmap.settings import Settings

NOW = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
TOWN = "toy"
HEADER = "occurred_at,category,lat,lng,note"
STEWARD = Actor(account_id="a-steward", login="steward", grants=(Grant(role=Role.STEWARD, region_id=TOWN),))
FAULTY = {
    12: ("impossible_date", "31.02.2026 10:00,theft,43.25,76.9,flat 17"),
    13: ("missing_date", ",theft,43.26,76.9,"),
    14: ("swapped_coordinates", "2026-02-03 12:00,robbery,76.91,43.25,"),
    15: ("ragged_row", "2026-02-04 12:00,theft"),
    16: ("future_date", "2036-02-04 12:00,theft,43.27,76.9,=1+1"),
}
"""Line of the file, its fault, and the row."""


def a_town(**changes: object) -> Territory:
    row = {"region_id": "1", "name_kk": "Қала", "name_ru": "Город", "name_en": "Town", "zone": "Asia/Almaty"}
    regions = gpd.GeoDataFrame([row], geometry=[shapely.box(76.7, 43.1, 77.1, 43.4)], crs=4326)
    regions["residents"] = None
    regions["official_count"] = None
    plain: dict[str, object] = {
        "name": TOWN,
        "names": Names(kk="Қала", ru="Город", en="Town"),
        "zone": "Asia/Almaty",
        "regions": regions,
        "origin": Names(kk="сынақ үшін", ru="для проверки", en="made up for tests"),
    }
    return Territory(**{**plain, **changes})


def sound_rows(count: int = 10) -> list[str]:
    first = datetime(2026, 1, 5, 8, 17)  # noqa: DTZ001 (local time, as a source writes it)
    return [f"{first + timedelta(hours=5 * n):%Y-%m-%d %H:%M},theft,43.25,76.9," for n in range(count)]


def a_file(folder: Path, rows: Sequence[str], *, name: str = "incidents.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@dataclass(kw_only=True)
class Town:
    """An installation on disk with one town."""

    folder: Path
    settings: Settings
    store: Store

    @property
    def bench(self) -> Bench:
        return Bench(store=self.store, data=self.settings.data)

    def deliver(self, rows: Sequence[str] | None = None, *, at: datetime = NOW, **given) -> DeliveryReport:
        """Deliver ten sound rows and those of `FAULTY`, or other rows."""
        rows = [*sound_rows(), *(row for _, row in FAULTY.values())] if rows is None else rows
        return deliver(self.store, a_file(self.folder, rows, **given), territory=a_town(), now=at)

    def table(self, delivery_id: str, **given) -> list[list[str]]:
        """Header and rows of the exported table."""
        _, pieces = desk.export(self.bench, STEWARD, delivery_id, at=NOW, **given)
        return list(csv.reader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))

    def sent_back(self, table: Sequence[Sequence[str]], *, separator: str = ",", encoding: str = "utf-8") -> Path:
        """The table as a file, saved by a spreadsheet."""
        path = self.folder / "corrected.csv"
        with path.open("w", newline="", encoding=encoding) as file:
            csv.writer(file, delimiter=separator).writerows(table)
        return path

    def overview(self) -> list[desk.Aside]:
        return desk.overview(self.bench, STEWARD, TOWN, at=NOW)

    def audit(self) -> list[AuditEntry]:
        with self.store.look() as look:
            return list(look.audit.entries())


def corrected(table: Sequence[Sequence[str]], **of_line: dict[str, str]) -> list[list[str]]:
    """A table with other cells: ``line_13={"occurred_at": "..."}``."""
    header = list(table[0])
    made = [list(row) for row in table]
    for name, cells in of_line.items():
        (row,) = [row for row in made[1:] if row[1] == name.removeprefix("line_")]
        for column, text in cells.items():
            row[header.index(column)] = text
    return made


@contextmanager
def a_town_on_disk(folder: Path, **given) -> Iterator[Town]:
    settings = Settings(data=folder / "data", database_url=f"sqlite:///{folder / 'riskmap.db'}", **given)
    migrate(settings)
    store = open_store(settings, wait_s=0.5)
    store.territories.save(a_town())
    try:
        yield Town(folder=folder, settings=settings, store=store)
    finally:
        store.close()
