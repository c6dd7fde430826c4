"""The guard gets requests as from a browser, a program and a hostile page."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from peakid.web.guard import Guard


async def read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/", read, methods=["GET", "POST"]), WebSocketRoute("/stream", talk)])
    guard = Guard(app, allowed_hosts=["peaks.example"], max_body_bytes=1000)
    return TestClient(guard, base_url="http://127.0.0.1:8501", raise_server_exceptions=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8501", "localhost:8501", "[::1]:8501", "LOCALHOST", "peaks.example"]
)
def test_an_allowed_host_is_served(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "peaks.example.evil.example"]
)
def test_an_unknown_host_is_refused_with_the_remedy(client: TestClient, host: str) -> None:
    response = client.get("/", headers={"host": host})
    assert response.status_code == 403
    assert "PEAKID_ALLOWED_HOSTS" in response.text


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null"])
def test_another_site_cannot_post(client: TestClient, origin: str) -> None:
    assert client.post("/", content=b"x", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:8501"}, {"origin": "https://peaks.example"}]
)
def test_the_own_page_and_programs_can_post(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/", content=b"x", headers=headers).text == "1"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example", "host": "127.0.0.1:8501"},
        {"origin": "http://127.0.0.1:9999", "host": "127.0.0.1:8501"},
        {"origin": "null", "host": "127.0.0.1:8501"},
        {"origin": "http://127.0.0.1:8501", "host": "evil.example"},
    ],
)
def test_another_site_cannot_open_the_websocket(client: TestClient, headers: dict[str, str]) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("/stream", headers=headers),
    ):
        pass
    assert refused.value.code == 1008
    assert ("Unknown host" in refused.value.reason) == (headers["host"] == "evil.example")


def test_the_own_page_can_open_the_websocket(client: TestClient) -> None:
    with client.websocket_connect(
        "/stream", headers={"origin": "http://127.0.0.1:8501", "host": "127.0.0.1:8501"}
    ) as socket:
        assert socket.receive_text() == "hello"


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 1000).text == "1000"
    assert client.post("/", content=b"x" * 1001).status_code == 413


def test_a_body_without_declared_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    chunks = (b"x" * 400 for _ in range(4))  # 1600 bytes, sent chunked.
    assert client.post("/", content=chunks).status_code != 200


def test_every_response_has_the_security_headers(client: TestClient) -> None:
    for response in (client.get("/"), client.get("/", headers={"host": "evil.example"})):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'self'" in response.headers["content-security-policy"]


def test_allowed_hosts_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEAKID_ALLOWED_HOSTS", "Peaks.example, lab.example")
    assert Guard(Starlette()).own_hosts == {"peaks.example", "lab.example"}
