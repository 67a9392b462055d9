"""The provider people sign in with (OpenID Connect), as a client sees it: where to send them, and who came back.

Authorization code flow with PKCE. Of all a token claims, the subject alone is read: what somebody may do stands in our
own tables. A token counts only if it is signed with a public key of the provider (a shared secret or no signature never
will do), for us, now, and for the very sign-in that asked for it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

from riskmap.errors import ProviderRefused, ProviderUnavailable
from riskmap.identity.provider_wire import Wire
from riskmap.provider_port import is_subject
from riskmap.provider_settings import ProviderSettings, is_safe_address

SCOPE = "openid"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""All asymmetric: with a shared secret whoever knows it could make tokens, and "none" is no signature."""
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
FRESH = timedelta(hours=1)
"""For so long what the provider says of itself, and its keys, are not asked for again."""
ASK_AGAIN = timedelta(seconds=10)
"""After a failure nobody waits for the provider within this time."""
LEEWAY_S = 60
WAIT_S = 1.0
_FORM = "application/x-www-form-urlencoded"
_CANNOT_ASK = frozenset({"server_error", "temporarily_unavailable"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the provider sent a browser back with."""

    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


@dataclass(slots=True)
class _Kept:
    """Something fetched, with the moment until which it is fresh; None where it was never got."""

    told: Mapping[str, Any] | None = None
    until: datetime | None = None

    def is_fresh(self, at: datetime) -> bool:
        return self.until is not None and at < self.until


class Provider:
    """A provider as it was registered. One for the process: it remembers what the provider says of itself."""

    def __init__(self, settings: ProviderSettings, wire: Wire | None = None) -> None:
        self.settings = settings
        self._wire = wire or Wire(settings.ca_file)
        self._lock = Lock()
        self._document, self._keys = _Kept(), _Kept()

    @property
    def issuer(self) -> str:
        return self.settings.issuer

    def address(self, *, state: str, nonce: str, verifier: str, language: str, at: datetime) -> str:
        """Where to send a browser that wants to sign in.

        Raises
        ------
        ProviderUnavailable
            If the provider does not say where that is.
        """
        document = self._discovered(at)
        return str(
            prepare_grant_uri(
                document["authorization_endpoint"],
                self.settings.client_id,
                "code",
                redirect_uri=self.settings.redirect_address,
                scope=SCOPE,
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
                ui_locales=language,
            )
        )

    def subject(self, answer: Answer, *, nonce: str, verifier: str, at: datetime) -> str:
        """Who came back, by the name the provider has for them.

        Raises
        ------
        ProviderRefused
            If the provider let nobody in, or its answer does not stand a check.
        ProviderUnavailable
            If it cannot be asked.
        """
        document = self._discovered(at)
        # First of all, or an answer of another provider would be taken to this one.
        is_said = bool(document.get("authorization_response_iss_parameter_supported"))
        if answer.issuer != self.issuer and (answer.issuer or is_said):
            _refuse("other_issuer")
        if answer.error in _CANNOT_ASK:
            raise ProviderUnavailable(f"The provider says {answer.error}. Try again in a minute.")
        if answer.error or not answer.code:
            _refuse("turned_away")
        tokens = self._exchanged(document, answer.code, verifier)
        return self._subject_of(tokens, document, nonce=nonce, at=at)

    def _exchanged(self, document: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        body = prepare_token_request(
            "authorization_code", redirect_uri=self.settings.redirect_address, code=code, code_verifier=verifier
        )
        asked = self._client(document).prepare("POST", document["token_endpoint"], {"content-type": _FORM}, body)
        status, told = self._wire.post(*asked)
        if status == 200:
            return told
        if told.get("error") == "invalid_grant":
            _refuse("code_refused")
        raise ProviderUnavailable(
            f"The provider answers {status} when asked for a token. Check the client id and the secret."
        )

    def _client(self, document: Mapping[str, Any]) -> ClientAuth:
        known = document.get("token_endpoint_auth_methods_supported")
        method = "client_secret_basic"
        if isinstance(known, list) and method not in known and "client_secret_post" in known:
            return ClientAuth(self.settings.client_id, self._secret(), "client_secret_post")
        # RFC 6749, 2.3.1: each part is encoded before the two are joined by a colon.
        return ClientAuth(quote(self.settings.client_id, safe=""), quote(self._secret(), safe=""), method)

    def _secret(self) -> str:
        path = self.settings.secret_file
        if path is None:
            return self.settings.client_secret or ""
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ProviderUnavailable(
                "The file of the client secret cannot be read. Correct RISKMAP_OIDC_CLIENT_SECRET_FILE."
            ) from error

    def _subject_of(self, tokens: Mapping[str, Any], document: Mapping[str, Any], *, nonce: str, at: datetime) -> str:
        raw = tokens.get("id_token")
        if not isinstance(raw, str):
            _refuse("bad_token", check="missing")
        try:
            token = self._verified(raw, document, at=at)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self._me}},
                {"client_id": self._me, "nonce": nonce, "access_token": tokens.get("access_token")},
            )
            claims.validate(now=int(at.timestamp()), leeway=LEEWAY_S)
        except ClaimError as error:
            _refuse("bad_token", check=error.claim)
        except JoseError as error:
            _refuse("bad_token", check=error.error)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            _refuse("bad_token", check="unreadable")
        subject = claims["sub"]
        if not is_subject(subject):
            _refuse("bad_token", check="sub")
        return str(subject)

    @property
    def _me(self) -> str:
        return self.settings.client_id

    def _verified(self, raw: str, document: Mapping[str, Any], *, at: datetime) -> jwt.Token:
        named = document.get("id_token_signing_alg_values_supported")
        allowed = [name for name in ALGORITHMS if not isinstance(named, list) or name in named]
        # A registry without any would take those that its library recommends.
        registry = JWSRegistry(algorithms=allowed or ["RS256"], strict_check_header=False)
        keys, were_kept = self._key_set(document, at=at)
        try:
            return jwt.decode(raw, keys, registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            if not were_kept:
                raise
        # The provider may have changed its keys since they were fetched.
        keys, _ = self._key_set(document, at=at, is_anew=True)
        return jwt.decode(raw, keys, registry=registry)

    def _key_set(self, document: Mapping[str, Any], *, at: datetime, is_anew: bool = False) -> tuple[KeySet, bool]:
        """The provider's public keys, and whether they had been fetched before."""
        told, were_kept = self._fetched(self._keys, document["jwks_uri"], at=at, is_anew=is_anew, require=_require_keys)
        keys = []
        for given in told["keys"]:
            if isinstance(given, dict) and given.get("kty") in KEY_TYPES and given.get("use", "sig") == "sig":
                try:
                    keys.append(JWKRegistry.import_key(given))
                except (JoseError, TypeError, ValueError):
                    _log.warning("A key of the provider cannot be read and is left out")
        if not keys:
            raise ProviderUnavailable("The provider names no public key to check its signatures with.")
        return KeySet(keys), were_kept

    def _discovered(self, at: datetime) -> Mapping[str, Any]:
        address = f"{self.issuer.removesuffix('/')}/.well-known/openid-configuration"
        document, _ = self._fetched(
            self._document, address, at=at, require=lambda told: _require_fit(told, self.issuer)
        )
        return document

    def _fetched(
        self,
        kept: _Kept,
        address: str,
        *,
        at: datetime,
        require: Callable[[Mapping[str, Any]], None],
        is_anew: bool = False,
    ) -> tuple[Mapping[str, Any], bool]:
        """What stands at an address, and whether it had been fetched before; an old answer is better than none."""
        if kept.is_fresh(at) and not is_anew:
            return _require_got(kept.told), True
        if not self._lock.acquire(timeout=WAIT_S):
            if kept.told is not None and not is_anew:
                return kept.told, True
            raise ProviderUnavailable("The provider is being asked by others, and does not answer.")
        try:
            if kept.is_fresh(at) and not is_anew:
                return _require_got(kept.told), True
            status, told = self._wire.get(address)
            if status != 200:
                raise ProviderUnavailable(f"The provider answers {status} where it should tell of itself.")
            require(told)
            kept.told, kept.until = told, at + FRESH
            return told, False
        except ProviderUnavailable:
            kept.until = at + ASK_AGAIN
            if kept.told is None or is_anew:
                raise
            _log.warning("The provider does not tell of itself anew; what it said before is used")
            return kept.told, True
        finally:
            self._lock.release()


def _require_got(told: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if told is None:
        raise ProviderUnavailable("The provider did not answer a moment ago. Try again in a minute.")
    return told


def _require_fit(document: Mapping[str, Any], issuer: str) -> None:
    """Check that the document is of this issuer and names what is needed, at addresses fit to be asked."""
    if document.get("issuer") != issuer:
        raise ProviderUnavailable(
            "The provider names another issuer than RISKMAP_OIDC_ISSUER; expected the same to the letter. Correct it."
        )
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = document.get(name)
        if not isinstance(address, str) or not _is_as_safe(address, issuer):
            raise ProviderUnavailable(f"The provider names no {name} that is as safe as its own address.")
    challenges = document.get("code_challenge_methods_supported")
    if isinstance(challenges, list) and "S256" not in challenges:
        raise ProviderUnavailable("The provider knows no PKCE with S256; expected one that does.")


def _require_keys(told: Mapping[str, Any]) -> None:
    if not isinstance(told.get("keys"), list):
        raise ProviderUnavailable("The provider lists no keys where it says that they are.")


def _is_as_safe(address: str, issuer: str) -> bool:
    place = address.partition("?")[0]
    return is_safe_address(place) and (urlsplit(issuer).scheme == "http" or urlsplit(place).scheme == "https")


def _refuse(reason: str, *, check: str = "") -> NoReturn:
    raise ProviderRefused(
        f"Whoever came back from the provider is not let in: {reason} {check}".strip() + ". Begin again.",
        reason=reason,
        check=check,
    )
