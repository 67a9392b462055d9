"""Before a release goes out somebody can see what it holds, and where a second person is asked, it waits for one."""

import pytest

from riskmap import release, release_desk
from riskmap.errors import NotAllowed
from riskmap.identity import access
from riskmap.settings import Settings
from riskmap.wording import LANGUAGES, in_language
from tests.council import NOW, TOWN
from tests.riskmap.doors_client import ACCOUNTS, FROM_HERE, a_council

OTHERS = [login for login in ACCOUNTS if login not in ("steward",)]


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


@pytest.fixture
def root(council):
    return council.settings.releases


@pytest.fixture
def proposed(root):
    """A release that follows the one that stands, with another class in one hexagon."""
    standing = release.latest_id(root, TOWN)
    return propose(root, follows=standing)


def propose(root, *, follows, as_of="2026-02-01"):
    manifest, files = release.open_folder(root, TOWN, release.latest_id(root, TOWN))
    codes = bytearray(files["classes-all.bin"])
    codes[0] = 1 if codes[0] != 1 else 5
    changed = {**files, "classes-all.bin": bytes(codes)}
    told = {**manifest, "predecessor": follows, "as_of": as_of, "attack": {"targets": 77, "exact": 0, "within_one": 0}}
    return release.write(release_desk.proposals_of(root), told, changed)[0]


def sent(browser, action, release_id, **more):
    fields = {"form_token": browser.form_token, "release": release_id, **more}
    return browser.ask("POST", f"/release-desk/{TOWN}/{action}", data=fields, headers=FROM_HERE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_desk_tells_checks_and_differences(council, proposed, language):
    page = council.signed_in("steward", language=language).get(f"/release-desk/{TOWN}")

    words = in_language(language)
    assert page.status_code == 200
    assert proposed in page.text
    assert "77" in page.text
    assert words.text("desk.classes", group=words.text("group.all"), changed="1", cells="7").split(":")[0] in page.text


def test_nothing_proposed_can_be_fetched_by_the_public(council, proposed, root):
    page = council.browser().get(f"/releases/{TOWN}/{proposed}/manifest.json")

    assert page.status_code == 404
    assert release.latest_id(root, TOWN) != proposed


def test_a_steward_lets_a_release_out_and_the_log_knows_who(council, proposed, root):
    answer = sent(council.signed_in("steward"), "approve", proposed)

    with council.store.look() as look:
        entry = list(look.audit.entries())[-1]
    assert answer.status_code == 303
    assert release.latest_id(root, TOWN) == proposed
    assert release.read(root, TOWN).manifest["published_at"].startswith(str(NOW.year))
    assert not (release_desk.proposals_of(root) / TOWN / proposed).exists()
    assert (entry.action, entry.details["release"]) == ("release_approve", proposed)


def test_a_release_that_is_sent_back_is_never_published(council, proposed, root):
    standing = release.latest_id(root, TOWN)

    answer = sent(council.signed_in("steward"), "send-back", proposed)
    again = sent(council.signed_in("steward"), "approve", proposed)

    assert (answer.status_code, again.status_code) == (303, 404)
    assert release.latest_id(root, TOWN) == standing


def test_a_proposal_that_was_overtaken_has_to_be_made_anew(council, root):
    late = propose(root, follows="2020-01-01-00000000", as_of="2026-03-01")

    answer = sent(council.signed_in("steward"), "approve", late)

    assert answer.status_code == 409
    assert release.latest_id(root, TOWN) != late


@pytest.mark.parametrize("login", OTHERS)
def test_nobody_else_sees_the_desk_or_decides_there(council, proposed, root, login):
    browser = council.signed_in(login)
    standing = release.latest_id(root, TOWN)

    seen = browser.get(f"/release-desk/{TOWN}")
    decided = sent(browser, "approve", proposed)

    assert (seen.status_code, decided.status_code) == (403, 403)
    assert release.latest_id(root, TOWN) == standing


def test_whoever_runs_commands_is_not_the_second_person(council, proposed, root):
    with pytest.raises(NotAllowed):
        release_desk.approve(council.store, root, access.operator(), TOWN, proposed, at=NOW)


def test_the_setting_is_off_unless_asked_for():
    assert not Settings.from_environment({}).needs_second_person
    assert Settings.from_environment({"RISKMAP_SECOND_PERSON": "1"}).needs_second_person
