"""Commands about official totals, as an operator types them."""

import shutil
from functools import partial

import pytest

from geodata.official_totals import read_form
from riskmap import commands
from riskmap.assembly import open_store
from riskmap.errors import ExitStatus
from riskmap.settings import Settings
from tests.form_builder import LINES, write_form
from tests.typed_commands import typed

ALMATY, ASTANA = "750000000", "710000000"
INCIDENTS = """\
occurred_at,category,lat,lng
2023-03-01 14:30,ст.188 ч.3,43.2389,76.8897
2023-03-02 14:30,1880,43.2489,76.8997
2023-03-03 14:30,квартирная кража,43.2289,76.8797
2023-03-04 14:30,ст.190 ч.1,43.2189,76.8697
2023-03-05 14:30,ст. 99,43.2089,76.8597
2022-03-06 14:30,188-бап,43.2389,76.8897
2023-03-07 14:30,188,51.1282,71.4304
2023-03-08 14:30,188,,
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two installations to copy: one with the built-in territory only, one with a form and eight incidents."""
    folder = tmp_path_factory.mktemp("made")
    form = write_form(folder / "form.xlsx")
    (folder / "incidents.csv").write_text(INCIDENTS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "en_US.UTF-8")
        patch.setenv("RISKMAP_DATA", str(folder / "empty"))
        assert commands.main(["migrate"]) == 0
        assert commands.main(["account", "list"]) == 0
        shutil.copytree(folder / "empty", folder / "loaded")
        patch.setenv("RISKMAP_DATA", str(folder / "loaded"))
        assert commands.main(["totals", "load", str(form), "--region", ALMATY, "--year", "2023"]) == 0
        assert commands.main(["deliver", str(folder / "incidents.csv"), "--territory", "kazakhstan"]) == 0
    return folder


@pytest.fixture
def run(made, tmp_path, capsys, monkeypatch):
    """Types a command in an installation that holds no form."""
    shutil.copytree(made / "empty", tmp_path / "data")
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return partial(typed, capsys)


@pytest.fixture
def loaded(made, tmp_path, capsys, monkeypatch):
    """Types a command in an installation that holds a form of Almaty and eight incidents."""
    shutil.copytree(made / "loaded", tmp_path / "data")
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return partial(typed, capsys)


@pytest.fixture
def form(tmp_path):
    return write_form(tmp_path / "form.xlsx")


def test_a_form_is_loaded_and_said_in_words(run, form):
    answer = run("totals", "load", form, "--region", ALMATY, "--year", 2023)

    assert answer.status == ExitStatus.DONE
    assert "Region: Almaty city. Year: 2023. Offences registered: 120." in answer.out
    assert "replaced" not in answer.out


def test_loading_a_form_again_replaces_it(run, form):
    run("totals", "load", form, "--region", ALMATY, "--year", 2023)

    again = run("totals", "load", form, "--region", ALMATY, "--year", 2023, "--json")

    assert (again.data["replaced"], again.data["registered"], again.data["difference"]) == (8, 120, 0)


@pytest.mark.parametrize(("language", "word"), [("kk", "Өңір"), ("ru", "Регион"), ("en", "Region")])
def test_every_command_speaks_three_languages(loaded, form, language, word):
    told = loaded("totals", "load", form, "--region", ALMATY, "--year", 2023, "--language", language)
    checked = loaded("totals", "check", "--language", language)

    assert (told.status, checked.status) == (0, 0)
    assert word in told.out
    assert "2023" in checked.out


def test_the_region_is_taken_from_the_headings(run, tmp_path):
    path = write_form(tmp_path / "named.xlsx", heading="по городу Астана")

    assert run("totals", "load", path, "--year", 2023, "--json").data["region_id"] == ASTANA


@pytest.mark.parametrize(
    ("heading", "arguments", "said"),
    [
        ("", (), "names no region of kazakhstan"),
        ("", ("--region", "123"), "has no region '123'"),
        ("город Астана", ("--region", ALMATY), f"names region {ASTANA}, but --region says {ALMATY}"),
    ],
)
def test_a_region_that_is_not_known_or_is_another_one_is_refused(run, tmp_path, heading, arguments, said):
    path = write_form(tmp_path / "form.xlsx", heading=heading)

    answer = run("totals", "load", path, "--year", 2023, *arguments)

    assert answer.status == ExitStatus.BAD_INPUT
    assert answer.err.startswith("riskmap: The official form cannot be used.")
    assert said in answer.err


@pytest.mark.parametrize("year", [2014, 2999])
def test_a_year_without_such_a_form_is_refused(run, form, year):
    answer = run("totals", "load", form, "--region", ALMATY, "--year", year)

    assert answer.status == ExitStatus.BAD_INPUT
    assert f"year {year} was given" in answer.err


def test_a_form_that_does_not_add_up_says_so_and_is_kept(run, tmp_path):
    lines = [(*LINES[0][:4], 150, 131, 9, 40, 6), *LINES[1:]]
    path = write_form(tmp_path / "form.xlsx", lines=lines)

    answer = run("totals", "load", path, "--region", ALMATY, "--year", 2023)

    assert answer.status == ExitStatus.DONE
    assert "do not sum to its total. Difference: 11." in answer.out


