"""Promises of the documents: they say what the code does, their links lead somewhere, and they name no machine."""

import argparse
import importlib.util
import json
import os
import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from geodata import offences
from geodata.intake import Rules, examine
from geodata.layout import Mapping, find_columns
from geodata.sources import open_source
from riskmap import commands
from riskmap.errors import ExitStatus
from riskmap.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
README, ARCHITECTURE = ROOT / "README.md", ROOT / "docs" / "architecture.md"
MARKDOWN = (README, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
DOCUMENTS = (*MARKDOWN, ROOT / "NOTICE", ROOT / "LICENSE")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
OWN_MACHINE = re.compile(
    r"(?<![\w./:-])/(?:app|builds|data|home|mnt|opt|root|srv|tmp|usr|Users|var|work|workspace)/[\w.-]+|\b[A-Z]:\\\w"
)
REGISTRY = re.compile(r"(?i)registry\.|npmjs|\bpypi\.|pythonhosted|index-url|--registry|https?://(?!localhost:8501\b)")


@cache
def text(path):
    return path.read_text(encoding="utf-8")


@cache
def data_format():
    """The script that writes docs/data_format.md."""
    spec = importlib.util.spec_from_file_location("write_data_format", ROOT / "scripts" / "write_data_format.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(path):
    """Names by which the headings of a page can be linked."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(path, heading):
    """Cells of the first table under a heading, without its head, code marks taken off."""
    section = re.split(rf"^#+ {re.escape(heading)}$", text(path), flags=re.MULTILINE)[1]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE).group()
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def command_parsers(parser, name=""):
    """Every command of the command line with its parser, sub-commands by their full name."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, inner in group.choices.items():
            yield from command_parsers(inner, f"{name} {word}".strip())


COMMANDS = dict(command_parsers(commands._parser()))


def test_the_data_format_page_is_what_the_code_says_today():
    assert text(ROOT / "docs" / "data_format.md") == data_format().page()


def test_an_outdated_data_format_page_is_told_and_then_written_anew(tmp_path, capsys):
    page = tmp_path / "data_format.md"
    page.write_text("an old page")

    before = data_format().main(["--check"], target=page)
    data_format().main([], target=page)
    after = data_format().main(["--check"], target=page)

    assert (before, after) == (1, 0)
    assert "out of date" in capsys.readouterr().err


def test_the_example_file_is_read_as_the_page_says(tmp_path):
    path = tmp_path / "example.csv"
    path.write_text(data_format().EXAMPLE)
    source = open_source(path)

    examined = examine(next(source.batches()), source, Rules(zone="Asia/Almaty", latest_day=date(2026, 11, 22)))

    assert examined.quarantined.is_empty()
    assert examined.accepted["offence_group"].to_list() == ["theft", "robbery", "burglary", "fraud"]
    assert examined.accepted["time_precision"].to_list() == ["minute", "minute", "day", "minute"]
    assert examined.accepted["cell"].is_null().to_list() == [False, False, False, True]


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "data_format.md"], ids=lambda page: page.name)
def test_the_example_of_a_mapping_file_is_one(page, tmp_path):
    path = tmp_path / "mapping.toml"
    path.write_text(re.search(r"```toml\n(.*?)```", text(page), re.DOTALL).group(1))

    mapping = Mapping.read(path)

    assert find_columns(["when", "what", "north", "east"], mapping, file_name="a.csv") == mapping.columns
    assert mapping.categories["Cat A"] == "theft"


def test_every_entry_of_the_made_up_citys_manifest_is_explained():
    manifest = json.loads(text(ROOT / "tests" / "golden" / "files" / "manifest.json"))

    assert set(manifest) - set(data_format().MANIFEST) == set()


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_every_link_inside_the_documents_leads_somewhere(page):
    lost = []
    for link in LINK.findall(FENCE.sub("", text(page))):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)

    assert lost == []


@pytest.mark.parametrize("script", ["scripts/run", "scripts/check"])
def test_the_two_commands_of_the_readme_exist_and_can_be_run(script):
    assert re.search(rf"^{script}\b", text(README), re.MULTILINE)
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("page", [README, ARCHITECTURE], ids=lambda page: page.name)
def test_every_setting_is_listed_with_its_default_and_meaning(page):
    assert rows(page, "Settings") == [[setting.name, setting.default, setting.meaning] for setting in SETTINGS]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_options(name):
    line = next((" ".join(row) for row in rows(ARCHITECTURE, "Commands") if re.match(rf"{name}\b", row[0])), "")
    shared = text(ARCHITECTURE)
    options = [option for action in COMMANDS[name]._actions for option in action.option_strings]

    missing = [
        option
        for option in options
        if option.startswith("--") and option != "--help" and option not in (shared if option in SHARED else line)
    ]

    assert line
    assert missing == []


SHARED = ("--json", "--language")
"""Options that every command has; they stand once above the table."""


def test_no_command_is_documented_that_does_not_exist():
    documented = [row[0] for row in rows(ARCHITECTURE, "Commands")]

    assert [entry for entry in documented if not any(re.match(rf"{name}\b", entry) for name in COMMANDS)] == []


def test_every_exit_status_is_documented():
    documented = [int(row[0]) for row in rows(README, "Exit statuses")]

    assert documented == [*ExitStatus, 130]


def test_the_readme_counts_the_offence_groups_as_they_are():
    mappable = [group for group in offences.OFFENCE_GROUPS if group.is_mappable]

    assert (len(offences.OFFENCE_GROUPS), len(mappable)) == (21, 10)
    assert "21 groups, ten of them mappable" in text(README)


@pytest.mark.parametrize("room", ["geodata", "models", "riskmap"])
def test_the_architecture_page_lists_the_rooms_that_exist_and_no_other(room):
    heading = next(line[4:] for line in text(ARCHITECTURE).splitlines() if line.startswith(f"### {room}"))
    passed_over = {"__init__.py", "__main__.py"}

    found = {path.relative_to(ROOT / room).as_posix() for path in (ROOT / room).rglob("*.py")}

    expected = {name for name in found if Path(name).name not in passed_over and "migrations" not in name}
    assert {row[0] for row in rows(ARCHITECTURE, heading)} == expected


def test_every_package_we_ask_for_is_in_the_notice():
    asked = {
        re.split(r"[=<>~!]", line)[0]
        for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt")
        for line in text(ROOT / name).splitlines()
        if line.strip() and not line.startswith(("#", "-"))
    }
    named = set(re.findall(r"[\w.-]+", text(ROOT / "NOTICE")))

    assert asked - named == set()


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_no_document_names_a_machine_or_an_outside_address(page):
    assert OWN_MACHINE.findall(text(page)) == []
    assert REGISTRY.findall(text(page)) == []


def test_a_machine_path_or_an_address_would_be_found():
    assert OWN_MACHINE.search("see /home/someone/riskmap")
    assert REGISTRY.search("pip --" + "index-url https://mirror.example")
    assert not OWN_MACHINE.search("lake/TERRITORY/WEEK/ and sqlite:////absolute/path/riskmap.db")
