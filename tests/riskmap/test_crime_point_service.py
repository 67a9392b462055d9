"""Drawing records page by page from a service that misbehaves: nothing is lost, doubled or asked for twice."""

import json
from datetime import date

import polars as pl
import pytest

from riskmap.errors import InvalidFetch, ServiceUnreachable, UnfitService
from riskmap.pipeline import crime_point_service
from riskmap.pipeline.crime_point_door import COLUMNS, through_the_door
from riskmap.pipeline.crime_point_service import Request
from riskmap.pipeline.feature_service import FeatureService, Patience
from tests.stand_in_service import NAMES, StandIn, a_record, case_number, milliseconds, records

KEY = bytes(range(32))
ALL = Request(city="1975")


@pytest.fixture
def stand_in():
    with StandIn(records(230)) as service:
        yield service


def fetched(stand_in, folder, request=ALL, **patience):
    service = FeatureService(address=stand_in.url, patience=Patience(**patience), sleep=lambda _: None)
    try:
        return crime_point_service.fetch(service, request, folder, key=KEY)
    finally:
        service.close()


def pages_of(folder):
    return sorted(path.name for path in folder.glob("page-*.json"))


# ---- Paging ----


def test_every_record_is_drawn_once_page_by_page_in_the_order_of_ids(stand_in, tmp_path):
    found = fetched(stand_in, tmp_path / "a")

    assert (found.rows.height, found.pages, found.repeated) == (230, 5, 0)
    assert found.rows["record_hash"].n_unique() == 230
    assert stand_in.offsets == [0, 49, 98, 147, 196]
    assert {asked["orderByFields"] for asked in stand_in.asked} == {"objectid"}
    assert pages_of(tmp_path / "a") == [f"page-000{number}.json" for number in range(1, 6)]


def test_only_what_is_kept_is_asked_for(stand_in, tmp_path):
    fetched(stand_in, tmp_path / "a")

    asked = set(stand_in.asked[0]["outFields"].split(","))
    assert {"objectid", "ud", "stat", "dat_sover"} <= asked
    assert asked.isdisjoint({"fz1r18p5", "fz1r18p6", "fe1r32p1", "tz1id", "organ"})


def test_where_pages_end_exactly_with_the_records_nothing_is_lost(tmp_path):
    with StandIn(records(99)) as stand_in:
        found = fetched(stand_in, tmp_path / "a")

    assert found.rows.height == 99


def test_a_city_without_records_is_an_empty_fetch(stand_in, tmp_path):
    found = fetched(stand_in, tmp_path / "a", Request(city="1971"))

    assert (found.rows.height, found.pages) == (0, 0)
    assert found.rows.columns == list(COLUMNS)


def test_a_layer_without_paging_is_asked_for_what_comes_after_the_last_id(stand_in, tmp_path):
    stand_in.has_offset = False

    found = fetched(stand_in, tmp_path / "a")

    assert found.rows.height == 230
    assert not any("resultOffset" in asked for asked in stand_in.asked)
    assert stand_in.asked[1]["where"].endswith("AND objectid>1000049")


def test_a_layer_with_names_in_capitals_is_read_alike(stand_in, tmp_path):
    small = fetched(stand_in, tmp_path / "a")
    stand_in.names = [name.upper() if name != "objectid" else name for name in NAMES]

    large = fetched(stand_in, tmp_path / "b")

    assert large.rows.equals(small.rows)


def test_a_period_and_a_city_stand_in_the_condition_as_the_documents_show_it(stand_in, tmp_path):
    request = Request(city="1975", since=date(2024, 3, 1), until=date(2024, 3, 31))

    found = fetched(stand_in, tmp_path / "a", request)

    assert stand_in.asked[0]["where"] == (
        "city_code='1975' AND dat_sover>=TIMESTAMP '2024-03-01 00:00:00' AND dat_sover<=TIMESTAMP '2024-03-31 23:59:59'"
    )
    months = found.rows["dat_sover_str"].str.slice(3, 7).unique().to_list()
    assert months == ["03.2024"]


