"""The text twin: every public page as a file that needs no script, no server and no address of its own."""

import re
from datetime import date
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from riskmap import wording
from riskmap.public import static_site
from riskmap.settings import ASSETS
from tests.installation import CITY, COUNTRY
from tests.public_client import PublicClient

LINK = re.compile(r'(?:href|src|action)="([^"]*)"')


@pytest.fixture(scope="module")
def site(installation):
    """The twin that the commands of the installation wrote."""
    return (installation.data / "site").resolve()


@pytest.fixture(scope="module")
def client(installation):
    return PublicClient(releases=installation.releases, journals=installation.data / "journals")


def pages(site, language):
    return sorted((site / language).rglob("*.html"))


def small(folder, texts, *, made_of=None):
    """A twin of a few made-up pages, each with its own text; counts how often each was asked for."""
    asked = []

    def endpoint(request: Request) -> HTMLResponse:
        asked.append(request.url.path)
        text = texts[request.url.path]
        if isinstance(text, Exception):
            raise text
        return HTMLResponse(f"<html><title>x – y</title><main>{text}</main><footer></footer></html>")

    written = static_site.write(
        folder,
        [Route("/{rest:path}", endpoint)],
        list(texts),
        assets=ASSETS,
        made_of=made_of or {"territories": texts},
        made_on=date(2026, 11, 23),
    )
    return written, asked


# ---- What the commands wrote ----


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_file_is_light_has_its_language_and_no_script(site, language):
    found = pages(site, language)

    assert len(found) > 100
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) <= static_site.MOST_BYTES, path
        assert f'<html lang="{language}">' in text, path
        assert "<script" not in text, path
        assert text.count("<h1") == 1, path


def test_links_lead_to_files_of_the_twin_or_up_out_of_it_and_never_start_at_a_root(site):
    inside = 0
    for path in pages(site, "kk"):
        for link in map(unescape, LINK.findall(path.read_text(encoding="utf-8"))):
            parts = urlsplit(link)
            assert not link.startswith("/"), (path, link)
            if parts.scheme or not parts.path:
                continue
            target = (path.parent / parts.path).resolve()
            if target.is_relative_to(site):
                inside += 1
                assert target.is_file(), (path, link)
    assert inside > 1000


def test_every_public_page_of_every_territory_is_in_the_twin(site):
    for name in (
        "index",
        f"area/{CITY}",
        f"area/{CITY}/ulg-06",
        f"area/{COUNTRY}/750000000",
        f"regions/{COUNTRY}",
        f"fear/{CITY}",
        f"fear/{CITY}/feels_completely_safe",
        f"not-on-map/{CITY}",
        f"compare/{CITY}",
        f"council/{CITY}",
        f"data/{CITY}",
        f"scorecard/{CITY}",
        "privacy",
        "press",
        "model-card",
        "how",
    ):
        assert {(site / language / f"{name}.html").is_file() for language in wording.LANGUAGES} == {True}, name


def test_the_file_of_a_district_holds_the_drawing_of_its_areas_and_their_table(site):
    text = (site / "ru" / "area" / CITY / "ulg-06.html").read_text(encoding="utf-8")

    assert text.count('<path class="rm-fill-') == text.count('<th scope="row"><a href="../../../ru/area/') > 10


def test_a_file_says_what_the_served_page_says(site, client):
    served = client.get(f"/area/{CITY}/ulg-06", lang="en").text
    kept = (site / "en" / "area" / CITY / "ulg-06.html").read_text(encoding="utf-8")

    def said(page):
        main = re.search(r"<main.*?</main>", page, re.DOTALL)[0]
        # A file has no address to frame, and does not say so.
        main = re.sub(r'<div class="rm-embed-code">.*?</div>', "", main, flags=re.DOTALL)
        return re.sub(r"<[^>]+>", " ", main).split()

    assert said(kept) == said(served)


def test_every_public_page_links_to_its_text(site, client):
    for path in (f"/area/{CITY}/ulg-06", f"/regions/{COUNTRY}", "/privacy", f"/council/{CITY}"):
        link = re.search(r'href="/site/(ru/[^"]+)"', client.get(path, lang="ru").text)[1]

        assert (site / link).is_file()
        assert link == f"ru{path}.html"


def test_copied_styles_ask_for_nothing(site):
    for sheet in (site / "assets").glob("*.css"):
        assert "url(" not in sheet.read_text(encoding="utf-8"), sheet


