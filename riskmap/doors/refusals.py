"""What a door can refuse by itself; refusals of the use cases are in `riskmap.errors`."""

from riskmap.errors import ExitStatus, RiskMapError


class CrossSite(RiskMapError, PermissionError):
    """The form was sent by a page of another site."""

    exit_status = ExitStatus.REFUSED


class ForeignForm(RiskMapError, PermissionError):
    """The form does not carry the token of this session."""

    exit_status = ExitStatus.REFUSED


class BodyTooLarge(RiskMapError, ValueError):
    """More was sent than a form may hold."""

    exit_status = ExitStatus.BAD_INPUT


class FileTooLarge(BodyTooLarge):
    """More was sent than a form with a file may hold."""


class UnreadableForm(RiskMapError, ValueError):
    """What was sent is no form of ours."""

    exit_status = ExitStatus.BAD_INPUT


class UnknownPage(RiskMapError, LookupError):
    """There is no such page."""

    exit_status = ExitStatus.NOTHING_THERE
