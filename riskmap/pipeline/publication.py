"""From a score run to a Release: what the public may see, built once, checked, and written as a folder."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray
from scipy import sparse

from geodata import aggregate, disclosure, hexgrid, regions
from geodata.aggregate import Period
from geodata.offences import ALL, SENSITIVE_CODES
from geodata.territory import WORKING_RESOLUTION, Territory
from models import backtest, level_bands
from models.kernels import Kernels
from models.risk_class import ClassRule, RiskClass
from riskmap import release, release_desk, wording
from riskmap.errors import NothingToCorrect, NothingToScore, NotReleasable
from riskmap.pipeline import (
    class_layers,
    place_names,
    public_tables,
    scorecard_file,
    scoring,
    shown_objects,
    survey,
    withdrawal,
)
from riskmap.pipeline.area_numbers import counted_areas, official_areas
from riskmap.ports import ScoreRun, Store
from riskmap.release import Area

SETTINGS = ("model", "half_life_days", "bandwidth_m", "prior_days")
Progress = scoring.Progress

NEIGHBOURS_M = (500.0, 1000.0, 2000.0)
"""Neighbourhoods a cell's prior may look at; the likelihood chooses."""

OUTLINE_DETAIL = 1 / 4000
"""Outlines are drawn to this share of the territory's width, a fraction of a pixel on a phone."""

SCORECARD = (
    "offence_group",
    "model",
    "resolution",
    "horizon_days",
    "n_windows",
    *backtest.METRICS,
    "calibration_slope",
)
"""Fields of a published backtest."""

