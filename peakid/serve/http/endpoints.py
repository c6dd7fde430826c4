"""The routes of the prediction server: what each one reads, and what it returns as JSON."""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import asdict
from importlib import resources
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from peakid import public_fetch, settings
from peakid.errors import UnreadableImage
from peakid.serve.http import limits, openapi
from peakid.serve.http.limits import Form, Room
from peakid.serve.http.metrics import MEDIA_TYPE, Metrics
from peakid.serve.http.model import ServedModel
from peakid.serve.http.options import Correction, ServerOptions
from peakid.serve.http.stopping import Stopping, T
from peakid.serve.occlusion import OcclusionMap
from peakid.serve.predictor import ImagePrediction

TOP = 5
MAX_TOP = 1000
PAGE_FILES = {
    "": ("page.html", "text/html"),
    **{
        name: (name, "text/javascript")
        for name in ("page.js", "parts.js", "occlusion_map.js", "correction.js")
    },
    "page.css": ("page.css", "text/css"),
}


class Endpoints:
    """The routes. Each returns JSON; an error is `{error, message, remedy}`."""

    def __init__(
        self, model: ServedModel, metrics: Metrics, options: ServerOptions, stopping: Stopping
    ) -> None:
        self._model, self._metrics, self._options, self._stopping = model, metrics, options, stopping
        chosen = options.limits
        self._bytes, self._photos = Room(chosen.max_held_bytes), Room(chosen.max_photos)
        self._fetches, self._maps = Room(chosen.max_fetches), Room(chosen.max_maps)
        self._map_at_once = asyncio.Semaphore(1)  # Each one is fifty predictions.
        self._corrections = Room(chosen.max_corrections)
        metrics.photos.set_function(lambda: self._photos.n_used)

    async def predict(self, request: Request) -> Response:
        """Predict each photo of a form, or the one that is the body."""
        top = _top(request)
        async with self._form(request) as form:
            found = await self._predicted([each.content for each in form.files], top)
            named = zip(form.files, found, strict=True)
            return JSONResponse({"predictions": [_document(upload.name, each) for upload, each in named]})

    async def upload(self, request: Request) -> Response:
        """Predict one photo, in the shape of earlier applications: all classes, the most probable first."""
        async with self._form(request) as form:
            return await self._classified(form.files[0].content)

    async def classify_url(self, request: Request) -> Response:
        """Predict the photo at `url=`, in the shape of `upload`."""
        url = request.query_params.get("url", "")
        if not url:
            raise HTTPException(400, "Give the address of a photo as ?url=")
        chosen = self._options.limits
        with self._fetches.taken():
            fetched = await public_fetch.fetch(
                url,
                max_bytes=min(chosen.max_body_bytes, settings.current().max_image_bytes),
                timeout_s=chosen.url_s,
                allows=self._options.allows,
            )
            return await self._classified(fetched.body)

    async def occlusion(self, request: Request) -> Response:
        """Say where in a photo the probability of a class comes from."""
        label = request.query_params.get("label")
        if label is not None and label not in self._model.card.class_names:
            raise HTTPException(400, f"The model knows no class {label[:100]!r}.")
        async with self._form(request) as form:
            with self._maps.taken():
                work = self._explained(form.files[0].content, label)
                try:
                    return JSONResponse(asdict(await self._within(work)))
                except UnreadableImage as error:
                    raise _unreadable(error.message) from error

    async def feedback(self, request: Request) -> Response:
        """Store a photo with the class that a person gives it, where the server was started so."""
        correct = self._options.correct
        if correct is None:
            raise HTTPException(403, "This server stores no photos: it was started without feedback.")
        async with self._form(request) as form:
            correction = _correction(form)
            self._corrections.take(1)  # Never given back: whoever reaches the server could fill the disk.
            try:
                image_id = await asyncio.to_thread(correct, request, correction)
            except UnreadableImage as error:
                raise _unreadable(error.message) from error
        return JSONResponse({"image_id": image_id, "class_name": correction.class_name})

    async def model(self, request: Request) -> Response:
        """Describe the model."""
        takes_corrections = self._options.correct is not None
        described = self._model.describe(self._options.title, takes_corrections=takes_corrections)
        return JSONResponse(asdict(described))

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
        return Response(file.read_bytes(), media_type=media_type, headers={"Cache-Control": "no-cache"})

    @contextlib.asynccontextmanager
    async def _form(self, request: Request) -> AsyncGenerator[Form]:
        """Read a form with one file or more. What it holds counts until the end of the block."""
        with self._bytes.share() as take:
            body_s = self._options.limits.body_s
            form = await limits.read_form(
                request,
                self._options.limits,
                take,
                lambda arrival: self._stopping.arriving(arrival, limit_s=body_s),
            )
            if not form.files:
                raise HTTPException(400, "The form has no file.")
            largest = settings.current().max_image_bytes
            if large := next((each for each in form.files if len(each.content) > largest), None):
                raise HTTPException(413, f"{large.name[:100]!r} exceeds {largest / 2**20:,.0f} MB.")
            yield form

    async def _classified(self, content: bytes) -> Response:
        [found] = await self._predicted([content], len(self._model.card.class_names))
        if found.error:
            raise _unreadable(str(found.error))
        pairs = [[each.label, each.probability] for each in found.top]
        return JSONResponse({"prediction": found.top[0].label, "probabilities": pairs})

    async def _predicted(self, contents: list[bytes], top: int) -> list[ImagePrediction]:
        with self._photos.taken(len(contents)):
            return await self._within(self._model.predict(contents, top=top))

    async def _explained(self, content: bytes, label: str | None) -> OcclusionMap:
        async with self._map_at_once:
            return await self._model.explain(content, label)

    async def _within(self, work: Awaitable[T]) -> T:
        try:
            return await self._stopping.answering(work, limit_s=self._options.limits.predict_s)
        except TimeoutError:
            raise HTTPException(504, "The prediction took too long. Send fewer photos.") from None


def _top(request: Request) -> int:
    text = request.query_params.get("top", str(TOP))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= MAX_TOP):
        raise HTTPException(400, f"top is a whole number from 1 to {MAX_TOP:,}, not {text[:40]!r}.")
    return int(text)


def _correction(form: Form) -> Correction:
    class_name = form.fields.get("class_name", "").strip()
    if not class_name:
        raise HTTPException(400, "Give the class that the photo shows as the field class_name.")
    text = form.fields.get("confidence", "")
    try:
        confidence = float(text) if text else None
    except ValueError:
        confidence = math.nan
    if confidence is not None and not 0 <= confidence <= 1:
        raise HTTPException(400, f"confidence is a number from 0 to 1, not {text[:40]!r}.")
    return Correction(form.files[0].content, class_name, form.fields.get("predicted", ""), confidence)


def _unreadable(why: str) -> HTTPException:
    return HTTPException(422, f"The photo cannot be read: {why}")


def _document(name: str, each: ImagePrediction) -> dict[str, Any]:
    document = {"name": name} | each.to_json()
    return document | ({"error": each.error.detail, "reason": each.error.reason} if each.error else {})
