"""One heat map beside its photo, for any class, with what testing it found."""

from collections.abc import Sequence

import streamlit as st

from peakid.errors import PeakidError
from peakid.evaluate import score_text
from peakid.evaluate.heat import heat_shares, shown_maps, trusted
from peakid.evaluate.heat.shown_maps import PLACES, ShownMap, SplitMaps
from peakid.jobs.evaluation import heat_maps as jobs
from peakid.store.evaluation import heat_maps
from peakid.store.evaluation.heat_maps import HeatMap
from peakid.web import choices, session, words
from peakid.web.evaluation.view import EvaluationView
from peakid.web.jobs import submission

PICTURE_PX = 320


def show(view: EvaluationView, found: SplitMaps, maps: Sequence[ShownMap], opacity: float) -> None:
    """Draw menus for the photo and the class, then photo, map and finding side by side."""
    if not maps:
        return
    left, right = st.columns(2, gap="medium")
    titles = {(each.map.digest, each.class_name): _name(n, each) for n, each in enumerate(maps, 1)}
    by_key = dict(zip(titles, maps, strict=True))
    choices.keep("heat:photo", list(titles), titles.__getitem__, default=next(iter(titles)))
    shown = by_key[left.selectbox("Photo", list(titles), format_func=titles.__getitem__, key="heat:photo")]
    class_name = right.selectbox(
        "Map for the class",
        found.class_names,
        index=found.class_names.index(shown.class_name),
        format_func=words.shown,
        key=f"heat:for:{shown.map.digest}",
    )
    index = found.class_names.index(class_name or shown.class_name)
    heat_map = heat_maps.read(view.workspace, view.run.run_id).get((shown.map.digest, index))
    if heat_map is None:
        _show_missing(view, shown.map.digest, found.class_names[index])
        return
    _show_pictures(view, heat_map, found.class_names[index], opacity)


def _name(number: int, shown: ShownMap) -> str:
    given = "" if shown.is_right else f", is {shown.given}"
    probability = score_text.percent(shown.map.check.probability)
    return words.shown(f"{number}. {shown.predicted} {probability}{given}")


def _show_pictures(view: EvaluationView, heat_map: HeatMap, class_name: str, opacity: float) -> None:
    try:
        photo, over = (
            shown_maps.drawn(view.workspace, view.run, heat_map, opacity=each) for each in (0.0, opacity)
        )
    except PeakidError as error:
        session.show_error(error)
        return
    first, second, text = st.columns([2, 2, 3], gap="medium")
    first.image(photo, width=PICTURE_PX)
    second.image(over, width=PICTURE_PX)
    with text:
        doubt = trusted.doubt(heat_map.check)
        st.markdown(f"**{session.plain(class_name)}**")
        if doubt is None:
            st.badge("Trusted", icon=":material/verified:", color="green")
        else:
            st.badge("Not trusted", icon=":material/warning:", color="orange")
            st.markdown(trusted.REASONS[doubt])
        st.markdown(_findings(heat_map))


def _findings(heat_map: HeatMap) -> str:
    """Return what testing the map found, as Markdown."""
    check, shares = heat_map.check, heat_shares.shares_of(heat_map.heat)
    if not check.hot_share:
        return ""
    even = heat_shares.REGIONS["border"].mean()
    return "\n".join(
        [
            f"- {trusted.finding(check)}",
            f"- Score lost (log-odds): {check.lost:.2f}; at random places {check.lost_elsewhere:.2f}"
            f" (p = {check.p_regions:.3f}).",
            f"- Against networks with random weights: p = {check.p_networks:.3f}; similarity of the maps"
            f" {check.similarity:.2f} (1 = the same order).",
            f"- {score_text.percent(shares['border'])} of the heat is {PLACES['border']}, an even map has"
            f" {score_text.percent(float(even))}.",
        ]
    )


def _show_missing(view: EvaluationView, digest: str, class_name: str) -> None:
    st.markdown(f"There is no map of this photo for {session.plain(class_name)} yet.")
    if st.button(
        "Compute this map", icon=":material/local_fire_department:", key="heat:one"
    ) and submission.submit(
        f"heat-map:{view.run.run_id}:{digest}:{class_name}",
        lambda request_id: jobs.compute_one(
            view.workspace,
            view.run.run_id,
            digest,
            class_name=class_name,
            request_id=request_id,
            actor=view.actor,
        ),
    ):
        st.rerun()
