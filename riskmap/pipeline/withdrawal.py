"""Taking a release back: what may identify somebody leaves the public folder, and is told more coarsely from then on.

What goes is a whole table below a region, or below the territory, in a year: a gap of one place would point at it.
Every release that tells any of it leaves. Readers learn that and why from ``withdrawn.json`` before the folders move,
so a reader of a half-done withdrawal meets less, never more; the repeated command finishes it. The withdrawn folders
are kept beside the releases, where no public code looks, for the attack has to read what others may have kept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from geodata import public_coarser
from geodata.public_coarser import Coarser
from geodata.public_counts import PublicCounts
from riskmap import disk, release
from riskmap.errors import NothingToWithdraw

ARCHIVE = "withdrawn"
REASONS = ("may_identify", "found_out", "wrong")
"""None of them points at a place."""


def rules(root: Path, territory: str) -> tuple[Coarser, ...]:
    """What a territory tells more coarsely."""
    return tuple(Coarser(**one) for one in _written(root, territory)["coarser"])


def open_any(root: Path, territory: str, release_id: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`riskmap.release.open_folder` of a release that stands or was withdrawn; for the release desk alone."""
    archive = _archive(root)
    place = archive if (archive / territory / release_id).is_dir() else root
    return release.open_folder(place, territory, release_id, even_withdrawn=True)


def withdraw(
    root: Path, territory: str, rule: Coarser, *, told: Mapping[str, PublicCounts], reason: str, today: date
) -> list[str]:
    """Take back every release that tells what the rule takes, and let none tell it again; ids of those taken back.

    Parameters
    ----------
    told : every release of the territory by id, newest first, as `public_tables.told_before` finds them
    reason : one of `REASONS`

    Raises
    ------
    NothingToWithdraw
        If no release ever told any of it.
    """
    with disk.held(root / territory / ".withdrawal.lock"):
        telling = [name for name, public in told.items() if public_coarser.is_told(public, rule)]
        if not telling:
            places = sorted({place for one in told.values() for place in _parents(one)})
            raise NothingToWithdraw(
                f"No release of {territory} tells {rule.what} below {rule.below!r} in {rule.year}. Expected a place "
                f"that has areas: {', '.join(places) or 'there is none'}."
            )
        standing = release.withdrawn(root, territory)
        fresh = [name for name in telling if all(one.release_id != name for one in standing)]
        entries = [_entry(root, territory, name, reason=reason, today=today) for name in reversed(fresh)]
        coarser = list(dict.fromkeys([*rules(root, territory), rule]))
        _write(root, territory, [*standing, *entries], coarser)
        _repoint(root, territory)
        for one in release.withdrawn(root, territory):
            _move(root, territory, one.release_id)
    return fresh


def _parents(public: PublicCounts) -> list[str]:
    return public.places["parent_id"].drop_nulls().unique().to_list()


def _entry(root: Path, territory: str, release_id: str, *, reason: str, today: date) -> release.Withdrawn:
    manifest, _ = open_any(root, territory, release_id)
    return release.Withdrawn(
        release_id=release_id,
        predecessor=manifest.get("predecessor"),
        as_of=str(manifest["as_of"]),
        withdrawn_on=today.isoformat(),
        reason=reason,
    )


def _repoint(root: Path, territory: str) -> None:
    """Let the newest release that stands be the latest; where none does, there is no latest one."""
    links = release.chain(root, territory, most=len(list((root / territory).iterdir())) + 1)
    standing = next((link.release_id for link in links if link.withdrawn is None), None)
    pointer = root / territory / "latest.json"
    with disk.writing_to(pointer):
        if standing is None:
            pointer.unlink(missing_ok=True)
        else:
            disk.replace_synced(pointer, json.dumps({"release_id": standing}, separators=(",", ":")).encode())


def _move(root: Path, territory: str, release_id: str) -> None:
    source, place = root / territory / release_id, _archive(root) / territory / release_id
    with disk.writing_to(place):
        if source.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            source.rename(place)
            disk.sync_folders([source.parent, place.parent])


def _archive(root: Path) -> Path:
    return root.parent / ARCHIVE


def _written(root: Path, territory: str) -> dict[str, Any]:
    path = root / disk.safe_name(territory) / release.WITHDRAWN_FILE
    if not path.is_file():
        return {"releases": [], "coarser": []}
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _write(root: Path, territory: str, withdrawn: Sequence[release.Withdrawn], coarser: Sequence[Coarser]) -> None:
    path = root / territory / release.WITHDRAWN_FILE
    told = {"releases": [asdict(one) for one in withdrawn], "coarser": [asdict(one) for one in coarser]}
    with disk.writing_to(path):
        disk.replace_synced(path, release.as_json(told))
