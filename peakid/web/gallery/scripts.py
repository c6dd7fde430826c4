"""The browser side of the picture walls: several files served as one, named by its bytes, and the few lines that load it.

A component sends its script with every run of the page. Sent whole, that would be 60 KB for every key.
"""

import functools
import hashlib
from pathlib import Path

BUNDLES = {
    "gallery": (
        "outbox.js",
        "elements.js",
        "gallery.js",
        "gallery_select.js",
        "gallery_draw.js",
        "gallery_single.js",
        "gallery_panels.js",
        "gallery_keys.js",
    ),
    "duplicates": ("outbox.js", "elements.js", "duplicates.js"),
}

_HERE = Path(__file__).resolve().parent


@functools.cache
def bundle(name: str) -> tuple[str, bytes]:
    """Answer the digest of a bundle and its text.

    Raises:
        KeyError: If there is no such bundle.
    """
    data = joined(*BUNDLES[name]).encode()
    return hashlib.sha256(data).hexdigest()[:16], data


def loader(name: str) -> str:
    """Answer the module that a component is given: it fetches the bundle once and hands it on."""
    address = f"/script/{name}/{bundle(name)[0]}.js"
    # From where this module lies, a blob, no relative address leads anywhere.
    return f'const found = await import(new URL("{address}", window.location.origin).href);\nexport default found.default;\n'


def joined(*names: str) -> str:
    """Answer several files as one text. A component takes a text of one line for a path; these have many."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
