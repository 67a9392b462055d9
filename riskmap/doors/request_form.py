"""Asking the council for something: pick a place, see what others asked for nearby, then write."""

import dataclasses
import re
import uuid
from collections.abc import Sequence
from http import HTTPStatus

from starlette.responses import Response

from riskmap import journal
from riskmap.council import assisted, casework, duplicates, places
from riskmap.council.casework import Neighbour
from riskmap.council.request import FieldKind, Filing, Place, RequestKind, civil_day
from riskmap.doors import alike, carrying, desk, form_fields, form_files, place_view
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.visit import Visit
from riskmap.errors import FieldFault, OutsideCouncil, UnfitFields
from riskmap.identity import access
from riskmap.identity.access import Permission
from riskmap.photos import picture
from riskmap.photos.rules import MOST, Of
from riskmap.public import map_view, place_map
from riskmap.release import Release
from riskmap.signals.limits import Press

KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FOR_SOMEONE = "someone"
MYSELF = "myself"
FORM_ID = "submit"
ALIKE_SEEN = "alike_seen"
"""Numbers of likely duplicates that the sender of a form has been shown."""


def show(visit: Visit) -> Response:
    """Without a cell the map to pick one; with a cell its neighbours and the form."""
    release = visit.release
    cell_id = visit.query.get("cell", "")
    _require_filing(visit, release)
    if not cell_id:
        return _pick(visit, release)
    try:
        place = places.locate(release, cell_id.lower())
    except OutsideCouncil:
        return _pick(visit, release, problem=visit.text("error.outside_council"))
    if not _may(visit, place.region_id):
        return _pick(visit, release, problem=_own_places(visit, release))
    return _form(visit, release, place)


def send(visit: Visit) -> Response:
    """File the request; a press too many finds the one that was made."""
    release, form = visit.release, visit.form
    _require_filing(visit, release)
    try:
        place = places.locate(release, form.get("cell", "").lower())
    except OutsideCouncil:
        return _pick(visit, release, problem=visit.text("error.outside_council"))
    may = _may(visit, place.region_id)
    if not may:
        return _pick(visit, release, problem=_own_places(visit, release))
    for_whom = form.get("for_whom", "")
    if len(may) == 2 and for_whom not in may:
        faults: tuple[FieldFault, ...] = (FieldFault(field="for_whom", fault="missing"),)
        return _form(visit, release, place, typed=Typed(values=form, faults=faults))
    filing = Filing(**{field.name: form.get(field.name, "") for field in dataclasses.fields(Filing)})
    is_for_someone = for_whom == FOR_SOMEONE if len(may) == 2 else may == [FOR_SOMEONE]
    found = [] if is_for_someone else duplicates.of_filing(visit.office, visit.actor, filing, place)
    if {str(one.number) for one, _ in found} - set(form.get(ALIKE_SEEN, "").split()):
        return _form(visit, release, place, typed=Typed(values=form), instead=alike.instead(visit, found))
    key = key_of(form.get("key"))
    if not is_for_someone:
        visit.doors.gate.press(Press.FILE, visit.actor.account_id, visit.address, key, at=visit.at)
    if visit.files:
        visit.doors.gate.unpack(visit.address, at=visit.at, account_id=visit.actor.account_id)
    try:
        form_files.require_whole(visit, picture.FIELD)
        filed = casework.file(
            visit.office,
            visit.actor,
            filing,
            place,
            key=key,
            at=visit.at,
            is_for_someone=is_for_someone,
            is_simulated=release.is_simulated,
            photos=visit.files,
        )
    except UnfitFields as error:
        return _form(visit, release, place, typed=Typed(values=form, faults=error.faults))
    return visit.go(f"/casework/{filed.territory}/{filed.number}", done="submit")


def key_of(given: str | None) -> str:
    """The key a form came with; a fresh one where it is none of ours."""
    return given if given and KEY.fullmatch(given) else str(uuid.uuid4())


def _require_filing(visit: Visit, release: Release) -> None:
    """Whoever may file nowhere in the territory hears it before picking a place, not after writing."""
    grants = visit.actor.grants
    regions = {grant.region_id for grant in grants if access.territory_of(grant.region_id) == release.territory}
    if not any(_may(visit, region_id) for region_id in regions):
        access.require(visit.actor, Permission.FILE, region_id=release.territory)


def _may(visit: Visit, region_id: str) -> list[str]:
    """For whom the visitor may file in a region."""
    for_whom = {MYSELF: Permission.FILE, FOR_SOMEONE: Permission.FILE_FOR_SOMEONE}
    return [
        name
        for name, permission in for_whom.items()
        if access.allowed_role(visit.actor, permission, region_id=region_id)
    ]


