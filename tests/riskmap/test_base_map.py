"""The file under the map: read at start, served by parts, and left out where it cannot be used."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from riskmap import commands
from riskmap.errors import UnusableBaseMap
from riskmap.public import base_map
from tests.pmtiles_builder import LINE, write_pmtiles

ROADS = {"roads": [(LINE, [[0, 2048], [4096, 2048]], {"kind": "highway"})]}


@pytest.fixture
def file(tmp_path):
    made = '<a href="https://x.example">Made <b>up</b></a> &copy; 2026'
    return write_pmtiles(tmp_path / "base.pmtiles", ROADS, lat=48, lng=67, attribution=made)


async def ask(app, headers):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://riskmap.example") as session:
        return await session.get(base_map.ADDRESS, headers=headers)


def test_a_file_says_its_zooms_and_bounds_and_its_makers_without_markup(file):
    found = base_map.opened(None, file, None)

    assert (found.file.min_zoom, found.file.max_zoom) == (8, 8)
    assert found.file.bounds == (46, 65, 50, 69)
    assert found.attribution == "Made up © 2026"
    assert base_map.opened(None, file, "Operator").attribution == "Operator"


def test_parts_of_the_file_are_sent_and_packed_by_nobody(file):
    app = Starlette(routes=base_map.routes(file), middleware=[Middleware(GZipMiddleware, minimum_size=1)])

    answer = asyncio.run(ask(app, {"range": "bytes=0-126", "accept-encoding": "gzip"}))

    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes 0-126/{file.stat().st_size}"
    assert answer.content == file.read_bytes()[:127]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b"not tiles" * 40), "no PMTiles file of version 3"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "its end is missing"),
        (lambda path: write_pmtiles(path, ROADS, lat=48, lng=67, kind=2), "whose tiles are pictures"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_left_out(file, broken, said):
    broken(file)

    with pytest.raises(UnusableBaseMap, match=said):
        base_map.opened("https://tiles.example/{z}/{x}/{y}.png", file, "Operator")

    left = base_map.of("https://tiles.example/{z}/{x}/{y}.png", file, "Operator")
    assert (left.file, left.tile_url is None) == (None, False)


def test_serve_says_what_is_wrong_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path))
    monkeypatch.setenv("RISKMAP_SIDE", "public")
    monkeypatch.setenv("RISKMAP_BASEMAP_FILE", str(tmp_path / "gone.pmtiles"))

    commands.main(["serve", "--prepare-only"])

    errors = capsys.readouterr().err
    assert "gone.pmtiles, which cannot be read" in errors
    assert "holds no release" in errors, "the command went on to its own work"
