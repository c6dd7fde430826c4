import json
import os
import zipfile

import numpy as np
import pytest

from peakid.acquire import folder
from peakid.dataset import snapshot
from peakid.errors import BadArchive, BadInput, LeakingSnapshot, NotFound
from peakid.evaluate import report
from peakid.evaluate.trust import operating_point
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue, submit, tasks
from peakid.jobs.arguments import VerifyArguments
from peakid.recipe import export_formats
from peakid.recipe.export_formats import DEFAULT
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics
from peakid.remedies import action
from peakid.store import checkpoints, exports, images, run_predictions, runs

QUICK = Recipe(
    arch="squeezenet1_0",
    pretrained="none",
    image_size_px=32,
    batch_size=8,
    scratch_epochs=2,
    device="cpu",
    augment=0,
)


@pytest.fixture
def claimed(workspace, as_worker):
    """Claim a job for this process, so that its task runs right here."""

    def claim(job):
        return ledger.claim(workspace, job.job_id, process.own())

    return claim


def test_verifying_lists_images_whose_bytes_are_missing_or_changed(workspace, stored, claimed):
    images.image_path(workspace, stored[0]).write_bytes(b"altered")
    images.image_path(workspace, stored[2]).unlink()
    work = claimed(submit.verify(workspace))
    tasks.run(work)
    assert (work.result.n_images, work.result.n_damaged) == (3, 2)
    altered, gone = work.result.damaged
    assert (altered.digest, altered.path) == (stored[0], "dom/0.jpg")
    assert altered.reason
    assert gone.digest == stored[2]
    assert stored[2][:12] in gone.reason


def test_the_error_about_an_unknown_kind_of_job_lists_the_known_kinds(workspace, claimed):
    job = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings())
    with workspace.transaction() as connection:
        connection.execute("UPDATE job SET kind = 'dance'")
    assert queue.show(workspace, job.job_id).arguments is None  # It is still listed.
    work = claimed(job)
    kinds = ", ".join(tasks.TASKS)
    assert {"train", "tta", "export", "scan"} < set(tasks.TASKS)
    with pytest.raises(BadInput, match=rf"Unknown kind of job 'dance'\. Known kinds are {kinds}\."):
        tasks.run(work)


def test_a_cancelled_task_raises_instead_of_ending_as_done(workspace, stored, claimed):
    work = claimed(submit.verify(workspace))
    queue.cancel(workspace, work.job_id)
    with pytest.raises(ledger.Cancelled):
        tasks.run(work)


def test_a_leaking_snapshot_is_also_refused_by_the_job(workspace, plant, claimed):
    plant({f"{name}{n}": name for name in ("dom", "eiger") for n in range(3)})
    snapshot.create(workspace, actor="human:anna")
    job = submit.train(workspace, QUICK)
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_leaks = 1")
    with pytest.raises(LeakingSnapshot):
        tasks.run(claimed(job))
    assert runs.list_runs(workspace) == []


@pytest.fixture
def photos(workspace, draw, tmp_path):
    """Sixty drawn images of two classes, and a snapshot of them."""
    for seed in range(60):
        place = tmp_path / "photos" / ("dom" if seed % 2 else "eiger")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{seed}.jpg").write_bytes(draw(seed))
    folder.import_folder(workspace, tmp_path / "photos", actor="import:folder")
    return snapshot.create(workspace, actor="human:anna")


@pytest.mark.slow
def test_training_and_exporting_run_as_jobs_and_leave_a_run_and_a_verified_export(
    workspace, photos, real_workers, tmp_path
):
    job = queue.wait(workspace, submit.train(workspace, QUICK, actor="human:anna").job_id)
    assert (job.state, job.error) == ("done", "")
    run = runs.show(workspace, job.result.run_id)
    assert (run.state, run.job_id, run.snapshot_digest, run.device) == (
        "done",
        job.job_id,
        photos.digest,
        "cpu",
    )
    assert run.libraries["torch"]
    assert [epoch.epoch for epoch in runs.epochs(workspace, run.run_id)] == [1, 2]
    counts = {
        split: len(run_predictions.rows(workspace, run.run_id, split)) for split in ("train", "valid", "test")
    }
    assert counts == photos.splits
    valid = run_predictions.rows(workspace, run.run_id, "valid")
    assert run.metrics["accuracy"] == pytest.approx(
        np.mean([one.given_label == one.predicted_label for one in valid])
    )
    assert all(one.is_out_of_sample for one in valid)
    assert not any(one.is_out_of_sample for one in run_predictions.rows(workspace, run.run_id, "train"))

    job = queue.wait(workspace, submit.export(workspace, run.run_id, out=tmp_path / "out").job_id)
    assert (job.state, job.error) == ("done", "")
    export = exports.show(workspace, job.result.export_id)
    assert {file["format"] for file in export.files} == {*DEFAULT, export_formats.FAMILIAR}
    assert all(
        proof["agreement"] == 1.0 and proof["n_images"] == counts["valid"] for proof in export.parity.values()
    )
    assert json.loads((tmp_path / "out" / "card.json").read_text())
    with pytest.raises(BadInput, match="is not empty; an export never overwrites anything"):
        submit.export(workspace, run.run_id, out=tmp_path / "out")


