"""Rows set aside can be seen, corrected, read again and given up; none is lost, and the account adds up."""

import json
import logging
from dataclasses import replace

import polars as pl
import pytest

from geodata.errors import UnreadableFile
from geodata.sources import NOT_KEPT
from riskmap.errors import NotAllowed, UnfitCorrections, UnknownDelivery
from riskmap.identity import access
from riskmap.identity.access import Actor, Grant, Role
from riskmap.pipeline import deliveries
from riskmap.quarantine import corrections, desk
from riskmap.quarantine.desk import PAGE_ROWS, DismissReason
from tests.rows_aside import FAULTY, NOW, STEWARD, TOWN, a_town, a_town_on_disk, corrected, sound_rows

RIGHT = {
    "line_12": {"occurred_at": "28.02.2026 10:00"},
    "line_13": {"occurred_at": "2026-02-02 09:05"},
    "line_14": {"lat": "43.25", "lng": "76.91"},
    "line_15": {"occurred_at": "2026-02-04 12:00", "category": "theft", "lat": "43.25", "lng": "76.95"},
    "line_16": {"occurred_at": "2026-02-04 12:00"},
}
"""What makes each of `FAULTY` right."""


@pytest.fixture
def town(tmp_path):
    with a_town_on_disk(tmp_path) as made:
        yield made


@pytest.fixture
def delivery_id(town):
    return town.deliver().delivery_id


def replayed(town, table, *, at=NOW, **given):
    return corrections.replay(town.bench, STEWARD, town.sent_back(table, **given), at=at)


def numbers(report):
    return (report.accepted, report.duplicates, report.withdrawn, report.still_faulty, report.unchanged)


def everything(town):
    """All that a refused table has to leave as it was."""
    with town.store.look() as look:
        marks = {
            one.delivery_id: look.quarantine_marks.of_delivery(one.delivery_id) for one in look.deliveries.all(TOWN)
        }
    return marks, town.store.lake.read(TOWN).to_dicts()


# ---- Seeing ----


def test_the_overview_counts_by_fault_what_each_delivery_set_aside(town, delivery_id):
    (told,) = town.overview()

    assert (told.delivery_id, told.rows_read, told.set_aside, told.open) == (delivery_id, 15, 5, 5)
    assert told.faults == {fault: 1 for fault, _ in FAULTY.values()}
    assert (told.replayed, told.dismissed) == (0, 0)


def test_a_delivery_without_faults_is_not_in_the_overview(town):
    town.deliver(sound_rows())

    assert town.overview() == []


def test_rows_come_in_pages_by_line_as_they_were_delivered(town):
    told = town.deliver([*sound_rows(), *(f",theft,43.2{n:02},76.9,n{n}" for n in range(PAGE_ROWS + 5))])

    first, last, beyond = (desk.rows(town.bench, STEWARD, told.delivery_id, page=page, at=NOW) for page in (1, 2, 99))

    assert [row.line for row in first.rows] == list(range(12, 12 + PAGE_ROWS))
    assert (first.pages, first.count, len(last.rows)) == (2, PAGE_ROWS + 5, 5)
    assert beyond == last
    assert first.rows[3].cells["lat"] == "43.203"
    assert first.rows[3].fault == "missing_date"


def test_a_fault_can_be_looked_at_by_itself(town, delivery_id):
    found = desk.rows(town.bench, STEWARD, delivery_id, fault="ragged_row", at=NOW)

    assert [(row.line, row.text, row.cells) for row in found.rows] == [(15, NOT_KEPT, {})]


# ---- The table ----


def test_the_table_names_delivery_line_and_fault_before_the_own_columns(town, delivery_id):
    table = town.table(delivery_id)

    assert table[0][:4] == ["delivery_id", "line", "fault", "found"]
    assert {"occurred_at", "category", "lat", "lng"} <= set(table[0][4:])
    assert [row[:3] for row in table[1:]] == [[delivery_id, str(line), FAULTY[line][0]] for line in FAULTY]


