"""Heat maps in the tab Errors: what they found, the maps of a class side by side, and one map in detail."""

from collections.abc import Sequence

import streamlit as st

from peakid.errors import PeakidError
from peakid.evaluate.heat import choice, share_chart, shown_maps, trusted
from peakid.evaluate.heat.shown_maps import ShownMap, SplitMaps
from peakid.jobs import queue
from peakid.jobs.evaluation import heat_maps as jobs
from peakid.web import session, theme, words
from peakid.web.evaluation.heat import one_map
from peakid.web.evaluation.view import EvaluationView
from peakid.web.jobs import engine_choice, job_panel, submission

PER_ROW = 6
N_SHOWN = 12
_COUNTED = {0: "nothing unusual", 1: "one class to look at"}
ERRORS = ""  # In the menu of classes.
TIP = (
    "Grad-CAM: where in an image the score for a class comes from. Each map is tested: its hottest tenth is "
    "blurred. The score must fall by more than at nine of ten other places, and by more than networks with "
    "random weights lose by their own maps."
)


def show(view: EvaluationView) -> None:
    """Draw the maps of the run, or the button that computes them. A run without a model has none."""
    if not view.run.has_model:
        return
    st.header("Heat maps", help=TIP)
    found = shown_maps.load(view.workspace, view.run, view.split)
    if found.maps:
        st.markdown(_summary(found))
        _show_shares(found)
        st.fragment(_show_maps)(view, found)
    else:
        st.markdown(
            "See where in a photo the score comes from, for the worst errors and for every class. It takes "
            "about a second for each photo and class."
        )
    _show_job(view, found)


def _summary(found: SplitMaps) -> str:
    text = shown_maps.finding(found)
    if found.n_trusted < len(found.maps):
        text += " The others are shown as not trusted, with the reason."
    return text


def _show_shares(found: SplitMaps) -> None:
    if not found.shares:
        st.caption(
            "Where the heat of a class is can be said from 5 trusted maps of independent images of the class."
        )
        return
    with st.expander(_shares_title(found), expanded=bool(found.shortcuts)):
        theme.plot(
            share_chart.draw(found.shares, found.class_names, theme=theme.current()), key="heat-shares"
        )
        st.caption(
            "Trusted maps for the predicted class; near duplicates count once. Dotted: an even map. Orange: "
            "significantly more, at 5 %, corrected for all classes and places. A frame, a caption or a "
            "watermark may be a shortcut: look at the maps of that class."
        )


def _shares_title(found: SplitMaps) -> str:
    n = len({each.class_index for each in found.shortcuts})
    return f"Where the heat is: {_COUNTED.get(n, f'{n} classes to look at')}"


def _show_maps(view: EvaluationView, found: SplitMaps) -> None:
    """Draw the menu, the montage and the chosen map; redrawn alone when a menu or the slider changes."""
    left, right = st.columns([2, 1], gap="medium", vertical_alignment="bottom")
    options = _options(found)
    chosen = left.selectbox(
        "Show",
        options,
        format_func=lambda each: words.shown("Errors, the worst first" if each == ERRORS else each),
        key="heat:class",
    )
    opacity = (
        right.slider("Opacity of the heat", 0, 100, 60, step=5, format="%d %%", key="heat:opacity") / 100
    )
    maps = [each for each in found.maps if _is_shown(each, chosen)]
    _show_montage(view, maps[:N_SHOWN], opacity)
    if len(maps) > N_SHOWN:
        st.caption(f"The first {N_SHOWN} of {len(maps):,} maps.")
    one_map.show(view, found, maps, opacity)


def _options(found: SplitMaps) -> list[str]:
    classes = {each.class_name for each in found.maps if each.is_predicted}
    has_errors = any(not each.is_right for each in found.maps)
    return [*([ERRORS] if has_errors else []), *(name for name in found.class_names if name in classes)]


def _is_shown(shown: ShownMap, chosen: str | None) -> bool:
    if chosen == ERRORS:
        return not shown.is_right and shown.is_predicted
    return shown.is_predicted and shown.class_name == chosen


def _show_montage(view: EvaluationView, maps: Sequence[ShownMap], opacity: float) -> None:
    for start in range(0, len(maps), PER_ROW):
        for cell, each in zip(st.columns(PER_ROW, gap="small"), maps[start : start + PER_ROW], strict=False):
            with cell:
                _show_tile(view, each, opacity)


def _show_tile(view: EvaluationView, shown: ShownMap, opacity: float) -> None:
    try:
        picture = shown_maps.drawn(view.workspace, view.run, shown.map, opacity=opacity, is_small=True)
    except PeakidError as error:
        st.caption(session.plain(error.message))
        return
    st.image(picture, width="stretch")
    doubt = trusted.doubt(shown.map.check)
    help_text = None if doubt is None else trusted.REASONS[doubt]
    given = "" if shown.is_right else f", is {session.plain(shown.given)}"
    st.caption(f"{session.plain(shown.class_name)}{given}", help=help_text)
    if doubt is not None:
        st.badge("Not trusted", color="orange")


def _show_job(view: EvaluationView, found: SplitMaps) -> None:
    job = jobs.newest_job(view.workspace, view.run.run_id)
    if job is not None and (job.state not in queue.ENDED or job.state in ("failed", "lost")):
        job_panel.show(view.workspace, job)
        if job.state not in queue.ENDED:
            return
    n_more = min(view.scored.n_images - found.n_images, choice.DEFAULT_LIMIT)
    if not n_more:
        return
    limit = found.n_images + n_more
    counted = words.n_of(n_more, "more photo" if found.maps else "photo")
    label = f"Compute heat maps of {counted}"
    if st.button(label, icon=":material/local_fire_department:", key="heat:compute") and submission.submit(
        f"heat-maps:{view.run.run_id}:{view.split}:{limit}",
        lambda request_id: jobs.compute(
            view.workspace,
            view.run.run_id,
            split=view.split,
            limit=limit,
            settings=engine_choice.settings(),
            request_id=request_id,
            actor=view.actor,
        ),
    ):
        st.rerun()
