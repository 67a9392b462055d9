"""Several records of one incident, within one delivery and from one delivery to the next."""

from datetime import timedelta
from pathlib import Path

import pytest

from geodata.layout import Mapping
from geodata.territory import Territory
from riskmap.lake_ports import StrikeReason
from riskmap.pipeline.deliveries import DeliveryReport, deliver
from riskmap.ports import Store
from tests.riskmap.test_deliveries import NOW, a_file, store, town

__all__ = ["store", "town"]

HEADER = "incident id,occurred_at,category,lat,lng,discontinued"
MARKED = Mapping(columns={"is_withdrawn": "discontinued"})


def a_record(
    name: str, *, at: str = "2025-11-03 00:17", category: str = "ст.188 ч.1", lat: float = 43.25, off: str = "0"
) -> str:
    return f"{name},{at},{category},{lat},76.9,{off}"


class Deliveries:
    """Files delivered one after another, a day apart."""

    def __init__(self, store: Store, town: Territory, folder: Path) -> None:
        self.store, self.town, self.folder = store, town, folder
        self.days = 0

    def __call__(
        self, *rows: str, name: str | None = None, mapping: Mapping = MARKED, header: str = HEADER
    ) -> DeliveryReport:
        self.days += 1
        path = a_file(self.folder, list(rows), name=name or f"{self.days}.csv", header=header)
        now = NOW + timedelta(days=self.days)
        return deliver(self.store, path, territory=self.town, mapping=mapping, now=now)

    def held(self, column: str = "offence_code") -> list[object]:
        """What the lake says, by time."""
        return self.store.lake.read("town")[column].to_list()

    def strikes(self) -> list[tuple[str, str, StrikeReason]]:
        with self.store.look() as look:
            return [(one.delivery_id, one.by_delivery_id, one.reason) for one in look.strikes.of_territory("town")]


@pytest.fixture
def delivered(store: Store, town: Territory, tmp_path: Path) -> Deliveries:
    return Deliveries(store, town, tmp_path)


# Within one delivery


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_several_articles_of_one_case_the_gravest_stands(delivered: Deliveries, order):
    articles = ["ст.188 ч.1", "ст.188 ч.4", "ст.293 ч.1"]

    report = delivered(*(a_record("A", category=articles[at]) for at in order), a_record("B"))

    assert (report.accepted, report.duplicates) == (2, 2)
    assert sorted(map(str, delivered.held())) == ["ст.188 ч.1", "ст.188 ч.4"]


def test_where_no_severity_is_known_the_first_row_stands(delivered: Deliveries):
    delivered(a_record("A", category="theft"), a_record("A", category="assault"))

    assert delivered.held() == ["theft"]


def test_without_a_key_time_place_and_group_make_one_incident(delivered: Deliveries):
    header = "occurred_at,category,lat,lng"
    rows = [f"2025-11-03 00:17,{category},43.25,76.9" for category in ("ст.188 ч.1", "ст.188 ч.3", "ст.191 ч.1")]

    report = delivered(*rows, header=header, mapping=Mapping())

    assert (report.accepted, report.duplicates) == (2, 1)
    assert set(delivered.held()) == {"ст.188 ч.3", "ст.191 ч.1"}, "thefts are one, the robbery is another"


# From one delivery to the next


def test_the_same_record_again_is_a_duplicate(delivered: Deliveries):
    delivered(a_record("A"))

    report = delivered(a_record("A"), a_record("B", at="2025-11-04 10:00"))

    assert (report.accepted, report.corrected, report.duplicates) == (1, 0, 1)
    assert delivered.strikes() == []


@pytest.mark.parametrize(
    "changes",
    [{"category": "ст.191 ч.2"}, {"at": "2026-02-01 10:00"}, {"lat": 43.26}],
    ids=["offence", "time", "place"],
)
def test_a_requalified_record_takes_the_place_of_the_earlier_and_both_can_be_followed(delivered: Deliveries, changes):
    first = delivered(a_record("A"), a_record("B", at="2025-11-04 10:00"))

    second = delivered(a_record("A", **changes))

    assert (second.accepted, second.corrected, second.duplicates) == (1, 1, 0)
    assert len(delivered.held()) == 2
    assert delivered.strikes() == [(first.delivery_id, second.delivery_id, StrikeReason.CORRECTED)]
    with delivered.store.look() as look:
        kept = sum(file.rows for file in look.lake_files.of_territory("town"))
    assert kept == 3, "the earlier version stays in its file"


