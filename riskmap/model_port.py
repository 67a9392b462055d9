"""What the use cases ask of storage about fitted models; see `riskmap.ports`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from models.fitted_model import DTYPES, MOST_BYTES, NAME, SCHEMA, Array, FittedModel, Manifest

__all__ = ["DTYPES", "MOST_BYTES", "NAME", "SCHEMA", "Array", "FittedModel", "KeptModel", "Manifest", "ModelShelf"]
__all__ += ["Refusal", "ServedModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptModel:
    """One line of a history.

    ``model_id`` is group, as-of date and the SHA-256 of the manifest, which holds those of all files.
    """

    model_id: str
    as_of: date
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A model, or the pointer to the current one, that was not taken, and what is the matter with it."""

    model_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that may be served. ``refused`` names what should have been served instead, latest first."""

    model_id: str
    model: FittedModel
    refused: tuple[Refusal, ...] = ()


class ModelShelf(Protocol):
    """Fitted models of territories; every one of them is checked whenever it is read."""

    def save(self, model: FittedModel) -> str:
        """Keep a model and make it the current one of its territory and group, in one step. Returns its id."""
        ...

    def load(self, territory: str, model_id: str) -> FittedModel: ...

    def current(self, territory: str, offence_group: str) -> ServedModel:
        """The model saved last."""
        ...

    def current_or_last_good(self, territory: str, offence_group: str) -> ServedModel:
        """The model saved last among those that can be trusted, and why later ones cannot."""
        ...

    def history(self, territory: str, offence_group: str) -> tuple[KeptModel, ...]:
        """Models that have been current, in the order saved; the last one is."""
        ...

    def sweep(self, territory: str, offence_group: str, *, keep: int) -> int:
        """Remove all but the ``keep`` models saved last; returns how many were removed."""
        ...
