import random

import polars as pl
import pytest

from geodata import official_totals
from geodata.errors import InvalidForm
from geodata.official_totals import by_group, difference_of_regions, read_form, region_named_in
from tests.form_builder import HEAD, LINES, write_form, write_workbook

NAMES = {
    "190000000": ("Алматы облысы", "Алматинская область"),
    "710000000": ("Астана қаласы", "город Астана"),
    "750000000": ("Алматы қаласы", "город Алматы"),
}
COUNTS = ["in_proceedings", "registered", "victims_women", "victims_minors"]


@pytest.fixture
def form(tmp_path):
    return read_form(write_form(tmp_path / "form.xlsx"), region_id="750000000", year=2023)


def lines_with(**changed):
    """The lines of the form, with the counts of some line numbers replaced."""
    return [(*line[:4], *changed.get(f"line_{line[3]}", line[4:])) for line in LINES]


def test_a_form_becomes_totals_by_article(form):
    articles = form.totals.filter(pl.col("kind") == "article")

    assert dict(articles.select("article", "registered").iter_rows()) == {
        "99": 5,
        "136": 5,
        "188": 80,
        "188-1": 4,
        "190": 24,
    }
    assert articles.filter(pl.col("article") == "188").select(COUNTS).row(0) == (90, 80, 30, 3)
    assert set(form.totals["region_id"]) == {"750000000"}
    assert set(form.totals["year"]) == {2023}
    assert (form.registered, form.difference, form.unknown_articles) == (120, 0, ())


def test_a_division_of_an_article_keeps_its_article_and_counts_in_no_sum(form):
    divided = form.totals.filter(pl.col("kind") == "of_which")

    assert divided.select("article", "registered").rows() == [("188", 20)]
    assert by_group(form.totals)["registered"].sum() == form.registered


def test_attempts_at_murder_count_beside_the_article_in_its_group(form):
    groups = dict(by_group(form.totals).select("offence_group", "registered").iter_rows())

    assert groups == {"homicide": 7, "minors": 5, "theft": 84, "fraud": 24}


def test_a_form_that_does_not_add_up_says_by_how_much(tmp_path):
    path = write_form(tmp_path / "form.xlsx", lines=lines_with(line_1=(150, 131, 9, 40, 6)))

    assert read_form(path, region_id="750000000", year=2023).difference == 11


def test_articles_the_table_does_not_know_are_kept_and_named(tmp_path):
    lines = [*LINES, (None, None, "Новая статья (ст.499) ", 14, 3, 0, 0, 0, 0)]

    found = read_form(write_form(tmp_path / "form.xlsx", lines=lines), region_id="750000000", year=2023)

    assert found.unknown_articles == ("499",)
    assert "unclassified" in by_group(found.totals)["offence_group"].to_list()


def test_columns_are_found_by_their_headings_wherever_they_stand(tmp_path, form):
    moved = [(*line[:4], "", *line[4:]) for line in LINES]
    head = [(*line[:4], *(("new column",) if number == 3 else (None,)), *line[4:]) for number, line in enumerate(HEAD)]

    found = read_form(write_form(tmp_path / "moved.xlsx", lines=moved, head=head), region_id="750000000", year=2023)

    assert found.totals.equals(form.totals)


@pytest.mark.parametrize(
    ("heading", "region"),
    [
        ("город Алматы", "750000000"),
        ("по городу Алматы за 12 месяцев", "750000000"),
        ("по Алматинской области", "190000000"),
        ("Алматы облысы бойынша", "190000000"),
        ("г. Астана и город Алматы, Алматинская область", "190000000"),
        ("Республика", None),
        ("", None),
    ],
)
def test_the_region_is_the_one_the_headings_name(tmp_path, heading, region):
    assert region_named_in(write_form(tmp_path / "form.xlsx", heading=heading), NAMES) == region


@pytest.mark.parametrize("count", [-1, 2.5, "many", 1e300])
def test_a_count_that_is_none_is_refused_with_its_row(tmp_path, count):
    lines = lines_with(line_10=(90, count, 5, 30, 3))

    with pytest.raises(InvalidForm, match=r"row 16: .* where a count is expected"):
        read_form(write_form(tmp_path / "form.xlsx", lines=lines), region_id="750000000", year=2023)


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"A": [("Раздел 2. Сведения о лицах",)]}, "none of the sheets A is headed"),
        ({"R1": [("Раздел 1. Сведения",), ("x", 1)]}, "no column headed Шифр строки"),
        ({"R1": [*HEAD[:3], ("А", None, None, "Шифр строки", "Иное"), (), *LINES]}, "находились в производстве"),
        ({"R1": [*HEAD, *LINES[1:4]]}, "no line of all offences"),
    ],
)
def test_a_workbook_that_is_no_such_form_is_refused_with_what_was_found(tmp_path, sheets, said):
    with pytest.raises(InvalidForm, match=said):
        read_form(write_workbook(tmp_path / "form.xlsx", sheets), region_id="750000000", year=2023)


