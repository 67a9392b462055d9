"""Refusals and faults as pages: one table from error class to status and sentence, and what was written is kept."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from riskmap.council import casework
from riskmap.doors import carrying, form_files
from riskmap.doors.form_body import MOST_BYTES
from riskmap.doors.refusals import BodyTooLarge, CrossSite, FileTooLarge, ForeignForm, UnknownPage, UnreadableForm
from riskmap.doors.visit import Visit
from riskmap.errors import (
    CannotWrite,
    ChangedMeanwhile,
    DamagedRelease,
    DamagedStore,
    NoRelease,
    NotAllowed,
    OutsideCouncil,
    RiskMapError,
    SessionEnded,
    StepNotPossible,
    StoreBusy,
    TooManyAsks,
    UnfitFields,
    UnknownDelivery,
    UnknownFilter,
    UnknownPhoto,
    UnknownPlace,
    UnknownRequest,
    UnknownReview,
    UnknownSignal,
    UnknownTerritoryName,
    WrongSchema,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status of a refusal and the key of its sentence. ``may_send_again`` offers the same form once more."""

    status: HTTPStatus
    key: str
    may_send_again: bool = False


ANSWERS: Mapping[type[Exception], Answer] = {
    UnreadableForm: Answer(status=HTTPStatus.BAD_REQUEST, key="error.unreadable_form"),
    SessionEnded: Answer(status=HTTPStatus.UNAUTHORIZED, key="account.session_ended"),
    NotAllowed: Answer(status=HTTPStatus.FORBIDDEN, key="error.not_allowed"),
    CrossSite: Answer(status=HTTPStatus.FORBIDDEN, key="error.cross_site"),
    ForeignForm: Answer(status=HTTPStatus.FORBIDDEN, key="error.foreign_form", may_send_again=True),
    UnknownPlace: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_reviewed_place"),
    UnknownReview: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_review"),
    UnknownSignal: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_mark"),
    UnknownPhoto: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_photo"),
    UnknownRequest: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_request"),
    UnknownPage: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_page"),
    UnknownFilter: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_page"),
    UnknownDelivery: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_delivery"),
    UnknownTerritoryName: Answer(status=HTTPStatus.NOT_FOUND, key="error.unknown_page"),
    NoRelease: Answer(status=HTTPStatus.NOT_FOUND, key="error.no_council"),
    ChangedMeanwhile: Answer(status=HTTPStatus.CONFLICT, key="error.changed_meanwhile"),
    StepNotPossible: Answer(status=HTTPStatus.CONFLICT, key="error.step_not_possible"),
    BodyTooLarge: Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, key="error.body_too_large"),
    FileTooLarge: Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, key="error.file_too_large"),
    OutsideCouncil: Answer(status=HTTPStatus.UNPROCESSABLE_ENTITY, key="error.outside_council"),
    UnfitFields: Answer(status=HTTPStatus.UNPROCESSABLE_ENTITY, key="error.unfit_fields"),
    TooManyAsks: Answer(status=HTTPStatus.TOO_MANY_REQUESTS, key="error.too_many_forms", may_send_again=True),
    StoreBusy: Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, key="error.store_busy", may_send_again=True),
    CannotWrite: Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, key="error.store_closed", may_send_again=True),
    WrongSchema: Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, key="error.store_closed", may_send_again=True),
    DamagedStore: Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, key="error.store_closed", may_send_again=True),
    DamagedRelease: Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, key="error.damaged_release"),
}
"""Every refusal a handler lets through. What is not here is a fault of the program."""
OWN_REQUEST = "error.not_allowed_own"
SIGNS_THAT_FIT = MOST_BYTES // 6
"""A Cyrillic letter takes six bytes of a form."""


STAFF_HOMES = {
    "/steward": "steward.title",
    "/release-desk": "desk.title",
    "/marks": "signal.staff.title",
    "/photos": "photo.desk.title",
    "/review": "hotspots.title",
    "/place-reviews": "place_review.staff.title",
}
"""Where whoever signed in goes back to, with the key of its name."""


def refusal(visit: Visit, error: Exception) -> Response:
    """The page that says what was refused and what to do next. Refusals of access go into the audit log."""
    answer = ANSWERS.get(type(error))
    if answer is None:
        return _fault(visit, error)
    if answer.status is HTTPStatus.SERVICE_UNAVAILABLE:
        logger.error("The council's pages cannot be served: %s", error)
    sentence = visit.text(answer.key, n=SIGNS_THAT_FIT)
    if isinstance(error, NotAllowed):
        _note(visit, error)
        sentence = visit.text(OWN_REQUEST if error.is_own else answer.key)
    # Another site must not get a page of ours that sends its text with one press.
    may_send_again = answer.may_send_again and visit.is_from_here
    return problem(visit, sentence, answer.status, may_send_again=may_send_again)


def problem(visit: Visit, sentence: str, status: HTTPStatus, *, may_send_again: bool = False) -> Response:
    """A page with one sentence, what the person had written, and where to go on."""
    carried = carrying.of_visit(visit)
    return visit.show(
        "problem.html",
        title=visit.text("error.title"),
        status=status,
        path=_way_back(visit)[0][1],
        sentence=sentence,
        written=form_files.and_files(visit, carried.written(visit.words) if carried else []),
        carried=carried if may_send_again and visit.signed_in else None,
        links=_way_back(visit),
    )


def _fault(visit: Visit, error: Exception) -> Response:
    reference = secrets.token_hex(4)
    logger.error("A page of the council failed, reference %s", reference, exc_info=error)
    sentence = visit.text("error.internal", reference=reference)
    return problem(visit, sentence, HTTPStatus.INTERNAL_SERVER_ERROR, may_send_again=visit.is_from_here)


def _note(visit: Visit, error: NotAllowed) -> None:
    try:
        account_id = visit.actor.account_id
        casework.note_refusal(visit.office, error, account_id=account_id, subject=visit.subject, at=visit.at)
    except RiskMapError:
        logger.exception("A refusal could not be written into the audit log")


def _way_back(visit: Visit) -> list[tuple[str, str]]:
    """Label and path of the pages to go on to, nearest first."""
    links = [(visit.text("nav.council"), "/council"), (visit.text("error.home"), "/")]
    for home, key in STAFF_HOMES.items():
        if visit.path.startswith(home) and visit.signed_in:
            return [(visit.text(key), home), *links]
    if visit.path.startswith("/mark"):
        return [(visit.text("signal.button"), "/mark"), *links]
    try:
        territory = visit.release.territory if "territory" in visit.asked else None
    except (NoRelease, DamagedRelease):
        territory = None
    if territory and visit.path.startswith("/review-of-place"):
        return [(visit.text("place_review.list.title"), f"/review-of-place/{territory}"), *links]
    if territory and visit.signed_in:
        links.insert(0, (visit.text("nav.casework"), f"/casework/{territory}"))
    return links
