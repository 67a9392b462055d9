"""What a split tells cannot be read backwards, even by somebody who knows the rule."""

import itertools

import numpy as np
import pytest

from geodata import split
from geodata.split import LEAST_COUNT


def told(counts, *, order=None, least=LEAST_COUNT):
    """What a reader sees of one row of known total: each count, or None."""
    table = np.array([counts])
    names = [str(part) for part in range(table.shape[1])]
    hidden = split.hidden_entries(
        table,
        order=split.order_of(["row"], names) if order is None else order,
        row_total_is_told=np.ones(1, dtype=bool),
        part_total_is_told=np.zeros(table.shape[1], dtype=bool),
        least=least,
    )[0]
    return tuple(None if is_hidden else int(count) for count, is_hidden in zip(counts, hidden, strict=True))


def narrowest(n_parts, most, *, least=LEAST_COUNT, rule=told):
    """Fewest values a count of 1 to least - 1 may have, of every row of a total up to ``most``; and how many within 1.

    The reader knows the total, what is told, and the rule: all rows that show the same are one to them.
    """
    alike = {}
    for counts in itertools.product(range(most + 1), repeat=n_parts):
        if least <= sum(counts) <= most:
            alike.setdefault((sum(counts), rule(counts, least=least)), []).append(counts)
    widths, given_away = [], 0
    for rows in alike.values():
        low, high = np.min(rows, axis=0), np.max(rows, axis=0)
        for counts in rows:
            for count, least_value, most_value in zip(counts, low, high, strict=True):
                if 0 < count < least:
                    widths.append(most_value - least_value)
                    given_away += least_value >= count - 1 and most_value <= count + 1
    return min(widths), given_away


@pytest.mark.parametrize(("n_parts", "most"), [(2, 30), (3, 26), (4, 18)])
def test_no_small_count_of_any_row_is_known_within_one_by_somebody_who_knows_the_rule(n_parts, most):
    assert narrowest(n_parts, most) == (3, 0)


@pytest.mark.deep
@pytest.mark.parametrize(("n_parts", "most"), [(3, 60), (4, 40), (5, 24)])
def test_no_small_count_of_more_and_larger_rows_is_known_within_one(n_parts, most):
    assert narrowest(n_parts, most) == (3, 0)


def test_no_sensitive_count_is_known_within_one():
    width, given_away = narrowest(3, 30, least=10)

    assert given_away == 0
    assert width > 2


def test_the_test_is_not_blind_hiding_the_small_alone_gives_them_away():
    def hides_the_small_alone(counts, *, least):
        return tuple(None if 0 < count < least else count for count in counts)

    _, given_away = narrowest(3, 26, rule=hides_the_small_alone)

    assert given_away > 100


def test_the_test_is_not_blind_an_order_by_size_is_read_backwards():
    def absorbs_the_smallest(counts, *, least):
        order = np.argsort(np.argsort(np.array(counts), kind="stable"))[None, :]
        return told(counts, order=order, least=least)

    _, given_away = narrowest(4, 24, rule=absorbs_the_smallest)

    assert given_away > 0


def test_a_row_without_small_counts_is_told_whole():
    assert told((0, 5, 12, 0)) == (0, 5, 12, 0)


def test_a_row_that_cannot_be_closed_tells_nothing():
    assert told((1, 2, 3)) == (None, None, None)


def test_zeros_of_a_row_that_tells_others_are_told():
    assert told((0, 3, 40, 50, 60))[0] == 0


def a_table(seed, n_rows=9, n_parts=7):
    """Simulated counts, seeded."""
    counts = np.random.default_rng(seed).negative_binomial(0.7, 0.05, (n_rows, n_parts))
    rows, parts = [f"row {n}" for n in range(n_rows)], [f"part {n}" for n in range(n_parts)]
    return counts, split.order_of(rows, parts)


@pytest.mark.parametrize("seed", range(20))
def test_every_row_and_column_of_known_total_is_closed_or_tells_nothing(seed):
    counts, order = a_table(seed)

    hidden = split.hidden_entries(
        counts, order=order, row_total_is_told=np.ones(9, dtype=bool), part_total_is_told=np.ones(7, dtype=bool)
    )

    lines = [*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)]
    assert 0 < hidden.sum() < hidden.size
    assert all(split.is_closed(line, mask) or mask.all() for line, mask in lines)
    assert not ((counts > 0) & (counts < LEAST_COUNT) & ~hidden).any()


def test_what_is_hidden_one_level_up_stays_hidden():
    counts, order = a_table(3)
    may_tell = np.ones(counts.shape, dtype=bool)
    may_tell[:, 2] = False

    hidden = split.hidden_entries(
        counts,
        order=order,
        row_total_is_told=np.ones(9, dtype=bool),
        part_total_is_told=np.arange(7) != 2,
        may_tell=may_tell,
    )

    assert hidden[:, 2].all()


def test_the_order_looks_at_names_alone_and_differs_from_row_to_row():
    order = split.order_of(["a", "b", "c"], ["x", "y", "z", "w"])

    assert sorted(order.ravel().tolist()) == list(range(12))
    assert len({tuple(np.argsort(row)) for row in order}) > 1
    assert (order == split.order_of(["a", "b", "c"], ["x", "y", "z", "w"])).all()
