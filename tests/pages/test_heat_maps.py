"""Heat maps on the Evaluate page: what is offered, shown, doubted and named."""

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from peakid.evaluate import scored_images
from peakid.jobs import presence, queue
from peakid.records import Snapshot
from peakid.run_records import HeatCheck
from peakid.store import runs
from peakid.store.evaluation import heat_maps
from peakid.store.evaluation.heat_maps import HeatMap
from peakid.store.workspace import Workspace

GOOD = HeatCheck(0.93, 0.41, 2.9, 0.3, 0.025, 1 / 21, 0.2, 0.1)
ELSEWHERE = HeatCheck(0.6, 0.6, 0.1, 0.3, 0.6, 1 / 21, 0.2, 0.1)
EMPTY = HeatCheck(0.1, 0.1, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0)


@pytest.fixture
def run_id(frozen: Snapshot, add_run: Callable[..., int]) -> int:
    return add_run(frozen, n_wrong=1)


@pytest.fixture
def plant(workspace: Workspace, run_id: int) -> Callable[..., scored_images.ScoredImages]:
    """Store a map for the predicted class of every validation image, all in the lower right corner."""

    def planted(check_of: Callable[[int], HeatCheck]) -> scored_images.ScoredImages:
        scored = scored_images.load(workspace, runs.show(workspace, run_id), "valid")
        rng = np.random.default_rng(0)
        made = []
        for n, digest in enumerate(scored.digests):
            heat = np.zeros((32, 32), dtype=np.uint8)
            heat[-6:, -6:] = rng.integers(150, 256, (6, 6))
            made.append(HeatMap(digest, int(scored.predicted[n]), heat, check_of(n)))
        heat_maps.add(workspace, run_id, made)
        return scored

    return planted


def test_without_maps_the_page_offers_to_compute_them_and_follows_the_job(
    open_page: Callable[..., AppTest], workspace: Workspace, run_id: int, text_of: Callable
) -> None:
    lock = presence.take(workspace)  # No worker starts.
    assert lock is not None
    app = open_page("evaluate")
    assert "See where in a photo the score comes from" in text_of(app)
    button = next(each for each in app.button if each.label == "Compute heat maps of 7 photos")
    button.click().run()
    assert not app.exception
    (job,) = queue.list_jobs(workspace)
    assert (job.kind, job.arguments.run_id, job.arguments.split, job.arguments.limit) == (
        "heat-maps",
        run_id,
        "valid",
        7,
    )
    assert not [each for each in app.button if each.label.startswith("Compute heat maps")]


def test_maps_are_shown_with_what_doubts_them_and_the_corner_is_named(
    open_page: Callable[..., AppTest], run_id: int, plant: Callable, text_of: Callable
) -> None:
    scored = plant(lambda n: GOOD)
    app = open_page("evaluate")
    assert not app.exception
    text = text_of(app)
    assert f"{len(scored)} of {len(scored)} heat maps of {len(scored)} images passed their tests." in text
    assert "Hiding the hottest 10 % of the image: 93 % becomes 41 %." in text
    shown = app.selectbox(key="heat:class")
    assert shown.options[0] == "Errors, the worst first"
    assert "sea, is river" in text  # The one error.
    # 5 rivers or seas at least are needed for a finding about a class.
    counts = np.bincount(scored.predicted)
    assert ("of its heat in the bottom right corner" in text) is bool(counts.max() >= 5)


def test_a_photo_that_the_next_list_lacks_gives_way_to_its_first_one(
    open_page: Callable[..., AppTest], run_id: int, plant: Callable
) -> None:
    plant(lambda n: GOOD)
    app = open_page("evaluate")
    app.selectbox(key="heat:class").set_value("river").run()
    photo = app.selectbox(key="heat:photo")
    assert len(photo.options) > 1
    photo.select_index(len(photo.options) - 1).run()
    app.selectbox(key="heat:class").select_index(0).run()  # The errors: one photo of the class sea.
    assert not app.exception
    assert app.selectbox(key="heat:photo").options == ["1. sea 93 %, is river"]
    assert app.selectbox(key="heat:photo").index == 0


def test_a_map_that_fails_a_test_is_not_trusted_and_counts_nowhere(
    open_page: Callable[..., AppTest], run_id: int, plant: Callable, text_of: Callable
) -> None:
    plant(lambda n: EMPTY if n == 0 else ELSEWHERE)
    text = text_of(open_page("evaluate"))
    assert "0 of 7 heat maps of 7 images passed their tests." in text
    assert "Not trusted" in text
    assert "Where the heat of a class is can be said from 5 trusted maps" in text
    assert "Nothing in this image speaks for the class" in text or "costs no more score" in text


def test_the_class_of_a_map_can_be_chosen_and_a_missing_one_is_computed(
    open_page: Callable[..., AppTest], workspace: Workspace, run_id: int, plant: Callable, text_of: Callable
) -> None:
    lock = presence.take(workspace)
    assert lock is not None
    plant(lambda n: GOOD)
    app = open_page("evaluate")
    menu = next(each for each in app.selectbox if each.label == "Map for the class")
    other = next(name for name in ("river", "sea") if name != menu.value)
    menu.set_value(other).run()
    assert f"There is no map of this photo for {other} yet." in text_of(app)
    next(each for each in app.button if each.label == "Compute this map").click().run()
    assert not app.exception
    (job,) = queue.list_jobs(workspace)
    assert (job.arguments.class_name, len(job.arguments.digest)) == (other, 64)
