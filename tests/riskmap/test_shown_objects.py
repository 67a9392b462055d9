"""What a release tells of public objects: only with an owner's word, and nothing of a single road accident."""

import json
from datetime import date

import numpy as np
import polars as pl

from geodata import hexgrid
from geodata.public_objects import PUBLIC_OBJECTS
from riskmap.pipeline import shown_objects
from riskmap.surroundings_port import Consent, ShownObjects

AS_OF = date(2026, 11, 1)
LAST_YEAR, THIS_YEAR, BEFORE = date(2025, 6, 1), date(2026, 6, 1), date(2024, 6, 1)
LAT, LNG = 48.0, 67.0


def some(kind, places, *, on=None, region="d1"):
    lat, lng = (np.array(side, dtype=np.float64) for side in zip(*places, strict=True))
    frame = pl.DataFrame({"lat": lat, "lng": lng}).with_columns(
        object_id=pl.format("secret-{}", pl.int_range(pl.len())),
        kind=pl.lit(kind),
        cell=pl.Series(hexgrid.assign_cells(lat, lng, resolution=9)),
        region_id=pl.lit(region, pl.String),
        occurred_on=pl.lit(on, pl.Date),
        casualties=pl.lit(3 if on else None, pl.Int64),
        killed=pl.lit(1 if on else None, pl.Int64),
        dated=pl.lit(date(2026, 1, 1)),
    )
    return PUBLIC_OBJECTS.checked(frame.select(list(PUBLIC_OBJECTS.schema)))


def said(*frames, owner="Made up owner"):
    consent = Consent(owner=owner, said_on=date(2026, 1, 5))
    return ShownObjects(consent=consent, dated=date(2026, 1, 1), objects=pl.concat(frames))


def features(*shown):
    file = shown_objects.file_of(shown, as_of=AS_OF, is_simulated=True)
    return json.loads(file["objects.geojson"])["features"] if file else []


def test_without_anybodys_word_there_is_no_file():
    assert shown_objects.file_of([], as_of=AS_OF, is_simulated=False) == {}
    assert shown_objects.told_of([], as_of=AS_OF) == []


def test_objects_are_told_by_kind_and_region_at_rounded_places_and_without_their_numbers():
    cameras = some("camera", [(48.123456, 67.654321), (48.123461, 67.654318)])

    (found,) = features(said(cameras))

    assert found["properties"] == {"kind": "camera", "region_id": "d1", "count": 2}
    assert found["geometry"]["coordinates"] == [[67.6543, 48.1235]] * 2
    assert "secret" not in json.dumps(found)


def test_accidents_are_told_in_bands_of_hexagons_and_fewer_than_five_not_at_all():
    far, further = (LAT + 0.2, LNG), (LAT + 0.4, LNG)
    accidents = [some("accident", [place] * n, on=LAST_YEAR) for place, n in (((LAT, LNG), 4), (far, 5), (further, 23))]

    found = features(said(*accidents))

    bands = {one["properties"]["cell"]: (one["properties"]["low"], one["properties"]["high"]) for one in found}
    assert bands == {
        hexgrid.cell_at(*far, resolution=8): (5, 9),
        hexgrid.cell_at(*further, resolution=8): (20, None),
    }
    assert {one["geometry"]["type"] for one in found} == {"Polygon"}
    assert {one["properties"]["year"] for one in found} == {2025}


def test_nothing_of_an_accident_but_the_band_of_its_hexagon_is_told():
    shown = said(some("accident", [(LAT, LNG)] * 7, on=LAST_YEAR))

    (told,) = shown_objects.told_of([shown], as_of=AS_OF)
    (found,) = features(shown)

    assert told["count"] == 1, "the number of hexagons, not of accidents"
    assert set(found["properties"]) == {"kind", "cell", "year", "low", "high"}


def test_only_accidents_of_the_last_whole_year_count():
    others = [some("accident", [(LAT, LNG)] * 9, on=day) for day in (BEFORE, THIS_YEAR)]

    assert features(said(*others, some("accident", [(LAT, LNG)] * 4, on=LAST_YEAR))) == []


def test_accidents_told_by_two_owners_are_not_added_up():
    twice = [said(some("accident", [(LAT, LNG)] * n, on=LAST_YEAR), owner=f"Owner {n}") for n in (6, 8)]

    (found,) = features(*twice)

    assert (found["properties"]["low"], found["properties"]["high"]) == (5, 9)
