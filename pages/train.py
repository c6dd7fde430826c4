"""Train a model on a snapshot: choose a recipe, watch it learn, see what became of earlier trainings."""

import streamlit as st

from peakid import runs
from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.evaluate import charts
from peakid.jobs import queue, submit
from peakid.records import EpochMetrics, Job, Run, Snapshot
from peakid.web import address, job_panel, journey, names, progress, recipe_form, session, theme, training_cost, trainings, words


def show_empty() -> None:
    st.info("A model learns from a snapshot, and none is frozen yet. Freezing keeps the images, labels and splits that a score belongs to.")
    if st.button("Freeze a snapshot", type="primary"):
        journey.go("snapshots")


def show_since_last(frozen: Snapshot) -> None:
    """Say how the chosen snapshot differs from the one trained on last."""
    last = next((run for run in all_runs if run.state in ("done", "cancelled")), None)
    if last is None:
        st.caption("No model has learned from any snapshot yet.")
    elif last.snapshot_digest == frozen.digest:
        st.caption(f"Run {last.run_id} learned from this snapshot already.")
    else:
        changes = snapshots.diff(workspace, last.snapshot_digest, frozen.digest)
        told = ", ".join(f"{len(rows):,} {kind}" for kind, rows in changes.items())
        earlier = session.plain(names.short_snapshot(last.snapshot_name, last.snapshot_digest))
        st.caption(f"Since run {last.run_id} on {earlier}: {told}.")


def ask_leaks(frozen: Snapshot) -> bool:
    """Let a leaking snapshot be trained on only by someone who says so."""
    if not frozen.n_leaks:
        return False
    groups = words.n_of(frozen.n_leaks, "group")
    st.warning(f"{groups} of look-alikes lie in different splits of this snapshot: the score will be better than the model.")
    return st.checkbox("Train all the same", key="allow_leaks")


def show_cost(frozen: Snapshot) -> None:
    n_train_of = {each.digest: each.splits["train"] for each in frozen_ones.values()}
    guess = training_cost.guess_s(recipe_form.draft(), frozen.splits["train"], all_runs, n_train_of)
    learned = f"{words.n_of(frozen.splits['train'], 'image')} to learn from, {frozen.splits['valid']:,} to choose the best epoch by"
    st.caption(f"{learned}. " + (f"About {progress.duration(guess[0])}, judging by run {guess[1].run_id}." if guess else ""))


def show_form() -> None:
    digest = address.select("Snapshot", "snapshot", list(frozen_ones), format_func=lambda each: names.snapshot(frozen_ones[each]))
    frozen = frozen_ones[digest]
    show_since_last(frozen)
    recipe_form.show_presets()
    recipe_form.show_simple()
    with st.expander("Every setting", icon=":material/tune:"):
        recipe_form.show_advanced()
    allow_leaks = ask_leaks(frozen)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_asked = st.button(
            f"Train {recipe_form.draft()['arch']}",
            type="primary",
            icon=":material/model_training:",
            disabled=bool(frozen.n_leaks) and not allow_leaks,
        )
        show_cost(frozen)
    if is_asked:
        submit_training(digest, allow_leaks)


def submit_training(digest: str, allow_leaks: bool) -> None:
    try:
        recipe = recipe_form.read(allow_leaks=allow_leaks)
        job = job_panel.submit_once(
            f"train:{digest}:{recipe.model_dump_json()}",
            lambda request_id: submit.train(workspace, recipe, snapshot=digest, request_id=request_id, actor=session.actor()),
        )
    except PeakidError as error:
        session.show_error(error)
    else:
        address.write(job=job.job_id)
        st.rerun()


def show_job(job: Job) -> None:
    run = runs.of_job(workspace, job.job_id)
    st.subheader(f"{f'Run {run.run_id}' if run else job_panel.name(job)}: {names.recipe(job.arguments['recipe'])}")
    frozen = frozen_ones.get(job.arguments["snapshot"])
    name = names.short_snapshot(frozen.name if frozen else "", job.arguments["snapshot"])
    took = f", took {progress.duration(job.seconds)}" if job.state == "done" else ""
    st.caption(f"Snapshot {session.plain(name)}, asked for {words.ago(job.created_at)} by {session.plain(words.who(job.actor))}{took}")
    job_panel.show(workspace, job, body=show_learning)


def show_learning(job: Job) -> None:
    """Draw the curves of the run that a job has begun, what to mind, and the way on."""
    run = runs.of_job(workspace, job.job_id)
    if run is None:
        return
    if epochs := runs.epochs(workspace, run.run_id):
        figure = charts.training_curves(epochs, theme=theme.current())
        theme.plot(figure.update_layout(title=_finding(epochs, run)), key=f"curves:{run.run_id}")
    for warning in run.warnings:
        st.warning(session.plain(warning))
    if run.best_epoch is not None:
        st.caption(session.plain(f"Started from {run.pretrained.removeprefix('none: ')}, on {run.device}."))
        if st.button(f"Evaluate run {run.run_id}", type="primary"):
            journey.go("evaluate", run=str(run.run_id))


def _finding(epochs: list[EpochMetrics], run: Run) -> str:
    """Name the epoch that is kept: the one with the lowest loss, which need not have the highest accuracy."""
    best = min(epochs, key=lambda each: each.valid_loss)
    kept = "is kept" if run.best_epoch else "is the best so far"
    return f"Epoch {best.epoch} {kept}: loss {best.valid_loss:.2f} on valid, the lowest; accuracy {best.accuracy:.0%}"


# 1 open
workspace = session.workspace()
job_panel.renew_ended(workspace)
st.title("Train")

# 2 ask
frozen_ones = {each.digest: each for each in snapshots.list_snapshots(workspace)}
all_runs = runs.list_runs(workspace)
jobs = [job for job in queue.list_jobs(workspace) if job.kind == "train"]
active = [job for job in reversed(jobs) if job.state not in queue.ENDED]
chosen = address.value("job", [str(job.job_id) for job in [*active, *jobs]])
shown = next((job for job in jobs if str(job.job_id) == chosen), None)

# 3 draw, 4 act: what was asked for or is looked for stands first
is_first = shown is not None and (shown in active or "job" in st.query_params)
if shown and is_first:
    show_job(shown)
    st.divider()
if frozen_ones:
    show_form()
else:
    show_empty()
if shown and not is_first:
    st.divider()
    show_job(shown)
if jobs or all_runs:
    st.subheader("All trainings", help="Select a row to see its curves and its log.")
    trainings.show_table(jobs, all_runs)
