"""The confusion matrix as a figure, whose cells have numbers as long as these can be read."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from peakid.evaluate import charts
from peakid.evaluate.charts import ACCENT, MISTAKE, Theme
from peakid.evaluate.errors import confusion as confusions
from peakid.evaluate.errors import matrix_order
from peakid.evaluate.errors.matrix_order import CellValue

FAINTEST = 0.12  # Share of the colour in the cell of one image of many; the rest is the background.
# Of numbers on cells. On every colour, one of the two has a contrast of at least 4.58 : 1 (WCAG AA: 4.5).
BLACK, WHITE = "#000000", "#FFFFFF"
NARROWEST_PX = 370  # Width of the cells of a large matrix on a tablet with its sidebar open.
COLUMN_NAME_PX = 12  # Width of a class name that is written upwards.


def draw(class_names: Sequence[str], matrix: np.ndarray, *, theme: Theme = "light") -> go.Figure:
    """Draw the confusion matrix. A click on a cell selects its `customdata` (row, column).

    A heat map does not report selections, so transparent squares are drawn over it. Their axes are fixed,
    because a drag would move them against the cells.

    Args:
        matrix: int64 of shape (K, K), row = given label, column = predicted label. With more than
            MANY_CLASSES classes no number is written, and cells without images cannot be clicked.
    """
    n_classes = len(class_names)
    shares = strengths(matrix)
    is_hit = np.eye(n_classes, dtype=bool)
    figure = go.Figure()
    figure.add_trace(_cells(np.where(is_hit, shares, np.nan), ACCENT[theme], theme))
    figure.add_trace(_cells(np.where(~is_hit & (matrix > 0), shares, np.nan), MISTAKE[theme], theme))
    figure.add_trace(_squares(class_names, matrix, shares, theme))
    ticks = {"fixedrange": True, "showgrid": False}
    # Degrees. Slanted names overlap where cells are narrow.
    angle = 0 if n_classes <= 3 else -45 if n_classes <= 10 else -90
    columns = _named(class_names, -(-n_classes * COLUMN_NAME_PX // NARROWEST_PX))
    figure.update_xaxes(title="Predicted label", range=[-0.5, n_classes - 0.5], tickangle=angle, **ticks)
    figure.update_xaxes(columns)
    figure.update_yaxes(title="Given label", range=[n_classes - 0.5, -0.5], automargin=True, **ticks)
    figure.update_yaxes(_named(class_names, 1))
    if n_classes > charts.MANY_CLASSES:
        figure.update_xaxes(tickfont_size=11)
        figure.update_yaxes(tickfont_size=11)
    height = max(360, 190 + _cell_px(n_classes) * n_classes)  # 190 px for title and names.
    title = confusions.finding([charts.label(name) for name in class_names], matrix)
    return figure.update_layout(template=charts.template(theme), title=title, height=height, dragmode=False)


def strengths(matrix: np.ndarray, *, of: CellValue = "rows") -> np.ndarray:
    """Return how strong the colour of each cell is: float64 of shape (K, K), in 0..1.

    It is the share of the images with that given label. An error on half of a class has the strongest colour;
    an error on one image is still visible.

    Args:
        of: "columns" for the share of the images with that predicted label.
    """
    share = matrix_order.values(matrix, "columns" if of == "columns" else "rows")
    return np.where(np.eye(len(matrix), dtype=bool), share, np.minimum(1, 2 * share))


def cell_colour(colour: str, theme: Theme, strength: float) -> str:
    """Return the colour that the heat map has at a strength in 0..1."""
    return charts.mixed(colour, theme, FAINTEST + (1 - FAINTEST) * strength)


def ink(cell: str) -> str:
    """Return black or white: what can be read better on a cell of this colour."""
    return max((BLACK, WHITE), key=lambda text: contrast(text, cell))


def contrast(a: str, b: str) -> float:
    """Return the contrast of two colours `#rrggbb`, 1 to 21 (WCAG 2.2, contrast ratio)."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _named(class_names: Sequence[str], step: int) -> dict[str, list[int] | list[str]]:
    """Name every `step`-th row or column; the tooltip of a cell names both."""
    places = list(range(0, len(class_names), step))
    return {"tickvals": places, "ticktext": [charts.label(class_names[place]) for place in places]}


def _cell_px(n_classes: int) -> int:
    """Return the height of a cell: easy to click, and with many classes still as high as a name."""
    return 44 if n_classes <= 10 else 26 if n_classes <= charts.MANY_CLASSES else 16


def _cells(strength: np.ndarray, colour: str, theme: Theme) -> go.Heatmap:
    return go.Heatmap(
        z=strength,
        zmin=0,
        zmax=1,
        colorscale=[[0, cell_colour(colour, theme, 0)], [1, colour]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="skip",
        hoverongaps=False,
    )


def _squares(class_names: Sequence[str], matrix: np.ndarray, shares: np.ndarray, theme: Theme) -> go.Scatter:
    """Draw a transparent square over every cell, with its number where there are few classes."""
    n_classes = len(class_names)
    is_large = n_classes > charts.MANY_CLASSES
    cells = [(row, column) for row in range(n_classes) for column in range(n_classes)]
    cells = [cell for cell in cells if matrix[cell]] if is_large else cells
    colours = [
        cell_colour(ACCENT[theme] if row == column else MISTAKE[theme], theme, shares[row, column])
        for row, column in cells
    ]
    return go.Scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        mode="markers" if is_large else "markers+text",
        text=[str(matrix[cell]) if matrix[cell] else "" for cell in cells] if not is_large else None,
        textfont={"color": [ink(colour) for colour in colours], "size": 13},
        # Smaller than a cell of a figure 420 px wide, so that a square does not take the clicks of its
        # neighbour.
        marker={
            "symbol": "square",
            "size": max(4, int(0.8 * min(_cell_px(n_classes), 420 / max(1, n_classes)))),
            "color": "rgba(0,0,0,0)",
        },
        customdata=cells,
        hovertext=[_tooltip(class_names, matrix, row, column) for row, column in cells],
        hoverinfo="text",
        # A selection must not fade the numbers of the other cells.
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )


def _tooltip(class_names: Sequence[str], matrix: np.ndarray, row: int, column: int) -> str:
    given, other = charts.escaped(class_names[row]), charts.escaped(class_names[column])
    predicted = "correctly predicted" if row == column else f"predicted as {other}"
    return f"{given} {predicted}: {matrix[row, column]} of {matrix[row].sum()}"