WHOLE_RECORD = 400
"""More quarters than any record has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationReport:
    """What `publish` did; ``is_new`` is False when the same content had been published before."""

    territory: str
    release_id: str
    folder: str
    is_new: bool
    is_proposed: bool
    areas: int
    areas_with_total: int
    cells: int
    groups: tuple[str, ...]
    period: tuple[date, date] | None
    served: Mapping[str, str]


def publish(
    store: Store,
    root: Path,
    territory: Territory,
    *,
    as_of: date | None,
    now: datetime,
    progress: Progress,
    correct: int | None = None,
    needs_second_person: bool = False,
    with_kept: bool = False,
) -> PublicationReport:
    """Build, check and write the release of a territory as of a day (default: the day after the last incident).

    ``correct`` is a published year whose late and changed records are told as far as they may be, once in a calendar
    year; see `geodata.corrections`. Where it ``needs_second_person``, what is new waits at the release desk.

    A score run of that day and of the deliveries at hand is used where there is one, and made otherwise; ``with_kept``
    goes on with models fitted earlier.

    Raises
    ------
    NotReleasable
        If there is nothing that may be shown, or a check fails.
    NothingToCorrect
        If nothing of the year to correct may change.
    """
    incidents = scoring.usable_incidents(store, territory)
    official = official_areas(territory)
    draft: Draft
    try:
        run = scoring.current_run(store, territory, as_of=as_of, now=now, progress=progress, with_kept=with_kept)
    except NothingToScore:
        if not official:
            raise
        names = store.surroundings.names(territory.name)
        day = as_of or date.fromisoformat(territory.official["dated"])
        answers = survey.file_of(store.survey.load(territory.name))
        draft = _regions_only(territory, official, names, answers, as_of=day)
    else:
        draft = _with_cells(store, root, territory, incidents=incidents, run=run, progress=progress)
    content = _next_in_chain(root, territory.name, draft, correct=correct)
    if content.counted is not None:
        release_id = release.identify(content.manifest, content.files)
        store.counted.save(territory.name, release_id, content.counted)
    manifest = {**content.manifest, "published_at": now.isoformat(timespec="seconds")}
    is_proposed = needs_second_person and release.identify(manifest, content.files) != release.newest_id(
        root, territory.name
    )
    place = release_desk.proposals_of(root) if is_proposed else root
    release_id, is_new = release.write(place, manifest, content.files)
    opened = release.read(place, territory.name, release_id)
    return PublicationReport(
        territory=territory.name,
        release_id=release_id,
        folder=str(opened.folder),
        is_new=is_new,
        is_proposed=is_proposed,
        areas=sum(area.kind != "territory" for area in opened.areas) or len(opened.areas),
        areas_with_total=sum(area.total is not None or area.official_count is not None for area in opened.areas),
        cells=int(opened.cells.size),
        groups=opened.groups,
        period=opened.period,
        served={group: entry["level"] for group, entry in manifest["served"].items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is about to be written; ``counted`` is what its counts come from, for the store alone."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]
    counted: pl.DataFrame | None = None


Draft = Callable[[str | None, int | None], Content]
"""From the release it follows (None: it is the first), and the year it corrects, to what a release holds."""


def _next_in_chain(root: Path, territory: str, draft: Draft, *, correct: int | None) -> Content:
    """The release that follows the newest one; where that one would come out again, that one."""
    newest = release.newest_id(root, territory)
    if newest is None:
        return draft(None, correct)
    manifest, _ = withdrawal.open_any(root, territory, newest)
    had_corrected = (manifest.get("corrected") or {}).get("year")
    if correct in (None, had_corrected):
        with suppress(NothingToCorrect):
            again = draft(manifest.get("predecessor"), had_corrected)
            if release.identify(again.manifest, again.files) == newest:
                return again
    return draft(newest, correct)


def _regions_only(
    territory: Territory, areas: list[Area], names: pl.DataFrame, answers: Mapping[str, bytes], *, as_of: date
) -> Draft:
    files = {
        **answers,
        "areas.json": _areas_json(territory, areas),
        **place_names.file_of(territory, names, regions=[area.area_id for area in areas]),
        **_outlines(territory, areas),
    }
    return lambda predecessor, _correct: Content(
        manifest=_manifest(territory, as_of=as_of) | {"predecessor": predecessor}, files=files
    )


def _with_cells(
    store: Store, root: Path, territory: Territory, *, incidents: pl.DataFrame, run: ScoreRun, progress: Progress
) -> Draft:
    known = aggregate.known_before(incidents, run.as_of)
    record_start = scoring.record_start(known)
    period = aggregate.published_period(record_start, run.as_of)
    if period is None:
        raise NotReleasable(
            f"The record runs from {record_start} to {run.as_of} and holds no complete calendar month; a release "
            "speaks of complete quarters or months. Deliver a longer record, or give a later --as-of."
        )
    places = scoring.coverage(territory, known)
    everything = aggregate.known_before(aggregate.spread_month_only(store.lake.read(territory.name)), run.as_of)
    # Of whole years, so that what is published as its parent changes once a year at most.
    settled = everything.filter(pl.col("occurred_on").dt.year() < run.as_of.year)
    grid = class_layers.public_grid(places, territory, dominated=disclosure.dominated_cells(_told_anywhere(settled)))
    served = run.details["served"]
    whole_record = aggregate.published_period(record_start, run.as_of, quarters=WHOLE_RECORD) or period
    neighbours = {metres: Kernels(grid["public_cell"].to_numpy()).neighbours(metres) for metres in NEIGHBOURS_M}
    nobody = {0.0: sparse.csr_array((grid.height, grid.height))}

    def layers(area_of_cell: NDArray[np.int64]) -> dict[str, tuple[NDArray[np.uint8], Period]]:
        """Classes of each group that has any, and the period they speak of."""
        found = {}
        for done, group in enumerate(served):
            progress("cli.progress.release", done, len(served))
            is_long_run = served[group]["level"] == "long_run"
            window = whole_record if is_long_run else period
            inside = aggregate.in_group(aggregate.in_period(known, window), group)
            codes = class_layers.classes(
                grid,
                inside,
                window,
                nobody if is_long_run else neighbours,
                area_of_cell=area_of_cell,
                is_total_told=group == ALL or window.is_calendar_year,
            )
            if group == ALL or (codes <= RiskClass.CLEARLY_HIGHER).any():
                found[group] = codes, window
        progress("cli.progress.release", len(served), len(served))
        return found

    def draft(predecessor: str | None, correct: int | None) -> Content:
        told = public_tables.told_before(root, territory.name, from_release=predecessor)
        counted = public_tables.counted_from(store, territory.name, everything, places, told=told)
        previous = public_tables.together(list(told.values()), before=run.as_of)
        correction: dict[str, int] | None = None
        if correct is not None:
            _require_not_corrected(root, territory.name, list(told), correct, as_of=run.as_of)
            fresh = public_tables.count(everything, places)
            previous, counted, found = public_tables.corrected(previous, counted, fresh, correct)
            correction = {"year": correct, "areas": found.changed, "waiting": found.waiting}
        coarser = withdrawal.rules(root, territory.name)
        public, verdict = public_tables.build(
            territory.name,
            counted,
            grid,
            start=record_start,
            end=run.as_of,
            told=list(told.values()),
            previous=previous,
            coarser=coarser,
        )
        classes = layers(class_layers.areas_of_cells(grid, public))
        kept = list(classes)
        told_now = public_tables.told(public, previous)
        areas = official_areas(territory) or _with_reasons(
            counted_areas(territory, period, public=public.counts), run.details.get("region_reasons", {})
        )
        delivered_names = store.surroundings.names(territory.name)
        shown = store.surroundings.shown(territory.name)
        area_index = {area.area_id: i for i, area in enumerate(areas)}
        own_area = np.array([area_index.get(region, release.NO_AREA) for region in grid["region_id"]], dtype="<u2")
        files = {
            "cells.bin": release.encode_cells(grid["public_cell"].to_numpy()),
            "areas.bin": own_area.tobytes(),
            "areas.json": _areas_json(territory, areas),
            "scorecard.json": release.as_json(_marked(territory, **_public_scorecard(run, kept))),
            **{f"classes-{group}.bin": codes.tobytes() for group, (codes, _) in classes.items()},
            **public_tables.files_of(public),
            **public_tables.off_map_file(
                root,
                territory.name,
                everything,
                sorted(territory.region_table["region_id"]),
                start=record_start,
                end=run.as_of,
                predecessor=predecessor,
            ),
            **(public_tables.residents_file(public, grid) if territory.has_residents else {}),
            **survey.file_of(store.survey.load(territory.name)),
            **place_names.file_of(
                territory, delivered_names, regions=list(area_index), cells=grid["public_cell"].to_numpy()
            ),
            **_outlines(territory, areas),
            **shown_objects.file_of(shown, as_of=run.as_of, is_simulated=territory.is_simulated),
        }
        manifest = _manifest(territory, as_of=run.as_of) | {
            "predecessor": predecessor,
            "period": _dates(period),
            "counts": told_now,
            "coarser": [asdict(rule) for rule in coarser],
            "corrected": correction,
            **_change(root, territory.name, predecessor, new_periods=told_now["new"], corrected=correct),
            "attack": {"targets": verdict.targets, "exact": verdict.exact, "within_one": verdict.within_one},
            "record_from": record_start.isoformat(),
            "groups": kept,
            "has_rates": territory.has_residents,
            "attributions": place_names.attributions(delivered_names, store.surroundings.sources(territory.name)),
            "objects": shown_objects.told_of(shown, as_of=run.as_of),
            "public_resolutions": sorted({int(r) for r in grid["resolution"]}),
            "class_rule": {**asdict(ClassRule()), "counts_in_bands_of": level_bands.BAND_WIDTH},
            "similar": class_layers.similar_places(territory),
            "disclosure": {
                "least_residents": disclosure.LEAST_RESIDENTS,
                "least_addresses": disclosure.LEAST_ADDRESSES,
                "most_of_one_spot": disclosure.MOST_OF_ONE_SPOT,
                **public_tables.rules(),
            },
            "model": {"name": run.model, "run_id": run.run_id, "parameters": _settings(run.details["parameters"])},
            "served": {
                group: {"level": served[group]["level"], **_dates(window)} for group, (_, window) in classes.items()
            },
            "deliveries": list(run.deliveries),
            "bounds": _bounds(grid["public_cell"].to_numpy()),
            "centre": _centre(grid),
        }
        return Content(manifest=manifest, files=files, counted=counted)

    return draft


def _told_anywhere(incidents: pl.DataFrame) -> pl.DataFrame:
    """Incidents that stand in numbers below a region: only these may shape what is published there."""
    return aggregate.mappable(incidents).filter(~pl.col("offence_group").is_in(sorted(SENSITIVE_CODES)))


def _require_not_corrected(root: Path, territory: str, told: list[str], year: int, *, as_of: date) -> None:
    """Refuse a second correction of a year within one calendar year: two differences say more than one."""
    for release_id in told:
        manifest, _ = withdrawal.open_any(root, territory, release_id)
        corrected = (manifest.get("corrected") or {}).get("year")
        if corrected == year and date.fromisoformat(manifest["as_of"]).year == as_of.year:
            raise NotReleasable(
                f"{year} was corrected by release {release_id}; a year is corrected once in a calendar year. Its other "
                "records wait for the next."
            )


def _change(
    root: Path, territory: str, predecessor: str | None, *, new_periods: list[str], corrected: int | None
) -> dict[str, Any]:
    """What a release changes against the one it follows, and why: as a code, and as a sentence in each language."""
    taken_back = [one for one in release.withdrawn(root, territory) if one.release_id == predecessor]
    if taken_back:
        change = f"withdrawn.{taken_back[0].reason}"
    elif predecessor is None:
        change = "first"
    elif corrected is not None:
        change = "corrected"
    else:
        change = "new_periods" if new_periods else "same_periods"
    said = {}
    for language in wording.LANGUAGES:
        words = wording.in_language(language)
        said[language] = words.text(f"release.change.{change}", periods=", ".join(new_periods), year=corrected or "")
    return {"change": change, "what_changed": said}


def _manifest(territory: Territory, *, as_of: date) -> dict[str, Any]:
    west, south, east, north = (float(side) for side in territory.regions.total_bounds)
    return {
        "format": release.FORMAT,
        "territory": territory.name,
        "names": asdict(territory.names),
        "as_of": as_of.isoformat(),
        "is_simulated": territory.is_simulated,
        "origin": asdict(territory.origin),
        "official": territory.official,
        "official_steps": _steps(territory),
        "working_resolution": WORKING_RESOLUTION,
        "period": None,
        "predecessor": None,
        "counts": None,
        "groups": [],
        "has_rates": True,
        "attributions": [],
        "objects": [],
        "public_resolutions": [],
        "served": {},
        "bounds": [south, west, north, east],
        "outline_bounds": [south, west, north, east],
        "centre": [(south + north) / 2, (west + east) / 2],
    }


def _steps(territory: Territory) -> list[float]:
    """Upper ends of the five steps a region's official rate is coloured by: equal widths, rounded to tens."""
    rates = [area.official_rate for area in official_areas(territory) if area.kind == "region"]
    known = [rate for rate in rates if rate is not None]
    if not known:
        return []
    low, high = 10 * np.floor(min(known) / 10), 10 * np.ceil(max(known) / 10)
    return [float(low), *(float(step) for step in np.round(np.linspace(low, high, 6)[1:] / 10) * 10)]


