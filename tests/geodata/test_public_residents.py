"""Residents of areas in a release: whole areas alone, told to tens."""

import polars as pl

from geodata import hexgrid, public_partition
from geodata.columns import PUBLIC_PLACES

CELLS = hexgrid.parse_cells(pl.Series(["8920047a553ffff", "8920047a54fffff", "8920047a543ffff"]))[0]


def areas(**cells):
    ids = [(place, "area", "east", 2026, ";".join(hexgrid.cell_ids(CELLS[own]))) for place, own in cells.items()]
    return pl.DataFrame([("town", "territory", None, None, None), *ids], schema=PUBLIC_PLACES.schema, orient="row")


def test_residents_of_an_area_are_those_of_its_cells_to_tens():
    grid = pl.DataFrame({"public_cell": CELLS, "residents": [101, 203, 9]})

    found = public_partition.residents(areas(first=[0, 1], second=[2]), grid)

    assert found.rows() == [("first", 300), ("second", 10)]


def test_an_area_with_a_cell_that_is_no_longer_published_has_no_residents_told():
    grid = pl.DataFrame({"public_cell": CELLS[:2], "residents": [101, 203]})

    found = public_partition.residents(areas(first=[0, 1], second=[1, 2]), grid)

    assert found["place_id"].to_list() == ["first"]
