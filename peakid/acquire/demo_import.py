"""Draw the demo data set and import it."""

from peakid.acquire import demo_apart, folder
from peakid.acquire.demo_apart import DEMO_FOLDER
from peakid.demo import dataset
from peakid.errors import BadInput, WorkspaceNotWritable
from peakid.records import ImportReport, Report, no_report
from peakid.store.workspace import Workspace


def import_demo(
    workspace: Workspace, *, n_images: int = 600, seed: int = 0, actor: str, report: Report = no_report
) -> ImportReport:
    """Draw images of mountains in the workspace and import them with source `demo`.

    `demo/truth.json` in the workspace lists the planted fault of every file. Peakid itself does not read it.

    Raises:
        BadInput: If `n_images` is less than 1, or the workspace holds other images.
        WorkspaceNotWritable: If the files cannot be written.
    """
    if n_images < 1:
        raise BadInput(f"{n_images} images cannot be drawn.", "Choose at least 1; 600 make a good demo.")
    demo_apart.refuse_mixture(workspace, "demo")
    demo = workspace.path / DEMO_FOLDER
    try:
        dataset.draw(demo, n_images=n_images, seed=seed, report=report)
    except OSError as error:
        message = f"The demo cannot be written to {demo}: {error}."
        raise WorkspaceNotWritable(message, "Check its permissions and free space.") from error
    return folder.import_folder(workspace, demo / "photos", actor=actor, report=report, source="demo")
