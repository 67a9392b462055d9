"""Signing in with a real provider (npm's oidc-provider) through our doors, and what a way back must not be."""

import hashlib
from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from joserfc import jws

from riskmap.doors.visit import BEGUN_COOKIE, COOKIE
from riskmap.identity import access, accounts, audit
from riskmap.identity.access import Grant, Role
from riskmap.identity.provider_sign_in import PATIENCE
from riskmap.identity.provider_wire import Wire
from riskmap.wording import in_language
from tests import identity_provider as providers
from tests.council import GROUNDS, TOWN
from tests.riskmap.doors_client import CELL, PHRASE, SITE, a_council, a_form, form_to, text_of

KK = in_language("kk")
OPERATOR = access.operator()


@pytest.fixture(scope="module")
def issuer():
    with providers.real_provider() as started:
        yield started


def council_at(tmp_path, issuer, **more):
    council = a_council(tmp_path, provider=providers.settings_of(issuer, name="Бірыңғай жүйе"), **more)
    # The provider reads the real clock.
    council.at = datetime.now(UTC)
    return council


@pytest.fixture
def council(tmp_path, issuer):
    council = council_at(tmp_path, issuer)
    yield council
    council.store.close()


@pytest.fixture
def liar():
    with providers.lying_provider() as started:
        yield started


@pytest.fixture
def lied_to(tmp_path, liar):
    """A council whose provider says what a test wants it to say."""
    council = council_at(tmp_path, liar.issuer)
    link(council, "member", "s-1")
    yield council
    council.store.close()


def link(council, login, subject):
    settings = council.settings.provider
    return accounts.link(council.store, OPERATOR, login, issuer=settings.issuer, subject=subject, at=council.at)


def begin(browser, **query):
    """Press the button; returns where the browser is sent."""
    answer = browser.get("/sign-in/provider", **query)
    assert answer.status_code == HTTPStatus.SEE_OTHER, text_of(answer)
    return answer.headers["location"]


def come_back(browser, address):
    assert address.startswith(f"{SITE}/sign-in/callback?")
    return browser.get(address.removeprefix(SITE))


def back_from_liar(council, liar, browser, *, code="c", **claims):
    """The whole way by a provider that lies: begin, and come back with its code."""
    sent = providers.parts_of(begin(browser))
    liar.says(at=council.at, **{"nonce": sent["nonce"], **claims})
    return browser.get("/sign-in/callback", state=sent["state"], code=code)


def logged(council):
    with council.store.look() as look:
        entries = list(look.audit.entries())
    audit.check(entries)
    return [(entry.action, entry.subject, dict(entry.details)) for entry in entries]


def is_in(browser):
    return browser.get(f"/casework/{TOWN}").status_code == HTTPStatus.OK


# ---- The real provider ----


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_whoever_is_linked_signs_in_with_the_provider_and_lands_where_they_wanted_to_go(council, language):
    link(council, "resident", "iin-hash-1")
    browser = council.browser()
    words = in_language(language)
    page = browser.follow(browser.get(f"/casework/{TOWN}/new", cell=CELL, lang=language))

    button = words.text("account.provider.button", name="Бірыңғай жүйе")
    assert text_of(page).index(button) < text_of(page).index(words.text("account.provider.local"))
    wanted = form_to(page, "/sign-in")["return"]
    sent = begin(browser, lang=language, **{"return": wanted})
    answer = come_back(browser, providers.authorised(sent, "iin-hash-1"))

    assert providers.parts_of(sent)["code_challenge_method"] == "S256"
    assert providers.parts_of(sent)["scope"] == "openid"
    assert answer.headers["location"] == f"/casework/{TOWN}/new?lang={language}&cell={CELL}"
    assert words.text("council.careful") in text_of(browser.follow(answer))
    assert logged(council)[-1] == ("signed_in", "account a-resident-0123", {"by": "provider"})


