"""What decisions bought: choose decisions to leave out, start the measurement, and see what was measured."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import decision_sets
from peakid.curate.decision_sets import Offer
from peakid.curate.queues import compared_runs
from peakid.evaluate import score_text
from peakid.jobs import queue
from peakid.jobs.evaluation import attribute as attributing
from peakid.jobs.results import AttributionResult
from peakid.records import Run
from peakid.store import status
from peakid.store.workspace import Workspace
from peakid.web import choices, names, navigation, session, tables, words
from peakid.web.evaluation.view import EvaluationView
from peakid.web.jobs import job_panel, submission

_OFFERS = "attribution:offers"  # Session state: what can be left out, and the labels that it was read with.
_SEEDS = "attribution:seeds"
_CHOSEN = "attribution:chosen"


def show(view: EvaluationView) -> None:
    """Draw the choice with its button, the job that runs, and the results before."""
    st.header("What the decisions bought")
    if not view.run.has_model or view.run.is_cross_validated:
        st.caption("Choose a run with a model: cross-validated runs have no validation images in common.")
        return
    offers = _offers(view.workspace)
    if not offers:
        st.caption(
            "No person has judged an image yet. Once labels were corrected here, this measures what the"
            " corrections did for the accuracy."
        )
        return
    job = queue.newest(view.workspace, "attribute")
    if job is not None and job.state in ("queued", "running", "failed", "lost"):
        job_panel.show(view.workspace, job)
    if job is None or job.state not in ("queued", "running"):
        _show_choice(view.workspace, view.run, offers)
    _show_results(attributing.results_of(view.workspace))


def _show_choice(workspace: Workspace, run: Run, offers: Sequence[Offer]) -> None:
    recipe = f"the recipe of {names.run_name(run).lower()}"
    st.caption(
        f"Trains {recipe} with and without the chosen decisions, and compares the models on the same"
        " validation images with the newest labels. Only training labels differ."
    )
    cells = st.columns([6, 2, 3], vertical_alignment="bottom")
    by_name = {f"{each.kind}:{each.value}": each for each in offers}

    def shown(name: str) -> str:
        return _option(by_name[name])

    choices.keep(_CHOSEN, list(by_name), shown, default=next(iter(by_name)))
    chosen = cells[0].selectbox("Decisions to leave out", list(by_name), format_func=shown, key=_CHOSEN)
    n_seeds = cells[1].number_input(
        "Seeds",
        1,
        attributing.MOST_SEEDS,
        attributing.DEFAULT_SEEDS,
        key=_SEEDS,
        help="Two models are trained for each. More seeds tell luck in training from an effect.",
    )
    n_models = 2 * int(n_seeds)
    seconds = run.seconds or 0.0
    label = f"Measure with {n_models} trainings"
    tip = f"At most {n_models} times the {seconds:.0f} s of {names.run_name(run).lower()}."
    if cells[2].button(label, icon=":material/science:", help=tip, width="stretch"):
        _submit(workspace, run, by_name[chosen], int(n_seeds))


def _submit(workspace: Workspace, run: Run, offer: Offer, n_seeds: int) -> None:
    if submission.submit(
        f"attribute:{run.run_id}:{offer.kind}:{offer.value}",
        lambda request_id: attributing.attribute(
            workspace,
            run.run_id,
            offer.chosen(),
            n_seeds=n_seeds,
            request_id=request_id,
            actor=session.actor(),
        ),
    ):
        st.rerun()


def _show_results(found: Sequence[AttributionResult]) -> None:
    if not found:
        return
    newest = found[0]
    st.markdown(session.plain(attributing.finding_text(newest)))
    without, with_them = newest.runs_without[0], newest.runs_with[0]
    with st.container(horizontal=True):
        _link("Images won", compared_runs.won_queue(without, with_them, newest.split))
        _link("Images lost", compared_runs.won_queue(with_them, without, newest.split))
    if len(found) > 1:
        with st.expander(f"All {len(found)} measurements"):
            tables.late([_row(each) for each in found], key="compare:bought")


def _link(label: str, name: str) -> None:
    page, icon = navigation.page("review"), ":material/open_in_full:"
    st.page_link(page, label=label, icon=icon, query_params={"queue": name}, width="content")


def _row(found: AttributionResult) -> dict[str, object]:
    measured = found.bought
    if measured is None:
        return {}
    low, high = (100 * bound for bound in measured.interval)
    return {
        "Decisions": found.title,
        "Bought": f"{score_text.difference(measured.difference)} ({low:+.1f} to {high:+.1f})",
        "Without": score_text.percent(measured.accuracy_without),
        "With": score_text.percent(measured.accuracy_with),
        "Images": measured.n_images,
        "Seeds": len(found.seeds),
        "Recipe of": names.run_name(found.run_id),
    }


def _option(offer: Offer) -> str:
    title = f"Step {offer.value}: {offer.title}" if offer.kind == "step" else offer.title
    counted = f"{words.n_of(offer.n_images, 'image')} · {words.ago(offer.made_at)}"
    return words.shown(f"{title[:1].upper()}{title[1:]} · {counted}")


def _offers(workspace: Workspace) -> list[Offer]:
    revision = f"{workspace.path}\n{status.label_revision(workspace)}"
    kept: tuple[str, list[Offer]] | None = st.session_state.get(_OFFERS)
    if kept is None or kept[0] != revision:
        kept = revision, decision_sets.offered(workspace)
        st.session_state[_OFFERS] = kept
    return kept[1]
