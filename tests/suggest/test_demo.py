"""The demo, whose wrong labels are known: they are the first in the queue of label issues."""

import json

import pytest

from peakid.acquire import demo_import
from peakid.curate.queues import review_queue
from peakid.jobs import embedding, ledger, process, suggester, tasks

pytestmark = pytest.mark.slow

N_IMAGES = 300
N_FIRST = 8


def test_the_planted_wrong_labels_of_the_demo_are_the_first_label_issues(workspace, as_idle):
    demo_import.import_demo(workspace, n_images=N_IMAGES, seed=0, actor="import:demo")
    work = ledger.claim(workspace, embedding.embed(workspace).job_id, process.own())
    tasks.run(work)
    work.end("done")
    suggester.up_to_date(workspace)
    truth = json.loads((workspace.path / "demo" / "truth.json").read_text(encoding="utf-8"))
    drawn = {each["path"]: each["drawn_class"] for each in truth["files"]}
    first = review_queue.page(workspace, "label-issues", limit=N_FIRST)
    n_wrong = sum(drawn[item.path] != item.label for item in first)
    assert n_wrong >= N_FIRST - 2, [(item.path, item.reason) for item in first]
    share = sum(each["drawn_class"] != each["given_label"] for each in truth["files"]) / len(truth["files"])
    assert share < 0.2  # By chance, one or two of eight would be wrong.
