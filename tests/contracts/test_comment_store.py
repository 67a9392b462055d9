"""What every store does with comments on requests."""

from dataclasses import replace

import pytest

from riskmap.comment_port import CommentState, HideReason
from riskmap.ports import Store
from tests.contracts.council_builders import AWKWARD_TEXTS, a_comment, a_request, keep_accounts


@pytest.fixture
def kept(store: Store) -> Store:
    keep_accounts(store, "a1")
    with store.work() as work:
        for number in (1, 2):
            work.requests.add(a_request(number))
        for comment in (a_comment(2, key="k2"), a_comment(1), a_comment(1, request=2, key="k3")):
            work.comments.add(comment)
        work.commit()
    return store


def test_comments_come_back_by_request_and_number(kept: Store):
    with kept.look() as look:
        assert [one.number for one in look.comments.of_request("town", 1)] == [1, 2]
        assert [(one.request, one.number) for one in look.comments.of_territory("town")] == [(1, 1), (1, 2), (2, 1)]
        assert look.comments.find("town", 1, 1) == a_comment(1)
        assert look.comments.find("town", 1, 3) is None
        assert look.comments.by_key("a1", "k3") == a_comment(1, request=2, key="k3")
        assert look.comments.of_territory("elsewhere") == []


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
def test_any_text_comes_back_unchanged(kept: Store, text: str):
    said = a_comment(3, text=text, key="k4", is_simulated=True)
    with kept.work() as work:
        work.comments.add(said)
        work.commit()

    with kept.look() as look:
        assert look.comments.find("town", 1, 3) == said


def test_state_and_reason_change_and_what_was_said_does_not(kept: Store):
    hidden = replace(a_comment(1), state=CommentState.HIDDEN, reason=HideReason.INSULT)
    with kept.work() as work:
        work.comments.save(replace(hidden, text="something else"))
        work.commit()

    with kept.look() as look:
        assert look.comments.find("town", 1, 1) == hidden


def test_words_about_some_requests_are_forgotten_and_counted(kept: Store):
    with kept.work() as work:
        assert work.comments.forget_words("elsewhere", [1, 2]) == 0
        assert work.comments.forget_words("town", []) == 0
        assert work.comments.forget_words("town", [1]) == 2
        work.commit()

    with kept.look() as look:
        assert [one.request for one in look.comments.of_territory("town")] == [2]
