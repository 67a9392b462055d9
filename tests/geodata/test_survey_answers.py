"""Files of survey answers: what is taken, and what is refused with its reason."""

from datetime import date

import pytest

from geodata import survey_answers
from geodata.errors import InvalidSurvey, UnexpectedColumns
from geodata.survey_answers import SURVEY_ANSWERS

HEADER = "region_id,sex,year,question,share_percent,respondents"
SOUND = "750000000,f,2025,feels_unsafe_after_dark,45.7,812"
REGIONS = ("kazakhstan", "710000000", "750000000")


@pytest.fixture
def read(tmp_path):
    """Reads lines below a header."""

    def read(*lines, header=HEADER):
        path = tmp_path / "answers.csv"
        path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
        return survey_answers.read_survey(path, region_ids=REGIONS, source="Statistics", dated=date(2025, 12, 20))

    return read


def test_a_row_becomes_an_answer_with_its_source_and_day(read):
    found = read(SOUND)

    assert found.answers.columns == [column.name for column in SURVEY_ANSWERS.columns]
    assert found.answers.row(0) == (
        *("750000000", "f", 2025, "feels_unsafe_after_dark", 45.7, 812),
        *("Statistics", date(2025, 12, 20), False),
    )
    assert (found.refused, found.repeated) == ((), 0)


def test_columns_are_known_by_their_russian_names_and_shares_by_a_comma(read):
    found = read(
        "750000000;all;2025;feels_completely_safe;64,9;1500", header="код КАТО;пол;год;вопрос;доля;респондентов"
    )

    assert found.answers["share_percent"].to_list() == [64.9]


@pytest.mark.parametrize(
    ("line", "column", "found"),
    [
        ("999999999,f,2025,feels_unsafe_after_dark,45.7,812", "region_id", "999999999"),
        ("750000000,x,2025,feels_unsafe_after_dark,45.7,812", "sex", "x"),
        ("750000000,f,1999,feels_unsafe_after_dark,45.7,812", "year", "1999"),
        ("750000000,f,2026,feels_unsafe_after_dark,45.7,812", "year", "2026"),
        ("750000000,f,2025,likes_football,45.7,812", "question", "likes_football"),
        ("750000000,f,2025,feels_unsafe_after_dark,100.1,812", "share_percent", "100.1"),
        ("750000000,f,2025,feels_unsafe_after_dark,-1,812", "share_percent", "-1"),
        ("750000000,f,2025,feels_unsafe_after_dark,nan,812", "share_percent", "nan"),
        ("750000000,f,2025,feels_unsafe_after_dark,,812", "share_percent", ""),
        ("750000000,f,2025,feels_unsafe_after_dark,45.7,0", "respondents", "0"),
        ("750000000,f,2025,feels_unsafe_after_dark,45.7,8.5", "respondents", "8.5"),
        ("750000000,f,2025,feels_unsafe_after_dark,45.7", "ragged", None),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line_and_the_others_stay(read, line, column, found):
    taken = read(SOUND, line)

    (refused,) = taken.refused
    assert (refused.line, refused.column) == (3, column)
    assert found is None or refused.found == found
    assert refused.expected
    assert taken.answers.height == 1


def test_a_row_that_is_repeated_counts_once(read):
    found = read(SOUND, SOUND)

    assert (found.answers.height, found.repeated, found.refused) == (1, 1, ())


def test_rows_that_contradict_each_other_are_both_refused(read):
    other = "710000000,f,2025,feels_unsafe_after_dark,30,500"

    found = read(SOUND, SOUND.replace("45.7", "46"), other)

    assert [one.line for one in found.refused] == [2, 3]
    assert found.answers["region_id"].to_list() == ["710000000"]


def test_a_missing_column_is_named_with_those_that_were_found(read):
    with pytest.raises(UnexpectedColumns, match=r"no column respondents; found columns region_id, .* Expected"):
        read("750000000,f,2025,feels_unsafe_after_dark,45.7", header=HEADER.rpartition(",")[0])


def test_a_file_without_a_usable_row_says_what_was_wrong_with_the_first(read):
    with pytest.raises(InvalidSurvey, match=r"none of its 1 rows can be used\. Line 2, sex: found 'x'; expected f, m"):
        read("750000000,x,2025,feels_unsafe_after_dark,45.7,812")
