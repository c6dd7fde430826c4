"""The tab Learning curve of the evaluate page."""

import pytest

from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.evaluate.learning_curve import curve
from peakid.evaluate.learning_curve import stored as curves
from peakid.jobs import queue
from peakid.jobs.arguments import LearningCurveArguments
from tests import drawn_pages, planted_embeddings, planted_runs
from tests.evaluate.learning_curve import synthetic


@pytest.fixture
def digests(plant):
    return plant({f"{name}{n}": name for name in ("dom", "eiger *x*") for n in range(35)})


@pytest.fixture
def run_id(workspace, digests):
    return planted_runs.plant(
        workspace, snapshots.create(workspace, actor="human:anna"), {"dom": "eiger *x*"}
    )


@pytest.fixture
def embedded(workspace, digests):
    planted_embeddings.plant(workspace, {digest: [1.0, 2.0] for digest in digests.values()})
    return stored.find(workspace)


def button(app, label):
    return next(each for each in app.button if each.label == label)


def markdown(app):
    return "\n".join(each.value for each in app.markdown)


def test_without_embeddings_the_tab_offers_to_compute_them(open_page, run_id):
    app = open_page("evaluate", tab="curve")
    assert not app.exception
    assert "It needs the embeddings of the images" in markdown(app)
    assert button(app, "Compute 70 embeddings")


def test_without_a_curve_a_button_submits_the_job(open_page, workspace, run_id, embedded, no_worker):
    app = open_page("evaluate", tab="curve")
    button(app, "Measure the learning curve").click().run()
    assert not app.exception
    job = queue.newest(workspace, "learning-curve")
    assert job.arguments == LearningCurveArguments(run_id=run_id)
    assert "Measure the learning curve" not in [each.label for each in app.button]


def test_a_curve_is_drawn_with_its_advice_and_a_row_for_each_class(open_page, workspace, run_id, embedded):
    fits = synthetic.fits(
        lambda counts, n: 1 - (0.2, 0.02)[n] * (100 / counts[n]) ** 0.5, n_valid=3000, n_mixed=30
    )
    made = curve.build(fits, ["dom", "eiger *x*"], model="head", backbone="timm/planted")
    curves.save(workspace, made, snapshot_id=snapshots.show(workspace).snapshot_id, set_id=embedded.set_id)
    app = open_page("evaluate", tab="curve", more="20")
    assert not app.exception
    assert "20 more images of dom" in markdown(app)
    (table,) = [each.value for each in app.dataframe]
    assert table["More"].tolist() == [20, 20]
    assert table["Class"].tolist()[0] == "dom"
    (figure,) = drawn_pages.figures(app).values()
    assert figure["figure"]["data"]


def test_too_few_images_are_explained_where_the_button_is(open_page, workspace, plant, no_worker):
    digests = plant({f"{name}{n}": name for name in ("dom", "eiger") for n in range(6)})
    planted_runs.plant(workspace, snapshots.create(workspace, actor="human:anna"), {})
    planted_embeddings.plant(workspace, {digest: [1.0, 2.0] for digest in digests.values()})
    app = open_page("evaluate", tab="curve")
    button(app, "Measure the learning curve").click().run()
    assert not app.exception
    shown = [each.value for each in (*app.error, *app.warning, *app.markdown)]
    assert any("Too few images for a learning curve" in text for text in shown)
    assert queue.newest(workspace, "learning-curve") is None
