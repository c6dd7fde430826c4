"""Image issues: which images are dark, blurry, tiny and so on, how severely, and the thresholds."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from peakid import near_names
from peakid.errors import BadInput, NotFound
from peakid.remedies import action
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace, now

IssueKind = Literal[
    "dark",             # Even its brightest part is dark.
    "light",            # Even its darkest part is bright.
    "blurry",           # Its edges are weak against its contrast.
    "low_information",  # Few different tones: a drawing, a sign, a nearly empty image.
    "blank",            # A single colour.
    "grayscale",        # Tones without colour.
    "odd_aspect",       # Much wider than tall, or much taller than wide.
    "odd_size",         # Far larger or smaller than the other images of the workspace.
    "tiny",             # Too few pixels to learn from.
    "truncated",        # The end of the file is missing; nearly all of the image can be read.
    "animated",         # Several frames or pages; only the first is used.
]  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """When an image has an issue of one kind: when its score is below `threshold`.

    Attributes:
        threshold: The default, 0..1.
        ceiling: Scores below it are stored, so a threshold can be raised up to it.
        reason: Shown with an image, as a printf format of (score, threshold).
        is_measured: False for a yes-or-no property, which has no threshold to set.
        is_cosmetic: A model can learn from such an image as from any other.
    """

    threshold: float
    ceiling: float
    reason: str
    is_measured: bool = True
    is_cosmetic: bool = False


# Thresholds separate planted faults from 1,000 real and drawn photos. Comments give narrow gaps.
RULES: dict[IssueKind, Rule] = {
    # Faults .09, photos from .53.
    "dark": Rule(0.32, 0.6, "dark: its brightest hundredth reaches %.2f of white, below %.2f"),
    "light": Rule(0.05, 0.4, "light: its darkest twentieth is within %.2f of white, below %.2f"),
    # Planted faults up to .05, a blurred photo .12, others from .16.
    "blurry": Rule(0.14, 0.3, "blurry: sharpness %.2f, below %.2f"),
    # Of 8 bits. Signs .07, photos from .38.
    "low_information": Rule(0.2, 0.5, "low information: tones fill %.2f of the range, below %.2f"),
    # Half a grey level; a black photo has .9.
    "blank": Rule(0.025, 0.3, "blank: contrast %.3f of a faint picture's, below %.3f"),
    "grayscale": Rule(0.01, 0.1, "grayscale: colour %.3f, below %.3f", is_cosmetic=True),
    "odd_aspect": Rule(
        0.35, 0.6, "odd shape: short side is %.2f of the long side, below %.2f", is_cosmetic=True
    ),
    "odd_size": Rule(0.5, 0.8, "odd size: similarity to the usual size %.2f, below %.2f", is_cosmetic=True),
    # 64 px: the smallest input of a small network.
    "tiny": Rule(0.25, 0.6, "tiny: short side is %.2f of 256 pixels, below %.2f"),
    "truncated": Rule(1.0, 1.0, "truncated: %.2f of it can be read", is_measured=False),
    "animated": Rule(1.0, 1.0, "several frames: only the first is used", is_measured=False, is_cosmetic=True),
}

_TITLES: dict[str, str] = {"odd_aspect": "odd shape", "animated": "several frames"}


def title(kind: str) -> str:
    """Return the name of an issue as pages write it, the one that its reason begins with."""
    return _TITLES.get(kind, kind.replace("_", " "))


# What a person looks at first: images that teach a model something wrong, then what is unusual about a photo.
WORST_FIRST: tuple[IssueKind, ...] = (
    *("truncated", "blank", "tiny", "low_information", "dark", "light", "blurry"),
    *("odd_aspect", "odd_size", "animated", "grayscale"),
)


@dataclass(frozen=True)
class ImageIssue:
    """Something wrong with the image itself. `score` is in 0..1, low = severe."""

    digest: str
    path: str
    kind: IssueKind
    score: float


@dataclass(frozen=True)
class Border:
    """The images closest to a threshold: with the issue (highest scores first) and without (lowest first)."""

    inside: list[ImageIssue]
    outside: list[ImageIssue]


def known(kind: str) -> IssueKind:
    """Return the kind of issue with this name.

    Raises:
        NotFound: If there is no such kind.
    """
    if kind not in RULES:
        remedy = near_names.remedy(kind, RULES, f"Use one of: {', '.join(RULES)}.")
        raise NotFound(f"Unknown image issue {kind!r}.", remedy)
    return kind


def thresholds(workspace: Workspace) -> dict[IssueKind, float]:
    """Return the threshold of every kind: the one that a person set, else the default."""
    chosen = {
        row["kind"]: row["threshold"]
        for row in workspace.query("SELECT kind, threshold FROM issue_threshold")
    }
    return {kind: chosen.get(kind, rule.threshold) for kind, rule in RULES.items()}


def set_threshold(workspace: Workspace, kind: str, value: float, *, actor: str) -> None:
    """Set the threshold of one kind. Scores are not computed again; counts and queues change at once.

    Raises:
        NotFound: If there is no such kind.
        BadInput: If the value is above the ceiling of the kind, or the kind has no threshold.
    """
    rule = RULES[known(kind)]
    if not rule.is_measured:
        raise BadInput(
            f"An image is {kind} or it is not; there is no threshold to set.",
            "Look at these images instead.",
            action("list_issues", kind=kind),
        )
    if not 0 <= value <= rule.ceiling:
        raise BadInput(
            f"The threshold {value:g} of {kind} is out of range.",
            f"Give a number from 0 to {rule.ceiling:g}.",
        )
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO issue_threshold (kind, threshold, actor, set_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind) DO UPDATE SET threshold = excluded.threshold, actor = excluded.actor,"
            " set_at = excluded.set_at",
            (kind, value, actor, now()),
        )


def counts(
    workspace: Workspace, other_thresholds: Mapping[IssueKind, float] | None = None
) -> dict[IssueKind, int]:
    """Count the images with each issue. One index range for each kind, fast enough to follow a slider.

    Args:
        other_thresholds: Used instead of the current thresholds, by kind.
    """
    used = {**thresholds(workspace), **(other_thresholds or {})}
    return {kind: _count(workspace, kind, threshold) for kind, threshold in used.items()}


def counts_by_class(workspace: Workspace, kind: str) -> dict[str, int]:
    """Count the images with one issue by class, most first. Images without a class are under ''."""
    threshold = thresholds(workspace)[known(kind)]
    rows = workspace.query(
        "SELECT COALESCE(c.name, '') AS class_name, COUNT(*) AS n FROM image_issue_score q"
        " JOIN image_state s ON s.image_id = q.image_id LEFT JOIN class c ON c.id = s.class_id"
        " WHERE q.kind = ? AND q.score < ? GROUP BY s.class_id ORDER BY n DESC, class_name",
        (kind, threshold),
    )
    return {row["class_name"]: row["n"] for row in rows}


def list_issues(
    workspace: Workspace, *, kind: str | None = None, limit: int | None = None
) -> list[ImageIssue]:
    """Return the image issues, most severe first.

    Raises:
        NotFound: If there is no such kind.
    """
    found: list[sqlite3.Row] = []
    for each, threshold in thresholds(workspace).items():
        if kind is None or each == known(kind):
            found += workspace.query(
                _RANGE + " AND q.score < ? ORDER BY q.score, q.image_id LIMIT ?",
                (each, threshold, limit or -1),
            )
    found.sort(key=lambda row: (row["score"], row["image_id"]))
    return [_issue(row) for row in found[:limit]]


def border(workspace: Workspace, kind: str, threshold: float | None = None, *, limit: int = 5) -> Border:
    """Return the images closest to a threshold on either side, to judge whether it is well placed.

    Args:
        threshold: Used instead of the current one.

    Raises:
        NotFound: If there is no such kind.
    """
    bound = thresholds(workspace)[known(kind)] if threshold is None else threshold
    inside = workspace.query(
        _RANGE + " AND q.score < ? ORDER BY q.score DESC, q.image_id DESC LIMIT ?", (kind, bound, limit)
    )
    outside = workspace.query(
        _RANGE + " AND q.score >= ? ORDER BY q.score, q.image_id LIMIT ?", (kind, bound, limit)
    )
    return Border(_issues(inside), _issues(outside))


_RANGE = (
    "SELECT q.image_id, i.digest, q.kind, q.score,"
    f" {FIRST_PATH} AS path"
    " FROM image_issue_score q JOIN image i ON i.id = q.image_id WHERE q.kind = ?"
)


def _count(workspace: Workspace, kind: str, threshold: float) -> int:
    row = workspace.one(
        "SELECT COUNT(*) FROM image_issue_score WHERE kind = ? AND score < ?", (kind, threshold)
    )
    return int(row[0]) if row else 0


def _issues(rows: Iterable[sqlite3.Row]) -> list[ImageIssue]:
    return [_issue(row) for row in rows]


def _issue(row: sqlite3.Row) -> ImageIssue:
    return ImageIssue(row["digest"], row["path"], row["kind"], round(row["score"], 4))
