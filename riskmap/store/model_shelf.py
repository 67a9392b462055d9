"""Fitted models on disk: a folder each, whose name holds the checksum of its manifest; a pointer says which is current.

``TERRITORY/MODEL_ID/`` holds ``manifest.json`` and one ``.npy`` file for each array. It is written beside its place,
renamed into it, and only then does ``TERRITORY/GROUP.current.json`` name it, so a reader or a power cut meets the
earlier model or the later one. Files are read as numbers of a stated shape and never unpickled.
"""

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from riskmap.disk import held, replace_synced, safe_name, sync_folders, write_synced, writing_to
from riskmap.errors import CannotWrite, DamagedModel, NoModel
from riskmap.model_port import (
    DTYPES,
    MOST_BYTES,
    NAME,
    SCHEMA,
    FittedModel,
    KeptModel,
    Manifest,
    Refusal,
    ServedModel,
)

_MANIFEST = "manifest.json"
_LOCK = ".lock"
_UNFINISHED = ".unfinished-"
_MODEL_ID = re.compile(r"([a-z][a-z0-9_]{0,39})-(\d{4}-\d{2}-\d{2})-([0-9a-f]{64})")
_MOST_JSON_BYTES = 1 << 20
_MOST_HEADER_BYTES = 10_000
_AGAIN = "Fit it again, or restore the data folder from a backup."


