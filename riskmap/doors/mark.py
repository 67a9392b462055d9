"""Making a mark without an account and without a script: place, category, fixed questions, receipt.

The pages know nobody: no session is read and no cookie set. Whatever a form holds beside the codes it was offered is
not read at all.
"""

from http import HTTPStatus

from markupsafe import Markup
from starlette.responses import Response

from geodata import hexgrid
from riskmap import journal
from riskmap.council.casework import NEARBY_M
from riskmap.council.request import FieldKind
from riskmap.doors import form_fields, form_files, request_files
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import Visit
from riskmap.errors import DamagedRelease, TooManyAsks, UnfitFields, UnknownSignal
from riskmap.photos import picture
from riskmap.photos.rules import MOST, Of
from riskmap.public import explain, marks, shelf
from riskmap.public.council_pages import APPEALS
from riskmap.release import Release
from riskmap.signals import desk, opened, places, rules
from riskmap.signals import receipt as receipts
from riskmap.signals.opened import Pace
from riskmap.signals.rules import Category, MarkedPlace, Signal, State

HOME = "/mark"
RECEIPT = f"{HOME}/receipt"
OFFICIAL = f"https://{APPEALS}"
"""Where the one link leads that leaves the site: nobody may take a mark for an appeal."""
FORM_ID = "mark"
TRAP = "website"
"""A field that people do not see; whatever fills it in is a machine."""
SUPPORT = "support"
MOST_REQUESTS = 3


def choose(visit: Visit) -> Response:
    """The territories in which something can be marked."""
    found = shelf.all_latest(visit.doors.settings.releases)
    named = [(one.territory, one.names[visit.words.language]) for one in found]
    if len(named) == 1:
        return visit.go(f"{HOME}/{named[0][0]}")
    return visit.show("mark_choose.html", title=visit.text("signal.button"), territories=named, label=_first(visit))


def place(visit: Visit) -> Response:
    """Where: the districts, and the way to the map."""
    release = visit.release
    return visit.show(
        "mark_place.html",
        title=visit.text("signal.button"),
        release=release,
        areas=[(area.area_id, explain.area_name(area, visit.words)) for area in places.districts(release)],
        has_cells=bool(release.cells.size),
        told=marks.in_words(release, marks.published(visit.doors.settings.journals, release.territory), visit.words),
        label=_first(visit),
    )


def show(visit: Visit) -> Response:
    """Without a category the list of them; with one its questions, and what others marked nearby."""
    here = places.locate(visit.release, visit.asked["place"])
    category = rules.category_of(visit.query.get("category", ""))
    return _categories(visit, here) if category is None else _form(visit, here, category)


def send(visit: Visit) -> Response:
    """Take the mark in; the answer is the page with the receipt, for its number must stand in no address."""
    here = places.locate(visit.release, visit.asked["place"])
    form = visit.form
    category = rules.category_of(form.get("category", ""))
    if category is None:
        return _categories(visit, here)
    office, key, is_support = visit.signal_office, key_of(form.get("key")), SUPPORT in form
    typed = Typed(values=form)
    if form.get(TRAP, ""):
        return _form(visit, here, category, typed=typed, problem=visit.text("signal.trapped"))
    paced, made = Pace.FITS, None
    try:
        answers = {} if is_support else rules.answered(category, form)
        paced = opened.pace(office.secret, key, form.get("opened", ""), at=visit.at)
        if paced is Pace.FITS:
            form_files.require_whole(visit, picture.FIELD)
            made = desk.mark(
                office, here, category, answers, key=key, address=visit.address, at=visit.at, photos=visit.files
            )
    except UnfitFields as error:
        return _form(visit, here, category, typed=Typed(values=form, faults=error.faults))
    except TooManyAsks:
        many = HTTPStatus.TOO_MANY_REQUESTS
        return _form(visit, here, category, typed=typed, problem=visit.text("signal.too_many"), status=many)
    if made is None:
        return _form(visit, here, category, typed=typed, problem=visit.text(f"signal.{paced}"))
    return visit.show(
        "mark_sent.html",
        title=visit.text("signal.sent.title"),
        release=visit.release,
        path=f"{HOME}/{here.territory}/{here.place_id}",
        place=_place_name(visit, visit.release, made.signal.place),
        category=category,
        receipt=receipts.spaced(made.receipt),
        # Made by the library from digits alone.
        picture=Markup(receipts.picture(made.receipt)),  # noqa: S704
        label=_first(visit),
    )


def ask_receipt(visit: Visit) -> Response:
    """The field for a receipt."""
    return _receipt(visit)


def look_up(visit: Visit) -> Response:
    """What became of the mark that a receipt was given for; the number stands in no address."""
    typed = visit.form.get("receipt", "")
    try:
        found = desk.look_up(visit.signal_office, typed, address=visit.address, at=visit.at)
    except UnknownSignal:
        key = "signal.lookup.mistyped" if receipts.read(typed) is None else "signal.lookup.unknown"
        return _receipt(visit, fault=visit.text(key))
    except TooManyAsks:
        return _receipt(visit, fault=visit.text("signal.too_many"), status=HTTPStatus.TOO_MANY_REQUESTS)
    return _receipt(visit, found=found)


