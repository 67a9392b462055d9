"""How often the five public classes claim what is not so: every law of `models.class_error`, simulated.

Run from the repository: ``python scripts/bench_class_error.py [--cities N] [--rings N] [--seed N]``. Three tables: the
claims by law and usual count, for one prior, for a mixture of priors that knows each count, and for the mixture that
knows its band of five only, as releases use it; the same for a rule that is too easily sure, to show that the measure
can fail; and claims by band of expected counts without the rule about too little data, to show what that rule keeps
away.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import h3
import numpy as np
import polars as pl
from scipy import sparse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from models import class_error  # noqa: E402
from models.kernels import Kernels  # noqa: E402
from models.level_mixture import mixed_level  # noqa: E402
from models.risk_class import ClassRule, reference_expected, relative_level  # noqa: E402

POSTERIORS: Mapping[str, tuple[class_error.Posterior, class_error.Reference]] = {
    "relative_level": (relative_level, reference_expected),
    "mixed_level": (mixed_level, reference_expected),
    "from_bands": (class_error.level_from_bands, class_error.reference_from_bands),
}
USUAL = (3.0, 10.0, 40.0)
BANDWIDTHS_M = (200.0, 400.0, 800.0)
CLASSES = tuple(claim.name.lower() for claim in class_error.CLAIMS)


def neighbours(rings: int) -> dict[float, sparse.csr_array]:
    """Weights between the cells of a round made-up town."""
    found = h3.grid_disk(h3.latlng_to_cell(46.5, 66.7, 9), rings)
    kernels = Kernels(np.unique(np.array([h3.str_to_int(cell) for cell in found], dtype=np.uint64)))
    return {bandwidth_m: kernels.neighbours(bandwidth_m) for bandwidth_m in BANDWIDTHS_M}


def simulated(grid: dict[float, sparse.csr_array], rule: ClassRule, arguments: argparse.Namespace) -> pl.DataFrame:
    """`class_error.simulate` of every law, usual count and posterior; the same cities for both posteriors."""
    return pl.concat(
        class_error.simulate(
            grid,
            np.random.default_rng(arguments.seed),
            law=law,
            usual_expected=usual,
            n_cities=arguments.cities,
            rule=rule,
            posterior=posterior,
            reference=reference,
        ).select(pl.lit(name).alias("posterior"), pl.all())
        for law in class_error.LEVEL_LAWS
        for usual in USUAL
        for name, (posterior, reference) in POSTERIORS.items()
    )


def show(title: str, claims: pl.DataFrame, over: tuple[str, ...]) -> None:
    """One line a case, and for each class claims, false share, wrong-side share, found share."""
    print(f"\n{title}\n" + " " * 42 + "".join(f"{name:>30}" for name in CLASSES))
    print(" " * 42 + "claims  false  wrong  found   " * len(CLASSES))
    for case, rows in class_error.with_shares(claims, over=(*over, "class")).group_by(*over, maintain_order=True):
        by_class = {row["class"]: row for row in rows.iter_rows(named=True)}
        shares = ("false_share", "wrong_side_share", "found_share")
        cells = (
            f"{by_class[name]['n_claims']:>6}" + "".join(_share(by_class[name][share]) for share in shares) + "   "
            for name in CLASSES
        )
        print(f"{' '.join(str(part) for part in case):42}" + "".join(cells))


def _share(value: float | None) -> str:
    return "      –" if value is None else f"{value:7.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cities", type=int, default=10, metavar="N", help="cities drawn for each case")
    parser.add_argument("--rings", type=int, default=20, metavar="N", help="size of the town in rings of cells")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    grid, started = neighbours(arguments.rings), time.perf_counter()
    as_released = simulated(grid, ClassRule(), arguments)
    show("The rule as it is", as_released, ("law", "usual_expected", "posterior"))
    show("All laws together", as_released, ("posterior",))
    show("By band of expected counts", as_released, ("posterior", "least_expected"))
    easily_sure = simulated(grid, ClassRule(sure=0.6, likely=0.55), arguments)
    show("Positive control: a rule that is sure at 0.6", easily_sure, ("posterior",))
    never_grey = simulated(grid, ClassRule(least_expected=1e-9), arguments)
    show("Without the rule about too little data", never_grey, ("posterior", "least_expected"))
    print(f"\n{next(iter(grid.values())).shape[0]} cells, {arguments.cities} cities a case, ", end="")
    print(f"seed {arguments.seed}, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
