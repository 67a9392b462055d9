"""Fitted models on the shelf: what a score run learnt is kept as plain data, and a later run may go on with it.

What is learnt are settings of the base layer and weights of the stacked one; with the incidents at hand they make the
same forecast again. Models of one run belong together, with the test that chose them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from geodata import hexgrid
from models.kernels import Kernels
from models.level import AtLevel
from models.risk_model import RiskModel
from models.shrinkage import EmpiricalBayes
from models.stacked import Stacked, Stacking, term_names
from riskmap.errors import DamagedModel, InvalidAsOf, NoModel
from riskmap.model_port import Array, FittedModel, Manifest
from riskmap.ports import ScoreRun, Store

MOST_KEPT = 12
"""Models of one group that stay on the shelf: a year of monthly releases."""
LIBRARIES = ("numpy", "scipy", "scikit-learn", "h3")
STACKED = "stacked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Models of one earlier run.

    Attributes
    ----------
    run : the run they were fitted in, with its test
    models : by offence group
    refused : what is the matter with later runs' models, the latest first
    """

    run: ScoreRun
    models: Mapping[str, FittedModel]
    refused: tuple[str, ...] = ()

    @property
    def ids(self) -> dict[str, str]:
        """Ids of the models by group."""
        found: dict[str, str] = self.run.details["models"]
        return found


def keep(
    store: Store,
    model: AtLevel,
    *,
    territory: str,
    group: str,
    version_of_method: str,
    window: tuple[date, date],
    deliveries: Sequence[str],
    kernels: Kernels,
    now: datetime,
) -> str:
    """Put what a model learnt onto the shelf; returns its id.

    What was learnt before of the same data keeps its id and takes no place from models of other days.

    Parameters
    ----------
    window : first day of its data and the day after the last one
    """
    stacked = model.place if isinstance(model.place, Stacked) else None
    base = stacked.base if stacked else model.place
    assert isinstance(base, EmpiricalBayes)  # noqa: S101 - nothing else is served
    parameters: dict[str, Any] = {
        "half_life_days": base.half_life_days,
        "bandwidth_m": base.bandwidth_m,
        "prior_days": base.prior_days,
    }
    arrays = {}
    if stacked:
        told = {"gain": stacked.gain, "gain_error": stacked.gain_error}
        parameters |= {name: None if math.isnan(value) else value for name, value in told.items()}
        parameters["terms"] = list(stacked.terms)
        arrays = {"weights": stacked.weights, "centres": stacked.centres, "scales": stacked.scales}
    manifest = Manifest(
        model=STACKED if stacked else base.name,
        version=version_of_method,
        territory=territory,
        offence_group=group,
        as_of=window[1],
        window_start=window[0],
        window_end=window[1],
        deliveries=tuple(deliveries),
        parameters=parameters,
        libraries={name: version(name) for name in LIBRARIES},
        n_cells=int(kernels.cells.size),
        resolution=hexgrid.resolution_of(kernels.cells),
        created_at=now,
    )
    model_id = store.models.save(_same(store, FittedModel(manifest=manifest, arrays=arrays)))
    store.models.sweep(territory, group, keep=MOST_KEPT)
    return model_id


def _same(store: Store, model: FittedModel) -> FittedModel:
    """The model as it is kept already, apart from the moment; itself where it is not."""
    told = model.manifest
    try:
        for line in store.models.history(told.territory, told.offence_group):
            if line.as_of == told.as_of:
                earlier = store.models.load(told.territory, line.model_id)
                again = replace(told, created_at=earlier.manifest.created_at)
                if again == earlier.manifest and _are_equal(model.arrays, earlier.arrays):
                    return earlier
    except (NoModel, DamagedModel):
        return model
    return model


def _are_equal(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def last_good(store: Store, territory: str, *, version_of_method: str, as_of: date) -> Kept:
    """The models of the latest run all of whose models can be trusted and that knew nothing from the day on.

    Raises
    ------
    NoModel
        If no run has kept models, or this program's method is another one.
    InvalidAsOf
        If all of them were fitted on days from ``as_of`` on.
    DamagedModel
        If none can be trusted.
    """
    with store.look() as look:
        runs = [run for run in reversed(look.score_runs.of_territory(territory)) if run.details.get("models")]
    # A run that went on with kept models names them too; they belong to the run that fitted them.
    fitted = [run for run in runs if not run.details.get("with_kept")]
    known = [run for run in fitted if run.as_of <= as_of]
    if not known:
        if fitted:
            raise InvalidAsOf(
                f"The kept models of {territory} were fitted as of {fitted[-1].as_of} and later, so they know days "
                f"from {as_of} on. Give a later --as-of, or fit anew without --model."
            )
        raise NoModel(f"No fitted model of {territory} is kept; score the territory without --model to fit one.")
    refused: list[str] = []
    for run in known:
        try:
            models = {group: store.models.load(territory, one) for group, one in run.details["models"].items()}
        except (DamagedModel, NoModel) as error:
            refused.append(str(error))
            continue
        others = sorted({one.manifest.version for one in models.values()} - {version_of_method})
        if others:
            refused.append(
                f"Models of {run.as_of} were fitted by version {', '.join(others)} of the method; this program has "
                f"version {version_of_method}."
            )
            continue
        return Kept(run=run, models=models, refused=tuple(refused))
    raise DamagedModel(
        f"None of the kept models of {territory} can be used. {' '.join(refused[:3])} Fit anew without --model."
    )


def made_again(kept: FittedModel, stacking: Stacking, kernels: Kernels) -> AtLevel:
    """The model that was kept, on today's support.

    Parameters
    ----------
    stacking : surfaces, features and areas of today

    Raises
    ------
    NoModel
        If it speaks of surroundings or offence groups that are not the ones at hand.
    """
    told, group = kept.manifest.parameters, kept.manifest.offence_group
    base = EmpiricalBayes(
        kernels=kernels,
        half_life_days=told["half_life_days"],
        bandwidth_m=told["bandwidth_m"],
        prior_days=told["prior_days"],
    )
    place: RiskModel = base
    if kept.manifest.model == STACKED:
        terms = term_names(stacking.surfaces, group, stacking.features)
        if list(terms) != told["terms"]:
            odd = ", ".join(sorted(set(terms) ^ set(told["terms"]))[:5])
            raise NoModel(
                f"The kept model of {group} was learnt on other groups or surroundings than there are now ({odd}). "
                "Fit anew without --model."
            )
        place = Stacked(
            base=base,
            kind=group,
            surfaces=stacking.surfaces,
            features=stacking.features,
            terms=terms,
            weights=kept.arrays["weights"].astype(np.float64),
            centres=kept.arrays["centres"].astype(np.float64),
            scales=kept.arrays["scales"].astype(np.float64),
            gain=math.nan if told["gain"] is None else told["gain"],
            gain_error=math.nan if told["gain_error"] is None else told["gain_error"],
        )
    return AtLevel(place=place, area_of_cell=stacking.area_of_cell, name=kept.manifest.model)
