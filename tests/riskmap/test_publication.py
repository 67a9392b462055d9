"""What may become public, from incidents to a release, in a small made-up town."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from geodata import disclosure, hexgrid
from models.kernels import Kernels
from models.level import fit_level
from models.risk_class import RiskClass
from riskmap import release, wording
from riskmap.assembly import in_memory_store
from riskmap.errors import InvalidAsOf, NothingToScore, NotReleasable
from riskmap.pipeline import publication, scoring
from riskmap.pipeline.deliveries import deliver
from riskmap.public import explain
from tests.made_up_town import DAYS, ROWS, a_territory, some_incidents, write_csv

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
AS_OF = date(2025, 5, 1)


def quietly(_key, _done, _total):
    pass


class Town:
    """A store with the town's incidents, and what is published from it."""

    def __init__(self, folder, frame, territory=None):
        self.folder = folder
        self.territory = territory or a_territory(few=9)
        self.store = in_memory_store(folder / "data")
        self.store.territories.save(self.territory)
        self.add(frame)

    def add(self, frame):
        path = write_csv(self.folder / f"{frame.height}.csv", frame)
        return deliver(self.store, path, territory=self.territory, now=NOW)

    def publish(self, as_of=AS_OF):
        return publication.publish(
            self.store, self.folder / "releases", self.territory, as_of=as_of, now=NOW, progress=quietly
        )

    def release(self, release_id=None):
        return release.read(self.folder / "releases", self.territory.name, release_id)

    def serve(self, level):
        """Keep a score run that says this level for every group, as if the gate had found it."""
        run = scoring.current_run(self.store, self.territory, as_of=AS_OF, now=NOW, progress=quietly)
        served = {group: {**entry, "level": level} for group, entry in run.details["served"].items()}
        expected = self.store.scores.latest(self.territory.name)[1]
        self.store.scores.save(replace(run, details={**run.details, "served": served}), expected)


def files_of(opened):
    return {path.name: path.read_bytes() for path in sorted(opened.folder.iterdir()) if path.name != "manifest.json"}


def whole_month(town):
    """What is expected of the whole town in 30 days, in its latest score run."""
    return town.store.scores.latest(town.territory.name)[1].row(
        by_predicate=(pl.col("area_kind") == "territory")
        & (pl.col("offence_group") == "all")
        & (pl.col("horizon_days") == 30),
        named=True,
    )


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("town"), some_incidents())
    made.publish()
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def published(town):
    return town.release()


def test_publishing_again_gives_the_same_release(town, published):
    again = town.publish()

    assert again.release_id == published.release_id
    assert not again.is_new


def test_another_installation_publishes_the_same_release_from_the_same_file(tmp_path, published):
    other = Town(tmp_path, some_incidents())

    assert other.publish().release_id == published.release_id


def test_the_period_is_the_last_four_complete_quarters(published):
    assert published.period == (date(2024, 4, 1), date(2025, 4, 1))
    for group in published.groups:
        is_long_run = published.manifest["served"][group]["level"] == "long_run"
        first = date(2024, 1, 1) if is_long_run else date(2024, 4, 1)
        assert published.period_of(group) == (first, date(2025, 4, 1))


def test_what_happened_after_as_of_moves_nothing(tmp_path, published):
    base = some_incidents()
    later = some_incidents(rows=600, first_day=AS_OF, days=60, seed=3)
    known = base.filter(pl.col("occurred_at") < f"{AS_OF}")

    other = Town(tmp_path, pl.concat([known, later]))
    other.publish()

    assert base.height > known.height  # the published release, too, knew days it must not use
    assert files_of(other.release()) == files_of(published)


def test_days_after_the_last_complete_quarter_count_in_no_total(tmp_path, published):
    base = some_incidents().filter(pl.col("occurred_at") < f"{AS_OF}")
    in_april = some_incidents(rows=400, first_day=date(2025, 4, 1), days=30, seed=4)

    other = Town(tmp_path, pl.concat([base, in_april]))
    other.publish()

    assert [area.total for area in other.release().areas] == [area.total for area in published.areas]


