"""Bodies that come slowly, in parts or not at all: each gets its status, and the limit is kept."""

import asyncio
import contextlib

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from peakid.serve.http import limits
from peakid.serve.http.batching import TooBusy
from peakid.serve.http.limits import Limits, Room
from peakid.serve.http.stopping import Stopped, Stopping
from tests.web import event_loop

FORM = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\npicture\r\n--x--\r\n'


def read(parts, media_type: str, *, stops_after_s: float | None = None, **chosen):
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
    allowed, stopping = Limits(**chosen), Stopping()

    async def reading():
        if stops_after_s is not None:
            asyncio.get_running_loop().call_later(stops_after_s, stopping.begin)
        with Room(allowed.max_held_bytes).share() as take:
            return await limits.read_form(
                Request(scope, receive),
                allowed,
                take,
                lambda arrival: stopping.arriving(arrival, limit_s=allowed.body_s),
            )

    return event_loop.run(reading())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_form_may_arrive_in_parts_of_any_size(size):
    parts = [FORM[start : start + size] for start in range(0, len(FORM), size)]
    [upload] = read(parts, "multipart/form-data; boundary=x").files
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


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x", "image/png"])
def test_a_body_that_still_arrives_when_the_server_stops_is_refused(media_type):
    with pytest.raises(Stopped):
        read([FORM[:20], None], media_type, stops_after_s=0.02)


def test_the_bodies_of_all_requests_together_are_limited():
    with pytest.raises(TooBusy):
        read([b"x" * 600, b"x" * 600], "image/png", max_held_bytes=1000)


def test_what_a_request_held_is_free_again_also_after_an_error():
    room = Room(10)
    with room.taken(6), contextlib.suppress(TooBusy), room.share() as take:
        take(3)
        take(3)
        pytest.fail("12 of 10 were taken.")
    assert room.n_used == 0


def test_texts_beside_the_files_are_read_and_names_are_printable():
    text = b'--x\r\nContent-Disposition: form-data; name="class_name"\r\n\r\nsea\r\n'
    name = b'--x\r\nContent-Disposition: form-data; name="f"; filename="+2AA-"\r\n\r\n1\r\n--x--\r\n'
    form = read([text + name], "multipart/form-data; boundary=x; charset=utf-7")
    assert form.fields == {"class_name": "sea"}
    assert form.files[0].name.encode()  # Half of a character could not be encoded.
