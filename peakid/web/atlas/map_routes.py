"""HTTP routes of the map: its points and their categories in binary, and what is known about one image.

As JSON through a page, 100,000 points would be ten times as large and pass through every run of the page.
"""

import json
from collections.abc import Callable

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from peakid.clean_text import whole_number
from peakid.curate import classes
from peakid.curate.queues import review_queue, selections
from peakid.embed import layouts
from peakid.errors import NotFound, PeakidError
from peakid.records import QueueItem
from peakid.store.workspace import Workspace
from peakid.suggest import map_colours, map_palette
from peakid.web import words

_LARGEST_ID = 2**32 - 1  # Of an image: ids are sent as uint32.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TEXT = {"exclude": "excluded", "flag": "flagged"}


def build(workspace: Callable[[Request], Workspace]) -> list[Route]:
    """Return the routes, which read from the workspace that `workspace` opens for a request."""

    def points(request: Request) -> Response:
        return _answered(lambda: _points(workspace(request), _number(request, "layout_id")))

    def colours(request: Request) -> Response:
        colour_by = request.path_params["colour_by"]
        return _answered(lambda: _colours(workspace(request), _number(request, "layout_id"), colour_by))

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


def _points(workspace: Workspace, layout_id: int) -> Response:
    """Return uint32 count, four unused bytes, uint32 image ids, float32 x and y of each, little endian."""
    found = layouts.points(workspace, layouts.show(workspace, layout_id).layout_id)
    if len(found.image_ids) and found.image_ids[-1] > _LARGEST_ID:
        raise NotFound("The map cannot show images with numbers above 4 billion.")
    body = np.array([len(found.image_ids), 0], dtype="<u4").tobytes()
    body += found.image_ids.astype("<u4").tobytes() + found.xy.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=_HEADERS)


def _colours(workspace: Workspace, layout_id: int, colour_by: str) -> Response:
    """Return uint32 length of a JSON document, the document, then the uint16 category of each point."""
    known = next((each for each in map_colours.COLOURS_BY if each == colour_by), None)
    if known is None:
        raise NotFound(f"The map cannot be coloured by {colour_by[:40]!r}.")
    layout = layouts.show(workspace, layout_id)
    found = map_colours.colouring(workspace, layout.layout_id, known)
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