def test_the_table_opens_as_utf_8_and_holds_no_formula(town):
    told = town.deliver([*sound_rows(), ",=HYPERLINK(1),43.25,76.9,", ",@SUM(A1),43.25,76.9,", ",'=1,43.25,76.9,"])

    _, pieces = desk.export(town.bench, STEWARD, told.delivery_id, at=NOW)
    written = b"".join(pieces)

    assert written.startswith(b"\xef\xbb\xbf")
    categories = [row[town.table(told.delivery_id)[0].index("category")] for row in town.table(told.delivery_id)[1:]]
    assert categories == ["'=HYPERLINK(1)", "'@SUM(A1)", "''=1"]


def test_what_was_made_harmless_for_the_spreadsheet_comes_back_as_delivered(town):
    told = town.deliver([*sound_rows(), ",=theft,43.25,76.9,", ",'=theft,43.25,76.9,", ",-5,43.25,76.9,"])

    report = replayed(town, town.table(told.delivery_id))

    assert numbers(report) == (0, 0, 0, 0, 3)


@pytest.mark.parametrize(
    "as_saved",
    [{"separator": ";"}, {"separator": "\t", "encoding": "utf-16"}, {"separator": ";", "encoding": "utf-8-sig"}],
    ids=["semicolon", "UTF-16 with tabs", "byte order mark"],
)
def test_a_table_saved_by_another_spreadsheet_is_read(town, delivery_id, as_saved):
    report = replayed(town, corrected(town.table(delivery_id), line_12=RIGHT["line_12"]), **as_saved)

    assert numbers(report) == (1, 0, 0, 0, 4)


# ---- Reading again ----


def test_corrected_rows_become_incidents_and_the_account_adds_up(town, delivery_id):
    before = town.store.lake.read(TOWN).height

    report = replayed(town, corrected(town.table(delivery_id), **RIGHT))

    assert numbers(report) == (5, 0, 0, 0, 0)
    assert town.store.lake.read(TOWN).height == before + 5
    (told,) = town.overview()
    assert (told.open, told.replayed, told.set_aside) == (0, 5, 5)


def test_a_corrected_row_is_read_as_its_delivery_was(town):
    """One row alone cannot tell whether 03/04/2026 is March or April; its delivery could."""
    days_first = [f"{13 + n}/02/2026 10:0{n},theft,43.25,76.9," for n in range(5)]
    told = town.deliver([*days_first, "03/44/2026 10:00,theft,43.25,76.9,"])

    replayed(town, corrected(town.table(told.delivery_id), line_7={"occurred_at": "03/04/2026 10:00"}))

    days = town.store.lake.read(TOWN)["occurred_on"].to_list()
    assert max(day.isoformat() for day in days) == "2026-04-03"


def test_still_faulty_rows_stay_in_quarantine_with_their_new_fault(town, delivery_id):
    wrong = {"line_13": {"occurred_at": "not a day"}, "line_12": RIGHT["line_12"]}

    report = replayed(town, corrected(town.table(delivery_id), **wrong))

    assert numbers(report) == (1, 0, 0, 1, 3)
    assert report.faults == {"impossible_date": 1}
    found = desk.rows(town.bench, STEWARD, delivery_id, fault="impossible_date", at=NOW).rows
    assert [(row.line, row.cells["occurred_at"], row.was_corrected) for row in found] == [(13, "not a day", True)]


def test_one_corrected_row_need_not_lie_in_the_territory_or_have_a_known_category(town, delivery_id):
    outside = {"occurred_at": "2026-02-02 09:05", "lat": "51.1", "lng": "71.4"}
    unknown = RIGHT["line_12"] | {"category": "жаңа санат"}

    first = replayed(town, corrected(town.table(delivery_id), line_13=outside))
    second = replayed(town, corrected(town.table(delivery_id), line_12=unknown))

    assert (numbers(first), first.faults) == ((0, 0, 0, 1, 4), {"outside_territory": 1})
    assert numbers(second) == (1, 0, 0, 0, 4)


