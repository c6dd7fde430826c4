"""Define each queue as SQL: its images, their order, and why each is in it. An index serves every queue."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from peakid import near_names
from peakid.clean_text import whole_number
from peakid.curate import image_issues
from peakid.curate.queues import (
    audits,
    compared_runs,
    run_errors,
    search_plans,
    segments,
    selections,
    suggested,
    worth,
)
from peakid.curate.queues.filters import SqlValue
from peakid.curate.queues.segments import Segment
from peakid.errors import NotFound
from peakid.remedies import action
from peakid.store.workspace import Workspace

WORTH = suggested.WORTH
SAMPLE_SIZE = 200  # Images: measures an error rate of 5 % to within 3 points.
_OF_ONE_RUN = (run_errors.CONFUSION, run_errors.ERRORS)
_RANKED_BY_MODEL = ("model-disagrees", "uncertain", *_OF_ONE_RUN, WORTH)
# sample:SEED, label-issues:all, suggestions:useful, outliers:CLASS
_WITH_OPTION = ("sample", suggested.LABEL_ISSUES, suggested.SUGGESTIONS, search_plans.OUTLIERS)


def plan(workspace: Workspace, queue: str) -> list[Segment]:
    """Return the segments of a queue in their order; no image is in two of them.

    Raises:
        NotFound: If there is no such queue.
    """
    if queue in _FIXED:
        return [_FIXED[queue]]
    kind, _, rest = queue.partition(":")
    maker = _MAKERS.get(kind)
    is_complete = kind in _WITH_OPTION or bool(rest) == (kind in _NAMED)
    if maker is None or not is_complete:
        known = [*_FIXED, *(f"{name}:{_NAMED[name]}" if name in _NAMED else name for name in _MAKERS)]
        raise NotFound(
            f"There is no queue {queue!r}.",
            near_names.remedy(kind, [*_FIXED, *_MAKERS], f"Choose one of: {', '.join(known)}."),
            action("open_queue", queue="all"),
        )
    return maker(workspace, queue, rest)


def newest_run(workspace: Workspace) -> int | None:
    """Return the newest finished run with predictions for images it was not trained on."""
    row = workspace.one(
        "SELECT r.id FROM run r INDEXED BY run_done WHERE r.state = 'done' AND r.made_for = ''"
        " AND EXISTS (SELECT 1 FROM prediction p WHERE p.run_id = r.id AND p.is_out_of_sample = 1)"
        " ORDER BY r.id DESC LIMIT 1"
    )
    return row["id"] if row else None


def run_that_ranks(workspace: Workspace, queue: str) -> int | None:
    """Return the run whose predictions chose the images of a queue, None where no model chose them."""
    kind, _, rest = queue.partition(":")
    if kind == selections.SELECTION:
        return selections.run_of(workspace, rest)
    if kind == compared_runs.WON:
        return compared_runs.run_that_is_wrong(rest)
    if kind not in _RANKED_BY_MODEL:
        return None
    number = rest.partition(":")[0]
    return whole_number(number) if kind in _OF_ONE_RUN else newest_run(workspace)


def issue_queue(kind: str) -> str:
    """Return the name of the queue of one kind of image issue."""
    return f"issue:{kind}"


def class_queue(class_name: str) -> str:
    """Return the name of the queue of one class."""
    return f"class:{class_name}"


def _of_state(
    where: str, reason: str, *, index: str = "", parameters: Mapping[str, SqlValue] | None = None
) -> Segment:
    """Return a segment that is a condition on image_state alone, which state_count therefore counts."""
    return Segment(
        "image_state s",
        "s.image_id",
        where,
        reason,
        index=index,
        kept=where.replace("s.", ""),
        parameters=parameters or {},
    )


_LABEL_SOURCE = (
    "'label from ' || CASE WHEN s.actor GLOB 'import:*' THEN 'an imported ' || substr(s.actor, 8)"
    " ELSE s.actor END"
)
_FIXED = {
    "unreviewed": _of_state(
        "s.is_reviewed = 0 AND s.verdict IN ('label', 'clear')",  # Word for word as in its partial index.
        f"CASE s.verdict WHEN 'clear' THEN 'no label yet' ELSE {_LABEL_SOURCE} END",
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
    reason = f"CASE s.is_reviewed WHEN 1 THEN 'reviewed' ELSE {_LABEL_SOURCE} END"
    parameters: dict[str, SqlValue] = {"class_id": row["id"] if row else -1}
    return [_of_state(where, reason, index="image_state_in_class", parameters=parameters)]


_DUPLICATE_LABEL = (
    "(SELECT 'a duplicate is labelled ' || b.name FROM duplicate_pair p"
    " CROSS JOIN image_state t ON t.image_id = p.image_{other}_id JOIN class b ON b.id = t.class_id"
    " WHERE p.image_{own}_id = s.image_id AND t.class_id <> s.class_id"
    " AND t.verdict IN ('label', 'flag') LIMIT 1)"
)
_OTHER_FOLDER = (
    "(SELECT 'also found as ' || o.label FROM origin o"
    " WHERE o.image_id = s.image_id AND o.label <> c.name LIMIT 1)"
)


def _conflicts(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    duplicates = [_DUPLICATE_LABEL.format(own=own, other=other) for own, other in ("ab", "ba")]
    reason = f"COALESCE({', '.join([*duplicates, _OTHER_FOLDER])}, 'found under several labels')"
    return [
        Segment(
            "label_conflict k",
            "k.image_id",
            _NOT_SETTLED,
            reason,
            key=("k.beside_id", "k.image_id"),  # Duplicates follow each other.
            index="label_conflict_side_by_side",
            hint=_HAS_CONFLICT,
            parameters={"queue": queue},
        )
    ]


_HAS_CONFLICT = "EXISTS (SELECT 1 FROM label_conflict h WHERE h.image_id = {0})"
_HAS_ERROR = (
    "EXISTS (SELECT 1 FROM prediction h WHERE h.run_id = :run_id AND h.image_id = {0}"
    " AND h.predicted_label <> h.given_label)"
)
_NOT_SETTLED = segments.NOT_SETTLED
_OF_RUN = "p.run_id = :run_id AND p.is_out_of_sample = 1"
_DISAGREES = f"{_OF_RUN} AND p.predicted_label <> p.given_label"
_STILL = f"s.class_id IS NOT {run_errors.PREDICTED_ID}"  # Not corrected since the prediction.


def _model_disagrees(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    return [
        Segment(
            "prediction p",
            "p.image_id",
            f"{_DISAGREES} AND {_STILL} AND {_NOT_SETTLED}",
            run_errors.REASON,
            score=run_errors.SHOWN_SCORE.format("1 - p.confidence"),
            predicted=run_errors.SHOWN_LABEL,
            key=("p.confidence", "p.image_id"),
            is_descending=True,  # The most confident disagreement first.
            index="prediction_disagrees",
            hint=_HAS_ERROR,
            parameters={"queue": queue, "run_id": newest_run(workspace) or -1},
        )
    ]


def _uncertain(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    return [
        Segment(
            "prediction p",
            "p.image_id",
            f"{_OF_RUN} AND p.confidence < {worth.UNCERTAIN_BELOW} AND {_NOT_SETTLED}",
            run_errors.REASON,
            score=run_errors.SHOWN_SCORE.format("p.confidence"),
            predicted=run_errors.SHOWN_LABEL,
            key=("p.confidence", "p.image_id"),
            index="prediction_unsure",
            parameters={"queue": queue, "run_id": newest_run(workspace) or -1},
        )
    ]


def _issue(workspace: Workspace, queue: str, name: str) -> list[Segment]:
    kind = image_issues.known(name)
    return [segments.of_issue(kind, image_issues.thresholds(workspace)[kind], _NOT_SETTLED, {"queue": queue})]


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
    """Take the images whose digests follow a start that the seed gives.

    Digests are random and do not change when images arrive, so the sample is random and stable.
    """
    start = hashlib.sha256(f"sample {seed or 0}".encode()).hexdigest()
    ranges = [_digest_range(workspace, "digest >= :start", start, SAMPLE_SIZE)]
    if ranges[0].n_images < SAMPLE_SIZE:  # Continue from the smallest digest.
        ranges.append(_digest_range(workspace, "digest < :start", start, SAMPLE_SIZE - ranges[0].n_images))
    where = f"i.digest BETWEEN :first AND :last AND {_NOT_SETTLED}"
    return [
        Segment(
            "image i",
            "i.id",
            where,
            "'random sample'",
            key=("i.digest",),
            parameters={"first": each.first, "last": each.last, "queue": queue},
        )
        for each in ranges
    ]


@dataclass(frozen=True)
class _DigestRange:
    """Images with digests from `first` to `last`; without images `first` is above `last`."""

    n_images: int
    first: str
    last: str


def _digest_range(workspace: Workspace, where: str, start: str, n_images: int) -> _DigestRange:
    row = workspace.query(
        "SELECT COUNT(*) AS n, COALESCE(MIN(digest), 'x') AS first, COALESCE(MAX(digest), '') AS last"
        f" FROM (SELECT digest FROM image WHERE {where} ORDER BY digest LIMIT :n)",
        {"start": start, "n": n_images},
    )[0]
    return _DigestRange(row["n"], row["first"], row["last"])


def _worth(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    (uncertain,) = _uncertain(workspace, queue, "")
    if suggested.fit_number(workspace):
        doubtful = replace(suggested.label_issues(workspace, queue), where=suggested.ISSUE)
    else:
        (disagrees,) = _model_disagrees(workspace, queue, "")
        doubtful = replace(disagrees, where=f"{_DISAGREES} AND {_STILL}")
    return worth.plan(workspace, _conflicts(workspace, queue, ""), doubtful, uncertain)


def _label_issues(workspace: Workspace, queue: str, which: str) -> list[Segment]:
    if queue not in (suggested.LABEL_ISSUES, suggested.EVERY_ISSUE):
        raise NotFound(
            f"There is no queue {queue!r}.",
            f"Use {suggested.LABEL_ISSUES} or {suggested.EVERY_ISSUE}.",
            action("open_queue", queue=suggested.LABEL_ISSUES),
        )
    return [suggested.label_issues(workspace, queue)]


def _suggestions(workspace: Workspace, queue: str, order: str) -> list[Segment]:
    if queue == suggested.MOST_USEFUL:
        return [suggested.most_useful(workspace, queue)]
    if queue != suggested.SUGGESTIONS:
        raise NotFound(
            f"There is no queue {queue!r}.",
            f"Use {suggested.SUGGESTIONS} or {suggested.MOST_USEFUL}.",
            action("open_queue", queue=suggested.SUGGESTIONS),
        )
    return [suggested.suggestions(workspace, queue)]


def _audit(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    return audits.segments(workspace, queue)


_Maker = Callable[[Workspace, str, str], list[Segment]]
"""(workspace, name of the queue, the part after the first colon) -> its segments."""

_MAKERS: dict[str, _Maker] = {
    WORTH: _worth,
    suggested.LABEL_ISSUES: _label_issues,
    suggested.SUGGESTIONS: _suggestions,
    "conflicts": _conflicts,
    "model-disagrees": _model_disagrees,
    "uncertain": _uncertain,
    "recent": _recent,
    "sample": _sample,
    audits.AUDIT: _audit,
    "class": _of_class,
    "issue": _issue,
    run_errors.CONFUSION: run_errors.plan_confusion,
    run_errors.ERRORS: run_errors.plan_errors,
    compared_runs.WON: compared_runs.plan,
    selections.SELECTION: selections.plan_selection,
    selections.ONE_IMAGE: selections.plan_image,
    search_plans.SIMILAR: search_plans.similar_to,
    search_plans.OUTLIERS: search_plans.outliers,
    search_plans.ALONE: search_plans.alone,
    search_plans.IRRELEVANT: search_plans.irrelevant,
}
_NAMED = {
    audits.AUDIT: "STEP",
    "class": "NAME",
    "issue": "KIND",
    run_errors.CONFUSION: "RUN:SPLIT:GIVEN:PREDICTED",
    run_errors.ERRORS: "RUN:SPLIT",
    compared_runs.WON: "RUN:RUN:SPLIT",
    selections.SELECTION: "ID",
    selections.ONE_IMAGE: "ID",
    search_plans.SIMILAR: "DIGEST",
}
