"""Fitted models on the shelf: what comes back is what was saved, or a refusal that says why."""

import hashlib
import io
import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from geodata.errors import InvalidTerritory
from models.fitted_model import FittedModel, Manifest
from models.shrinkage import FittedEmpiricalBayes
from riskmap.errors import CannotWrite, DamagedModel, NoModel
from riskmap.model_port import ModelShelf
from riskmap.settings import REPOSITORY
from riskmap.store.model_shelf import FolderModels
from tests.models.test_fitted_model import a_manifest


def a_model(manifest: Manifest | None = None, *, seed: int = 1) -> FittedModel:
    """Simulated numbers, as a small model has them."""
    rng = np.random.default_rng(seed)
    arrays = {
        "cells": np.array([5, 7, 2**63 + 1], np.uint64),
        "shape": rng.gamma(1.0, size=3),
        "weights": rng.normal(size=(3, 2)),
        "window": np.array([-1, 3]),
        "is_told": np.array([True, False, True]),
    }
    return FittedModel(manifest=manifest or a_manifest(), arrays=arrays)


def same(one: FittedModel, other: FittedModel) -> bool:
    """Whether two models are equal, byte by byte."""
    is_alike = [
        (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        for a, b in zip(one.arrays.values(), other.arrays.values(), strict=True)
    ]
    return one.manifest == other.manifest and list(one.arrays) == list(other.arrays) and all(is_alike)


@pytest.fixture
def shelf(tmp_path):
    return FolderModels(tmp_path)


def forged(folder: Path, model_id: str, change: Any) -> str:
    """Changes a saved model and makes all checksums fit again, as somebody with access to the folder could."""
    kept = folder / "town" / model_id
    change(kept)
    head = json.loads((kept / "manifest.json").read_bytes())
    if isinstance(head, dict) and isinstance(head.get("files"), dict):
        for name in head["files"]:
            if name.endswith(".npy") and (kept / name).is_file():
                data = (kept / name).read_bytes()
                head["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    content = json.dumps(head).encode()
    (kept / "manifest.json").write_bytes(content)
    new_id = f"{model_id[:-64]}{hashlib.sha256(content).hexdigest()}"
    kept.rename(kept.with_name(new_id))
    return new_id


def in_manifest(**changed: Any) -> Any:
    """A change of some entries of a manifest."""

    def change(kept: Path) -> None:
        head = json.loads((kept / "manifest.json").read_bytes())
        (kept / "manifest.json").write_text(json.dumps({**head, **changed}))

    return change


def in_array(content: bytes) -> Any:
    """A change of one array's file."""
    return lambda kept: (kept / "shape.npy").write_bytes(content)


def npy(array: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.save(packed, array, allow_pickle=True)
    return packed.getvalue()


# ---- What comes back ----


def test_a_shelf_on_disk_is_what_the_use_cases_ask_for(shelf):
    asked: ModelShelf = shelf

    assert asked.history("town", "theft") == ()


numbers = st.sampled_from(["<f8", "<i8", "<u8", "|b1"]).flatmap(
    lambda dtype: arrays_of.arrays(np.dtype(dtype), arrays_of.array_shapes(min_dims=1, max_dims=3, min_side=0))
)


@settings(max_examples=40)
@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True).filter(lambda n: n != "cells"), numbers))
def test_what_is_loaded_is_bit_by_bit_what_was_saved(tmp_path_factory, arrays):
    shelf = FolderModels(tmp_path_factory.mktemp("models"))
    model = FittedModel(manifest=a_manifest(), arrays=arrays)

    loaded = shelf.load("town", shelf.save(model))

    assert same(loaded, model)


def test_a_restored_posterior_makes_the_same_forecast(shelf):
    fitted = FittedEmpiricalBayes(shape=np.random.default_rng(1).gamma(0.3, size=3), rate_days=731.25)
    manifest = a_manifest(parameters={"rate_days": fitted.rate_days})
    shelf.save(FittedModel(manifest=manifest, arrays={"shape": fitted.shape}))

    kept = shelf.current("town", "theft").model
    restored = FittedEmpiricalBayes(shape=kept.arrays["shape"], rate_days=kept.manifest.parameters["rate_days"])

    assert restored.expected_incidents(30).tobytes() == fitted.expected_incidents(30).tobytes()
    assert restored.interval(30).high.tolist() == fitted.interval(30).high.tolist()


