"""The prediction server as an ASGI application: its routes, its limits, and how it begins and ends."""

import asyncio
import contextlib
import ipaddress
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from peakid import hosts, public_fetch, settings
from peakid.errors import FetchFailed, PeakidError, UrlRefused
from peakid.serve.http import limits, openapi
from peakid.serve.http.batching import TooBusy
from peakid.serve.http.limits import Limits
from peakid.serve.http.metrics import MEDIA_TYPE, Metrics
from peakid.serve.http.model import ServedModel
from peakid.serve.predictor import ImagePrediction

TOP = 5
MAX_TOP = 1000
PAGE_FILES = {
    "": ("page.html", "text/html"),
    "page.js": ("page.js", "text/javascript"),
    "page.css": ("page.css", "text/css"),
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:;"
    " frame-ancestors 'none'; base-uri 'none'",
}


@dataclass(frozen=True)
class ServerOptions:
    """Attributes:
    threshold: Confidence in 0..1 below which the model abstains; None = that of the export.
    own_hosts: Names, besides this machine's own, under which the server may be reached; None = any name.
    limits: Sizes, numbers and times.
    allows: Whether `url=` may lead to an IP address.
    """

    threshold: float | None = None
    own_hosts: tuple[str, ...] | None = ()
    limits: Limits = field(default_factory=Limits)
    allows: Callable[[str], bool] = public_fetch.is_public


def build(folder: Path, options: ServerOptions | None = None) -> Starlette:
    """Return the application for the export in a folder.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `Predictor`.
    """
    chosen = options or ServerOptions()
    metrics = Metrics()
    model = ServedModel(folder, threshold=chosen.threshold, metrics=metrics)
    endpoints = Endpoints(model, metrics, chosen)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await asyncio.to_thread(model.close)

    routes = [
        Route("/predict", endpoints.predict, methods=["POST"]),
        Route("/upload", endpoints.upload, methods=["POST"]),
        Route("/classify-url", endpoints.classify_url, methods=["GET"]),
        Route("/model", endpoints.model, methods=["GET"]),
        Route("/health", endpoints.health, methods=["GET"]),
        Route("/metrics", endpoints.metrics, methods=["GET"]),
        Route("/openapi.json", endpoints.openapi, methods=["GET"]),
        *(Route(f"/{name}", endpoints.page, methods=["GET"]) for name in PAGE_FILES),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Watch, metrics=metrics, options=chosen, paths={each.path for each in routes})],
        exception_handlers={HTTPException: _http_error, PeakidError: _peakid_error, TooBusy: _too_busy},
    )