@pytest.mark.slow
def test_a_training_is_cancelled_killed_and_resumed_in_its_run_and_ends_with_the_same_result(
    workspace, photos, claimed, start_here, until
):
    recipe = QUICK.model_copy(update={"scratch_epochs": 10, "arch": "small_resnet"})
    straight = claimed(submit.train(workspace, recipe, request_id="straight"))
    tasks.run(straight)
    straight.end("done")

    job_id = submit.train(workspace, recipe, request_id="cut").job_id
    start_here(job_id)

    def trained(n_epochs):
        run = runs.of_job(workspace, job_id)
        return run and len(runs.epochs(workspace, run.run_id)) >= n_epochs and run

    run = until(lambda: trained(2), within_s=300)
    queue.cancel(workspace, job_id)
    assert queue.wait(workspace, job_id).state == "cancelled"
    kept = runs.show(workspace, run.run_id)
    assert kept.state == "cancelled"
    assert kept.best_epoch is not None
    assert len(run_predictions.rows(workspace, run.run_id, "valid")) == photos.splits["valid"]

    n_before = len(runs.epochs(workspace, run.run_id))
    assert submit.resume(workspace, job_id).job_id == job_id  # Continues its run from the checkpoint.
    start_here(job_id)
    until(lambda: trained(n_before + 2), within_s=300)
    os.kill(queue.show(workspace, job_id).pid, 9)
    until(lambda: queue.show(workspace, job_id).state == "lost", within_s=5)
    assert {each.run_id: each.state for each in runs.list_runs(workspace)} == {
        straight.result.run_id: "done",
        run.run_id: "lost",
    }

    submit.resume(workspace, job_id)
    start_here(job_id)
    assert queue.wait(workspace, job_id).state == "done"
    whole, again = (runs.show(workspace, each) for each in (straight.result.run_id, run.run_id))
    assert (again.state, again.metrics, again.best_epoch) == ("done", whole.metrics, whole.best_epoch)
    assert [(e.epoch, e.valid_loss) for e in runs.epochs(workspace, again.run_id)] == [
        (e.epoch, e.valid_loss) for e in runs.epochs(workspace, whole.run_id)
    ]
    assert len(runs.list_runs(workspace)) == 2


@pytest.mark.slow
def test_a_training_resumed_without_its_checkpoints_starts_anew_and_says_so(workspace, photos, claimed):
    few = QUICK.model_copy(update={"scratch_epochs": 2, "arch": "small_resnet"})
    job = submit.train(workspace, few)
    run_id = runs.create(
        workspace,
        job_id=job.job_id,
        snapshot_id=photos.snapshot_id,
        recipe=few.model_dump(),
        class_names=photos.class_names,
        seed=0,
        code_version="test",
        libraries={},
    )
    runs.add_epoch(workspace, run_id, EpochMetrics(1, "scratch", 1.0, 1.0, 0.5, 0.001, 1.0))
    runs.finish(workspace, run_id, "cancelled", seconds=5000.0)
    assert checkpoints.of_job(workspace, job.job_id) == run_id
    work = claimed(job)
    tasks.run(work)
    run = runs.show(workspace, run_id)
    assert (run.state, len(runs.epochs(workspace, run_id))) == ("done", 2)
    assert run.warnings[0].kind == "started_anew"
    assert "1 epoch was trained again" in run.warnings[0].text
    assert run.seconds < 5000.0  # The time of the lost epochs does not count.