def test_the_model_saved_last_is_current_and_the_others_are_history(shelf):
    first = shelf.save(a_model(a_manifest(version="1")))
    second = shelf.save(a_model(a_manifest(version="2")))
    shelf.save(a_model(a_manifest(offence_group="robbery")))

    current = shelf.current("town", "theft")

    assert (current.model_id, current.model.manifest.version, current.refused) == (second, "2", ())
    assert [one.model_id for one in shelf.history("town", "theft")] == [first, second]
    assert shelf.current_or_last_good("town", "theft").model_id == second


def test_equal_content_has_an_equal_id_and_is_listed_once(shelf):
    first = shelf.save(a_model(a_manifest(version="1")))
    shelf.save(a_model(a_manifest(version="2")))

    again = shelf.save(a_model(a_manifest(version="1")))

    assert again == first
    assert [one.model_id for one in shelf.history("town", "theft")][-1] == first
    assert len(shelf.history("town", "theft")) == 2


def test_what_was_never_saved_is_said_to_be_missing(shelf):
    shelf.save(a_model())

    for ask in (shelf.current, shelf.current_or_last_good):
        with pytest.raises(NoModel, match="score the territory"):
            ask("town", "robbery")
    with pytest.raises(NoModel):
        shelf.load("town", f"theft-2026-10-01-{'0' * 64}")


@pytest.mark.parametrize("name", ["../town", "theft-2026-10-01-" + "0" * 63, ""])
def test_an_id_that_is_none_reaches_no_file(shelf, name):
    with pytest.raises(NoModel):
        shelf.load("town", name)


def test_a_territory_that_cannot_name_a_folder_is_refused(shelf):
    with pytest.raises(InvalidTerritory):
        shelf.save(a_model(a_manifest(territory="../town")))
    with pytest.raises(InvalidTerritory):
        shelf.load("..", f"theft-2026-10-01-{'0' * 64}")


def test_sweeping_leaves_the_models_saved_last(shelf, tmp_path):
    ids = [shelf.save(a_model(a_manifest(version=str(number)))) for number in range(4)]
    other = shelf.save(a_model(a_manifest(offence_group="robbery")))

    removed = shelf.sweep("town", "theft", keep=2)

    assert removed == 2
    assert [one.model_id for one in shelf.history("town", "theft")] == ids[2:]
    assert {path.name for path in (tmp_path / "town").iterdir() if path.is_dir()} == {*ids[2:], other}
    with pytest.raises(ValueError, match="nothing to serve"):
        shelf.sweep("town", "theft", keep=0)


# ---- What is refused ----


def test_any_changed_byte_of_any_file_is_refused_and_the_last_good_model_is_served(shelf, tmp_path):
    first = shelf.save(a_model(a_manifest(version="1")))
    second = shelf.save(a_model(a_manifest(version="2"), seed=2))
    tried = 0

    for path in sorted((tmp_path / "town" / second).iterdir()):
        whole = path.read_bytes()
        for position in range(0, len(whole), 1 if path.suffix == ".json" else 7):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x41]) + whole[position + 1 :])
            with pytest.raises(DamagedModel, match="changed"):
                shelf.load("town", second)
            tried += 1
        served = shelf.current_or_last_good("town", "theft")
        assert served.model_id == first
        assert [one.model_id for one in served.refused] == [second]
        assert "changed" in served.refused[0].why
        path.write_bytes(whole)

    assert tried > 1000
    assert same(shelf.load("town", second), a_model(a_manifest(version="2"), seed=2))


