"""A fitted model as plain data: named arrays of numbers, and a manifest that says what they are and whence.

Nothing in it can run: parameters are JSON values, arrays hold numbers of four kinds. Two fitted models of equal content
are therefore equal byte by byte, wherever they are kept.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import InvalidModelData

SCHEMA = 1
"""Version of the manifest's own fields; a program reads the one it knows."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What names an array, a model or an offence group: fit to name a file on every system."""
DTYPES = {"float64": "<f8", "int64": "<i8", "uint64": "<u8", "bool": "|b1"}
MOST_BYTES = 1 << 30
"""Arrays of one model together; a country of 300 000 cells with 100 terms needs a quarter of it."""
MOST_ARRAYS = 200
DEEPEST = 20

Array = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.uint64] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a fitted model is.

    Attributes
    ----------
    model, version : name of the model and version of its method
    territory, offence_group : what it speaks of; the group may be ``all``
    as_of : the day before which all that it knows lies
    window_start, window_end : first day of its data and the day after the last one, not after ``as_of``
    deliveries : fingerprints of the deliveries it was fitted on
    parameters : JSON values by name; numbers are finite
    libraries : version of each library it was fitted with
    n_cells, resolution : of its support
    created_at : moment with a time zone, kept in UTC
    schema : version of these fields

    Raises
    ------
    InvalidModelData
        If a field is of another type or contradicts another one.
    """

    model: str
    version: str
    territory: str
    offence_group: str
    as_of: date
    window_start: date
    window_end: date
    deliveries: tuple[str, ...]
    parameters: Mapping[str, Any]
    libraries: Mapping[str, str]
    n_cells: int
    resolution: int
    created_at: datetime
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for name in ("model", "version", "territory", "offence_group"):
            _require(_is_text(getattr(self, name)), name, getattr(self, name), "a text")
        for name in ("model", "offence_group"):
            _require(bool(NAME.fullmatch(getattr(self, name))), name, getattr(self, name), "small letters, digits, _")
        for name in ("as_of", "window_start", "window_end"):
            _require(type(getattr(self, name)) is date, name, getattr(self, name), "a day")
        _require(
            self.window_start < self.window_end <= self.as_of,
            "window_start, window_end, as_of",
            f"{self.window_start}, {self.window_end}, {self.as_of}",
            "days that do not run backwards",
        )
        _require(_is_whole(self.n_cells) and self.n_cells > 0, "n_cells", self.n_cells, "a whole number above 0")
        _require(_is_whole(self.resolution) and 0 <= self.resolution <= 15, "resolution", self.resolution, "0 to 15")
        _require(_is_whole(self.schema) and self.schema == SCHEMA, "schema", self.schema, str(SCHEMA))
        is_listed = isinstance(self.deliveries, tuple) and all(_is_text(one) for one in self.deliveries)
        _require(is_listed, "deliveries", self.deliveries, "a tuple of texts")
        is_moment = isinstance(self.created_at, datetime) and self.created_at.tzinfo is not None
        _require(is_moment, "created_at", self.created_at, "a moment with a time zone")
        object.__setattr__(self, "created_at", self.created_at.astimezone(UTC))
        for name in ("parameters", "libraries"):
            _require(isinstance(getattr(self, name), Mapping), name, getattr(self, name), "names with values")
            object.__setattr__(self, name, _plain(getattr(self, name), name))
        _require(all(_is_text(v) for v in self.libraries.values()), "libraries", self.libraries, "texts by name")

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values, which `from_json` reads."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        days = {name: found[name].isoformat() for name in ("as_of", "window_start", "window_end", "created_at")}
        return {**found, **days, "deliveries": list(self.deliveries)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Manifest":
        """The manifest of JSON values.

        Raises
        ------
        InvalidModelData
            If a field is missing, unknown or not as `as_json` writes it.
        """
        names = {one.name for one in fields(cls)}
        if set(found) != names:
            odd = sorted(map(str, set(found) ^ names))
            raise InvalidModelData(f"A manifest lacks, or has beyond its fields: {', '.join(odd)[:200]}. Fit it again.")
        try:
            days = {name: date.fromisoformat(found[name]) for name in ("as_of", "window_start", "window_end")}
            created_at = datetime.fromisoformat(found["created_at"])
            deliveries = tuple(found["deliveries"]) if isinstance(found["deliveries"], list) else found["deliveries"]
        except (TypeError, ValueError) as error:
            raise InvalidModelData(f"A manifest has a day that is none: {str(error)[:120]}. Fit it again.") from error
        read = cls(**{**found, **days, "created_at": created_at, "deliveries": deliveries})
        if read.as_json() != dict(found):
            raise InvalidModelData("A manifest writes a day or moment in another way than this program. Fit it again.")
        return read


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedModel:
    """A manifest and the arrays it speaks of, by name. Arrays are copied and cannot be written to.

    An array called ``cells`` holds the support: shape (n_cells,), uint64, ascending, each once.

    Raises
    ------
    InvalidModelData
        If an array is of another type than float64, int64, uint64 or bool, has not 1 to 3 dimensions, or has a name
        that cannot name a file; if there are too many, or they are too large.
    """

    manifest: Manifest
    arrays: Mapping[str, Array] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.arrays) > MOST_ARRAYS:
            raise InvalidModelData(f"A model has {len(self.arrays)} arrays; at most {MOST_ARRAYS} are kept. Join some.")
        kept = {name: _kept(name, self.arrays[name]) for name in sorted(self.arrays)}
        if self.n_bytes > MOST_BYTES:
            raise InvalidModelData(f"A model has {self.n_bytes} bytes of arrays; at most {MOST_BYTES} are kept.")
        object.__setattr__(self, "arrays", kept)
        if "cells" in kept:
            cells = kept["cells"]
            is_support = cells.dtype == np.uint64 and cells.shape == (self.manifest.n_cells,)
            if not is_support or not (cells[1:] > cells[:-1]).all():
                raise InvalidModelData(
                    f"The array cells has shape {cells.shape} of {cells.dtype}; expected {self.manifest.n_cells} "
                    "different uint64 cells in ascending order. Give the support of the model."
                )

    @property
    def n_bytes(self) -> int:
        """Size of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())


