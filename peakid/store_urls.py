"""Decide which addresses name a place in an image store: `s3://bucket/prefix`, and how they are written.

An address never holds credentials: they come from the environment of the machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from peakid.errors import BadInput, UnsafePath
from peakid.paths import is_inside

SCHEMES = ("s3", "gs", "file", "memory")  # `memory` lives as long as its process: for tests.
_ALSO = {"s3a": "s3", "gcs": "gs"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,3}")
_ANY_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SHAPE = "Write it as s3://bucket/folder, gs://bucket/folder or file:///folder."


@dataclass(frozen=True, order=True)
class StoreUrl:
    """The address of a folder or an object in an image store, in the form that `parse` gives it."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def scheme(self) -> str:
        return self.text.partition("://")[0]

    @property
    def bucket(self) -> str:
        """The first part after the scheme; '' for `file`, which has none."""
        return "" if self.scheme == "file" else self.text.partition("://")[2].partition("/")[0]

    @property
    def server(self) -> str:
        """What is lost together when the connection is lost, as it is shown: `s3://bucket`."""
        return f"{self.scheme}://{self.bucket}"

    @property
    def name(self) -> str:
        return PurePosixPath(self.text.partition("://")[2]).name

    def inside(self, relative: str) -> "StoreUrl":
        """Return the address of a stored name below this one.

        Raises:
            UnsafePath: If the name is empty or absolute, or contains `..` or a NUL character.
        """
        if not is_inside(relative):
            raise UnsafePath(
                f"The stored path {relative[:80]!r} leads out of {self}.",
                "The database or document that names it was not written by Peakid; do not use it.",
            )
        return StoreUrl(f"{self.text}/{relative}")

    def is_below(self, prefix: "StoreUrl") -> bool:
        """Return whether this is the place of a prefix, or one inside it: `s3://b/ab` is not in `s3://b/a`."""
        return self.text == prefix.text or self.text.startswith(f"{prefix.text.rstrip('/')}/")


def is_url(text: str) -> bool:
    """Return whether a text is meant as an address in a store; also of one that has lost a slash."""
    return scheme_of(text) in SCHEMES


def scheme_of(text: str) -> str:
    """Return the scheme of an address in lower case, '' for a path."""
    found = _SCHEME.match(text.strip())
    name = found[1].lower() if found else ""
    return _ALSO.get(name, name)


def parse(text: str) -> StoreUrl:
    """Read an address. Case of the scheme, repeated and last slashes make no difference.

    Raises:
        BadInput: If it is none, if it holds credentials, or if it names no bucket.
    """
    scheme = scheme_of(text)
    if scheme not in SCHEMES and _ANY_SCHEME.match(text.strip()):  # The rest may hold a login.
        raise BadInput(f"No image store has an address that begins with {scheme}://.", _SHAPE)
    if scheme not in SCHEMES:
        raise BadInput(f"{text[:100]!r} is not the address of an image store.", _SHAPE)
    rest = text.strip().partition(":")[2]
    parts = [part for part in rest.split("/") if part not in ("", ".")]
    if scheme != "file" and parts and ("@" in parts[0] or ":" in parts[0]):
        raise BadInput(
            f"The address of {scheme}://{parts[0].rpartition('@')[2]} holds a login or a port.",
            "Leave them out: credentials and the server come from the environment of this machine.",
        )
    if ".." in parts or any(not part.isprintable() for part in parts):
        raise BadInput(f"{text[:100]!r} cannot be the address of an image store.", _SHAPE)
    if not parts:
        raise BadInput(f"{text[:100]!r} names no bucket or folder.", _SHAPE)
    return StoreUrl(f"{scheme}://{'/' if scheme == 'file' else ''}{'/'.join(parts)}")


def typed(text: str) -> Path | StoreUrl:
    """Return what a person names: a folder, or a place in a store.

    Raises:
        BadInput: If it is an address that names no place in a store, such as `http://host`.
    """
    return parse(text) if is_url(text) or _ANY_SCHEME.match(text.strip()) else Path(text)


def place(text: str) -> Path | StoreUrl:
    """Return what the stored path of a root names: a folder, or a place in a store."""
    return parse(text) if is_url(text) else Path(text)


def listed(text: str) -> list[StoreUrl]:
    """Return the addresses of a list separated by commas.

    Raises:
        ValueError: If one cannot be read; it says why.
    """
    try:
        return [parse(entry) for entry in text.split(",") if entry.strip()]
    except BadInput as error:
        raise ValueError(error.message) from error


def is_allowed(url: StoreUrl, prefixes: Sequence[StoreUrl]) -> bool:
    """Return whether an address is one of some places or inside one of them."""
    return any(url.is_below(each) for each in prefixes)
