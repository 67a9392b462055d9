"""Settings of an installation, read from the environment once, when a program starts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from riskmap import provider_settings
from riskmap.errors import InvalidSetting
from riskmap.identity.access import Role
from riskmap.provider_settings import ProviderSettings

REPOSITORY = Path(__file__).resolve().parents[1]
ASSETS = Path(__file__).resolve().parent / "assets"
MODEL_RESULTS = REPOSITORY / "docs" / "model_results.json"
"""Results of the benchmark, part of the program like its documents."""
LONGEST_CONTACT = 200
LONGEST_ATTRIBUTION = 300
LEAST_DAYS = {"marks_days": 100, "requests_days": 365, "audit_days": 1096}
"""Marks of a quarter must be there until it is over, for then they are counted; a decision can be asked about for a
year; logs of an information system are kept three years at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One variable of the environment; docs/architecture.md lists them all."""

    name: str
    default: str
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="RISKMAP_DATA",
        default="var, beside the program",
        meaning="Folder of everything the installation owns: database, incident lake, territories, releases.",
    ),
    Setting(
        name="RISKMAP_SIDE",
        default="all: public pages, and those for whoever signs in",
        meaning="public to serve the public pages alone: this process then reads the folders releases, journals and "
        "site below RISKMAP_DATA, opens no database and writes nothing.",
    ),
    Setting(
        name="RISKMAP_DATABASE_URL",
        default="sqlite:///RISKMAP_DATA/riskmap.db",
        meaning="Database of catalogues, as an SQLAlchemy address of a SQLite file.",
    ),
    Setting(
        name="RISKMAP_TILE_URL",
        default="none: only the territory's own basemap is drawn",
        meaning="Address of map tiles with {z}, {x} and {y}. Visitors' browsers will ask that server for pictures.",
    ),
    Setting(
        name="RISKMAP_BASEMAP_FILE",
        default="none: only the territory's own basemap is drawn",
        meaning="A .pmtiles file of vector tiles to lie under the map. This process serves it, so visitors' browsers "
        "ask nobody else. The command serve says what is wrong with a file that cannot be used.",
    ),
    Setting(
        name="RISKMAP_BASEMAP_ATTRIBUTION",
        default="what the .pmtiles file says of its makers",
        meaning="Whose work the tiles or the .pmtiles file are, as their licence asks; the map shows it as plain text.",
    ),
    Setting(
        name="RISKMAP_HTTPS",
        default="0: no HTTPS, as on localhost",
        meaning="1 where people reach the site through HTTPS; the cookie of a session then never travels without it.",
    ),
    Setting(
        name="RISKMAP_SECOND_PERSON",
        default="0: the command publishes at once",
        meaning="1 where a release waits until a second person, signed in as a data steward, approves it.",
    ),
    Setting(
        name="RISKMAP_TOTP_ROLES",
        default="none: everybody decides for themselves",
        meaning="Roles, separated by commas, that work only once their holder has switched sign-in codes on.",
    ),
    Setting(
        name="RISKMAP_CONTACT",
        default="none: the pages say so",
        meaning="How the owner is reached: an e-mail address, a phone. "
        "The model card and the pages on privacy and for the press show it.",
    ),
    Setting(
        name="RISKMAP_ADDRESS_HEADER",
        default="none: the address of the connection counts",
        meaning="Header in which the proxy in front writes the visitor's address, for limits on anonymous marks. "
        "Behind a proxy on this machine without it, all visitors count as one neighbourhood.",
    ),
    Setting(
        name="RISKMAP_SITE_ADDRESS",
        default="none: nobody can sign in with a provider",
        meaning="The site's own address, scheme and host, to which a provider of sign-in sends browsers back.",
    ),
    Setting(
        name="RISKMAP_OIDC_ISSUER",
        default="none: people sign in with login and password alone",
        meaning="Issuer of the provider people may sign in with (OpenID Connect), letter by letter as it names itself. "
        "Register the site there with the address RISKMAP_SITE_ADDRESS/sign-in/callback.",
    ),
    Setting(
        name="RISKMAP_OIDC_CLIENT_ID",
        default="none",
        meaning="Name under which the site is registered at the provider.",
    ),
    Setting(
        name="RISKMAP_OIDC_CLIENT_SECRET",
        default="none",
        meaning="Secret that the provider gave with it.",
    ),
    Setting(
        name="RISKMAP_OIDC_CLIENT_SECRET_FILE",
        default="none",
        meaning="File that holds this secret, in place of the setting before.",
    ),
    Setting(
        name="RISKMAP_OIDC_NAME",
        default="none: the button speaks of the organisation's own system",
        meaning="What people call the provider; the button of the sign-in page says it.",
    ),
    Setting(
        name="RISKMAP_OIDC_CA_FILE",
        default="the certificate authorities of the machine",
        meaning="File (PEM) of the authorities whose certificates alone the provider may show, in a closed network.",
    ),
    Setting(
        name="RISKMAP_KEEP_QUARANTINE_DAYS",
        default="180",
        meaning="Days for which rows set aside are kept, from the day their file was delivered.",
    ),
    Setting(
        name="RISKMAP_KEEP_SESSIONS_DAYS",
        default="30",
        meaning="Days for which sessions are kept after they ended.",
    ),
    Setting(
        name="RISKMAP_KEEP_FEEDS_DAYS",
        default="90",
        meaning="Days for which pages fetched from a service are kept.",
    ),
    Setting(
        name="RISKMAP_KEEP_SCORES_DAYS",
        default="365",
        meaning="Days for which score runs are kept that no release was made of.",
    ),
    Setting(
        name="RISKMAP_KEEP_SUPERSEDED_DAYS",
        default="365",
        meaning="Days after which of a superseded delivery only its counts, day and fingerprint are kept.",
    ),
    Setting(
        name="RISKMAP_KEEP_REVIEWS_DAYS",
        default="365",
        meaning="Days after which, once a review of a place is answered, what people wrote for it is removed.",
    ),
    Setting(
        name="RISKMAP_KEEP_MARKS_DAYS",
        default="365",
        meaning="Days for which anonymous marks are kept, from the day they were made.",
    ),
    Setting(
        name="RISKMAP_KEEP_PHOTOS_DAYS",
        default="365",
        meaning="Days for which photos are kept that are not shown, and, once a request is closed, its photos and "
        "scans of answers.",
    ),
    Setting(
        name="RISKMAP_KEEP_REQUESTS_DAYS",
        default="1826",
        meaning="Days after which, once a council request is closed, what was not published of it is removed.",
    ),
    Setting(
        name="RISKMAP_KEEP_AUDIT_DAYS",
        default="1826",
        meaning="Days for which lines of the audit log are kept, at least 1096.",
    ),
    Setting(
        name="RISKMAP_KEEP_INCIDENTS_YEARS",
        default="none: incidents are kept",
        meaning="Years for which incidents are kept, from the day they occurred.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFor:
    """How long each kind of data is kept; the command ``retention`` removes what is older (`riskmap.kept_kinds`).

    Days, and whole years for incidents; None keeps them.
    """

    quarantine_days: int = 180
    sessions_days: int = 30
    feeds_days: int = 90
    scores_days: int = 365
    superseded_days: int = 365
    reviews_days: int = 365
    marks_days: int = 365
    photos_days: int = 365
    requests_days: int = 1826
    audit_days: int = 1826
    incidents_years: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an installation was told."""

    data: Path
    database_url: str
    is_public_side: bool = False
    tile_url: str | None = None
    basemap_file: Path | None = None
    basemap_attribution: str | None = None
    is_https: bool = False
    needs_second_person: bool = False
    code_roles: frozenset[Role] = frozenset()
    contact: str | None = None
    address_header: str | None = None
    kept_for: KeptFor = KeptFor()
    provider: ProviderSettings | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Settings from the given variables, or from those of this process; empty ones count as not given.

        Raises
        ------
        InvalidSetting
            If a value cannot be used.
        """
        given = os.environ if environ is None else environ
        # Absolute, so that a later change of folder does not move the installation.
        data = Path(given.get("RISKMAP_DATA", "").strip() or REPOSITORY / "var").expanduser().absolute()
        database_url = given.get("RISKMAP_DATABASE_URL", "").strip() or f"sqlite:///{data / 'riskmap.db'}"
        is_https = _yes_or_no("RISKMAP_HTTPS", given.get("RISKMAP_HTTPS", "").strip())
        site = provider_settings.usable_site(given.get("RISKMAP_SITE_ADDRESS", "").strip(), is_https=is_https)
        return cls(
            data=data,
            database_url=_usable_database(database_url),
            is_public_side=_usable_side(given.get("RISKMAP_SIDE", "").strip()) == "public",
            tile_url=_usable_tiles(given.get("RISKMAP_TILE_URL", "").strip()),
            basemap_file=_usable_file(given.get("RISKMAP_BASEMAP_FILE", "").strip()),
            basemap_attribution=_usable_line(
                "RISKMAP_BASEMAP_ATTRIBUTION", given.get("RISKMAP_BASEMAP_ATTRIBUTION", "").strip(), LONGEST_ATTRIBUTION
            ),
            is_https=is_https,
            code_roles=_usable_roles(given.get("RISKMAP_TOTP_ROLES", "").strip()),
            needs_second_person=_yes_or_no("RISKMAP_SECOND_PERSON", given.get("RISKMAP_SECOND_PERSON", "").strip()),
            contact=_usable_line("RISKMAP_CONTACT", given.get("RISKMAP_CONTACT", "").strip(), LONGEST_CONTACT),
            address_header=_usable_header(given.get("RISKMAP_ADDRESS_HEADER", "").strip()),
            kept_for=_kept_for(given),
            provider=provider_settings.from_environment(given, site_address=site),
        )

    @property
    def releases(self) -> Path:
        """Folder of published releases; with `journals`, all that the public side reads."""
        return self.data / "releases"

    @property
    def layouts(self) -> Path:
        """Folder of the operator's own layouts of publishers' files."""
        return self.data / "layouts"

    @property
    def feeds(self) -> Path:
        """Folder of pages fetched from services."""
        return self.data / "feeds"

    @property
    def site(self) -> Path:
        """Folder of the public pages as text."""
        return self.data / "site"

    @property
    def journals(self) -> Path:
        """Folder of the councils' published journals."""
        return self.data / "journals"


