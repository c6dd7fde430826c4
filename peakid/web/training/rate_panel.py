"""The search for a learning rate: asked for, looked at again, and one of its four answers put into the form."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from peakid.errors import PeakidError
from peakid.evaluate import training_charts
from peakid.jobs import submit
from peakid.recipe.recipe import Recipe
from peakid.records import Job
from peakid.store.workspace import Workspace
from peakid.web import address, names, session, theme, words
from peakid.web.jobs import job_panel
from peakid.web.training import recipe_draft

MEANINGS = {
    "valley": "a third into the longest fall of the loss: the usual choice",
    "slide": "before the loss gets uneasy",
    "minimum": "a tenth of the rate with the lowest loss",
    "steep": "where the loss falls fastest",
}


def ask(workspace: Workspace, recipe: Recipe | None, digest: str) -> None:
    """Draw the button that searches on a snapshot, which leads to the search; disabled with the reason where there is nothing to find."""
    why = _why_not(recipe)
    tip = (
        why
        or "Raises the rate batch by batch while it watches the loss; nothing is trained. A minute or two."
    )
    if (
        not st.button("Find a learning rate", icon=":material/query_stats:", disabled=bool(why), help=tip)
        or recipe is None
    ):
        return
    try:
        job = job_panel.submit_once(
            f"lr-find:{digest}:{recipe.model_dump_json()}",
            lambda request_id: submit.lr_find(
                workspace, recipe, snapshot=digest, request_id=request_id, actor=session.actor()
            ),
        )
    except PeakidError as error:
        session.show_error(error)
    else:
        address.write(job=job.job_id)
        st.rerun()


def show_earlier(searches: Sequence[Job]) -> None:
    """Offer the searches that are done.

    Args:
        searches: Newest first.
    """
    done = {str(job.job_id): job for job in searches if job.state == "done"}
    if not done:
        return

    def told(job_id: str) -> str:
        job = done[job_id]
        found = training_charts.rate(job.result["suggestions"]["valley"])
        return f"{names.recipe(job.arguments['recipe'])}: {found}, {words.ago(job.created_at)}"

    st.selectbox(
        "Earlier searches",
        list(done),
        index=None,
        placeholder="Look at an earlier search",
        format_func=told,
        key="rate:earlier",
        on_change=lambda: address.write(job=st.session_state["rate:earlier"]),
        label_visibility="collapsed",
    )


def show_found(job: Job) -> None:
    """Draw the curve of a search that is done, and one button for each of its answers."""
    found = job.result
    if job.state != "done" or not found.get("suggestions"):
        return
    figure = training_charts.rate_curve(
        found["rates"], found["losses"], found["suggestions"], theme=theme.current()
    )
    theme.plot(figure, key=f"rates:{job.job_id}")
    searched = job.arguments["recipe"]
    has_rate = recipe_draft.values()["method"] != "linear-head"
    phase = _ask_phase() if has_rate else None
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, rate in found["suggestions"].items():
            kind: Any = "primary" if name == "valley" else "secondary"
            label, tip = (
                f"Use {training_charts.rate(rate)} ({name})",
                f"{name}: {MEANINGS.get(name, '')}".rstrip(": "),
            )
            st.button(
                label,
                type=kind,
                key=f"rate:{name}",
                help=tip,
                on_click=_use,
                args=(rate, phase, None if has_rate else searched),
            )
    if not has_rate:
        st.caption(
            f"The form holds a linear head, which has no rate. Using one brings back what was searched with: {names.recipe(searched)}."
        )
    elif other := _differs(searched):
        st.caption(f"Searched with {session.plain(other)}: its rates may not fit what the form holds now.")


def _ask_phase() -> int | None:
    """Ask which phase the rate is for; None where the form has no phases."""
    phases = recipe_draft.values()["phases"]
    if not phases:
        return None
    titles = [
        f"{i + 1} {phase.get('name') or phase.get('learns') or ''}".strip() for i, phase in enumerate(phases)
    ]
    label = "Use it for phase"
    return (
        st.selectbox(label, range(len(titles)), format_func=lambda i: titles[i], width=260)
        if len(titles) > 1
        else 0
    )


def _use(rate: float, phase: int | None, searched: dict[str, Any] | None) -> None:
    """Put a rate into the form, for a phase where it has some.

    Args:
        searched: The recipe of the search, which comes with it where the form holds one that has no rate.
    """
    said = float(f"{rate:.1e}")  # What stands on the button is what is used.
    if searched is not None:
        recipe_draft.fill(searched, preset="standard")
        phase = 0 if searched["phases"] else None
    if phase is None:
        recipe_draft.fill({"base_lr": said})
        where = "the peak learning rate"
    else:
        phases = [dict(each) for each in recipe_draft.values()["phases"]]
        phases[phase]["base_lr"] = said
        recipe_draft.fill({"phases": phases})
        where = f"the peak rate of phase {phase + 1}"
    st.toast(f"{training_charts.rate(said)} is {where} now.", icon=":material/check:")


def _why_not(recipe: Recipe | None) -> str:
    if recipe is None:
        return "Correct the value that does not fit first."
    return (
        "A linear head is solved at once and has no learning rate. Choose another preset first."
        if recipe.method == "linear-head"
        else ""
    )


def _differs(searched: dict[str, Any]) -> str:
    """Name what a search was made with where that moves the rate and the form differs; '' where it does not."""
    told, now = (
        {"arch": "{}", "image_size_px": "{} px", "batch_size": "{} images a batch", "optimiser": "{}"},
        recipe_draft.values(),
    )
    return ", ".join(
        form.format(searched[name])
        for name, form in told.items()
        if name in searched and searched[name] != now[name]
    )
