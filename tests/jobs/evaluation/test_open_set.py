"""The job that predicts new photos: what it reads, what it leaves out, and what it finds."""

import numpy as np
import pytest

from peakid.acquire import folder
from peakid.curate import decisions
from peakid.dataset import snapshot
from peakid.errors import BadInput, NotFound
from peakid.evaluate import scored_images
from peakid.evaluate.trust import answers, trust_text
from peakid.evaluate.trust import new_photos as findings
from peakid.jobs import ledger, process, submit, tasks
from peakid.jobs.evaluation import open_set
from peakid.recipe.recipe import Recipe
from peakid.records import Choice
from peakid.store import runs
from peakid.store.evaluation import new_photos, operating_points
from tests import planted_runs

ANNA = "human:anna"
QUICK = Recipe(
    arch="squeezenet1_0",
    pretrained="none",
    image_size_px=32,
    batch_size=8,
    scratch_epochs=1,
    device="cpu",
    augment=0,
)


@pytest.fixture
def run(workspace, plant):
    plant({**{f"d{i}": "dom" for i in range(20)}, **{f"e{i}": "eiger" for i in range(20)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}))


def add_set(workspace, run, probabilities, *, source="folder", name="/photos", comparison=None):
    return new_photos.add(
        workspace,
        run.run_id,
        source,
        name,
        digests=[f"{n:064x}" for n in range(len(probabilities))],
        groups=np.arange(len(probabilities)),
        pred_probs=np.array(probabilities),
        n_unread=1,
        n_known=2,
        comparison=comparison or {},
    )


def test_excluded_images_of_another_subject_outside_the_snapshot_are_chosen(workspace, run, fill):
    later = fill(dom=4)
    reasons = ["another subject", "poor quality", "drawing or text"]
    choices = [Choice(later[n], "exclude", reason=reason) for n, reason in enumerate(reasons)]
    decisions.decide(workspace, choices, actor=ANNA)
    inside = scored_images.load(workspace, run, "valid").digests[0]
    decisions.decide(workspace, [Choice(inside, "exclude", reason="another subject")], actor=ANNA)
    found = new_photos.excluded(workspace, run.snapshot_id, findings.UNRELATED_REASONS)
    assert found == [later[0], later[2]]


def test_without_photos_or_a_model_the_job_is_refused(workspace, run, as_worker, tmp_path):
    with pytest.raises(BadInput, match="No image outside the snapshot of run 1 was excluded"):
        open_set.submit(workspace, run.run_id)
    with pytest.raises(BadInput, match="There is no folder"):
        open_set.submit(workspace, run.run_id, folder=tmp_path / "nowhere")
    with pytest.raises(NotFound):
        open_set.submit(workspace, 99, folder=tmp_path)


def test_a_set_is_read_back_and_the_newest_of_a_folder_counts(workspace, run):
    add_set(workspace, run, [[0.9, 0.1]] * 3)
    newest = add_set(workspace, run, [[0.6, 0.4]] * 4)
    other = add_set(workspace, run, [[0.6, 0.4]], name="/others")
    assert [each.set_id for each in new_photos.list_sets(workspace, run.run_id)] == [other, newest]
    found = new_photos.show(workspace, run.run_id, newest)
    groups, pred_probs = new_photos.load(workspace, found)
    assert groups.tolist() == [0, 1, 2, 3]
    assert pred_probs == pytest.approx(np.array([[0.6, 0.4]] * 4))
    assert (
        trust_text.photos(found) == "4 photos of /photos, 1 unreadable, 2 left out, since the run knows them"
    )


def test_false_accepts_follow_the_chosen_threshold(workspace, run):
    add_set(workspace, run, [[0.95, 0.05], [0.85, 0.15], [0.6, 0.4], [0.5, 0.5]])
    images = scored_images.load(workspace, run, "valid")
    [found] = findings.findings(workspace, answers.of(images), None)
    assert (found.as_unrelated.threshold, found.as_unrelated.n_accepted) == (0.8, 2)
    assert found.as_unrelated.auroc == 0.75  # Every known photo has .9, above three of the four.
    assert found.comparison is None
    point = operating_points.put(workspace, run.run_id, threshold=0.9, actor=ANNA)
    [found] = findings.findings(workspace, answers.of(images), point)
    assert found.as_unrelated.n_accepted == 1
    assert "1 of 4 unrelated photos are answered at 0.90: 25 % (" in trust_text.open_set(found.as_unrelated)


@pytest.mark.slow
def test_a_folder_is_predicted_and_compared_with_the_test_images(workspace, draw, as_worker, tmp_path):
    for seed in range(80):
        place = tmp_path / "photos" / ("dom" if seed % 2 else "eiger")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{seed}.jpg").write_bytes(draw(seed))
    folder.import_folder(workspace, tmp_path / "photos", actor="import:folder")
    snapshot.create(workspace, fractions={"train": 0.6, "valid": 0.2, "test": 0.2}, actor=ANNA)

    def done(job):
        work = ledger.claim(workspace, job.job_id, process.own())
        tasks.run(work)
        work.end("done")
        return work.result

    run_id = done(submit.train(workspace, QUICK)).run_id
    new = tmp_path / "new"
    new.mkdir()
    for seed in range(200, 210):
        (new / f"{seed}.jpg").write_bytes(draw(seed))
    (new / "larger.jpg").write_bytes(draw(200, size=(96, 72)))  # A near duplicate.
    (new / "text.jpg").write_text("no image")
    (new / "known.jpg").write_bytes(draw(3))
    n_looks = runs.show(workspace, run_id).n_test_looks
    result = done(open_set.submit(workspace, run_id, folder=new))
    assert (result.n_images, result.n_unread, result.n_known) == (11, 1, 1)
    assert runs.show(workspace, run_id).n_test_looks == n_looks
    found = new_photos.show(workspace, run_id, result.set_id)
    groups, pred_probs = new_photos.load(workspace, found)
    assert (len(set(groups.tolist())), pred_probs.shape) == (10, (11, 2))
    assert pred_probs.sum(axis=1) == pytest.approx(np.ones(11), abs=1e-5)
    assert found.comparison["space"] == "probabilities"
    assert found.comparison["n_new"] == 10
    # The same bytes through the stored predictions of the run: a photo of test has the run's probabilities.
    images = scored_images.load(workspace, runs.show(workspace, run_id), "test")
    from peakid.learn import new_photos as predicting
    from peakid.learn import start
    from peakid.records import no_report
    from peakid.store import images as stored_images

    again = predicting.pred_probs(
        runs.folder(workspace, run_id),
        len(images),
        lambda place: stored_images.read_bytes(workspace, images.digests[place]),
        device=start.find_device("cpu"),
        report=no_report,
        should_stop=lambda: False,
    )
    assert again.pred_probs == pytest.approx(images.pred_probs, abs=1e-4)
