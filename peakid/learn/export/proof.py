"""Prove an export: on real images, each file must predict what the run predicted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from peakid import printable
from peakid.errors import ParityBroken
from peakid.export_records import Disagreement, FormatFigures
from peakid.imaging import gate, pixels
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import EXACT, Format
from peakid.remedies import action

TOLERANCE = 1e-4  # Formats agreed to 4e-7 when measured; other preprocessing differs by 1e-2 and more.
MOST_LOST = 0.02  # Share of the images that a format of 8 bits may predict wrong more than its run does.
MAX_LISTED = 5  # Images that an error names.
CHUNK = 32  # Images decoded at once: 5 MB at 224 px.

Parity = dict[str, float]
"""How far a format's predictions are from the run's: `n_images`, `max_abs_diff` and `agreement`.

`agreement` is the share of images with the same first choice, where two choices within the tolerance of each
other count as the same.
"""


Interval = tuple[float, float]


def wilson(is_right: np.ndarray) -> Interval:
    """Return Wilson's 95 % interval of an accuracy on independent images."""
    found = scipy.stats.binomtest(int(is_right.sum()), len(is_right)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class Compared:
    """The n images of a proof, in the order of the predictions.

    Attributes:
        given_labels: At the training; empty = not known.
        class_names: In the order of the probabilities.
        interval: Gives the 95 % interval of the accuracy, of which images are right: bool of shape (n,).
    """

    digests: Sequence[str]
    given_labels: Sequence[str]
    class_names: Sequence[str]
    interval: Callable[[np.ndarray], Interval] = wilson

    def given(self, row: int) -> str:
        """Return the label of an image; '' = not known."""
        return self.given_labels[row] if self.given_labels else ""


def figures_of(name: Format, predicted: np.ndarray, expected: np.ndarray, images: Compared) -> FormatFigures:
    """Compare what a file predicted with what the run predicted, float32 (n, K).

    Raises:
        ParityBroken: If a format that must predict the same does not, or the other one loses too much
            accuracy. The error names the images that differ most.
    """
    n, rows = len(expected), np.arange(len(expected))
    # How much less probable the file's first choice is for the run.
    lost = expected.max(axis=1) - expected[rows, predicted.argmax(axis=1)]  # (n,)
    agreement, difference = float((lost <= TOLERANCE).mean()), float(np.abs(predicted - expected).max())
    is_finite = bool(np.isfinite(predicted).all())
    if not is_finite or (name in EXACT and not (agreement == 1.0 and difference <= TOLERANCE)):
        raise _differs(name, predicted, expected, images, agreement, difference)
    # Without labels, what the run predicts counts as right.
    truth = images.given_labels or _chosen(expected, images)
    is_right = _are_right(predicted, images, truth)
    n_right = int(is_right.sum())
    _refuse_loss(name, n_right, int(_are_right(expected, images, truth).sum()), n)
    return FormatFigures(
        n_images=n,
        agreement=agreement,
        max_abs_diff=difference,
        n_right=n_right if images.given_labels else None,
        accuracy_interval=images.interval(is_right) if images.given_labels else None,
        disagreements=tuple(
            disagreement(int(row), predicted, expected, images) for row in np.flatnonzero(lost > TOLERANCE)
        ),
    )


def parity_of(name: Format, predicted: np.ndarray, expected: np.ndarray) -> Parity:
    """Compare as `figures_of`, for images of which nothing is known.

    Raises:
        ParityBroken: As `figures_of`.
    """
    unknown = Compared(
        [f"image {row + 1}" for row in range(len(expected))],
        (),
        [f"class {column + 1}" for column in range(expected.shape[1])],
    )
    return parity(figures_of(name, predicted, expected, unknown))


def parity(figures: FormatFigures) -> Parity:
    """Return the three figures that every version of Peakid stores."""
    return {
        "n_images": figures.n_images,
        "max_abs_diff": figures.max_abs_diff,
        "agreement": figures.agreement,
    }


def disagreement(row: int, predicted: np.ndarray, expected: np.ndarray, images: Compared) -> Disagreement:
    """Return the first choices of the run and of the file for one image."""
    by_run, by_file = int(expected[row].argmax()), int(predicted[row].argmax())
    return Disagreement(
        images.digests[row],
        images.given(row),
        images.class_names[by_run],
        float(expected[row, by_run]),
        images.class_names[by_file],
        float(predicted[row, by_file]),
    )


def decoded(images: Iterable[tuple[str, bytes]], card: Card) -> Iterator[np.ndarray]:
    """Yield the canonical pixels of images in batches, uint8 (n, S, S, 3)."""
    batch: list[np.ndarray] = []
    for _digest, content in images:
        batch.append(gate.call(pixels.preprocess, content, size_px=card.image_size_px, resize=card.resize))
        if len(batch) == CHUNK:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _differs(
    name: Format,
    predicted: np.ndarray,
    expected: np.ndarray,
    images: Compared,
    agreement: float,
    difference: float,
) -> ParityBroken:
    by_image = np.nan_to_num(np.abs(predicted - expected).max(axis=1), nan=np.inf)  # (n,)
    worst = np.argsort(-by_image, kind="stable")[:MAX_LISTED]
    listed = "; ".join(_listed(int(row), predicted, expected, images, by_image[row]) for row in worst)
    n_differ = int((by_image > TOLERANCE).sum())
    return ParityBroken(
        f"The {name} file does not predict what the trained model predicts: probabilities differ by "
        f"up to {difference:.2g} (allowed {TOLERANCE:g}), the first choice agrees on "
        f"{printable.percent(agreement, decimals=1)} of {len(expected)} images. "
        f"{n_differ:,} images differ; most of all {listed}. Nothing was published.",
        "Train again with this version of Peakid, or export another format.",
        action("train"),
    )


def _listed(
    row: int, predicted: np.ndarray, expected: np.ndarray, images: Compared, difference: float
) -> str:
    found = disagreement(row, predicted, expected, images)
    given = f" ({found.given_label})" if found.given_label else ""
    return (
        f"{found.digest[:12]}{given}: {found.run_label} {found.run_confidence:.4f} by the run, "
        f"{found.file_label} {found.file_confidence:.4f} by the file, difference {difference:.2g}"
    )


def _chosen(probabilities: np.ndarray, images: Compared) -> list[str]:
    return [images.class_names[column] for column in probabilities.argmax(axis=1)]


def _are_right(probabilities: np.ndarray, images: Compared, truth: Sequence[str]) -> np.ndarray:
    """Return which first choices are the labels taken for right, bool of shape (n,)."""
    return np.array([a == b for a, b in zip(_chosen(probabilities, images), truth, strict=True)], dtype=bool)


def _refuse_loss(name: Format, n_right: int, n_right_before: int, n: int) -> None:
    n_lost, most = n_right_before - n_right, max(1, int(MOST_LOST * n))
    if n_lost > most:
        raise ParityBroken(
            f"The {name} file predicts {n_lost:,} of {n:,} validation images wrong that the trained model"
            f" predicts right, net of those that it wins; {most:,} are allowed. Accuracy falls from"
            f" {printable.percent(n_right_before / n, decimals=1)} to"
            f" {printable.percent(n_right / n, decimals=1)}. Nothing was published.",
            f"Export without the format {name}: the others predict what the trained model predicts.",
            action("list_runs"),
        )
