"""What every risk model offers, and how one comes to be.

``tune`` chooses a model's settings from the past, ``fit`` gives it the days before ``as_of``, ``expected_incidents``
answers. Baselines and served models walk through the same three doors, so each can replace any other.
"""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import MismatchedSupport
from models.history import History
from models.kernels import Kernels


class FittedRisk(Protocol):
    """A model that has seen the days before its ``as_of``."""

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        """Mean count of each cell over the ``horizon_days`` from ``as_of``; shape (n_cells,), never negative."""
        ...


class RiskModel(Protocol):
    """A model with its settings chosen."""

    @property
    def name(self) -> str:
        """Short code name, as it stands in tables and manifests."""
        ...

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        """The model fitted on the days before ``as_of``; later days of ``history`` are not looked at."""
        ...


class Tune(Protocol):
    """Chooses a model's settings from the days before ``as_of``."""

    def __call__(self, history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SteadyRate:
    """A fitted model whose rate does not change over the horizon."""

    incidents_per_day: NDArray[np.float64]

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        return self.incidents_per_day * horizon_days


def require_same_support(history: History, kernels: Kernels) -> None:
    """Refuse a history and kernels of different supports.

    Raises
    ------
    MismatchedSupport
        Naming both sizes.
    """
    if history.n_cells != kernels.n_cells:
        raise MismatchedSupport(
            f"The history speaks about {history.n_cells} cells, the kernels about {kernels.n_cells}; "
            "make both from the same support."
        )
