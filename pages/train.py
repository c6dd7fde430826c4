"""Train a model on a snapshot: choose a recipe, watch the training, list earlier trainings."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.jobs import queue, submit
from peakid.jobs.job import Job
from peakid.recipe import cost_guess
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store import runs
from peakid.web import address, session, words
from peakid.web.jobs import engine_choice, gpu_queue, progress, submission
from peakid.web.snapshots import snapshot_choice
from peakid.web.training import (
    estimate_panel,
    first_model,
    last_result,
    random_panel,
    recipe_draft,
    recipe_form,
    recipe_presets,
    recipe_query,
    run_overlay,
    schedule_panel,
    sweep_panel,
    training_watch,
    trainings,
    weights_folder,
    weights_here,
)

N_JOBS = 200  # Of all kinds; older trainings are listed by their runs.


def show_cost(recipe: Recipe, frozen: Snapshot, *, is_pretrained: bool) -> None:
    n_train_of = {each.digest: each.splits["train"] for each in frozen_ones.values()}
    n_train = frozen.splits["train"]
    guess = cost_guess.guess_s(recipe, n_train, all_runs, n_train_of, is_pretrained=is_pretrained)
    images = words.n_of(n_train, "training image")
    cost = f" About {progress.duration(guess[0])}, based on run {guess[1].run_id}." if guess else ""
    others = f"{frozen.splits['valid']:,} for validation, {frozen.splits['test']:,} for test"
    st.caption(f"{images}, {others}: {words.n_of(frozen.n_images, 'image')}.{cost}")


def show_form() -> None:
    frozen = snapshot_choice.choose(workspace, frozen_ones, all_runs)
    recipe_presets.show()
    recipe_form.show_simple()
    schedule_panel.show(workspace, frozen.digest, searches)
    with st.expander("Every setting", icon=":material/tune:"):
        recipe_form.show_advanced([run for run in all_runs if run.has_model])
    allow_leaks = snapshot_choice.ask_leaks(frozen)
    recipe, error = recipe_draft.checked(allow_leaks=allow_leaks)
    if error is not None and recipe_draft.values()["phases"] is None:  # Else it is below the table of phases.
        session.show_error(error)
    question = random_panel.find(workspace, recipe, frozen) if recipe is not None else None
    allows_random = question is not None and random_panel.ask(question)
    is_refused = (
        recipe is None
        or not snapshot_choice.is_complete(frozen, recipe)
        or (bool(frozen.n_leaks) and not allow_leaks)
        or (question is not None and not allows_random)
    )
    n_ranks = engine_choice.show_for_training()
    with st.container(horizontal=True, vertical_alignment="center"):
        label = f"Train {recipe_draft.values()['arch']}"
        is_clicked = st.button(label, type="primary", icon=":material/model_training:", disabled=is_refused)
        if recipe is None:
            st.caption("Correct the value above that does not fit.")
        else:
            show_cost(recipe, frozen, is_pretrained=question is None and recipe.pretrained != "none")
    if recipe is not None:
        with st.expander("Estimate time and memory, see the model's input", icon=":material/timer:"):
            estimate_panel.show(workspace, frozen.digest, recipe)
        with st.expander("Sweep: try several settings", icon=":material/science:"):
            sweep_panel.show(
                workspace, frozen.digest, recipe, use=recipe_draft.fill, allows_random=allows_random
            )
    if is_clicked and recipe is not None:
        submit_training(recipe, frozen.digest, allows_random=allows_random, n_ranks=n_ranks)


def submit_training(recipe: Recipe, digest: str, *, allows_random: bool, n_ranks: int) -> None:
    job = submission.submit(
        f"train:{digest}:{n_ranks}:{recipe.model_dump_json()}",
        lambda request_id: submit.train(
            workspace,
            recipe,
            snapshot=digest,
            allows_random=allows_random,
            n_ranks=n_ranks,
            settings=weights_folder.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    )
    if job:
        address.write(job=job.job_id)
        st.rerun()


def find(jobs: list[Job], job_id: str | None) -> Job | None:
    return next((job for job in jobs if str(job.job_id) == job_id), None)


# 1 open
workspace = session.workspace()
submission.renew_ended(workspace)
st.title("Train")
recipe_query.apply()

# 2 query
frozen_ones = {each.digest: each for each in snapshots.list_snapshots(workspace)}
all_runs = [run for run in runs.list_runs(workspace) if not run.is_imported]
every = [job for job in queue.list_jobs(workspace, N_JOBS) if job.arguments is not None]
jobs = [job for job in every if job.kind == "train"]
searches = [job for job in every if job.kind == "lr-find"]
active = [job for job in reversed(every) if job in (*jobs, *searches) and job.state not in queue.ENDED]
candidates = [*active, *jobs, *searches]
shown = find(candidates, address.value("job", [str(job.job_id) for job in candidates]))

# 3 draw, 4 act: the last result on top, then a running or requested job
last_result.show(all_runs, frozen_ones)
is_first = shown is not None and (shown in active or address.has("job"))
with st.container():  # Always there: an open expander below would close if its position changed.
    if shown and is_first:
        training_watch.show(workspace, shown, frozen_ones)
    gpu_queue.show(workspace)
    if shown and is_first:
        st.divider()
if frozen_ones:
    show_form()
else:
    sentence = "A model is trained on a snapshot: a frozen set of images, labels and splits. There is none."
    first_model.show_way(workspace, sentence, page="snapshots", label="Freeze a snapshot")
row = find(jobs, address.option("row", [str(job.job_id) for job in jobs]))
if is_first and row == shown:
    row = None
below = row or (None if is_first or len(run_overlay.requested(all_runs)) > 1 else shown)
if jobs or all_runs:
    tip = "Select one row to see its curves and log, two to six rows to draw their curves in one figure."
    st.header("All runs", help=tip)
    trainings.show_table(jobs, all_runs, frozen_ones)
    run_overlay.show(workspace, all_runs)
if below:  # Under the table, so that the table does not move when a row is selected.
    training_watch.show(workspace, below, frozen_ones)
weights_here.show_table()
