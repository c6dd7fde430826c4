"""The LR finder on the train page: run it, draw its curve, and put one of its suggestions into the form."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from peakid.evaluate import training_charts
from peakid.jobs import submit
from peakid.jobs.arguments import RateFinderArguments
from peakid.jobs.job import Job
from peakid.jobs.results import RateFinderResult
from peakid.recipe.recipe import Recipe
from peakid.store.workspace import Workspace
from peakid.web import address, choices, names, session, theme, words
from peakid.web.jobs import submission
from peakid.web.training import recipe_draft, weights_folder

TIP = "Raises the learning rate batch by batch and records the loss; no model is kept. Takes a minute or two."
MEANINGS = {
    "valley": "a third into the longest fall of the loss; the usual choice",
    "slide": "before the loss becomes unstable",
    "minimum": "a tenth of the rate with the lowest loss",
    "steep": "where the loss falls fastest",
}


def offer(workspace: Workspace, recipe: Recipe | None, digest: str) -> None:
    """Draw the button that runs the LR finder on a snapshot; disabled with a reason where it cannot run."""
    why = _why_not(recipe)
    is_clicked = st.button(
        "Run the LR finder", icon=":material/query_stats:", disabled=bool(why), help=why or TIP
    )
    if not is_clicked or recipe is None:
        return
    job = submission.submit(
        f"lr-find:{digest}:{recipe.model_dump_json()}",
        lambda request_id: submit.lr_find(
            workspace,
            recipe,
            snapshot=digest,
            settings=weights_folder.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    )
    if job:
        address.write(job=job.job_id)
        st.rerun()


def show_earlier(searches: Sequence[Job]) -> None:
    """Draw a choice of earlier results of the LR finder.

    Args:
        searches: Its jobs, newest first.
    """
    labels: dict[str, str] = {}
    for job in searches:
        found = job.result_as(RateFinderResult)
        if job.state == "done" and found is not None and "valley" in found.suggestions:
            recipe = names.recipe_summary(job.arguments_as(RateFinderArguments).recipe)
            valley = training_charts.rate(found.suggestions["valley"])
            labels[str(job.job_id)] = f"{recipe}: {valley}, {words.ago(job.created_at)}"
    if labels:
        choices.keep("rate:earlier", list(labels), labels.__getitem__)
        st.selectbox(
            "Earlier results",
            list(labels),
            index=None,
            placeholder="Earlier results",
            format_func=labels.__getitem__,
            key="rate:earlier",
            on_change=lambda: address.write(job=st.session_state["rate:earlier"]),
            label_visibility="collapsed",
        )


def show_found(job: Job) -> None:
    """Draw the curve of an LR finder that is done, and a button for each suggestion."""
    found = job.result_as(RateFinderResult)
    if job.state != "done" or found is None or not found.suggestions:
        return
    figure = training_charts.rate_curve(found.rates, found.losses, found.suggestions, theme=theme.current())
    theme.plot(figure, key=f"rates:{job.job_id}")
    searched = job.arguments_as(RateFinderArguments).recipe
    has_rate = recipe_draft.values()["method"] != "linear-head"
    phase = _choose_phase() if has_rate else None
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, rate in found.suggestions.items():
            _use_button(name, rate, phase, None if has_rate else searched)
    if not has_rate:
        recipe = names.recipe_summary(searched)
        st.caption(
            "The form has a linear head, which has no learning rate. Using a suggestion restores the recipe "
            f"of the LR finder: {recipe}."
        )
    elif other := _differences(searched):
        st.caption(f"Found with {session.plain(other)}: it may not fit the recipe in the form.")


def _use_button(name: str, rate: float, phase: int | None, searched: Mapping[str, Any] | None) -> None:
    kind: Literal["primary", "secondary"] = "primary" if name == "valley" else "secondary"
    st.button(
        f"Use {training_charts.rate(rate)} ({name})",
        type=kind,
        key=f"rate:{name}",
        help=f"{name}: {MEANINGS[name]}" if name in MEANINGS else None,
        on_click=_use,
        args=(rate, phase, searched),
    )


def _choose_phase() -> int | None:
    """Draw the choice of a phase for the learning rate; None where the form has no phases."""
    phases = recipe_draft.values()["phases"]
    if not phases:
        return None
    titles = [
        f"{i + 1} {phase.get('name') or phase.get('learns') or ''}".strip() for i, phase in enumerate(phases)
    ]
    if len(titles) == 1:
        return 0
    return st.selectbox("Use it for phase", range(len(titles)), format_func=titles.__getitem__, width=260)


def _use(rate: float, phase: int | None, searched: Mapping[str, Any] | None) -> None:
    """Put a learning rate into the form.

    Args:
        phase: The phase it is for; None where the form has no phases.
        searched: The recipe of the LR finder, to restore where the form's recipe has no learning rate.
    """
    rounded = float(f"{rate:.1e}")  # As the button shows it.
    if searched is not None:
        recipe_draft.fill(searched, preset="standard")
        phase = 0 if searched["phases"] else None
    if phase is None:
        recipe_draft.fill({"base_lr": rounded})
        field = "Peak learning rate"
    else:
        phases = [dict(each) for each in recipe_draft.values()["phases"]]
        phases[phase]["base_lr"] = rounded
        recipe_draft.fill({"phases": phases})
        field = f"Peak learning rate of phase {phase + 1}"
    st.toast(f"{field} is now {training_charts.rate(rounded)}.", icon=":material/check:")


def _why_not(recipe: Recipe | None) -> str:
    if recipe is None:
        return "Correct the value that does not fit first."
    if recipe.method == "linear-head":
        return "A linear head has no learning rate. Choose another preset first."
    return ""


def _differences(searched: Mapping[str, Any]) -> str:
    """Return the settings of the LR finder that affect the learning rate and differ from the form."""
    formats = {"arch": "{}", "image_size_px": "{} px", "batch_size": "batch size {}", "optimiser": "{}"}
    now = recipe_draft.values()
    differing = [name for name in formats if name in searched and searched[name] != now[name]]
    return ", ".join(formats[name].format(searched[name]) for name in differing)
