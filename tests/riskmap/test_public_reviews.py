"""What the public reads of reviews of places: through the journal alone, dated, with late ones said to be late."""

from datetime import date, timedelta

import pytest

from riskmap import assembly, journal, release, wording
from riskmap.council import casework, journal_desk
from riskmap.council.casework import Office
from riskmap.errors import DamagedRelease
from riskmap.identity.access import Role
from riskmap.journal import PublicReview
from riskmap.place_review import rules
from riskmap.public import open_data_pages, place_reviews
from tests.contracts.council_builders import keep_accounts
from tests.council import NOW, TOWN, a_filing, a_place, an_actor, enrol
from tests.hostile_texts import HOSTILE_TEXTS
from tests.installation import CITY
from tests.place_review_builder import REASON_KK, REASON_RU, a_review, a_reviewed_place, a_voice, answered
from tests.public_client import PublicClient
from tests.release_builder import a_release, fine_and_coarse_cells

HEAD = {"position": 3, "hash": "ab" * 32}
CELL = f"{int(fine_and_coarse_cells()[0]):x}"
RU = wording.in_language("ru")


def a_public_review(number: int = 1, **changes) -> PublicReview:
    told = {
        "number": number,
        "place_id": CELL,
        "area_id": "d1",
        "asked_on": date(2026, 11, 2),
        "due_on": date(2026, 11, 23),
    }
    return PublicReview(**told | changes)


def an_answered_one(number: int = 1, **changes) -> PublicReview:
    told = {"answered_on": date(2026, 11, 20), "outcome": "stands", "role": "steward"}
    return a_public_review(number, **told | {"reasons": {"kk": REASON_KK, "ru": REASON_RU}} | changes)


def write(root, *reviews, territory="toy"):
    return journal.write(root, territory, (), reviews, as_of=date(2026, 11, 2), is_simulated=True, audit_head=HEAD)


@pytest.fixture
def town(tmp_path):
    release.write(tmp_path / "releases", *a_release())
    return release.read(tmp_path / "releases", "toy")


def page_of(town, reviews, *, language="ru", today=date(2026, 11, 23)):
    root = town.folder.parents[2]
    write(root / "journals", *reviews)
    client = PublicClient(releases=root / "releases", journals=root / "journals", today=today)
    return client.get("/data/toy", lang=language)


def test_reviews_that_are_written_are_read_again(tmp_path):
    reviews = (a_public_review(), an_answered_one(2))

    write(tmp_path, *reviews)

    assert journal.latest(tmp_path, "toy").reviews == reviews


def test_programs_are_told_of_reviews_with_their_days_outcome_and_reasons(town):
    root = town.folder.parents[2]
    write(root / "journals", an_answered_one(2), a_public_review())

    told = PublicClient(releases=root / "releases", journals=root / "journals").get("/api/v1/territories/toy/reviews")

    waiting, closed = told.json()["reviews"]
    assert (told.json()["total"], told.json()["is_simulated"]) == (2, True)
    assert (waiting["number"], waiting["due_on"], waiting["answered_on"], waiting["reasons"]) == (
        1,
        "2026-11-23",
        None,
        None,
    )
    assert (closed["outcome"], closed["role"], closed["reasons"]["kk"]) == ("stands", "steward", REASON_KK)


def test_a_journal_without_reviews_is_the_one_it_was_before_there_were_any(tmp_path):
    journal_id = write(tmp_path)

    assert sorted(path.name for path in (tmp_path / "toy" / journal_id).iterdir()) == ["manifest.json", "requests.json"]
    assert journal.latest(tmp_path, "toy").reviews == ()


def test_the_journal_holds_the_answer_and_nothing_of_those_who_asked(tmp_path):
    store = assembly.in_memory_store(tmp_path / "data")
    keep_accounts(store, "a1")
    asked = a_review(1, a_voice("7", "person", "Мұнда жалғыз үй тұр"), a_voice("8", "other", "Нөмірі көрініп тұр"))
    with store.work() as work:
        work.reviews.add(asked)
        work.reviews.save(answered(asked, at=NOW + timedelta(days=1)))
        work.commit()

    journal_desk.publish(store, tmp_path / "journals", TOWN, at=NOW)

    (told,) = journal.latest(tmp_path / "journals", TOWN).reviews
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "journals").rglob("*.json"))
    assert (told.outcome, told.role, told.answered_on) == ("stands", "steward", date(2026, 11, 3))
    assert told.reasons == {"kk": REASON_KK, "ru": REASON_RU}
    assert not any(inner in written for inner in ("жалғыз", "Нөмірі", "person", '"a1"', "00007", "voice"))
    store.close()


