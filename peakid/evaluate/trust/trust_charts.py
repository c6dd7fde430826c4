"""Figures of the tab Trust: reliability, and coverage against accuracy. Titles state the finding."""

from collections.abc import Sequence

import plotly.graph_objects as go

from peakid import printable
from peakid.evaluate import charts
from peakid.evaluate.charts import ACCENT, GROUND, INK, MISTAKE, Theme, mixed, template
from peakid.evaluate.score_text import percent
from peakid.evaluate.trust import trust_text
from peakid.evaluate.trust.calibration import Bin
from peakid.evaluate.trust.conformal import ConformalSets
from peakid.evaluate.trust.selective import Coverage
from peakid.evaluate.trust.trust_report import TrustReport

HEIGHT = 380
LEAST_DRAWN = 10  # Answered images of a point of the curve.
LEAST_AREA, MOST_AREA = 5, 16  # px: markers of the bins with the fewest and the most images.


def reliability(found: TrustReport, *, theme: Theme = "light") -> go.Figure:
    """Draw accuracy over confidence by bin, with intervals; on the diagonal the model is calibrated."""
    bins = found.bins
    most = max((each.n_images for each in bins), default=1)
    points = go.Scatter(
        x=[each.confidence for each in bins],
        y=[each.accuracy for each in bins],
        mode="markers",
        cliponaxis=False,
        marker={
            "color": ACCENT[theme],
            "size": [LEAST_AREA + (MOST_AREA - LEAST_AREA) * (each.n_images / most) ** 0.5 for each in bins],
            "line": {"width": 1, "color": GROUND[theme]},
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [each.accuracy_interval[1] - each.accuracy for each in bins],
            "arrayminus": [each.accuracy - each.accuracy_interval[0] for each in bins],
            "color": mixed(INK[theme], theme, 0.6),
            "thickness": 1.2,
            "width": 4,
        },
        hovertext=[_bin_text(each) for each in bins],
        hoverinfo="text",
    )
    figure = go.Figure([_diagonal(theme), points])
    figure.update_xaxes(title="Confidence (mean of the bin)", **_shares())
    figure.update_yaxes(title="Accuracy", **_shares())
    title = f"Calibration error {printable.percent(found.ece, decimals=1)}: {_against_chance(found)}"
    return figure.update_layout(template=template(theme), title=title, height=HEIGHT)


def risk_coverage(
    curve: Sequence[Coverage], chosen: Coverage | None = None, *, theme: Theme = "light"
) -> go.Figure:
    """Draw the accuracy of the answered images over their share, with its interval.

    Args:
        curve: At least one point, the lowest threshold first. Those with few answered images are not drawn.
        chosen: The threshold to mark.
    """
    answered = [each for each in curve if each.accuracy is not None and each.accuracy_interval is not None]
    # A few images have an interval from 0 to 1, beside which no other one can be read.
    points = [each for each in answered if each.n_answered >= LEAST_DRAWN] or answered
    x = [each.coverage for each in points]
    low = [each.accuracy_interval[0] for each in points if each.accuracy_interval]
    high = [each.accuracy_interval[1] for each in points if each.accuracy_interval]
    band = go.Scatter(
        x=[*x, *reversed(x)],
        y=[*high, *reversed(low)],
        fill="toself",
        mode="lines",
        line={"width": 0},
        fillcolor=mixed(ACCENT[theme], theme, 0.22),
        hoverinfo="skip",
    )
    line = go.Scatter(
        x=x,
        y=[each.accuracy for each in points],
        mode="lines+markers",
        line={"color": ACCENT[theme], "width": 2},
        marker={"size": 5},
        hovertext=[_coverage_text(each) for each in points],
        hoverinfo="text",
        cliponaxis=False,
    )
    figure = go.Figure([band, line])
    if chosen is not None and chosen.accuracy is not None:
        figure.add_trace(_marked(chosen, theme))
    lowest = min([*low, 1.0])
    figure.update_xaxes(title="Answered share of photos", **_shares())
    figure.update_yaxes(charts.share_axis(max(0.0, lowest - 0.05), 1.02), title="Accuracy of the answers")
    title = _coverage_finding(points, chosen)
    return figure.update_layout(template=template(theme), title=title, height=HEIGHT)


def set_sizes(found: ConformalSets, *, theme: Theme = "light") -> go.Figure:
    """Draw how many images have prediction sets of each size."""
    last = max(size for size, n in enumerate(found.sizes) if n)
    sizes = list(range(last + 1))
    counts = [found.sizes[size] for size in sizes]
    bars = go.Bar(
        x=sizes,
        y=counts,
        width=0.6,
        marker={
            "color": [MISTAKE[theme] if size == 0 else mixed(ACCENT[theme], theme, 0.75) for size in sizes]
        },
        hovertext=[_size_text(size, n, found.n_images) for size, n in zip(sizes, counts, strict=True)],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    step = -(-(last + 1) // 8)  # Numbers of two digits stay level on a tablet.
    figure.update_xaxes(title="Classes in the set", tickmode="linear", dtick=step, fixedrange=True)
    figure.update_yaxes(title="Images", rangemode="tozero", fixedrange=True)
    title = f"{percent(found.sizes[1] / found.n_images)} of the sets have one class"
    return figure.update_layout(template=template(theme), title=title, height=280)


def _diagonal(theme: Theme) -> go.Scatter:
    line = {"color": mixed(INK[theme], theme, 0.5), "width": 1, "dash": "dot"}
    return go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip")


def _marked(chosen: Coverage, theme: Theme) -> go.Scatter:
    return go.Scatter(
        x=[chosen.coverage],
        y=[chosen.accuracy],
        mode="markers",
        marker={"size": 13, "color": MISTAKE[theme], "line": {"width": 2, "color": GROUND[theme]}},
        hovertext=[_coverage_text(chosen)],
        hoverinfo="text",
        cliponaxis=False,
    )


def _shares() -> dict[str, object]:
    return charts.share_axis()


def _bin_text(each: Bin) -> str:
    images = "1 image" if each.n_images == 1 else f"{each.n_images:,} images"
    return (
        f"Confidence {percent(each.low)} to {percent(each.high)}: {images}<br>"
        f"mean confidence {percent(each.confidence)}, right on {percent(each.accuracy)}"
        f" ({trust_text.span(each.accuracy_interval)})"
    )


def _coverage_text(each: Coverage) -> str:
    return trust_text.coverage(each).removesuffix(".").replace(" and is", "<br>and is")


def _size_text(size: int, n: int, n_images: int) -> str:
    what = "no class: the model finds all unlikely" if size == 0 else f"{size} class" + "es" * (size != 1)
    return f"{n:,} of {n_images:,} sets: {what}"


def _against_chance(found: TrustReport) -> str:
    if found.chance_ece is None:
        return "0 % is best"
    limit = printable.percent(found.chance_ece, decimals=1)
    if found.ece <= found.chance_ece:
        return f"no more than chance (a calibrated model has up to {limit})"
    return f"more than chance (a calibrated model has up to {limit})"


def _coverage_finding(points: Sequence[Coverage], chosen: Coverage | None) -> str:
    if chosen is not None:
        return trust_text.coverage(chosen).removesuffix(".")
    return f"Accuracy {percent(points[0].accuracy)} when every photo is answered"