def test_the_version_received_last_stands_however_often_it_changes(delivered: Deliveries):
    for number in (1, 2, 3, 4):
        delivered(a_record("A", category=f"ст.188 ч.{number}"))

    assert delivered.held() == ["ст.188 ч.4"]
    assert len(delivered.strikes()) == 3


def test_an_incident_made_of_what_it_says_cannot_be_corrected_only_repeated(delivered: Deliveries):
    header = "occurred_at,category,lat,lng"
    delivered("2025-11-03 00:17,theft,43.25,76.9", header=header, mapping=Mapping())

    report = delivered("2025-11-03 00:17,кража,43.25,76.9", header=header, mapping=Mapping())

    assert (report.accepted, report.corrected, report.duplicates) == (0, 0, 1)


# Withdrawn records


@pytest.mark.parametrize("off", ["1", "2", "true", "да"])
def test_a_record_struck_off_counts_no_more(delivered: Deliveries, off):
    first = delivered(a_record("A"), a_record("B", at="2025-11-04 10:00"))

    second = delivered(a_record("A", off=off), a_record("C", at="2025-11-05 10:00", off="0"))

    assert (second.rows_read, second.accepted, second.withdrawn) == (2, 1, 1)
    assert len(delivered.held()) == 2
    assert delivered.strikes() == [(first.delivery_id, second.delivery_id, StrikeReason.WITHDRAWN)]


def test_a_struck_off_record_is_found_whatever_else_it_says_now(delivered: Deliveries):
    delivered(a_record("A"))

    report = delivered(a_record("A", at="not a date", off="1"))

    assert (report.withdrawn, report.quarantined, delivered.held()) == (1, 0, [])


def test_a_record_struck_off_that_was_never_delivered_changes_nothing(delivered: Deliveries):
    delivered(a_record("A"))

    report = delivered(a_record("Z", off="1"))

    assert (report.rows_read, report.withdrawn, len(delivered.held())) == (1, 1, 1)


def test_a_case_of_which_one_article_is_struck_off_still_counts(delivered: Deliveries):
    report = delivered(a_record("A", category="ст.191 ч.2", off="1"), a_record("A"))

    assert (report.withdrawn, report.accepted, delivered.held()) == (1, 1, ["ст.188 ч.1"])


def test_a_record_that_comes_alive_again_counts_again(delivered: Deliveries):
    delivered(a_record("A"))
    delivered(a_record("A", off="1"))

    report = delivered(a_record("A"), a_record("B", at="2025-11-04 10:00"))

    assert (report.accepted, report.corrected, len(delivered.held())) == (2, 0, 2)


# Files read anew


def test_an_old_file_read_anew_does_not_undo_what_came_after_it(delivered: Deliveries):
    delivered(a_record("A"), a_record("B", at="2025-11-04 10:00"), a_record("C", at="2025-11-05 10:00"), name="old.csv")
    second = delivered(a_record("A", category="ст.188 ч.4"), a_record("B", at="2025-11-04 10:00", off="1"))
    before = delivered.held()

    anew = delivered(
        a_record("A"), a_record("B", at="2025-11-04 10:00"), a_record("C", at="2025-11-05 10:00"),
        name="old.csv", mapping=Mapping(columns=MARKED.columns, time_zone="Asia/Aqtau"),
    )  # fmt: skip

    assert (anew.is_repeat, anew.accepted) == (False, 3)
    assert delivered.held() == before
    by = {(owner, by) for owner, by, _ in delivered.strikes()}
    assert by == {(anew.delivery_id, second.delivery_id)}


def test_a_correction_read_anew_still_corrects(delivered: Deliveries):
    delivered(a_record("A"))
    delivered(a_record("A", category="ст.188 ч.4"), name="later.csv")

    anew = delivered(
        a_record("A", category="ст.188 ч.4"),
        name="later.csv",
        mapping=Mapping(columns=MARKED.columns, time_zone="Asia/Aqtau"),
    )

    assert (anew.accepted, anew.corrected, delivered.held()) == (1, 1, ["ст.188 ч.4"])
    assert len(delivered.strikes()) == 1


def test_the_middle_one_of_three_versions_read_anew_leaves_the_last_one_standing(delivered: Deliveries):
    delivered(a_record("A"), a_record("B", at="2025-11-04 10:00"))
    middle = [a_record("A", category="ст.188 ч.2"), a_record("B", at="2025-11-04 10:00", off="1")]
    delivered(*middle, name="middle.csv")
    delivered(a_record("A", category="ст.188 ч.3"))

    delivered(*middle, name="middle.csv", mapping=Mapping(columns=MARKED.columns, time_zone="Asia/Aqtau"))

    assert delivered.held() == ["ст.188 ч.3"]
    assert len(delivered.strikes()) == 3