@pytest.mark.slow
def test_the_rate_finder_and_cross_validation_run_as_jobs(workspace, photos, claimed):
    work = claimed(submit.lr_find(workspace, QUICK))
    tasks.run(work)
    assert set(work.result.suggestions) == {"valley", "slide", "minimum", "steep"}
    assert len(work.result.rates) == len(work.result.losses)
    work.end("done")

    work = claimed(submit.train(workspace, QUICK.model_copy(update={"folds": 3, "scratch_epochs": 1})))
    tasks.run(work)
    run = runs.show(workspace, work.result.run_id)
    answers = run_predictions.rows(workspace, run.run_id, "cv")
    assert (run.state, run.best_epoch, len(answers)) == ("done", None, photos.n_images)
    assert all(each.is_out_of_sample for each in answers)
    scored = report.evaluate(workspace, run.run_id, split="cv", actor="human:anna")
    assert (scored.n_images, scored.accuracy) == (photos.n_images, pytest.approx(run.metrics["accuracy"]))
    with pytest.raises(BadInput, match="cross-validated"):
        report.evaluate(workspace, run.run_id, split="valid", actor="human:anna")
    with pytest.raises(NotFound, match=r"cross-validated with 3 folds.*no model"):
        submit.export(workspace, run.run_id)


def test_folds_keep_groups_together_so_a_leaking_snapshot_may_be_cross_validated(workspace, plant, as_worker):
    plant({"a": "dom", "b": "eiger"})
    snapshot.create(workspace, actor="human:anna")
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_leaks = 1")
    assert submit.train(workspace, QUICK.model_copy(update={"folds": 3})).state == "queued"


def test_the_lr_finder_refuses_a_linear_head(workspace, plant):
    with pytest.raises(BadInput, match="linear-head") as refused:
        submit.lr_find(workspace, Recipe(method="linear-head"))
    assert refused.value.actions == (action("set_recipe", key="method", value="fine-tune"),)


@pytest.mark.slow
def test_an_estimate_is_a_job_that_makes_no_run_and_leaves_example_images(workspace, photos, claimed):
    work = claimed(submit.estimate(workspace, QUICK))
    tasks.run(work)
    assert work.result.seconds > 0
    assert [phase.name for phase in work.result.phases] == ["scratch"]
    folder = workspace.path / work.result.folder
    assert sorted(file.name for file in folder.iterdir()) == sorted(each.file for each in work.result.seen)
    assert {each.label for each in work.result.seen} <= set(photos.class_names)
    assert runs.list_runs(workspace) == []


@pytest.mark.slow
def test_a_training_starts_from_an_earlier_run_with_the_head_weights_of_shared_classes(
    workspace, photos, claimed
):
    from safetensors.numpy import load_file

    work = claimed(submit.train(workspace, QUICK))
    tasks.run(work)
    work.end("done")
    first = work.result.run_id
    still = QUICK.model_copy(
        update={
            "pretrained": f"run:{first}",
            "head_epochs": 1,
            "body_epochs": 0,
            "base_lr": 1e-12,
            "weight_decay": 0,
        }
    )
    work = claimed(submit.train(workspace, still))
    tasks.run(work)
    work.end("done")
    old, new = (
        load_file(runs.folder(workspace, each) / "model.safetensors") for each in (first, work.result.run_id)
    )
    weights = [key for key in old if key.endswith("weight")]
    # The learning rate is so low that nothing changes.
    assert all(np.allclose(old[key], new[key], atol=1e-6) for key in weights)
    assert runs.show(workspace, work.result.run_id).recipe["pretrained"] == f"run:{first}"
    with pytest.raises(BadInput, match=r"Run 1 trained squeezenet1_0, not resnet18\.") as refused:
        submit.train(workspace, Recipe(pretrained=f"run:{first}"))
    assert refused.value.actions == (action("set_recipe", key="arch", value="squeezenet1_0"),)
    with pytest.raises(NotFound, match="77"):
        submit.train(workspace, Recipe(pretrained="run:77"))


def test_an_import_and_its_scan_are_one_job_and_a_second_import_adds_nothing(
    workspace, draw, tmp_path, claimed
):
    (tmp_path / "photos" / "dom").mkdir(parents=True)
    for seed in range(3):
        (tmp_path / "photos" / "dom" / f"{seed}.jpg").write_bytes(draw(seed))
    (tmp_path / "photos" / "dom" / "notes.txt").write_text("no picture")
    for n_added in (3, 0):
        work = claimed(submit.import_images(workspace, "folder", tmp_path / "photos", actor="human:anna"))
        tasks.run(work)
        work.end("done")
        assert (work.result.n_added, work.result.n_known, work.result.n_rejected) == (
            n_added,
            3 - n_added,
            1,
        )
        assert work.result.rejections[0].path == "dom/notes.txt"
        assert work.result.scan.n_scanned == n_added


def test_an_upload_is_removed_once_its_images_are_stored_and_kept_after_a_failure(workspace, draw, claimed):
    file = workspace.uploads_dir / "abc" / "photos.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no zip")
    work = claimed(submit.import_images(workspace, "zip", file))
    with pytest.raises(BadArchive):
        tasks.run(work)
    work.end("failed")
    assert file.exists()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("river/a.jpg", draw(1))
    tasks.run(claimed(submit.import_images(workspace, "zip", file)))
    assert not file.exists()
    assert len(workspace.query("SELECT 1 FROM image")) == 1


