"""The forecast that is served: a model of places, lifted to the level that a model of totals expects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from models.history import History
from models.kernels import Kernels
from models.risk_model import FittedRisk
from models.shrinkage import tune
from models.stacked import CellFeatures, Stacked, stack
from models.surfaces import Surfaces

TUNING_HORIZON_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """Tuned models of one kind of incidents."""

    place: Stacked
    name: str = "served"

    def with_histories(self, histories: Mapping[str, History]) -> "Served":
        """The same models, looking at later records of all kinds."""
        surfaces = Surfaces(kernels=self.place.surfaces.kernels, histories=histories)
        return replace(self, place=replace(self.place, surfaces=surfaces))

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        return self.place.fit(history, as_of=as_of)


def tune_served(
    histories: Mapping[str, History],
    *,
    kernels: Kernels,
    as_of: date,
    kinds: Iterable[str],
    features: CellFeatures | None = None,
) -> dict[str, Served]:
    """Models of some kinds of incidents, tuned on days before ``as_of``; all ``histories`` may tell of each."""
    surfaces = Surfaces(kernels=kernels, histories=histories)
    found = {}
    for kind in kinds:
        history = histories[kind]
        base = tune(history, as_of=as_of, horizon_days=TUNING_HORIZON_DAYS, kernels=kernels)
        place = stack(base, history, kind=kind, surfaces=surfaces, features=features, as_of=as_of)
        found[kind] = Served(place=place)
    return found
