"""What a model says about photos that a person tries: picture, heat map, most probable classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate import charts, score_text
from peakid.evaluate.heat import overlay
from peakid.imaging import gate, pixels
from peakid.records import Resize
from peakid.serve.predictor import ImagePrediction, ReadError
from peakid.web import session, theme, words

MAX_PHOTOS = 32  # Of one upload: what a person looks at.
TOP = 5
N_WITH_BARS = 6  # With more photos, the classes are one line of text.
N_NAMED = 3  # Classes in that line.
PHOTO_PX = 160
CARD_PX = 340
OPACITY = 0.6  # Of the hottest place of a heat map.


@dataclass(frozen=True)
class PhotoAnswer:
    """One photo with the answer of a model.

    Attributes:
        name: Of the uploaded file.
        picture: What is shown of it, as JPEG or pixels; None if it cannot be read.
        heat: The same with the heat map over it; None where there is none.
    """

    name: str
    prediction: ImagePrediction
    picture: bytes | np.ndarray | None = None
    heat: np.ndarray | None = None


def answered(name: str, content: bytes, prediction: ImagePrediction) -> PhotoAnswer:
    """Return the answer of an export, with the photo as it is."""
    if prediction.error:
        return PhotoAnswer(name, prediction)
    return PhotoAnswer(name, prediction, gate.call(pixels.as_jpeg, content, longest_px=2 * PHOTO_PX))


def explained(
    name: str, content: bytes, prediction: ImagePrediction, heat: np.ndarray | None, resize: Resize
) -> PhotoAnswer:
    """Return the answer of a run, with the part of the photo that the model sees and the heat map over it.

    Args:
        heat: uint8 (n, n) over that part; 0 everywhere where nothing speaks for the class.
    """
    if prediction.error or heat is None:
        return PhotoAnswer(name, prediction)
    seen = gate.call(pixels.preprocess, content, size_px=2 * PHOTO_PX, resize=resize)
    return PhotoAnswer(name, prediction, seen, overlay.blend(seen, heat, OPACITY) if heat.any() else None)


def show(answers: Sequence[PhotoAnswer]) -> None:
    """Draw the answers side by side, as many in a row as fit."""
    with st.container(horizontal=True, gap="medium"):
        for n, answer in enumerate(answers):
            with st.container(width=CARD_PX, gap="small"):
                _show_one(answer, key=f"{n}:{answer.name}", with_bars=len(answers) <= N_WITH_BARS)


def _show_one(answer: PhotoAnswer, *, key: str, with_bars: bool) -> None:
    prediction = answer.prediction
    if prediction.error or answer.picture is None:
        reason = session.plain(error_text(prediction.error)) if prediction.error else ""
        st.error(f"{session.plain(answer.name)} cannot be read. {reason}", icon=":material/error:")
        return
    with st.container(horizontal=True, gap="small"):
        st.image(answer.picture, width=PHOTO_PX)
        if answer.heat is not None:
            st.image(answer.heat, width=PHOTO_PX)
    st.markdown(f"**{session.plain(prediction_text(prediction))}**")
    if with_bars:
        shares = (f"{name} {score_text.percent(probability)}" for name, probability in prediction.top)
        theme.plot(bars(prediction), key=f"top:{key}", label=", ".join(shares))
    else:
        st.caption(session.plain(others_text(prediction)))


def prediction_text(prediction: ImagePrediction) -> str:
    """Return the first choice: `matterhorn (87 %)`."""
    class_name, probability = prediction.top[0]
    if prediction.is_unfamiliar:
        return f"Looks like nothing it learned. {class_name} ({score_text.percent(probability)}) says little."
    if prediction.abstained:
        return (
            f"No answer: the model is only {score_text.percent(probability)} sure of {class_name}, which is"
            " below its threshold."
        )
    return f"{class_name} ({score_text.percent(probability)})"


def others_text(prediction: ImagePrediction) -> str:
    """Return the next classes in one line: `then eiger 9 %, dom 2 %`."""
    following = prediction.top[1:N_NAMED]
    named = ", ".join(f"{label} {score_text.percent(probability)}" for label, probability in following)
    return f"then {named}" if named else ""


def error_text(error: ReadError) -> str:
    """Return in words why a file could not be read."""
    text = words.REASONS.get(error.reason) if error.reason else None
    return f"{text}: {error.detail}" if text else str(error)


def bars(prediction: ImagePrediction) -> go.Figure:
    """Draw the probabilities of the classes, the highest on top."""
    top = list(reversed(prediction.top))  # Plotly draws from the bottom.
    look = theme.current()
    faint = charts.mixed(charts.ACCENT[look], look, 0.3)
    bar = go.Bar(
        x=[probability for _, probability in top],
        y=list(range(len(top))),
        orientation="h",
        marker={"color": [faint] * (len(top) - 1) + [charts.ACCENT[look]]},
        text=[score_text.percent(probability) for _, probability in top],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure = go.Figure(bar)
    figure.update_xaxes(visible=False, range=[0, 1.25], fixedrange=True)
    names = [f"{charts.label(name)}  " for name, _ in top]
    figure.update_yaxes(
        tickvals=list(range(len(top))), ticktext=names, showgrid=False, automargin=True, fixedrange=True
    )
    template = charts.template(look)
    return figure.update_layout(template=template, height=16 + 26 * len(top), margin={"t": 0}, bargap=0.35)
