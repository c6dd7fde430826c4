"""Bodies that come slowly, in parts or not at all: each gets its status, and the limit is kept."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from peakid.serve.http import limits
from peakid.serve.http.limits import Limits
from tests.web import event_loop

FORM = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\npicture\r\n--x--\r\n'


def read(parts, media_type: str, **chosen):
    """Read the uploads of a body in parts; None stands for a client that sends no more."""
    left = iter(parts)

    async def receive():
        part = next(left, b"")
        if part is None:
            await asyncio.sleep(60)
        if part == "gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": part != b""}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", media_type.encode())]}
    return event_loop.run(limits.read_uploads(Request(scope, receive), Limits(**chosen)))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_form_may_arrive_in_parts_of_any_size(size):
    parts = [FORM[start : start + size] for start in range(0, len(FORM), size)]
    [upload] = read(parts, "multipart/form-data; boundary=x")
    assert (upload.name, upload.content) == ("a.png", b"picture")


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x", "image/png"])
def test_a_client_that_stops_sending_is_told_after_a_while(media_type):
    with pytest.raises(HTTPException) as caught:
        read([FORM[:20], None], media_type, body_s=0.05)
    assert (caught.value.status_code, "within 0.05 s" in caught.value.detail) == (408, True)


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x", "image/png"])
def test_an_upload_that_is_cut_off_is_an_error(media_type):
    with pytest.raises(HTTPException) as caught:
        read([FORM[:20], "gone"], media_type)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x", "image/png"])
def test_an_endless_body_is_read_up_to_its_limit(media_type):
    def endless():
        yield FORM[:70]
        while True:
            yield b"x" * 1000

    with pytest.raises(HTTPException) as caught:
        read(endless(), media_type, max_body_bytes=5000)
    assert (caught.value.status_code, "exceeds" in caught.value.detail) == (413, True)
