"""What a release tells of past forecasts: nothing that a small number could be read from, and nothing for old runs."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scorecard import HORIZON_DAYS, from_rows, turns_after
from riskmap.pipeline import publication, scorecard_file
from riskmap.ports import ScoreRun
from tests.scorecard_builder import some_details, windows_of


def monthly(**groups):
    details = some_details(**groups)
    return scorecard_file.monthly(details, details["served"], model="eb")["monthly"]


def test_a_score_run_of_an_earlier_version_has_no_months():
    assert scorecard_file.monthly({"served": {"all": {}}, "scorecard": []}, ["all"], model="eb") == {}


def test_totals_are_told_in_fives_and_small_ones_not_at_all():
    window = monthly(theft=windows_of(registered=[12, 13, 9], expected=12.4, baseline=8.0))["groups"][0]["windows"]

    assert [one["registered"] for one in window] == [10, 15, None]
    assert window[0]["expected"] == {"forecast": 10, "long_run_mean": None, "same_month_last_year": None}


@given(total=st.floats(min_value=0, max_value=1e6))
def test_a_told_total_is_a_five_near_the_truth_and_never_below_ten(total):
    told = scorecard_file.told(total)

    if told is None:
        assert total < 10
    else:
        assert told >= 10
        assert told % 5 == 0
        assert abs(told - total) <= 2.5


@pytest.mark.parametrize(("registered", "share"), [(9, None), (10, 0.25), (99, 0.25), (100, 0.23)])
def test_a_share_of_few_incidents_does_not_tell_how_many_they_are(registered, share):
    window = monthly(theft=windows_of(registered=[registered] * 3, hit_rate_5=3 / 13))["groups"][0]["windows"][0]

    assert window["hit_rate_5"] == share


def test_a_window_of_few_incidents_tells_who_was_closer_and_no_deviance():
    window = monthly(theft=windows_of(registered=[4] * 3))["groups"][0]["windows"][0]

    assert window["poisson_deviance"] is None
    assert window["is_closer"] is True


def test_nothing_told_of_a_small_group_depends_on_how_small_it_is():
    def of(registered):
        return monthly(robbery=windows_of(registered=[registered] * 4, expected=3.0, baseline=2.0, hit_rate_5=1.0))

    assert of(1) == of(9)


def test_the_range_is_widened_to_fives_and_left_out_where_it_reaches_below_ten():
    low, high = ({"low": 81.0, "high": 119.0}, {"low": 9.9, "high": 40.0})

    ranges = [monthly(theft=windows_of(**given))["groups"][0]["windows"][0]["range"] for given in (low, high, {})]

    assert ranges == [[80, 120], None, None]


def test_the_file_says_by_which_rules_and_since_when():
    told = monthly(all=windows_of(deviance=[0.2] * 9 + [0.4] * 3))

    group = told["groups"][0]
    assert (group["standing"], group["since"], group["in_a_row"]) == ("switched_off", "2026-11-01", -3)
    assert (group["baseline"], group["n_closer"], group["outcome"]) == ("long_run_mean", 9, "not_met")
    assert told["stop_rule"] == {"windows": 3, "warned_after": 2}
    assert date.fromisoformat(told["criterion"]["set_on"]) < date.fromisoformat(told["criterion"]["decided_by"])
    assert json.loads(json.dumps(told)) == told


def test_what_was_switched_off_stays_off_from_release_to_release_until_three_months_are_better():
    """Four releases, each with the last year's windows as they look then; the first one switches the forecast off."""
    details, told = {}, []
    for later, deviance in (
        (0, [0.2] * 9 + [0.4] * 3),
        (31, [0.2] * 10 + [0.4] + [0.2]),  # on the days of its own windows there never were three misses in a row
        (61, [0.2] * 12),
        (92, [0.2] * 12),
        (122, [0.2] * 12),
    ):
        before = details.get("turns", {})
        rows = windows_of(deviance=deviance)
        for row in rows:
            row["window_start"] = (date.fromisoformat(row["window_start"]) + timedelta(days=later)).isoformat()
        details = json.loads(json.dumps(some_details(all=rows) | {"turns_before": before}))
        group = scorecard_file.monthly(details, ["all"], model="eb")["monthly"]["groups"][0]
        turns = turns_after(
            from_rows(details["scorecard_windows"]), forecast={"all": "eb"}, turns=scorecard_file.turns_of(before)
        )
        details["turns"] = scorecard_file.turns_told(turns)
        told.append((group["standing"], group["since"]))

    assert told == [
        ("switched_off", "2026-11-01"),
        ("switched_off", "2026-11-01"),
        ("switched_off", "2026-11-01"),
        ("in_use", "2027-02-01"),
        ("in_use", "2027-02-01"),
    ]


def test_only_published_groups_are_told_each_with_the_model_that_forecasts_it():
    details = some_details(all=windows_of(), theft=windows_of(model="stacked"), robbery=windows_of())
    details["served"]["theft"]["model"] = "stacked"

    told = scorecard_file.monthly(details, ["all", "theft"], model="eb")["monthly"]["groups"]

    assert [(group["offence_group"], group["model"], len(group["windows"])) for group in told] == [
        ("all", "eb", 12),
        ("theft", "stacked", 12),
    ]


def test_a_group_without_windows_is_untested():
    details = some_details(all=windows_of()) | {"served": {"all": {}, "theft": {}}}

    group = scorecard_file.monthly(details, ["theft"], model="eb")["monthly"]["groups"][0]

    assert (group["standing"], group["since"], group["baseline"], group["windows"]) == ("untested", None, None, [])


def test_windows_are_half_open_and_as_long_as_the_horizon():
    windows = monthly(all=windows_of())["groups"][0]["windows"]

    days = [date.fromisoformat(one["to"]) - date.fromisoformat(one["from"]) for one in windows]

    assert days == [timedelta(days=HORIZON_DAYS)] * 12
    assert [one["to"] for one in windows[:-1]] == [one["from"] for one in windows[1:]]


@pytest.mark.parametrize("is_kept", [True, False])
def test_publication_puts_the_months_beside_the_means(is_kept):
    details = some_details(all=windows_of()) | {"scorecard": []}
    if not is_kept:
        del details[scorecard_file.WINDOWS]
    run = ScoreRun(
        run_id="r",
        territory="toy",
        as_of=date(2026, 11, 1),
        model="eb",
        version="1",
        deliveries=(),
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
        details=details,
    )

    card = publication._public_scorecard(run, ["all"])

    assert card["models"] == []
    assert ("monthly" in card) is is_kept


def test_the_data_format_page_names_every_field_of_the_months():
    page = (Path(__file__).parents[2] / "docs" / "data_format.md").read_text(encoding="utf-8")
    told = monthly(all=windows_of())
    group = told["groups"][0]

    named = {*told, *told["criterion"], *told["stop_rule"], *group, *group["windows"][0], *group["differences"]}
    named |= set(next(iter(group["differences"].values())))

    section = page[page.index("`monthly` (version") :].partition("\n## ")[0]
    assert {name for name in named if f"`{name}`" not in section} == {"long_run_mean", "same_month_last_year"}
