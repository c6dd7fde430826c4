"""The plots of a report as SVG: matrix, reliability, bars with intervals. Colours follow the page's theme."""

from collections.abc import Sequence

import numpy as np

from peakid import printable
from peakid.evaluate import charts, score_text
from peakid.evaluate.charts import ACCENT, MANY_CLASSES, MISTAKE
from peakid.evaluate.errors import confusion_chart
from peakid.evaluate.report_file import markup
from peakid.evaluate.report_file.markup import label, line, rect
from peakid.evaluate.trust.calibration import Bin

WIDTH_PX = 680  # Of the text of an A4 page.
CHAR_PX = 6.6  # Mean width of a character at 12 px.
LEAST_NAMED_PX = 9.0  # Cells that are smaller have no names beside them.
N_LEVELS = 12  # Strengths of colour in a large matrix, of which each is one path.


def matrix(class_names: Sequence[str], counts: np.ndarray, title: str) -> str:
    """Draw a confusion matrix: with figures for few classes, with colours alone for many.

    Args:
        counts: int64 of shape (K, K), row = given label, column = predicted label.
    """
    n = len(class_names)
    names = [charts.short(name) for name in class_names]
    wide = CHAR_PX * max(map(len, names)) + 8
    left = min(150.0, wide) + 22
    cell = min(44.0 if n <= MANY_CLASSES else 22.0, (WIDTH_PX - left) / n)
    is_named = cell >= LEAST_NAMED_PX
    if not is_named:
        left, cell = 22.0, min(cell, (WIDTH_PX - 22) / n)
    top = (min(150.0, wide) if is_named else 0) + 22
    side = cell * n
    parts = _named(names, left, top, cell) if is_named else []
    parts += [
        label(left + side / 2, 12, "Predicted label", text_anchor="middle", class_="axis"),
        label(
            12,
            top + side / 2,
            "Given label",
            text_anchor="middle",
            class_="axis",
            transform=f"rotate(-90 12 {top + side / 2:.1f})",
        ),
        rect(left, top, side, side, "frame"),
    ]
    draw = _few_cells if n <= MANY_CLASSES else _many_cells
    parts += draw(class_names, counts, left, top, cell)
    return markup.svg(left + side + 4, top + side + 4, title, parts)


def _named(names: Sequence[str], left: float, top: float, cell: float) -> list[str]:
    size = min(12.0, cell - 1)
    found = []
    for n, name in enumerate(names):
        middle = cell * (n + 0.5)
        x, y = left + middle + size / 3, top - 5
        found.append(
            label(left - 6, top + middle + size / 3, name, text_anchor="end", style=f"font-size:{size:.0f}px")
        )
        turned = f"rotate(-90 {x:.1f} {y:.1f})"
        found.append(label(x, y, name, transform=turned, style=f"font-size:{size:.0f}px"))
    return found


def _few_cells(
    class_names: Sequence[str], counts: np.ndarray, left: float, top: float, cell: float
) -> list[str]:
    strengths = confusion_chart.strengths(counts)
    found = []
    for i, j in np.argwhere(counts > 0).tolist():
        is_hit = i == j
        colour = ACCENT if is_hit else MISTAKE
        opacity = confusion_chart.FAINTEST + (1 - confusion_chart.FAINTEST) * float(strengths[i, j])
        # Black or white, whichever is read better on the cell: in the light theme, then in the dark one.
        inks = [
            confusion_chart.ink(confusion_chart.cell_colour(colour[theme], theme, float(strengths[i, j])))
            for theme in charts.THEMES
        ]
        ink = "".join("k" if each == confusion_chart.BLACK else "w" for each in inks)
        x, y = left + cell * j, top + cell * i
        hover = f"{class_names[i]} predicted as {class_names[j]}: {counts[i, j]:,}"
        found.append(
            rect(
                x + 0.5,
                y + 0.5,
                cell - 1,
                cell - 1,
                "hit" if is_hit else "miss",
                markup.tag("title", markup.text(hover)),
                fill_opacity=f"{opacity:.3f}",
            )
        )
        found.append(
            label(
                x + cell / 2, y + cell / 2 + 4, f"{counts[i, j]:,}", text_anchor="middle", class_=f"on-{ink}"
            )
        )
    return found


