"""Official totals of a territory: loads forms, and holds them against the incidents, the regions and one another.

Incidents belong to the region that holds the middle of their cell and to the year they occurred in; the form counts
the year of registration, so the two agree only roughly even where every offence was delivered.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from geodata import official_totals, regions
from geodata.errors import InvalidForm
from geodata.offences import ALL
from geodata.official_totals import TOTAL, Form
from geodata.territory import Territory
from riskmap.errors import NoTotals
from riskmap.ports import Store

FIRST_YEAR = 2015
"""The Criminal Code whose articles the form counts is in force since 2015."""

FOLDED = {"burglary": "theft", "theft_from_vehicle": "theft"}
"""Groups that one article holds: the form counts them under theft, so incidents of theirs are compared there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What `load` did; ``replaced`` is the number of lines that gave way, ``form`` what the file says.

    ``same_as`` are other regions for which the very same lines are held: one of them is most likely a mistake.
    """

    territory: Territory
    region_id: str
    year: int
    form: Form
    replaced: int
    same_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `check` found.

    ``coverage`` has one row for each region, year and offence group (and `ALL`): registered, held, percent (missing
    where nothing is registered). ``unplaced`` counts incidents of these years whose region is not known.
    ``differences`` holds what the regions and the whole disagree on; ``missing`` the regions without a form in each
    year that has a form of the whole or of several regions; ``against_table`` regions whose form differs from the
    territory's official count.
    """

    territory: Territory
    coverage: pl.DataFrame
    unplaced: int
    differences: pl.DataFrame
    missing: dict[int, list[str]]
    against_table: pl.DataFrame


def load(store: Store, path: Path, *, territory_name: str, region: str | None, year: int, now: datetime) -> LoadReport:
    """Read a form 1-М and keep its totals. ``region`` may be left out where the form's headings name one.

    Raises
    ------
    InvalidForm
        If the file cannot be used, its region is not known or is another one, or the year cannot be.
    """
    territory = store.territories.load(territory_name)
    if not FIRST_YEAR <= year <= now.year:
        raise InvalidForm(f"{path.name}: year {year} was given; expected {FIRST_YEAR} to {now.year}.")
    region_id = _region(path, territory, region)
    form = official_totals.read_form(path, region_id=region_id, year=year)
    same_as = _same_as(store.totals.load(territory.name), form.totals, region_id=region_id, year=year)
    replaced = store.totals.put(territory.name, form.totals)
    return LoadReport(
        territory=territory, region_id=region_id, year=year, form=form, replaced=replaced, same_as=same_as
    )


def check(store: Store, *, territory_name: str, year: int | None = None) -> CheckReport:
    """Compare the totals held with the incidents, with one another, and with the territory's official counts.

    Raises
    ------
    NoTotals
        If none were loaded, or none of that year.
    """
    territory = store.territories.load(territory_name)
    totals = store.totals.load(territory.name)
    totals = totals if year is None else totals.filter(pl.col("year") == year)
    if totals.is_empty():
        raise NoTotals(
            f"No official totals of {territory.name}{f' for {year}' if year else ''} are held. Load a form first: "
            f"python -m riskmap totals load FILE --territory {territory.name} --region CODE --year YEAR."
        )
    held, unplaced = _held(store, territory, totals["year"].unique())
    region_ids = territory.region_table["region_id"].to_list()
    return CheckReport(
        territory=territory,
        coverage=_coverage(totals, held),
        unplaced=unplaced,
        differences=official_totals.difference_of_regions(totals, whole_id=territory.name, region_ids=region_ids),
        missing=_missing(totals, region_ids),
        against_table=_against_table(totals, territory),
    )


def _region(path: Path, territory: Territory, given: str | None) -> str:
    table = territory.region_table
    known = [territory.name, *table["region_id"]]
    if given is not None and given not in known:
        raise InvalidForm(
            f"{path.name}: {territory.name} has no region {given[:40]!r}; known here: {', '.join(known[:30])}. "
            f"Give one of them with --region; {territory.name} stands for the whole."
        )
    names = {row["region_id"]: (row["name_kk"], row["name_ru"]) for row in table.iter_rows(named=True)}
    named = official_totals.region_named_in(path, names)
    if given is not None and named is not None and named != given:
        raise InvalidForm(f"{path.name} names region {named}, but --region says {given}. Give the one that is right.")
    region_id = given or named
    if region_id is None:
        raise InvalidForm(
            f"{path.name} names no region of {territory.name}. Say which it covers: --region CODE, one of "
            f"{', '.join(known[:30])}."
        )
    return region_id


