"""The modules of the project as syntax trees, read once for all tests of a process."""

import ast
import gc
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@cache
def modules() -> dict[str, tuple[str, ast.Module]]:
    """Return code and tree of each module, by its path in the project."""
    gc.disable()  # Its search through half a million nodes takes four times as long as parsing them.
    try:
        paths = [*ROOT.glob("peakid/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "streamlit_app.py"]
        read = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(paths)}
        found = {name: (code, ast.parse(code)) for name, code in read.items()}
        gc.freeze()
    finally:
        gc.enable()
    return found
