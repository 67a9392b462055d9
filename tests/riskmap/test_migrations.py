"""Migrations lead to the declared tables, and a database of another version is refused."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from riskmap.assembly import is_set_up, migrate, open_store, schema_version
from riskmap.errors import CannotWrite, DamagedStore, StoreBusy, WrongSchema
from riskmap.settings import Settings
from riskmap.store.database import open_engine
from riskmap.store.schema import MIGRATIONS, migrate_engine
from riskmap.store.tables import metadata


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"RISKMAP_DATA": str(tmp_path / "data")})


def _tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def _ddl(engine: sa.Engine) -> set[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'")
        )
        return {(name, re.sub(r"\s+", " ", sql)) for name, sql in rows}


def test_migrations_and_tables_agree():
    engine = open_engine("sqlite://")
    migrate_engine(engine)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []
    engine.dispose()


def test_migrations_build_the_same_checks_and_indexes_as_the_tables():
    migrated, created = open_engine("sqlite://"), open_engine("sqlite://")

    migrate_engine(migrated)
    metadata.create_all(created)

    def index_names(engine: sa.Engine) -> set[str]:
        return {name for name, _ in _ddl(engine)}

    def check_names(engine: sa.Engine) -> set[str]:
        return {name for _, sql in _ddl(engine) for name in re.findall(r"ck_\w+", sql)}

    assert index_names(migrated) == index_names(created)
    assert check_names(migrated) == check_names(created) != set()
    migrated.dispose()
    created.dispose()


def test_up_down_and_up_again_ends_where_up_ended():
    engine = open_engine("sqlite://")
    migrate_engine(engine)
    first = _ddl(engine)

    migrate_engine(engine, "base")
    assert _tables(engine) == set()
    migrate_engine(engine)

    assert _ddl(engine) == first
    assert _tables(engine) == set(metadata.tables)
    engine.dispose()


def test_migrations_are_numbered_without_gaps():
    numbers = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_migrating_twice_changes_nothing(settings: Settings):
    migrate(settings)
    before = (settings.data / "riskmap.db").read_bytes()

    migrate(settings)

    assert (settings.data / "riskmap.db").read_bytes() == before
    open_store(settings).close()


def test_a_missing_database_is_told_how_to_make_it_and_is_not_made_by_looking(settings: Settings):
    with pytest.raises(WrongSchema, match="python -m riskmap migrate"):
        open_store(settings)

    assert not settings.data.exists()


def test_an_installation_is_set_up_once_it_has_a_database(settings: Settings):
    assert not is_set_up(settings)

    migrate(settings)

    assert is_set_up(settings)
    with sa.create_engine(settings.database_url).connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == schema_version()


def test_an_older_database_is_told_to_migrate(settings: Settings):
    migrate(settings)
    engine = open_engine(settings.database_url)
    migrate_engine(engine, "base")
    engine.dispose()

    with pytest.raises(WrongSchema, match="python -m riskmap migrate"):
        open_store(settings)


def test_a_newer_database_is_left_alone(settings: Settings):
    migrate(settings)
    engine = open_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    for attempt in (migrate, open_store):
        with pytest.raises(WrongSchema, match="Install the newer program"):
            attempt(settings)


def test_a_file_that_is_no_database_is_told(settings: Settings):
    settings.data.mkdir()
    (settings.data / "riskmap.db").write_bytes(b"not a database at all, but long enough to be read as one" * 40)

    with pytest.raises(DamagedStore, match="backup"):
        migrate(settings)


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    settings = Settings.from_environment({"RISKMAP_DATA": str(in_the_way / "data")})

    with pytest.raises(CannotWrite, match="RISKMAP_DATA"):
        migrate(settings)


def test_a_database_path_that_is_a_folder_is_told(settings: Settings):
    (settings.data / "riskmap.db").mkdir(parents=True)

    with pytest.raises(CannotWrite, match=r"riskmap\.db"):
        migrate(settings)


def test_a_writer_that_does_not_end_is_told_to_the_next_one(settings: Settings):
    migrate(settings)
    first, second = open_store(settings), open_store(settings, wait_s=0.1)

    with first.work(), pytest.raises(StoreBusy, match="wait"):
        second.work().__enter__()

    first.close()
    second.close()
