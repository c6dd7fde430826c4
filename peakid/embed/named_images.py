"""Which image a digest or a path means, for names that another program wrote."""

import re
from collections.abc import Iterable

from peakid.store.workspace import Workspace

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


class NamedImages:
    """The images of a workspace by digest and by path."""

    def __init__(self, workspace: Workspace) -> None:
        there = workspace.query(
            "SELECT i.digest, s.image_id FROM image_state s JOIN image i ON i.id = s.image_id"
        )
        self._digests: dict[str, int] = {row["digest"]: row["image_id"] for row in there}
        self._digest_of = {image_id: digest for digest, image_id in self._digests.items()}
        self._paths: dict[str, int | None] = {}
        for row in workspace.query(
            "SELECT o.image_id, o.path, r.path AS root FROM origin o JOIN image_state s"
            " ON s.image_id = o.image_id LEFT JOIN root r ON r.id = o.root_id"
        ):
            self._add(row["path"], row["image_id"])
            if row["root"]:
                self._add(f"{row['root']}/{row['path']}", row["image_id"])

    def find(self, name: str) -> int | None:
        """Return the id of the image with a digest or path; None where there is none, or several.

        A path may be absolute, relative to the folder that was imported, or begin with further folders.
        """
        name = name.strip()
        if _DIGEST.fullmatch(name):
            return self._digests.get(name.lower())
        path = name.replace("\\", "/").removeprefix("./")
        while path and path not in self._paths:
            path = path.partition("/")[2]
        return self._paths.get(path)

    def find_all(self, names: Iterable[str]) -> list[int | None]:
        """Return what `find` does, for each name."""
        return [self.find(name) for name in names]

    def digest_of(self, image_id: int) -> str:
        """Return the digest of an image that `find` returned."""
        return self._digest_of[image_id]

    def _add(self, path: str, image_id: int) -> None:
        known = self._paths.setdefault(path, image_id)
        if known != image_id:
            self._paths[path] = None  # The same path in two imported folders.
