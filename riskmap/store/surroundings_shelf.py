"""Surroundings on disk: a folder for each territory, whose deliveries are replaced one by one, each in one step.

``surroundings.json`` names the files beside it by their content; it is written last, so a reader sees the earlier
delivery of a source or the later one, and a killed load leaves the earlier.
"""

import hashlib
import io
import json
from collections.abc import Collection, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from geodata import gazetteer
from geodata.columns import Table
from geodata.errors import UnexpectedColumns
from geodata.gazetteer import GAZETTEER
from geodata.public_objects import PUBLIC_OBJECTS
from geodata.surroundings import SURROUNDING_SOURCES, SURROUNDINGS
from riskmap.disk import held, replace_synced, safe_name, writing_to
from riskmap.errors import DamagedStore
from riskmap.surroundings_port import Consent, FeaturePart, ShownObjects, SurroundingsDelivery

_HEAD = "surroundings.json"
_LOCK = ".lock"
_TRIES = 5


class FolderSurroundings:
    """Surroundings below one folder; see `riskmap.surroundings_port.SurroundingsShelf`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(
        self,
        territory: str,
        delivery: SurroundingsDelivery,
        parts: Iterable[FeaturePart],
        objects: pl.DataFrame | None = None,
        names: pl.DataFrame | None = None,
    ) -> None:
        """Keep a delivery; the earlier one of the same source gives way in the same step.

        Raises
        ------
        InvalidTerritory
            If the territory's name cannot name a folder.
        CannotWrite
            If the folder cannot be written.
        DamagedStore
            If what is kept already cannot be read.
        """
        folder = self._of(territory)
        with held(folder / _LOCK), writing_to(folder):
            head = _head(folder)
            head[delivery.source_id] = {
                "dated": delivery.dated.isoformat(),
                "fingerprint": delivery.fingerprint,
                "received_at": delivery.received_at.isoformat(),
                "consent": None if delivery.consent is None else _kept_consent(delivery.consent),
                "parts": [_kept(folder, part) for part in parts],
                "objects": None if objects is None else _written(folder, PUBLIC_OBJECTS, objects),
                "names": None if names is None else _written(folder, GAZETTEER, names),
            }
            replace_synced(folder / _HEAD, json.dumps(head, ensure_ascii=False, sort_keys=True).encode())
            _sweep(folder, head)

    def find(self, territory: str, source_id: str) -> SurroundingsDelivery | None:
        """The delivery kept of a source.

        Raises
        ------
        DamagedStore
            If the list of deliveries cannot be read.
        """
        kept = _head(self._of(territory)).get(source_id)
        if kept is None:
            return None
        return SurroundingsDelivery(
            source_id=source_id,
            dated=date.fromisoformat(kept["dated"]),
            fingerprint=kept["fingerprint"],
            received_at=datetime.fromisoformat(kept["received_at"]),
            consent=_consent(kept),
        )

    def sources(self, territory: str) -> pl.DataFrame:
        """All sources as `SURROUNDING_SOURCES`, by feature, measure and source.

        Raises
        ------
        DamagedStore
            If the list of deliveries cannot be read.
        """
        head = _head(self._of(territory))
        rows = [row for kept in head.values() for part in kept["parts"] for row in part["sources"]]
        texts = {name: pl.String if dtype == pl.Date else dtype for name, dtype in SURROUNDING_SOURCES.schema.items()}
        frame = pl.DataFrame(rows, schema=texts).with_columns(pl.col("dated").str.to_date("%Y-%m-%d"))
        return SURROUNDING_SOURCES.checked(frame.sort("feature", "measure", "source_id"))

    def load(self, territory: str, *, features: Collection[str] | None = None) -> pl.DataFrame:
        """Values as `SURROUNDINGS`, of all features or of these, by feature, measure, source and cell.

        Raises
        ------
        DamagedStore
            If a file is missing or changed.
        """

        def wanted(head: dict[str, Any]) -> list[dict[str, Any]]:
            return [
                part
                for kept in head.values()
                for part in kept["parts"]
                if part["file"] and (features is None or any(row["feature"] in features for row in part["sources"]))
            ]

        frames = self._read(territory, SURROUNDINGS, wanted)
        return pl.concat([SURROUNDINGS.empty(), *frames]).sort("feature", "measure", "source_id", "cell")

    def objects(self, territory: str, source_id: str) -> pl.DataFrame:
        """Public objects of a source as `PUBLIC_OBJECTS`; no rows where it has none.

        Raises
        ------
        DamagedStore
            If their file is missing or changed.
        """

        def wanted(head: dict[str, Any]) -> list[dict[str, Any]]:
            kept = head.get(source_id)
            return [kept["objects"]] if kept and kept["objects"] else []

        return pl.concat([PUBLIC_OBJECTS.empty(), *self._read(territory, PUBLIC_OBJECTS, wanted)])

    def shown(self, territory: str) -> list[ShownObjects]:
        """Public objects that may be shown, by source.

        Raises
        ------
        DamagedStore
            If a file is missing or changed.
        """
        chosen: list[dict[str, Any]] = []

        def wanted(head: dict[str, Any]) -> list[dict[str, Any]]:
            chosen[:] = [kept for _, kept in sorted(head.items()) if kept.get("consent") and kept["objects"]]
            return [kept["objects"] for kept in chosen]

        frames = self._read(territory, PUBLIC_OBJECTS, wanted)
        return [
            ShownObjects(consent=consent, dated=date.fromisoformat(kept["dated"]), objects=frame)
            for kept, frame in zip(chosen, frames, strict=True)
            if (consent := _consent(kept)) is not None
        ]

    def names(self, territory: str) -> pl.DataFrame:
        """Names of places of all sources as `GAZETTEER`; no rows where none were loaded.

        Raises
        ------
        DamagedStore
            If a file is missing or changed.
        """

        def wanted(head: dict[str, Any]) -> list[dict[str, Any]]:
            return [kept["names"] for _, kept in sorted(head.items()) if kept.get("names")]

        return gazetteer.joined(self._read(territory, GAZETTEER, wanted))

    def _read(self, territory: str, table: Table, wanted: Any) -> list[pl.DataFrame]:
        folder = self._of(territory)
        before: dict[str, Any] | None = None
        for _ in range(_TRIES):
            head = _head(folder)
            try:
                return [_checked(folder / part["file"], part["sha256"], table) for part in wanted(head)]
            except FileNotFoundError as error:
                # The delivery may have been replaced since the list was read.
                if head == before:
                    raise _damaged(Path(str(error.filename))) from error
                before = head
        raise _damaged(folder / _HEAD)

    def _of(self, territory: str) -> Path:
        return self._folder / safe_name(territory)


def _kept_consent(consent: Consent) -> dict[str, Any]:
    return {"owner": consent.owner, "said_on": consent.said_on.isoformat(), "licence": consent.licence}


def _consent(kept: dict[str, Any]) -> Consent | None:
    """What is kept of the owner's word; deliveries kept by earlier versions have none."""
    said = kept.get("consent")
    if said is None:
        return None
    return Consent(owner=said["owner"], said_on=date.fromisoformat(said["said_on"]), licence=said["licence"])


