"""Score runs with their hotspot marks: the same in every store, and old files without any stay readable."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from geodata.columns import CELL_REASONS, EXPECTED_INCIDENTS, HOTSPOT_MARKS
from geodata.errors import UnexpectedColumns
from riskmap.ports import Store
from tests.contracts.store_builders import a_score_run

CELLS = ("89bffff", "89cffff")


def expected():
    """Two cells and the territory, each at two horizons."""
    rows = [
        (kind, area, "all", days, 1.5 * days / 30, 0, 4)
        for days in (30, 90)
        for kind, area in (("cell", CELLS[0]), ("cell", CELLS[1]), ("territory", "town"))
    ]
    return pl.DataFrame(rows, schema=EXPECTED_INCIDENTS.schema, orient="row")


def marks(*, cells=CELLS, lasting=(0.75, None)):
    rows = [(cell, "all", share, share is not None) for cell, share in zip(cells, lasting, strict=True)]
    return pl.DataFrame(rows, schema=HOTSPOT_MARKS.schema, orient="row")


def test_marks_come_back_beside_the_frame_as_they_were_given(store: Store):
    saved = store.scores.save(a_score_run(), expected(), marks())

    run, frame, found = store.scores.latest_marked("town")

    assert run == saved
    assert_frame_equal(frame, expected())
    assert_frame_equal(found, marks())


def test_whoever_asks_for_the_frame_alone_gets_no_marks(store: Store):
    store.scores.save(a_score_run(), expected(), marks())

    assert_frame_equal(store.scores.latest("town")[1], expected())


def test_a_run_saved_without_marks_has_none(store: Store):
    store.scores.save(a_score_run(), expected())

    assert store.scores.latest_marked("town")[2] is None
    assert store.scores.latest_marked("village") is None


def test_marks_of_cells_the_run_does_not_know_are_left_out(store: Store):
    store.scores.save(a_score_run(), expected(), marks(cells=(CELLS[0], "89dffff")))

    assert store.scores.latest_marked("town")[2]["area_id"].to_list() == [CELLS[0]]


def test_marks_of_other_columns_are_refused_and_nothing_is_saved(store: Store):
    with pytest.raises(UnexpectedColumns, match="hotspot marks: column stability is missing"):
        store.scores.save(a_score_run(), expected(), marks().drop("stability"))

    assert store.scores.latest("town") is None


# ---- Reasons of cells ----


def reasons(*, cells=CELLS, group="all"):
    told = [[{"theme": "venues", "presence": "more", "factor": 1.4}], []]
    rows = [(cell, group, one) for cell, one in zip(cells, told, strict=True)]
    return pl.DataFrame(rows, schema=CELL_REASONS.schema, orient="row")


def test_reasons_come_back_for_the_group_asked_for_and_change_nothing_else(store: Store):
    run = store.scores.save(a_score_run(), expected(), marks(), reasons())

    assert_frame_equal(store.scores.reasons(run, "all"), reasons())
    assert store.scores.reasons(run, "theft").is_empty()
    assert_frame_equal(store.scores.latest_marked("town")[1], expected())
    assert_frame_equal(store.scores.latest_marked("town")[2], marks())


def test_a_run_saved_without_reasons_has_none_and_still_opens(store: Store):
    run = store.scores.save(a_score_run(), expected(), marks())

    assert store.scores.reasons(run, "all") is None


def test_reasons_of_cells_the_run_does_not_know_are_left_out(store: Store):
    run = store.scores.save(a_score_run(), expected(), None, reasons(cells=(CELLS[0], "89dffff")))

    assert store.scores.reasons(run, "all")["area_id"].to_list() == [CELLS[0]]


def test_reasons_of_a_run_whose_file_has_been_replaced_are_not_those_of_the_newer_one(store: Store):
    earlier = store.scores.save(a_score_run(), expected(), marks(), reasons())
    store.scores.save(a_score_run(), expected(), marks(lasting=(0.5, 0.5)), reasons())

    assert store.scores.reasons(earlier, "all") is None
