import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geodata import disclosure, hexgrid
from geodata.columns import PLACES

PARENT = hexgrid.to_parent(hexgrid.assign_cells(np.array([48.0]), np.array([67.0]), resolution=9), 8)
CHILDREN = np.sort(hexgrid.cells_within(hexgrid.outline(PARENT), 9))

tables = arrays(
    np.int64,
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    elements=st.one_of(st.integers(0, 8), st.integers(0, 60)),
)


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


def names(counts):
    return [f"d{i}" for i in range(counts.shape[0])], [f"g{j}" for j in range(counts.shape[1])]


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


def test_an_area_is_split_by_group_only_when_no_part_stays_between_one_and_four():
    counts = np.array([[42, 11], [30, 3]])

    published = disclosure.publish_area_counts(counts, *names(counts))

    assert published.total == 86
    assert published.by_area == {"d0": 53, "d1": 33}
    assert published.by_group == {"g0": 72, "g1": 14}
    assert published.by_area_and_group == {}


def test_districts_carry_no_totals_when_one_of_them_is_small():
    counts = np.array([[42, 11], [1, 1]])

    published = disclosure.publish_area_counts(counts, *names(counts))

    assert published.total == 55
    assert published.by_area == {}


def test_a_whole_table_is_published_when_every_part_is_large_or_zero():
    counts = np.array([[42, 0], [30, 9]])

    published = disclosure.publish_area_counts(counts, *names(counts))

    assert published.by_area_and_group == {"d0": {"g0": 42}, "d1": {"g0": 30, "g1": 9}}


def test_a_territory_with_fewer_than_five_incidents_publishes_no_number():
    published = disclosure.publish_area_counts(np.array([[3, 1]]), ["d0"], ["g0", "g1"])

    assert published == disclosure.AreaCounts(total=None, by_area={}, by_group={}, by_area_and_group={})


@given(tables)
@settings(max_examples=150, deadline=None)
def test_nothing_published_is_small_and_nothing_small_comes_back_by_arithmetic(counts):
    areas, groups = names(counts)

    published = disclosure.publish_area_counts(counts, areas, groups)

    shown = [*published.by_area.values(), *published.by_group.values()]
    shown += [count for row in published.by_area_and_group.values() for count in row.values()]
    assert all(count >= disclosure.SMALL_COUNT_THRESHOLD for count in shown)
    assert published.total is None or published.total == counts.sum()
    assert disclosure.attack(published, counts, areas, groups) == 0


def test_the_attack_breaks_the_usual_way_of_hiding_only_the_small_count():
    counts = np.array([[40, 2], [30, 9]])
    naive = disclosure.AreaCounts(
        total=81, by_area={"d0": 42, "d1": 39}, by_group={"g0": 70, "g1": 11}, by_area_and_group={}
    )
    naive_one_hidden = disclosure.AreaCounts(total=44, by_area={"d0": 40}, by_group={}, by_area_and_group={})

    assert disclosure.attack(naive, counts, ["d0", "d1"], ["g0", "g1"]) == 0
    assert disclosure.attack(naive_one_hidden, np.array([[40], [4]]), ["d0", "d1"], ["g0"]) > 0
