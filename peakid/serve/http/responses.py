"""Errors of the prediction server as responses: `{error, message, remedy}` with a status."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from peakid.errors import (
    BadInput,
    DiskError,
    FetchFailed,
    NotFound,
    PeakidError,
    UnreadableImage,
    UrlRefused,
    WorkspaceError,
)
from peakid.serve.http.batching import TooBusy
from peakid.serve.http.stopping import Stopped

_STATUS: dict[type[PeakidError], int] = {
    UrlRefused: 400,
    BadInput: 400,
    NotFound: 404,
    FetchFailed: 502,
    DiskError: 507,
    UnreadableImage: 422,
    WorkspaceError: 503,
}


def error(kind: str, status: int, message: str, remedy: str = "", **headers: str) -> Response:
    """Return an error as a response."""
    body = {"error": kind, "message": message, "remedy": remedy}
    return Response(json.dumps(body, ensure_ascii=False), status, {**headers}, media_type="application/json")


def of_error(failed: PeakidError) -> Response:
    """Return an error of Peakid as a response."""
    status = next((code for kind, code in _STATUS.items() if isinstance(failed, kind)), 500)
    return error(type(failed).__name__, status, failed.message, failed.remedy)


def busy() -> Response:
    return error("TooBusy", 503, "Too many photos wait.", "Try again in a second.", **{"Retry-After": "1"})


def stopped() -> Response:
    headers = {"Retry-After": "10", "Connection": "close"}
    return error("Stopping", 503, "The server is being stopped.", "Try again later.", **headers)


async def _http_error(request: Request, failed: Exception) -> Response:
    assert isinstance(failed, HTTPException)
    return error("BadRequest", failed.status_code, failed.detail)


async def _peakid_error(request: Request, failed: Exception) -> Response:
    assert isinstance(failed, PeakidError)
    return of_error(failed)


async def _too_busy(request: Request, failed: Exception) -> Response:
    return busy()


async def _stopped(request: Request, failed: Exception) -> Response:
    return stopped()


HANDLERS: dict[Any, Any] = {
    HTTPException: _http_error,
    PeakidError: _peakid_error,
    TooBusy: _too_busy,
    Stopped: _stopped,
}
