"""Expected incidents of every cell and region as of a day, and the test the served model has to pass.

A score run nobody has released is invisible to the public. What it holds is for planners.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from geodata import aggregate, hexgrid, regions
from geodata.columns import EXPECTED_INCIDENTS, PLACES
from geodata.offences import ALL
from geodata.territory import WORKING_RESOLUTION, Territory
from models import backtest, training
from models.backtest import Backtest
from models.contenders import CONTENDERS
from models.errors import TooLittleHistory
from models.history import History, start_of_record
from models.kernels import Kernels
from models.level import AtLevel, at_level
from models.risk_model import RiskModel
from models.scorecard import Turn, from_rows, to_rows, turns_after
from models.shrinkage import EmpiricalBayes, tune
from models.stacked import Stacked, Stacking, stack
from models.surfaces import Surfaces
from riskmap.errors import TooLittleToScore
from riskmap.pipeline import cell_reasons, hotspot_marks, kept_models, record, review_details, scorecard_file
from riskmap.pipeline.cell_features import features_of
from riskmap.pipeline.expected import expected_frames
from riskmap.pipeline.kept_models import Kept
from riskmap.pipeline.level_areas import level_areas
from riskmap.ports import ScoreRun, Store
from riskmap.review import exclusions

Progress = Callable[[str, int, int], None]
"""Called with a step's wording key, what is done of it and what there is to do."""

MODEL = "served"
"""Each group is served by ``stacked`` where the backtest shows it to be better than ``eb`` beyond doubt, else by it.

Both are lifted to the level of the territory and its regions, so that the choice is one between places alone.
"""

MODEL_VERSION = "3"
GATE_HORIZON_DAYS = 30
SLOPE_BAND = (0.8, 1.25)
"""A forecast whose calibration slope leaves this band is not reliable enough to shape classes."""

TESTED = ("served", "scorecard", "scorecard_windows", "models")
"""What a run's details hold of the test of its models."""

LEAST_INCIDENTS = 100
"""Offence groups with fewer incidents on record get no score of their own; they count in ``all``."""


def score(
    store: Store,
    territory: Territory,
    *,
    as_of: date | None,
    now: datetime,
    progress: Progress,
    with_kept: bool = False,
) -> tuple[ScoreRun, pl.DataFrame]:
    """Score every cell and region of a territory, test the model, and keep both as a score run.

    ``with_kept`` goes on with the models that an earlier run fitted, and with its test, on the incidents at hand.

    Raises
    ------
    NothingToScore
        If no incident with a place has been delivered.
    TooLittleToScore
        If the record is too short, or hardly anything happened in the cells.
    InvalidAsOf
        If the date lies before the record or after its end.
    NoModel, DamagedModel
        If there are no kept models to go on with.
    """
    day, known = record.known_on(usable_incidents(store, territory), territory, as_of)
    places = coverage(territory, known)
    record.require_enough(known, places, territory, as_of=day)
    kept = _kept(store, territory, as_of=day) if with_kept else None
    groups = [group for group in _groups(known) if kept is None or group in kept.models]
    windows = pl.DataFrame(schema=backtest.SCHEMA)
    if kept is None:
        windows = backtest_windows(known, groups=groups, as_of=day, progress=progress, places=places)
    choice = {row["offence_group"]: row for row in backtest.model_to_serve(windows).iter_rows(named=True)}
    kernels = Kernels(places["cell"].to_numpy())
    histories = histories_of(known, kernels, start=record_start(known), end=day)
    stacking = Stacking(
        surfaces=Surfaces(kernels=kernels, histories=histories),
        features=features_of(places, kernels.cells),
        area_of_cell=level_areas(kernels.cells, places),
    )
    cell_ids = hexgrid.cell_ids(kernels.cells)
    regions_of_cells = places.sort("cell")["region_id"].cast(pl.String).fill_null("").to_list()
    frames, marks, reasons, parameters, models = [], [], [], {}, {}
    region_reasons: dict[str, list[dict[str, str]]] = {}
    for done, group in enumerate(groups):
        progress("cli.progress.score", done, len(groups))
        history = histories[group]
        if kept is None:
            is_stacked = group in choice and choice[group]["model"] == "stacked"
            model = _fitted(history, group, stacking, kernels, as_of=day, is_stacked=is_stacked)
            parameters[group] = _parameters(model, choice.get(group))
        else:
            model = kept_models.made_again(kept.models[group], stacking, kernels)
            parameters[group] = kept.run.details["parameters"][group]
        models[group] = model
        frames += expected_frames(model, history, places, territory.name, group, as_of=day)
        marks.append(hotspot_marks.of_group(model, history, cell_ids, group, as_of=day))
        reasons.append(cell_reasons.of_group(model, history, cell_ids, group, as_of=day))
        if group == ALL:
            region_reasons = cell_reasons.of_regions(model, history, regions_of_cells, as_of=day)
    progress("cli.progress.score", len(groups), len(groups))
    served = {group: str(parameters[group]["model"]) for group in groups}
    start, deliveries = record_start(known), _deliveries(store, territory)
    judged = windows if kept is None else from_rows(kept.run.details["scorecard_windows"])
    before = _turns_before(store, territory, as_of=day)
    turns = turns_after(judged, forecast=served, turns=before)
    off = frozenset(group for group, turn in turns.items() if turn.is_off)
    tested: dict[str, Any]
    if kept is None:
        tested = {
            "served": _gate(windows, served, off),
            "scorecard": scorecard(windows),
            "scorecard_windows": to_rows(windows, forecast=served),
            "models": {
                group: kept_models.keep(
                    store,
                    model,
                    territory=territory.name,
                    group=group,
                    version_of_method=MODEL_VERSION,
                    window=(start, day),
                    deliveries=deliveries,
                    kernels=kernels,
                    now=now,
                )
                for group, model in models.items()
            },
        }
    else:
        tested = {name: kept.run.details[name] for name in TESTED}
        # What was switched off since those models were fitted stays off.
        tested["served"] = {
            group: tested["served"][group] | ({"level": "long_run"} if group in off else {}) for group in groups
        }
        tested |= {"with_kept": kept.run.run_id, "refused_models": list(kept.refused)}
    run = ScoreRun(
        run_id=_run_id(territory, day, deliveries, kept=kept),
        territory=territory.name,
        as_of=day,
        model=MODEL,
        version=MODEL_VERSION,
        deliveries=deliveries,
        created_at=now,
        details={
            "parameters": parameters,
            "region_reasons": region_reasons,
            **tested,
            "turns_before": scorecard_file.turns_told(before),
            "turns": scorecard_file.turns_told(turns),
            "silent": {group: str(last) for group, last in record.silent_groups(known, groups, as_of=day).items()},
            "excluded": exclusions.counted(store.lake.read(territory.name), as_of=day),
            **review_details.of_run(territory, known, places, groups, as_of=day, start=start),
        },
    )
    expected = EXPECTED_INCIDENTS.checked(pl.concat(frames))
    return store.scores.save(run, expected, pl.concat(marks), pl.concat(reasons)), expected


