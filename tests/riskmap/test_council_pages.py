"""The council's public pages: made from the journal alone, whole in three languages, never fooled by an address."""

import json
import re
from collections import Counter
from datetime import date, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from geodata import hexgrid
from riskmap import release, wording
from riskmap.council.request import NEEDS, OPEN_STATES, FieldKind, RequestKind, State
from riskmap.public import council, explain
from tests.hostile_texts import HOSTILE_TEXTS, as_read
from tests.installation import COUNTRY
from tests.journal_builder import CELL, FIRST_DAY, a_request, a_step, write_journal
from tests.public_client import PublicClient
from tests.release_builder import a_release, fine_and_coarse_cells

OTHER_CELL = f"{int(fine_and_coarse_cells()[2]):x}"
PUBLIC_FIELDS = sorted({field.name for fields in NEEDS.values() for field in fields if field.is_public})


class Reader(HTMLParser):
    """Elements with their attributes, links and all text of a page outside styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.links, self.texts, self.map = [], [], [], None
        self._is_style = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self._is_style = tag == "style"
        named = dict(attrs)
        if tag == "a":
            self.links.append(named["href"])
        if "data-map" in named:
            self.map = json.loads(named["data-map"])

    def handle_endtag(self, tag):
        self._is_style = False

    def handle_data(self, data):
        if not self._is_style:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def releases(tmp_path):
    release.write(tmp_path / "releases", *a_release())
    return tmp_path / "releases"


@pytest.fixture
def journals(tmp_path):
    return tmp_path / "journals"


@pytest.fixture
def client(releases, journals):
    return PublicClient(releases=releases, journals=journals)


def read(client, address, **parameters):
    answer = client.get(address, **parameters)
    assert answer.status_code == 200, answer.text[:500]
    return Reader(answer.text)


def numbers_listed(page):
    found = [re.fullmatch(r"/council/toy/(\d+)", urlsplit(link).path) for link in page.links]
    return [int(match[1]) for match in found if match]


# ---- The words of the public room and of the council agree ----


def test_kinds_states_and_fields_are_those_of_the_council():
    assert set(council.KINDS) == set(RequestKind)
    assert sorted(state for group in council.GROUPS.values() for state in group) == sorted(set(State) - {State.DRAFT})
    assert {*council.GROUPS["open"], *council.GROUPS["decided"]} == OPEN_STATES
    assert sorted(council.FIELDS) == PUBLIC_FIELDS
    assert all(
        name.endswith("_day") == (field.kind is FieldKind.DAY)
        for fields in NEEDS.values()
        for field in fields
        for name in [field.name]
    )


@pytest.mark.parametrize("state", sorted(council.STAGES_AHEAD))
def test_what_still_lies_ahead_grows_shorter_on_the_way(state):
    ahead = council.STAGES_AHEAD[state]

    assert council.STAGES[len(council.STAGES) - len(ahead) :] == ahead


# ---- List ----


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_list_names_the_council_says_what_it_is_not_and_leads_to_a_new_request(client, journals, language):
    words = wording.in_language(language)
    write_journal(journals, a_request(4))

    page = read(client, "/council/toy", lang=language)

    assert words.text("council.list.legal", address="eotinish.kz") in page.text
    assert f"/casework/toy/new?lang={language}" in page.links
    assert not [link for link in page.links if "eotinish" in link]
    for expected in (
        words.text("council.kind.lighting"),
        words.text("council.state.in_triage"),
        words.text("council.list.supporters", n=3),
        words.text("council.list.submitted", date=FIRST_DAY),
        "Екі шам жанбайды.",
        words.text("simulated.banner"),
    ):
        assert expected in page.text


def test_the_newest_change_comes_first(client, journals):
    days = [date(2026, 9, 5), date(2026, 9, 20), date(2026, 9, 11)]
    write_journal(journals, *(a_request(n, changed_on=day) for n, day in enumerate(days, start=1)))

    page = read(client, "/council/toy")

    assert numbers_listed(page) == [2, 3, 1]


def test_unread_words_are_not_shown_and_the_page_says_why(client, journals):
    words = wording.in_language("ru")
    closed = a_request(2, wording=None, state="withdrawn", is_open=False)
    write_journal(journals, a_request(1, wording=None), closed)

    page = read(client, "/council/toy", lang="ru")

    assert words.text("council.list.unread") in page.text
    assert words.text("council.list.unpublished") in page.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"kind": "camera"}, [2]),
        ({"state": "open"}, [1, 2]),
        ({"state": "decided"}, [3]),
        ({"state": "closed"}, [4]),
        ({"state": "done"}, []),
        ({"area": "d2"}, [3]),
        ({"cell": OTHER_CELL}, [3]),
        ({"cell": OTHER_CELL.upper()}, [3]),
        ({"kind": "lighting", "state": "open"}, [1]),
        ({"kind": "", "state": "", "area": "", "cell": "", "page": ""}, [1, 2, 3, 4]),
        ({"kind": "tank", "state": "draft", "area": "d9", "cell": "zzz", "page": "-1"}, [1, 2, 3, 4]),
        ({"page": "99999999999999999999", "cell": "'\"><b>"}, [1, 2, 3, 4]),
        ({"page": "٣", "area": "../d1"}, [1, 2, 3, 4]),
    ],
)
def test_the_list_is_narrowed_by_what_means_something_and_nothing_else(client, journals, query, expected):
    write_journal(
        journals,
        a_request(1),
        a_request(2, kind="camera", state="submitted", wording=None),
        a_request(3, state="approved", area_id="d2", cell_id=OTHER_CELL),
        a_request(4, state="refused", is_open=False),
    )

    page = read(client, "/council/toy", **query)

    assert sorted(numbers_listed(page)) == expected


def test_a_coarser_or_finer_cell_of_the_same_place_finds_the_request(client, journals):
    write_journal(journals, a_request(1))
    (lat,), (lng,) = hexgrid.centres(np.array([hexgrid.parse_cell(CELL)]))

    for resolution in (8, 10):
        page = read(client, "/council/toy", cell=hexgrid.cell_at(lat, lng, resolution=resolution))
        assert numbers_listed(page) == [1]
    assert numbers_listed(read(client, "/council/toy", cell=OTHER_CELL)) == []


def test_a_choice_that_fits_nothing_offers_all_requests_and_a_new_one(client, journals):
    write_journal(journals, a_request(1))

    page = read(client, "/council/toy", kind="camera", lang="en")

    assert wording.in_language("en").text("council.list.none_found") in page.text
    assert "/council/toy?lang=en" in page.links


def test_a_change_of_language_and_of_page_keeps_the_choice(client, journals):
    write_journal(journals, *(a_request(n) for n in range(1, 46)))

    page = read(client, "/council/toy", lang="ru", kind="lighting", page="2")

    other = [parse_qs(urlsplit(link).query) for link in page.links if "lang=kk" in link]
    assert other == [{"lang": ["kk"], "kind": ["lighting"], "page": ["2"]}]
    turned = {parse_qs(urlsplit(link).query).get("page", ["1"])[0] for link in page.links if link.endswith("#list")}
    assert turned == {"1", "3"}


def test_every_request_stands_on_exactly_one_page_and_a_page_too_far_is_the_last(client, journals):
    write_journal(journals, *(a_request(n, changed_on=FIRST_DAY + timedelta(days=n % 7)) for n in range(1, 46)))

    listed = [numbers_listed(read(client, "/council/toy", page=str(page))) for page in (1, 2, 3)]

    assert [len(numbers) for numbers in listed] == [20, 20, 5]
    assert Counter(number for numbers in listed for number in numbers) == Counter(range(1, 46))
    assert numbers_listed(read(client, "/council/toy", page="77")) == listed[-1]


def test_the_map_marks_the_requests_of_the_choice_and_all_cells_stay_to_choose_from(client, journals):
    write_journal(journals, a_request(1), a_request(2), a_request(3, kind="camera", cell_id=OTHER_CELL, area_id="d2"))

    everything = read(client, "/council/toy").map["state"]["marks"]
    cameras = read(client, "/council/toy", kind="camera").map["state"]["marks"]
    one_cell = read(client, "/council/toy", cell=CELL).map["state"]

    assert {mark["cell"]: mark["count"] for mark in everything} == {CELL: 2, OTHER_CELL: 1}
    assert [mark["cell"] for mark in cameras] == [OTHER_CELL]
    assert one_cell["cell"] == CELL
    assert len(one_cell["marks"]) == 2


def test_a_place_without_a_journal_has_a_council_without_requests(client):
    page = read(client, "/council/toy", lang="en")

    assert wording.in_language("en").text("council.list.empty") in page.text
    assert "/casework/toy/new?lang=en" in page.links
    assert page.map["state"]["marks"] == []


# ---- Places ----


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_places_are_listed_with_what_is_in_progress_there(client, releases, journals, language):
    words = wording.in_language(language)
    release.write(releases, *a_release(territory="quiet", is_simulated=False))
    write_journal(journals, a_request(1), a_request(2, state="done", is_open=False))

    page = read(client, "/council", lang=language)

    assert words.text("council.list.open", n=1) in page.text
    assert words.text("council.list.open", n=0) in page.text
    assert page.text.count(words.text("place.simulated")) == 1
    assert {f"/council/toy?lang={language}", f"/council/quiet?lang={language}"} <= set(page.links)


def test_without_any_place_the_page_leads_to_the_country(tmp_path):
    page = read(PublicClient(releases=tmp_path / "none"), "/council", lang="ru")

    assert wording.in_language("ru").text("council.list.no_places") in page.text
    assert "/?lang=ru&place=kazakhstan" in page.links


# ---- One request ----


def decided(number=7, **changes):
    steps = (
        a_step("submit", "submitted", FIRST_DAY),
        a_step("take_up", "in_triage", date(2026, 9, 2), wording="Екі шам жанбайды."),
        a_step("refer", "before_council", date(2026, 9, 3)),
        a_step("approve", "approved", date(2026, 9, 9), expectation="Жарық жанады.", decision_grounds="Тексерілді."),
        a_step("send", "with_body", date(2026, 9, 10), document_number="К-1", document_day="2026-09-10", body="Шамшы"),
    )
    return a_request(number, **{"state": "with_body", "steps": steps, **changes})


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_a_request_is_told_step_by_step_with_day_and_published_fields(client, journals, language):
    words = wording.in_language(language)
    write_journal(journals, decided())

    text = read(client, "/council/toy/7", lang=language).text

    expected = ["02.09.2026", words.text("council.step.approve"), words.text("council.field.decision_grounds")]
    expected += ["Тексерілді.", words.text("council.field.expectation"), "Жарық жанады."]
    expected += [words.text("council.field.body"), "Шамшы", "К-1", words.text("council.field.document_day")]
    expected += ["10.09.2026", words.text("council.page.stage.done")]
    position = text.index(words.text("council.page.history"))
    for part in expected:
        position = text.index(part, position)
    assert text.count("Екі шам жанбайды.") == 1
    assert words.text("council.page.stage.with_body") not in text


def test_the_title_names_kind_number_and_place(client, journals):
    write_journal(journals, decided())

    page = client.get("/council/toy/7", lang="ru").text

    assert "<title>Уличное освещение, № 7 – Игрушка – riskmap</title>" in page
    assert '<meta property="og:title" content="Уличное освещение, № 7">' in page


@pytest.mark.parametrize("code", range(1, 8))
def test_the_class_of_the_place_is_told_in_words_as_of_the_day_of_asking(client, journals, code):
    words = wording.in_language("ru")
    write_journal(journals, decided(risk_class=code))

    page = read(client, "/council/toy/7", lang="ru")

    key = explain.CLASS_KEYS[code]
    assert words.text(key) in page.text
    assert words.text(f"{key}.long", parent="район d1") in page.text
    assert words.text("council.page.as_of_then", date=FIRST_DAY) in page.text


def test_merged_requests_lead_to_each_other(client, journals):
    merge = a_step("merge", "merged", earlier_request="1")
    merged = a_request(2, state="merged", is_open=False, merged_into=1, steps=(a_step("submit", "submitted"), merge))
    write_journal(journals, a_request(1), merged)

    earlier, later = read(client, "/council/toy/1", lang="kk"), read(client, "/council/toy/2", lang="kk")

    assert "/council/toy/2?lang=kk" in earlier.links
    assert later.links.count("/council/toy/1?lang=kk") == 2
    assert wording.in_language("kk").text("council.page.merged_into", number="1") in later.text


def test_a_request_leads_to_the_door_of_those_who_may_act(client, journals):
    write_journal(journals, decided())

    page = read(client, "/council/toy/7", lang="en")

    assert {"/casework/toy/7?lang=en", "/council/toy/7?lang=en", "/council/toy?lang=en"} <= set(page.links)
    assert page.map["state"]["cell"] == CELL
    assert page.map["state"]["fly_to"]


# ---- What is not there ----


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("/council/nowhere", "error.unknown_place"),
        ("/council/..%2ftoy", "error.unknown_place"),
        ("/council/nowhere/1", "error.unknown_place"),
        ("/council/nowhere/requests.csv", "error.unknown_place"),
        ("/council/toy/2", "error.council.no_request"),
        ("/council/toy/0", "error.council.no_request"),
        ("/council/toy/-1", "error.council.no_request"),
        ("/council/toy/٧", "error.council.no_request"),
        ("/council/toy/1.0", "error.council.no_request"),
        ("/council/toy/99999999999999999999999", "error.council.no_request"),
        ("/council/toy/%3Cscript%3E", "error.council.no_request"),
        ("/council/toy/1/2", "error.council.no_page"),
    ],
)
@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_what_is_not_there_is_said_in_the_language_asked_for_with_a_way_on(client, journals, address, key, language):
    write_journal(journals, a_request(1))

    answer = client.get(address, lang=language)

    page = Reader(answer.text)
    assert answer.status_code == 404
    assert wording.in_language(language).text(key) in page.text
    assert f"/council/toy?lang={language}" in page.links
    assert f'<html lang="{language}">' in answer.text


def test_a_map_without_hexagons_says_that_requests_need_them_and_leads_to_places_that_have(installation):
    client = PublicClient(releases=installation.releases)

    answer = client.get(f"/council/{COUNTRY}", lang="ru")

    page = Reader(answer.text)
    assert answer.status_code == 404
    assert wording.in_language("ru").text("error.council.no_hexagons") in page.text
    assert "/council/ulgiqala?lang=ru" in page.links


@pytest.mark.parametrize("harm", ["change", "lose a file", "lose the folder"])
@pytest.mark.parametrize("address", ["/council/toy", "/council/toy/1", "/council/toy/requests.csv"])
def test_a_damaged_journal_is_called_that_and_silences_no_other_council(client, releases, journals, harm, address):
    release.write(releases, *a_release(territory="quiet"))
    folder = journals / "toy" / write_journal(journals, a_request(1))
    if harm == "change":
        (folder / "requests.json").write_bytes(b"{}")
    elif harm == "lose a file":
        (folder / "requests.json").unlink()
    else:
        folder.rename(journals / "elsewhere")

    answer = client.get(address, lang="en")

    assert answer.status_code == 503
    assert wording.in_language("en").text("error.council.damaged") in Reader(answer.text).text
    assert "requests.json" not in answer.text
    assert client.get("/council/quiet").status_code == 200
    assert wording.in_language("en").text("error.council.damaged") in client.get("/council", lang="en").text


def test_a_fault_nobody_foresaw_gives_a_reference_and_no_detail(client, journals, caplog):
    write_journal(journals, a_request(1, kind="tank"))

    answer = client.get("/council/toy", lang="en")

    (reference,) = re.findall(r"\b[0-9a-f]{8}\b", Reader(answer.text).text)
    assert answer.status_code == 500
    assert reference in caplog.text
    assert not re.search(r"tank|UnknownText|Traceback", answer.text)


def test_no_page_may_run_a_script_of_its_own_or_be_framed(client, journals):
    write_journal(journals, a_request(1))

    for address in ("/council", "/council/toy", "/council/toy/1", "/council/nowhere"):
        answer = client.get(address)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|javascript:", answer.text)


# ---- Hostile texts ----


def hostile(text):
    """A request that carries a text wherever people's texts are published."""
    steps = (
        a_step("submit", "submitted", FIRST_DAY),
        a_step("take_up", "in_triage", wording=f"{text} (earlier)"),
        a_step("forward", "not_ours", competent_body=text),
        a_step("approve", "approved", decision_grounds=text, expectation=text),
        a_step("send", "with_body", body=text, document_number=text, document_day=text),
        a_step("report_not_done", "not_done", reason=text),
        a_step("complete", "done", done_day=text, document=text),
        a_step("confirm", "done", checked=text),
    )
    return a_request(1, wording=text, state="done", is_open=False, steps=steps)


@pytest.fixture
def harmless_elements(client, journals):
    """Elements and map of both pages when the texts are one plain word."""
    write_journal(journals, hostile("word"))
    pages = {address: read(client, address) for address in ("/council/toy", "/council/toy/1")}
    return {address: (Counter(page.elements), page.map) for address, page in pages.items()}


TEXT_ONLY = {("p", ()), ("br", ())}
"""What a person's paragraphs and line breaks may become."""


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_is_shown_as_text_and_makes_no_element_or_attribute(client, journals, harmless_elements, text):
    write_journal(journals, hostile(text))

    for address, (expected, same_map) in harmless_elements.items():
        page = read(client, address)
        found = Counter(page.elements)

        odd = {element for element in found.keys() | expected.keys() if found[element] != expected[element]}
        assert odd <= TEXT_ONLY
        assert as_read(text) in as_read("".join(page.texts))
        assert page.map == same_map


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_address_is_answered_safely(client, journals, text):
    write_journal(journals, a_request(1))
    expected = Counter(read(client, "/council/toy", lang="kk").elements)

    page = read(client, "/council/toy", kind=text, state=text, area=text, cell=text, page=text, lang=text)

    assert Counter(page.elements) == expected