def _many_cells(
    class_names: Sequence[str], counts: np.ndarray, left: float, top: float, cell: float
) -> list[str]:
    """Draw all cells of one strength as one path: 200 classes have up to 40,000 cells."""
    strengths = confusion_chart.strengths(counts)
    levels = np.ceil(strengths * N_LEVELS).astype(int)
    is_hit = np.eye(len(counts), dtype=bool)
    found = []
    for name, cells in (("hit", is_hit), ("miss", ~is_hit)):
        for level in range(1, N_LEVELS + 1):
            places = np.argwhere(cells & (counts > 0) & (levels == level))
            if not len(places):
                continue
            squares = "".join(
                f"M{left + cell * j:.1f} {top + cell * i:.1f}h{cell:.1f}v{cell:.1f}h-{cell:.1f}z"
                for i, j in places.tolist()
            )
            opacity = confusion_chart.FAINTEST + (1 - confusion_chart.FAINTEST) * level / N_LEVELS
            found.append(markup.tag("path", d=squares, class_=name, fill_opacity=f"{opacity:.3f}"))
    return found


def reliability(bins: Sequence[Bin], title: str) -> str:
    """Draw the share of correct predictions by confidence, with intervals; on the diagonal is calibrated."""
    side, left, top, bottom = 280.0, 52.0, 10.0, 40.0
    parts = [rect(left, top, side, side, "frame")]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = left + side * share, top + side * (1 - share)
        parts += [line(left, y, left + side, y, "grid"), line(x, top, x, top + side, "grid")]
        parts.append(label(left - 6, y + 4, score_text.percent(share), text_anchor="end"))
        parts.append(label(x, top + side + 16, score_text.percent(share), text_anchor="middle"))
    parts.append(line(left, top + side, left + side, top, "diagonal"))
    largest = max((each.n_images for each in bins), default=1)
    for each in bins:
        x, y = left + side * each.confidence, top + side * (1 - each.accuracy)
        low, high = (top + side * (1 - bound) for bound in each.accuracy_interval)
        shares = (
            f"confidence {printable.percent(each.confidence)}, correct {printable.percent(each.accuracy)}"
        )
        hover = f"{each.n_images:,} images: {shares}"
        parts.append(line(x, low, x, high, "interval"))
        radius = 3 + 5 * (each.n_images / largest) ** 0.5
        parts.append(
            markup.tag("circle", markup.tag("title", markup.text(hover)), cx=x, cy=y, r=radius, class_="hit")
        )
    parts.append(label(left + side / 2, top + side + 34, "Confidence", text_anchor="middle", class_="axis"))
    turned = f"rotate(-90 12 {top + side / 2:.1f})"
    parts.append(label(12, top + side / 2, "Correct", text_anchor="middle", class_="axis", transform=turned))
    return markup.svg(left + side + 22, top + side + bottom, title, parts)


def bar(
    share: float,
    interval: tuple[float, float],
    title: str,
    *,
    expected: float | None = None,
    is_worse: bool = False,
) -> str:
    """Draw one share in 0..1 as a small bar with its interval, and a diamond where it is expected to be."""
    width, height = 150.0, 16.0
    inner = width - 8
    x = [4 + inner * each for each in (share, *interval)]
    parts = [
        rect(4, 3, inner, height - 6, "track"),
        rect(4, 3, inner * share, height - 6, "miss" if is_worse else "hit", fill_opacity="0.75"),
        line(x[1], height / 2, x[2], height / 2, "interval"),
        *(line(each, height / 2 - 3, each, height / 2 + 3, "interval") for each in x[1:]),
    ]
    if expected is not None:
        middle = 4 + inner * expected
        diamond = f"M{middle:.1f} 2l4 6l-4 6l-4 -6z"
        parts.append(markup.tag("path", d=diamond, class_="expected"))
    return markup.svg(width, height, title, parts)
