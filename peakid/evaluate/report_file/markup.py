"""Write HTML and SVG: elements whose attributes and texts are escaped."""

import html
from collections.abc import Iterable

from peakid import printable


def text(value: object) -> str:
    """Return a text of others to be read: escaped, on one line, right-to-left words by themselves."""
    return html.escape(printable.isolated(printable.line(str(value))))


def tag(name: str, *content: str, **attributes: object) -> str:
    """Return an element. Attributes are escaped, the content is markup.

    Args:
        attributes: `class_` loses its underscore, other underscores are hyphens, `view_box` is `viewBox`.
            None leaves an attribute out; a fraction is written with one decimal.
    """
    written = "".join(
        f' {_NAMES.get(key, key.rstrip("_").replace("_", "-"))}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(content)}</{name}>"


def svg(width: float, height: float, title: str, content: Iterable[str]) -> str:
    """Return a figure that keeps its proportions and is read out by its title."""
    return tag(
        "svg",
        *content,
        view_box=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        role="img",
        aria_label=printable.isolated(printable.line(title)),
        xmlns="http://www.w3.org/2000/svg",
    )


def label(x: float, y: float, content: str, **attributes: object) -> str:
    """Return a text in a figure; `content` is escaped here."""
    return tag("text", text(content), x=x, y=y, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, *content: str, **more: object) -> str:
    return tag("rect", *content, x=x, y=y, width=max(0.0, width), height=height, class_=class_, **more)


_NAMES = {"view_box": "viewBox"}


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return html.escape(str(value))