def current_run(
    store: Store,
    territory: Territory,
    *,
    as_of: date | None,
    now: datetime,
    progress: Progress,
    with_kept: bool = False,
) -> ScoreRun:
    """The score run of that day and of the deliveries at hand; made now where there is none."""
    day, _ = record.known_on(usable_incidents(store, territory), territory, as_of)
    kept = _kept(store, territory, as_of=day) if with_kept else None
    wanted = _run_id(territory, day, _deliveries(store, territory), kept=kept)
    with store.work() as work:
        found = work.score_runs.find(wanted)
    return found or score(store, territory, as_of=day, now=now, progress=progress, with_kept=with_kept)[0]


def backtest_of(
    store: Store,
    territory: Territory,
    *,
    as_of: date | None,
    group: str | None,
    horizon_days: int,
    resolution: int,
    progress: Progress,
) -> tuple[date, Backtest]:
    """Backtest of a territory's groups, or one of them: the as-of day, and what was found.

    The reliability table has the column ``offence_group`` besides.

    Raises
    ------
    TooLittleToScore
        If the group has too few incidents, or the record is too short for a test.
    """
    day, known = record.known_on(usable_incidents(store, territory), territory, as_of)
    groups = _groups(known)
    if group is not None and group not in groups:
        raise TooLittleToScore(
            f"{territory.name} has no offence group {group!r} with {LEAST_INCIDENTS} incidents; it has "
            f"{', '.join(groups)}."
        )
    found = _backtests(
        known,
        groups=[group] if group else groups,
        as_of=day,
        progress=progress,
        horizon_days=horizon_days,
        resolution=resolution,
    )
    if not found:
        raise TooLittleToScore(
            f"The record of {territory.name} runs from {record_start(known)} to {day}; a backtest of {horizon_days} "
            "days needs two windows, 60 days before them, and neighbouring cells where incidents recur in those. "
            "Deliver a longer record or shorten --horizon."
        )
    reliability = [one.reliability.with_columns(offence_group=pl.lit(name)) for name, one in found.items()]
    windows = [one.windows for one in found.values()]
    return day, Backtest(windows=pl.concat(windows), reliability=pl.concat(reliability))


