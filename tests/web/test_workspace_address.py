"""Which workspace an address is about, and what an address of an unknown one gets."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from peakid.errors import BadInput
from peakid.imaging import inspection
from peakid.resources import PROJECT_ROOT
from peakid.store import images
from peakid.store import workspace as workspaces
from peakid.store.folders import recent_workspaces
from peakid.store.workspace import Workspace
from peakid.web import session, workspace_address
from peakid.web.server import routes
from peakid.web.server.guard import Guard
from peakid.web.server.missing_page import MissingPage
from peakid.web.workspace_address import HEADER, PREFIX, WorkspaceAddress


@pytest.fixture(autouse=True)
def own(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace of the settings; the server knows no other yet."""
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    workspace_address._known.clear()
    return workspace.path


@pytest.fixture
def other(tmp_path: Path) -> Workspace:
    return workspaces.create(tmp_path / "other")


async def seen(request: Request) -> JSONResponse:
    path = workspace_address.of_request(request)
    return JSONResponse([request.url.path, request.scope.get(PREFIX, ""), str(path)])


async def seen_by_socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_json([socket.url.path, socket.headers.get(HEADER)])
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    inner = Starlette(routes=[WebSocketRoute("/{path:path}", seen_by_socket), Route("/{path:path}", seen)])
    return TestClient(WorkspaceAddress(inner), follow_redirects=False)


def test_an_address_without_a_key_is_about_the_workspace_of_the_settings(
    client: TestClient, own: Path
) -> None:
    assert client.get("/review").json() == ["/review", "", str(own)]
    assert workspace_address.address_of(own, "review") == "/review"


def test_an_address_with_a_key_is_about_that_workspace_whatever_is_behind_it(
    client: TestClient, other: Workspace
) -> None:
    address = workspace_address.address_of(other.path)
    assert re.fullmatch(r"/w/[0-9a-f]{12}/", address)
    for path in ("", "review", "_stcore/upload_file/a/b", "thumb/x"):
        assert client.get(address + path).json() == [f"/{path}", address[:-1], str(other.path)]
    with client.websocket_connect(f"{address}_stcore/stream") as socket:
        assert socket.receive_json() == ["/_stcore/stream", address[3:-1]]
    assert client.get(address[:-1]).headers["location"] == address


def test_a_link_to_a_workspace_has_the_key_of_the_workspace(
    own: Path, other: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(other.path)
    assert workspace_address.key_of(tmp_path / "link") == workspace_address.key_of(other.path)
    (tmp_path / "own").symlink_to(own)
    assert workspace_address.address_of(tmp_path / "own") == "/"


def test_no_header_of_a_request_chooses_a_workspace(client: TestClient, own: Path, other: Workspace) -> None:
    workspace_address.address_of(other.path)
    forged = {HEADER: workspace_address.key_of(other.path)}
    assert client.get("/review", headers=forged).json()[2] == str(own)


def test_a_workspace_that_was_opened_before_the_server_started_is_known_by_the_list(
    client: TestClient, other: Workspace
) -> None:
    address = f"/w/{workspace_address.key_of(other.path)}/"
    assert client.get(address).status_code == 404
    recent_workspaces.note(other.path)
    assert client.get(address).json()[2] == str(other.path)
    recent_workspaces.remove(other.path)
    assert client.get(address).json()[2] == str(other.path)  # A tab is open on it.


def test_an_unknown_key_shows_no_other_workspace(client: TestClient, own: Path, other: Workspace) -> None:
    address = f"/w/{workspace_address.key_of(other.path)}/"
    for path in ("", "review", "thumb/" + "0" * 64, "_stcore/health"):
        answer = client.get(address + path)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
        assert "knows no workspace at this address" in answer.text
    with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)):
        client.websocket_connect(f"{address}_stcore/stream").__enter__()


