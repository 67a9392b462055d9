"""A council and an account for each role, asked through the doors as a browser would, without a socket."""

import asyncio
import hashlib
import re
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import httpx
from starlette.applications import Starlette

from riskmap import assembly, release
from riskmap.council import casework, places
from riskmap.council.casework import Office
from riskmap.council.request import Action, CouncilRequest
from riskmap.doors.routes import routes
from riskmap.doors.visit import COOKIE
from riskmap.identity import accounts, sessions
from riskmap.identity.access import Actor, Grant, Role
from riskmap.ports import Account, Session, Store
from riskmap.provider_settings import ProviderSettings
from riskmap.public import static_files
from riskmap.settings import ASSETS, Settings
from tests.council import GROUNDS, NOW, TOWN, a_filing, fields_for
from tests.release_builder import a_release, fine_and_coarse_cells

SITE = "http://riskmap.test"
PHRASE = "төрт сөзден тұратын құпиясөз"
"""What opens every account."""
CELL = f"{int(fine_and_coarse_cells()[-1]):x}"
FAR_CELL = f"{int(fine_and_coarse_cells()[0]):x}"
ACCOUNTS: Mapping[str, tuple[Grant, ...]] = {
    "resident": (Grant(role=Role.RESIDENT, region_id=TOWN),),
    "other": (Grant(role=Role.RESIDENT, region_id=TOWN),),
    "member": (Grant(role=Role.COUNCIL_MEMBER, region_id=TOWN),),
    "secretary": (Grant(role=Role.SECRETARY, region_id=TOWN),),
    "chair": (Grant(role=Role.CHAIR, region_id=TOWN),),
    "officer": (Grant(role=Role.AKIMAT_OFFICER, region_id=TOWN),),
    "both": (Grant(role=Role.RESIDENT, region_id=TOWN), Grant(role=Role.SECRETARY, region_id=TOWN)),
    "police": (Grant(role=Role.POLICE_REVIEWER, region_id=TOWN),),
    "steward": (Grant(role=Role.STEWARD, region_id=TOWN),),
    "district_steward": (Grant(role=Role.STEWARD, region_id=f"{TOWN}/d1"),),
    "neighbour": (Grant(role=Role.RESIDENT, region_id=f"{TOWN}/d2"),),
    "stranger": (Grant(role=Role.RESIDENT, region_id="elsewhere"),),
}
"""Logins and what they may do; "neighbour" is at home in one district, "stranger" in another town."""
FROM_HERE = {"origin": SITE}


