"""How often the five classes claim what is not so, measured on simulated cities whose true levels are known.

A claim is false when the true relative level does not lie beyond the margin of the rule on the claimed side; it is on
the wrong side when the truth lies on the other side of 1. "Clearly" promises that at most 5 % of its claims are false,
"may be" at most 20 %. Both are promises about claims, not about cells: where nothing differs, every claim is false,
and what counts is how few there are.

Whether a promise is kept depends on how places differ, which nobody knows beforehand. `LEVEL_LAWS` therefore holds
laws of several kinds, among them ones that no gamma distribution resembles.

What "too little data" means (``least_expected`` = 3). A place just inside the margin has no incident at all with
probability exp(-E / 1.1), which is 5 % at E = 3.3. Below about 3 even an empty record would therefore surprise nobody:
the place's own record could speak upwards only, and classes there would tell bad news or repeat the neighbours.
Simulated over all laws, a fifth of the truly lower places is found where 3 to 5 are expected, one in fifty where 1 to 2
are, and the false share of "clearly lower" rises from 2 % to 5 % (scripts/bench_class_error.py).
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from models.errors import MismatchedSupport, UndefinedMetric
from models.level_bands import BAND_WIDTH, expected_from_bands, lowest_of_band
from models.level_mixture import mixed_level
from models.risk_class import ClassRule, RelativeLevel, RiskClass, classify, reference_expected, relative_level

LevelLaw = Callable[[np.random.Generator, sparse.csr_array], NDArray[np.float64]]
"""Draws the level of each cell; the matrix says which cells are neighbours."""
Posterior = Callable[
    [NDArray[np.int64], NDArray[np.float64], Mapping[float, sparse.csr_array]],
    RelativeLevel,
]
"""How levels are estimated: `risk_class.relative_level` or what may stand in its place."""
Reference = Callable[
    [NDArray[np.int64], NDArray[np.float64], NDArray[np.generic]],
    NDArray[np.float64],
]
"""How expectations are: `risk_class.reference_expected` or what may stand in its place."""

CLAIMS = (RiskClass.CLEARLY_HIGHER, RiskClass.MAYBE_HIGHER, RiskClass.MAYBE_LOWER, RiskClass.CLEARLY_LOWER)
BANDS = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, np.inf)
"""Borders of the bands of expected counts."""
EXPOSURE_SHAPE = 2.0
"""Exposures differ from cell to cell like a gamma distribution of this shape."""
COUNTS = ("n_cells", "n_beyond", "n_claims", "n_false", "n_wrong_side")
KEYS = ("class", "least_expected", "most_expected")


def _smooth(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    """Noise that neighbours share, of variance 1."""
    noise = np.asarray(neighbours @ rng.normal(size=neighbours.shape[0]))
    return np.asarray(noise / noise.std())


def _alike(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    return np.ones(neighbours.shape[0])


def _few_differ(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    return rng.choice([0.5, 1.0, 2.0], p=[0.08, 0.84, 0.08], size=neighbours.shape[0])


def _hotspots(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    return np.where(rng.random(neighbours.shape[0]) < 0.02, 8.0, 1.0)


def _empty_third(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    return np.where(rng.random(neighbours.shape[0]) < 0.3, 0.02, 1.4)


def _smooth_field(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    return np.asarray(np.exp(0.5 * _smooth(rng, neighbours)))


def _patchwork(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    return np.asarray(np.exp(0.5 * rng.normal(size=neighbours.shape[0])))


def _skewed(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    # Never quite nothing: a level of 0 has no logarithm and no place in reality.
    return np.maximum(rng.gamma(1.0, 1.0, size=neighbours.shape[0]), 1e-3)


def _field_and_patches(rng: np.random.Generator, neighbours: sparse.csr_array) -> NDArray[np.float64]:
    own = rng.normal(size=neighbours.shape[0])
    return np.asarray(np.exp(0.4 * _smooth(rng, neighbours) + 0.4 * own))


LEVEL_LAWS: Mapping[str, LevelLaw] = MappingProxyType(
    {
        "alike": _alike,
        "few_differ": _few_differ,
        "hotspots": _hotspots,
        "empty_third": _empty_third,
        "smooth": _smooth_field,
        "patchwork": _patchwork,
        "skewed": _skewed,
        "smooth_and_patchwork": _field_and_patches,
    }
)
"""Ways in which places may differ. ``alike``: not at all; ``few_differ``: 8 % doubled, 8 % halved; ``hotspots``: 2 %
have eight times as much; ``empty_third``: next to nothing in a third; ``smooth`` and ``patchwork``: lognormal, shared
by neighbours or not; ``skewed``: exponential; ``smooth_and_patchwork``: both."""


def claims_against_truth(
    level: NDArray[np.float64], expected: NDArray[np.float64], codes: NDArray[np.uint8], *, margin: float = 0.10
) -> pl.DataFrame:
    """Each class's claims beside the truth, by band of expected counts.

    Parameters
    ----------
    level : array of shape (n_cells,), true relative levels; 1 is the reference
    expected : array of shape (n_cells,), expected counts of places like these
    codes : array of shape (n_cells,), from `risk_class.classify`
    margin : of the rule

    Returns
    -------
    polars frame with one row per claiming class and band of `BANDS`
        ``class`` (name), ``least_expected``, ``most_expected``; ``n_cells`` in the band; ``n_beyond``: truly beyond
        the margin on the class's side; ``n_claims``; of these ``n_false`` (not beyond the margin, or on the other
        side) and ``n_wrong_side`` (on the other side of 1).

    Raises
    ------
    MismatchedSupport
        If the arrays differ in shape.
    """
    if not level.shape == expected.shape == codes.shape:
        raise MismatchedSupport(
            f"level, expected and codes have shapes {level.shape}, {expected.shape} and {codes.shape}; they must agree."
        )
    rows = []
    for claim in CLAIMS:
        is_upwards = claim in (RiskClass.CLEARLY_HIGHER, RiskClass.MAYBE_HIGHER)
        is_beyond = level > 1.0 + margin if is_upwards else level < 1.0 / (1.0 + margin)
        is_opposite = level < 1.0 if is_upwards else level > 1.0
        for low, high in pairwise(BANDS):
            inside = (expected >= low) & (expected < high)
            claimed = inside & (codes == claim)
            counts = (inside, inside & is_beyond, claimed, claimed & ~is_beyond, claimed & is_opposite)
            numbers = {name: int(np.count_nonzero(mask)) for name, mask in zip(COUNTS, counts, strict=True)}
            rows.append({"class": claim.name.lower(), "least_expected": low, "most_expected": high, **numbers})
    return pl.DataFrame(rows)


def simulate(
    neighbours: Mapping[float, sparse.csr_array],
    rng: np.random.Generator,
    *,
    law: str,
    usual_expected: float,
    n_cities: int = 10,
    rule: ClassRule | None = None,
    posterior: Posterior = relative_level,
    reference: Reference = reference_expected,
) -> pl.DataFrame:
    """Draw cities of known levels, classify them as a release does, and count what the classes claim.

    Each city has levels by the law, exposures that differ from cell to cell, and Poisson counts. Its reference is
    learnt from these counts, as for a real one; true levels are told relative to the true mean of the city.

    Parameters
    ----------
    neighbours : weights between the cells of the made-up city, by bandwidth in metres
    law : name in `LEVEL_LAWS`; smooth ones are shared over the second of the bandwidths, or the only one
    usual_expected : mean expected count of a cell
    posterior, reference : how levels and expectations are learnt from the counts

    Returns
    -------
    polars frame with one row per claiming class and band, as `claims_against_truth`, over all cities
        with ``law``, ``usual_expected`` and the shares of `with_shares`.

    Raises
    ------
    UndefinedMetric
        If the law is unknown or there is no city to draw.
    """
    if law not in LEVEL_LAWS or n_cities < 1:
        raise UndefinedMetric(
            f"law={law!r} and n_cities={n_cities} draw nothing; give one of {', '.join(LEVEL_LAWS)} and at least 1."
        )
    rule = rule or ClassRule()
    around = list(neighbours.values())[:2][-1]
    frames = []
    for _ in range(n_cities):
        level = LEVEL_LAWS[law](rng, around)
        exposure = usual_expected * rng.gamma(EXPOSURE_SHAPE, 1.0 / EXPOSURE_SHAPE, size=level.size)
        incident_count = rng.poisson(exposure * level)
        expected = reference(incident_count, exposure, np.zeros(level.size))
        codes = classify(posterior(incident_count, expected, neighbours), rule)
        true_level = level * exposure.sum() / (exposure * level).sum()
        frames.append(claims_against_truth(true_level, expected, codes, margin=rule.margin))
    return with_shares(pl.concat(frames)).select(
        pl.lit(law).alias("law"), pl.lit(usual_expected).alias("usual_expected"), pl.all()
    )


def level_from_bands(
    incident_count: NDArray[np.int64], expected: NDArray[np.float64], neighbours: Mapping[float, sparse.csr_array]
) -> RelativeLevel:
    """`level_mixture.mixed_level` as a release takes it: each count is only known by its band. A `Posterior`."""
    return mixed_level(lowest_of_band(incident_count), expected, neighbours, width=BAND_WIDTH)


def reference_from_bands(
    incident_count: NDArray[np.int64], exposure: NDArray[np.float64], stratum: NDArray[np.generic]
) -> NDArray[np.float64]:
    """`level_bands.expected_from_bands` of counts. A `Reference`."""
    return expected_from_bands(lowest_of_band(incident_count), exposure, stratum)


def with_shares(claims: pl.DataFrame, *, over: tuple[str, ...] = KEYS) -> pl.DataFrame:
    """Claims summed by the columns ``over``, with their shares; a share without claims is missing.

    Returns
    -------
    polars frame with the columns ``over``, the counts of `claims_against_truth`, ``false_share``,
    ``wrong_side_share`` (of the claims) and ``found_share`` (true claims, of the cells truly beyond the margin).
    """
    claims_made = pl.when(pl.col("n_claims") > 0).then(pl.col("n_claims"))
    truly = pl.when(pl.col("n_beyond") > 0).then(pl.col("n_beyond"))
    return (
        claims.group_by(*over, maintain_order=True)
        .agg(pl.col(name).sum() for name in COUNTS)
        .with_columns(
            (pl.col("n_false") / claims_made).alias("false_share"),
            (pl.col("n_wrong_side") / claims_made).alias("wrong_side_share"),
            ((pl.col("n_claims") - pl.col("n_false")) / truly).alias("found_share"),
        )
    )
