"""The HTTP route of the thumbnails of a preview: `/album/<preview>/<number>/<version>`.

These photos are files outside the workspace, which has no digest of them. The version is in the address only
so that a browser never shows the photo that had the number before.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from peakid.clean_text import whole_number
from peakid.errors import NotFound, PeakidError
from peakid.serve.albums import previews
from peakid.store.workspace import Workspace

_SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
_CACHED = {"Cache-Control": "private, max-age=86400, immutable", **_SAFE}


def build(workspace: Callable[[Request], Workspace]) -> list[Route]:
    """Return the route, which reads from the workspace that `workspace` opens for a request."""

    def photo(request: Request) -> Response:
        number = whole_number(request.path_params["number"])
        try:
            body = previews.thumbnail(
                workspace(request), request.path_params["key"], -1 if number is None else number
            )
        except NotFound as error:
            return PlainTextResponse(str(error), 404, headers={"Cache-Control": "no-store", **_SAFE})
        except PeakidError as error:
            return PlainTextResponse(str(error), 503, headers={"Cache-Control": "no-store", **_SAFE})
        return Response(body, media_type="image/jpeg", headers=_CACHED)

    return [Route("/album/{key}/{number}/{version}", photo, methods=["GET"])]
