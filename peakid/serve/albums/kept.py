"""The predictions that sorting keeps beside its albums, so that another sorting predicts only what is new.

They cost time only: where they are missing, damaged or of another model, the photos are predicted again.
"""

import contextlib
import time
from pathlib import Path

from peakid.records import Report, no_report
from peakid.serve.albums import journal, photos, preview_file
from peakid.serve.albums.photos import PredictedFolder, PredictFiles
from peakid.serve.albums.preview_file import Draft, StoredPhoto
from peakid.serve.predictor import Predictor

SAVE_EVERY_S = 20.0  # So much work is lost at most when the process is killed.


def predict(
    predictor: Predictor,
    folder: Path,
    out: Path,
    *,
    is_kept: bool = True,
    report: Report = no_report,
    predict_files: PredictFiles | None = None,
) -> tuple[PredictedFolder, int]:
    """Predict the photos of a folder that are new or have changed since they were sorted into `out`.

    Args:
        is_kept: Write the predictions into `out`, also while they are made. False = only read them.
        predict_files: Predicts them elsewhere, and reports; None = they are predicted here.

    Returns:
        The photos, and how many were predicted now.

    Raises:
        BadInput: If it is no folder, or has no file that could be a photo.
        WeightsUnfit: If the model fails.
    """
    found = photos.checked_photos(folder, out)
    known = preview_file.read(out, name=journal.KEPT_NAME)
    if known is not None and known.model != predictor.identity:
        known = None
    draft = Draft(folder, tuple(predictor.class_names), preview_file.unchanged(known, folder, found))
    n_known = len(draft.photos)
    left = [path for path in found if path not in draft.photos]
    saved_s = time.monotonic()
    if predict_files is not None:
        batches = predict_files(left, n_known)
    else:
        batches = photos.predict_files(predictor, folder, left, n_before=n_known, report=report)
    try:
        for batch, failed in batches:
            draft.photos.update({photo.path: StoredPhoto(photo, 0, 0) for photo in batch})
            draft.unreadable += failed
            if is_kept and time.monotonic() - saved_s > SAVE_EVERY_S:
                _save(out, draft, predictor)
                saved_s = time.monotonic()
    finally:
        if is_kept and len(draft.photos) > n_known:
            _save(out, draft, predictor)
    stored = [each.photo for each in draft.photos.values()]
    joined = photos.joined(folder, draft.class_names, stored, draft.unreadable)
    return joined, len(stored) - n_known


def _save(out: Path, draft: Draft, predictor: Predictor) -> None:
    """Write the predictions. A full disk does not stop the sorting: links and a list take no place."""
    about = {
        "export_id": 0,
        "threshold": predictor.threshold,
        "is_complete": False,
        "made_at": "",
        "model": predictor.identity,
    }
    with contextlib.suppress(OSError):
        out.mkdir(parents=True, exist_ok=True)
        preview_file.write(out, draft, about, name=journal.KEPT_NAME)
