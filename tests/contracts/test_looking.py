"""Units that only read: they cannot write, see one moment, wait for nobody, and spoil no connection for writers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from riskmap.assembly import migrate, open_store
from riskmap.errors import CannotWrite
from riskmap.ports import Store
from riskmap.settings import Settings
from riskmap.store.database import open_engine
from riskmap.store.sql_store import SqlLook, SqlUnitOfWork
from tests.contracts.council_builders import NOON, a_request, an_account, an_audit_entry, keep_accounts, keep_requests

THREADS = 8
STUCK_S = 30
"""After this long a thread that never came is told to the others, so that a red test ends."""


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Store]:
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    store = open_store(settings, wait_s=0.2)
    yield store
    store.close()


def test_looking_sees_what_was_committed(store: Store):
    with store.look() as look:
        assert look.accounts.all() == []

    keep_accounts(store, "a1")

    with store.look() as look:
        assert look.accounts.all() == [an_account("a1")]
        assert look.deliveries.adopted("town") == []
        assert look.lake_files.of_territory("town") == []
        assert look.score_runs.latest("town") is None


@pytest.mark.parametrize(
    "write",
    [
        lambda look: look.accounts.save(an_account("a1", failures=1)),
        lambda look: look.accounts.save(an_account("a2")),
        lambda look: look.sessions.end_all("a1", at=NOON),
        lambda look: look.requests.support("town", 1, "a1", at=NOON),
        lambda look: look.audit.append(an_audit_entry()),
        lambda look: look.commit(),
    ],
    ids=["replace", "add", "change", "support", "append", "commit"],
)
def test_writing_through_a_look_is_refused_at_once_and_says_what_to_do(store: Store, write):
    keep_accounts(store, "a1")
    keep_requests(store, a_request())

    with store.look() as look:
        with pytest.raises(RuntimeError, match=r"only reads.*Store\.work\(\)"):
            write(look)
        assert look.accounts.all() == [an_account("a1")]  # it goes on reading

    with store.look() as look:
        assert look.accounts.all() == [an_account("a1")]
        assert look.requests.supports("town") == []
        assert look.audit.last() is None


def test_a_refused_write_leaves_the_block_as_the_same_error(store: Store):
    with pytest.raises(RuntimeError, match="only reads"), store.look() as look:
        look.accounts.save(an_account())


def test_connections_that_served_readers_write_again(store: Store):
    for number in range(1, 6):
        with store.look() as look:
            assert look.accounts.find(f"a{number}") is None
        keep_accounts(store, f"a{number}")

    with store.look() as look:
        assert len(look.accounts.all()) == 5


def test_a_connection_that_ends_looking_in_an_error_writes_again(store: Store):
    def look_and_fail() -> None:
        with store.look() as look:
            look.accounts.all()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look_and_fail()

    keep_accounts(store, "a1")
    with store.look() as look:
        assert look.accounts.all() == [an_account("a1")]


def test_a_look_sees_one_moment_while_others_write(on_disk: Store):
    keep_accounts(on_disk, "a1")

    with on_disk.look() as look:
        before = look.accounts.all()
        keep_accounts(on_disk, "a2")
        assert look.accounts.all() == before
        assert look.accounts.find("a2") is None

    with on_disk.look() as look:
        assert len(look.accounts.all()) == 2


def test_nobody_waits_for_a_look_and_a_look_for_nobody(on_disk: Store):
    with on_disk.work() as work:
        work.accounts.save(an_account("a1"))
        with on_disk.look() as look:
            assert look.accounts.all() == []  # not committed yet
            work.commit()

    with on_disk.look() as look:
        assert look.accounts.all() == [an_account("a1")]


def test_many_more_threads_than_connections_at_rest_look_and_work_at_once(on_disk: Store, tmp_path: Path):
    people = 5 * THREADS
    keep_accounts(on_disk, *(f"a{person}" for person in range(people)))
    all_inside = Barrier(people, timeout=STUCK_S)

    def look_together(person: int) -> str:
        with on_disk.look() as look:
            all_inside.wait()  # broken if one of them had to wait for the connection of another
            return look.accounts.find(f"a{person}").login

    with ThreadPoolExecutor(people) as pool:
        logins = list(pool.map(look_together, range(people)))

    assert logins == [f"login-a{person}" for person in range(people)]


def test_threads_that_look_and_work_in_turn_lose_nothing(tmp_path: Path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    store = open_store(settings)
    keep_accounts(store, "a1")

    def count_up(_: int) -> bool:
        with store.look() as look:
            seen = look.accounts.find("a1").failures
        with store.work() as work:
            now = work.accounts.find("a1").failures
            work.accounts.save(an_account("a1", failures=now + 1))
            work.commit()
        return seen <= now

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(count_up, range(10 * THREADS)))

    with store.look() as look:
        assert look.accounts.find("a1").failures == 10 * THREADS
    store.close()


def test_a_connection_made_in_one_thread_serves_another(on_disk: Store):
    keep_accounts(on_disk, "a1")
    assert on_disk.engine.pool.checkedin() == 1

    with ThreadPoolExecutor(1) as pool:
        pool.submit(keep_accounts, on_disk, "a2").result()

    with on_disk.look() as look:
        assert len(look.accounts.all()) == 2
    assert on_disk.engine.pool.checkedin() == 1


def test_a_file_that_cannot_be_written_is_not_taken_for_a_unit_that_only_reads(on_disk: Store, tmp_path: Path):
    keep_accounts(on_disk, "a1")
    engine = open_engine(f"sqlite:///file:{tmp_path}/riskmap.db?mode=ro&uri=true")

    with SqlLook(engine) as look:
        assert look.accounts.all() == [an_account("a1")]
    with pytest.raises(CannotWrite, match="Let this user write"), SqlUnitOfWork(engine) as work:
        work.accounts.save(an_account("a2"))

    engine.dispose()
