"""Train a model on a snapshot: choose a recipe, watch it learn, see what became of earlier trainings."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.recipe import cost_guess
from peakid.recipe.recipe import Recipe
from peakid.records import Job, Snapshot
from peakid.store import runs
from peakid.web import address, navigation, session, words
from peakid.web.jobs import job_line, job_panel, progress
from peakid.web.snapshots import snapshot_choice
from peakid.web.training import (
    estimate_panel,
    recipe_draft,
    recipe_form,
    recipe_presets,
    run_overlay,
    schedule_panel,
    sweep_panel,
    training_watch,
    trainings,
    weights_here,
)

N_JOBS = 200  # Exports and checks among them; older trainings are listed by their runs.


def show_empty() -> None:
    st.info(
        "A model learns from a snapshot, and none is frozen yet. Freezing keeps the images, labels and splits that a score belongs to."
    )
    if st.button("Freeze a snapshot", type="primary"):
        navigation.go("snapshots")


def show_cost(recipe: Recipe, frozen: Snapshot) -> None:
    n_train_of = {each.digest: each.splits["train"] for each in frozen_ones.values()}
    guess = cost_guess.guess_s(recipe, frozen.splits["train"], all_runs, n_train_of)
    learned = f"{words.n_of(frozen.splits['train'], 'image')} to learn from, {frozen.splits['valid']:,} to choose the best epoch by"
    st.caption(
        f"{learned}. "
        + (f"About {progress.duration(guess[0])}, judging by run {guess[1].run_id}." if guess else "")
    )


def show_form() -> None:
    frozen = snapshot_choice.choose(workspace, frozen_ones, all_runs)
    recipe_presets.show()
    recipe_form.show_simple()
    schedule_panel.show(workspace, frozen.digest, searches)
    with st.expander("Every setting", icon=":material/tune:"):
        recipe_form.show_advanced([run for run in all_runs if run.best_epoch is not None])
    allow_leaks = snapshot_choice.ask_leaks(frozen)
    recipe, error = recipe_draft.checked(allow_leaks=allow_leaks)
    if error is not None and recipe_draft.values()["phases"] is None:  # Else it stands below their table.
        recipe_draft.show_problem(error)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_asked = st.button(
            f"Train {recipe_draft.values()['arch']}",
            type="primary",
            icon=":material/model_training:",
            disabled=recipe is None or (bool(frozen.n_leaks) and not allow_leaks),
        )
        if recipe is None:
            st.caption("Correct the value above that does not fit.")
        else:
            show_cost(recipe, frozen)
    if recipe is not None:
        with st.expander("What it would take, and what the model would see", icon=":material/timer:"):
            estimate_panel.show(workspace, frozen.digest, recipe)
        with st.expander("Try several settings", icon=":material/science:"):
            sweep_panel.show(workspace, frozen.digest, recipe, use=recipe_draft.fill)
    if is_asked and recipe is not None:
        submit_training(recipe, frozen.digest)


def submit_training(recipe: Recipe, digest: str) -> None:
    try:
        job = job_panel.submit_once(
            f"train:{digest}:{recipe.model_dump_json()}",
            lambda request_id: submit.train(
                workspace, recipe, snapshot=digest, request_id=request_id, actor=session.actor()
            ),
        )
    except PeakidError as error:
        session.show_error(error)
    else:
        address.write(job=job.job_id)
        st.rerun()


def show_job(job: Job) -> None:
    frozen = frozen_ones.get(job.arguments["snapshot"])
    training_watch.show(workspace, job, frozen.name if frozen else "")


# 1 open
workspace = session.workspace()
job_panel.renew_ended(workspace)
st.title("Train")

# 2 ask
frozen_ones = {each.digest: each for each in snapshots.list_snapshots(workspace)}
all_runs = runs.list_runs(workspace)
every = [job for job in queue.list_jobs(workspace, N_JOBS) if job.kind in ("train", "lr-find")]
jobs, searches = ([job for job in every if job.kind == kind] for kind in ("train", "lr-find"))
active = [job for job in reversed(every) if job.state not in queue.ENDED]
chosen = address.value("job", [str(job.job_id) for job in [*active, *jobs, *searches]])
shown = next((job for job in [*active, *jobs, *searches] if str(job.job_id) == chosen), None)

# 3 draw, 4 act: what was asked for or is looked for stands first
is_first = shown is not None and (shown in active or "job" in st.query_params)
with st.container():  # Always there: what is unfolded below would fold up if its place moved.
    if shown and is_first:
        show_job(shown)
    job_line.show(workspace)
    if shown and is_first:
        st.divider()
if frozen_ones:
    show_form()
else:
    show_empty()
row = next(
    (
        job
        for job in jobs
        if str(job.job_id) == st.query_params.get("row") and not (is_first and job is shown)
    ),
    None,
)
below = row or (None if is_first or len(run_overlay.asked(all_runs)) > 1 else shown)
if jobs or all_runs:
    st.subheader(
        "All trainings",
        help="Select one row to see its curves and its log, two to six to lay their curves over each other.",
    )
    trainings.show_table(jobs, all_runs)
    run_overlay.show(workspace, all_runs)
if below:  # Under the table, so that the next row to select stays where it is.
    show_job(below)
weights_here.show_table()
