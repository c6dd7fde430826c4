"""Say in one line of plain text what a step of the history did."""

from peakid.curate.history import Change, HistoryStep, StepRemark
from peakid.records import StepKind, Verdict

VERBS: dict[StepKind, str] = {
    "import": "labelled",
    "decide": "reviewed",
    "undo": "undid",
    "redo": "redid",
}
LONGEST_NOTE = 80  # Characters of a note; the image itself has all of it.
_STATES: dict[Verdict, str] = {"exclude": "excluded", "flag": "flagged", "clear": "not reviewed"}


def describe(step: HistoryStep) -> str:
    """Return what a step did: `dom → eiger`, `reviewed 12 images`, `added the tag snow to sea/1.jpg`.

    An undo and a redo say what they took back or did again. Names are as they are stored, so that a page has
    to escape them.
    """
    count = n_of(step.n_judged, "image")
    parts = [
        f"merged {name} into {into}: {count}" if into else f"unmerged {name}: {count}"
        for name, into in step.merges
    ]
    original = step.original or step
    is_reversal = step.kind in ("undo", "redo")
    verb = VERBS["undo" if step.is_taking_back else "redo"] if is_reversal else VERBS[step.kind]
    if original.n_undone:
        parts.append(f"{verb} {n_of(original.n_undone, 'step')}")
    # Of many steps at once, the images are counted below.
    others = [] if original.n_undone else [_pairs_text(original), *map(_remark_text, original.remarks)]
    parts += [f"{verb}: {text}" if is_reversal else text for text in others if text]
    if step.first and step.first.actor.startswith("model:") and not is_reversal:
        parts.append(f"accepted {n_of(step.n_judged, 'suggestion')}")
    elif step.first and step.n_judged == 1 and not step.merges:
        text = change_text(step.first)
        parts.append(f"{verb}: {text}" if is_reversal else text)
    elif step.n_judged and not step.merges:
        parts.append(f"{verb} {count}")
    return "; ".join(parts) or f"{verb} nothing"


def change_text(change: Change) -> str:
    """Return the states before and after a decision: `dom → excluded (a map)`."""
    before = _state_text(change.from_verdict, change.from_label, change.from_reason)
    after = _state_text(change.verdict, change.label, change.reason)
    if before != after:
        return f"{before} → {after}"
    return after if change.undoes else f"{after}, confirmed"


def n_of(n: int, noun: str) -> str:
    """Return a count with its noun: `1 image`, `1,204 images`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _remark_text(remark: StepRemark) -> str:
    where = remark.path if remark.n_images == 1 else n_of(remark.n_images, "image")
    if remark.kind == "tag":
        return f"added the tag {remark.name} to {where}" if remark.is_on else _removed_tag(remark, where)
    if remark.kind == "also":
        change = f"added {remark.name} to" if remark.is_on else f"removed {remark.name} from"
        return f"{change} what {where} also {'shows' if remark.n_images == 1 else 'show'}"
    if remark.kind == "typical":
        return f"{'marked' if remark.is_on else 'no longer marked'} {where} as typical of {remark.name}"
    if not remark.is_on:
        return f"removed the note of {where}"
    note = " ".join(remark.name.split())
    return f"wrote the note of {where}: {note if len(note) <= LONGEST_NOTE else note[:LONGEST_NOTE] + ' ...'}"


def _removed_tag(remark: StepRemark, where: str) -> str:
    return f"removed the tag {remark.name} from {where}"


def _pairs_text(step: HistoryStep) -> str:
    """Return what was decided about near duplicates, "" where nothing was."""
    if not step.pair_paths:
        return ""
    n = len(step.pair_paths)
    names = " and ".join(step.pair_paths) if n == 2 else n_of(n, "image")
    if step.pair_verdict == "different":
        return f"called {names} different pictures"
    if step.pair_verdict == "both":
        return f"kept both {names}" if n == 2 else f"kept all of {n:,} duplicates"
    return f"left {names} to be judged again"


def _state_text(verdict: Verdict, label: str | None, reason: str) -> str:
    if verdict == "label":
        return label or "no label"
    return f"{_STATES[verdict]} ({reason})" if reason else _STATES[verdict]