def test_what_the_token_claims_of_roles_and_names_makes_nobody_anything(council, monkeypatch):
    tokens, post = [], Wire.post
    monkeypatch.setattr(Wire, "post", lambda *given: tokens.append(post(*given)) or tokens[-1])
    link(council, "resident", "iin-hash-1")
    browser, stranger = council.browser(), council.browser()

    come_back(browser, providers.authorised(begin(browser), "iin-hash-1"))
    # The claims speak of the login of the chair and of an e-mail address; neither opens anything.
    refused = come_back(stranger, providers.authorised(begin(stranger), "chair"))

    claimed = jws.extract_compact(tokens[0][1]["id_token"].encode()).payload
    assert all(word in claimed for word in (b"administrator", b"riskmap-admins", b'"preferred_username":"chair"'))
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert not is_in(stranger)
    with council.store.look() as look:
        assert look.accounts.grants_of("a-resident-0123") == (Grant(role=Role.RESIDENT, region_id=TOWN),)
    assert browser.get(f"/steward/{TOWN}").status_code == HTTPStatus.FORBIDDEN
    everything = str(logged(council))
    assert not any(word in everything for word in ("riskmap-admins", "town.example", "iin-hash-1"))


def test_a_role_given_or_taken_back_here_counts_with_the_next_click(council):
    link(council, "secretary", "s-7")
    browser = council.browser()
    come_back(browser, providers.authorised(begin(browser), "s-7"))
    queue = f"/casework/{TOWN}/bodies"
    assert browser.get(queue).status_code == HTTPStatus.OK

    grant = Grant(role=Role.SECRETARY, region_id=TOWN)
    accounts.take_back(council.store, OPERATOR, "secretary", grant, at=council.at)

    assert browser.get(queue).status_code == HTTPStatus.FORBIDDEN


def test_somebody_unknown_is_told_what_to_ask_for_and_a_code_that_tells_nothing_else(council):
    browser = council.browser()

    answer = come_back(browser, providers.authorised(begin(browser, lang="ru"), "880101300123"))

    words, page = in_language("ru"), text_of(answer)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    code = page.partition(words.text("account.provider.unknown", code=""))[2][:9]
    assert len(code.replace("\N{NON-BREAKING HYPHEN}", "")) == 8
    assert "880101300123" not in answer.text
    assert logged(council)[-1] == ("sign_in_refused", "unknown", {"reason": "unknown_subject", "by": "provider"})
    with council.store.look() as look:
        assert look.identities.find(council.settings.provider.issuer, "880101300123") is None


def test_a_way_back_is_good_once(council):
    link(council, "member", "s-2")
    browser = council.browser()
    address = providers.authorised(begin(browser), "s-2")
    kept = dict(browser.cookies)

    assert come_back(browser, address).status_code == HTTPStatus.SEE_OTHER
    again = council.browser()
    again.cookies.set(BEGUN_COOKIE, kept[BEGUN_COOKIE], domain="riskmap.test", path="/sign-in")
    answer = come_back(again, address)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert KK.text("account.provider.begin_again") in text_of(answer)
    assert not is_in(again)
    assert is_in(browser)


def test_a_code_used_twice_is_refused_by_the_provider_and_so_by_us(council):
    link(council, "member", "s-2")
    browser = council.browser()
    used = providers.parts_of(providers.authorised(begin(browser), "s-2"))
    browser.get("/sign-in/callback", **used)
    other = council.browser()

    state = providers.parts_of(begin(other))["state"]
    answer = other.get("/sign-in/callback", **(used | {"state": state}))

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert not is_in(other)
    assert logged(council)[-1][2] == {"reason": "code_refused", "by": "provider"}


# ---- The way there and back ----


def test_a_way_back_in_a_browser_that_did_not_begin_is_refused(lied_to, liar):
    victim, attacker = lied_to.browser(), lied_to.browser()
    sent = providers.parts_of(begin(attacker))
    liar.says(nonce=sent["nonce"], at=lied_to.at)

    without_cookie = victim.get("/sign-in/callback", state=sent["state"], code="c")
    begin(victim)
    with_its_own = victim.get("/sign-in/callback", state=sent["state"], code="c")

    assert [without_cookie.status_code, with_its_own.status_code] == [400, 400]
    assert not is_in(victim)
    assert "/token" not in liar.asked
    assert [line[2]["reason"] for line in logged(lied_to)[-2:]] == ["other_browser"] * 2


