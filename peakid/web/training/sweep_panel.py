"""A sweep on the train page: choose settings to try, watch the trials, put the best into the recipe."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from peakid.errors import BadInput, PeakidError
from peakid.evaluate import score_text
from peakid.jobs import queue, results, submit
from peakid.jobs import sweep as sweeps
from peakid.jobs.arguments import SweepArguments
from peakid.jobs.job import Job
from peakid.jobs.results import SweepResult, TrialResult
from peakid.recipe import grid
from peakid.recipe import loading as recipes
from peakid.recipe.grid import SweepPlan
from peakid.recipe.recipe import Recipe
from peakid.store.workspace import Workspace
from peakid.web import session, tables, words
from peakid.web.jobs import job_panel, progress, submission
from peakid.web.training import recipe_draft, weights_folder

Use = Callable[[Mapping[str, Any]], None]
Row = dict[str, str | int | float | None]  # One row of the table: the keys are its columns.

_RATES = (
    "base_lr",
    "weight_decay",
    "l1",
)  # Suggested in steps of three; other numbers are halved and doubled.


def show(workspace: Workspace, frozen_digest: str, recipe: Recipe, *, use: Use, allows_random: bool) -> None:
    """Draw the form of a sweep of this recipe on a snapshot, and the newest sweep of that snapshot.

    A page that shows it calls `submission.renew_ended` first.

    Args:
        use: Called with settings by name when a person wants the best ones in the recipe.
        allows_random: Whether the page has asked and random weights were confirmed.
    """
    st.caption(
        "Trains the unchanged recipe, then one change at a time, then combinations of up to "
        f"{grid.MAX_SETTINGS} settings, while there is time. Each is an ordinary run, compared on "
        "validation; test is not used."
    )
    tried = _choose_settings(recipe)
    plan = _planned(recipe, tried)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        minutes = st.number_input(
            "Time budget (min)",
            1.0,
            float(submit.MAX_MINUTES),
            submit.DEFAULT_MINUTES,
            5.0,
            format="%.0f",
            width=180,
            help="Another combination starts only if it is likely to fit.",
        )
        label = f"Try {len(plan.trials)} combinations" if plan else "Try combinations"
        is_clicked = st.button(label, icon=":material/tune:", disabled=plan is None)
    if is_clicked and plan:
        _submit(workspace, frozen_digest, recipe, tried, minutes, allows_random=allows_random)
    if job := _newest(workspace, frozen_digest):
        tried_text = "; ".join(_tried_text(text) for text in job.arguments_as(SweepArguments).tried)
        st.markdown(f"**{job_panel.name(job)}: {session.plain(tried_text)}**")
        job_panel.show(workspace, job, body=lambda each: _show_trials(each, use))


def suggested(recipe: Recipe, key: str) -> list[str]:
    """Return values to try: every word of a closed vocabulary, or numbers around the recipe's own."""
    kind, own = Recipe.model_fields[key].annotation, getattr(recipe, key)
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if kind is bool:
        return ["yes", "no"]
    if not isinstance(own, int | float) or not own:
        return []
    step = 3 if key in _RATES else 2
    around = [own // step, own, own * step] if isinstance(own, int) else [own / step, own, own * step]
    digits = ".1g" if key in _RATES else ".2g"
    return [
        f"{value:g}" if value == own else f"{value:{digits}}" if isinstance(value, float) else str(value)
        for value in around
        if _fits(key, value)
    ]


def _choose_settings(recipe: Recipe) -> list[str]:
    """Draw rows of setting and values; the next row appears once the one before is chosen."""
    tried: list[str] = []
    triable = grid.triable(recipe)
    for row in range(grid.MAX_SETTINGS):
        left, right = st.columns([2, 3], gap="small")
        taken = [text.partition("=")[0] for text in tried]
        key = left.selectbox(
            "Setting to try" if row == 0 else "And",
            [key for key in triable if key not in taken],
            index=None,
            placeholder="Choose a setting",
            format_func=recipe_draft.field_label,
            key=f"sweep:{row}:setting",
        )
        if key is None:
            break
        text = right.text_input(
            f"Values of {recipe_draft.field_label(key)}",
            value=", ".join(suggested(recipe, key)),
            placeholder="Values, separated by commas",
            key=f"sweep:{row}:{key}",
            help=_tip(recipe, key),
        )
        tried.append(f"{key}={text.strip()}")
    return tried


def _fits(key: str, value: float) -> bool:
    try:
        recipes.of_values({key: value})
    except BadInput:
        return False
    return True


def _planned(recipe: Recipe, tried: Sequence[str]) -> SweepPlan | None:
    """Return the plan, or draw the error of a value and return None."""
    if not tried:
        return None
    try:
        plan = grid.plan(recipe, tried)
    except PeakidError as error:
        session.show_error(error)
        return None
    if plan.skipped:
        skipped = "  \n".join(
            session.plain(f"{_settings_text(settings)}: {reason}") for settings, reason in plan.skipped
        )
        st.caption(f"Skipped, because settings exclude each other:  \n{skipped}")
    return plan


def _submit(
    workspace: Workspace,
    frozen_digest: str,
    recipe: Recipe,
    tried: Sequence[str],
    minutes: float,
    *,
    allows_random: bool,
) -> None:
    if submission.submit(
        f"sweep:{frozen_digest}:{recipe.model_dump_json()}:{tried}:{minutes}",
        lambda request_id: submit.sweep(
            workspace,
            recipe,
            tried,
            minutes=minutes,
            snapshot=frozen_digest,
            allows_random=allows_random,
            settings=weights_folder.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    ):
        st.rerun()


def _newest(workspace: Workspace, frozen_digest: str) -> Job | None:
    return queue.newest(
        workspace, "sweep", lambda job: job.arguments_as(SweepArguments).snapshot == frozen_digest
    )


def _show_trials(job: Job, use: Use) -> None:
    """Draw the trials so far; once the sweep has ended, also the finding and a button to use the best."""
    found = job.result_as(SweepResult)
    if found is None:
        return
    if found.trials:
        arguments = job.arguments_as(SweepArguments)
        rows = [_row(each, arguments) for each in results.ranked(found.trials)]
        tables.show(rows, height="content", column_config=_COLUMNS)
    if job.state not in queue.ENDED:
        return
    if found.comparison:
        st.markdown(session.plain(sweeps.finding_text(found.comparison, _settings_text)))
    elif found.finding:  # A sweep of an earlier version.
        st.markdown(session.plain(found.finding))
    if found.not_tried:
        settings = session.plain("; ".join(_settings_text(each) for each in found.not_tried))
        st.caption(
            f"{words.n_of(len(found.not_tried), 'combination')} not tried for lack of time: {settings}."
        )
    if found.best and found.best.settings:
        st.button(
            "Use the best",
            icon=":material/check:",
            key=f"sweep:use:{job.job_id}",
            on_click=use,
            args=(found.best.settings,),
        )


_COLUMNS = {
    "Validation loss": st.column_config.NumberColumn(format="%.3f", help="The lowest is the best."),
    "Run": st.column_config.NumberColumn(width="small"),
}


def _row(trial: TrialResult, arguments: SweepArguments) -> Row:
    keys = [text.partition("=")[0].strip() for text in arguments.tried]
    own = _settings_text({key: arguments.recipe[key] for key in keys if key in arguments.recipe})
    row: Row = {
        "Settings": _settings_text(trial.settings) if trial.settings else f"Unchanged recipe: {own}",
        "Validation loss": trial.valid_loss,
        "Validation accuracy": score_text.percent(trial.accuracy),
        "Took": progress.duration(trial.seconds),
        "Run": trial.run_id,
    }
    return row | ({"Error": trial.error} if trial.error else {})


def _settings_text(settings: Mapping[str, Any]) -> str:
    """Return a combination with the labels of the form: `Peak learning rate 0.003, Dropout 0.2`."""
    parts = [
        f"{recipe_draft.field_label(key)} {f'{value:g}' if isinstance(value, float) else value}"
        for key, value in settings.items()
    ]
    return ", ".join(parts) or "The unchanged recipe"


def _tried_text(text: str) -> str:
    """Return what is tried with the label of the form: `Peak learning rate 1e-3, 3e-3`."""
    key, _, values = text.partition("=")
    label = recipe_draft.field_label(key.strip())
    return f"{label} {', '.join(part.strip() for part in values.split(','))}"


def _tip(recipe: Recipe, key: str) -> str:
    return (
        f"{Recipe.model_fields[key].description}  \nAllowed: {recipes.allowed(key)}. "
        f"The recipe's value, {getattr(recipe, key)}, is always tried."
    )
