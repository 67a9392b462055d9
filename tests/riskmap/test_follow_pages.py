"""Feed and calendar of a place: what they tell, that their names last, and that no text breaks them."""

import json
import re
from datetime import date, datetime, timedelta
from xml.etree import ElementTree as Tree

import pytest
from icalendar import Calendar

from riskmap import journal, release, wording
from riskmap.journal import PublicReview
from riskmap.public import area_facts, area_news, place_calendar, shelf
from tests.hostile_texts import HOSTILE_TEXTS
from tests.journal_builder import FIRST_DAY, LAST_DAY, a_request, a_step, write_journal
from tests.public_client import PublicClient
from tests.release_builder import a_release, fine_and_coarse_cells

ATOM = "{http://www.w3.org/2005/Atom}"
FAR_CELL = f"{int(fine_and_coarse_cells()[2]):x}"
PLANNED = "2026-12-05"
TAGS = ("feed", "id", "title", "subtitle", "updated", "author", "name", "link", "entry", "published", "summary")


def publish(root, *, published_at="2026-11-02T20:30:00+00:00", **changes):
    manifest, files = a_release(**changes)
    changed = {"kk": "Бұл – алғашқы шығарылым.", "ru": "Это первый выпуск.", "en": "This is the first release."}
    return release.write(root, {**manifest, "published_at": published_at, "what_changed": changed}, files)[0]


@pytest.fixture
def releases(tmp_path):
    publish(tmp_path / "releases")
    return tmp_path / "releases"


@pytest.fixture
def journals(tmp_path):
    write_journal(tmp_path / "journals", a_planned_request(), a_request(2, cell_id=FAR_CELL, area_id="d2"))
    return tmp_path / "journals"


@pytest.fixture
def client(releases, journals):
    return PublicClient(releases=releases, journals=journals)


def a_planned_request(number=1, *days, state="scheduled"):
    """A request that was approved, and for which the body named one day after another."""
    planned = [a_step("schedule", "scheduled", planned_day=day, body_answer="Орнатамыз") for day in days or (PLANNED,)]
    steps = (a_step("submit", "submitted", FIRST_DAY), a_step("approve", "approved"), *planned)
    return a_request(number, state=state, steps=steps)


def parsed(answer):
    return Tree.fromstring(answer.content)  # noqa: S314 - our own answer


def feed(client, address="/feed/toy.atom", **parameters):
    answer = client.get(address, **parameters)
    assert answer.status_code == 200, answer.text[:300]
    return parsed(answer)


def entries(document):
    return {one.findtext(f"{ATOM}id"): one for one in document.iter(f"{ATOM}entry")}


def titles(document):
    return [one.findtext(f"{ATOM}title") for one in document.iter(f"{ATOM}entry")]


def events(client, address="/calendar/toy.ics", **parameters):
    answer = client.get(address, **parameters)
    assert answer.status_code == 200, answer.text[:300]
    return list(Calendar.from_ical(answer.content).walk("VEVENT"))


def take_back(root, release_id, reason="wrong"):
    """Withdraw a release as the command does, with another in its place."""
    told = {"release_id": release_id, "predecessor": None, "as_of": "2026-11-01", "withdrawn_on": "2026-11-10"}
    (root / "toy" / release.WITHDRAWN_FILE).write_text(json.dumps({"releases": [{**told, "reason": reason}]}))
    return publish(root, predecessor=release_id, published_at="2026-11-10T09:00:00+00:00", as_of="2026-11-10")


# ---- Feed ----


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_news_of_the_newest_release_are_the_sentences_of_the_page(client, releases, language):
    book = area_facts.book(shelf.latest(releases, "toy"))
    words = wording.in_language(language)

    document = feed(client, lang=language)

    (told,) = [
        one
        for one in entries(document).values()
        if words.text("feed.release", date=date(2026, 11, 1)) in one.findtext(f"{ATOM}title")
    ]
    lead = area_news.lead(book, book.places["toy"], words)
    assert told.findtext(f"{ATOM}summary").split("\n")[: len(lead)] == list(lead)
    assert document.get("{http://www.w3.org/XML/1998/namespace}lang") == language


def test_a_feed_holds_what_the_standard_asks_for(client):
    document = feed(client, lang="en")

    assert document.tag == f"{ATOM}feed"
    assert document.findtext(f"{ATOM}author/{ATOM}name")
    for one in (document, *document.iter(f"{ATOM}entry")):
        assert len(one.findall(f"{ATOM}title")) == len(one.findall(f"{ATOM}updated")) == 1
        assert one.findtext(f"{ATOM}id").startswith("urn:uuid:")
        assert datetime.fromisoformat(one.findtext(f"{ATOM}updated")).tzinfo is not None
        links = {link.get("rel"): link.get("href") for link in one.findall(f"{ATOM}link")}
        assert re.fullmatch(r"http://riskmap\.test/\S+", links["alternate"])
    assert len(entries(document)) == len(titles(document))


