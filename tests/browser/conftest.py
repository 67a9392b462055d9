"""What browser tests share. The programs that they start are no modules of tests."""

import pytest

from tests.browser.visits import browser

collect_ignore = ["map_page.py", "map_server.py"]


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened
