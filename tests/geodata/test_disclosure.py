import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata import disclosure, hexgrid
from geodata.columns import PLACES

PARENT = hexgrid.to_parent(hexgrid.assign_cells(np.array([48.0]), np.array([67.0]), resolution=9), 8)
CHILDREN = np.sort(hexgrid.cells_within(hexgrid.outline(PARENT), 9))


def places(residents, addresses):
    n = len(residents)
    frame = pl.DataFrame(
        {
            "cell": CHILDREN[:n],
            "region_id": ["d1"] * n,
            "kind": ["residential"] * n,
            "residents": residents,
            "addresses": addresses,
        },
        schema=PLACES.schema,
    )
    return PLACES.checked(frame)


def test_a_cell_with_few_addresses_takes_all_its_siblings_to_the_parent():
    public = disclosure.public_cells(places([300, 300, 40], [80, 80, 3]))

    assert public["public_cell"].to_list() == [PARENT[0]] * 3
    assert public["is_protected"].to_list() == [False] * 3


def test_well_inhabited_cells_and_empty_parks_stay_themselves():
    public = disclosure.public_cells(places([300, 0], [80, 0]))

    assert public["public_cell"].to_list() == CHILDREN[:2].tolist()
    assert not public["is_protected"].any()


def test_a_parent_that_is_still_small_is_grey():
    public = disclosure.public_cells(places([12, 0], [4, 0]))

    assert public["public_cell"].to_list() == [PARENT[0]] * 2
    assert public["is_protected"].all()


def test_a_cell_that_one_address_dominates_takes_all_its_siblings_to_the_parent():
    public = disclosure.public_cells(places([300, 300, 400], [80, 80, 90]), dominated=CHILDREN[1:2])

    assert public["public_cell"].to_list() == [PARENT[0]] * 3


def test_a_spot_dominates_with_more_than_half_of_enough_incidents():
    spots = {0: [6, 5], 1: [6, 6], 2: [3, 1], 3: [3, 1, 1]}
    rows = [
        (CHILDREN[cell], 48.0 + cell + spot / 1e4, 67.0)
        for cell, counts in spots.items()
        for spot, count in enumerate(counts)
        for _ in range(count)
    ]
    incidents = pl.DataFrame(
        [*rows, *[(None, None, None)] * 9],
        schema={"cell": pl.UInt64, "lat": pl.Float64, "lng": pl.Float64},
        orient="row",
    )

    found = disclosure.dominated_cells(incidents)

    assert found.tolist() == sorted([CHILDREN[0], CHILDREN[3]])


def test_where_addresses_are_unknown_every_cell_is_published_as_its_parent():
    public = disclosure.public_cells(places([None, None], [None, None]))

    assert set(public["public_cell"]) == {PARENT[0]}
    assert not public["is_protected"].any()


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(0, 400)), st.one_of(st.none(), st.integers(0, 60))),
        min_size=1,
        max_size=7,
    )
)
@settings(max_examples=200, deadline=None)
def test_published_cells_are_a_partition_and_no_small_cell_stands_alone(inhabitants):
    residents, addresses = zip(*inhabitants, strict=True)

    public = disclosure.public_cells(places(residents, addresses))

    assert public["cell"].to_list() == CHILDREN[: len(inhabitants)].tolist()
    assert public["public_cell"].n_unique() in (1, len(inhabitants))
    for published, is_protected, (people, doors) in zip(
        public["public_cell"], public["is_protected"], inhabitants, strict=True
    ):
        stands_alone = published != PARENT[0] and not is_protected
        if stands_alone:
            assert doors is not None
            assert not 1 <= doors < disclosure.LEAST_ADDRESSES
            assert people is None or not 1 <= people < disclosure.LEAST_RESIDENTS
