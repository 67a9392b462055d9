"""Open data follows from a release alone, is safe in spreadsheets, and describes itself."""

import csv
import hashlib
import io
import json

import geopandas as gpd
import polars as pl
import pyarrow.parquet as pq
import pytest

from riskmap import wording
from riskmap.public import open_data
from riskmap.release import CLASS_NAMES
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient


@pytest.fixture(scope="module")
def city(installation):
    return installation.release(CITY)


@pytest.fixture
def client(installation):
    return PublicClient(releases=installation.releases)


def rows_of(release, name):
    text = open_data.content(release, name).decode()
    assert text.startswith(open_data.BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(open_data.BYTE_ORDER_MARK))))


def test_every_row_of_the_published_counts_is_there_and_none_more(city):
    published = pl.read_csv(city.folder / "counts.csv")

    rows = rows_of(city, "counts.csv")

    assert len(rows) == published.height
    assert (
        sum(int(row["low"]) for row in rows if row["status"] == "exact")
        == published.filter(pl.col("low") == pl.col("high"))["low"].sum()
    )
    assert {row["status"] for row in rows} == {"exact", "band", "not_shown"}
    assert all(row["low"] == row["high"] == row["likely_low"] == "" for row in rows if row["status"] == "not_shown")


def test_rows_stand_in_the_order_of_codes_never_of_counts(city):
    rows = rows_of(city, "counts.csv")

    level = [open_data.LEVELS.index(row["level"]) for row in rows]
    places = [(number, row["place_id"]) for number, row in zip(level, rows, strict=True)]
    assert places == sorted(places)
    assert rows_of(city, "cells.csv") == sorted(rows_of(city, "cells.csv"), key=lambda row: int(row["cell_id"], 16))


def test_the_likely_range_of_a_count_holds_it_and_follows_from_it_alone(city):
    found = {}
    for row in rows_of(city, "counts.csv"):
        if row["status"] == "exact":
            assert float(row["likely_low"]) <= int(row["low"]) + 0.5 <= float(row["likely_high"]) + 0.5
            found.setdefault(row["low"], set()).add((row["likely_low"], row["likely_high"]))

    assert all(len(ranges) == 1 for ranges in found.values())


def test_every_count_and_class_can_be_quoted_with_its_release(city):
    for name in ("counts.csv", "regions.csv"):
        assert all(city.release_id in row["citation"] for row in rows_of(city, name))
    assert all(row["release_id"] == city.release_id for row in rows_of(city, "cells.csv"))


def test_a_band_carries_the_class_of_its_hexagon_and_areas_speak_the_same_words(city):
    class_of = {row["cell_id"]: row["class_all"] for row in rows_of(city, "cells.csv")}

    told = {(row["place_id"], row["class"]) for row in rows_of(city, "counts.csv") if row["level"] == "cell"}
    of_regions = {row["class"] for row in rows_of(city, "regions.csv")}

    assert told
    assert all(class_of.get(cell, "") == word for cell, word in told)
    assert of_regions - {""} <= set(CLASS_NAMES.values())
    assert of_regions - {""}


def test_where_a_class_is_empty_for_areas_the_dictionary_says_why(city):
    areas = {row["class"] for row in rows_of(city, "counts.csv") if row["level"] == "area"}
    (meaning,) = {
        row["meaning_en"]
        for row in rows_of(city, "dictionary.csv")
        if (row["file"], row["column"]) == ("counts.csv", "class")
    }

    assert areas == {""}
    assert "Areas within regions and districts have no class in the release" in meaning


def test_cells_carry_classes_in_words_and_no_number(city):
    (*_, row) = rows_of(city, "cells.csv")

    classes = {row[f"class_{group}"] for row in rows_of(city, "cells.csv") for group in city.groups}
    assert classes <= set(CLASS_NAMES.values())
    assert set(row) == {
        "cell_id", "resolution", "lat", "lng", "region_id", "release_id", *(f"class_{group}" for group in city.groups)
    }  # fmt: skip


def test_maps_and_programs_get_the_same_cells(city):
    table = open_data.cells_table(city)
    from_parquet = gpd.read_parquet(io.BytesIO(open_data.content(city, "cells.parquet")))
    from_geojson = json.loads(open_data.content(city, "cells.geojson"))

    assert from_parquet.crs.to_epsg() == 4326
    assert from_parquet["cell_id"].to_list() == table["cell_id"].to_list()
    assert [one["id"] for one in from_geojson["features"]] == table["cell_id"].to_list()
    assert from_parquet.geometry.is_valid.all()
    assert from_geojson["is_simulated"] is True


def test_the_geoparquet_file_says_what_the_standard_asks(city):
    """GeoParquet 1.0: version, primary column, encoding and geometry types in the file's ``geo`` metadata."""
    told = json.loads(pq.read_metadata(io.BytesIO(open_data.content(city, "cells.parquet"))).metadata[b"geo"])

    column = told["columns"][told["primary_column"]]
    assert told["version"].startswith("1.")
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]