def test_a_row_may_be_corrected_again_and_again(town, delivery_id):
    first = corrected(town.table(delivery_id), line_13={"occurred_at": "32.01.2026"}, line_12=RIGHT["line_12"])
    replayed(town, first)

    second = replayed(town, corrected(first, line_13={"occurred_at": "33.01.2026"}, line_14=RIGHT["line_14"]))
    third = replayed(town, corrected(town.table(delivery_id), line_13=RIGHT["line_13"]))

    assert numbers(second) == (1, 0, 0, 1, 3)
    assert numbers(third) == (1, 0, 0, 0, 2)
    (told,) = town.overview()
    assert (told.open, told.replayed, told.faults) == (2, 3, {"ragged_row": 1, "future_date": 1})


def test_the_same_table_again_changes_nothing(town, delivery_id):
    table = corrected(town.table(delivery_id), **RIGHT | {"line_16": {"occurred_at": "nonsense"}})
    replayed(town, table)
    before = everything(town)

    report = replayed(town, table)

    assert numbers(report) == (0, 0, 0, 0, 5)
    assert report.replay_id is None
    assert everything(town) == before


def test_rows_without_a_correction_are_left_alone(town, delivery_id):
    before = everything(town)

    report = replayed(town, town.table(delivery_id))

    assert numbers(report) == (0, 0, 0, 0, 5)
    assert everything(town) == before


def test_a_row_corrected_to_an_incident_that_is_there_counts_as_duplicate(town, delivery_id):
    day, category, lat, lng, _ = sound_rows()[0].split(",")
    same = {"occurred_at": day, "category": category, "lat": lat, "lng": lng}

    report = replayed(town, corrected(town.table(delivery_id), line_13=same))

    assert numbers(report) == (0, 1, 0, 0, 4)


def test_two_rows_corrected_to_the_same_one_after_another_are_told_apart(town, delivery_id):
    same = {"occurred_at": "2026-02-20 10:00", "category": "theft", "lat": "43.3", "lng": "76.9"}
    replayed(town, corrected(town.table(delivery_id), line_12=same))

    report = replayed(town, corrected(town.table(delivery_id), line_13=same))

    assert numbers(report) == (0, 1, 0, 0, 3)
    assert town.overview()[0].replayed == 2


def test_what_was_set_aside_stays_as_delivered_after_it_was_corrected(town, delivery_id):
    before = town.store.lake.quarantined(TOWN, delivery_id)

    replayed(town, corrected(town.table(delivery_id), **RIGHT))

    assert town.store.lake.quarantined(TOWN, delivery_id).equals(before)


def test_a_replay_that_was_killed_before_its_marks_is_finished_by_the_next(town, delivery_id, monkeypatch):
    table = corrected(town.table(delivery_id), **RIGHT | {"line_16": {"occurred_at": "nonsense"}})
    with monkeypatch.context() as broken:
        broken.setattr("riskmap.quarantine.corrections._account", _die)
        with pytest.raises(KeyboardInterrupt):
            replayed(town, table)
    assert town.overview()[0].open == 5, "rows are open until they are marked"
    incidents = town.store.lake.read(TOWN).height

    report = replayed(town, table)

    assert numbers(report) == (4, 0, 0, 1, 0)
    assert town.store.lake.read(TOWN).height == incidents
    assert (town.overview()[0].open, town.overview()[0].replayed) == (1, 4)


def _die(*_):
    raise KeyboardInterrupt


def test_nothing_of_a_corrected_table_is_left_in_the_work_folder(town, delivery_id):
    replayed(town, corrected(town.table(delivery_id), **RIGHT))

    assert list((town.settings.data / "staging").iterdir()) == []


