"""Read the JSON label files of other tools: Label Studio, FiftyOne and COCO, and name the right export."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from peakid.acquire.tables.sheet import Cells, Sheet, unreadable
from peakid.errors import BadInput

_Document = Mapping[str, object]
EXPORTS = (
    "Export image classification labels: from Label Studio as CSV or JSON, from FiftyOne as"
    " ImageClassificationDataset, from Roboflow as multi-class CSV or folders, from CVAT as ImageNet,"
    " otherwise as a CSV file with the columns path and label."
)


def read(name: str, document: object) -> Sheet | None:
    """Return the labels of a known label file; None for another document, such as a list of flat objects.

    An image with several classes, or with none that exists, has a problem.

    Raises:
        BadInput: If it has boxes, outlines or anything else that is not one class per image.
    """
    if isinstance(document, list):
        tasks = [
            entry for entry in document if isinstance(entry, dict) and isinstance(entry.get("data"), dict)
        ]
        return _sheet(_label_studio(document)) if tasks else None
    if not isinstance(document, dict):
        raise unreadable(name, "a JSON document without labels", EXPORTS)
    for is_kind, rows in _KINDS:
        if is_kind(document):
            return _sheet(rows(document))
    if any(isinstance(value, dict | list) for value in document.values()):
        keys = ", ".join(str(key)[:40] for key in list(document)[:6])
        raise unreadable(name, f"a JSON document with the keys {keys}", EXPORTS)
    return None


def unread_format(name: str, start: bytes) -> BadInput | None:
    """Return the error for a file of another type, by its first bytes; None if it may be a table."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    known = (
        (start, b"PK\x03\x04", "a zip archive or an Excel workbook", "Save the sheet as CSV UTF-8."),
        (start, b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV UTF-8."),
        (start, b"\x1f\x8b", "a gzip archive", "Unpack it first."),
        (start, b"BZh", "a bzip2 archive", "Unpack it first."),
        (start, b"\xfd7zXZ", "an xz archive", "Unpack it first."),
        (start, b"SQLite format 3", "an SQLite database", EXPORTS),
        (start, b"%PDF", "a PDF document", "Save the table as CSV UTF-8."),
        (start, b"\xff\xd8\xff", "an image", "Choose the table that lists the images."),
        (start, b"\x89PNG", "an image", "Choose the table that lists the images."),
        (text, b"<", "XML or HTML", EXPORTS),
    )
    for data, mark, what, remedy in known:
        if data.startswith(mark):
            return unreadable(name, f"it is {what}", remedy)
    return None


def _sheet(entries: Iterable[tuple[str, object, Collection[str], str]]) -> Sheet:
    """Make a table of (place, path, classes, problem); an image may have one class or none."""
    found = []
    for place, path, classes, problem in entries:
        label = next(iter(classes), None)
        if len(classes) > 1:
            problem = problem or f"has {len(classes)} classes: {', '.join(sorted(classes))[:80]}"
        found.append(Cells(place, (path, label), problem))

    def rows(_columns: Collection[str]) -> Iterator[Cells]:
        yield from found

    return Sheet(("path", "label"), rows)


def _label_studio(document: list[object]) -> Iterator[tuple[str, object, Collection[str], str]]:
    """Yield the tasks of Label Studio; the newest annotations come first, as in its own exports."""
    for n, task in enumerate(document, start=1):
        place = f"entry {n}"
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(task, dict) or not isinstance(data, dict):
            yield place, None, (), "is not a task of Label Studio"
            continue
        path = data.get("image") or next((each for each in data.values() if isinstance(each, str)), None)
        choices: dict[str, None] = {}
        other = ""
        for annotation in _objects(task.get("annotations") or task.get("completions")):
            for result in _objects(annotation.get("result")):
                value = result.get("value")
                picked = value.get("choices") if isinstance(value, dict) else None
                if isinstance(picked, list):
                    choices.update((str(each), None) for each in picked)
                else:
                    other = str(result.get("type") or "something else")[:40]
        yield place, path, choices, f"has {other}, not a class" if other and not choices else ""


