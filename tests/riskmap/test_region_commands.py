"""Commands about region outlines, as an operator types them."""

import json
import shutil
from datetime import date
from functools import partial
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from riskmap import commands, wording
from riskmap.assembly import open_store
from riskmap.errors import ExitStatus
from riskmap.settings import Settings
from tests.typed_commands import typed

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "kz"
OWN_WEST, OWN_EAST = shapely.box(76.80, 43.15, 76.90, 43.35), shapely.box(76.90, 43.15, 77.00, 43.35)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An installation with the built-in territory, to copy."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RISKMAP_DATA", str(folder / "data"))
        assert commands.main(["migrate"]) == 0
    return folder / "data"


@pytest.fixture
def run(made, tmp_path, monkeypatch, capsys):
    shutil.copytree(made, tmp_path / "data")
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return partial(typed, capsys)


@pytest.fixture
def territory(tmp_path):
    """The built-in territory as it is stored now."""

    def load():
        store = open_store(Settings.from_environment({"RISKMAP_DATA": str(tmp_path / "data")}))
        try:
            return store.territories.load("kazakhstan")
        finally:
            store.close()

    return load


@pytest.fixture
def file(tmp_path):
    def write(*rows, name="division.geojson"):
        features = [
            {"type": "Feature", "properties": row, "geometry": shapely.geometry.mapping(shape)} for row, shape in rows
        ]
        path = tmp_path / name
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        return path

    return write


def district(code, **properties):
    return {"kato": code, "name_kk": "Ауданы", "name_ru": "Район", "name_en": "District", **properties}


def test_districts_are_stored_beside_the_regions_which_stay(run, territory, file):
    before = territory()
    path = file((district("751110000"), OWN_WEST), (district("751210000"), OWN_EAST))

    answer = run("regions", "load", path, "--json")

    after = territory()
    assert answer.status == ExitStatus.DONE
    assert (answer.data["has_new_regions"], answer.data["levels"]) == (False, {"city_district": 2})
    assert after.regions.geometry.geom_equals(before.regions.geometry).all()
    assert after.divisions["region_id"].to_list() == ["751110000", "751210000"]
    assert set(after.divisions["parent_id"]) == {"750000000"}
    assert after.divisions.geometry[0].equals(OWN_WEST)
    assert after.origin == before.origin


def test_a_second_file_adds_to_the_first_and_replaces_its_own_codes(run, territory, file):
    run("regions", "load", file((district("751110000"), OWN_WEST), (district("751210000"), OWN_EAST)))

    answer = run(
        "regions", "load", file((district("751110000"), OWN_EAST), (district("711110000"), OWN_WEST)), "--json"
    )

    stored = territory().divisions
    assert answer.data["divisions"] == 3
    assert stored["region_id"].to_list() == ["711110000", "751110000", "751210000"]
    assert stored.geometry[1].equals(OWN_EAST)


def test_former_outlines_do_not_become_the_regions_of_today(run, territory, file):
    before = territory()
    former = {"kato": "630000000", "name_ru": "ВКО до деления", "valid_to": "2022-06-07"}

    answer = run("regions", "load", file((former, shapely.box(76.0, 46.0, 87.0, 51.5))), "--json")

    after = territory()
    assert (answer.status, answer.data["has_new_regions"]) == (ExitStatus.DONE, False)
    assert after.regions.geometry.geom_equals(before.regions.geometry).all()
    assert after.divisions_on(date(2022, 6, 7))["name_ru"].to_list() == ["ВКО до деления"]
    assert len(after.divisions_on(date(2022, 6, 8))) == 0


def test_regions_of_a_day_are_not_all_of_ours_and_are_refused(run, territory, file):
    before = territory()

    answer = run("regions", "load", file((district("110000000"), shapely.box(66, 50, 74, 54))))

    assert answer.status == ExitStatus.BAD_INPUT
    assert "needs its own 20 KATO codes" in answer.err
    assert len(territory().divisions) == len(before.divisions) == 0


def test_a_territory_stored_before_there_were_divisions_is_read_without(made, territory, run):
    head = json.loads((made / "territories" / "kazakhstan" / "territory.json").read_text(encoding="utf-8"))

    assert "divisions.geojson" not in head["files"]
    assert run("migrate").status == ExitStatus.DONE
    assert len(territory().divisions) == 0