def _usable_database(url: str) -> str:
    if not url.startswith("sqlite:///"):
        scheme = url.split(":", 1)[0][:20]
        raise InvalidSetting(
            f"RISKMAP_DATABASE_URL starts with {scheme!r}; this version keeps its catalogues in SQLite. "
            "Give sqlite:////absolute/path/riskmap.db, or leave the setting out."
        )
    return url


def _usable_side(text: str) -> str:
    if text not in {"", "all", "public"}:
        raise InvalidSetting(
            f"RISKMAP_SIDE is {text[:20]!r}; expected all or public. Correct it, or leave the setting out."
        )
    return text


def _usable_roles(text: str) -> frozenset[Role]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name[:40] for name in names if name not in set(Role)]
    if unknown:
        raise InvalidSetting(
            f"RISKMAP_TOTP_ROLES names {', '.join(map(repr, unknown))}; expected some of {', '.join(Role)}, separated "
            "by commas. Correct it, or leave the setting out."
        )
    return frozenset(Role(name) for name in names)


def _yes_or_no(name: str, text: str) -> bool:
    if text not in {"", "0", "1"}:
        raise InvalidSetting(f"{name} is {text[:20]!r}; expected 1 or 0. Correct it, or leave the setting out.")
    return text == "1"


def _usable_file(text: str) -> Path | None:
    """A path; whether the file can be used is seen when the website starts, for the map is shown without it."""
    if not text:
        return None
    if not text.isprintable() or Path(text).suffix != ".pmtiles":
        raise InvalidSetting(
            f"RISKMAP_BASEMAP_FILE is {text[:80]!r}; expected the path of a file that ends in .pmtiles. "
            "Correct it, or leave the setting out."
        )
    return Path(text).expanduser().absolute()