@pytest.mark.parametrize("city", ["", "197", "19755", "197a", "1975' OR '1'='1", "１９７５", "1975\n"])
def test_a_city_that_is_not_four_digits_never_reaches_a_condition(city):
    with pytest.raises(InvalidFetch, match="four digits"):
        Request(city=city)


def test_a_period_that_runs_backwards_is_refused():
    with pytest.raises(InvalidFetch, match="earlier day first"):
        Request(city="1975", since=date(2024, 2, 1), until=date(2024, 1, 1))


# ---- A service that misbehaves ----

WAITED_OUT = [
    ("error inside", {}),
    ("status", {"status": 500}),
    ("status", {"status": 429, "retry_after": 3}),
    ("truncated", {"is_told": True}),
    ("html", {}),
]


@pytest.mark.parametrize(("kind", "given"), WAITED_OUT, ids=str)
def test_a_trouble_in_the_midst_of_paging_leaves_no_trace_in_what_is_drawn(stand_in, tmp_path, kind, given):
    plain = fetched(stand_in, tmp_path / "a")
    stand_in.misbehave(kind, page=3, times=2, **given)

    found = fetched(stand_in, tmp_path / "b")

    assert found.rows.equals(plain.rows)


@pytest.mark.parametrize(("kind", "given"), [("overlap", {"by": 5}), ("doubled", {})])
def test_records_that_come_again_are_counted_and_not_kept_twice(stand_in, tmp_path, kind, given):
    plain = fetched(stand_in, tmp_path / "a")
    stand_in.misbehave(kind, page=3, **given)

    found = fetched(stand_in, tmp_path / "b")

    assert found.repeated > 0
    assert found.rows.sort("record_hash").equals(plain.rows.sort("record_hash"))


def test_an_empty_page_before_the_end_is_not_taken_for_the_end(stand_in, tmp_path):
    stand_in.misbehave("empty", page=3)

    with pytest.raises(ServiceUnreachable, match="ended after 99 records and counts 230"):
        fetched(stand_in, tmp_path / "a")

    assert fetched(stand_in, tmp_path / "a").rows.height == 230


def test_an_empty_page_of_a_service_that_does_not_count_is_the_end(stand_in, tmp_path):
    stand_in.counts = False
    stand_in.misbehave("empty", page=3)

    found = fetched(stand_in, tmp_path / "a")

    assert found.rows.height == 99


def test_records_that_go_during_the_fetch_are_no_missing_end(stand_in, tmp_path):
    stand_in.misbehave("removal", page=5, number=229)

    found = fetched(stand_in, tmp_path / "a")

    assert found.started_over == ()
    assert found.rows.height == 230


def test_where_records_move_up_during_the_fetch_it_starts_over_and_misses_none(stand_in, tmp_path):
    stand_in.misbehave("removal", page=2, number=3)

    found = fetched(stand_in, tmp_path / "a")

    assert found.started_over == ("moved",)
    assert found.rows.height == 229


def test_records_that_move_down_during_the_fetch_are_drawn_once(stand_in, tmp_path):
    plain = fetched(stand_in, tmp_path / "a")
    stand_in.misbehave("hang", page=3)
    early = a_record(1) | {"objectid": 5, "globalid": "{EARLY-1}"}
    with pytest.raises(ServiceUnreachable):
        fetched(stand_in, tmp_path / "b", attempts=1, timeout_s=0.2)
    stand_in.add(early)

    found = fetched(stand_in, tmp_path / "b")

    assert found.started_over == ()
    assert set(found.rows["record_hash"]) == set(plain.rows["record_hash"])


def test_paging_without_end_is_stopped(stand_in, tmp_path):
    stand_in.misbehave("endless", page=2, times=99)

    with pytest.raises(UnfitService, match="without end"):
        fetched(stand_in, tmp_path / "a")

    assert len(stand_in.asked) < 10


def test_a_page_larger_than_agreed_is_refused(stand_in, tmp_path):
    stand_in.misbehave("huge", page=2, size=200_000)

    with pytest.raises(UnfitService, match="more than 100,000 bytes"):
        fetched(stand_in, tmp_path / "a", most_bytes=100_000)


