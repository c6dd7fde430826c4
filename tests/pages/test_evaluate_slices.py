"""The tab Slices of the Evaluate page: what is worse than chance, the bars of a property, their errors."""

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions, remarks
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import scored_images
from peakid.records import Choice, Snapshot
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace
from tests import planted_runs

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
HOSTILE = "[fog](http://zq.zq) <b>"


@pytest.fixture
def foggy(workspace: Workspace, plant: Callable[..., dict[str, str]]) -> int:
    """A run on 240 images, wrong on most of those with a tag and on one in ten of the others."""
    plant({f"{name} {n:03}": name for name in ("dom", "eiger") for n in range(120)})
    frozen = snapshots.create(workspace, actor="human:anna")
    run_id = planted_runs.plant(workspace, frozen, {})
    images = scored_images.load(workspace, runs.show(workspace, run_id), "train")
    remarks.tag(workspace, images.digests[::6], HOSTILE, actor="human:anna")
    is_wrong = np.arange(len(images)) % 12 == 1
    is_wrong[::6] = np.arange(len(images))[::6] % 4 != 0
    pred_probs = np.where(is_wrong[:, None] == (images.given[:, None] == np.arange(2)), 0.1, 0.9)
    with workspace.transaction() as connection:
        connection.execute(
            "DELETE FROM prediction WHERE run_id = ? AND split IN ('train', 'valid')", (run_id,)
        )
    given = [images.class_names[each] for each in images.given]
    run_predictions.add(
        workspace,
        run_id,
        "valid",
        images.digests,
        pred_probs.astype(np.float32),
        given,
        is_out_of_sample=True,
    )
    return run_id


def button(app: AppTest, label: str):
    return next(each for each in app.button if label in each.label.replace("\\", ""))


def test_a_slice_that_is_worse_is_named_and_opens_its_errors_in_review(
    open_page: OpenPage, foggy: int, workspace: Workspace, text_of: TextOf
) -> None:
    app = open_page("evaluate", tab="slices")
    assert not app.exception
    warning = next(each.value for each in app.warning if "Tag" in each.value).replace("\\", "")
    assert "Tag [fog]" in warning.replace(":color[]", "")
    assert "more than other images of the same classes" in warning
    assert "Tag: lowest for" in text_of(app)  # The bars begin with the property of the worst slice.
    images = scored_images.load(workspace, runs.show(workspace, foggy), "valid")
    errors = {images.image_ids[n] for n in range(0, len(images), 6) if not images.is_right[n]}
    button(app, f"Review {len(errors)} errors").click().run()
    assert not app.exception
    queue = "".join(app.query_params["queue"])
    assert queue.startswith("selection:")
    assert set(review_queue.image_ids(workspace, queue)) == errors


def test_the_address_keeps_the_property_and_the_one_it_is_crossed_with(
    open_page: OpenPage, foggy: int, text_of: TextOf
) -> None:
    app = open_page("evaluate", tab="slices", by="class")
    assert "Class: lowest for" in text_of(app)
    app = open_page("evaluate", tab="slices", **{"by": "class", "and": "tag"})
    assert not app.exception
    assert "Tag and class: lowest for" in text_of(app)
    app = open_page("evaluate", tab="slices", by="altitude")
    assert "there is no such choice" in text_of(app)
    assert not app.exception


def test_what_makes_no_slices_says_why(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], text_of: TextOf
) -> None:
    add_run(frozen, n_wrong=1)
    text = text_of(open_page("evaluate", tab="slices"))
    assert "No slice was tested" in text
    assert "Cluster: No image has an embedding yet. Compute the embeddings first." in text
    assert "Year taken: No image of this split has a date in its EXIF data." in text


def test_slices_are_computed_again_after_a_decision(
    open_page: OpenPage, foggy: int, workspace: Workspace, text_of: TextOf
) -> None:
    app = open_page("evaluate", tab="slices")
    assert "Reviewer: All images have the same value: not reviewed." in text_of(app)
    images = scored_images.load(workspace, runs.show(workspace, foggy), "valid")
    decisions.decide(workspace, [Choice(images.digests[0], "label", "dom")], actor="human:anna")
    app.run()
    assert "Reviewer: All images" not in text_of(app)
