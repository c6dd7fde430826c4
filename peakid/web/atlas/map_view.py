"""Draw the map: points that a person hovers, selects with a lasso or a box, and opens in Review."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from peakid.embed.layouts import Layout
from peakid.suggest.map_colours import ColourBy
from peakid.web.gallery import scripts


@dataclass(frozen=True)
class Chosen:
    """What a person did: the images they selected to open, or the one that they clicked."""

    image_ids: tuple[int, ...] = ()
    opened: int | None = None


def show(layout: Layout, colour_by: ColourBy, *, focus: Sequence[int] = (), version: str = "") -> Chosen:
    """Draw a layout and return what was chosen in it since the last run.

    Args:
        focus: Images to highlight.
        version: Changes when the categories may have changed, so that they are read again.
    """
    key = "map"
    # Of the images of a sample, those to highlight may not be drawn.
    also = f"?with={','.join(map(str, focus))}" if focus and layout.n_placed > layout.n_images else ""
    result = _component()(
        key=key,
        data={
            "key": key,
            "points": f"/map/points/{layout.layout_id}/{layout.key}{also}",
            "colours": f"/map/colours/{layout.layout_id}/{colour_by}/{layout.key}-{version}{also}",
            "total": layout.n_placed,
            "about": "/map/about/",
            "focus": list(focus),
        },
        on_chosen_change=_ignore,
        on_opened_change=_ignore,
    )
    return Chosen(_ids(result.get("chosen")), _id(result.get("opened")))


def _ignore() -> None:
    """Streamlit returns a trigger only where a function waits for it."""


def _ids(sent: Any) -> tuple[int, ...]:
    """Return the image ids that the browser sent; anybody can send anything."""
    ids = sent.get("ids") if isinstance(sent, dict) else None
    if not isinstance(ids, list):
        return ()
    return tuple(each for each in ids if isinstance(each, int) and not isinstance(each, bool))


def _id(sent: Any) -> int | None:
    found = sent.get("id") if isinstance(sent, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script, style = scripts.loader("map.js"), scripts.styles("map.css")
    return st.components.v2.component("peakid_map", js=script, css=style)
