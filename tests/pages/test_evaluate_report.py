"""The report of a run as a file, downloaded from the Evaluate page."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.records import Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace

OpenPage = Callable[..., AppTest]


@pytest.mark.parametrize("tab", ["errors", "slices"])
def test_each_tab_has_the_report_below_it(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], tab: str
) -> None:
    add_run(frozen, n_wrong=1)
    app = open_page("evaluate", tab=tab)
    assert not app.exception
    labels = [each.proto.label for each in app.get("download_button")]
    assert {"Download as HTML", "Download as JSON"} <= set(labels)
    assert [each.label for each in app.checkbox if each.label == "Gallery of errors"]
    assert not next(each.value for each in app.checkbox if each.label == "Gallery of errors")


def test_the_report_of_test_waits_for_the_look_that_is_counted(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace
) -> None:
    run_id = add_run(frozen, n_wrong=1)
    app = open_page("evaluate", split="test")
    assert not app.get("download_button")
    next(each for each in app.button if each.label == "Show the test score").click().run()
    assert app.get("download_button")
    assert runs.show(workspace, run_id).n_test_looks == 1
