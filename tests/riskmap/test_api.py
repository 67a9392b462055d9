"""The public API answers from releases only, in one shape, and never with a number about a hexagon."""

import json
import re
import shutil

import numpy as np
import polars as pl
import pytest

from geodata import hexgrid
from geodata.columns import PUBLIC_COUNTS
from models.risk_class import RiskClass
from riskmap import release, wording
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient
from tests.release_builder import a_release, fine_and_coarse_cells

CELL_ID = re.compile(r"\b8[0-9a-f]{14}\b")
CELL_KEYS = {"ok", "cell", "territory", "release", "is_simulated", "has_rates", "period", "classes", "area"}


@pytest.fixture
def root(tmp_path):
    release.write(tmp_path, *a_release())
    return tmp_path


@pytest.fixture
def client(root):
    return PublicClient(releases=root)


@pytest.fixture
def everything(installation):
    return PublicClient(releases=installation.releases)


def cell_ids():
    return hexgrid.cell_ids(fine_and_coarse_cells())


def coarse_cell():
    return next(cell for cell in fine_and_coarse_cells() if hexgrid.resolution_of(np.array([cell])) == 8)


def require_refusal(answer, status, sentence):
    assert answer.status_code == status
    assert answer.json() == {"ok": False, "error": sentence, "status": status}


def test_health_lists_the_territories_that_have_a_release(client):
    answer = client.get("/api/v1/health")

    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert answer.json()["releases"] == ["toy"]


def test_health_answers_before_anything_is_published(tmp_path):
    answer = PublicClient(releases=tmp_path / "nothing").get("/api/v1/health")

    assert (answer.status_code, answer.json()["releases"]) == (200, [])


def test_the_release_list_describes_each_and_its_files_can_be_fetched(client):
    (described,) = client.get("/api/v1/release").json()["releases"]

    assert (described["territory"], described["is_simulated"], described["cells"]) == ("toy", True, 3)
    assert described["period"] == {"from": "2025-10-01", "to": "2026-10-01"}
    assert [client.get(address).status_code for address in described["files"]] == [200] * len(described["files"])
    assert any(address.endswith("/cells.bin") for address in described["files"])


def test_the_release_of_one_territory_is_asked_for_by_name(everything):
    (described,) = everything.get("/api/v1/release", territory=COUNTRY).json()["releases"]

    assert (described["territory"], described["areas"], described["cells"]) == (COUNTRY, 21, 0)


def test_a_cell_is_answered_with_its_class_in_words_and_its_area(client):
    answer = client.get(f"/api/v1/cells/{cell_ids()[0]}", lang="en").json()

    assert answer["classes"]["all"]["class"] in {risk_class.name.lower() for risk_class in RiskClass}
    assert set(answer["classes"]) == {"all", "theft"}
    assert answer["area"]["name"].startswith("District")
    assert set(answer) == CELL_KEYS


def test_a_child_cell_is_answered_by_the_hexagon_that_holds_it(client):
    (lat,), (lng,) = hexgrid.centres(np.array([coarse_cell()]))

    answer = client.get(f"/api/v1/cells/{hexgrid.cell_at(lat, lng, resolution=11)}").json()

    assert answer["cell"] == f"{int(coarse_cell()):x}"


def test_capital_letters_in_a_cell_are_understood(client):
    assert client.get(f"/api/v1/cells/{cell_ids()[0].upper()}").json()["cell"] == cell_ids()[0]


@pytest.mark.parametrize("asked", ["zzz", "0", "12", "ffffffffffffffff", "8921538235bfff", "%F0%9F%92%A5", "-1"])
@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_what_is_no_cell_is_refused_in_the_language_asked_for(client, asked, language):
    sentence = wording.in_language(language).text("api.bad_cell")

    require_refusal(client.get(f"/api/v1/cells/{asked}", lang=language), 400, sentence)


def test_a_cell_far_away_is_not_covered(client):
    far = hexgrid.cell_at(-33.9, 18.4, resolution=9)

    for parameters in ({"lang": "ru"}, {"lang": "ru", "territory": "toy"}):
        answer = client.get(f"/api/v1/cells/{far}", **parameters)
        require_refusal(answer, 404, wording.in_language("ru").text("grey.not_covered.long"))


@pytest.mark.parametrize("name", ["nowhere", "../toy", "TOY"])
@pytest.mark.parametrize("address", ["release", "cells/8920000f48fffff"])
def test_a_territory_without_a_release_is_refused(client, name, address):
    answer = client.get(f"/api/v1/{address}", territory=name)

    require_refusal(answer, 404, wording.in_language("kk").text("api.no_release"))


