"""What a training would take, and the images as the model would receive them: asked for, measured as a job, and shown."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import streamlit as st

from peakid.jobs import queue, submit
from peakid.recipe.recipe import Recipe
from peakid.records import Job
from peakid.store.workspace import Workspace
from peakid.web import session
from peakid.web.jobs import job_panel, progress

PER_ROW = 6


def show(workspace: Workspace, snapshot_digest: str, recipe: Recipe) -> None:
    """Offer to measure this recipe on this snapshot, and draw what was found, also by someone else before."""
    job = _newest(workspace, snapshot_digest, recipe)
    if job is None or job.state in ("failed", "lost", "cancelled"):
        _ask(workspace, snapshot_digest, recipe)
    if job is not None:
        job_panel.show(workspace, job, body=lambda ended: _show_found(workspace, ended))


def headline(found: Mapping[str, Any]) -> str:
    """Say the whole: `About 12 min on cpu, 1.9 GB of memory.`"""
    return f"About {progress.duration(found['seconds'])} on {found['device']}, {found['memory_mb'] / 1000:.1f} GB of memory."


def lines(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer a row for each phase, and one each for decoding and predicting."""
    rows = [
        {
            "Part": phase["name"],
            "Takes": progress.duration(phase["extra_s"] + phase["epochs"] * phase["epoch_s"]),
            "Epochs": phase["epochs"],
            "An epoch": progress.duration(phase["epoch_s"]),
            "Image size": f"{phase['image_size_px']} px",
            "Images at once": phase["batch_size"],
            "Memory": f"{phase['memory_mb'] / 1000:.1f} GB",
        }
        for phase in found["phases"]
    ]
    rows.insert(0, {"Part": "decode the images", "Takes": progress.duration(found["decode_s"])})
    return [*rows, {"Part": "predict every image", "Takes": progress.duration(found["predict_s"])}]


def _newest(workspace: Workspace, snapshot_digest: str, recipe: Recipe) -> Job | None:
    """Find the newest estimate of exactly this; leaks change nothing about it."""
    asked = {"snapshot": snapshot_digest, "recipe": _plain(recipe)}
    jobs = (job for job in queue.list_jobs(workspace) if job.kind == "estimate")
    return next(
        (
            job
            for job in jobs
            if {**job.arguments, "recipe": {**job.arguments["recipe"], "allow_leaks": False}} == asked
        ),
        None,
    )


def _plain(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_copy(update={"allow_leaks": False}).model_dump(mode="json")


def _ask(workspace: Workspace, snapshot_digest: str, recipe: Recipe) -> None:
    st.caption(
        "Measures a few batches, trains nothing: the time of every phase, the memory, and twelve images as the model would see them."
    )
    if not st.button("Estimate this training", icon=":material/timer:"):
        return
    form = f"estimate:{snapshot_digest}:{recipe.model_dump_json()}"
    with session.error_boundary():
        job_panel.submit_once(
            form,
            lambda request_id: submit.estimate(
                workspace, recipe, snapshot=snapshot_digest, request_id=request_id, actor=session.actor()
            ),
        )
        st.rerun()


def _show_found(workspace: Workspace, job: Job) -> None:
    if job.state != "done":
        return
    found = job.result
    st.markdown(f"**{headline(found)}**")
    for note in found["notes"]:
        st.info(session.plain(note))
    st.dataframe(lines(found), hide_index=True, height="content", placeholder="")
    st.caption(session.plain(f"Measured with {found['pretrained']}."))
    _show_images(workspace.path / found["folder"], found["seen"])


def _show_images(folder: Path, seen: Sequence[Mapping[str, str]]) -> None:
    """Draw the images of each phase behind a tab, with their labels."""
    rows = [row for row in seen if (folder / row["file"]).is_file()]
    if not rows:
        st.caption("The images that the model would see were cleared away; estimate again to see them.")
        return
    st.caption("Twelve images as the model would receive them:")
    phases = {phase: list(group) for phase, group in groupby(rows, key=lambda row: row["phase"])}
    for tab, group in zip(st.tabs([session.plain(phase) for phase in phases]), phases.values(), strict=True):
        for at in range(0, len(group), PER_ROW):
            for cell, row in zip(tab.columns(PER_ROW, gap="small"), group[at : at + PER_ROW], strict=False):
                cell.image(folder / row["file"], width="stretch", caption=session.plain(row["label"]))
