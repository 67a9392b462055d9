"""Validators and a fuzzer that know nothing of us, on what the made-up city publishes."""

import copy
import csv
import io
import json

import geoparquet_validator
import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from riskmap.public import open_data, openapi
from tests.installation import CITY
from tests.public_client import PublicClient

READERS = {
    "string": str,
    "integer": int,
    "number": float,
    "year": int,
    "date": str,
}


def test_the_geoparquet_file_conforms_and_can_be_read_in_parts(installation):
    packed = open_data.content(installation.release(CITY), "cells.parquet")

    report = geoparquet_validator.check_bytes("cells.parquet", packed)

    passed = {one["id"] for one in report["outcomes"] if one["status"] == "pass"}
    assert geoparquet_validator.failed(report) == []
    assert {"/conf/core/geo-metadata", "/conf/core/bbox-extent", "/conf/covering/bbox-column-structure"} <= passed


def test_the_description_of_the_api_is_openapi():
    openapi_spec_validator.validate(openapi.description("1"))


def test_every_field_of_the_package_is_of_the_type_it_is_described_as(installation):
    release = installation.release(CITY)
    package = json.loads(open_data.content(release, "datapackage.json"))

    tables = [one for one in package["resources"] if one.get("type") == "table"]

    assert {one["path"] for one in tables} >= {"regions.csv", "counts.csv", "cells.csv", "dictionary.csv"}
    for table in tables:
        text = open_data.content(release, table["path"]).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        fields = table["schema"]["fields"]
        assert list(rows[0]) == [field["name"] for field in fields]
        for field in fields:
            read = READERS[field["type"]]
            assert all(read(row[field["name"]]) is not None for row in rows if row[field["name"]] != "")


@pytest.mark.parametrize("path", sorted(openapi.description("1")["paths"]))
def test_nothing_asked_of_the_api_breaks_it(installation, path, request):
    client = PublicClient(releases=installation.data / "releases")
    operation = described(path)

    @settings(
        max_examples=1_000 if request.config.getoption("--deep") else 40,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        answer = client.ask(case.formatted_path, {name: str(value) for name, value in case.query.items()})

        assert answer.status_code in {200, 304, 400, 404}
        told = answer.json()
        assert "error" in told if answer.status_code >= 400 else "error" not in told

    ask()


def described(path):
    """The operation of a path; its territory is one that there is, or none."""
    schema = copy.deepcopy(openapi.description("1"))
    for parameter in schema["paths"][path]["get"].get("parameters", []):
        if parameter["name"] == "territory":
            parameter["schema"] = {"type": "string", "enum": [CITY, CITY, CITY, "nowhere"]}
    return schemathesis.openapi.from_dict(schema)[path]["GET"]
