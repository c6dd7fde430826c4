"""What `--json` prints about snapshots, as types."""

from typing import TypedDict


class ClassCounts(TypedDict):
    """Images of one class by split, as `--json` prints them."""

    class_name: str
    train: int
    valid: int
    test: int
    n_images: int


ImageDocument = dict[str, str]
"""One image, as `--json` prints it: digest, path, and label and split, or from and to (labels or splits)."""


class Leak(TypedDict):
    """A group of near duplicates with images in several splits."""

    group_key: str
    images: list[ImageDocument]
