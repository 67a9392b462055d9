"""Asking for a review of a place, without an account and without a script: the form, the receipt, the answer.

The pages know nobody: no session is read, and of whoever asks nothing is kept.
"""

from http import HTTPStatus

from starlette.responses import Response

from riskmap.council.request import FieldKind, civil_day
from riskmap.doors import form_fields
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import Visit
from riskmap.errors import FieldFault, TooManyAsks, UnfitFields, UnknownReview
from riskmap.journal import PublicReview
from riskmap.place_review import desk, places, rules
from riskmap.place_review.rules import Doubt, ReviewedPlace
from riskmap.public import explain, place_reviews
from riskmap.public.council_pages import APPEALS
from riskmap.public.place_reviews import ASK, ReviewWords

FORM_ID = "review"
LOOK_UP = "look-up"


def choose(visit: Visit) -> Response:
    """Which place: the areas, the way to the map, and a field for the number of a receipt."""
    return _choose(visit)


def look_up(visit: Visit) -> Response:
    """The review a receipt was given for, as everybody may read it."""
    release, given = visit.release, visit.form.get("receipt", "")
    try:
        found = desk.look_up(visit.review_office, release.territory, given)
    except UnknownReview:
        return _choose(visit, faults=(FieldFault(field="receipt", fault="unknown_receipt"),))
    # Told from the journal: whoever holds a receipt learns nothing that others do not.
    return _choose(visit, number=found.number)


def show(visit: Visit) -> Response:
    """The form for one place, and what is told of its review."""
    return _form(visit, places.locate(visit.release, visit.asked["place"]))


def send(visit: Visit) -> Response:
    """Take the ask in; the answer is the page with the receipt, for its number must stand in no address."""
    release, form = visit.release, visit.form
    place = places.locate(release, visit.asked["place"])
    told = form.get("doubt", ""), form.get("doubt_text", "")
    try:
        asked = desk.ask(visit.review_office, place, *told, key=key_of(form.get("key")), at=visit.at)
    except UnfitFields as error:
        return _form(visit, place, typed=Typed(values=form, faults=error.faults))
    except TooManyAsks:
        return _form(visit, place, typed=Typed(values=form), problem=visit.text("error.too_many_asks"))
    receipt = asked.receipt
    return visit.show(
        "review_sent.html",
        title=visit.text("place_review.sent.title"),
        release=release,
        path=f"{ASK}/{release.territory}/{place.place_id}",
        place=place_reviews.place_name(release, place.place_id, place.area_id, visit.words),
        map_address=place_reviews.map_address(release, place.place_id, visit.words),
        receipt=" ".join(receipt[at : at + 4] for at in range(0, len(receipt), 4)),
        due=asked.review.due_on,
        has_joined=len(asked.review.voices) > 1,
    )


def _choose(visit: Visit, *, faults: tuple[FieldFault, ...] = (), number: int = 0) -> Response:
    release, words, published = visit.release, visit.words, _published(visit)
    receipt = form_fields.field(
        "receipt", words, Typed(values=visit.form, faults=faults), form_id=LOOK_UP, kind=FieldKind.NUMBER
    )
    return visit.show(
        "review_choose_place.html",
        title=visit.text("place_review.list.title"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        release=release,
        path=f"{ASK}/{release.territory}",
        days=rules.ANSWER_WITHIN_DAYS,
        areas=[(area.area_id, explain.area_name(area, words)) for area in release.areas],
        has_cells=bool(release.cells.size),
        receipt=receipt,
        faults=form_fields.summary([receipt]),
        found=[_in_words(visit, one) for one in published if one.number == number],
        published=[_in_words(visit, one) for one in published],
        appeals=APPEALS,
    )


def _form(visit: Visit, place: ReviewedPlace, *, typed: Typed = NOTHING_TYPED, problem: str = "") -> Response:
    release, words = visit.release, visit.words
    fields = _fields(visit, typed)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults else HTTPStatus.OK
    return visit.show(
        "review_form.html",
        title=visit.text("place_review.title"),
        status=HTTPStatus.TOO_MANY_REQUESTS if problem else status,
        release=release,
        path=f"{ASK}/{release.territory}/{place.place_id}",
        place=place_reviews.place_name(release, place.place_id, place.area_id, words),
        map_address=place_reviews.map_address(release, place.place_id, words),
        told=_told(visit, place.place_id),
        fields=fields,
        faults=form_fields.summary(fields),
        problem=problem,
        key=key_of(typed.values.get("key")),
        appeals=APPEALS,
    )


def _fields(visit: Visit, typed: Typed) -> list[FormField]:
    doubts = [(doubt.value, visit.text(f"place_review.doubt.{doubt}")) for doubt in Doubt]
    most = rules.MOST_SIGNS_OF_TEXT
    help_text = visit.text("place_review.help.doubt_text", most=most)
    choice = form_fields.field("doubt", visit.words, typed, form_id=FORM_ID, kind=FieldKind.LINE, choices=doubts)
    text = form_fields.field("doubt_text", visit.words, typed, form_id=FORM_ID, help_text=help_text, most=most)
    return [choice, text]


def _told(visit: Visit, place_id: str) -> ReviewWords | None:
    found = place_reviews.of_place(visit.release, _published(visit), place_id)
    return _in_words(visit, found) if found else None


def _in_words(visit: Visit, review: PublicReview) -> ReviewWords:
    return place_reviews.in_words(visit.release, review, visit.words, today=civil_day(visit.at))


def _published(visit: Visit) -> tuple[PublicReview, ...]:
    return place_reviews.published(visit.doors.settings.journals, visit.release.territory)
