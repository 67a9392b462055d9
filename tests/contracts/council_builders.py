"""Accounts, sessions, council requests and audit lines for the contract tests, with sensible defaults."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from riskmap.audit_port import AuditEntry
from riskmap.comment_port import Comment, CommentState
from riskmap.council.request import Action, CouncilRequest, Filing, Place, advance, submit
from riskmap.ports import Account, Session, Store

NOON = datetime(2026, 10, 5, 12, 0, 0, 123456, tzinfo=UTC)
HASHES = ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$bmV3")
AWKWARD_TEXTS = [
    "Әріптері бар: ә, ғ, қ, ң, ө, ұ, ү, һ, і – «тырнақша» және “quotes”",
    "A family and a flag: 👨‍👩‍👧‍👦 🇰🇿, a sign beyond the first plane: 𐱅𐰇𐰼𐰜",
    "'; DROP TABLE council_request; -- \" ` \\ \\n %s %(x)s :name ? {} [] \u2028",
    "two\nlines\tand a tab",
    "5",
    "null",
    "x" * 2000,
    "🙂" * 2000,
]


def an_account(account_id: str = "a1", **changes: object) -> Account:
    plain = Account(
        account_id=account_id,
        login=f"login-{account_id}",
        password_hash=HASHES[0],
        language="kk",
        created_at=NOON,
    )
    return replace(plain, **changes)


def a_session(name: str = "t1", *, account_id: str = "a1", **changes: object) -> Session:
    plain = Session(
        token_sha256=name.ljust(64, "0"), account_id=account_id, language="ru", created_at=NOON, seen_at=NOON
    )
    return replace(plain, **changes)


def a_request(number: int = 1, *, territory: str = "town", account_id: str = "a1", **changes: object) -> CouncilRequest:
    place = Place(
        territory=territory,
        region_id=f"{territory}/north",
        area_id="north-1",
        cell_id="8720d2b1effffff",
        release_id=f"{territory}-2026-10-01",
        risk_class=4,
    )
    plain = submit(
        Filing(kind="lighting", grounds="The street is dark from the school to the stop.", landmark="School 5"),
        place,
        number=number,
        requester=account_id,
        entered_by=account_id,
        role="resident",
        at=NOON + timedelta(minutes=number),
        key=f"file-{territory}-{number}",
        is_simulated=False,
    )
    return replace(plain, **changes)


def a_comment(number: int = 1, *, territory: str = "town", request: int = 1, **changes: object) -> Comment:
    plain = Comment(
        territory=territory,
        request=request,
        number=number,
        account_id="a1",
        role="council_member",
        text="The pole leans, too.",
        said_at=NOON,
        key=f"say-{number}",
        state=CommentState.SHOWN,
    )
    return replace(plain, **changes)


def one_step_on(
    request: CouncilRequest, action: Action = Action.TAKE_UP, *, account_id: str = "a1", key: str = "", **given: str
) -> CouncilRequest:
    """The request after a step of the secretary; its only field is filled where none is given."""
    only_field = {
        Action.TAKE_UP: {"wording": "Жарық қажет – the street needs light"},
        Action.ASK: {"question": "Which side?"},
        Action.ANSWER: {"answer": "Both."},
    }
    return advance(
        request,
        action,
        given or only_field.get(action, {}),
        account_id=account_id,
        role="secretary",
        at=NOON + timedelta(hours=request.version, microseconds=request.number),
        key=key or f"{action}-{request.territory}-{request.number}-{request.version}",
    )


def an_audit_entry(position: int = 1, **changes: object) -> AuditEntry:
    plain = AuditEntry(
        position=position,
        at=NOON + timedelta(seconds=position),
        account_id="operator",
        action="grant",
        subject="account:a1",
        details={"role": "secretary"},
        previous_hash=f"{position - 1:064x}",
        entry_hash=f"{position:064x}",
    )
    return replace(plain, **changes)


def keep_accounts(store: Store, *account_ids: str) -> None:
    with store.work() as work:
        for account_id in account_ids:
            work.accounts.save(an_account(account_id))
        work.commit()


def keep_requests(store: Store, *requests: CouncilRequest) -> None:
    """Keep new requests of people whose accounts stand already."""
    with store.work() as work:
        for request in requests:
            work.requests.add(request)
        work.commit()
