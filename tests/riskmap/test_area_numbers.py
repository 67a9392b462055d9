"""Words and ranges of areas, from totals that disclosure control allows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.aggregate import Period
from geodata.kazakhstan import territory as kazakhstan
from riskmap.pipeline import public_tables
from riskmap.pipeline.area_numbers import counted_areas, official_areas
from tests.builders import an_incident, incidents
from tests.made_up_town import a_territory

YEAR = Period(start=date(2025, 1, 1), end=date(2026, 1, 1))
LONG_AGO = date(2023, 1, 1)
TOWN = a_territory()
GRID = TOWN.places.select("region_id", public_cell="cell", is_protected=pl.lit(value=False)).sort("public_cell")


def spread(count, year, cells, group="theft"):
    """``count`` incidents, evenly over a year and in turn over the cells."""
    start = datetime(year, 1, 1, 12, tzinfo=UTC)
    return [
        an_incident(occurred_at=start + timedelta(days=(i * 365) // count), offence_group=group)
        | {"cell": int(cells[i % len(cells)])}
        for i in range(count)
    ]


def cells_of(district):
    return TOWN.places.filter(region_id=district)["cell"].to_list()


def numbers_of(*parts, record_start=LONG_AGO, territory=TOWN):
    frame = incidents(*(row for part in parts for row in part))
    public = public_tables.build(
        territory.name,
        public_tables.count(frame, territory.places),
        GRID,
        start=record_start,
        end=YEAR.end,
    )[0]
    found = counted_areas(territory, YEAR, public=public.counts)
    return {area.area_id: area for area in found}


@pytest.mark.parametrize(
    ("before", "now", "word"),
    [
        (200, 120, "down"),
        (120, 200, "up"),
        (200, 190, "none"),
        (200, 210, "none"),
        (29, 200, "too_little"),
        (200, 29, "too_little"),
        (0, 200, "too_little"),
    ],
)
def test_change_is_told_in_a_word_only_where_it_is_clear(before, now, word):
    cells = TOWN.places["cell"].to_list()
    past = spread(before, 2024, cells) if before else []

    found = numbers_of(past, spread(now, 2025, cells))

    assert found["smalltown"].change == word


def test_nothing_is_said_about_change_when_the_record_began_within_the_year_before():
    cells = TOWN.places["cell"].to_list()

    found = numbers_of(spread(200, 2024, cells), spread(100, 2025, cells), record_start=date(2024, 1, 2))

    assert found["smalltown"].change == "too_little"


def test_uneven_months_make_the_same_totals_less_sure():
    cells = TOWN.places["cell"].to_list()
    in_two_months = [row for row in spread(1100, 2025, cells) if row["occurred_on"].month in (3, 9)]
    before = spread(len(in_two_months) + 60, 2024, cells)

    calm = numbers_of(before, spread(len(in_two_months), 2025, cells))["smalltown"]
    uneven = numbers_of(before, in_two_months)["smalltown"]

    assert calm.total == uneven.total
    assert (calm.change, uneven.change) == ("down", "none")


@given(st.lists(st.integers(24, 400), min_size=3, max_size=3))
@settings(max_examples=15, deadline=None)
def test_the_likely_range_holds_the_published_rate_and_is_ordered(counts):
    parts = [spread(n, 2025, cells_of(f"d{i}")) for i, n in enumerate(counts, start=1)]

    for area in numbers_of(*parts).values():
        rate = 10_000 * area.total / area.residents / YEAR.years
        assert 0 <= area.rate_low < rate < area.rate_high


def test_the_likely_range_is_relatively_narrower_where_more_happened():
    found = numbers_of(spread(40, 2025, cells_of("d1")), spread(1000, 2025, cells_of("d2")))

    width = {d: (found[d].rate_high - found[d].rate_low) / found[d].rate_low for d in ("d1", "d2")}

    assert width["d2"] < width["d1"] / 3


@pytest.mark.parametrize("few", [1, 4])
def test_a_small_district_takes_the_total_of_another_with_it(few):
    found = numbers_of(*(spread(n, 2025, cells_of(d)) for d, n in (("d1", few), ("d2", 80), ("d3", 90))))

    hidden = [d for d in ("d1", "d2", "d3") if found[d].total is None]
    assert found["smalltown"].total == 170 + few
    assert "d1" in hidden
    assert len(hidden) > 1
    for district in hidden:
        told = (found[district].rate_low, found[district].change, found[district].comparison, found[district].by_group)
        assert told == (None, None, None, None)


def test_a_district_where_nothing_happened_hides_nothing_of_the_others():
    found = numbers_of(spread(80, 2025, cells_of("d2")), spread(90, 2025, cells_of("d3")))

    assert (found["d2"].total, found["d3"].total) == (80, 90)


@pytest.mark.parametrize("few", [1, 2, 3, 4])
def test_a_territory_with_fewer_than_five_incidents_tells_no_number(few):
    found = numbers_of(spread(few, 2025, cells_of("d2")))

    assert all(area.total is None and area.by_group is None and area.rate_high is None for area in found.values())


def test_a_small_offence_group_takes_the_split_by_group_with_it():
    everywhere = [spread(90, 2025, cells_of(d)) for d in ("d1", "d2", "d3")]

    split = numbers_of(*everywhere, spread(33, 2025, cells_of("d1"), group="robbery"))["smalltown"]
    unsplit = numbers_of(*everywhere, spread(2, 2025, cells_of("d1"), group="robbery"))["smalltown"]

    assert split.by_group == {"robbery": 33, "theft": 270}
    assert split.by_group_year == 2025
    assert unsplit.by_group is None
    assert unsplit.total == 272


def test_parts_that_are_published_add_up_to_the_whole():
    found = numbers_of(*(spread(n, 2025, cells_of(d)) for d, n in (("d1", 50), ("d2", 80), ("d3", 90))))

    assert found["smalltown"].total == sum(found[d].total for d in ("d1", "d2", "d3"))


def test_a_district_is_compared_with_its_territory():
    found = numbers_of(*(spread(n, 2025, cells_of(d)) for d, n in (("d1", 400), ("d2", 200), ("d3", 60))))

    assert found["d1"].comparison == "clear_higher"
    assert found["d3"].comparison == "clear_lower"
    assert found["smalltown"].comparison is None


def test_without_residents_an_area_has_a_count_and_neither_rate_nor_comparison():
    town = a_territory(residents=None)

    found = numbers_of(spread(80, 2025, cells_of("d1")), spread(90, 2025, cells_of("d2")), territory=town)

    assert found["d1"].total == 80
    assert all(a.rate_low is None and a.rate_high is None and a.comparison is None for a in found.values())


def test_incidents_outside_the_period_are_not_counted():
    cells = TOWN.places["cell"].to_list()
    edge = [
        an_incident(occurred_at=datetime(2025, 12, 31, 12, tzinfo=UTC)) | {"cell": cells[0]},
        an_incident(occurred_at=datetime(2026, 1, 1, 12, tzinfo=UTC)) | {"cell": cells[0]},
    ]

    assert numbers_of(spread(50, 2025, cells), edge)["smalltown"].total == 51


def test_official_totals_of_kazakhstan_are_told_per_ten_thousand_residents():
    areas = official_areas(kazakhstan())
    regions = [area for area in areas if area.kind == "region"]

    assert len(regions) == 20
    assert [area.area_id for area in regions] == sorted(area.area_id for area in regions)
    assert all(area.total is None and area.rate_low is None for area in areas)
    rates = np.array([10_000 * a.official_count / a.residents for a in regions if a.official_count])
    told = np.array([a.official_rate for a in regions if a.official_count])
    assert np.abs(rates - told).max() <= 0.05 + 1e-9


def test_the_country_has_no_total_where_a_region_has_none():
    country = kazakhstan()
    outlines = country.regions.copy()
    outlines["official_count"] = [None, *([1000] * (len(outlines) - 1))]
    lacking = replace(country, regions=outlines)
    whole = replace(country, regions=outlines.assign(official_count=1000))

    lacking_total, total = (official_areas(territory)[0].official_count for territory in (lacking, whole))

    assert (lacking_total, total) == (None, 20_000)


def test_the_frames_used_here_hold_the_cells_of_the_town():
    assert TOWN.places.height == 127
    assert set(TOWN.places["region_id"].unique()) == {"d1", "d2", "d3"}
    assert isinstance(TOWN.places, pl.DataFrame)
