"""A sweep on the train page: which settings to try, its progress, its trials ranked, and the best put into the recipe."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from peakid.errors import BadInput, PeakidError
from peakid.jobs import queue, submit
from peakid.recipe import grid as sweeps
from peakid.recipe import loading as recipes
from peakid.recipe.grid import SweepPlan
from peakid.recipe.recipe import Recipe
from peakid.records import Job
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.jobs import job_panel, progress
from peakid.web.training import recipe_form

Use = Callable[[dict[str, Any]], None]

_RATES = ("base_lr", "weight_decay", "l1")  # Tried in steps of three; other numbers are halved and doubled.


def show(workspace: Workspace, frozen_digest: str, recipe: Recipe, *, use: Use) -> None:
    """Draw the form of a sweep of this recipe on a snapshot, and the newest sweep of that snapshot.

    A page that shows it calls `job_panel.renew_ended` first.

    Args:
        use: Called with settings by name when a person wants the best ones in the recipe.
    """
    st.caption(
        f"Trains the recipe as it is, then with one change at a time, then with several: up to {sweeps.MAX_SETTINGS} settings, while there "
        "is time. Each is an ordinary run, judged on valid alone; test is not looked at."
    )
    tried = _ask(recipe)
    plan = _planned(recipe, tried)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        minutes = st.number_input(
            "Time budget (minutes)",
            1.0,
            float(submit.MAX_MINUTES),
            submit.DEFAULT_MINUTES,
            5.0,
            format="%.0f",
            width=180,
        )
        n_trials = f"{len(plan.trials)} combinations" if plan else "combinations"
        is_asked = st.button(f"Try {n_trials}", type="primary", icon=":material/tune:", disabled=plan is None)
    if is_asked and plan:
        _submit(workspace, frozen_digest, recipe, tried, minutes)
    if job := _newest(workspace, frozen_digest):
        st.markdown(
            f"**{job_panel.name(job)}: {session.plain('; '.join(_told(text) for text in job.arguments['tried']))}**"
        )
        job_panel.show(workspace, job, body=lambda each: _show_trials(each, use))


def _ask(recipe: Recipe) -> list[str]:
    """Ask for settings and their values; a further row comes once the one before it is chosen."""
    tried: list[str] = []
    open_ones = sweeps.triable(recipe)
    for row in range(sweeps.MAX_SETTINGS):
        left, right = st.columns([2, 3], gap="small")
        taken = [text.partition("=")[0] for text in tried]
        options = [key for key in open_ones if key not in taken]
        shown: dict[str, Any] = {
            "index": None,
            "placeholder": "Choose a setting",
            "format_func": _label,
            "key": f"sweep:{row}:setting",
        }
        key = left.selectbox("Setting to try" if row == 0 else "And", options, **shown)
        if key is None:
            break
        asked: dict[str, Any] = {
            "value": ", ".join(suggested(recipe, key)),
            "placeholder": "Values, separated by commas",
        }
        text = right.text_input(
            f"Values of {_label(key).lower()}", key=f"sweep:{row}:{key}", help=_tip(recipe, key), **asked
        )
        tried.append(f"{key}={text.strip()}")
    return tried


def suggested(recipe: Recipe, key: str) -> list[str]:
    """Propose values around the recipe's own: every word of a closed vocabulary, or a number less, as it is, and more."""
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


def _fits(key: str, value: float) -> bool:
    try:
        recipes.of_values({key: value})
    except BadInput:
        return False
    return True


def _planned(recipe: Recipe, tried: Sequence[str]) -> SweepPlan | None:
    """Answer the plan, or say at once what is wrong with a value."""
    if not tried:
        return None
    try:
        plan = sweeps.plan(recipe, tried)
    except PeakidError as error:
        session.show_error(error)
        return None
    if plan.skipped:
        left_out = "  \n".join(
            session.plain(f"{sweeps.settings_text(texts)}: {reason}") for texts, reason in plan.skipped
        )
        st.caption(f"Left out, because settings exclude each other:  \n{left_out}")
    return plan


