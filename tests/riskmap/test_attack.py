"""The attack breaks the ways of publishing that are known to be bad, and spares what `public_counts` builds."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from geodata import public_counts
from geodata.columns import COUNTED
from riskmap.attack.published import Published, months_of
from riskmap.attack.tables import FREE, Table, bounds, room
from riskmap.attack.verdict import attack
from riskmap.errors import ContradictoryCounts
from riskmap.pipeline import public_tables
from tests.geodata.test_public_counts import NO_SENSITIVE, a_city, published


def counted(cube):
    """What a release of the city was counted from."""
    columns = cube.with_columns(region_id=pl.lit(None, pl.String))
    return COUNTED.checked(columns)


def as_published(public, **changes):
    counts = public.counts
    for change in changes.values():
        counts = change(counts)
    return Published(counts=counts, places=public.places)


@pytest.fixture(scope="module")
def city():
    return a_city(yearly=3_000)


@pytest.fixture(scope="module")
def public(city):
    """What is built, with the rows an attack finds out withheld."""
    cube, grid = city
    withheld = set()
    for _ in range(public_tables.MOST_TRIES):
        found = published(cube, grid, withheld=frozenset(withheld))
        verdict = attack(as_published(found), counted(cube))
        if verdict.is_safe:
            return found
        withheld |= {(leak.table, leak.row, leak.period) for leak in verdict.leaks}
    pytest.fail("no safe split was found")


def _truth(found, cube):
    partition = public_counts.public_partition.read(found.places, 2024)
    own = cube.filter(pl.col("month").dt.year() == 2024)
    area = np.array(partition.area_ids)[partition.area_of_cell[partition.position_of(own["cell"].to_numpy())]]
    return own.with_columns(place_id=area).group_by("place_id", "offence_group").agg(true=pl.col("count").sum())


def with_entries(public, truth, *, hide):
    """Counts whose year by group of areas is told but for entries that ``hide`` picks."""
    rows = public.counts.join(truth, on=["place_id", "offence_group"], how="left")
    is_area = (
        (pl.col("kind") == "year_group") & (pl.col("period") == "2024") & pl.col("place_id").str.contains("-2024-")
    )
    value = pl.when(is_area).then(pl.when(hide).then(None).otherwise(pl.col("true").fill_null(0)))
    return rows.with_columns(
        low=pl.when(is_area).then(value).otherwise("low"), high=pl.when(is_area).then(value).otherwise("high")
    ).drop("true")


def test_what_is_built_gives_nothing_away(city, public):
    cube, _ = city

    verdict = attack(as_published(public), counted(cube))

    assert verdict.targets > 10_000
    assert verdict.solved == verdict.targets
    assert (verdict.exact, verdict.within_one, verdict.leaks) == (0, 0, [])


def test_hiding_the_small_alone_is_broken(city, public):
    cube, _ = city
    naive = with_entries(public, _truth(public, cube), hide=pl.col("true").is_between(1, 4))

    verdict = attack(Published(counts=naive, places=public.places), counted(cube))

    assert verdict.exact > 5
    assert {leak.table for leak in verdict.leaks} >= {"year_group"}


def test_an_area_whose_bands_sum_to_almost_its_total_is_broken(city, public):
    cube, _ = city
    truth = dict(
        cube.filter(pl.col("month").dt.year() == 2024)
        .group_by("cell")
        .agg(pl.col("count").sum())
        .select(pl.col("cell").map_elements(lambda cell: f"{cell:x}", return_dtype=pl.String), "count")
        .iter_rows()
    )
    is_band = (pl.col("kind") == "band") & (pl.col("period") == "2024")
    true = pl.col("place_id").replace_strict(truth, default=0, return_dtype=pl.Int64)
    narrow = public.counts.with_columns(
        high=pl.when(is_band & (pl.col("low") == 0)).then(true + (true % 2)).otherwise("high")
    )

    verdict = attack(Published(counts=narrow, places=public.places), counted(cube))

    assert verdict.exact + verdict.within_one > 10


@pytest.mark.parametrize("late", [1, 4])
def test_two_releases_that_can_be_subtracted_are_broken(city, public, late):
    cube, _ = city
    is_one = (pl.col("kind") == "quarter") & (pl.col("period") == "2024-Q1") & (pl.col("place_id") == "A")
    moved = public.counts.with_columns(
        pl.when(is_one).then(pl.col(end) + late).otherwise(pl.col(end)).alias(end) for end in ("low", "high")
    )

    verdict = attack(
        as_published(public), counted(cube), earlier=[Published(counts=moved, places=public.places)], only_year=2023
    )

    assert [(leak.table, leak.row, leak.period) for leak in verdict.leaks if leak.is_exact] == [
        ("quarter", "A", "2024-Q1")
    ]


def test_a_correction_of_five_is_none(city, public):
    cube, _ = city
    is_one = (pl.col("kind") == "quarter") & (pl.col("period") == "2024-Q1") & (pl.col("place_id") == "A")
    moved = public.counts.with_columns(
        pl.when(is_one).then(pl.col(end) + 5).otherwise(pl.col(end)).alias(end) for end in ("low", "high")
    )

    verdict = attack(
        as_published(public), counted(cube), earlier=[Published(counts=moved, places=public.places)], only_year=2023
    )

    assert verdict.is_safe


def test_a_single_hidden_region_of_a_sensitive_group_is_broken(city):
    cube, grid = city
    rows = [
        ("A", "sexual", date(2024, 5, 1), 30),
        ("B", "sexual", date(2024, 5, 1), 4),
        ("C", "sexual", date(2024, 5, 1), 25),
    ]
    sensitive = pl.DataFrame(rows, schema=NO_SENSITIVE.schema, orient="row")
    found = published(cube, grid, sensitive=sensitive)
    truth = pl.concat(
        [
            counted(cube),
            COUNTED.checked(sensitive.with_columns(cell=pl.lit(None, pl.UInt64), part_of_day=pl.lit(None, pl.String))),
        ]
    )
    true = {"A": 30, "C": 25}
    is_sexual = (pl.col("kind") == "sensitive") & (pl.col("offence_group") == "sexual") & (pl.col("period") == "2024")
    naive = found.counts.with_columns(
        pl.when(is_sexual & pl.col("place_id").is_in(list(true)))
        .then(pl.col("place_id").replace_strict(true, default=None, return_dtype=pl.Int64))
        .otherwise(pl.col(end))
        .alias(end)
        for end in ("low", "high")
    )

    broken = attack(Published(counts=naive, places=found.places), truth, only_year=2024)
    spared = attack(Published(counts=found.counts, places=found.places), truth, only_year=2024)

    assert [leak.row for leak in broken.leaks if leak.table == "sensitive"] == ["B"]
    assert not [leak for leak in spared.leaks if leak.table == "sensitive"]


@pytest.mark.parametrize("seed", range(8))
def test_exchanges_never_promise_more_than_the_true_bounds(seed):
    rng = np.random.default_rng(seed)
    truth = rng.negative_binomial(0.7, 0.05, (6, 5))
    told = np.where((truth > 0) & (truth < 12), -1, truth)
    table = Table(
        told=told, row_total=truth.sum(axis=1), part_total=np.where(rng.random(5) < 0.8, truth.sum(axis=0), -1)
    )
    entries = np.argwhere(table.hidden)

    lower, upper = room(table, truth)
    ends = bounds(table, entries)

    at = tuple(entries.T)
    assert (ends[:, 0] <= truth[at] - lower[at]).all()
    assert (np.minimum(truth[at] + upper[at], FREE) <= ends[:, 1]).all()
    assert (ends[:, 0] >= table.least[at]).all()


def test_a_nought_is_told_unless_its_whole_row_or_its_whole_part_tells_nothing():
    told = np.array([[-1, -1, 20, 6], [-1, -1, -1, -1], [-1, 9, 30, -1]])

    least = Table(told=told, row_total=np.full(3, 50), part_total=np.full(4, 60)).least
    one_total = Table(told=np.array([[-1, -1, 20]]), row_total=np.array([30]), part_total=np.full(3, -1)).least

    assert least.tolist() == [[0, 1, 20, 6], [0, 0, 0, 0], [0, 9, 30, 1]]
    assert one_total.tolist() == [[1, 1, 20]]


def test_what_was_not_counted_so_is_not_attacked(public, city):
    cube, _ = city
    other = cube.with_columns(count=pl.lit(0, pl.Int64))

    with pytest.raises(ContradictoryCounts, match="cannot be trusted"):
        attack(as_published(public), counted(other))


@pytest.mark.parametrize("seed", range(6))
def test_any_city_can_be_published_in_the_end(seed):
    cube, grid = a_city(yearly=900, seed=seed)

    _, verdict = public_tables.build("toy", counted(cube), grid, start=date(2023, 1, 1), end=date(2025, 1, 1))

    assert verdict.targets == verdict.solved > 1_000
    assert verdict.is_safe


def test_an_entry_alone_in_its_row_is_known():
    truth = np.array([[7, 3, 20], [8, 9, 11]])
    table = Table(told=np.where(truth == 3, -1, truth), row_total=truth.sum(axis=1), part_total=np.full(3, -1))

    assert bounds(table, np.array([[0, 1]])).tolist() == [[3, 3]]
    assert [ends[0, 1] for ends in room(table, truth)] == [0, 0]


def test_months_of_a_quarter():
    assert months_of("2024-Q1") == ["2024-01", "2024-02", "2024-03"]
