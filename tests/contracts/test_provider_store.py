"""What every store does with links to subjects of a provider, and with browsers on their way there and back."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from riskmap.ports import Store
from riskmap.provider_port import Identity, PendingSignIn
from tests.contracts.council_builders import AWKWARD_TEXTS, NOON, keep_accounts

LINK = Identity(issuer="https://id.example", subject="s-1", account_id="a1", linked_at=NOON)
PENDING = PendingSignIn(state_sha256="5" * 64, browser_sha256="b" * 64, wanted="/casework/town?x=1", created_at=NOON)


@pytest.fixture
def linked(store: Store) -> Store:
    keep_accounts(store, "a1", "a2")
    keep(store, LINK)
    return store


def keep(store: Store, *links: Identity) -> None:
    with store.work() as work:
        for one in links:
            work.identities.add(one)
        work.commit()


def test_a_link_comes_back_as_it_was_kept_by_issuer_and_subject_to_the_letter(linked: Store):
    with linked.look() as look:
        assert look.identities.find(LINK.issuer, "s-1") == LINK
        assert look.identities.find(LINK.issuer, "S-1") is None
        assert look.identities.find(f"{LINK.issuer}/", "s-1") is None
        assert look.identities.of_account("a1") == [LINK]
        assert look.identities.of_account("a2") == []


@pytest.mark.parametrize("subject", [text for text in AWKWARD_TEXTS if len(text) <= 255])
def test_a_subject_may_be_written_in_any_way(linked: Store, subject: str):
    keep(linked, replace(LINK, account_id="a2", subject=subject))

    with linked.look() as look:
        assert look.identities.find(LINK.issuer, subject).account_id == "a2"


@pytest.mark.parametrize(
    "changes",
    [{"account_id": "a2"}, {"subject": "s-2"}, {"issuer": "https://other.example", "account_id": "nobody"}],
    ids=["subject of two", "two subjects", "no account"],
)
def test_a_subject_opens_one_account_and_an_account_has_one_subject_of_an_issuer(linked: Store, changes: dict):
    with pytest.raises(sa.exc.IntegrityError), linked.work() as work:
        work.identities.add(replace(LINK, **changes))


def test_an_account_may_be_linked_at_several_issuers_and_all_go_together(linked: Store):
    keep(linked, replace(LINK, issuer="https://a.example"), replace(LINK, subject="s-2", account_id="a2"))

    with linked.work() as work:
        before = [one.issuer for one in work.identities.of_account("a1")]
        removed = (work.identities.remove("a1"), work.identities.remove("a1"))
        work.commit()

    assert before == ["https://a.example", "https://id.example"]
    assert removed == (2, 0)
    with linked.look() as look:
        assert look.identities.of_account("a1") == []
        assert len(look.identities.of_account("a2")) == 1


def test_a_browser_on_its_way_is_known_until_it_is_taken_or_too_old(store: Store):
    later = replace(PENDING, state_sha256="6" * 64, created_at=NOON + timedelta(minutes=1))
    with store.work() as work:
        work.pending_sign_ins.add(PENDING)
        work.pending_sign_ins.add(later)
        work.commit()

    with store.work() as work:
        assert work.pending_sign_ins.find(PENDING.state_sha256) == PENDING
        assert work.pending_sign_ins.remove_before(NOON) == 1
        assert work.pending_sign_ins.find(PENDING.state_sha256) is None
        work.pending_sign_ins.remove(later.state_sha256)
        work.pending_sign_ins.remove(later.state_sha256)
        work.commit()

    with store.look() as look:
        assert look.pending_sign_ins.find(later.state_sha256) is None
