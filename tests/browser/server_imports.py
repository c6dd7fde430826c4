"""What a server of the app imports. A process that imports this module can be forked into such servers."""

import ast
import importlib
from collections.abc import Iterator

from peakid.resources import PROJECT_ROOT

LIBRARIES = ("streamlit.web.cli", "streamlit.web.bootstrap", "plotly.graph_objects", "pandas", "uvicorn")


def of_pages() -> Iterator[str]:
    """Yield what the pages import but for `peakid.web`, whose components want a running server."""
    for path in (*PROJECT_ROOT.glob("pages/*.py"), *PROJECT_ROOT.glob("peakid/web/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module and module.startswith("peakid.") and not module.startswith("peakid.web"):
                yield module


for name in sorted({*LIBRARIES, *of_pages()}):
    importlib.import_module(name)
