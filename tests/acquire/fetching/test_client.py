"""The client repeats what passes, gives up on what does not, and keeps within sizes, paces and refusals."""

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest
from pytest_socket import enable_socket

from peakid.acquire.fetching.client import Client, ClientOptions, NotFetched, Response
from peakid.acquire.fetching.pace import Pace
from peakid.errors import UrlRefused
from tests.acquire.fetching.served import Answer, Asked, Served
from tests.web import event_loop

OPTIONS = ClientOptions(
    pace=Pace(per_s=1000, n_at_once=8), allows=lambda _: True, first_wait_s=0.01, timeout_s=0.5
)
PICTURE = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def _with_sockets() -> None:
    enable_socket()


def fetched(
    answer: Callable[[Asked, int], Answer],
    path: str = "/a.jpg",
    options: ClientOptions = OPTIONS,
    **more: object,
) -> tuple[Response | Exception, Served]:
    """Fetch one URL; return the response or the error, and the server."""

    async def get(url: str) -> Response | Exception:
        async with Client(options) as client:
            try:
                return await client.get(url, max_bytes=20_000, **more)
            except Exception as error:
                return error

    with Served(answer).running() as served:
        return event_loop.run(get(served.url + path)), served


def test_a_picture_arrives_with_its_type_and_the_client_names_itself() -> None:
    options = replace(OPTIONS, contact="https://example.org/photos")
    found, served = fetched(
        lambda _asked, _n: Answer(PICTURE, headers={"Content-Type": "image/jpeg; x=1"}), options=options
    )
    assert (found.body, found.media_type, found.status) == (PICTURE, "image/jpeg", 200)
    assert served.asked[0].headers["user-agent"] == "Peakid (+https://example.org/photos)"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_error_is_repeated(status: int) -> None:
    found, served = fetched(lambda _asked, n: Answer(PICTURE) if n == 2 else Answer(status=status))
    assert (found.body, len(served.asked)) == (PICTURE, 3)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "gone"), (410, "gone"), (401, "refused_by_server"), (403, "refused_by_server")],
)
def test_a_refusal_is_not_repeated(status: int, reason: str) -> None:
    found, served = fetched(lambda _asked, _n: Answer(status=status))
    assert (found.reason, found.is_passing, len(served.asked)) == (reason, False, 1)
    assert f"status {status}" in found.message


def test_attempts_end_without_a_line_for_each(caplog: pytest.LogCaptureFixture) -> None:
    found, served = fetched(lambda _asked, _n: Answer(status=500))
    assert not [record for record in caplog.records if record.name.startswith("stamina")]
    assert (found.reason, found.is_passing, len(served.asked)) == ("unreachable", True, 4)


@pytest.mark.slow
def test_retry_after_is_waited_for_and_a_long_one_ends_it() -> None:
    wait = {"Retry-After": "1"}
    found, served = fetched(lambda _asked, n: Answer(PICTURE) if n else Answer(status=429, headers=wait))
    assert found.body == PICTURE
    assert served.asked[1].at - served.asked[0].at >= 0.99
    found, served = fetched(lambda _asked, _n: Answer(status=503, headers={"Retry-After": "3600"}))
    assert (found.is_passing, len(served.asked)) == (False, 1)
    assert "3,600 s" in found.message


def test_a_body_that_was_cut_is_continued_where_it_ended() -> None:
    headers = {"Accept-Ranges": "bytes", "ETag": '"one"'}

    def answer(asked: Asked, n: int) -> Answer:
        if n == 0:
            return Answer(PICTURE, headers=headers, cut_at=4000)
        begin = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
        span = f"bytes {begin}-{len(PICTURE) - 1}/{len(PICTURE)}"
        return Answer(PICTURE[begin:], 206, headers | {"Content-Range": span})

    found, served = fetched(answer)
    assert (found.body, found.status) == (PICTURE, 200)
    assert 0 < int(served.asked[1].headers["range"].removeprefix("bytes=").rstrip("-")) <= 4000
    assert served.asked[1].headers["if-range"] == '"one"'


def test_without_a_validator_or_with_another_body_it_begins_anew() -> None:
    found, served = fetched(lambda _asked, n: Answer(PICTURE, cut_at=None if n else 4000))
    assert found.body == PICTURE
    assert "range" not in served.asked[1].headers
    headers = {"Accept-Ranges": "bytes", "ETag": '"one"'}
    other = PICTURE[::-1]
    found, _ = fetched(
        lambda _asked, n: Answer(other) if n else Answer(PICTURE, headers=headers, cut_at=4000)
    )
    assert found.body == other


def test_a_wrong_part_is_never_joined() -> None:
    headers = {"Accept-Ranges": "bytes", "ETag": '"one"'}

    def answer(_asked: Asked, n: int) -> Answer:
        if n == 0:
            return Answer(PICTURE, headers=headers, cut_at=4000)
        wrong = headers | {"Content-Range": f"bytes 9000-{len(PICTURE) - 1}/{len(PICTURE)}"}
        return Answer(PICTURE[9000:], 206, wrong) if n == 1 else Answer(PICTURE)

    found, served = fetched(answer)
    assert (found.body, len(served.asked)) == (PICTURE, 3)


