"""Find the project's own files: migrations, recipes, pages and the theme.

In an installed wheel they are inside the package, in `peakid/bundled`; in a checkout they are next to it.
"""

from importlib.resources import files
from pathlib import Path

PACKAGE_DIR = Path(str(files("peakid")))
PROJECT_ROOT = PACKAGE_DIR.parent
"""The checkout, unless the package was installed from a wheel."""


def path(name: str) -> Path:
    """Return a file or folder of the project, such as `db/migrations`, `recipes`, `pages` or `.streamlit`."""
    bundled = PACKAGE_DIR / "bundled" / name
    return bundled if bundled.exists() else PROJECT_ROOT / name
