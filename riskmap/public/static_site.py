"""The text twin: every public page as a file, made by the very routes that serve it, and served at ``/site``.

`write` asks the routes for each page in each language and turns addresses into relative links: to the file of a page
that is in the twin, to a copied style sheet, or else up to the site itself. Scripts and the map they draw are left
out; the drawing of areas and the tables stay. The folder is a link that is moved once everything is written.

In app.py::

    routes=[*static_site.routes(settings.data / "site"), ...]
"""

import asyncio
import json
import logging
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape, unescape
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message

from riskmap import wording
from riskmap.public import page
from riskmap.public.page import Shell
from riskmap.wording import Wording

logger = logging.getLogger(__name__)

ADDRESS = "/site"
INDEX = "index.html"
KEY_FILE = "made_of.json"
ASSETS = "assets"
MOST_BYTES = 60_000
FILE_NAME = re.compile(r"(?:[a-z0-9_-][A-Za-z0-9_.-]*/){1,4}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,100}")
MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

Routes = Sequence[BaseRoute]

_LINK = re.compile(r'\b(href|src|action)="([^"]*)"')
_SCRIPT = re.compile(r"<script\b.*?</script>\s*", re.DOTALL)
_NO_SCRIPT = re.compile(r"<noscript>.*?</noscript>\s*", re.DOTALL)
_MAP = re.compile(
    r'<div class="rm-map-frame">(?:(?!<div|</div>).)*<div id="council-map"[^>]*></div>\s*'
    r'(?:<div class="rm-pick">.*?</div>\s*)?</div>',
    re.DOTALL,
)
_EMBED_CODE = re.compile(r'<div class="rm-embed-code">.*?</div>\s*', re.DOTALL)
"""A file has no address that others could frame."""
_VENDOR = re.compile(r'<link rel="stylesheet" href="[^"]*/vendor/[^"]*">\s*')
_SHEET = re.compile(r'(?:\.\./)+assets/([A-Za-z0-9_.-]+\.(?:css|svg))"')
_FONT_FACE = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What `write` made: files, and addresses of pages that are heavier than `MOST_BYTES`, or that had no answer."""

    files: int
    too_heavy: tuple[str, ...]
    missing: tuple[str, ...]
    is_new: bool


def write(
    folder: Path,
    routes: Routes,
    addresses: Sequence[str],
    *,
    assets: Path,
    made_of: Mapping[str, object],
    made_on: date,
    home: str | None = None,
) -> Written:
    """Write the twin of some pages; nothing is written where ``folder`` was made of the same before.

    Parameters
    ----------
    addresses : paths of the pages, without language and query
    assets : where style sheets lie
    made_of : what the pages tell, as JSON can hold it: a twin of the same is not made twice, and pages below an
        address with the name of one of its ``territories`` are kept where that one tells the same as before
    home : address of the site for links that leave the twin, such as ``https://map.example``; None: up from ``/site``

    Raises
    ------
    OSError
        If the folder cannot be written; what was begun is removed.
    """
    key = {"of": dict(made_of), "home": home, "pages": list(addresses)}
    before = _key(folder)
    if before == key:
        return Written(files=0, too_heavy=(), missing=(), is_new=False)
    shelf = folder.parent / f".{folder.name}"
    beside = shelf / secrets.token_hex(8)
    beside.mkdir(parents=True)
    try:
        keep = _unchanged(before, key)
        found = asyncio.run(
            _write_all((folder, beside), routes, addresses, keep=keep, assets=assets, made_on=made_on, home=home)
        )
        (beside / KEY_FILE).write_text(json.dumps(key, ensure_ascii=False), encoding="utf-8")
        _point(folder, beside)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    for old in shelf.iterdir():
        if old != beside:
            shutil.rmtree(old, ignore_errors=True)
    return found


def routes(folder: Path) -> list[Route]:
    """Routes below ``/site`` over the folder that `write` fills; it does not have to exist yet."""

    def file(request: Request) -> Response:
        name = request.path_params["path"].strip("/") or wording.DEFAULT_LANGUAGE
        language = wording.language_or_default(name.partition("/")[0])
        if name in wording.LANGUAGES:
            return RedirectResponse(f"{ADDRESS}/{name}/{INDEX}", HTTPStatus.FOUND)
        path = folder / name
        media_type = MEDIA_TYPES.get(path.suffix)
        if not FILE_NAME.fullmatch(name) or media_type is None or not path.is_file():
            return _not_yet(folder, wording.in_language(language))
        headers = {"cache-control": "no-cache", "content-security-policy": CONTENT_POLICY}
        return Response(path.read_bytes(), media_type=media_type, headers=headers)

    methods = ["GET", "HEAD"]
    return [
        Route(ADDRESS, _start, methods=methods),
        Route(f"{ADDRESS}/{{path:path}}", file, methods=methods),
    ]


def file_of(path: str) -> str:
    """Name of a page's file below its language.

    Examples
    --------
    >>> file_of("/area/ulgiqala"), file_of("/how")
    ('area/ulgiqala.html', 'how.html')
    """
    return f"{path.strip('/')}.html" if path.strip("/") else INDEX


def _start(request: Request) -> Response:
    language = wording.language_or_default(request.query_params.get("lang"))
    return RedirectResponse(f"{ADDRESS}/{language}/{INDEX}", HTTPStatus.FOUND)


def _not_yet(folder: Path, words: Wording) -> Response:
    """There is no such file: to the list of all, or to the site where there is none yet."""
    shell = Shell(words=words, path="/area", query={})
    way = f"{ADDRESS}/{words.language}/{INDEX}" if (folder / words.language / INDEX).is_file() else shell.link("/area")
    text = words.text("site.twin.all") if "index" in way else words.text("area.index.title")
    sentence = words.text("error.unknown_page" if "index" in way else "site.twin.not_yet")
    return page.render(
        "site_missing.html",
        shell,
        title=words.text("error.title"),
        status=HTTPStatus.NOT_FOUND,
        sentence=sentence,
        way=way,
        text=text,
    )


def _key(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / KEY_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _unchanged(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> frozenset[str]:
    """Pages of the twin before that are pages of the new one too, and of territories that tell the same."""
    if before is None or before.get("home") != now["home"]:
        return frozenset()
    was, of = dict(before.get("of", {})), dict(now["of"])
    own, own_before = of.pop("territories", {}), was.pop("territories", {})
    if was != of:
        return frozenset()
    same = {name for name, told in own.items() if own_before.get(name) == told}
    both = set(before.get("pages", ())) & set(now["pages"])
    return frozenset(page for page in both if page.count("/") > 1 and page.split("/")[2] in same)


def _point(folder: Path, target: Path) -> None:
    """Let ``folder`` be a link to what was written, in one step."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    link = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    link.symlink_to(target.relative_to(folder.parent), target_is_directory=True)
    link.replace(folder)


