import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import criminal_code, kazakhstan
from geodata.criminal_code import HARM_BASES, SEVERITIES, SEVERITY_BASES, ZONES_OF_THE_CODE, article_of, articles
from geodata.intake import examine
from geodata.offences import CODES, MAPPABLE_CODES, group_of
from tests.builders import a_delivery_frame, a_source, some_rules

LOOK_ALIKES = str.maketrans("асеорхукмт", "aceopxykmt")
SPELLINGS = (
    "{a}",
    "ст.{a}",
    "ст. {a} УК РК",
    "Статья {a}",
    "СТ {a}",
    "{a}-бап",
    "ҚР ҚК {a}-бабы",
    "{a} - бап",
    "art. {a}",
)
SPELLINGS_OF_PARTS = (
    "ст.{a} ч.{p}",
    "ст. {a} ч. {p} п. 2",
    "ст.{a}, ч.{p}, п.1,3 УК РК",
    "ч.{p} ст.{a}",
    "п. «б» ч. {p} ст. {a} УК РК",
    "статья {a} часть {p} пункт 2",
    "{a}-бап {p}-бөлік",
    "{a}-бап {p}-болик",
    "ҚР ҚК {a}-бабының {p}-бөлігі",
    "{a}-бап, {p}-бөлігінің 2) тармағы",
    "article {a} part {p}",
    "ст.24 ч.3, ст.{a} ч.{p}",
    "24-бап 3-бөлік, {a}-бап {p}-бөлік",
)
NOT_OF_ONE_CLASS: frozenset[str] = frozenset()
"""Articles whose one class in the registrations of 2023 the table does not hold: none today."""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_article_has_one_row_for_all_its_parts_and_parts_keep_its_group():
    whole = {article: row for (article, part), row in articles().items() if not part}
    delivered = rows(Path(criminal_code.__file__).parent / "tables" / "offences_kz.csv")

    assert len(whole) == 379
    assert len(delivered) == len(articles())  # no article with its part stands twice
    assert len({row.crime_code for row in whole.values()}) == len(whole)
    assert {row.offence_group for row in whole.values()} <= CODES
    assert all(row.offence_group == whole[article].offence_group for (article, _), row in articles().items())


def test_what_the_table_knows_names_its_basis_and_what_it_does_not_know_is_empty():
    for row in articles().values():
        assert row.severity is None or row.severity in SEVERITIES
        assert (row.severity is None) == (row.severity_basis is None)
        assert (row.harm_days is None) == (row.harm_basis is None)
        assert {row.severity_basis, row.harm_basis} - {None} <= SEVERITY_BASES.keys() | HARM_BASES.keys()
        assert row.severity_basis != "memory" or (not row.is_certain and row.harm_days is None)
        assert row.source


def test_a_named_part_never_weighs_less_than_the_first_one():
    named = [(article, part, row.harm_days) for (article, part), row in articles().items() if part and row.harm_days]
    first = {article: days for article, part, days in named if part == "1"}

    assert len(named) > 70
    assert all(days >= first[article] for article, _, days in named if article in first)


@pytest.mark.parametrize(
    ("article", "group"),
    [
        ("99", "homicide"),
        ("106", "assault"),
        ("107", "assault"),
        ("108-1", "domestic"),
        ("109-1", "domestic"),
        ("110", "domestic"),
        ("120", "sexual"),
        ("122", "minors"),
        ("124", "minors"),
        ("174", "hate"),
        ("187", "theft"),
        ("188", "theft"),
        ("188-1", "theft"),
        ("190", "fraud"),
        ("191", "robbery"),
        ("192", "robbery"),
        ("200", "vehicle_theft"),
        ("202", "criminal_damage"),
        ("287", "weapons"),
        ("293", "hooliganism"),
        ("296", "drugs"),
        ("303", "drugs"),
        ("345", "other"),
        ("380", "public_order_found"),
    ],
)
def test_main_articles_fall_into_their_group(article, group):
    assert articles()[article, ""].offence_group == group


def test_nothing_of_the_chapters_on_persons_but_violence_between_adults_may_stand_on_the_map():
    on_the_map = {
        article
        for (article, part), row in articles().items()
        if not part and row.offence_group in MAPPABLE_CODES and int(article.partition("-")[0]) < 187
    }

    assert on_the_map == {"106", "107", "108", "109", "111", "112", "113"}


def test_every_article_of_the_official_list_has_its_row_and_title(shared_data):
    official = rows(shared_data / "kz" / "uk_rk_articles_all_ru.csv")
    whole = {article: row for (article, part), row in articles().items() if not part}

    assert {row["article"] for row in official} == whole.keys() - {"108-1", "109-1"}
    for row in official:
        assert whole[row["article"]].crime_code == row["crime_code"]
        assert whole[row["article"]].title_ru == " ".join(row["title_ru"].split())


def test_every_part_whose_severity_was_collected_has_its_row(shared_data):
    for row in rows(shared_data / "kz" / "uk_rk_key_articles.csv"):
        assert articles()[row["article"], row["part"]].severity == SEVERITIES[int(row["hard_code"])]


