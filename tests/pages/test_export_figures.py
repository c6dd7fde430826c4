"""The Models page shows how each format was checked, and opens the images on which one differs."""

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from peakid.export_records import Disagreement, ExportFigures, FamiliarFigures, FormatFigures, Latency
from peakid.records import Snapshot
from peakid.store import exports
from peakid.store.workspace import Workspace
from peakid.web.exports import proof_table

PARITY = {"n_images": 50, "agreement": 0.98, "max_abs_diff": 0.31}
FIGURES = FormatFigures(
    n_images=50,
    agreement=0.98,
    max_abs_diff=0.31,
    n_right=45,
    accuracy_interval=(0.786, 0.957),
    one_image=Latency(4.14, 5.26, 100),
    batch=Latency(130.0, 181.4, 12),
    decoded=Latency(9.0, 12.0, 100),
    n_bytes=3_400_000,
)


def test_one_line_of_the_table_has_size_accuracy_and_times() -> None:
    found = proof_table.line("onnx-int8", PARITY, ExportFigures({"onnx-int8": FIGURES}))
    assert found == {
        "Format": "onnx-int8",
        "Images": "50",
        "Same prediction": "98 %",
        "Largest difference": "3.1e-01",
        "Accuracy": "90 % (79-96 %, n = 50)",
        "Size": "3.4 MB",
        "One photo": "4.1 ms (5.3)",
        "32 photos": "130 ms (181)",
        "One with decoding": "9.0 ms (12.0)",
    }
    assert set(proof_table.line("onnx", PARITY, ExportFigures())) == {
        *("Format", "Images", "Same prediction", "Largest difference"),
    }


def test_a_sample_of_the_validation_images_is_named_as_one() -> None:
    every = ExportFigures({"onnx": FIGURES}, n_valid=50, machine="2 cores")
    assert "sample" not in proof_table.explanation(every)
    assert "on this machine (2 cores)" in proof_table.explanation(every)
    few = ExportFigures({"onnx": FIGURES}, n_valid=5000)
    assert "a sample of the 5,000 of validation" in proof_table.explanation(few)


def test_a_button_opens_the_images_on_which_int8_differs(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    frozen: Snapshot,
    add_run: Callable[..., int],
    colour_export: Path,
) -> None:
    digest = workspace.query("SELECT digest FROM image ORDER BY id LIMIT 1")[0]["digest"]
    differs = (
        Disagreement(digest, "dom", "dom", 0.52, "eiger", 0.51),
        Disagreement("f" * 64, "dom", "dom", 0.52, "eiger", 0.51),  # It was forgotten since.
    )
    figures = ExportFigures(
        {"onnx-int8": FormatFigures(50, 0.96, 0.31, disagreements=differs)},
        n_valid=50,
        familiar=FamiliarFigures(200, 50, 0.02, 3.1, (digest,)),
    )
    export = exports.add(
        workspace,
        run_id=add_run(frozen),
        path=colour_export,
        files=[],
        parity={"onnx-int8": PARITY},
        figures=figures,
    )
    app = open_page("models")
    assert not app.exception
    assert any("farther from what it learned" in each.value for each in app.markdown)
    labels = [each.label for each in app.button if each.label.startswith("Review the")]
    assert labels == [
        "Review the 1 image on which onnx-int8 differs",
        "Review the 1 image that looks like nothing it learned",
    ]
    app.button(key=f"differs:{export.export_id}:onnx-int8").click().run()
    found = workspace.query("SELECT image_id FROM selection_image")
    assert [row["image_id"] for row in found] == [1]
