from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import MismatchedSupport
from models.history import History
from models.hotspot_metrics import poisson_deviance
from models.kernels import Kernels
from models.level import AtLevel
from models.stacked import CellFeatures, FittedStack, Stacked, Stacking
from models.surfaces import Surfaces
from tests.models.simulated import START, town_kernels, uneven_rates

DAYS = 900
AS_OF = START + timedelta(days=DAYS)
HORIZON_DAYS = 90
KERNELS = town_kernels(rings=9)


def history_of(counts: np.ndarray, rng: np.random.Generator, *, kernels: Kernels = KERNELS, days: int) -> History:
    """Simulated: that many incidents per cell on days drawn evenly."""
    cell = np.repeat(kernels.cells, counts)
    day = np.datetime64(START, "D") + rng.integers(0, days, size=cell.size)
    return History.from_incidents(cell, day, cells=kernels.cells, start=START, end=START + timedelta(days=days))


def related(*, seed: int, days: int = DAYS + HORIZON_DAYS) -> tuple[dict[str, History], np.ndarray]:
    """A rare kind of incidents and a frequent one that happen in the same places, and the rare one's true rate."""
    rng = np.random.default_rng(seed)
    rate = uneven_rates(KERNELS, rng, incidents_per_day=0.7)
    rare = history_of(rng.poisson(rate * days), rng, days=days)
    frequent = history_of(rng.poisson(20 * rate * days), rng, days=days)
    return {"rare": rare, "frequent": frequent}, rate


def unrelated(*, seed: int) -> dict[str, History]:
    rng = np.random.default_rng(seed)
    kinds = {}
    for kind in ("one", "two"):
        rate = rng.gamma(1.5, size=KERNELS.n_cells)
        kinds[kind] = history_of(rng.poisson(rate / rate.sum() * 2.0 * DAYS), rng, days=DAYS)
    return kinds


def stacked(histories: dict[str, History], kind: str, features: CellFeatures | None = None) -> Stacked:
    stacking = Stacking(surfaces=Surfaces(kernels=KERNELS, histories=histories), features=features)
    model = stacking.tuner(kind)(histories[kind], as_of=AS_OF, horizon_days=30, kernels=KERNELS)
    assert isinstance(model, AtLevel)
    assert isinstance(model.place, Stacked)
    return model.place


def fitted(model: Stacked, history: History, *, as_of: date = AS_OF) -> FittedStack:
    return model.fit(history, as_of=as_of)


def test_a_frequent_kind_of_the_same_places_makes_the_forecast_of_a_rare_one_better():
    histories, rate = related(seed=1)
    rare = histories["rare"]

    model = stacked(histories, "rare")
    served = model.fit(rare, as_of=AS_OF).expected_incidents(HORIZON_DAYS)
    base = model.base.fit(rare, as_of=AS_OF).expected_incidents(HORIZON_DAYS)

    assert model.is_learned
    assert model.gain > 2 * model.gain_error
    truth = rate * HORIZON_DAYS
    assert np.abs(served - truth).mean() < 0.75 * np.abs(base - truth).mean()
    observed = rare.counts(AS_OF, AS_OF + timedelta(days=HORIZON_DAYS))
    assert poisson_deviance(served, observed) < poisson_deviance(base, observed)


def test_kinds_that_have_nothing_to_do_with_each_other_leave_the_base_layer_nearly_as_it_is():
    histories = unrelated(seed=2)

    model = stacked(histories, "one")
    served = model.fit(histories["one"], as_of=AS_OF).expected_incidents(30)
    base = model.base.fit(histories["one"], as_of=AS_OF).expected_incidents(30)

    assert np.corrcoef(served, base)[0, 1] > 0.98


def test_a_kind_that_stands_alone_is_the_base_layer():
    histories, _ = related(seed=3)
    alone = {"rare": histories["rare"]}

    model = stacked(alone, "rare")

    assert not model.is_learned
    base = model.base.fit(alone["rare"], as_of=AS_OF).expected_incidents(30)
    assert np.allclose(model.fit(alone["rare"], as_of=AS_OF).expected_incidents(30), base, rtol=1e-12)


def test_a_record_too_short_to_learn_on_is_the_base_layer():
    rng = np.random.default_rng(4)
    histories = {kind: history_of(rng.poisson(2.0, KERNELS.n_cells), rng, days=400) for kind in ("one", "two")}
    stacking = Stacking(surfaces=Surfaces(kernels=KERNELS, histories=histories))

    end = START + timedelta(days=400)
    model = stacking.tuner("one")(histories["one"], as_of=end, horizon_days=30, kernels=KERNELS)

    assert isinstance(model, AtLevel)
    assert isinstance(model.place, Stacked)
    assert not model.place.is_learned


def test_a_feature_of_the_place_is_used_and_unknown_values_do_not_break_it():
    rng = np.random.default_rng(5)
    tells = rng.normal(size=KERNELS.n_cells)
    rate = np.exp(tells) / np.exp(tells).sum()
    history = history_of(rng.poisson(rate * 0.5 * DAYS), rng, days=DAYS)
    values = np.column_stack([tells, np.full(tells.size, np.nan)])
    values[::7, 0] = np.nan

    model = stacked({"one": history}, "one", CellFeatures(names=("venues", "nothing known"), values=values))

    weight = dict(zip(model.terms, model.weights, strict=True))
    assert weight["venues"] > 0.1
    assert weight["nothing known"] == pytest.approx(0.0, abs=1e-9)
    assert np.isfinite(model.fit(history, as_of=AS_OF).expected_incidents(30)).all()


def test_the_terms_add_up_to_the_forecast_and_the_total_is_that_of_the_base_layer():
    histories, _ = related(seed=6)
    model = stacked(histories, "rare")

    found = fitted(model, histories["rare"])

    total = found.log_base + found.contributions.sum(axis=1) + found.log_scale
    assert np.allclose(total, np.log(found.incidents_per_day), atol=1e-9)
    assert found.contributions.shape == (KERNELS.n_cells, len(found.terms))
    base = model.base.fit(histories["rare"], as_of=AS_OF).expected_incidents(1)
    assert found.incidents_per_day.sum() == pytest.approx(base.sum())


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_that_happens_after_as_of_moves_weights_or_forecast(seed):
    histories, _ = related(seed=7)
    rng = np.random.default_rng(seed)
    later = AS_OF + timedelta(days=HORIZON_DAYS)
    changed = {}
    for kind, history in histories.items():
        known = history.before(AS_OF)
        extra = rng.integers(0, 500)
        day = np.concatenate([known.day, np.sort(rng.integers(DAYS, DAYS + HORIZON_DAYS, extra))])
        cell_index = np.concatenate([known.cell_index, rng.integers(0, KERNELS.n_cells, extra)])
        changed[kind] = History(
            cell_index=cell_index.astype(np.int32),
            day=day.astype(np.int32),
            off_support=np.zeros((later - START).days, dtype=np.int64),
            start=START,
            end=later,
            n_cells=KERNELS.n_cells,
        )

    before = fitted(stacked(histories, "rare"), histories["rare"]).incidents_per_day
    after = fitted(stacked(changed, "rare"), changed["rare"]).incidents_per_day

    assert np.array_equal(before, after)


def test_features_of_other_cells_are_refused():
    histories, _ = related(seed=8)
    features = CellFeatures(names=("venues",), values=np.zeros((3, 1)))

    with pytest.raises(MismatchedSupport, match="3 cells"):
        stacked(histories, "rare", features)
    with pytest.raises(MismatchedSupport, match="one column a name"):
        CellFeatures(names=("venues", "shops"), values=np.zeros((3, 1)))
