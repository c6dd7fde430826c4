"""Commands about the image store of a workspace: where new originals are written."""

from dataclasses import asdict
from pathlib import Path

import click

from peakid import files
from peakid.cli import frame, usage
from peakid.cli.frame import emit, json_option, pass_workspace
from peakid.errors import BadInput
from peakid.store.objects import image_stores
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl

_FOLDER = "in the folder of the workspace"


@click.group("store", cls=usage.Group)
def store_() -> None:
    """Choose where new originals are written: in the workspace, or in an image store."""


@store_.command("set")
@click.argument("url", metavar="[URL]", required=False, type=usage.Place())
@click.option("--local", "is_local", is_flag=True, help="Write them to the folder of the workspace again.")
@click.option("--thumbnails", "has_thumbnails", is_flag=True, help="Write their thumbnails there, too.")
@json_option
@pass_workspace
def store_set(
    workspace: Workspace, url: Path | StoreUrl | None, is_local: bool, has_thumbnails: bool, as_json: bool
) -> None:
    """Write the originals of new images to URL, such as s3://bucket/peakid. Images that are here stay here.

    Credentials come from the environment, as s3fs and gcsfs read them. They are stored nowhere.
    """
    if (url is None) != is_local:
        raise click.UsageError("Give either a URL or --local.")
    if isinstance(url, Path):
        raise BadInput(
            f"{url} is not the address of an image store.",
            f"Write it as s3://bucket/folder, or for a folder of this machine as file://{files.expanded(url)}",
        )
    image_stores.set_current(workspace, url, has_thumbnails=has_thumbnails)
    emit(as_json, _document(workspace), _text(workspace))


@store_.command("show")
@json_option
@pass_workspace
def store_show(workspace: Workspace, as_json: bool) -> None:
    """Show where new originals are written, and the stores that have originals of this workspace."""
    emit(as_json, _document(workspace), _text(workspace))


def _document(workspace: Workspace) -> dict[str, object]:
    chosen = image_stores.current(workspace)
    return {
        "url": chosen.url if chosen else None,
        "stores": [asdict(each) for each in image_stores.list_stores(workspace)],
    }


def _text(workspace: Workspace) -> str:
    chosen = image_stores.current(workspace)
    rows = [asdict(each) for each in image_stores.list_stores(workspace)]
    columns = ["n_images", "is_current", "has_thumbnails", "is_foreign", "url"]
    text = f"New originals are written {f'to {chosen.url}' if chosen else _FOLDER}."
    return f"{text}\n{frame.table(rows, columns, empty='')}".strip() if rows else text
