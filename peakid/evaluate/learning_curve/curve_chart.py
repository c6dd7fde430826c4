"""Draw a learning curve: measured points, the forecast with its band, today's number of images."""

import plotly.graph_objects as go

from peakid import printable
from peakid.evaluate import charts, score_text
from peakid.evaluate.charts import Theme
from peakid.evaluate.learning_curve.curve import CurvePoint, LearningCurve

HEIGHT_PX = 380


def draw(found: LearningCurve, *, theme: Theme = "light") -> go.Figure:
    """Draw accuracy over the number of training images; the band holds nine of ten measurements."""
    figure = go.Figure([_band(found, theme), _ahead(found, theme), _measured(found, theme)])
    every = (*found.measured, *found.ahead)
    figure.add_vline(x=found.n_train, line={"dash": "dot", "width": 1, "color": charts.INK[theme]})
    figure.add_annotation(
        x=found.n_train, y=0, yref="paper", yanchor="bottom", xanchor="left", text=" today", showarrow=False
    )
    furthest = found.ahead[-1].n_images
    figure.update_xaxes(title="Training images", range=[0, 1.03 * furthest], tickformat=",", fixedrange=True)
    low, high = max(0.0, min(each.low for each in every) - 0.03), max(each.high for each in every) + 0.02
    figure.update_yaxes(charts.share_axis(low, high), title="Accuracy (validation)")
    return figure.update_layout(template=charts.template(theme), title=_finding(found), height=HEIGHT_PX)


def _band(found: LearningCurve, theme: Theme) -> go.Scatter:
    red, green, blue = (int(charts.ACCENT[theme][i : i + 2], 16) for i in (1, 3, 5))
    ahead = found.ahead
    return go.Scatter(
        x=[*(each.n_images for each in ahead), *(each.n_images for each in reversed(ahead))],
        y=[*(each.high for each in ahead), *(each.low for each in reversed(ahead))],
        mode="lines",
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.16)",
        line={"width": 0},
        hoverinfo="skip",
    )


def _ahead(found: LearningCurve, theme: Theme) -> go.Scatter:
    return go.Scatter(
        x=[each.n_images for each in found.ahead],
        y=[each.accuracy for each in found.ahead],
        mode="lines",
        line={"color": charts.ACCENT[theme], "dash": "dash", "width": 2},
        customdata=[_shown(each) for each in found.ahead],
        hovertemplate="%{x:,} images: %{customdata[0]} expected, "
        "90 &#37; interval %{customdata[1]}<extra></extra>",
    )


def _measured(found: LearningCurve, theme: Theme) -> go.Scatter:
    points = found.measured
    return go.Scatter(
        x=[each.n_images for each in points],
        y=[each.accuracy for each in points],
        mode="lines+markers",
        marker={"color": charts.ACCENT[theme], "size": 8},
        line={"color": charts.ACCENT[theme], "width": 2},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.accuracy for each in points],
            "arrayminus": [each.accuracy - each.low for each in points],
            "color": charts.INK[theme],
            "thickness": 1.1,
            "width": 4,
        },
        customdata=[_shown(each) for each in points],
        hovertemplate="%{x:,} images: %{customdata[0]} measured, "
        "90 &#37; interval %{customdata[1]}<extra></extra>",
    )


def _finding(found: LearningCurve) -> str:
    last = found.ahead[-1]
    expected = score_text.score(last.accuracy, (last.low, last.high))
    today = score_text.percent(found.measured[-1].accuracy)
    model = "Linear head" if found.model == "head" else "Trainings"
    text = f"{model}: {today} with {found.n_train:,} images today; with {last.n_images:,}, {expected}"
    return charts.escaped(text)


def _shown(point: CurvePoint) -> tuple[str, str]:
    """Return the accuracy and its interval as texts."""
    return printable.percent(point.accuracy, decimals=1), score_text.span((point.low, point.high), " to ")
