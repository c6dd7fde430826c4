"""No training starts from random weights unless that was requested or confirmed."""

import pytest

from peakid.dataset import snapshot
from peakid.errors import ConfirmationNeeded, WeightsMissing
from peakid.jobs import ledger, process, queue, random_start, submit, tasks
from peakid.jobs.arguments import SweepArguments, TrainArguments
from peakid.recipe.recipe import Recipe
from peakid.remedies import action
from peakid.run_records import StartingWeights
from peakid.settings import for_job
from peakid.store import runs

QUICK = Recipe(arch="mobilenet_v2", method="linear-head")


@pytest.fixture
def frozen(workspace, plant, as_worker, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("PEAKID_WEIGHTS", raising=False)
    plant({f"{name}-{n}": name for name in ("dom", "eiger") for n in range(100)})
    return snapshot.create(workspace, actor="human:anna")


def add_weights(tmp_path, name):
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()


def question(workspace, frozen, recipe):
    n_train_of = {frozen.digest: frozen.splits["train"]}
    return random_start.find(workspace, recipe, frozen, n_train_of, for_job())


def test_a_training_without_weights_is_refused_with_its_time_and_what_to_do_instead(
    workspace, frozen, tmp_path
):
    add_weights(tmp_path, "resnet18-f37072fd.pth")
    with pytest.raises(ConfirmationNeeded) as refused:
        submit.train(workspace, QUICK)
    assert refused.value.message.startswith(
        "Pretrained weights for mobilenet_v2 are not on this machine. If the download (14 MB) fails, all "
        "layers are trained from random weights instead of a linear head: 30 epochs, about "
    )
    assert refused.value.actions == (
        action("set_recipe", key="arch", value="timm/tf_efficientnet_lite0"),  # Installed with Peakid.
        action("set_recipe", key="arch", value="resnet18"),
        action("set_recipe", key="pretrained", value="require"),
        action("list_weights"),
        action("allow_random"),
    )
    assert queue.list_jobs(workspace) == []


def test_the_time_follows_the_number_of_images_and_an_earlier_run_of_the_architecture(workspace, frozen):
    rough = question(workspace, frozen, QUICK)
    more = question(workspace, frozen, QUICK.model_copy(update={"scratch_epochs": 60}))
    assert (rough.run_id, rough.epochs, more.epochs) == (None, 30, 60)
    assert more.seconds - 20 == pytest.approx(2 * (rough.seconds - 20))
    assert "on a CPU" in rough.cost()
    named = {"class_names": ["dom", "eiger"], "seed": 0, "code_version": "", "libraries": {}}
    scratch = QUICK.model_copy(update={"method": "fine-tune", "pretrained": "none", "scratch_epochs": 3})
    run_id = runs.create(
        workspace, job_id=None, snapshot_id=frozen.snapshot_id, recipe=scratch.model_dump(), **named
    )
    from_random = StartingWeights("random")
    runs.finish(workspace, run_id, "done", best_epoch=1, seconds=20 + 528, starting_weights=from_random)
    measured = question(workspace, frozen, QUICK)
    assert (measured.run_id, measured.seconds) == (run_id, pytest.approx(20 + 5280))
    assert measured.cost() == f"30 epochs, about 88 min according to run {run_id}"


@pytest.mark.parametrize(
    ("changed", "is_asked"),
    [
        ({}, True),
        ({"folds": 5}, True),
        ({"method": "fine-tune"}, True),
        ({"arch": "small_resnet", "method": "fine-tune"}, True),
        ({"pretrained": "none", "method": "fine-tune"}, False),
        ({"pretrained": "require"}, False),
        ({"pretrained": "/some/file.pth"}, False),
        ({"pretrained": "run:1"}, False),
        ({"arch": "resnet18"}, False),
    ],
)
def test_only_a_recipe_that_prefers_weights_and_has_none_is_asked_about(
    workspace, frozen, tmp_path, changed, is_asked
):
    add_weights(tmp_path, "resnet18-f37072fd.pth")
    found = question(workspace, frozen, QUICK.model_copy(update=changed))
    assert (found is not None) == is_asked


def test_a_network_without_published_weights_offers_no_download(workspace, frozen):
    found = question(workspace, frozen, QUICK.model_copy(update={"arch": "plain_cnn", "method": "fine-tune"}))
    assert found.message().startswith(
        "plain_cnn has no published weights. All layers are trained from random"
    )
    assert action("set_recipe", key="pretrained", value="require") not in found.actions()


def test_a_confirmation_travels_in_the_job(workspace, frozen):
    job = submit.train(workspace, QUICK, allows_random=True)
    assert job.arguments_as(TrainArguments).allows_random
    sweep = submit.sweep(workspace, QUICK, ["image_size_px=96,128"], allows_random=True)
    assert sweep.arguments_as(SweepArguments).allows_random


def test_a_sweep_is_refused_if_one_of_its_architectures_has_no_weights(workspace, frozen, tmp_path):
    add_weights(tmp_path, "resnet18-f37072fd.pth")
    recipe = Recipe(arch="resnet18")
    with pytest.raises(ConfirmationNeeded, match="Pretrained weights for resnet34"):
        submit.sweep(workspace, recipe, ["arch=resnet18,resnet34"])
    add_weights(tmp_path, "resnet34-b627a593.pth")
    assert submit.sweep(workspace, recipe, ["arch=resnet18,resnet34"]).state == "queued"


@pytest.mark.parametrize("kind", ["train", "sweep"])
def test_resuming_asks_too_unless_it_was_confirmed_before(workspace, frozen, tmp_path, kind):
    add_weights(tmp_path, "mobilenet_v2-7ebf99e0.pth")
    tried = ["image_size_px=96,128"]
    submitted = submit.train(workspace, QUICK) if kind == "train" else submit.sweep(workspace, QUICK, tried)
    queue.cancel(workspace, submitted.job_id)
    (tmp_path / "torch" / "hub" / "checkpoints" / "mobilenet_v2-7ebf99e0.pth").unlink()
    with pytest.raises(ConfirmationNeeded) as refused:
        submit.resume(workspace, submitted.job_id)
    assert refused.value.actions[-1] == action("resume_random", job_id=submitted.job_id)
    assert queue.show(workspace, submitted.job_id).state == "cancelled"
    assert submit.resume(workspace, submitted.job_id, allows_random=True).arguments.allows_random
    queue.cancel(workspace, submitted.job_id)
    assert submit.resume(workspace, submitted.job_id).arguments.allows_random  # It keeps its confirmation.


@pytest.mark.slow
def test_a_job_whose_weights_are_gone_fails_instead_of_training_from_random_ones(workspace, frozen, tmp_path):
    add_weights(tmp_path, "mobilenet_v2-7ebf99e0.pth")
    work = ledger.claim(workspace, submit.train(workspace, QUICK).job_id, process.own())
    (tmp_path / "torch" / "hub" / "checkpoints" / "mobilenet_v2-7ebf99e0.pth").unlink()
    with pytest.raises(WeightsMissing, match="Pretrained weights for mobilenet_v2 are required"):
        tasks.run(work)
