"""The tab Learning curve: what more images would gain, as a sentence, a curve and a row for each class."""

from collections.abc import Sequence

import streamlit as st

from peakid.embed import stored
from peakid.evaluate.learning_curve import advice, curve_chart
from peakid.evaluate.learning_curve.curve import Gain, LearningCurve
from peakid.jobs import queue
from peakid.jobs.arguments import LearningCurveArguments
from peakid.jobs.evaluation import learning_curve
from peakid.jobs.job import Job
from peakid.store.workspace import Workspace
from peakid.web import address, session, tables, theme, words
from peakid.web.collect import embedding_panel
from peakid.web.evaluation.view import EvaluationView
from peakid.web.jobs import job_panel, submission

MODELS = {"head": "Linear head (seconds)", "training": "Trainings with its recipe"}
ABOUT = (
    "The model is fitted to shares of the training images of each class, and scored on the validation images."
    " The curve through these scores is continued to twice as many images. Its interval is to hold the score"
    " in nine of ten cases."
)
OF_HEAD = "A linear classifier on the embeddings of the images stands for the model of this run."
OF_TRAININGS = (
    "The recipe of this run is trained eight times, on a quarter to seven tenths of its images: together as"
    " long as about four trainings of this run."
)


def show(view: EvaluationView) -> None:
    """Draw the stored curve, or what it takes to measure it."""
    with_training = address.value("curve", list(MODELS), "head") == "training"
    if not with_training and not stored.sets(view.workspace):
        _show_no_embeddings(view)
        return
    found = learning_curve.find(view.workspace, view.run, with_training=with_training)
    if found is not None:
        _show_curve(found)
    else:
        st.markdown(f"{ABOUT} {OF_TRAININGS if with_training else OF_HEAD}")
    is_open = _show_job(view.workspace, view.run.run_id, with_training)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        address.segments("Model", "curve", list(MODELS), format_func=MODELS.__getitem__)
        if not is_open:
            _show_button(view, with_training, is_again=found is not None)


def _show_no_embeddings(view: EvaluationView) -> None:
    st.markdown(
        "The learning curve says how much more images of each class would gain. It needs the embeddings of"
        " the images, which a job computes once."
    )
    embedding_panel.show(view.workspace)
    address.segments("Model", "curve", list(MODELS), format_func=MODELS.__getitem__)


def _show_job(workspace: Workspace, run_id: int, with_training: bool) -> bool:
    """Draw the newest job of this curve while it runs or where it failed; return whether it runs."""
    submission.renew_ended(workspace)
    arguments = LearningCurveArguments(run_id=run_id, with_training=with_training)
    job = queue.newest(workspace, "learning-curve", lambda each: each.arguments == arguments)
    if job is None or job.state in ("done", "cancelled"):
        return False
    job_panel.show(workspace, job)
    return job.state not in queue.ENDED


def _show_button(view: EvaluationView, with_training: bool, *, is_again: bool) -> None:
    label = "Measure the learning curve again" if is_again else "Measure the learning curve"
    kind = "tertiary" if is_again else "primary"
    if st.button(label, type=kind, icon=":material/show_chart:", key="learning-curve") and submission.submit(
        f"learning-curve:{view.run.run_id}:{with_training}",
        lambda request_id: _submitted(view, with_training, request_id),
    ):
        st.rerun()


def _submitted(view: EvaluationView, with_training: bool, request_id: str) -> Job:
    return learning_curve.compute(
        view.workspace,
        view.run.run_id,
        with_training=with_training,
        request_id=request_id,
        actor=session.actor(),
    )


def _show_curve(found: LearningCurve) -> None:
    """Draw the advice, the curve, and a row for each class."""
    steps = [str(each) for each in found.steps]
    usual = str(found.usual_step) if steps else None
    chosen = address.value("more", steps, usual) if steps else None
    step = int(chosen) if chosen else None
    said = advice.advice(found, step)
    st.markdown(f"**{words.plain(said.sentence)}**")
    if said.class_name is not None:
        st.markdown(words.plain(said.of_all))
    theme.plot(curve_chart.draw(found, theme=theme.current()), key="learning-curve-chart")
    if steps:
        with st.container(width=240):
            address.select(
                "More images of one class",
                "more",
                steps,
                default=usual,
                format_func=lambda each: f"{int(each):,}",
            )
        _show_classes(found.of_classes(step))
    else:
        st.caption("The trainings vary all classes together. The linear head tells the classes apart.")
    st.caption(words.plain(_origin(found)))


def _show_classes(gains: Sequence[Gain]) -> None:
    rows = [
        {
            "Class": each.class_name,
            "Images": each.n_images,
            "More": each.n_more,
            "Change in accuracy (90 % interval)": advice.points(each),
            "Clear gain": "yes" if each.is_clear else "no: the interval contains 0",
        }
        for each in gains
    ]
    columns = {
        "Images": st.column_config.NumberColumn(help="Training images of the class today."),
        "More": st.column_config.NumberColumn(
            help="No more than there are: the forecast was tested up to twice as many."
        ),
        "Change in accuracy (90 % interval)": st.column_config.TextColumn(
            help="Percentage points of the accuracy on all validation images, if only this class grows."
        ),
    }
    tables.late(rows, key="curve:classes", column_config=columns)


def _origin(found: LearningCurve) -> str:
    """Return what the curve was measured with."""
    how = (
        f"a linear head on {found.backbone.removeprefix('timm/')}" if found.model == "head" else "the recipe"
    )
    text = (
        f"Measured with {words.n_of(found.n_fits, 'fit')} of {how} on {words.n_of(found.n_valid, 'image')} of"
        " validation. Intervals of 90 %; on three collections they held the gain measured later in 89 to 98 %"
        " of the cases."
    )
    if not found.n_without:
        return text
    left_out = words.n_of(found.n_without, "image")
    return f"{text} Left out: {left_out} without an embedding, or of a class without training images."
