"""Draw the confusion matrix on a canvas whose cells open with a click, at any number of classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from peakid.evaluate import charts
from peakid.evaluate.charts import Theme
from peakid.evaluate.errors import confusion, confusion_chart, matrix_order
from peakid.evaluate.errors.matrix_order import CellValue, MatrixOrder
from peakid.web import words
from peakid.web.gallery import scripts

Cell = tuple[int, int]
"""Row (given label) and column (predicted label), as the classes are numbered."""

_N_LEVELS = 100  # Of the strength of a colour, for each of the two colours.


@dataclass(frozen=True)
class MatrixView:
    """What is drawn of a matrix.

    Attributes:
        matrix: int64 of shape (K, K), row = given label, column = predicted label.
        opened: The cell with a frame.
        examples: Digests of one image of a cell, shown beside the pointer.
        can_open: A click opens a cell.
    """

    class_names: Sequence[str]
    matrix: np.ndarray
    by: MatrixOrder
    shown: CellValue
    opened: Cell | None
    examples: Mapping[Cell, str]
    can_open: bool


def show(view: MatrixView, *, key: str, theme: Theme, on_click: Callable[[Cell], None]) -> None:
    """Draw the matrix. A click calls `on_click` with the cell before the next run of the page."""

    def clicked() -> None:
        cell = _cell(st.session_state[key].get("cell"), len(view.class_names))
        if cell is not None:
            on_click(cell)

    _component()(key=key, data={"key": key, **document(view, theme)}, on_cell_change=clicked)


def document(view: MatrixView, theme: Theme) -> dict[str, Any]:
    """Return what the browser draws. Only cells with images are sent."""
    names = [words.shown(name) for name in view.class_names]
    n_classes = len(names)
    rows, columns = np.nonzero(view.matrix)
    strength = confusion_chart.strengths(view.matrix, of=view.shown)[rows, columns]
    levels = np.round(strength * _N_LEVELS).astype(int)
    cells = np.stack([rows, columns, view.matrix[rows, columns], levels], axis=1)
    return {
        "names": names,
        "order": matrix_order.positions(view.class_names, view.matrix, view.by),
        "cells": cells.tolist(),
        "given": view.matrix.sum(axis=1).tolist(),
        "predicted": view.matrix.sum(axis=0).tolist(),
        "values": view.shown,
        "opened": list(view.opened) if view.opened else None,
        "examples": {str(row * n_classes + column): each for (row, column), each in view.examples.items()},
        "can_open": view.can_open,
        "finding": confusion.finding(names, view.matrix),
        "font": charts.FONT,
        "colours": {
            "hits": _scale(charts.ACCENT[theme], theme),
            "errors": _scale(charts.MISTAKE[theme], theme),
            "ink": charts.INK[theme],
            "muted": charts.mixed(charts.INK[theme], theme, 0.75),
            "rule": charts.RULE[theme],
        },
    }


def _scale(colour: str, theme: Theme) -> list[dict[str, str]]:
    """Return the colour of a cell at each level, and that of its number."""
    fills = [confusion_chart.cell_colour(colour, theme, level / _N_LEVELS) for level in range(_N_LEVELS + 1)]
    return [{"fill": fill, "ink": confusion_chart.ink(fill)} for fill in fills]


def _cell(sent: object, n_classes: int) -> Cell | None:
    """Return the cell that the browser sent; anybody can send anything."""
    if not isinstance(sent, list) or len(sent) != 2:
        return None
    row, column = sent
    is_inside = all(type(each) is int and 0 <= each < n_classes for each in (row, column))
    return (row, column) if is_inside else None


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script, style = scripts.loader("matrix.js"), scripts.styles("matrix.css")
    return st.components.v2.component("peakid_matrix", js=script, css=style)
