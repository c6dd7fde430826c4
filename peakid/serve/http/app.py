"""The prediction server as an ASGI application: its routes, and how it begins and ends."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from peakid.serve.http import responses
from peakid.serve.http.endpoints import PAGE_FILES, Endpoints
from peakid.serve.http.metrics import Metrics
from peakid.serve.http.model import ServedModel
from peakid.serve.http.options import ServerOptions
from peakid.serve.http.stopping import Stopping
from peakid.serve.http.watch import STORING, Watch


@dataclass(frozen=True)
class Opened:
    """A server whose model is loaded. Whoever opens it calls `close`."""

    application: Starlette
    model: ServedModel
    stopping: Stopping

    def close(self) -> None:
        """Finish what waits, and release the model."""
        self.model.close()


def open_model(folder: Path, options: ServerOptions | None = None) -> Opened:
    """Load the export in a folder and return its server. When the application shuts down, it is closed.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `Predictor`.
    """
    chosen = options or ServerOptions()
    metrics, stopping = Metrics(), Stopping()
    model = ServedModel(folder, threshold=chosen.threshold, metrics=metrics)
    routes = _routes(Endpoints(model, metrics, chosen, stopping))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await asyncio.to_thread(model.close)

    paths = {each.path for each in routes}
    watch = Middleware(Watch, metrics=metrics, options=chosen, stopping=stopping, paths=paths)
    application = Starlette(
        routes=routes, lifespan=lifespan, middleware=[watch], exception_handlers=responses.HANDLERS
    )
    return Opened(application, model, stopping)


def build(folder: Path, options: ServerOptions | None = None) -> Starlette:
    """Return the application for the export in a folder.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `Predictor`.
    """
    return open_model(folder, options).application


def _routes(endpoints: Endpoints) -> list[Route]:
    return [
        Route("/predict", endpoints.predict, methods=["POST"]),
        Route("/upload", endpoints.upload, methods=["POST"]),
        Route("/classify-url", endpoints.classify_url, methods=["GET"]),
        Route("/occlusion", endpoints.occlusion, methods=["POST"]),
        Route(STORING, endpoints.feedback, methods=["POST"]),
        Route("/model", endpoints.model, methods=["GET"]),
        Route("/health", endpoints.health, methods=["GET"]),
        Route("/metrics", endpoints.metrics, methods=["GET"]),
        Route("/openapi.json", endpoints.openapi, methods=["GET"]),
        *(Route(f"/{name}", endpoints.page, methods=["GET"]) for name in PAGE_FILES),
    ]
