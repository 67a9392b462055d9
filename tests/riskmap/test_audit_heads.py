"""Heads of the audit log beside the journals, one a day, and a log that retention shortened."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from riskmap import journal
from riskmap.assembly import in_memory_store
from riskmap.council import journal_desk
from riskmap.errors import BrokenAudit, DamagedRelease
from riskmap.identity import audit
from tests.riskmap.test_audit import changed_text, edited

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path):
    made = in_memory_store(tmp_path / "data")
    yield made
    made.close()


def write(store, count, *, at=NOW):
    with store.work() as work:
        for number in range(count):
            subject = f"request toy-{number}"
            audit.record(work, account_id="a-1", action="support", subject=subject, details={"n": number}, at=at)
        work.commit()


def lines(store):
    with store.look() as look:
        return tuple(look.audit.entries())


def told(root):
    return [(one.day.day, one.lines) for one in journal.read_heads(root / journal.HEADS)]


def as_heads(found):
    return [{"position": one.lines, "hash": one.hash} for one in found]


def checked(store, root):
    with store.look() as look:
        return audit.check_whole(look, as_heads(journal.read_heads(root / journal.HEADS)))


def cut_off(store, *, after):
    """What somebody does who may write the database file: the triggers are no obstacle."""
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER audit_entry_keeps_on_delete"))
        connection.execute(sa.text("DELETE FROM audit_entry WHERE position > :after"), {"after": after})


# ---- One line a day ----


def test_each_change_of_a_journal_moves_the_line_of_its_day_and_no_other(store, tmp_path):
    for day, count in ((0, 2), (0, 3), (1, 1), (3, 4)):
        write(store, count, at=NOW + day * DAY)
        journal_desk.publish(store, tmp_path, "toy", at=NOW + day * DAY)

    assert told(tmp_path) == [(20, 5), (21, 6), (23, 10)]
    assert checked(store, tmp_path)["position"] == 10


def test_a_journal_without_anything_new_in_the_log_leaves_the_file_as_it_is(store, tmp_path):
    write(store, 2)
    journal_desk.publish(store, tmp_path, "toy", at=NOW)
    before = (tmp_path / journal.HEADS).read_bytes()

    journal_desk.publish(store, tmp_path, "another", at=NOW + DAY)

    assert (tmp_path / journal.HEADS).read_bytes() == before


def test_an_empty_log_has_no_head_to_publish(store, tmp_path):
    journal_desk.publish(store, tmp_path, "toy", at=NOW)

    assert not (tmp_path / journal.HEADS).exists()
    assert journal.read_heads(tmp_path / journal.HEADS) == ()


def test_a_clock_that_was_put_back_writes_no_earlier_day(store, tmp_path):
    for at in (NOW, NOW - 5 * DAY):
        write(store, 1, at=at)
        journal_desk.publish(store, tmp_path, "toy", at=at)

    assert told(tmp_path) == [(20, 2)]


def test_a_tail_that_was_cut_off_is_found_though_the_log_grew_past_its_head_on_the_same_day(store, tmp_path):
    write(store, 7)
    journal_desk.publish(store, tmp_path, "toy", at=NOW)
    cut_off(store, after=4)
    write(store, 6)

    journal_desk.publish(store, tmp_path, "toy", at=NOW)

    assert told(tmp_path) == [(20, 7), (20, 10)], "the earlier head stays beside the new one"
    with pytest.raises(BrokenAudit, match=r"^Line 7 of the audit log is not the one"):
        checked(store, tmp_path)


def test_a_shorter_log_never_takes_a_head_back(store, tmp_path):
    write(store, 7)
    journal_desk.publish(store, tmp_path, "toy", at=NOW)
    cut_off(store, after=3)

    journal_desk.publish(store, tmp_path, "toy", at=NOW + DAY)

    assert told(tmp_path) == [(20, 7)]
    with pytest.raises(BrokenAudit, match=r"ends at line 3; .* after line 7"):
        checked(store, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "day,lines\n",
        "day,lines,hash\n2026-11-20,5\n",
        "day,lines,hash\nno day,5," + "a" * 64 + "\n",
        "day,lines,hash\n2026-11-20,5,xyz\n",
        "жол\n",
    ],
)
def test_a_file_that_is_no_list_of_heads_is_told_and_does_not_stop_the_council(store, tmp_path, content, caplog):
    (tmp_path / journal.HEADS).write_text(content)
    write(store, 1)

    journal_id = journal_desk.publish(store, tmp_path, "toy", at=NOW)

    assert journal.latest(tmp_path, "toy").journal_id == journal_id
    assert "check-audit" in caplog.text
    with pytest.raises(DamagedRelease, match="Restore the journals"):
        journal.read_heads(tmp_path / journal.HEADS)


# ---- Whatever is done to the rows ----


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Sixty lines over six days, and the heads that the journals told on each."""
    root = tmp_path_factory.mktemp("published")
    store = in_memory_store(root / "data")
    rng = random.Random(11)
    for day in range(6):
        write(store, rng.randrange(6, 15), at=NOW + day * DAY)
        journal_desk.publish(store, root, "toy", at=NOW + day * DAY)
    found = lines(store), as_heads(journal.read_heads(root / journal.HEADS))
    store.close()
    return found


def numbered(entries):
    return [replace(entry, position=position) for position, entry in enumerate(entries, start=1)]


