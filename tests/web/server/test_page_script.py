"""The script is in every HTML page, before those of Streamlit, and in nothing else."""

import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from peakid.web.server.page_script import PageScript

PAGE = "<!DOCTYPE html><html><head><script src=own.js></script></head><body>é</body></html>"


@pytest.fixture
def client() -> TestClient:
    def page(request: Request) -> Response:
        headers = {"ETag": '"1"', "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT"}
        is_known = request.headers.get("if-none-match") == '"1"'
        return Response(status_code=304) if is_known else HTMLResponse(PAGE, headers=headers)

    def streamed(request: Request) -> Response:
        return StreamingResponse(iter([PAGE[:20], PAGE[20:]]), media_type="text/html")

    def error(request: Request) -> Response:
        return HTMLResponse(PAGE, status_code=404)

    def packed(request: Request) -> Response:
        return Response(b"packed", media_type="text/html", headers={"Content-Encoding": "br"})

    def text(request: Request) -> Response:
        return PlainTextResponse("<head>")

    routes = [Route(f"/{each.__name__}", each) for each in (page, streamed, error, packed, text)]
    packing = GZipMiddleware(Starlette(routes=routes), minimum_size=10)  # As Streamlit has one.
    client = TestClient(PageScript(packing, script="first()"))
    client.headers["accept"] = "text/html,*/*"
    return client


@pytest.mark.parametrize("path", ["/page", "/streamed"])
def test_a_page_runs_the_script_first(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"If-None-Match": '"1"'})
    assert answer.text == PAGE.replace("<head>", "<head><script>first()</script>")
    assert int(answer.headers["content-length"]) == len(answer.content)
    # A page that is asked for again is whole: "not modified" would keep one with another script.
    assert not {"etag", "last-modified"} & set(answer.headers)


@pytest.mark.parametrize("path", ["/error", "/text"])
def test_anything_else_is_left_as_it_is(client: TestClient, path: str) -> None:
    assert "first()" not in client.get(path).text


def test_a_compressed_page_is_left_as_it_is(client: TestClient) -> None:
    with client.stream("GET", "/packed") as answer:
        assert b"".join(answer.iter_raw()) == b"packed"


def test_a_head_request_is_left_as_it_is(client: TestClient) -> None:
    assert client.head("/page").headers["etag"] == '"1"'


def test_a_request_that_shows_no_page_is_left_as_it_is(client: TestClient) -> None:
    assert client.get("/page", headers={"accept": "application/json"}).headers["etag"] == '"1"'


def test_a_page_names_the_scripts_that_it_will_need_once() -> None:
    def page(request: Request) -> Response:
        return HTMLResponse('<html><head><link rel="modulepreload" href="./known.js"></head></html>')

    app = Starlette(routes=[Route("/page", page)])
    client = TestClient(
        PageScript(app, script="", modules=lambda path, query: ["./known.js", f".{path}.js", query])
    )
    answer = client.get("/page?tab=trust", headers={"accept": "text/html"})
    assert answer.text.count("known.js") == 1
    assert answer.text.endswith(
        '<link rel="modulepreload" crossorigin href="./page.js">'
        '<link rel="modulepreload" crossorigin href="tab=trust"></head></html>'
    )


def test_a_font_that_the_app_does_not_use_is_not_loaded() -> None:
    font = '<link\n rel="preload"\n href="./a.woff2"\n as="font"\n crossorigin\n/>'

    def page(request: Request) -> Response:
        return HTMLResponse(f'<html><head>{font}<link rel="preload" href="./b.js" as="script"></head></html>')

    client = TestClient(PageScript(Starlette(routes=[Route("/page", page)]), script=""))
    answer = client.get("/page", headers={"accept": "text/html"})
    assert answer.text == (
        '<html><head><script></script><link rel="preload" href="./b.js" as="script"></head></html>'
    )
