"""Draw a layout of the map as a PNG picture: its points in the colours of the page, with a legend."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from peakid import files, printable
from peakid.curate import classes
from peakid.embed import layouts
from peakid.embed.layouts import Layout
from peakid.errors import BadInput
from peakid.store.workspace import Workspace
from peakid.suggest import map_colours, map_palette
from peakid.suggest.map_colours import Category, ColourBy

SIDE_PX = 1600  # Of the map; the legend is beside it.
LEGEND_PX = 460
GROUND, INK, MUTED = "#FFFFFF", "#1B2430", "#5C6672"
TEXT_PX, ROW_PX, MARGIN_PX = 24, 38, 40
MAX_CHARS = 28  # Of a name in the legend.
_FINER = 2  # Points are drawn larger and reduced, so that their edges are smooth.


def check(out: Path) -> Path:
    """Return the path of a picture that can be written.

    Raises:
        BadInput: If it does not end in .png or exists already.
    """
    path = files.expanded(out)
    if path.suffix.lower() != ".png":
        raise BadInput(f"{path.name!r} does not end in .png.", "Choose a name that does.")
    if path.exists():
        raise BadInput(f"{path} exists already.", "Choose another name: nothing is overwritten.")
    return path


def write(workspace: Workspace, layout: Layout, out: Path, *, colour_by: ColourBy = "label") -> Path:
    """Draw a layout into a new PNG file and return its path.

    Raises:
        BadInput: As `check` does.
    """
    path = check(out)
    found = map_colours.colouring(workspace, layout.layout_id, colour_by)
    colours = map_palette.of(found, classes.colours(workspace))
    points = layouts.points(workspace, layout.layout_id)
    picture = Image.new("RGB", (SIDE_PX + LEGEND_PX, SIDE_PX), GROUND)
    picture.paste(_points(points.xy, found.codes, colours), (0, 0))
    title = f"{layout.n_images:,} images, {layout.method.upper()}, by {colour_by}"
    _draw_legend(ImageDraw.Draw(picture), title, found.categories, colours)
    with files.replacing(path) as temporary:
        picture.save(temporary, "PNG")
    return path


def _points(xy: np.ndarray, codes: np.ndarray, colours: Sequence[str]) -> Image.Image:
    """Return the points alone, in a square.

    Args:
        xy: float32 of shape (N, 2), -1..1, y upwards.
    """
    side = SIDE_PX * _FINER
    picture = Image.new("RGB", (side, side), GROUND)
    draw = ImageDraw.Draw(picture)
    scale = side / 2 - MARGIN_PX * _FINER
    radius = _FINER * max(1.5, min(9.0, 150 / max(len(xy), 1) ** 0.5))
    places = side / 2 + xy.astype(np.float64) * (scale, -scale)
    for (x, y), code in zip(places.tolist(), codes.tolist(), strict=True):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colours[code])
    return picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)


def _draw_legend(
    draw: ImageDraw.ImageDraw, title: str, categories: Sequence[Category], colours: Sequence[str]
) -> None:
    """Draw the categories that have images, as many as fit, with their number of images."""
    font = ImageFont.load_default(TEXT_PX)
    left, top = SIDE_PX, MARGIN_PX
    draw.text((left, top), title, fill=MUTED, font=font)
    used = [(each, colour) for each, colour in zip(categories, colours, strict=True) if each.n]
    n_rows = (SIDE_PX - 2 * MARGIN_PX) // ROW_PX - 2
    for each, colour in used[:n_rows]:
        top += ROW_PX
        draw.ellipse((left, top + 4, left + 20, top + 24), fill=colour)
        draw.text((left + 34, top), _shortened(each.name), fill=INK, font=font)
        draw.text((left + LEGEND_PX - MARGIN_PX, top), f"{each.n:,}", fill=MUTED, font=font, anchor="ra")
    if len(used) > n_rows:
        draw.text((left + 34, top + ROW_PX), f"and {len(used) - n_rows:,} more", fill=MUTED, font=font)


def _shortened(name: str) -> str:
    name = printable.line(name)
    return name if len(name) <= MAX_CHARS else f"{name[: MAX_CHARS - 1]}…"
