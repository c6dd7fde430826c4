"""Draw the curves of `accuracy_per_decision` as an SVG picture, for the README."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, TOP, LEFT, PANEL = 900, 330, 46, 52, 300
LIVE, VIEWS = "Peakid, live", "Peakid, live, views"
COLOURS = {
    LIVE: "#0072B2",
    "cleanlab anew": "#56B4E9",
    "cleanlab once, five folds": "#E69F00",
    "top losses": "#CC79A7",
    "random": "#8A94A0",
}
NAMES = {
    LIVE: "Peakid, ranked anew",
    "cleanlab anew": "cleanlab's score, anew",
    "cleanlab once, five folds": "cleanlab, ranked once",
    "top losses": "top losses",
    "random": "random",
}
INK, LINE = "#5C6672", "#D5DBE1"


def svg(rows: Sequence[dict]) -> str:
    """Return the errors left and the accuracy by number of decisions, of the first setting, as SVG.

    Where there are rows of the head of several views, they are Peakid's: it uses them unasked.
    """
    if any(row["method"] == VIEWS for row in rows):
        others = [row for row in rows if row["method"] not in (LIVE, VIEWS)]
        rows = [*others, *({**row, "method": LIVE} for row in rows if row["method"] == VIEWS)]
    keys = ("collection", "kind", "share", "reviewer_error")
    first = tuple(rows[0][key] for key in keys)
    here = [row for row in rows if tuple(row[key] for key in keys) == first]
    n_seeds = len({row["seed"] for row in here})
    wrong = "labels of a similar class" if first[1] == "pairs" else "random labels"
    title = f"{first[2]:.0%} wrong {wrong} ({first[0]}), mean of {n_seeds} seeds"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="13" role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FAFBFC"/>',
        _text(LEFT, 20, title, weight="600"),
        *_panel(here, "errors_left", "label errors left", 0, "{:.0f}"),
        *_panel(here, "accuracy", "test accuracy", 1, "{:.2f}"),
    ]
    for n, name in enumerate(NAMES):
        y = TOP + 20 + 24 * n
        parts.append(f'<rect x="735" y="{y - 8}" width="14" height="4" fill="{COLOURS[name]}"/>')
        parts.append(_text(756, y, NAMES[name]))
    return "\n".join([*parts, "</svg>", ""])


def _panel(rows: Sequence[dict], field: str, title: str, place: int, form: str) -> list[str]:
    left, bottom = LEFT + place * (PANEL + 50), HEIGHT - 44
    curves = {name: _curve(rows, name, field) for name in NAMES}
    every = [value for curve in curves.values() for _, value in curve]
    low, high = (0.0 if field == "errors_left" else min(every)), max(every)
    most = max(n for curve in curves.values() for n, _ in curve)

    def at(n: float, value: float) -> tuple[float, float]:
        return left + PANEL * n / most, bottom - (bottom - TOP - 14) * (value - low) / (high - low)

    parts = [_text(left, TOP, title)]
    for value in (low, (low + high) / 2, high):
        _, y = at(0, value)
        parts.append(f'<path d="M{left} {y:.1f}h{PANEL}" stroke="{LINE}"/>')
        parts.append(_text(left - 6, y + 4, form.format(value), anchor="end"))
    for n in sorted({n for n, _ in curves["random"]}):
        if n in (0, 50, 100, 200, 400):
            parts.append(_text(at(n, low)[0], bottom + 18, str(n), anchor="middle"))
    parts.append(_text(left + PANEL / 2, bottom + 36, "images judged", anchor="middle"))
    for name, curve in reversed(curves.items()):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*each) for each in curve))
        width = 3 if name == LIVE else 2
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="{width}"/>'
        )
    return parts


def _curve(rows: Sequence[dict], name: str, field: str) -> list[tuple[int, float]]:
    values: dict[int, list[float]] = {}
    for row in rows:
        if row["method"] == name:
            values.setdefault(row["decisions"], []).append(row[field])
    return [(n, sum(found) / len(found)) for n, found in sorted(values.items())]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )
