"""The data steward's screen: rows set aside by fault and delivery, as a table to correct, sent back, or given up."""

import re
from collections import Counter
from http import HTTPStatus

from starlette.responses import Response, StreamingResponse

from geodata.errors import GeodataError
from geodata.faults import Fault
from geodata.sources import NOT_KEPT
from riskmap.council.request import FieldKind
from riskmap.doors import form_body
from riskmap.doors.form_fields import FormField
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.visit import DELIVERY_ID, Visit
from riskmap.errors import (
    DamagedRelease,
    NoRelease,
    UnfitCorrections,
    UnknownDelivery,
    UnknownTerritoryName,
)
from riskmap.identity import access
from riskmap.identity.access import Actor, Permission
from riskmap.quarantine import corrections, desk
from riskmap.quarantine.bench import Bench
from riskmap.quarantine.desk import Aside, DismissReason
from riskmap.release import Release

COUNTS = ("rows", "accepted", "duplicates", "withdrawn", "still_faulty", "unchanged")
_COUNT = re.compile(r"[0-9]{1,9}")
_PAGE = re.compile(r"[1-9][0-9]{0,6}")
_REFUSED = (UnfitCorrections, UnknownDelivery, GeodataError)


def may_work(actor: Actor, territory: str) -> bool:
    """Whether to offer the way here: the use cases ask again."""
    return access.allowed_role(actor, Permission.CORRECT_ROWS, region_id=territory) is not None


def choose(visit: Visit) -> Response:
    """The territories whose rows the visitor answers for; a single one is opened at once."""
    held = {access.territory_of(grant.region_id) for grant in visit.actor.grants}
    named = []
    for territory in sorted(held):
        if may_work(visit.actor, territory):
            try:
                named.append((territory, _name(visit, territory)))
            except UnknownTerritoryName:
                continue  # the role has outlived the territory
    if len(named) == 1:
        return visit.go(f"/steward/{named[0][0]}")
    return visit.show("steward_choose.html", title=visit.text("steward.title"), territories=named)


def show(visit: Visit) -> Response:
    """Everything set aside in one territory: by fault, and by delivery."""
    territory = visit.asked["territory"]
    found = desk.overview(_bench(visit), visit.actor, territory, at=visit.at)
    counts: Counter[str] = Counter()
    for one in found:
        counts.update(one.faults)
    return visit.show(
        "steward_home.html",
        title=visit.text("steward.title"),
        release=_release(visit),
        territory=territory,
        place=_name(visit, territory),
        deliveries=found,
        faults=[(fault.value, counts[fault.value]) for fault in Fault if counts[fault.value]],
        open=counts.total(),
    )


def delivery(visit: Visit) -> Response:
    """One delivery: its faults with what to do, the table to take away and to send back."""
    return _delivery(visit)


def back(visit: Visit) -> Response:
    """The address of a form that is only opened leads to its page."""
    return visit.go(_path(visit))


def rows(visit: Visit) -> Response:
    """Rows of one fault, or of all, as delivered."""
    fault, page = _fault(visit), visit.query.get("page", "1")
    found = desk.rows(
        _bench(visit),
        visit.actor,
        _delivery_id(visit),
        territory=visit.asked["territory"],
        fault=fault,
        page=int(page) if _PAGE.fullmatch(page) else 1,
        at=visit.at,
    )
    here = f"{_path(visit)}/rows"
    chosen = {"fault": fault} if fault else {}
    near = {"previous": found.page - 1, "next": found.page + 1}
    return visit.show(
        "steward_rows.html",
        title=visit.text("steward.rows.title", file=found.aside.file_name),
        release=_release(visit),
        query={**chosen, **({"page": page} if found.page > 1 else {})},
        aside=found.aside,
        home=_path(visit),
        fault=fault,
        found=found,
        not_kept=NOT_KEPT,
        here=here,
        chips=[(None, found.aside.open), *found.aside.faults.items()],
        pages=[
            (name, visit.link(here, **chosen, page=str(number)))
            for name, number in near.items()
            if 1 <= number <= found.pages
        ],
    )


