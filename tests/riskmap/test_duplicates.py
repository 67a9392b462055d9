"""Duplicates: found by the stated rule on texts labelled by hand; merged and parted again nothing is lost."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from geodata import hexgrid
from riskmap import assembly
from riskmap.council import casework, duplicates, likeness
from riskmap.council.casework import Office
from riskmap.council.request import Action, Filing, RequestKind
from riskmap.identity.access import Role
from riskmap.wording import in_language
from tests.council import NOW, TOWN, a_filing, a_place, an_actor, enrol, step
from tests.riskmap.doors_client import CELL, a_council, a_form, form_to, forms_of, text_of

RESIDENT, OTHER = an_actor(Role.RESIDENT), an_actor(Role.RESIDENT, account_id="a-other")
THIRD = an_actor(Role.RESIDENT, account_id="a-third")
SECRETARY = an_actor(Role.SECRETARY)
FILES = Path(__file__).resolve().parents[1] / "files"
LEAST_PRECISION, LEAST_RECALL = 0.9, 0.9

PAIRS = tuple(csv.DictReader((FILES / "alike_requests.csv").read_text(encoding="utf-8").splitlines()))
"""Made-up texts of two requests, and whether a person called them one."""


@pytest.fixture
def office(tmp_path):
    store = assembly.in_memory_store(tmp_path / "data")
    enrol(store, RESIDENT, OTHER, THIRD, SECRETARY)
    yield Office(store=store, journals=tmp_path / "journals")
    store.close()


def test_the_rule_finds_nine_of_ten_duplicates_of_the_labelled_texts_and_nine_of_ten_it_finds_are():
    told = {True: [], False: []}
    for pair in PAIRS:
        kind, distance_m = RequestKind(pair["kind"]), int(pair["distance_m"])
        found = likeness.compare(kind, pair["first"], kind, pair["second"], distance_m=distance_m).may_be_one
        assert found == likeness.compare(kind, pair["second"], kind, pair["first"], distance_m=distance_m).may_be_one
        told[found].append(pair)

    right = sum(pair["is_one"] == "yes" for pair in told[True])
    precision, recall = right / len(told[True]), right / sum(pair["is_one"] == "yes" for pair in PAIRS)

    assert precision >= LEAST_PRECISION, [pair for pair in told[True] if pair["is_one"] == "no"]
    assert recall >= LEAST_RECALL, [pair for pair in told[False] if pair["is_one"] == "yes"]


def test_letters_and_endings_of_the_two_languages_do_not_part_words():
    assert likeness.in_common("ҚАРАҒАНДЫ КӨШЕСІ", "караганды кошесинде") == 100
    assert likeness.in_common("", "шам") == 0


def test_another_kind_needs_more_words_in_common_and_a_camera_is_never_a_lamp():
    text, alike = "Аялдама жанында шам жанбайды", "Нет освещения у остановки, шам"

    assert likeness.compare(RequestKind.LIGHTING, text, RequestKind.CAMERA, text, distance_m=0) is None
    assert likeness.compare(RequestKind.LIGHTING, text, RequestKind.OTHER, text, distance_m=0).may_be_one
    near = likeness.compare(RequestKind.LIGHTING, text, RequestKind.OTHER, alike, distance_m=0)
    assert replace(near, is_same_kind=True, words=40).may_be_one
    assert not replace(near, words=40).may_be_one


def test_suggestions_name_what_can_be_merged_and_only_those_who_may_merge_get_them(office):
    place = a_place()
    lat, lng = hexgrid.centre(place.cell_id)
    far = a_place(cell_id=hexgrid.cell_at(lat + 0.05, lng, resolution=9))
    filed = [
        casework.file(office, RESIDENT, a_filing(), place, key="1", at=NOW),
        casework.file(office, RESIDENT, a_filing(kind="camera"), place, key="2", at=NOW),
        casework.file(office, RESIDENT, a_filing(), far, key="3", at=NOW),
        casework.file(office, OTHER, a_filing(), place, key="4", at=NOW),
    ]

    (found,) = duplicates.of_request(office, SECRETARY, TOWN, filed[3].number)
    (seen_from_the_other,) = duplicates.of_request(office, SECRETARY, TOWN, 1)

    assert (found.other.number, found.likeness.distance_m, found.likeness.words) == (1, 0, 100)
    assert (found.earlier, found.later) == (seen_from_the_other.earlier, seen_from_the_other.later) == (1, 4)
    assert duplicates.of_request(office, RESIDENT, TOWN, 4) == []


def test_merging_and_parting_again_leaves_votes_authors_comments_and_trail_as_they_were(office):
    first = casework.file(office, RESIDENT, a_filing(), a_place(), key="1", at=NOW)
    later = casework.file(office, OTHER, a_filing(), a_place(), key="2", at=NOW)
    casework.support(office, THIRD, TOWN, first.number, at=NOW)
    casework.support(office, THIRD, TOWN, later.number, at=NOW)
    casework.support(office, RESIDENT, TOWN, later.number, at=NOW)
    later = step(office, SECRETARY, later, Action.TAKE_UP, wording="Өткелге шам керек.")
    later = step(office, SECRETARY, later, Action.ASK, question="Қай өткел?")
    later = step(office, OTHER, later, Action.ANSWER, answer="Мектеп қақпасының алдындағы.")
    with office.store.look() as look:
        before, votes = look.requests.of_territory(TOWN), look.requests.supports(TOWN)

    merged = step(office, SECRETARY, later, Action.MERGE, earlier_request="1")
    with office.store.look() as look:
        votes_merged = look.requests.supports(TOWN)
    parted = step(office, SECRETARY, merged, Action.UNDO_MERGE)

    with office.store.look() as look:
        after, votes_after = look.requests.of_territory(TOWN), look.requests.supports(TOWN)
    assert votes == votes_merged == votes_after, "no vote is moved or counted away"
    assert [one for one in after if one.number == 1] == [one for one in before if one.number == 1]
    assert parted.steps[: len(later.steps)] == later.steps, "question, answer and whoever wrote them"
    assert [one.action for one in parted.steps[len(later.steps) :]] == [Action.MERGE, Action.UNDO_MERGE]
    assert replace(parted, steps=later.steps) == later


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def test_the_secretary_reads_why_and_one_press_leads_to_the_filled_in_step(council):
    kk = in_language("kk")
    council.file("resident")
    council.step("secretary", council.file("other"), Action.TAKE_UP)
    browser = council.signed_in("secretary")

    shown = browser.get(f"/casework/{TOWN}/2")
    pressed = browser.get(f"/casework/{TOWN}/2", merge="1")

    assert kk.text("casework.alike.title") in text_of(shown)
    assert kk.text("casework.alike.same_kind") in text_of(shown)
    assert kk.text("casework.nearby.same") in text_of(shown)
    assert f'href="/casework/{TOWN}/2?lang=kk&amp;merge=1#step-merge"' in shown.text
    assert form_to(shown, "/merge").get("earlier_request") is None
    assert form_to(pressed, "/merge")["earlier_request"] == "1"
    assert kk.text("casework.alike.title") not in text_of(council.signed_in("other").get(f"/casework/{TOWN}/2"))


def test_one_press_also_fills_in_a_request_that_the_form_does_not_list(council):
    council.file("resident", kind="camera")
    council.step("secretary", council.file("other", kind="other"), Action.TAKE_UP)
    browser = council.signed_in("secretary")

    form = form_to(browser.get(f"/casework/{TOWN}/2", merge="1"), "/merge")
    answer = browser.post(f"/casework/{TOWN}/2/merge", form)

    assert answer.status_code == 303
    assert council.requests()[1].merged_into == 1


def test_whoever_files_the_same_is_asked_once_to_support_instead_and_loses_nothing(council):
    kk = in_language("kk")
    council.step("secretary", council.file("resident"), Action.TAKE_UP, wording="Мектеп өткелінде шам жанбайды.")
    browser, new = council.signed_in("other"), f"/casework/{TOWN}/new"
    first = form_to(browser.get(new, cell=CELL), "/new") | a_form()

    asked = browser.post(new, first)
    requests = len(council.requests())
    filed = browser.post(new, form_to(asked, "/new") | a_form())

    assert asked.status_code == 200
    assert kk.text("casework.alike.instead") in text_of(asked)
    assert f"/casework/{TOWN}/1/support" in forms_of(asked)
    assert form_to(asked, "/new")["grounds"] == a_form()["grounds"]
    assert (requests, filed.status_code, len(council.requests())) == (1, 303, 2)


def test_a_wish_of_another_kind_is_filed_at_once(council):
    council.step("secretary", council.file("resident"), Action.TAKE_UP, wording="Мектеп өткелінде шам жанбайды.")
    browser, new = council.signed_in("other"), f"/casework/{TOWN}/new"

    answer = browser.post(new, form_to(browser.get(new, cell=CELL), "/new") | a_form(kind="camera"))

    assert answer.status_code == 303


def test_a_filing_without_a_kind_is_like_nothing(office):
    assert duplicates.of_filing(office, RESIDENT, Filing(kind="", grounds="шам"), a_place()) == []