def test_a_way_back_after_ten_minutes_is_refused_in_the_language_it_was_begun_in(lied_to, liar):
    browser = lied_to.browser()
    sent = providers.parts_of(begin(browser, lang="ru"))
    lied_to.at += PATIENCE
    liar.says(nonce=sent["nonce"], at=lied_to.at)

    answer = browser.get("/sign-in/callback", state=sent["state"], code="c")

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert in_language("ru").text("account.provider.begin_again") in text_of(answer)
    assert logged(lied_to)[-1][2]["reason"] == "too_late"
    assert not is_in(browser)


@pytest.mark.parametrize("state", ["", "kk-x", "\x00", "ә" * 500])
def test_a_state_that_nobody_was_given_is_refused(lied_to, liar, state):
    browser = lied_to.browser()
    begin(browser)

    answer = browser.get("/sign-in/callback", state=state, code="c")

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "/token" not in liar.asked


def test_what_is_kept_meanwhile_opens_nothing_and_goes_by_itself(lied_to, liar):
    browser = lied_to.browser()
    sent = providers.parts_of(begin(browser))
    content = b"".join(path.read_bytes() for path in lied_to.settings.data.glob("riskmap.db*"))

    for secret in (sent["state"], sent["nonce"], sent["code_challenge"], browser.cookies.get(BEGUN_COOKIE)):
        assert secret.encode() not in content
    lied_to.later(minutes=11)
    begin(lied_to.browser())

    with lied_to.store.look() as look:
        assert look.pending_sign_ins.find(hashlib.sha256(sent["state"].encode()).hexdigest()) is None


@pytest.mark.parametrize("is_https", [False, True])
def test_the_cookie_of_the_way_is_out_of_reach_and_taken_back_at_its_end(tmp_path, liar, is_https):
    council = council_at(tmp_path, liar.issuer, is_https=is_https)
    link(council, "member", "s-1")
    answer = council.browser().get("/sign-in/provider")

    cookie = answer.headers["set-cookie"]

    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert cookie.startswith(f"{BEGUN_COOKIE}=")
    assert parts == {"httponly", "samesite=lax", "path=/sign-in"} | ({"secure"} if is_https else set())
    assert answer.headers["cache-control"] == "no-store"
    council.store.close()


def test_signing_in_gives_a_new_session_and_ends_the_one_before(lied_to, liar):
    browser = lied_to.signed_in("resident")
    old = lied_to.browser()
    old.cookies.set(COOKIE, browser.token, domain="riskmap.test", path="/")

    answer = back_from_liar(lied_to, liar, browser)

    assert answer.headers["location"] == "/council?lang=kk"
    assert not is_in(old)
    assert BEGUN_COOKIE not in browser.cookies
    assert "member" in text_of(browser.get(f"/casework/{TOWN}"))
    lied_to.later(minutes=31)
    assert not is_in(browser)


def test_a_closed_account_is_not_opened_and_is_told_so(lied_to, liar):
    accounts.disable(lied_to.store, OPERATOR, "member", at=lied_to.at)
    browser = lied_to.browser()

    answer = back_from_liar(lied_to, liar, browser)

    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert KK.text("account.provider.closed") in text_of(answer)
    assert logged(lied_to)[-1] == (
        "sign_in_refused",
        "account a-member-0123",
        {"reason": "disabled", "by": "provider"},
    )


def test_wrong_passwords_of_somebody_else_neither_keep_out_nor_are_forgotten(lied_to, liar):
    for _ in range(5):
        lied_to.browser().post("/sign-in", {"login": "member", "password": "guessed wrong"})

    assert back_from_liar(lied_to, liar, lied_to.browser()).status_code == HTTPStatus.SEE_OTHER

    assert lied_to.browser().post("/sign-in", {"login": "member", "password": PHRASE}).status_code == 401


