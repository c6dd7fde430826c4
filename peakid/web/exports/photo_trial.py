"""Try a photo on an exported model, which runs in ONNX Runtime as it will elsewhere."""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate import charts, score_text
from peakid.imaging import gate, pixels
from peakid.records import Export
from peakid.serve.predictor import ImagePrediction, Predictor, ReadError
from peakid.store import exports
from peakid.web import session, theme, uploads, words

TOP = 5
PHOTO_PX = 260  # Leaves room for the bars below it in a window of 800 px.


def show(export: Export) -> None:
    """Draw the upload field, and the five most probable classes of an uploaded photo."""
    if export.is_foreign:
        st.caption("Only the restored backup says that this export is there, so it is not opened.")
        return
    upload = st.file_uploader(
        "Try a photo",
        key=f"photo:{export.export_id}",
        help="Any image file. It is not stored.",
        max_upload_size=uploads.most_photo_mb(),
    )
    if upload is None:
        st.caption("Upload a photo to see which classes the model predicts.")
        return
    content = uploads.content(upload)
    prediction = predictor(str(exports.folder(export))).predict([content], top=TOP)[0]
    if prediction.error:
        reason = session.plain(error_text(prediction.error))
        st.error(f"{session.plain(upload.name)} cannot be read. {reason}", icon=":material/error:")
        return
    st.image(gate.call(pixels.as_jpeg, content, longest_px=2 * PHOTO_PX), width=PHOTO_PX)
    st.markdown(f"**{session.plain(prediction_text(prediction))}**")
    theme.plot(bars(prediction), key="top")


@st.cache_resource(max_entries=2, show_spinner="Loading the model")  # An export never changes.
def predictor(path: str) -> Predictor:
    return Predictor(Path(path))


def prediction_text(prediction: ImagePrediction) -> str:
    """Return the first choice: `matterhorn (87 %)`."""
    class_name, probability = prediction.top[0]
    if prediction.is_unfamiliar:
        return f"Looks like nothing it learned. {class_name} ({score_text.percent(probability)}) says little."
    if prediction.abstained:
        return (
            f"No answer: the model is only {score_text.percent(probability)} sure of {class_name}, which is"
            " below the threshold of this export."
        )
    return f"{class_name} ({score_text.percent(probability)})"


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
    figure.update_xaxes(visible=False, range=[0, 1.15], fixedrange=True)
    names = [f"{charts.label(name)}  " for name, _ in top]
    figure.update_yaxes(
        tickvals=list(range(len(top))), ticktext=names, showgrid=False, automargin=True, fixedrange=True
    )
    template = charts.template(look)
    return figure.update_layout(template=template, height=24 + 32 * len(top), margin={"t": 8}, bargap=0.35)
