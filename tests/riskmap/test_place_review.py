"""Reviews of places: anybody asks, the named role answers, and nothing about who asked is kept."""

from datetime import date, timedelta

import pytest

from riskmap import assembly, release
from riskmap.errors import (
    ChangedMeanwhile,
    NotAllowed,
    StepNotPossible,
    TooManyAsks,
    UnfitFields,
    UnknownPlace,
    UnknownReview,
)
from riskmap.identity.access import Role
from riskmap.place_review import desk, places, rules
from riskmap.place_review.desk import ReviewOffice
from tests.council import NOW, TOWN, an_actor, enrol
from tests.place_review_builder import REASON_KK, REASONS, a_reviewed_place
from tests.release_builder import a_release, fine_and_coarse_cells

STEWARD = an_actor(Role.STEWARD)
ANOTHER = an_actor(Role.STEWARD, account_id="a-another")
OF_DISTRICT = an_actor(Role.STEWARD, f"{TOWN}/d1", account_id="a-district")
OTHERS = [an_actor(role) for role in (None, *Role) if role is not Role.STEWARD]
SECRET = b"s" * 32
FAR = a_reviewed_place("d2", area_id="d2", region_id=f"{TOWN}/d2")


@pytest.fixture
def office(tmp_path):
    store = assembly.in_memory_store(tmp_path / "data")
    enrol(store, STEWARD, ANOTHER, OF_DISTRICT, *OTHERS)
    yield ReviewOffice(store=store, journals=tmp_path / "journals", secret=SECRET)
    store.close()


@pytest.fixture
def town(tmp_path):
    release.write(tmp_path, *a_release(territory=TOWN))
    return release.read(tmp_path, TOWN)


def asked(office, key="k1", *, doubt="number", text="", at=NOW, place=None):
    return desk.ask(office, place or a_reviewed_place(), doubt, text, key=key, at=at)


def answer(office, review, *, actor=STEWARD, at=NOW, key="a1", outcome="stands", version=None, **reasons):
    told = {"outcome": outcome, "reasons": REASONS | reasons, "version": version or review.version}
    return desk.answer(office, actor, review.territory, review.number, key=key, at=at, **told)


def entries(office):
    with office.store.look() as look:
        return list(look.audit.entries())


def kept(office):
    with office.store.look() as look:
        return look.reviews.of_territory(TOWN)


def test_an_ask_opens_a_review_with_a_receipt_and_a_day_of_answer(office):
    given = asked(office)

    assert given.review.asked_on == date(2026, 11, 2)
    assert given.review.due_on == date(2026, 11, 23)
    assert len(given.receipt) == 16
    assert given.receipt.isdecimal()
    assert desk.look_up(office, TOWN, given.receipt) == given.review
    assert kept(office) == [given.review]


def test_the_day_of_an_ask_is_the_one_people_count_here(office):
    given = asked(office, at=NOW.replace(day=30, hour=21))

    assert given.review.asked_on == date(2026, 12, 1)


def test_the_receipt_itself_is_kept_nowhere(office, tmp_path):
    given = asked(office)

    told = repr(kept(office)) + repr(entries(office))
    told += "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.json"))

    assert given.receipt not in told
    assert desk.look_up(office, TOWN, " ".join(given.receipt[at : at + 4] for at in range(0, 16, 4)))


def test_another_installations_key_finds_nothing(office):
    given = asked(office)
    stranger = ReviewOffice(store=office.store, journals=office.journals, secret=b"t" * 32)

    with pytest.raises(UnknownReview):
        desk.look_up(stranger, TOWN, given.receipt)


@pytest.mark.parametrize("receipt", ["", "0" * 16, "1" * 15, "١" * 16, "1; DROP TABLE"])
def test_a_receipt_nobody_was_given_finds_nothing(office, receipt):
    asked(office)

    with pytest.raises(UnknownReview, match="16 digits"):
        desk.look_up(office, TOWN, receipt)


