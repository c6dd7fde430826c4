"""Lists of URLs as candidates of a collection."""

from collections.abc import Sequence
from pathlib import Path

from peakid import clean_text
from peakid.acquire.sources import url_list
from peakid.acquire.sources.url_list import ListColumns, ListSummary, UrlColumns
from peakid.errors import BadInput
from peakid.store.collecting import collections
from peakid.store.collecting.collections import NewCandidate
from peakid.store.workspace import Workspace

DEFAULT_NAME = "urls"


def add_lists(
    workspace: Workspace,
    name: str,
    lists: Sequence[Path],
    *,
    class_name: str | None = None,
    columns: UrlColumns | None = None,
    most_per_class: int | None = None,
    actor: str,
) -> int:
    """Add the URLs of lists to a collection, which is created where there is none; return how many are new.

    Args:
        class_name: The class of lines without one of their own; None = by the name of each list.
        most_per_class: How many candidates a class of the collection may have.

    Raises:
        BadInput: If there is no list, or one cannot be read.
    """
    if not lists:
        raise BadInput("No list of URLs was given.", "Give one or more files with a URL on each line.")
    summarise(lists, class_name=class_name, columns=columns)  # All can be read, or none is added.
    collection_id = collections.create(workspace, name, actor=actor)
    return sum(
        collections.add(
            workspace,
            collection_id,
            (
                NewCandidate(
                    each.url, each.class_name, "urls", list_name, each.position, each.credit, each.problem
                )
                for each in url_list.read(file, class_name=class_name, columns=columns)
            ),
            most_per_class=most_per_class,
        )
        for file, list_name in [(each, clean_text.clean_path(each.name)) for each in lists]
    )


def columns_of(file: Path) -> ListColumns:
    """Return the columns of a list, and which of them are read as URLs and classes.

    Raises:
        BadInput: If it cannot be read.
    """
    return url_list.columns_of(file)


def summarise(
    lists: Sequence[Path], *, class_name: str | None = None, columns: UrlColumns | None = None
) -> ListSummary:
    """Return what lists contain together, without fetching anything.

    Raises:
        BadInput: If one cannot be read.
    """
    return url_list.summary(
        each for file in lists for each in url_list.read(file, class_name=class_name, columns=columns)
    )
