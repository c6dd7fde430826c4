"""The chips of the Review page are whole at every supported width."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from peakid.store.workspace import Workspace

from .test_review_keys import add_model_run, open_queue

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAMES = ("great crested grebe in winter plumage near the northern shore", "little grebe")


def is_whole(page: Page, chip: str) -> bool:
    """Return whether the chip with this text is in sight, and its text inside it."""
    return bool(
        page.locator(".st-key-queue").evaluate(
            """(group, text) => {
                const chips = [...group.querySelectorAll('[role=radio]')];
                const chip = chips.find((each) => each.innerText.includes(text));
                const box = chip.getBoundingClientRect();
                const words = chip.querySelector('p').getBoundingClientRect();
                const main = document.querySelector('[data-testid=stMain]').getBoundingClientRect();
                const row = chip.parentElement;
                return row.scrollWidth <= row.clientWidth && box.left >= main.left && box.right <= main.right
                  && words.left >= box.left && words.right <= box.right && words.bottom <= box.bottom
                  && chip.scrollWidth <= chip.clientWidth + 1;
            }""",
            chip,
        )
    )


def test_every_chip_is_whole(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    given, predicted = NAMES
    digests = fill(**{given: 3, predicted: 3})
    rows = [("valid", given, predicted, 0.4)] * 3 + [("valid", predicted, given, 0.45)] * 3
    add_model_run(workspace, digests, rows)
    address = serve()
    queue = f"confusion:1:valid:{given}:{predicted}"
    open_queue(page, address, quote(queue))
    expect(page.locator(".st-key-queue [role=radio]")).to_have_count(5)
    for width, height in ((1280, 800), (820, 1180)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(700)  # The sidebar is folded with a transition, and the chips change with it.
        for chip in ("Worth your time", "Unreviewed", "Model disagrees", "Model is unsure", "taken for"):
            assert is_whole(page, chip), (width, chip)
    assert page.locator(".st-key-queue [role=radio]").first.inner_text().startswith("Worth your time")
