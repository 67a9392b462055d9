"""The hinge between the service and the public: an immutable, checksummed folder.

A release is written once, beside its final place, and renamed into it; readers find the newest one through the
``latest.json`` of its territory. Everything public reads only this. The layout is described in docs/data_format.md.
"""

import hashlib
import json
import re
import secrets
import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata import hexgrid
from models.risk_class import RiskClass
from riskmap import disk
from riskmap.errors import DamagedRelease, NoRelease, WithdrawnRelease

FORMAT = 1
TERRITORY_NAME = disk.TERRITORY_NAME
CELLS_MAGIC = b"RMC1"
NO_AREA = 65535
NOT_IDENTIFYING = frozenset({"release_id", "published_at", "files", "audit_head", "what_changed"})
"""Parts of a manifest that its id does not depend on: the id itself, moments, sums of the files, and sentences."""
WITHDRAWN_FILE = "withdrawn.json"
SIMULATED = "-simulated"

RELEASE_ID = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{8}(-simulated)?")
PUBLIC_FILES = re.compile(
    r"(manifest|areas|scorecard)\.json|(areas|basemap|objects)\.geojson|(cells|areas)\.bin|classes-[a-z_]+\.bin"
    r"|(counts|places|crosswalk|residents|off_map|gazetteer|survey)\.csv"
)