@pytest.mark.parametrize("territory", [CITY, COUNTRY])
def test_the_package_lists_every_file_with_its_size_checksum_and_columns(installation, territory):
    release = installation.release(territory)

    package = json.loads(open_data.content(release, "datapackage.json"))

    assert package["$schema"] == open_data.PACKAGE_PROFILE
    assert {one["path"] for one in package["resources"]} == set(open_data.datasets(release)) - {
        "datapackage.json", "SHA256SUMS"
    }  # fmt: skip
    for one in package["resources"]:
        body = open_data.content(release, one["path"])
        assert (one["bytes"], one["hash"]) == (len(body), f"sha256:{hashlib.sha256(body).hexdigest()}")
        if "schema" in one:
            assert [field["name"] for field in one["schema"]["fields"]] == list(rows_of(release, one["path"])[0])
    assert set(package["descriptions"]) == set(wording.LANGUAGES)


def test_the_dictionary_explains_every_column_in_three_languages(city):
    explained = {(row["file"], row["column"]): row for row in rows_of(city, "dictionary.csv")}

    for name in ("regions.csv", "counts.csv", "cells.csv"):
        for column in rows_of(city, name)[0]:
            assert all(explained[name, column][f"meaning_{language}"] for language in wording.LANGUAGES)


def test_checksums_are_those_of_the_files(city):
    lines = open_data.content(city, "SHA256SUMS").decode().splitlines()

    assert len(lines) == len(open_data.datasets(city)) - 1
    for line in lines:
        sha256, name = line.split("  ")
        assert hashlib.sha256(open_data.content(city, name)).hexdigest() == sha256


@pytest.mark.parametrize("text", ["=1+1", "+7", "-1", "@x", "\tx", "\rx"])
def test_a_text_a_spreadsheet_would_calculate_is_shown_as_it_is(text):
    assert open_data.safe(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1.5, 0, None, "Алматы", ""])
def test_numbers_and_plain_words_stay_as_they_are(value):
    assert open_data.safe(value) == value


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_page_names_every_file_the_release_and_what_the_data_cannot_support(client, city, language):
    answer = client.get(f"/data/{CITY}", lang=language)

    assert answer.status_code == 200
    assert all(name in answer.text for name in open_data.datasets(city))
    assert city.release_id in answer.text
    assert wording.in_language(language).text("data.not_for") in answer.text


def test_a_file_has_a_permanent_address_and_latest_leads_there(client, city):
    moved = client.get(f"/data/{CITY}/latest/counts.csv")

    answer = client.get(moved.headers["location"])

    assert moved.status_code == 302
    assert city.release_id in moved.headers["location"]
    assert answer.content == open_data.content(city, "counts.csv")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["access-control-allow-origin"] == "*"
    again = client.ask(moved.headers["location"], headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        f"/data/{CITY}/latest/nothing.csv",
        f"/data/{CITY}/2020-01-01-00000000/counts.csv",
        f"/data/{CITY}/..%2f/x",
        "/data/nowhere",
        "/data/nowhere/latest/counts.csv",
    ],
)
def test_what_is_not_there_is_said_in_words(client, path):
    answer = client.get(path, lang="kk")
    if answer.status_code == 302:
        answer = client.get(answer.headers["location"], lang="kk")

    assert answer.status_code == 404
    assert answer.text


def test_a_release_of_official_totals_offers_regions_alone(installation):
    country = installation.release(COUNTRY)

    rows = rows_of(country, "regions.csv")

    assert "counts.csv" not in open_data.datasets(country)
    assert len(rows) == 21
    assert [row["region_id"] for row in rows[1:]] == sorted(row["region_id"] for row in rows[1:])
    assert any(row["official_count"] for row in rows)


def test_each_release_has_a_page_of_its_own_and_latest_leads_to_the_newest(client, city):
    page = client.get(f"/data/{CITY}/{city.release_id}", lang="ru")
    newest = client.get(f"/data/{CITY}/latest", lang="ru")
    none = client.get(f"/data/{CITY}/nonsense", lang="ru")

    assert (page.status_code, newest.status_code, none.status_code) == (200, 302, 404)
    assert f"/data/{CITY}/{city.release_id}/places.csv" in page.text
    assert newest.headers["location"] == f"/data/{CITY}/{city.release_id}?lang=ru"


def test_areas_can_be_found_on_the_ground_by_their_cells(city):
    rows = rows_of(city, "places.csv")
    areas = {row["place_id"]: row["cells"].split(";") for row in rows if row["level"] == "area"}
    counted = {row["place_id"] for row in rows_of(city, "counts.csv") if row["level"] == "area"}

    assert counted <= set(areas)
    assert all(len(cells) == len(set(cells)) > 0 for cells in areas.values())
