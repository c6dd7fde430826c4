"""What services are searched for, from the names of classes, and where an older collection stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from peakid import clean_text, documents, files
from peakid.acquire.sources import flickr
from peakid.acquire.sources.photo_source import Licences, PhotoSource
from peakid.errors import BadInput
from peakid.jobs.collecting import plans
from peakid.jobs.collecting.plans import Plan
from peakid.store.collecting import searches
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace

CLASS = "{class}"
LAST_PAGES_TEXT = f"{CLASS} landscape"
LAST_PAGES_SIZE = 100
_MAX_CLASSES_BYTES = 2**20
_LAST_PAGES = TypeAdapter(dict[str, int])


@dataclass(frozen=True)
class Wanted:
    """The same for every class.

    Attributes:
        sources: Names of services.
        text: What they are asked for, with the name of the class in the place of `{class}`.
        n_wanted: How many new photos one run adds for a class from each service.
        options: Those that the services know, each for the services that know it.
    """

    sources: tuple[str, ...]
    text: str = CLASS
    licences: Licences = "open"
    n_wanted: int = 200
    options: Mapping[str, str] = field(default_factory=dict)


def continuing(wanted: Wanted, *, has_text: bool) -> Wanted:
    """Return what an older collection of Flickr asked for: its text and its order, where none are chosen.

    Raises:
        BadInput: If Flickr is not searched.
    """
    if "flickr" not in wanted.sources:
        raise BadInput("Last pages are those of Flickr, which is not searched.", "Add the source flickr.")
    options = {"sort": "date-posted-desc", **wanted.options}
    return replace(wanted, text=wanted.text if has_text else LAST_PAGES_TEXT, options=options)


def searches_for(
    classes: Sequence[str], wanted: Wanted, sources: Mapping[str, PhotoSource]
) -> tuple[NewSearch, ...]:
    """Return a search of every class at every service.

    Raises:
        BadInput: If no service knows an option, or several classes would be searched for with one text.
    """
    classes, names = tuple(dict.fromkeys(classes)), tuple(dict.fromkeys(wanted.sources))
    known = {name: sources[name].options if name in sources else () for name in names}
    for option in wanted.options:
        if all(option not in each for each in known.values()):
            there_are = "; ".join(f"{name}: {', '.join(each) or 'none'}" for name, each in known.items())
            raise BadInput(f"No chosen service has an option {option!r}.", f"There are {there_are}.")
    if len(classes) > 1 and CLASS not in wanted.text:
        raise BadInput(
            f"All classes would be searched for with {wanted.text[:60]!r}.",
            f"Put {CLASS} where the name of the class is to be.",
        )
    return tuple(
        NewSearch(
            name,
            each,
            wanted.text.replace(CLASS, each),
            wanted.licences,
            wanted.n_wanted,
            {option: value for option, value in wanted.options.items() if option in known[name]},
        )
        for each in classes
        for name in names
    )


def read_classes(file: Path) -> tuple[str, ...]:
    """Read names of classes, one on each line; blank lines and those that begin with # are left out.

    Raises:
        BadInput: If there is none, or it is no text.
    """
    try:
        text = files.read_regular(file, _MAX_CLASSES_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        remedy = "Give a text file with the name of a class on each line."
        raise BadInput(f"{documents.shown_path(file)} cannot be read: {why}.", remedy) from error
    names = [clean_text.clean_class_name(each) for each in text.splitlines()]
    found = tuple(dict.fromkeys(each for each in names if each and not each.startswith("#")))
    if not found:
        raise BadInput(f"{documents.shown_path(file)} has no name of a class.", "Put one on each line.")
    return found


def read_last_pages(file: Path) -> Mapping[str, int]:
    """Read `{class: last page}`, which an older collection of Flickr wrote: how far each class has come.

    Raises:
        BadInput: If it has another shape.
    """
    try:
        pages = _LAST_PAGES.validate_python(documents.read_json(file))
        least = min(pages.values(), default=0)
        if not pages or least < 0:
            raise documents.UnreadableDocument("it has no class" if not pages else f"{least} is no page")
    except (OSError, ValidationError, documents.UnreadableDocument) as error:
        why = documents.first_problem(error) if isinstance(error, ValidationError) else error
        why = getattr(error, "strerror", None) or why
        raise BadInput(
            f"{documents.shown_path(file)} does not say the last page of classes: {why}.",
            'Give a JSON file such as {"Mt Hood": 20, "K2": 17}.',
        ) from error
    return {clean_text.clean_class_name(name): page for name, page in pages.items()}


def save(
    workspace: Workspace,
    plan: Plan,
    sources: Mapping[str, PhotoSource],
    *,
    last_pages: Mapping[str, int] | None = None,
    actor: str,
) -> int:
    """Save a plan as `plans.save` does; searches of Flickr that are new begin after their last pages.

    Args:
        last_pages: By class, of 100 photos each.
    """
    collection_id = plans.save(workspace, plan, sources, actor=actor)
    cursors = {
        label: flickr.after_page(page, size=LAST_PAGES_SIZE) for label, page in (last_pages or {}).items()
    }
    searches.begin_at(workspace, collection_id, "flickr", cursors)
    return collection_id