def test_an_import_of_nothing_is_refused_before_it_is_queued(workspace, tmp_path):
    with pytest.raises(BadInput, match="There is no folder"):
        submit.import_images(workspace, "folder", tmp_path / "nowhere")
    assert queue.list_jobs(workspace) == []


@pytest.mark.slow
def test_tta_averages_predictions_and_an_export_is_verified_against_the_plain_ones(
    workspace, photos, claimed, tmp_path
):
    work = claimed(submit.train(workspace, QUICK))
    tasks.run(work)
    work.end("done")
    run_id = work.result.run_id
    plain = np.array(run_predictions.pred_probs(workspace, run_id, "valid")[1])
    work = claimed(submit.score_with_views(workspace, run_id))
    tasks.run(work)
    work.end("done")
    assert work.result.n_images == {split: photos.splits[split] for split in ("valid", "test")}
    scored = report.evaluate(workspace, run_id, with_tta=True, actor="human:anna")
    assert (scored.tta.n_views, scored.tta.plain_accuracy) == (
        4,
        pytest.approx(runs.show(workspace, run_id).metrics["accuracy"]),
    )
    assert runs.show(workspace, run_id).n_test_looks == 0
    assert np.array_equal(run_predictions.pred_probs(workspace, run_id, "valid")[1], plain)
    operating_point.set_threshold(workspace, run_id, 0.81, actor="human:anna")
    work = claimed(submit.export(workspace, run_id, formats=["safetensors"], out=tmp_path / "out"))
    tasks.run(work)
    assert work.result.parity["safetensors"]["agreement"] == 1.0
    facts = json.loads((tmp_path / "out" / "card.json").read_text())["facts"]
    assert (facts["threshold"], facts["temperature"]) == (0.81, 1.0)


@pytest.mark.slow
def test_cancelled_tta_stores_nothing(workspace, photos, claimed):
    work = claimed(submit.train(workspace, QUICK))
    tasks.run(work)
    work.end("done")
    work = claimed(submit.score_with_views(workspace, run_id := work.result.run_id))
    queue.cancel(workspace, work.job_id)
    with pytest.raises(ledger.Cancelled):
        tasks.run(work)
    assert run_predictions.n_views(workspace, run_id, "valid") is None


@pytest.mark.slow
def test_a_trial_of_a_sweep_has_the_result_of_its_recipe_alone_and_test_is_not_used(
    workspace, photos, claimed
):
    small = QUICK.model_copy(update={"arch": "small_resnet"})
    work = claimed(submit.train(workspace, small.model_copy(update={"base_lr": 3e-3})))
    tasks.run(work)
    work.end("done")
    alone = runs.show(workspace, work.result.run_id)
    work = claimed(submit.sweep(workspace, small, ["base_lr=1e-3,3e-3"]))
    tasks.run(work)
    work.end("done")
    base, changed = work.result.trials
    assert base.settings == {}
    assert (changed.settings, changed.valid_loss) == ({"base_lr": 3e-3}, alone.metrics["valid_loss"])
    assert len(runs.epochs(workspace, changed.run_id)) == 2
    assert report.evaluate(workspace, changed.run_id, actor="human:anna").n_images == photos.splits["valid"]
    assert [run.n_test_looks for run in runs.list_runs(workspace)] == [0, 0, 0]
    assert work.result.finding


@pytest.mark.slow
def test_a_killed_sweep_continues_with_the_interrupted_trial(workspace, photos, start_here, until):
    long = QUICK.model_copy(update={"arch": "small_resnet", "scratch_epochs": 6})
    job_id = submit.sweep(workspace, long, ["base_lr=1e-3,3e-3"]).job_id
    start_here(job_id)

    def reached():
        made = runs.all_of_job(workspace, job_id)
        return len(made) == 2 and len(runs.epochs(workspace, made[1].run_id)) >= 2 and made

    made = until(reached, within_s=300)
    os.kill(queue.show(workspace, job_id).pid, 9)
    until(lambda: queue.show(workspace, job_id).state == "lost", within_s=5)
    assert [run.state for run in runs.all_of_job(workspace, job_id)] == ["done", "lost"]
    submit.resume(workspace, job_id)
    start_here(job_id)
    job = queue.wait(workspace, job_id)
    assert (job.state, [trial.run_id for trial in job.result.trials]) == (
        "done",
        [run.run_id for run in made],
    )
    assert [len(runs.epochs(workspace, run.run_id)) for run in made] == [6, 6]