@pytest.mark.parametrize("asked", ["xx", "", "kk'", "12"])
def test_a_broken_language_is_answered_in_kazakh(client, asked):
    kazakh = client.get(f"/api/v1/cells/{cell_ids()[0]}", lang="kk").json()

    assert client.get(f"/api/v1/cells/{cell_ids()[0]}", lang=asked).json() == kazakh
    assert kazakh["area"]["name"].endswith("ауданы")


@pytest.mark.parametrize("address", ["", "cells", "cell/1", "releases", "../../riskmap.db"])
def test_an_address_that_does_not_exist_says_which_do(client, address):
    answer = client.get(f"/api/v1/{address}", lang="en")

    assert answer.status_code == 404
    if answer.headers["content-type"] == "application/json":
        require_refusal(answer, 404, wording.in_language("en").text("api.not_found"))
        assert "/api/v1/cells/" in answer.json()["error"]


def test_a_damaged_release_is_called_that_without_naming_files(root, client):
    (classes,) = (root / "toy").glob("2*/classes-all.bin")
    classes.write_bytes(b"\x05\x05\x05")

    answer = client.get(f"/api/v1/cells/{cell_ids()[0]}", territory="toy", lang="ru")

    require_refusal(answer, 503, wording.in_language("ru").text("error.damaged_release"))


def test_a_damaged_release_does_not_silence_the_others(root, client):
    release.write(root, *a_release(territory="broken"))
    (classes,) = (root / "broken").glob("2*/classes-all.bin")
    classes.write_bytes(b"")

    assert client.get("/api/v1/health").status_code == 200
    assert client.get(f"/api/v1/cells/{cell_ids()[0]}", territory="toy").status_code == 200
    assert client.get(f"/api/v1/cells/{cell_ids()[0]}").json()["territory"] == "toy"
    assert [one["territory"] for one in client.get("/api/v1/release").json()["releases"]] == ["toy"]


def test_a_fault_nobody_foresaw_gives_a_reference_and_no_detail(root, client, caplog):
    (manifest,) = (root / "toy").glob("2*/manifest.json")
    manifest.write_text(json.dumps({k: v for k, v in json.loads(manifest.read_text()).items() if k != "has_rates"}))

    answer = client.get(f"/api/v1/cells/{cell_ids()[0]}", territory="toy", lang="en")

    assert answer.status_code in (500, 503)
    assert set(answer.json()) == {"ok", "error", "status"}
    assert not re.search(r"has_rates|KeyError|Traceback|manifest|/tmp", answer.text)
    if answer.status_code == 500:
        (reference,) = re.findall(r"\b[0-9a-f]{8}\b", answer.json()["error"])
        assert reference in caplog.text


def test_answers_may_be_read_by_other_sites(client):
    for address in ("/api/v1/health", "/api/v1/cells/zzz"):
        assert client.get(address).headers["access-control-allow-origin"] == "*"


