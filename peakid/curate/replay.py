"""Replay the decision log without some of its steps: which label each image would have."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from peakid.records import Verdict
from peakid.store.workspace import Workspace

_THESE = "(SELECT value FROM json_each(:step_ids))"


@dataclass(frozen=True)
class ReplayedState:
    """The state of an image; `class_id` is None where it has no label."""

    verdict: Verdict
    class_id: int | None
    is_reviewed: bool
    actor: str


NO_STATE = ReplayedState("clear", None, False, "")


@dataclass(frozen=True)
class _Logged:
    decision_id: int
    step_id: int
    undoes: int | None
    state: ReplayedState


def states_without(workspace: Workspace, step_ids: Collection[int]) -> dict[int, ReplayedState]:
    """Return the state that each image judged in these steps would have without them, by image id.

    Later decisions of other steps stay as they are. An undo restores what was there before, as it would have
    been: it does not bring back a judgement that is left out. Classes that were merged stay merged.
    """
    rows = workspace.query(
        "SELECT d.image_id, d.id, d.step_id, d.undoes, d.verdict, d.class_id, d.is_reviewed, d.actor"
        f" FROM decision d WHERE d.image_id IN (SELECT image_id FROM decision WHERE step_id IN {_THESE})"
        " ORDER BY d.image_id, d.id",
        {"step_ids": json.dumps(sorted(step_ids))},
    )
    of_image: dict[int, list[_Logged]] = defaultdict(list)
    for row in rows:
        state = ReplayedState(row["verdict"], row["class_id"], bool(row["is_reviewed"]), row["actor"])
        of_image[row["image_id"]].append(_Logged(row["id"], row["step_id"], row["undoes"], state))
    undone = _undone_steps(workspace)
    now = _classes_now(workspace)
    return {
        image_id: _now_called(_replayed(logged, set(step_ids), undone), now)
        for image_id, logged in of_image.items()
    }


def also_shown_without(workspace: Workspace, step_ids: Collection[int]) -> set[int]:
    """Return the images remarked on in these steps that would show a further class without them."""
    rows = workspace.query(
        "SELECT r.image_id, r.class_id, r.is_on, s.class_id AS label FROM remark r"
        " JOIN image_state s ON s.image_id = r.image_id"
        f" WHERE r.kind = 'also' AND r.step_id NOT IN {_THESE} AND r.image_id IN"
        f" (SELECT image_id FROM remark WHERE kind = 'also' AND step_id IN {_THESE}) ORDER BY r.id",
        {"step_ids": json.dumps(sorted(step_ids))},
    )
    newest = {(row["image_id"], row["class_id"]): row for row in rows}
    return {image for (image, class_id), row in newest.items() if row["is_on"] and class_id != row["label"]}


def remarked_in(workspace: Workspace, step_ids: Collection[int]) -> set[int]:
    """Return the images whose further classes were changed in these steps."""
    rows = workspace.query(
        f"SELECT DISTINCT image_id FROM remark WHERE kind = 'also' AND step_id IN {_THESE}",
        {"step_ids": json.dumps(sorted(step_ids))},
    )
    return {row["image_id"] for row in rows}


def _replayed(logged: Sequence[_Logged], left_out: set[int], undone: Mapping[int, set[int]]) -> ReplayedState:
    """Return the state of one image after its decisions, oldest first, without those of some steps."""
    state, before = NO_STATE, {}  # `before`: by decision, the state that it would have been made in.
    for place, each in enumerate(logged):
        before[each.decision_id] = state
        if each.step_id in left_out:
            continue
        if each.undoes is None:
            state = each.state
        else:
            state = before[_first_undone(logged[:place], each, undone.get(each.step_id, set()))]
    return state


def _first_undone(earlier: Sequence[_Logged], reversal: _Logged, steps: set[int]) -> int:
    """Return the first decision of the unbroken series that a reversal took back, which ends at `undoes`."""
    places = {each.decision_id: place for place, each in enumerate(earlier)}
    place = places[reversal.undoes or 0]
    while place and earlier[place - 1].step_id in steps:
        place -= 1
    return earlier[place].decision_id


def _undone_steps(workspace: Workspace) -> dict[int, set[int]]:
    """Return the steps that each undo and redo took back."""
    rows = workspace.query(
        "SELECT id, undoes_step_id FROM step WHERE undoes_step_id IS NOT NULL"
        " UNION ALL SELECT step_id, undone_step_id FROM step_taken_back"
    )
    found: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        found[row[0]].add(row[1])
    return found


def _classes_now(workspace: Workspace) -> dict[int, int]:
    """Return the class that each merged class is now."""
    rows = workspace.query("SELECT id, merged_into_id FROM class WHERE merged_into_id IS NOT NULL")
    into = {row[0]: row[1] for row in rows}
    found = {}
    for class_id in into:
        target = class_id
        while target in into:
            target = into[target]
        found[class_id] = target
    return found


def _now_called(state: ReplayedState, now: Mapping[int, int]) -> ReplayedState:
    class_id = state.class_id
    if class_id is None or class_id not in now:
        return state
    return ReplayedState(state.verdict, now[class_id], state.is_reviewed, state.actor)
