"""The audit log: whatever is done to a line, to their order or to the whole of it is found."""

import random
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest

from riskmap.assembly import in_memory_store
from riskmap.audit_port import AuditEntry
from riskmap.errors import BrokenAudit, DamagedStore
from riskmap.identity import audit

NOW = datetime(2026, 11, 20, 9, 30, 15, 123456, tzinfo=UTC)
LINES = 40
EMPTY = {"position": 0, "hash": "0" * 64}


class Colour(StrEnum):
    RED = "red"


@pytest.fixture
def store(tmp_path):
    made = in_memory_store(tmp_path)
    yield made
    made.close()


def write(work, number, *, reason="wrong_password"):
    return audit.record(
        work,
        account_id=f"a-{number % 5:016x}",
        action=("signed_in", "role_granted", "refused")[number % 3],
        subject=f"account a-{number:016x}",
        details={"reason": reason, "number": number, "is_own": number % 2 == 0, "share": number / 7, "none": None},
        at=NOW + timedelta(seconds=number),
    )


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Lines as they are read back from a store."""
    store = in_memory_store(tmp_path_factory.mktemp("log"))
    with store.work() as work:
        for number in range(LINES):
            write(work, number)
        work.commit()
    with store.look() as look:
        lines = tuple(look.audit.entries())
    store.close()
    return lines


def head_at(log, position):
    return {"position": position, "hash": log[position - 1].entry_hash}


def changed_text(text, rng):
    """The text with one sign replaced by another."""
    at = rng.randrange(len(text))
    other = rng.choice([sign for sign in "0123456789abcdef" if sign != text[at]])
    return text[:at] + other + text[at + 1 :]


def changed_details(details, rng):
    name = rng.choice(sorted(details))
    kind = rng.randrange(3)
    if kind == 0:
        return {key: value for key, value in details.items() if key != name}
    if kind == 1:
        return {**details, name: "another"}
    return {**details, f"{name}_": 0}


def edited(entry, rng):
    """The line with one of its fields changed."""
    name = rng.choice([field.name for field in fields(AuditEntry)])
    value = getattr(entry, name)
    if name == "position":
        return replace(entry, position=value + rng.choice([-1, 1, 100]))
    if name == "at":
        return replace(entry, at=value + timedelta(microseconds=rng.choice([-1, 1, 3_600_000_000])))
    if name == "details":
        return replace(entry, details=changed_details(value, rng))
    return replace(entry, **{name: changed_text(value, rng)})


@pytest.mark.parametrize("seed", range(100))
def test_a_changed_field_is_found_at_its_line(log, seed):
    rng = random.Random(seed)
    at = rng.randrange(LINES)
    tampered = [*log[:at], edited(log[at], rng), *log[at + 1 :]]

    with pytest.raises(BrokenAudit, match=rf"^Line {at + 1} of the audit log"):
        audit.check(tampered)


@pytest.mark.parametrize("seed", range(30))
def test_a_changed_line_is_found_at_the_next_one_though_its_own_hash_was_made_to_fit(log, seed):
    at = random.Random(seed).randrange(LINES - 1)
    changed = replace(log[at], subject="account a-forged")
    fitting = replace(changed, entry_hash=audit._hash(changed))

    with pytest.raises(BrokenAudit, match=rf"^Line {at + 2} of the audit log does not follow the line before it"):
        audit.check([*log[:at], fitting, *log[at + 1 :]])


@pytest.mark.parametrize("seed", range(30))
def test_a_removed_line_is_found(log, seed):
    at = random.Random(seed).randrange(LINES - 1)

    with pytest.raises(BrokenAudit, match=rf"^Line {at + 1} of the audit log is missing: line {at + 2} stands"):
        audit.check([*log[:at], *log[at + 1 :]])


@pytest.mark.parametrize("seed", range(30))
def test_a_removed_line_is_found_though_the_rest_is_numbered_anew(log, seed):
    at = random.Random(seed).randrange(LINES - 1)
    rest = [replace(entry, position=entry.position - 1) for entry in log[at + 1 :]]

    with pytest.raises(BrokenAudit, match=rf"^Line {at + 1} of the audit log"):
        audit.check([*log[:at], *rest])


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("keeps_numbers", [True, False])
def test_two_lines_that_changed_places_are_found(log, seed, keeps_numbers):
    first, second = sorted(random.Random(seed).sample(range(LINES), 2))
    swapped = list(log)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    if keeps_numbers:
        swapped = [replace(entry, position=position) for position, entry in enumerate(swapped, start=1)]

    with pytest.raises(BrokenAudit, match=rf"^Line {first + 1} of the audit log"):
        audit.check(swapped)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("is_numbered_anew", [True, False])
def test_an_inserted_line_is_found(log, seed, is_numbered_anew):
    rng = random.Random(seed)
    at, copied = rng.randrange(LINES), rng.randrange(LINES)
    longer = [*log[:at], log[copied], *log[at:]]
    if is_numbered_anew:
        longer = [replace(entry, position=position) for position, entry in enumerate(longer, start=1)]

    with pytest.raises(BrokenAudit, match=r"^Line \d+ of the audit log"):
        audit.check(longer)


def test_a_log_cut_at_its_end_is_found_through_a_published_head(log):
    cut = log[:-3]

    assert audit.check(cut) == head_at(log, LINES - 3)
    with pytest.raises(BrokenAudit, match=f"ends at line {LINES - 3}; .* after line {LINES}"):
        audit.check(cut, [head_at(log, LINES)])


def test_a_log_that_was_emptied_is_found_through_a_published_head(log):
    with pytest.raises(BrokenAudit, match="ends at line 0"):
        audit.check([], [head_at(log, 1)])


@pytest.mark.parametrize("published_at", [1, 17, LINES])
def test_a_chain_written_anew_is_found_through_a_published_head(log, tmp_path, published_at):
    other = in_memory_store(tmp_path / "other")
    with other.work() as work:
        for number in range(LINES):
            write(work, number, reason="no_reason")
        forged = list(work.audit.entries())
    other.close()

    assert audit.check(forged)["position"] == LINES
    with pytest.raises(BrokenAudit, match=rf"^Line {published_at} of the audit log is not the one"):
        audit.check(forged, [head_at(log, published_at)])


def test_an_untouched_log_leads_through_all_its_published_heads(log):
    heads = [EMPTY, *(head_at(log, position) for position in (LINES, 1, 7, 7, 20))]

    assert audit.check(log, heads) == head_at(log, LINES)


def test_one_wrong_head_among_right_ones_of_the_same_line_is_found(log):
    with pytest.raises(BrokenAudit, match=r"^Line 7 "):
        audit.check(log, [head_at(log, 7), {"position": 7, "hash": "f" * 64}])


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"position": 1},
        {"position": "1", "hash": "0" * 64},
        {"position": -1, "hash": "0" * 64},
        {"position": True, "hash": "0" * 64},
        {"position": 1, "hash": None},
        {"position": 0, "hash": "f" * 64},
    ],
    ids=str,
)
def test_a_published_head_that_is_none_is_refused(log, head):
    with pytest.raises(BrokenAudit):
        audit.check(log, [head])


def test_an_empty_log_is_whole_and_says_so(store):
    with store.look() as look:
        assert audit.head(look) == EMPTY == audit.check(look.audit.entries(), [EMPTY])


def test_the_head_is_the_last_line(store):
    with store.work() as work:
        write(work, 1)
        last = write(work, 2)
        work.commit()

    with store.look() as look:
        assert audit.head(look) == {"position": 2, "hash": last.entry_hash}


def test_positions_count_from_one_and_hashes_lead_from_line_to_line(log):
    assert [entry.position for entry in log] == list(range(1, LINES + 1))
    assert [entry.previous_hash for entry in log] == ["0" * 64, *(entry.entry_hash for entry in log[:-1])]


def test_the_hash_is_the_one_anybody_can_work_out(store):
    with store.work() as work:
        entry = audit.record(
            work, account_id="a-1", action="әрекет", subject="account a-1", details={"b": 1, "a": "x"}, at=NOW
        )

    # printf '%s' '{"account_id":"a-1","action":"әрекет","at":"2026-11-20T09:30:15.123456+00:00",
    # "details":{"a":"x","b":1},"position":1,"previous_hash":"000…","subject":"account a-1"}' | sha256sum
    assert entry.entry_hash == "16d9194267b2211aaef2a246daec51a4b3187dbfd36addc4bc9575cba2826bdf"


def test_a_line_is_read_back_as_it_was_recorded(store):
    almaty = NOW.astimezone(timezone(timedelta(hours=5)))
    details = {"colour": Colour.RED, "pair": (1, 2), "share": 0.1, "none": None}
    with store.work() as work:
        recorded = audit.record(work, account_id="a-1", action="x", subject="y", details=details, at=almaty)
        work.commit()

    with store.look() as look:
        assert list(look.audit.entries()) == [recorded]
    assert recorded.at == NOW
    assert recorded.details == {"colour": "red", "pair": [1, 2], "share": 0.1, "none": None}


def test_a_line_goes_with_the_rest_of_its_transaction(store):
    with store.work() as work:
        write(work, 1)

    with store.look() as look:
        assert audit.head(look) == EMPTY


@pytest.mark.parametrize(
    "details",
    [{"text": "я" * 201}, {"list": ["word"] * 60}, {"nan": float("nan")}, {"thing": object()}],
    ids=["long", "long list", "no number", "no code"],
)
def test_what_a_person_wrote_and_what_is_no_code_stay_out(store, details):
    with store.work() as work:
        with pytest.raises((ValueError, TypeError)):
            audit.record(work, account_id="a-1", action="x", subject="y", details=details, at=NOW)

        assert work.audit.last() is None


def test_a_detail_of_two_hundred_signs_is_kept(store):
    with store.work() as work:
        entry = audit.record(work, account_id="a", action="x", subject="y", details={"code": "я" * 200}, at=NOW)

    assert entry.details == {"code": "я" * 200}


def test_a_moment_without_a_zone_is_refused(store):
    with store.work() as work, pytest.raises(ValueError, match="no time zone"):
        audit.record(work, account_id="a", action="x", subject="y", details={}, at=NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    "value", [None, 7, b"bytes", "\ud800", object()], ids=["none", "number", "bytes", "half", "thing"]
)
@pytest.mark.parametrize("name", ["account_id", "action", "subject", "details", "at"])
def test_a_value_no_line_can_have_is_found_and_not_stumbled_over(log, name, value):
    tampered = [*log[:4], replace(log[4], **{name: value}), *log[5:]]

    with pytest.raises(BrokenAudit, match=r"^Line 5 of the audit log was changed"):
        audit.check(tampered)


def test_a_line_the_store_cannot_read_breaks_the_log(log):
    def lines():
        yield from log[:4]
        raise ValueError("Couldn't parse datetime string")

    with pytest.raises(BrokenAudit, match="after line 4 cannot be read"):
        audit.check(lines())


def test_trouble_of_the_store_itself_is_not_taken_for_a_broken_log(log):
    def lines():
        yield from log[:4]
        raise DamagedStore("The database is not one.")

    with pytest.raises(DamagedStore):
        audit.check(lines())
