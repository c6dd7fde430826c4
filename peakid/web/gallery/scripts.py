"""Serve the JavaScript of the components as modules that the browser fetches once.

A component sends its script with every run of the page. With all modules in it, every key would send 60 KB.
The script of a component is therefore two lines that import a module from an address of ours.
"""

import functools
import gzip
import hashlib
import re
from pathlib import Path

_WEB = Path(__file__).resolve().parents[1]
_PARTS = ("gallery", "atlas", "evaluation/errors", "albums", "figures")
_IMPORT = re.compile(r'from "\./([\w.]+\.js)"')
_FOLDERS = tuple(_WEB / name / "static" for name in _PARTS)  # File names are unique in all.


@functools.cache
def modules() -> dict[str, bytes]:
    """Return the text of every module by its file name."""
    return {path.name: path.read_bytes() for folder in _FOLDERS for path in sorted(folder.glob("*.js"))}


@functools.cache
def compressed(file_name: str) -> bytes:
    """Return the text of a module as gzip.

    Raises:
        KeyError: If there is no such module.
    """
    return gzip.compress(modules()[file_name], mtime=0)


@functools.cache
def version() -> str:
    """Return the digest of all modules, which is part of their address: caches never mix versions."""
    return hashlib.sha256(b"\0".join(modules().values())).hexdigest()[:16]


def loader(file_name: str) -> str:
    """Return the script of a component: it imports one module and passes on what that exports.

    Raises:
        KeyError: If there is no such module.
    """
    if file_name not in modules():
        raise KeyError(file_name)
    # Streamlit runs this script from a blob, where a relative address leads nowhere.
    return (
        f'const module = await import(new URL("{address(file_name)}", window.location.origin).href);\n'
        "export default module.default;\n"
    )


def address(file_name: str) -> str:
    """Return the address of a module, the same in every workspace."""
    return f"/script/{version()}/{file_name}"


def with_imports(file_name: str) -> list[str]:
    """Return a module and all that it imports, by file name."""
    found, open_names = [], [file_name]
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.append(name)
            open_names += _IMPORT.findall(modules()[name].decode())
    return found


def styles(*names: str) -> str:
    """Return several CSS files as one text. Streamlit takes a text of one line as a path; these have many."""
    found = {path.name: path for folder in _FOLDERS for path in folder.glob("*.css")}
    return "\n".join(found[name].read_text(encoding="utf-8") for name in names)
