"""Put the project's own files into the wheel, under `peakid/bundled`, where `peakid.resources` finds them.

The rest is in pyproject.toml. An editable install needs no copy: it uses the checkout.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PROJECT_FILES = (
    "streamlit_app.py",
    ".streamlit/config.toml",
    "pages/*.py",
    "recipes/**/*.toml",
    "db/migrations/*.sql",
)


def project_files() -> list[Path]:
    return sorted(path for pattern in PROJECT_FILES for path in Path().glob(pattern))


class BuildWithProjectFiles(build_py):
    """`build_py`, and a copy of the files that a checkout has beside the package."""

    def run(self) -> None:
        if not self.editable_mode:
            # A module that was deleted since an earlier build must not come back out of `build/`.
            shutil.rmtree(Path(self.build_lib) / "peakid", ignore_errors=True)
        super().run()
        if not self.editable_mode:
            for source, target in self._copies().items():
                self.mkpath(str(target.parent))
                self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """Return what an sdist must contain to build the same wheel."""
        return [*super().get_source_files(), *map(str, project_files())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), *map(str, self._copies().values())]

    def _copies(self) -> dict[Path, Path]:
        bundled = Path(self.build_lib) / "peakid" / "bundled"
        return {path: bundled / path for path in project_files()}


setup(cmdclass={"build_py": BuildWithProjectFiles})