def _own_places(visit: Visit, release: Release) -> str:
    """The sentence that names the places for which the visitor may file."""
    own = [
        desk.area_name(visit, release, region_id.partition("/")[2] or release.territory)
        for region_id in sorted({grant.region_id for grant in visit.actor.grants})
        if access.territory_of(region_id) == release.territory and _may(visit, region_id)
    ]
    return visit.text("error.outside_own_places", places=", ".join(own))


def _pick(visit: Visit, release: Release, *, problem: str = "") -> Response:
    carried = carrying.of_visit(visit)
    return visit.show(
        "casework_pick.html",
        title=visit.text("casework.new.title"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        release=release,
        problem=problem,
        page_map=_map(visit, release),
        written=form_files.and_files(visit, carried.written(visit.words) if carried else []),
    )


def _map(visit: Visit, release: Release) -> str:
    """The map to pick a place on, with a mark where something is asked for already."""
    published = journal.latest(visit.doors.settings.journals, release.territory)
    asked_at = [one.cell_id for one in published.requests if one.is_open] if published else []
    options = place_map.options(release, base=visit.base_map)
    marks = place_map.marks(release, asked_at, visit.words)
    return map_view.page_map(options, place_map.state(release, visit.words, marks=marks))


def _form(
    visit: Visit,
    release: Release,
    place: Place,
    *,
    typed: Typed = NOTHING_TYPED,
    instead: Sequence[tuple[Neighbour, tuple[str, ...]]] = (),
) -> Response:
    """The form; with ``instead`` it asks first whether one of these says the same, and keeps what was typed."""
    may = _may(visit, place.region_id)
    why = {one.number: reasons for one, reasons in instead}
    fields = _fields(visit, typed, may)
    return visit.show(
        "casework_new.html",
        title=visit.text("casework.new.title"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults else HTTPStatus.OK,
        release=release,
        query={"cell": place.cell_id},
        place=place_view.of_place(visit, release, place),
        cell_id=place.cell_id,
        neighbours=[one for one, _ in instead] or casework.nearby(visit.office, visit.actor, place),
        why=why,
        alike_seen=" ".join(map(str, why)) or typed.values.get(ALIKE_SEEN, ""),
        fields=fields,
        faults=form_fields.summary(fields),
        is_for_someone=may == [FOR_SOMEONE],
        key=key_of(typed.values.get("key")),
    )


def _fields(visit: Visit, typed: Typed, may: list[str]) -> list[FormField]:
    words = visit.words
    kinds = [(kind.value, words.text(f"council.kind.{kind.value}")) for kind in RequestKind]
    fields = [
        form_fields.field("kind", words, typed, form_id=FORM_ID, kind=FieldKind.LINE, choices=kinds),
        form_fields.field(
            "landmark",
            words,
            typed,
            form_id=FORM_ID,
            kind=FieldKind.LINE,
            help_text=words.text("casework.help.landmark"),
        ),
        form_fields.field("grounds", words, typed, form_id=FORM_ID, help_text=form_fields.grounds_help(words)),
        form_files.photo_field(visit, typed, form_id=FORM_ID, most=MOST[Of.REQUEST]),
    ]
    if FOR_SOMEONE in may:
        fields[:0] = _how_it_came(visit, typed, is_only=len(may) == 1)
    if len(may) == 2:
        whom = [(name, words.text(f"casework.for_whom.{name}")) for name in may]
        fields.insert(
            0,
            FormField(
                name="for_whom",
                element_id=f"{FORM_ID}-for_whom",
                kind=FieldKind.LINE,
                label=words.text("casework.for_whom"),
                value=typed.values.get("for_whom", ""),
                fault=typed.fault("for_whom", words),
                choices=tuple(whom),
            ),
        )
    return fields


def _how_it_came(visit: Visit, typed: Typed, *, is_only: bool) -> list[FormField]:
    """Channel and day of what somebody said; whoever may also ask for themselves reads when to leave them empty."""
    words = visit.words
    help_text = "" if is_only else words.text("casework.help.assisted")
    channels = [(channel, words.text(f"council.choice.{channel}")) for channel in assisted.CHANNELS]
    today = civil_day(visit.at).isoformat()
    return [
        form_fields.field(
            assisted.CHANNEL.name,
            words,
            typed,
            form_id=FORM_ID,
            kind=FieldKind.LINE,
            choices=channels,
            help_text=help_text,
        ),
        form_fields.field(
            assisted.HEARD_DAY.name,
            words,
            typed,
            form_id=FORM_ID,
            kind=FieldKind.DAY,
            default=today,
            help_text=help_text,
        ),
    ]