def test_a_place_is_told_of_its_own_requests_alone(client):
    whole, first = titles(feed(client, lang="en")), titles(feed(client, "/feed/toy/d1.atom", lang="en"))

    assert {number for title in whole for number in re.findall(r"No (\d)", title)} == {"1", "2"}
    assert {number for title in first for number in re.findall(r"No (\d)", title)} == {"1"}
    assert any("The council approved" in title for title in first)


def test_every_title_says_itself_that_the_data_are_simulated(client):
    assert {title.startswith("Simulated data. ") for title in titles(feed(client, lang="en"))} == {True}


def test_a_simulated_request_is_marked_where_the_release_is_real(tmp_path):
    publish(tmp_path / "releases", is_simulated=False)
    write_journal(tmp_path / "journals", a_planned_request(1), a_request(2, is_simulated=False))
    client = PublicClient(releases=tmp_path / "releases", journals=tmp_path / "journals")

    told = [*titles(feed(client, lang="en")), *(str(one["summary"]) for one in events(client, lang="en"))]

    assert {title.startswith("Simulated data. ") for title in told if "No 1" in title} == {True}
    assert {title.startswith("Simulated data. ") for title in told if "No 1" not in title} == {False}


def test_names_stay_the_same_when_more_is_told(client, journals):
    before = set(entries(feed(client)))
    write_journal(journals, a_planned_request(), a_request(2), a_request(3))

    after = set(entries(feed(client)))

    assert before < after


def test_a_withdrawn_release_takes_the_place_of_its_news_and_tells_a_neutral_reason_alone(client, releases):
    first = release.latest_id(releases, "toy")
    (name,) = [key for key, one in entries(feed(client, lang="en")).items() if "812" in one.findtext(f"{ATOM}summary")]

    take_back(releases, first)

    told = entries(feed(client, lang="en"))[name]
    assert told.findtext(f"{ATOM}title").endswith("Data release withdrawn. Data as of: 01.11.2026")
    assert told.findtext(f"{ATOM}summary") == "Withdrawn, date: 10.11.2026. Reason: it had wrong numbers."
    assert told.findtext(f"{ATOM}updated") == "2026-11-10T00:00:00+05:00"


def test_reviews_of_a_place_are_told_when_asked_and_when_answered(client, journals):
    told = {"number": 4, "place_id": "d1", "area_id": "d1", "asked_on": date(2026, 11, 3), "due_on": date(2026, 11, 24)}
    head = {"number": 1, "line_sha256": "0" * 64}
    journal.write(journals, "toy", (), (PublicReview(**told),), as_of=LAST_DAY, is_simulated=True, audit_head=head)

    near, far = feed(client, "/feed/toy/d1.atom", lang="en"), feed(client, "/feed/toy/d2.atom", lang="en")

    assert any("The answer is due by 24.11.2026" in one.findtext(f"{ATOM}summary") for one in entries(near).values())
    assert not any("Review" in title for title in titles(far))


@pytest.mark.parametrize("address", ["/feed/toy.atom", "/calendar/toy.ics"])
def test_who_holds_the_newest_is_not_sent_it_again(client, journals, address):
    tag = client.get(address).headers["etag"]

    same = [client.ask(address, headers={"if-none-match": asked}) for asked in (tag, f'"other", W/{tag}', "*")]
    write_journal(journals, a_planned_request(state="done"), a_planned_request(5))
    changed = client.ask(address, headers={"if-none-match": tag})

    assert [(one.status_code, one.content, one.headers["etag"]) for one in same] == [(304, b"", tag)] * 3
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


@pytest.mark.parametrize("address", ["/feed/toy.atom", "/calendar/toy.ics"])
def test_nothing_is_left_with_who_follows_and_nothing_asked_of_them(client, address):
    answer = client.get(address)

    assert "set-cookie" not in answer.headers
    assert "@" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("host", ["evil.example/a?<b>", 'evil"onload=', "user@evil.example", ""])
def test_a_name_that_is_no_address_is_not_repeated(client, host):
    feed_told = client.ask("/feed/toy.atom", headers={"host": host})
    calendar_told = client.ask("/calendar/toy.ics", headers={"host": host})

    assert "evil" not in feed_told.text + calendar_told.text
    assert parsed(feed_told).find(f"{ATOM}link").get("href") == "/feed/toy.atom?lang=kk"


def test_links_go_through_https_where_the_site_is_reached_so(client):
    answer = client.ask("/feed/toy.atom", headers={"x-forwarded-proto": "https"})

    assert parsed(answer).find(f"{ATOM}link").get("href").startswith("https://riskmap.test/feed/")


# ---- What cannot be told ----


@pytest.mark.parametrize("address", ["/feed/{}.atom", "/calendar/{}.ics"])
@pytest.mark.parametrize("place", ["nowhere", "toy/nothing", "toy/d1/more", "..%2ftoy"])
def test_an_unknown_place_is_answered_in_words_with_a_way_on(client, address, place):
    answer = client.get(address.format(place), lang="ru")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert re.search(r'<p class="rm-problem" role="alert">\S', answer.text)
    assert 'href="/area/toy' in answer.text


def test_a_language_nobody_has_is_answered_in_kazakh(client):
    assert client.get("/feed/toy.atom", lang="xx").headers["content-language"] == "kk"


