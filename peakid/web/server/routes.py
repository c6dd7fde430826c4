"""HTTP routes for images and scripts: `/thumb/<digest>`, `/image/<digest>`, `/aligned/...`, `/script/...`.

Addresses that contain a digest of their bytes may be cached by browsers permanently. `/live` tells the grid
whether the live head has a new fit, and `/why/<digest>` what speaks for and against a label: for the live
head, or for a run that predicts another one.
"""

import functools
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from peakid import paths
from peakid.curate.duplicates import proposed_groups
from peakid.curate.queues import run_errors, suggested
from peakid.errors import NotFound, PeakidError
from peakid.evaluate.errors import error_evidence
from peakid.imaging import gate, pixels
from peakid.store import images, tombstones
from peakid.store.workspace import Workspace
from peakid.suggest import why
from peakid.web import workspace_address
from peakid.web.albums import photo_routes
from peakid.web.atlas import map_routes
from peakid.web.gallery import scripts

N_CACHED_THUMBNAILS = 4096  # About 11 KB each: 45 MB.
N_CACHED_CONVERSIONS = 32  # The images around the one being reviewed; 1 to 4 MB each.
CONVERTED_PX = 4096  # Long side of what is shown of a TIFF; screens show less.
# Formats that browsers support. Written out: Pillow fills its own list only as its plugins are loaded.
_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}

_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_SHARED = {"Cache-Control": "public, max-age=31536000, immutable"}  # Scripts are the same for everyone.


def build(workspace: Callable[[Request], Workspace]) -> list[Route]:
    """Return the routes, which read from the workspace that `workspace` opens for a request.

    The endpoints are plain functions: Starlette runs those in its thread pool, while reading a file in an
    `async def` would block every session.
    """

    def thumb(request: Request) -> Response:
        return _respond(request, lambda digest: _thumb(workspace(request), digest))

    def image(request: Request) -> Response:
        return _respond(request, lambda digest: _image(workspace(request), digest))

    def aligned(request: Request) -> Response:
        return _aligned(workspace(request), request.path_params["digest"], request.path_params["onto"])

    async def script(request: Request) -> Response:  # Without a thread: every script is in memory.
        name = request.path_params["file_name"]
        if name not in scripts.modules() or request.path_params["version"] != scripts.version():
            return _missing("This script is of another version. Reload the page.")
        headers = {**_HEADERS, **_SHARED, "Vary": "Accept-Encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(scripts.modules()[name], media_type="text/javascript", headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(scripts.compressed(name), media_type="text/javascript", headers=headers)

    def start(request: Request) -> Response:
        """Redirect a link to the overview: Streamlit serves its first page at / only."""
        return RedirectResponse(request.scope.get(workspace_address.PREFIX, "") + "/")

    def live(request: Request) -> Response:
        return _current_document(lambda: {"fit": suggested.fit_number(workspace(request))})

    def reasons(request: Request) -> Response:
        digest, queue = request.path_params["digest"], request.query_params.get("queue", "")
        if not paths.is_digest(digest):
            return _missing("This is not a digest of 64 hexadecimal digits.")
        explain = error_evidence.explain if run_errors.run_of(queue) else why.explain
        return _current_document(lambda: explain(workspace(request), digest, queue=queue).to_json())

    return [
        Route("/live", live, methods=["GET"]),
        Route("/why/{digest}", reasons, methods=["GET"]),
        Route("/thumb/{digest}", thumb, methods=["GET"]),
        Route("/image/{digest}", image, methods=["GET"]),
        Route("/aligned/{digest}/{onto}", aligned, methods=["GET"]),
        Route("/script/{version}/{file_name}", script, methods=["GET"]),
        Route("/overview", start, methods=["GET"]),
        *map_routes.build(workspace),
        *photo_routes.build(workspace),
    ]


def _checked(workspace: Workspace, digest: str) -> str:
    """Return the digest unless the image was forgotten, maybe by another process since it was cached.

    Raises:
        NotFound: If it was.
    """
    if tombstones.is_forgotten(workspace, digest):
        raise NotFound(f"Image {digest[:12]} was forgotten.")
    return digest


def _respond(request: Request, read: Callable[[str], tuple[bytes, str]]) -> Response:
    digest = request.path_params["digest"]
    if not paths.is_digest(digest):
        return _missing(f"{digest[:80]!r} is not a digest of 64 hexadecimal digits.")
    try:
        body, media_type = read(digest)
    except NotFound:
        return _missing(f"No image has the digest {digest[:16]}.")
    except (PeakidError, OSError):  # The file is missing or no longer decodes.
        return _missing(f"The bytes of image {digest[:16]} cannot be read.")
    etag = f'"{digest}"'
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={**_HEADERS, "ETag": etag})
    return Response(body, media_type=media_type, headers={**_HEADERS, "ETag": etag})


def _current_document(read: Callable[[], dict[str, Any]]) -> Response:
    """Return what holds at this moment, which no browser may keep."""
    try:
        return JSONResponse(read(), headers={"Cache-Control": "no-store"})
    except (PeakidError, OSError) as error:
        return _missing(error.message if isinstance(error, PeakidError) else "It cannot be read now.")


def _missing(text: str) -> Response:
    return Response(
        text,
        404,
        media_type="text/plain",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _thumb(workspace: Workspace, digest: str) -> tuple[bytes, str]:
    return _thumbnail(workspace, _checked(workspace, digest)), "image/jpeg"


@functools.lru_cache(N_CACHED_THUMBNAILS)
def _thumbnail(workspace: Workspace, digest: str) -> bytes:
    return images.thumbnail(workspace, digest)


def _aligned(workspace: Workspace, digest: str, onto: str) -> Response:
    """Return a picture as it lies over another one, where a model proposes the two as copies."""
    if not (paths.is_digest(digest) and paths.is_digest(onto)):
        return _missing("An aligned picture is named by two digests of 64 hexadecimal digits.")
    try:
        body = proposed_groups.drawn_over(workspace, _checked(workspace, digest), _checked(workspace, onto))
    except NotFound as error:
        return _missing(str(error))
    except (PeakidError, OSError):
        return _missing(f"The bytes of image {digest[:16]} cannot be read.")
    # Another search may lay it otherwise.
    headers = {**_HEADERS, "Cache-Control": "private, max-age=600"}
    return Response(body, media_type="image/jpeg", headers=headers)


def _image(workspace: Workspace, digest: str) -> tuple[bytes, str]:
    """Return an image's own bytes, or a JPEG of it where browsers do not support the format."""
    media_type = _MEDIA_TYPES.get(images.show(workspace, _checked(workspace, digest)).format)
    if media_type is not None:
        return images.read_bytes(workspace, digest), media_type
    return _converted(workspace, digest), "image/jpeg"


@functools.lru_cache(N_CACHED_CONVERSIONS)
def _converted(workspace: Workspace, digest: str) -> bytes:
    return gate.call(pixels.as_jpeg, images.read_bytes(workspace, digest), longest_px=CONVERTED_PX)
