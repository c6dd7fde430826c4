"""Find images that show what a class looks like where no person has marked one as typical."""

import json
from collections.abc import Mapping, Sequence

from peakid.curate import classes, image_issues
from peakid.curate.queues import queue_plans
from peakid.store.workspace import Workspace

N_IMAGES = 3
_MOST_COMPARED = 200  # Images of a class whose confidences are compared: sorting thousands takes too long.
_SPLITS = ("valid", "train")  # Test predictions are hidden until a person has judged the image.


def best_recognised(workspace: Workspace, class_names: Sequence[str]) -> dict[str, list[str]]:
    """Return up to three images of each class that the newest run is most sure of, by class.

    They are labelled and predicted as the class, and are not dark, blurry or damaged. Images that the run
    was not trained on come first. A class without such images is left out; without a finished run, all are.

    Args:
        class_names: As they are called now. The run may know them by earlier names, or by several that were
            merged since.
    """
    run_id = queue_plans.newest_run(workspace)
    if run_id is None:
        return {}
    issues = " OR ".join(
        f"(e.kind = '{kind}' AND e.score < {threshold!r})"
        for kind, threshold in image_issues.thresholds(workspace).items()
        if not image_issues.RULES[kind].is_cosmetic
    )
    names_of: dict[str, list[str]] = {}
    for known, now in classes.current_names(workspace).items():
        names_of.setdefault(now, []).append(known)
    found: dict[str, list[str]] = {}
    for name in class_names:
        names = names_of.get(name, [name])
        digests: list[str] = []
        for split in _SPLITS:
            wanted = {"run_id": run_id, "split": split, "name": name, "n": N_IMAGES - len(digests)}
            digests += _of_split(workspace, wanted, names, issues)
        if digests:
            found[name] = digests
    return found


def _of_split(
    workspace: Workspace, wanted: Mapping[str, str | int], names: Sequence[str], issues: str
) -> list[str]:
    """Return the digests of a split that the run is most sure of.

    Args:
        wanted: Run, split and name of the class, and how many images.
        names: Those that the class has or had.
        issues: Condition on the image issues, in SQL.
    """
    rows = workspace.query(
        "SELECT i.digest FROM (SELECT p.image_id, p.confidence FROM prediction p"
        " JOIN image_state s ON s.image_id = p.image_id JOIN class c ON c.id = s.class_id"
        " WHERE p.run_id = :run_id AND p.split = :split"
        " AND p.given_label IN (SELECT value FROM json_each(:names))"
        " AND p.predicted_label IN (SELECT value FROM json_each(:names))"
        " AND s.verdict = 'label' AND c.name = :name"
        f" AND NOT EXISTS (SELECT 1 FROM image_issue_score e WHERE e.image_id = p.image_id AND ({issues}))"
        " LIMIT :most) f"
        " JOIN image i ON i.id = f.image_id ORDER BY f.confidence DESC, f.image_id LIMIT :n",
        {**wanted, "names": json.dumps(names), "most": _MOST_COMPARED},
    )
    return [row["digest"] for row in rows]
