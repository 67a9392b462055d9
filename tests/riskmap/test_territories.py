"""Which territory a file goes to, also where several files ask at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from geodata.errors import InvalidTerritory
from geodata.sources import open_source
from riskmap.assembly import migrate, open_store
from riskmap.pipeline import territories
from riskmap.settings import Settings
from tests.made_up_town import some_incidents, write_csv

NOW = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)


@pytest.fixture
def installed(tmp_path):
    """Opens the store of one installation as often as is asked."""
    settings = Settings(data=tmp_path / "data", database_url=f"sqlite:///{tmp_path / 'riskmap.db'}")
    migrate(settings)
    opened = []

    def open_one():
        opened.append(open_store(settings))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def town_file(tmp_path):
    return write_csv(tmp_path / "town.csv", some_incidents())


def deliver_by_itself(store, path):
    return territories.deliver_file(
        store,
        path,
        territory_name=territories.AUTO,
        mapping=None,
        zone="Asia/Almaty",
        now=NOW,
        progress=lambda *_: None,
    )


def test_one_new_file_delivered_twice_at_once_makes_one_territory(installed, town_file, monkeypatch):
    both_look = threading.Barrier(2)
    look = territories.choose

    def choose_with_the_other(*given):
        with suppress(threading.BrokenBarrierError):
            both_look.wait(timeout=1)
        return look(*given)

    monkeypatch.setattr(territories, "choose", choose_with_the_other)
    stores = [installed(), installed()]

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda store: deliver_by_itself(store, town_file), stores))

    assert stores[0].territories.names() == ["town"]
    assert {report.territory for report in reports} == {"town"}
    assert sorted(report.is_repeat for report in reports) == [False, True]


def test_a_territory_of_a_delivery_that_failed_is_not_left_behind(installed, town_file, monkeypatch):
    def fail(*_given, **_named):
        raise KeyboardInterrupt

    store = installed()
    with monkeypatch.context() as broken:
        broken.setattr(territories, "deliver", fail)
        with pytest.raises(KeyboardInterrupt):
            deliver_by_itself(store, town_file)

    assert store.territories.names() == []
    assert deliver_by_itself(store, town_file).territory == "town"


def test_no_territory_has_the_name_that_stands_for_any(installed, town_file):
    store = installed()
    named_so = town_file.rename(town_file.with_name("auto.csv"))

    with pytest.raises(InvalidTerritory, match="Choose another"):
        territories.new_from_points(store, territories.AUTO, open_source(named_so), zone="Asia/Almaty")

    assert deliver_by_itself(store, named_so).territory == "auto_2"
