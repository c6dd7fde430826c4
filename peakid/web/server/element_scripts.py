"""Which scripts a page will need, so that the browser loads them at once, not one kind of element at a time.

Streamlit has a script for each kind of element. It asks for one when the first such element arrives, and
draws the element late where others still arrive: each new kind delays those before it.
"""

import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs

import streamlit as st

from peakid.web.gallery import scripts

_STATIC = Path(st.__file__).resolve().parent / "static"
_MAIN = re.compile(r'src="\./static/js/(index\.[\w.-]+\.js)"')
_FILES = re.compile(r"m\.f=\[(.*?)\]\)", re.DOTALL)
_KIND = re.compile(
    r"import\(`\./([\w.-]+\.js)`\)(?:\.then\([^)]*\))?,__vite__mapDeps\(\[([\d,]*)\]\)"
)  # The script of a kind, and its imports as numbers in the list of files.

EVERYWHERE = ("Html", "Button", "TextInput", "BidiComponent")  # In the sidebar.
OF_PAGE = {  # What is in sight first. More would delay the first figure: a table has 1.3 MB of scripts.
    "evaluate": ("Selectbox", "ButtonGroup", "PageLink", "Metric", "DownloadButton", "Checkbox"),
}
COMPONENTS = {"": ("figure.js",), "train": ("figure.js",), "review": ("gallery.js",)}
# Of the Evaluate page, by its tab, the first one being that of an address without one.
OF_TAB = {"errors": (), "trust": ("Slider", "NumberInput"), "compare": ("Multiselect",)}
COMPONENTS_OF_TAB = {  # The images of Errors and Compare are below the window: they load when they come.
    "errors": ("matrix.js", "in_sight.js"),
    "trust": ("figure.js", "in_sight.js"),
    "slices": ("figure.js", "in_sight.js"),
    "compare": ("figure.js", "in_sight.js"),
}
PLOTLY = "plotly-basic.min.js"  # figure.js loads it when a figure is near the window.
LATER = (
    *("DataFrame", "Slider", "NumberInput", "Multiselect", "Radio", "Progress", "Toast"),
    *OF_PAGE["evaluate"],
)


def of_page(path: str, query: str = "") -> list[str]:
    """Return the addresses of the scripts of a page, relative to it.

    Args:
        path: Of the request, such as `/evaluate`; another one has what every page has.
        query: Of the request, such as `run=2&tab=trust`.
    """
    page = path.strip("/")
    kinds, components = OF_PAGE.get(page, ()), COMPONENTS.get(page, ())
    if page == "evaluate":
        tab = parse_qs(query).get("tab", [next(iter(OF_TAB))])[0]
        kinds, components = (*kinds, *OF_TAB.get(tab, ())), COMPONENTS_OF_TAB.get(tab, ())
    return [*of_kinds((*EVERYWHERE, *kinds)), *of_components(components)]


def later() -> list[str]:
    """Return the addresses of what other pages need, to be loaded when the first one is drawn."""
    every = (*COMPONENTS.values(), *COMPONENTS_OF_TAB.values())
    found = of_components(sorted({name for names in every for name in names}))
    return [*of_kinds(LATER), *found, scripts.address(PLOTLY)]


def of_kinds(kinds: Iterable[str]) -> list[str]:
    """Return the scripts of kinds of elements with what they import; without those that are not known."""
    found = _scripts()
    return list(dict.fromkeys(f"./static/js/{name}" for kind in kinds for name in found.get(kind, ())))


def of_components(file_names: Iterable[str]) -> list[str]:
    """Return the scripts of components of ours with what they import."""
    found = dict.fromkeys(name for file_name in file_names for name in scripts.with_imports(file_name))
    return [scripts.address(name) for name in found]


def as_script(template: str) -> str:
    """Return the script that loads what other pages need."""
    return template.replace("[]; // LATER_SCRIPTS", f"{json.dumps(later())};")


@functools.cache
def _scripts() -> dict[str, tuple[str, ...]]:
    """Return the script of each kind of element and what it imports.

    It is read from Streamlit's main script. Where that is built otherwise, nothing is found, and every script
    is loaded when it is needed.
    """
    try:
        main = _MAIN.search((_STATIC / "index.html").read_text(encoding="utf-8"))
        text = (_STATIC / "static/js" / main[1]).read_text(encoding="utf-8") if main else ""
    except OSError:
        return {}
    listed = _FILES.search(text)
    files = re.findall(r'"([^"]+)"', listed[1]) if listed else []
    found = {}
    for script, numbers in _KIND.findall(text):
        imports = [files[int(n)] for n in numbers.split(",") if n and int(n) < len(files)]
        names = [each.removeprefix("./") for each in imports if each.endswith(".js")]
        found[script.split(".")[0]] = tuple(dict.fromkeys([script, *names]))
    return found