def backtest_windows(
    known: pl.DataFrame,
    *,
    groups: list[str],
    as_of: date,
    progress: Progress,
    horizon_days: int = GATE_HORIZON_DAYS,
    resolution: int | None = None,
    places: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Rolling backtest of each group: `models.backtest.Backtest.windows`, one below the other; see `_backtests`."""
    found = _backtests(
        known,
        groups=groups,
        as_of=as_of,
        progress=progress,
        horizon_days=horizon_days,
        resolution=resolution,
        places=places,
    )
    frames = [one.windows for one in found.values()]
    return pl.concat(frames) if frames else pl.DataFrame(schema=backtest.SCHEMA)


def _backtests(
    known: pl.DataFrame,
    *,
    groups: list[str],
    as_of: date,
    progress: Progress,
    horizon_days: int,
    resolution: int | None,
    places: pl.DataFrame | None = None,
) -> dict[str, Backtest]:
    """Rolling backtest of each group against the baselines.

    The support is that of the published benchmarks: cells where incidents recur before the first test day. Groups
    whose record is too short are left out.
    """
    start = record_start(known)
    try:
        first = backtest.first_test_day(start, as_of, horizon_days=horizon_days)
    except TooLittleHistory:
        return {}
    rolled, told = known, places if resolution in (None, WORKING_RESOLUTION) else None
    if resolution is not None:
        rolled = known.with_columns(pl.Series("cell", hexgrid.to_parent(known["cell"].to_numpy(), resolution)))
    support = backtest.support_cells(rolled["cell"].to_numpy(), rolled["occurred_on"], before=first)
    if support.size == 0:
        return {}
    kernels = Kernels(support)
    features = None if told is None else features_of(told, kernels.cells)
    areas = level_areas(kernels.cells, told)
    histories = histories_of(rolled, kernels, start=start, end=as_of)
    stacking = Stacking(surfaces=Surfaces(kernels=kernels, histories=histories), features=features, area_of_cell=areas)
    tested = {}
    for done, group in enumerate(groups):
        progress("cli.progress.backtest", done, len(groups))
        try:
            tested[group] = backtest.run(
                histories[group],
                kernels,
                as_of=as_of,
                horizon_days=horizon_days,
                offence_group=group,
                contenders={**CONTENDERS, "eb": at_level(tune, areas), "stacked": stacking.tuner(group)},
            )
        except TooLittleHistory:
            continue
    progress("cli.progress.backtest", len(groups), len(groups))
    return tested


def scorecard(windows: pl.DataFrame) -> list[dict[str, Any]]:
    """Summary of a backtest as it stands in a release: one line per offence group and model."""
    if windows.height == 0:
        return []
    summary = backtest.summary(windows).with_columns(pl.col(pl.Float64).round(4))
    return summary.to_dicts()


def usable_incidents(store: Store, territory: Territory) -> pl.DataFrame:
    """Delivered incidents a model may learn from (`models.training`); those known by month get a day of it."""
    return training.admit(aggregate.spread_month_only(store.lake.read(territory.name))).rows


def record_start(known: pl.DataFrame) -> date:
    """First day of the continuous record of all kinds."""
    return start_of_record(known["occurred_on"])


def coverage(territory: Territory, known: pl.DataFrame) -> pl.DataFrame:
    """Cells the territory covers; where nobody has said, those where incidents recur, closed by one ring."""
    if territory.places.height:
        return territory.places.sort("cell")
    cells = hexgrid.support(known["cell"].to_numpy())
    own = pl.DataFrame({"cell": cells, "region_id": regions.region_of_cells(cells, territory.regions)})
    return PLACES.checked(
        own.drop_nulls("region_id").select(
            "cell",
            "region_id",
            kind=pl.lit("unknown"),
            residents=pl.lit(None, dtype=pl.Int64),
            addresses=pl.lit(None, dtype=pl.Int64),
        )
    )


def histories_of(known: pl.DataFrame, kernels: Kernels, *, start: date, end: date) -> dict[str, History]:
    """Incidents of all kinds together and of each group, as `history_of`."""
    return {
        group: history_of(aggregate.in_group(known, group), kernels, start=start, end=end)
        for group in aggregate.groups_present(known)
    }


def history_of(incidents: pl.DataFrame, kernels: Kernels, *, start: date, end: date) -> History:
    """Incidents as models see them, on the support of ``kernels``."""
    return History.from_incidents(
        incidents["cell"].to_numpy(), incidents["occurred_on"], cells=kernels.cells, start=start, end=end
    )


def _groups(known: pl.DataFrame) -> list[str]:
    sizes = {group: aggregate.in_group(known, group).height for group in aggregate.groups_present(known)}
    return [group for group, size in sizes.items() if group == ALL or size >= LEAST_INCIDENTS]


def _deliveries(store: Store, territory: Territory) -> tuple[str, ...]:
    with store.work() as work:
        return tuple(sorted(delivery.delivery_id for delivery in work.deliveries.adopted(territory.name)))


def _run_id(territory: Territory, as_of: date, deliveries: tuple[str, ...], *, kept: Kept | None) -> str:
    outlines = territory.region_table["region_id"].to_list()
    models = [] if kept is None else sorted(kept.ids.values())
    text = "\n".join([territory.name, as_of.isoformat(), MODEL, MODEL_VERSION, *deliveries, *outlines, *models])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _turns_before(store: Store, territory: Territory, *, as_of: date) -> dict[str, Turn]:
    """How the stop rule left each group after the last run of an earlier day."""
    with store.look() as look:
        earlier = [run for run in look.score_runs.of_territory(territory.name) if run.as_of < as_of]
    last = max(earlier, key=lambda run: (run.as_of, run.created_at), default=None)
    return {} if last is None else scorecard_file.turns_of(last.details.get("turns", {}))


def _kept(store: Store, territory: Territory, *, as_of: date) -> Kept:
    return kept_models.last_good(store, territory.name, version_of_method=MODEL_VERSION, as_of=as_of)


def _fitted(
    history: History, group: str, stacking: Stacking, kernels: Kernels, *, as_of: date, is_stacked: bool
) -> AtLevel:
    """The model of a group, tuned, learnt and lifted to the level of its areas."""
    base = tune(history, as_of=as_of, horizon_days=GATE_HORIZON_DAYS, kernels=kernels)
    place: RiskModel = base
    if is_stacked:
        place = stack(base, history, kind=group, surfaces=stacking.surfaces, features=stacking.features, as_of=as_of)
    return AtLevel(place=place, area_of_cell=stacking.area_of_cell, name="stacked" if is_stacked else base.name)


def _parameters(model: AtLevel, choice: Mapping[str, Any] | None) -> dict[str, Any]:
    """Settings of a group's model, and why it was chosen."""
    base = model.place.base if isinstance(model.place, Stacked) else model.place
    assert isinstance(base, EmpiricalBayes)  # noqa: S101 - nothing else is served
    told: dict[str, Any] = {
        "model": model.name,
        "half_life_days": base.half_life_days,
        "bandwidth_m": base.bandwidth_m,
        "prior_days": base.prior_days,
        "choice": {name: choice[name] for name in ("difference", "standard_error", "n_windows")} if choice else None,
    }
    if isinstance(model.place, Stacked):
        told["weights"] = dict(zip(model.place.terms, model.place.weights.round(6).tolist(), strict=True))
    return told


def _gate(windows: pl.DataFrame, served: Mapping[str, str], off: frozenset[str]) -> dict[str, dict[str, Any]]:
    """What shapes each group's classes: ``smoothed`` neighbours, the ``long_run`` alone, or ``untested`` neighbours.

    ``served`` names the model of each group; ``off`` holds those that the stop rule has switched off.
    """
    if windows.height == 0:
        return {group: _untested(group, off) for group in served}
    summary = backtest.summary(windows)
    found: dict[str, dict[str, Any]] = {}
    for group, model in served.items():
        own = windows.filter(pl.col("offence_group") == group)
        rows = backtest.compare_with_best_baseline(own, served=model)
        slopes = summary.filter(pl.col("offence_group") == group, pl.col("model") == model)[
            "calibration_slope"
        ].to_list()
        slope = slopes[0] if slopes else None
        is_reliable = slope is not None and SLOPE_BAND[0] <= slope <= SLOPE_BAND[1]
        # The deviance decides: it scores levels, and levels are what classes speak of. PAI asks for their order only.
        decisive = rows.filter(pl.col("metric") == "poisson_deviance")
        passes = bool(decisive["is_not_worse"].all()) and is_reliable and group not in off
        level = ("smoothed" if passes else "long_run") if decisive.height else _untested(group, off)["level"]
        compared = rows.drop("offence_group").to_dicts()
        found[group] = {"level": level, "model": model, "slope": slope, "compared": compared}
    return found


def _untested(group: str, off: frozenset[str]) -> dict[str, str]:
    """What shapes the classes of a group that cannot be tested now."""
    return {"level": "long_run" if group in off else "untested"}
