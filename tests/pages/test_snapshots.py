"""The snapshots page: freezing, contents, changes, files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.curate.duplicates import proposals
from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.jobs import queue
from peakid.records import Choice, Snapshot
from peakid.store.workspace import Workspace
from tests import planted_embeddings

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def test_an_empty_workspace_says_why_nothing_can_be_frozen(open_page: OpenPage) -> None:
    app = open_page("snapshots")
    assert not app.exception
    assert "no labelled images" in app.info[0].value
    assert button(app, "Import images")


def test_freezing_opens_the_snapshot_and_says_how_many_images_it_holds(
    open_page: OpenPage, workspace: Workspace, fill: Callable[..., list[str]], text_of: TextOf
) -> None:
    fill(river=24, sea=16)
    app = open_page("snapshots")
    app.text_input(key="name").set_value("first look")
    button(app, "Freeze a snapshot").click().run()
    assert not app.exception
    assert "Froze 40 images as Snapshot 1 (first look)." in text_of(app)
    assert snapshots.show(workspace).name == "first look"
    assert app.query_params["snapshot"] == snapshots.show(workspace).digest
    table = next(frame.value for frame in app.dataframe if "class_name" in frame.value.columns)
    # 24 rivers and 16 seas at .7/.15/.15: 17 + 11 to train, as the snapshot itself counts.
    assert list(table["class_name"]) == ["river", "sea", "all classes"]
    assert list(table["n_images"]) == [24, 16, 40]


def test_the_shares_on_the_page_are_the_shares_that_are_frozen(
    open_page: OpenPage, workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    fill(river=20, sea=20)
    app = open_page("snapshots")
    app.number_input(key="valid_share").set_value(30).run()
    app.number_input(key="train_share").set_value(50).run()
    button(app, "Freeze a snapshot").click().run()
    assert snapshots.show(workspace).splits == {"train": 20, "valid": 12, "test": 8}  # 50, 30 and 20 % of 40.


def test_shares_of_more_than_100_percent_cannot_be_frozen(
    open_page: OpenPage, fill: Callable[..., list[str]], text_of: TextOf
) -> None:
    fill(river=4, sea=4)
    app = open_page("snapshots")
    app.number_input(key="train_share").set_value(90)
    app.number_input(key="valid_share").set_value(20).run()
    assert "Train and validation add up to 110 %" in text_of(app)
    assert button(app, "Freeze a snapshot").disabled


def test_freezing_the_same_again_finds_the_first_snapshot_and_says_so(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    app = open_page("snapshots")
    button(app, "Freeze a snapshot").click().run()
    assert "Nothing has changed since Snapshot 1" in app.info[0].value
    assert len(snapshots.list_snapshots(workspace)) == 1


def test_freezing_confirmed_labels_without_any_is_an_error_message(
    open_page: OpenPage, fill: Callable[..., list[str]]
) -> None:
    fill(river=4, sea=4)
    app = open_page("snapshots")
    app.checkbox(key="reviewed_only").check()
    button(app, "Freeze a snapshot").click().run()
    assert "No label of the 8 labelled images was confirmed" in app.error[0].value


def test_a_class_too_small_to_be_scored_is_a_warning(open_page: OpenPage, workspace: Workspace, fill) -> None:
    fill(river=20, sea=1)
    snapshots.create(workspace, actor="human:anna")
    app = open_page("snapshots")
    assert any("sea" in warning.value for warning in app.warning)


def test_images_can_be_filtered_by_split_and_class(open_page: OpenPage, frozen: Snapshot) -> None:
    app = open_page("snapshots", section="images", split="test", **{"class": "sea"})
    n_test_seas = len(
        [1 for frame in app.dataframe if "Thumbnail" in frame.value.columns for _ in frame.value.index]
    )
    assert n_test_seas == 2  # 16 seas * .15, dealt in whole images.
    assert f"{n_test_seas} images" in [caption.value for caption in app.caption]


def test_what_changed_since_an_earlier_snapshot_is_counted_and_listed(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    rivers = [item.digest for item in snapshots.items(workspace, frozen.digest) if item.label == "river"]
    decisions.decide(
        workspace,
        [Choice(rivers[0], "label", "sea"), Choice(rivers[1], "exclude", reason="poor quality")],
        actor="human:anna",
    )
    snapshots.create(workspace, name="second", actor="human:anna")
    app = open_page("snapshots", section="changes", change="relabelled")
    assert app.button_group(key="address:change").options == [
        "Added 0",
        "Removed 1",
        ":blue[Relabelled 1]",
        "Moved to another split 0",
    ]
    row = next(frame.value for frame in app.dataframe if "From" in frame.value.columns).iloc[0]
    assert (row["From"], row["To"], row["Digest"]) == ("river", "sea", rivers[0][:12])


def test_a_snapshot_is_written_to_a_folder_and_verified(
    open_page: OpenPage, frozen: Snapshot, tmp_path: Path, text_of: TextOf
) -> None:
    app = open_page("snapshots", section="files")
    app.text_input(key="folder").set_value(str(tmp_path / "out"))
    button(app, "Write 40 images").click().run()
    assert "Wrote 40 images to" in text_of(app)
    assert len(list((tmp_path / "out").glob("*/*/*"))) == 40
    button(app, "Verify 40 images").click().run()
    assert "Verified 40 images" in text_of(app)


@pytest.mark.parametrize("path", ["", "in the way"])
def test_an_unusable_folder_is_an_error_message(
    open_page: OpenPage, frozen: Snapshot, tmp_path: Path, path: str
) -> None:
    (tmp_path / "in the way").mkdir()
    (tmp_path / "in the way" / "file").write_text("x")
    app = open_page("snapshots", section="files")
    app.text_input(key="folder").set_value(str(tmp_path / path) if path else "")
    button(app, "Write 40 images").click().run()
    assert len(app.error) == 1
    assert not app.exception


@pytest.mark.usefixtures("no_worker")
def test_the_form_says_that_changed_copies_were_not_searched_for_and_offers_the_search(
    open_page: OpenPage, fill: Callable[..., list[str]], workspace: Workspace, text_of: TextOf
) -> None:
    digests = fill(river=4, sea=4)
    assert "recoloured copies" not in text_of(open_page("snapshots"))  # Nothing to search with.
    planted_embeddings.plant(workspace, {digest: [1, n] for n, digest in enumerate(digests)})
    app = open_page("snapshots")
    assert "copies were not searched for among 8 images: copies of one photo may" in text_of(app)
    button(app, "Search for changed copies").click().run()
    assert [job.kind for job in queue.list_jobs(workspace)] == ["changed-copies"]
    assert "Changed copies are being searched for." in text_of(app)
    queue.cancel(workspace, 1)
    ids = [row["id"] for row in workspace.query("SELECT id FROM image")]
    proposals.write(workspace, [], ids[:7], set_id=stored.find(workspace).set_id, rules=1)
    assert "not searched for among 1 image:" in text_of(open_page("snapshots"))
    proposals.write(workspace, [], ids[7:], set_id=stored.find(workspace).set_id, rules=1)
    assert "searched for" not in text_of(open_page("snapshots"))
