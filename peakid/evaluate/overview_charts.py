"""The figures of a whole workspace: the scores of its runs, and the images of its classes.

They have no titles. A page writes the finding above them, where a long name wraps instead of being clipped.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import plotly.graph_objects as go

from peakid.evaluate import charts
from peakid.evaluate.charts import ACCENT, INK, RULE, Theme, escaped, label, mixed, template
from peakid.evaluate.run_scores import RunScore
from peakid.records import ClassRow

BAR_PX = 26  # Height of the row of a class.
N_NAMED = 3  # Classes in a finding.
ABOUT_EVEN = 1.05  # Below this ratio, "1.0 times as many" would be said.
MOST_SINGLE = 8  # Images up to which the axis has a tick for each, and none at a half.
BalanceOrder = Literal[
    "keys",    # As the keys 1 to 9.
    "fewest",  # The class with the fewest images first: it needs more most.
]  # fmt: skip


def scores(
    points: Sequence[RunScore],
    names: Mapping[int, str],
    *,
    goal: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the score of each run with its 95 % interval, the oldest on the left.

    Args:
        points: At least one.
        names: Of the snapshots, by their id; shown in the tooltips.
        goal: The accuracy that a person wants, 0..1, as a line.
    """
    figure = go.Figure(
        go.Scatter(
            x=[str(each.run_id) for each in points],
            y=[each.share for each in points],
            mode="lines+markers",
            line={"color": mixed(ACCENT[theme], theme, 0.35), "width": 1.5},
            marker={"color": ACCENT[theme], "size": 9},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [each.interval[1] - each.share for each in points],
                "arrayminus": [each.share - each.interval[0] for each in points],
                "color": INK[theme],
                "thickness": 1.2,
                "width": 4,
            },
            hovertext=[
                f"Run {each.run_id}: {escaped(each.text())}<br>{escaped(names.get(each.snapshot_id, ''))}"
                for each in points
            ],
            hoverinfo="text",
        )
    )
    lowest, highest = min(each.interval[0] for each in points), max(each.interval[1] for each in points)
    if goal is not None:
        lowest, highest = min(lowest, goal), max(highest, goal)
        figure.add_hline(
            y=goal,
            line={"color": INK[theme], "width": 1.2, "dash": "dash"},
            annotation={
                "text": f"goal<br>{100 * goal:.0f} %",
                "x": 1.01,
                "xanchor": "left",
                "yanchor": "middle",
            },
        )
    room = 0.05 * max(0.1, highest - lowest)
    figure.update_xaxes(title="Run", type="category", fixedrange=True, showgrid=False)
    figure.update_yaxes(charts.share_axis(lowest - room, highest + room), gridcolor=RULE[theme])
    return figure.update_layout(
        template=template(theme), height=240, margin={"t": 8, "r": 8 if goal is None else 48}
    )


def scores_finding(points: Sequence[RunScore]) -> str:
    """Say which run has the highest score, and whether its interval overlaps the next one.

    Args:
        points: At least one.
    """
    best = max(points, key=lambda each: (each.share, each.run_id))
    others = [each for each in points if each is not best]
    if not others:
        return f"Run {best.run_id}: {best.text()}"
    second = max(others, key=lambda each: (each.share, each.run_id))
    finding = f"Run {best.run_id} has the highest validation accuracy"
    if second.interval[1] < best.interval[0]:
        return finding
    return f"{finding}; its interval overlaps with that of run {second.run_id}"


def class_balance(
    rows: Sequence[ClassRow], order: BalanceOrder = "keys", *, theme: Theme = "light"
) -> go.Figure:
    """Draw the number of images of each active class, reviewed and not reviewed."""
    shown = active(rows, order)
    positions = list(range(len(shown)))
    figure = go.Figure()
    parts = [
        ("reviewed", [each.n_reviewed for each in shown], 0.9),
        ("not reviewed", [each.n_images - each.n_reviewed for each in shown], 0.35),
    ]
    for name, x, strength in parts:
        bar = go.Bar(
            x=x,
            y=positions,
            name=name,
            orientation="h",
            marker={"color": mixed(ACCENT[theme], theme, strength)},
            customdata=[escaped(each.class_name) for each in shown],
            hovertemplate=f"%{{customdata}}: %{{x}} {name}<extra></extra>",
        )
        figure.add_trace(bar)
    most = max((each.n_images for each in shown), default=0)
    figure.update_xaxes(
        title="Images", tickformat=",d", dtick=1 if most <= MOST_SINGLE else None, fixedrange=True
    )
    figure.update_yaxes(
        tickvals=positions,
        ticktext=[label(each.class_name) for each in shown],
        range=[len(shown) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        fixedrange=True,
    )
    figure.update_layout(
        template=template(theme), barmode="stack", height=90 + BAR_PX * len(shown), bargap=0.3
    )
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    return figure.update_layout(showlegend=True, legend=legend, margin={"t": 32})


def balance_finding(rows: Sequence[ClassRow]) -> str:
    """Say how even the classes are. The names in it are as people typed them: escape them."""
    shown = active(rows, "fewest")
    empty = [each.class_name for each in shown if not each.n_images]
    if empty:
        more = len(empty) - N_NAMED
        return f"No image yet of {', '.join(empty[:N_NAMED])}" + (f" and {more:,} more" if more > 0 else "")
    if not shown:
        return "There is no class yet"
    if len(shown) == 1:
        n_images = sum(each.n_images for each in shown)
        return f"{n_images:,} {'image' if n_images == 1 else 'images'} of {len(shown)} class"
    smallest, largest = shown[0], shown[-1]
    if largest.n_images == smallest.n_images:
        return f"Every class has {largest.n_images:,} {'image' if largest.n_images == 1 else 'images'}"
    ratio = largest.n_images / smallest.n_images
    if ratio < ABOUT_EVEN:
        return f"Every class has {smallest.n_images:,} to {largest.n_images:,} images"
    times = f"{ratio:.1f}".removesuffix(".0")
    return f"{largest.class_name} has {times} times as many images as {smallest.class_name}"


def active(rows: Sequence[ClassRow], order: BalanceOrder) -> list[ClassRow]:
    """Return the classes that are not retired, in the order in which they are drawn."""
    found = [each for each in rows if not each.is_retired]
    return sorted(found, key=lambda each: each.n_images) if order == "fewest" else found
