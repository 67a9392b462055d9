"""What a handler knows of one request of a browser: who asks, for what, in which language, at which moment."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from riskmap import installation_key, wording
from riskmap.council.casework import Office
from riskmap.doors.form_body import Body
from riskmap.doors.refusals import UnknownPage
from riskmap.errors import SessionEnded
from riskmap.identity import sessions
from riskmap.identity.access import Actor
from riskmap.identity.provider import Provider
from riskmap.identity.sessions import SignedIn
from riskmap.place_review.desk import ReviewOffice
from riskmap.ports import Store
from riskmap.public import base_map, following, page, shelf
from riskmap.public.base_map import BaseMap
from riskmap.public.page import Shell, Visitor
from riskmap.release import Release
from riskmap.settings import Settings
from riskmap.signals import limits
from riskmap.signals.desk import SignalOffice
from riskmap.signals.limits import Gate
from riskmap.wording import Wording

COOKIE = "riskmap_session"
BEGUN_COOKIE = "riskmap_sign_in"
"""Held by a browser on its way to the provider of sign-in and back."""
NUMBER = re.compile(r"[1-9][0-9]{0,8}")
DELIVERY_ID = re.compile(r"[0-9a-f]{16}")


class Doors:
    """What all handlers share: settings, a clock, and the store, which is opened when somebody first needs it."""

    def __init__(self, settings: Settings, open_store: Callable[[], Store], now: Callable[[], datetime]) -> None:
        self.settings, self.now = settings, now
        self._open_store, self._opening = open_store, Lock()
        self._store: Store | None = None
        self.gate = Gate()
        self.provider = Provider(settings.provider) if settings.provider else None

    @property
    def store(self) -> Store:
        """The one store of this process; errors as in `assembly.open_store`, and the next call tries again."""
        with self._opening:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    @property
    def office(self) -> Office:
        return Office(store=self.store, journals=self.settings.journals)

    def who(self, token: str | None, *, at: datetime) -> SignedIn:
        """Who holds a token; errors as in `sessions.current`."""
        return sessions.current(self.store, token, at=at, code_roles=self.settings.code_roles)

    @property
    def review_office(self) -> ReviewOffice:
        """Where reviews of places are kept; errors of the key as in `installation_key.load`."""
        secret = installation_key.load(self.settings.data)
        return ReviewOffice(store=self.store, journals=self.settings.journals, secret=secret)

    @property
    def signal_office(self) -> SignalOffice:
        """Where marks are kept; errors of the key as in `installation_key.load`."""
        secret = installation_key.load(self.settings.data)
        return SignalOffice(store=self.store, journals=self.settings.journals, secret=secret, gate=self.gate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser. ``form`` is empty unless something was sent; ``signed_in`` is None at the front door.

    ``form`` may hold a password, so it is left out of what is printed of a visit.
    """

    doors: Doors
    at: datetime
    words: Wording
    path: str
    query: Mapping[str, str]
    asked: Mapping[str, str]
    """Parts of the path by name."""
    is_sending: bool
    is_from_here: bool = False
    """Whether the browser says that one of our own pages sent the form."""
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[bytes, ...] = field(default=(), repr=False)
    """Contents of the files that a form sent along."""
    is_cut: bool = False
    """Whether more came than fits, so that some files are not there."""
    token: str | None = field(default=None, repr=False)
    begun: str | None = field(default=None, repr=False)
    """What the browser was given when it was sent to the provider of sign-in."""
    signed_in: SignedIn | None = None
    site: str = ""
    """Address of the site as the visitor reached it; empty where it is none."""
    address: str | None = field(default=None, repr=False)
    """Where the visit comes from, for the limits on marks alone; None where it is not known."""

    @property
    def upload(self) -> bytes | None:
        """Content of the one file that a form sent along; None where it is empty or there is none."""
        return (self.files[0] or None) if self.files else None

    @property
    def actor(self) -> Actor:
        """Who asks.

        Raises
        ------
        SessionEnded
            If nobody is signed in.
        """
        if self.signed_in is None:
            raise SessionEnded("Nobody is signed in; expected somebody who is. Sign in.")
        return self.signed_in.actor

    @property
    def office(self) -> Office:
        return self.doors.office

    @property
    def review_office(self) -> ReviewOffice:
        return self.doors.review_office

    @property
    def signal_office(self) -> SignalOffice:
        return self.doors.signal_office

    @property
    def release(self) -> Release:
        """Newest release of the territory in the path; errors as in `shelf.latest`."""
        return shelf.latest(self.doors.settings.releases, self.asked["territory"])

    @property
    def number(self) -> int:
        """Number of the request in the path.

        Raises
        ------
        UnknownPage
            If it is no number.
        """
        if not NUMBER.fullmatch(self.asked["number"]):
            raise UnknownPage("The address names no request; expected a number. Look it up in the list of requests.")
        return int(self.asked["number"])

    @property
    def subject(self) -> str:
        """What the visit is about, in words of the audit log; never what a person typed."""
        territory, number = self.asked.get("territory", ""), self.asked.get("number", "")
        if NUMBER.fullmatch(number) and self.path.startswith("/place-reviews"):
            return f"review {territory}-{number}"
        if NUMBER.fullmatch(number) and self.path.startswith("/photos"):
            return f"photo {territory}-{number}"
        if NUMBER.fullmatch(number):
            return f"request {territory}-{number}"
        delivery_id = self.asked.get("delivery", "")
        if DELIVERY_ID.fullmatch(delivery_id):
            return f"delivery {delivery_id}"
        return f"territory {territory}"

    @property
    def visitor(self) -> Visitor | None:
        if self.signed_in is None:
            return None
        notices = {"codes": self.signed_in.lacks_codes, "password": self.signed_in.is_password_given}
        return Visitor(
            login=self.signed_in.actor.login,
            form_token=self.signed_in.form_token,
            notices=tuple(name for name, is_due in notices.items() if is_due),
        )

    def with_session(self, signed_in: SignedIn) -> "Visit":
        """The same visit of somebody known, in the language of their session."""
        return replace(self, signed_in=signed_in, words=wording.in_language(signed_in.language))

    def text(self, key: str, **values: wording.Value) -> str:
        return self.words.text(key, **values)

    def link(self, path: str, **query: str) -> str:
        """Address of a page in the language of this visit."""
        return page.address(path, lang=self.words.language, **query)

    @property
    def base_map(self) -> BaseMap:
        """What the operator gives to lie under the map."""
        settings = self.doors.settings
        return base_map.of(settings.tile_url, settings.basemap_file, settings.basemap_attribution)

    def show(
        self,
        template: str,
        *,
        title: str,
        status: HTTPStatus = HTTPStatus.OK,
        release: Release | None = None,
        path: str | None = None,
        query: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A page inside the site's shell. ``path`` and ``query`` are where it is found in another language."""
        shell = Shell(
            words=self.words,
            path=path or self.path,
            query=query or {},
            territory=release.territory if release else None,
            place_name=release.names[self.words.language] if release else None,
            is_simulated=bool(release and release.is_simulated),
            visitor=self.visitor,
        )
        tile_url = self.doors.settings.tile_url
        response = page.render(template, shell, title=title, status=status, tile_url=tile_url, **values)
        # Whoever opens this browser next must not find it with the back button.
        response.headers["cache-control"] = "no-store"
        return response

    def go(self, path: str, **query: str) -> Response:
        """Send the browser on to another page of ours."""
        headers = {"cache-control": "no-store"}
        return RedirectResponse(self.link(path, **query), status_code=HTTPStatus.SEE_OTHER, headers=headers)


def begin(request: Request, doors: Doors, body: Body) -> Visit:
    """A visit before anybody knows who it is: in the language the address or the form asks for."""
    query, form = dict(request.query_params), body.fields
    return Visit(
        doors=doors,
        at=doors.now(),
        words=wording.in_language(asked_language(query, form) or wording.DEFAULT_LANGUAGE),
        path=request.url.path,
        query=query,
        asked=dict(request.path_params),
        is_sending=request.method == "POST",
        is_from_here=request.method == "POST" and is_from_here(request.headers) is True,
        form=form,
        files=body.files,
        is_cut=body.is_cut,
        token=request.cookies.get(COOKIE),
        site=following.site_of(request),
        begun=request.cookies.get(BEGUN_COOKIE),
        address=_address(request, doors.settings.address_header),
    )


def _address(request: Request, header: str | None) -> str | None:
    if header is not None:
        # The nearest proxy writes last; what stands before it a visitor may have made up.
        return limits.readable(request.headers.get(header, "").rpartition(",")[2])
    return limits.readable(request.client.host if request.client else None)


def asked_language(query: Mapping[str, str], form: Mapping[str, str]) -> str | None:
    """The language a visit asks for itself; None where it does not, or asks for one we have not."""
    given = query.get("lang") or form.get("lang") or ""
    code = wording.language_or_default(given)
    return code if given.strip().lower().startswith(code) else None


def is_from_here(headers: Mapping[str, str]) -> bool | None:
    """Whether a form was sent by a page of this very site; None where the browser does not say.

    ``Sec-Fetch-Site`` is believed first: scripts cannot set it, and it holds behind a proxy that renames the host.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        return None
    return origin.partition("://")[2].lower() == headers.get("host", "").lower()
