"""My area on paper and as a picture: one page, in Kazakh letters, with its sentence, period, link and mark."""

from io import BytesIO

import pypdf
import pytest
from PIL import Image

from riskmap import release, wording
from riskmap.documents import map_picture
from riskmap.public import area_facts, area_sheet, area_words, shelf
from tests.public_client import PublicClient
from tests.release_builder import a_release

LANGUAGES = ("kk", "ru", "en")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    root = tmp_path_factory.mktemp("sheets") / "releases"
    release.write(root, *a_release())
    return PublicClient(releases=root)


def book(client):
    return area_facts.book(shelf.latest(client.releases, "toy"))


def opened(answer):
    return pypdf.PdfReader(BytesIO(answer.content))


def text_of(reader):
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_of_a_place_is_one_page_that_says_what_the_page_says(client, language):
    words = wording.in_language(language)
    lead = area_words.lead(book(client), book(client).facts("d1"), words)

    answer = client.get("/area/toy/d1.pdf", lang=language)

    reader = opened(answer)
    text = text_of(reader)
    assert answer.headers["content-type"] == "application/pdf"
    assert len(reader.pages) == 1
    assert reader.trailer["/Root"]["/Lang"] == language
    assert reader.metadata.title == area_words.name(book(client), book(client).places["d1"], words)
    for told in (*lead, words.text("not_in.number"), words.text("simulated.banner"), "2026-11-01"):
        assert " ".join(told.split()) in text
    assert f"http://riskmap.test/area/toy/d1?lang={language}" in text


def test_kazakh_letters_can_be_selected(client):
    text = text_of(opened(client.get("/area/toy/toy.pdf", lang="kk")))

    assert set("әғқңөұүі") <= set(text.lower())


def test_equal_facts_give_equal_bytes(client):
    first = client.get("/area/toy/d1.pdf", lang="kk").content

    area_sheet._pdf.cache_clear()

    assert client.get("/area/toy/d1.pdf", lang="kk").content == first


def test_the_picture_carries_its_words_above_and_below_the_drawing():
    shape = map_picture.Shape(path="M0 0l100 0l0 100l-100 0z", key="5", number=3, middle=(50, 50), is_own=True)
    words = map_picture.Words(title="Үлгі", sentences=["Бір сөйлем."], below=["Дерек күні."])

    bare = map_picture.picture([shape], 100, legend=[], words=map_picture.Words())
    told = map_picture.picture([shape], 100, legend=[("5", "Айқын жоғары")], words=words)

    small, large = (Image.open(BytesIO(one)) for one in (bare, told))
    assert small.width == large.width
    assert large.height > small.height + 100


def test_a_hole_in_an_area_is_left_empty():
    path = "M0 0l100 0l0 100l-100 0zM40 40l20 0l0 20l-20 0z"
    shape = map_picture.Shape(path=path, key="2")

    image = Image.open(BytesIO(map_picture.picture([shape], 100, legend=[], words=map_picture.Words()))).convert("RGB")

    at = [(map_picture.MARGIN + x) * map_picture.SCALE for x in (10, 50)]
    top = [(map_picture.MARGIN + 10 + y) * map_picture.SCALE for y in (10, 50)]
    assert image.getpixel((at[0], top[0])) != (255, 255, 255)
    assert image.getpixel((at[1], top[1])) == (255, 255, 255)


def test_the_picture_of_a_place_is_served_and_linked_from_its_page(client):
    page = client.get("/area/toy/d1", lang="ru")
    answer = client.get("/area/toy/d1.png", lang="ru")

    assert 'href="/area/toy/d1.pdf?lang=ru"' in page.text
    assert 'href="/area/toy/d1.png?lang=ru"' in page.text
    assert Image.open(BytesIO(answer.content)).format == "PNG"


@pytest.mark.parametrize("address", ["/area/toy/nowhere.pdf", "/area/toy/nowhere.png", "/area/nowhere/d1.pdf"])
def test_a_sheet_of_an_unknown_place_answers_in_words(client, address):
    answer = client.get(address, lang="kk")

    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