def test_an_account_that_is_unlinked_is_out_at_once_and_stays_out(lied_to, liar):
    browser = lied_to.browser()
    back_from_liar(lied_to, liar, browser)
    assert is_in(browser)

    accounts.unlink(lied_to.store, OPERATOR, "member", at=lied_to.at)

    assert not is_in(browser)
    assert back_from_liar(lied_to, liar, browser).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("error", "key", "status"),
    [("access_denied", "turned_away", 401), ("temporarily_unavailable", "down", 503), ("<script>", "turned_away", 401)],
)
def test_what_the_provider_refuses_is_said_in_words_of_ours(lied_to, liar, error, key, status):
    browser = lied_to.browser()
    state = providers.parts_of(begin(browser))["state"]

    answer = browser.get("/sign-in/callback", state=state, error=error, error_description="<b>their words</b>")

    assert answer.status_code == status
    assert KK.text(f"account.provider.{key}") in text_of(answer)
    assert "their words" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("other", ["https://elsewhere.example", ""])
def test_an_answer_of_another_provider_is_not_taken_to_this_one(lied_to, liar, other):
    liar.document = {"authorization_response_iss_parameter_supported": True}
    browser = lied_to.browser()
    state = providers.parts_of(begin(browser))["state"]

    answer = browser.get("/sign-in/callback", state=state, code="c", **({"iss": other} if other else {}))

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "/token" not in liar.asked


@pytest.mark.parametrize(
    "claims",
    [{"nonce": "another"}, {"aud": "another"}, {"iss": "https://elsewhere.example"}, {"exp": 1}],
    ids=lambda claims: next(iter(claims)),
)
def test_a_token_that_does_not_stand_a_check_lets_nobody_in_and_the_check_is_on_record(lied_to, liar, claims):
    browser = lied_to.browser()

    answer = back_from_liar(lied_to, liar, browser, **claims)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert KK.text("account.provider.bad_answer") in text_of(answer)
    assert not is_in(browser)
    (check,) = claims
    assert logged(lied_to)[-1][2] == {"reason": "bad_token", "by": "provider", "check": check}


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_a_provider_that_is_down_is_told_in_words_and_local_accounts_open_all_the_same(tmp_path, language):
    council = council_at(tmp_path, providers.nobody_there())
    browser = council.browser()

    answer = browser.get("/sign-in/provider", lang=language)
    signed_in = browser.post("/sign-in", form_to(answer, "/sign-in") | {"login": "member", "password": PHRASE})

    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert in_language(language).text("account.provider.down") in text_of(answer)
    assert signed_in.status_code == HTTPStatus.SEE_OTHER
    assert is_in(browser)
    council.store.close()


def test_where_no_provider_is_set_up_there_is_neither_button_nor_door(tmp_path):
    council = a_council(tmp_path)
    browser = council.browser()

    assert "/sign-in/provider" not in browser.get("/sign-in").text
    assert browser.get("/sign-in/provider").status_code == HTTPStatus.NOT_FOUND
    assert browser.get("/sign-in/callback", state="kk-x", code="c").status_code == HTTPStatus.NOT_FOUND
    council.store.close()


def test_a_text_written_too_late_is_sent_after_signing_in_beside_it(lied_to, liar):
    browser = lied_to.browser()
    late = browser.post(f"/casework/{TOWN}/new", a_form())
    beside = form_to(late, "/sign-in/resume")
    too_early = browser.post("/sign-in/resume", beside)

    back_from_liar(lied_to, liar, browser)
    resumed = browser.post("/sign-in/resume", beside)

    assert too_early.status_code == HTTPStatus.UNAUTHORIZED
    assert form_to(too_early, "/sign-in/resume") == beside
    assert GROUNDS in text_of(resumed)
    assert form_to(resumed, f"/casework/{TOWN}/new")["grounds"] == GROUNDS
    assert lied_to.requests() == []
