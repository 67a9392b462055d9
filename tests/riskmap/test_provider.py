"""What of a provider's answers is believed: documents, keys, tokens, and how long anybody waits for them."""

import datetime as dt
import ipaddress
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt

from riskmap.errors import ProviderRefused, ProviderUnavailable
from riskmap.identity import provider_wire
from riskmap.identity.provider import ASK_AGAIN, FRESH, Answer, Provider
from riskmap.identity.provider_wire import Wire
from tests import identity_provider as providers

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NONCE, VERIFIER = "the nonce", "v" * 43
CODE = Answer(code="c")
SECOND = timedelta(seconds=1)


@pytest.fixture
def liar():
    with providers.lying_provider() as started:
        started.says(nonce=NONCE, at=NOW)
        yield started


def asked(liar_or_issuer, **more):
    issuer = getattr(liar_or_issuer, "issuer", liar_or_issuer)
    return Provider(providers.settings_of(issuer, **more))


def subject(provider, *, at=NOW, answer=CODE):
    return provider.subject(answer, nonce=NONCE, verifier=VERIFIER, at=at)


def address(provider, *, at=NOW):
    return provider.address(state="s", nonce=NONCE, verifier=VERIFIER, language="kk", at=at)


# ---- Tokens ----


def test_a_token_that_is_in_order_tells_the_subject(liar):
    assert subject(asked(liar)) == "s-1"
    assert liar.forms == [
        {
            "grant_type": "authorization_code",
            "code": "c",
            "code_verifier": VERIFIER,
            "redirect_uri": "http://riskmap.test/sign-in/callback",
        }
    ]


@pytest.mark.parametrize(
    ("claims", "check"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "third"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["riskmap", "another"]}, "azp"),
        ({"aud": ["riskmap", "another"], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "https://elsewhere.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"exp": int(NOW.timestamp()) - 60}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"iat": int(NOW.timestamp()) + 120}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": int(NOW.timestamp()) + 120}, "nbf"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": " s-1"}, "sub"),
        ({"sub": "s\n1"}, "sub"),
        ({"sub": "s" * 256}, "sub"),
        ({"at_hash": "of another access token"}, "at_hash"),
        ({"amr": "pwd"}, "amr"),
        ({"aud": 7}, "aud"),
        ({"aud": []}, "aud"),
        ({"azp": 7}, "azp"),
        ({"auth_time": "now"}, "auth_time"),
    ],
    ids=str,
)
def test_a_claim_that_does_not_fit_is_refused_and_named(liar, claims, check):
    liar.says(at=NOW, **{"nonce": NONCE, **claims})

    with pytest.raises(ProviderRefused) as refused:
        subject(asked(liar))

    assert (refused.value.reason, refused.value.check) == ("bad_token", check)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(NOW.timestamp()) - 59},
        {"iat": int(NOW.timestamp()) + 60},
        {"aud": ["riskmap", "another"], "azp": "riskmap"},
        {"aud": ["riskmap"]},
        {"sub": "Ғ" * 255},
        {"roles": ["administrator"], "auth_time": int(NOW.timestamp())},
    ],
    ids=str,
)
def test_clocks_may_differ_by_a_minute_and_more_audiences_may_stand_there(liar, claims):
    liar.says(nonce=NONCE, at=NOW, **claims)

    assert subject(asked(liar)) == claims.get("sub", "s-1")


def _public_pem(liar):
    return liar.key.as_pem(private=False)


@pytest.mark.parametrize(
    ("sign", "check"),
    [
        (providers.unsigned, "unsupported_algorithm"),
        (providers.signed_with_text(_public_pem), "unsupported_algorithm"),
        (providers.signed_with_text(lambda _: providers.CLIENT_SECRET.encode()), "unsupported_algorithm"),
        (providers.signed_by(providers.rsa_key("another")), "bad_signature"),
        (lambda _liar, _claims: "no token", "decode_error"),
        (lambda _liar, _claims: "a.b.c", "decode_error"),
        (lambda _liar, _claims: "ә.ә.ә", "decode_error"),
        (lambda _liar, _claims: "", "decode_error"),
        (lambda _liar, _claims: 7, "missing"),
    ],
    ids=["none", "public key", "client secret", "other key", "words", "letters", "Cyrillic", "nothing", "number"],
)
def test_a_token_that_is_not_signed_with_the_providers_key_is_refused(liar, sign, check):
    liar.sign = sign

    with pytest.raises(ProviderRefused) as refused:
        subject(asked(liar))

    assert refused.value.reason == "bad_token"
    assert refused.value.check == check


