"""What speaks against a score, in sentences: leaks, labels without review, labels that changed since."""

from peakid.evaluate import ranked_labels
from peakid.evaluate.report import EvaluationReport
from peakid.records import Run
from peakid.store.workspace import Workspace


def of(workspace: Workspace, scored: EvaluationReport, run: Run, *, n_leaks: int) -> list[str]:
    """Return the warnings about a score, about its data, and about the training behind it.

    Args:
        n_leaks: Groups of near duplicates in several splits of the snapshot.
    """
    # The report itself says when the model predicts a single class.
    training = [warning.text for warning in run.warnings if warning.kind != "collapsed"]
    ranked = ranked_labels.find(workspace, run, scored.split, with_tta=scored.tta is not None)
    pointed_at = [ranked.sentence] if ranked.sentence else []
    leaks = _between_folds(workspace, run) if scored.split == "cv" else _between_splits(n_leaks)
    return [*scored.warnings, *leaks, *_about_data(scored), *pointed_at, *training]


def _between_splits(n_leaks: int) -> list[str]:
    if not n_leaks:
        return []
    groups, verb = _n_of(n_leaks, "group"), "is" if n_leaks == 1 else "are"
    text = f"{groups} of near duplicates {verb} in different splits of its snapshot: the score is too high."
    return [text]


def _between_folds(workspace: Workspace, run: Run) -> list[str]:
    """Folds keep groups together, whatever the splits; near duplicates that were found later may be apart."""
    row = workspace.query(
        "SELECT COUNT(*) AS n FROM (SELECT a.image_id FROM duplicate_pair d"
        " JOIN snapshot_item a ON a.snapshot_id = :snapshot AND a.image_id = d.image_a_id"
        " JOIN snapshot_item b ON b.snapshot_id = :snapshot AND b.image_id = d.image_b_id"
        " JOIN prediction p ON p.run_id = :run AND p.image_id = a.image_id"
        " JOIN prediction q ON q.run_id = :run AND q.image_id = b.image_id"
        " WHERE a.group_key <> b.group_key AND COALESCE((SELECT j.verdict FROM pair_judgement j"
        " WHERE j.image_a_id = d.image_a_id AND j.image_b_id = d.image_b_id"
        " ORDER BY j.id DESC LIMIT 1), 'open') <> 'different')",
        {"snapshot": run.snapshot_id, "run": run.run_id},
    )[0]
    if not row["n"]:
        return []
    pairs = (
        "1 pair of near duplicates was" if row["n"] == 1 else f"{row['n']:,} pairs of near duplicates were"
    )
    return [
        f"{pairs} found after its snapshot was frozen and may be in different folds: the score may be too"
        " high."
    ]


def _about_data(scored: EvaluationReport) -> list[str]:
    found = []
    if scored.n_unreviewed:
        n_labels = f"{scored.n_unreviewed:,} of {scored.n_images:,} labels"
        found.append(f"{n_labels} here were never confirmed by a person.")
    if scored.n_either:
        shows = "shows" if scored.n_either == 1 else "show"
        images = _n_of(scored.n_either, "image")
        found.append(f"{images} also {shows} the predicted class: counted as correct.")
    if scored.n_changed:
        images, was = _n_of(scored.n_changed, "image"), "was" if scored.n_changed == 1 else "were"
        found.append(
            f"{images} here {was} relabelled or excluded since. Train again to include these changes."
        )
    return found


def _n_of(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
