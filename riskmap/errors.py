"""Errors of the service. Each leaf also says how a command that meets it ends.

A message says what was found, what was expected and what to do next. The exit statuses are kept stable, so that
scripts can rely on them; errors of `geodata` and `models` are about what was given and end as `ExitStatus.BAD_INPUT`.
"""

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


class RiskMapError(Exception):
    """Head of the package's errors."""

    exit_status: ClassVar[ExitStatus] = ExitStatus.UNEXPECTED


class InvalidSetting(RiskMapError, ValueError):
    """A setting of the environment cannot be used."""

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


class NoRelease(RiskMapError, LookupError):
    """The territory has no release, or not this one."""

    exit_status = ExitStatus.NOTHING_THERE


class NotReleasable(RiskMapError, ValueError):
    """The publication gate refused."""

    exit_status = ExitStatus.REFUSED


class DamagedRelease(RiskMapError, ValueError):
    """A release's files differ from its manifest."""

    exit_status = ExitStatus.DAMAGED


class DamagedStore(RiskMapError, ValueError):
    """Stored files are missing or changed, or the database is not one."""

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
