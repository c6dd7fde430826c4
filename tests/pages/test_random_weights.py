"""The Train page asks before it trains from random weights, and trains with the weights that it names."""

from pathlib import Path

import pytest

from peakid.jobs import queue
from peakid.jobs.arguments import TrainArguments
from peakid.recipe import weight_files

INSTALLED = weight_files.packaged  # The pages of the other tests find no package.
TRAIN = "Train timm/tf_efficientnet_lite0"

pytestmark = pytest.mark.usefixtures("no_worker")


@pytest.fixture
def open_without(open_page, frozen, monkeypatch, tmp_path):
    """Open the page on a machine without pretrained weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    return lambda: open_page("train")


def button(app, label):
    return next(each for each in app.button if each.label == label)


def test_without_weights_a_training_waits_for_a_confirmation_that_names_its_time(open_without, workspace):
    app = open_without()
    assert app.warning[0].value.startswith(
        "Pretrained weights for timm/tf_efficientnet_lite0 are not on this machine."
    )
    assert "30 epochs, about" in app.warning[0].value
    assert button(app, TRAIN).disabled
    [confirm] = [each for each in app.checkbox if each.label.startswith("Train from random weights: 30")]
    confirm.check().run()
    button(app, TRAIN).click().run()
    [job] = queue.list_jobs(workspace)
    assert job.arguments_as(TrainArguments).allows_random


def test_with_the_installed_package_no_confirmation_and_no_network_are_needed(
    open_without, workspace, monkeypatch
):
    monkeypatch.setattr(weight_files, "packaged", INSTALLED)
    app = open_without()
    assert not app.warning
    assert any("efficientnet-lite0-57934424.pth" in each.value for each in app.caption)
    button(app, TRAIN).click().run()
    [job] = queue.list_jobs(workspace)
    assert not job.arguments_as(TrainArguments).allows_random
    app.button(key="preset:standard").click().run()  # A preset sets the duration, not the architecture.
    assert not button(app, TRAIN).disabled


def test_a_confirmation_does_not_carry_over_to_another_recipe(open_without):
    app = open_without()
    next(each for each in app.checkbox if each.label.startswith("Train from random")).check().run()
    app.button(key="preset:thorough").click().run()
    assert button(app, TRAIN).disabled


def test_requiring_weights_is_one_click_and_needs_no_confirmation(open_without, workspace):
    app = open_without()
    button(app, "Download the weights, or stop").click().run()
    assert not app.warning
    button(app, TRAIN).click().run()
    [job] = queue.list_jobs(workspace)
    assert job.arguments.recipe["pretrained"] == "require"
    assert not job.arguments_as(TrainArguments).allows_random


def test_a_folder_of_weights_chosen_on_the_page_is_the_one_that_the_job_uses(
    open_without, workspace, tmp_path
):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tf_efficientnet_lite0-mine.pth").touch()
    app = open_without()
    field = next(each for each in app.text_input if each.key.startswith("random:folder"))
    field.set_value(str(tmp_path / "nowhere")).run()
    assert app.error[0].value.startswith("There is no folder")
    field = next(each for each in app.text_input if each.key.startswith("random:folder"))
    field.set_value(str(folder)).run()
    assert not app.warning
    assert any("tf_efficientnet_lite0-mine.pth" in each.value for each in app.caption)
    button(app, TRAIN).click().run()
    [job] = queue.list_jobs(workspace)
    assert job.settings.weights_dir == Path(folder)


def test_what_the_page_names_is_what_it_submits(open_without, workspace, tmp_path, monkeypatch):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "resnet18-f37072fd.pth").touch()
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path / "b"))
    app = open_without()
    assert any("Starts from ImageNet weights in" in each.value for each in app.caption)
    button(app, "Train resnet18").click().run()
    [job] = queue.list_jobs(workspace)
    assert job.settings.weights_dir == tmp_path / "b"


def test_resuming_without_weights_asks_on_the_page_too(open_page, frozen, workspace, monkeypatch, tmp_path):
    app = open_page("train")
    button(app, "Train resnet18").click().run()
    queue.cancel(workspace, 1)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    app = open_page("train", job="1")
    button(app, "Resume").click().run()
    assert queue.show(workspace, 1).state == "cancelled"
    assert "are not on this machine" in app.error[0].value
    button(app, "Resume from random weights").click().run()
    assert queue.show(workspace, 1).state == "queued"
    assert queue.show(workspace, 1).arguments_as(TrainArguments).allows_random
