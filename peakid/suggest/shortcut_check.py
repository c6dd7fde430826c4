"""Read the plain properties of the labelled images, and say which of them predict the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import urlsplit

import numpy as np

from peakid import printable
from peakid.curate.duplicates import find
from peakid.errors import PeakidError
from peakid.imaging import inspection
from peakid.store import images
from peakid.store.workspace import Workspace
from peakid.suggest import shortcuts
from peakid.suggest.shortcuts import Property, Shortcut

MOST_IMAGES = 20_000  # A sample of so many tells a property that matters.
MOST_READ = 1_500  # Thumbnails read for borders and corners: three seconds.
_CORNER = 0.22  # Side of a corner as a share of the picture's: where watermarks and dates are.
_PLAIN = 3.0  # Grey levels of 255: a row whose standard deviation is lower has one colour.
_CORNERS = ("top left", "top right", "bottom left", "bottom right")


@dataclass(frozen=True)
class Finding:
    """One property that was tested: `text` says it in words. `class_names` are by number of a label."""

    shortcut: Shortcut
    class_names: tuple[str, ...]

    @property
    def text(self) -> str:
        """`Source predicts the label with 97 % (most frequent label: 52 %): zip is sea in 98 % of ...`"""
        each = self.shortcut
        shown = "; ".join(
            f"{example.value} is {self.class_names[example.label]} in {printable.percent(example.share)} of"
            f" {example.n_images:,} images"
            for example in each.examples[:2]
        )
        return (
            f"{each.title} predicts the label with {printable.percent(each.accuracy)}"
            f" (most frequent label: {printable.percent(each.majority)}): {shown}."
        )


@dataclass(frozen=True)
class Checked:
    """All properties that were tested, the one that predicts the most first.

    Attributes:
        n_images: Labelled images; near duplicates count once in each finding.
        n_read: Of them, those whose borders and corners were looked at.
    """

    n_images: int
    n_read: int
    findings: tuple[Finding, ...]

    @property
    def found(self) -> tuple[Finding, ...]:
        """Return the properties that may be shortcuts."""
        return tuple(each for each in self.findings if each.shortcut.is_shortcut)


def check(workspace: Workspace) -> Checked:
    """Test whether plain properties of the images predict their labels.

    Of a large collection a sample is tested. Excluded and flagged images do not count.
    """
    rows = workspace.query(
        "SELECT i.id, i.digest, i.format, i.n_bytes, i.width_px, i.height_px, c.name AS label, m.*,"
        " (SELECT o.source FROM origin o WHERE o.image_id = i.id ORDER BY o.id LIMIT 1) AS source,"
        " (SELECT r.path FROM origin o JOIN root r ON r.id = o.root_id WHERE o.image_id = i.id"
        "  ORDER BY o.id LIMIT 1) AS root,"
        " (SELECT o.page_url FROM origin o WHERE o.image_id = i.id ORDER BY o.id LIMIT 1) AS page_url"
        " FROM image_state s JOIN image i ON i.id = s.image_id JOIN class c ON c.id = s.class_id"
        " LEFT JOIN image_measure m ON m.image_id = i.id WHERE s.verdict = 'label' AND c.is_retired = 0"
        " ORDER BY i.digest LIMIT ?",  # Digests are random: the first ones are a random sample.
        (MOST_IMAGES,),
    )
    names = sorted({row["label"] for row in rows})
    labels = np.array([names.index(row["label"]) for row in rows], np.int64)
    key_of = find.groups(workspace)
    keys = [key_of.get(row["digest"], row["digest"]) for row in rows]
    groups = np.unique(keys, return_inverse=True)[1] if keys else np.zeros(0, np.int64)
    n_read = min(len(rows), MOST_READ)
    found = shortcuts.check(_stored(rows), labels, groups, len(names))
    found += shortcuts.check(_seen(workspace, rows[:n_read]), labels[:n_read], groups[:n_read], len(names))
    found.sort(key=lambda each: (not each.is_shortcut, -each.accuracy, each.title))
    return Checked(len(rows), n_read, tuple(Finding(each, tuple(names)) for each in found))


def _stored(rows: Sequence) -> list[Property]:
    """Return the properties that the database has."""
    measures = [
        ("Brightness", "brightness"),
        ("Contrast", "contrast"),
        ("Sharpness", "sharpness"),
        ("Colourfulness", "colourfulness"),
        ("Detail (entropy)", "entropy_bits"),
    ]
    width, height = (_numbers([row[name] for row in rows]) for name in ("width_px", "height_px"))
    n_bytes = _numbers([row["n_bytes"] for row in rows])
    return [
        Property("Source", [row["source"] or "" for row in rows]),
        Property("Imported from", [PurePath(row["root"] or "").name for row in rows]),
        Property("Web site", [_host(row["page_url"]) for row in rows]),
        Property("Format", [row["format"] for row in rows]),
        Property("Camera", [row["camera"] or "" for row in rows]),
        Property("Year taken", _numbers([_year(row["taken_at"]) for row in rows])),
        Property("Size", np.sqrt(width * height), " px"),
        Property("Aspect ratio", width / height),
        Property("Bytes per pixel", n_bytes / (width * height)),
        *(Property(title, _numbers([row[name] for row in rows])) for title, name in measures),
    ]


def _seen(workspace: Workspace, rows: Sequence) -> list[Property]:
    """Return the properties that are seen on thumbnails: a border of one colour, and the corners."""
    found = np.full((len(rows), 1 + len(_CORNERS)), np.nan)
    for n, row in enumerate(rows):
        try:
            thumbnail = images.thumbnail(workspace, row["digest"])
            grey = np.asarray(inspection.grey_thumbnail(thumbnail), np.float32)
        except PeakidError:  # The file was moved, or the thumbnail is damaged.
            continue
        found[n] = border_share(grey), *corner_detail(grey)
    titles = ["Border of one colour", *(f"Detail in the {corner} corner" for corner in _CORNERS)]
    return [Property(title, found[:, n]) for n, title in enumerate(titles)]


def border_share(grey: np.ndarray) -> float:
    """Return how much of a grey picture (H, W) is a border of one colour, 0..1."""
    height, width = grey.shape
    rows, columns = grey.std(axis=1) >= _PLAIN, grey.std(axis=0) >= _PLAIN
    if not rows.any() or not columns.any():
        return 1.0
    inner_height = height - rows.argmax() - rows[::-1].argmax()
    inner_width = width - columns.argmax() - columns[::-1].argmax()
    return float(1 - inner_height * inner_width / (height * width))


def corner_detail(grey: np.ndarray) -> tuple[float, float, float, float]:
    """Return how much more detail each corner of a grey picture has than the whole: 1 = as much."""
    detail = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
    height, width = (max(1, round(side * _CORNER)) for side in detail.shape)
    corners = (
        detail[:height, :width],
        detail[:height, -width:],
        detail[-height:, :width],
        detail[-height:, -width:],
    )
    whole = max(float(detail.mean()), 1e-3)
    first, second, third, fourth = (float(corner.mean()) / whole for corner in corners)
    return first, second, third, fourth


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _year(taken_at: str | None) -> float | None:
    year = (taken_at or "")[:4]
    return float(year) if year.isdecimal() else None