@pytest.mark.parametrize("path", ["/w/", "/w/0123", "/w/0123456789AB/", "/w/0123456789abc/", "/w/../review"])
def test_what_is_no_key_is_an_address_like_any_other(client: TestClient, own: Path, path: str) -> None:
    assert client.get(path).json()[2] == str(own)


def test_a_workspace_outside_the_allowed_folders_is_not_opened(
    client: TestClient, own: Path, other: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = workspace_address.address_of(other.path)
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", str(tmp_path / "elsewhere"))
    assert client.get(address).status_code == 404
    assert client.get("/review").json()[2] == str(own)  # Whoever started the server chose this one.
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", f"{tmp_path / 'elsewhere'}{os.pathsep}{other.path}")
    assert client.get(address).status_code == 200


def test_images_are_those_of_the_workspace_of_the_address(
    own: Path, other: Workspace, draw: Callable[..., bytes]
) -> None:
    data = draw(3)
    inspected = inspection.inspect(data)
    images.store(other, inspected, data)
    with other.transaction() as connection:
        images.add(connection, inspected)
    inner = Starlette(
        routes=routes.build(lambda request: session.opened(workspace_address.of_request(request)))
    )
    client = TestClient(WorkspaceAddress(inner))
    address = workspace_address.address_of(other.path)
    assert client.get(f"{address}image/{inspected.digest}").content == data
    assert client.get(f"/image/{inspected.digest}").status_code == 404
    start = client.get(f"{address}overview", follow_redirects=False)
    assert start.headers["location"] == address


def test_the_links_of_a_missing_page_stay_in_the_workspace(other: Workspace) -> None:
    async def page(scope: object, receive: object, send: Callable[..., object]) -> None:
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"start"})

    client = TestClient(WorkspaceAddress(MissingPage(page, pages=["review"])))
    address = workspace_address.address_of(other.path)
    answer = client.get(f"{address}review/more")
    assert answer.status_code == 404
    assert f'href="{address}review"' in answer.text
    assert f'href="{address}"' in answer.text


def test_no_page_names_an_image_without_its_workspace() -> None:
    files = [*PROJECT_ROOT.glob("pages/*.py"), *PROJECT_ROOT.glob("peakid/web/**/*.*")]
    texts = {file.name: file.read_text() for file in files if file.suffix in (".py", ".js", ".css")}
    named = [name for name, text in texts.items() if re.search(r"/(thumb|image)/[{$]", text)]
    assert sorted(named) == ["elements.js", "routes.py", "workspace_address.py"]


def test_with_a_password_every_address_of_a_workspace_needs_the_login(
    other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_PASSWORD", "a long password")
    address = workspace_address.address_of(other.path)
    inner = WorkspaceAddress(Starlette(routes=[Route("/{path:path}", seen)]))
    client = TestClient(Guard(inner), base_url="http://localhost", follow_redirects=False)
    asked = client.get(f"{address}review", headers={"accept": "text/html"})
    assert asked.status_code == 303
    assert asked.headers["location"] == f"/login?{urlencode({'next': f'{address}review'})}"
    assert client.get(f"{address}thumb/{'0' * 64}").status_code == 401
    assert client.get("/w/0123456789ab/thumb/x").status_code == 401  # It does not say which keys are known.
    logged_in = client.post(
        "/login",
        data={"password": "a long password", "next": f"{address}review"},
        headers={"origin": "http://localhost"},
    )
    assert (logged_in.status_code, logged_in.headers["location"]) == (303, f"{address}review")
    assert client.get(f"{address}review").json()[2] == str(other.path)


def test_a_page_that_is_open_shows_no_other_workspace_when_the_settings_change(
    other: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace_address.address_of(other.path)
    scope = {"type": "http", "headers": [(HEADER.encode(), workspace_address.key_of(other.path).encode())]}
    assert workspace_address.of_request(Request(scope)) == other.path
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", str(tmp_path / "elsewhere"))
    with pytest.raises(BadInput, match="no longer opens"):
        workspace_address.of_request(Request(scope))
