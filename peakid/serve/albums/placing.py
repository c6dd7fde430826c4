"""Move photos of a preview into another album, and add them to the workspace for the next training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from peakid import files, near_names, settings
from peakid.curate import feedback
from peakid.errors import BadInput, UnreadableImage
from peakid.serve.albums.photos import Unreadable
from peakid.serve.albums.plan import OTHER, AlbumRules
from peakid.serve.albums.preview_file import Preview
from peakid.store.folders import album_placements
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Placed:
    """What moving photos did.

    Attributes:
        image_ids: The images of the workspace that they became.
        failed: Photos that were moved in the preview, but could not be added to the workspace.
    """

    n_photos: int
    image_ids: tuple[int, ...] = ()
    failed: tuple[Unreadable, ...] = ()


def place(
    workspace: Workspace,
    preview: Preview,
    photos: Sequence[str],
    class_name: str | None,
    *,
    learns: bool = False,
    actor: str,
) -> Placed:
    """Move photos to the album of a class. Nothing is written into albums: that is done from the preview.

    Args:
        photos: Their paths in the folder of the preview.
        class_name: A class of the model, or OTHER for the album of photos without an answer; None = back to
            where the model puts them.
        learns: Also add each photo to the workspace, with the class as its label and `album CLASS` as its
            origin.
        actor: `human:NAME`.

    Raises:
        BadInput: If a photo is not in the preview, the model has no such class, or none to learn is given.
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    number = {path: n for n, path in enumerate(preview.photos.paths)}
    if unknown := [path for path in photos if path not in number]:
        raise BadInput(f"The preview has no photo {unknown[0][:200]!r}.", "Preview the folder again.")
    known = preview.photos.class_names
    if class_name is not None and class_name not in (*known, OTHER):
        raise BadInput(
            f"The model has no class {class_name[:80]!r}.",
            near_names.remedy(class_name, known, f"The classes are {', '.join(known[:20])}."),
        )
    if learns and class_name not in known:
        raise BadInput(
            "Only photos that are moved to the album of a class can be learned from.", "Choose a class."
        )
    image_ids, failed = [], []
    for path in photos if learns else ():
        try:
            image_ids.append(_learned(workspace, preview, number[path], str(class_name), actor))
        except (OSError, UnreadableImage) as error:
            reason = (error.strerror if isinstance(error, OSError) else error.message) or str(error)
            failed.append(Unreadable(path, reason))
    album_placements.put(workspace, preview.photos.folder, photos, class_name, actor=actor)
    return Placed(len(photos), tuple(image_ids), tuple(failed))


def with_placed(workspace: Workspace, preview: Preview, rules: AlbumRules) -> AlbumRules:
    """Return rules with the albums that a person gave photos of this folder."""
    placed = album_placements.of_folder(workspace, preview.photos.folder)
    return replace(rules, placed=placed)


def _learned(workspace: Workspace, preview: Preview, number: int, class_name: str, actor: str) -> int:
    found = preview.photos
    content = files.read_regular(found.folder / found.paths[number], settings.current().max_image_bytes)
    row = found.probabilities[number]
    return feedback.add_correction(
        workspace,
        content,
        class_name,
        source=f"album {class_name}",
        predicted=found.class_names[int(row.argmax())],
        confidence=float(row.max()),
        actor=actor,
    )
