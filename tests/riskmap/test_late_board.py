"""The public board of what is late: a body's only where a numbered document went to it."""

from datetime import date

import pytest

from riskmap import release, wording
from riskmap.journal import PublicClock
from riskmap.public import council
from tests import journal_builder
from tests.public_client import PublicClient
from tests.release_builder import a_release

BODY = "Жарық шаруашылығы"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("late")
    release.write(root / "releases", *a_release())
    clocks = {
        1: PublicClock(kind="legal", due_on=date(2020, 3, 2), body=BODY, is_extended=True, is_notice_late=True),
        2: PublicClock(kind="own", due_on=date(2020, 3, 3)),
        3: PublicClock(kind="promised", due_on=date(2090, 3, 3), body=BODY),
    }
    requests = [journal_builder.a_request(number, clock=clock) for number, clock in clocks.items()]
    journal_builder.write_journal(root / "journals", *requests, journal_builder.a_request(4))
    return root


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_what_is_late_stands_under_whoever_is_late(folders, language):
    client = PublicClient(releases=folders / "releases", journals=folders / "journals")

    told = client.get("/council/toy/late", lang=language)

    words = wording.in_language(language)
    assert told.status_code == 200
    assert told.text.index(words.text("council.late.of_council")) < told.text.index(BODY)
    assert [number for number in range(1, 5) if f"/council/toy/{number}?" in told.text] == [1, 2]
    assert words.text("council.late.notice_late") in told.text
    assert "<script" not in told.text.partition("<main")[2].partition("</main")[0]


def test_the_last_day_of_a_term_is_not_late_and_the_next_one_is(folders):
    found = council.open_council(folders / "releases", folders / "journals", "toy")
    words = wording.in_language("en")

    assert council.late(found, words, today=date(2020, 3, 2)) == []
    ((body, rows),) = council.late(found, words, today=date(2020, 3, 3))
    assert (body, [row.days for row in rows]) == (BODY, [1])
