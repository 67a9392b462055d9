"""A place within pages of others: its sentence never stands alone, and no other page of the site can be framed."""

import asyncio
import re
from html import unescape

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from riskmap import release, wording
from riskmap.public import area_facts, area_news, embed_pages, shelf, static_files
from tests.hostile_texts import HOSTILE_TEXTS, as_read
from tests.public_client import PublicClient
from tests.release_builder import a_release, an_area

OTHERS = (
    "/area",
    "/area/toy",
    "/area/toy/d1",
    "/area/nowhere",
    "/regions/toy",
    "/compare/toy",
    "/not-on-map/toy",
    "/council/toy",
    "/scorecard/toy",
    "/data/toy",
    "/privacy",
    "/press",
    "/how",
    "/feed/nowhere.atom",
    "/site/kk/index.html",
)


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    root = tmp_path_factory.mktemp("embedded") / "releases"
    release.write(root, *a_release())
    return root


@pytest.fixture(scope="module")
def client(releases):
    return PublicClient(releases=releases)


def policy_of(answer):
    return dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))


def said_in(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", re.search(r"<main>.*</main>", answer.text, re.DOTALL)[0])).split())


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize("place", ["toy", "toy/d1", "toy/d2"])
def test_sentence_period_and_link_stand_together(client, releases, place, language):
    words, book = wording.in_language(language), area_facts.book(shelf.latest(releases, "toy"))

    answer = client.get(f"/embed/{place}", lang=language)

    said = said_in(answer)
    assert answer.status_code == 200
    for sentence in area_news.lead(book, book.places[place.rpartition("/")[2]], words):
        assert " ".join(sentence.split()) in said
    assert re.search(r"01\.10\.2025\W+30\.09\.2026", said)
    assert words.text("panel.data_as_of", date_loc=words.date_locative(book.release.as_of)) in said
    assert f'<a href="/area/{place}?lang={language}" target="_blank" rel="noopener">' in answer.text
    assert words.text("simulated.banner") in answer.text
    assert f'<html lang="{language}">' in answer.text


def test_the_frame_runs_nothing_takes_nothing_and_leaves_nothing(client):
    answer = client.get("/embed/toy", lang="en")

    policy = policy_of(answer)
    assert (policy["default-src"], policy["form-action"]) == ("'none'", "'none'")
    assert "script-src" not in policy
    assert not re.search(r"<script|<form|<input|\son\w+=|style=", answer.text)
    assert "set-cookie" not in answer.headers
    assert len(answer.content) < 60_000


def test_every_link_opens_beside_the_page_that_frames_it(client):
    for path in ("/embed/toy", "/embed/toy/nothing", "/embed/nowhere"):
        links = re.findall(r"<a [^>]*>", client.get(path, lang="ru").text)

        assert links
        assert [link for link in links if 'target="_blank" rel="noopener"' not in link] == []


def test_this_page_alone_may_be_framed(client):
    assert {policy_of(client.get(path))["frame-ancestors"] for path in ("/embed/toy", "/embed/toy/d1")} == {"*"}
    assert {path: policy_of(client.get(path)).get("frame-ancestors") for path in OTHERS} == dict.fromkeys(
        OTHERS, "'none'"
    )


def test_the_headers_of_the_site_leave_the_frame_open_and_close_what_says_nothing(releases):
    app = Starlette(
        routes=[*embed_pages.routes(releases), *static_files.routes(assets=releases, releases=releases)],
        middleware=[Middleware(static_files.SecurityHeaders)],
    )

    async def ask(path):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://riskmap.test") as browser:
            return await browser.get(path)

    framed, other = asyncio.run(ask("/embed/toy")), asyncio.run(ask("/assets/nothing.css"))
    assert policy_of(framed)["frame-ancestors"] == "*"
    assert "x-frame-options" not in framed.headers
    assert framed.headers["x-content-type-options"] == "nosniff"
    assert policy_of(other)["frame-ancestors"] == "'self'"


@pytest.mark.parametrize("path", ["/embed/nowhere", "/embed/toy/nothing", "/embed", "/embed/toy/d1/more"])
def test_an_unknown_place_is_answered_in_words_within_the_frame(client, path):
    answer = client.get(path, lang="ru")

    assert answer.status_code == 404
    assert re.search(r'<p class="rm-problem" role="alert">\S', answer.text)
    assert policy_of(answer)["frame-ancestors"] == "*"
    assert 'href="/area?lang=ru"' in answer.text or 'href="/area/toy' in answer.text


@pytest.mark.parametrize(
    ("query", "key"),
    [({"lang": "xx"}, "area.notice.language"), ({"release": "2020-01-01-00000000"}, "area.notice.release")],
)
def test_a_broken_language_or_an_old_release_is_told_in_the_frame(client, query, key):
    answer = client.get("/embed/toy", **query)

    assert answer.status_code == 200
    assert wording.in_language("kk").text(key) in said_in(answer)


def test_a_damaged_release_is_answered_in_words(tmp_path, caplog):
    release_id, _ = release.write(tmp_path / "releases", *a_release(territory="broken"))
    (tmp_path / "releases" / "broken" / release_id / "areas.json").write_text("{}")

    answer = PublicClient(releases=tmp_path / "releases").get("/embed/broken", lang="en")

    assert answer.status_code == 503
    assert wording.in_language("en").text("error.damaged_release") in said_in(answer)
    assert policy_of(answer)["frame-ancestors"] == "*"


# ---- What the page of a place offers ----


@pytest.mark.parametrize("place", ["toy", "toy/d1"])
def test_the_page_of_a_place_offers_feed_calendar_and_a_frame_to_copy(client, place):
    answer = client.get(f"/area/{place}", lang="ru")

    code = unescape(re.search(r'<textarea id="embed-code"[^>]* readonly[^>]*>(.*?)</textarea>', answer.text)[1])
    assert '<label for="embed-code">' in answer.text
    assert code.startswith(f'<iframe src="http://riskmap.test/embed/{place}?lang=ru" title="')
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in code
    for kind, address in (("application/atom+xml", f"/feed/{place}.atom"), ("text/calendar", f"/calendar/{place}.ics")):
        assert re.search(
            rf'<link rel="alternate" type="{re.escape(kind)}" [^>]*href="{address}\?lang=ru">', answer.text
        )
        assert re.search(rf'<a type="{re.escape(kind)}" href="{address}\?lang=ru">', answer.text)
        assert client.get(address, lang="ru").headers["content-type"].startswith(kind)


def test_no_frame_is_offered_where_the_site_has_no_address(client):
    answer = client.ask("/area/toy", headers={"host": 'evil.example"><b>'})

    assert "evil" not in answer.text
    assert "<textarea" not in answer.text
    assert 'href="/feed/toy.atom?lang=kk"' in answer.text


def test_no_name_of_a_place_breaks_out_of_the_frame_or_its_code(tmp_path):
    name = " ".join(HOSTILE_TEXTS)
    names, (manifest, files) = dict.fromkeys(wording.LANGUAGES, name), a_release()
    areas = [an_area("toy", "territory", residents=90_000, total=812), an_area("d1"), an_area("d2")]
    areas[0]["names"] = names
    content = release.as_json({"is_simulated": True, "areas": areas})
    release.write(tmp_path / "releases", {**manifest, "names": names}, {**files, "areas.json": content})
    client = PublicClient(releases=tmp_path / "releases")

    embedded, page = client.get("/embed/toy", lang="en"), client.get("/area/toy", lang="en")

    assert embedded.status_code == page.status_code == 200
    heading = unescape(re.search(r"<h1>(.*?)</h1>", embedded.text, re.DOTALL)[1])
    assert as_read(heading) == as_read(name)
    assert not {"script", "iframe", "img", "form", "b", "base"} & set(re.findall(r"<(\w+)", embedded.text.lower()))
    code = unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)[1])
    assert re.fullmatch(r'<iframe src="[^"<>]*" title="[^"<>]*" [^<>]*></iframe>', code, re.DOTALL)
