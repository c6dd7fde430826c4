"""What decisions bought, on the tab Compare: the choice, its button, and what the job is asked to do."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.dataset import snapshot as snapshots
from peakid.jobs import queue
from peakid.jobs.arguments import AttributeArguments
from peakid.records import Choice, Snapshot
from peakid.store.workspace import Workspace

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
AddRun = Callable[..., int]


def test_what_decisions_bought_is_measured_from_the_tab(
    open_page: OpenPage,
    frozen: Snapshot,
    add_run: AddRun,
    workspace: Workspace,
    text_of: TextOf,
    no_worker: None,
) -> None:
    run_id = add_run(frozen)
    empty = open_page("evaluate", run=str(run_id), tab="compare")
    assert "No person has judged an image yet" in text_of(empty)
    train = [item.digest for item in snapshots.items(workspace, frozen.digest) if item.split == "train"]
    choices = [Choice(digest, "exclude", reason="a map") for digest in train[:3]]
    step = decisions.decide(workspace, choices, actor="human:anna").step_id
    app = open_page("evaluate", run=str(run_id), tab="compare")
    choice = next(each for each in app.selectbox if each.label == "Decisions to leave out")
    assert [each.partition(" · ")[0] for each in choice.options] == [
        *("All decisions of anna", f"Step {step}: reviewed 3 images"),
    ]
    choice.set_value(f"step:{step}").run()
    next(each for each in app.button if each.label == "Measure with 6 trainings").click().run()
    assert not app.exception
    [job] = queue.list_jobs(workspace)
    assert job.kind == "attribute"
    assert job.arguments_as(AttributeArguments).title == f"step {step}"
    assert job.arguments_as(AttributeArguments).n_removed == 3