def test_a_check_tells_every_fault_stores_nothing_and_says_so_by_its_status(run, territory, file):
    bow = shapely.Polygon([(76.8, 43.1), (76.9, 43.2), (76.9, 43.1), (76.8, 43.2)])
    path = file(
        (district("751110000"), OWN_WEST),
        (district("751110000"), OWN_EAST),
        (district("751210000"), shapely.Point(76.9, 43.2)),
        (district("631000200"), OWN_EAST),
        ({"name_ru": "без кода"}, OWN_EAST),
        (district("751310000", name_en=None), bow),
        (district("991100000"), shapely.box(10, 10, 11, 11)),
    )

    answer = run("regions", "check", path, "--json")

    found = answer.data
    assert answer.status == ExitStatus.BAD_INPUT
    assert found["is_usable"] is False
    assert found["doubled"] == ["751110000"]
    assert found["refused"] == {"751210000": "Point"}
    assert found["unlevelled"] == ["631000200"]
    assert found["uncoded"] == [5]
    assert found["repaired"] == {"751310000": "Self-intersection"}
    assert found["nameless"] == [["751310000", ["en"]]]
    assert found["without_parent"] == ["991100000"]
    assert len(territory().divisions) == 0


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ((district("751110000"), shapely.Point(76.9, 43.2)), "is drawn as Point"),
        (({"name_ru": "без кода"}, OWN_EAST), "features 2 have no code"),
        ((district("631000200"), OWN_EAST), "the level of 631000200 is not known"),
        ((district("751210000"), OWN_EAST), "codes 751210000 stand at several features"),
    ],
)
def test_what_a_check_refuses_a_load_refuses_too(run, territory, file, feature, message):
    path = file((district("751210000"), OWN_WEST), feature)

    checked, loaded = run("regions", "check", path), run("regions", "load", path)

    assert checked.status == loaded.status == ExitStatus.BAD_INPUT
    assert message in loaded.err
    assert len(territory().divisions) == 0


def test_a_clean_file_is_called_clean(run, file):
    path = file((district("991110000", level="region"), OWN_WEST), (district("991210000", level="region"), OWN_EAST))

    answer = run("regions", "check", path)

    assert answer.status == ExitStatus.DONE
    assert wording.in_language("en").text("cli.regions.clean") in answer.out


def test_a_check_against_a_territory_that_is_not_there_says_so(run, file):
    answer = run("regions", "check", file((district("751110000"), OWN_WEST)), "--territory", "nowhere")

    assert answer.status == ExitStatus.NOTHING_THERE


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_both_commands_tell_the_same_findings_in_each_language(run, file, language):
    overlapping = shapely.box(76.85, 43.15, 77.00, 43.35)
    path = file((district("751110000"), OWN_WEST), (district("751210000"), overlapping))
    words = wording.in_language(language)

    answers = [run("regions", action, path, "--language", language) for action in ("check", "load")]

    begins = words.text("cli.regions.overlap", names="|", area="|").split("|")[0]
    told = [[line for line in answer.out.splitlines() if line.startswith(begins)] for answer in answers]
    assert len(told[0]) == 1
    assert told[0] == told[1]
    assert all(code in told[0][0] for code in ("751110000", "751210000"))


def test_people_are_told_ten_findings_of_a_kind_and_how_many_more_there_are(run, file):
    rows = [(district(f"75{n}10000", name_kk=None), OWN_WEST) for n in range(11, 24)]

    answer = run("regions", "check", file(*rows), "--json")

    assert len(answer.data["nameless"]) == 13
    assert answer.out.count("Not named in all three languages") == 10
    assert wording.in_language("en").text("cli.regions.more", n=3) in answer.out


def test_a_geopackage_is_taken_in_like_a_geojson_file(run, territory, tmp_path):
    frame = gpd.GeoDataFrame(
        {"kato": [751110000], "name_ru": ["Район"], "valid_from": ["2022-01-01"]}, geometry=[OWN_WEST], crs=4326
    )
    frame.to_file(tmp_path / "division.gpkg", driver="GPKG")

    answer = run("regions", "load", tmp_path / "division.gpkg")

    stored = territory().divisions
    assert answer.status == ExitStatus.DONE
    assert stored["region_id"].to_list() == ["751110000"]
    assert stored["valid_from"].to_list() == [date(2022, 1, 1)]


def test_the_real_outlines_replace_the_regions_and_stand_in_the_division(run, territory):
    path = SHARED / "kz_oblasts.geojson"
    if not path.is_file():
        pytest.skip("shared data are not here")
    before = territory()

    loaded = run("regions", "load", path, "--json")
    districts = run("regions", "load", SHARED / "city_districts_almaty_astana.geojson", "--json")

    after = territory()
    assert loaded.data["has_new_regions"] is True
    assert not after.regions.geometry.geom_equals(before.regions.geometry).all()
    assert districts.data["levels"] == {"city_district": 14}
    assert len(after.divisions_on(date(2026, 1, 1))) == 34
    assert {"711410000", "751710000"} <= {share["region_id"] for share in districts.data["outside_parent"]}
