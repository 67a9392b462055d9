"""Whatever happens from the day on that a score is made as of, no number of it moves."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from riskmap import assembly
from riskmap.pipeline import scoring
from riskmap.pipeline.deliveries import deliver
from tests.made_up_town import a_territory, some_incidents, write_csv

AS_OF = date(2024, 11, 1)
DAY = pl.col("occurred_at").str.slice(0, 10).str.to_date()
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(2, 12))]


def scored(folder, frame, *, has_cells):
    """Everything a score run holds: the checksum of its frames, and its details."""
    folder.mkdir()
    territory = a_territory()
    territory = territory if has_cells else replace(territory, places=territory.places.head(0))
    store = assembly.in_memory_store(folder / "data")
    store.territories.save(territory)
    deliver(store, write_csv(folder / "town.csv", frame), territory=territory, now=NOW)
    run, _ = scoring.score(store, territory, as_of=AS_OF, now=NOW, progress=lambda *_: None)
    # Kept models name the delivery they were fitted on, which is another one.
    return run.sha256, {name: value for name, value in run.details.items() if name != "models"}


@pytest.fixture(scope="module")
def record():
    return some_incidents(rows=1200, days=400)


@pytest.fixture(scope="module", params=[True, False], ids=["cells known", "cells from incidents"])
def plain(request, record, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "town"
    return request.param, scored(folder, record, has_cells=request.param)


@pytest.mark.parametrize("seed", SEEDS)
def test_changing_removing_and_adding_incidents_after_the_day_moves_nothing(plain, record, tmp_path, seed):
    has_cells, before = plain
    rng = np.random.default_rng(seed)
    past, future = record.filter(DAY < AS_OF), record.filter(DAY >= AS_OF)
    kept = future.filter(pl.Series(rng.random(future.height) < 0.5))
    elsewhere = kept.with_columns(
        pl.Series(name, rng.permutation(kept[name].to_numpy())) for name in ("lat", "lng", "category")
    )
    new = past.sample(300, seed=seed).with_columns(occurred_at=pl.lit(f"{AS_OF} 10:00"))
    changed = pl.concat([past, elsewhere, new])

    after = scored(tmp_path / "town", changed, has_cells=has_cells)

    assert changed.height != record.height
    assert after == before


def test_an_incident_of_the_day_before_moves_something(plain, record, tmp_path):
    has_cells, before = plain
    one = record.head(40).with_columns(occurred_at=pl.lit("2024-10-31 10:00"))

    after = scored(tmp_path / "town", pl.concat([record, one]), has_cells=has_cells)

    assert after[0] != before[0]
