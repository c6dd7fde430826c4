"""Judge the images that a list names, as one step: a list from a spreadsheet, a script or another tool."""

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from peakid import documents
from peakid.acquire.tables import columns, json_sheet, parquet_sheet, reader, rows
from peakid.acquire.tables.encoding import decoded
from peakid.acquire.tables.sheet import Sheet
from peakid.curate import decisions
from peakid.curate.queues.bulk import MOST_AT_ONCE
from peakid.embed.named_images import NamedImages
from peakid.errors import AmbiguousDigest, BadInput, NotFound
from peakid.records import Choice, StepResult, Verdict
from peakid.store import images
from peakid.store.workspace import Workspace

VERDICTS = ("label", "keep", "exclude", "flag")  # "keep" confirms the label that the image has.
NAME_WORDS = ("digest", "digests", "sha256", *columns.PATH_WORDS)
LEAST_DIGITS = 8  # Of a shortened digest: 12 in a list may be the id of another tool, or a row.
N_SHOWN = 5  # Problems in an error.


@dataclass(frozen=True)
class ListedImage:
    """A line of a list.

    Attributes:
        place: Such as `line 2`.
        name: A digest, which may be shortened to LEAST_DIGITS, or a path.
        verdict: One of VERDICTS; '' where the list has none.
        label: For the verdict "label".
        problem: Why the line cannot be read; '' if it can.
    """

    place: str
    name: str
    verdict: str = ""
    label: str = ""
    reason: str = ""
    problem: str = ""


def read(name: str, data: bytes) -> list[ListedImage]:
    """Read a list: a table with a column `digest` or `path`, or text with one digest or path in each line.

    A table is CSV, JSON lines or Parquet. It may have the columns `verdict`, `label` and `reason`.

    Args:
        name: How errors call the list.

    Raises:
        BadInput: If it is neither, or has no line.
        ExtraMissing: If it is Parquet and pyarrow is not installed.
    """
    sheet = reader.read(name, io.BytesIO(data))
    named = columns.first(NAME_WORDS, sheet.columns)
    if named is not None:
        found = _of_table(sheet, named)
    elif len(sheet.columns) <= 1 and not _has_columns(name, data):
        lines = enumerate(decoded(data).split("\n"), 1)
        found = [ListedImage(f"line {n}", line.strip()) for n, line in lines if line.strip()]
    else:
        there = ", ".join(map(documents.shown, sheet.columns[:8]))
        raise BadInput(
            f"{name} has no column digest or path: it has {there}.",
            "Rename the column, or give one digest or path in each line.",
        )
    if not found:
        raise BadInput(f"{name} lists no image.", "Give one digest or path in each line.")
    return found


def decide(
    workspace: Workspace,
    listed: Sequence[ListedImage],
    *,
    verdict: str = "",
    label: str | None = None,
    reason: str = "",
    actor: str,
) -> StepResult:
    """Judge all listed images as one step, or none of them.

    Args:
        verdict: One of VERDICTS, for all images; '' takes the verdict and the label of each line. A line with
            a label and no verdict labels its image.
        label: For the verdict "label".
        reason: For lines without one.

    Raises:
        BadInput: With every line that cannot be used; nothing is written then.
        NotFound: If the class `label` is unknown; BadInput, if it is retired.
    """
    return decisions.decide(
        workspace, choices(workspace, listed, verdict=verdict, label=label, reason=reason), actor=actor
    )


def choices(
    workspace: Workspace,
    listed: Sequence[ListedImage],
    *,
    verdict: str = "",
    label: str | None = None,
    reason: str = "",
) -> list[Choice]:
    """Return what `decide` would judge, each image once. It raises the same errors."""
    if label:
        decisions.active_class_id(workspace.connection(), label)
    known, labels = NamedImages(workspace), _labels(workspace)
    unusable = _unusable_classes(workspace, {each.label for each in listed} - {""})
    found: dict[str, tuple[Choice, str]] = {}
    problems = []
    for each in listed:
        try:
            image_id, digest = _image(workspace, known, each)
            if not verdict and each.label in unusable:
                raise unusable[each.label]
            choice = _choice(each, digest, labels.get(image_id), verdict, label, reason)
            other, place = found.setdefault(digest, (choice, each.place))
            if other != choice:
                raise BadInput(f"it says something else of the image of {place}")
        except (BadInput, NotFound) as error:
            problems.append(f"{each.place}: {error.message.rstrip('.')}. {error.remedy}".strip())
    _refuse(problems, len(listed))
    if len(found) > MOST_AT_ONCE:
        raise BadInput(
            f"The list names {len(found):,} images, and one step judges {MOST_AT_ONCE:,} at most.",
            "Split the list into parts.",
        )
    return [choice for choice, _ in found.values()]


