"""Errors of the service. Each leaf also says how a command that meets it ends.

A message says what was found, what was expected and what to do next. The exit statuses are kept stable, so that
scripts can rely on them; errors of `geodata` and `models` are about what was given and end as `ExitStatus.BAD_INPUT`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """How a command ended."""

    DONE = 0
    UNEXPECTED = 1
    """A fault of the program itself; the log has the details."""
    BAD_INPUT = 2
    """The file, option or setting does not fit; also what a misspelt command line ends with."""
    CANNOT_WRITE = 3
    """No permission, no space, or a place that is not a folder."""
    REFUSED = 4
    """The publication gate said no."""
    BUSY = 5
    """A lock or a port is held by another process; try again later."""
    NOTHING_THERE = 6
    """What is asked for has not been made yet."""
    WRONG_SCHEMA = 7
    """The database is of another version: migrate, or install the newer program."""
    DAMAGED = 8
    """Stored files are missing or changed: restore them from a backup."""
    UNREACHABLE = 9
    """A service of others does not answer; what was fetched is kept, try again later."""


class RiskMapError(Exception):
    """Head of the package's errors."""

    exit_status: ClassVar[ExitStatus] = ExitStatus.UNEXPECTED


class InvalidSetting(RiskMapError, ValueError):
    """A setting of the environment cannot be used."""

    exit_status = ExitStatus.BAD_INPUT


class UnusableBaseMap(RiskMapError, ValueError):
    """The file of the base map is missing, damaged or of another kind; the map is shown without it."""

    exit_status = ExitStatus.BAD_INPUT


class InvalidOptions(RiskMapError, ValueError):
    """A command's options contradict each other, or one is missing."""

    exit_status = ExitStatus.BAD_INPUT


class InvalidAsOf(RiskMapError, ValueError):
    """The as-of date lies outside what the delivered incidents can support."""

    exit_status = ExitStatus.BAD_INPUT


class TerritoryDoesNotFit(RiskMapError, ValueError):
    """Most of a delivery's points lie outside the territory it was delivered to."""

    exit_status = ExitStatus.BAD_INPUT


class UnknownCategories(RiskMapError, ValueError):
    """Not one category of a delivery is known."""

    exit_status = ExitStatus.BAD_INPUT


class UnknownTerritoryName(RiskMapError, LookupError):
    """No territory of this name is on the shelf."""

    exit_status = ExitStatus.NOTHING_THERE


class NothingToScore(RiskMapError, LookupError):
    """The territory has no incident that could be scored."""

    exit_status = ExitStatus.NOTHING_THERE


class TooLittleToScore(NothingToScore, LookupError):
    """There are incidents, but too few of them, or of too few days, to tell a number from."""


class NoRelease(RiskMapError, LookupError):
    """The territory has no release, or not this one."""

    exit_status = ExitStatus.NOTHING_THERE


class WithdrawnRelease(NoRelease, LookupError):
    """The release was taken back; what it told may not be looked up any more."""


class NothingToWithdraw(RiskMapError, LookupError):
    """No standing release tells what is to be taken back."""

    exit_status = ExitStatus.NOTHING_THERE


class NotPublished(RiskMapError, ValueError):
    """A question to the API that nothing published answers; keeps what was asked and what could be."""

    exit_status = ExitStatus.BAD_INPUT

    def __init__(self, name: str, found: str, expected: str) -> None:
        super().__init__(f"{name}={found[:60]!r} is not published; expected {expected}.")
        self.name, self.found, self.expected = name, found[:60], expected


class NotReleasable(RiskMapError, ValueError):
    """The publication gate refused."""

    exit_status = ExitStatus.REFUSED


class NothingToCorrect(RiskMapError, LookupError):
    """No record of the year changed by so much that it may be told."""

    exit_status = ExitStatus.NOTHING_THERE


class ContradictoryCounts(RiskMapError, ValueError):
    """Published counts do not fit what they were counted from."""

    exit_status = ExitStatus.DAMAGED


class DamagedRelease(RiskMapError, ValueError):
    """A release's files differ from its manifest."""

    exit_status = ExitStatus.DAMAGED


class DamagedStore(RiskMapError, ValueError):
    """Stored files are missing or changed, or the database is not one."""

    exit_status = ExitStatus.DAMAGED


class NoModel(RiskMapError, LookupError):
    """No fitted model of this name, or of this territory and offence group, is kept."""

    exit_status = ExitStatus.NOTHING_THERE


class DamagedModel(RiskMapError, ValueError):
    """A fitted model is not the one that was kept, or cannot be read by this program."""

    exit_status = ExitStatus.DAMAGED


class CannotWrite(RiskMapError, OSError):
    """A file or folder cannot be written."""

    exit_status = ExitStatus.CANNOT_WRITE


class StoreBusy(RiskMapError, TimeoutError):
    """Another process holds the database or the territory for too long."""

    exit_status = ExitStatus.BUSY


class PortInUse(RiskMapError, OSError):
    """The port of the website is taken."""

    exit_status = ExitStatus.BUSY


class WrongSchema(RiskMapError, RuntimeError):
    """The database is missing, older or newer than this program."""

    exit_status = ExitStatus.WRONG_SCHEMA


class RowsDoNotAddUp(RiskMapError, ArithmeticError):
    """Rows read differ from accepted, duplicate and quarantined rows together: a fault of the program."""


class NotAllowed(RiskMapError, PermissionError):
    """No rule of access allows it. ``is_own`` says that the request is the actor's own."""

    exit_status = ExitStatus.REFUSED

    def __init__(self, message: str, *, permission: str, is_own: bool = False) -> None:
        super().__init__(message)
        self.permission, self.is_own = permission, is_own


