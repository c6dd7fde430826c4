"""How a page of pictures is read: a small TOML file with selectors, attributes and a pace."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from peakid import documents, near_names
from peakid.errors import BadInput

FOLDER = Path(__file__).parent / "adapters"
MAX_FILE_BYTES = 64 * 1024  # An adapter has 500 B.
ATTRIBUTES = ("data-srcset", "srcset", "data-src", "src")

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_Line = Annotated[str, Field(max_length=500, pattern=_PRINTABLE)]
_Attribute = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,60}$")]


@dataclass(frozen=True)
class Adapter:
    """Attributes:
    name: For people and for the name of the list.
    item: The CSS selector of what shows or links a picture.
    attributes: Where its URL is, the best first; of a srcset, the largest is taken.
    start: The address of the page, with `{class}` where the name of the class goes; '' = asked for.
    more: The CSS selector of a button or link that shows more; '' = there is none.
    scroll_pause_s: Seconds after every scroll or press, before the page is read again.
    pace_s: Least seconds between two pages that are opened.
    max_scrolls: Most scrolls and presses for a class.
    max_seconds: Most seconds for a class.
    with_images: Whether the browser loads pictures. A few pages show more only after that.
    about: What it is for, in a sentence.
    terms: What the terms of the site may ask.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=_PRINTABLE)]
    item: Annotated[str, Field(min_length=1, max_length=500, pattern=_PRINTABLE)]
    attributes: Annotated[tuple[_Attribute, ...], Field(min_length=1, max_length=20)] = ATTRIBUTES
    start: _Line = ""
    more: _Line = ""
    scroll_pause_s: Annotated[float, Field(ge=0.2, le=30)] = 1.0
    pace_s: Annotated[float, Field(ge=0.2, le=120)] = 2.0
    max_scrolls: Annotated[int, Field(ge=0, le=2000)] = 100
    max_seconds: Annotated[float, Field(ge=1, le=3600)] = 300.0
    with_images: bool = False
    about: _Line = ""
    terms: _Line = ""


def shipped() -> tuple[Adapter, ...]:
    """Return the adapters that come with Peakid, for pages of any site."""
    return tuple(load(file) for file in sorted(FOLDER.glob("*.toml")))


def named(name: str | Path) -> Adapter:
    """Return an adapter by its name, or from a TOML file.

    Raises:
        BadInput: If it is neither, or a value does not fit.
    """
    known = {file.stem: file for file in FOLDER.glob("*.toml")}
    if str(name) in known:
        return load(known[str(name)])
    if Path(name).suffix.lower() != ".toml":
        there = (
            f"Those that come with Peakid are {', '.join(sorted(known))}; give one, or your own TOML file."
        )
        raise BadInput(
            f"There is no adapter {documents.shown(str(name))!r}.", near_names.remedy(str(name), known, there)
        )
    return load(Path(name))


def load(file: Path) -> Adapter:
    """Read an adapter from a TOML file.

    Raises:
        BadInput: If it cannot be read, or a value does not fit.
    """
    shown = documents.shown_path(file)
    try:
        return of_values(documents.read_toml(file, limit=MAX_FILE_BYTES), shown)
    except FileNotFoundError as error:
        raise BadInput(f"There is no adapter at {shown}.", "Give the path of a TOML file.") from error
    except documents.UnreadableDocument as error:
        raise BadInput(f"The adapter {shown} cannot be read: {error}.", _REMEDY) from error


def of_text(content: bytes, name: str) -> Adapter:
    """Read an adapter from the content of a TOML file, such as an uploaded one.

    Raises:
        BadInput: If it is not TOML of at most `MAX_FILE_BYTES`, or a value does not fit.
    """
    shown = documents.shown(name)
    try:
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_FILE_BYTES:,} bytes")
        values = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = documents.shown(str(error).partition(";")[0])
        raise BadInput(f"The adapter {shown} cannot be read: {why}.", _REMEDY) from error
    return of_values(values, shown)


def with_item(adapter: Adapter, selector: str | None) -> Adapter:
    """Return the adapter with another selector of its pictures; None or '' = its own.

    Raises:
        BadInput: If it cannot be one.
    """
    if not (selector and selector.strip()):
        return adapter
    return of_values({**asdict(adapter), "item": selector.strip()}, adapter.name)


def of_values(values: Mapping[str, object], shown: str) -> Adapter:
    """Return an adapter of values as they are in the file.

    Raises:
        BadInput: If a value does not fit.
    """
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        problem, known = documents.first_problem(error), list(Adapter.__dataclass_fields__)
        if problem.key not in known and problem.key.isidentifier():
            raise BadInput(
                f"The adapter {shown} has the unknown key {problem.key!r}.",
                near_names.remedy(problem.key, known, f"The keys are {', '.join(known)}."),
            ) from error
        raise BadInput(f"In the adapter {shown}, {problem}.", _REMEDY) from error


_REMEDY = "An adapter has at least a name and an item (a CSS selector)."
_ADAPTER = TypeAdapter(Adapter)
