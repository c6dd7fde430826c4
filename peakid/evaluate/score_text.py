"""Format scores for people: percent, with interval and number of images."""

from peakid import printable


def percent(share: float | None) -> str:
    """Return a share in 0..1 as `91 %`, as `printable.percent` does; `-` where there is none."""
    return "-" if share is None else printable.percent(share)


def span(bounds: tuple[float, float], between: str = "-") -> str:
    """Return an interval of shares in 0..1 as `80-96 %`."""
    return f"{between.join(map(printable.percent_number, bounds))} %"


def baseline(share: float) -> str:
    """Return the accuracy of a baseline as `33 %`; below 1 % as `0.5 %`, because `0 %` would be wrong."""
    return percent(share) if share == 0 or share >= 0.01 else f"{100 * share:.2g} %"


def score(
    share: float | None,
    interval: tuple[float, float] | None = None,
    n_images: int | None = None,
    *,
    note: str = "",
) -> str:
    """Return a score as `91 % (80-96 %, n = 55)`; `-` where there is none.

    Args:
        share: 0..1.
        interval: Lower and upper bound, 0..1.
        n_images: Images the score was measured on.
        note: What the interval assumes, after it.
    """
    if share is None:
        return "-"
    details = [f"{span(interval)} {note}".rstrip()] if interval else []
    details += [f"n = {n_images:,}"] if n_images is not None else []
    return percent(share) + (f" ({', '.join(details)})" if details else "")


def difference(share: float | None) -> str:
    """Return the difference of two shares in percentage points: `+1.9 points`."""
    return "-" if share is None else f"{100 * share:+.1f} points"