def _refuse(problems: Sequence[str], n_lines: int) -> None:
    if not problems:
        return
    more = f"\n  ... and {len(problems) - N_SHOWN:,} more" if len(problems) > N_SHOWN else ""
    raise BadInput(
        f"{len(problems):,} of {n_lines:,} lines cannot be used, and nothing was decided:\n  "
        + "\n  ".join(problems[:N_SHOWN])
        + more,
        "Correct these lines, or remove them.",
    )


def _of_table(sheet: Sheet, named: str) -> list[ListedImage]:
    verdict, reason = (columns.first([word], sheet.columns) for word in ("verdict", "reason"))
    label = columns.first(columns.LABEL_WORDS, sheet.columns, without=[named, verdict, reason])
    wanted = [each for each in (named, verdict, label, reason) if each]
    at = {each: sheet.columns.index(each) for each in wanted}
    found = []
    for cells in sheet.rows(wanted):

        def text(column: str | None, values: tuple[object, ...] = cells.values) -> str:
            n = at[column] if column else len(values)
            return rows.text_of(values[n]).strip() if n < len(values) else ""

        found.append(
            ListedImage(
                cells.place, text(named), text(verdict).lower(), text(label), text(reason), cells.problem
            )
        )
    return found


def _has_columns(name: str, data: bytes) -> bool:
    """Return whether a table that has one column has a name for it: it is not a list of lines."""
    return data.startswith(parquet_sheet.START) or json_sheet.is_json(name, decoded(data))


def _unusable_classes(workspace: Workspace, names: Collection[str]) -> dict[str, BadInput | NotFound]:
    """Return the error for each name that is of no class, or of a retired one."""
    found: dict[str, BadInput | NotFound] = {}
    for name in names:
        try:
            decisions.active_class_id(workspace.connection(), name)
        except (BadInput, NotFound) as error:
            found[name] = error
    return found


def _labels(workspace: Workspace) -> dict[int, str]:
    """Return the label of each image that has one, by the id of the image."""
    found = workspace.query("SELECT s.image_id, c.name FROM image_state s JOIN class c ON c.id = s.class_id")
    return {row["image_id"]: row["name"] for row in found}


def _image(workspace: Workspace, known: NamedImages, each: ListedImage) -> tuple[int, str]:
    if each.problem:
        raise BadInput(each.problem)
    if not each.name:
        raise BadInput("it names no image", "Give a digest or a path.")
    image_id = known.find(each.name)
    if image_id is not None:
        return image_id, known.digest_of(image_id)
    unknown = NotFound(
        f"no image has the digest or path {documents.shown(each.name)}, or several have it",
        f"Give the path that it was imported from, or at least {LEAST_DIGITS} digits of its digest.",
    )
    if len(each.name) < LEAST_DIGITS:
        raise unknown
    try:
        digest = images.resolve(workspace, each.name)
    except AmbiguousDigest:
        raise  # Its message says which digests begin like this.
    except NotFound as error:
        raise unknown from error
    [image_id] = images.ids_of(workspace, [digest])
    return image_id, digest


def _choice(
    each: ListedImage,
    digest: str,
    own_label: str | None,
    verdict: str,
    label: str | None,
    reason: str,
) -> Choice:
    """Return the choice of a line.

    Raises:
        BadInput: If the verdict is unknown, or lacks its label or reason.
    """
    wanted = verdict or each.verdict or ("label" if each.label else "")
    why = each.reason or reason
    match wanted:
        case "label":
            name = label if verdict else each.label
            if not name:
                raise BadInput("the class is missing", "Give it in a column `label`.")
            return Choice(digest, "label", name, why)
        case "keep":
            if own_label is None:
                raise BadInput("the image has no label that could be kept", "Give its class.")
            return Choice(digest, "label", own_label, why)
        case "exclude" | "flag":
            if wanted == "exclude" and not why:
                raise BadInput("excluding an image needs a reason", "Give one, such as 'not a mountain'.")
            chosen: Verdict = "exclude" if wanted == "exclude" else "flag"
            return Choice(digest, chosen, reason=why)
        case "":
            raise BadInput("it has neither a verdict nor a label", f"Use one of: {', '.join(VERDICTS)}.")
    raise BadInput(f"unknown verdict {documents.shown(wanted)}", f"Use one of: {', '.join(VERDICTS)}.")
