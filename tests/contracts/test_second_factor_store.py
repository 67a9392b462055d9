"""What every store does with second factors, recovery codes and sign-ins that wait for a code."""

from dataclasses import replace
from datetime import timedelta

import pytest

from riskmap.ports import Store
from riskmap.second_factor_port import PendingCode, SecondFactor
from tests.contracts.council_builders import NOON, keep_accounts

FACTOR = SecondFactor(account_id="a1", sealed="sealed", begun_at=NOON)
PENDING = PendingCode(token_sha256="5" * 64, account_id="a1", created_at=NOON)


@pytest.fixture
def kept(store: Store) -> Store:
    keep_accounts(store, "a1", "a2")
    with store.work() as work:
        work.second_factors.save(FACTOR)
        work.second_factors.renew_recovery_codes("a1", ["1" * 64, "2" * 64])
        work.second_factors.add_pending(PENDING)
        work.commit()
    return store


def test_a_factor_comes_back_as_it_was_kept_and_is_saved_over_itself(kept: Store):
    confirmed = replace(FACTOR, confirmed_at=NOON, last_step=59_000_000)
    with kept.work() as work:
        at_first = work.second_factors.find("a1")
        work.second_factors.save(confirmed)
        work.commit()

    with kept.look() as look:
        assert (at_first, look.second_factors.find("a1")) == (FACTOR, confirmed)
        assert look.second_factors.find("a2") is None


def test_a_recovery_code_is_used_once_and_by_its_account_alone(kept: Store):
    with kept.work() as work:
        assert not work.second_factors.use_recovery_code("a2", "1" * 64)
        assert work.second_factors.use_recovery_code("a1", "1" * 64)
        assert not work.second_factors.use_recovery_code("a1", "1" * 64)
        assert work.second_factors.recovery_codes_left("a1") == 1
        work.second_factors.renew_recovery_codes("a1", ["3" * 64])
        assert not work.second_factors.use_recovery_code("a1", "2" * 64)


def test_a_waiting_sign_in_goes_by_itself_or_with_its_age(kept: Store):
    with kept.work() as work:
        assert work.second_factors.find_pending(PENDING.token_sha256) == PENDING
        assert work.second_factors.remove_pending_before(NOON - timedelta(seconds=1)) == 0
        assert work.second_factors.remove_pending_before(NOON) == 1
        assert work.second_factors.find_pending(PENDING.token_sha256) is None


def test_removing_a_factor_leaves_nothing_of_it(kept: Store):
    with kept.work() as work:
        assert work.second_factors.remove("a1")
        assert not work.second_factors.remove("a1")
        assert work.second_factors.recovery_codes_left("a1") == 0
        assert work.second_factors.find_pending(PENDING.token_sha256) is None
