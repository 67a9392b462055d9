"""One's own account: a new password, and codes asked for beside it."""

from http import HTTPStatus

from markupsafe import Markup
from starlette.responses import Response

from riskmap import installation_key
from riskmap.council.request import FieldKind
from riskmap.doors import desk, form_fields, session_door
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.visit import Visit
from riskmap.errors import UnfitFields
from riskmap.identity import access, accounts, own_account
from riskmap.identity.access import Grant
from riskmap.identity.second_factor import Enrolment
from riskmap.public import shelf
from riskmap.signals import receipt as receipts

HOME = "/account"
PASSWORD, BEGIN, CONFIRM, OFF = "password", "codes-begin", "codes-confirm", "codes-off"
FORMS = {
    PASSWORD: ("old_password", "new_password", "password_again"),
    CONFIRM: ("code",),
    OFF: ("password", "code"),
}
WAYS = {
    "old_password": "current-password",
    "password": "current-password",
    "new_password": "new-password",
    "password_again": "new-password",
    "code": "one-time-code",
}
"""What a password manager puts into each field."""
DONE = (PASSWORD, OFF)


def show(visit: Visit) -> Response:
    """The account as it is."""
    done = visit.query.get("done", "")
    return _page(visit, done=visit.text(f"account.done.{done.replace('-', '_')}") if done in DONE else "")


def back(visit: Visit) -> Response:
    """The address of a form, opened without sending anything, leads to the account."""
    return visit.go(HOME)


def change_password(visit: Visit) -> Response:
    """A new password; whoever else is signed in to the account is not any more."""
    form = visit.form
    try:
        token = own_account.change_password(
            visit.doors.store,
            visit.actor,
            old=form.get("old_password", ""),
            new=form.get("new_password", ""),
            again=form.get("password_again", ""),
            language=visit.words.language,
            at=visit.at,
        )
    except UnfitFields as error:
        return _page(visit, tried=PASSWORD, typed=Typed(values={}, faults=error.faults))
    response = visit.go(HOME, done=PASSWORD)
    session_door.hand_over(visit, response, token)
    return response


def begin_codes(visit: Visit) -> Response:
    """A secret for the app, shown until its first code was right."""
    begun = own_account.begin_codes(visit.doors.store, visit.actor, _key(visit), at=visit.at)
    return _page(visit, begun=begun)


def confirm_codes(visit: Visit) -> Response:
    """The first code; from then on one is asked for at each sign-in."""
    store, key = visit.doors.store, _key(visit)
    try:
        recovery = own_account.confirm_codes(store, visit.actor, key, visit.form.get("code", ""), at=visit.at)
    except UnfitFields as error:
        begun = own_account.begun_codes(store, visit.actor, key)
        return _page(visit, begun=begun, tried=CONFIRM, typed=Typed(values={}, faults=error.faults))
    return _page(visit, recovery=recovery)


def stop_codes(visit: Visit) -> Response:
    """No codes any more."""
    form = visit.form
    password, code = form.get("password", ""), form.get("code", "")
    try:
        own_account.stop_codes(visit.doors.store, visit.actor, _key(visit), password=password, code=code, at=visit.at)
    except UnfitFields as error:
        return _page(visit, tried=OFF, typed=Typed(values={}, faults=error.faults))
    return visit.go(HOME, done=OFF)


def _key(visit: Visit) -> bytes:
    return installation_key.load(visit.doors.settings.data)


def _page(
    visit: Visit,
    *,
    done: str = "",
    tried: str = "",
    typed: Typed = NOTHING_TYPED,
    begun: Enrolment | None = None,
    recovery: tuple[str, ...] = (),
) -> Response:
    mine = own_account.overview(visit.doors.store, visit.actor)
    forms = {name: _fields(visit, name, typed if name == tried else NOTHING_TYPED) for name in FORMS}
    return visit.show(
        "account.html",
        title=visit.text("account.title"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults else HTTPStatus.OK,
        path=HOME,
        mine=mine,
        roles=[_in_words(visit, grant) for grant in mine.grants],
        done=done,
        tried=tried,
        forms=forms,
        faults=[fault for fields in forms.values() for fault in form_fields.summary(fields)],
        ways=WAYS,
        begun=begun is not None,
        begun_secret=begun.secret if begun else "",
        # Made by the library from the address alone.
        picture=Markup(receipts.picture(begun.address)) if begun else "",  # noqa: S704
        recovery=recovery,
    )


def _fields(visit: Visit, form: str, typed: Typed) -> list[FormField]:
    helps = {
        "new_password": visit.text("account.password.help", least=accounts.LEAST_PASSWORD),
        "code": visit.text("account.code.help"),
    }
    return [
        form_fields.field(name, visit.words, typed, form_id=form, kind=FieldKind.LINE, help_text=helps.get(name, ""))
        for name in FORMS[form]
    ]


def _in_words(visit: Visit, grant: Grant) -> tuple[str, str]:
    """Role and place of a grant; a place without a release stands by its code."""
    territory, _, area_id = grant.region_id.partition("/")
    known = {release.territory: release for release in shelf.all_latest(visit.doors.settings.releases)}
    release = known.get(access.territory_of(grant.region_id))
    place = desk.area_name(visit, release, area_id or territory) if release else grant.region_id
    return visit.text(f"account.role.{grant.role}"), place