def test_a_day_within_the_period_does_count(tmp_path, published):
    base = some_incidents().filter(pl.col("occurred_at") < f"{AS_OF}")
    in_march = some_incidents(rows=400, first_day=date(2025, 3, 1), days=30, seed=4)

    other = Town(tmp_path, pl.concat([base, in_march]))
    other.publish()

    assert other.release().whole.total == published.whole.total + 400


def test_a_protected_hexagon_carries_no_class_in_any_group(town, published):
    parents = disclosure.public_cells(town.territory.places).filter("is_protected")["public_cell"].unique()
    protected = [int(cell) for cell in parents]

    codes = {
        cell: {g: int(published.classes[g][i]) for g in published.groups} for i, cell in enumerate(published.cells)
    }

    assert protected
    assert all(set(codes[cell].values()) == {RiskClass.PROTECTED} for cell in protected)
    others = [set(told.values()) for cell, told in codes.items() if cell not in protected]
    assert all(RiskClass.PROTECTED not in told for told in others)


def test_hexagons_are_one_partition_of_the_covered_place(town, published):
    fine = town.territory.places["cell"].to_numpy()
    own = published.cells.tolist()
    parents = hexgrid.to_parent(fine, 8)

    holders = [[c for c in (int(cell), int(parent)) if c in own] for cell, parent in zip(fine, parents, strict=True)]

    assert all(len(found) == 1 for found in holders)
    assert {c for found in holders for c in found} == set(own)
    assert (np.diff(published.cells.astype(np.int64)) > 0).all()


def test_where_addresses_are_unknown_no_hexagon_is_finer_than_the_parents(tmp_path):
    coarse = Town(tmp_path, some_incidents(), a_territory(addresses=None))
    coarse.publish()

    assert coarse.release().manifest["public_resolutions"] == [8]


def test_without_residents_the_legend_says_that_it_counts(tmp_path):
    counted = Town(tmp_path, some_incidents(), a_territory(residents=None, addresses=None))
    counted.publish()
    opened = counted.release()

    for language in wording.LANGUAGES:
        words = wording.in_language(language)
        notes = explain.legend_notes(opened, "all", words)
        assert words.text("legend.counts_only") in notes
        assert words.text("legend.similar.covered") in notes
    assert not opened.has_rates
    assert all(area.rate_low is None for area in opened.areas)


def test_with_residents_the_legend_says_nothing_of_counts(published):
    words = wording.in_language("ru")

    assert words.text("legend.counts_only") not in explain.legend_notes(published, "all", words)


@pytest.mark.parametrize(
    ("level", "note"), [("long_run", "legend.long_run"), ("untested", "legend.no_test"), ("smoothed", None)]
)
def test_the_page_says_what_its_classes_rest_on(tmp_path, level, note):
    town = Town(tmp_path, some_incidents())
    town.serve(level)

    town.publish()

    opened, words = town.release(), wording.in_language("kk")
    notes = explain.legend_notes(opened, "all", words)
    said = {key for key in ("legend.long_run", "legend.no_test") if words.text(key) in notes}
    assert said == ({note} if note else set())
    first = date(2024, 1, 1) if level == "long_run" else date(2024, 4, 1)
    assert opened.period_of("all") == (first, date(2025, 4, 1))


@pytest.mark.parametrize(("factor", "level"), [(0.5, "smoothed"), (3.0, "long_run")])
def test_a_model_that_does_worse_than_simple_methods_is_not_served(town, factor, level):
    known = scoring.usable_incidents(town.store, town.territory).filter(pl.col("occurred_on") < AS_OF)
    windows = scoring.backtest_windows(known, groups=["theft"], as_of=AS_OF, progress=quietly)
    is_ours, score = pl.col("model") == "eb", pl.col("poisson_deviance")
    changed = windows.with_columns(pl.when(is_ours).then(score * factor).otherwise(score).alias("poisson_deviance"))

    assert scoring._gate(changed, {"theft": "eb"}, frozenset())["theft"]["level"] == level