async def _write_all(
    folders: tuple[Path, Path],
    routes: Routes,
    addresses: Sequence[str],
    *,
    keep: frozenset[str],
    assets: Path,
    made_on: date,
    home: str | None,
) -> Written:
    """Write into the second folder; pages to ``keep`` are taken from the first where they are."""
    before, root = folders
    app = Starlette(routes=list(routes))
    files, heavy, missing = 0, [], []
    sheets: set[str] = set()
    for language in wording.LANGUAGES:
        titles, there = {}, set(addresses)
        for address in addresses:
            kept = before / language / file_of(address)
            if address in keep and kept.is_file():
                turned = kept.read_text(encoding="utf-8")
            else:
                text = await _ask(app, address, language)
                if text is None:
                    missing.append(f"{language} {address}")
                    continue
                turned = turn(text, address, language, pages=there, made_on=made_on, home=home)
            titles[address] = unescape(_title(turned))
            sheets |= set(_SHEET.findall(turned))
            files += _save(root / language / file_of(address), turned)
            if len(turned.encode()) > MOST_BYTES:
                heavy.append(f"{language} {address}")
        listed = _index(titles, wording.in_language(language))
        files += _save(root / language / INDEX, turn(listed, "/", language, pages=there, made_on=made_on, home=home))
    for name in sorted(sheets):
        text = (assets / name).read_text(encoding="utf-8")
        files += _save(root / ASSETS / name, _FONT_FACE.sub("", text))
    return Written(files=files, too_heavy=tuple(heavy), missing=tuple(missing), is_new=True)


