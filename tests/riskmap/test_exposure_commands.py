"""Commands about exposure and surroundings, as an operator types them."""

import json
import shutil
from datetime import date

import numpy as np
import polars as pl
import pytest
from babel.messages import pofile

from geodata import hexgrid
from geodata.public_objects import ObjectFault, ObjectKind
from geodata.surroundings import Measure
from riskmap import assembly, commands, wording
from riskmap.errors import DamagedStore, ExitStatus
from riskmap.pipeline.territories import ensure_kazakhstan
from riskmap.settings import Settings
from riskmap.store.surroundings_shelf import FolderSurroundings
from tests import made_up_town
from tests.made_up_town import LAT, LNG
from tests.osm_builder import a_node, a_way, write_extract
from tests.typed_commands import Answer

TOWN = "smalltown"
GRID = ["--source", "Made up grid", "--dated", "2023-11-01"]
OSM = ["--dated", "2026-01-15"]
OWNER = ["--source", "Made up owner", "--dated", "2026-02-01"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An installation with the small town, whose residents and addresses nobody knows."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RISKMAP_DATA", str(folder))
        settings = Settings.from_environment()
        assembly.migrate(settings)
        store = assembly.open_store(settings)
        ensure_kazakhstan(store)
        store.territories.save(made_up_town.a_territory(residents=None, addresses=None))
        store.close()
    return folder


@pytest.fixture
def data(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "data")
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return tmp_path / "data"


@pytest.fixture
def run(data, capsys):
    def typed(*arguments, town=TOWN):
        capsys.readouterr()
        status = commands.main([*map(str, arguments), "--territory", town])
        return Answer(status, capsys.readouterr())

    return typed


@pytest.fixture
def territory(data):
    def loaded():
        store = assembly.open_store(Settings.from_environment())
        try:
            return store.territories.load(TOWN)
        finally:
            store.close()

    return loaded


@pytest.fixture
def shelf(data):
    return assembly.surroundings_shelf(Settings.from_environment())


@pytest.fixture
def grid(tmp_path):
    """Ten people in each of the hexagons of resolution 8 that hold the town."""
    cells = np.unique(hexgrid.to_parent(made_up_town.town_cells(), 8))
    path = tmp_path / "grid.csv"
    pl.DataFrame({"h3": hexgrid.cell_ids(cells), "population": [70.0] * cells.size}).write_csv(path)
    return path


@pytest.fixture
def extract(tmp_path):
    return write_extract(
        tmp_path / "town.osm.pbf",
        a_node(1, LAT, LNG, highway="bus_stop"),
        a_node(2, LAT + 0.001, LNG, shop="yes"),
        a_node(3, LAT, LNG - 0.005),
        a_node(4, LAT, LNG + 0.005),
        a_node(5, LAT, LNG + 0.001, place="suburb", **{"name": "Самал", "name:ru": "Самал-2"}),
        a_node(6, LAT, LNG + 0.002, shop="yes", name="Жеке дүкен"),
        a_way(1, 3, 4, highway="residential", **{"name": "Абай көшесі", "old_name:ru": "улица Калинина"}),
    )


@pytest.fixture
def cameras(tmp_path):
    path = tmp_path / "cameras.csv"
    path.write_text(f"id,owner,lat,lng\n1,Planted Name,{LAT},{LNG}\n2,Planted Name,50,70\n", encoding="utf-8")
    return path


