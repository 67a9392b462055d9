"""The list of persons with access and of purposes that the law asks for, as CSV, DOCX or PDF.

Who holds which role where, since when, and when they last signed in. A person stands there by the login: the program
knows no names.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from riskmap import kept_kinds
from riskmap.council.request import civil_day
from riskmap.documents.description import Block, Document, Heading, Paragraph, SignatureLine, Table, said
from riskmap.identity import accounts, audit
from riskmap.identity.access import Actor, Grant
from riskmap.kept_kinds import KeptKind
from riskmap.ports import Store
from riskmap.public.council_export import BYTE_ORDER_MARK, harmless
from riskmap.records.purposes import PURPOSES
from riskmap.settings import KeptFor
from riskmap.wording import Wording

PERSONS = ("login", "role", "region", "since", "last_sign_in", "state")
"""Ends of the catalogue keys ``access_list.column.*``."""
PURPOSE_COLUMNS = ("purpose", "data", "basis", "roles", "term")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One role of one account; ``last_sign_in`` is None where the audit log holds none."""

    login: str
    account_id: str
    grant: Grant
    since: datetime
    last_sign_in: datetime | None
    is_closed: bool
    is_simulated: bool


def collect(store: Store, actor: Actor, *, at: datetime) -> list[Access]:
    """Every role that somebody holds, by login, region and role; that it was read is kept in the audit log.

    Raises
    ------
    NotAllowed
        If the actor manages accounts nowhere.
    """
    listed = accounts.listing(store, actor)
    with store.look() as look:
        seen = {entry.subject: entry.at for entry in look.audit.entries() if entry.action == "signed_in"}
        found = [
            Access(
                login=account.login,
                account_id=account.account_id,
                grant=given,
                since=since,
                last_sign_in=seen.get(accounts.subject_of(account)),
                is_closed=account.disabled_at is not None,
                is_simulated=account.is_simulated,
            )
            for account, grants in listed
            for given, since in look.accounts.granted(account.account_id)
            if given in grants
        ]
    audit.note(
        store,
        account_id=actor.account_id,
        action="access_list",
        subject="accounts",
        details={"roles": len(found)},
        at=at,
    )
    return found


def persons(found: Iterable[Access], words: Wording) -> list[tuple[str, ...]]:
    """Rows of `PERSONS` in words."""
    return [
        (
            one.login,
            words.text(f"account.role.{one.grant.role}"),
            one.grant.region_id,
            words.date(civil_day(one.since)),
            words.date(civil_day(one.last_sign_in)) if one.last_sign_in else words.text("access_list.never"),
            _state(one, words),
        )
        for one in found
    ]


def purposes(kept: KeptFor, words: Wording) -> list[tuple[str, ...]]:
    """Rows of `PURPOSE_COLUMNS` in words."""
    terms = {one.kind: one for one in kept_kinds.table(kept)}
    return [
        (
            words.text(f"purpose.{one.code}"),
            words.text(f"purpose.data.{one.code}"),
            words.text(f"purpose.basis.{one.basis}"),
            ", ".join(words.text(f"account.role.{role}") for role in one.roles),
            _term(terms[one.kind], words),
        )
        for one in PURPOSES
    ]


def head(columns: Sequence[str], words: Wording) -> tuple[str, ...]:
    """Names of columns in words."""
    return tuple(words.text(f"access_list.column.{name}") for name in columns)


def csv_bytes(columns: Sequence[str], rows: Iterable[tuple[str, ...]], words: Wording) -> bytes:
    """One of the two tables as CSV that no spreadsheet calculates."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    writer.writerow(head(columns, words))
    writer.writerows([harmless(text) for text in row] for row in rows)
    return out.getvalue().encode()


def describe(found: Sequence[Access], kept: KeptFor, words: Wording, *, at: datetime) -> Document:
    """Both tables as a document to sign."""
    day = civil_day(at)
    title = words.text("access_list.title")
    blocks: list[Block] = [
        Heading(text=title, level=0),
        Paragraph(text=said(words.text("access_list.as_of", date=day), is_strong=True)),
        Paragraph(text=said(words.text("access_list.how"))),
        Heading(text=words.text("access_list.persons")),
        _table(PERSONS, persons(found, words), words, shares=(16, 20, 20, 15, 15, 14)),
        Heading(text=words.text("access_list.purposes")),
        _table(PURPOSE_COLUMNS, purposes(kept, words), words, shares=(24, 26, 20, 18, 12)),
        SignatureLine(role=words.text("access_list.signed")),
    ]
    is_simulated = bool(found) and all(one.is_simulated for one in found)
    return Document(
        title=title,
        language=words.language,
        made_on=day,
        blocks=tuple(blocks),
        banner=words.text("simulated.banner") if is_simulated else None,
        footer=title,
    )


def _table(
    columns: Sequence[str], rows: Iterable[tuple[str, ...]], words: Wording, *, shares: tuple[int, ...]
) -> Table:
    return Table(head=head(columns, words), rows=tuple(tuple(map(said, row)) for row in rows), shares=shares)


def _state(one: Access, words: Wording) -> str:
    state = words.text("access_list.closed" if one.is_closed else "access_list.open")
    return f"{state}, {words.text('access_list.simulated')}" if one.is_simulated else state


def _term(one: KeptKind, words: Wording) -> str:
    if one.days is not None:
        return words.text("retention.days", n=one.days)
    return words.text("retention.kept" if one.years is None else "retention.years", n=one.years or 0)
