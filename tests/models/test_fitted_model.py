import ast
import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidModelData
from models.fitted_model import MOST_ARRAYS, FittedModel, Manifest

ROOT = Path(__file__).resolve().parents[2]
PICKLES = {"pickle", "_pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}


def a_manifest(**changed: Any) -> Manifest:
    fields: dict[str, Any] = {
        "model": "eb",
        "version": "1",
        "territory": "town",
        "offence_group": "theft",
        "as_of": date(2026, 10, 1),
        "window_start": date(2023, 10, 1),
        "window_end": date(2026, 10, 1),
        "deliveries": ("3f2a", "77c1"),
        "parameters": {"half_life_days": 730.0, "bandwidth_m": 400, "terms": ["a", "b"], "level": None},
        "libraries": {"numpy": "2.4.6"},
        "n_cells": 3,
        "resolution": 9,
        "created_at": datetime(2026, 10, 2, 3, 4, 5, 678, tzinfo=UTC),
    }
    return Manifest(**{**fields, **changed})


def test_a_manifest_comes_back_from_its_json():
    manifest = a_manifest()

    read = Manifest.from_json(json.loads(json.dumps(manifest.as_json())))

    assert read == manifest


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), plain))
def test_any_plain_parameters_come_back_exactly(parameters):
    manifest = a_manifest(parameters=parameters)

    read = Manifest.from_json(json.loads(json.dumps(manifest.as_json())))

    assert repr(read.parameters) == repr(parameters)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1: "a"}, {"a"}, np.int64(3), np.zeros(2), date(2026, 1, 1), b"x", "\ud800"],
    ids=repr,
)
def test_a_parameter_that_json_cannot_hold_is_refused_by_its_name(value):
    with pytest.raises(InvalidModelData, match=r"parameters\.inner\[0\]"):
        a_manifest(parameters={"inner": [value]})


def test_parameters_nested_without_end_are_refused():
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(InvalidModelData, match="nested deeper"):
        a_manifest(parameters={"inner": endless})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "../eb"),
        ("model", ""),
        ("offence_group", "Theft"),
        ("territory", None),
        ("as_of", "2026-10-01"),
        ("as_of", datetime(2026, 10, 1, tzinfo=UTC)),
        ("as_of", date(2026, 9, 30)),
        ("window_start", date(2026, 10, 1)),
        ("deliveries", ["3f2a"]),
        ("deliveries", (1,)),
        ("libraries", {"numpy": 2}),
        ("parameters", [1]),
        ("n_cells", 0),
        ("n_cells", True),
        ("resolution", 16),
        ("created_at", date(2026, 10, 1)),
        ("created_at", datetime(2026, 10, 1, tzinfo=UTC).replace(tzinfo=None)),
        ("schema", 2),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_its_name(field, value):
    with pytest.raises(InvalidModelData, match=field):
        a_manifest(**{field: value})


def test_a_moment_of_another_zone_is_kept_in_utc():
    manifest = a_manifest(created_at=datetime(2026, 10, 2, 5, 0, tzinfo=timezone(timedelta(hours=5))))

    assert manifest.as_json()["created_at"] == "2026-10-02T00:00:00+00:00"


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.pop("deliveries"),
        lambda found: found.update(author="somebody"),
        lambda found: found.update(as_of="20261001"),
        lambda found: found.update(as_of=5),
        lambda found: found.update(created_at="yesterday"),
        lambda found: found.update(deliveries="3f2a"),
    ],
)
def test_json_that_is_no_manifest_is_refused(change):
    found = a_manifest().as_json()
    change(found)

    with pytest.raises(InvalidModelData):
        Manifest.from_json(found)


def test_arrays_are_copied_and_cannot_be_written_to():
    given_array = np.array([1.0, 2.0])

    model = FittedModel(manifest=a_manifest(), arrays={"shape": given_array})
    given_array[0] = 5.0

    assert model.arrays["shape"].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        model.arrays["shape"][0] = 5.0


def test_a_later_change_of_what_was_given_does_not_reach_the_parameters():
    terms = ["a"]
    manifest = a_manifest(parameters={"terms": terms})

    terms.append("b")

    assert manifest.parameters == {"terms": ["a"]}


def test_the_order_of_bytes_and_of_memory_makes_no_difference():
    plainly = np.arange(6.0).reshape(2, 3)

    odd = FittedModel(manifest=a_manifest(), arrays={"a": np.asfortranarray(plainly.astype(">f8"))})

    assert odd.arrays["a"].dtype.str == "<f8"
    assert odd.arrays["a"].tobytes() == plainly.tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}], dtype=object),
        np.array(["text"]),
        np.zeros(2, np.float32),
        np.zeros(2, [("a", "f8")]),
        np.array(1.0),
        np.zeros((1, 1, 1, 1)),
        [1.0, 2.0],
    ],
    ids=lambda array: str(getattr(array, "dtype", "list")),
)
def test_an_array_of_another_kind_is_refused_by_its_name(array):
    with pytest.raises(InvalidModelData, match="odd_one"):
        FittedModel(manifest=a_manifest(), arrays={"odd_one": array})


@pytest.mark.parametrize("name", ["../up", "Upper", "", "a.b", "a" * 41, "ә", 7])
def test_a_name_that_cannot_name_a_file_is_refused(name):
    with pytest.raises(InvalidModelData, match="cannot name an array"):
        FittedModel(manifest=a_manifest(), arrays={name: np.zeros(1)})


def test_too_many_arrays_are_refused():
    arrays = {f"a{number}": np.zeros(1) for number in range(MOST_ARRAYS + 1)}

    with pytest.raises(InvalidModelData, match="201 arrays"):
        FittedModel(manifest=a_manifest(), arrays=arrays)


@pytest.mark.parametrize(
    "cells",
    [np.array([1, 2], np.uint64), np.array([1, 3, 2], np.uint64), np.array([1, 2, 2], np.uint64), np.arange(3)],
)
def test_cells_that_are_not_the_support_are_refused(cells):
    with pytest.raises(InvalidModelData, match="3 different uint64 cells"):
        FittedModel(manifest=a_manifest(), arrays={"cells": cells})


def imported(source: str) -> set[str]:
    """First parts of every dotted name a source imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_nothing_in_models_or_the_service_knows_pickle():
    paths = [path for room in ("models", "riskmap", "geodata") for path in (ROOT / room).rglob("*.py")]

    knowing = {path.name for path in paths if imported(path.read_text(encoding="utf-8")) & PICKLES}

    assert len(paths) > 100
    assert knowing == set()


def test_an_import_of_pickle_would_be_found():
    assert imported("import os\nfrom joblib.memory import Memory\n") & PICKLES == {"joblib"}


def test_no_call_allows_pickled_arrays():
    paths = [path for room in ("models", "riskmap", "geodata") for path in (ROOT / room).rglob("*.py")]

    allowing = {
        path.name
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False"
    }

    assert allowing == set()
