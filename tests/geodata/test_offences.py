import csv
from pathlib import Path

import polars as pl
import pytest

from geodata import criminal_code, offences
from geodata.offences import CODES, MAPPABLE_CODES, OFFENCE_GROUPS, group_of

TABLE = Path(offences.__file__).parent / "tables" / "offence_categories.csv"


def groups(*categories: str | None, mapping: dict[str, str] | None = None) -> list[str]:
    return group_of(pl.Series(categories, dtype=pl.String), mapping).to_list()


def test_only_offences_with_a_place_that_victims_report_and_that_point_at_nobody_are_mappable():
    assert {
        "theft",
        "vehicle_theft",
        "theft_from_vehicle",
        "burglary",
        "robbery",
        "assault",
        "hooliganism",
        "criminal_damage",
        "antisocial_behaviour",
        "unspecified",
    } == MAPPABLE_CODES


def test_there_are_twenty_one_groups_and_each_code_stands_once():
    assert len(OFFENCE_GROUPS) == len(CODES) == 21
    assert offences.ALL not in CODES


def test_categories_are_matched_without_case_spaces_and_hyphens():
    found = groups(" break  and\tENTER ", "anti-social-behaviour", "Anti social behaviour", "ГРАБЕЖ", "Грабёж")

    assert found == ["burglary", "antisocial_behaviour", "antisocial_behaviour", "robbery", "robbery"]


def test_an_unknown_and_an_empty_category_are_unclassified():
    assert groups("Moon landing", None, "") == ["unclassified"] * 3


def test_no_category_at_all_in_the_batch_is_unclassified():
    assert groups(None, None) == ["unclassified"] * 2
    assert groups() == []


def test_a_mapping_goes_before_the_table():
    assert groups("THEFT", "cat a", mapping={"theft": "fraud", "Cat A": "theft"}) == ["fraud", "theft"]


@pytest.mark.parametrize(
    ("category", "group"),
    [
        ("BATTERY", "assault"),
        ("ASSAULT", "assault"),
        ("DECEPTIVE PRACTICE", "fraud"),
        ("NARCOTICS", "drugs"),
        ("CONCEALED CARRY LICENSE VIOLATION", "weapons"),
        ("INTERFERENCE WITH PUBLIC OFFICER", "public_order_found"),
        ("OFFENSE INVOLVING CHILDREN", "minors"),
        ("CRIM SEXUAL ASSAULT", "sexual"),
        ("NON-CRIMINAL (SUBJECT SPECIFIED)", "other"),
        ("Theft from Vehicle", "theft_from_vehicle"),
        ("Auto Theft", "vehicle_theft"),
        ("Theft Over", "theft"),
        ("ұрлық", "theft"),
        ("тонау", "robbery"),
        ("қарақшылық шабуыл", "robbery"),
        ("бұзақылық", "hooliganism"),
        ("алаяқтық", "fraud"),
        ("кража", "theft"),
        ("разбой", "robbery"),
        ("мошенничество", "fraud"),
        ("изнасилование", "sexual"),
    ],
)
def test_known_categories_fall_into_their_group(category, group):
    assert groups(category) == [group]


@pytest.mark.parametrize("category", ["Offence Against a Person", "Violence and sexual offences", "Violent crime"])
def test_a_category_that_mixes_sensitive_offences_with_others_is_not_mappable(category):
    assert not set(groups(category)) & MAPPABLE_CODES


def test_each_row_of_the_table_names_a_known_group_and_its_source_and_no_category_stands_twice():
    rows = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))

    assert all(row["offence_group"] in CODES and row["source"] for row in rows)
    assert {row["is_certain"] for row in rows} == {"true", "false"}
    assert len(offences.category_table()) == len(rows)


def test_a_category_that_mixes_groups_says_that_it_is_uncertain():
    certain = {
        row["category"]: row["is_certain"] for row in csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())
    }

    assert {certain[name] for name in ("Vehicle crime", "Violent crime", "мелкое хищение", "побои")} == {"false"}
    assert {certain[name] for name in ("BURGLARY", "кража", "тонау")} == {"true"}


def test_official_titles_and_names_of_the_same_offence_agree():
    titles = criminal_code.titles()
    named = group_of(pl.Series(list(titles)), has_articles=False)

    shared = [(title, group, name) for (title, group), name in zip(titles.items(), named, strict=True)]
    told = [(title, group, name) for title, group, name in shared if name != "unclassified"]
    assert len(told) > 20
    assert [row for row in told if row[1] != row[2]] == []


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("2016-07-west-yorkshire-street.csv.gz", "Crime type"),
        ("2017-07-west-yorkshire-street.csv.gz", "Crime type"),
        ("vancouver_vpd_2020.csv.gz", "TYPE"),
        ("chicago_socrata_sample_2017_2018aug.csv.gz", "primary_type"),
        ("chicago_2022_slim_no_coords.csv.gz", "Primary Type"),
        ("toronto_mci_2018.csv.gz", "MCI"),
        ("stlouis_slmpd_cwe_2009_2019.csv.gz", "description"),
        ("stlouis_slmpd_cwe_2009_2019.csv.gz", "crimeCatName"),
        ("camden_2021_bng.csv", "type"),
    ],
)
def test_every_category_of_the_files_as_published_is_known(shared_data, file, column):
    found = pl.read_csv(shared_data / "raw" / file, columns=[column], infer_schema=False)[column].drop_nulls().unique()

    assert found.len() > 1
    assert "unclassified" not in group_of(found, has_articles=False).to_list()


def test_every_category_of_the_real_files_is_known(shared_data):
    for file in sorted((shared_data / "bench").glob("*.parquet")):
        found = pl.read_parquet(file, columns=["category"])["category"].cast(pl.String).drop_nulls().unique()

        assert "unclassified" not in group_of(found).to_list(), file.name
