"""Decide which workspace an address is about: `/w/<key>/...` names one, others mean that of the settings.

A page, its websocket, its images and its uploads have the same prefix, so a session never changes its
workspace: another one is another address. Reloads, bookmarks, new tabs and reconnections keep it.
"""

import hashlib
import os
import re
from html import escape
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from peakid import files, settings
from peakid.errors import BadInput
from peakid.store.folders import recent_workspaces
from peakid.web import reach
from peakid.web.server import plain_page

HEADER = "x-peakid-workspace"  # Set here only, on the way to Streamlit, which shows headers to a session.
PREFIX = "peakid.prefix"  # Of the ASGI scope: what was removed from the path.
_PATH = re.compile(r"/w/([0-9a-f]{12})(/.*)?", re.DOTALL)
_POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1.

_known: dict[str, Path] = {}  # By key: what this server has opened. It outlives the list of recent ones.


def start() -> Path:
    """Return the workspace of the settings, which has the addresses without a prefix."""
    return files.expanded(settings.read().workspace)


def key_of(path: Path) -> str:
    """Return the key of a workspace: 12 hexadecimal digits of its path without links."""
    return hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:12]


def address_of(path: Path, page: str = "") -> str:
    """Return the address of a page of a workspace, which is then known to this server.

    Args:
        page: Its name, or "" for the start page.
    """
    if key_of(path) == key_of(start()):
        return f"/{page}"
    _known[key_of(path)] = path
    return f"/w/{key_of(path)}/{page}"


def path_of(key: str) -> Path | None:
    """Return the workspace of a key, None where this server does not know it or must not open it.

    Known are those that it has opened, and the recent ones of this user.
    """
    if key not in _known:
        _known.update({key_of(each.path): each.path for each in recent_workspaces.listed()})
    path = start() if key == key_of(start()) else _known.get(key)
    return path if path is not None and (path == start() or reach.is_allowed(path)) else None


def of_request(request: Request) -> Path:
    """Return the workspace that a request is about.

    Raises:
        BadInput: If the server does not open it any more.
    """
    return _named(request.headers.get(HEADER))


def of_session() -> Path:
    """Return the workspace of this session: that of the address which its websocket was opened at.

    Raises:
        BadInput: If the server does not open it any more.
    """
    return _named(st.context.headers.get(HEADER))


def thumbnail(digest: str) -> str:
    """Return the address of a thumbnail in the workspace of this session."""
    return f"{_prefix()}/thumb/{digest}"


def prediction_page(export_id: int) -> str:
    """Return the address of the prediction page of an export in the workspace of this session."""
    return f"{_prefix()}/models/{export_id}/"


def _prefix() -> str:
    key = st.context.headers.get(HEADER)
    return f"/w/{key}" if key else ""


def _named(key: str | None) -> Path:
    path = path_of(key) if key else start()
    if path is None:  # The settings have changed while a page was open. Another workspace would be wrong.
        raise BadInput(
            "This server no longer opens the workspace of this address.",
            "Open another one at the start page, or ask whoever runs the server to allow its folder.",
        )
    return path


class WorkspaceAddress:
    """ASGI middleware that removes the prefix from an address and names its workspace in a header.

    An address with an unknown key gets a page that says so: it must not show another workspace.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = [each for each in scope["headers"] if each[0].lower() != HEADER.encode()]
        found = _PATH.fullmatch(scope["path"])
        if found is None:
            await self.app({**scope, "headers": headers}, receive, send)
        elif path_of(found[1]) is None:
            await _refuse(scope, receive, send)
        elif found[2] is None:
            await RedirectResponse(f"/w/{found[1]}/")(scope, receive, send)
        else:
            named = [*headers, (HEADER.encode(), found[1].encode())]
            raw = scope["raw_path"].removeprefix(f"/w/{found[1]}".encode()) if scope.get("raw_path") else None
            inner = {**scope, "path": found[2], "raw_path": raw, "headers": named}
            await self.app({**inner, PREFIX: f"/w/{found[1]}"}, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    why = "This server knows no workspace at this address."
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": why})
        return
    name = escape(start().name)
    body = (
        f"<p>{why} It may have left the list of recent ones. Open its folder from the menu of any other"
        f' workspace.</p><p><a href="/">Open {name}</a></p>'
    )
    await plain_page.respond("Workspace not known", body, 404)(scope, receive, send)
