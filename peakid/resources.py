"""Where the project's own files are: migrations, recipes, pages and the theme.

An installed wheel holds them inside the package, under `peakid/bundled`; a checkout beside the package.
"""

from importlib.resources import files
from pathlib import Path

PACKAGE_DIR = Path(str(files("peakid")))
PROJECT_ROOT = PACKAGE_DIR.parent
"""The checkout, where the package was not installed from a wheel."""


def path(name: str) -> Path:
    """Return a file or folder of the project, such as `db/migrations`, `recipes`, `pages` or `.streamlit`."""
    bundled = PACKAGE_DIR / "bundled" / name
    return bundled if bundled.exists() else PROJECT_ROOT / name