def test_objects_are_shown_only_with_their_owners_word_and_no_longer_without_it(run, cameras, shelf):
    word = ["--public-by", "Made up council", "--public-on", "2026-02-03"]
    load = ["objects", "load", cameras, "--kind", "camera", *OWNER]

    alone = run(*load, "--json")
    shown_before = shelf.shown(TOWN)
    told = run(*load, *word, "--json")
    (shown,) = shelf.shown(TOWN)
    again = run(*load, *word, "--json")
    listed = run("surroundings", "list", "--json")
    run(*load)

    assert (alone.data["is_public"], shown_before) == (False, [])
    assert (told.data["is_public"], told.data["is_unchanged"]) == (True, False)
    assert (shown.consent.owner, shown.consent.said_on, shown.objects.height) == (
        "Made up council",
        date(2026, 2, 3),
        1,
    )
    assert again.data["is_unchanged"]
    assert listed.data["shown"] == [{"owner": "Made up council", "said_on": "2026-02-03"}]
    assert shelf.shown(TOWN) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--public-by", "Made up council"], "--public-on is missing"),
        (["--public-on", "2026-02-03"], "--public-by is missing"),
        (["--public-by", " ", "--public-on", "2026-02-03"], "The owner"),
        (["--public-by", "Made up council", "--public-on", "2999-01-01"], "still to come"),
    ],
)
def test_half_a_word_of_the_owner_is_refused_and_nothing_is_taken_in(run, cameras, shelf, options, said):
    answer = run("objects", "load", cameras, "--kind", "camera", *OWNER, *options)

    assert answer.status == ExitStatus.BAD_INPUT
    assert said in answer.err
    assert shelf.sources(TOWN).height == 0


def test_residents_are_spread_and_told_with_their_source(run, grid, territory):
    answer = run("exposure", "load", "--population", grid, *GRID, "--licence", "CC BY 4.0")

    places = territory().places
    assert answer.status == 0
    assert set(places["residents"]) == {10}
    assert territory().origin.en.endswith("Residents of cells: Made up grid, CC BY 4.0 (2023-11-01).")
    assert "Cells where residents are known: 127. Residents in them: 1,270" in answer.out
    assert "Inhabited cells the map does not cover" in answer.out


def test_a_newer_grid_takes_the_place_of_the_earlier_sentence(run, grid, territory):
    run("exposure", "load", "--population", grid, *GRID)
    run("exposure", "load", "--population", grid, "--source", "Other. Grid (2020)", "--dated", "2024-01-01")

    for text in (territory().origin.kk, territory().origin.ru, territory().origin.en):
        assert "Made up grid" not in text
        assert text.count("Other. Grid (2020) (2024-01-01).") == 1


def test_addresses_are_counted_and_what_they_leave_out_stays_unknown(run, tmp_path, territory):
    (tmp_path / "addresses.csv").write_text(f"lat,lng,house\n{LAT},{LNG},1\n{LAT},{LNG},2\n", encoding="utf-8")

    answer = run("exposure", "load", "--addresses", tmp_path / "addresses.csv", *GRID, "--json")

    assert sorted(territory().places["addresses"].drop_nulls()) == [2]
    assert answer.data["cells_without_addresses_known"] == 126
    assert territory().places["residents"].null_count() == 127


def test_an_extract_gives_features_with_source_licence_and_date(run, extract, shelf):
    answer = run("surroundings", "load", "--osm", extract, *OSM, "--json")

    features = {(row["feature"], row["measure"]) for row in answer.data["features"]}
    assert answer.status == 0
    assert features == {
        ("stop", "count"),
        ("stop", "distance_m"),
        ("shop", "count"),
        ("shop", "distance_m"),
        ("road_local", "length_m"),
    }
    assert {row["licence"] for row in answer.data["features"]} == {"ODbL 1.0, © OpenStreetMap contributors"}
    assert "bar" in answer.data["unmapped"]
    values = shelf.load(TOWN)
    assert values.filter(feature="stop", measure="count")["value"].sum() == 1
    assert values.filter(feature="bar").height == 0


def test_names_of_streets_and_settlements_are_kept_and_those_of_shops_are_not(run, extract, shelf):
    run("surroundings", "load", "--osm", extract, *OSM)

    names = shelf.names(TOWN)
    assert set(names["name_kk"]) == {"Абай көшесі", "Самал"}
    assert set(names["name_ru"]) == {"Абай көшесі", "Самал-2"}
    assert names.filter(kind="street")["other_names"].to_list() == [["улица Калинина"]]


