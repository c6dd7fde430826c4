"""The values of a figure as text, for people who do not use a mouse: what each point says on hover."""

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

MOST_SHOWN = 500
_FIELD = re.compile(r"%\{(\w+)(?:\[(\d+)\])?(?::([^}]*))?\}")
_EXTRA = re.compile(r"<extra>.*?</extra>")
_BREAK = re.compile(r"([,;:.]?)\s*<br ?/?>\s*")
_TAG = re.compile(r"</?\w+[^>]*>")


def texts(figure: go.Figure) -> list[str]:
    """Return the text of every point and bar that has one, trace by trace.

    A trace without one, such as a diagonal or a band, is left out: the points say the bounds of their band.
    Of more than MOST_SHOWN, the last entry says how many there are.
    """
    found = [text for trace in figure.data for text in _of_trace(trace)]
    if len(found) <= MOST_SHOWN:
        return found
    return [*found[:MOST_SHOWN], f"... and {len(found) - MOST_SHOWN:,} more"]


def _of_trace(trace: Any) -> Iterator[str]:
    if trace.hoverinfo == "skip":
        return
    n_points = max((len(values) for values in (trace.x, trace.y) if values is not None), default=0)
    for n in range(n_points):
        if trace.hovertemplate is not None:
            yield _plain(_filled(_at(trace.hovertemplate, n), trace, n))
        elif trace.hovertext is not None:
            yield _plain(str(_at(trace.hovertext, n)))


def _filled(template: str, trace: Any, n: int) -> str:
    def value(found: re.Match[str]) -> str:
        name, index, form = found.groups()
        one = _at(trace[name], n)
        one = one[int(index)] if index is not None else one
        return format(one, form) if form and not isinstance(one, str) else str(one)

    return _FIELD.sub(value, _EXTRA.sub("", template))


def _at(values: str | Sequence[Any], n: int) -> Any:
    """Return one of the values of a trace; one text is for all of its points."""
    return values if isinstance(values, str) else values[n]


def _plain(text: str) -> str:
    """Return what the markup of Plotly shows."""
    in_line = _BREAK.sub(lambda found: f"{found[1] or ','} ", text)
    return html.unescape(_TAG.sub("", in_line)).strip()
