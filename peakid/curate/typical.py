"""Find images that show what a class looks like where no person has marked one as typical."""

from collections.abc import Sequence

from peakid.curate import image_issues
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
        class_names: As the run knows them.
    """
    run_id = queue_plans.newest_run(workspace)
    if run_id is None:
        return {}
    issues = " OR ".join(
        f"(e.kind = '{kind}' AND e.score < {threshold!r})"
        for kind, threshold in image_issues.thresholds(workspace).items()
        if not image_issues.RULES[kind].is_cosmetic
    )
    found: dict[str, list[str]] = {}
    for name in class_names:
        digests: list[str] = []
        for split in _SPLITS:
            digests += _of_split(workspace, run_id, split, name, N_IMAGES - len(digests), issues)
        if digests:
            found[name] = digests
    return found


def _of_split(
    workspace: Workspace, run_id: int, split: str, class_name: str, n_images: int, issues: str
) -> list[str]:
    rows = workspace.query(
        "SELECT i.digest FROM (SELECT p.image_id, p.confidence FROM prediction p"
        " JOIN image_state s ON s.image_id = p.image_id JOIN class c ON c.id = s.class_id"
        " WHERE p.run_id = :run_id AND p.split = :split AND p.given_label = :name"
        " AND p.predicted_label = :name AND s.verdict = 'label' AND c.name = :name"
        f" AND NOT EXISTS (SELECT 1 FROM image_issue_score e WHERE e.image_id = p.image_id AND ({issues}))"
        " LIMIT :most) f"
        " JOIN image i ON i.id = f.image_id ORDER BY f.confidence DESC, f.image_id LIMIT :n",
        {"run_id": run_id, "split": split, "name": class_name, "most": _MOST_COMPARED, "n": n_images},
    )
    return [row["digest"] for row in rows]
