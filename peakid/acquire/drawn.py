"""The demo: mountains that Peakid draws itself, imported like anybody's folder."""

from peakid.acquire import folder
from peakid.demo import dataset
from peakid.errors import BadInput, WorkspaceNotWritable
from peakid.records import ImportReport, Report, no_report
from peakid.store.workspace import Workspace

DEMO_FOLDER = "demo"


def import_demo(
    workspace: Workspace, *, n_images: int = 600, seed: int = 0, actor: str, report: Report = no_report
) -> ImportReport:
    """Draw the demo below the workspace and import it with source `demo`.

    `demo/truth.json` in the workspace then says what is wrong with which file; nothing in Peakid reads it.

    Raises:
        BadInput: If there is nothing to draw.
        WorkspaceNotWritable: If the workspace does not take it.
    """
    if n_images < 1:
        raise BadInput(f"{n_images} images cannot be drawn.", "Ask for at least one; 600 make a good demo.")
    place = workspace.path / DEMO_FOLDER
    try:
        dataset.draw(place, n_images=n_images, seed=seed, report=report)
    except OSError as error:
        raise WorkspaceNotWritable(
            f"The demo cannot be drawn into {place}: {error}.", "Check its permissions and free space."
        ) from error
    return folder.import_folder(workspace, place / "photos", actor=actor, report=report, source="demo")