def leaves(value, path=()):
    """Every value at the end of a branch of JSON, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, (*path, "[]"))
    else:
        yield path, value


def some_cells(opened, per_class=2):
    codes = opened.classes["theft"]
    positions = [i for code in np.unique(codes) for i in np.flatnonzero(codes == code)[:per_class]]
    return [opened.cell_at(int(position)) for position in positions]


def test_an_answer_about_a_hexagon_holds_no_number_but_those_of_its_area(everything, installation):
    for cell in some_cells(installation.release()):
        answer = everything.get(f"/api/v1/cells/{cell.cell_id}", lang="en").json()

        numbers = {path for path, value in leaves(answer) if type(value) in (int, float)}
        assert numbers <= {("area", "total")}
        assert set(answer) == CELL_KEYS
        assert all(set(told) == {"class", "heading", "sentences"} for told in answer["classes"].values())


def test_digits_in_the_sentences_about_a_hexagon_are_dates_and_the_rule(everything, installation):
    opened = installation.release()
    rule = {str(round(100 * opened.manifest["class_rule"][name])) for name in ("sure", "likely", "margin")} | {"100"}

    for cell in some_cells(opened):
        answer = everything.get(f"/api/v1/cells/{cell.cell_id}", lang="ru").json()
        for told in answer["classes"].values():
            text = re.sub(r"\d{2}\.\d{2}\.\d{4}", "", " ".join([told["heading"], *told["sentences"]]))
            assert set(re.findall(r"\d+", text)) <= rule


@pytest.mark.parametrize("territory", [CITY, COUNTRY])
def test_no_public_file_says_a_number_about_a_hexagon(installation, territory):
    opened = installation.release(territory)

    for path in sorted(opened.folder.iterdir()):
        assert release.PUBLIC_FILES.fullmatch(path.name)
        if path.name == "objects.geojson":
            told = [one["properties"] for one in json.loads(path.read_text())["features"]]
            of_cells = [one for one in told if CELL_ID.findall(json.dumps(one))]
            assert {one["kind"] for one in of_cells} == {"accident"}
            assert {(one["low"], one["high"]) for one in of_cells} <= {(5, 9), (10, 19), (20, None)}
        elif path.suffix in (".json", ".geojson"):
            assert not CELL_ID.findall(path.read_text())
        elif path.name.startswith("classes-"):
            codes = np.frombuffer(path.read_bytes(), dtype=np.uint8)
            assert codes.size == opened.cells.size
            assert set(np.unique(codes)) <= {int(code) for code in RiskClass}
        elif path.name == "counts.csv":
            counts = pl.read_csv(path, schema=PUBLIC_COUNTS.schema)
            of_cells = counts.filter(pl.col("place_id").str.contains(CELL_ID.pattern))
            assert set(of_cells["kind"]) == {"band"}
            assert int((of_cells["high"] - of_cells["low"]).min()) >= 4
        elif path.suffix == ".csv":
            assert path.name in (
                "places.csv",
                "crosswalk.csv",
                "residents.csv",
                "off_map.csv",
                "gazetteer.csv",
                "survey.csv",
            )
        elif path.name == "areas.bin":
            assert int(opened.cell_area.max()) < len(opened.areas)
            assert path.stat().st_size == 2 * opened.cells.size
        else:
            assert path.name == "cells.bin"
            assert path.stat().st_size == 8 + 8 * opened.cells.size


def test_no_list_in_a_public_file_has_an_entry_for_each_hexagon(installation):
    opened = installation.release()
    sizes = {opened.cells.size, *np.unique(opened.cell_area, return_counts=True)[1].tolist()}

    def lengths(value):
        if isinstance(value, list | dict):
            yield len(value)
            for inner in value.values() if isinstance(value, dict) else value:
                yield from lengths(inner)

    for name in ("manifest.json", "areas.json", "scorecard.json"):
        assert not sizes & set(lengths(json.loads((opened.folder / name).read_bytes())))


def test_nothing_but_public_files_of_a_release_can_be_fetched(root, tmp_path_factory):
    own = tmp_path_factory.mktemp("own") / "releases"
    shutil.copytree(root, own)
    (folder,) = (own / "toy").glob("2*")
    (folder / "incidents.parquet").write_bytes(b"secret")
    (own.parent / "riskmap.db").write_bytes(b"secret")
    client = PublicClient(releases=own)

    for address in (
        f"/releases/toy/{folder.name}/incidents.parquet",
        f"/releases/toy/{folder.name}/..%2f..%2f..%2friskmap.db",
        "/releases/toy/latest.json",
        "/releases/..%2friskmap.db",
    ):
        answer = client.get(address)
        assert (answer.status_code, b"secret" in answer.content) == (404, False)
    assert client.get(f"/releases/toy/{folder.name}/cells.bin").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/territories/toy/releases?min=5",
        "/api/v1/territories/toy/periods?sort=low",
        "/api/v1/territories/toy/releases?limit=1&limit=2",
        "/api/v1/council/toy?territory=toy",
    ],
)
def test_a_parameter_nothing_answers_to_is_refused_and_the_known_ones_are_named(client, address):
    answer = client.get(address)

    assert (answer.status_code, answer.json()["ok"]) == (400, False)
    assert "lang" in answer.json()["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("address", ["/api/v1/health", "/api/v1/territories/toy/counts", "/api/v1/nothing"])
def test_other_methods_are_refused_in_the_shape_of_all_errors(client, method, address):
    answer = client.ask(address, {"lang": "ru"}, method=method)

    assert (answer.status_code, answer.json()["status"], answer.json()["ok"]) == (405, 405, False)
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_browser_that_asks_beforehand_learns_that_it_may_read(client):
    asked = {"origin": "https://elsewhere.example", "access-control-request-headers": "if-none-match"}

    answer = client.ask("/api/v1/territories/toy/releases", headers=asked, method="OPTIONS")

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "if-none-match"
    assert "GET" in answer.headers["access-control-allow-methods"]


def test_who_takes_no_gzip_gets_none_and_any_known_etag_spares_the_answer(everything):
    address = f"/api/v1/territories/{CITY}/areas"

    plain = everything.ask(address, headers={"accept-encoding": "gzip;q=0"})
    packed = everything.ask(address, headers={"accept-encoding": "br, gzip;q=0.5"})
    known = everything.ask(address, headers={"if-none-match": f'"other", W/{plain.headers["etag"]}'})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert known.status_code == 304
