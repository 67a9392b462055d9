import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import hexgrid
from models.risk_class import RiskClass
from riskmap import disk, release
from riskmap.errors import CannotWrite, DamagedRelease, NoRelease
from tests.release_builder import a_release, fine_and_coarse_cells


def test_a_release_is_read_back_as_it_was_written(tmp_path):
    release_id, is_new = release.write(tmp_path, *a_release(period=("2025-10-01", "2026-10-01")))

    opened = release.read(tmp_path, "toy")

    assert is_new
    assert opened.release_id == release_id
    assert opened.period == (date(2025, 10, 1), date(2026, 10, 1))
    assert opened.groups == ("all", "theft")
    assert opened.cells.tolist() == fine_and_coarse_cells().tolist()
    assert [area.area_id for area in opened.areas] == ["toy", "d1", "d2"]


def test_the_same_content_published_again_changes_nothing(tmp_path):
    manifest, files = a_release()
    first, _ = release.write(tmp_path, {**manifest, "published_at": "2026-11-01T10:00:00"}, files)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "toy" / first).iterdir()}

    second, is_new = release.write(tmp_path, {**manifest, "published_at": "2026-11-02T10:00:00"}, files)

    assert (second, is_new) == (first, False)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "toy" / first).iterdir()} == before


def test_other_content_has_another_id_and_becomes_the_latest(tmp_path):
    first, _ = release.write(tmp_path, *a_release())
    second, _ = release.write(tmp_path, *a_release(classes={"all": [5, 5, 5], "theft": [1, 1, 1]}))

    assert first != second
    assert release.latest_id(tmp_path, "toy") == second
    assert release.read(tmp_path, "toy", first).release_id == first


@pytest.mark.parametrize("name", ["cells.bin", "classes-all.bin", "areas.json", "areas.bin"])
def test_a_changed_file_is_noticed(tmp_path, name):
    release_id, _ = release.write(tmp_path, *a_release())
    path = tmp_path / "toy" / release_id / name
    path.write_bytes(path.read_bytes()[:-1] + b"\x09")

    with pytest.raises(DamagedRelease, match=name):
        release.read(tmp_path, "toy")


def test_a_missing_file_is_noticed(tmp_path):
    release_id, _ = release.write(tmp_path, *a_release())
    (tmp_path / "toy" / release_id / "classes-theft.bin").unlink()

    with pytest.raises(DamagedRelease, match=r"classes-theft\.bin"):
        release.read(tmp_path, "toy")


@pytest.mark.parametrize("name", ["nowhere", "../toy", "", "TOY", "a/b"])
def test_a_place_without_a_release_says_so(tmp_path, name):
    release.write(tmp_path, *a_release())

    with pytest.raises(NoRelease):
        release.read(tmp_path, name)


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    in_the_way = tmp_path / "releases"
    in_the_way.write_text("a file where a folder should be")

    with pytest.raises(CannotWrite, match="Free space there"):
        release.write(in_the_way, *a_release())

    assert in_the_way.read_text() == "a file where a folder should be"


def test_a_failed_write_leaves_no_half_release(tmp_path, monkeypatch):
    def broken(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk.os, "fsync", broken)
    with pytest.raises(CannotWrite, match="No space left"):
        release.write(tmp_path, *a_release())

    assert list((tmp_path / "toy").iterdir()) == []


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_cells_survive_their_binary_form(numbers):
    cells = np.array(sorted(set(numbers)), dtype=np.uint64)

    assert release.decode_cells(release.encode_cells(cells)).tolist() == cells.tolist()


@given(st.binary(max_size=64))
def test_bytes_that_are_no_cells_are_refused_or_read_in_full(data):
    try:
        cells = release.decode_cells(data)
    except DamagedRelease:
        return
    assert release.encode_cells(cells) == data


def test_a_cell_is_found_by_itself_and_by_its_children(tmp_path):
    release.write(tmp_path, *a_release())
    opened = release.read(tmp_path, "toy")
    coarse = next(c for c in fine_and_coarse_cells() if hexgrid.resolution_of(np.array([c])) == 8)
    (lat,), (lng,) = hexgrid.centres(np.array([coarse]))

    found = opened.find(hexgrid.cell_at(lat, lng, resolution=10))

    assert found is not None
    assert found.cell_id == f"{int(coarse):x}"


def test_a_cell_far_away_is_not_covered(tmp_path):
    release.write(tmp_path, *a_release())
    far = hexgrid.cell_at(51.1, 71.4, resolution=9)

    assert release.read(tmp_path, "toy").find(far) is None


def test_nothing_public_about_a_cell_is_a_number(tmp_path):
    release_id, _ = release.write(tmp_path, *a_release())
    opened = release.read(tmp_path, "toy")

    cell = opened.cell_at(0)

    assert set(cell.classes.values()) <= set(RiskClass)
    listed = json.loads((tmp_path / "toy" / release_id / "manifest.json").read_bytes())["files"]
    assert all(release.PUBLIC_FILES.fullmatch(name) for name in listed)


def test_a_changed_manifest_is_noticed(tmp_path):
    release_id, _ = release.write(tmp_path, *a_release())
    path = tmp_path / "toy" / release_id / "manifest.json"
    path.write_text(path.read_text().replace('"sure": 0.95', '"sure": 0.55'))

    with pytest.raises(DamagedRelease, match="manifest"):
        release.read(tmp_path, "toy")
