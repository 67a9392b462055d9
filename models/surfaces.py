"""Log rates of every kind of incident around each cell, as of a day: what the stacked model looks at.

Each surface is a gamma-Poisson posterior mean (`models.shrinkage`) with settings of its own: how far it looks around,
how far back, and how much the surroundings weigh against the cell. Taken relative to its mean over the support, so
that it tells places and not levels. Kept by kind and day, since the groups of a territory look at each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models.history import History
from models.kernels import Kernels
from models.shrinkage import EmpiricalBayes


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """How one surface looks: see `models.shrinkage.EmpiricalBayes` for the settings."""

    half_life_days: float | None
    bandwidth_m: float
    prior_days: float

    @property
    def name(self) -> str:
        """Short and unique, as it stands in a fitted model."""
        back = "all days" if self.half_life_days is None else f"{self.half_life_days:g} d"
        return f"{back}, {self.bandwidth_m:g} m, {self.prior_days:g} d"


SURROUNDINGS_ONLY_DAYS = 1e7
"""A prior of this many days leaves nothing of the cell's own record: the surface is kernel density."""

OWN_SURFACES = (
    *(
        Surface(half_life_days=half_life_days, bandwidth_m=bandwidth_m, prior_days=prior_days)
        for half_life_days in (180.0, 730.0, None)
        for bandwidth_m, prior_days in ((200.0, 60.0), (400.0, 240.0), (800.0, 960.0))
    ),
    *(
        Surface(half_life_days=None, bandwidth_m=bandwidth_m, prior_days=SURROUNDINGS_ONLY_DAYS)
        for bandwidth_m in (400.0, 800.0, 1600.0)
    ),
)
OTHER_SURFACES = (
    Surface(half_life_days=None, bandwidth_m=200.0, prior_days=60.0),
    Surface(half_life_days=None, bandwidth_m=400.0, prior_days=240.0),
    Surface(half_life_days=None, bandwidth_m=800.0, prior_days=SURROUNDINGS_ONLY_DAYS),
)


@dataclass(slots=True, kw_only=True, eq=False)
class Surfaces:
    """Surfaces of several kinds of incidents on one support.

    Attributes
    ----------
    histories : by kind; days on and after the day asked for are not looked at
    """

    kernels: Kernels
    histories: Mapping[str, History]
    _kept: dict[tuple[str, date, Surface], NDArray[np.float32]] = field(default_factory=dict)

    def of(self, kind: str, surface: Surface, *, as_of: date) -> NDArray[np.float32]:
        """Log of the rate relative to the support's mean; shape (n_cells,)."""
        key = (kind, as_of, surface)
        if key not in self._kept:
            layer = EmpiricalBayes(
                kernels=self.kernels,
                half_life_days=surface.half_life_days,
                bandwidth_m=surface.bandwidth_m,
                prior_days=surface.prior_days,
            )
            rate = layer.fit(self.histories[kind], as_of=as_of).expected_incidents(1)
            # Single precision: for a country there are thousands of these, and a model asks them for two digits.
            self._kept[key] = np.log(rate / rate.mean()).astype(np.float32)
        return self._kept[key]
