from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import reasons
from models.errors import MismatchedSupport, NotAdditive, UnknownTerm
from models.history import History
from models.reasons import THEMES, Contributions, Effect, Presence, Theme
from models.shrinkage import EmpiricalBayes
from models.stacked import CellFeatures, FittedStack, Stacked, stack
from models.surfaces import OTHER_SURFACES, OWN_SURFACES, Surfaces
from tests.models.simulated import START, town_kernels, uneven_rates

KERNELS = town_kernels(rings=6)
AS_OF = START + timedelta(days=900)


def parts(
    values: list[list[float]],
    *,
    terms: tuple[str, ...] = ("bar: count", "stop: count"),
    signs: tuple[float, ...] | None = None,
    base: float = -3.0,
) -> Contributions:
    """Contributions that add up."""
    given_values = np.array(values, dtype=np.float64)
    return Contributions(
        terms=terms,
        values=given_values,
        signs=np.array(signs or (1.0,) * len(terms)),
        base=np.full(len(values), base),
        log_forecast=base + given_values.sum(axis=1),
    )


def test_the_strongest_themes_are_told_first_with_their_direction():
    (hot, cold) = (parts([[0.2, 0.5], [-0.9, 0.3]]).reasons().of(cell) for cell in (0, 1))

    assert [(one.theme, one.effect) for one in hot] == [(Theme.STOPS, Effect.HIGHER), (Theme.VENUES, Effect.HIGHER)]
    assert [(one.theme, one.effect) for one in cold] == [(Theme.VENUES, Effect.LOWER), (Theme.STOPS, Effect.HIGHER)]
    assert hot[0].factor == pytest.approx(np.exp(0.5))


def test_no_more_than_three_are_told_and_none_that_hardly_matters():
    terms = ("bar: count", "stop: count", "shop: count", "school: count")

    busy = parts([[0.5, 0.4, 0.3, 0.2]], terms=terms).reasons().of(0)
    quiet = parts([[0.5, 0.09, -0.09, 0.0]], terms=terms).reasons().of(0)

    assert [one.theme for one in busy] == [Theme.VENUES, Theme.STOPS, Theme.SHOPS]
    assert [one.theme for one in quiet] == [Theme.VENUES]
    assert parts([[0.01, 0.01]]).reasons().of(0) == ()


def test_terms_of_one_theme_are_one_reason_and_may_cancel():
    found = parts([[0.9, -0.88, 0.2]], terms=("bar: count", "bar: distance_m", "stop: count")).reasons().of(0)

    assert [one.theme for one in found] == [Theme.STOPS]


def test_of_equal_themes_the_earlier_comes_first():
    found = parts([[0.3, 0.3]], terms=("stop: count", "bar: count")).reasons().of(0)

    assert [one.theme for one in found] == [Theme.VENUES, Theme.STOPS]


@pytest.mark.parametrize(
    ("term", "sign", "value", "presence", "effect"),
    [
        ("bar: count", 1.0, 0.4, Presence.MORE, Effect.HIGHER),
        ("bar: count", 1.0, -0.4, Presence.FEWER, Effect.LOWER),
        ("street_light: count", -1.0, 0.4, Presence.FEWER, Effect.HIGHER),
        ("street_light: count", -1.0, -0.4, Presence.MORE, Effect.LOWER),
        ("bar: distance_m", -1.0, 0.4, Presence.MORE, Effect.HIGHER),
        ("bar: distance_m", -1.0, -0.4, Presence.FEWER, Effect.LOWER),
    ],
)
def test_how_much_there_is_and_which_way_the_forecast_goes_are_told_apart(term, sign, value, presence, effect):
    (reason,) = parts([[value]], terms=(term,), signs=(sign,)).reasons().of(0)

    assert (reason.presence, reason.effect) == (presence, effect)


def test_parts_that_do_not_add_up_are_refused_with_the_cell():
    whole = parts([[0.1, 0.2], [0.3, 0.4]])

    with pytest.raises(NotAdditive, match=r"cell 1 add up to -2\.3, its log forecast is -2\.29"):
        replace(whole, log_forecast=whole.log_forecast + np.array([0.0, 0.01]))


