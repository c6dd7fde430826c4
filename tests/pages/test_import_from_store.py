"""The Collect page imports from the places in stores that are allowed to pages, and from no others."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.jobs import queue
from peakid.jobs.arguments import ImportArguments
from peakid.store.workspace import Workspace

OpenPage = Callable[..., AppTest]


@pytest.fixture
def bucket(tmp_path: Path, draw: Callable[..., bytes]) -> str:
    for n in range(2):
        (tmp_path / "bucket" / "team" / "sea").mkdir(parents=True, exist_ok=True)
        (tmp_path / "bucket" / "team" / "sea" / f"{n}.jpg").write_bytes(draw(n))
    return f"file://{tmp_path}/bucket"


def enter(open_page: OpenPage, text: str) -> AppTest:
    app = open_page("collect")
    app.text_input(key="folder_path").set_value(text)
    return next(each for each in app.button if each.label == "Preview").click().run()


def said(app: AppTest) -> str:
    """The first error, without the signs that escape Markdown."""
    return app.error[0].value.replace(":color[]", "").replace("\\", "")


def click(app: AppTest, label: str) -> AppTest:
    return next(each for each in app.button if each.label == label).click().run()


@pytest.mark.parametrize("url", ["s3://any-bucket/photos", "file:///etc", "memory://x/y"])
def test_without_an_allowed_store_no_server_is_asked(open_page: OpenPage, url: str) -> None:
    app = enter(open_page, url)
    assert not app.exception
    assert "is not allowed here: pages use no image stores" in said(app)
    assert app.text_input(key="folder_path").label == "Folder on this machine"


def test_an_allowed_place_is_previewed_and_imported(
    open_page: OpenPage,
    workspace: Workspace,
    bucket: str,
    no_worker: None,
    run_jobs: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEAKID_ALLOWED_STORES", f"{bucket}/team")
    refused = enter(open_page, f"{bucket}/team2")
    assert f"pages may use only {bucket}/team" in said(refused)
    app = enter(open_page, f"{bucket}/team/")
    assert not app.exception
    app = click(app, "Import 2 files")
    assert not app.exception
    [job] = queue.list_jobs(workspace)
    assert job.arguments_as(ImportArguments).path == f"{bucket}/team"
    run_jobs()
    assert workspace.one("SELECT COUNT(*) FROM image")[0] == 2
    app = open_page("collect")
    assert not app.exception
    assert app.dataframe[0].value.iloc[0]["Folder"] == f"{bucket}/team"
