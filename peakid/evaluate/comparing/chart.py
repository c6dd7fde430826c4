"""Figures of a comparison: the accuracy of each run and the change of each class, with their intervals."""

from collections.abc import Sequence

import plotly.graph_objects as go

from peakid.evaluate import charts, score_text
from peakid.evaluate.charts import ACCENT, INK, RULE, Theme
from peakid.evaluate.comparing import compare_text
from peakid.evaluate.comparing.compare import RunAccuracy
from peakid.evaluate.comparing.pairs import ClassChange

MOST_CLASSES = 30  # Rows of the figure: those that changed most. The table has all.
ROW_PX = 26


def accuracies(found: Sequence[RunAccuracy], *, theme: Theme = "light") -> go.Figure:
    """Draw the accuracy of each run with its 95 % interval, the highest on top."""
    ranked = sorted(found, key=lambda each: (-each.accuracy, each.run_id))
    texts = [score_text.score(each.accuracy, each.interval) for each in ranked]
    points = _points(
        [each.accuracy for each in ranked],
        [each.interval for each in ranked],
        [ACCENT[theme]] * len(ranked),
        [
            f"Run {each.run_id}: {text}".replace("%", "&#37;")
            for each, text in zip(ranked, texts, strict=True)
        ],
        theme,
    )
    figure = go.Figure(points)
    bounds = [bound for each in ranked for bound in each.interval]
    room = 0.05 * max(0.1, max(bounds) - min(bounds))
    figure.update_xaxes(charts.share_axis(min(bounds) - room, max(bounds) + room), title="Accuracy")
    figure.update_yaxes(_rows([f"Run {each.run_id}" for each in ranked]))
    return _laid_out(figure, f"Highest accuracy: run {ranked[0].run_id}, {texts[0]}", len(ranked), theme)


def class_changes(changes: Sequence[ClassChange], *, theme: Theme = "light") -> go.Figure:
    """Draw the change of the recall of the classes that changed most, the largest gain on top.

    Classes without a change are left out where there are many. Significant changes have the accent colour.

    Args:
        changes: At least one.
    """
    changed = [each for each in changes if each.change.difference]
    drawn = changed if changed and len(changes) > charts.MANY_CLASSES else changes
    largest = sorted(drawn, key=lambda each: (-abs(each.change.difference), each.change.p))[:MOST_CLASSES]
    ranked = sorted(largest, key=lambda each: -each.change.difference)
    tips = [_tip(each) for each in ranked]
    points = _points(
        [each.change.difference for each in ranked],
        [each.change.interval for each in ranked],
        [ACCENT[theme] if each.change.is_real else charts.mixed(INK[theme], theme, 0.55) for each in ranked],
        tips,
        theme,
    )
    figure = go.Figure(points).add_vline(x=0, line={"width": 1, "color": INK[theme]})
    figure.update_xaxes(title="Change of recall, in points", fixedrange=True)
    figure.update_xaxes(_ticks([bound for each in ranked for bound in each.change.interval]))
    names = [f"{charts.label(each.class_name)}  n = {each.change.n_images:,}" for each in ranked]
    figure.update_yaxes(_rows(names))
    return _laid_out(figure, _finding(ranked, len(changes)), len(ranked), theme)


def _points(
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    colours: Sequence[str],
    tips: Sequence[str],
    theme: Theme,
) -> go.Scatter:
    return go.Scatter(
        x=list(values),
        y=list(range(len(values))),
        mode="markers",
        marker={"color": list(colours), "size": 9},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, (_, high) in zip(values, intervals, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, intervals, strict=True)],
            "color": charts.mixed(INK[theme], theme, 0.55),
            "thickness": 1.4,
            "width": 4,
        },
        customdata=list(tips),
        hovertemplate="%{customdata}<extra></extra>",
    )


def _rows(names: Sequence[str]) -> dict[str, object]:
    return {
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "range": [len(names) - 0.4, -0.6],
        "showgrid": False,
        "fixedrange": True,
    }


def _ticks(bounds: Sequence[float]) -> dict[str, object]:
    """Return ticks in whole points that cover all intervals."""
    reach = 100 * max(0.02, *(abs(each) for each in bounds))
    step = next((each for each in (1, 2, 5, 10, 20) if reach / each <= 5), 50)
    places = range(-step * int(reach // step), step * int(reach // step) + 1, step)
    return {
        "tickvals": [place / 100 for place in places],
        "ticktext": [f"{place:+d}" if place else "0" for place in places],
    }


def _tip(each: ClassChange) -> str:
    change = each.change
    recalls = f"{score_text.percent(change.accuracy_a)} to {score_text.percent(change.accuracy_b)}"
    text = f"{compare_text.difference(change)}, {recalls} of {change.n_images:,}"
    return f"{charts.escaped(each.class_name)}: {charts.escaped(text)}"


def _finding(ranked: Sequence[ClassChange], n_classes: int) -> str:
    best, worst = ranked[0], ranked[-1]
    parts = []
    if best.change.difference > 0:
        parts.append(f"{charts.label(best.class_name)} gained most ({_points_of(best)})")
    if worst.change.difference < 0:
        parts.append(f"{charts.label(worst.class_name)} lost most ({_points_of(worst)})")
    text = ", ".join(parts) or "The recall of no class changed"
    rest = f"; {len(ranked)} of {n_classes:,} classes are drawn" if n_classes > len(ranked) else ""
    return text + rest


def _points_of(each: ClassChange) -> str:
    return score_text.difference(each.change.difference)


def _laid_out(figure: go.Figure, title: str, n_rows: int, theme: Theme) -> go.Figure:
    figure.update_xaxes(gridcolor=RULE[theme])
    height = charts.TITLE_PX + 62 + ROW_PX * n_rows
    return figure.update_layout(template=charts.template(theme), title=title, height=height)
