"""Public objects on the public side: layers of the map, numbers of places, rows of the open data."""

import csv
import io

import polars as pl
import pytest

from riskmap import wording
from riskmap.public import area_facts, object_layer, open_data, place_map
from tests.public_client import PublicClient


@pytest.fixture
def city(installation):
    return installation.release()


def test_the_map_has_a_layer_for_each_kind_with_its_number_and_a_shape_in_words(city):
    kinds = dict(place_map.options(city).objects)

    assert list(kinds) == ["camera", "light", "police", "accident"]
    for language in wording.LANGUAGES:
        words = wording.in_language(language)
        labels = place_map.state(city, words).labels
        assert all(words.number(n) in labels[f"object_{kind}"] for kind, n in kinds.items())
        assert len(object_layer.legend(city, words)) == 4


def test_numbers_of_the_parts_add_up_to_that_of_the_whole(city):
    words = wording.in_language("en")
    told = {area.area_id: dict(object_layer.of_place(city, area.area_id, (), words).numbers) for area in city.areas}

    whole = told.pop(city.territory)

    for kind, number in whole.items():
        parts = sum(int(one[kind].replace(",", "")) for one in told.values())
        assert parts == int(number.replace(",", "")), kind
    assert whole["CCTV cameras"] == words.number(dict(object_layer.shown(city))["camera"])


def test_an_area_counts_the_objects_in_its_cells(city):
    words, book = wording.in_language("en"), area_facts.book(city)

    lights = [
        int(dict(object_layer.of_place(city, key, place.cells, words).numbers)["Street lights"].replace(",", ""))
        for key, place in book.areas.items()
    ]

    assert max(lights) > 100
    assert sum(lights) <= dict(object_layer.shown(city))["light"]


def test_the_page_of_an_area_says_what_stands_there_and_whose_word_it_is(installation):
    page = PublicClient(releases=installation.releases).get("/area/ulgiqala/ulg-01", lang="ru").text

    assert "Уличные фонари" in page
    assert "Источник: Ulgiqala (simulated), 20.12.2025." in page


def test_the_open_data_hold_every_object_and_every_column_has_a_meaning(city):
    rows = list(csv.DictReader(io.StringIO(open_data.content(city, "objects.csv").decode("utf-8-sig"))))
    meanings = open_data.content(city, "dictionary.csv").decode()

    counted = dict(pl.DataFrame(rows).group_by("kind").len().iter_rows())
    assert counted == dict(object_layer.shown(city))
    assert all(row["low"] and row["cell_id"] for row in rows if row["kind"] == "accident")
    assert f"objects.csv,{next(iter(rows[0]))}," in meanings


def test_a_release_without_objects_says_nothing_of_them(installation):
    country = installation.release("kazakhstan")

    assert place_map.options(country).objects == ()
    assert object_layer.of_place(country, "kazakhstan", (), wording.in_language("en")) is None
    assert "objects.csv" not in open_data.datasets(country)