# ---- The schema ----


def test_a_layer_that_lacks_a_needed_field_is_told_with_what_was_found_and_expected(stand_in, tmp_path):
    stand_in.names = ["objectid", "stat", "ud", "city_code", "crime_code", "event_date"]

    with pytest.raises(UnfitService, match=r"lacks the fields dat_sover, dat_sover_str, dat_vozb.*found .*event_date"):
        fetched(stand_in, tmp_path / "a")

    assert stand_in.asked == []


def test_fields_that_no_document_names_are_reported_and_not_asked_for(stand_in, tmp_path):
    stand_in.names = [*NAMES, "victim_name", "GlobalNote"]

    found = fetched(stand_in, tmp_path / "a")

    assert found.unknown_fields == ("victim_name", "GlobalNote")
    assert "victim_name" not in stand_in.asked[0]["outFields"]


def test_a_schema_that_changes_between_pages_starts_the_fetch_over(stand_in, tmp_path):
    stand_in.misbehave("renamed", page=3, old="fe1r29p1_id", new="place_id")
    stand_in.misbehave("hang", page=4)
    with pytest.raises(ServiceUnreachable):
        fetched(stand_in, tmp_path / "a", attempts=1, timeout_s=0.2)

    found = fetched(stand_in, tmp_path / "a")

    assert found.started_over == ("schema",)
    assert found.unknown_fields == ("place_id",)
    assert set(found.rows["fe1r29p1_id"]) == {None}


def test_a_needed_field_that_goes_between_pages_is_told(stand_in, tmp_path):
    stand_in.misbehave("renamed", page=3, old="stat", new="article")

    with pytest.raises(UnfitService, match="lacks the fields stat"):
        fetched(stand_in, tmp_path / "a")

    assert not (tmp_path / "a").exists()


# ---- Resuming ----


def stopped_at_page_three(stand_in, folder):
    stand_in.misbehave("status", page=3)
    with pytest.raises(ServiceUnreachable):
        fetched(stand_in, folder, attempts=1)
    stand_in.asked.clear()


def test_a_fetch_that_was_stopped_asks_only_for_the_pages_that_are_missing(stand_in, tmp_path):
    plain = fetched(stand_in, tmp_path / "a")
    stopped_at_page_three(stand_in, tmp_path / "b")

    found = fetched(stand_in, tmp_path / "b")

    assert stand_in.offsets == [98, 147, 196]
    assert found.resumed == 2
    assert found.rows.equals(plain.rows)


def test_a_page_that_no_state_names_is_written_anew(stand_in, tmp_path):
    stopped_at_page_three(stand_in, tmp_path / "a")
    (tmp_path / "a" / "page-0003.json").write_text("{half of a pa")

    found = fetched(stand_in, tmp_path / "a")

    assert (found.resumed, found.rows.height) == (2, 230)


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_stored_page_that_is_damaged_starts_the_fetch_over(stand_in, tmp_path, damage):
    stopped_at_page_three(stand_in, tmp_path / "a")
    page = tmp_path / "a" / "page-0001.json"
    page.unlink() if damage == "missing" else page.write_bytes(page.read_bytes().replace(b"188", b"189", 1))

    found = fetched(stand_in, tmp_path / "a")

    assert (found.started_over, found.rows.height) == (("pages",), 230)


def test_a_complete_fetch_is_read_again_without_asking_for_a_page(stand_in, tmp_path):
    first = fetched(stand_in, tmp_path / "a")
    stand_in.asked.clear()

    again = fetched(stand_in, tmp_path / "a")

    assert stand_in.asked == []
    assert again.rows.equals(first.rows)


def test_another_request_does_not_go_on_where_this_one_stopped(stand_in, tmp_path):
    stopped_at_page_three(stand_in, tmp_path / "a")

    is_resumable = [
        crime_point_service.is_resumable(tmp_path / "a", address=address, request=request)
        for address, request in (
            (stand_in.url, ALL),
            (stand_in.url, Request(city="1971")),
            (stand_in.url.replace("127", "128"), ALL),
        )
    ]

    assert is_resumable == [True, False, False]
    assert not crime_point_service.is_resumable(tmp_path / "nothing", address=stand_in.url, request=ALL)


