"""Draw a confusion matrix as an SVG file, which browsers and the Hugging Face Hub show, without a library."""

from collections.abc import Sequence
from html import escape

import numpy as np

CELL_PX, NAME_PX, CHAR_PX = 34, 14, 7.2
MANY = 40  # Classes from which cells are narrow and have no numbers.
NARROW_PX = 9
LONGEST_NAME = 24  # Characters.
TITLE_PX = 110  # Width of the longer title.
RIGHT, WRONG = (47, 111, 159), (179, 68, 60)  # As in the app.


def svg(class_names: Sequence[str], matrix: np.ndarray) -> bytes:
    """Return the picture.

    Args:
        matrix: int64 of shape (K, K), row = given label, column = predicted label.
    """
    n_classes = len(class_names)
    cell = CELL_PX if n_classes < MANY else NARROW_PX
    font_px = NAME_PX if n_classes < MANY else NARROW_PX
    names = [_short(name) for name in class_names]
    margin = round(max(len(name) for name in names) * CHAR_PX * font_px / NAME_PX) + 40
    side = margin + max(n_classes * cell, TITLE_PX) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 {side} {side}"'
        f' font-family="system-ui, sans-serif" font-size="{font_px}" role="img">',
        f"<title>Confusion matrix of {n_classes} classes: given labels in rows, predicted in columns</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<g fill="#1b2430">{_titles(margin, n_classes * cell)}{_names(names, margin, cell, font_px)}</g>',
        *_cells(class_names, matrix, margin, cell),
        "</svg>",
    ]
    return "\n".join(parts).encode()


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\u2026"


def _titles(margin: int, width: int) -> str:
    middle = margin + width / 2
    return (
        f'<text x="{margin}" y="16" font-size="13">predicted label</text>'
        f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle" font-size="13">'
        "given label</text>"
    )


def _names(names: Sequence[str], margin: int, cell: int, font_px: int) -> str:
    parts = []
    for n, name in enumerate(names):
        along = margin + (n + 0.5) * cell + font_px / 3
        parts.append(f'<text x="{margin - 6}" y="{along:.1f}" text-anchor="end">{escape(name)}</text>')
        turned = f"translate({along:.1f} {margin - 6}) rotate(-90)"
        parts.append(f'<text transform="{turned}">{escape(name)}</text>')
    return "".join(parts)


def _cells(class_names: Sequence[str], matrix: np.ndarray, margin: int, cell: int) -> list[str]:
    parts = []
    for row, column in np.argwhere(matrix > 0).tolist():
        count, n_given = int(matrix[row, column]), int(matrix[row].sum())
        share = count / n_given
        strength = 0.12 + 0.88 * (share if row == column else min(1.0, 2 * share))
        colour = _mixed(RIGHT if row == column else WRONG, strength)
        left, top = margin + column * cell, margin + row * cell
        told = escape(f"{class_names[row]} predicted as {class_names[column]}: {count} of {n_given}")
        parts.append(
            f'<rect x="{left}" y="{top}" width="{cell - 1}" height="{cell - 1}" fill="{colour}">'
            f"<title>{told}</title></rect>"
        )
        if cell == CELL_PX:
            ink = "#ffffff" if strength > 0.85 else "#1b2430"
            parts.append(
                f'<text x="{left + cell / 2 - 0.5}" y="{top + cell / 2 + 4}" font-size="12"'
                f' text-anchor="middle" fill="{ink}">{count}</text>'
            )
    return parts


def _mixed(colour: tuple[int, int, int], strength: float) -> str:
    return "#" + "".join(f"{round(255 + (part - 255) * strength):02x}" for part in colour)
