"""``fetch kgp`` as an operator types it: what it says, how it ends, what a kill leaves, and what never gets in."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from riskmap import commands, fetch_commands
from riskmap.assembly import open_store
from riskmap.errors import ExitStatus
from riskmap.pipeline.feature_service import Patience
from riskmap.settings import Settings
from tests.stand_in_service import FREE_TEXT, STREET, StandIn, a_record, records
from tests.typed_commands import Answer

ROOT = Path(__file__).resolve().parents[2]
PERSONAL = re.compile(rf"{STREET}|{FREE_TEXT}|дом-[0-9]{{5}}|2475[0-9]{{7}}8642|77[0-9]{{21}}77|AAAA-BBBB-CCCC")


@pytest.fixture
def stand_in():
    with StandIn(records(230)) as service:
        yield service


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An installation with the built-in territory, to copy."""
    data = tmp_path_factory.mktemp("made") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RISKMAP_DATA", str(data))
        assert commands.main(["migrate"]) == 0
    return data


@pytest.fixture
def data(empty, tmp_path, monkeypatch):
    copy = shutil.copytree(empty, tmp_path / "data")
    monkeypatch.setenv("RISKMAP_DATA", str(copy))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.setattr(
        fetch_commands, "_patience", lambda options: Patience(pause_s=options.pause, first_wait_s=0, attempts=2)
    )
    return copy


@pytest.fixture
def typed(capsys, stand_in):
    def run(*arguments):
        capsys.readouterr()
        given = ["fetch", "kgp", "--url", stand_in.url, "--city", "1975", "--pause", "0", *arguments]
        return Answer(commands.main(given), capsys.readouterr())

    return run


# ---- What it says and how it ends ----


def test_a_fetch_ends_with_a_balanced_account(data, typed):
    answer = typed("--json")

    told = answer.data["delivery"]
    assert answer.status == ExitStatus.DONE
    assert (answer.data["records"], told["rows_read"]) == (230, 230)
    assert told["rows_read"] == told["accepted"] + told["duplicates"] + told["withdrawn"] + told["quarantined"]
    assert told["accepted"] == 230
    assert "Records: 230" in answer.out


def test_the_same_command_again_adds_nothing_and_says_so(data, typed):
    typed()

    answer = typed()

    assert answer.status == ExitStatus.DONE
    assert "Nothing is new; nothing was delivered." in answer.out
    store = open_store(Settings.from_environment({"RISKMAP_DATA": str(data)}))
    assert store.lake.read("kazakhstan").height == 230
    store.close()


@pytest.mark.parametrize(
    ("language", "words"), [("kk", "Қала коды: 1975"), ("ru", "Код города: 1975"), ("en", "City code: 1975")]
)
def test_the_summary_is_in_the_language_asked_for(data, typed, stand_in, language, words):
    stand_in.names.append("victim_name")
    stand_in.change(1, stat="Иванов")

    answer = typed("--language", language, "--no-deliver")

    assert words in answer.out
    assert "victim_name" in answer.out
    assert "stat" in answer.out


def test_a_period_is_asked_for_and_nothing_is_delivered_where_that_is_wanted(data, typed):
    answer = typed("--since", "2024-02-01", "--until", "2024-02-29", "--no-deliver", "--json")

    rows = pl.read_csv(answer.data["file"], infer_schema=False)
    assert answer.data["delivery"] is None
    assert set(rows["dat_sover_str"].str.slice(3, 7)) == {"02.2024"}


