"""Commands about rows set aside and about retention, as an operator types them."""

import csv
import logging
import stat
from datetime import UTC, datetime
from functools import partial

import pytest

from riskmap.errors import ExitStatus
from riskmap.kept_kinds import Kind
from riskmap.quarantine.desk import DismissReason
from riskmap.settings import Settings
from riskmap.wording import LANGUAGES, in_language
from tests.rows_aside import FAULTY, TOWN, a_file, a_town_on_disk, sound_rows
from tests.typed_commands import typed

EN = in_language("en")


@pytest.fixture
def town(tmp_path, monkeypatch):
    with a_town_on_disk(tmp_path) as made:
        monkeypatch.setenv("RISKMAP_DATA", str(made.settings.data))
        monkeypatch.setenv("RISKMAP_DATABASE_URL", made.settings.database_url)
        monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
        yield made


@pytest.fixture
def run(town, capsys):
    return partial(typed, capsys)


@pytest.fixture
def delivery_id(town):
    return town.deliver().delivery_id


def exported(run, town, delivery_id, *more):
    path = town.folder / "rows.csv"
    answer = run("quarantine", "export", "--delivery", delivery_id, "--to", path, "--json", *more)
    with path.open(newline="", encoding="utf-8-sig") as file:
        return answer, path, list(csv.reader(file))


def test_the_list_tells_deliveries_with_their_faults(run, delivery_id):
    answer = run("quarantine", "list", "--json")

    assert answer.status == ExitStatus.DONE
    (told,) = answer.data["deliveries"]
    assert (told["delivery_id"], told["open"], len(told["faults"])) == (delivery_id, 5, 5)
    assert EN.text("fault.ragged_row") in answer.out


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_is_told_in_three_languages(run, delivery_id, language):
    answer = run("quarantine", "list", "--territory", TOWN, "--language", language)

    assert in_language(language).text("steward.open", n=5) in answer.out
    assert delivery_id in answer.out


def test_an_installation_without_faults_says_so(run, town):
    town.deliver(sound_rows())

    assert EN.text("cli.quarantine.none") in run("quarantine", "list").out


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("list", "--territory", "nowhere"), ExitStatus.NOTHING_THERE),
        (("list", "--delivery", "f" * 16), ExitStatus.NOTHING_THERE),
        (("export", "--delivery", "f" * 16, "--to", "x.csv"), ExitStatus.NOTHING_THERE),
        (("replay", "not-there.csv"), ExitStatus.BAD_INPUT),
        (("dismiss", "--delivery", "f" * 16, "--reason", "not_an_incident", "--line", "2"), ExitStatus.NOTHING_THERE),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_not_there_is_said_with_its_status(run, monkeypatch, town, arguments, status):
    monkeypatch.chdir(town.folder)

    answer = run("quarantine", *arguments)

    assert answer.status == status
    assert "Traceback" not in answer.err
    assert not (town.folder / "x.csv").exists()


def test_the_table_is_written_for_its_user_alone_and_never_over_another(run, town, delivery_id):
    answer, path, table = exported(run, town, delivery_id)
    again = run("quarantine", "export", "--delivery", delivery_id, "--to", path)

    assert answer.data["rows"] == len(table) - 1 == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert again.status == ExitStatus.CANNOT_WRITE


def test_one_fault_can_be_exported(run, town, delivery_id):
    _, _, table = exported(run, town, delivery_id, "--fault", "future_date")

    assert [row[:3] for row in table[1:]] == [[delivery_id, "16", "future_date"]]


def test_a_corrected_table_is_read_again_and_the_account_is_told(run, town, delivery_id):
    _, path, table = exported(run, town, delivery_id)
    at = table[0].index("occurred_at")
    table[1][at], table[2][at] = "2026-02-28 10:00", "still no day"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)

    answer = run("quarantine", "replay", path, "--json")

    told = answer.data
    assert (told["rows"], told["accepted"], told["still_faulty"], told["unchanged"]) == (5, 1, 1, 3)
    assert "release --territory toy" in answer.out
    assert run("quarantine", "replay", path, "--json").data["unchanged"] == 5


@pytest.mark.parametrize("reason", DismissReason)
def test_rows_can_be_given_up_for_each_reason(run, delivery_id, reason):
    answer = run(
        "quarantine", "dismiss", "--delivery", delivery_id, "--line", 12, "--line", 13, "--reason", reason, "--json"
    )

    assert answer.data == {"delivery_id": delivery_id, "dismissed": 2, "reason": reason.value}