def test_a_body_over_the_limit_ends_it_with_and_without_a_length() -> None:
    found, served = fetched(lambda _asked, _n: Answer(bytes(20_001)))
    assert (found.reason, len(served.asked)) == ("too_large", 1)


@pytest.mark.parametrize(
    "header",
    [
        ("X-Robots-Tag", "noai"),
        ("X-Robots-Tag", "noindex, NoImageAI"),
        ("X-Robots-Tag", "peakid: noai"),
        ("TDM-Reservation", "1"),
    ],
)
def test_what_opts_out_of_training_is_not_kept(header: tuple[str, str]) -> None:
    found, _ = fetched(lambda _asked, _n: Answer(PICTURE, headers=dict([header])))
    assert found.reason == "opted_out"
    assert header[0] in found.message


@pytest.mark.parametrize(
    "header", [("X-Robots-Tag", "noindex"), ("TDM-Reservation", "0"), ("X-Other", "noai")]
)
def test_other_rules_do_not_opt_out(header: tuple[str, str]) -> None:
    found, _ = fetched(lambda _asked, _n: Answer(PICTURE, headers=dict([header])))
    assert found.body == PICTURE


def test_an_unchanged_body_is_not_sent_again() -> None:
    found, _ = fetched(lambda _asked, _n: Answer(status=304), headers={"If-None-Match": '"one"'})
    assert (found.status, found.body) == (304, b"")


def test_redirects_are_followed_and_end() -> None:
    def answer(asked: Asked, _n: int) -> Answer:
        return Answer(PICTURE) if asked.path == "/end" else Answer(status=302, headers={"Location": "/end"})

    assert fetched(answer)[0].url.endswith("/end")
    found, served = fetched(lambda _asked, _n: Answer(status=301, headers={"Location": "/a.jpg"}))
    assert (found.reason, len(served.asked)) == ("gone", 6)


def test_a_token_is_not_sent_to_another_server_that_a_redirect_names() -> None:
    seen = list[str | None]()

    def answer(asked: Asked, _n: int) -> Answer:
        seen.append(asked.headers.get("authorization"))
        port = asked.headers["host"].partition(":")[2]
        places = {"/a.jpg": "/b.jpg", "/b.jpg": f"http://localhost:{port}/c.jpg", "/c.jpg": "/d.jpg"}
        if asked.path in places:
            return Answer(status=302, headers={"Location": places[asked.path]})
        return Answer(PICTURE)

    fetched(answer, headers={"Authorization": "Bearer secret"})
    assert seen == ["Bearer secret", "Bearer secret", None, None]


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:1/", "http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd"]
)
def test_neither_a_url_nor_a_redirect_reaches_this_network(place: str) -> None:
    async def get() -> None:
        async with Client() as client:
            await client.get(place, max_bytes=10)

    with pytest.raises(UrlRefused):
        event_loop.run(get())
    begin: list[str] = []
    options = replace(OPTIONS, allows=lambda address: not begin.append(address) and len(begin) == 1)
    found, served = fetched(
        lambda _asked, _n: Answer(status=302, headers={"Location": place}), options=options
    )
    assert isinstance(found, UrlRefused)
    assert len(served.asked) == 1


def test_a_server_that_does_not_answer_and_one_that_is_not_there() -> None:
    found, _ = fetched(
        lambda _asked, _n: Answer(PICTURE, delay_s=0.8), options=replace(OPTIONS, n_attempts=1)
    )
    assert (found.reason, found.is_passing) == ("unreachable", True)
    assert "in time" in found.message

    async def get() -> Exception:
        async with Client(replace(OPTIONS, n_attempts=2)) as client:
            with pytest.raises(NotFetched) as caught:
                await client.get("http://127.0.0.1:9/", max_bytes=10)
            return caught.value

    assert event_loop.run(get()).reason == "unreachable"


def test_a_host_is_asked_at_its_pace_and_by_few_at_once() -> None:
    options = replace(OPTIONS, pace=Pace(per_s=50, n_at_once=2))

    async def get_all(url: str) -> None:
        async with Client(options) as client, anyio.create_task_group() as group:
            for n in range(10):
                group.start_soon(lambda n=n: client.get(f"{url}/{n}", max_bytes=20_000))

    with Served(lambda _asked, _n: Answer(PICTURE, delay_s=0.01)).running() as served:
        event_loop.run(get_all(served.url))
    times = sorted(each.at for each in served.asked)
    assert times[-1] - times[0] >= 9 / 50 * 0.95
    assert served.most_open <= 2


def test_no_cookie_is_sent_back() -> None:
    _, served = fetched(
        lambda _asked, n: Answer(PICTURE) if n else Answer(status=500, headers={"Set-Cookie": "a=b; Path=/"})
    )
    assert "cookie" not in served.asked[1].headers
