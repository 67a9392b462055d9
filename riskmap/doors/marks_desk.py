"""The council's pages of waiting marks: what is heaped up where, one request of many, a refusal with its reason."""

import re
from collections.abc import Callable
from http import HTTPStatus

from starlette.responses import Response

from riskmap.council import places as council_places
from riskmap.council.request import FieldKind, Filing, RequestKind
from riskmap.doors import form_fields, request_files
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import NUMBER, Visit
from riskmap.errors import (
    ChangedMeanwhile,
    DamagedRelease,
    NoRelease,
    StepNotPossible,
    UnfitFields,
    UnknownRequest,
    UnknownSignal,
)
from riskmap.identity import access
from riskmap.identity.access import Actor
from riskmap.public import explain, place_reviews, shelf
from riskmap.signals import desk, places, rules
from riskmap.signals.rules import Category, Heap, MarkedPlace, Refusal

HOME = "/marks"
INTO, JOIN, REFUSE = "into", "join", "refuse"
_UP_TO = re.compile(r"[0-9]{1,9}")


def may_work(actor: Actor, territory: str) -> bool:
    """Whether to offer the way here: the use cases ask again."""
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    return any(desk.may_read(actor, region) for region in regions)


def choose(visit: Visit) -> Response:
    """The territories whose marks the visitor reads; a single one is opened at once."""
    named = []
    for territory in sorted({access.territory_of(grant.region_id) for grant in visit.actor.grants}):
        if may_work(visit.actor, territory):
            try:
                release = shelf.latest(visit.doors.settings.releases, territory)
            except (NoRelease, DamagedRelease):
                continue  # nothing is published, so nothing can be marked
            named.append((territory, release.names[visit.words.language]))
    if len(named) == 1:
        return visit.go(f"{HOME}/{named[0][0]}")
    return visit.show("marks_choose.html", title=visit.text("signal.staff.title"), territories=named)


def show(visit: Visit) -> Response:
    """Everything that waits in one territory, of one category where one is chosen."""
    release = visit.release
    found = desk.queue(visit.signal_office, visit.actor, release.territory)
    chosen = rules.category_of(visit.query.get("category", ""))
    path = f"{HOME}/{release.territory}"
    chips = [
        (
            visit.text(f"signal.category.{category}"),
            visit.link(path, category="" if category is chosen else category),
            sum(heap.counted for heap in found if heap.category is category),
            category is chosen,
        )
        for category in Category
        if any(heap.category is category for heap in found)
    ]
    return visit.show(
        "marks_list.html",
        title=visit.text("signal.staff.title"),
        release=release,
        query={"category": chosen or ""},
        chips=chips,
        heaps=[(heap, _name(visit, heap.place)) for heap in found if chosen in (None, heap.category)],
        done=visit.text("signal.staff.done") if visit.query.get("done") == "marks" else "",
    )


def heap(visit: Visit) -> Response:
    """One heap with what was answered, and the forms of whoever may deal with it."""
    return _page(visit, *_asked(visit))


def into_request(visit: Visit) -> Response:
    """Make one request of a heap."""
    here, category = _asked(visit)
    form = visit.form
    filing = Filing(kind=form.get("kind", ""), grounds=form.get("grounds", ""), landmark=form.get("landmark", ""))

    def act() -> Response:
        place = council_places.locate(visit.release, here.place_id)
        filed = desk.into_request(
            visit.signal_office,
            visit.actor,
            filing,
            place,
            category,
            up_to=_up_to(visit),
            key=key_of(form.get("key")),
            at=visit.at,
        )
        return visit.go(f"/casework/{filed.territory}/{filed.number}", done="submit")

    return _try(visit, here, category, INTO, act)


def join(visit: Visit) -> Response:
    """Add a heap to a request."""
    here, category = _asked(visit)

    def act() -> Response:
        typed = visit.form.get("request_number", "").strip().removeprefix("№").strip()
        number = int(typed) if NUMBER.fullmatch(typed) else 0
        try:
            desk.add_to_request(
                visit.signal_office, visit.actor, here, category, number=number, up_to=_up_to(visit), at=visit.at
            )
        except (UnknownRequest, StepNotPossible):
            told = visit.text("signal.staff.join.unknown")
            return _page(visit, here, category, form_id=JOIN, typed=Typed(values=visit.form), fault=told)
        return visit.go(f"/casework/{here.territory}/{number}")

    return _try(visit, here, category, JOIN, act)


def refuse(visit: Visit) -> Response:
    """Refuse a heap with a reason."""
    here, category = _asked(visit)

    def act() -> Response:
        reason = visit.form.get("refusal", "")
        desk.refuse(visit.signal_office, visit.actor, here, category, reason, up_to=_up_to(visit), at=visit.at)
        return visit.go(f"{HOME}/{here.territory}", done="marks")

    return _try(visit, here, category, REFUSE, act)


