"""The accuracy of the slices by one property: bars with intervals, beside what their classes lead to."""

import plotly.graph_objects as go

from peakid.evaluate import charts, score_text
from peakid.evaluate.charts import ACCENT, INK, MISTAKE, Theme
from peakid.evaluate.slices.slicing import Slice, SlicedProperty

MOST_BARS = 30  # Of more slices, those with the lowest accuracy.
LABEL_CHARS = 34  # Two names are on one line where properties are crossed.


def shown(found: SlicedProperty) -> list[Slice]:
    """Return the slices that are drawn: all in their order, or of many the lowest ones."""
    slices = [*found.slices]
    if len(slices) > MOST_BARS:
        slices = sorted(slices, key=lambda each: (each.accuracy, -each.n_images))[:MOST_BARS]
    return slices


def draw(found: SlicedProperty, accuracy: float, *, theme: Theme = "light") -> go.Figure:
    """Draw one bar per slice. Those that are worse than chance explains have the colour of errors.

    Args:
        accuracy: Of all images, drawn as a line.
    """
    slices = shown(found)
    positions = list(range(len(slices)))
    colours = [MISTAKE[theme] if each.is_worse else ACCENT[theme] for each in slices]
    figure = go.Figure(
        go.Bar(
            x=[each.accuracy for each in slices],
            y=positions,
            orientation="h",
            marker={"color": [charts.mixed(colour, theme, 0.75) for colour in colours]},
            error_x=charts.intervals(
                [each.accuracy for each in slices], [each.interval for each in slices], INK[theme]
            ),
            customdata=[_shown(each) for each in slices],
            hovertemplate="%{customdata[0]}: %{customdata[1]:,} of %{customdata[2]:,} correct, "
            "95 % interval %{customdata[3]}<extra></extra>",
        )
    )
    expected = [(each, n) for n, each in enumerate(slices) if each.expected_accuracy is not None]
    figure.add_scatter(
        x=[each.expected_accuracy for each, _ in expected],
        y=[n for _, n in expected],
        mode="markers",
        marker={
            "symbol": "diamond-open",
            "size": 10,
            "color": INK[theme],
            "line": {"width": 2, "color": INK[theme]},
        },
        customdata=[score_text.percent(each.expected_accuracy) for each, _ in expected],
        hovertemplate="%{customdata} expected of its classes<extra></extra>",
    )
    figure.add_vline(x=accuracy, line={"dash": "dot", "width": 1, "color": INK[theme]})
    figure.update_xaxes(charts.share_axis(), title="Accuracy")
    names = [f"{_label(each)}  n = {each.n_images:,}" for each in slices]
    figure.update_yaxes(
        tickvals=positions,
        ticktext=names,
        autorange="reversed",
        automargin=True,
        showgrid=False,
        fixedrange=True,
    )
    height = 110 + (34 if len(slices) <= charts.MANY_CLASSES else 22) * len(slices)
    return figure.update_layout(
        template=charts.template(theme), title=title(found), height=height, bargap=0.35
    )


def title(found: SlicedProperty) -> str:
    """Return the slice with the lowest accuracy in words."""
    lowest = min(found.slices, key=lambda each: (each.accuracy, -each.n_images))
    n_right = lowest.n_images - lowest.n_errors
    few = f"; the lowest {MOST_BARS} of {len(found.slices):,}" if len(found.slices) > MOST_BARS else ""
    share = score_text.percent(lowest.accuracy)
    return (
        f"{charts.escaped(found.title)}: lowest for {_label(lowest)}"
        f" ({share}, {n_right:,} of {lowest.n_images:,}){few}"
    )


def _shown(each: Slice) -> tuple[str, int, int, str]:
    """Return what a tooltip says: value, correct images, images, interval."""
    n_right, span = each.n_images - each.n_errors, score_text.span(each.interval, " to ")
    return charts.escaped(each.value), n_right, each.n_images, span


def _label(each: Slice) -> str:
    """Return the value of a slice, cut and escaped."""
    most = LABEL_CHARS if "," in each.key else charts.LABEL_CHARS
    value = each.value if len(each.value) <= most else f"{each.value[: most - 1].rstrip()}…"
    return charts.escaped(value)