def test_a_file_made_by_a_fetch_is_recognised_when_it_is_delivered_by_hand(data, typed, capsys):
    path = typed("--no-deliver", "--json").data["file"]

    status = commands.main(["deliver", path, "--territory", "kazakhstan", "--json"])

    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert status == ExitStatus.DONE
    assert (told["rows_read"], told["accepted"]) == (230, 230)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--city", "19755"], "four digits"),
        (["--city", "1975' OR '1'='1"], "four digits"),
        (["--url", "file:///etc/hosts/1"], "http or https"),
        (["--url", "http://me:s3cret@localhost/FeatureServer/1"], "a name, a password or parameters"),
        (["--since", "2024-02-01", "--until", "2024-01-01"], "earlier day first"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_bad_input_and_nobody_is_asked(data, typed, stand_in, arguments, message):
    answer = typed(*arguments)

    assert answer.status == ExitStatus.BAD_INPUT
    assert message in answer.err
    assert "s3cret" not in answer.err + answer.out
    assert stand_in.calls == 0


@pytest.mark.parametrize("option", ["--since=yesterday", "--pause=-1", "--pause=nan", "--overlap=-3", "--overlap=x"])
def test_an_option_that_does_not_fit_is_refused_by_the_command_line(data, typed, option):
    with pytest.raises(SystemExit) as refused:
        typed(option)

    assert refused.value.code == ExitStatus.BAD_INPUT


def test_a_service_that_does_not_answer_has_its_own_ending(data, typed, stand_in):
    stand_in.misbehave("status", page=0, times=99)

    answer = typed("--json")

    assert answer.status == ExitStatus.UNREACHABLE
    assert "The service does not answer." in answer.err
    assert answer.data["status"] == ExitStatus.UNREACHABLE


def test_an_address_of_something_else_is_bad_input(data, typed, stand_in):
    stand_in.misbehave("html", page=0, times=99)

    answer = typed()

    assert answer.status == ExitStatus.BAD_INPUT
    assert "Check the address and the number of the layer" in answer.err


def test_a_city_without_any_record_is_told_so_each_time(data, typed):
    answers = [typed("--city", "1971", "--json") for _ in range(2)]

    assert [(one.status, one.data["held"]) for one in answers] == [(0, 0), (0, 0)]
    for one in answers:
        assert "no records of this city" in one.out
        assert "Nothing is new" not in one.out


def test_a_layer_of_another_schema_is_bad_input(data, typed, stand_in):
    stand_in.names = ["objectid", "city_code"]

    answer = typed()

    assert answer.status == ExitStatus.BAD_INPUT
    assert "lacks the fields" in answer.err


def test_the_address_is_always_the_operators(data):
    with pytest.raises(SystemExit) as refused:
        commands.main(["fetch", "kgp", "--city", "1975"])

    assert refused.value.code == ExitStatus.BAD_INPUT


# ---- Killed ----


def killed_at_page(stand_in, data, page):
    """Start a fetch in a process of its own and kill it while it waits for a page."""
    stand_in.misbehave("hang", page=page)
    running = subprocess.Popen(
        [sys.executable, "-m", "riskmap", "fetch", "kgp", "--url", stand_in.url, "--city", "1975", "--pause", "0"],
        cwd=ROOT,
        env={**os.environ, "RISKMAP_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert stand_in.hangs.wait(120)
    os.kill(running.pid, signal.SIGKILL)
    said = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    stand_in.asked.clear()
    return "".join(said)


def test_a_fetch_killed_in_the_midst_asks_only_for_the_missing_pages_when_run_again(data, typed, stand_in):
    killed_at_page(stand_in, data, 3)

    answer = typed("--json")

    assert stand_in.offsets == [98, 147, 196]
    assert answer.data["pages_resumed"] == 2
    assert answer.data["delivery"]["accepted"] == 230
    assert "Pages fetched before: 2" in answer.out


# ---- Nothing personal gets in ----


def found_below(folder):
    """Every personal value in the bytes of files, and in the cells of those that are packed."""
    found = []
    for path in sorted(entry for entry in folder.rglob("*") if entry.is_file()):
        told = path.name + path.read_bytes().decode("utf-8", errors="ignore")
        if path.suffix == ".parquet":
            told += str(pl.read_parquet(path).to_dicts())
        found += [(path.name, match) for match in PERSONAL.findall(told)]
    return found


def test_what_is_dropped_at_the_door_is_in_no_byte_of_the_installation_nor_in_a_log(data, typed, stand_in, caplog):
    stand_in.misbehave("everything", times=2)
    stand_in.misbehave("hang", page=3)
    stand_in.misbehave("html", page=4)
    stand_in.misbehave("everything", times=999)
    stand_in.add(
        a_record(900, at="2024-05-01 10:00", stat=f"дело {a_record(900)['ud']}"),
        a_record(901, at="2024-05-01 11:00", dat_sover_str=f"{STREET}, дом-00001", dat_sover=None),
        a_record(902, at="2024-05-01 12:00", discontinued=1, reg_code=f"{STREET}"),
        a_record(903, at="1990-05-01 12:00", hard_code=a_record(903)["tz1id"]),
    )
    assert PERSONAL.findall(json.dumps(stand_in.answer({"where": "1=1", "outFields": "*"}), ensure_ascii=False))

    with caplog.at_level(logging.DEBUG):
        killed = killed_at_page(stand_in, data, 3)
        answer = typed("--json")

    told = answer.data
    assert answer.status == ExitStatus.DONE
    assert told["delivery"]["quarantined"] == 2
    assert told["unfit"] == {"dat_sover_str": 1, "hard_code": 1, "reg_code": 1, "stat": 1}
    assert found_below(data) == []
    assert PERSONAL.findall(killed + answer.out + answer.err + caplog.text) == []


def test_a_personal_value_would_be_found(tmp_path):
    (tmp_path / "a.csv").write_text(f"1,{STREET}-7", encoding="utf-8")
    pl.DataFrame({"a": [str(a_record(5)["ud"])] * 3}).write_parquet(tmp_path / "b.parquet")

    assert {name for name, _ in found_below(tmp_path)} == {"a.csv", "b.parquet"}
