"""The council's journal on disk: written whole, read checked, damaged ones refused."""

import json
from datetime import date

import pytest

from riskmap import journal, release
from riskmap.errors import DamagedRelease
from riskmap.journal import PublicRequest, PublicStep

HEAD = {"position": 3, "hash": "ab" * 32}


def a_public_request(**given) -> PublicRequest:
    told = {
        "number": 1,
        "kind": "lighting",
        "state": "in_triage",
        "is_open": True,
        "cell_id": "892db0d9a0bffff",
        "area_id": "d1",
        "release_id": "2026-11-01-00000000",
        "risk_class": 4,
        "submitted_on": date(2026, 11, 1),
        "changed_on": date(2026, 11, 2),
        "supporters": 2,
        "wording": "Мектеп жанындағы өткел қараңғы.",
        "merged_into": None,
        "is_simulated": False,
        "steps": (
            PublicStep(action="submit", state="submitted", on=date(2026, 11, 1)),
            PublicStep(action="take_up", state="in_triage", on=date(2026, 11, 2), fields={"wording": "Өткел"}),
        ),
    }
    return PublicRequest(**{**told, **given})


def write(root, *requests, as_of=date(2026, 11, 2), head=HEAD):
    return journal.write(root, "toy", requests, as_of=as_of, is_simulated=False, audit_head=head)


def test_what_is_written_is_read_again(tmp_path):
    requests = (a_public_request(), a_public_request(number=2, wording=None, merged_into=1))

    journal_id = write(tmp_path, *requests)

    read = journal.latest(tmp_path, "toy")
    assert (read.journal_id, read.as_of, read.audit_head) == (journal_id, date(2026, 11, 2), HEAD)
    assert read.requests == requests
    assert (read.find(2), read.find(3)) == (requests[1], None)


def test_a_council_that_published_nothing_has_no_journal(tmp_path):
    assert journal.latest(tmp_path, "toy") is None
    assert journal.latest(tmp_path / "nowhere", "../toy") is None


def test_the_same_requests_written_again_change_nothing(tmp_path):
    first = write(tmp_path, a_public_request())
    files = sorted(path.name for path in (tmp_path / "toy").iterdir())

    second = write(tmp_path, a_public_request(), head={"position": 9, "hash": "cd" * 32})

    assert first == second
    assert sorted(path.name for path in (tmp_path / "toy").iterdir()) == files


def test_words_taken_back_are_gone_after_a_few_more_journals(tmp_path):
    write(tmp_path, a_public_request(wording="a name by mistake"))
    for supporters in range(journal.KEPT):
        write(tmp_path, a_public_request(supporters=supporters))

    left = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.json"))

    assert "a name by mistake" not in left
    assert len(list((tmp_path / "toy").glob("2*"))) == journal.KEPT


@pytest.mark.parametrize("name", ["requests.json", "manifest.json"])
def test_a_changed_journal_is_refused(tmp_path, name):
    journal_id = write(tmp_path, a_public_request())
    file = tmp_path / "toy" / journal_id / name
    file.write_text(file.read_text(encoding="utf-8").replace("lighting", "camera").replace('"toy"', '"tox"'))

    with pytest.raises(DamagedRelease):
        journal.latest(tmp_path, "toy")


def test_a_release_of_another_kind_is_no_journal(tmp_path):
    manifest = {"format": release.FORMAT, "territory": "toy", "as_of": "2026-11-02", "is_simulated": False}
    release.write(tmp_path, manifest, {journal.REQUESTS: json.dumps({"requests": []}).encode()})

    with pytest.raises(DamagedRelease, match="is no journal"):
        journal.latest(tmp_path, "toy")
