"""A collection that is killed again and again loses no candidate and keeps its budget of requests."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from peakid.store.workspace import Workspace
from tests import killed
from tests.acquire.collecting.conftest import FAST
from tests.acquire.fetching.served import Served

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("n_candidates", "n_kills"), [(600, 6), pytest.param(5000, 10, marks=pytest.mark.thorough)]
)
def test_each_candidate_of_a_killed_collection_ends_once(
    workspace: Workspace,
    photos: Served,
    collection: Callable[..., int],
    n_candidates: int,
    n_kills: int,
) -> None:
    rng = random.Random(4)
    kinds = ["404", "500", "page", "cut", "flaky"]
    names = [f"{n}-{rng.choice(kinds)}" if rng.random() < 0.2 else f"{n}.jpg" for n in range(n_candidates)]
    collection([f"{photos.url}/{name}" for name in names])

    def finish() -> None:
        process = killed.FORKS.start(killed.collect_into, workspace.path)
        process.join()
        assert process.exitcode == 0

    for _ in range(n_kills):
        process = killed.FORKS.start(killed.collect_into, workspace.path)
        n_before = len(photos.asked)
        until = time.monotonic() + 60
        n_more = rng.randrange(n_candidates // 30, n_candidates // 10)
        while len(photos.asked) - n_before < n_more and time.monotonic() < until:
            assert process.is_alive()
            time.sleep(0.01)
        process.kill()
        process.join()
    finish()
    expected = Counter(name.partition("-")[2] or "image" for name in names)
    found = Counter(row["reason"] or "image" for row in workspace.query("SELECT reason FROM candidate"))
    assert found == {
        "image": expected["image"] + expected["flaky"],
        "gone": expected["404"],
        "unreachable": expected["500"],
        "not_an_image": expected["page"],
        "unreadable": expected["cut"],
    }
    n_images = workspace.one("SELECT COUNT(*) AS n FROM image")["n"]
    n_origins = workspace.one("SELECT COUNT(*) AS n FROM origin")["n"]
    assert n_images == n_origins == found["image"]
    most = FAST.n_attempts * (n_kills + 1)
    assert max(Counter(photos.paths()).values()) <= most
    folder = workspace.cache_dir / "collected"
    assert not [each for each in folder.iterdir() if each.suffix != ".part"]
    for part in folder.iterdir():
        os.utime(part, (0, 0))  # The next run removes what killed writers left, but not at once.
    n_asked = len(photos.asked)
    finish()
    assert len(photos.asked) == n_asked, "a further run asks for nothing that is known"
    assert not list(folder.iterdir())
