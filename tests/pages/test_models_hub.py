"""The models page names what is on the Hugging Face Hub, and that a pulled model is not proven here."""

from peakid.store import exports, pulled_models
from peakid.store.pulled_models import ModelFile


def test_pushed_exports_and_pulled_models_are_listed(open_page, workspace, text_of):
    assert "Hugging Face Hub" not in text_of(open_page("models"))
    pulled_models.add(
        workspace,
        endpoint="https://huggingface.co",
        repository="ben/lakes",
        revision="1" * 40,
        url="https://huggingface.co/ben/lakes/tree/1",
        folder=workspace.exports_dir / "hub-ben--lakes-1",
        files=[ModelFile("model.onnx", "0" * 64, 1)],
        class_names=["lake", "river"],
        actor="human:anna",
    )
    app = open_page("models")
    assert not app.exception
    assert "nothing in this workspace proves what it predicts" in text_of(app)
    (table,) = (each.value for each in app.dataframe if "Repository" in each.value)
    assert table["Repository"].tolist() == ["ben/lakes"]
    assert table["Model"].tolist() == ["2 classes: lake, river"]


def test_a_pushed_export_is_listed_with_who_can_see_it(open_page, workspace, frozen, add_run, colour_export):
    kept = exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=[], parity={})
    exports.add_push(
        workspace,
        kept.export_id,
        endpoint="https://huggingface.co",
        repository="anna/peaks",
        revision="0" * 40,
        url="https://huggingface.co/anna/peaks/tree/0",
        is_public=True,
        actor="human:anna",
    )
    (table,) = (each.value for each in open_page("models").dataframe if "Repository" in each.value)
    assert table[["Model", "Way"]].to_numpy().tolist() == [["Export 1", "pushed, public"]]
