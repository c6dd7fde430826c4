"""The guard gets requests as from a browser, a program and a hostile page."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from peakid.hosts import Host
from peakid.web.server.guard import Guard
from tests.web import event_loop

STREAM = "ws://127.0.0.1:8501/stream"
# What may pass the guard below, written independently of its parser.
_NAMES = r"(localhost|127\.0\.0\.1|peaks\.example)\.?|\[[0:]*:0{0,3}1\]"
OWN_HOST = re.compile(rf"(?ai)({_NAMES})(:\d{{1,5}})?|lab\.example\.?:0*8443")
OWN_ORIGIN = re.compile(rf"(?ai)https?://(({_NAMES})(:\d{{1,5}})?|lab\.example\.?:0*8443)")
LIKE_A_HOST = (
    r"(localhost|127\.0\.0\.1|peaks\.example|lab\.example|\[::1\]?|x@localhost|[.:@\[\]%a0]{0,4})"
    r"[.:]{0,2}(8501|8443|80|[0-9a:/@]{0,6})"
)


async def read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/", read, methods=["GET", "POST"]), WebSocketRoute("/stream", talk)])
    guard = Guard(app, allowed_hosts=["peaks.example", "lab.example:8443"], max_body_bytes=1000)
    return TestClient(guard, base_url="http://127.0.0.1:8501", raise_server_exceptions=False)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:8501", "localhost:8501", "[::1]:8501", "LOCALHOST", "[0:0::1]", "localhost.:8501"),
        *("peaks.example", "peaks.example:99", "PEAKS.example.", "lab.example:8443"),
    ],
)
def test_an_allowed_host_is_served(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example", "", "[::1", "peaks.example.evil.example"),
        *("localhost:abc", "localhost:", "localhost:0", "localhost:65536", "x@127.0.0.1", "127.0.0.1/x"),
        *("127.1", "0x7f.0.0.1", "[::1]x", "::1", "[::1%25lo]", "127.0.0.1, evil.example"),
    ],
)
def test_an_unknown_host_is_refused_with_the_remedy(client: TestClient, host: str) -> None:
    response = client.get("/", headers={"host": host})
    assert response.status_code == 403
    assert "PEAKID_ALLOWED_HOSTS" in response.text


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "http://127.0.0.1:9999", "null", "http://[::1", "http://127.0.0.1:abc", ""),
        *("http://x@127.0.0.1:8501", "http://127.0.0.1:8501/", "ftp://127.0.0.1:8501", "127.0.0.1:8501"),
        *("https://peaks.example:9999", "http://peaks.example:8501", "https://lab.example"),
    ],
)
def test_another_site_cannot_post(client: TestClient, origin: str) -> None:
    assert client.post("/", content=b"x", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8501"},
        {"origin": "https://peaks.example"},
        {"origin": "https://peaks.example:443"},
        {"origin": "https://lab.example:8443"},
        {"origin": "http://peaks.example:8501", "host": "peaks.example:8501"},
        {"origin": "https://peaks.example", "host": "Peaks.Example."},
    ],
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
        client.websocket_connect(STREAM, headers=headers),
    ):
        pass
    assert refused.value.code == 1008
    assert ("Unknown host" in refused.value.reason) == (headers["host"] == "evil.example")


def test_the_own_page_can_open_the_websocket(client: TestClient) -> None:
    with client.websocket_connect(
        STREAM, headers={"origin": "http://127.0.0.1:8501", "host": "127.0.0.1:8501"}
    ) as socket:
        assert socket.receive_text() == "hello"


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 1000).text == "1000"
    assert client.post("/", content=b"x" * 1001).status_code == 413


def test_a_body_without_declared_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    def post(n_bytes: int) -> int:
        return client.post("/", content=(b"x" for _ in range(n_bytes))).status_code  # Sent chunked.

    assert post(1000) == 200
    assert post(1001) != 200


def test_the_limit_of_a_body_is_told_in_megabytes() -> None:
    guard = Guard(Starlette(routes=[Route("/", read, methods=["POST"])]), max_body_bytes=5 * 2**20)
    client = TestClient(guard, base_url="http://127.0.0.1:8501")
    answer = client.post("/", content=b"x" * (5 * 2**20 + 1))
    assert (answer.status_code, "exceeds 5 MB." in answer.text) == (413, True)


@pytest.mark.parametrize("host", ["lab.example", "lab.example:443", "lab.example:8501"])
def test_a_host_allowed_with_a_port_is_served_at_that_port_only(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("name", ["host", "origin"])
def test_a_header_that_occurs_twice_is_refused(client: TestClient, name: str) -> None:
    value = {"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:8501"}[name]
    assert client.post("/", headers=[(name, value), (name, value)]).status_code == 403


def test_under_tls_a_page_without_tls_is_another_site(client: TestClient) -> None:
    headers = {"origin": "http://127.0.0.1:8501", "host": "127.0.0.1:8501"}
    assert client.post("https://127.0.0.1:8501/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("length", "status"), [("\u00b2", 200), ("9" * 5000, 413), ("-1", 200), ("1e3", 200)]
)
def test_a_malformed_length_of_the_body_is_no_error_of_the_server(
    client: TestClient, length: str, status: int
) -> None:
    headers = [(b"content-length", length.encode("latin-1"))]
    assert client.get("/", headers=headers).status_code == status


def test_every_response_has_the_security_headers(client: TestClient) -> None:
    for response in (client.get("/"), client.get("/", headers={"host": "evil.example"})):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'self'" in response.headers["content-security-policy"]


GUARD = Guard(Starlette(), allowed_hosts=["peaks.example", "lab.example:8443"], max_body_bytes=1000)


@settings(max_examples=200, deadline=None)
@given(
    host=st.text(max_size=60) | st.from_regex(LIKE_A_HOST, fullmatch=True),
    origin=st.text(max_size=60) | st.from_regex(rf"https?://{LIKE_A_HOST}", fullmatch=True),
    length=st.text(max_size=30),
)
def test_whatever_the_headers_say_nothing_raises_and_nothing_foreign_passes(
    host: str, origin: str, length: str
) -> None:
    raw = [("host", host), ("origin", origin), ("content-length", length), ("cookie", origin)]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "scheme": "http",
        "server": ("127.0.0.1", 8501),
        "headers": [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in raw],
    }
    connection = HTTPConnection(scope)
    is_accepted = GUARD._refusal(connection) is None
    GUARD._body_refusal(connection.headers)
    assert not is_accepted or (OWN_HOST.fullmatch(host) and OWN_ORIGIN.fullmatch(origin))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("https://peaks.example", "port"),
        ("*.example", "not a host name"),
        ("peaks.example:abc", "port"),
        ("::1", "brackets"),
        ("[::1", "not closed"),
        ("b\u00fccher.example", "xn--"),
        ("peaks.example/app", "not a host name"),
        ("good.example, bad..example", "bad..example"),
    ],
)
def test_an_allowed_host_that_could_never_match_ends_the_start_in_words(
    monkeypatch: pytest.MonkeyPatch, entries: str, reason: str
) -> None:
    monkeypatch.setenv("PEAKID_ALLOWED_HOSTS", entries)
    guard = Guard(Starlette())
    message = started(guard)
    assert message["type"] == "lifespan.startup.failed"
    assert "PEAKID_ALLOWED_HOSTS" in message["message"]
    assert reason in message["message"]
    answer = TestClient(guard, base_url="http://127.0.0.1:8501").get("/")
    assert (answer.status_code, "PEAKID_ALLOWED_HOSTS" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("address", "is_started"),
    [
        *[(each, True) for each in ("127.0.0.1", "127.0.0.2", "::1", "localhost", "::ffff:127.0.0.1")],
        *[(each, False) for each in (None, "", "0.0.0.0", "::", "192.0.2.7", "::ffff:0.0.0.0")],
    ],
)
def test_without_a_password_an_address_beyond_loopback_ends_the_start_with_the_way(
    monkeypatch: pytest.MonkeyPatch, address: str | None, is_started: bool
) -> None:
    monkeypatch.delenv("PEAKID_PASSWORD", raising=False)
    message = started(Guard(Starlette(), bound_address=lambda: address))
    assert message["type"] == ("lifespan.startup.complete" if is_started else "lifespan.startup.failed")
    assert is_started or "PEAKID_PASSWORD='a long password' peakid app --address" in message["message"]


@pytest.mark.parametrize(
    ("reached_at", "status"),
    [
        *[
            (each, 200)
            for each in (("127.0.0.1", 1), ("::1", 1), ("::ffff:127.0.0.1", 1), ("/s", None), None)
        ],
        *[(each, 403) for each in (("192.0.2.7", 1), ("2001:db8::1", 1), ("::ffff:192.0.2.7", 1), ("x", 1))],
    ],
)
def test_without_a_password_only_connections_to_loopback_are_served(
    reached_at: tuple[str, int | None] | None, status: int
) -> None:
    guard = Guard(Starlette(routes=[Route("/", read)]))

    async def as_if_reached(scope: Scope, receive: Receive, send: Send) -> None:
        await guard({**scope, "server": reached_at}, receive, send)

    answer = TestClient(as_if_reached, base_url="http://localhost:8501").get("/")
    assert answer.status_code == status
    assert status == 200 or "PEAKID_PASSWORD" in answer.text


def started(guard: Guard) -> Message:
    """Return what the guard answers to the start of the server."""
    sent: list[Message] = []
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        sent.append(message)

    event_loop.run(guard({"type": "lifespan", "state": {}}, receive, send))
    return sent[0]


def test_allowed_hosts_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEAKID_ALLOWED_HOSTS", "Peaks.example, lab.example")
    assert Guard(Starlette()).own_hosts == {Host("peaks.example"), Host("lab.example")}