# ---- Tables that do not fit ----


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda table: [row[1:] for row in table], "headings"),
        (lambda table: [[*row, "x"] if at == 0 else [*row, ""] for at, row in enumerate(table)], "unknown_column"),
        (lambda table: [*table, [table[1][0], "3", *table[1][2:]]], "unknown_line"),
        (lambda table: [*table, [table[1][0], "999", *table[1][2:]]], "unknown_line"),
        (lambda table: [*table, table[1]], "line_number"),
        (lambda table: [*table, [table[1][0], "twelve", *table[1][2:]]], "line_number"),
        (lambda table: [*table, ["f" * 16, "14000", *table[1][2:]]], "deliveries"),
        (lambda table: [*table[:2], [*table[2], "too many"]], "ragged"),
        (lambda table: [[*row, row[4]] for row in table], "headings"),
    ],
    ids=[
        "no id",
        "more columns",
        "sound line",
        "no such line",
        "line twice",
        "no number",
        "two",
        "ragged",
        "column twice",
    ],
)
def test_a_table_that_does_not_belong_is_refused_as_a_whole(town, delivery_id, change, fault):
    table = change(corrected(town.table(delivery_id), line_12=RIGHT["line_12"]))
    before = everything(town)

    with pytest.raises(UnfitCorrections) as refused:
        replayed(town, table)

    assert refused.value.fault == fault
    assert "Nothing was changed" in str(refused.value)
    assert everything(town) == before


def test_a_table_of_an_unknown_delivery_is_refused(town, delivery_id):
    table = [[*row] if at == 0 else ["0" * 16, *row[1:]] for at, row in enumerate(town.table(delivery_id))]

    with pytest.raises(UnknownDelivery, match="quarantine list"):
        replayed(town, table)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PK\x03\x04 workbook"], ids=["empty", "binary", "workbook"])
def test_what_is_no_table_is_refused(town, content):
    path = town.folder / "x.csv"
    path.write_bytes(content)

    with pytest.raises((UnreadableFile, UnfitCorrections)):
        corrections.replay(town.bench, STEWARD, path, at=NOW)


# ---- Giving up ----


def test_rows_of_a_fault_can_be_given_up_and_stay_where_they_are(town, delivery_id):
    count = desk.dismiss(
        town.bench, STEWARD, delivery_id, fault="future_date", reason=DismissReason.CANNOT_BE_KNOWN, at=NOW
    )

    (told,) = town.overview()
    assert (count, told.open, told.dismissed) == (1, 4, 1)
    assert "future_date" not in told.faults
    assert 16 in town.store.lake.quarantined(TOWN, delivery_id)["line"]


def test_single_lines_can_be_given_up_once(town, delivery_id):
    given_up = [
        desk.dismiss(town.bench, STEWARD, delivery_id, lines=[12, 15], reason=DismissReason.NOT_AN_INCIDENT, at=NOW)
        for _ in range(2)
    ]

    assert given_up == [2, 0]
    assert [row.line for row in desk.rows(town.bench, STEWARD, delivery_id, at=NOW).rows] == [13, 14, 16]


def test_a_correction_revives_a_row_that_was_given_up(town, delivery_id):
    table = corrected(town.table(delivery_id), line_16=RIGHT["line_16"])
    desk.dismiss(town.bench, STEWARD, delivery_id, lines=[16, 12], reason=DismissReason.OTHER_TERRITORY, at=NOW)

    report = replayed(town, table)

    assert numbers(report) == (1, 0, 0, 0, 4)
    assert (town.overview()[0].dismissed, town.overview()[0].replayed) == (1, 1)


@pytest.mark.parametrize(
    "given", [{}, {"lines": [3]}, {"lines": [12, 999]}], ids=["nothing", "a sound line", "no line"]
)
def test_giving_up_what_was_not_set_aside_is_refused(town, delivery_id, given):
    with pytest.raises(UnfitCorrections):
        desk.dismiss(town.bench, STEWARD, delivery_id, reason=DismissReason.CANNOT_BE_KNOWN, at=NOW, **given)

    assert town.overview()[0].dismissed == 0


# ---- Who may, and what is written down ----