def _is_fiftyone(document: _Document) -> bool:
    return isinstance(document.get("classes"), list) and isinstance(document.get("labels"), dict | list)


def _fiftyone(document: _Document) -> Iterator[tuple[str, object, Collection[str], str]]:
    """Yield the images of an ImageClassificationDataset: `{"classes": [...], "labels": {name: index}}`."""
    classes, labels = document["classes"], document["labels"]
    assert isinstance(classes, list)
    if isinstance(labels, list):
        labels = {
            str(each.get("path") or each.get("filepath") or each.get("image")): each.get("label")
            for each in _objects(labels)
        }
    assert isinstance(labels, dict)
    for n, (path, label) in enumerate(labels.items(), start=1):
        picked: list[str] = []
        problem = ""
        for each in label if isinstance(label, list) else [label]:
            if isinstance(each, dict):
                each = each.get("label")
            if isinstance(each, int) and not isinstance(each, bool):
                if 0 <= each < len(classes):
                    picked.append(str(classes[each]))
                else:
                    problem = f"has class {each}; the classes are 0 to {len(classes) - 1}"
            elif isinstance(each, str):
                picked.append(each)
            elif each is not None:
                problem = "has a label that is neither a number nor a name"
        yield f"entry {n}", path, list(dict.fromkeys(picked)), problem


def _is_fiftyone_samples(document: _Document) -> bool:
    return any("filepath" in sample for sample in _objects(document.get("samples")))


def _fiftyone_samples(document: _Document) -> Iterator[tuple[str, object, Collection[str], str]]:
    """Yield the samples of a FiftyOneDataset; the class is the first field that is a Classification."""
    for n, sample in enumerate(_objects(document.get("samples")), start=1):
        fields = [each for each in sample.values() if isinstance(each, dict)]
        labels = [str(each["label"]) for each in fields if isinstance(each.get("label"), str)]
        has_other = not labels and any("_cls" in each for each in fields)
        problem = "has no field that is a Classification" if has_other else ""
        yield f"entry {n}", sample.get("filepath"), labels[:1], problem


def _is_coco(document: _Document) -> bool:
    return isinstance(document.get("images"), list) and isinstance(document.get("annotations"), list)


def _coco(document: _Document) -> Iterator[tuple[str, object, Collection[str], str]]:
    """Yield the images of a COCO file with the categories of their annotations."""
    named = {_id(each.get("id")): str(each.get("name")) for each in _objects(document.get("categories"))}
    shown: dict[str, dict[str, None]] = {}
    for each in _objects(document.get("annotations")):
        category = named.get(_id(each.get("category_id")), "")
        shown.setdefault(_id(each.get("image_id")), {})[category] = None
    for n, image in enumerate(_objects(document.get("images")), start=1):
        categories = shown.get(_id(image.get("id")), {})
        problem = "has a category that the file does not define" if "" in categories else ""
        yield f"entry {n}", image.get("file_name"), categories, problem


def _is_paths(document: _Document) -> bool:
    """Return whether it is `{"a.jpg": "cat", ...}`: every key has a suffix, every value is a name."""
    return bool(document) and all(
        PurePosixPath(str(path)).suffix and isinstance(label, str | int | None)
        for path, label in document.items()
    )


def _paths(document: _Document) -> Iterator[tuple[str, object, Collection[str], str]]:
    for n, (path, label) in enumerate(document.items(), start=1):
        yield f"entry {n}", path, () if label is None else (str(label),), ""


def _objects(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _id(value: object) -> str:
    return str(value)


_KINDS: tuple[
    tuple[
        Callable[[_Document], bool],
        Callable[[_Document], Iterator[tuple[str, object, Collection[str], str]]],
    ],
    ...,
] = (
    (_is_fiftyone, _fiftyone),
    (_is_fiftyone_samples, _fiftyone_samples),
    (_is_coco, _coco),
    (_is_paths, _paths),
)
