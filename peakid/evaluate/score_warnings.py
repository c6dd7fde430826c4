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
    return [*scored.warnings, *_about_data(scored, n_leaks), *pointed_at, *training]


def _about_data(scored: EvaluationReport, n_leaks: int) -> list[str]:
    found = []
    if n_leaks:
        groups, verb = _n_of(n_leaks, "group"), "is" if n_leaks == 1 else "are"
        found.append(
            f"{groups} of near duplicates {verb} in different splits of its snapshot: the score is too high."
        )
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
