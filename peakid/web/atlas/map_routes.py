"""HTTP routes of the map: its points and their categories in binary, and what is known about one image.

As JSON through a page, 100,000 points would be ten times as large and pass through every run of the page.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from peakid.clean_text import whole_number
from peakid.curate import classes
from peakid.curate.queues import review_queue, selections
from peakid.embed import layouts
from peakid.embed.places import Box
from peakid.errors import NotFound, PeakidError
from peakid.records import QueueItem
from peakid.store.workspace import Workspace
from peakid.suggest import map_colours, map_palette
from peakid.web import words

_LARGEST_ID = 2**32 - 1  # Of an image: ids are sent as uint32.
_MOST_CHARACTERS = 1_000  # Of the images that are drawn in any case.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TEXT = {"exclude": "excluded", "flag": "flagged"}


def build(workspace: Callable[[Request], Workspace]) -> list[Route]:
    """Return the routes, which read from the workspace that `workspace` opens for a request."""

    def points(request: Request) -> Response:
        return _answered(lambda: _points(workspace(request), _number(request, "layout_id"), _part(request)))

    def colours(request: Request) -> Response:
        colour_by = request.path_params["colour_by"]
        number = _number(request, "layout_id")
        return _answered(lambda: _colours(workspace(request), number, colour_by, _part(request)))

    def image(request: Request) -> Response:
        return _answered(lambda: _image(workspace(request), _number(request, "image_id")))

    return [
        Route("/map/points/{layout_id}/{key}", points, methods=["GET"]),
        Route("/map/colours/{layout_id}/{colour_by}/{key}", colours, methods=["GET"]),
        Route("/map/about/{image_id}", image, methods=["GET"]),
    ]


def _answered(read: Callable[[], Response]) -> Response:
    try:
        return read()
    except NotFound as error:
        return PlainTextResponse(str(error), 404, headers=_HEADERS)
    except PeakidError as error:
        return PlainTextResponse(str(error), 503, headers=_HEADERS)


def _number(request: Request, name: str) -> int:
    return whole_number(request.path_params[name]) or -1


@dataclass(frozen=True)
class _Part:
    """What is asked for: the points in a rectangle (None = the whole map), and some images in any case."""

    box: Box | None
    shown: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        return self.box is None and not self.shown


def _part(request: Request) -> _Part:
    """Read `within=LEFT,BOTTOM,RIGHT,TOP` and `with=ID,ID`; what is not a rectangle is the whole map."""
    try:
        left, bottom, right, top = (float(each) for each in request.query_params["within"].split(","))
        box = (left, bottom, right, top)
    except (KeyError, ValueError):
        box = None
    given = request.query_params.get("with", "")[:_MOST_CHARACTERS].split(",")
    return _Part(box, tuple(number for each in given if (number := whole_number(each)) is not None))


def _points(workspace: Workspace, layout_id: int, part: _Part) -> Response:
    """Return uint32 counts, uint32 image ids, float32 x and y of each, little endian.

    The counts are those of the points that are sent, and of the images that have a place there.
    """
    layout = layouts.show(workspace, layout_id)
    found, n_there = layouts.in_sight(workspace, layout, part.box, shown=part.shown)
    if len(found.image_ids) and found.image_ids[-1] > _LARGEST_ID:
        raise NotFound("The map cannot show images with numbers above 4 billion.")
    body = np.array([len(found.image_ids), n_there], dtype="<u4").tobytes()
    body += found.image_ids.astype("<u4").tobytes() + found.xy.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=_HEADERS)


def _colours(workspace: Workspace, layout_id: int, colour_by: str, part: _Part) -> Response:
    """Return uint32 length of a JSON document, the document, then the uint16 category of each point."""
    known = next((each for each in map_colours.COLOURS_BY if each == colour_by), None)
    if known is None:
        raise NotFound(f"The map cannot be coloured by {colour_by[:40]!r}.")
    layout = layouts.show(workspace, layout_id)
    ids = None
    if not part.is_whole:
        ids = layouts.in_sight(workspace, layout, part.box, shown=part.shown)[0].image_ids.tolist()
    found = map_colours.colouring(workspace, layout.layout_id, known, image_ids=ids)
    chosen = map_palette.of(found, classes.colours(workspace))
    categories = [
        {"name": words.shown(each.name), "colour": colour, "n": each.n}
        for each, colour in zip(found.categories, chosen, strict=True)
    ]
    text = json.dumps({"points_key": layout.key, "categories": categories}).encode()
    text += b" " * (-len(text) % 4)
    body = np.array([len(text)], dtype="<u4").tobytes() + text + found.codes.astype("<u2").tobytes()
    return Response(body, media_type="application/octet-stream", headers=_HEADERS)


def _image(workspace: Workspace, image_id: int) -> Response:
    found = review_queue.page(workspace, selections.image_queue(image_id), limit=1)
    if not found:
        raise NotFound(f"There is no image {image_id}.")
    (item,) = review_queue.items(workspace, [found[0].digest])  # With the reason of its newest decision.
    document = {"digest": item.digest, "name": words.shown(item.path), "label": _label(item)}
    return JSONResponse(document, headers=_HEADERS)


def _label(item: QueueItem) -> str:
    label = words.shown(item.label) if item.label else "no label"
    if item.verdict in _TEXT:
        reason = f": {words.shown(item.reason)}" if item.reason else ""
        return f"{_TEXT[item.verdict]}{reason} ({label})"
    return label if item.is_reviewed or not item.label else f"{label}, not confirmed"
