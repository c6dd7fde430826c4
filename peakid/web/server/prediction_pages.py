"""The prediction page and API of each export inside the app: `/models/N/`, behind the checks of the app."""

import asyncio
import re
from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from peakid.curate import feedback
from peakid.errors import PeakidError
from peakid.records import Export
from peakid.serve import opening
from peakid.serve.http import app as server
from peakid.serve.http import responses
from peakid.serve.http.loaded import LoadedModels
from peakid.serve.http.options import Correction, ServerOptions
from peakid.settings import Settings
from peakid.store import exports
from peakid.store.workspace import Workspace
from peakid.web import names, session, words, workspace_address
from peakid.web.server import plain_page

_ADDRESS = re.compile(r"/models/([0-9]{1,18})(/.*)?", re.DOTALL)


class PredictionPages:
    """ASGI middleware that answers `/models/N/...` for export N of the workspace of the address.

    A middleware, because the pages are not of Streamlit: it would look for them among its own.

    Args:
        workspace: Opens the workspace that a request is about.
        loaded: None = with the usual limits.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        workspace: Callable[[Request], Workspace],
        loaded: LoadedModels | None = None,
    ) -> None:
        self.app = app
        self._workspace, self._loaded = workspace, loaded or LoadedModels()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
        elif found[2] is None:
            path = f"{scope.get(workspace_address.PREFIX, '')}/models/{int(found[1])}/"
            await RedirectResponse(path)(scope, receive, send)
        else:
            await self._serve(int(found[1]), found[1], scope, receive, send)

    async def _serve(self, export_id: int, written: str, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            workspace, export, n_bytes = await asyncio.to_thread(self._found, request, export_id)
            await self._loaded.serve(
                (workspace.path, export.path, export_id),
                lambda: server.open_model(exports.folder(export), _options(workspace, export)),
                n_bytes,
                scope={**scope, "root_path": f"{scope.get('root_path', '')}/models/{written}"},
                receive=receive,
                send=send,
            )
        except PeakidError as error:
            is_page = "text/html" in request.headers.get("accept", "")
            answer = _refusal(error, scope) if is_page else responses.of_error(error)
            await answer(scope, receive, send)

    def _found(self, request: Request, export_id: int) -> tuple[Workspace, Export, int]:
        """Return the export and the size of its model.

        Raises:
            NotFound: If there is none, or it is outside the workspace.
            BadInput, WeightsUnfit: If it has no model that can be served.
        """
        workspace = self._workspace(request)
        export = exports.show(workspace, export_id)
        return workspace, export, opening.n_bytes(exports.folder(export))


def _options(workspace: Workspace, export: Export) -> ServerOptions:
    def correct(request: Request, correction: Correction) -> int:
        return feedback.add_correction(
            workspace,
            correction.content,
            correction.class_name,
            source="predict page",
            predicted=correction.predicted,
            confidence=correction.confidence,
            actor=session.actor_of(request),
        )

    return ServerOptions(
        own_hosts=None,  # The guard has compared the host, the origin and the password.
        title=f"Export {export.export_id} of {names.run_name(export.run_id)}",
        correct=correct if Settings().feedback else None,
    )


def _refusal(error: PeakidError, scope: Scope) -> ASGIApp:
    home = f"{scope.get(workspace_address.PREFIX, '')}/models"
    text = escape(words.shown(f"{error.message} {error.remedy}"))
    return plain_page.respond("No predictions", f'<p>{text}</p><p><a href="{home}">Open Models</a></p>', 404)
