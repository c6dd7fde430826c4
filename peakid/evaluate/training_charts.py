"""Figures about runs: planned learning rate, LR finder, and comparison of runs. Titles state the finding."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from peakid.evaluate import charts, score_text
from peakid.evaluate.charts import (
    ACCENT,
    CLASS_COLOURS,
    GROUND,
    INK,
    MISTAKE,
    RULE,
    Theme,
    escaped,
    label,
    short,
    template,
)
from peakid.records import EpochMetrics

CHAR_PX, NARROW_PX = 7, 430  # Width of a character of a phase's name, and of the axis on a tablet.
NEAR_SHARE = 0.08  # Of the height. Closer names would overlap.
# Symbols distinguish runs without colours. The colours are Okabe-Ito without the yellows, which are pale on
# white.
RUN_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "cross"]
RUN_COLOURS = [CLASS_COLOURS[i] for i in (0, 5, 2, 3, 4, 1)]


class Rates(Protocol):
    """The learning rate in one phase, as recipe/schedule.py computes it."""

    @property
    def name(self) -> str: ...
    @property
    def epochs(self) -> list[float]: ...
    @property
    def rates(self) -> list[float]: ...
    @property
    def is_measured(self) -> bool: ...


def rate(value: float) -> str:
    """Return a learning rate with two digits: `0.001`, `1.2e-4`."""
    mantissa, _, power = f"{value:.1e}".partition("e")
    rounded = float(f"{value:.1e}")
    return f"{rounded:g}" if rounded >= 1e-3 else f"{mantissa.removesuffix('.0')}e{int(power)}"


def planned_rates(lines: Sequence[Rates], *, n_done: int | None = None, theme: Theme = "light") -> go.Figure:
    """Draw the learning rate over the epochs, phase by phase; dotted where the LR finder will set its peak.

    Args:
        n_done: Number of finished epochs, which is marked; None before the run.
    """
    figure, total = go.Figure(), max((line.epochs[-1] for line in lines), default=1.0)
    for line in lines:
        dash = {"color": ACCENT[theme], "width": 2, "dash": "dot" if line.is_measured else "solid"}
        hover = (
            f"{line.name}, epoch %{{x:.1f}}: "
            + ("set by the LR finder when the phase starts" if line.is_measured else "%{y:.1e}")
            + "<extra></extra>"
        )
        figure.add_trace(
            go.Scatter(x=line.epochs, y=line.rates, mode="lines", line=dash, hovertemplate=hover)
        )
        if line.epochs[0]:
            figure.add_vline(x=line.epochs[0], line={"dash": "dot", "width": 1, "color": RULE[theme]})
    _name_phases(figure, lines, total)
    if n_done is not None:
        figure.add_vline(x=n_done, line={"width": 2, "color": MISTAKE[theme]})
        side = {"xanchor": "right", "xshift": -4} if n_done > total / 2 else {"xanchor": "left", "xshift": 4}
        figure.add_annotation(
            x=n_done, y=0, yref="paper", yanchor="bottom", text=f"{n_done} done", showarrow=False, **side
        )
    figure.update_xaxes(title="Epoch", range=[0, total], fixedrange=True)
    figure.update_yaxes(
        title="Learning rate (per step)", type="log", dtick=1, tickformat="~e", fixedrange=True
    )
    figure.update_layout(template=template(theme), title=_schedule_finding(lines, total), height=260)
    return figure.update_layout(margin={"t": 92 if _is_crowded(lines, total) else 72})


def rate_curve(
    rates: Sequence[float],
    losses: Sequence[float],
    suggestions: Mapping[str, float],
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the loss over the learning rate, with the suggested learning rates."""
    line = go.Scatter(x=list(rates), y=list(losses), mode="lines", line={"color": ACCENT[theme], "width": 2})
    figure = go.Figure(line.update(hovertemplate="learning rate %{x:.1e}: loss %{y:.3f}<extra></extra>"))
    ordered = sorted(suggestions.items(), key=lambda each: each[1])
    points = go.Scatter(
        x=[value for _, value in ordered],
        y=[_loss_at(value, rates, losses) for _, value in ordered],
        mode="markers",
        marker={"size": 10, "color": CLASS_COLOURS[5], "line": {"width": 1, "color": INK[theme]}},
        customdata=[name for name, _ in ordered],
        hovertemplate="%{customdata}: %{x:.1e}<extra></extra>",
    )
    figure.add_trace(points)
    for place, (name, value) in enumerate(ordered):  # At different heights, since suggestions can be equal.
        pin: dict[str, Any] = {
            "yref": "paper",
            "y": 1.0 - NEAR_SHARE * place,
            "yanchor": "top",
            "xanchor": "left",
            "xshift": 4,
        }
        figure.add_vline(x=value, line={"dash": "dot", "width": 1, "color": INK[theme]})
        if rates and math.log10(value / rates[0]) > 0.6 * math.log10(rates[-1] / rates[0]):
            pin |= {"xanchor": "right", "xshift": -4}  # To the right it would end outside the figure.
        figure.add_annotation(
            x=math.log10(value), text=f"{name} {rate(value)}", showarrow=False, bgcolor=GROUND[theme], **pin
        )
    figure.update_xaxes(
        title="Learning rate (per step)", type="log", dtick=1, tickformat="~e", fixedrange=True
    )
    figure.update_yaxes(title="Loss (smoothed)", range=_loss_range(losses), fixedrange=True)
    return figure.update_layout(
        template=template(theme), title=_curve_finding(rates, losses, suggestions), height=320
    )


