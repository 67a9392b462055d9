"""The release desk: what the newest release and a proposed one hold, how they differ, and a second person's word.

With `RISKMAP_SECOND_PERSON` a release made by the command waits in a folder where no public code looks, until somebody
who holds `Permission.PUBLISH` lets it out or sends it back. Whoever runs commands is the first person; nobody at the
command line can be the second.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from riskmap import disk, release
from riskmap.errors import ChangedMeanwhile, NoRelease
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission, Role
from riskmap.ports import Store
from riskmap.release import Release

PROPOSED = "proposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """Hexagons of an offence group whose class differs; ``cells`` are those that both releases have."""

    offence_group: str
    changed: int
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a release changes against the one that stands."""

    new_periods: tuple[str, ...]
    cells_added: int
    cells_removed: int
    groups: tuple[GroupChange, ...]
    groups_added: tuple[str, ...]
    groups_removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A release with what its checks found; ``difference`` is None where nothing stands to compare with."""

    release: Release
    targets: int
    exact: int
    within_one: int
    difference: Difference | None


def proposals_of(root: Path) -> Path:
    """Folder of proposed releases, beside that of the published ones."""
    return root.parent / PROPOSED


def show(root: Path, actor: Actor, territory: str) -> tuple[Checked | None, Checked | None]:
    """The release that stands and the one proposed, each with its checks; None for either that there is not.

    Raises
    ------
    NotAllowed
        If the actor does not work at this desk.
    """
    access.require(actor, Permission.PUBLISH, region_id=territory)
    standing, proposed = _newest(root, territory), _newest(proposals_of(root), territory)
    before = _followed(root, standing) if standing else None
    return (
        checked(standing, before=before) if standing else None,
        checked(proposed, before=standing) if proposed else None,
    )


def checked(found: Release, *, before: Release | None) -> Checked:
    """A release with what its checks found, compared with another."""
    attack: dict[str, int] = found.manifest.get("attack") or {}
    return Checked(
        release=found,
        targets=attack.get("targets", 0),
        exact=attack.get("exact", 0),
        within_one=attack.get("within_one", 0),
        difference=difference(before, found) if before else None,
    )


def difference(before: Release, after: Release) -> Difference:
    """How a release differs from another of its territory."""
    common, at, at_before = np.intersect1d(after.cells, before.cells, return_indices=True)
    shared = [group for group in after.groups if group in before.classes]
    return Difference(
        new_periods=tuple((after.manifest.get("counts") or {}).get("new", ())),
        cells_added=int(after.cells.size - common.size),
        cells_removed=int(before.cells.size - common.size),
        groups=tuple(
            GroupChange(
                offence_group=group,
                changed=int((after.classes[group][at] != before.classes[group][at_before]).sum()),
                cells=int(common.size),
            )
            for group in shared
        ),
        groups_added=tuple(group for group in after.groups if group not in before.classes),
        groups_removed=tuple(group for group in before.groups if group not in after.classes),
    )


def approve(store: Store, root: Path, actor: Actor, territory: str, release_id: str, *, at: datetime) -> None:
    """Publish what was proposed, and note who let it out.

    Raises
    ------
    NotAllowed
        If the actor may not, or is the one who runs commands.
    NoRelease
        If nothing of this id is proposed.
    ChangedMeanwhile
        If another release was published since: the proposal does not follow it. It has to be made anew.
    """
    role = access.require(actor, Permission.PUBLISH, region_id=territory)
    manifest, files = _proposed(root, territory, release_id)
    newest = release.newest_id(root, territory)
    if manifest.get("predecessor") != newest:
        raise ChangedMeanwhile(
            f"Release {release_id} follows {manifest.get('predecessor')}, and {newest} is the newest one by now. Make "
            "the release again."
        )
    _note(store, actor, role, "release_approve", territory=territory, release_id=release_id, at=at)
    published = {**manifest, "published_at": at.isoformat(timespec="seconds")}
    release.write(root, published, files)
    _remove(root, territory, release_id)


def send_back(store: Store, root: Path, actor: Actor, territory: str, release_id: str, *, at: datetime) -> None:
    """Take a proposal away, and note who did; errors as in `approve`, but that it may follow any release."""
    role = access.require(actor, Permission.PUBLISH, region_id=territory)
    _proposed(root, territory, release_id)
    _note(store, actor, role, "release_send_back", territory=territory, release_id=release_id, at=at)
    _remove(root, territory, release_id)


def _proposed(root: Path, territory: str, release_id: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    folder = proposals_of(root)
    if release.newest_id(folder, territory) != release_id:
        raise NoRelease(f"No release {release_id!r} of {territory!r} is proposed. Look at the release desk again.")
    return release.open_folder(folder, territory, release_id)


def _note(
    store: Store, actor: Actor, role: Role, action: str, *, territory: str, release_id: str, at: datetime
) -> None:
    with store.work() as work:
        audit.record(
            work,
            account_id=actor.account_id,
            action=action,
            subject=f"territory {territory}",
            details={"role": str(role), "release": release_id},
            at=at,
        )
        work.commit()


def _remove(root: Path, territory: str, release_id: str) -> None:
    folder = proposals_of(root) / territory
    with disk.writing_to(folder):
        (folder / "latest.json").unlink(missing_ok=True)
        shutil.rmtree(folder / release_id, ignore_errors=True)


def _newest(root: Path, territory: str) -> Release | None:
    try:
        return release.read(root, territory)
    except NoRelease:
        return None


def _followed(root: Path, found: Release) -> Release | None:
    """The release before one; None where there was none, or it was withdrawn."""
    predecessor = found.manifest.get("predecessor")
    try:
        return release.read(root, found.territory, predecessor) if predecessor else None
    except NoRelease:
        return None
