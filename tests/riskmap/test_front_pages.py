"""The front door: found in any spelling, without script, and something useful where nothing is found."""

import asyncio
import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from riskmap.public import place_search
from riskmap.public.front_pages import FrontDoor
from riskmap.wording import LANGUAGES, in_language
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient


@pytest.fixture
def client(installation):
    return PublicClient(releases=installation.releases)


@pytest.fixture
def releases(installation):
    return [installation.release(CITY), installation.release(COUNTRY)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_a_language_works_without_script_and_links_to_every_region(client, installation, language):
    city = installation.release(CITY)

    answer = client.get(f"/{language}")

    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert "<script>" not in answer.text
    for area in city.areas:
        if area.kind != "territory":
            assert f"/area/{CITY}/{area.area_id}?lang={language}" in answer.text


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Қызылорда", "Kyzylorda"),
        ("кызылорда", "Kyzylorda"),
        ("Qyzylorda", "Kyzylorda"),
        ("Kyzylorda", "Kyzylorda"),
        ("кызылрода", "Kyzylorda"),
    ],
)
def test_a_region_is_found_in_any_letters_and_with_a_slip(releases, asked, name):
    found = place_search.find(releases, asked)

    assert found[0].names["en"].startswith(name)


@pytest.mark.parametrize(
    ("asked", "kazakh", "place_id"),
    [
        ("Алма-Ата", "Алматы", "750000000"),
        ("Целиноград", "Астана", "710000000"),
        ("Semipalatinsk", "Семей", "100000000"),
        ("г. Усть-Каменогорск", "Өскемен", "630000000"),
    ],
)
def test_a_city_is_found_by_a_name_it_had(releases, asked, kazakh, place_id):
    found = {(one.names["kk"], one.place_ids) for one in place_search.find(releases, asked)}

    assert (kazakh, (place_id,)) in found


@pytest.mark.parametrize("asked", ["3-даңғыл", "3-й проспект", "пр-т 3-й", "Avenue 3"])
def test_a_street_leads_to_the_published_areas_it_passes_through(releases, asked):
    street = next(one for one in place_search.find(releases, asked) if one.names["en"] == "Avenue 3")

    assert street.kind == "street"
    assert len(street.place_ids) > 1
    assert all(re.fullmatch(r"ulg-\d\d-\d{4}-\d\d", place_id) for place_id in street.place_ids)


@pytest.mark.parametrize("asked", ["", "   ", "!!", "щщщщщ", "\x00\u202e"])
def test_nothing_is_found_where_nothing_like_a_name_was_typed(releases, asked):
    assert place_search.find(releases, asked) == []


def test_a_place_not_found_is_said_so_and_the_lists_stay(client):
    answer = client.get("/ru", q="<b>zzzzqqq</b>")

    assert in_language("ru").text("front.found.none") in answer.text
    assert "<b>zzz" not in answer.text
    assert f"/area/{CITY}/" in answer.text


def test_a_point_is_rounded_again_and_answered_with_every_place_it_may_lie_in(client, installation):
    lat, lng = installation.release(CITY).manifest["centre"]

    exact = client.get("/ru", lat=f"{lat + 0.0021}", lng=f"{lng - 0.0013}")
    rounded = client.get("/ru", lat=f"{lat:.2f}", lng=f"{lng:.2f}")

    assert exact.text == rounded.text
    assert len(set(re.findall(rf"/area/{CITY}/ulg-\d\d-\d{{4}}-\d\d", rounded.text))) > 1


def test_a_point_in_no_city_is_answered_with_its_region(client):
    answer = client.get("/kk", lat="48.02", lng="66.91")

    assert "/area/kazakhstan/620000000?lang=kk" in answer.text.split("</ul>")[0]


@pytest.mark.parametrize(("lat", "lng"), [("nan", "7"), ("91", "7"), ("x", "7"), ("", "")])
def test_a_broken_point_is_said_so(client, lat, lng):
    answer = client.get("/kk", lat=lat, lng=lng)

    assert answer.status_code == 200
    assert in_language("kk").text("front.near.broken") in answer.text


def test_a_point_outside_is_said_to_lie_outside(client):
    answer = client.get("/en", lat="52.52", lng="13.40")

    assert in_language("en").text("front.near.none") in answer.text


def test_an_installation_without_releases_says_so(tmp_path):
    answer = PublicClient(releases=tmp_path / "none").get("/kk")

    assert answer.status_code == 503
    assert in_language("kk").text("error.no_release") in answer.text


def test_nothing_of_the_page_comes_from_outside(client):
    answer = client.get("/kk")

    loaded = re.findall(r'(?:src|<link[^>]* href)="([^"]+)"', answer.text)
    assert loaded
    assert all(address.startswith("/assets/") for address in loaded)


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [("/", "/kk"), ("/?lang=ru", "/ru"), ("/?lang=xx", "/kk"), ("/?place=ulgiqala", None), ("/?view=hexagons", None)],
)
def test_the_bare_address_leads_to_the_front_door_and_a_view_of_the_map_to_the_map(address, leads_to):
    shown = Starlette(routes=[Route("/", lambda _: PlainTextResponse("map"))], middleware=[Middleware(FrontDoor)])

    async def ask():
        transport = httpx.ASGITransport(app=shown)
        async with httpx.AsyncClient(transport=transport, base_url="http://riskmap.test") as browser:
            return await browser.get(address)

    answer = asyncio.run(ask())

    assert answer.headers.get("location") == leads_to
    assert (answer.status_code == 302) == (leads_to is not None)