def _kept(name: str, array: Array) -> Array:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidModelData(f"{str(name)[:60]!r} cannot name an array; use small Latin letters, digits and _.")
    if not isinstance(array, np.ndarray) or array.dtype.name not in DTYPES:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InvalidModelData(f"{name} is of {found}; a fitted model keeps arrays of {', '.join(DTYPES)}. Convert it.")
    if not 1 <= array.ndim <= 3:
        raise InvalidModelData(f"{name} has {array.ndim} dimensions; 1 to 3 are kept. A lone number is a parameter.")
    copied = np.array(array, dtype=DTYPES[array.dtype.name], order="C", copy=True)
    copied.flags.writeable = False
    return copied


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """A copy made of dicts, lists, texts, finite numbers, bools and None alone."""
    if depth > DEEPEST:
        raise InvalidModelData(f"{where} is nested deeper than {DEEPEST} levels; make it flatter.")
    if value is None or type(value) is bool or _is_text(value) or (_is_whole(value) and abs(value) < 1 << 63):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping) and all(_is_text(key) for key in value):
        return {key: _plain(inner, f"{where}.{key}"[:80], depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{where}[{at}]"[:80], depth + 1) for at, inner in enumerate(value)]
    raise InvalidModelData(
        f"{where} is {repr(value)[:60]}; parameters are texts, finite numbers, bools, None, and lists and mappings of "
        "these. Convert it, or keep it as an array."
    )


def _is_text(value: object) -> bool:
    # A lone surrogate is a str that no file can hold.
    return type(value) is str and not re.search("[\ud800-\udfff]", value)


def _is_whole(value: object) -> bool:
    return type(value) is int


def _require(is_so: bool, name: str, found: object, expected: str) -> None:
    if not is_so:
        raise InvalidModelData(f"{name} of a fitted model is {str(found)[:80]!r}; expected {expected}. Correct it.")