def test_a_difference_of_the_last_digits_is_no_fault():
    whole = parts([[0.1, 0.2]])

    assert replace(whole, log_forecast=whole.log_forecast + 9e-7).reasons().of(0)
    with pytest.raises(NotAdditive):
        replace(whole, log_forecast=whole.log_forecast + 2e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(wrong):
    with pytest.raises(MismatchedSupport, match="logarithms of positive rates"):
        parts([[wrong, 0.2]])


def test_shapes_that_do_not_fit_are_refused():
    whole = parts([[0.1, 0.2]])

    for changed in ({"signs": np.ones(3)}, {"base": np.zeros(2)}, {"terms": ("bar: count",)}):
        with pytest.raises(MismatchedSupport, match="shapes"):
            replace(whole, **changed)


def test_a_term_without_a_theme_is_refused_and_not_passed_over():
    with pytest.raises(UnknownTerm, match="moon"):
        parts([[0.1]], terms=("moon",))


@pytest.mark.parametrize("term", ["own: ", "bar: colour", "theft: ", "own: 5 d", "", "bar:count"])
def test_names_that_only_look_like_terms_are_unknown(term):
    with pytest.raises(UnknownTerm):
        reasons.theme_of(term)


def test_every_term_of_the_stacked_model_has_its_theme():
    own = {reasons.theme_of(f"own: {surface.name}") for surface in OWN_SURFACES[:9]}
    around = {reasons.theme_of(f"own: {surface.name}") for surface in OWN_SURFACES[9:]}
    others = {reasons.theme_of(f"theft: {surface.name}") for surface in OTHER_SURFACES}

    assert (own, around, others) == ({Theme.OWN_RECORD}, {Theme.SURROUNDINGS_RECORD}, {Theme.OTHER_GROUPS})


values_of_three = st.lists(st.lists(st.floats(-2, 2), min_size=3, max_size=3), min_size=1, max_size=12)
THREE = ("bar: count", "bar: distance_m", "stop: count")


@given(values_of_three, st.integers(0, 2**32 - 1))
def test_comparing_moves_means_and_changes_no_sum(values, seed):
    rng = np.random.default_rng(seed)
    areas = np.unique(rng.integers(0, 3, size=len(values)), return_inverse=True)[1]
    weight = rng.gamma(0.5, size=len(values))
    whole = parts(values, terms=THREE)

    compared = whole.compared(areas, weight=weight)

    assert np.allclose(compared.base + compared.values.sum(axis=1), whole.log_forecast)
    for area in range(areas.max() + 1):
        here = areas == area
        assert np.allclose(weight[here] @ compared.values[here], 0.0, atol=1e-9)


@given(values_of_three, st.integers(0, 2**32 - 1))
def test_an_area_is_the_mean_of_its_cells_and_adds_up_too(values, seed):
    rng = np.random.default_rng(seed)
    areas = np.unique(rng.integers(0, 3, size=len(values)), return_inverse=True)[1]
    weight = rng.gamma(0.5, size=len(values))
    whole = parts(values, terms=THREE)

    of_areas = whole.of_areas(areas, weight=weight)

    for area in range(areas.max() + 1):
        here = areas == area
        mean = np.average(np.array(values)[here], axis=0, weights=weight[here])
        assert np.allclose(of_areas.values[area], mean)
        assert of_areas.log_forecast[area] == pytest.approx(np.average(whole.log_forecast[here], weights=weight[here]))


@given(values_of_three)
def test_themes_keep_the_sum_of_their_terms(values):
    whole = parts(values, terms=THREE)

    by_theme = whole.by_theme()

    assert by_theme.shape == (len(values), len(THEMES))
    assert np.allclose(by_theme.sum(axis=1), whole.values.sum(axis=1))


@given(values_of_three)
def test_what_is_told_is_never_weaker_than_what_is_not(values):
    whole = parts(values, terms=THREE)

    told = whole.reasons(most=1)

    strongest = np.abs(whole.by_theme()).max(axis=1)
    is_told = told.theme[:, 0] >= 0
    assert np.allclose(np.abs(told.contribution[is_told, 0]), strongest[is_told], atol=1e-8)
    assert (strongest[~is_told] < reasons.LEAST_TOLD + 1e-8).all()


def test_an_area_without_weight_counts_its_cells_alike():
    whole = parts([[0.2, 0.0], [0.6, 0.0]])

    of_areas = whole.of_areas(np.array([0, 0]), weight=np.zeros(2))

    assert of_areas.values.tolist() == [[pytest.approx(0.4), 0.0]]


@pytest.mark.parametrize(
    ("areas", "weight"),
    [([0, 2], [1.0, 1.0]), ([-1, 0], [1.0, 1.0]), ([0], [1.0]), ([0, 0], [1.0, -1.0]), ([0, 0], [1.0, np.nan])],
    ids=str,
)
def test_areas_and_weights_that_do_not_fit_are_refused(areas, weight):
    with pytest.raises(MismatchedSupport):
        parts([[0.2, 0.0], [0.6, 0.0]]).of_areas(np.array(areas), weight=np.array(weight))


def test_no_cells_and_no_terms_are_no_reasons():
    none = parts([[]], terms=()).compared()

    assert none.reasons().of(0) == ()
    assert none.of_areas(np.array([0])).reasons().of(0) == ()


# ---- The model itself ----


@cache
def town() -> tuple[Stacked, FittedStack, np.ndarray]:
    """A simulated town in which a rare kind of incidents follows a frequent one; a feature says a little more."""
    rng = np.random.default_rng(5)
    rate = uneven_rates(KERNELS, rng, incidents_per_day=0.7)
    venues = rng.normal(size=KERNELS.n_cells)
    histories = {}
    for kind, mean in (("rare", rate * np.exp(0.8 * venues)), ("frequent", 20 * rate)):
        counts = rng.poisson(mean * 900)
        cell = np.repeat(KERNELS.cells, counts)
        day = np.datetime64(START, "D") + rng.integers(0, 900, size=cell.size)
        histories[kind] = History.from_incidents(cell, day, cells=KERNELS.cells, start=START, end=AS_OF)
    features = CellFeatures(names=("bar: count",), values=venues[:, None])
    surfaces, base = Surfaces(kernels=KERNELS, histories=histories), EmpiricalBayes(kernels=KERNELS)
    model = stack(base, histories["rare"], kind="rare", surfaces=surfaces, features=features, as_of=AS_OF)
    return model, model.fit(histories["rare"], as_of=AS_OF), venues


def test_reasons_of_the_stacked_model_add_up_to_its_forecast():
    model, fitted, _ = town()

    found = reasons.of_stack(model, fitted, as_of=AS_OF).compared(weight=fitted.incidents_per_day)

    assert model.is_learned
    told = np.exp(found.base + found.by_theme().sum(axis=1)) * 30
    assert np.allclose(told, fitted.expected_incidents(30), rtol=1e-9)
    assert np.ptp(found.base) < 1e-9


def test_a_level_lifts_every_cell_alike_and_sets_none_apart():
    model, fitted, _ = town()
    places = reasons.of_stack(model, fitted, as_of=AS_OF)

    lifted = places.lifted(fitted.expected_incidents(30) * 1.3)

    assert np.allclose(lifted.by_theme()[:, THEMES.index(Theme.LEVEL)], np.log(30 * 1.3))
    assert np.allclose(lifted.compared().by_theme()[:, THEMES.index(Theme.LEVEL)], 0.0)
    with pytest.raises(NotAdditive, match="one fit"):
        places.lifted(fitted.expected_incidents(30) * np.linspace(1.0, 1.1, KERNELS.n_cells))


def test_the_level_of_an_area_sets_its_cells_apart_from_those_of_another():
    model, fitted, _ = town()
    places = reasons.of_stack(model, fitted, as_of=AS_OF)
    areas = np.arange(KERNELS.n_cells) % 2
    expected = fitted.expected_incidents(30) * np.array([1.0, 1.5])[areas]

    level = places.lifted(expected, areas).compared().by_theme()[:, THEMES.index(Theme.LEVEL)]

    assert np.allclose(level[areas == 1].mean() - level[areas == 0].mean(), np.log(1.5))
    assert max(np.ptp(level[areas == area]) for area in (0, 1)) < 1e-9
    with pytest.raises(NotAdditive, match="cells of an area"):
        places.lifted(expected)


def test_where_there_are_many_venues_they_are_a_reason_and_told_as_many():
    model, fitted, venues = town()
    found = reasons.of_stack(model, fitted, as_of=AS_OF).compared(weight=fitted.incidents_per_day)

    told = found.reasons(most=len(THEMES), least=0.0)

    most, fewest = (
        {one.theme: (one.presence, one.effect) for one in told.of(int(cell))}[Theme.VENUES]
        for cell in (np.argmax(venues), np.argmin(venues))
    )
    assert most == (Presence.MORE, Effect.HIGHER)
    assert fewest == (Presence.FEWER, Effect.LOWER)


def test_the_cell_with_the_longest_record_is_told_for_its_record():
    model, fitted, _ = town()
    found = reasons.of_stack(model, fitted, as_of=AS_OF).compared().by_theme()
    counts = model.surfaces.histories["rare"].counts(START, AS_OF)

    record = found[:, THEMES.index(Theme.OWN_RECORD)] + found[:, THEMES.index(Theme.SURROUNDINGS_RECORD)]

    assert record[np.argmax(counts)] > 0.0
    assert np.corrcoef(record, counts)[0, 1] > 0.5


def test_parts_of_one_fit_do_not_pass_for_another():
    model, fitted, _ = town()
    other = replace(fitted, incidents_per_day=fitted.incidents_per_day * 1.01)

    with pytest.raises(NotAdditive, match="one fit"):
        reasons.of_stack(model, other, as_of=AS_OF)


def base_town():
    """A town whose busiest cell has grown quiet lately, while a calm one has woken up."""
    rate = uneven_rates(KERNELS, np.random.default_rng(5), incidents_per_day=0.7)
    counts = np.random.default_rng(6).poisson(rate * 700)
    cell, days = np.repeat(KERNELS.cells, counts), np.random.default_rng(7).integers(0, 700, size=counts.sum())
    woken = np.full(40, KERNELS.cells[int(np.argmin(rate))])
    day = np.datetime64(START, "D") + np.concatenate([days, np.linspace(760, 899, 40).astype(np.int64)])
    history = History.from_incidents(np.concatenate([cell, woken]), day, cells=KERNELS.cells, start=START, end=AS_OF)
    return history, int(np.argmax(counts)), int(np.argmin(rate))


def test_reasons_of_the_base_layer_add_up_to_its_forecast_at_its_level():
    history, _, _ = base_town()
    model = EmpiricalBayes(kernels=KERNELS, half_life_days=180.0)
    expected = model.fit(history, as_of=AS_OF).expected_incidents(30)

    found = reasons.of_base(model, history, as_of=AS_OF).lifted(expected).compared(weight=expected)

    assert np.allclose(np.exp(found.base + found.by_theme().sum(axis=1)), expected, rtol=1e-9)


def test_the_base_layer_tells_a_place_that_woke_up_from_one_that_was_always_busy():
    history, busy, woken = base_town()
    model = EmpiricalBayes(kernels=KERNELS, half_life_days=180.0, prior_days=60.0)

    told = reasons.of_base(model, history, as_of=AS_OF).compared().reasons()

    assert Theme.RECENT in {one.theme for one in told.of(woken) if one.effect is Effect.HIGHER}
    assert Theme.OWN_RECORD in {one.theme for one in told.of(busy) if one.effect is Effect.HIGHER}
    assert Theme.RECENT not in {one.theme for one in told.of(busy) if one.effect is Effect.HIGHER}


def test_a_base_layer_that_weighs_all_days_alike_says_nothing_of_recent_ones():
    history, _, _ = base_town()

    found = reasons.of_base(EmpiricalBayes(kernels=KERNELS, half_life_days=None), history, as_of=AS_OF).by_theme()

    assert not found[:, THEMES.index(Theme.RECENT)].any()


def test_nothing_after_the_day_moves_a_reason_of_the_base_layer():
    history, _, _ = base_town()
    model, earlier = EmpiricalBayes(kernels=KERNELS), AS_OF - timedelta(days=200)

    seeing = reasons.of_base(model, history, as_of=earlier)
    blind = reasons.of_base(model, history.before(earlier), as_of=earlier)

    assert np.array_equal(seeing.values, blind.values)


def test_nothing_after_the_day_moves_a_reason():
    model, fitted, _ = town()
    earlier = date(AS_OF.year - 1, 1, 1)
    cut = {kind: history.before(earlier) for kind, history in model.surfaces.histories.items()}
    blind = replace(model, surfaces=Surfaces(kernels=KERNELS, histories=cut))

    seeing = reasons.of_stack(model, model.fit(model.surfaces.histories["rare"], as_of=earlier), as_of=earlier)
    not_seeing = reasons.of_stack(blind, blind.fit(cut["rare"], as_of=earlier), as_of=earlier)

    assert np.array_equal(seeing.values, not_seeing.values)
    assert not np.array_equal(seeing.values, reasons.of_stack(model, fitted, as_of=AS_OF).values)
