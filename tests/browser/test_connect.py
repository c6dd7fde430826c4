"""A page opens its connection at once, in each workspace, and still works where it must find its server."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
ASKED = """() => performance.getEntriesByType("resource").map((each) => new URL(each.name).pathname)
  .filter((path) => path.endsWith("/_stcore/health"))"""


def asked(page: Page, address: str) -> list[str]:
    """Open a page; return where it asked for the server, which it also does where it needs no answer."""
    page.goto(address)
    page.wait_for_selector(SETTLED)
    page.wait_for_function(f"({ASKED})().length > 0")
    return page.evaluate(ASKED)


def test_a_page_is_connected_at_the_address_of_its_workspace_without_looking_for_it(
    serve: Callable[[], str], page: Page
) -> None:
    address = serve()
    prefix = urlsplit(address).path
    assert prefix.startswith("/w/")
    for name in ("evaluate?tab=trust", ""):
        assert asked(page, f"{address}/{name}") == [f"{prefix}/_stcore/health"]
    assert asked(page, f"{address.removesuffix(prefix)}/evaluate") == ["/_stcore/health"]


def test_a_page_with_settings_of_its_host_finds_its_server_by_itself(
    serve: Callable[[], str], page: Page
) -> None:
    address = serve()
    prefix = urlsplit(address).path
    page.add_init_script("window.__streamlit = {}")
    found = asked(page, f"{address}/evaluate")
    assert found == [f"{prefix}/evaluate/_stcore/health", f"{prefix}/_stcore/health"]
