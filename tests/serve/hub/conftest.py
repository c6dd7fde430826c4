"""A local server in place of the Hub, a login for it, and no waiting between attempts."""

import time
from collections.abc import Iterator

import pytest

from tests import stub_hub
from tests.stub_hub import StubHub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubHub]:
    with stub_hub.serving() as served:
        monkeypatch.setenv("HF_TOKEN", stub_hub.WRITER)
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        yield served
