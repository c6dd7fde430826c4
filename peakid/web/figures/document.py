"""What the browser draws of a Plotly figure: points, bars, ticks and notes as numbers and plain texts.

Drawn is the part of Plotly's format that the charts of `peakid.evaluate` use: scatter and bar traces with
intervals, lines across a panel, annotations, a legend on top, and panels side by side. Texts are plain here.
Scales are linear here: a logarithmic axis comes as powers of ten, a category as its place.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import plotly.graph_objects as go

from peakid.evaluate import charts
from peakid.evaluate.charts import Theme
from peakid.web.figures import axes, tips

HEIGHT_PX = 450  # Plotly's.
_LEAST_TOP_PX = 8  # The upper half of a tick label.
_MARGIN = {"t": charts.TITLE_PX, "r": 24, "b": 8}  # As in the template.
_SHARES = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "middle": 0.5, "top": 1.0}

Json = dict[str, Any]


def of_figure(figure: go.Figure, *, theme: Theme, label: str) -> Json:
    """Return the document of a figure. A title is not drawn, and takes no space.

    Args:
        label: What the figure shows, in words, for those who do not see it.
    """
    drawn = figure.to_plotly_json()
    layout = drawn["layout"]
    numbers = sorted({_number(each.get("xaxis", "x")) for each in drawn["data"]})
    return {
        "label": label,
        **_space(layout),
        "panels": [_panel(layout, drawn["data"], number) for number in numbers],
        "legend": _legend(drawn["data"]) if layout.get("showlegend") else [],
        "font": charts.FONT,
        "ink": charts.INK[theme],
        "rule": charts.RULE[theme],
        "ground": charts.GROUND[theme],
    }


def _space(layout: Mapping[str, Any]) -> Json:
    height = layout.get("height") or HEIGHT_PX
    margin = _MARGIN | {side: px for side, px in layout.get("margin", {}).items() if side in _MARGIN}
    if (layout.get("title") or {}).get("text"):
        margin["t"] = max(_LEAST_TOP_PX, margin["t"] - charts.TITLE_PX)
        height += _LEAST_TOP_PX - charts.TITLE_PX
    return {"height": height, "margin": margin}


def _panel(layout: Mapping[str, Any], traces: Sequence[Mapping[str, Any]], number: str) -> Json:
    own = [each for each in traces if _number(each.get("xaxis", "x")) == number]
    x, y = (axes.Axis(layout.get(f"{letter}axis{number}", {}), letter) for letter in "xy")
    marks = _marks(own, x, y, layout)
    for axis, letter in ((x, "x"), (y, "y")):
        has_rows = any(each["kind"] == "bars" and each["across"] == (letter == "y") for each in marks)
        axis.fit(chain.from_iterable(each["extent"][letter] for each in marks), is_exact=has_rows)
    shapes = [each for each in layout.get("shapes", ()) if _number(each.get("xref", "x")) == number]
    notes = [each for each in layout.get("annotations", ()) if _panel_of(each) == number]
    return {
        "domain": list(x.domain),
        "x": x.document(),
        "y": y.document(),
        "marks": [{key: value for key, value in each.items() if key != "extent"} for each in marks],
        "lines": [_line_across(each, x, y) for each in shapes],
        "notes": [_note(each, x, y) for each in notes],
    }


def _marks(
    traces: Sequence[Mapping[str, Any]], x: axes.Axis, y: axes.Axis, layout: Mapping[str, Any]
) -> list[Json]:
    tops: dict[float, float] = {}  # Of stacked bars, by their place.
    is_stacked = layout.get("barmode") == "stack"
    found = []
    for trace in traces:
        if trace["type"] == "bar":
            width = trace.get("width") or 1 - layout.get("bargap", 0.2)
            found.append(_bars(trace, x, y, width, tops if is_stacked else {}))
        else:
            found.append(_points(trace, x, y))
    return found


def _points(trace: Mapping[str, Any], x: axes.Axis, y: axes.Axis) -> Json:
    places = {"x": x.places(trace.get("x") or ()), "y": y.places(trace.get("y") or ())}
    mode, marker = trace.get("mode", "lines+markers"), trace.get("marker") or {}
    n = len(places["x"])
    intervals = {letter: _interval(trace, letter, axis) for letter, axis in (("x", x), ("y", y))}
    colour = _colour(trace)
    return {
        "kind": "points",
        "is_clipped": trace.get("cliponaxis", True),
        **places,
        "line": _stroke(trace.get("line") or {}, colour) if "lines" in mode and "fill" not in trace else None,
        "fill": trace.get("fillcolor") if "fill" in trace else None,
        "sizes": _each(marker.get("size", 6), n) if "markers" in mode else None,
        "colours": _each(marker.get("color") or colour, n),
        "symbol": marker.get("symbol", "circle"),
        "edge": _stroke(marker["line"], colour) if marker.get("line") else None,
        "intervals": {letter: found for letter, found in intervals.items() if found},
        "interval_colour": _interval_colour(trace),
        "texts": [tips.lines(each) for each in trace.get("text") or ()] if "text" in mode else [],
        "text_at": trace.get("textposition", "top center"),
        "tips": tips.of_trace(trace),
        "extent": {
            letter: [*places[letter], *chain.from_iterable(intervals[letter] or ())] for letter in "xy"
        },
    }


def _bars(
    trace: Mapping[str, Any], x: axes.Axis, y: axes.Axis, width: float, tops: dict[float, float]
) -> Json:
    is_across = trace.get("orientation") == "h"
    along, over = (x, y) if is_across else (y, x)
    values = along.places(trace["x" if is_across else "y"])
    places = over.places(trace["y" if is_across else "x"])
    starts = [tops.get(place, 0.0) for place in places]
    ends = [start + value for start, value in zip(starts, values, strict=True)]
    tops.update(zip(places, ends, strict=True))
    letter = "x" if is_across else "y"
    interval = _interval(trace, letter, along)
    spans = list(zip(starts, ends, strict=True))
    sides = [(place - width / 2, place + width / 2) for place in places]
    edges = [(place - 0.5, place + 0.5) for place in places]
    return {
        "kind": "bars",
        "across": is_across,
        "spans": spans,
        "sides": sides,
        "colours": _each((trace.get("marker") or {}).get("color") or _colour(trace), len(values)),
        "intervals": {letter: interval} if interval else {},
        "interval_colour": _interval_colour(trace),
        "texts": [tips.lines(each) for each in trace.get("text") or ()],
        "tips": tips.of_trace(trace),
        "extent": {
            letter: [0.0, *ends, *chain.from_iterable(interval or ())],
            "y" if is_across else "x": list(chain.from_iterable(edges)),
        },
    }


def _interval(trace: Mapping[str, Any], letter: str, axis: axes.Axis) -> list[tuple[float, float]] | None:
    found = trace.get(f"error_{letter}")
    if not found or found.get("array") is None:
        return None
    values, high = trace[letter], found["array"]
    low = found.get("arrayminus", high)
    return [
        (axis.place(value - down), axis.place(value + up))
        for value, down, up in zip(values, low, high, strict=True)
    ]


def _interval_colour(trace: Mapping[str, Any]) -> str:
    return next((trace[name]["color"] for name in ("error_x", "error_y") if name in trace), "")


def _line_across(shape: Mapping[str, Any], x: axes.Axis, y: axes.Axis) -> Json:
    """Return a line with each end as a place of the axis, or as a share of the panel."""
    found: Json = {"line": _stroke(shape.get("line") or {}, "")}
    for letter, axis in (("x", x), ("y", y)):
        of_panel = "domain" in shape.get(f"{letter}ref", letter)
        ends = (shape[f"{letter}0"], shape[f"{letter}1"])
        found[letter] = list(ends) if of_panel else [axis.place(each) for each in ends]
        found[f"{letter}_of"] = "panel" if of_panel else "axis"
    return found


def _note(note: Mapping[str, Any], x: axes.Axis, y: axes.Axis) -> Json:
    found: Json = {
        "lines": tips.lines(note["text"]),
        "anchor": [
            _SHARES.get(note.get("xanchor", "center"), 0.5),
            _SHARES.get(note.get("yanchor", "middle"), 0.5),
        ],
        "shift": [note.get("xshift", 0), note.get("yshift", 0)],
        "is_on_ground": "bgcolor" in note,
    }
    for letter, axis in (("x", x), ("y", y)):
        ref, value = note.get(f"{letter}ref", letter), note[letter]
        of_panel = "domain" in ref or ref == "paper"
        # Of the whole figure: of this panel, which has a part of it.
        low, high = axis.domain if ref == "paper" and letter == "x" else (0.0, 1.0)
        found[letter] = (value - low) / (high - low) if of_panel else axis.place_of_note(value)
        found[f"{letter}_of"] = "panel" if of_panel else "axis"
    return found


def _panel_of(note: Mapping[str, Any]) -> str:
    """Return the panel of a note. One of the whole figure, such as a title of a panel, says where it is."""
    ref = note.get("xref", "x")
    if ref != "paper":
        return _number(ref)
    return "" if note["x"] < 0.5 or note.get("yref") != "paper" else "2"


def _legend(traces: Sequence[Mapping[str, Any]]) -> list[Json]:
    return [
        {"name": tips.lines(each["name"]), "colour": _colour(each)} for each in traces if each.get("name")
    ]


def _colour(trace: Mapping[str, Any]) -> str:
    for part in ("marker", "line"):
        colour = (trace.get(part) or {}).get("color")
        if isinstance(colour, str):
            return colour
    return charts.CLASS_COLOURS[0]


def _stroke(line: Mapping[str, Any], colour: str) -> Json:
    return {
        "colour": line.get("color") or colour,
        "width": line.get("width", 2),
        "dash": {"dot": "2 4", "dash": "7 5"}.get(line.get("dash", ""), ""),
    }


def _each(value: object, n: int) -> list[Any]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return [*value] if is_list else [value] * n


def _number(ref: str) -> str:
    """Return the number of the axis that is referred to, "" for the first one."""
    return "".join(char for char in ref if char.isdigit())
