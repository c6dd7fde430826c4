"""Find the file that a table means: other separators, case, Unicode form, folders or no suffix."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")  # Label Studio puts it before the name of an uploaded file.


def is_address(path: str) -> bool:
    """Return whether a path is an address on the web or in a store, which is not read."""
    return _ADDRESS.match(path) is not None and not path.lower().startswith("file:")


def local(path: str) -> str:
    """Return a path with `/` as separator, without `file://`, and as Label Studio's server serves it."""
    if path.lower().startswith("file:"):
        path = unquote(urlsplit(path).path)
        path = path[1:] if _DRIVE.match(path[1:]) else path
    if path.startswith("/data/local-files/?"):
        path = next(iter(parse_qs(urlsplit(path).query).get("d", [])), path)
    return path.replace("\\", "/")


def is_absolute(path: str) -> bool:
    """Return whether a path begins at the top of a disk, on any system."""
    return path.startswith(("/", "\\")) or _DRIVE.match(path) is not None


def ambiguous(found: Sequence[str]) -> str:
    """Return the reason for the rejection of a path that may mean several files."""
    return f"may be any of {len(found):,} files, such as {' and '.join(found[:2])}"


class PathIndex:
    """The files of a folder or an archive, to be found by paths that were written elsewhere.

    `paths` lists them, relative and with `/`. It is called once, when the first path needs a search.
    """

    def __init__(self, paths: Callable[[], Iterable[str]]) -> None:
        self._paths = paths
        self._by_key: dict[tuple[str, str], list[str]] | None = None

    def find(self, path: str) -> list[str]:
        """Return the files that a path may mean; none, or several if it is not clear.

        The first of these that fits wins: the same path, in another Unicode form or case, without its
        suffix; then the same for its end, if the path is absolute; then a file of this name in any folder, if
        the path has no folder or is absolute.
        """
        path = local(path)
        inside = os.path.normpath(_DRIVE.sub("", path).lstrip("/"))
        parts = PurePosixPath(inside).parts
        if not parts or ".." in parts:
            return []
        is_cut = is_absolute(path)
        for n in range(len(parts) if is_cut else 1):
            if found := self._at("/".join(parts[n:])):
                return found
        if not is_cut and len(parts) > 1:
            return []
        return self._named(parts[-1]) or self._named(_UPLOAD_PREFIX.sub("", parts[-1]))

    def _at(self, path: str) -> list[str]:
        for kind in ("path", "stem"):
            found = self._keys().get((kind, _folded(path)), [])
            same_form = [each for each in found if _composed(each) == _composed(path)]
            if exact := [path] if path in found else same_form or found:
                return exact
        return []

    def _named(self, name: str) -> list[str]:
        keys = self._keys()
        return keys.get(("name", _folded(name)), []) or keys.get(("name stem", _folded(name)), [])

    def _keys(self) -> dict[tuple[str, str], list[str]]:
        if self._by_key is None:
            self._by_key = {}
            for path in self._paths():
                for key in _keys_of(path):
                    self._by_key.setdefault(key, []).append(path)
        return self._by_key


def _keys_of(path: str) -> Iterator[tuple[str, str]]:
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    yield "path", _folded(path)
    yield "name", _folded(name)
    if stem:
        yield "stem", _folded(f"{folder}/{stem}" if folder else stem)
        yield "name stem", _folded(stem)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    return _composed(_composed(text).casefold())
