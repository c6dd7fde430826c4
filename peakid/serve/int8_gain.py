"""How much time the int8 file of an export would save, by the figures of the export's proof."""

from dataclasses import dataclass
from pathlib import Path

from peakid.export_records import N_BATCH
from peakid.serve import opening

LEAST_S = 5.0  # Less than this is not worth a line.


@dataclass(frozen=True)
class Int8Gain:
    """What the int8 file would save, and on how many validation images it predicts what the run predicts.

    Attributes:
        saved_s: Seconds, with all cores of the machine that exported.
    """

    saved_s: float
    n_agreeing: int
    n_images: int


def of(folder: Path, n_photos: int) -> Int8Gain | None:
    """Return what the int8 file of the export in a folder would save for so many photos.

    None if there is no such file, if the times of both files were not measured, or if it is less than five
    seconds.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `opening.card`.
    """
    card = opening.card(folder)
    if all(each.format != "onnx-int8" for each in card.files):
        return None
    full, small = (card.figures.formats.get(name) for name in ("onnx", "onnx-int8"))
    if full is None or small is None or full.batch is None or small.batch is None:
        return None
    saved_s = n_photos * (full.batch.p50_ms - small.batch.p50_ms) / N_BATCH / 1000
    if saved_s < LEAST_S:
        return None
    return Int8Gain(saved_s, round(small.agreement * small.n_images), small.n_images)
