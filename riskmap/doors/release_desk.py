"""The release desk's screen: checks, the difference to the last release, and the second person's word."""

from starlette.background import BackgroundTask
from starlette.responses import Response

from riskmap import release_desk, site
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.visit import Visit
from riskmap.errors import NoRelease
from riskmap.identity import access
from riskmap.identity.access import Actor, Permission
from riskmap.release import RELEASE_ID


def may_publish(actor: Actor, territory: str) -> bool:
    """Whether to offer the way here: the use cases ask again."""
    return access.allowed_role(actor, Permission.PUBLISH, region_id=territory) is not None


def choose(visit: Visit) -> Response:
    """The territories whose releases the visitor answers for; a single one is opened at once."""
    held = sorted({access.territory_of(grant.region_id) for grant in visit.actor.grants})
    known = [territory for territory in held if may_publish(visit.actor, territory)]
    if len(known) == 1:
        return visit.go(f"/release-desk/{known[0]}")
    named = [(name, visit.doors.store.territories.load(name).names.of(visit.words.language)) for name in known]
    return visit.show("release_desk_choose.html", title=visit.text("desk.title"), territories=named)


def show(visit: Visit) -> Response:
    """The release that stands and the one proposed."""
    return _page(visit)


def approve(visit: Visit) -> Response:
    """Let the proposed release out."""
    territory = visit.asked["territory"]
    release_desk.approve(
        visit.doors.store, visit.doors.settings.releases, visit.actor, territory, _named(visit), at=visit.at
    )
    answer = visit.go(f"/release-desk/{territory}", done="approved")
    answer.background = BackgroundTask(site.refresh_quietly, visit.doors.settings, now=visit.at)
    return answer


def send_back(visit: Visit) -> Response:
    """Take the proposed release away."""
    territory = visit.asked["territory"]
    release_desk.send_back(
        visit.doors.store, visit.doors.settings.releases, visit.actor, territory, _named(visit), at=visit.at
    )
    return visit.go(f"/release-desk/{territory}", done="sent_back")


def _page(visit: Visit) -> Response:
    territory = visit.asked["territory"]
    standing, proposed = release_desk.show(visit.doors.settings.releases, visit.actor, territory)
    if standing is None and proposed is None:
        raise NoRelease(f"{territory} has no release and none is proposed.")
    done = visit.query.get("done", "")
    return visit.show(
        "release_desk.html",
        title=visit.text("desk.title"),
        release=standing.release if standing else None,
        territory=territory,
        standing=standing,
        proposed=proposed,
        needs_second=visit.doors.settings.needs_second_person,
        done=visit.text(f"desk.done.{done}") if done in ("approved", "sent_back") else "",
        way=f"/release-desk/{territory}",
    )


def _named(visit: Visit) -> str:
    given = visit.form.get("release", "")
    if not RELEASE_ID.fullmatch(given):
        raise UnknownPage("The form names no release; expected the id of the proposed one. Open the desk again.")
    return given
