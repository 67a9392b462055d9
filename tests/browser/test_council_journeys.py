"""The council in a real browser: a request from tap to answer, by hand and by keyboard, and what goes wrong."""

import re

import pytest

from riskmap import wording
from tests.browser.council_town import WORD, CouncilTown
from tests.browser.visits import AXE, COMBINATIONS, DESKTOP, NARROW, PHONE, SIZES, Visit, served
from tests.installation import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("council journeys")]

GROUNDS = {
    "kk": "Аялдамадан мектепке дейінгі жол қараңғы, бес шамның үшеуі жанбайды. Айгүл",
    "ru": "Дорога от остановки до школы тёмная, из пяти фонарей не горят три. Айгуль",
}
PUBLISHED = {
    "kk": "Аялдамадан мектепке дейінгі жолды жарықтандыру.",
    "ru": "Освещение дороги от остановки до школы.",
}
DECISION = {"kk": "Жол мектепке апарады.", "ru": "Дорога ведёт к школе."}
EXPECTED = {"kk": "Бес шамның бесеуі жанады.", "ru": "Горят все пять фонарей."}


@pytest.fixture(scope="module")
def town(installation, tmp_path_factory):
    made = CouncilTown(installation, tmp_path_factory.mktemp("town"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def site(town):
    with served(town.data) as address:
        yield address


@pytest.fixture
def visit(chromium, site):
    visits = []

    def go(*arguments, **address):
        visits.append(Visit(chromium, site, *arguments, **address))
        return visits[-1]

    go.expects_refusals = False
    yield go
    for one in visits:
        one.context.close()
    troubles = [one.troubles for one in visits]
    if go.expects_refusals:
        # A refusal is answered with its own status, which the browser notes as a failed load.
        troubles = [(outside, [], []) for outside, _failed, _complaints in troubles]
    assert troubles == [([], [], [])] * len(visits)


def sign_in(page, login):
    page.locator("#login").fill(login)
    page.locator("#password").fill(WORD)
    page.locator("form.rm-form button.rm-primary").click()


def open_workspace(visit, login, language, size=DESKTOP, path=f"/casework/{CITY}"):
    opened = visit(size, path=path, lang=language)
    sign_in(opened.page, login)
    opened.page.wait_for_url(re.compile(re.escape(path)))
    return opened


def press_map(opened, right=0, down=0):
    view = opened.page.locator(".rm-map")
    opened.page.locator(".rm-map[data-phase=ready]").wait_for()
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    x, y = box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down
    if opened.page.viewport_size["width"] < 500:
        opened.page.touchscreen.tap(x, y)
    else:
        opened.page.mouse.click(x, y)


def write_request(page, language, kind="lighting"):
    page.locator(f"input[name=kind][value={kind}]").check()
    page.locator("textarea[name=grounds]").fill(GROUNDS[language])


def send(page):
    page.locator("form:has(textarea[name=grounds]) button.rm-primary").click()


def take_step(opened, action, **fields):
    """Fill in and send the form of one step of the request that is open."""
    form = opened.page.locator(f"#step-{action}")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    for name, text in fields.items():
        form.locator(f"[name={name}]").fill(text)
    form.locator("button.rm-primary").click()
    opened.page.locator(".rm-done").wait_for()


@pytest.mark.parametrize(("language", "size"), [("kk", PHONE), ("ru", DESKTOP)], ids=["kk phone", "ru desktop"])
def test_a_request_travels_from_a_tap_to_the_public_answer(visit, town, language, size):
    words = wording.in_language(language)
    resident = visit(size, path=f"/council/{CITY}", lang=language)
    resident.page.locator(f"main a[href*='/casework/{CITY}/new']").first.click()
    sign_in(resident.page, "resident")
    press_map(resident, right=20 if language == "kk" else -30)
    resident.page.locator("#pick-go:not([hidden])").click()
    write_request(resident.page, language)
    send(resident.page)
    resident.page.wait_for_url(re.compile(rf"/casework/{CITY}/\d+\?"))
    number = int(re.search(r"/(\d+)\?", resident.page.url)[1])
    assert words.text("council.state.submitted") in resident.page.locator("main").inner_text()

    member = visit(size, path=f"/council/{CITY}/{number}", lang=language)
    assert GROUNDS[language] not in member.page.inner_text("body")
    member.page.locator(f"main a[href*='/casework/{CITY}/{number}']").first.click()
    sign_in(member.page, "council_member")
    member.page.locator("form[action*='/support'] button").click()
    member.page.locator(".rm-done").wait_for()

    secretary = open_workspace(visit, "secretary", language, size)
    secretary.page.locator(f"main a[href*='/casework/{CITY}/{number}']").first.click()
    take_step(secretary, "take_up", wording=PUBLISHED[language])
    take_step(secretary, "refer", note="Тексерілді")

    chair = open_workspace(visit, "chair", language, size, path=f"/casework/{CITY}/{number}")
    take_step(chair, "approve", decision_grounds=DECISION[language], expectation=EXPECTED[language])

    anyone = visit(size, path=f"/council/{CITY}/{number}", lang=language)
    shown = anyone.page.inner_text("main")
    steps = [words.text(f"council.step.{step}") for step in ("submit", "take_up", "refer", "approve")]
    assert [step for step in steps if step not in shown] == []
    assert PUBLISHED[language] in shown
    assert DECISION[language] in shown
    assert EXPECTED[language] in shown
    assert [word for word in ("Айгүл", "Айгуль", "Тексерілді", "resident", "secretary") if word in shown] == []
    assert town.requests()[number - 1].state == "approved"


def test_a_place_is_picked_and_a_request_filed_with_the_keyboard_alone(visit, town):
    opened = open_workspace(visit, "resident", "kk", path=f"/casework/{CITY}/new")
    page = opened.page
    page.locator(".rm-map[data-phase=ready]").wait_for()
    before = len(town.requests())

    page.locator(".rm-map").focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    page.locator("#pick-go:not([hidden])").focus()
    page.keyboard.press("Enter")
    page.locator("input[name=kind]").first.focus()
    page.keyboard.press("Space")
    page.locator("textarea[name=grounds]").focus()
    page.keyboard.type(GROUNDS["kk"])
    page.locator("form:has(textarea[name=grounds]) button.rm-primary").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/casework/{CITY}/\d+\?"))

    assert len(town.requests()) == before + 1
    assert town.requests()[-1].grounds == GROUNDS["kk"]


def test_open_requests_nearby_are_offered_for_support_before_the_form(visit, town):
    asked = town.file("resident", position=700, grounds="Алаңда камера жоқ, кешке қараңғы болады.")
    opened = visit(PHONE, path=f"/casework/{CITY}/new", lang="kk", cell=asked.place.cell_id)
    sign_in(opened.page, "newcomer")

    nearby = opened.page.locator(".rm-nearby")
    nearby.locator(f"form[action*='/{asked.number}/support'] button").click()
    opened.page.locator(".rm-done").wait_for()

    assert f"/casework/{CITY}/{asked.number}" in opened.page.url
    with town.store.look() as look:
        assert (asked.number, town.actor("newcomer").account_id) in look.requests.supports(CITY)


def test_a_session_that_ends_while_typing_loses_nothing(visit, town):
    visit.expects_refusals = True
    cell = f"{int(town.release.cells[600]):x}"
    opened = visit(PHONE, path=f"/casework/{CITY}/new", lang="ru", cell=cell)
    sign_in(opened.page, "resident")
    write_request(opened.page, "ru", kind="patrol")
    before = len(town.requests())
    town.end_sessions("resident")

    send(opened.page)
    assert GROUNDS["ru"] in opened.page.inner_text("main")
    assert len(town.requests()) == before
    sign_in(opened.page, "resident")
    opened.page.locator("main form button.rm-primary").click()
    opened.page.wait_for_url(re.compile(rf"/casework/{CITY}/\d+\?"))

    assert [(one.grounds, one.kind) for one in town.requests()[before:]] == [(GROUNDS["ru"], "patrol")]


def test_a_change_of_language_keeps_what_is_being_written(visit, town):
    cell = f"{int(town.release.cells[400]):x}"
    opened = visit(PHONE, path=f"/casework/{CITY}/new", lang="kk", cell=cell)
    sign_in(opened.page, "resident")
    write_request(opened.page, "kk", kind="camera")

    opened.page.locator(".rm-lang a[lang=ru]").tap()
    opened.page.wait_for_url(re.compile("lang=ru"))

    assert opened.page.locator("textarea[name=grounds]").input_value() == GROUNDS["kk"]
    assert opened.page.locator("input[name=kind][value=camera]").is_checked()
    assert wording.in_language("ru").text("casework.new.title") in opened.page.locator("h1").inner_text()
    opened.page.reload()
    assert opened.page.locator("input[name=kind]:checked").count() == 0  # kept once, for the change alone


def test_of_two_secretaries_the_second_is_told_and_keeps_what_was_written(visit, town):
    visit.expects_refusals = True
    asked = town.file("resident", position=800, grounds="Өткелде белгі жоқ, көлік баяуламайды.")
    path = f"/casework/{CITY}/{asked.number}"
    first, second = (open_workspace(visit, login, "ru", path=path) for login in ("secretary", "colleague"))

    take_step(first, "take_up", wording="Дорожный знак у перехода.")
    form = second.page.locator("#step-take_up")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    form.locator("[name=wording]").fill("Мой текст о переходе.")
    form.locator("button.rm-primary").click()

    told = second.page.locator(".rm-problem")
    told.wait_for()
    assert wording.in_language("ru").text("error.changed_meanwhile") in told.inner_text()
    assert "Мой текст о переходе." in second.page.inner_text("main")
    assert town.requests()[asked.number - 1].version == 2


def test_two_presses_of_one_button_make_one_request(visit, town):
    cell = f"{int(town.release.cells[500]):x}"
    opened = visit(DESKTOP, path=f"/casework/{CITY}/new", lang="kk", cell=cell)
    sign_in(opened.page, "resident")
    write_request(opened.page, "kk")
    before = len(town.requests())

    # The script that stops a second press is taken away: the server has to notice by itself.
    opened.page.evaluate("""async () => {
      const form = document.querySelector("form:has(textarea[name=grounds])");
      const body = () => new URLSearchParams(new FormData(form));
      await Promise.all([1, 2, 3].map(() => fetch(form.action, {method: "POST", body: body()})));
    }""")

    assert len(town.requests()) == before + 1


CASEWORK, COUNCIL = f"/casework/{CITY}", f"/council/{CITY}"
STAFF = (
    "/account",
    "/casework",
    CASEWORK,
    f"{CASEWORK}/new",
    f"{CASEWORK}/new?cell={{cell}}",
    f"{CASEWORK}/5",
    f"{CASEWORK}/9",
    f"{CASEWORK}/18/receipt",
    f"{CASEWORK}/meetings",
    f"{CASEWORK}/meetings/1",
    f"{CASEWORK}/meetings/2",
    f"{CASEWORK}/bodies",
    f"{CASEWORK}/note",
    f"{CASEWORK}/silent",
    f"/photos/{CITY}",
    f"/marks/{CITY}",
    f"/marks/{CITY}/lighting/{{cell}}",
)
OPEN = (
    "/sign-in",
    "/council",
    COUNCIL,
    f"{COUNCIL}/2",
    f"{COUNCIL}/late",
    f"{COUNCIL}/decisions",
    f"{COUNCIL}/meetings",
    f"{COUNCIL}/meetings/1",
    f"/mark/{CITY}",
    f"/mark/{CITY}/{{cell}}",
    f"/mark/{CITY}/{{cell}}?category=lighting",
    "/mark/receipt",
)
"""Every kind of page of the council: of the secretary, and of anyone."""


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not in node_modules; scripts/setup puts it there")
@pytest.mark.parametrize("looked_at", COMBINATIONS, ids="-".join)
def test_no_severe_barrier_is_found_and_nothing_reaches_over_the_edge(visit, town, site, looked_at):
    language, size, scheme = looked_at
    cell = f"{int(town.release.cells[30]):x}"
    town.mark(cell)
    person = visit(SIZES[size], path=CASEWORK, lang=language, color_scheme=scheme)
    sign_in(person.page, "secretary")
    person.page.wait_for_url(re.compile(re.escape(CASEWORK)))
    anyone = visit(SIZES[size], path="/council", lang=language, color_scheme=scheme)
    found = {}
    for opened, paths in ((person, STAFF), (anyone, OPEN)):
        for path in paths:
            address = path.format(cell=cell)
            opened.page.goto(f"{site}{address}{'&' if '?' in address else '?'}lang={language}")
            opened.page.wait_for_load_state("networkidle")
            found[path] = opened.severe_findings()
            opened.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
            if opened.page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
                found[path].append("reaches over the edge of a narrow phone")
            opened.page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})

    assert found == {path: [] for path in (*STAFF, *OPEN)}


def test_a_pressed_hexagon_of_the_public_map_leads_to_the_council(visit, town):
    cell = town.requests()[0].place.cell_id
    opened = visit(DESKTOP, path="/", place=CITY, view="hexagons", cell=cell, lang="kk")

    link = opened.page.locator(f".rm-answer a[href*='/council/{CITY}/1']").first
    link.wait_for()
    link.click()

    opened.page.wait_for_url(re.compile(rf"/council/{CITY}/1"))
    assert wording.in_language("kk").text("council.kind.lighting") in opened.page.locator("h1").inner_text()
