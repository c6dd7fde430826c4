"""An estimate of a training, measured as a job: time, memory, and images as the model would receive them."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import streamlit as st

from peakid import paths
from peakid.jobs import queue, submit
from peakid.jobs.arguments import EstimateArguments
from peakid.jobs.job import Job
from peakid.jobs.results import EstimateResult, InputImage
from peakid.recipe.recipe import Recipe
from peakid.store.workspace import Workspace
from peakid.web import session, tables
from peakid.web.jobs import job_panel, progress, submission
from peakid.web.training import weights_folder

PER_ROW = 6
Row = dict[str, str | int]  # One row of the table: the keys are its columns.


def show(workspace: Workspace, snapshot_digest: str, recipe: Recipe) -> None:
    """Offer to estimate this recipe on this snapshot, and draw the newest estimate of it by anybody."""
    job = _newest(workspace, snapshot_digest, recipe)
    if job is None or job.state in queue.RESUMABLE:
        _offer(workspace, snapshot_digest, recipe)
    if job is not None:
        job_panel.show(workspace, job, body=lambda ended: _show_result(workspace, ended))


def headline(found: EstimateResult) -> str:
    """Return the total: `About 12 min on cpu, 1.9 GB of memory.`"""
    memory = f"{found.memory_mb / 1000:.1f} GB of memory"
    return f"About {progress.duration(found.seconds)} on {found.device}, {memory}."


def rows(found: EstimateResult) -> list[Row]:
    """Return one row for each phase, and one each for decoding and predicting."""
    table: list[Row] = [{"Part": "decode the images", "Takes": progress.duration(found.decode_s)}]
    for phase in found.phases:
        table.append(
            {
                "Part": phase.name,
                "Takes": progress.duration(phase.seconds),
                "Epochs": phase.epochs,
                "Per epoch": progress.duration(phase.epoch_s),
                "Image size": f"{phase.image_size_px} px",
                "Batch size": phase.batch_size,
                "Memory": f"{phase.memory_mb / 1000:.1f} GB",
            }
        )
    table.append({"Part": "predict every image", "Takes": progress.duration(found.predict_s)})
    return table


def _newest(workspace: Workspace, snapshot_digest: str, recipe: Recipe) -> Job | None:
    """Return the newest estimate of exactly this recipe; `allow_leaks` does not matter for it."""
    wanted = recipe.model_dump(mode="json") | {"allow_leaks": False}

    def is_wanted(job: Job) -> bool:
        arguments = job.arguments_as(EstimateArguments)
        return arguments.snapshot == snapshot_digest and {**arguments.recipe, "allow_leaks": False} == wanted

    return queue.newest(workspace, "estimate", is_wanted)


def _offer(workspace: Workspace, snapshot_digest: str, recipe: Recipe) -> None:
    st.caption(
        "Runs a few batches and keeps no model: time and memory of every phase, and twelve images as the "
        "model would receive them."
    )
    if not st.button("Estimate this training", icon=":material/timer:"):
        return
    if submission.submit(
        f"estimate:{snapshot_digest}:{recipe.model_dump_json()}",
        lambda request_id: submit.estimate(
            workspace,
            recipe,
            snapshot=snapshot_digest,
            settings=weights_folder.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    ):
        st.rerun()


def _show_result(workspace: Workspace, job: Job) -> None:
    found = job.result_as(EstimateResult)
    if job.state != "done" or found is None:
        return
    st.markdown(f"**{headline(found)}**")
    for note in found.notes:
        st.info(session.plain(note))
    tables.show(rows(found), height="content", placeholder="")
    st.caption(session.plain(f"Measured with {found.pretrained}."))
    _show_images(paths.inside(workspace.path, found.folder), found.seen)


def _show_images(folder: Path, seen: Sequence[InputImage]) -> None:
    """Draw the images of each phase in a tab, with their labels."""
    images = [image for image in seen if paths.inside(folder, image.file).is_file()]
    if not images:
        st.caption("The example images were removed; estimate again to see them.")
        return
    st.caption("Twelve images as the model would receive them:")
    phases = {phase: list(group) for phase, group in groupby(images, key=lambda image: image.phase)}
    for tab, group in zip(st.tabs([session.plain(phase) for phase in phases]), phases.values(), strict=True):
        for start in range(0, len(group), PER_ROW):
            cells = tab.columns(PER_ROW, gap="small")
            for cell, image in zip(cells, group[start : start + PER_ROW], strict=False):
                cell.image(
                    paths.inside(folder, image.file), width="stretch", caption=session.plain(image.label)
                )
