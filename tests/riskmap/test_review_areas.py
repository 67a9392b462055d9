"""Areas, severity and last actions for reviewers: what a run keeps of them, and what is never told."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from geodata import hexgrid, time_profile
from riskmap.doors import review_areas
from riskmap.journal import Journal
from riskmap.pipeline import review_details
from riskmap.review import actions, areas, severity
from tests.hotspot_town import AS_OF, a_request, a_town, cells_of, expected

START = date(2025, 1, 1)


def incidents(*told):
    """Incidents from (district, group, offence code or None, how many), spread over the hours of the last year."""
    rows = [
        (
            AS_OF - timedelta(days=1 + number % 300),
            number % 24,
            group,
            code,
            int(hexgrid.parse_cell(cells_of(district)[number % 5])),
        )
        for district, group, code, count in told
        for number in range(count)
    ]
    kinds = {"occurred_on": pl.Date, "hour": pl.Int64, "offence_group": pl.String, "offence_code": pl.String}
    frame = pl.DataFrame(rows, schema={**kinds, "cell": pl.UInt64}, orient="row")
    moment = (pl.col("occurred_on").cast(pl.Datetime("us")) + pl.duration(hours="hour")).dt.replace_time_zone("UTC")
    return frame.with_columns(
        occurred_from=moment,
        occurred_to=moment,
        time_zone=pl.lit("Asia/Almaty"),
        time_precision=pl.lit("hour"),
    )


def details_of(*told, groups=("all", "theft"), territory=None):
    town = territory or a_town()
    return review_details.of_run(town, incidents(*told), town.places, groups, as_of=AS_OF, start=START)


PLENTY = (("d1", "theft", None, 240), ("d2", "theft", None, 230), ("d3", "theft", None, 20))


# ---- Rates and places of areas ----


def test_a_rate_stands_inside_its_interval_and_is_per_ten_thousand_person_years():
    residents = a_town().region_table.filter(region_id="d1")["residents"][0]

    rate = areas.rate_of(details_of(*PLENTY), "theft", "d1")

    assert rate.rate == pytest.approx(240 / residents * 10_000, abs=0.01)
    assert rate.low < rate.rate < rate.high


def test_areas_that_hardly_differ_share_their_places_and_no_place_stands_alone():
    found = details_of(*PLENTY)

    places = {one: areas.places_of(found, "theft", one) for one in ("d1", "d2", "d3")}

    assert all(one.highest < one.lowest <= one.of == 3 for one in places.values())


def test_with_fewer_than_five_incidents_an_area_has_no_rate():
    found = details_of(("d1", "theft", None, 4), ("d2", "theft", None, 5))

    assert areas.rate_of(found, "theft", "d1") is None
    assert areas.rate_of(found, "theft", "d2") is not None


def test_an_area_of_unknown_residents_has_neither_rate_nor_place():
    town = a_town()
    regions = town.regions.assign(residents=None)
    places = town.places.with_columns(residents=pl.lit(None, dtype=pl.Int64))

    found = details_of(*PLENTY, territory=replace(town, regions=regions, places=places))

    assert found["areas"] == {}
    assert areas.rate_of(found, "theft", "d1") is None
    assert areas.places_of(found, "theft", "d1") is None


def test_the_same_run_draws_the_same_places():
    assert details_of(*PLENTY) == details_of(*PLENTY)


# ---- Hours ----


def test_an_area_with_enough_incidents_has_shares_that_sum_to_one_and_others_say_they_are_too_few():
    found = details_of(("d1", "theft", None, 240), ("d2", "theft", None, 3))

    enough, few = (areas.profile_of(found, "theft", one, "part_of_day") for one in ("d1", "d2"))

    assert sum(share for share, _, _ in enough.shares) == pytest.approx(1.0, abs=1e-3)
    assert few.shares is None
    assert areas.profile_of(found, "theft", "toy", "weekday").incidents == 243


def test_no_profile_is_of_a_cell():
    found = details_of(*PLENTY)["times"]

    assert {area for group in found.values() for area in group} == {"d1", "d2", "d3", "toy"}


def test_the_page_names_the_parts_of_the_day_and_the_rule_of_the_profiles():
    assert tuple(time_profile.PARTS_OF_DAY) == review_areas.PARTS
    assert review_areas.LEAST_PER_BIN == time_profile.LEAST_PER_BIN


@pytest.mark.parametrize("ask", [areas.rate_of, areas.places_of])
def test_a_run_without_these_details_says_nothing(ask):
    assert ask({}, "all", "d1") is None
    assert areas.profile_of({}, "all", "d1", "weekday") is None
    assert areas.default_hours({}, "all", "d1") == ()


# ---- Severity ----


def test_a_group_weighs_what_its_articles_weigh_and_needs_enough_of_them():
    known = incidents(("d1", "theft", "188 ч.1", 40), ("d1", "robbery", "191 ч.1", 29), ("d1", "assault", None, 50))

    found = review_details.severity(known, ["all", "theft", "robbery", "assault"])

    assert set(found["weights"]) == {"theft"}
    assert (found["incidents"], found["weighed"]) == (119, 69)
    assert found["rest"] is None


def test_groups_without_a_forecast_of_their_own_count_with_their_share():
    known = incidents(
        ("d1", "theft", "188 ч.1", 60), ("d1", "robbery", "191 ч.1", 30), ("d2", "robbery", "191 ч.1", 10)
    )

    found = review_details.severity(known, ["all", "theft"])

    assert found["rest"]["share"] == 0.4
    assert found["rest"]["days"] > found["weights"]["theft"]


def test_the_severity_of_a_cell_is_its_expected_incidents_times_the_weights():
    cells = expected().filter(pl.col("area_kind") == "cell", pl.col("horizon_days") == 30)
    told = {"severity": {"weights": {"theft": 100.0}, "rest": {"share": 0.1, "days": 1000.0}}}

    found = severity.of_cells(cells, told).join(
        cells.pivot("offence_group", index="area_id", values="expected_incidents"), on="area_id"
    )

    assert (found["severity_days"] - (100.0 * found["theft"] + 100.0 * found["all"])).abs().max() < 1e-9


@pytest.mark.parametrize("details", [{}, {"severity": {"weights": {}, "rest": None}}])
def test_a_run_without_weights_has_no_severity(details):
    assert not severity.weighs(details)


# ---- What was last done ----


def test_requests_near_a_hexagon_are_told_latest_first_and_far_ones_are_not():
    here, far = cells_of("d2")[0], cells_of("d3")[-1]
    told = (
        a_request(1, here, date(2026, 3, 1)),
        a_request(2, here, date(2026, 9, 1)),
        a_request(3, far, date(2026, 10, 1)),
    )
    journal = Journal(territory="toy", journal_id="j", as_of=AS_OF, is_simulated=True, audit_head={}, requests=told)

    found = actions.near(journal, here)

    assert [one.request.number for one in found] == [2, 1]
    assert actions.near(None, here) == []


# ---- Little data ----


@pytest.mark.parametrize("count", [0, 1])
def test_a_run_of_hardly_any_incident_keeps_details_that_claim_nothing(count):
    found = details_of(("d1", "theft", None, count), groups=("all",))

    assert areas.rate_of(found, "all", "d1") is None
    assert areas.profile_of(found, "all", "d1", "part_of_day").shares is None
    assert not severity.weighs(found)


def test_a_territory_of_one_cell_has_no_hours_of_its_own():
    town = a_town()
    one = replace(town, places=town.places.filter(region_id="d1").sort("cell")[:1])

    found = details_of(("d1", "theft", None, 10), territory=one)

    assert areas.profile_of(found, "theft", "d1", "part_of_day") is None
