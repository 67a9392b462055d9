"""What an installation was told of the provider its people may sign in with (OpenID Connect)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from riskmap.errors import InvalidSetting

ISSUER, CLIENT_ID, NAME = "RISKMAP_OIDC_ISSUER", "RISKMAP_OIDC_CLIENT_ID", "RISKMAP_OIDC_NAME"
SECRET, SECRET_FILE, CA_FILE = "RISKMAP_OIDC_CLIENT_SECRET", "RISKMAP_OIDC_CLIENT_SECRET_FILE", "RISKMAP_OIDC_CA_FILE"
SITE_ADDRESS = "RISKMAP_SITE_ADDRESS"
CALLBACK = "/sign-in/callback"
"""Path that the provider sends browsers back to; with the site's address it is registered there."""
LONGEST_ADDRESS = 200
LONGEST_NAME = 60
_ALL = (ISSUER, CLIENT_ID, SECRET, SECRET_FILE, NAME, CA_FILE)
_PLAIN = "Correct it, or leave the setting out."


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """The provider as it was registered.

    The secret is given here or in a file, which is read when somebody signs in: whether it can be read is nothing for
    commands that need no provider.
    """

    issuer: str
    client_id: str
    redirect_address: str
    client_secret: str | None = field(default=None, repr=False)
    secret_file: Path | None = None
    name: str | None = None
    ca_file: Path | None = None


def from_environment(given: Mapping[str, str], *, site_address: str | None) -> ProviderSettings | None:
    """The provider that the variables name; None where they name none.

    Raises
    ------
    InvalidSetting
        If a value cannot be used, or one is missing beside the others.
    """
    told = {name: text for name in _ALL if (text := given.get(name, "").strip())}
    if not told:
        return None
    _require_complete(told, site_address)
    return ProviderSettings(
        issuer=usable_address(ISSUER, told[ISSUER]),
        client_id=_usable_line(CLIENT_ID, told[CLIENT_ID], LONGEST_ADDRESS),
        redirect_address=f"{site_address}{CALLBACK}",
        client_secret=told.get(SECRET),
        secret_file=_path(told.get(SECRET_FILE)),
        name=_usable_line(NAME, told[NAME], LONGEST_NAME) if NAME in told else None,
        ca_file=_path(told.get(CA_FILE)),
    )


def usable_site(text: str, *, is_https: bool) -> str | None:
    """The site's own address, as people reach it.

    Raises
    ------
    InvalidSetting
        If it is no address of a whole site, or says otherwise than RISKMAP_HTTPS.
    """
    if not text:
        return None
    address = usable_address(SITE_ADDRESS, text).rstrip("/")
    parts = urlsplit(address)
    if parts.path:
        raise InvalidSetting(f"{SITE_ADDRESS} is {text[:80]!r}; expected a scheme and a host without a path. {_PLAIN}")
    if (parts.scheme == "https") != is_https:
        raise InvalidSetting(
            f"{SITE_ADDRESS} begins with {parts.scheme}:// and RISKMAP_HTTPS is {int(is_https)}; expected https and 1, "
            "or http and 0. Correct one of them."
        )
    return address


def usable_address(name: str, text: str) -> str:
    """An https address; http only to this very machine.

    Raises
    ------
    InvalidSetting
        If it is another, or holds a password, parameters or a fragment.
    """
    if not is_safe_address(text) or len(text) > LONGEST_ADDRESS:
        raise InvalidSetting(
            f"{name} is no address that can be used here; expected https:// and a host, {LONGEST_ADDRESS} signs at "
            f"most, without a password, parameters or a fragment (http:// only to this machine itself). {_PLAIN}"
        )
    return text


def is_safe_address(text: str) -> bool:
    """Whether nobody on the way can read or change what is sent there, and nothing but a place is named.

    Examples
    --------
    >>> is_safe_address("https://id.example/realm"), is_safe_address("http://id.example"), is_safe_address("http://[::1]:80")
    (True, False, True)
    """
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and not any(sign in text for sign in ' ?#\\"<>')
    if not host or not is_plain or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_complete(told: Mapping[str, str], site_address: str | None) -> None:
    missing = [name for name in (ISSUER, CLIENT_ID) if name not in told]
    missing += [] if SECRET in told or SECRET_FILE in told else [f"{SECRET} or {SECRET_FILE}"]
    missing += [] if site_address else [SITE_ADDRESS]
    if missing:
        raise InvalidSetting(
            f"{', '.join(told)} given, but not {', '.join(missing)}; signing in with a provider needs them all. "
            "Give them, or leave all of RISKMAP_OIDC_ out."
        )
    if SECRET in told and SECRET_FILE in told:
        raise InvalidSetting(f"{SECRET} and {SECRET_FILE} are both given; expected one of them. Leave one out.")


def _usable_line(name: str, text: str, most: int) -> str:
    if len(text) > most or not text.isprintable():
        raise InvalidSetting(f"{name} is {text[:20]!r}…; expected one line of at most {most} signs. {_PLAIN}")
    return text


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text else None
