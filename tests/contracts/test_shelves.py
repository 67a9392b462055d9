"""What every shelf of territories and score runs does, whatever holds its catalogue."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import shapely
from polars.testing import assert_frame_equal

from geodata.columns import PLACES
from geodata.errors import InvalidTerritory
from riskmap.errors import DamagedStore, UnknownTerritoryName
from riskmap.ports import Store
from tests.contracts.store_builders import (
    NOW,
    a_score_run,
    a_territory,
    expected_incidents,
)

# the territory shelf


def test_a_territory_comes_back_as_it_was_saved(store: Store):
    territory = a_territory()

    store.territories.save(territory)
    found = store.territories.load("town")

    assert_frame_equal(found.region_table, territory.region_table)
    assert_frame_equal(found.places, territory.places)
    assert [shapely.to_wkb(shape) for shape in found.regions.geometry] == [
        shapely.to_wkb(shape) for shape in territory.regions.geometry
    ]
    assert found.regions.crs == territory.regions.crs
    assert (found.name, found.names, found.zone, found.origin) == (
        "town",
        territory.names,
        "Asia/Almaty",
        territory.origin,
    )
    assert (found.basemap, found.is_simulated, found.official) == (territory.basemap, True, {"year": 2023})


def test_a_territory_read_back_and_saved_again_is_the_same_on_disk(store: Store, tmp_path: Path):
    store.territories.save(a_territory())
    before = {path.name: path.read_bytes() for path in (tmp_path / "territories/town").iterdir()}

    store.territories.save(store.territories.load("town"))

    assert {path.name: path.read_bytes() for path in (tmp_path / "territories/town").iterdir()} == before


def test_saving_replaces_a_territory_and_leaves_no_old_file(store: Store, tmp_path: Path):
    store.territories.save(a_territory())

    store.territories.save(a_territory(places=PLACES.empty(), zone="Asia/Aqtau"))

    assert store.territories.load("town").zone == "Asia/Aqtau"
    assert store.territories.load("town").places.is_empty()
    assert len(list((tmp_path / "territories/town").iterdir())) == 4


def test_a_territory_being_replaced_is_the_old_one_until_its_head_is_written(store: Store, tmp_path: Path):
    store.territories.save(a_territory())
    folder = tmp_path / "territories/town"
    old_head = (folder / "territory.json").read_bytes()
    old_files = {path: path.read_bytes() for path in folder.iterdir()}
    store.territories.save(a_territory(places=PLACES.empty()))
    for path, content in old_files.items():
        path.write_bytes(content)
    (folder / "territory.json").write_bytes(old_head)  # as if killed before the new head

    assert store.territories.load("town").places.height == 1


def test_names_are_listed_in_order(store: Store):
    assert store.territories.names() == []

    for name in ("zhetisu", "almaty", "astana_2026"):
        store.territories.save(a_territory(name))

    assert store.territories.names() == ["almaty", "astana_2026", "zhetisu"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "Almaty", "алматы", "a" * 41, "a b", "a.b"])
def test_a_name_that_cannot_name_a_folder_is_refused(store: Store, name: str):
    with pytest.raises(InvalidTerritory, match="small Latin letters"):
        store.territories.save(a_territory(name))
    with pytest.raises(UnknownTerritoryName):
        store.territories.load(name)


def test_an_unknown_territory_is_answered_with_the_known_ones(store: Store):
    store.territories.save(a_territory("almaty"))

    with pytest.raises(UnknownTerritoryName, match="known here: almaty"):
        store.territories.load("astana")


def test_outlines_in_metres_are_refused(store: Store):
    territory = a_territory()

    with pytest.raises(InvalidTerritory, match="4326"):
        store.territories.save(replace(territory, regions=territory.regions.to_crs(3857)))


@pytest.mark.parametrize("pattern", ["territory.json", "regions-*", "places-*", "basemap-*"])
def test_a_damaged_territory_is_told(store: Store, tmp_path: Path, pattern: str):
    store.territories.save(a_territory())
    (file,) = (tmp_path / "territories/town").glob(pattern)

    file.write_bytes(b"{")
    with pytest.raises(DamagedStore, match="town is missing or changed"):
        store.territories.load("town")


# score runs


def test_the_latest_score_run_comes_back_with_its_frame(store: Store):
    store.scores.save(a_score_run("run1"), expected_incidents(1))
    saved = store.scores.save(a_score_run("run0", created_at=NOW + timedelta(hours=1)), expected_incidents(2))

    found = store.scores.latest("town")

    assert found is not None
    assert found[0] == saved
    assert_frame_equal(found[1], expected_incidents(2))
    assert store.scores.latest("village") is None
    with store.work() as work:
        assert work.score_runs.find("run0") == saved
        assert work.score_runs.find("run2") is None


def test_a_score_run_saved_again_replaces_its_frame_and_file(store: Store, tmp_path: Path):
    store.scores.save(a_score_run(), expected_incidents(1))

    store.scores.save(a_score_run(), expected_incidents(2))

    found = store.scores.latest("town")
    assert found is not None
    assert_frame_equal(found[1], expected_incidents(2))
    assert len(list((tmp_path / "scores/town").iterdir())) == 1


def test_a_score_run_whose_file_is_lost_is_told(store: Store, tmp_path: Path):
    saved = store.scores.save(a_score_run(), expected_incidents())

    (tmp_path / saved.path).unlink()

    with pytest.raises(DamagedStore, match="Score it again"):
        store.scores.latest("town")


def test_a_run_id_that_could_leave_its_folder_is_refused(store: Store):
    with pytest.raises(ValueError, match="cannot identify a score run"):
        store.scores.save(a_score_run("../run"), expected_incidents())