class _Form(HTMLParser):
    """Fields of each form as a browser would send them, by the form's action."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._action: str | None = None
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action = given["action"]
            self.forms[self._action] = {}
        elif self._action is not None and "name" in given:
            fields = self.forms[self._action]
            if tag == "textarea":
                self._area = given["name"]
                fields[self._area] = ""
            elif tag == "input" and (given.get("type") != "radio" or "checked" in given):
                fields[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._action is not None and self._area is not None:
            # A browser leaves out the line break right after the tag.
            fields = self.forms[self._action]
            fields[self._area] += data if fields[self._area] else data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._action = None
        if tag == "textarea":
            self._area = None


def forms_of(answer: httpx.Response) -> dict[str, dict[str, str]]:
    """Forms of a page by the path they send to."""
    reader = _Form()
    reader.feed(answer.text)
    return {action.partition("?")[0]: fields for action, fields in reader.forms.items()}


def form_to(answer: httpx.Response, ending: str) -> dict[str, str]:
    """Fields of the one form whose address ends so."""
    (found,) = [fields for path, fields in forms_of(answer).items() if path.endswith(ending)]
    return found


def text_of(answer: httpx.Response) -> str:
    """A page without its tags, as it is read."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", answer.text)
    return re.sub(r"[ \t\r\n]+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


@dataclass(kw_only=True)
class Browser:
    """Keeps cookies, follows nothing, and names the site of its forms as browsers do."""

    app: Starlette
    address: str = "127.0.0.1"
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def get(self, address: str, **query: str) -> httpx.Response:
        return self.ask("GET", address, params=query or None)

    def post(
        self, address: str, fields: Mapping[str, str], *, headers: Mapping[str, str] = FROM_HERE
    ) -> httpx.Response:
        return self.ask("POST", address, data=dict(fields), headers=dict(headers))

    def post_files(self, address: str, fields: Mapping[str, str], *files: bytes, name: str = "photo") -> httpx.Response:
        """Send a form with files as a browser does: fields first, then the files in the order they were chosen."""
        sent = {key: text for key, text in fields.items() if key not in ("photo", "scan")}
        parts = [(key, (None, text)) for key, text in sent.items()]
        # Where none is chosen a browser sends the field without a name and empty.
        parts += [(name, ("IMG_1.jpg", content, "image/jpeg")) for content in files] or [(name, ("", b""))]
        return self.ask("POST", address, files=parts, headers=dict(FROM_HERE))

    def ask(self, method: str, address: str, **options) -> httpx.Response:
        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=(self.address, 1234))
            async with httpx.AsyncClient(transport=transport, base_url=SITE, cookies=self.cookies) as client:
                answer = await client.request(method, address, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(asking())

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """The page an answer sends the browser on to."""
        assert answer.status_code == 303, answer.status_code
        return self.get(answer.headers["location"])

    @property
    def token(self) -> str | None:
        return self.cookies.get(COOKIE)

    @property
    def form_token(self) -> str:
        return sessions.form_token(self.token or "")


@dataclass(kw_only=True)
class Council:
    """The whole installation of a test; ``at`` is its clock, to be moved by hand."""

    settings: Settings
    store: Store
    app: Starlette
    at: datetime = NOW

    @property
    def office(self) -> Office:
        return Office(store=self.store, journals=self.settings.journals)

    def later(self, **delta: float) -> None:
        self.at += timedelta(**delta)

    def browser(self, address: str = "127.0.0.1") -> Browser:
        """One in which nobody is signed in."""
        return Browser(app=self.app, address=address)

    def signed_in(self, login: str, *, language: str = "kk") -> Browser:
        browser = self.browser()
        # Signing in hashes the password, slowly by intention; that way is tested through the front door.
        token = f"{login}-{uuid.uuid4()}"
        session = Session(
            token_sha256=hashlib.sha256(token.encode()).hexdigest(),
            account_id=self.actor(login).account_id,
            language=language,
            created_at=self.at,
            seen_at=self.at,
        )
        with self.store.work() as work:
            work.sessions.save(session)
            work.commit()
        browser.cookies.set(COOKIE, token, domain="riskmap.test", path="/")
        return browser

    def actor(self, login: str):
        with self.store.look() as look:
            account = accounts.by_login(look, login)
            grants = look.accounts.grants_of(account.account_id)
        return Actor(account_id=account.account_id, login=login, grants=grants)

    def file(
        self, login: str = "resident", *, cell: str = CELL, is_for_someone: bool = False, **given
    ) -> CouncilRequest:
        place = places.locate(release.read(self.settings.releases, TOWN), cell)
        key = str(uuid.uuid4())
        actor = self.actor(login)
        filing = a_filing(**given)
        return casework.file(self.office, actor, filing, place, key=key, at=self.at, is_for_someone=is_for_someone)

    def step(self, login: str, request: CouncilRequest, action: Action, **given: str) -> CouncilRequest:
        return casework.move(
            self.office,
            self.actor(login),
            request.territory,
            request.number,
            action=action,
            given=fields_for(action, **given),
            version=request.version,
            key=str(uuid.uuid4()),
            at=self.at,
        )

    def requests(self) -> list[CouncilRequest]:
        with self.store.look() as look:
            return look.requests.of_territory(TOWN)

    def supports(self) -> list[tuple[int, str]]:
        with self.store.look() as look:
            return look.requests.supports(TOWN)

    def audit_actions(self) -> list[str]:
        with self.store.look() as look:
            return [entry.action for entry in look.audit.entries()]

    def everything(self):
        """All that a refused form must leave as it was."""
        return self.requests(), self.supports()


def a_council(
    folder: Path,
    *,
    is_https: bool = False,
    address_header: str | None = None,
    provider: ProviderSettings | None = None,
) -> Council:
    """A council with a toy release and all accounts, in a database on disk: handlers run in threads."""
    settings = Settings(
        data=folder,
        database_url=f"sqlite:///{folder / 'riskmap.db'}",
        is_https=is_https,
        address_header=address_header,
        provider=provider,
    )
    release.write(settings.releases, *a_release(territory=TOWN))
    (folder / "riskmap.db").write_bytes(_database())
    store = assembly.open_store(settings)
    council = Council(settings=settings, store=store, app=Starlette())
    council.app.router.routes = [
        *routes(settings, lambda: store, now=lambda: council.at),
        *static_files.routes(assets=ASSETS, releases=settings.releases),
    ]
    return council


def a_form(**given: str) -> dict[str, str]:
    """What a resident types into the form of a new request."""
    return {"kind": "lighting", "grounds": GROUNDS, "landmark": "Мектеп қақпасы", "cell": CELL, **given}


@cache
def _database() -> bytes:
    """A database with all accounts; made once, for hashing passwords and making tables take their time."""
    password_hash = accounts.hash_password(PHRASE)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "riskmap.db"
        settings = Settings(data=path.parent, database_url=f"sqlite:///{path}")
        assembly.migrate(settings)
        store = assembly.open_store(settings)
        with store.work() as work:
            for login, grants in ACCOUNTS.items():
                account_id = f"a-{login}-0123"
                work.accounts.save(
                    Account(
                        account_id=account_id, login=login, password_hash=password_hash, language="kk", created_at=NOW
                    )
                )
                for grant in grants:
                    work.accounts.grant(account_id, grant, at=NOW)
            work.commit()
        store.close()
        return path.read_bytes()