def test_giving_up_needs_a_fault_or_lines(run, delivery_id):
    answer = run("quarantine", "dismiss", "--delivery", delivery_id, "--reason", "not_an_incident")

    assert answer.status == ExitStatus.BAD_INPUT


def test_nothing_of_a_row_is_said_by_a_command_that_delivers_lists_or_replays(run, town, caplog):
    planted = ["Асқар Сынақов", "900101300123", "case-777-planted", "пәтер 99-planted"]
    path = a_file(town.folder, [*sound_rows(), *(f"31.02.2026,{text},43.25,76.9,{text}" for text in planted)])

    with caplog.at_level(logging.DEBUG):
        answers = [run("deliver", path, "--territory", TOWN, "--json")]
        delivery_id = answers[0].data["files"][0]["delivery_id"]
        answers.append(run("quarantine", "list", "--json"))
        exporting, table_path, table = exported(run, town, delivery_id)
        for row in table[1:3]:
            row[table[0].index("occurred_at")] = "nonsense"
        with table_path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
        answers += [exporting, run("quarantine", "replay", table_path, "--json")]
        table_path.write_text("\n".join(",".join(row) for row in [[*table[0], planted[0]], *table[1:]]))
        answers.append(run("quarantine", "replay", table_path, "--json"))

    said = "\n".join([caplog.text, *(answer.out + answer.err for answer in answers)])
    assert [answer.status for answer in answers] == [0, 0, 0, 0, ExitStatus.BAD_INPUT]
    assert answers[3].data["still_faulty"] == 2
    assert [text for text in planted if text in said] == []


def test_retention_only_looks_unless_told_to_carry_out(run, town, delivery_id):
    looked = run("retention", "--json")

    assert looked.status == ExitStatus.DONE
    assert looked.data["is_carried_out"] is False
    assert "--carry-out" in looked.out
    assert town.overview()[0].open == len(FAULTY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_retention_tells_every_kind_with_its_term_and_reason_in_one_table(run, language):
    answer = run("retention", "--terms", "--language", language, "--json")

    words = in_language(language)
    told = {one["kind"]: one["days"] for one in answer.data["terms"]}
    assert (answer.status, told["marks"], told["audit"], told["meetings"]) == (ExitStatus.DONE, 365, 1826, None)
    assert len(answer.out.splitlines()) == len(Kind) + 1
    assert words.text("retention.basis.marks") in answer.out
    assert words.text("retention.kept") in answer.out


@pytest.mark.parametrize("language", LANGUAGES)
def test_retention_carried_out_says_what_went_in_three_languages(run, town, monkeypatch, language):
    town.deliver(at=datetime(2026, 3, 1, tzinfo=UTC))
    monkeypatch.setenv("RISKMAP_KEEP_QUARANTINE_DAYS", "1")

    answer = run("retention", "--carry-out", "--language", language, "--json")

    entries = {due["kind"]: (due["entries"], due["files"]) for due in answer.data["due"]}
    words = in_language(language)
    assert entries["quarantine"] == (5, 1)
    assert words.text("cli.retention.carried_out") in answer.out
    assert words.text("cli.retention.kept", kind=words.text("cli.retention.kind.incidents")) in answer.out
    assert Settings.from_environment().kept_for.quarantine_days == 1


# ---- What a delivery says of the rows it set aside ----


def test_a_delivery_that_set_rows_aside_names_itself_and_how_to_get_them(town, run):
    rows = [*sound_rows(), *(row for _, row in FAULTY.values())]

    answer = run("deliver", a_file(town.folder, rows), "--territory", TOWN, "--json")

    delivery_id = answer.data["files"][0]["delivery_id"]
    assert f"Number of the delivery: {delivery_id}" in answer.out
    assert f"quarantine export --delivery {delivery_id} --to" in answer.out
    assert f"release --territory {TOWN}" in answer.out


def test_a_delivery_of_sound_rows_sends_nobody_to_the_quarantine(town, run):
    answer = run("deliver", a_file(town.folder, sound_rows()), "--territory", TOWN)

    assert "quarantine export" not in answer.out
    assert "Number of the delivery" not in answer.out


def test_a_delivery_of_which_no_row_was_accepted_does_not_lead_to_a_release(town, run):
    rows = [row for fault, row in FAULTY.values() if fault != "swapped_coordinates"]

    answer = run("deliver", a_file(town.folder, rows), "--territory", TOWN, "--json")

    assert (answer.status, answer.data["accepted"]) == (0, 0)
    assert "quarantine export" in answer.out
    assert "release --territory" not in answer.out