def turn(text: str, address: str, language: str, *, pages: set[str], made_on: date, home: str | None) -> str:
    """A served page as a file: relative links, no script, and a line that says what it is."""
    words = wording.in_language(language)
    own = PurePosixPath(language) / file_of(address)
    up = "../" * (len(own.parts) - 1)
    territory = address.split("/")[2] if address.count("/") > 1 else ""
    drawing = f'<p><a href="/area/{territory}#parts">{escape(words.text("area.parts.map"))}</a></p>'
    bare = _MAP.sub(drawing, _NO_SCRIPT.sub("", _SCRIPT.sub("", _VENDOR.sub("", _EMBED_CODE.sub("", text)))))

    def relative(match: re.Match[str]) -> str:
        name, target = match[1], unescape(match[2])
        return f'{name}="{escape(_relative(target, up, language, pages=pages, home=home))}"'

    linked = _LINK.sub(relative, bare)
    note = " ".join((words.text("site.twin.intro"), words.text("site.twin.made", date=made_on)))
    way = f'<a href="{up}{language}/{INDEX}">{escape(words.text("site.twin.all"))}</a>'
    return linked.replace("</footer>", f"<p>{escape(note)} {way}</p>\n</footer>", 1)


def _relative(target: str, up: str, language: str, *, pages: set[str], home: str | None) -> str:
    """Where a link of a served page leads from a file ``up`` folders deep."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/"):
        return target
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    if parts.path.startswith("/assets/") and parts.path.count("/") == len(("", ASSETS)):
        return f"{up}{ASSETS}/{PurePosixPath(parts.path).name}"
    asked = dict(parse_qsl(parts.query))
    wanted = asked.pop("lang", language)
    is_view = parts.path == "/" and bool(asked)
    if (parts.path in pages and not asked) or (parts.path in ("/", ADDRESS) and not is_view):
        name = INDEX if parts.path in ("/", ADDRESS) else file_of(parts.path)
        return f"{up}{wanted}/{name}{fragment}"
    if parts.path.startswith(f"{ADDRESS}/"):
        return f"{up}{parts.path.removeprefix(ADDRESS + '/')}{fragment}"
    query = f"?{urlencode({**asked, 'lang': wanted})}" if parts.query else ""
    start = home.rstrip("/") if home else f"{up}.."
    return f"{start}{parts.path}{query}{fragment}"


def _index(titles: Mapping[str, str], words: Wording) -> str:
    answer: HTMLResponse = page.render(
        "site_index.html",
        Shell(words=words, path="/", query={}),
        title=words.text("site.twin.all"),
        pages=sorted(titles.items()),
    )
    return bytes(answer.body).decode()


def _title(text: str) -> str:
    found = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    return found[1].rpartition(" – ")[0] if found else ""


def _save(path: Path, text: str) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return 1


async def _ask(app: Starlette, address: str, language: str) -> str | None:
    """The page at an address as it would be served; None where it is not answered with a page."""
    status, body = 0, bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "server": ("localhost", 80),
        "path": address,
        "raw_path": address.encode(),
        "root_path": "",
        "query_string": urlencode({"lang": language}).encode(),
        "headers": [(b"host", b"localhost")],
    }
    await app(scope, receive, send)
    return body.decode() if status == HTTPStatus.OK else None
