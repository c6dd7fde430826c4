"""Which column of a table has the path, the class and the split: by the words that people use."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from peakid import near_names
from peakid.errors import BadInput, UnknownColumns
from peakid.remedies import action

# Best first. Compared without case, blanks and underscores: `Image Path` is `image_path`.
PATH_WORDS = (
    *("path", "file_name", "filepath", "image_path", "img_path", "image_file", "file", "relative_path"),
    *("image", "img", "image_name", "img_name", "photo", "picture", "name", "image_id", "id"),
)
LABEL_WORDS = (
    *("label", "noisy_labels_0", "class", "class_name", "class_label", "category", "category_name"),
    *("species", "ground_truth", "target", "label_name", "choice", "labels", "breed", "tag"),
)
SPLIT_WORDS = ("split", "is_valid", "subset", "partition", "data_split")
PAGE_WORDS, LICENCE_WORDS, AUTHOR_WORDS = ("page_url",), ("licence", "license"), ("author",)

Role = Literal["path", "label", "split"]
WORDS: dict[Role, tuple[str, ...]] = {"path": PATH_WORDS, "label": LABEL_WORDS, "split": SPLIT_WORDS}


@dataclass(frozen=True)
class ColumnChoice:
    """The columns that a person chose by name; None: by the words in their names."""

    path: str | None = None
    label: str | None = None
    split: str | None = None


BY_NAME = ColumnChoice()


@dataclass(frozen=True)
class Columns:
    """The columns that an import reads.

    Attributes:
        splits: The first of these with a value decides.
        label: '' if the table has one column of 0 and 1 for each class.
        one_hot: Those columns.
    """

    path: str
    label: str = ""
    splits: tuple[str, ...] = ()
    one_hot: tuple[str, ...] = ()
    page_url: str | None = None
    licence: tuple[str, ...] = ()
    author: str | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of all columns."""
        found = (self.path, self.label, *self.splits, *self.one_hot)
        found += (self.page_url or "", *self.licence, self.author or "")
        return tuple(dict.fromkeys(name for name in found if name))


@lru_cache(1000)
def key(name: str) -> str:
    """Return the form in which names of columns are compared."""
    return re.sub(r"[\W_]+", "", name.casefold())


def n_known(names: Collection[str]) -> int:
    """Return how many of the two needed columns are recognised: one for paths and one for labels."""
    return sum(first(WORDS[role], names) is not None for role in ("path", "label"))


def first(
    words: Sequence[str], names: Collection[str], *, without: Collection[str | None] = ()
) -> str | None:
    """Return the column for the best word, None if there is none."""
    by_key: dict[str, str] = {}
    for name in names:
        if name not in without:
            by_key.setdefault(key(name), name)
    return next((by_key[key(word)] for word in words if key(word) in by_key), None)


def suggest(names: Sequence[str], chosen: ColumnChoice = BY_NAME) -> ColumnChoice:
    """Return the chosen columns, and for the others those with the best words.

    Raises:
        BadInput: If a chosen column does not exist.
    """
    for name in (chosen.path, chosen.label, chosen.split):
        if name is not None and name not in names:
            listed = ", ".join(names) or "(none)"
            remedy = near_names.remedy(name, names, f"Its columns are {listed}.")
            raise BadInput(f"The table has no column {name!r}.", remedy)
    taken = [chosen.path, chosen.label, chosen.split]
    path = chosen.path or first(PATH_WORDS, names, without=taken)
    label = chosen.label or first(LABEL_WORDS, names, without=[*taken, path])
    split = chosen.split or first(SPLIT_WORDS, names, without=[*taken, path, label])
    return ColumnChoice(path, label, split)


def resolve(
    table: str, names: Sequence[str], suggested: ColumnChoice, *, one_hot: Sequence[str] = ()
) -> Columns:
    """Return the columns that an import reads.

    Args:
        table: The name of the table, for errors.
        one_hot: Columns that hold 0 or 1 for a class each; used if there is no column for labels.

    Raises:
        UnknownColumns: If there is no column for paths or for labels.
    """
    if suggested.path is None or (suggested.label is None and not one_hot):
        role = "path" if suggested.path is None else "class"
        words = PATH_WORDS if suggested.path is None else LABEL_WORDS
        raise UnknownColumns(
            f"The table {table} has the columns {_listed(names)}; none of them is recognised as the {role} of"
            f" an image, such as {', '.join(words[:4])}.",
            "Choose the columns of path and class, or rename them to path and label.",
            action("choose_columns", file=table),
        )
    splits = (suggested.split, first(("is_valid",), names) if suggested.split else None)
    return Columns(
        suggested.path,
        suggested.label or "",
        tuple(dict.fromkeys(name for name in splits if name and name != suggested.label)),
        () if suggested.label else tuple(one_hot),
        page_url=first(PAGE_WORDS, names),
        licence=tuple(name for word in LICENCE_WORDS if (name := first((word,), names))),
        author=first(AUTHOR_WORDS, names),
    )


def _listed(names: Sequence[str], n_shown: int = 12) -> str:
    shown = ", ".join(name[:40] for name in names[:n_shown]) or "(none)"
    return shown if len(names) <= n_shown else f"{shown} and {len(names) - n_shown:,} more"