USES = {
    "overview": lambda town, actor, _: desk.overview(town.bench, actor, TOWN, at=NOW),
    "about": lambda town, actor, id_: desk.about(town.bench, actor, id_, at=NOW),
    "rows": lambda town, actor, id_: desk.rows(town.bench, actor, id_, at=NOW),
    "export": lambda town, actor, id_: desk.export(town.bench, actor, id_, at=NOW),
    "replay": lambda town, actor, id_: corrections.replay(
        town.bench, actor, town.sent_back(corrected(town.table(id_), **RIGHT)), at=NOW
    ),
    "dismiss": lambda town, actor, id_: desk.dismiss(
        town.bench, actor, id_, fault="missing_date", reason=DismissReason.CANNOT_BE_KNOWN, at=NOW
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_whoever_is_no_steward_of_the_whole_territory_is_refused(town, delivery_id, use):
    grants = [Grant(role=role, region_id=TOWN) for role in Role if role is not Role.STEWARD]
    grants += [Grant(role=Role.STEWARD, region_id=region) for region in (f"{TOWN}/1", "elsewhere")]
    before = everything(town)

    for given in ((), *((grant,) for grant in grants), tuple(grants)):
        with pytest.raises(NotAllowed):
            use(town, Actor(account_id="a-x", login="x", grants=given), delivery_id)

    assert everything(town) == before


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("actor", [STEWARD, access.operator()], ids=["steward", "operator"])
def test_every_use_is_written_into_the_audit_log_without_contents(town, delivery_id, name, actor):
    USES[name](town, actor, delivery_id)

    entry = town.audit()[-1]
    told = json.dumps(dict(entry.details))
    assert entry.action == ("quarantine_look" if name == "about" else f"quarantine_{name}")
    assert entry.account_id == actor.account_id
    assert entry.subject == (f"territory {TOWN}" if name == "overview" else f"delivery {delivery_id}")
    assert not [cell for _, row in FAULTY.values() for cell in row.split(",") if cell and cell in told]


def test_nothing_of_a_row_stands_in_the_logs(town, caplog, capsys):
    planted = {"Асқар Сынақов", "900101300123", "case-777-planted", "+77015550199", "пәтер 99-planted"}
    rows = [f"31.02.2026,{text},43.25,76.9,{text}" for text in sorted(planted)]

    with caplog.at_level(logging.DEBUG):
        told = town.deliver([*sound_rows(), *rows])
        town.overview()
        table = town.table(told.delivery_id)
        replayed(town, corrected(table, line_12={"occurred_at": "32.01.2026"}, line_13={"occurred_at": "2026-01-02"}))
        with pytest.raises(UnfitCorrections) as refused:
            replayed(town, [[*row, text] for row, text in zip(table, [*sorted(planted)] * 2, strict=False)])
        desk.dismiss(town.bench, STEWARD, told.delivery_id, lines=[14], reason=DismissReason.NOT_AN_INCIDENT, at=NOW)

    captured = capsys.readouterr()
    said = "\n".join([caplog.text, captured.out, captured.err, str(refused.value), *map(repr, town.audit())])
    assert told.quarantined == len(planted)
    assert "rows accepted" in caplog.text
    assert [text for text in planted if text in said] == []


def test_an_earlier_delivery_without_a_known_reading_is_not_guessed_at(town, delivery_id):
    with town.store.work() as work:
        work.deliveries.save(replace(work.deliveries.find(delivery_id), settled={}))
        work.commit()

    with pytest.raises(UnfitCorrections) as refused:
        replayed(town, corrected(town.table(delivery_id), line_12=RIGHT["line_12"]))

    assert refused.value.fault == "no_reading"


def test_a_parquet_delivery_is_corrected_as_text(town, tmp_path):
    path = tmp_path / "incidents.parquet"
    frame = pl.DataFrame(
        {
            "occurred_at": pl.Series(["2026-02-01T10:00:00", "2026-02-02T11:30:00", None]).str.to_datetime(),
            "category": ["theft", "robbery", "theft"],
            "lat": [43.25, 43.26, 43.27],
            "lng": [76.9, 76.9, 76.9],
        }
    )
    frame.write_parquet(path)
    told = deliveries.deliver(town.store, path, territory=a_town(), now=NOW)

    report = replayed(town, corrected(town.table(told.delivery_id), line_3={"occurred_at": "2026-02-03 12:00:00"}))

    assert numbers(report) == (1, 0, 0, 0, 0)
    assert town.store.lake.read(TOWN)["lat"].max() == 43.27
