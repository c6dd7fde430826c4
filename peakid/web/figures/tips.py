"""The texts of a figure as plain lines, without Plotly's entities, line breaks and hover templates."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

_FIELD = re.compile(r"%\{(?P<name>x|y|customdata)(?:\[(?P<index>\d+)\])?(?::(?P<format>[^}]*))?\}")
_EXTRA = re.compile(r"<extra>.*?</extra>")


def lines(text: object) -> list[str]:
    """Return a text of a figure as its lines, without entities."""
    return [html.unescape(each) for each in str(text).split("<br>")]


def of_trace(trace: Mapping[str, Any]) -> list[list[str]]:
    """Return the lines beside the pointer for each point; none where the trace says nothing."""
    template = trace.get("hovertemplate")
    if template:
        n = len(trace.get("x") or ())
        return [_filled(_EXTRA.sub("", template), trace, place) for place in range(n)]
    if trace.get("hoverinfo") == "text":
        return [lines(each) for each in trace.get("hovertext") or ()]
    return []


def _filled(template: str, trace: Mapping[str, Any], place: int) -> list[str]:
    """Return a template with the values of one point.

    Entities of the template are resolved before values come in, and those of values with them: Plotly
    resolves them once, in the finished text.
    """

    def value(match: re.Match[str]) -> str:
        values: Sequence[Any] = trace[match["name"]]
        found = values[place]
        if match["index"] is not None:
            found = found[int(match["index"])]
        return formatted(found, match["format"] or "")

    return lines(_FIELD.sub(value, template))


def formatted(value: object, form: str) -> str:
    """Return a value in one of d3's formats that Python has too: `.0%`, `,`, `,d`, `.1e`."""
    if isinstance(value, str) or value is None:
        return str(value or "")
    if form.endswith("d"):
        return format(round(float(str(value))), form)
    if form.endswith("e"):
        mantissa, _, power = format(value, form.replace("~", "")).partition("e")
        return f"{mantissa}e{int(power)}"
    return f"{value:.4g}" if not form and isinstance(value, float) else format(value, form)
