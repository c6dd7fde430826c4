"""The demo has planted wrong labels; a quick training puts them first on the wall of errors."""

import json

import pytest

from peakid.acquire import demo_import
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.jobs import ledger, process, submit, tasks
from peakid.recipe import loading, weight_files
from peakid.recipe.architectures import find
from peakid.store import runs

ANNA = "human:anna"
N_IMAGES = 600  # As many as the demo has.
SEED = 0


@pytest.mark.slow
@pytest.mark.thorough
def test_planted_wrong_labels_lead_the_errors_of_a_quick_training_on_the_demo(workspace):
    recipe = loading.presets()["quick"].model_copy(update={"folds": 5, "device": "cpu"})
    if not weight_files.packaged(find(recipe.arch)):
        pytest.skip("the package with the weights of the quick preset is not installed")
    demo_import.import_demo(workspace, n_images=N_IMAGES, seed=SEED, actor=ANNA)
    frozen = snapshots.create(workspace, actor=ANNA)
    job = submit.train(workspace, recipe, actor=ANNA)
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")
    [run] = runs.list_runs(workspace)
    truth = json.loads((workspace.path / "demo" / "truth.json").read_text(encoding="utf-8"))
    drawn = {each["path"]: each["drawn_class"] for each in truth["files"]}
    wall = review_queue.page(workspace, review_queue.errors_queue(run.run_id, "cv"), limit=20)
    is_planted = [drawn[item.path] != item.label for item in wall]
    items = snapshots.items(workspace, frozen.digest)
    by_digest = {item.digest: item for item in review_queue.items(workspace, [each.digest for each in items])}
    n_planted = sum(drawn[by_digest[each.digest].path] != each.label for each in items)
    base = n_planted / len(items)
    assert sum(is_planted[:10]) >= 5  # In random order, 5 or more of 10 come once in 5,000 times.
    assert sum(is_planted) / len(wall) > 4 * base
