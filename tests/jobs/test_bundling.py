"""What a bundle says of its model: counts of the snapshot, the validation score, licences of the photos."""

import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from peakid.dataset import snapshot
from peakid.errors import BadInput, ExtraMissing, NotFound
from peakid.evaluate import report
from peakid.jobs import bundling, ledger, process, queue, tasks
from peakid.store import exports, runs
from tests import planted_runs

ANNA = "human:anna"


def test_the_facts_are_those_of_the_workspace(workspace, plant, colour_export, tmp_path):
    names = ("red", "green", "blue")
    plant({f"{name}{n}": name for name in names for n in range(8)})
    frozen = snapshot.create(workspace, actor=ANNA)
    run_id = planted_runs.plant(workspace, frozen, {"red": "blue"})
    run = runs.show(workspace, run_id)
    facts = bundling.model_facts(workspace, run, names_people=True, actor=ANNA)
    assert [each.name for each in facts.classes] == sorted(names)
    for split, attribute in (("train", "n_train"), ("valid", "n_valid"), ("test", "n_test")):
        assert sum(getattr(each, attribute) for each in facts.classes) == frozen.splits[split]
    assert f"n = {frozen.splits['valid']}" in facts.score
    assert facts.test_score == ""
    assert int(facts.confusion.sum()) == frozen.splits["valid"]
    assert facts.accuracy == facts.confusion.trace() / facts.confusion.sum()
    assert "calibration error (ECE; 0 = calibrated)" in facts.other_figures
    assert sum(facts.sources.values()) == sum(facts.licences.values()) == frozen.n_images
    assert runs.show(workspace, run_id).n_test_looks == 0
    export = exports.add(workspace, run_id=run_id, path=colour_export, files=[], parity={})
    out = tmp_path / "b.zip"
    listed = bundling.write(workspace, export, out, names_people=True, actor=ANNA)
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == listed
        assert "name people" in archive.read("MODEL_CARD.md").decode()
        assert "confusion_matrix.svg" in listed


def test_a_test_score_is_told_once_it_was_looked_at(workspace, plant):
    plant({f"{name}{n}": name for name in ("red", "green") for n in range(12)})
    frozen = snapshot.create(workspace, actor=ANNA)
    run_id = planted_runs.plant(workspace, frozen, {"red": "green"})
    report.evaluate(workspace, run_id, split="test", actor=ANNA)
    told = bundling.model_facts(workspace, runs.show(workspace, run_id), actor=ANNA).test_score
    assert f"n = {frozen.splits['test']}" in told
    assert "looked at once" in told
    assert runs.show(workspace, run_id).n_test_looks == 1


@pytest.mark.slow
def test_a_command_writes_the_page_as_one_file(workspace, plant, colour_export, tmp_path, peakid):
    plant({f"{name}{n}": name for name in ("red", "green", "blue") for n in range(8)})
    run_id = planted_runs.plant(workspace, snapshot.create(workspace, actor=ANNA), {})
    export = exports.add(workspace, run_id=run_id, path=colour_export, files=[], parity={})
    out = tmp_path / "model.html"
    answer = peakid("page", export.export_id, "--out", out, "--json")
    assert answer.json == {"path": str(out), "bytes": out.stat().st_size}
    assert out.read_text().startswith("<!doctype html>")
    assert peakid("page", export.export_id, "--out", out).code == 1
    assert out.stat().st_size == answer.json["bytes"]


@pytest.mark.slow
def test_a_job_writes_bundles_side_by_side_into_the_exports(
    workspace, frozen, add_run, colour_export, as_idle, peakid
):
    run_id = add_run(frozen)
    export = exports.add(workspace, run_id=run_id, path=colour_export, files=[], parity={})

    def made(**options):
        job = bundling.submit(workspace, export.export_id, actor=ANNA, **options)
        tasks.run(work := ledger.claim(workspace, job.job_id, process.own()))
        work.end("done")
        return queue.show(workspace, job.job_id).result

    first, second = made(intended_use="  Sort holiday photos. "), made(names_people=True, threshold=0.4)
    folder = workspace.exports_dir
    assert [first.path, second.path] == [
        str(folder / f"run-{run_id}-export-1{each}.zip") for each in ("", "-2")
    ]
    with zipfile.ZipFile(first.path) as archive:
        assert tuple(archive.namelist()) == first.files
        assert "Sort holiday photos.\n" in archive.read("MODEL_CARD.md").decode()
    with zipfile.ZipFile(second.path) as archive:
        assert '"threshold": 0.4' in archive.read("card.json").decode()
    assert [job.result.path for job in bundling.made(workspace, 1)] == [second.path, first.path]
    assert bundling.made(workspace, 2) == []
    queued = peakid("bundle", 1, "--no-wait", "--json").json
    assert (queued["job_id"], queued["state"]) == (3, "queued")
    with pytest.raises(NotFound, match="There is no export 9"):
        bundling.submit(workspace, 9, actor=ANNA)


@pytest.mark.slow
def test_a_job_writes_the_page_and_a_key_that_cannot_sign_is_refused_before_any_work(
    workspace, frozen, add_run, colour_export, as_idle, peakid, tmp_path, monkeypatch
):
    run_id = add_run(frozen)
    exports.add(workspace, run_id=run_id, path=colour_export, files=[], parity={})
    job = bundling.submit_page(workspace, 1, threshold=0.4, actor=ANNA)
    tasks.run(work := ledger.claim(workspace, job.job_id, process.own()))
    work.end("done")
    made = queue.show(workspace, job.job_id).result
    assert made.path == str(workspace.exports_dir / f"run-{run_id}-export-1.html")
    assert Path(made.path).read_text().startswith("<!doctype html>")
    assert [each.job_id for each in bundling.made(workspace, 1, is_page=True)] == [job.job_id]
    assert bundling.made(workspace, 1) == []
    assert peakid("page", 1, "--no-wait", "--json").json["job_id"] == job.job_id + 1
    monkeypatch.setattr(sys, "modules", sys.modules | dict.fromkeys(("model_signing.signing",)))
    with pytest.raises(ExtraMissing, match="model-signing"):
        bundling.submit(workspace, 1, key=tmp_path / "key", actor=ANNA)
    monkeypatch.undo()
    assert len(queue.list_jobs(workspace)) == 2


@pytest.mark.slow
@pytest.mark.skipif(find_spec("model_signing") is None, reason='needs pip install "peakid[sign]"')
def test_a_job_signs_the_bundle(workspace, frozen, add_run, colour_export, tmp_path):
    from tests.serve.bundle.test_signing import keys

    exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=[], parity={})
    private, _ = keys(tmp_path, "signer")
    job = bundling.submit(workspace, 1, key=private, actor=ANNA)
    tasks.run(work := ledger.claim(workspace, job.job_id, process.own()))
    work.end("done")
    assert "model.sig" in queue.show(workspace, job.job_id).result.files
    with pytest.raises(BadInput, match="There is no file"):
        bundling.submit(workspace, 1, key=tmp_path / "missing", actor=ANNA)