class Endpoints:
    """The routes. Each returns JSON; an error is `{error, message, remedy}`."""

    def __init__(self, model: ServedModel, metrics: Metrics, options: ServerOptions) -> None:
        self._model, self._metrics, self._options = model, metrics, options

    async def predict(self, request: Request) -> Response:
        """Predict each photo of a form, or the one that is the body."""
        top = _top(request)
        uploads = await self._read(request)
        found = await self._within(self._model.predict([each.content for each in uploads], top=top))
        named = zip(uploads, found, strict=True)
        return JSONResponse({"predictions": [_document(upload.name, each) for upload, each in named]})

    async def upload(self, request: Request) -> Response:
        """Predict one photo, in the shape of earlier applications: all classes, the most probable first."""
        uploads = await self._read(request)
        return await self._classified(uploads[0].content)

    async def classify_url(self, request: Request) -> Response:
        """Predict the photo at `url=`, in the shape of `upload`."""
        url = request.query_params.get("url", "")
        if not url:
            raise HTTPException(400, "Give the address of a photo as ?url=")
        fetched = await public_fetch.fetch(
            url,
            max_bytes=min(self._options.limits.max_body_bytes, settings.current().max_image_bytes),
            timeout_s=self._options.limits.url_s,
            allows=self._options.allows,
        )
        return await self._classified(fetched.body)

    async def model(self, request: Request) -> Response:
        """Describe the model."""
        return JSONResponse(asdict(self._model.describe()))

    async def health(self, request: Request) -> Response:
        """Say that the server answers."""
        return JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Return the counters, for Prometheus."""
        return Response(self._metrics.text(), media_type=MEDIA_TYPE)

    async def openapi(self, request: Request) -> Response:
        """Describe the routes."""
        return JSONResponse(openapi.document(self._options.limits))

    async def page(self, request: Request) -> Response:
        """Return a file of the page on which photos are dropped."""
        name, media_type = PAGE_FILES[request.url.path.rpartition("/")[2]]
        file = resources.files("peakid.serve.http") / "static" / name
        return Response(file.read_bytes(), media_type=media_type)

    async def _read(self, request: Request) -> list[limits.Upload]:
        uploads = await limits.read_uploads(request, self._options.limits)
        if not uploads:
            raise HTTPException(400, "The form has no file.")
        largest = settings.current().max_image_bytes
        if large := next((each for each in uploads if len(each.content) > largest), None):
            raise HTTPException(413, f"{large.name[:100]!r} exceeds {largest / 2**20:,.0f} MB.")
        return uploads

    async def _classified(self, content: bytes) -> Response:
        n_classes = len(self._model.card.class_names)
        [found] = await self._within(self._model.predict([content], top=n_classes))
        if found.error:
            raise HTTPException(422, f"The photo cannot be read: {found.error}")
        pairs = [[each.label, each.probability] for each in found.top]
        return JSONResponse({"prediction": found.top[0].label, "probabilities": pairs})

    async def _within(self, work: Awaitable[list[ImagePrediction]]) -> list[ImagePrediction]:
        try:
            return await asyncio.wait_for(work, self._options.limits.predict_s)
        except TimeoutError:
            raise HTTPException(504, "The prediction took too long. Send fewer photos.") from None


class Watch:
    """ASGI middleware: refuses foreign hosts and too many requests, counts, and adds the headers."""

    def __init__(self, app: Any, *, metrics: Metrics, options: ServerOptions, paths: Iterable[str]) -> None:
        self.app, self._metrics, self._options, self._paths = app, metrics, options, frozenset(paths)
        self._n_open = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._paths else "other"
        began_s, status = time.perf_counter(), 500

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in _HEADERS.items()),
                ]
            await send(message)

        self._n_open += 1
        try:
            refusal = self._refusal(scope, path)
            await (refusal or self.app)(scope, receive, sending)
        finally:
            self._n_open -= 1
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - began_s)

    def _refusal(self, scope: Any, path: str) -> Response | None:
        host = Request(scope).headers.get("host", "")
        if self._options.own_hosts is not None and not _is_own(host, self._options.own_hosts):
            # Without this check a web page could rebind its own name to this machine and use the model.
            return _error(
                "UnknownHost", 403, f"Unknown host {host[:100]!r}.", "Start the server with --host."
            )
        if self._n_open > self._options.limits.max_open and path not in ("/health", "/metrics"):
            return _busy()
        return None


def _is_own(text: str, own_hosts: Iterable[str]) -> bool:
    try:
        host = hosts.parse(text)
    except ValueError:
        return False
    if host.name == "localhost" or host.name in own_hosts:
        return True
    try:
        return ipaddress.ip_address(host.name).is_loopback
    except ValueError:
        return False


def _top(request: Request) -> int:
    text = request.query_params.get("top", str(TOP))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= MAX_TOP):
        raise HTTPException(400, f"top is a whole number from 1 to {MAX_TOP:,}, not {text[:40]!r}.")
    return int(text)


def _document(name: str, each: ImagePrediction) -> dict[str, Any]:
    document = {"name": name} | each.to_json()
    return document | ({"error": each.error.detail, "reason": each.error.reason} if each.error else {})


def _error(kind: str, status: int, message: str, remedy: str = "", **headers: str) -> Response:
    body = {"error": kind, "message": message, "remedy": remedy}
    return Response(json.dumps(body, ensure_ascii=False), status, {**headers}, media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error("BadRequest", error.status_code, error.detail)


async def _peakid_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PeakidError)
    status = 400 if isinstance(error, UrlRefused) else 502 if isinstance(error, FetchFailed) else 500
    return _error(type(error).__name__, status, error.message, error.remedy)


async def _too_busy(request: Request, error: Exception) -> Response:
    return _busy()


def _busy() -> Response:
    return _error("TooBusy", 503, "Too many photos wait.", "Try again in a second.", **{"Retry-After": "1"})
