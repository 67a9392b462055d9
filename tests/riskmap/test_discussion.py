"""What people say about a request: who may, who reads what, and that nothing said is lost or rewritten."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from riskmap import assembly, journal, wording
from riskmap.comment_port import CommentState, HideReason
from riskmap.council import casework, discussion
from riskmap.council.casework import Office
from riskmap.council.discussion import Deed
from riskmap.council.request import Action
from riskmap.errors import ChangedMeanwhile, NotAllowed, StepNotPossible, UnfitFields, UnknownRequest
from riskmap.identity.access import Role
from riskmap.settings import Settings
from tests.council import NOW, TOWN, a_filing, a_place, an_actor, enrol, step
from tests.hostile_texts import HOSTILE_TEXTS, as_read
from tests.public_client import PublicClient
from tests.riskmap.doors_client import a_council, form_to, forms_of, text_of

RESIDENT, OTHER = an_actor(Role.RESIDENT), an_actor(Role.RESIDENT, account_id="a-other")
MEMBER, SECRETARY, CHAIR = an_actor(Role.COUNCIL_MEMBER), an_actor(Role.SECRETARY), an_actor(Role.CHAIR)
OFFICER, POLICE, STEWARD = an_actor(Role.AKIMAT_OFFICER), an_actor(Role.POLICE_REVIEWER), an_actor(Role.STEWARD)
NOBODY, STRANGER = an_actor(None), an_actor(Role.RESIDENT, "elsewhere", account_id="a-stranger")
PEOPLE = (RESIDENT, OTHER, MEMBER, SECRETARY, CHAIR, OFFICER, POLICE, STEWARD, NOBODY, STRANGER)
WORDS = "Шамның астындағы бағана да қисайған."
KK = wording.in_language("kk")


@pytest.fixture
def office(tmp_path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    assembly.migrate(settings)
    store = assembly.open_store(settings)
    enrol(store, *PEOPLE)
    made = Office(store=store, journals=settings.journals)
    casework.file(made, RESIDENT, a_filing(), a_place(), key="k", at=NOW)
    yield made
    store.close()


def say(office, actor, text=WORDS, *, request=1, key=None, at=NOW):
    return discussion.say(office, actor, TOWN, request, text, key=key or f"{actor.account_id} {text[:20]}", at=at)


def decide(office, actor, number=1, deed=Deed.LET_THROUGH, *, seen_as="waiting", reason="", request=1):
    told = {"deed": deed, "reason": reason, "seen_as": seen_as, "at": NOW}
    return discussion.decide(office, actor, TOWN, request, number, **told)


def seen(office, actor, request=1):
    return [(one.text, one.comment.state.value) for one in discussion.view(office, actor, TOWN, request).comments]


def published(office):
    return journal.latest(office.journals, TOWN).comments


# ---- Who may ----


@pytest.mark.parametrize(
    ("actor", "state"),
    [
        (RESIDENT, "waiting"),
        (OTHER, "waiting"),
        (MEMBER, "shown"),
        (SECRETARY, "shown"),
        (CHAIR, "shown"),
        (OFFICER, "shown"),
    ],
    ids=lambda one: getattr(one, "account_id", one),
)
def test_words_of_residents_wait_and_those_of_the_council_are_shown(office, actor, state):
    assert say(office, actor).state == state
    assert [one.text for one in published(office)] == ([WORDS] if state == "shown" else [])


@pytest.mark.parametrize("actor", [POLICE, STEWARD, NOBODY, STRANGER], ids=lambda one: one.account_id)
def test_nobody_else_says_anything(office, actor):
    with pytest.raises(NotAllowed):
        say(office, actor)

    assert seen(office, SECRETARY) == []


@pytest.mark.parametrize(
    "actor", [RESIDENT, OTHER, MEMBER, OFFICER, POLICE, STRANGER, NOBODY], ids=lambda one: one.account_id
)
@pytest.mark.parametrize("deed", [Deed.LET_THROUGH, Deed.HIDE])
def test_only_secretary_and_chair_moderate_and_never_their_own_words(office, actor, deed):
    say(office, OTHER)
    own = say(office, SECRETARY, "Тексердік.")

    with pytest.raises(NotAllowed):
        decide(office, actor, deed=deed, reason="insult")
    with pytest.raises(NotAllowed):
        decide(office, SECRETARY, own.number, Deed.HIDE, seen_as="shown", reason="repeated")
    with pytest.raises(NotAllowed):
        decide(office, CHAIR, deed=Deed.WITHDRAW)

    assert decide(office, CHAIR, deed=deed, reason="insult").number == 1


def test_somebody_of_the_council_who_lives_there_too_speaks_as_the_council(office):
    both = an_actor(Role.RESIDENT, account_id="a-other")
    both = type(both)(account_id=both.account_id, login=both.login, grants=(*both.grants, *MEMBER.grants))

    said = say(office, both)

    assert (said.role, said.state) == ("council_member", "shown")
    assert not discussion.view(office, both, TOWN, 1).waits_first


# ---- Who reads what ----


def test_authors_keep_their_words_and_everybody_reads_the_reason(office):
    say(office, OTHER)
    before = {actor.account_id: seen(office, actor) for actor in (OTHER, RESIDENT, MEMBER, SECRETARY)}
    decide(office, SECRETARY, deed=Deed.HIDE, reason="accusation")
    after = {actor.account_id: seen(office, actor) for actor in (OTHER, RESIDENT, MEMBER, SECRETARY)}

    assert before == {
        "a-other": [(WORDS, "waiting")],
        "a-resident": [],
        "a-council_member": [],
        "a-secretary": [(WORDS, "waiting")],
    }
    assert after == {
        "a-other": [(WORDS, "hidden")],
        "a-resident": [(None, "hidden")],
        "a-council_member": [(None, "hidden")],
        "a-secretary": [(WORDS, "hidden")],
    }
    (told,) = published(office)
    assert (told.text, told.reason, told.role, told.on) == (None, "accusation", "resident", date(2026, 11, 2))


def test_what_was_hidden_can_be_shown_again_and_what_was_said_taken_back(office):
    say(office, OTHER)
    decide(office, SECRETARY, deed=Deed.HIDE, reason="insult")
    decide(office, CHAIR, deed=Deed.RESTORE, seen_as="hidden")
    shown = [one.text for one in published(office)]
    decide(office, OTHER, deed=Deed.WITHDRAW, seen_as="shown")

    assert shown == [WORDS]
    assert published(office) == ()
    assert (seen(office, OTHER), seen(office, SECRETARY)) == ([(WORDS, "withdrawn")], [])


def test_nothing_of_an_account_is_published(office):
    for actor in (RESIDENT, OTHER, MEMBER):
        say(office, actor)
    for number in (1, 2):
        decide(office, SECRETARY, number)

    files = b"".join(path.read_bytes() for path in office.journals.rglob("*.json"))

    assert len(published(office)) == 3
    assert [one.account_id for one in PEOPLE if one.account_id.encode() in files] == []


def test_merged_requests_keep_what_was_said_and_give_it_back(office):
    second = casework.file(
        office, OTHER, a_filing(grounds="Өткелде шам жоқ, балалар үшін қауіпті."), a_place(), key="m", at=NOW
    )
    step(office, SECRETARY, second, Action.TAKE_UP)
    say(office, MEMBER)
    say(office, MEMBER, "Бұл да сол өткел туралы.", request=2)
    with office.store.look() as look:
        second = look.requests.find(TOWN, 2)

    merged = step(office, SECRETARY, second, Action.MERGE, earlier_request="1")
    together = [one.comment.request for one in discussion.view(office, RESIDENT, TOWN, 1).comments]
    with pytest.raises(StepNotPossible):
        say(office, MEMBER, "Тағы бір сөз.", request=2)
    step(office, SECRETARY, merged, Action.UNDO_MERGE)

    assert together == [1, 2]
    assert [one.comment.request for one in discussion.view(office, RESIDENT, TOWN, 1).comments] == [1]
    assert [one.comment.request for one in discussion.view(office, RESIDENT, TOWN, 2).comments] == [2]


# ---- What is not taken ----


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "missing"),
        (" \u200b\n ", "missing"),
        ("ш" * 1001, "too_long"),
        ("Қоңырау шалыңыз: +7 701 123 45 67", "holds_phone"),
        ("12-пәтерде тұрады", "holds_flat"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_kept(office, text, fault):
    with pytest.raises(UnfitFields) as caught:
        say(office, MEMBER, text)

    assert fault in [one.fault for one in caught.value.faults]
    assert seen(office, SECRETARY) == []


def test_the_same_press_or_words_again_say_it_once(office):
    first = say(office, MEMBER, key="k1")

    assert say(office, MEMBER, "басқа сөз", key="k1") == first
    assert say(office, MEMBER, f"  {WORDS} ", key="k2") == first
    assert len(seen(office, SECRETARY)) == 1


def test_one_person_says_thirty_things_about_a_request_and_no_more(office):
    for number in range(discussion.MOST_OF_ONE):
        say(office, MEMBER, f"Сөз {number}")

    with pytest.raises(UnfitFields):
        say(office, MEMBER, "Тағы бір сөз")
    assert say(office, CHAIR).number == discussion.MOST_OF_ONE + 1


def test_a_comment_is_hidden_only_for_a_reason_of_the_list(office):
    say(office, OTHER)
    for reason in ("", "because", "' OR 1=1"):
        with pytest.raises(UnfitFields):
            decide(office, SECRETARY, deed=Deed.HIDE, reason=reason)

    assert seen(office, OTHER) == [(WORDS, "waiting")]
    with pytest.raises(UnknownRequest):
        decide(office, SECRETARY, 7)


def test_of_eight_who_decide_at_once_one_does_and_the_others_are_told(office):
    secretaries = [an_actor(Role.SECRETARY, account_id=f"a-secretary-{number}") for number in range(8)]
    enrol(office.store, *secretaries)
    said = [say(office, OTHER, f"Сөз {number}") for number in range(5)]

    def decides(actor, comment):
        deed = Deed.HIDE if actor.account_id[-1] in "0246" else Deed.LET_THROUGH
        try:
            return decide(office, actor, comment.number, deed, reason="off_topic").state
        except ChangedMeanwhile:
            return None

    for comment in said:
        with ThreadPoolExecutor(8) as pool:
            got = [one for one in pool.map(lambda actor, c=comment: decides(actor, c), secretaries) if one]
        assert len(got) == 1
        assert dict(enumerate(state for _, state in seen(office, OTHER)))[comment.number - 1] == got[0]


def test_words_go_with_those_of_the_request(office):
    say(office, MEMBER)
    with office.store.work() as work:
        removed = work.comments.forget_words(TOWN, [1])
        work.commit()

    assert (removed, seen(office, SECRETARY)) == (1, [])
    assert {state.value for state in CommentState} == {"waiting", "shown", "hidden", "withdrawn"}


# ---- Through the pages ----


@pytest.fixture
def council(tmp_path):
    council = a_council(tmp_path)
    yield council
    council.store.close()


def test_a_residents_words_wait_for_the_secretary_and_stand_on_the_public_page_then(council):
    request = council.file("other")
    path = f"/casework/{TOWN}/{request.number}"
    resident, secretary = council.signed_in("resident"), council.signed_in("secretary")
    public = PublicClient(releases=council.settings.releases, journals=council.settings.journals)

    form = form_to(resident.get(path), "/comments")
    told = resident.follow(resident.post(f"{path}/comments", form | {"comment": WORDS}))
    unread = public.get(f"/council/{TOWN}/{request.number}", lang="kk").text
    queue = text_of(secretary.get(f"/casework/{TOWN}"))
    secretary.post(f"{path}/comments/1/let_through", form_to(secretary.get(path), "/comments/1/let_through"))
    read = public.get(f"/council/{TOWN}/{request.number}", lang="kk").text

    assert KK.text("discussion.said.waiting") in text_of(told)
    assert KK.text("discussion.queue") in queue
    assert (WORDS in unread, WORDS in read) == (False, True)


def test_hiding_asks_for_a_reason_and_the_second_person_is_told(council):
    request = council.file("other")
    path = f"/casework/{TOWN}/{request.number}"
    resident, secretary, chair = (council.signed_in(login) for login in ("resident", "secretary", "chair"))
    resident.post(f"{path}/comments", form_to(resident.get(path), "/comments") | {"comment": WORDS})
    form = form_to(secretary.get(path), "/comments/1/hide")
    late = form_to(chair.get(path), "/comments/1/let_through")

    unsaid = secretary.post(f"{path}/comments/1/hide", form)
    secretary.post(f"{path}/comments/1/hide", form | {"hide_reason": HideReason.ACCUSATION.value})
    told = chair.post(f"{path}/comments/1/let_through", late)
    public = PublicClient(releases=council.settings.releases, journals=council.settings.journals)
    read = text_of(public.get(f"/council/{TOWN}/{request.number}", lang="kk"))

    assert (unsaid.status_code, told.status_code) == (422, 409)
    assert KK.text("council.fault.missing") in text_of(unsaid)
    assert KK.text("error.changed_meanwhile") in text_of(told)
    assert KK.text("discussion.reason.accusation") in read
    assert WORDS not in read
    assert WORDS in text_of(resident.get(path))


def test_hostile_texts_are_shown_as_texts_everywhere(council):
    request = council.file("other")
    path, browser = f"/casework/{TOWN}/{request.number}", council.signed_in("member")
    public = PublicClient(releases=council.settings.releases, journals=council.settings.journals)
    form = form_to(browser.get(path), "/comments")
    batches = ["\n".join(HOSTILE_TEXTS[at : at + 6])[:990] for at in range(0, len(HOSTILE_TEXTS), 6)]
    for number, batch in enumerate(batches):
        council.later(minutes=61)
        browser = council.signed_in("member")
        key = f"00000000-0000-4000-8000-{number:012}"
        answer = browser.post(
            f"{path}/comments", form | {"form_token": browser.form_token, "key": key, "comment": batch}
        )
        assert answer.status_code in (303, 422), batch

    shown = public.get(f"/council/{TOWN}/{request.number}", lang="kk")
    kept = [one.text for one in journal.latest(council.settings.journals, TOWN).comments]
    assert len(kept) > len(batches) / 2
    assert [one for one in kept if as_read(one) not in as_read(text_of(shown))] == []
    assert "<script>alert" not in shown.text
    assert "<script>alert" not in browser.get(path).text


def test_more_than_five_an_hour_are_too_many(council):
    request = council.file("other")
    path, browser = f"/casework/{TOWN}/{request.number}", council.signed_in("member")
    form, statuses = form_to(browser.get(path), "/comments"), []
    for number in range(6):
        key = f"00000000-0000-4000-8000-{number:012}"
        statuses.append(browser.post(f"{path}/comments", form | {"key": key, "comment": f"Сөз {number}"}).status_code)
    council.later(minutes=61)

    assert statuses == [303] * 5 + [429]


@pytest.mark.parametrize("login", ["stranger", "police"])
def test_whoever_has_no_business_there_gets_no_form_and_is_refused(council, login):
    request = council.file("other")
    browser = council.signed_in(login)

    sent = browser.post(
        f"/casework/{TOWN}/{request.number}/comments", {"form_token": browser.form_token, "comment": WORDS}
    )

    assert sent.status_code == 403
    assert not [path for path in forms_of(browser.get(f"/casework/{TOWN}/{request.number}")) if "comments" in path]


def test_the_audit_log_names_what_was_done_and_no_word_of_it(office):
    say(office, OTHER)
    decide(office, SECRETARY, deed=Deed.HIDE, reason="insult")

    with office.store.look() as look:
        lines = list(look.audit.entries())

    assert [line.action for line in lines][-2:] == ["comment_said", "comment_hide"]
    assert lines[-1].details == {"comment": 1, "role": "secretary", "state": "hidden", "reason": "insult"}
    assert WORDS not in repr(lines)
    assert timedelta(0) <= lines[-1].at - NOW
