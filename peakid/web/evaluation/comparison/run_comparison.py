"""Two runs side by side: accuracy on the same images, significance of the difference, differing settings."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.evaluate import score_text
from peakid.evaluate.comparing import compare as comparing
from peakid.evaluate.comparing.compare import Comparison
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import names, session, tables, words
from peakid.web.training import recipe_draft


def show(workspace: Workspace, a: Run, b: Run, *, actor: str) -> None:
    """Draw how run `b` compares with run `a` on validation, so that the test split is not used.

    Raises:
        BadInput: If they share no scored image.
    """
    compared = comparing.compare(workspace, a.run_id, b.run_id, split="valid", actor=actor)
    cells = st.columns([2, 2, 4])
    cells[0].metric(names.run_name(a), score_text.percent(compared.accuracy_a))
    cells[1].metric(names.run_name(b), score_text.percent(compared.accuracy_b))
    low, high = (100 * bound for bound in compared.difference_interval)
    difference = score_text.difference(compared.accuracy_b - compared.accuracy_a)
    cells[2].metric("Difference", f"{difference} ({low:+.1f} to {high:+.1f})", help="With its 95 % interval.")
    st.markdown(finding(compared))
    if compared.warnings:
        st.warning("  \n".join(map(session.plain, compared.warnings)), icon=":material/warning:")
    tables.show(_differences(workspace, a, b), height="content")


def finding(compared: Comparison) -> str:
    """Say, as Markdown, which run is better and whether the difference is significant (McNemar's test)."""
    n_common = words.n_of(compared.n_common, "validation image")
    common = f"On the {n_common} that both runs scored, with the newest labels"
    only_a, only_b = f"only run {compared.a} is correct on", f"only run {compared.b} on"
    only = f"{only_a} {compared.n_only_a:,}, {only_b} {compared.n_only_b:,}"
    if compared.n_only_a == compared.n_only_b:
        return f"{common}, {only}: **no difference**."
    better = compared.b if compared.n_only_b > compared.n_only_a else compared.a
    if compared.is_real:
        return f"{common}, {only}: **run {better} is better** (p = {compared.mcnemar_p:.3f})."
    p_value = f"(p = {compared.mcnemar_p:.2f})"
    return f"{common}, {only}: **not significant** {p_value}. More images are needed to tell."


def _differences(workspace: Workspace, a: Run, b: Run) -> list[dict[str, str]]:
    rows = [_row("Snapshot", names.snapshot_of(a), names.snapshot_of(b), a, b)]
    if a.starting_weights != b.starting_weights:
        rows.append(_row("Pretrained weights", a.started_from, b.started_from, a, b))
    fields = [name for name in a.recipe if a.recipe[name] != b.recipe.get(name)]
    for name in fields:
        rows.append(_row(recipe_draft.field_label(name), a.recipe[name], b.recipe.get(name, "-"), a, b))
    if a.snapshot_digest != b.snapshot_digest:
        changes = snapshots.diff(workspace, a.snapshot_digest, b.snapshot_digest)
        changed = ", ".join(f"{len(images):,} {kind}" for kind, images in changes.items())
        rows.append(_row("Changed images", "-", changed, a, b))
    return rows


def _row(what: str, of_a: object, of_b: object, a: Run, b: Run) -> dict[str, str]:
    return {"Setting": what, names.run_name(a): str(of_a), names.run_name(b): str(of_b)}