@given(st.data())
@settings(max_examples=60)
def test_any_flipped_bit_of_the_pointer_is_refused_and_the_latest_whole_model_is_served(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("models")
    shelf = FolderModels(folder)
    model_id = shelf.save(a_model())
    pointer = folder / "town" / "theft.current.json"
    whole = bytearray(pointer.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    pointer.write_bytes(whole)

    served = shelf.current_or_last_good("town", "theft")

    assert (served.model_id, [one.model_id for one in served.refused]) == (model_id, ["theft.current.json"])
    with pytest.raises(DamagedModel):
        shelf.current("town", "theft")


def test_a_pointer_written_in_another_way_is_refused_even_if_it_says_the_same(shelf, tmp_path):
    shelf.save(a_model())
    pointer = tmp_path / "town" / "theft.current.json"
    pointer.write_bytes(pointer.read_bytes() + b" ")

    with pytest.raises(DamagedModel, match="changed"):
        shelf.current("town", "theft")


def test_saving_after_the_pointer_was_damaged_lists_the_whole_models_anew(shelf, tmp_path):
    first = shelf.save(a_model(a_manifest(version="1")))
    (tmp_path / "town" / "theft.current.json").write_text("{}")

    second = shelf.save(a_model(a_manifest(version="2")))

    assert [one.model_id for one in shelf.history("town", "theft")] == [first, second]


def test_a_missing_pointer_is_told_and_the_model_served(shelf, tmp_path):
    model_id = shelf.save(a_model())
    (tmp_path / "town" / "theft.current.json").unlink()

    served = shelf.current_or_last_good("town", "theft")

    assert served.model_id == model_id
    assert "missing" in served.refused[0].why


def test_a_damaged_model_is_made_whole_by_saving_it_again(shelf, tmp_path):
    model_id = shelf.save(a_model())
    (tmp_path / "town" / model_id / "shape.npy").unlink()

    shelf.save(a_model())

    assert same(shelf.load("town", model_id), a_model())


def test_a_file_cut_short_a_missing_one_and_one_that_grew_are_told_apart(shelf, tmp_path):
    model_id = shelf.save(a_model())
    path = tmp_path / "town" / model_id / "shape.npy"
    whole = path.read_bytes()

    for content, words in ((whole[:-8], "cut short"), (whole + bytes(8), "too large"), (None, "missing")):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(DamagedModel, match=f"shape.npy is {words}"):
            shelf.load("town", model_id)


def test_when_nothing_can_be_trusted_it_is_said_why(shelf, tmp_path):
    for version in ("1", "2"):
        model_id = shelf.save(a_model(a_manifest(version=version)))
        (tmp_path / "town" / model_id / "shape.npy").unlink()

    with pytest.raises(DamagedModel, match=r"None of 2 models.*shape\.npy is missing"):
        shelf.current_or_last_good("town", "theft")


def test_a_file_that_no_manifest_names_is_refused(shelf, tmp_path):
    model_id = shelf.save(a_model())
    (tmp_path / "town" / model_id / "model.pkl").write_bytes(pickle.dumps({"a": 1}))

    with pytest.raises(DamagedModel, match=r"'model\.pkl', which is not in its manifest"):
        shelf.load("town", model_id)


class Dangerous:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def test_a_pickle_inside_an_array_is_refused_and_never_run(shelf, tmp_path):
    mark = tmp_path / "it_ran"
    content = npy(np.array([Dangerous(mark)], dtype=object))
    model_id = forged(tmp_path, shelf.save(a_model()), in_array(content))

    with pytest.raises(DamagedModel, match="pickled objects"):
        shelf.load("town", model_id)

    assert not mark.exists()
    np.load(io.BytesIO(content), allow_pickle=True)
    assert mark.exists()  # the same bytes would have run elsewhere


HEAD = npy(np.zeros(3))[:128]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (in_manifest(schema=2), "schema 2, and this program reads 1"),
        (in_manifest(territory="city"), "of territory 'city' and lies under 'town'"),
        (in_manifest(offence_group="robbery"), "it is of 'robbery'"),
        (in_manifest(as_of="2026-10-05"), "as of 2026-10-05"),
        (in_manifest(n_cells=4), "expected 4 different uint64 cells"),
        (in_manifest(author="me"), "author"),
        (in_manifest(files=["shape.npy"]), "list of files"),
        (in_manifest(files={"../shape.npy": {"bytes": 1, "sha256": ""}}), "list of files"),
        (in_manifest(files={"other.npy": {"bytes": -1, "sha256": ""}}), "list of files"),
        (in_array(pickle.dumps([1.0])), "no array of numbers"),
        (in_array(b""), "no array of numbers"),
        (in_array(npy(np.zeros(3, np.float32))), "holds float32"),
        (in_array(npy(np.asfortranarray(np.zeros((2, 2))))), "holds float64"),
        (in_array(npy(np.array(1.0))), "0 dimensions"),
        (in_array(npy(np.zeros(3))[:-8]), "16 bytes of numbers"),
        (in_array(HEAD.replace(b"(3,), }", b"(-3,),}") + bytes(24)), "bytes of numbers"),
        (in_array(HEAD.replace(b"(3,), }  ", b"(1<<9,),}") + bytes(24)), "no array of numbers"),
        (in_array(b"\x93NUMPY\x02\x00" + HEAD[8:] + bytes(24)), "another version"),
        (in_array(npy(np.array([True]))[:-1] + b"\x02"), "neither 0 nor 1"),
        (lambda kept: (kept / "manifest.json").write_text("[1]"), "not a JSON object"),
        (lambda kept: (kept / "manifest.json").write_text('{"a": ' * 9), "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_forged_with_fitting_checksums_is_refused_all_the_same(shelf, tmp_path, change, words):
    model_id = shelf.save(a_model())
    try:
        model_id = forged(tmp_path, model_id, change)
    except ValueError:  # no JSON any more: only the id is made to fit
        kept = tmp_path / "town" / model_id
        own = hashlib.sha256((kept / "manifest.json").read_bytes()).hexdigest()
        model_id = kept.rename(kept.with_name(model_id[:-64] + own)).name

    with pytest.raises(DamagedModel) as refused:
        shelf.load("town", model_id)

    assert words in str(refused.value)
    assert str(refused.value).endswith(("from a backup.", "Update riskmap."))


def test_a_model_moved_to_another_territory_is_refused(shelf, tmp_path):
    model_id = shelf.save(a_model())
    shutil.copytree(tmp_path / "town", tmp_path / "city")

    with pytest.raises(DamagedModel, match="'town' and lies under 'city'"):
        shelf.load("city", model_id)
    with pytest.raises(DamagedModel, match="'town' and 'theft'"):
        shelf.current("city", "theft")


def test_links_and_folders_in_place_of_files_are_refused(shelf, tmp_path):
    model_id = shelf.save(a_model())
    path = tmp_path / "town" / model_id / "shape.npy"
    aside = path.rename(tmp_path / "aside.npy")

    path.symlink_to(aside)
    with pytest.raises(DamagedModel, match="cannot be opened"):
        shelf.load("town", model_id)
    path.unlink()
    path.mkdir()
    with pytest.raises(DamagedModel, match="is no file"):
        shelf.load("town", model_id)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(DamagedModel, match="is no file"):
        shelf.load("town", model_id)


def test_a_model_larger_than_the_shelf_keeps_is_neither_saved_nor_read(shelf, tmp_path):
    model_id = shelf.save(FittedModel(manifest=a_manifest(), arrays={"shape": np.zeros(20_000)}))
    narrow = FolderModels(tmp_path, most_bytes=1000)

    with pytest.raises(DamagedModel, match="at most 1000"):
        narrow.load("town", model_id)
    with pytest.raises(CannotWrite, match="at most 1000"):
        narrow.save(FittedModel(manifest=a_manifest(), arrays={"shape": np.zeros(20_000)}))


def test_a_huge_manifest_is_not_read(shelf, tmp_path):
    model_id = shelf.save(a_model())
    (tmp_path / "town" / model_id / "manifest.json").write_bytes(b" " * (1 << 21))

    with pytest.raises(DamagedModel, match="too large"):
        shelf.load("town", model_id)


# ---- Ended in the middle ----


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """How many steps a save has that nobody kills."""
    folder = tmp_path_factory.mktemp("whole")
    FolderModels(folder).save(a_model(a_manifest(version="1")))
    done = _save_and_die(folder, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("part", range(4))
def test_a_killed_save_leaves_the_earlier_model_current(tmp_path, steps, part):
    step = random.Random(f"ci {part}").randrange(1 + part * steps // 4, (part + 1) * steps // 4)

    _kill_and_check(tmp_path, step)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(100))
def test_wherever_a_save_is_killed_the_earlier_model_or_the_later_is_current(tmp_path, steps, part):
    step = random.Random(part).randrange(1 + part * steps // 100, 1 + (part + 1) * steps // 100)

    _kill_and_check(tmp_path, step)


def _kill_and_check(folder: Path, step: int) -> None:
    shelf, earlier, later = (
        FolderModels(folder),
        a_model(a_manifest(version="1")),
        a_model(a_manifest(version="2"), seed=2),
    )
    shelf.save(earlier)

    killed = _save_and_die(folder, step)
    served = shelf.current_or_last_good("town", "theft")

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert served.refused == ()
    assert same(served.model, earlier) or same(served.model, later)
    again = shelf.save(later)
    assert same(shelf.current("town", "theft").model, later)
    left = {path.name for path in (folder / "town").iterdir()}
    assert {name for name in left if name.startswith(".unfinished-")} == set()
    assert again in left


def _save_and_die(folder: Path, step: int) -> "subprocess.CompletedProcess[str]":
    script = Path(__file__).with_name("save_model_and_die.py")
    return subprocess.run(
        [sys.executable, str(script), str(folder), str(step)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_history_tells_when_each_model_was_made(shelf):
    manifest = a_manifest()
    shelf.save(a_model(manifest))

    (line,) = shelf.history("town", "theft")

    assert (line.as_of, line.created_at) == (date(2026, 10, 1), manifest.created_at)
