"""A score run keeps what it learnt, and a later one goes on with it: the same numbers, or a clear refusal."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from riskmap import assembly
from riskmap.errors import DamagedModel, InvalidAsOf, NoModel
from riskmap.pipeline import kept_models, publication, scoring
from riskmap.pipeline.deliveries import deliver
from tests.made_up_town import a_territory, some_incidents, write_csv

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = date(2025, 2, 1)


def quietly(*_):
    pass


@pytest.fixture
def town(tmp_path):
    """A store with a year of a made-up town, and its territory."""
    territory = a_territory()
    store = assembly.in_memory_store(tmp_path / "data")
    store.territories.save(territory)
    path = write_csv(tmp_path / "town.csv", some_incidents(rows=1200, days=400))
    deliver(store, path, territory=territory, now=NOW)
    return store, territory


def scored(town, *, at=NOW, as_of=AS_OF, with_kept=False):
    return scoring.score(*town, as_of=as_of, now=at, progress=quietly, with_kept=with_kept)


def manifest_of(tmp_path, run, group="all"):
    return tmp_path / "data" / "models" / run.territory / run.details["models"][group] / "manifest.json"


@pytest.mark.parametrize("is_stacked", [False, True], ids=["base", "stacked"])
def test_kept_models_forecast_what_they_did_when_they_were_fitted(town, monkeypatch, is_stacked):
    if is_stacked:
        chosen = scoring.backtest.model_to_serve
        monkeypatch.setattr(
            scoring.backtest,
            "model_to_serve",
            lambda windows: chosen(windows).with_columns(model=scoring.pl.lit("stacked")),
        )
    run, expected = scored(town)

    again, as_before = scored(town, at=NOW + timedelta(days=1), with_kept=True)

    assert {one["model"] for one in run.details["parameters"].values()} == {"stacked" if is_stacked else "eb"}
    assert as_before.equals(expected)
    assert again.sha256 == run.sha256
    assert again.run_id != run.run_id
    assert again.details["models"] == run.details["models"]
    assert (again.details["with_kept"], again.details["served"]) == (run.run_id, run.details["served"])


def test_a_manifest_says_of_what_the_model_was_fitted(town, tmp_path):
    run, _ = scored(town)

    told = json.loads(manifest_of(tmp_path, run).read_text())

    assert (told["window_start"], told["window_end"], told["as_of"]) == ("2024-01-01", "2025-02-01", "2025-02-01")
    assert told["deliveries"] == list(run.deliveries)
    assert (told["version"], told["n_cells"], told["resolution"]) == (scoring.MODEL_VERSION, 127, 9)
    assert set(told["libraries"]) == set(kept_models.LIBRARIES)
    assert told["parameters"]["half_life_days"] == run.details["parameters"]["all"]["half_life_days"]


def test_scoring_again_says_the_same_and_keeps_no_second_copy(town):
    store, territory = town
    first, expected = scored(town)

    again, as_before = scored(town, at=NOW + timedelta(days=1))

    assert as_before.equals(expected)
    assert (again.run_id, again.sha256, again.details) == (first.run_id, first.sha256, first.details)
    assert {len(store.models.history(territory.name, group)) for group in first.details["models"]} == {1}


def test_a_tampered_model_is_refused_and_the_run_before_is_served(town, tmp_path):
    first, _ = scored(town, as_of=AS_OF - timedelta(days=30))
    second, _ = scored(town, at=NOW + timedelta(days=1))
    path = manifest_of(tmp_path, second)
    path.write_text(path.read_text().replace('"half_life_days"', '"half_life_dayz"'))

    third, _ = scored(town, at=NOW + timedelta(days=2), with_kept=True)

    assert third.details["with_kept"] == first.run_id
    (why,) = third.details["refused_models"]
    assert second.details["models"]["all"] in why
    assert third.as_of == AS_OF


def test_when_no_model_can_be_trusted_nothing_is_scored(town, tmp_path):
    run, _ = scored(town)
    manifest_of(tmp_path, run).unlink()

    with pytest.raises(DamagedModel, match="Fit anew without --model"):
        scored(town, with_kept=True)


def test_models_of_another_version_of_the_method_are_refused(town, monkeypatch):
    scored(town)
    monkeypatch.setattr(scoring, "MODEL_VERSION", "999")

    with pytest.raises(DamagedModel, match="this program has version 999"):
        scored(town, with_kept=True)


def test_without_an_earlier_run_there_is_nothing_to_go_on_with(town):
    with pytest.raises(NoModel, match="without --model to fit one"):
        scored(town, with_kept=True)


def test_a_model_that_knows_later_days_is_not_used_for_earlier_ones(town):
    scored(town)

    with pytest.raises(InvalidAsOf, match="they know days from 2024-12-01 on"):
        scored(town, as_of=date(2024, 12, 1), with_kept=True)


def test_surroundings_that_came_since_are_named(town, monkeypatch):
    store, territory = town
    chosen = scoring.backtest.model_to_serve
    monkeypatch.setattr(
        scoring.backtest,
        "model_to_serve",
        lambda windows: chosen(windows).with_columns(model=scoring.pl.lit("stacked")),
    )
    scored(town)
    without = replace(territory, places=territory.places.with_columns(residents=None, addresses=None))

    with pytest.raises(NoModel, match="other groups or surroundings"):
        scored((store, without), with_kept=True)


def test_a_group_once_switched_off_is_still_off_in_the_next_run(town):
    store, _ = town
    first, _ = scored(town, as_of=AS_OF - timedelta(days=30))
    told = {"turns": {"all": {"is_off": True, "since": "2024-12-31"}}}
    with store.work() as work:
        work.score_runs.save(replace(first, details=first.details | told))
        work.commit()

    second, _ = scored(town)
    third, _ = scored(town, as_of=AS_OF + timedelta(days=2), with_kept=True)

    for run in (second, third):
        assert run.details["turns"]["all"] == told["turns"]["all"]
        assert run.details["served"]["all"]["level"] == "long_run"


def test_what_was_switched_off_since_kept_models_were_fitted_stays_off(town, tmp_path):
    store, _ = town
    fitted, _ = scored(town, as_of=AS_OF - timedelta(days=30))
    later, _ = scored(town)
    told = {"turns": {"all": {"is_off": True, "since": "2025-01-31"}}}
    with store.work() as work:
        work.score_runs.save(replace(later, details=later.details | told))
        work.commit()
    manifest_of(tmp_path, later).unlink()

    last, _ = scored(town, as_of=AS_OF + timedelta(days=2), with_kept=True)

    assert last.details["with_kept"] == fitted.run_id
    assert last.details["turns"]["all"] == told["turns"]["all"]
    assert last.details["served"]["all"]["level"] == "long_run"


def test_a_release_can_be_made_with_kept_models(town, tmp_path):
    run, _ = scored(town)

    report = publication.publish(
        town[0], tmp_path / "releases", town[1], as_of=AS_OF, now=NOW, progress=quietly, with_kept=True
    )

    with town[0].look() as look:
        newest = look.score_runs.latest(town[1].name)
    assert report.release_id
    assert newest.details["with_kept"] == run.run_id
