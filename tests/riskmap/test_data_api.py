"""Programs ask for published numbers, page by page, and for nothing that is not published."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap import wording
from riskmap.public import data_api, open_data, openapi
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient

PARAMETERS = ("period", "kind", "level", "offence_group", "place_id", "group", "bbox", "offset", "limit", "release")
HOME = f"/api/v1/territories/{CITY}"


@pytest.fixture(scope="module")
def client(installation):
    return PublicClient(releases=installation.releases)


def ask(client, path, **query):
    answer = client.ask(f"{HOME}/{path}", query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_counts_of_all_pages_are_those_of_the_release(client, installation):
    table = open_data.counts_table(installation.release(CITY))
    rows, offset = [], 0
    while offset is not None:
        page = ask(client, "counts", offset=offset, limit=data_api.MOST_ROWS)
        rows += page["counts"]
        offset = page["next_offset"]

    assert rows == table.to_dicts()
    assert page["total"] == table.height


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", "quarter"), ("level", "region"), ("offence_group", "robbery"), ("period", "2025-Q2"), ("period", "2025")],
)
def test_counts_are_chosen_by_what_is_published(client, name, value):
    found = ask(client, "counts", **{name: value})

    assert len(found["counts"]) > 0
    assert {row[name] for row in found["counts"]} == {value}


@pytest.mark.parametrize(
    "query",
    [
        {"period": "2025-06-15"},
        {"period": "2030"},
        {"kind": "cell"},
        {"level": "house"},
        {"offence_group": "drugs"},
        {"limit": "5001"},
        {"limit": "0"},
        {"offset": "-1"},
        {"offset": "٣"},
    ],
    ids=str,
)
def test_what_is_not_published_is_refused_and_told_what_is(client, query):
    (name, value), *_ = query.items()

    answer = client.ask(f"{HOME}/counts", {**query, "lang": "ru"})

    assert answer.status_code == 400
    assert answer.json()["ok"] is False
    assert name in answer.json()["error"]
    assert value in answer.json()["error"]


def test_cells_in_view_are_those_whose_middle_lies_in_the_box(client, installation):
    release = installation.release(CITY)
    table = open_data.cells_table(release)
    west, south, east, north = (
        float(table[c].quantile(q)) for c, q in (("lng", 0.3), ("lat", 0.3), ("lng", 0.6), ("lat", 0.6))
    )

    found = ask(client, "cells", bbox=f"{west},{south},{east},{north}", limit=5000)

    inside = table.filter(table["lng"].is_between(west, east) & table["lat"].is_between(south, north))
    assert 5 < found["total"] < table.height
    assert {row["cell"]: row["class"] for row in found["cells"]} == dict(
        inside.select("cell_id", "class_all").iter_rows()
    )


@pytest.mark.parametrize("bbox", ["", "1,2,3", "a,b,c,d", "3,2,1,4", "nan,0,1,1", "0,-91,1,1", "inf,0,inf,1"])
def test_a_box_that_is_none_is_refused(client, bbox):
    assert client.get(f"{HOME}/cells", bbox=bbox).status_code == 400


def test_the_chain_of_releases_names_what_each_told_first(client, installation):
    (one,) = ask(client, "releases")["releases"]

    assert one["release_id"] == installation.release(CITY).release_id
    assert one["predecessor"] is None
    assert one["new_periods"] == ask(client, "periods")["periods"]


def test_groups_are_named_in_the_readers_language(client):
    names = {language: ask(client, "groups", lang=language)["counts"] for language in wording.LANGUAGES}

    assert names["kk"] != names["ru"] != names["en"]
    assert [one["code"] for one in names["kk"]] == [one["code"] for one in names["en"]]


def test_areas_list_their_cells(client):
    areas = ask(client, "areas", level="area", limit=5000)["areas"]

    assert len(areas) > 10
    assert all(len(area["cells"]) >= 1 and area["year"] for area in areas)


def test_an_answer_is_not_sent_twice_and_travels_compressed(client):
    plain = client.ask(f"{HOME}/counts", headers={"accept-encoding": "identity"})

    again = client.ask(f"{HOME}/counts", headers={"if-none-match": plain.headers["etag"]})
    packed = client.ask(f"{HOME}/counts", headers={"accept-encoding": "gzip"})

    assert (again.status_code, again.content) == (304, b"")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < len(plain.content) / 4


def test_a_release_of_official_totals_has_no_counts_and_says_so(client):
    answer = client.get(f"/api/v1/territories/{COUNTRY}/counts")

    assert (answer.status_code, answer.json()["ok"]) == (404, False)


def test_an_old_release_answers_as_it_did(client, installation):
    release_id = installation.release(CITY).release_id

    assert ask(client, "counts", release=release_id) == ask(client, "counts")
    assert client.get(f"{HOME}/counts", release="2020-01-01-00000000").status_code == 404


def test_every_described_path_answers_and_every_parameter_is_known(client):
    described = client.get("/api/v1/openapi.json").json()

    assert described == json.loads(json.dumps(openapi.description("1")))
    for path, one in described["paths"].items():
        names = {part["name"] for part in one["get"]["parameters"] if part["in"] == "path"}
        assert names == {name for name in ("territory", "cell") if f"{{{name}}}" in path}
        answer = client.get(path.replace("{territory}", CITY).replace("{cell}", "8920000000fffff"))
        assert answer.status_code in (200, 400, 404)
        assert set(map(str, [answer.status_code])) <= set(one["get"]["responses"])


@given(
    path=st.sampled_from(["releases", "periods", "groups", "areas", "counts", "cells"]),
    query=st.dictionaries(
        st.sampled_from(PARAMETERS),
        st.one_of(st.text(max_size=30), st.integers().map(str), st.floats().map(str)),
        max_size=4,
    ),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_no_question_makes_the_service_fail(client, path, query):
    answer = client.ask(f"{HOME}/{path}", query)

    assert answer.status_code in (200, 400, 404)
    assert answer.json()["ok"] is (answer.status_code == 200)