def test_registrations_of_2023_by_group_sum_to_the_total_of_each_city(shared_data):
    form = pl.read_csv(shared_data / "kz" / "form_1m_2023_almaty_astana_shymkent.csv", infer_schema=False)
    counted = form.with_columns(pl.col("registered").cast(pl.Int64))

    by_group = (
        counted.join(criminal_code.group_by_article(), on="article")
        .group_by("city", "offence_group")
        .agg(pl.col("registered").sum())
    )

    # Preparing and attempting a murder stand on a line of their own, beside article 99.
    attempts = counted.filter(pl.col("indicator_ru") == "приготовление и покушение на убийство")
    totals = dict(counted.filter(pl.col("row_code") == "1").select("city", "registered").iter_rows())
    found = pl.concat([by_group.select("city", "registered"), attempts.select("city", "registered")])
    assert (
        dict(found.group_by("city").sum().iter_rows())
        == totals
        == {
            "Almaty": 34891,
            "Astana": 17144,
            "Shymkent": 9791,
        }
    )


def test_severity_agrees_with_the_registrations_of_2023_where_they_have_one_class(shared_data):
    seen: dict[str, set[str]] = {}
    for row in rows(shared_data / "kz" / "form_1m_2023_severity_by_article.csv"):
        seen.setdefault(row["article"], set()).add(SEVERITIES[int(row["hard_code"])])
    of_one_class = {article: classes for article, classes in seen.items() if len(classes) == 1}

    known: dict[str, set[str | None]] = {}
    for (article, _), row in articles().items():
        known.setdefault(article, set()).add(row.severity)

    assert len(of_one_class) == 97
    assert {article for article, classes in of_one_class.items() if not classes <= known[article]} == NOT_OF_ONE_CLASS


@given(st.sampled_from(sorted(articles())), st.sampled_from(SPELLINGS), st.booleans())
def test_an_article_is_found_however_it_is_spelled(row, spelling, looks_alike):
    code = spelling.format(a=row[0])

    found = article_of(code.translate(LOOK_ALIKES) if looks_alike else code)

    assert found == articles()[row[0], ""]


@given(
    st.sampled_from([row for row in sorted(articles()) if row[1]]),
    st.sampled_from(SPELLINGS_OF_PARTS),
    st.sampled_from("-‑–—"),
    st.booleans(),
)
def test_a_part_is_found_however_it_is_spelled(row, spelling, dash, looks_alike):
    code = spelling.format(a=row[0], p=row[1]).replace("-", dash)

    found = article_of(code.translate(LOOK_ALIKES) if looks_alike else code.upper())

    assert found == articles()[row]


@given(st.sampled_from([row for row in articles().values() if not row.part]))
def test_the_four_digits_of_the_official_service_name_the_whole_article(row):
    assert article_of(row.crime_code) == article_of(f"{row.crime_code}.0") == row


def test_of_an_unlisted_part_only_the_group_is_told():
    found = article_of("ст.188 ч.9")

    assert (found.article, found.part, found.offence_group) == ("188", "9", "theft")
    assert (found.severity, found.harm_days, found.is_certain) == (None, None, False)


@pytest.mark.parametrize(
    "code",
    [
        "500",
        "ст. 500",
        "12",
        "0486",
        "990",
        "10000",
        "24",
        "ст.24 ч.3",
        "188-3",
        "188/3",
        "188.1",
        "188 3",
        "188 ч. 0",
        "188 ч. 99",
        "ч.3",
        "п.3 ст.188",
        "ст.188 ч.3, ст.202 ч.1",
        "188-бап, 202-бап",
        "ст. 158 ч. 1 УК РФ",
        "ст. 434 КоАП",
        "188 ч.3, 5 лет",
        "IUCR 1310",
        "-",
        "ст.",
        "ст. 188 п. " + "1," * 200 + "1",
        "",
    ],
)
def test_what_names_no_article_or_several_is_not_guessed(code):
    assert article_of(code) is None
    assert group_of(pl.Series([code])).to_list() == ["unclassified"]


@given(st.text(alphabet="0123456789 .,-–()«»стчпбапбөлікарт", max_size=60))
def test_any_text_names_an_article_of_the_table_or_nothing(text):
    found = article_of(text)

    assert found is None or (found.article, "") in articles()


def test_official_titles_are_recognised_beside_names():
    found = group_of(pl.Series(["Развращение малолетних", "Қарақшылық", "СКОТОКРАДСТВО", "Побои"]))

    # The same title stood for article 109 and stands for 109-1; the table of names knows beatings as assault.
    assert found.to_list() == ["minors", "robbery", "theft", "assault"]


def test_articles_are_looked_for_only_in_deliveries_from_kazakhstan():
    batch = a_delivery_frame(category=["ст.188 ч.3", "1310", "THEFT", "ст. 999"])
    here, elsewhere = (
        examine(batch, a_source(batch), some_rules(zone=zone)).accepted["offence_group"]
        for zone in ("Asia/Almaty", "America/Chicago")
    )

    assert here.to_list() == ["theft", "other", "theft", "unclassified"]
    assert elsewhere.to_list() == ["unclassified", "unclassified", "theft", "unclassified"]


def test_unknown_codes_are_kept_and_counted():
    batch = a_delivery_frame(category=["ст. 999", "ст. 999", "ст.188"])

    examined = examine(batch, a_source(batch), some_rules())

    assert examined.unknown_categories == {"ст. 999": 2}
    assert Counter(examined.accepted["offence_code"]) == {"ст. 999": 2, "ст.188": 1}


def test_the_zones_of_the_code_are_those_of_the_country():
    assert set(kazakhstan.zone_history()["zone"]) == ZONES_OF_THE_CODE