def test_an_extract_loaded_again_changes_nothing(run, extract, data):
    run("surroundings", "load", "--osm", extract, *OSM)
    before = {path.name: path.read_bytes() for path in (data / "surroundings" / TOWN).iterdir()}

    answer = run("surroundings", "load", "--osm", extract, *OSM, "--json")

    assert answer.data["is_unchanged"]
    assert {path.name: path.read_bytes() for path in (data / "surroundings" / TOWN).iterdir()} == before


def test_a_newer_extract_takes_the_place_of_the_earlier_and_an_older_one_is_refused(run, extract, tmp_path, shelf):
    run("surroundings", "load", "--osm", extract, *OSM)
    newer = write_extract(tmp_path / "newer.osm.pbf", a_node(1, LAT, LNG, amenity="bar"))

    loaded = run("surroundings", "load", "--osm", newer, "--dated", "2026-02-15")
    refused = run("surroundings", "load", "--osm", extract, *OSM)

    assert loaded.status == 0
    assert set(shelf.load(TOWN)["feature"]) == {"bar"}
    assert refused.status == ExitStatus.BAD_INPUT
    assert "dated 2026-02-15 is held already" in refused.err


def test_cells_outside_the_area_of_an_extract_are_unknown(run, extract, tmp_path, shelf):
    ring = [[LNG, LAT - 1], [LNG + 1, LAT - 1], [LNG + 1, LAT + 1], [LNG, LAT + 1], [LNG, LAT - 1]]
    (tmp_path / "east.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}), encoding="utf-8")

    run("surroundings", "load", "--osm", extract, *OSM, "--coverage", tmp_path / "east.geojson")

    counted = shelf.load(TOWN, features=["stop"]).filter(measure="count")
    assert 0 < counted.height < 127
    assert (hexgrid.centres(counted["cell"].to_numpy())[1] > LNG).all()


def test_objects_are_taken_in_and_faulty_rows_told_by_line(run, cameras, shelf):
    answer = run("objects", "load", cameras, "--kind", "camera", *OWNER)

    assert answer.status == 0
    assert "Rows: 2. Accepted: 1. Duplicates: 0. Set aside: 1" in answer.out
    assert "The point lies outside the territory. Rows: 1. Their lines: 3" in answer.out
    assert "Planted" not in answer.out + answer.err
    counted = shelf.load(TOWN, features=["camera"]).filter(measure="count")
    assert counted["value"].sum() == 1


def test_nothing_of_a_delivery_but_kind_and_place_reaches_the_disk(run, cameras, data):
    run("objects", "load", cameras, "--kind", "camera", *OWNER)

    files = [path for path in (data / "surroundings").rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert [path.name for path in files if b"Planted" in path.read_bytes()] == []
    kept = [pl.read_parquet(path) for path in files if path.suffix == ".parquet"]
    assert "Planted Name" not in "".join(frame.write_csv() for frame in kept)


def test_regions_where_an_owner_has_no_object_are_unknown(run, cameras, shelf, territory):
    run("objects", "load", cameras, "--kind", "camera", *OWNER)

    counted = shelf.load(TOWN).filter(measure="count").join(territory().places, on="cell")
    assert set(counted["region_id"]) == {"d2"}


def test_years_of_accidents_may_come_in_any_order(run, tmp_path, shelf):
    def year(number, dated):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"date,casualties,lat,lng\n{number}-05-01,2,{LAT},{LNG}\n", encoding="utf-8")
        return run("objects", "load", path, "--kind", "accident", "--source", "Made up", "--dated", dated)

    first, earlier, again = year(2025, "2026-01-31"), year(2024, "2025-01-31"), year(2025, "2025-12-31")

    assert (first.status, earlier.status) == (0, 0)
    assert again.status == ExitStatus.BAD_INPUT
    assert shelf.load(TOWN).filter(measure="casualties")["value"].sum() == 4


def test_the_list_names_every_feature_with_its_source_and_cells(run, grid, extract, cameras):
    run("exposure", "load", "--population", grid, *GRID)
    run("surroundings", "load", "--osm", extract, *OSM)
    run("objects", "load", cameras, "--kind", "camera", *OWNER)

    answer, listed = run("surroundings", "list"), run("surroundings", "list", "--json").data["features"]

    assert {row["feature"] for row in listed} == {"residents", "stop", "shop", "road_local", "camera"}
    assert all(row["unit"] and row["source"] and row["dated"] and row["cells"] for row in listed)
    assert "Residents, number. Source: Made up grid." in answer.out
    assert "Cells with data: 127" in answer.out


def test_the_list_of_a_territory_without_any_says_so(run):
    assert "Nothing about surroundings has been loaded." in run("surroundings", "list").out


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_command_speaks_every_language(run, grid, extract, cameras, language):
    words = ["--language", language]

    answers = [
        run("exposure", "load", "--population", grid, *GRID, *words),
        run("surroundings", "load", "--osm", extract, *OSM, *words),
        run("objects", "load", cameras, "--kind", "camera", *OWNER, *words),
        run("surroundings", "list", *words),
    ]

    assert [answer.status for answer in answers] == [0, 0, 0, 0]
    assert all(answer.out.strip() for answer in answers)


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_kind_fault_and_measure_has_a_name(language):
    path = assembly.__file__.replace("assembly.py", f"locale/{language}/LC_MESSAGES/riskmap.po")
    with open(path, "rb") as file:
        known = {message.id for message in pofile.read_po(file)}

    wanted = {f"cli.feature.{kind}" for kind in ObjectKind} | {f"cli.measure.{one}" for one in Measure}
    assert wanted | {f"cli.objects.fault.{fault}" for fault in ObjectFault} <= known


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["exposure", "load", *GRID], "--population FILE"),
        (["exposure", "load", "--addresses", "absent.csv", "--source", " ", "--dated", "2023-11-01"], "--source TEXT"),
        (["exposure", "load", "--addresses", "absent.csv", "--source", "x", "--dated", "2999-01-01"], "still to come"),
        (["exposure", "load", "--population", "absent.csv", *GRID], "absent.csv"),
        (["surroundings", "load", "--osm", "absent.osm.pbf", *OSM], "absent.osm.pbf"),
        (["objects", "load", "absent.csv", *OWNER], "absent.csv"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(run, arguments, message):
    answer = run(*arguments)

    assert answer.status == ExitStatus.BAD_INPUT
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("group", [["surroundings", "load", "--osm", "x", *OSM], ["objects", "load", "x", *OWNER]])
def test_a_territory_without_cells_says_what_to_load_first(run, group):
    answer = run(*group, town="kazakhstan")

    assert answer.status == ExitStatus.BAD_INPUT
    assert "python -m riskmap exposure load --territory kazakhstan" in answer.err


def test_a_load_that_fails_leaves_what_was_held(run, extract, tmp_path, shelf):
    run("surroundings", "load", "--osm", extract, *OSM)
    before = shelf.load(TOWN)
    content = extract.read_bytes()
    (tmp_path / "cut.osm.pbf").write_bytes(content[: len(content) // 2])

    answer = run("surroundings", "load", "--osm", tmp_path / "cut.osm.pbf", "--dated", "2026-02-15")

    assert answer.status == ExitStatus.BAD_INPUT
    assert shelf.load(TOWN).equals(before)


@pytest.mark.parametrize("what", ["*.parquet", "surroundings.json"])
def test_changed_files_are_told_as_damage(run, extract, data, shelf, what):
    run("surroundings", "load", "--osm", extract, *OSM)
    for path in (data / "surroundings" / TOWN).glob(what):
        path.write_bytes(path.read_bytes()[:-2])

    with pytest.raises(DamagedStore, match="missing or changed"):
        shelf.load(TOWN)


def test_a_put_that_breaks_off_leaves_the_earlier_delivery(run, extract, data, shelf):
    run("surroundings", "load", "--osm", extract, *OSM)
    before, source_id = shelf.load(TOWN), shelf.sources(TOWN)["source_id"][0]
    held = shelf.find(TOWN, source_id)

    def breaks_off():
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        FolderSurroundings(data / "surroundings").put(TOWN, held, breaks_off())

    assert shelf.load(TOWN).equals(before)
    assert shelf.find(TOWN, source_id).dated == date(2026, 1, 15)