def test_what_a_run_expects_in_all_is_the_level_of_each_group(town):
    run = scoring.current_run(town.store, town.territory, as_of=AS_OF, now=NOW, progress=quietly)
    expected = town.store.scores.latest(town.territory.name)[1]
    known = scoring.usable_incidents(town.store, town.territory).filter(pl.col("occurred_on") < AS_OF)
    kernels = Kernels(scoring.coverage(town.territory, known)["cell"].to_numpy())

    histories = scoring.histories_of(known, kernels, start=scoring.record_start(known), end=AS_OF)

    assert set(run.details["parameters"]) <= set(histories)
    for group, days, whole in (
        expected.filter(pl.col("area_kind") == "territory")
        .select("offence_group", "horizon_days", "expected_incidents")
        .iter_rows()
    ):
        assert whole == pytest.approx(fit_level(histories[group], as_of=AS_OF).expected_total(days), rel=1e-9)


def test_a_record_too_short_for_a_test_is_called_untested(tmp_path):
    short = Town(tmp_path, some_incidents(rows=900, days=75))

    report = short.publish(as_of=None)

    assert set(report.served.values()) == {"untested"}
    assert report.period == (date(2024, 1, 1), date(2024, 3, 1))


def test_a_cold_start_of_a_month_is_forecast_in_wide_ranges_and_said_to_be_untested(tmp_path, town):
    young = Town(tmp_path, some_incidents(rows=31 * ROWS // DAYS, days=31))

    report = young.publish(as_of=None)

    opened = young.release()
    assert set(report.served.values()) == {"untested"}
    for language in wording.LANGUAGES:
        words = wording.in_language(language)
        assert words.text("legend.no_test") in explain.legend_notes(opened, "all", words)
    (month, usual) = (whole_month(one) for one in (young, town))
    assert month["low"] <= 30 * ROWS / DAYS <= month["high"]
    assert month["high"] - month["low"] > 1.2 * (usual["high"] - usual["low"])


def test_a_record_without_a_complete_month_is_not_released(tmp_path):
    short = Town(tmp_path, some_incidents(rows=300, first_day=date(2024, 1, 3), days=50))

    with pytest.raises(NotReleasable, match="no complete calendar month"):
        short.publish(as_of=None)

    assert not (tmp_path / "releases").exists()


def test_a_territory_without_incidents_says_what_to_do(tmp_path):
    empty = Town(tmp_path, some_incidents().head(5).with_columns(lat=pl.lit(None), lng=pl.lit(None)))

    with pytest.raises(NothingToScore, match="python -m riskmap deliver"):
        empty.publish(as_of=None)


@pytest.mark.parametrize("as_of", [date(2023, 12, 31), date(2024, 1, 1), date(2025, 5, 23), date(2031, 1, 1)])
def test_a_day_the_record_cannot_answer_for_is_refused(town, as_of):
    with pytest.raises(InvalidAsOf, match="2024-01-01 to 2025-05-14"):
        town.publish(as_of=as_of)


def test_every_published_area_range_is_ordered_and_holds_its_rate(published):
    first, last = published.period
    for area in published.areas:
        rate = 10_000 * area.total / area.residents / ((last - first).days / 365.25)
        assert area.rate_low < rate < area.rate_high


def test_a_group_without_one_judged_hexagon_is_not_offered(tmp_path):
    rare = some_incidents().with_columns(
        pl.when(pl.int_range(pl.len()) % 36 == 0).then(pl.lit("robbery")).otherwise("category").alias("category")
    )
    town = Town(tmp_path, rare, a_territory(few=0))

    town.publish()

    assert (rare["category"] == "robbery").sum() >= scoring.LEAST_INCIDENTS
    assert "robbery" not in town.release().groups
    assert "robbery" in town.release().whole.by_group
