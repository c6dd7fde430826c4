"""The axes of a figure: places of values, the range, and ticks at round values."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peakid.web.figures import tips

N_TICKS = {"x": 6, "y": 6}
ROOM = 0.06  # Of the range, beyond the outermost value, so that a marker is whole.
_STEPS = (1, 2, 5, 10)


class Axis:
    """One axis.

    Args:
        layout: Its part of Plotly's layout.
        letter: "x" or "y".
    """

    def __init__(self, layout: Mapping[str, Any], letter: str) -> None:
        self.layout = layout
        self.letter = letter
        self.is_log = layout.get("type") == "log"
        self.categories: list[str] | None = [] if layout.get("type") == "category" else None
        self.domain: tuple[float, float] = tuple(layout.get("domain") or (0.0, 1.0))
        self.low, self.high = 0.0, 1.0

    def place(self, value: Any) -> float:
        """Return the place of a value on the linear scale of the document."""
        if self.categories is not None:
            if str(value) not in self.categories:
                self.categories.append(str(value))
            return float(self.categories.index(str(value)))
        return math.log10(value) if self.is_log else float(value)

    def places(self, values: Sequence[Any]) -> list[float]:
        return [self.place(each) for each in values]

    def place_of_note(self, value: float) -> float:
        """Return the place of an annotation, whose value is a power on a logarithmic axis."""
        return float(value) if self.is_log else self.place(value)

    def fit(self, extent: Iterable[float], *, is_exact: bool = False) -> None:
        """Choose the range: the given one, or that of the marks.

        Args:
            is_exact: No room beyond them: bars have some on both sides.
        """
        if self.layout.get("range"):
            self.low, self.high = map(float, self.layout["range"])
            return
        values = list(extent) or [0.0, 1.0]
        low, high = min(values), max(values)
        if self.categories is not None:
            low, high = -0.5, len(self.categories) - 0.5
        elif not is_exact:
            room = ROOM * ((high - low) or abs(high) or 1.0)
            is_from_zero = low >= 0 and (self.layout.get("rangemode") == "tozero" or low == 0)
            low, high = (0.0 if is_from_zero and not self.is_log else low - room), high + room
        self.low, self.high = low, high
        if self.layout.get("autorange") == "reversed":
            self.low, self.high = high, low

    def document(self) -> dict[str, Any]:
        """Return what the browser needs of it."""
        title = (self.layout.get("title") or {}).get("text")
        return {
            "range": [self.low, self.high],
            "title": " ".join(tips.lines(title)) if title else "",
            "ticks": self.ticks() if self.layout.get("visible", True) else [],
            "grid": self.layout.get("showgrid", True) and self.layout.get("visible", True),
        }

    def ticks(self) -> list[dict[str, float | str]]:
        """Return places with their texts."""
        if self.categories is not None:
            return [{"at": n, "text": name} for n, name in enumerate(self.categories)]
        low, high = sorted((self.low, self.high))
        given = self.layout.get("tickvals")
        if given is not None:
            texts = [" ".join(tips.lines(each)) for each in self.layout.get("ticktext") or given]
            named = zip(map(self.place, given), texts, strict=True)
            return [{"at": at, "text": text} for at, text in named if low <= at <= high]
        step = self._step(high - low)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [{"at": n * step, "text": self._text(n * step, step)} for n in range(first, last + 1)]

    def _step(self, span: float) -> float:
        """Return the distance of two ticks."""
        if self.layout.get("dtick"):
            return float(self.layout["dtick"])
        rough = (span or 1.0) / (self.layout.get("nticks") or N_TICKS[self.letter])
        if self.is_log:
            return float(max(1, math.ceil(rough)))
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(each * power for each in _STEPS if each * power >= rough * (1 - 1e-9))
        is_whole = str(self.layout.get("tickformat", "")).endswith("d")
        return max(1.0, step) if is_whole else step

    def _text(self, value: float, step: float) -> str:
        if self.is_log:
            return tips.formatted(10.0**value, ".0e")
        form = self.layout.get("tickformat") or ""
        value = round(value, 12) + 0.0  # Without the sign of a zero.
        n_decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        if form.endswith("%"):  # As many decimals as two ticks need to differ.
            return f"{value:.{max(0, n_decimals - 2)}%}"
        return tips.formatted(value, form) if form.endswith("d") else f"{value:,.{n_decimals}f}"
