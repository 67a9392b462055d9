"""What a model may learn from, and that nothing in the pipeline goes around the gate."""

import ast
import copy
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import hexgrid
from geodata.errors import UnexpectedColumns
from geodata.offences import ALL, CODES, OFFENCE_GROUPS
from models import training
from models.errors import UnguardedIncidents
from models.history import History
from models.kernels import Kernels
from models.training import Reason, TrainingIncidents, admit
from riskmap.pipeline import scoring
from tests.builders import an_incident, incidents

ROOT = Path(__file__).resolve().parents[2]
START, END = date(2026, 3, 1), date(2026, 4, 1)
NOT_REPORTED = sorted(group.code for group in OFFENCE_GROUPS if not group.is_reported_by_victims)


def one_of_each_group(**given) -> pl.DataFrame:
    return incidents(*(an_incident(offence_group=group.code, **given) for group in OFFENCE_GROUPS))


def test_the_table_of_groups_holds_some_that_patrols_discover():
    assert NOT_REPORTED == ["drugs", "public_order_found", "weapons"]


@pytest.mark.parametrize("group", NOT_REPORTED)
def test_a_group_that_victims_do_not_report_is_never_learnt_from(group):
    found = admit(incidents(an_incident(offence_group=group), an_incident(), an_incident(offence_group=group)))

    assert found.rows["offence_group"].to_list() == ["theft"]
    assert found.excluded.rows() == [(group, "discovery_driven", 2)]


def test_every_group_is_either_learnt_from_or_left_out_for_one_reason():
    found = admit(one_of_each_group())

    reasons = dict(found.excluded.select("offence_group", "reason").rows())
    assert set(found.rows["offence_group"]) | set(reasons) == CODES
    assert set(found.rows["offence_group"]) & set(reasons) == set()
    assert reasons == {
        "fraud": "no_place",
        **dict.fromkeys(NOT_REPORTED, "discovery_driven"),
        **dict.fromkeys(("sexual", "domestic", "minors", "hate", "homicide"), "sensitive"),
        **dict.fromkeys(("other", "unclassified"), "unclassified"),
    }


def test_what_is_learnt_from_follows_the_table_of_groups():
    allowed = {group.code for group in OFFENCE_GROUPS if training.reason_of_group(group) is None}

    assert allowed == {group.code for group in OFFENCE_GROUPS if group.is_mappable}


def test_a_row_without_a_place_is_left_out_and_counted_in_its_own_group():
    found = admit(incidents(an_incident(lat=None, lng=None), an_incident(offence_group="drugs", lat=None, lng=None)))

    assert found.rows.is_empty()
    assert found.excluded.rows() == [("drugs", "discovery_driven", 1), ("theft", "no_place", 1)]


@pytest.mark.parametrize("group", [None, "moon_landing", "Drugs"])
def test_a_group_nobody_has_judged_counts_as_unclassified(group):
    frame = incidents(an_incident()).with_columns(offence_group=pl.lit(group, dtype=pl.String))

    found = admit(frame)

    assert found.rows.is_empty()
    assert found.excluded.rows() == [(group or "unclassified", "unclassified", 1)]


@pytest.mark.parametrize("code", ["ст.296 ч.1", "ҚР ҚК 296-бабының 1-бөлігі", "2960"])
def test_a_mapping_that_calls_a_discovered_offence_theft_opens_no_door(code):
    found = admit(incidents(an_incident(offence_code=code), an_incident(offence_code="ст.188 ч.1")))

    assert found.rows["offence_code"].to_list() == ["ст.188 ч.1"]
    assert found.excluded.rows() == [("theft", "discovery_driven", 1)]


def test_elsewhere_the_same_number_is_no_article():
    found = admit(incidents(an_incident(offence_code="2960", time_zone="America/Chicago")))

    assert found.rows.height == 1


def test_deliveries_without_a_category_are_let_in_and_counted():
    found = admit(incidents(an_incident(offence_group="unspecified"), an_incident()))

    assert (found.rows.height, found.unspecified) == (2, 1)


@given(st.lists(st.tuples(st.sampled_from([*sorted(CODES), None, "new"]), st.booleans()), max_size=40))
def test_every_row_is_learnt_from_or_counted_as_left_out(rows):
    columns = {"offence_group": pl.String, "cell": pl.UInt64, "occurred_on": pl.Date}
    given_rows = [(group, 7 if has_place else None, START) for group, has_place in rows]
    frame = pl.DataFrame(given_rows, schema=columns, orient="row")

    found = admit(frame)

    assert found.rows.height + found.excluded["rows"].sum() == frame.height
    assert found.rows["cell"].null_count() == 0
    assert set(found.excluded["reason"]) <= {reason.value for reason in Reason}


