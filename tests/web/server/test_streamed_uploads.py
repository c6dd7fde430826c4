"""A large upload is written to disk while it arrives; Streamlit gets a token, and the script the file."""

import errno
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from peakid.errors import BadInput, WorkspaceError
from peakid.store.workspace import Workspace
from peakid.web import uploads
from peakid.web.server import streamed_uploads
from peakid.web.server.streamed_uploads import STREAMED_BYTES, StreamedUploads

LARGE = bytes(range(256)) * (STREAMED_BYTES // 256 + 1)
ADDRESS = "/_stcore/upload_file/session-1/file-1"


class Streamlit:
    """What Streamlit does with an upload: it keeps its bytes, or refuses it."""

    def __init__(self) -> None:
        self.status = 204
        self.seen: list[tuple[str | None, str | None, bytes]] = []

    async def put(self, request: Request) -> Response:
        if self.status != 204:
            return Response(status_code=self.status)
        async with request.form() as form:
            uploaded = [each for each in form.values() if isinstance(each, UploadFile)]
            self.seen += [(each.filename, each.content_type, await each.read()) for each in uploaded]
        return JSONResponse(request.headers["x-xsrftoken"])

    async def delete(self, _request: Request) -> Response:
        return Response(status_code=204)

    def script_upload(self) -> Any:
        """Return the last upload as a script sees it."""
        name, _, data = self.seen[-1]
        upload = io.BytesIO(data)
        upload.name = name  # ty: ignore[unresolved-attribute] - as Streamlit's own class has it.
        return upload


@pytest.fixture
def streamlit() -> Streamlit:
    return Streamlit()


@pytest.fixture
def open_sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    found = {"session-1", "session-2"}
    monkeypatch.setattr(streamed_uploads, "_is_open", found.__contains__)
    yield found
    found.clear()
    streamed_uploads._close(lambda _each: True)


@pytest.fixture
def client(streamlit: Streamlit, open_sessions: set[str], tmp_path: Path) -> TestClient:
    routes = [
        Route("/_stcore/upload_file/{session}/{file}", streamlit.put, methods=["PUT"]),
        Route("/_stcore/upload_file/{session}/{file}", streamlit.delete, methods=["DELETE"]),
    ]
    app = StreamedUploads(Starlette(routes=routes), folder=lambda _request: tmp_path / "uploads")
    return TestClient(app, headers={"x-xsrftoken": "abc"})


def put(client: TestClient, data: bytes, *, name: str = "photos.zip", address: str = ADDRESS) -> Any:
    return client.put(address, files={"file": (name, data, "application/zip")})


def n_open() -> int:
    return len(streamed_uploads._received)


@pytest.mark.parametrize("name", ["photos.zip", "Höhe ü.zip", 'a"b.zip', "山.zip", "a;b=c.zip"])
def test_streamlit_gets_a_token_under_the_same_name_and_the_script_the_file(
    client: TestClient, streamlit: Streamlit, workspace: Workspace, name: str
) -> None:
    small = put(client, b"small", name=name)
    large = put(client, LARGE, name=name)
    assert (small.status_code, large.status_code, large.json()) == (200, 200, "abc")
    assert [each[:2] for each in streamlit.seen] == [streamlit.seen[0][:2]] * 2
    assert streamlit.seen[0][1:] == ("application/zip", b"small")
    assert len(streamlit.seen[1][2]) < 100
    upload = streamlit.script_upload()
    assert uploads.content(upload) == LARGE
    assert uploads.content(upload) == LARGE  # A second run of the script reads it again.
    assert uploads.kept(workspace, upload, "").read_bytes() == LARGE


def test_a_file_is_closed_when_its_upload_is_discarded_or_its_session_ends(
    client: TestClient, streamlit: Streamlit, open_sessions: set[str]
) -> None:
    put(client, LARGE)
    upload = streamlit.script_upload()
    client.delete(ADDRESS)
    assert n_open() == 0
    with pytest.raises(BadInput, match="no longer there") as caught:
        uploads.content(upload)
    assert caught.value.remedy == "Upload the file again."
    put(client, LARGE, address="/_stcore/upload_file/session-2/file-2")
    put(client, LARGE)
    assert n_open() == 2
    open_sessions.remove("session-2")
    put(client, LARGE, address="/_stcore/upload_file/session-1/file-3")
    assert {each.session_id for each in streamed_uploads._received.values()} == {"session-1"}


@pytest.mark.parametrize("status", [400, 403, 413])
def test_an_upload_that_streamlit_refuses_is_not_kept(
    client: TestClient, streamlit: Streamlit, status: int
) -> None:
    streamlit.status = status
    assert put(client, LARGE).status_code == status
    assert n_open() == 0


def test_an_upload_of_no_open_session_is_left_to_streamlit(client: TestClient, streamlit: Streamlit) -> None:
    put(client, LARGE, address="/_stcore/upload_file/unknown/file-1")
    assert streamlit.seen[0][2] == LARGE
    assert n_open() == 0


@pytest.mark.parametrize("address", ["/", "/_stcore/upload_file", "/media/file-1"])
def test_other_requests_pass_as_they_are(client: TestClient, address: str) -> None:
    assert put(client, LARGE, address=address).status_code == 404


def boundary_body(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
    return b"".join(head + part + b"\r\n" for part in parts) + end


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", LARGE),
        ("", LARGE),
        ("multipart/form-data", LARGE),
        ("multipart/form-data; boundary=x", LARGE),
        ("multipart/form-data; boundary=x", boundary_body(LARGE, end=b"")),
        ("multipart/form-data; boundary=x", boundary_body(LARGE, b"second")),
        ("multipart/form-data; boundary=x", b"--x--\r\n" + bytes(STREAMED_BYTES)),
        ("multipart/form-data; boundary=" + "x" * 10_000, LARGE),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a: b\r\n" * 1_000_000),
    ],
)
def test_a_body_that_is_not_one_file_is_refused_and_leaves_nothing(
    client: TestClient, streamlit: Streamlit, content_type: str, body: bytes
) -> None:
    answer = client.put(ADDRESS, content=body, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert answer.text
    assert (streamlit.seen, n_open()) == ([], 0)


@pytest.mark.usefixtures("open_sessions")
def test_more_than_the_limit_is_refused_in_words_without_a_length_too(
    client: TestClient, streamlit: Streamlit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_uploads.st, "get_option", lambda _name: 2)  # MB
    answers = [put(client, LARGE)]
    body = boundary_body(LARGE)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    answers.append(client.put(ADDRESS, content=pieces, headers=headers))
    for answer in answers:
        assert answer.status_code == 413
        assert "larger than 2 MB. Enter the path" in answer.text
    assert (streamlit.seen, n_open()) == ([], 0)


def test_a_full_disk_and_a_missing_workspace_are_refused_in_words(
    streamlit: Streamlit, open_sessions: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_sessions

    def gone(_request: Request) -> Path:
        raise WorkspaceError("There is no workspace in /photos.", "Create it.")

    def full(**_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folders: list[tuple[Callable[[Request], Path], int, str]] = [
        (gone, 503, "There is no workspace in /photos."),
        (lambda _request: tmp_path, 507, "No space left on device"),
    ]
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    for folder, status, text in folders:
        answer = put(TestClient(StreamedUploads(Starlette(), folder=folder)), LARGE)
        assert answer.status_code == status
        assert text in answer.text


def test_a_small_file_that_looks_like_a_token_is_no_other_upload(
    client: TestClient, streamlit: Streamlit
) -> None:
    put(client, b"peakid-upload:" + b"0" * 32)
    with pytest.raises(BadInput, match="no longer there"):
        uploads.content(streamlit.script_upload())