def _outlines(territory: Territory, areas: list[Area]) -> dict[str, bytes]:
    steps, known = _steps(territory), {area.area_id: area for area in areas}
    shapes = regions.simplified(territory.regions, tolerance_deg=OUTLINE_DETAIL * _extent(territory))
    features = [
        {
            "type": "Feature",
            "properties": {
                "area_id": row.region_id,
                "names": known[row.region_id].names,
                "step": _step_of(known[row.region_id].official_rate, steps),
            },
            "geometry": _rounded(shapely.force_2d(row.geometry).__geo_interface__),
        }
        for row in shapes.itertuples()
        if row.region_id in known
    ]
    files = {"areas.geojson": release.as_geojson(_marked(territory, type="FeatureCollection", features=features))}
    return files | (
        {"basemap.geojson": release.as_geojson(_marked(territory, **territory.basemap))} if territory.basemap else {}
    )


def _extent(territory: Territory) -> float:
    west, south, east, north = territory.regions.total_bounds
    return float(max(east - west, north - south))


def _step_of(rate: float | None, steps: list[float]) -> int | None:
    return None if rate is None else int(np.clip(np.searchsorted(steps[1:-1], rate, side="right") + 1, 1, 5))


def _rounded(geometry: Mapping[str, Any]) -> dict[str, Any]:
    def walk(part: Any) -> Any:
        return round(part, 5) if isinstance(part, float) else [walk(inner) for inner in part]

    return {"type": geometry["type"], "coordinates": walk(geometry["coordinates"])}


