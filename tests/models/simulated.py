"""A made-up town for the tests of models: cells, true rates and incidents drawn from them. Simulated, seeded."""

from dataclasses import dataclass
from datetime import date, timedelta

import h3
import numpy as np
from numpy.typing import NDArray

from models.history import History
from models.kernels import Kernels

START = date(2022, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Town:
    """``cell`` and ``occurred_on`` are those of all incidents; ``rate`` is the true mean per cell and day."""

    kernels: Kernels
    rate: NDArray[np.float64]
    cell: NDArray[np.uint64]
    occurred_on: NDArray[np.datetime64]
    start: date
    end: date

    def history(self) -> History:
        return History.from_incidents(
            self.cell, self.occurred_on, cells=self.kernels.cells, start=self.start, end=self.end
        )


def town_kernels(*, rings: int = 8, resolution: int = 9) -> Kernels:
    """A round town on empty steppe: 1 + 3 rings (rings + 1) cells."""
    found = h3.grid_disk(h3.latlng_to_cell(46.5, 66.7, resolution), rings)
    return Kernels(np.unique(np.array([h3.str_to_int(cell) for cell in found], dtype=np.uint64)))


def uneven_rates(kernels: Kernels, rng: np.random.Generator, *, incidents_per_day: float) -> NDArray[np.float64]:
    """Rates that differ much from cell to cell and agree a little between neighbours."""
    noise = kernels.smoothed(rng.normal(size=kernels.n_cells), bandwidth_m=400.0)
    rate = np.exp(noise / noise.std()) * rng.gamma(1.5, 1.0, size=kernels.n_cells)
    return rate * incidents_per_day / rate.sum()


def simulated_town(
    *, seed: int, days: int = 730, incidents_per_day: float = 5.0, rings: int = 8, kernels: Kernels | None = None
) -> Town:
    """Incidents of steady rates over ``days``."""
    rng = np.random.default_rng(seed)
    kernels = kernels or town_kernels(rings=rings)
    rate = uneven_rates(kernels, rng, incidents_per_day=incidents_per_day)
    counts = rng.poisson(rate * days)
    cell = np.repeat(kernels.cells, counts)
    day = rng.integers(0, days, size=cell.size)
    shuffled = rng.permutation(cell.size)
    return Town(
        kernels=kernels,
        rate=rate,
        cell=cell[shuffled],
        occurred_on=np.datetime64(START, "D") + day[shuffled],
        start=START,
        end=START + timedelta(days=days),
    )