def _try(visit: Visit, here: MarkedPlace, category: Category, form_id: str, act: Callable[[], Response]) -> Response:
    try:
        return act()
    except UnfitFields as error:
        return _page(visit, here, category, form_id=form_id, typed=Typed(values=visit.form, faults=error.faults))
    except ChangedMeanwhile:
        return visit.show(
            "marks_gone.html",
            title=_name(visit, here),
            status=HTTPStatus.CONFLICT,
            release=visit.release,
            path=f"{HOME}/{here.territory}",
            problem=visit.text("signal.staff.changed"),
        )


def _asked(visit: Visit) -> tuple[MarkedPlace, Category]:
    category = rules.category_of(visit.asked["category"])
    if category is None:
        raise UnknownPage("The address names no category of marks. Look in the list of marks.")
    return places.locate(visit.release, visit.asked["place"]), category


def _up_to(visit: Visit) -> int:
    given = visit.form.get("up_to", "")
    return int(given) if _UP_TO.fullmatch(given) else 0


def _page(
    visit: Visit,
    here: MarkedPlace,
    category: Category,
    *,
    form_id: str = "",
    typed: Typed = NOTHING_TYPED,
    fault: str = "",
) -> Response:
    try:
        found = desk.view(visit.signal_office, visit.actor, here, category)
    except UnknownSignal:
        if not visit.is_sending:
            raise
        # Somebody was quicker; the use case would say the same.
        raise ChangedMeanwhile("These marks are dealt with. Read the list again.") from None
    may_sort = desk.may_sort(visit.actor, here.region_id)
    forms = _forms(visit, found, form_id, typed, fault)
    shown = [one for fields in forms.values() for one in fields]
    return visit.show(
        "marks_heap.html",
        title=f"{visit.text(f'signal.category.{category}')}: {_name(visit, here)}",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults or fault else HTTPStatus.OK,
        release=visit.release,
        path=f"{HOME}/{here.territory}/{category}/{here.place_id}",
        heap=found,
        map_address=place_reviews.map_address(visit.release, here.place_id, visit.words),
        answers=[
            (
                visit.text(f"council.field.{question}"),
                [
                    (visit.text(f"signal.{question}.{answer}"), found.answers[question][answer])
                    for answer in choices
                    if answer in found.answers.get(question, {})
                ],
            )
            for question, choices in rules.questions(category).items()
            if question in found.answers
        ],
        may_sort=may_sort,
        photos=request_files.lines(visit, desk.photos_of(visit.signal_office, here.territory, found.numbers)),
        forms=forms,
        faults=form_fields.summary(shown),
        key=key_of(typed.values.get("key")),
    )


def _forms(visit: Visit, found: Heap, form_id: str, typed: Typed, fault: str) -> dict[str, list[FormField]]:
    of = {name: typed if name == form_id else NOTHING_TYPED for name in (INTO, JOIN, REFUSE)}
    words = visit.words
    kinds = [(kind.value, words.text(f"council.kind.{kind}")) for kind in RequestKind]
    reasons = [(reason.value, words.text(f"signal.refusal.{reason}")) for reason in Refusal]
    number = FormField(
        name="request_number",
        element_id=f"{JOIN}-request_number",
        kind=FieldKind.NUMBER,
        label=words.text("council.field.request_number"),
        value=of[JOIN].values.get("request_number", "")[:20],
        fault=fault,
    )
    return {
        INTO: [
            form_fields.field(
                "kind",
                words,
                of[INTO],
                form_id=INTO,
                kind=FieldKind.LINE,
                choices=kinds,
                default=rules.KIND_OF[found.category],
            ),
            form_fields.field("landmark", words, of[INTO], form_id=INTO, kind=FieldKind.LINE),
            form_fields.field(
                "grounds",
                words,
                of[INTO],
                form_id=INTO,
                default=_grounds(visit, found),
                help_text=form_fields.grounds_help(words),
            ),
        ],
        JOIN: [number],
        REFUSE: [form_fields.field("refusal", words, of[REFUSE], form_id=REFUSE, kind=FieldKind.LINE, choices=reasons)],
    }


def _grounds(visit: Visit, found: Heap) -> str:
    """What the marks say, as a beginning for the secretary."""
    lines = [
        visit.text(
            "signal.staff.grounds",
            category=visit.text(f"signal.category.{found.category}"),
            n=found.heard,
            **{"from": found.first_on, "to": found.last_on},
        )
    ]
    for question, counts in found.answers.items():
        told = "; ".join(f"{visit.text(f'signal.{question}.{answer}')} – {count}" for answer, count in counts.items())
        lines.append(f"{visit.text(f'council.field.{question}')} {told}")
    return "\n".join(lines)


def _name(visit: Visit, here: MarkedPlace) -> str:
    area = explain.area_name(visit.release.area_by_id.get(here.area_id, visit.release.whole), visit.words)
    return f"{visit.text('signal.place.cell', area=area)} ({here.place_id})" if here.is_cell else area
