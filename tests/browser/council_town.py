"""A council to act in: a copy of the installation of its own, with accounts whose passwords the test knows."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from riskmap.assembly import open_store
from riskmap.council import casework, places
from riskmap.council.casework import Office
from riskmap.council.request import CouncilRequest, Filing, civil_day
from riskmap.identity import access, accounts
from riskmap.identity.access import Actor, Grant, Role
from riskmap.release import Release
from riskmap.settings import Settings
from riskmap.signals import places as signal_places
from tests.installation import CITY
from tests.signal_builder import a_signal

WORD = "a long enough word"
SIGN_IN_ROLES = (Role.RESIDENT, Role.COUNCIL_MEMBER, Role.SECRETARY, Role.CHAIR, Role.AKIMAT_OFFICER)


class CouncilTown:
    """The copied installation, its store beside the server's, and what tests need to do behind the pages."""

    def __init__(self, installation, folder: Path) -> None:
        self.data = folder / "data"
        shutil.copytree(installation.data, self.data)
        self.release: Release = installation.release()
        self.settings = Settings.from_environment({"RISKMAP_DATA": str(self.data)})
        self.store = open_store(self.settings)
        self.office = Office(store=self.store, journals=self.settings.journals)
        operator, now = access.operator(), datetime.now(UTC)
        for role in SIGN_IN_ROLES:
            accounts.set_password(self.store, operator, role.value, WORD, at=now)
        for login, role in (("colleague", Role.SECRETARY), ("newcomer", Role.RESIDENT)):
            grants = [Grant(role=role, region_id=CITY)]
            accounts.add(self.store, operator, login=login, password=WORD, grants=grants, language="kk", at=now)

    def actor(self, login: str) -> Actor:
        with self.store.look() as look:
            account = look.accounts.by_login(login)
            grants = look.accounts.grants_of(account.account_id)
        return Actor(account_id=account.account_id, login=login, grants=grants)

    def file(self, login: str, *, position: int, grounds: str) -> CouncilRequest:
        """A request on the cell at a position of the release, filed behind the pages."""
        place = places.locate(self.release, f"{int(self.release.cells[position]):x}")
        filing = Filing(kind="camera", grounds=grounds)
        key = f"behind the pages {login} {position}"
        return casework.file(self.office, self.actor(login), filing, place, key=key, at=datetime.now(UTC))

    def mark(self, cell_id: str) -> None:
        """A mark that waits for the secretary, made behind the pages."""
        place = signal_places.locate(self.release, cell_id)
        with self.store.work() as work:
            number = work.signals.next_number(CITY)
            day = civil_day(datetime.now(UTC))
            work.signals.add(a_signal(number, place=place, marked_on=day))
            work.commit()

    def end_sessions(self, login: str) -> None:
        with self.store.work() as work:
            work.sessions.end_all(self.actor_id(work, login), at=datetime.now(UTC))
            work.commit()

    @staticmethod
    def actor_id(work, login: str) -> str:
        return work.accounts.by_login(login).account_id

    def requests(self) -> list[CouncilRequest]:
        with self.store.look() as look:
            return look.requests.of_territory(CITY)
