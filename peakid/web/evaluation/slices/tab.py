"""The tab Slices: which images the model does worse on, by source, year, size and other properties."""

import streamlit as st

from peakid.curate.queues import selections
from peakid.evaluate.slices import properties, search, slice_chart, slice_text, stored_slices
from peakid.evaluate.slices.slicing import Slice, SlicedProperty, SliceReport
from peakid.evaluate.slices.stored_slices import SliceFigures
from peakid.web import address, navigation, session, tables, theme, words, workspace_address
from peakid.web.evaluation import figures_panel
from peakid.web.evaluation.view import EvaluationView

MOST_FINDINGS = 5
MOST_BUTTONS = 20
NO_PAIR = "none"
_KEPT = "slices:report"  # Session state: (what it was computed from, SliceReport) of two properties.
_OPENED = "slices:opened"  # Session state, until the next run: pages cannot be switched in a callback.
_THUMBNAIL = "height:44px;width:56px;object-fit:cover;border-radius:4px;margin-right:4px"
HELP = (
    "Bars: share of correct images with its 95 % interval, in which near duplicates count once. Diamonds: "
    "what is expected of the classes in the slice. Dotted line: all images. Orange: worse than chance and "
    "classes explain."
)


def show(view: EvaluationView) -> None:
    """Draw the slices that are worse than chance explains, then those of a chosen property."""
    if queue := st.session_state.pop(_OPENED, None):
        navigation.go("review", queue=queue)
    found = stored_slices.of_run(view.workspace, view.run, view.split, with_tta=view.scored.tta is not None)
    if found is None:
        figures_panel.show_missing(view.workspace, view.run, "The figures of this tab")
        return
    if not found.is_current:
        figures_panel.show_part_outdated(view.workspace, view.run, view.figures, "The figures of this tab")
    _show_findings(view, found.report)
    st.header("Slices by property")
    pair = _chosen_pair()
    report = _crossed(view, found, pair) if pair else found.report
    if pair and report.n_images < view.scored.n_images:
        st.caption(
            f"With two properties, the slices are those of {report.n_images:,} images, drawn at random from"
            f" {view.scored.n_images:,}."
        )
    chosen = _choose(report)
    if chosen is not None:
        _show_property(view, report, chosen)
    _show_missing(found.report)


def _chosen_pair() -> tuple[str, ...]:
    """Return the two properties that the address crosses, or none."""
    by, other = address.option("by", properties.KEYS), address.option("and", (NO_PAIR, *properties.KEYS))
    return (by, other) if by and other and other not in (NO_PAIR, by) else ()


def _crossed(view: EvaluationView, found: SliceFigures, pair: tuple[str, ...]) -> SliceReport:
    """Return the report with two properties together, computed again where anything has changed."""
    key = (str(view.workspace.path), view.run.run_id, view.split, found.state, pair)
    before, kept = st.session_state.get(_KEPT, (None, None))
    if before != key or kept is None:
        with st.spinner("Looking at two properties together"):
            kept = stored_slices.crossed(view.workspace, view.images, pair)
        st.session_state[_KEPT] = key, kept
    return kept


def _show_findings(view: EvaluationView, report: SliceReport) -> None:
    worst = report.worst
    if not worst:
        st.info(slice_text.nothing_found(report), icon=":material/check:")
    for each in worst[:MOST_FINDINGS]:
        st.warning(session.plain(slice_text.finding(each, report.n_tested)), icon=":material/warning:")
        with st.container(horizontal=True, vertical_alignment="center"):
            _button(view, each, _review_label(each), place="found")
            _show_examples(each)
    if len(worst) > MOST_FINDINGS:
        st.caption(f"{len(worst) - MOST_FINDINGS} more slices are worse; they are orange below.")
    hard = [one for every in report.properties for one in every.slices if one.is_of_hard_classes]
    for each in hard[:MOST_FINDINGS]:
        st.caption(session.plain(slice_text.hard_classes(each)))