# ---- The door ----


def let_in(**given):
    record = {**a_record(1), **given}
    rows, unfit = through_the_door([record | {"object_id": 1, "x": record["lng"], "y": record["lat"]}], KEY)
    return rows.row(0, named=True), dict(unfit)


def test_case_and_record_are_known_again_and_by_nobody_without_the_key():
    told = let_in()[0]
    again = let_in(objectid=77)[0]
    other = through_the_door([a_record(1) | {"object_id": 1}], bytes(32))[0].row(0, named=True)

    assert told["case_hash"] == again["case_hash"] != other["case_hash"]
    assert told["record_hash"] == again["record_hash"] != other["record_hash"]
    assert case_number(1) not in str(told)


def test_a_record_without_an_id_is_known_by_case_article_and_time():
    blank = "{00000000-0000-0000-0000-000000000000}"

    told = [let_in(globalid=blank)[0], let_in(globalid=None)[0], let_in(globalid=blank, stat="ст.99")[0]]

    assert told[0]["record_hash"] == told[1]["record_hash"] != told[2]["record_hash"]


@pytest.mark.parametrize(
    "given",
    [
        {"stat": "ст.188 ч.3 Иванов"},
        {"stat": "дело 247500000018642"},
        {"crime_code": case_number(1)},
        {"reg_code": "ул. Абая, 10"},
        {"dat_sover_str": "ИИН 900101300123"},
        {"fe1r29p1_id": "Иванов"},
        {"hard_code": ["nested"]},
        {"discontinued": "по делу 24"},
        {"transgression": {"a": 1}},
    ],
    ids=str,
)
def test_a_value_of_another_shape_than_documented_stays_outside_and_is_counted(given):
    told, unfit = let_in(**given)

    name = next(iter(given))
    assert unfit == {name: 1}
    assert str(given[name]) not in str(told)


@pytest.mark.parametrize(
    "article", ["ст.188 ч.3", "ст.188-1 ч.2 п.1", "188-бап 3-бөлік", "ст. 99 ч.2 п.п. 1, 4 УК РК", "статья 293 часть 1"]
)
def test_an_article_is_let_in_however_it_is_cited(article):
    assert let_in(stat=article)[0]["stat"] == article


def test_a_long_text_of_digits_is_judged_at_once():
    told, unfit = let_in(stat="1" * 49 + "x")

    assert (told["stat"], unfit) == (None, {"stat": 1})


def test_the_number_of_a_moment_is_wall_time_and_stands_in_where_the_text_is_missing():
    told, _ = let_in(dat_sover=1581193800000, dat_sover_str=None)

    assert told["dat_sover_str"] == "08.02.2020 20:30"
    assert milliseconds("2020-02-08 20:30") == 1581193800000


@pytest.mark.parametrize("number", [None, "soon", True, 10**20, float("nan"), float("inf")])
def test_a_moment_that_is_none_stays_empty(number):
    assert let_in(dat_sover=number, dat_sover_str=None)[0]["dat_sover_str"] is None


@pytest.mark.parametrize("point", [(None, None), ("NaN", "NaN"), (76.9, None), (float("nan"), 43.2), (True, False)])
def test_a_record_without_a_point_is_kept_without_a_place(point):
    told, unfit = let_in(lng=point[0], lat=point[1])

    assert (told["lng"], told["lat"], unfit) == (None, None, {})


def test_a_page_on_disk_holds_the_columns_that_may_be_kept_and_ids_of_rows(stand_in, tmp_path):
    stand_in.misbehave("everything", times=99)

    fetched(stand_in, tmp_path / "a")

    page = json.loads((tmp_path / "a" / "page-0001.json").read_text(encoding="utf-8"))
    assert set(page) == {"ids", "columns", "rows"}
    assert page["columns"] == list(COLUMNS)
    assert pl.DataFrame(page["rows"], list(COLUMNS), orient="row")["stat"].null_count() == 0