def test_a_journal_that_is_published_again_by_the_council_keeps_the_reviews(tmp_path):
    store = assembly.in_memory_store(tmp_path / "data")
    resident = an_actor(Role.RESIDENT)
    enrol(store, resident)
    with store.work() as work:
        work.reviews.add(a_review(1, place=a_reviewed_place("d2", area_id="d2")))
        work.commit()
    office = Office(store=store, journals=tmp_path / "journals")

    casework.file(office, resident, a_filing(), a_place(), key="k", at=NOW + timedelta(days=4))

    found = journal.latest(office.journals, TOWN)
    assert ([one.number for one in found.requests], [one.place_id for one in found.reviews]) == ([1], ["d2"])
    assert found.as_of == date(2026, 11, 6)
    assert not found.is_simulated, "the request is not"
    store.close()


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize(
    ("review", "today", "key"),
    [
        (a_public_review(), date(2026, 11, 23), "pending"),
        (a_public_review(), date(2026, 11, 24), "late"),
        (an_answered_one(), date(2026, 12, 31), "answered"),
        (an_answered_one(answered_on=date(2026, 11, 24)), date(2026, 11, 24), "answered_late"),
    ],
)
def test_a_review_is_told_with_its_days_and_a_late_one_is_said_to_be_late(town, review, today, key, language):
    words = wording.in_language(language)

    told = place_reviews.in_words(town, review, words, today=today)

    days = {"asked": review.asked_on, "due": review.due_on, "day": review.answered_on or today}
    expected = words.text(f"place_review.{key}", outcome=words.text("place_review.outcome.stands"), **days)
    assert told.sentence == expected
    assert (told.is_late, bool(told.role)) == ("late" in key, "answered" in key)
    assert "23.11.2026" in told.sentence or key == "answered"


def test_reasons_are_read_in_the_readers_language_of_the_state_or_in_both(town):
    told = {
        code: place_reviews.in_words(town, an_answered_one(), wording.in_language(code), today=date(2026, 12, 1))
        for code in wording.LANGUAGES
    }

    assert told["kk"].reasons == (("kk", REASON_KK),)
    assert told["ru"].reasons == (("ru", REASON_RU),)
    assert told["en"].reasons == (("kk", REASON_KK), ("ru", REASON_RU))


def test_open_ones_come_first_by_their_due_day_then_answered_ones_from_the_newest(tmp_path):
    late, soon = a_public_review(1, due_on=date(2026, 12, 1)), a_public_review(2)
    old, new = an_answered_one(3), an_answered_one(4, answered_on=date(2026, 11, 22))
    write(tmp_path, late, soon, old, new)

    assert [one.number for one in place_reviews.published(tmp_path, "toy")] == [2, 1, 4, 3]
    assert place_reviews.published(tmp_path, "nowhere") == ()


def test_a_place_has_its_open_review_or_the_one_answered_last(town):
    closed, waiting = an_answered_one(1), a_public_review(2)

    assert place_reviews.of_place(town, (waiting, closed), CELL) is waiting
    assert place_reviews.of_place(town, (closed,), CELL) is closed
    assert place_reviews.of_place(town, (closed,), "d1") is None


def test_a_cell_now_shown_at_a_coarser_place_is_found_there(town):
    coarse = next(f"{int(cell):x}" for cell in town.cells if f"{int(cell):x}"[1] == "8")
    inside = f"{int(coarse, 16) + (1 << 52) - (7 << 18) + (3 << 18):x}"
    review = an_answered_one(place_id=inside)

    assert inside != coarse
    assert town.find(inside).cell_id == coarse, "the id made here lies in the coarse cell"
    assert place_reviews.of_place(town, (review,), coarse) is review


def test_places_are_named_by_area_cell_or_code(town):
    named = {code: place_reviews.place_name(town, code, "d1", RU) for code in ("d2", CELL, "d1-2026-01", "gone")}

    assert named["d2"] == "район d2"
    assert (CELL in named[CELL], "район d1" in named[CELL]) == (True, True)
    assert named["d1-2026-01"] == RU.text("place_review.area_of_counts", id="d1-2026-01", area="район d1")
    assert "район d1" in named["gone"]


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_data_page_lists_reviews_and_leads_to_the_form(town, language):
    words = wording.in_language(language)

    answer = page_of(town, [a_public_review(), an_answered_one(2)], language=language)

    assert answer.status_code == 200
    assert words.text("place_review.pending", asked=date(2026, 11, 2), due=date(2026, 11, 23)) in answer.text
    assert (REASON_KK in answer.text, REASON_RU in answer.text) == (language != "ru", language != "kk")
    assert words.text("account.role.steward") in answer.text
    assert f'href="/review-of-place/toy?lang={language}"' in answer.text


def test_the_data_page_says_where_nobody_has_asked(town):
    answer = page_of(town, [])

    assert RU.text("place_review.list.none") in answer.text


def test_the_data_page_stands_where_the_journal_is_damaged(town, caplog):
    root = town.folder.parents[2] / "journals"
    journal_id = write(root, a_public_review())
    (root / "toy" / journal_id / journal.REVIEWS).write_bytes(b"{}")

    with pytest.raises(DamagedRelease):
        place_reviews.published(root, "toy")

    answer = PublicClient(releases=root.with_name("releases"), journals=root).get("/data/toy", lang="ru")
    assert answer.status_code == 200
    assert "reviews of toy cannot be shown" in caplog.text


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_reason_is_text_and_nothing_else(town, text):
    plain = page_of(town, [an_answered_one(reasons={"kk": "x", "ru": "x"})]).text
    hostile = page_of(town, [an_answered_one(reasons={"kk": text, "ru": text})]).text

    # Line breaks of a text make paragraphs; nothing else makes a tag.
    tags = [page.count("<") - page.count("<p>") - page.count("</p>") - page.count("<br>") for page in (plain, hostile)]
    assert tags[0] == tags[1]


def test_the_term_the_page_promises_is_the_one_that_is_kept():
    assert open_data_pages.REVIEW_DAYS == rules.ANSWER_WITHIN_DAYS


def test_the_made_up_citys_page_of_data_leads_to_the_form(installation):
    answer = PublicClient(releases=installation.releases).get(f"/data/{CITY}", lang="kk")

    assert f'href="/review-of-place/{CITY}?lang=kk"' in answer.text