Names = Mapping[str, str]
CLASS_NAMES: Mapping[int, str] = {int(code): code.name.lower() for code in RiskClass}
"""What each class code is called in files and answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A region, a district or the whole territory, with what may be said about it in numbers.

    ``total`` is the exact count of the release's period, ``by_group`` holds those of the last complete calendar year,
    ``by_group_year``; each is present only where disclosure control allows. ``rate_low`` and ``rate_high`` are per
    10 000 residents and year. ``change`` is down, up, none or too_little, ``comparison`` clear_lower, maybe_lower,
    none, maybe_higher or clear_higher. ``reasons`` are codes (theme, presence, effect) of what sets the forecast of a
    typical place there apart, strongest first; None where nobody says.
    """

    area_id: str
    kind: str
    names: Names
    residents: int | None = None
    total: int | None = None
    by_group: Mapping[str, int] | None = None
    by_group_year: int | None = None
    rate_low: float | None = None
    rate_high: float | None = None
    change: str | None = None
    comparison: str | None = None
    official_count: int | None = None
    official_rate: float | None = None
    reasons: Sequence[Mapping[str, str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Release:
    """One published folder, checked when it is opened.

    ``cells`` ascend and may mix public resolutions; ``classes[group]`` and ``cell_area`` follow their order.
    """

    folder: Path
    manifest: Mapping[str, Any]
    cells: NDArray[np.uint64]
    cell_area: NDArray[np.uint16]
    classes: Mapping[str, NDArray[np.uint8]]
    areas: tuple[Area, ...]

    @property
    def release_id(self) -> str:
        return str(self.manifest["release_id"])

    @property
    def territory(self) -> str:
        return str(self.manifest["territory"])

    @property
    def names(self) -> Names:
        names: Names = self.manifest["names"]
        return names

    @property
    def is_simulated(self) -> bool:
        return bool(self.manifest["is_simulated"])

    @property
    def has_rates(self) -> bool:
        return bool(self.manifest["has_rates"])

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self.manifest["groups"])

    @property
    def period(self) -> tuple[date, date] | None:
        """First day and the day after the last one; None where the release has no hexagons."""
        period = self.manifest["period"]
        return (date.fromisoformat(period["from"]), date.fromisoformat(period["to"])) if period else None

    def period_of(self, group: str) -> tuple[date, date]:
        """The period a group's classes speak of; longer than `period` where the long run is shown."""
        served = self.manifest["served"][group]
        return date.fromisoformat(served["from"]), date.fromisoformat(served["to"])

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.manifest["as_of"])

    @cached_property
    def whole(self) -> Area:
        """The area of kind ``territory``."""
        return next(area for area in self.areas if area.kind == "territory")

    @cached_property
    def area_by_id(self) -> Mapping[str, Area]:
        return {area.area_id: area for area in self.areas}

    def without_cells(self) -> "Release":
        """The same release as a map of its regions alone."""
        manifest = {**self.manifest, "groups": [], "period": None, "bounds": self.manifest["outline_bounds"]}
        return replace(self, manifest=manifest, cells=self.cells[:0], cell_area=self.cell_area[:0], classes={})

    def find(self, cell_id: str) -> "PublishedCell | None":
        """The published cell that is, or holds, the given one; None where the release does not cover it."""
        own = hexgrid.parse_cell(cell_id)
        resolutions = [int(r) for r in self.manifest["public_resolutions"]]
        for candidate in hexgrid.parents_of(f"{own:x}", sorted(resolutions, reverse=True)):
            number = hexgrid.parse_cell(candidate)
            at = int(np.searchsorted(self.cells, number))
            if at < self.cells.size and self.cells[at] == number:
                return self.cell_at(at)
        return None

    def cell_at(self, position: int) -> "PublishedCell":
        """The published cell at one place of ``cells``."""
        area = int(self.cell_area[position])
        return PublishedCell(
            cell_id=f"{int(self.cells[position]):x}",
            area=self.areas[area] if area != NO_AREA else self.whole,
            classes={group: RiskClass(int(codes[position])) for group, codes in self.classes.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCell:
    """What is public about one cell: a class per offence group and the area that holds it. Never a number."""

    cell_id: str
    area: Area
    classes: Mapping[str, RiskClass]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A release that was taken back: why, by a code that points at no place, and on which day."""

    release_id: str
    predecessor: str | None
    as_of: str
    withdrawn_on: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One release in the chain of a territory; of a withdrawn one nothing but that is told."""

    release_id: str
    predecessor: str | None
    as_of: str
    published_at: str | None = None
    new_periods: tuple[str, ...] = ()
    is_simulated: bool = False
    what_changed: Names | None = None
    withdrawn: Withdrawn | None = None


def encode_cells(cells: NDArray[np.uint64]) -> bytes:
    """Bytes of ``cells.bin``: magic, count, then each cell as an unsigned 64-bit number, little-endian, ascending."""
    return CELLS_MAGIC + struct.pack("<I", cells.size) + cells.astype("<u8").tobytes()


def decode_cells(data: bytes) -> NDArray[np.uint64]:
    """Cells of a ``cells.bin``.

    Raises
    ------
    DamagedRelease
        If the magic or the length is wrong.
    """
    is_headed = len(data) >= 8 and data[:4] == CELLS_MAGIC
    if not is_headed or len(data) != 8 + 8 * struct.unpack_from("<I", data, 4)[0]:
        raise DamagedRelease("cells.bin is damaged: its head or length is wrong. Publish the release again.")
    return np.frombuffer(data, dtype="<u8", offset=8).astype(np.uint64)


def identify(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """Id of a release: its as-of date and a hash of everything in it, so equal content has an equal id.

    A simulated release says so in its id, and thereby in the address of each of its files.
    """
    digest = hashlib.sha256(_canonical({k: v for k, v in manifest.items() if k not in NOT_IDENTIFYING}))
    for name in sorted(files):
        digest.update(name.encode() + hashlib.sha256(files[name]).digest())
    suffix = SIMULATED if manifest["is_simulated"] else ""
    return f"{manifest['as_of']}-{digest.hexdigest()[:8]}{suffix}"


def write(root: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[str, bool]:
    """Write a release below ``root`` and make it the territory's latest.

    Returns its id and whether it is new; equal content published again changes nothing but the pointer.

    Raises
    ------
    CannotWrite
        If the folder cannot be written; what was begun is removed.
    """
    release_id = identify(manifest, files)
    territory = root / str(manifest["territory"])
    folder = territory / release_id
    with disk.writing_to(territory):
        territory.mkdir(parents=True, exist_ok=True)
        is_new = not folder.exists()
        if is_new:
            _write_folder(folder, {**manifest, "release_id": release_id}, files)
        disk.replace_synced(territory / "latest.json", _canonical({"release_id": release_id}))
    return release_id, is_new


def territories(root: Path) -> list[str]:
    """Names of the territories that have a release, sorted."""
    return sorted(path.parent.name for path in root.glob("*/latest.json"))


def latest_id(root: Path, territory: str) -> str:
    """Id of the newest release of a territory.

    Raises
    ------
    NoRelease
        If there is none.
    """
    pointer = root / territory / "latest.json"
    if not TERRITORY_NAME.fullmatch(territory) or not pointer.is_file():
        raise NoRelease(
            f"There is no release of {territory!r}. Publish one: python -m riskmap release --territory NAME."
        )
    return str(_json(pointer)["release_id"])


def newest_id(root: Path, territory: str) -> str | None:
    """Id of the release that the next one follows, withdrawn or not; None where there was none."""
    newest = latest_id(root, territory) if (root / territory / "latest.json").is_file() else None
    following = {one.predecessor: one.release_id for one in withdrawn(root, territory)}
    while newest in following:
        newest = following[newest]
    return newest


def withdrawn(root: Path, territory: str) -> tuple[Withdrawn, ...]:
    """Releases of a territory that were taken back, in the order of their publication."""
    path = root / territory / WITHDRAWN_FILE
    is_there = TERRITORY_NAME.fullmatch(territory) is not None and path.is_file()
    return tuple(Withdrawn(**one) for one in _json(path)["releases"]) if is_there else ()


def require_standing(root: Path, territory: str, release_id: str) -> None:
    """Refuse a release that was taken back.

    Raises
    ------
    WithdrawnRelease
        If it was.
    """
    if any(one.release_id == release_id for one in withdrawn(root, territory)):
        raise WithdrawnRelease(
            f"Release {release_id} of {territory!r} was withdrawn; the one that stands is in latest.json beside it."
        )


def chain(root: Path, territory: str, *, most: int) -> list[Link]:
    """Releases of a territory, the newest first; at most so many.

    Raises
    ------
    NoRelease
        If there never was one.
    """
    taken_back = {one.release_id: one for one in withdrawn(root, territory)}
    following: str | None = newest_id(root, territory) or latest_id(root, territory)
    found: list[Link] = []
    while following is not None and len(found) < most:
        one = taken_back.get(following)
        if one is not None:
            link = Link(
                release_id=one.release_id,
                predecessor=one.predecessor,
                as_of=one.as_of,
                is_simulated=one.release_id.endswith(SIMULATED),
                withdrawn=one,
            )
        else:
            link = _link(open_folder(root, territory, following)[0])
        found.append(link)
        following = link.predecessor
    return found


def _link(manifest: Mapping[str, Any]) -> Link:
    return Link(
        release_id=str(manifest["release_id"]),
        predecessor=manifest.get("predecessor"),
        as_of=str(manifest["as_of"]),
        published_at=manifest.get("published_at"),
        new_periods=tuple((manifest.get("counts") or {}).get("new", ())),
        is_simulated=bool(manifest["is_simulated"]),
        what_changed=manifest.get("what_changed"),
    )


def read(root: Path, territory: str, release_id: str | None = None) -> Release:
    """Open a release and check it against its manifest; errors as in `open_folder`."""
    wanted = latest_id(root, territory) if release_id is None else release_id
    manifest, files = open_folder(root, territory, wanted)
    areas = tuple(Area(**area) for area in json.loads(files["areas.json"])["areas"])
    cells, cell_area, classes = np.empty(0, np.uint64), np.empty(0, np.uint16), {}
    if "cells.bin" in files:
        cells = decode_cells(files["cells.bin"])
        cell_area = np.frombuffer(files["areas.bin"], dtype="<u2").astype(np.uint16)
        classes = {g: np.frombuffer(files[f"classes-{g}.bin"], dtype=np.uint8) for g in manifest["groups"]}
    return Release(
        folder=root / territory / wanted,
        manifest=manifest,
        cells=cells,
        cell_area=cell_area,
        classes=classes,
        areas=areas,
    )


def open_folder(
    root: Path, territory: str, release_id: str, *, even_withdrawn: bool = False
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and files of a published folder of any kind, checked against each other.

    Raises
    ------
    WithdrawnRelease
        If it was taken back, unless asked for ``even_withdrawn``.
    NoRelease
        If it does not exist.
    DamagedRelease
        If a file is missing, changed or of an unknown format.
    """
    folder = root / territory / release_id
    if not even_withdrawn:
        require_standing(root, territory, release_id)
    if not RELEASE_ID.fullmatch(release_id) or not (folder / "manifest.json").is_file():
        raise NoRelease(
            f"There is no release {release_id!r} of {territory!r}; the newest one is in latest.json beside it."
        )
    manifest = _json(folder / "manifest.json")
    if manifest.get("format") != FORMAT:
        raise DamagedRelease(f"Release {release_id} has format {manifest.get('format')}; this version reads {FORMAT}.")
    files = {name: _checked(folder / name, entry["sha256"]) for name, entry in manifest["files"].items()}
    if identify(manifest, files) != release_id:
        raise DamagedRelease(f"The manifest of release {release_id} has been changed. Publish it again.")
    return manifest, files


def as_json(value: object) -> bytes:
    """JSON bytes as a person may read them in a release: UTF-8, sorted keys, a line each."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode()


def as_geojson(features: Mapping[str, Any]) -> bytes:
    """JSON bytes of outlines and lines: as `as_json`, on one line, since coordinates are most of it."""
    return _canonical(features)


def _write_folder(folder: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    beside = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        beside.mkdir()
        for name, data in files.items():
            disk.write_synced(beside / name, data)
        listing = {n: {"sha256": hashlib.sha256(d).hexdigest(), "bytes": len(d)} for n, d in sorted(files.items())}
        disk.write_synced(beside / "manifest.json", as_json({**manifest, "files": listing}))
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _checked(path: Path, sha256: str) -> bytes:
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedRelease(f"{path.name} of release {path.parent.name} is missing or changed. Publish it again.")
    return data


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise DamagedRelease(f"{path.name} below {path.parent.name} is not JSON. Publish the release again.") from error
    return found