def _choose(report: SliceReport) -> SlicedProperty | None:
    """Draw the menus of the property and of the one it is crossed with; return what is to be drawn."""
    of_key = {each.key: each for each in report.properties}
    single = [key for key in of_key if "," not in key]
    if not single:
        st.info("The images of this split do not differ in any property.")
        return None
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=300):
            by = address.select("Slices by", "by", single, default=_first(report), format_func=_title)
        with st.container(width=300):
            others = [NO_PAIR, *(each for each in single if each != by)]
            other = address.select("and by", "and", others, default=NO_PAIR, format_func=_title)
    if other == NO_PAIR:
        return of_key[by]
    return next((each for key, each in of_key.items() if set(key.split(",")) == {by, other}), of_key[by])


def _first(report: SliceReport) -> str | None:
    """Return the property of the worst slice, to begin with."""
    return next((each.key for each in report.worst if "," not in each.key), None)


def _title(key: str) -> str:
    return {NO_PAIR: "Nothing else", **properties.TITLES}.get(key, key)


def _show_property(view: EvaluationView, report: SliceReport, found: SlicedProperty) -> None:
    figure = slice_chart.draw(found, report.accuracy, theme=theme.current())
    theme.plot(figure, key=f"slices:{view.run.run_id}:{view.split}:{found.key}")
    st.caption(HELP)
    wrong = sorted((each for each in found.slices if each.n_errors), key=lambda each: each.accuracy)
    if wrong:
        st.markdown("**Review the errors of a slice**")
    for each in wrong[:MOST_BUTTONS]:
        text = f"**{session.plain(each.value)}**: {each.n_errors:,} of {each.n_images:,} wrong"
        left, right = st.columns([1, 1], gap="small", vertical_alignment="center")
        with left:
            _button(view, each, text, place="rows")
        with right:
            _show_examples(each)
    with st.expander("All figures"):
        tables.late([_line(each) for each in found.slices], key="slices:figures")
        st.caption(
            "Differences are to the other images of the same classes, with 95 % interval. p-values are "
            f"corrected for {report.n_tested:,} slices, those of all properties. Tested are slices with "
            f"{search.LEAST_IMAGES} images and as many others of the same classes."
        )


def _line(each: Slice) -> dict[str, str | int]:
    return {
        each.title: each.value,
        "Images": each.n_images,
        "Errors": each.n_errors,
        "Accuracy (95 %)": slice_text.score(each),
        "Balanced": slice_text.share(each.balanced_accuracy),
        "Expected": slice_text.share(each.expected_accuracy),
        "Difference (95 %)": slice_text.difference(each.compared),
        "p-value": slice_text.p_value(each.p_value),
    }


def _button(view: EvaluationView, each: Slice, label: str, *, place: str) -> None:
    st.button(
        label,
        key=f"slice:{place}:{each.key}:{each.value}",
        icon=":material/arrow_forward:",
        type="tertiary" if place == "rows" else "secondary",
        on_click=_open,
        args=(view, each),
    )


def _review_label(each: Slice) -> str:
    n = len(each.error_ids)
    return f"Review {words.n_of(n, 'error')}" if n == each.n_errors else f"Review the surest {n:,} errors"


def _open(view: EvaluationView, each: Slice) -> None:
    st.session_state[_OPENED] = selections.create(
        view.workspace, each.error_ids.tolist(), actor=view.actor, run_id=view.run.run_id
    )


def _show_examples(each: Slice) -> None:
    """Draw the errors of which the model was the surest."""
    sources = [workspace_address.thumbnail(digest) for digest in each.examples]
    st.html("".join(f'<img src="{source}" alt="" style="{_THUMBNAIL}">' for source in sources))


def _show_missing(report: SliceReport) -> None:
    lines = [f"{each.title}: {each.reason} {each.remedy}".rstrip() for each in report.missing]
    if lines:
        st.caption("  \n".join(session.plain(line) for line in lines))
