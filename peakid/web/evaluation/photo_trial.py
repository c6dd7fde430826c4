"""A photo is given to an exported model, which answers through ONNX Runtime as it will elsewhere."""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from peakid.evaluate import charts
from peakid.imaging import pixels
from peakid.records import Export
from peakid.serve.predictor import Answer, Predictor
from peakid.settings import Settings
from peakid.web import session, theme, words

TOP = 5
MAX_MB = Settings().max_image_bytes // 2**20  # Larger files are refused as images, too.
PHOTO_PX = 260  # Leaves room for the answers below it at 800 px.


def show(export: Export) -> None:
    """Ask for a photo and draw the model's first five answers."""
    upload = st.file_uploader(
        "Try a photo",
        key=f"photo:{export.export_id}",
        help="Any image file; it is not kept.",
        max_upload_size=MAX_MB,
    )
    if upload is None:
        st.caption("Drop a photo here: the model names the classes it finds most probable.")
        return
    content = upload.getvalue()
    answer = predictor(export.path).predict([content], top=TOP)[0]
    if answer.error:
        st.error(
            f"{session.plain(upload.name)} cannot be read. {session.plain(why(answer.error))}",
            icon=":material/error:",
        )
        return
    st.image(pixels.decode(content), width=PHOTO_PX)
    st.markdown(f"**{session.plain(said(answer))}**")
    theme.plot(bars(answer), key="top")


@st.cache_resource(max_entries=2, show_spinner="Loading the model")
def predictor(path: str) -> Predictor:
    """An export never changes once it is proven, so its model is loaded once."""
    return Predictor(Path(path))


def said(answer: Answer) -> str:
    """Say the first choice: `matterhorn, 87 % sure`."""
    return f"{answer.top[0][0]}, {answer.top[0][1]:.0%} sure"


def why(error: str) -> str:
    """Say in words why a file could not be read; its reason is a word of the closed list."""
    reason, _, detail = error.partition(": ")
    known = words.REASONS.get(reason)
    return f"{known}: {detail}" if known else error


def bars(answer: Answer) -> go.Figure:
    """Draw the probability of each named class, the first on top."""
    top = list(reversed(answer.top))
    look = theme.current()
    figure = go.Figure(
        go.Bar(
            x=[probability for _, probability in top],
            y=list(range(len(top))),
            orientation="h",
            marker={
                "color": [charts.mixed(charts.ACCENT[look], look, 0.3)] * (len(top) - 1)
                + [charts.ACCENT[look]]
            },
            text=[f"{probability:.1%}" for _, probability in top],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(visible=False, range=[0, 1.15], fixedrange=True)
    ticks = [f"{name.replace('<', '&lt;')}  " for name, _ in top]
    figure.update_yaxes(
        tickvals=list(range(len(top))), ticktext=ticks, showgrid=False, automargin=True, fixedrange=True
    )
    return figure.update_layout(
        template=charts.template(look), height=24 + 32 * len(top), margin={"t": 8}, bargap=0.35
    )