def _with_reasons(areas: list[Area], reasons: Mapping[str, list[dict[str, str]]]) -> list[Area]:
    """Areas with the reasons of the run's forecast, where their total is told."""
    return [
        replace(area, reasons=reasons[area.area_id]) if area.total is not None and area.area_id in reasons else area
        for area in areas
    ]


def _areas_json(territory: Territory, areas: list[Area]) -> bytes:
    return release.as_json(_marked(territory, areas=[asdict(area) for area in areas]))


def _settings(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Settings of each group's model; what it learnt from incidents stays with the score run."""
    return {group: {name: own[name] for name in SETTINGS if name in own} for group, own in parameters.items()}


def _public_scorecard(run: ScoreRun, groups: list[str]) -> dict[str, Any]:
    """Metrics of the published groups, without the counts behind them, and each past forecast beside what came."""
    card = run.details["scorecard"]
    models = [{name: line[name] for name in SCORECARD} for line in card if line["offence_group"] in groups]
    return {"models": models, **scorecard_file.monthly(run.details, groups, model=run.model)}


def _marked(territory: Territory, **content: object) -> dict[str, object]:
    """Content of a file that says whether it is simulated, wherever the file goes."""
    return {"is_simulated": territory.is_simulated, **content}


def _bounds(cells: NDArray[np.uint64]) -> list[float]:
    lat, lng = hexgrid.centres(cells)
    return [round(float(side), 4) for side in (lat.min(), lng.min(), lat.max(), lng.max())]


def _centre(grid: pl.DataFrame) -> list[float]:
    """Middle of the covered cells, where residents are known weighted by them; rounded to a hundredth of a degree."""
    weight = grid["residents"].fill_null(0).to_numpy().astype(np.float64)
    weight = weight if weight.sum() > 0 else np.ones(grid.height)
    return [
        round(float(np.average(side, weights=weight)), 2) for side in hexgrid.centres(grid["public_cell"].to_numpy())
    ]


def _dates(period: Period) -> dict[str, str]:
    return {"from": period.start.isoformat(), "to": period.end.isoformat()}
