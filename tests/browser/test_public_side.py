"""The public side: a process that has releases and journals, and nothing else."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from riskmap.settings import REPOSITORY
from tests.browser.visits import wait_until_it_listens
from tests.installation import CITY

LINK = re.compile(r'(?:href|src|action)="([^"#]+)"')
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("public_side")]

STAFF = ("/sign-in", "/casework", "/steward", "/review")
ELSEWHERE = (*STAFF, "/mark")
"""What is only linked here: it is taken in where the store is, and the answer says so."""
STARTS = (
    "/council",
    "/scorecard",
    "/model-card",
    "/severity-weights",
    "/privacy",
    "/press",
    f"/data/{CITY}",
    f"/area/{CITY}",
    f"/feed/{CITY}.atom",
    f"/calendar/{CITY}.ics",
    f"/embed/{CITY}",
    "/api/v1/release",
)


@pytest.fixture(scope="module")
def data(installation, tmp_path_factory):
    """A folder that holds what the public side may see."""
    folder = tmp_path_factory.mktemp("public")
    for name in ("releases", "journals", "site"):
        shutil.copytree(installation.data / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def site(data):
    with socket.create_server(("", 0)) as probe:
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RISKMAP_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "riskmap", "serve", f"--port={port}", "--language=en"],
        cwd=REPOSITORY,
        env={**kept, "RISKMAP_DATA": str(data), "RISKMAP_SIDE": "public"},
        start_new_session=True,
    )
    try:
        wait_until_it_listens(port, server)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


def files_below(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_every_public_page_works_without_a_store_and_nothing_is_written(site, data):
    before = files_below(data)
    waiting, seen, broken = [f"{start}?lang=kk" for start in STARTS], set(), []

    while waiting and len(seen) < 150:
        address = waiting.pop(0)
        seen.add(address)
        answer = site.get(address, follow_redirects=True)
        if answer.status_code != 200:
            broken.append((answer.status_code, address))
        if answer.headers.get("content-type", "").startswith("text/html"):
            found = (urljoin(address, link.replace("&amp;", "&")) for link in LINK.findall(answer.text))
            for link in found:
                parts = urlsplit(link)
                is_ours = not parts.netloc and parts.path not in ("", "/") and not parts.path.startswith(ELSEWHERE)
                if is_ours and link not in seen and link not in waiting:
                    waiting.append(link)

    assert broken == []
    assert len(seen) > 40
    assert files_below(data) == before


def test_the_map_itself_is_drawn(site, chromium):
    page = chromium.new_page()

    page.goto(f"{site.base_url}/?place={CITY}&view=hexagons&lang=ru")
    frame = page.frame_locator("iframe")

    frame.locator(".rm-map[data-phase=ready]").wait_for(timeout=60_000)
    page.close()


@pytest.mark.parametrize("path", [*STAFF, f"/casework/{CITY}/new", f"/review/{CITY}"])
def test_pages_for_whoever_signs_in_are_not_here_and_say_so(site, path):
    answer = site.get(path, params={"lang": "en"})

    assert answer.status_code == 404
    assert "nobody can sign in" in answer.text


def test_without_a_release_the_public_side_does_not_start(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RISKMAP_")}
    environment = {**kept, "RISKMAP_DATA": str(tmp_path), "RISKMAP_SIDE": "public"}

    ended = subprocess.run(
        [sys.executable, "-m", "riskmap", "serve", "--prepare-only", "--language=en"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode != 0
    assert "RISKMAP_SIDE" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def other_site(site):
    """Address of somebody else's page that frames a place as its own page says, and that page itself."""
    area = f"{site.base_url}/area/{CITY}?lang=ru"
    code = re.search(r"<textarea[^>]*>(.*?)</textarea>", site.get(area).text, re.DOTALL)[1]
    body = f"<!doctype html><title>x</title>{unescape(code)}<iframe name=closed src='{area}'></iframe>".encode()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Nothing is said of requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_site_can_frame_a_place_and_nothing_else_of_ours(site, other_site, chromium):
    context = chromium.new_context()
    page = context.new_page()

    page.goto(other_site)
    frame = page.frame_locator("iframe").first
    with context.expect_page() as opened:
        frame.locator(".rm-embed-way a").click()
    opened.value.wait_for_load_state()

    assert "01.10.2025" in frame.locator(".rm-lead").inner_text()
    assert frame.locator("figure svg path").count() > 3
    assert opened.value.url == f"{site.base_url}/area/{CITY}?lang=ru"
    assert opened.value.evaluate("window.opener") is None
    assert CITY not in page.frame("closed").url
    context.close()
