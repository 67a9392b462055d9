"""Every store there is: each contract test runs over all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from riskmap.assembly import in_memory_store, migrate, open_store
from riskmap.ports import Store
from riskmap.settings import Settings


def _in_memory(folder: Path) -> Store:
    return in_memory_store(folder, wait_s=0.2)


def _on_disk(folder: Path) -> Store:
    settings = Settings.from_environment({"RISKMAP_DATA": str(folder)})
    migrate(settings)
    return open_store(settings, wait_s=0.2)


@pytest.fixture(params=[_in_memory, _on_disk], ids=["in memory", "on disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    make: Callable[[Path], Store] = request.param
    made = make(tmp_path)
    yield made
    made.close()
