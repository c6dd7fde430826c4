"""Take corrected predictions into the workspace: a photo becomes an image with the label of a person."""

import math

from peakid import clean_text, printable
from peakid.acquire import single_photo
from peakid.curate import decisions
from peakid.errors import BadInput
from peakid.imaging import inspection
from peakid.records import Choice
from peakid.remedies import action
from peakid.store import decision_log, tombstones
from peakid.store.workspace import Workspace

MAX_SOURCE_CHARS = 200


def add_correction(
    workspace: Workspace,
    content: bytes,
    class_name: str,
    *,
    source: str,
    predicted: str = "",
    confidence: float | None = None,
    actor: str,
) -> int:
    """Store a photo whose prediction a person corrected, label it, and return the id of its image.

    A new photo is inspected and stored as an import does it, with an origin of the source `feedback`; the
    next scan compares it with the other images. A photo that the workspace has already only gets the label.
    What was predicted is stored with the decision. Everything is checked before the first row is written. If
    the process ends between the image and its label, a second call adds the label.

    Args:
        content: The bytes of the file as they were uploaded.
        class_name: A class of the workspace, also by a former name; a new name is added as a class.
        source: Where it was corrected, in words: `predict page`, `album Lakes`. It begins the path of the
            image.
        predicted: The class that the model predicted; "" if nothing was predicted.
        confidence: Of that prediction, in 0..1.
        actor: `human:NAME`: the label counts as reviewed.

    Raises:
        UnreadableImage: If the photo cannot be decoded within the limits; `reason` says why.
        BadInput: If the photo was removed for good earlier, if the class is retired or cannot be a class
            name, if the source or confidence cannot be used, or if the workspace is that of the demo and the
            photo is none of it.
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    name = decision_log.checked_class_name(class_name)
    place = _checked_source(source)
    basis = _basis(place, clean_text.clean_text(predicted), confidence)
    digest = inspection.digest_of(content)
    _refuse_forgotten(workspace, digest)
    _refuse_retired(workspace, name)
    image_id = _known_id(workspace, digest)
    if image_id is None:
        image_id = single_photo.add(workspace, content, source="feedback", place=place, actor=actor)
    with workspace.transaction() as connection:
        decision_log.class_id(connection, name)  # Adds a new class.
    decisions.decide(workspace, [Choice(digest, "label", name, basis=basis)], actor=actor)
    return image_id


def _checked_source(source: str) -> str:
    place = clean_text.clean_text(source).replace("/", " ").strip()
    if not place or place in (".", "..") or len(place) > MAX_SOURCE_CHARS:
        raise BadInput(
            f"{source[:MAX_SOURCE_CHARS]!r} does not say where a prediction was corrected.",
            f"Give 1 to {MAX_SOURCE_CHARS} characters, such as 'predict page'.",
        )
    return place


def _basis(place: str, predicted: str, confidence: float | None) -> dict[str, object]:
    if confidence is not None and not (math.isfinite(confidence) and 0 <= confidence <= 1):
        raise BadInput(f"{confidence} is not a confidence.", "Give a number from 0 to 1.")
    share = "" if confidence is None else f" with {printable.percent(confidence)}"
    why = f"corrected on: {place}" + (f"; predicted {predicted}{share}" if predicted else "")
    return {"source": place, "predicted": predicted, "confidence": confidence, "why": why}


def _refuse_forgotten(workspace: Workspace, digest: str) -> None:
    if tombstones.is_forgotten(workspace, digest):
        raise BadInput(
            f"Photo {digest[:12]} {tombstones.DETAIL}.", "Correct the prediction of another photo."
        )


def _refuse_retired(workspace: Workspace, name: str) -> None:
    connection = workspace.connection()
    class_id = decision_log.known_class_id(connection, name)
    sql = "SELECT is_retired FROM class WHERE id = ?"
    if class_id is not None and connection.execute(sql, (class_id,)).fetchone()[0]:
        raise BadInput(
            f"The class {name!r} is retired.", "Bring it back first.", action("add_class", class_name=name)
        )


def _known_id(workspace: Workspace, digest: str) -> int | None:
    row = workspace.one(
        "SELECT i.id FROM image i JOIN image_state s ON s.image_id = i.id WHERE i.digest = ?", (digest,)
    )
    return None if row is None else int(row["id"])
