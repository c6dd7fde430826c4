"""The choice of an engine on the pages: only where one is configured, for the jobs of this session."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid import settings
from peakid.engines import opening
from peakid.jobs import queue
from peakid.records import Snapshot
from peakid.store.workspace import Workspace

OpenPage = Callable[..., AppTest]


def engines(app: AppTest) -> list[list[str]]:
    """Return what each choice of an engine on the page offers."""
    return [box.options for box in app.main.selectbox if box.label == "Engine"]


@pytest.mark.parametrize("name", ["overview", "train", "evaluate", "models"])
def test_without_an_engine_there_is_no_choice(
    open_page: OpenPage, frozen: Snapshot, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "n_gpus", lambda: 0)
    app = open_page(name)
    assert not app.exception
    assert engines(app) == []
    assert "Ranks" not in [field.label for field in app.main.number_input]


@pytest.mark.usefixtures("no_worker")
def test_a_training_is_submitted_to_the_chosen_engine_with_its_ranks(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_RAY_ADDRESS", "head:6379")
    monkeypatch.setattr(opening, "n_cores", lambda: 4)
    monkeypatch.setattr(opening, "n_gpus", lambda: 0)
    settings.current.cache_clear()
    app = open_page("train")
    assert engines(app) == [["This machine, one process", "This machine, 4 workers", "Ray, head:6379"]]
    app.main.selectbox(key="engine:train:job").select("ray").run()
    (ranks,) = [field for field in app.main.number_input if field.label == "Ranks"]
    ranks.set_value(3).run()
    next(button for button in app.main.button if button.label.startswith("Train ")).click().run()
    assert not app.exception
    (job,) = queue.list_jobs(workspace)
    assert (job.arguments.n_ranks, job.settings.engine) == (3, "ray")


@pytest.mark.usefixtures("no_worker")
def test_the_choice_on_the_overview_holds_on_the_other_pages(
    open_page: OpenPage, frozen: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_WORKERS", "2")
    monkeypatch.setattr(opening, "is_installed", lambda: False)
    settings.current.cache_clear()
    app = open_page()
    assert engines(app) == [["This machine, one process", "This machine, 2 workers"]]
    app.main.selectbox(key="engine:overview:processes").select("job").run()
    app.switch_page("../../pages/train.py").run()
    assert app.main.selectbox(key="engine:train:job").value == "job"
