"""One click from labelled images to a training, wherever it is the next step."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.dataset import snapshot as snapshots
from peakid.errors import SplitMissing
from peakid.jobs import queue, submit
from peakid.jobs.arguments import TrainArguments
from peakid.recipe import loading as recipes
from peakid.records import Choice, Snapshot
from peakid.store.workspace import Workspace

OpenPage = Callable[..., AppTest]
LABEL = "Train a first model"


@pytest.fixture
def two_classes(fill: Callable[..., list[str]]) -> list[str]:
    return fill(river=6, sea=6)


def click(app: AppTest) -> AppTest:
    return next(each for each in app.main.button if each.label == LABEL).click().run()


def labels(app: AppTest) -> list[str]:
    return [each.label for each in app.main.button]


@pytest.mark.usefixtures("no_worker", "two_classes")
@pytest.mark.parametrize("page", ["overview", "review", "train", "evaluate", "models"])
def test_one_click_freezes_and_trains_the_quick_preset(
    open_page: OpenPage, workspace: Workspace, page: str
) -> None:
    app = click(open_page(page))
    assert not app.exception
    assert app.title[0].value == "Train"
    [frozen] = snapshots.list_snapshots(workspace)
    [job] = queue.list_jobs(workspace)
    arguments = job.arguments_as(TrainArguments)
    assert (arguments.snapshot, arguments.recipe["method"]) == (frozen.digest, "linear-head")
    assert app.query_params["job"] in (str(job.job_id), [str(job.job_id)])
    assert LABEL not in labels(open_page(page))  # It is on its way.


def test_one_image_of_each_class_is_not_called_enough_for_a_model(
    open_page: OpenPage, workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    river, sea = fill(river=1, sea=1)
    assert LABEL not in labels(open_page("overview"))
    choices = [Choice(river, "label", "river"), Choice(sea, "label", "sea")]
    decisions.decide(workspace, choices, actor="human:anna")
    app = open_page("overview")
    assert any("Too few labels for a model" in each.value for each in app.markdown)
    assert "Import images" in labels(app)


@pytest.mark.usefixtures("no_worker")
def test_a_training_without_validation_images_is_refused_on_the_page(
    open_page: OpenPage, workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    fill(river=1, sea=1)
    snapshots.create(workspace, actor="human:anna")
    app = open_page("train")
    assert next(each for each in app.main.button if each.label.startswith("Train ")).disabled
    assert "is in validation, so no model can be trained on it" in app.error[0].value
    with pytest.raises(SplitMissing):
        submit.train(workspace, recipes.named("quick"))
    assert queue.list_jobs(workspace) == []


@pytest.mark.parametrize("page", ["train", "evaluate", "models", "snapshots", "duplicates", "review"])
def test_without_images_every_page_leads_to_the_import(open_page: OpenPage, page: str) -> None:
    app = open_page(page)
    next(each for each in app.main.button if each.label == "Import images").click().run()
    assert app.title[0].value == "Collect"


@pytest.mark.usefixtures("no_worker", "two_classes")
def test_without_weights_the_train_page_asks_before_it_trains_from_random_ones(
    open_page: OpenPage, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = open_page("overview")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))
    click(app)
    assert not app.exception
    assert (app.title[0].value, queue.list_jobs(workspace)) == ("Train", [])
    assert len(snapshots.list_snapshots(workspace)) == 1
    assert any("random weights" in each.label for each in app.checkbox)


def test_what_is_worth_the_time_comes_first_and_the_model_can_be_trained_beside_it(
    open_page: OpenPage, workspace: Workspace, two_classes: list[str]
) -> None:
    decisions.decide(workspace, [Choice(two_classes[0], "clear")], actor="human:anna")
    app = open_page("overview")
    kinds = {each.label: each.proto.type for each in app.main.button}
    assert kinds == {"Review them": "primary", LABEL: "secondary"}


def test_one_class_is_not_enough(open_page: OpenPage, fill: Callable[..., list[str]]) -> None:
    fill(river=3)
    assert LABEL not in labels(open_page("overview"))


def test_it_ends_with_the_first_model(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    assert LABEL in labels(open_page("review"))
    add_run(frozen)
    assert LABEL not in labels(open_page("review"))


def test_an_import_leads_to_it(
    open_page: OpenPage,
    workspace: Workspace,
    draw: Callable[..., bytes],
    tmp_path: Path,
    run_jobs: Callable[[], None],
) -> None:
    for n in range(6):
        file = tmp_path / f"photos/{'sea' if n % 2 else 'river'}/{n}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(draw(n))
    app = open_page("collect")
    app.text_input(key="folder_path").set_value(str(tmp_path / "photos"))
    next(each for each in app.button if each.label == "Preview").click().run()
    assert not app.info  # A preview is shown; nothing tells how to begin.
    app.button(key="import:start").click().run()
    run_jobs()
    app.run()
    assert not app.exception
    assert [each for each in labels(app) if each in ("Review the new images", LABEL)] == [
        "Review the new images",
        LABEL,
    ]
    assert not app.toast
    click(app)
    assert app.title[0].value == "Train"