def test_a_journal_that_cannot_be_read_leaves_the_news_of_releases(client, journals):
    for path in journals.rglob("requests.json"):
        path.write_text("{}")

    assert len(entries(feed(client))) == 1
    assert len(events(client)) == 2


# ---- Hostile texts ----


def test_no_text_breaks_the_feed_or_turns_its_direction(client, journals):
    write_journal(journals, *(a_request(number, wording=text) for number, text in enumerate(HOSTILE_TEXTS, start=1)))

    answer = client.get("/feed/toy.atom", lang="en")
    document = parsed(answer)

    said = "".join(document.itertext())
    assert "<script>alert(1)</script>" in said
    assert "<script" not in answer.text.lower()
    assert {one.tag for one in document.iter()} == {f"{ATOM}{name}" for name in TAGS}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", said)


def test_no_text_breaks_the_calendar_or_adds_an_event(client, journals):
    texts = [*HOSTILE_TEXTS, "a\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:evil\r\nATTACH:http://evil.example", "\\n\\,;:"]
    requests = [a_request(n, wording=text, steps=a_planned_request().steps) for n, text in enumerate(texts, start=1)]
    write_journal(journals, *requests)

    found = events(client, lang="en")

    told = {int(number[1]): one for one in found if (number := re.search(r"No (\d+)\. Planned", str(one["summary"])))}
    assert len(told) == len(texts)
    for number, text in enumerate(texts, start=1):
        assert str(told[number]["description"]).startswith(area_news.clean(text))
    assert not [one for one in found if "ATTACH" in one or one["uid"] == "evil"]


# ---- Calendar ----


def test_a_calendar_opens_with_whole_days_and_lasting_names(client):
    first, second = events(client, lang="kk"), events(client, lang="kk")

    assert [str(one["uid"]) for one in first] == [str(one["uid"]) for one in second]
    assert len({str(one["uid"]) for one in first}) == len(first)
    for one in first:
        assert type(one["dtstart"].dt) is date
        assert one["dtend"].dt - one["dtstart"].dt == timedelta(days=1)
        assert one["dtstamp"].dt == one["last-modified"].dt
        assert one["dtstamp"].dt.utcoffset() == timedelta(0)
        assert str(one["url"]).startswith("http://riskmap.test/")


def test_a_release_stands_on_the_civil_day_of_kazakhstan_and_leaves_no_count_in_peoples_calendars(client):
    (one,) = [one for one in events(client, lang="en") if "New data release" in one["summary"]]

    assert one["dtstart"].dt == date(2026, 11, 3)  # 20:30 UTC on the 2nd
    assert "812" not in one["description"]


def test_the_next_quarter_is_told_with_its_rule(client):
    (one,) = [one for one in events(client, lang="en") if "quarter" in one["summary"]]

    assert one["dtstart"].dt == date(2027, 1, 1)
    assert "Last day of the quarter: 31.12.2026." in one["description"]


def test_a_release_of_months_waits_for_the_end_of_the_quarter_it_is_in():
    assert place_calendar.day_after_quarter(date(2026, 8, 1)) == date(2026, 10, 1)


def test_a_day_that_moves_keeps_its_name_and_grows_its_sequence(client, journals):
    (before,) = [one for one in events(client, lang="en") if "Planned" in one["summary"]]
    write_journal(journals, a_planned_request(1, PLANNED, "2026-12-20"))

    (after,) = [one for one in events(client, lang="en") if "Planned" in one["summary"]]

    assert (before["dtstart"].dt, after["dtstart"].dt) == (date(2026, 12, 5), date(2026, 12, 20))
    assert before["uid"] == after["uid"]
    assert before["sequence"] < after["sequence"]


def test_what_is_not_coming_any_more_is_cancelled(client, journals):
    write_journal(journals, a_planned_request(state="withdrawn"))

    assert {str(one["status"]) for one in events(client, lang="en") if "Planned" in one["summary"]} == {"CANCELLED"}


def test_decisions_and_days_of_answers_stand_in_the_calendar(client, journals):
    told = {"number": 4, "place_id": "d1", "area_id": "d1", "asked_on": date(2026, 11, 3), "due_on": date(2026, 11, 24)}
    head = {"number": 1, "line_sha256": "0" * 64}
    reviews = (PublicReview(**told),)
    journal.write(journals, "toy", (a_planned_request(),), reviews, as_of=LAST_DAY, is_simulated=True, audit_head=head)

    days = {one["dtstart"].dt: str(one["summary"]) for one in events(client, "/calendar/toy/d1.ics", lang="en")}

    assert "The council approved" in days[LAST_DAY]
    assert "Last day to answer a review" in days[date(2026, 11, 24)]


def test_a_withdrawn_release_moves_to_the_day_of_its_withdrawal(client, releases):
    (before,) = [one for one in events(client, lang="en") if "New data release" in one["summary"]]
    take_back(releases, release.latest_id(releases, "toy"))

    (after,) = [one for one in events(client, lang="en") if one["uid"] == before["uid"]]

    assert after["dtstart"].dt == date(2026, 11, 10)
    assert after["sequence"] > before["sequence"]
    assert "withdrawn" in after["summary"]
