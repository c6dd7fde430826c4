"""Draw the recall of each class as rows of HTML: Plotly would be 4.7 MB of script for a few bars."""

from collections.abc import Sequence
from html import escape

from peakid import printable
from peakid.evaluate import charts, score_text
from peakid.evaluate.charts import Theme
from peakid.evaluate.errors.per_class import ClassScore

_TABLE = (
    "display:grid;grid-template-columns:fit-content(40%) minmax(90px,1fr) max-content;"
    "column-gap:12px;row-gap:6px;align-items:center;font-size:14px;line-height:1.3"
)
_NAME = "overflow-wrap:anywhere;text-align:end"
_TRACK = "position:relative;height:14px"
_AXIS = "display:flex;justify-content:space-between;opacity:.75;font-size:13px"
_GRID_AT = (0, 25, 50, 75, 100)  # Percent.


def ranked(scores: Sequence[ClassScore]) -> list[ClassScore]:
    """Return the classes with the lowest recall first."""
    return sorted(scores, key=lambda each: (each.recall, each.recall_interval[0]))


def finding(scores: Sequence[ClassScore]) -> str:
    """Say which class has the lowest recall, or how many have it, as text without markup."""
    scored = [each for each in ranked(scores) if each.support]
    if not scored:
        return "No class has images in this split"
    lowest = scored[0]
    if (n := sum(each.recall == lowest.recall for each in scored)) > 1:
        return f"Lowest recall: {printable.percent(lowest.recall)}, in {n} of {len(scores)} classes"
    return f"Lowest recall: {lowest.class_name} ({_n_correct(lowest)} of {lowest.support:,})"


def html(scores: Sequence[ClassScore], *, theme: Theme = "light") -> str:
    """Return a row for each class, the lowest recall on top: a bar, and a line over its 95 % interval.

    A class without images in the split has no bar.
    """
    rows = "".join(_row(each, theme) for each in ranked(scores))
    axis = "".join(f"<span>{at} %</span>" for at in _GRID_AT)
    return f'<div style="{_TABLE}">{rows}<span></span><span style="{_AXIS}">{axis}</span><span></span></div>'


def _row(score: ClassScore, theme: Theme) -> str:
    name = escape(printable.isolated(printable.line(score.class_name)))
    short = escape(printable.isolated(printable.line(charts.short(score.class_name))))
    if not score.support:
        return f'<span style="{_NAME}" title="{name}">{short}</span>{_track(theme, "")}<span>no images</span>'
    low, high = (100 * bound for bound in score.recall_interval)
    fill, ink = charts.mixed(charts.ACCENT[theme], theme, 0.75), charts.INK[theme]
    marks = (
        f'<span style="{_at(0, 100 * score.recall)};top:0;bottom:0;background:{fill}"></span>'
        f'<span style="{_at(low, high)};top:6px;height:2px;background:{ink}"></span>'
        f'<span style="{_end(low)};background:{ink}"></span>'
        f'<span style="{_end(high)};background:{ink}"></span>'
    )
    counted = f"{_n_correct(score):,} of {score.support:,}"
    text = score_text.score(score.recall, score.recall_interval, score.support)
    tip = f"{name}: {counted} correct"
    return (
        f'<span style="{_NAME}" title="{name}">{short}</span>'
        f'<span title="{tip}">{_track(theme, marks)}</span><span>{text}</span>'
    )


def _track(theme: Theme, marks: str) -> str:
    """Return the space of one bar, with lines at the percents of the axis."""
    rule = charts.RULE[theme]
    every_quarter = f"linear-gradient(to right,{rule} 1px,transparent 1px) 0 0/25% 100%"
    return (
        f'<span style="{_TRACK};display:block;background:{every_quarter};border-right:1px solid {rule}">'
        f"{marks}</span>"
    )


def _at(low: float, high: float) -> str:
    return f"position:absolute;left:{low:.2f}%;width:{max(0.0, high - low):.2f}%"


def _end(at: float) -> str:
    return f"position:absolute;left:calc({at:.2f}% - 1px);width:2px;top:3px;height:8px"


def _n_correct(score: ClassScore) -> int:
    return round(score.recall * score.support)
