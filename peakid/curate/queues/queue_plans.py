"""What each review queue holds, in which order, and why an image is in it: queues as SQL, each served by an index."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from peakid.curate import image_issues
from peakid.curate.image_issues import IssueKind
from peakid.errors import NotFound
from peakid.store.workspace import Workspace

WORTH = "worth"
SAMPLE_SIZE = 200  # Images. An error rate of 5 % is then known to within 3 points.
EVEN_ODDS = 0.5  # Below, a model holds its own first choice for more likely wrong than right.
_ON_A_MODELS_WORD = ("model-disagrees", "uncertain", "confusion", WORTH)


@dataclass(frozen=True)
class Segment:
    """A stretch of a queue in one order.

    `where` may speak of `table` and of image_state as s; `reason` and `score` also of class as c. Without a `key` the
    order is that of arrival, by `image_id`; else that of the key's columns, the last of which names the image. `index` is
    told to SQLite where it would take another one and sort a million rows. `kept` is the same condition on state_count,
    where that counts it. `hint` says what the image {0} needs to be in here at all.
    """

    table: str
    image_id: str
    where: str
    reason: str
    score: str = "NULL"
    key: tuple[str, ...] = ()
    is_descending: bool = False
    index: str = ""
    kept: str = ""
    hint: str = "1"
    parameters: Mapping[str, Any] = field(default_factory=dict)


def plan(workspace: Workspace, queue: str) -> list[Segment]:
    """Answer the stretches of a queue, first one first; no image is in two of them.

    Raises:
        NotFound: If there is no such queue.
    """
    if queue in _FIXED:
        return [_FIXED[queue]]
    kind, _, rest = queue.partition(":")
    maker = _MAKERS.get(kind)
    is_complete = kind == "sample" or bool(rest) == (kind in _NAMED)
    if maker is None or not is_complete:
        known = [*_FIXED, *(f"{name}:{_NAMED[name]}" if name in _NAMED else name for name in _MAKERS)]
        raise NotFound(f"There is no queue {queue!r}.", f"Use one of: {', '.join(known)}.")
    return maker(workspace, queue, rest)


def newest_run(workspace: Workspace) -> int | None:
    """Answer the newest finished run that predicted images it had not learned from."""
    row = workspace.one(
        "SELECT r.id FROM run r INDEXED BY run_done WHERE r.state = 'done'"
        " AND EXISTS (SELECT 1 FROM prediction p WHERE p.run_id = r.id AND p.is_out_of_sample = 1) ORDER BY r.id DESC LIMIT 1"
    )
    return row["id"] if row else None


def run_that_ranks(workspace: Workspace, queue: str) -> int | None:
    """Answer the run whose predictions chose the images of a queue, None where no model did."""
    kind, _, rest = queue.partition(":")
    if kind not in _ON_A_MODELS_WORD:
        return None
    number = rest.partition(":")[0]
    return int(number) if kind == "confusion" and number.isdigit() else newest_run(workspace)


def issue_queue(kind: str) -> str:
    """Name the queue of one kind of image issue."""
    return f"issue:{kind}"


def class_queue(class_name: str) -> str:
    """Name the queue of one class."""
    return f"class:{class_name}"


def confusion_queue(run_id: int, split: str, given_label: str, predicted_label: str) -> str:
    """Name the queue of one confusion cell."""
    return ":".join(["confusion", str(run_id), split, _quoted(given_label), _quoted(predicted_label)])


def _of_state(where: str, reason: str, **more: Any) -> Segment:
    return Segment("image_state s", "s.image_id", where, reason, kept=where.replace("s.", ""), **more)


_IMPORTED = "'label from ' || s.actor"
_FIXED = {
    "unreviewed": _of_state(
        "s.is_reviewed = 0 AND s.verdict IN ('label', 'clear')",  # Word for word as in its partial index.
        f"CASE s.verdict WHEN 'clear' THEN 'no label yet' ELSE {_IMPORTED} END",
        index="image_state_unreviewed",
    ),
    "flagged": _of_state("s.verdict = 'flag'", "s.reason", index="image_state_verdict"),
    "excluded": _of_state("s.verdict = 'exclude'", "s.reason", index="image_state_verdict"),
    "all": _of_state("1", "s.reason"),
}

FIXED_QUEUES = tuple(_FIXED)


def _of_class(workspace: Workspace, queue: str, name: str) -> list[Segment]:
    row = workspace.one("SELECT id FROM class WHERE name = ?", (name,))
    where = "s.class_id = :class_id AND s.verdict IN ('label', 'flag')"
    reason = f"CASE s.is_reviewed WHEN 1 THEN 'reviewed' ELSE {_IMPORTED} END"
    return [
        _of_state(
            where, reason, index="image_state_in_class", parameters={"class_id": row["id"] if row else -1}
        )
    ]


_TWINS = (
    "(SELECT 'the same picture is called ' || b.name FROM duplicate_pair p CROSS JOIN image_state t ON t.image_id = p.image_{other}_id"
    " JOIN class b ON b.id = t.class_id WHERE p.image_{own}_id = s.image_id AND t.class_id <> s.class_id"
    " AND t.verdict IN ('label', 'flag') LIMIT 1)"
)


def _conflicts(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    found_as = "(SELECT 'also found as ' || o.label FROM origin o WHERE o.image_id = s.image_id AND o.label <> c.name LIMIT 1)"
    twins = [_TWINS.format(own=own, other=other) for own, other in ("ab", "ba")]
    reason = f"COALESCE({', '.join([*twins, found_as])}, 'the places it was found at disagree')"
    return [
        Segment(
            "label_conflict k",
            "k.image_id",
            _NOT_SETTLED,
            reason,
            hint=_HAS_CONFLICT,
            parameters={"queue": queue},
        )
    ]


_HAS_CONFLICT = "EXISTS (SELECT 1 FROM label_conflict h WHERE h.image_id = {0})"
_HAS_DOUBT = "EXISTS (SELECT 1 FROM prediction h WHERE h.run_id = :run_id AND h.image_id = {0} AND h.predicted_label <> h.given_label)"
_HAS_ISSUE = "EXISTS (SELECT 1 FROM image_issue_score h WHERE h.image_id = {0})"
# A judgement in this very queue settles it, whatever was said; one in "worth your time" does so everywhere.
_NOT_SETTLED = "s.verdict <> 'exclude' AND s.judged_in IS NOT :queue AND s.judged_in IS NOT 'worth'"
_SAYS = "printf('run %d says %s, %.0f %% sure', p.run_id, p.predicted_label, 100 * p.confidence)"
_HIDDEN = "p.split = 'test' AND s.judged_in IS NOT :queue"
# Whoever sees what a model says of a test image, and then judges it, makes the test score the model's own.
_SAID = f"CASE WHEN {_HIDDEN} THEN printf('a test image: what run %d says is hidden until you judge it', p.run_id) ELSE {_SAYS} END"
_OPEN_SCORE = f"CASE WHEN {_HIDDEN} THEN NULL ELSE {{}} END"
_OF_RUN = "p.run_id = :run_id AND p.is_out_of_sample = 1"
_DISAGREES = f"{_OF_RUN} AND p.predicted_label <> p.given_label"
_STILL = (
    "s.class_id IS NOT (SELECT id FROM class WHERE name = p.predicted_label)"  # Else it was corrected since.
)


def _model_disagrees(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    return [
        Segment(
            "prediction p",
            "p.image_id",
            f"{_DISAGREES} AND {_STILL} AND {_NOT_SETTLED}",
            _SAID,
            score=_OPEN_SCORE.format("1 - p.confidence"),
            key=("p.confidence", "p.image_id"),
            is_descending=True,  # The surest contradiction first.
            index="prediction_disagrees",
            hint=_HAS_DOUBT,
            parameters={"queue": queue, "run_id": newest_run(workspace) or -1},
        )
    ]


def _uncertain(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    return [
        Segment(
            "prediction p",
            "p.image_id",
            f"{_OF_RUN} AND p.confidence < {EVEN_ODDS} AND {_NOT_SETTLED}",
            _SAID,
            score=_OPEN_SCORE.format("p.confidence"),
            key=("p.confidence", "p.image_id"),
            index="prediction_unsure",
            parameters={"queue": queue, "run_id": newest_run(workspace) or -1},
        )
    ]


def _confusion(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    parts = rest.split(":")
    if len(parts) != 4 or not parts[0].isdigit():
        raise NotFound(
            f"{queue!r} names no confusion cell.",
            "Write confusion:RUN:SPLIT:GIVEN:PREDICTED, for instance confusion:3:valid:dom:eiger.",
        )
    named = {
        "run_id": int(parts[0]),
        "split": parts[1],
        "given": _unquoted(parts[2]),
        "predicted": _unquoted(parts[3]),
    }
    where = "p.run_id = :run_id AND p.split = :split AND p.given_label = :given AND p.predicted_label = :predicted"
    score = _OPEN_SCORE.format("p.confidence")
    parameters = {**named, "queue": queue}
    return [
        Segment(
            "prediction p",
            "p.image_id",
            where,
            _SAID,
            score=score,
            index="prediction_cell",
            parameters=parameters,
        )
    ]


def _issue(workspace: Workspace, queue: str, name: str) -> list[Segment]:
    kind = image_issues.known(name)
    return [_of_issue(kind, image_issues.thresholds(workspace)[kind], _NOT_SETTLED, {"queue": queue})]


def _of_issue(kind: IssueKind, threshold: float, where: str, parameters: Mapping[str, Any]) -> Segment:
    return Segment(
        "image_issue_score q",
        "q.image_id",
        f"q.kind = :kind AND q.score < :threshold AND {where}",
        "printf(:told, q.score, :threshold)",
        score="q.score",
        key=("q.score", "q.image_id"),
        hint=_HAS_ISSUE,
        parameters={
            **parameters,
            "kind": kind,
            "threshold": threshold,
            "told": image_issues.RULES[kind].told,
        },
    )


def _recent(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    others = "CASE s.verdict WHEN 'exclude' THEN 'excluded' WHEN 'flag' THEN 'flagged' ELSE 'cleared' END"
    verbs = f"CASE s.verdict WHEN 'label' THEN 'labelled ' || c.name ELSE {others} END"
    return [
        Segment(
            "image_state s",
            "s.image_id",
            "s.actor GLOB 'human:*'",  # As in its partial index.
            f"{verbs} || ' by ' || substr(s.actor, 7) || ', ' || substr(s.decided_at, 1, 10)",
            key=("s.decision_id",),
            is_descending=True,
            index="image_state_by_people",
        )
    ]


def _sample(workspace: Workspace, queue: str, seed: str) -> list[Segment]:
    """Take the images whose digests follow a place that the seed names: digests are random, and do not change as images arrive."""
    start = hashlib.sha256(f"sample {seed or 0}".encode()).hexdigest()
    above = _stretch(workspace, "digest >= :start", {"start": start}, SAMPLE_SIZE)
    n_above = above.pop("n")
    below = _stretch(workspace, "digest < :start", {"start": start}, SAMPLE_SIZE - n_above)
    where = f"i.digest BETWEEN :first AND :last AND {_NOT_SETTLED}"
    bounds = [above] if n_above == SAMPLE_SIZE else [above, {"first": below["first"], "last": below["last"]}]
    return [
        Segment(
            "image i",
            "i.id",
            where,
            "'random sample'",
            key=("i.digest",),
            parameters={**each, "queue": queue},
        )
        for each in bounds
    ]


def _stretch(workspace: Workspace, where: str, parameters: Mapping[str, Any], n: int) -> dict[str, Any]:
    row = workspace.one(
        f"SELECT COUNT(*) AS n, COALESCE(MIN(digest), 'x') AS first, COALESCE(MAX(digest), '') AS last"
        f" FROM (SELECT digest FROM image WHERE {where} ORDER BY digest LIMIT :n)",
        {**parameters, "n": n},
    )
    return dict(row) if row else {"n": 0, "first": "x", "last": ""}


def _worth(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    """Put first what is most likely wrong: contradictions, then what a model doubts, then bad pictures, the worst first."""
    run_id = newest_run(workspace) or -1
    no_conflict = "NOT EXISTS (SELECT 1 FROM label_conflict k WHERE k.image_id = s.image_id)"
    unseen = f"s.is_reviewed = 0 AND s.verdict IN ('label', 'clear') AND s.judged_in IS NOT 'worth' AND {no_conflict}"
    suspects = _model_disagrees(workspace, queue, "")[0]
    segments = [
        *_conflicts(workspace, queue, ""),
        replace(suspects, where=f"{_DISAGREES} AND {_STILL} AND {unseen}"),
    ]
    no_suspect = (
        f"NOT EXISTS (SELECT 1 FROM prediction p WHERE p.image_id = s.image_id AND {_DISAGREES} AND {_STILL})"
    )
    earlier: list[str] = []
    for kind, threshold in image_issues.thresholds(workspace).items():
        # One condition for all earlier kinds: of many, SQLite would think that they leave so few rows that it may sort them.
        has_earlier = f"EXISTS (SELECT 1 FROM image_issue_score e WHERE e.image_id = s.image_id AND ({' OR '.join(earlier) or '0'}))"
        segments.append(
            _of_issue(kind, threshold, f"{unseen} AND {no_suspect} AND NOT {has_earlier}", {"run_id": run_id})
        )
        earlier.append(f"e.kind = '{kind}' AND e.score < {threshold!r}")
    return segments


_Maker = Callable[[Workspace, str, str], list[Segment]]
"""(workspace, the queue's name, what follows the first colon) -> its stretches."""

_MAKERS: dict[str, _Maker] = {
    WORTH: _worth,
    "conflicts": _conflicts,
    "model-disagrees": _model_disagrees,
    "uncertain": _uncertain,
    "recent": _recent,
    "sample": _sample,
    "class": _of_class,
    "issue": _issue,
    "confusion": _confusion,
}
_NAMED = {"class": "NAME", "issue": "KIND", "confusion": "RUN:SPLIT:GIVEN:PREDICTED"}


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace(":", "%3A")


def _unquoted(name: str) -> str:
    return name.replace("%3A", ":").replace("%25", "%")