def _same_as(held: pl.DataFrame, given: pl.DataFrame, *, region_id: str, year: int) -> tuple[str, ...]:
    """Other regions of the year for which the same lines with the same counts are held, by code."""
    own = given.drop("region_id").sort("line")
    others = held.filter((pl.col("year") == year) & (pl.col("region_id") != region_id))
    return tuple(
        sorted(
            str(code)
            for (code,), rows in others.group_by("region_id")
            if rows.drop("region_id").sort("line").equals(own)
        )
    )


def _held(store: Store, territory: Territory, years: pl.Series) -> tuple[pl.DataFrame, int]:
    """Incidents of the years, held by region_id, year and offence_group, the whole territory as a region of its name;
    and how many have no region."""
    incidents = store.lake.read(territory.name).select("cell", "occurred_on", "offence_group")
    counted = (
        incidents.with_columns(pl.col("offence_group").replace(FOLDED), year=pl.col("occurred_on").dt.year().cast(int))
        .filter(pl.col("year").is_in(years.to_list()))
        .group_by("cell", "year", "offence_group")
        .agg(held=pl.len().cast(pl.Int64))
    )
    placed = counted.join(_regions_of(counted["cell"], territory), on="cell", how="left", nulls_equal=True)
    whole = placed.with_columns(region_id=pl.lit(territory.name))
    both = pl.concat([placed.drop_nulls("region_id"), whole])
    by_group = both.group_by("region_id", "year", "offence_group").agg(pl.col("held").sum())
    unplaced = placed.filter(pl.col("region_id").is_null())["held"].sum()
    return by_group, int(unplaced)


def _regions_of(cells: pl.Series, territory: Territory) -> pl.DataFrame:
    """Region of each distinct cell; where the territory is one region, also of what has no cell."""
    distinct = pl.DataFrame({"cell": cells.unique()})
    table = territory.region_table
    if table.height == 1:
        return distinct.with_columns(region_id=pl.lit(table["region_id"][0]))
    told = distinct.drop_nulls().join(territory.places.select("cell", "region_id"), on="cell", how="left")
    open_cells = told.filter(pl.col("region_id").is_null())["cell"]
    found = pl.DataFrame(
        {
            "cell": open_cells,
            "nearest": regions.region_of_cells(open_cells.to_numpy(), territory.regions).cast(pl.String),
        }
    )
    return told.join(found, on="cell", how="left").select("cell", region_id=pl.coalesce("region_id", "nearest"))


def _coverage(totals: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    keys = ["region_id", "year", "offence_group"]
    registered = official_totals.by_group(totals).select(*keys, "registered")
    stated = totals.filter(pl.col("kind") == TOTAL).select(
        "region_id", "year", pl.lit(ALL).alias("offence_group"), "registered"
    )
    everything = held.group_by("region_id", "year").agg(pl.col("held").sum())
    compared = pl.concat([held, everything.select("region_id", "year", pl.lit(ALL).alias("offence_group"), "held")])
    loaded = totals.select("region_id", "year").unique()
    return (
        pl.concat([stated, registered])
        .join(compared.join(loaded, on=["region_id", "year"], how="semi"), on=keys, how="full", coalesce=True)
        .with_columns(pl.col("registered", "held").fill_null(0))
        .with_columns(percent=pl.when(pl.col("registered") > 0).then(100 * pl.col("held") / pl.col("registered")))
        .sort("year", "region_id", pl.col("offence_group") != ALL, "offence_group")
    )


def _missing(totals: pl.DataFrame, region_ids: list[str]) -> dict[int, list[str]]:
    loaded = totals.group_by("year").agg(pl.col("region_id").unique()).sort("year")
    absent = {year: [code for code in region_ids if code not in set(held)] for year, held in loaded.iter_rows()}
    return {year: codes for year, codes in absent.items() if codes}


def _against_table(totals: pl.DataFrame, territory: Territory) -> pl.DataFrame:
    """Regions whose offences in proceedings differ between form and territory: region_id, year, form, table."""
    stated = totals.filter((pl.col("kind") == TOTAL) & (pl.col("year") == territory.official.get("year", 0)))
    table = territory.region_table.select("region_id", table="official_count").drop_nulls()
    compared = stated.select("region_id", "year", form="in_proceedings").join(table, on="region_id")
    return compared.filter(pl.col("form") != pl.col("table")).sort("region_id")
