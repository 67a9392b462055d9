import sys; sys.path.insert(0,'/work/main')
import pytest
from tests.browser.test_journeys import *
def test_x(visit, installation):
    words = wording.in_language("ru")
    o = visit(DESKTOP, place=CITY, lang="ru")
    o.tab_to(words.text("list.filter"))
    print("FOCUS", o.page.evaluate("document.activeElement.outerHTML")[:400])
    for i in range(9):
        o.page.keyboard.press("ArrowDown"); o.page.wait_for_timeout(150)
        print(i, o.page.evaluate("document.activeElement.getAttribute('aria-activedescendant')"), o.page.locator("[role=option]").count(), o.page.evaluate("[...document.querySelectorAll('[role=option]')].map(e=>e.textContent.slice(0,12)+(e.getAttribute('aria-selected')||'')+(e.className.includes('ocus')?'F':'')).join('|')"))
    o.page.keyboard.press("Enter"); o.page.wait_for_timeout(1500)
    print(o.page.locator(".rm-row b").first.inner_text())
