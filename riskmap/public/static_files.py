"""Files the browser asks for beside the pages: our assets, browser libraries and the files of releases.

In app.py::

    st.App(
        "riskmap/website.py",
        routes=[*static_files.routes(assets=..., releases=...), *api.routes(...)],
        middleware=[Middleware(static_files.SecurityHeaders, tile_url=settings.tile_url)],
    )

Text and numbers leave compressed. Each version of a file is compressed once and kept, because the gzip of Streamlit
compresses anew at every request.
"""

import gzip
import hashlib
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from riskmap.release import PUBLIC_FILES, RELEASE_ID, TERRITORY_NAME

MEDIA_TYPES = {
    ".bin": "application/octet-stream",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".geojson": "application/geo+json",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
"""Files of other kinds are not served."""
ASSET_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]{0,100}")
"""Folders and a file, none hidden, none pointing upwards."""
ALREADY_COMPRESSED = frozenset({".png", ".woff2"})
HASHED = re.compile(r"\.[A-Za-z0-9_-]{8,}\.(?:js|css)$")
FOREVER = "public, max-age=31536000, immutable"
"""For addresses with a version: other content has another address."""
FOR_AN_HOUR = "public, max-age=3600"
"""For releases: they never change, and one that is withdrawn must not live on in caches."""
ONE_WEEK = "public, max-age=604800"
ASK_FIRST = "no-cache"
"""Kept by the browser, but asked about (and mostly answered with 304) at each load."""


def routes(*, assets: Path, releases: Path) -> list[Route]:
    """Routes for ``/assets/...`` and ``/releases/{territory}/{release_id}/{file}``.

    Only files below ``assets`` of a known kind, and only the public files of releases, are answered; everything else
    is 404. Neither folder has to exist yet.
    """
    asset_root = assets.resolve()

    def asset(request: Request) -> Response:
        name = request.path_params["path"]
        if not ASSET_NAME.fullmatch(name):
            return _not_found()
        path = (asset_root / name).resolve()
        if not path.is_relative_to(asset_root):  # a link inside the folder may lead out of it
            return _not_found()
        keep = FOREVER if "v" in request.query_params else ONE_WEEK if path.suffix == ".woff2" else ASK_FIRST
        return _answer(request, path, keep)

    def release_file(request: Request) -> Response:
        territory, release_id, name = (request.path_params[key] for key in ("territory", "release_id", "name"))
        is_public = (
            TERRITORY_NAME.fullmatch(territory) and RELEASE_ID.fullmatch(release_id) and PUBLIC_FILES.fullmatch(name)
        )
        return _answer(request, releases / territory / release_id / name, FOR_AN_HOUR) if is_public else _not_found()

    methods = ["GET", "HEAD"]
    return [
        Route("/assets/{path:path}", asset, methods=methods),
        Route("/releases/{territory}/{release_id}/{name}", release_file, methods=methods),
    ]


def versioned(url: str, *, root: Path) -> str:
    """The address of an asset with the hash of its content, so that browsers may keep it for good.

    ``url`` starts with ``/assets/``; where the file is missing it is returned as it is.
    """
    path = root / url.removeprefix("/assets/")
    try:
        stat = path.stat()
    except OSError:
        return url
    return f"{url}?v={_version(path, stat.st_mtime_ns, stat.st_size)}"


class PackedScripts:
    """Sends the scripts and styles of Streamlit and streamlit-folium packed, to whoever takes that; pure ASGI.

    Streamlit leaves packing to a server before it. Without one its page weighs three times as much, which on a slow
    line is a minute. Every other address goes on untouched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.folders = {prefix: folder for prefix, folder in _foreign_scripts() if folder.is_dir()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._file(scope) if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} else None
        if path is None:
            await self.app(scope, receive, send)
            return
        # Their names carry a hash of their content, or of the version of their package.
        keep = FOREVER if HASHED.search(path.name) else ASK_FIRST
        answer = await run_in_threadpool(_answer, Request(scope), path, keep)
        await answer(scope, receive, send)

    def _file(self, scope: Scope) -> Path | None:
        for prefix, folder in self.folders.items():
            name = scope["path"].removeprefix(prefix)
            if name != scope["path"] and Path(name).suffix in {".js", ".css"} and ASSET_NAME.fullmatch(name):
                path = (folder / name).resolve()
                return path if path.is_file() and path.is_relative_to(folder) else None
        return None


def _foreign_scripts() -> list[tuple[str, Path]]:
    """Beginnings of addresses, and the folder of an installed package behind each."""
    inside = {
        "/static/": ("streamlit", "static/static"),
        "/component/streamlit_folium.st_folium/": ("streamlit_folium", "frontend/build"),
    }
    found = []
    for prefix, (package, folder) in inside.items():
        # Not imported: streamlit-folium may only be imported by the script that Streamlit runs.
        spec = find_spec(package)
        if spec and spec.origin:
            found.append((prefix, (Path(spec.origin).parent / folder).resolve()))
    return found


class SecurityHeaders:
    """Headers that keep a page from loading anything foreign or being framed elsewhere; pure ASGI, no buffering.

    Streamlit and streamlit-folium need inline scripts and ``eval`` on their own pages; nothing outside is allowed
    but pictures from the host of ``tile_url``.
    """

    def __init__(self, app: ASGIApp, *, tile_url: str | None = None) -> None:
        self.app = app
        self.headers = security_headers(tile_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def security_headers(tile_url: str | None = None) -> dict[str, str]:
    """The headers of `SecurityHeaders` by name."""
    policy = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"'self' data: blob:{picture_host(tile_url)}",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "permissions-policy": "geolocation=(self), camera=(), microphone=()",
    }


def picture_host(tile_url: str | None) -> str:
    """The host of the tiles as a content policy names it, with a space before it; empty where there is none."""
    tiles = urlsplit(tile_url) if tile_url else None
    return f" {tiles.scheme}://{tiles.netloc.replace('{s}', '*')}" if tiles and tiles.netloc else ""


def _answer(request: Request, path: Path, cache_control: str) -> Response:
    media_type = MEDIA_TYPES.get(path.suffix)
    try:
        stat = path.stat()
    except OSError:
        return _not_found()
    if media_type is None or not path.is_file():
        return _not_found()
    wants_gzip = path.suffix not in ALREADY_COMPRESSED and "gzip" in request.headers.get("accept-encoding", "")
    read = _compressed if wants_gzip else _plain
    body, etag = read(path, stat.st_mtime_ns, stat.st_size)
    headers = {"cache-control": cache_control, "etag": etag, "vary": "accept-encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if wants_gzip:
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=headers)


@lru_cache(maxsize=256)
def _compressed(path: Path, _mtime_ns: int, _size: int) -> tuple[bytes, str]:
    body = path.read_bytes()
    return gzip.compress(body, compresslevel=6, mtime=0), _etag(body, "-gzip")


@lru_cache(maxsize=64)
def _version(path: Path, _mtime_ns: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _plain(path: Path, _mtime_ns: int, _size: int) -> tuple[bytes, str]:
    body = path.read_bytes()
    return body, _etag(body, "")


def _etag(body: bytes, suffix: str) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}{suffix}"'


def _not_found() -> Response:
    return Response("Not found", status_code=404, media_type="text/plain", headers={"cache-control": "no-store"})
