"""How counts, times and closed vocabularies read on a page."""

from datetime import UTC, datetime

from peakid.records import Decision, RejectionReason, StepKind, StepRow

REASONS: dict[RejectionReason, str] = {
    "not_an_image": "Not an image",
    "unsupported_format": "Image format that is not read",
    "unreadable": "Damaged: cannot be decoded to the end",
    "too_many_pixels": "More pixels than the limit",
    "too_large": "Larger than the limit",
    "empty": "Empty file",
    "hidden": "Hidden or system file",
    "missing_file": "Named, but not there",
    "no_permission": "May not be read",
    "too_slow": "Takes too long to decode",
    "too_much_memory": "Takes too much memory to decode",
    "crashes_decoder": "Breaks the decoder",
    "unsafe_path": "Path that leads outside",
    "forgotten": "Removed for good earlier",
    "bad_row": "Row that does not fit its table",
}

JOBS = {
    "train": "Training",
    "lr-find": "Rate search",
    "estimate": "Estimate",
    "sweep": "Sweep",
    "tta": "Augmented scoring",
    "export": "Export",
    "verify": "Check",
    "import": "Import",
}

_VERBS = {"label": "labelled", "exclude": "excluded", "flag": "flagged", "clear": "cleared"}


def n_of(n: int, noun: str) -> str:
    """Count things: `1 image`, `1,204 images`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def n_bytes(n: int) -> str:
    """Say a size in memory: `840 B`, `12 KB`, `3.4 MB`."""
    if n < 1000:
        return f"{n} B"
    return f"{n / 1000:.0f} KB" if n < 1_000_000 else f"{n / 1_000_000:.1f} MB"


def ago(moment: str, *, now: datetime | None = None) -> str:
    """Say how long ago an ISO time was: `just now`, `5 min ago`, `3 h ago`, then the day."""
    then = datetime.fromisoformat(moment)
    minutes = ((now or datetime.now(UTC)) - then).total_seconds() / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    return f"{minutes / 60:.0f} h ago" if minutes < 24 * 60 else f"{then:%d %b %Y}"


def told(decision: Decision) -> str:
    """Say a decision in words: `undid: labelled dom`, `excluded: poor quality`."""
    what = _VERBS[decision.verdict]
    detail = decision.label if decision.verdict == "label" else decision.reason
    said = f"{what} {detail}" if decision.verdict == "label" else f"{what}: {detail}" if detail else what
    return f"back to {said}" if decision.undoes else said


def told_step(step: StepRow) -> str:
    """Say a step in words: `labelled dom`, `judged 12 images`, `took back 12 images`."""
    if step.n_images == 1:
        return told(step.first)
    verbs: dict[StepKind, str] = {
        "import": "labelled",
        "decide": "judged",
        "undo": "took back",
        "redo": "did again",
    }
    return f"{verbs[step.kind]} {n_of(step.n_images, 'image')}"


def standing(decision: Decision) -> str:
    """Tell the second of two people what the first said: `anna labelled this dom 2 min ago.`"""
    return f"{who(decision.actor)} {_VERBS[decision.verdict]} this{_detail(decision)} {ago(decision.decided_at)}."


def _detail(decision: Decision) -> str:
    if decision.verdict == "label":
        return f" {decision.label}"
    return f" ({decision.reason})" if decision.reason else ""


def who(actor: str) -> str:
    """Name an actor for people: `anna`, `import from folder`, `model run-3`."""
    kind, _, name = actor.partition(":")
    return {"human": name, "import": f"import from {name}"}.get(kind, f"{kind} {name}")


def chosen(label: str, is_chosen: bool) -> str:
    """Write the label of a chosen pill in the accent colour; Streamlit's own is made for white text on it and too faint in the dark."""
    return f":blue[{label}]" if is_chosen else label