def _usable_line(name: str, text: str, most: int) -> str | None:
    if len(text) > most or not text.isprintable():
        raise InvalidSetting(
            f"{name} is {text[:20]!r}…; expected one line of at most {most} characters. "
            "Shorten it, or leave the setting out."
        )
    return text or None


def _usable_header(text: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9-]{0,60}", text):
        raise InvalidSetting(
            f"RISKMAP_ADDRESS_HEADER is {text[:20]!r}; expected the name of a header such as X-Forwarded-For. "
            "Correct it, or leave the setting out."
        )
    return text or None


def _kept_for(given: Mapping[str, str]) -> KeptFor:
    told = {}
    for field in KeptFor.__dataclass_fields__:
        name = f"RISKMAP_KEEP_{field.upper()}"
        text = given.get(name, "").strip()
        if text:
            most = 200 if field.endswith("years") else 36_500
            told[field] = _whole_number(name, text, least=LEAST_DAYS.get(field, 1), most=most)
    return KeptFor(**told)


def _whole_number(name: str, text: str, *, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal()) or not least <= int(text[:9]) <= most:
        raise InvalidSetting(
            f"{name} is {text[:20]!r}; expected a whole number from {least} to {most}. "
            "Correct it, or leave the setting out."
        )
    return int(text)


def _usable_tiles(url: str) -> str | None:
    if not url:
        return None
    if not url.startswith(("http://", "https://")) or any(f"{{{part}}}" not in url for part in "zxy"):
        raise InvalidSetting(
            f"RISKMAP_TILE_URL is {url[:80]!r}; expected an http or https address with {{z}}, {{x}} and {{y}}. "
            "Correct it, or leave the setting out."
        )
    return url
