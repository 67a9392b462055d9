"""What people change about their own account: the password, and whether a code is asked for beside it.

Nobody else's account can be reached from here: the account is the one behind the session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from riskmap.errors import FieldFault, SessionEnded, UnfitAccount, UnfitFields
from riskmap.identity import accounts, audit, second_factor, sessions
from riskmap.identity.access import Actor, Grant
from riskmap.identity.second_factor import Enrolment
from riskmap.ports import Account, Store, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a person sees of their own account. ``has_password`` is False where a provider alone opens it."""

    login: str
    grants: tuple[Grant, ...]
    has_password: bool
    is_password_given: bool
    has_codes: bool
    recovery_codes_left: int


def overview(store: Store, actor: Actor) -> Overview:
    """The actor's own account; roles that wait for codes are told too."""
    with store.look() as look:
        account = look.accounts.find(actor.account_id)
        if account is None:
            _gone()
        return Overview(
            login=account.login,
            grants=look.accounts.grants_of(actor.account_id),
            has_password=account.password_hash != accounts.NO_PASSWORD,
            is_password_given=account.is_password_given,
            has_codes=second_factor.is_on(look.second_factors.find(actor.account_id)),
            recovery_codes_left=look.second_factors.recovery_codes_left(actor.account_id),
        )


def change_password(store: Store, actor: Actor, *, old: str, new: str, again: str, language: str, at: datetime) -> str:
    """Give oneself a new password: every session ends, and the token of a new one is returned.

    Raises
    ------
    UnfitFields
        If the old password is not the right one, which counts like a sign-in that fails, or the new one does not fit.
    SessionEnded
        If the account is gone or closed.
    """
    faults = _faults_of_new(actor.login, old=old, new=new, again=again)
    account = _require_password(store, actor, old, at=at, field="old_password", faults=faults)
    password_hash = accounts.hash_password(new)
    with store.work() as work:
        found = _unchanged(work, account)
        work.sessions.end_all(found.account_id, at=at)
        changed = replace(found, password_hash=password_hash, is_password_given=False, failures=0, rests_until=None)
        work.accounts.save(changed)
        _record(work, found, "password_changed", {}, at=at)
        token = sessions.admit(work, changed, language, at=at)
        work.commit()
    return token


def begin_codes(store: Store, actor: Actor, key: bytes, *, at: datetime) -> Enrolment:
    """Make a secret for the actor's app; it counts once a code of it was right.

    Raises
    ------
    UnfitAccount
        If codes are asked for already, or the account has no password beside which to ask.
    """
    with store.work() as work:
        account = _own(work, actor)
        if account.password_hash == accounts.NO_PASSWORD:
            raise UnfitAccount(
                "The account has no password; expected one beside which a code is asked for. The provider people sign "
                "in with asks for codes of its own."
            )
        _require_off(work, actor)
        second_factor.begin(work, key, actor.account_id, at=at)
        told = _enrolment(work, key, account)
        work.commit()
    return told


def begun_codes(store: Store, actor: Actor, key: bytes) -> Enrolment | None:
    """What the app was told before its first code; None where nothing is under way."""
    with store.look() as look:
        factor = look.second_factors.find(actor.account_id)
    if factor is None or second_factor.is_on(factor):
        return None
    return second_factor.enrolment(factor, key, actor.login)


def confirm_codes(store: Store, actor: Actor, key: bytes, code: str, *, at: datetime) -> tuple[str, ...]:
    """Ask for codes from now on; returns the recovery codes, which are told this once.

    Raises
    ------
    UnfitFields
        If the code does not fit.
    UnfitAccount
        If codes are asked for already.
    """
    with store.work() as work:
        account = _own(work, actor)
        _require_off(work, actor)
        factor = work.second_factors.find(actor.account_id)
        if not second_factor.take(work, key, factor, code, at=at):
            raise UnfitFields((FieldFault(field="code", fault="wrong_code"),))
        recovery = second_factor.renew_recovery_codes(work, actor.account_id)
        _record(work, account, "codes_on", {}, at=at)
        work.commit()
    return recovery


