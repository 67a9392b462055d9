"""Weights from the Criminal Code, sums by cell and area, and what cannot be weighed."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import criminal_code, harm_index
from geodata.errors import UnexpectedColumns
from geodata.harm_index import BASES, SEVERITY_MEDIAN
from geodata.offences import ALL
from tests.builders import an_incident, incidents

DISTRICT = "751110000"
codes = st.sampled_from(["ст.188 ч.1", "191", "106", "293", "ст.250", "nonsense", None])


def an_offence(code, group="theft", **given):
    return an_incident(offence_code=code, offence_group=group, region_id=DISTRICT, **given)


def place_of(index, group=ALL):
    return index.places.row(by_predicate=pl.col("offence_group") == group, named=True)


def test_an_incident_weighs_the_longest_sanction_of_its_part():
    index = harm_index.by_cell(incidents(an_offence("ст.188 ч.1"), an_offence("ст.188 ч.4")))

    assert place_of(index, "theft")["harm_days"] == 3 * 365 + 10 * 365
    assert place_of(index)["harm_days"] == place_of(index, "theft")["harm_days"]
    assert index.unweighed.is_empty()


def test_an_article_without_a_part_weighs_as_its_first():
    named = harm_index.weigh(incidents(an_offence("191", "robbery"), an_offence("ст.191 ч.1", "robbery")))

    assert named["harm_days"].to_list() == [1460.0, 1460.0]
    assert named["harm_basis"].to_list() == ["part_1", "text"]


@pytest.mark.parametrize(("code", "severity"), [("106", "grave"), ("ст.293 ч.2", "medium"), ("293", "minor")])
def test_where_the_sanction_was_not_read_the_median_of_the_severity_class_stands_in(code, severity):
    index = harm_index.by_cell(incidents(an_offence(code, "assault")))

    row = place_of(index)
    assert row["harm_days"] == harm_index.severity_weights()[severity]
    assert (row["weighed"], row["stood_in"]) == (1, 1)


def test_heavier_classes_stand_in_with_heavier_weights():
    weights = harm_index.severity_weights()

    assert [*sorted(weights, key=weights.get)] == list(criminal_code.SEVERITIES)
    # Articles 10 and 11 of the Code: two, five and twelve years at the most.
    assert weights["minor"] <= 730 < weights["medium"] <= 1825 < weights["grave"] <= 4380 < weights["especially_grave"]


@pytest.mark.parametrize(
    ("given_row", "reason"),
    [
        ({"code": "ст.188 ч.1", "time_zone": "America/Chicago"}, "other_law"),
        ({"code": None}, "no_code"),
        ({"code": "moon landing"}, "unknown_article"),
        ({"code": "ст.188 ч.9"}, "no_sanction"),
    ],
)
def test_what_has_no_weight_is_counted_and_told_not_guessed(given_row, reason):
    index = harm_index.by_cell(incidents(an_offence(**given_row), an_offence("ст.188 ч.1")))

    assert index.unweighed.rows() == [("theft", given_row["code"], reason, 1)]
    row = place_of(index)
    assert (row["incidents"], row["weighed"], row["harm_days"]) == (2, 1, 1095.0)


def test_the_weights_of_the_method_page_are_complete_and_say_what_they_rest_on():
    weights = harm_index.weights()

    known = sum(row.harm_days is not None for row in criminal_code.articles().values())
    assert weights.filter(pl.col("harm_basis") != SEVERITY_MEDIAN).height == known
    assert weights.select(pl.col("harm_days", "harm_basis", "source").is_null().any()).row(0) == (False,) * 3
    assert set(weights["harm_basis"]) == set(BASES)
    assert weights["harm_days"].min() > 0


def test_cells_carry_no_sensitive_offence_and_areas_do():
    frame = incidents(an_offence("ст.99 ч.1", "homicide"), an_offence("ст.188 ч.1"))

    cells, areas = harm_index.by_cell(frame), harm_index.by_area(frame)

    assert set(cells.places["offence_group"]) == {ALL, "theft"}
    assert cells.left_out == 1
    assert place_of(areas, "homicide")["harm_days"] == 5475.0
    assert areas.left_out == 0


@pytest.mark.parametrize("index_of", [harm_index.by_cell, harm_index.by_area])
def test_what_patrols_discover_is_in_no_index(index_of):
    index = index_of(incidents(an_offence("ст.296 ч.1", "drugs"), an_offence("ст.188 ч.1")))

    assert set(index.places["offence_group"]) == {ALL, "theft"}
    assert index.left_out == 1


def test_cells_are_refused_where_areas_are_asked_for():
    with pytest.raises(UnexpectedColumns, match="cell is UInt64"):
        harm_index.by_area(incidents(an_offence("ст.188 ч.1")), area="cell")


def test_incidents_without_codes_cannot_be_weighed_at_all():
    with pytest.raises(UnexpectedColumns, match="offence_code is missing"):
        harm_index.by_cell(incidents(an_offence("ст.188 ч.1")).drop("offence_code"))


def test_expected_incidents_are_weighed_by_the_mean_of_those_that_have_a_weight():
    frame = incidents(an_offence("ст.188 ч.1"), an_offence("ст.188 ч.3"), an_offence(None), an_offence(None, "assault"))

    mean = harm_index.by_cell(frame).harm_per_incident()

    assert mean.rows() == [("all", 2, 1825.0), ("theft", 2, 1825.0)]


@given(st.lists(st.tuples(codes, st.sampled_from(["theft", "assault", "drugs", "sexual"])), max_size=30))
def test_every_incident_is_weighed_or_told_or_left_out(rows):
    frame = incidents(*(an_offence(code, group) for code, group in rows))

    for index in (harm_index.by_cell(frame), harm_index.by_area(frame)):
        groups, together = (
            index.places.filter(is_all) for is_all in (pl.col("offence_group") != ALL, pl.col("offence_group") == ALL)
        )
        assert groups["weighed"].sum() + index.unweighed["rows"].sum() + index.left_out == frame.height
        assert groups["harm_days"].sum() == pytest.approx(together["harm_days"].sum())
        assert groups["incidents"].sum() == together["incidents"].sum()