# ---- Served ----


def test_the_twin_is_served_beside_the_site_and_runs_no_script(client):
    answer = client.get(f"/site/ru/area/{CITY}.html")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert client.get("/site", lang="ru").headers["location"] == "/site/ru/index.html"
    assert client.get("/site/assets/page.css").status_code == 200


@pytest.mark.parametrize("path", ["/site/ru/nothing.html", "/site/%2e%2e/riskmap.db", "/site/made_of.json", "/site/xx"])
def test_what_the_twin_does_not_have_is_answered_in_words(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert '<p class="rm-problem" role="alert">' in answer.text


def test_before_there_is_a_twin_its_address_leads_to_the_pages_themselves(tmp_path):
    answer = PublicClient(releases=tmp_path / "releases").get("/site/ru/index.html")

    assert answer.status_code == 404
    assert 'href="/area?lang=ru"' in answer.text


# ---- Written ----


def test_the_same_is_not_written_twice(tmp_path):
    first, _ = small(tmp_path / "site", {"/a/one": "1"})
    second, asked = small(tmp_path / "site", {"/a/one": "1"})

    assert (first.is_new, second.is_new) == (True, False)
    assert asked == []


def test_pages_of_a_territory_that_tells_the_same_are_kept(tmp_path):
    small(tmp_path / "site", {"/a/one": "1", "/a/two": "2"}, made_of={"territories": {"one": "r1", "two": "r1"}})

    _, asked = small(
        tmp_path / "site", {"/a/one": "1", "/a/two": "3"}, made_of={"territories": {"one": "r1", "two": "r2"}}
    )

    assert set(asked) == {"/a/two"}
    assert ">3<" in (tmp_path / "site" / "kk" / "a" / "two.html").read_text(encoding="utf-8")
    assert ">1<" in (tmp_path / "site" / "kk" / "a" / "one.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / ".site").iterdir())) == 1


def test_when_writing_fails_the_twin_before_stays_whole(tmp_path):
    small(tmp_path / "site", {"/a/one": "1"})

    with pytest.raises(OSError, match="disk full"):
        small(tmp_path / "site", {"/a/one": "2", "/a/two": OSError("disk full")})

    assert ">1<" in (tmp_path / "site" / "kk" / "a" / "one.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / ".site").iterdir())) == 1


def test_a_page_that_is_not_answered_is_named_and_left_out(tmp_path):
    def endpoint(request: Request) -> HTMLResponse:
        return HTMLResponse("gone", status_code=404)

    written = static_site.write(
        tmp_path / "site",
        [Route("/gone", endpoint)],
        ["/gone"],
        assets=ASSETS,
        made_of={},
        made_on=date(2026, 11, 23),
    )

    assert written.missing == ("kk /gone", "ru /gone", "en /gone")
    assert not (tmp_path / "site" / "kk" / "gone.html").exists()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/area/a/b?lang=kk#like", "../../../kk/area/a/b.html#like"),
        ("/area/a/b?lang=ru", "../../../ru/area/a/b.html"),
        ("/assets/page.css?v=1", "../../../assets/page.css"),
        ("/?lang=kk", "../../../kk/index.html"),
        ("/?lang=kk&place=a", "../../../../?place=a&lang=kk"),
        ("/casework/a/new?lang=kk", "../../../../casework/a/new?lang=kk"),
        ("https://example.net/x", "https://example.net/x"),
        ("#main", "#main"),
    ],
)
def test_a_link_leads_where_it_led_from_wherever_the_copy_lies(target, expected):
    text = f'<a href="{target}"></a><footer></footer>'

    turned = static_site.turn(text, "/area/a/b", "kk", pages={"/area/a/b"}, made_on=date(2026, 11, 23), home=None)

    assert unescape(LINK.search(turned)[1]) == expected


def test_with_an_address_of_its_own_the_copy_leads_back_to_the_site():
    turned = static_site.turn(
        '<a href="/casework/a"></a>',
        "/how",
        "kk",
        pages=set(),
        made_on=date(2026, 11, 23),
        home="https://map.example.kz/",
    )

    assert 'href="https://map.example.kz/casework/a"' in turned


def test_the_folder_is_a_link_so_that_it_changes_in_one_step(tmp_path):
    small(tmp_path / "site", {"/a/one": "1"})

    assert (tmp_path / "site").is_symlink()
    assert not Path(tmp_path / "site").readlink().is_absolute()