def stop_codes(store: Store, actor: Actor, key: bytes, *, password: str, code: str, at: datetime) -> None:
    """Ask for codes no more; needs the password and a code, and each wrong one counts like a sign-in that fails.

    Raises
    ------
    UnfitFields
        If one of them is wrong.
    """
    account = _require_password(store, actor, password, at=at, field="password")
    with store.work() as work:
        found = _unchanged(work, account)
        factor = work.second_factors.find(found.account_id)
        is_right = second_factor.take(work, key, factor, code, at=at)
        if is_right:
            work.second_factors.remove(found.account_id)
            _record(work, found, "codes_off", {}, at=at)
        else:
            sessions.turn_away(work, found, "wrong_code", at=at)
        work.commit()
    if not is_right:
        raise UnfitFields((FieldFault(field="code", fault="wrong_code"),))


def _require_password(
    store: Store, actor: Actor, password: str, *, at: datetime, field: str, faults: tuple[FieldFault, ...] = ()
) -> Account:
    """The account, once the password was right; a wrong one, or one that rests, is a fault of the field."""
    with store.look() as look:
        account = look.accounts.find(actor.account_id)
    if account is None:
        _gone()
    is_right = accounts.verify(account.password_hash, password)
    with store.work() as work:
        found = _unchanged(work, account)
        reason = sessions.reason_against(found, is_right=is_right, at=at)
        if reason is not None:
            sessions.turn_away(work, found, reason, at=at)
            work.commit()
            faults = (FieldFault(field=field, fault="rests" if reason == "resting" else "wrong_password"), *faults)
    if faults:
        raise UnfitFields(faults)
    return account


def _faults_of_new(login: str, *, old: str, new: str, again: str) -> tuple[FieldFault, ...]:
    faults = [FieldFault(field="new_password", fault=fault, limit=limit) for fault, limit in _of_new(login, old, new)]
    if new != again:
        faults.append(FieldFault(field="password_again", fault="not_the_same"))
    return tuple(faults)


def _of_new(login: str, old: str, new: str) -> list[tuple[str, int]]:
    if not accounts.LEAST_PASSWORD <= accounts.length_of(new) <= accounts.MOST_PASSWORD:
        return [("password_length", accounts.LEAST_PASSWORD)]
    if new == old:
        return [("same_password", 0)]
    return [("password_is_login", 0)] if accounts.is_login(new, login) else []


def _own(work: UnitOfWork, actor: Actor) -> Account:
    account = work.accounts.find(actor.account_id)
    if account is None:
        _gone()
    return account


def _unchanged(work: UnitOfWork, account: Account) -> Account:
    """The account as it is now, if its password is still the one that was compared."""
    found = work.accounts.find(account.account_id)
    if found is None or found.password_hash != account.password_hash or found.disabled_at is not None:
        _gone()
    return found


def _require_off(work: UnitOfWork, actor: Actor) -> None:
    if second_factor.is_on(work.second_factors.find(actor.account_id)):
        raise UnfitAccount(
            "Codes are asked for already; expected them to be off. Switch them off first, to begin anew."
        )


def _enrolment(work: UnitOfWork, key: bytes, account: Account) -> Enrolment:
    factor = work.second_factors.find(account.account_id)
    told = second_factor.enrolment(factor, key, account.login) if factor else None
    if told is None:
        raise UnfitAccount("The secret just made cannot be read; expected the installation's key. Restore it.")
    return told


def _record(work: UnitOfWork, account: Account, action: str, details: Mapping[str, Any], *, at: datetime) -> None:
    subject = accounts.subject_of(account)
    audit.record(work, account_id=account.account_id, action=action, subject=subject, details=details, at=at)


def _gone() -> NoReturn:
    raise SessionEnded("The account was closed or changed meanwhile; expected the one signed in. Sign in again.")
