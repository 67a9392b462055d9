"""Migrations lead to the declared tables, and a database of another version is refused."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from riskmap.assembly import is_set_up, migrate, open_store, schema_version
from riskmap.council.request import Action
from riskmap.errors import CannotWrite, DamagedStore, StoreBusy, WrongSchema
from riskmap.identity.access import Grant, Role
from riskmap.lake_ports import MarkState, QuarantineMark, Strike, StrikeReason
from riskmap.photos.rules import Of, Photo
from riskmap.photos.scan import Scan
from riskmap.provider_port import Identity, PendingSignIn
from riskmap.second_factor_port import PendingCode, SecondFactor
from riskmap.settings import Settings
from riskmap.store.database import open_engine
from riskmap.store.schema import MIGRATIONS, migrate_engine
from riskmap.store.sql_store import SqlUnitOfWork
from riskmap.store.tables import metadata
from tests.contracts.council_builders import (
    NOON,
    a_comment,
    a_request,
    a_session,
    an_account,
    an_audit_entry,
    one_step_on,
)
from tests.contracts.test_meeting_store import a_meeting
from tests.place_review_builder import a_review
from tests.signal_builder import a_signal


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


def _triggers(engine: sa.Engine) -> dict[str, str]:
    return {name: sql for name, sql in _ddl(engine) if sql.startswith("CREATE TRIGGER")}


def _declared(engine: sa.Engine) -> dict[str, dict[str, object]]:
    """What the database says about each table, in an order of its own."""
    found = sa.inspect(engine)
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            "primary key": found.get_pk_constraint(table),
            "checks": {c["name"]: c["sqltext"] for c in found.get_check_constraints(table)},
            "unique": {c["name"]: c["column_names"] for c in found.get_unique_constraints(table)},
            "indexes": {c["name"]: (c["column_names"], c["unique"]) for c in found.get_indexes(table)},
            "foreign keys": {
                c["name"]: (c["constrained_columns"], c["referred_table"], c["referred_columns"])
                for c in found.get_foreign_keys(table)
            },
        }
        for table in _tables(engine)
    }


def test_migrations_and_tables_agree():
    engine = open_engine("sqlite://")
    migrate_engine(engine)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []
    engine.dispose()


def test_migrations_build_the_same_tables_checks_keys_indexes_and_triggers_as_declared():
    migrated, created = open_engine("sqlite://"), open_engine("sqlite://")

    migrate_engine(migrated)
    metadata.create_all(created)

    assert {name for name, _ in _ddl(migrated)} == {name for name, _ in _ddl(created)}
    assert _declared(migrated) == _declared(created)
    assert _triggers(migrated) == _triggers(created) != {}
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


def test_deliveries_live_through_the_way_up_to_the_council_and_down_again(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path}/riskmap.db")
    migrate_engine(engine, "0001")
    assert _tables(engine) == {"delivery", "lake_file", "score_run"}
    _write_a_delivery(engine)
    before, files = _rows(engine, "delivery"), _rows(engine, "lake_file")

    migrate_engine(engine)
    assert [row[: len(before[0])] for row in _rows(engine, "delivery")] == before
    assert _rows(engine, "lake_file") == files != []
    _use_everything(engine)

    migrate_engine(engine, "0001")
    assert _tables(engine) == {"delivery", "lake_file", "score_run"}
    assert _triggers(engine) == {}
    assert _rows(engine, "delivery") == before
    assert _rows(engine, "lake_file") == files
    migrate_engine(engine)
    assert all(_rows(engine, table) == [] for table in _tables(engine) - {"delivery", "lake_file", "score_run"})
    engine.dispose()


def test_a_request_with_steps_about_its_term_goes_down_and_up_again_and_can_go_on():
    engine = open_engine("sqlite://")
    migrate_engine(engine)
    request = one_step_on(a_request(), Action.SET_DATE, own_day="2026-12-01")
    with SqlUnitOfWork(engine) as work:
        work.accounts.save(an_account())
        work.requests.add(one_step_on(request))
        work.commit()

    migrate_engine(engine, "0004")
    migrate_engine(engine)

    with SqlUnitOfWork(engine) as work:
        found = work.requests.find("town", 1)
        assert [step.action for step in found.steps] == [Action.SUBMIT, Action.TAKE_UP]
        work.requests.save(one_step_on(found, Action.ASK))
        work.commit()
    engine.dispose()


def _write_a_delivery(engine: sa.Engine) -> None:
    # As a program of that revision wrote it.
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO delivery VALUES ('d1', 'town', 'a', 'r', 'инциденттер.csv', '2026-10-05 09:30:00.000001', "
                "'adopted', 6, 3, 1, 1, 2, '{\"missing_date\"\\: 2}', '{}', '2026-09-01', NULL)"
            )
        )
        connection.execute(
            sa.text("INSERT INTO lake_file VALUES ('town/2026-W36/d1.parquet', 'town', '2026-W36', 'd1', 3, 'b')")
        )


def a_photo() -> Photo:
    return Photo(
        territory="town",
        number=1,
        region_id="town",
        area_id="d1",
        of=Of.REQUEST,
        request_number=1,
        sha256="0" * 64,
        width=64,
        height=64,
        sent_on=NOON.date(),
        is_simulated=True,
    )


def a_scan() -> Scan:
    return Scan(
        territory="town",
        request_number=1,
        position=1,
        sha256="0" * 64,
        suffix="pdf",
        size_bytes=9,
        kept_on=NOON.date(),
    )


def _use_everything(engine: sa.Engine) -> None:
    with SqlUnitOfWork(engine) as work:
        work.accounts.save(an_account())
        work.accounts.grant("a1", Grant(role=Role.CHAIR, region_id="town"), at=NOON)
        work.sessions.save(a_session())
        work.identities.add(Identity(issuer="https://id.example", subject="s-1", account_id="a1", linked_at=NOON))
        work.pending_sign_ins.add(
            PendingSignIn(state_sha256="s" * 64, browser_sha256="b" * 64, wanted="/council", created_at=NOON)
        )
        work.second_factors.save(SecondFactor(account_id="a1", sealed="sealed", begun_at=NOON, confirmed_at=NOON))
        work.second_factors.renew_recovery_codes("a1", ["c" * 64])
        work.second_factors.add_pending(PendingCode(token_sha256="t" * 64, account_id="a1", created_at=NOON))
        work.requests.add(one_step_on(a_request()))
        work.requests.support("town", 1, "a1", at=NOON)
        work.comments.add(a_comment())
        work.reviews.add(a_review())
        work.meetings.add(a_meeting())
        work.signals.add(a_signal())
        work.photos.add(a_photo())
        work.scans.add(a_scan())
        work.audit.append(an_audit_entry())
        work.strikes.add(
            [
                Strike(
                    territory="town",
                    incident_id="i",
                    delivery_id="d1",
                    week="2026-W36",
                    by_delivery_id="d1",
                    reason=StrikeReason.CORRECTED,
                )
            ]
        )
        work.quarantine_marks.add([QuarantineMark(delivery_id="d1", line=4, state=MarkState.DISMISSED, at=NOON)])
        work.commit()
    assert all(_rows(engine, table) != [] for table in _tables(engine) - {"lake_file", "score_run"})


def _rows(engine: sa.Engine, table: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(sa.text("*")).select_from(sa.table(table)))]


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
