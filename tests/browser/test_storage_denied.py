"""A browser that blocks the data of sites: keys are saved, and the page says what is not kept."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from peakid.curate import decisions
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
# Chromium throws at the mention of localStorage; other browsers throw at its use.
AT_THE_MENTION = """for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError'); } });
"""
AT_USE = """for (const name of ['getItem', 'setItem', 'removeItem', 'key'])
  Storage.prototype[name] = () => { throw new DOMException('denied', 'SecurityError'); };
"""


@pytest.mark.parametrize("script", [AT_THE_MENTION, AT_USE], ids=["at the mention", "at use"])
def test_keys_are_saved_without_storage(
    serve: Callable[[], str],
    profile: BrowserContext,
    fill: Callable[..., list[str]],
    workspace: Workspace,
    script: str,
) -> None:
    digests = fill(river=4, sea=2)
    errors: list[str] = []
    page = profile.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(script)
    page.goto(f"{serve()}/review?queue=all")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)
    page.keyboard.type("221z", delay=20)
    expect(page.locator(".status .count")).to_contain_text("all saved")
    expect(page.locator(".status .storage")).to_contain_text("a reload loses")
    made = [row for row in reversed(decisions.log(workspace, limit=50)) if row.actor == "human:anna"]
    assert [(row.digest, row.label) for row in made] == [
        (digests[0], "sea"),
        (digests[1], "sea"),
        (digests[2], "river"),
        (digests[2], "river"),  # Undone: the label of the folder.
    ]
    assert errors == []