class FolderModels:
    """Fitted models below one folder; see `riskmap.model_port.ModelShelf`."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def save(self, model: FittedModel) -> str:
        """Keep a model and make it current; one of equal content is not written twice. Returns its id.

        Raises
        ------
        InvalidTerritory
            If the territory's name cannot name a folder.
        CannotWrite
            If the folder cannot be written, or the model is larger than this shelf keeps.
        """
        manifest, territory = model.manifest, self._of(model.manifest.territory)
        if model.n_bytes > self._most_bytes:
            raise CannotWrite(f"The model has {model.n_bytes} bytes; this shelf keeps at most {self._most_bytes}.")
        files = {f"{name}.npy": _packed(array) for name, array in model.arrays.items()}
        files[_MANIFEST] = _canonical({**manifest.as_json(), "files": {name: _sum(d) for name, d in files.items()}})
        sha256 = hashlib.sha256(files[_MANIFEST]).hexdigest()
        model_id = f"{manifest.offence_group}-{manifest.as_of}-{sha256}"
        with held(territory / _LOCK), writing_to(territory):
            for unfinished in territory.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(unfinished, ignore_errors=True)
            if not self._is_whole(manifest.territory, model_id):
                _write_folder(territory / model_id, files)
            earlier = self._earlier(manifest.territory, manifest.offence_group)
            lines = [*(one for one in earlier if one.model_id != model_id), _line(model_id, manifest)]
            self._point(manifest.territory, manifest.offence_group, lines)
        return model_id

    def load(self, territory: str, model_id: str) -> FittedModel:
        """The model of this id.

        Raises
        ------
        NoModel
            If there is none.
        DamagedModel
            If it is not the one that was saved, belongs to another territory, or is of an unknown schema.
        """
        named, folder = _MODEL_ID.fullmatch(model_id), self._of(territory) / model_id
        if not named or not folder.exists():
            raise NoModel(f"There is no model {model_id[:100]!r} of {territory}; score the territory to fit one.")
        if folder.is_symlink() or not folder.is_dir():
            _refuse(model_id, "it is no folder")
        head = _read(folder, _MANIFEST, most_bytes=_MOST_JSON_BYTES)
        if hashlib.sha256(head).hexdigest() != named[3]:
            _refuse(model_id, "its manifest has been changed")
        return self._unpacked(territory, model_id, _parsed(model_id, head))

    def current(self, territory: str, offence_group: str) -> ServedModel:
        """The model saved last.

        Raises
        ------
        NoModel
            If none has been saved.
        DamagedModel
            If it, or the pointer to it, is not as it was saved.
        """
        kept = self.history(territory, offence_group)
        if not kept:
            raise NoModel(f"No model of {territory} and {offence_group!r} is kept; score the territory to fit one.")
        return ServedModel(model_id=kept[-1].model_id, model=self.load(territory, kept[-1].model_id))

    def current_or_last_good(self, territory: str, offence_group: str) -> ServedModel:
        """The model saved last among those that can be trusted, and why later ones cannot.

        Raises
        ------
        NoModel
            If none has been saved.
        DamagedModel
            If none of those saved can be trusted; it says why for each of the latest.
        """
        refused: list[Refusal] = []
        try:
            kept = self.history(territory, offence_group)
            if not kept and _folders(self._of(territory), offence_group):
                _refuse(_pointer(offence_group), "it is missing")
            for one in reversed(kept):
                try:
                    model = self.load(territory, one.model_id)
                except (DamagedModel, NoModel) as error:
                    refused.append(Refusal(model_id=one.model_id, why=str(error)))
                else:
                    return ServedModel(model_id=one.model_id, model=model, refused=tuple(refused))
        except DamagedModel as error:
            trusted, untrusted = self._trusted(territory, offence_group)
            refused = [Refusal(model_id=_pointer(offence_group), why=str(error)), *untrusted]
            if trusted:
                return ServedModel(model_id=trusted[0][0], model=trusted[0][1], refused=tuple(refused))
        if not refused:
            raise NoModel(f"No model of {territory} and {offence_group!r} is kept; score the territory to fit one.")
        told = " ".join(one.why for one in refused[:3])
        raise DamagedModel(f"None of {len(refused)} models of {territory} and {offence_group!r} can be used. {told}")

    def history(self, territory: str, offence_group: str) -> tuple[KeptModel, ...]:
        """Models that have been current, in the order saved; the last one is. None: an empty tuple.

        Raises
        ------
        DamagedModel
            If the pointer has been changed.
        """
        name = _pointer(offence_group)
        if not os.path.lexists(self._of(territory) / name):
            return ()
        content = _read(self._of(territory), name, most_bytes=_MOST_JSON_BYTES)
        found = _parsed(name, content)
        own = found.pop("sha256", None)
        if own != hashlib.sha256(_canonical(found)).hexdigest() or content != _canonical({**found, "sha256": own}):
            _refuse(name, "it has been changed")
        if found.get("schema") != SCHEMA:
            _refuse(name, f"it has schema {found.get('schema')!r}, and this program reads {SCHEMA}", "Update riskmap.")
        try:
            if (found["territory"], found["offence_group"]) != (territory, offence_group):
                _refuse(name, f"it is of {found['territory']!r} and {found['offence_group']!r}")
            return tuple(
                KeptModel(
                    model_id=str(line["model_id"]),
                    as_of=date.fromisoformat(line["as_of"]),
                    created_at=datetime.fromisoformat(line["created_at"]),
                )
                for line in found["models"]
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, DamagedModel):
                raise
            _refuse(name, "its lines are not those of a history")

    def sweep(self, territory: str, offence_group: str, *, keep: int) -> int:
        """Remove all but the ``keep`` models saved last; returns how many were removed.

        Raises
        ------
        ValueError
            If none would be kept.
        DamagedModel
            If the pointer has been changed: save a model first.
        CannotWrite
            If the folder cannot be written.
        """
        if keep < 1:
            raise ValueError(f"keep={keep} would leave nothing to serve; keep at least 1.")
        folder = self._of(territory)
        with held(folder / _LOCK), writing_to(folder):
            kept = self.history(territory, offence_group)
            if kept[-keep:] != kept:
                self._point(territory, offence_group, list(kept[-keep:]))
            stays = {one.model_id for one in kept[-keep:]}
            # A folder that no pointer names was left by a save that was killed.
            gone = [one for one in _folders(folder, offence_group) if one.name not in stays and kept]
            for one in gone:
                shutil.rmtree(one)
        return len(gone)

    def _of(self, territory: str) -> Path:
        return self._folder / safe_name(territory)

    def _point(self, territory: str, offence_group: str, lines: list[KeptModel]) -> None:
        models = [
            {
                "model_id": line.model_id,
                "as_of": line.as_of.isoformat(),
                "created_at": line.created_at.isoformat(),
            }
            for line in lines
        ]
        head = {"schema": SCHEMA, "territory": territory, "offence_group": offence_group, "models": models}
        own = hashlib.sha256(_canonical(head)).hexdigest()
        replace_synced(self._of(territory) / _pointer(offence_group), _canonical({**head, "sha256": own}))

    def _is_whole(self, territory: str, model_id: str) -> bool:
        try:
            self.load(territory, model_id)
        except (NoModel, DamagedModel):
            return False
        return True

    def _earlier(self, territory: str, offence_group: str) -> tuple[KeptModel, ...]:
        """The history; where the pointer is lost, what can be trusted without it."""
        try:
            kept = self.history(territory, offence_group)
        except DamagedModel:
            kept = ()
        if kept:
            return kept
        whole, _ = self._trusted(territory, offence_group)
        return tuple(_line(model_id, model.manifest) for model_id, model in reversed(whole))

    def _trusted(self, territory: str, offence_group: str) -> tuple[list[tuple[str, FittedModel]], list[Refusal]]:
        """Every whole model of a group whatever the pointer says, created last first; and the others."""
        whole, refused = [], []
        for folder in _folders(self._of(territory), offence_group):
            try:
                whole.append((folder.name, self.load(territory, folder.name)))
            except DamagedModel as error:
                refused.append(Refusal(model_id=folder.name, why=str(error)))
        return sorted(whole, key=lambda one: (one[1].manifest.created_at, one[0]), reverse=True), refused

    def _unpacked(self, territory: str, model_id: str, found: dict[str, Any]) -> FittedModel:
        if found.get("schema") != SCHEMA:
            _refuse(
                model_id, f"it has schema {found.get('schema')!r}, and this program reads {SCHEMA}", "Update riskmap."
            )
        listed = found.pop("files", None)
        folder = self._of(territory) / model_id
        if not isinstance(listed, dict) or not all(_is_entry(name, entry) for name, entry in listed.items()):
            _refuse(model_id, "its list of files cannot be read")
        if found.get("territory") != territory:
            _refuse(model_id, f"it is of territory {str(found.get('territory'))[:40]!r} and lies under {territory!r}")
        total = sum(entry["bytes"] for entry in listed.values())
        if total > self._most_bytes + len(listed) * _MOST_HEADER_BYTES:
            _refuse(model_id, f"its files have {total} bytes, and at most {self._most_bytes} are read")
        beyond = sorted({path.name for path in folder.iterdir()} - {_MANIFEST, *listed})
        if beyond:
            _refuse(model_id, f"its folder holds {beyond[0][:60]!r}, which is not in its manifest")
        arrays = {name.removesuffix(".npy"): _array(folder, name, entry) for name, entry in listed.items()}
        try:
            model = FittedModel(manifest=Manifest.from_json(found), arrays=arrays)
        except ValueError as error:
            _refuse(model_id, str(error).rstrip("."))
        if not model_id.startswith(f"{model.manifest.offence_group}-{model.manifest.as_of}-"):
            _refuse(model_id, f"it is of {model.manifest.offence_group!r} as of {model.manifest.as_of}")
        return model


def _pointer(offence_group: str) -> str:
    if not NAME.fullmatch(offence_group):
        raise NoModel(f"{offence_group[:60]!r} is no offence group; use its code, such as theft or all.")
    return f"{offence_group}.current.json"


def _folders(territory: Path, offence_group: str) -> list[Path]:
    found = sorted(territory.iterdir()) if territory.is_dir() else []
    return [path for path in found if (named := _MODEL_ID.fullmatch(path.name)) and named[1] == offence_group]


def _line(model_id: str, manifest: Manifest) -> KeptModel:
    return KeptModel(model_id=model_id, as_of=manifest.as_of, created_at=manifest.created_at)


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    beside = folder.with_name(f"{_UNFINISHED}{secrets.token_hex(4)}")
    try:
        beside.mkdir()
        for name, data in files.items():
            write_synced(beside / name, data)
        sync_folders([beside])
        if folder.is_dir() and not folder.is_symlink():
            # A damaged model of the same name makes room.
            shutil.rmtree(folder)
        beside.rename(folder)
        sync_folders([folder.parent])
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _packed(array: NDArray[Any]) -> bytes:
    packed = io.BytesIO()
    np.lib.format.write_array(packed, array, version=(1, 0), allow_pickle=False)
    return packed.getvalue()


def _sum(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _is_entry(name: object, entry: object) -> bool:
    is_name = isinstance(name, str) and name.endswith(".npy") and bool(NAME.fullmatch(name.removesuffix(".npy")))
    if not is_name or not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
        return False
    return type(entry["bytes"]) is int and entry["bytes"] >= 0 and isinstance(entry["sha256"], str)


def _array(folder: Path, name: str, entry: Mapping[str, Any]) -> NDArray[Any]:
    """The numbers of one ``.npy`` file, once its size, checksum, type and shape are right."""
    data = _read(folder, name, expected_bytes=entry["bytes"])
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        _refuse(folder.name, f"{name} has been changed")
    packed = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(packed) != (1, 0):
            _refuse(folder.name, f"{name} is of another version of its format")
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(packed, max_header_size=_MOST_HEADER_BYTES)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        if isinstance(error, DamagedModel):
            raise
        _refuse(folder.name, f"{name} is no array of numbers")
    if dtype.hasobject:
        _refuse(folder.name, f"{name} holds pickled objects, which could run and are never read")
    if dtype.str not in DTYPES.values() or is_fortran:
        _refuse(folder.name, f"{name} holds {dtype}; an array is one of {', '.join(DTYPES)}")
    start = packed.tell()
    n_bytes = dtype.itemsize
    for length in shape:
        n_bytes *= length
    if n_bytes != len(data) - start or min(shape, default=0) < 0:
        _refuse(folder.name, f"{name} is of shape {shape} and has {len(data) - start} bytes of numbers")
    array = np.frombuffer(data, dtype=dtype, offset=start).reshape(shape)
    if dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
        _refuse(folder.name, f"{name} holds truth values that are neither 0 nor 1")
    return array


def _read(folder: Path, name: str, *, most_bytes: int | None = None, expected_bytes: int | None = None) -> bytes:
    """A regular file, not followed through a link, read no further than its size may be."""
    try:
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        _refuse(folder.name, f"{name} is missing or cannot be opened ({error.strerror})")
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        _refuse(folder.name, f"{name} is no file")
    with os.fdopen(handle, "rb") as file:
        if expected_bytes is not None and status.st_size != expected_bytes:
            short = "cut short" if status.st_size < expected_bytes else "too large"
            _refuse(folder.name, f"{name} is {short}: {status.st_size} bytes where {expected_bytes} were saved")
        if most_bytes is not None and status.st_size > most_bytes:
            _refuse(folder.name, f"{name} is too large: {status.st_size} bytes, and at most {most_bytes} are read")
        return file.read(status.st_size)


def _parsed(what: str, data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        _refuse(what, "its text is not JSON")
    if not isinstance(found, dict):
        _refuse(what, "its text is not a JSON object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False).encode()


def _refuse(what: str, why: str, remedy: str = _AGAIN) -> NoReturn:
    raise DamagedModel(f"Model {what} is refused: {why}. {remedy}")
