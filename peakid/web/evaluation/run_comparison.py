"""Two runs side by side: their scores on the same images, whether the difference is real, and what differs in recipe and data."""

from typing import Any

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.evaluate import compare as comparing
from peakid.evaluate.compare import Comparison
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import names, words
from peakid.web.training import recipe_form


def show(workspace: Workspace, a: Run, b: Run, *, actor: str) -> None:
    """Draw how run `b` does against run `a`; on valid, so that no look at test is spent.

    Raises:
        BadInput: If they share no scored image.
    """
    compared = comparing.compare(workspace, a.run_id, b.run_id, split="valid", actor=actor)
    cells = st.columns(3)
    cells[0].metric(f"Run {a.run_id}", f"{compared.accuracy_a:.2f}")
    cells[1].metric(f"Run {b.run_id}", f"{compared.accuracy_b:.2f}")
    low, high = compared.difference_interval
    difference = compared.accuracy_b - compared.accuracy_a
    cells[2].metric("Difference", f"{difference:+.2f} ({low:+.2f} to {high:+.2f})")
    st.markdown(finding(compared))
    st.dataframe(_differences(workspace, a, b), hide_index=True, height="content")


def finding(compared: Comparison) -> str:
    """Say whether the difference is more than luck."""
    common = f"On the {words.n_of(compared.n_common, 'image')} of valid that both were scored on, under the newest labels"
    only = f"only run {compared.a} is right on {compared.n_only_a:,}, only run {compared.b} on {compared.n_only_b:,}"
    if compared.n_only_a == compared.n_only_b:
        return f"{common}, {only}: **no difference**."
    better = compared.b if compared.n_only_b > compared.n_only_a else compared.a
    if compared.is_real:
        return f"{common}, {only}: **run {better} is better** (p = {compared.mcnemar_p:.3f})."
    return f"{common}, {only}: **this may be luck** (p = {compared.mcnemar_p:.2f}); more images would tell."


def _differences(workspace: Workspace, a: Run, b: Run) -> list[dict[str, Any]]:
    snapshot_a, snapshot_b = (names.short_snapshot(run.snapshot_name, run.snapshot_digest) for run in (a, b))
    rows = [_row("Snapshot", snapshot_a, snapshot_b, a, b)]
    if a.starting_weights != b.starting_weights:
        rows.append(_row("Started from", a.started_from, b.started_from, a, b))
    fields = [name for name in a.recipe if a.recipe[name] != b.recipe.get(name)]
    rows += [
        _row(recipe_form.LABELS.get(name, name), a.recipe[name], b.recipe.get(name, ""), a, b)
        for name in fields
    ]
    if a.snapshot_digest != b.snapshot_digest:
        changes = snapshots.diff(workspace, a.snapshot_digest, b.snapshot_digest)
        told = ", ".join(f"{len(images):,} {kind}" for kind, images in changes.items())
        rows.append(_row("Images since", "", told, a, b))
    return rows


def _row(what: str, of_a: object, of_b: object, a: Run, b: Run) -> dict[str, Any]:
    return {"": what, f"Run {a.run_id}": str(of_a), f"Run {b.run_id}": str(of_b)}