def test_admitted_rows_keep_their_order_and_all_their_columns():
    frame = incidents(an_incident(line=9), an_incident(offence_group="drugs"), an_incident(line=3))

    found = admit(frame)

    assert found.rows.columns == frame.columns
    assert found.rows["line"].to_list() == [9, 3]


def test_a_frame_without_what_the_gate_asks_for_is_refused():
    with pytest.raises(UnexpectedColumns, match="offence_group is missing"):
        admit(incidents(an_incident()).drop("offence_group"))


def test_incidents_to_learn_from_cannot_be_put_together_by_hand():
    frame = incidents(an_incident(offence_group="drugs"))

    with pytest.raises(UnguardedIncidents, match=r"training\.admit"):
        TrainingIncidents(frame, frame)


def test_nothing_can_be_put_into_them_later():
    found = admit(incidents(an_incident()))

    found.rows.extend(incidents(an_incident(offence_group="drugs")))
    copied = copy.copy(found)

    assert found.rows["offence_group"].to_list() == copied.rows["offence_group"].to_list() == ["theft"]
    with pytest.raises(AttributeError):
        found.rows = incidents(an_incident(offence_group="drugs"))


def test_rows_before_a_day_are_still_guarded():
    found = admit(incidents(an_incident(occurred_on=START), an_incident(occurred_on=END)))

    earlier = found.before(END)

    assert isinstance(earlier, TrainingIncidents)
    assert earlier.rows["occurred_on"].to_list() == [START]


def test_a_history_of_all_groups_holds_what_was_admitted_and_no_more():
    found = admit(one_of_each_group(occurred_on=START))
    cells = np.unique(found.rows["cell"].to_numpy())

    everything = found.history(cells, start=START, end=END)
    drugs = found.history(cells, start=START, end=END, group="drugs")

    assert everything.counts(START, END).sum() == found.rows.height
    assert drugs.counts(START, END).sum() == 0


def a_store(frame: pl.DataFrame) -> SimpleNamespace:
    """A store of which only the lake is asked."""
    return SimpleNamespace(lake=SimpleNamespace(read=lambda _territory: frame))


def test_the_pipeline_learns_from_nothing_but_admitted_incidents():
    frame = one_of_each_group(occurred_on=START)

    usable = scoring.usable_incidents(a_store(frame), SimpleNamespace(name="town"))

    assert set(usable["offence_group"]) == set(admit(frame).rows["offence_group"])


def test_histories_made_of_a_raw_record_still_hold_no_offence_that_patrols_discover():
    frame = pl.concat([one_of_each_group(occurred_on=START)] * 3)
    kernels = Kernels(hexgrid.with_ring(frame["cell"].drop_nulls().unique().to_numpy()))

    histories = scoring.histories_of(frame, kernels, start=START, end=END)

    assert not set(histories) & set(NOT_REPORTED)
    assert histories[ALL].counts(START, END).sum() == admit(frame).rows.height


def _calls(path: Path, name: str) -> set[str]:
    """Functions of a module that call something of this name."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text if name in text else "")
    return {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and f".{ast.unparse(node.func)}".endswith(f".{name}")
    }


def callers_in(room: str, name: str) -> set[tuple[str, str]]:
    paths = sorted((ROOT / room).rglob("*.py"))
    return {(path.relative_to(ROOT).as_posix(), function) for path in paths for function in _calls(path, name)}


def test_the_service_makes_histories_in_two_places_only():
    # The second forecasts files of outsiders by their own categories; none of it reaches a score run or a release.
    assert callers_in("riskmap", "from_incidents") <= {
        ("riskmap/pipeline/scoring.py", "history_of"),
        ("riskmap/pipeline/outside_backtest.py", "_histories"),
    }
    assert callers_in("riskmap", "History") == set()


def test_scoring_and_publication_read_the_lake_only_through_the_gate():
    # `score` counts what is left out; nothing it reads itself is learnt from.
    assert _calls(ROOT / "riskmap/pipeline/scoring.py", "lake.read") == {"usable_incidents", "score"}
    # A release counts all that was registered; what its classes rest on comes through the gate.
    assert _calls(ROOT / "riskmap/pipeline/publication.py", "lake.read") == {"_with_cells"}
    assert _calls(ROOT / "riskmap/pipeline/publication.py", "scoring.usable_incidents") == {"publish"}
    assert "usable_incidents" in _calls(ROOT / "riskmap/pipeline/scoring.py", "training.admit")


def test_a_history_says_nothing_of_groups_so_the_gate_has_to_stand_before_it():
    assert "offence_group" not in History.__slots__