def tampered(log, rng):
    """The log after one edit, deletion, swap or truncation; the positions of the rest may be made to fit."""
    kind = rng.choice(("edit", "delete", "swap", "truncate"))
    at = rng.randrange(len(log))
    if kind == "edit":
        return [*log[:at], edited_row(log[at], rng), *log[at + 1 :]]
    if kind == "delete":
        rest = [*log[:at], *log[at + 1 :]]
        return numbered(rest) if rng.random() < 0.5 else rest
    if kind == "swap":
        other = rng.choice([one for one in range(len(log)) if one != at])
        swapped = list(log)
        swapped[at], swapped[other] = swapped[other], swapped[at]
        return numbered(swapped) if rng.random() < 0.5 else swapped
    return list(log[:at])


def edited_row(entry, rng):
    if rng.random() < 0.3:  # with a hash that fits the changed line
        changed = replace(entry, subject=changed_text(entry.subject, rng))
        return replace(changed, entry_hash=audit._hash(changed))
    return edited(entry, rng)


@pytest.mark.parametrize("seed", range(100))
def test_a_random_edit_deletion_swap_or_truncation_is_found(published, seed):
    log, heads = published

    with pytest.raises(BrokenAudit):
        audit.check(tampered(log, random.Random(seed)), heads)


def test_the_untouched_log_is_whole(published):
    log, heads = published

    assert audit.check(log, heads)["position"] == len(log)


# ---- Shortened by retention ----


def shortened(store, *, before, at=NOW + 400 * DAY):
    with store.work() as work:
        removed = audit.shorten(work, before, account_id="operator", at=at)
        work.commit()
    return removed


@pytest.fixture
def old_log(store, tmp_path):
    for day in (0, 100, 200):
        write(store, 5, at=NOW + day * DAY)
        journal_desk.publish(store, tmp_path, "toy", at=NOW + day * DAY)
    return store


def test_a_shortened_log_begins_after_its_anchor_and_leads_through_the_heads_that_are_left(old_log, tmp_path):
    assert shortened(old_log, before=NOW + 150 * DAY) == 10

    kept = lines(old_log)
    assert [entry.position for entry in kept] == [11, 12, 13, 14, 15, 16]
    assert (kept[-1].action, kept[-1].details["until"]) == (audit.SHORTENED, 10)
    assert kept[-1].details["hash"] == kept[0].previous_hash
    assert checked(old_log, tmp_path)["position"] == 16


def test_shortening_again_moves_the_anchor_on_and_with_nothing_due_changes_nothing(old_log, tmp_path):
    shortened(old_log, before=NOW + 50 * DAY)
    assert shortened(old_log, before=NOW + 50 * DAY) == 0

    assert shortened(old_log, before=NOW + 150 * DAY) == 5

    assert lines(old_log)[0].position == 11
    assert checked(old_log, tmp_path)["position"] == 17


def test_a_log_of_old_lines_alone_leaves_its_anchor(old_log, tmp_path):
    assert shortened(old_log, before=NOW + 300 * DAY) == 15

    (anchor,) = lines(old_log)
    assert (anchor.position, anchor.details["until"]) == (16, 15)
    assert checked(old_log, tmp_path)["position"] == 16


def test_lines_are_removed_behind_an_anchor_alone(old_log):
    with old_log.work() as work, pytest.raises(sa.exc.IntegrityError, match="append-only"):
        work.audit.remove_until(3)
    shortened(old_log, before=NOW + 50 * DAY)

    with old_log.work() as work, pytest.raises(sa.exc.IntegrityError, match="append-only"):
        work.audit.remove_until(6)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_done_to_a_shortened_log_is_found_too(old_log, tmp_path, seed):
    rng = random.Random(seed)
    shortened(old_log, before=NOW + 150 * DAY)
    log, heads = lines(old_log), as_heads(journal.read_heads(tmp_path / journal.HEADS))
    anchor = log[-1].details
    assert audit.check(log, heads, anchor=anchor)["position"] == 16

    at = rng.randrange(len(log) - 1)
    changed = {
        0: [*log[:at], edited_row(log[at], rng), *log[at + 1 :]],
        1: [*log[:at], *log[at + 1 :]],
        2: list(log[: at + 1]),
    }[seed % 3]
    with pytest.raises(BrokenAudit):
        audit.check(changed, heads, anchor=anchor)


def test_a_log_cut_at_its_beginning_without_an_anchor_is_found(old_log):
    with pytest.raises(BrokenAudit, match="Line 1 of the audit log is missing"):
        audit.check(lines(old_log)[5:])


@pytest.mark.parametrize("anchor", [{}, {"until": 0, "hash": "0" * 64}, {"until": True, "hash": "x"}, {"until": 5}])
def test_an_anchor_that_names_no_line_is_refused(old_log, anchor):
    with pytest.raises(BrokenAudit):
        audit.check(lines(old_log)[5:], anchor=anchor)


def test_a_day_of_a_head_is_a_civil_day(store, tmp_path):
    write(store, 1)
    late = datetime(2026, 11, 20, 20, 30, tzinfo=UTC)

    journal_desk.publish(store, tmp_path, "toy", at=late)

    assert journal.read_heads(tmp_path / journal.HEADS)[0].day == date(2026, 11, 21)
