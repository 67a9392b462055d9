"""What a request's page says around its place: from the release and the journal alone, counted anew here."""

import json
from dataclasses import replace
from datetime import date

import pytest

from geodata import hexgrid
from riskmap import wording
from riskmap.journal import PublicRequest
from riskmap.public import evidence, object_layer

WORDS = wording.in_language("en")


@pytest.fixture
def city(installation):
    return installation.release()


def _request(number: int, cell_id: str, state: str = "submitted") -> PublicRequest:
    day = date(2026, 1, 5)
    return PublicRequest(
        number=number,
        kind="lighting",
        state=state,
        is_open=True,
        cell_id=cell_id,
        area_id="ulg-01",
        release_id="r",
        risk_class=4,
        submitted_on=day,
        changed_on=day,
        supporters=0,
        wording=None,
        merged_into=None,
        is_simulated=True,
        steps=(),
    )


def test_objects_are_those_in_the_hexagon_or_near_its_centre(city):
    features = json.loads(object_layer.as_published(city))["features"]
    places = {
        kind: [
            (lat, lng)
            for one in features
            if one["properties"]["kind"] == kind
            for lng, lat in one["geometry"]["coordinates"]
        ]
        for kind in ("camera", "light")
    }
    counts = set()
    for position in range(0, city.cells.size, city.cells.size // 40):
        cell_id = city.cell_at(position).cell_id
        resolution, here = hexgrid.resolution_of(city.cells[position : position + 1]), hexgrid.centre(cell_id)
        said = evidence.around(city, cell_id, WORDS).sentences
        for kind, name in (("camera", "CCTV cameras"), ("light", "Street lights")):
            near = sum(
                hexgrid.distance_m(here, place) <= 300 or hexgrid.cell_at(*place, resolution=resolution) == cell_id
                for place in places[kind]
            )
            counts.add(near)
            told = next(one for one in said if one.startswith(name))
            assert told.startswith(f"{name} nearby: {near}."), cell_id
    assert 0 in counts
    assert max(counts) > 5


def test_accidents_are_a_band_and_silence_is_read_as_few(city):
    bands = {
        feature["properties"]["cell"]: feature["properties"]
        for feature in json.loads(object_layer.as_published(city))["features"]
        if feature["properties"]["kind"] == "accident"
    }
    seen = set()
    for position in range(city.cells.size):
        cell_id = city.cell_at(position).cell_id
        own = bands.get(hexgrid.cell_at(*hexgrid.centre(cell_id), resolution=8))
        expected = "fewer than five" if own is None else f"{own['low']}" + (f"–{own['high']}" if own["high"] else "")
        if expected not in seen:
            seen.add(expected)
            told = [one for one in evidence.around(city, cell_id, WORDS).sentences if one.startswith("Road accidents")]
            assert len(told) == 1
            assert f": {expected}" in told[0]
    assert len(seen) > 1


def test_the_range_is_that_of_the_area_and_every_source_is_named(city):
    cell = city.cell_at(0)

    told = evidence.around(city, cell.cell_id, WORDS)

    assert WORDS.range(cell.area.rate_low, cell.area.rate_high) in told.sentences[0]
    assert "300 m" in told.sources[0]
    assert city.release_id in told.sources[1]
    assert "Ulgiqala (simulated)" in told.sources[2]


def test_what_nobody_gave_to_the_map_is_named_as_missing(city):
    bare = replace(city, manifest={**city.manifest, "objects": []})

    told = " ".join(evidence.around(bare, city.cell_at(0).cell_id, WORDS).sentences)

    assert "Not given to the map: CCTV cameras; Street lights; Road accidents with casualties." in told
    assert "nearby" not in told


def test_requests_nearby_are_the_nearest_first_without_the_one_asked_of(city):
    here = city.cell_at(city.cells.size // 2).cell_id
    centre = hexgrid.centre(here)
    cells = sorted(
        (city.cell_at(at).cell_id for at in range(city.cells.size)),
        key=lambda one: hexgrid.distance_m(centre, hexgrid.centre(one)),
    )
    far = next(one for one in cells if hexgrid.distance_m(centre, hexgrid.centre(one)) > 700)
    asked = [
        _request(1, here),
        _request(2, cells[2]),
        _request(3, cells[1]),
        _request(4, far),
        _request(5, here, state="withdrawn"),
        _request(6, here, state="merged"),
    ]

    told = evidence.around(city, here, WORDS, requests=asked, leave_out=(1,))

    assert [one.number for one in told.requests] == [3, 2]
    assert told.sentences[-1] == "Other requests within 700 m: 2."
