"""The ridge lines of the demo's mountains, drawn freely after real ones."""

from collections.abc import Mapping

RidgeLine = tuple[tuple[float, float], ...]
"""Points (x, height): x in half-widths from the middle, height as a share of the summit's."""

# Each has what a climber would recognise it by.
PEAKS: Mapping[str, RidgeLine] = {
    # Three separate summits in a row, the middle one highest.
    "dom": (
        (-1.5, 0.2), (-1, 0.42), (-0.74, 0.6), (-0.56, 0.84), (-0.42, 0.63), (-0.3, 0.66),
        (-0.02, 1), (0.16, 0.7), (0.3, 0.6), (0.5, 0.8), (0.66, 0.58), (1, 0.38), (1.5, 0.18),
    ),
    # A long ridge rises to the summit, then drops steeply.
    "eiger": (
        (-1.5, 0.26), (-1.1, 0.4), (-0.75, 0.56), (-0.4, 0.72), (-0.05, 0.88), (0.22, 1),
        (0.3, 0.94), (0.35, 0.7), (0.42, 0.6), (0.5, 0.32), (0.75, 0.22), (1, 0.18), (1.5, 0.1),
    ),
    # A level crest with a summit at either end.
    "lyskamm": (
        (-1.5, 0.22), (-1.05, 0.48), (-0.78, 0.8), (-0.6, 0.98), (-0.48, 0.95), (-0.25, 0.86),
        (0, 0.84), (0.25, 0.88), (0.48, 0.97), (0.6, 1), (0.72, 0.88), (0.98, 0.52), (1.5, 0.22),
    ),
    # One steep, isolated summit with a bent top.
    "matterhorn": (
        (-1.5, 0.1), (-0.9, 0.22), (-0.52, 0.36), (-0.34, 0.5), (-0.22, 0.72), (-0.13, 0.9),
        (-0.06, 0.985), (0.04, 1), (0.1, 0.93), (0.11, 0.82), (0.2, 0.62), (0.36, 0.43),
        (0.6, 0.3), (1, 0.2), (1.5, 0.1),
    ),
    # A round summit behind a long white shoulder with a notch.
    "piz-bernina": (
        (-1.5, 0.24), (-1.1, 0.4), (-0.82, 0.62), (-0.62, 0.74), (-0.46, 0.79), (-0.36, 0.76),
        (-0.29, 0.66), (-0.16, 0.88), (-0.02, 0.98), (0.14, 1), (0.28, 0.95), (0.46, 0.76),
        (0.72, 0.52), (1, 0.38), (1.5, 0.2),
    ),
    # A wide pyramid of straight edges with a small tower on one of them.
    "weisshorn": (
        (-1.5, 0.08), (-0.95, 0.36), (-0.5, 0.66), (-0.2, 0.87), (0, 1), (0.18, 0.86), (0.3, 0.77),
        (0.345, 0.81), (0.39, 0.71), (0.6, 0.57), (1, 0.32), (1.5, 0.06),
    ),
}  # fmt: skip