def _first(visit: Visit) -> dict[str, object]:
    """What stands first on every page: the emergency line is the shell's, the legal label is here."""
    return {"official": OFFICIAL, "appeals": APPEALS, "days": visit.doors.settings.kept_for.marks_days}


def _categories(visit: Visit, here: MarkedPlace) -> Response:
    path = f"{HOME}/{here.territory}/{here.place_id}"
    return visit.show(
        "mark_category.html",
        title=visit.text("signal.button"),
        release=visit.release,
        path=path,
        place=_place_name(visit, visit.release, here),
        categories=[
            (visit.text(f"signal.category.{category}"), visit.link(path, category=category)) for category in Category
        ],
        label=_first(visit),
    )


def _form(
    visit: Visit,
    here: MarkedPlace,
    category: Category,
    *,
    typed: Typed = NOTHING_TYPED,
    problem: str = "",
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Response:
    office, fields = visit.signal_office, _fields(visit, category, typed)
    is_again = SUPPORT not in typed.values
    key = key_of(typed.values.get("key") if is_again else None)
    seal = typed.values.get("opened", "") if is_again else ""
    if opened.pace(office.secret, key, seal, at=visit.at) is Pace.TOO_OLD:
        seal = opened.seal(office.secret, key, at=visit.at)
    similar = []
    for one in desk.similar(office, here, category):
        its_key = key_of(None)
        similar.append((one, its_key, opened.seal(office.secret, its_key, at=visit.at)))
    return visit.show(
        "mark_form.html",
        title=visit.text(f"signal.category.{category}"),
        status=status if problem or typed.faults else HTTPStatus.OK,
        release=visit.release,
        path=f"{HOME}/{here.territory}/{here.place_id}",
        query={"category": category},
        place=_place_name(visit, visit.release, here),
        category=category,
        fields=fields,
        faults=form_fields.summary(fields),
        problem=problem,
        key=key,
        opened=seal,
        trap=TRAP,
        similar=similar,
        requests=_requests_near(visit, here, category),
        label=_first(visit),
    )


def _fields(visit: Visit, category: Category, typed: Typed) -> list[FormField]:
    return [
        form_fields.field(
            name,
            visit.words,
            typed,
            form_id=FORM_ID,
            kind=FieldKind.LINE,
            choices=[(answer, visit.text(f"signal.{name}.{answer}")) for answer in answers],
        )
        for name, answers in rules.questions(category).items()
    ] + [form_files.photo_field(visit, typed, form_id=FORM_ID, most=MOST[Of.MARK])]


def _requests_near(visit: Visit, here: MarkedPlace, category: Category) -> list[tuple[int, str]]:
    """Open public requests of the same kind near a cell, nearest first: number and words."""
    if not here.is_cell:
        return []
    try:
        published = journal.latest(visit.doors.settings.journals, here.territory)
    except DamagedRelease:
        return []
    centre, near = hexgrid.centre(here.place_id), []
    for request in published.requests if published else ():
        if request.is_open and request.kind == rules.KIND_OF[category]:
            distance_m = hexgrid.distance_m(centre, hexgrid.centre(request.cell_id))
            if distance_m <= NEARBY_M:
                near.append((distance_m, request.number, request.wording or visit.text("casework.wording.none")))
    return [(number, words) for _, number, words in sorted(near)[:MOST_REQUESTS]]


def _receipt(
    visit: Visit,
    *,
    found: Signal | None = None,
    fault: str = "",
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Response:
    field = FormField(
        name="receipt",
        element_id="look-up-receipt",
        kind=FieldKind.NUMBER,
        label=visit.text("council.field.receipt"),
        # Of a number that was found nothing stays on the page.
        value=visit.form.get("receipt", "")[:40] if fault else "",
        fault=fault,
    )
    told = {} if found is None else _told(visit, found)
    return visit.show(
        "mark_receipt.html",
        title=visit.text("signal.lookup.title"),
        status=status if fault else HTTPStatus.OK,
        path=RECEIPT,
        field=field,
        faults=form_fields.summary([field]),
        told=told,
        label=_first(visit),
    )


def _told(visit: Visit, found: Signal) -> dict[str, object]:
    release = shelf.latest(visit.doors.settings.releases, found.territory)
    settled, request = found.settlement, ""
    if settled is None:
        state = visit.text("signal.state.waiting")
    elif settled.state is State.IN_REQUEST:
        number = str(settled.request_number)
        state = visit.text("signal.state.in_request", number=number, day=settled.on)
        request = visit.link(f"/council/{found.territory}/{number}")
    else:
        reason = visit.text(f"signal.refusal.{settled.refusal}")
        state = visit.text("signal.state.refused", day=settled.on, reason=reason)
    photos = desk.photos_of(visit.signal_office, found.territory, [found.number])
    return {
        "category": visit.text(f"signal.category.{found.category}"),
        "place": _place_name(visit, release, found.place),
        "marked": visit.text("signal.lookup.marked", day=found.marked_on),
        "state": state,
        "request": request,
        "photos": [request_files.state_of(visit, one) for one in photos],
    }


def _place_name(visit: Visit, release: Release, here: MarkedPlace) -> str:
    area = explain.area_name(release.area_by_id.get(here.area_id, release.whole), visit.words)
    return visit.text("signal.place.cell", area=area) if here.is_cell else area