def test_a_receipt_of_another_territory_finds_nothing(office):
    given = asked(office)

    with pytest.raises(UnknownReview):
        desk.look_up(office, "elsewhere", given.receipt)


def test_a_form_sent_twice_is_one_ask_with_the_same_receipt(office):
    first = asked(office, "same")

    second = asked(office, "same", at=NOW + timedelta(minutes=1), text="changed meanwhile")

    assert second == first
    assert [entry.action for entry in entries(office)] == ["review_asked"]


def test_a_second_ask_about_a_place_joins_the_first_and_its_day_of_answer_stays(office):
    first = asked(office, "one")

    second = asked(office, "two", doubt="person", at=NOW + timedelta(days=3))

    (review,) = kept(office)
    assert second.receipt != first.receipt
    assert (len(review.voices), review.due_on) == (2, first.review.due_on)
    assert [entry.action for entry in entries(office)] == ["review_asked", "review_joined"]
    assert desk.look_up(office, TOWN, first.receipt) == desk.look_up(office, TOWN, second.receipt) == review


def test_the_audit_log_names_nobody_and_repeats_no_word_of_the_asker(office):
    asked(office, text="Бұл жерде бір ғана үй бар", doubt="person")

    (entry,) = entries(office)

    assert (entry.account_id, entry.subject) == ("nobody", f"review {TOWN}-1")
    assert entry.details == {"doubt": "person", "voices": 1}


@pytest.mark.parametrize(
    ("doubt", "text", "faults"),
    [
        ("", "", [("doubt", "missing")]),
        ("somebody", "", [("doubt", "missing")]),
        ("other", "  \n ", [("doubt_text", "missing")]),
        ("number", "я" * 601, [("doubt_text", "too_long")]),
        ("person", "Позвоните: +7 701 123 45 67", [("doubt_text", "points_at_person")]),
        ("", "кв. 12", [("doubt", "missing"), ("doubt_text", "points_at_person")]),
    ],
)
def test_an_ask_that_does_not_fit_is_told_what_is_wrong_and_not_kept(office, doubt, text, faults):
    with pytest.raises(UnfitFields) as refused:
        asked(office, doubt=doubt, text=text)

    assert [(fault.field, fault.fault) for fault in refused.value.faults] == faults
    assert kept(office) == []
    assert entries(office) == []


def test_a_place_takes_ten_voices_an_hour_and_a_repeated_form_is_no_voice(office):
    first = [asked(office, f"{number}") for number in range(rules.PER_PLACE)]

    with pytest.raises(TooManyAsks, match="in an hour"):
        asked(office, "one more", at=NOW + timedelta(minutes=59))

    assert asked(office, "0").receipt == first[0].receipt
    assert asked(office, "elsewhere", place=FAR).review.number == 2
    assert len(asked(office, "one more", at=NOW + rules.WINDOW).review.voices) == rules.PER_PLACE + 1


def test_a_territory_takes_sixty_voices_an_hour(office):
    for number in range(rules.PER_TERRITORY):
        asked(office, f"{number}", place=a_reviewed_place(f"p{number % 12}"))

    with pytest.raises(TooManyAsks):
        asked(office, "one more", place=FAR)

    assert asked(office, "one more", place=FAR, at=NOW + rules.WINDOW).review.number == 13


@pytest.mark.parametrize("outcome", rules.Outcome)
def test_the_answer_is_kept_with_its_reasons_and_role(office, outcome):
    review = asked(office).review

    closed = answer(office, review, outcome=outcome, at=NOW + timedelta(days=1))

    assert kept(office) == [closed]
    assert (closed.answer.outcome, closed.answer.reason_kk, closed.answer.role) == (outcome, REASON_KK, "steward")
    assert not closed.is_open
    last = entries(office)[-1]
    assert (last.action, last.account_id) == ("review_answered", STEWARD.account_id)
    assert last.details == {"role": "steward", "outcome": outcome, "voices": 1}