def test_checking_without_totals_says_how_to_load_them(run):
    answer = run("totals", "check")

    assert answer.status == ExitStatus.NOTHING_THERE
    assert "python -m riskmap totals load" in answer.err


def test_coverage_is_told_in_percent_for_each_region_and_group(loaded):
    coverage = {row["offence_group"]: row for row in loaded("totals", "check", "--json").data["coverage"]}

    told = {group: (row["held"], row["registered"], row["percent"]) for group, row in coverage.items()}
    # The burglary counts as theft, and the theft of another year or city not at all.
    assert told == {
        "all": (5, 120, pytest.approx(100 * 5 / 120)),
        "theft": (3, 84, pytest.approx(100 * 3 / 84)),
        "fraud": (1, 24, pytest.approx(100 / 24)),
        "homicide": (1, 7, pytest.approx(100 / 7)),
        "minors": (0, 5, 0.0),
    }
    assert {row["region_id"] for row in coverage.values()} == {ALMATY}


def test_what_is_held_but_not_registered_has_no_percent(run, tmp_path):
    lines = [line for line in LINES if line[3] not in (8, 13)]
    path = write_form(tmp_path / "form.xlsx", lines=lines)
    (tmp_path / "incidents.csv").write_text(INCIDENTS, encoding="utf-8")
    run("totals", "load", path, "--region", ALMATY, "--year", 2023)
    run("deliver", tmp_path / "incidents.csv", "--territory", "kazakhstan")

    answer = run("totals", "check")

    assert "Fraud. Held: 1. Officially registered: 0. Coverage: – %" in answer.out


def test_incidents_without_a_region_are_counted(loaded):
    assert loaded("totals", "check", "--json").data["unplaced"] == 1


def test_incidents_without_a_region_in_other_years_are_not_counted(loaded, form):
    loaded("totals", "load", form, "--region", ALMATY, "--year", 2022)

    told = loaded("totals", "check", "--year", 2022, "--json")

    assert told.data["unplaced"] == 0
    assert "whose region is not known" not in told.out


def test_the_very_same_form_of_another_region_is_told(loaded, form):
    answer = loaded("totals", "load", form, "--region", ASTANA, "--year", 2023, "--json")
    other_year = loaded("totals", "load", form, "--region", ASTANA, "--year", 2022, "--json")

    assert (answer.status, answer.data["same_as"], other_year.data["same_as"]) == (0, [ALMATY], [])
    assert "The very same form of 2023 is held for: Almaty city." in answer.out


def test_a_form_loaded_again_or_of_other_counts_is_not_taken_for_that_of_another_region(loaded, form, tmp_path):
    other = write_form(tmp_path / "other.xlsx", lines=[(*LINES[0][:4], 150, 131, 9, 40, 6), *LINES[1:]])

    again = loaded("totals", "load", form, "--region", ALMATY, "--year", 2023, "--json")
    astana = loaded("totals", "load", other, "--region", ASTANA, "--year", 2023, "--json")

    assert (again.data["same_as"], astana.data["same_as"]) == ([], [])


def test_a_form_that_differs_from_the_territorys_table_is_listed(loaded):
    answer = loaded("totals", "check", "--json")

    assert answer.data["against_table"] == [{"region_id": ALMATY, "year": 2023, "form": 150, "table": 39928}]
    assert "By the form: 150. By the table of the territory: 39,928" in answer.out


def test_regions_without_a_form_are_named_and_nothing_is_summed(loaded):
    answer = loaded("totals", "check", "--json")

    assert len(answer.data["missing"]["2023"]) == 19
    assert ALMATY not in answer.data["missing"]["2023"]
    assert answer.data["differences"] == []
    assert "So the sum of the country is not compared." in answer.out


def test_regions_that_do_not_sum_to_the_country_are_listed(loaded, form):
    missing = loaded("totals", "check", "--json").data["missing"]["2023"]
    store = open_store(Settings.from_environment())
    for region in [*missing, "kazakhstan"]:
        store.totals.put("kazakhstan", read_form(form, region_id=region, year=2023).totals)
    store.close()

    answer = loaded("totals", "check", "--json")

    differences = {row["article"]: row["difference"] for row in answer.data["differences"]}
    assert differences[None] == 120 - 20 * 120
    assert differences["188"] == 80 - 20 * 80
    assert "All registered offences. The whole: 120. Sum of the regions: 2,400. Difference: −2,280" in answer.out
    assert answer.data["missing"] == {}


def test_only_the_year_asked_for_is_checked(loaded, form):
    loaded("totals", "load", form, "--region", ALMATY, "--year", 2022)

    rows = loaded("totals", "check", "--year", 2022, "--json").data["coverage"]

    assert {row["year"] for row in rows} == {2022}
    assert {row["offence_group"]: row["held"] for row in rows}["theft"] == 1
    assert loaded("totals", "check", "--year", 2021).status == ExitStatus.NOTHING_THERE
