"""What the server hands out beside the pages, and what it keeps to itself."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from riskmap.public import static_files

RELEASE = "/releases/toy/2026-11-01-0a1b2c3d"


class Client:
    """Asks the application as a browser would, without a network."""

    def __init__(self, app):
        self.app = app

    def get(self, address, headers=None):
        return asyncio.run(self._get(address, headers))

    async def _get(self, address, headers):
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://riskmap.example") as session:
            return await session.get(address, headers=headers)


@pytest.fixture
def folders(tmp_path):
    assets, releases = tmp_path / "assets", tmp_path / "data" / "releases"
    release = releases / "toy" / "2026-11-01-0a1b2c3d"
    for folder in (assets / "vendor", release):
        folder.mkdir(parents=True)
    (assets / "page.css").write_text("a { color: red }" * 50)
    (assets / ".hidden.js").write_text("secret")
    (assets / "notes.txt").write_text("secret")
    (assets / "vendor" / "font.woff2").write_bytes(bytes(range(256)) * 8)
    (release / "cells.bin").write_bytes(b"RMC1" + bytes(400))
    (release / "private.json").write_text("{}")
    (tmp_path / "data" / "riskmap.db").write_text("secret")
    (tmp_path / "data" / "releases" / "toy" / "latest.json").write_text("{}")
    return assets, releases


@pytest.fixture
def client(folders):
    assets, releases = folders
    app = Starlette(
        routes=[
            *static_files.routes(assets=assets, releases=releases),
            Route("/page", lambda _request: PlainTextResponse("page")),
        ],
        middleware=[Middleware(static_files.SecurityHeaders)],
    )
    return Client(app)


def test_a_release_file_is_compressed_and_kept_by_the_browser_for_an_hour(client):
    answer = client.get(f"{RELEASE}/cells.bin")

    assert answer.content == b"RMC1" + bytes(400)
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 100
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "public, max-age=3600"


def test_who_does_not_take_gzip_gets_the_plain_file(client):
    answer = client.get(f"{RELEASE}/cells.bin", headers={"accept-encoding": "identity"})

    assert "content-encoding" not in answer.headers
    assert len(answer.content) == 404


def test_a_font_is_not_compressed_twice(client):
    answer = client.get("/assets/vendor/font.woff2")

    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "font/woff2"


def test_an_asset_known_to_the_browser_is_answered_without_its_body(client):
    first = client.get("/assets/page.css")
    again = client.get("/assets/page.css", headers={"if-none-match": first.headers["etag"]})

    assert first.status_code == 200
    assert again.status_code == 304
    assert again.content == b""


def test_a_changed_asset_is_read_anew_and_gets_another_address(client, folders):
    assets, _ = folders
    before = client.get("/assets/page.css"), static_files.versioned("/assets/page.css", root=assets)
    (assets / "page.css").write_text("b { color: blue }" * 51)
    after = client.get("/assets/page.css"), static_files.versioned("/assets/page.css", root=assets)

    assert before[0].text != after[0].text
    assert before[0].headers["etag"] != after[0].headers["etag"]
    assert before[1] != after[1]


def test_an_address_with_a_version_is_kept_for_good_and_one_without_is_asked_about(client, folders):
    versioned = static_files.versioned("/assets/page.css", root=folders[0])

    assert "immutable" in client.get(versioned).headers["cache-control"]
    assert client.get("/assets/page.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "address",
    [
        f"{RELEASE}/private.json",
        f"{RELEASE}/missing.bin",
        f"{RELEASE}/..%2Flatest.json",
        "/releases/toy/latest.json",
        "/releases/..%2f/2026-11-01-0a1b2c3d/cells.bin",
        "/releases/toy/%2e%2e/cells.bin",
        "/assets/.hidden.js",
        "/assets/notes.txt",
        "/assets/vendor",
        "/assets/%2e%2e/data/riskmap.db",
        "/assets/..%2fdata%2freleases%2ftoy%2flatest.json",
        "/assets//etc/passwd",
        "/assets/page.css%00.css",
        "/assets/" + "a" * 5000 + ".css",
    ],
)
def test_nothing_but_public_files_is_handed_out(client, address):
    answer = client.get(address)

    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_pages_carry_headers_that_keep_foreign_sources_out(client):
    headers = client.get("/page").headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_pictures_from_the_tile_server_are_allowed_and_nothing_else_from_there():
    policy = static_files.security_headers("https://{s}.tiles.example/{z}/{x}/{y}.png")["content-security-policy"]

    assert "img-src 'self' data: blob: https://*.tiles.example;" in policy
    assert policy.count("tiles.example") == 1


# ---- Scripts of Streamlit and streamlit-folium ----


@pytest.fixture
def before_streamlit():
    app = Starlette(
        routes=[Route("/{rest:path}", lambda _request: PlainTextResponse("of Streamlit"))],
        middleware=[Middleware(static_files.SecurityHeaders), Middleware(static_files.PackedScripts)],
    )
    return Client(app)


def installed_script():
    """Address and content of a large script of the installed Streamlit."""
    folder = dict(static_files._foreign_scripts())["/static/"]
    path = max((folder / "js").glob("*.js"), key=lambda one: one.stat().st_size)
    return f"/static/js/{path.name}", path.read_bytes()


def test_a_script_of_streamlit_is_packed_for_who_takes_that_and_kept_for_good(before_streamlit):
    address, content = installed_script()

    answer = before_streamlit.get(address, headers={"accept-encoding": "gzip"})

    assert answer.content == content
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(content) / 2
    assert "immutable" in answer.headers["cache-control"]
    assert "content-security-policy" in answer.headers


def test_a_script_of_streamlit_comes_as_it_is_to_who_takes_nothing_packed(before_streamlit):
    address, content = installed_script()

    answer = before_streamlit.get(address, headers={"accept-encoding": "identity"})

    assert answer.content == content
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "address", ["/", "/static/js/none.js", "/static/../app.js", "/static/%2e%2e/index.js", "/_stcore/health", "/x.js"]
)
def test_every_other_address_goes_on_to_streamlit(before_streamlit, address):
    answer = before_streamlit.get(address, headers={"accept-encoding": "gzip"})

    assert answer.text == "of Streamlit"