def test_a_payload_or_signature_that_was_changed_is_refused(liar):
    head, payload, signature = liar.token().split(".")
    liar.says(nonce=NONCE, at=NOW, sub="s-2")
    other = liar.token().split(".")[1]
    for spoilt in (f"{head}.{other}.{signature}", f"{head}.{payload}.{signature[::-1]}"):
        liar.sign = lambda _liar, _claims, spoilt=spoilt: spoilt

        with pytest.raises(ProviderRefused):
            subject(asked(liar))


def test_keys_on_elliptic_curves_count_and_a_secret_among_the_keys_does_not(liar):
    liar.key = providers.ec_key("e1")
    liar.shown = [{"kty": "oct", "k": "c2VjcmV0", "kid": "e1"}, {"kty": "new"}, liar.key.as_dict(private=False)]

    assert subject(asked(liar)) == "s-1"


def test_a_key_meant_for_hiding_checks_no_signature(liar):
    liar.shown = [liar.key.as_dict(private=False, use="enc"), providers.rsa_key("k2").as_dict(private=False)]

    with pytest.raises(ProviderRefused):
        subject(asked(liar))


def test_a_token_that_names_no_key_is_checked_with_the_only_one_there_is(liar):
    liar.shown = [providers.rsa_key("k2").as_dict(private=False, use="enc"), liar.key.as_dict(private=False)]
    liar.sign = lambda one, claims: jwt.encode({"alg": "RS256"}, claims, one.key)

    assert subject(asked(liar)) == "s-1"
    liar.shown[0]["use"] = "sig"
    with pytest.raises(ProviderRefused):
        subject(asked(liar))


# ---- Keys and documents over time ----


def test_new_keys_are_fetched_when_a_token_names_one_and_at_most_once_for_each(liar):
    provider = asked(liar)
    subject(provider)

    liar.key = providers.rsa_key("k2")
    assert subject(provider) == "s-1"
    subject(provider)
    liar.sign = providers.signed_by(providers.rsa_key("stolen"))
    with pytest.raises(ProviderRefused):
        subject(provider)

    assert liar.asked.count("/jwks") == 3


def test_a_key_that_was_withdrawn_signs_nothing_more_after_an_hour(liar):
    provider = asked(liar)
    subject(provider)
    liar.shown = [providers.rsa_key("k2").as_dict(private=False)]

    later = NOW + FRESH
    liar.says(nonce=NONCE, at=later)

    with pytest.raises(ProviderRefused):
        subject(provider, at=later)


def test_what_a_provider_says_of_itself_is_asked_for_once_an_hour_and_kept_when_it_fails(liar):
    provider, document = asked(liar), "/.well-known/openid-configuration"
    for minutes in (0, 30, 59):
        address(provider, at=NOW + timedelta(minutes=minutes))
    assert liar.asked.count(document) == 1

    liar.answers[document] = (500, b"{}")
    assert address(provider, at=NOW + FRESH).startswith(f"{liar.issuer}/auth?")
    assert liar.asked.count(document) == 2


def test_after_a_failure_nobody_waits_again_for_ten_seconds(liar):
    provider, document = asked(liar), "/.well-known/openid-configuration"
    liar.answers[document] = (503, b"{}")
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            address(provider)
    assert liar.asked == [document]

    liar.answers.clear()
    with pytest.raises(ProviderUnavailable):
        address(provider, at=NOW + ASK_AGAIN - SECOND)
    assert address(provider, at=NOW + ASK_AGAIN)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://elsewhere.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://elsewhere.example/jwks"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ["https://id.example/auth"]},
        {"code_challenge_methods_supported": ["plain"]},
    ],
    ids=str,
)
def test_a_document_that_does_not_fit_is_not_followed(liar, document):
    liar.document = document

    with pytest.raises(ProviderUnavailable):
        address(asked(liar))


def test_the_issuer_has_to_be_the_same_to_the_letter(liar):
    with pytest.raises(ProviderUnavailable, match="to the letter"):
        address(asked(f"{liar.issuer}/"))


def test_a_provider_behind_https_names_no_plain_address():
    class Telling(Wire):
        def get(self, address):
            plain = "http://127.0.0.1:1/token"
            told = {"issuer": "https://id.example", "token_endpoint": plain, "jwks_uri": "https://id.example/jwks"}
            return 200, {**told, "authorization_endpoint": "https://id.example/auth?x=1"}

    with pytest.raises(ProviderUnavailable, match="token_endpoint"):
        address(Provider(providers.settings_of("https://id.example"), Telling()))


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b"\xff", b"[" * 100_000], ids=range(6))
def test_an_answer_that_is_no_object_is_no_answer(liar, content):
    liar.answers["/.well-known/openid-configuration"] = (200, content)

    with pytest.raises(ProviderUnavailable):
        address(asked(liar))


