"""What a queue is made of, beside its grid: counts and histograms that filter it. Folded until asked for."""

from typing import Any

import streamlit as st

from peakid.curate import image_issues
from peakid.curate.queues import facets, ranges
from peakid.curate.queues.facets import FIELDS, Facets
from peakid.curate.queues.filters import Filters
from peakid.curate.queues.ranges import Range
from peakid.errors import BadInput
from peakid.store.workspace import Workspace
from peakid.web import address, words
from peakid.web.gallery import scripts

_OPEN = "counts"  # In the address.
_TITLES = {"class": "Class", "source": "Source", "split": "Split", "issue": "Issue"}
_SHARES = (4, 1)  # Of the width: the grid and the panel.


def show_button() -> None:
    """Draw the button that opens and closes the panel."""
    is_open = address.text(_OPEN) == "yes"
    st.button(
        "Hide counts" if is_open else "Counts",
        icon=":material/bar_chart:",
        key="counts:button",
        on_click=_toggle,
        args=(is_open,),
        help="Counts by class, source, split and issue, and how measures are spread; a click filters",
    )


def beside(workspace: Workspace, queue: str, filters: Filters) -> Any:
    """Draw the panel where it is open, and return the container for the grid."""
    if address.text(_OPEN) != "yes":
        return st.container()
    grid, side = st.columns(_SHARES)
    with side:
        _show(facets.of_queue(workspace, queue, filters=filters), filters)
    return grid


def _show(found: Facets, filters: Filters) -> None:
    limits = {each.measure: each for each in ranges.parse(filters.ranges)} if filters.ranges else {}
    given = filters.given()
    key = "counts:panel"
    result = _component()(
        key=key,
        data={
            "key": key,
            "summary": _summary(found),
            "facets": [
                {
                    "name": name,
                    "title": title,
                    "active": given.get(FIELDS[name]),
                    "values": [
                        {"value": each.value, "shown": _shown(name, each.value), "n": each.n}
                        for each in found.values[name]
                    ],
                }
                for name, title in _TITLES.items()
            ],
            "histograms": [
                {
                    "measure": each.measure,
                    "title": each.title,
                    "edges": list(each.edges),
                    "counts": list(each.counts),
                    "low": limits[each.measure].low if each.measure in limits else None,
                    "high": limits[each.measure].high if each.measure in limits else None,
                }
                for each in found.histograms
            ],
        },
        on_chosen_change=lambda: None,
        on_limited_change=lambda: None,
    )
    _act(result.get("chosen"), result.get("limited"), filters)


def _summary(found: Facets) -> str:
    n = words.n_of(found.n_images, "image")
    return f"The first {n} of this queue." if found.is_part else f"{n}."


def _shown(name: str, value: str) -> str:
    return words.shown(image_issues.title(value).capitalize() if name == "issue" else value)


def _act(chosen: Any, limited: Any, filters: Filters) -> None:
    """Write to the address what was chosen in the browser, and run the page again."""
    if isinstance(chosen, dict) and chosen.get("name") in _TITLES:
        value = chosen.get("value")
        address.write(**{str(chosen["name"]): str(value) if value is not None else None}, after=None)
        st.rerun()
    if isinstance(limited, dict) and limited.get("measure") in ranges.MEASURES:
        changed = Range(str(limited["measure"]), _number(limited.get("low")), _number(limited.get("high")))
        try:
            wanted = ranges.with_range(filters.ranges, changed)
        except BadInput:
            wanted = str(changed)
        address.write(range=wanted, after=None)
        st.rerun()


def _number(given: Any) -> float | None:
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else None


def _toggle(is_open: bool) -> None:
    address.write(**{_OPEN: None if is_open else "yes"})


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script, style = scripts.loader("counts.js"), scripts.styles("counts.css")
    return st.components.v2.component("peakid_counts", js=script, css=style)