def _kept(folder: Path, part: FeaturePart) -> dict[str, Any]:
    sources = SURROUNDING_SOURCES.checked(part.sources).with_columns(pl.col("dated").dt.to_string("%Y-%m-%d"))
    file = _written(folder, SURROUNDINGS, part.values) if part.values.height else {"file": None, "sha256": None}
    return {**file, "sources": sources.to_dicts()}


def _written(folder: Path, table: Table, frame: pl.DataFrame) -> dict[str, str]:
    packed = io.BytesIO()
    table.checked(frame).write_parquet(packed, compression="zstd")
    content = packed.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"{sha256[:24]}.parquet"
    replace_synced(path, content)
    return {"file": path.name, "sha256": sha256}


def _sweep(folder: Path, head: dict[str, Any]) -> None:
    parts = [(*kept["parts"], kept["objects"], kept.get("names")) for kept in head.values()]
    named = {part["file"] for own in parts for part in own if part}
    for path in folder.glob("*.parquet"):
        if path.name not in named:
            path.unlink(missing_ok=True)


def _head(folder: Path) -> dict[str, Any]:
    path = folder / _HEAD
    try:
        head = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(head, dict):
        raise _damaged(path)
    return head


def _checked(path: Path, sha256: str, table: Table) -> pl.DataFrame:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _damaged(path)
    try:
        return table.checked(pl.read_parquet(io.BytesIO(content)))
    except (pl.exceptions.PolarsError, UnexpectedColumns) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DamagedStore:
    return DamagedStore(
        f"{path.name} of the surroundings of {path.parent.name} is missing or changed. Remove that folder and load the "
        "files again, or restore the data folder from a backup."
    )