def test_what_is_no_workbook_or_is_not_there_is_refused(tmp_path):
    text, absent = tmp_path / "form.xlsx", tmp_path / "absent.xlsx"
    text.write_text("a,b\n1,2\n")

    for path in (text, absent, tmp_path):
        with pytest.raises(InvalidForm, match="cannot be read as a workbook"):
            read_form(path, region_id="750000000", year=2023)


def test_a_workbook_that_unpacks_into_too_much_is_refused_unread(tmp_path, monkeypatch):
    path = write_form(tmp_path / "form.xlsx")
    monkeypatch.setattr(official_totals, "_MOST_UNPACKED", 1_000)

    with pytest.raises(InvalidForm, match="what it unpacks into has"):
        read_form(path, region_id="750000000", year=2023)


def test_a_damaged_workbook_is_refused_or_read_but_never_breaks_the_program(tmp_path):
    whole, chance = write_form(tmp_path / "form.xlsx").read_bytes(), random.Random(4)
    damaged, refused = tmp_path / "damaged.xlsx", 0

    for _ in range(200):
        content = bytearray(whole[: chance.randrange(1, len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 30)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        damaged.write_bytes(content)
        try:
            read_form(damaged, region_id="750000000", year=2023)
        except InvalidForm:
            refused += 1

    assert refused > 100


def test_regions_that_do_not_sum_to_the_whole_are_listed_by_article(tmp_path):
    one = write_form(tmp_path / "one.xlsx")
    whole = write_form(
        tmp_path / "whole.xlsx", lines=lines_with(line_1=(300, 241, 18, 80, 12), line_10=(180, 161, 10, 60, 6))
    )
    parts = [read_form(one, region_id=code, year=2023).totals for code in ("1", "2")]
    totals = pl.concat([*parts, read_form(whole, region_id="land", year=2023).totals])

    found = difference_of_regions(totals, whole_id="land", region_ids=["1", "2"])

    differences = {row["article"]: (row["whole"], row["regions"]) for row in found.to_dicts()}
    assert differences[None] == (241, 240)
    assert differences["188"] == (161, 160)
    assert differences["190"] == (24, 48)


def test_regions_are_not_compared_with_the_whole_while_one_is_missing(tmp_path):
    path = write_form(tmp_path / "one.xlsx")
    totals = pl.concat([read_form(path, region_id=code, year=2023).totals for code in ("land", "1")])

    assert difference_of_regions(totals, whole_id="land", region_ids=["1"]).is_empty()
    assert difference_of_regions(totals, whole_id="land", region_ids=["1", "2"]).is_empty()


@pytest.mark.parametrize(
    ("file", "city", "registered", "in_proceedings"),
    [
        ("kz_form_1m_2023_almaty.xlsx", "Almaty", 34_891, 39_928),
        ("kz_form_1m_2023_astana.xlsx", "Astana", 17_144, 20_313),
    ],
)
def test_the_official_forms_agree_with_the_collected_table_line_by_line(
    shared_data, file, city, registered, in_proceedings
):
    found = read_form(shared_data / "raw" / file, region_id="750000000", year=2023)
    collected = pl.read_csv(shared_data / "kz" / "form_1m_2023_almaty_astana_shymkent.csv", infer_schema=False)
    same_city = collected.filter(pl.col("city") == city).with_columns(
        pl.col("row_code", *COUNTS).cast(pl.Int64), line=pl.col("row_code").cast(pl.Int64)
    )
    both = found.totals.join(same_city, on="line", suffix="_collected")
    articles = found.totals.filter(pl.col("kind") == "article")["article"]

    assert both.height == found.totals.height == 393
    assert all(both[name].equals(both[f"{name}_collected"].rename(name)) for name in COUNTS)
    assert set(articles) == set(same_city["article"].drop_nulls()) - {"000", "001"}
    assert articles.len() == 377
    total = found.totals.filter(pl.col("kind") == "total")
    assert total.select("in_proceedings", "registered").row(0) == (in_proceedings, registered)
    assert (found.difference, found.unknown_articles) == (0, ())
