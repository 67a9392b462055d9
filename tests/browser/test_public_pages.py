"""Every kind of public page, as a person meets it: nothing foreign, broken, too wide, or serious to axe-core."""

import pytest

from tests.browser import public_pages
from tests.browser.visits import AXE, COMBINATIONS, SIZES, Visit, served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("public_pages")]

OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(installation):
    with served(installation.data) as address:
        yield address


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed; run scripts/setup")
@pytest.mark.parametrize("looked_at", COMBINATIONS, ids="-".join)
def test_no_page_shows_a_serious_finding_a_foreign_request_or_an_overflow(chromium, site, installation, looked_at):
    language, size, scheme = looked_at
    found, titles = {}, set()

    for address in public_pages.samples(installation.data):
        visit = Visit(
            chromium, site, SIZES[size], path=public_pages.in_language(address, language), color_scheme=scheme
        )
        if public_pages.is_drawn_by_streamlit(address):
            visit.wait_for_map()
        troubles = [*visit.severe_findings(), *(one for kind in visit.troubles for one in kind)]
        if visit.language != language:
            troubles.append(f"the document says it is in {visit.language}")
        title = visit.page.title()
        if title in ("", "Streamlit", *titles):
            troubles.append(f"its title, {title!r}, does not tell it from the others")
        titles.add(title)
        if (overflow := visit.page.evaluate(OVERFLOW)) > 0:
            troubles.append(f"{overflow} px wider than the screen")
        if troubles:
            found[address] = troubles
        visit.context.close()

    assert found == {}
