"""How an export was checked, in lines for a terminal."""

from collections.abc import Mapping

from peakid import printable
from peakid.evaluate import score_text
from peakid.export_records import ExportFigures, Latency

MAX_LISTED = 5


def line(name: str, parity: Mapping[str, float], figures: ExportFigures) -> str:
    """Return one line about a format, and where it differs."""
    parts = [
        f"  {name}: same prediction for {printable.percent(parity['agreement'], decimals=1)} of"
        f" {parity['n_images']:.0f} images, largest difference {parity['max_abs_diff']:.1e}"
    ]
    found = figures.formats.get(name)
    if found is None:
        return parts[0]
    if found.accuracy is not None:
        scored = score_text.score(found.accuracy, found.accuracy_interval, found.n_images)
        parts.append(f"accuracy {scored}")
    if found.n_bytes is not None:
        parts.append(f"{found.n_bytes / 1e6:,.1f} MB")
    if found.one_image and found.batch:
        parts.append(f"one image {_time(found.one_image)}, 32 images {_time(found.batch)}")
    lines = [", ".join(parts)]
    lines += [
        f"    differs on {each.digest[:12]} ({each.given_label or 'no label'}): the run {each.run_label}"
        f" {score_text.percent(each.run_confidence)}, the file {each.file_label}"
        f" {score_text.percent(each.file_confidence)}"
        for each in found.disagreements[:MAX_LISTED]
    ]
    if len(found.disagreements) > MAX_LISTED:
        lines.append(f"    and on {len(found.disagreements) - MAX_LISTED:,} more; --json lists them")
    return "\n".join(lines)


def unfamiliar(figures: ExportFigures) -> str:
    """Say how unfamiliar photos are told; '' for an export that does not tell them."""
    found = figures.familiar
    if found is None:
        return ""
    return (
        f"  Photos that look like nothing it learned are told: {score_text.percent(found.share)} of"
        f" {found.n_valid:,} validation images are called so."
    )


def _time(found: Latency) -> str:
    return f"{found.p50_ms:,.1f} ms (p95 {found.p95_ms:,.1f})"