@pytest.mark.parametrize("actor", OTHERS, ids=lambda actor: actor.login)
def test_only_the_named_role_reads_and_answers(office, actor):
    review = asked(office).review

    for deed in (
        lambda: desk.to_answer(office, actor, TOWN),
        lambda: desk.view(office, actor, TOWN, 1),
        lambda: answer(office, review, actor=actor),
    ):
        with pytest.raises(NotAllowed, match="answer_reviews needs steward"):
            deed()

    assert kept(office) == [review]


def test_a_steward_of_a_district_sees_and_answers_that_district_alone(office):
    near, far = asked(office).review, asked(office, "k2", place=FAR).review

    assert desk.to_answer(office, OF_DISTRICT, TOWN) == [near]
    assert not answer(office, near, actor=OF_DISTRICT).is_open
    with pytest.raises(NotAllowed):
        answer(office, far, actor=OF_DISTRICT)


def test_those_that_may_point_at_a_person_come_first_and_answered_ones_last(office):
    for number, doubt in enumerate(["number", "outline", "person", "place"]):
        at = NOW + timedelta(days=number)
        asked(office, f"{number}", doubt=doubt, place=a_reviewed_place(f"p{number}"), at=at)
    answer(office, kept(office)[0])

    found = desk.to_answer(office, STEWARD, TOWN)

    assert [review.number for review in found] == [3, 2, 4, 1]


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"outcome": ""}, [("outcome", "missing")]),
        ({"reason_ru": ""}, [("reason_ru", "missing")]),
        ({"reason_kk": "Дұрыс."}, [("reason_kk", "too_short")]),
        ({"reason_ru": "я" * 2001}, [("reason_ru", "too_long")]),
        ({"reason_ru": "В этом месте живёт ИИН 880101300123."}, [("reason_ru", "holds_iin")]),
    ],
)
def test_an_answer_that_does_not_fit_is_told_what_is_wrong_and_the_review_stays_open(office, given, faults):
    review = asked(office).review

    with pytest.raises(UnfitFields) as refused:
        answer(office, review, **given)

    assert [(fault.field, fault.fault) for fault in refused.value.faults] == faults
    assert kept(office) == [review]


def test_an_answer_given_before_reading_a_new_voice_is_refused(office):
    review = asked(office, "one").review
    asked(office, "two", doubt="person")

    with pytest.raises(ChangedMeanwhile, match="has 2 voices; it was read when it had 1"):
        answer(office, review)


def test_the_same_press_answers_once_and_somebody_elses_second_answer_is_refused(office):
    review = asked(office).review
    first = answer(office, review)

    assert answer(office, review, outcome="withdrawn", at=NOW + timedelta(hours=1)) == first
    with pytest.raises(StepNotPossible):
        answer(office, review, actor=ANOTHER)

    assert kept(office) == [first]


def test_a_review_nobody_asked_for_cannot_be_answered(office):
    with pytest.raises(UnknownReview, match="There is no review toy-7"):
        desk.answer(office, STEWARD, TOWN, 7, outcome="stands", reasons=REASONS, version=1, key="k", at=NOW)


def test_the_place_of_a_cell_is_the_published_one_that_holds_it(town):
    fine = f"{int(fine_and_coarse_cells()[-1]):x}"

    found = places.locate(town, fine.upper())

    assert (found.place_id, found.area_id, found.region_id) == (fine, "d2", f"{TOWN}/d2")


def test_areas_of_the_map_and_of_the_counts_are_places(town):
    text = "place_id,level,parent_id,year,cells\nd1-2026-01,area,d1,2026,\nd9,region,toy,,\n"
    (town.folder / places.AREAS_OF_COUNTS).write_text(text)

    assert places.locate(town, TOWN).region_id == TOWN
    assert places.locate(town, "d1").region_id == f"{TOWN}/d1"
    assert places.locate(town, "d1-2026-01").area_id == "d1"


@pytest.mark.parametrize("place_id", ["d9", "", "892db0d9a0bffff", "<script>", "../toy", "🙂", "area"])
def test_what_no_release_tells_of_is_no_place(town, place_id):
    with pytest.raises(UnknownPlace, match="no place of release"):
        places.locate(town, place_id)