class SignInRefused(RiskMapError, PermissionError):
    """Login and password do not open an account now; which of the two, or why, is not told."""

    exit_status = ExitStatus.REFUSED


class CodeNeeded(RiskMapError, PermissionError):
    """The password was right, and a code is asked for beside it. ``waiting`` is the token that brings it back."""

    exit_status = ExitStatus.REFUSED

    def __init__(self, waiting: str) -> None:
        super().__init__("The password is right; expected a code beside it. Send the newest one of the app.")
        self.waiting = waiting


class ProviderUnavailable(RiskMapError, ConnectionError):
    """The provider of sign-in does not answer, not as agreed, or cannot be asked as it was set up."""

    exit_status = ExitStatus.UNREACHABLE


class ProviderRefused(RiskMapError, PermissionError):
    """Somebody came back from the provider and is not let in.

    ``reason`` is a code for the audit log, ``check`` what a token failed at. ``code`` is what a person who is not
    linked to any account reads out to the administrator.
    """

    exit_status = ExitStatus.REFUSED

    def __init__(self, message: str, *, reason: str, check: str = "", code: str = "") -> None:
        super().__init__(message)
        self.reason, self.check, self.code = reason, check, code


class SessionEnded(RiskMapError, PermissionError):
    """There is no session, or it has ended."""

    exit_status = ExitStatus.REFUSED


class StepNotPossible(RiskMapError, ValueError):
    """A request cannot take this step from where it stands."""

    exit_status = ExitStatus.BAD_INPUT

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """What is wrong with one field; ``fault`` is the end of its catalogue key ``council.fault.*``."""

    field: str
    fault: str
    limit: int | None = None
    found: int | None = None


class UnfitFields(RiskMapError, ValueError):
    """Fields of a form are missing or do not fit."""

    exit_status = ExitStatus.BAD_INPUT

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.fault}" for fault in faults))
        self.faults = faults


class OutsideCouncil(RiskMapError, ValueError):
    """The place lies outside the council's region."""

    exit_status = ExitStatus.BAD_INPUT


class ChangedMeanwhile(RiskMapError, RuntimeError):
    """Somebody else has moved the request since it was read."""

    exit_status = ExitStatus.REFUSED


class UnknownRequest(RiskMapError, LookupError):
    """There is no request of this number."""

    exit_status = ExitStatus.NOTHING_THERE


class UnknownPlace(RiskMapError, LookupError):
    """The release tells of no such cell or area."""

    exit_status = ExitStatus.NOTHING_THERE


class UnknownReview(RiskMapError, LookupError):
    """There is no review of this number or receipt."""

    exit_status = ExitStatus.NOTHING_THERE


class TooManyAsks(RiskMapError, RuntimeError):
    """A place or territory was asked about too often within the last hour."""

    exit_status = ExitStatus.BUSY


class UnknownSignal(RiskMapError, LookupError):
    """No mark has this receipt, or none of this category waits at this place."""

    exit_status = ExitStatus.NOTHING_THERE


class UnknownPhoto(RiskMapError, LookupError):
    """No photo has this number, or its file is removed."""

    exit_status = ExitStatus.NOTHING_THERE


class UnknownAccount(RiskMapError, LookupError):
    """There is no account of this login."""

    exit_status = ExitStatus.NOTHING_THERE


class UnfitAccount(RiskMapError, ValueError):
    """A login, password, role or region of an account does not fit."""

    exit_status = ExitStatus.BAD_INPUT


class BrokenAudit(RiskMapError, ValueError):
    """The audit log is not the one that was written."""

    exit_status = ExitStatus.DAMAGED


class NoTotals(RiskMapError, LookupError):
    """No official totals have been loaded for the territory and year."""

    exit_status = ExitStatus.NOTHING_THERE


class UnknownDelivery(RiskMapError, LookupError):
    """There is no delivery of this id whose rows count."""

    exit_status = ExitStatus.NOTHING_THERE


class UnknownFilter(RiskMapError, LookupError):
    """A list is asked for by an offence group, period or district that it does not have."""

    exit_status = ExitStatus.NOTHING_THERE


class UnfitCorrections(RiskMapError, ValueError):
    """A table of corrected rows does not belong to the rows set aside; nothing of it was taken in.

    ``fault`` is the end of its catalogue key ``steward.unfit.*``, ``number`` a line or count that it names. No cell of
    the table is repeated: it may hold personal data.
    """

    exit_status = ExitStatus.BAD_INPUT

    def __init__(self, message: str, *, fault: str, number: int | None = None) -> None:
        super().__init__(message)
        self.fault, self.number = fault, number


class InvalidServiceAddress(RiskMapError, ValueError):
    """The address of a service cannot be asked; it is not repeated where it holds a password."""

    exit_status = ExitStatus.BAD_INPUT


class InvalidFetch(RiskMapError, ValueError):
    """A city, day or number of a fetch does not fit."""

    exit_status = ExitStatus.BAD_INPUT


class UnfitService(RiskMapError, ValueError):
    """A service answers, but not as what it was taken for: fields are missing, or it answers something else."""

    exit_status = ExitStatus.BAD_INPUT


class ServiceUnreachable(RiskMapError, ConnectionError):
    """A service does not answer, or not in full; what was fetched before is kept, and the next run goes on there."""

    exit_status = ExitStatus.UNREACHABLE


class MissingFont(RiskMapError, FileNotFoundError):
    """The font of documents and pictures has not been placed."""

    exit_status = ExitStatus.NOTHING_THERE


class InvalidNote(RiskMapError, ValueError):
    """A note's region, period or file cannot be used as asked."""

    exit_status = ExitStatus.BAD_INPUT


class NothingToTell(RiskMapError, LookupError):
    """The release publishes no count of the period a note is asked for."""

    exit_status = ExitStatus.NOTHING_THERE
