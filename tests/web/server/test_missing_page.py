"""Addresses that are no page."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from peakid.web.server.missing_page import MissingPage


async def start_page(request: Request) -> HTMLResponse:
    """Respond as Streamlit does at every address that it does not know."""
    return HTMLResponse("<html>the app</html>")


async def image(request: Request) -> PlainTextResponse:
    return PlainTextResponse("an image")


@pytest.fixture
def client() -> TestClient:
    routes = [Route("/thumb/{digest}", image), Route("/{path:path}", start_page)]
    return TestClient(MissingPage(Starlette(routes=routes), pages=["overview", "review"]))


@pytest.mark.parametrize(
    "path", ["/review/x/y", "/review/x", "/reviews", "/a/review", "/_stcore/x", "/%3Cb%3E", "/..%2freview/x"]
)
def test_an_unknown_address_is_a_404_in_words(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no page at " in answer.text
    assert '<a href="/">Open the overview</a>' in answer.text
    assert "the app" not in answer.text
    assert "<b>" not in answer.text


def test_an_address_cannot_turn_the_writing_direction(client: TestClient) -> None:
    assert "There is no page at /zq\\u202egpj.exe." in client.get("/zq%E2%80%AEgpj.exe").text


def test_below_a_page_the_answer_leads_to_it(client: TestClient) -> None:
    assert '<a href="/review">Open Review</a>' in client.get("/review/x/y").text


@pytest.mark.parametrize(
    "path",
    ["/", "/review", "/review/", "/overview", "/thumb/abc", "/component/grid/index.html"],
)
def test_pages_images_and_the_files_of_streamlit_stay_as_they_are(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200
