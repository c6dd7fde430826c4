"""How counts, times, sizes and closed vocabularies are written on a page."""

import re
from datetime import UTC, datetime

from peakid import printable
from peakid.curate.step_text import VERBS
from peakid.records import Decision, RejectionReason, StepRow

REASONS: dict[RejectionReason, str] = {
    "not_an_image": "Not an image",
    "unsupported_format": "Unsupported image format",
    "unreadable": "Damaged: cannot be decoded completely",
    "too_many_pixels": "More pixels than the limit",
    "too_large": "Larger than the limit",
    "empty": "Empty file",
    "hidden": "Hidden or system file",
    "missing_file": "Listed, but the file is missing",
    "no_permission": "No permission to read it",
    "too_slow": "Takes too long to decode",
    "too_much_memory": "Takes too much memory to decode",
    "crashes_decoder": "Crashes the decoder",
    "unsafe_path": "Path outside the folder",
    "forgotten": "Forgotten earlier, by request",
    "bad_row": "Row that cannot be used",
    "bad_table": "Label file that cannot be read",
    "unsafe_url": "No public web address",
    "unreachable": "The server did not answer",
    "gone": "No longer on the web",
    "refused_by_server": "Refused by its server",
    "opted_out": "Not for training, says its server",
    "placeholder": "Gone: its server sends another picture",
    "near_duplicate": "Looks like an image that is here",
}

# Singular nouns: they follow "Cancel this", and "is done" follows them.
JOBS = {
    "train": "Training",
    "lr-find": "LR finder",
    "estimate": "Estimate",
    "sweep": "Sweep",
    "tta": "Test-time augmentation",
    "evaluate": "Evaluation",
    "attribute": "Measurement of decisions",
    "export": "Export",
    "bundle": "Bundle",
    "verify": "Image check",
    "scan": "Scan",
    "changed-copies": "Search for changed copies",
    "similar": "Search for similar images",
    "open-set": "Prediction of new photos",
    "name-images": "Search for what images show",
    "import": "Import",
    "collect": "Collection of photos",
    "retrain": "Training on new images",
    "browse": "Reading of picture pages",
    "map": "Map layout",
    "index-neighbours": "Index of neighbours",
    "embed": "Embedding",
    "learning-curve": "Learning curve",
    "heat-maps": "Computation of heat maps",
    "preview-albums": "Album preview",
    "write-albums": "Writing of albums",
    "undo-albums": "Removal of albums",
}

_MARKUP = frozenset("\\`*_{}[]<>()#+-!|~$:&@=/")
_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_FIRST_NUMBER = re.compile(r"^(\s*\d+)(?=\.)")  # It would begin a list.
# An empty coloured text. Streamlit finds addresses, icons, emoji and arrows after Markdown has removed the
# backslashes, but only inside one piece of text. Nothing of it is seen, and a copied name has no trace of it.
_PIECE = ":color[]"
# Between the characters of `http://`, `:smile:`, `www.`, `a@b`, ` -- ` and ` <-> `.
_IN_PIECES = re.compile(r"(?<=:)(?=//|[\w+-]+:)|(?<=www)(?=\.)|(?=@)|(?<=[<>~-])(?=[-<>=])", re.IGNORECASE)
_VERDICT_VERBS = {"label": "labelled", "exclude": "excluded", "flag": "flagged", "clear": "cleared"}


def n_of(n: int, noun: str) -> str:
    """Return a count with its noun: `1 image`, `1,204 images`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def n_bytes(n: int) -> str:
    """Return a size in decimal units: `840 B`, `12 KB`, `3.4 MB`."""
    if n < 1000:
        return f"{n} B"
    return f"{n / 1000:.0f} KB" if n < 1_000_000 else f"{n / 1_000_000:.1f} MB"


def ago(moment: str, *, now: datetime | None = None) -> str:
    """Return how long ago an ISO time was: `just now`, `5 min ago`, `3 h ago`, then the date."""
    then = datetime.fromisoformat(moment)
    minutes = ((now or datetime.now(UTC)) - then).total_seconds() / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    return f"{minutes / 60:.0f} h ago" if minutes < 24 * 60 else f"{then:%d %b %Y}"


def decision_text(decision: Decision) -> str:
    """Describe a decision: `labelled dom`, `excluded: poor quality`, `restored: labelled dom`."""
    verb = _VERDICT_VERBS[decision.verdict]
    if decision.verdict == "label":
        text = f"{verb} {decision.label}"
    else:
        text = f"{verb}: {decision.reason}" if decision.reason else verb
    return f"restored: {text}" if decision.undoes else text


def step_text(step: StepRow) -> str:
    """Describe a step of the history: `labelled dom`, `reviewed 12 images`, `undid 12 images`."""
    if step.n_images == 1:
        return decision_text(step.first)
    return f"{VERBS[step.kind]} {n_of(step.n_images, 'image')}"


def standing(decision: Decision) -> str:
    """Tell a reviewer whose decision on the image came first: `anna labelled this dom 2 min ago.`"""
    detail = _detail(decision)
    verb = _VERDICT_VERBS[decision.verdict]
    return f"{who(decision.actor)} {verb} this{detail} {ago(decision.decided_at)}."


def who(actor: str) -> str:
    """Return the name of an actor for people: `anna`, `import from folder`, `model run-3`."""
    kind, _, name = actor.partition(":")
    return {"human": name, "import": f"import from {name}"}.get(kind, f"{kind} {name}")


def chosen(label: str, is_chosen: bool) -> str:
    """Return the label of a pill, in the accent colour where it is chosen.

    Streamlit's own colour for a chosen pill has too little contrast in the dark theme.
    """
    return f":blue[{label}]" if is_chosen else label


def shown(text: str) -> str:
    """Return a name for what shows text as it is: menus, tables and components.

    Line breaks are shown as blanks, and other control characters as escapes: a name has one line.
    """
    return printable.isolated(printable.line(_BREAKS.sub(" ", text)))


def plain(text: str) -> str:
    """Escape Markdown markup, for names that come from people, folders and web pages.

    Line breaks are shown as blanks, and other control characters as escapes: a name has one line. Several
    blanks stay several, and a name that is written from right to left does not turn the text around it.
    """
    pieces = _IN_PIECES.split(shown(text).replace("  ", " \u00a0"))
    escaped = _PIECE.join(
        "".join(f"\\{char}" if char in _MARKUP else char for char in each) for each in pieces
    )
    return _FIRST_NUMBER.sub(r"\1\\", escaped)


def _detail(decision: Decision) -> str:
    if decision.verdict == "label":
        return f" {decision.label}"
    return f" ({decision.reason})" if decision.reason else ""