def test_an_answer_without_end_is_not_read_to_its_end(liar):
    liar.answers["/.well-known/openid-configuration"] = (200, b" " * (provider_wire.MOST_BYTES + 1))

    with pytest.raises(ProviderUnavailable, match="too long"):
        address(asked(liar))


def test_a_redirect_is_not_followed(liar):
    liar.answers["/.well-known/openid-configuration"] = (302, b"{}")

    with pytest.raises(ProviderUnavailable, match="302"):
        address(asked(liar))


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": "k"}, {"keys": [{"kty": "RSA"}, 7]}], ids=str)
def test_a_provider_without_a_key_is_told_apart_from_a_bad_token(liar, keys):
    liar.answers["/jwks"] = (200, str(keys).replace("'", '"').encode())

    with pytest.raises(ProviderUnavailable):
        subject(asked(liar))


def test_a_provider_that_is_down_costs_no_more_than_a_moment():
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable, match="does not answer"):
        address(asked(providers.nobody_there()))

    assert time.monotonic() - started < 2


def test_an_answer_that_comes_in_drops_is_given_up(monkeypatch):
    monkeypatch.setattr(provider_wire, "WHOLE_S", 0.3)
    ended = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=_drip, args=(server, ended))
        thread.start()
        started = time.monotonic()

        with pytest.raises(ProviderUnavailable, match="too slow"):
            address(asked(f"http://127.0.0.1:{server.getsockname()[1]}"))

        ended.set()
        thread.join()
    assert time.monotonic() - started < 2


def _drip(server, ended):
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
        while not ended.wait(0.05):
            connection.sendall(b" ")


def test_a_slow_provider_holds_only_a_few_threads(liar, monkeypatch):
    monkeypatch.setattr(provider_wire, "WAIT_S", 0.05)
    wire = Wire()
    for _ in range(provider_wire.AT_ONCE):
        wire._places.acquire()

    with pytest.raises(ProviderUnavailable, match="open already"):
        wire.get(liar.issuer)

    wire._places.release()
    assert wire.get(f"{liar.issuer}/jwks")[0] == 200
    assert wire.get(f"{liar.issuer}/jwks")[0] == 200


# ---- Who we are ----


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (400, b'{"error": "invalid_grant"}', ProviderRefused),
        (401, b'{"error": "invalid_client"}', ProviderUnavailable),
        (500, b"{}", ProviderUnavailable),
        (200, b"{}", ProviderRefused),
    ],
)
def test_a_code_that_is_not_taken_and_a_site_that_is_not_known_are_told_apart(liar, status, content, error):
    liar.answers["/token"] = (status, content)

    with pytest.raises(error):
        subject(asked(liar))


def test_the_secret_travels_as_the_provider_asks_and_is_read_from_its_file_each_time(liar, tmp_path):
    path = tmp_path / "secret"
    liar.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    provider = asked(liar, client_secret=None, secret_file=path)
    with pytest.raises(ProviderUnavailable, match="RISKMAP_OIDC_CLIENT_SECRET_FILE"):
        subject(provider)

    for text in ("first", "second\n"):
        path.write_text(text)
        subject(provider)

    assert [(form["client_id"], form["client_secret"]) for form in liar.forms] == [
        ("riskmap", "first"),
        ("riskmap", "second"),
    ]


def test_nothing_secret_is_shown_with_the_rest(liar):
    shown = repr(providers.settings_of(liar.issuer)) + repr(Answer(code="the code"))

    assert providers.CLIENT_SECRET not in shown
    assert "the code" not in shown


# ---- Closed networks ----


def test_a_provider_of_a_closed_network_is_believed_by_its_own_authority_alone(tmp_path):
    authority, served = _certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served)

    with providers.lying_provider(context) as liar:
        with pytest.raises(ProviderUnavailable, match="SSLError"):
            address(asked(liar))
        with pytest.raises(ProviderUnavailable):
            address(asked(liar, ca_file=tmp_path / "missing.pem"))
        with pytest.raises(ProviderUnavailable, match="SSLError"):
            address(asked(liar.issuer.replace("127.0.0.1", "localhost"), ca_file=authority))

        assert address(asked(liar, ca_file=authority)).startswith(f"{liar.issuer}/auth?")


def _certificates(folder):
    """A certificate for 127.0.0.1 that vouches for itself, and its file with the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made up")])
    today = dt.datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority, served = folder / "authority.pem", folder / "served.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    served.write_bytes(authority.read_bytes() + private)
    return authority, served