def compared(runs: Mapping[str, Sequence[EpochMetrics]], *, theme: Theme = "light") -> go.Figure:
    """Draw the curves of several runs in one figure, each with its name at its end.

    Args:
        runs: Epochs by name of the run; two to six.
    """
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.14, subplot_titles=("Loss (validation)", "Accuracy (validation)")
    )
    for column, of in ((1, "valid_loss"), (2, "accuracy")):
        ends = {name: getattr(epochs[-1], of) for name, epochs in runs.items() if epochs}
        heights = _spread(ends, 0.0, 1.0 if column == 2 else max(ends.values(), default=1.0))
        for position, (name, epochs) in enumerate(runs.items()):
            if not epochs:
                continue
            colour = RUN_COLOURS[position % len(RUN_COLOURS)]
            x, y = [each.epoch for each in epochs], [getattr(each, of) for each in epochs]
            hover = f"{escaped(name)}, epoch %{{x}}: %{{customdata}}<extra></extra>"
            marker = {"size": 7, "symbol": RUN_SYMBOLS[position % len(RUN_SYMBOLS)]}
            line = go.Scatter(
                x=x,
                y=y,
                name=escaped(name),
                mode="lines+markers",
                line={"color": colour},
                marker=marker,
                customdata=[f"{each:.3f}" if column == 1 else score_text.percent(each) for each in y],
                hovertemplate=hover,
            )
            figure.add_trace(line, row=1, col=column)
            end: dict[str, Any] = {
                "x": x[-1],
                "y": heights[name],
                "xanchor": "left",
                "xshift": 8,
                "showarrow": False,
            }
            figure.add_annotation(text=escaped(name), font={"color": INK[theme]}, row=1, col=column, **end)
    last = max((epochs[-1].epoch for epochs in runs.values() if epochs), default=1)
    figure.update_xaxes(
        title="Epoch", range=[0.5, last * 1.16 + 0.5], dtick=max(1, last // 8), fixedrange=True
    )
    figure.update_yaxes(rangemode="tozero", row=1, col=1, fixedrange=True)
    figure.update_yaxes(charts.share_axis(), row=1, col=2)
    return figure.update_layout(
        template=template(theme), title=_compared_finding(runs), height=340, margin={"t": 72}
    )


def _name_phases(figure: go.Figure, lines: Sequence[Rates], total: float) -> None:
    is_crowded = _is_crowded(lines, total)
    for position, line in enumerate(lines):
        lift = 18 * (position % 2) if is_crowded else 0  # px: every other name is one line higher.
        pin: dict[str, Any] = {
            "yref": "paper",
            "y": 1,
            "yanchor": "bottom",
            "yshift": 2 + lift,
            "xanchor": "left",
            "xshift": 2,
        }
        x = line.epochs[0]
        if position and not _fits(line, total - line.epochs[0], total):  # It would end outside the figure.
            x, pin["xanchor"], pin["xshift"] = total, "right", 0
        figure.add_annotation(x=x, text=label(line.name), showarrow=False, **pin)


def _is_crowded(lines: Sequence[Rates], total: float) -> bool:
    widths = [line.epochs[-1] - line.epochs[0] for line in lines]
    if len(lines) > 1 and not _fits(lines[-1], widths[-1], total):
        return True  # Its name begins further left, above the phase before it.
    return any(not _fits(line, width, total) for line, width in zip(lines[:-1], widths, strict=False))


def _fits(line: Rates, epochs: float, total: float) -> bool:
    """Return whether the name of a phase is narrower than that many epochs of the axis."""
    return epochs / total * NARROW_PX >= CHAR_PX * (len(short(line.name)) + 1)


def _schedule_finding(lines: Sequence[Rates], total: float) -> str:
    epochs = f"{total:.0f} {'epoch' if total == 1 else 'epochs'}"
    phases = f"{epochs} in {len(lines)} phases" if len(lines) > 1 else epochs
    known = [line for line in lines if not line.is_measured]
    if not known:
        return f"{phases}; the LR finder sets the peak when each phase starts"
    highest = max(known, key=lambda line: max(line.rates))
    return f"{phases}; highest learning rate in {label(highest.name)}: {rate(max(highest.rates))}"


def _curve_finding(rates: Sequence[float], losses: Sequence[float], suggestions: Mapping[str, float]) -> str:
    if not losses:
        return "No learning rate was tried"
    lowest = rates[min(range(len(losses)), key=lambda i: losses[i])]
    usual = f"; usual choice: {rate(suggestions['valley'])}" if "valley" in suggestions else ""
    return f"The loss falls up to a learning rate of {rate(lowest)}{usual}"


def _compared_finding(runs: Mapping[str, Sequence[EpochMetrics]]) -> str:
    best = {name: min(epochs, key=lambda each: each.valid_loss) for name, epochs in runs.items() if epochs}
    if not best:
        return "No epoch is finished yet"
    name = min(best, key=lambda each: best[each].valid_loss)
    accuracy = score_text.percent(best[name].accuracy)
    return f"Lowest validation loss: {escaped(name)} ({best[name].valid_loss:.2f}, accuracy {accuracy})"


def _spread(ends: Mapping[str, float], low: float, high: float) -> dict[str, float]:
    """Move overlapping names apart, keeping their order."""
    step, placed = NEAR_SHARE * max(high - low, 1e-9), {}
    floor = low
    for name in sorted(ends, key=lambda each: ends[each]):
        placed[name] = max(ends[name], floor)
        floor = placed[name] + step
    return placed


def _loss_at(value: float, rates: Sequence[float], losses: Sequence[float]) -> float:
    return losses[min(range(len(rates)), key=lambda i: abs(math.log10(rates[i]) - math.log10(value)))]


def _loss_range(losses: Sequence[float]) -> list[float]:
    """Return an axis range up to just above the first loss. The divergence at the end is cut off."""
    low, first = min(losses, default=0.0), losses[0] if losses else 1.0
    room = max(first - low, 0.1 * abs(first), 1e-3)
    return [low - 0.1 * room, first + 0.7 * room]