def download(visit: Visit) -> Response:
    """Open rows as a table to correct."""
    fault, delivery_id = _fault(visit), _delivery_id(visit)
    _, pieces = desk.export(
        _bench(visit), visit.actor, delivery_id, territory=visit.asked["territory"], fault=fault, at=visit.at
    )
    name = "-".join(["rows", delivery_id, *([fault] if fault else [])])
    headers = {
        "content-disposition": f'attachment; filename="{name}.csv"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)


def replay(visit: Visit) -> Response:
    """Take a corrected table in; a refused one shows the same page with what is wrong."""
    if visit.upload is None:
        return _delivery(visit, problem=visit.text("steward.unfit.no_file"))
    bench, territory = _bench(visit), visit.asked["territory"]
    with corrections.work_folder(bench.data) as folder:
        path = folder / "table.csv"
        path.write_bytes(visit.upload)
        try:
            told = corrections.replay(
                bench, visit.actor, path, territory=territory, delivery_id=_delivery_id(visit), at=visit.at
            )
        except _REFUSED as error:
            return _delivery(visit, problem=_sentence(visit, error))
    return visit.go(_path(visit), **{name: str(getattr(told, name)) for name in COUNTS})


def ask_to_dismiss(visit: Visit) -> Response:
    """The question before rows are given up."""
    return _dismissing(visit, fault=_fault(visit))


def dismiss(visit: Visit) -> Response:
    """Give the rows of a fault up, once a reason is chosen."""
    fault, reason = _fault(visit), visit.form.get("reason", "")
    if fault is None or reason not in set(DismissReason):
        return _dismissing(visit, fault=fault, problem=visit.text("steward.dismiss.no_reason"))
    count = desk.dismiss(
        _bench(visit),
        visit.actor,
        _delivery_id(visit),
        territory=visit.asked["territory"],
        fault=fault,
        reason=DismissReason(reason),
        at=visit.at,
    )
    return visit.go(_path(visit), dismissed=str(count))


def _dismissing(visit: Visit, *, fault: str | None, problem: str = "") -> Response:
    if fault is None:
        raise UnknownPage("The address names no fault; expected one of those in the list. Begin at the list of rows.")
    aside = _about(visit)
    reason = FormField(
        name="reason",
        element_id="dismiss-reason",
        kind=FieldKind.LINE,
        label=visit.text("steward.dismiss.reason"),
        fault=problem,
        choices=tuple((one.value, visit.text(f"steward.reason.{one}")) for one in DismissReason),
    )
    return visit.show(
        "steward_dismiss.html",
        title=visit.text("steward.dismiss.title"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        release=_release(visit),
        query={"fault": fault},
        aside=aside,
        home=_path(visit),
        fault=fault,
        count=aside.faults.get(fault, 0),
        reason=reason,
    )


def _delivery(visit: Visit, *, problem: str = "") -> Response:
    aside = _about(visit)
    return visit.show(
        "steward_delivery.html",
        title=aside.file_name,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        release=_release(visit),
        aside=aside,
        path=_path(visit),
        home=_path(visit),
        problem=problem,
        done="" if problem else _done(visit),
        megabytes=form_body.FILE_MEGABYTES,
    )


def _done(visit: Visit) -> str:
    """What was done just before, as the address tells; nothing but numbers is taken from there."""
    told = {name: int(text) for name, text in visit.query.items() if _COUNT.fullmatch(text)}
    if set(COUNTS) <= set(told):
        return visit.text("steward.replay.done", **{name: told[name] for name in COUNTS})
    return visit.text("steward.dismiss.done", n=told["dismissed"]) if "dismissed" in told else ""


def _sentence(visit: Visit, error: Exception) -> str:
    if isinstance(error, UnfitCorrections):
        return visit.text(f"steward.unfit.{error.fault}", n=error.number or 0)
    return visit.text(f"steward.unfit.{'other_delivery' if isinstance(error, UnknownDelivery) else 'not_a_table'}")


def _about(visit: Visit) -> Aside:
    return desk.about(_bench(visit), visit.actor, _delivery_id(visit), territory=visit.asked["territory"], at=visit.at)


def _bench(visit: Visit) -> Bench:
    return Bench(store=visit.doors.store, data=visit.doors.settings.data)


def _path(visit: Visit) -> str:
    return f"/steward/{visit.asked['territory']}/{_delivery_id(visit)}"


def _delivery_id(visit: Visit) -> str:
    if not DELIVERY_ID.fullmatch(visit.asked["delivery"]):
        raise UnknownPage("The address names no delivery; expected its id. Begin at the list of rows set aside.")
    return visit.asked["delivery"]


def _fault(visit: Visit) -> str | None:
    """The fault in the address; None where it names none.

    Raises
    ------
    UnknownPage
        If it names something else.
    """
    given = visit.query.get("fault", "")
    if given and given not in set(Fault):
        raise UnknownPage("The address names no fault; expected one of those in the list. Begin at the list of rows.")
    return given or None


def _name(visit: Visit, territory: str) -> str:
    return visit.doors.store.territories.load(territory).names.of(visit.words.language)


def _release(visit: Visit) -> Release | None:
    """The newest release, for the page's head; rows are corrected before there is one, too."""
    try:
        return visit.release
    except (NoRelease, DamagedRelease):
        return None
