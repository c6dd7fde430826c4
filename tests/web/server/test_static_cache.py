"""What never changes is read once; what is private, partial or may change is asked for each time."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from peakid.web.server.static_cache import StaticCache

IMMUTABLE = {"Cache-Control": "public, immutable, max-age=31536000"}


@pytest.fixture
def served() -> list[str]:
    """The paths that reached the app."""
    return []


@pytest.fixture
def client(served: list[str]) -> TestClient:
    def respond(request: Request) -> Response:
        served.append(request.url.path)
        name = request.path_params["name"]
        body = name.encode() * 100
        if name == "streamed":
            return StreamingResponse(iter([body[:7], body[7:]]), headers=IMMUTABLE)
        if name == "script":
            headers = {**IMMUTABLE, "Vary": "Accept-Encoding"}
            if "gzip" in request.headers.get("accept-encoding", ""):
                return Response(gzip.compress(body), headers={**headers, "Content-Encoding": "gzip"})
            return Response(body, headers=headers)
        headers = {
            "file": IMMUTABLE,
            "private": {"Cache-Control": "private, immutable, max-age=31536000"},
            "page": {"Cache-Control": "no-cache"},
            "login": {**IMMUTABLE, "Set-Cookie": "a=b"},
            "by-language": {**IMMUTABLE, "Vary": "Accept-Language"},
            "missing": IMMUTABLE,
        }[name]
        return Response(body, status_code=404 if name == "missing" else 200, headers=headers)

    app = Starlette(routes=[Route("/{name}", respond, methods=["GET", "POST"])])
    return TestClient(StaticCache(app, max_bytes=2000))


@pytest.mark.parametrize("name", ["file", "streamed", "script"])
def test_an_immutable_file_is_read_once(client: TestClient, served: list[str], name: str) -> None:
    first, second = client.get(f"/{name}"), client.get(f"/{name}")
    assert second.content == first.content == name.encode() * 100
    assert second.headers == first.headers
    assert served == [f"/{name}"]


def test_a_browser_without_gzip_does_not_receive_gzip(client: TestClient, served: list[str]) -> None:
    client.get("/script")
    plain = client.get("/script", headers={"Accept-Encoding": "identity"})
    assert plain.content == b"script" * 100
    assert "content-encoding" not in plain.headers
    assert len(served) == 2


@pytest.mark.parametrize("name", ["private", "page", "login", "by-language", "missing"])
def test_any_other_response_is_made_each_time(client: TestClient, served: list[str], name: str) -> None:
    client.get(f"/{name}")
    client.get(f"/{name}")
    assert len(served) == 2


@pytest.mark.parametrize("header", ["Range", "If-None-Match"])
def test_part_of_a_file_and_a_check_reach_the_app(client: TestClient, served: list[str], header: str) -> None:
    client.get("/file")
    client.get("/file", headers={header: "bytes=0-3"})
    client.post("/file")
    client.get("/file?version=2")
    assert len(served) == 4


def test_what_no_longer_fits_is_still_served(client: TestClient, served: list[str]) -> None:
    for name in ("streamed", "streamed", "script", "file", "script"):  # 800, 600 as plain text, 400.
        found = client.get(f"/{name}", headers={"Accept-Encoding": "identity"})
        assert found.content == name.encode() * 100
    small = TestClient(StaticCache(client.app.app, max_bytes=100))  # type: ignore[attr-defined]
    for _ in range(2):
        assert small.get("/file").content == b"file" * 100
    assert served[-2:] == ["/file", "/file"]


def test_a_body_that_does_not_fit_is_not_collected() -> None:
    """Its parts are sent on as they come: many downloads at once must not fill the memory."""

    def parts() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(2**20)

    async def large(scope, receive, send):
        await StreamingResponse(parts(), headers=IMMUTABLE)(scope, receive, send)

    n_bytes = 0

    async def send(message):
        nonlocal n_bytes
        n_bytes += len(message.get("body", b""))

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/large",
        "headers": [],
        "asgi": {"spec_version": "2.4"},
    }
    cache = StaticCache(large, max_bytes=4 * 2**20)
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(1) as pool:  # Browser tests of the same process have a loop in this thread.
            pool.submit(lambda: asyncio.run(cache(scope, None, send))).result()  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n_bytes == 64 * 2**20
    assert peak < 16 * 2**20


def test_headers_added_on_the_way_are_not_added_twice(served: list[str], client: TestClient) -> None:
    async def adding(scope, receive, send):
        async def sending(message):
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-added", b"1"))
            await send(message)

        await client.app(scope, receive, sending)

    outer = TestClient(adding)
    for _ in range(3):
        assert outer.get("/file").headers.get_list("x-added") == ["1"]