def _submit(
    workspace: Workspace, frozen_digest: str, recipe: Recipe, tried: Sequence[str], minutes: float
) -> None:
    asked: dict[str, Any] = {"minutes": minutes, "snapshot": frozen_digest, "actor": session.actor()}
    try:
        job_panel.submit_once(
            f"sweep:{frozen_digest}:{recipe.model_dump_json()}:{tried}:{minutes}",
            lambda request_id: submit.sweep(workspace, recipe, tried, request_id=request_id, **asked),
        )
    except PeakidError as error:
        session.show_error(error)
    else:
        st.rerun()


def _newest(workspace: Workspace, frozen_digest: str) -> Job | None:
    jobs = (
        job
        for job in queue.list_jobs(workspace)
        if job.kind == "sweep" and job.arguments["snapshot"] == frozen_digest
    )
    return next(jobs, None)


def _show_trials(job: Job, use: Use) -> None:
    """Draw what a sweep has found so far; the best one's button only when it has ended."""
    trials: list[dict[str, Any]] = job.result.get("trials", [])
    if trials:
        st.dataframe(
            [_row(each, job.arguments) for each in sweeps.ranked(trials)],
            hide_index=True,
            height="content",
            column_config=_COLUMNS,
        )
    if job.state not in queue.ENDED:
        return
    wanted = (job.result.get("best") or {}).get("settings")
    if finding := job.result.get("finding"):
        named = (
            finding.replace(sweeps.settings_text(wanted), _said(wanted).capitalize(), 1)
            if wanted
            else finding
        )
        st.markdown(session.plain(named))
    if not_tried := job.result.get("not_tried"):
        named = session.plain("; ".join(_said(settings) for settings in not_tried))
        st.caption(f"{words.n_of(len(not_tried), 'combination')} not tried for lack of time: {named}.")
    if wanted:
        st.button(
            "Use the best",
            icon=":material/check:",
            key=f"sweep:use:{job.job_id}",
            on_click=use,
            args=(wanted,),
        )


_COLUMNS = {
    "Loss on valid": st.column_config.NumberColumn(
        format="%.3f", help="0 = sure and right; the lowest is the best."
    ),
    "Accuracy on valid": st.column_config.NumberColumn(format="%.2f"),
    "Run": st.column_config.NumberColumn(width="small"),
}


def _row(trial: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        key: arguments["recipe"][key]
        for key in (text.partition("=")[0].strip() for text in arguments["tried"])
    }
    row = {
        "Settings": _said(trial["settings"]) if trial["settings"] else f"as it is: {_said(own)}",
        "Loss on valid": trial["valid_loss"],
        "Accuracy on valid": trial["accuracy"],
        "Took": progress.duration(trial["seconds"]),
        "Run": trial["run_id"],
    }
    return row | ({"Error": trial["error"]} if trial["error"] else {})


def _said(settings: Mapping[str, Any]) -> str:
    """Say a combination in the words of the form: `peak learning rate 0.003, dropout 0.2`."""
    said = [
        f"{_label(key).lower()} {f'{value:g}' if isinstance(value, float) else value}"
        for key, value in settings.items()
    ]
    return ", ".join(said) or "the recipe as it is"


def _told(text: str) -> str:
    """Say what is tried in the words of the form: `peak learning rate 1e-3, 3e-3`."""
    key, _, values = text.partition("=")
    return f"{_label(key.strip()).lower()} {', '.join(part.strip() for part in values.split(','))}"


def _label(key: str) -> str:
    return recipe_form.LABELS.get(key, key)


def _tip(recipe: Recipe, key: str) -> str:
    own = getattr(recipe, key)
    return f"{Recipe.model_fields[key].description}  \nAllowed: {recipes.allowed(key)}. This recipe has {own}; it is always tried."
