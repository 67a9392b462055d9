"""What points at a person stays at the door: it is planted in every column and looked for in all that is kept."""

import logging
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from riskmap.assembly import migrate, open_store
from riskmap.pipeline import publication
from riskmap.pipeline.deliveries import deliver
from riskmap.settings import Settings
from tests import made_up_town

NOW = datetime(2025, 10, 5, 9, 30, tzinfo=UTC)
PLANTS = {
    "victim_name": "Айгүл Сынақбаева",
    "suspect": "Петров-Водкинский П.П.",
    "iin": "880101300123",
    "document": "N04567812",
    "ud": "257511031000777",
    "phone": "+77017654321",
    "street": "Ойдан шығарылған көшесі",
    "house": "17-Щ-444",
    "sex_of_victim": "әйел-женский-female",
    "age_of_victim": "37 жас 4 ай",
    "note": "жәбірленуші Сынақбаева 17-Щ-444 үйде тұрады",
}
"""What each personal column holds (invented)."""


@pytest.fixture(params=["csv", "parquet", "xlsx"])
def planted(request, tmp_path: Path) -> Path:
    rows = made_up_town.some_incidents()
    rows = rows.with_columns(pl.lit(text).alias(name) for name, text in PLANTS.items())
    # Rows that are set aside carry them too.
    dirty = rows.head(6).with_columns(occurred_at=pl.Series(["31.02.2025 12:00"] * 6))
    frame = pl.concat([rows, dirty])
    path = tmp_path / f"planted.{request.param}"
    {"csv": frame.write_csv, "parquet": frame.write_parquet, "xlsx": lambda to: _write_workbook(frame, to)}[
        request.param
    ](path)
    return path


def _write_workbook(frame: pl.DataFrame, path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("incidents")
    sheet.append(frame.columns)
    for row in frame.iter_rows():
        sheet.append(row)
    book.save(path)


def _quietly(_key: str, _done: int, _total: int) -> None:
    pass


def everything_kept(data: Path) -> dict[str, str]:
    """Text of each file below the data folder, Parquet and the database opened."""
    found = {}
    for path in sorted(data.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(data))
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path, glob=False)
            found[name] = "\n".join(str(list(row)) for row in frame.iter_rows())
        elif path.suffix == ".db":
            with sqlite3.connect(path) as connection:
                found[name] = "\n".join(connection.iterdump())
        else:
            found[name] = path.read_bytes().decode("utf-8", errors="replace")
    return found


def test_nothing_planted_is_kept_anywhere(planted: Path, tmp_path: Path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path / "data")})
    migrate(settings)
    store = open_store(settings)
    town = made_up_town.a_territory()
    store.territories.save(town)

    report = deliver(store, planted, territory=town, now=NOW)
    published = publication.publish(store, settings.releases, town, as_of=date(2025, 5, 1), now=NOW, progress=_quietly)
    store.close()

    assert report.quarantined >= 6
    assert published.release_id
    kept = everything_kept(tmp_path / "data")
    assert {"lake", "quarantine", "releases", "riskmap.db"} <= {name.split("/")[0] for name in kept}
    printed = capfd.readouterr()
    kept |= {"the log": caplog.text, "the screen": printed.out + printed.err}
    planted_texts = [*PLANTS.values(), "Сынақбаева", "17-Щ-444"]
    assert {(text, name) for name, content in kept.items() for text in planted_texts if text in content} == set()


def test_numbers_of_people_written_among_the_categories_are_not_kept(tmp_path: Path, caplog):
    caplog.set_level(logging.DEBUG)
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path / "data")})
    migrate(settings)
    store = open_store(settings)
    town = made_up_town.a_territory()
    rows = made_up_town.some_incidents(rows=50)
    path = tmp_path / "planted.csv"
    first = pl.int_range(pl.len()) == 0
    odd = pl.when(first).then(pl.lit(f"theft from {PLANTS['iin']}")).otherwise("category")
    rows.with_columns(category=odd).write_csv(path)

    report = deliver(store, path, territory=town, now=NOW)
    store.close()

    assert report.unknown_categories == {"theft from #": 1}
    assert not [name for name, content in everything_kept(tmp_path / "data").items() if PLANTS["iin"] in content]


def test_a_key_is_kept_only_as_a_pseudonym_that_another_installation_does_not_share(tmp_path: Path):
    seen = []
    for name in ("one", "two"):
        settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path / name)})
        migrate(settings)
        store = open_store(settings)
        town = made_up_town.a_territory()
        path = tmp_path / "keyed.csv"
        case = pl.format("2575110310{}", pl.int_range(10_000, pl.len() + 10_000))
        made_up_town.some_incidents(rows=40).with_columns(case.alias("incident id")).write_csv(path)

        deliver(store, path, territory=town, now=NOW)

        seen.append(set(store.lake.read(town.name)["incident_id"]))
        store.close()
        assert not [file for file, content in everything_kept(tmp_path / name).items() if "2575110310" in content]
    assert seen[0].isdisjoint(seen[1])
    assert len(seen[0]) == len(seen[1]) > 30
