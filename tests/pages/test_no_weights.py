"""A machine without any pretrained weights: pages say what still works, and nothing breaks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.dataset import snapshot as snapshots
from peakid.store.workspace import Workspace
from tests import planted_embeddings

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
WORKS = "reviewing by hand, duplicates, image issues and training from random weights work"
PAGES = ("overview", "collect", "duplicates", "classes", "map", "history", "snapshots", "evaluate", "models")
QUEUES = ("worth", "unreviewed", "label-issues", "suggestions", "outliers", "irrelevant", "alone")


@pytest.fixture
def open_without(
    open_page: OpenPage,
    fill: Callable[..., list[str]],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> OpenPage:
    """Open a page of a workspace with images where no file and no package has weights."""
    fill(river=12, sea=10)
    snapshots.create(workspace, actor="human:anna")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    return open_page


def test_review_and_map_say_what_works_and_train_offers_random_weights(
    open_without: OpenPage, text_of: TextOf
) -> None:
    for page in ("review", "map", "collect"):
        text = text_of(open_without(page))
        assert text.count("No pretrained weights are on this machine") >= 1, page
        assert text.count(WORKS) == 1, page
    train = text_of(open_without("train"))
    assert "Pretrained weights of no architecture are on this machine." in train
    assert "Every recipe also trains from random weights." in train
    review = open_without("review")
    assert "Compute the embeddings" not in [each.label for each in review.button]  # It would only fail.


def test_no_page_and_no_queue_breaks(open_without: OpenPage) -> None:
    for page in PAGES:
        app = open_without(page)
        assert not app.exception, page
        assert not app.error, page
    for queue in QUEUES:
        app = open_without("review", queue=queue)
        assert not app.exception, queue
        assert not app.error, queue


def test_with_embeddings_from_elsewhere_nothing_is_missing(
    open_without: OpenPage, workspace: Workspace, text_of: TextOf
) -> None:
    rows = workspace.query("SELECT digest FROM image ORDER BY id")
    planted_embeddings.plant(workspace, {row["digest"]: [1, n / 9, -n] for n, row in enumerate(rows)})
    assert "No pretrained weights" not in text_of(open_without("review"))
    assert "No pretrained weights" not in text_of(open_without("map"))
