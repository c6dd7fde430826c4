"""The proxy of the browser forwards requests and tunnels to allowed addresses, and refuses all others."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from pytest_socket import enable_socket

from peakid.acquire.sources.browsing.checked_proxy import CheckedProxy
from tests.web.event_loop import run

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"


@pytest.fixture(autouse=True)
def _with_sockets() -> None:
    enable_socket()


@asynccontextmanager
async def proxied(
    got: list[bytes], allows: Callable[[str], bool] = lambda address: address == "127.0.0.1"
) -> AsyncIterator[tuple[CheckedProxy, int, int]]:
    """Run a proxy before a server that answers every request with a page; yield it and both ports."""

    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            got.append(await stream.receive())
            await stream.send(PAGE)

    proxy = CheckedProxy(allows)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        port = await tasks.start(proxy.serve)
        yield proxy, port, listener.extra(anyio.abc.SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def asked(port: int, head: bytes, then: bytes = b"") -> bytes:
    """Send a request to the proxy, and more once it has answered; return all that came."""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(head)
        received = b""
        with anyio.fail_after(5):
            try:
                while True:
                    received += await stream.receive()
                    if then and received.endswith(b"\r\n\r\n"):
                        await stream.send(then)
                        then = b""
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return received


def within(work: Callable[[CheckedProxy, int, int], Awaitable[None]]) -> list[bytes]:
    """Run work with a proxy; return what the server behind it got."""
    got: list[bytes] = []

    async def test() -> None:
        async with proxied(got) as given:
            await work(*given)

    run(test())
    return got


def test_a_request_is_forwarded_without_what_is_meant_for_the_proxy() -> None:
    async def work(proxy: CheckedProxy, port: int, server: int) -> None:
        head = (
            f"GET http://127.0.0.1:{server}/a?b#c HTTP/1.1\r\nHost: 127.0.0.1\r\nProxy-Connection: keep-alive"
        )
        assert await asked(port, f"{head}\r\nProxy-Authorization: Basic x\r\n\r\n".encode()) == PAGE

    [got] = within(work)
    assert got == b"GET /a?b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def test_a_tunnel_passes_bytes_as_they_are() -> None:
    async def work(proxy: CheckedProxy, port: int, server: int) -> None:
        answer = await asked(port, f"CONNECT 127.0.0.1:{server} HTTP/1.1\r\n\r\n".encode(), b"\x16\x03TLS")
        assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n" + PAGE

    assert within(work) == [b"\x16\x03TLS"]


@pytest.mark.parametrize("place", ["10.0.0.1", "127.0.0.2", "[::1]", "169.254.169.254", "0x7f000002"])
def test_what_is_not_allowed_is_refused_and_remembered(place: str) -> None:
    async def work(proxy: CheckedProxy, port: int, server: int) -> None:
        for head in (f"GET http://{place}/ HTTP/1.1", f"CONNECT {place}:443 HTTP/1.1"):
            assert (await asked(port, f"{head}\r\n\r\n".encode())).startswith(b"HTTP/1.1 403")
        assert ["not public" in str(each) for each in proxy.refused] == [True, True]

    assert within(work) == []


def test_requests_that_name_no_place_and_servers_that_are_not_there() -> None:
    async def work(proxy: CheckedProxy, port: int, server: int) -> None:
        for head in (
            "GET / HTTP/1.1", "GET https://127.0.0.1/ HTTP/1.1", "GET file:///etc/passwd HTTP/1.1", "GET",
            "CONNECT 127.0.0.1 HTTP/1.1", "CONNECT 127.0.0.1:0 HTTP/1.1", "CONNECT a@127.0.0.1:1 HTTP/1.1",
        ):  # fmt: skip
            assert (await asked(port, f"{head}\r\n\r\n".encode())).startswith(b"HTTP/1.1 400"), head
        free = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        closed = free.extra(anyio.abc.SocketAttribute.local_port)
        await free.aclose()
        answer = await asked(port, f"GET http://127.0.0.1:{closed}/ HTTP/1.1\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 502")
        assert await asked(port, b"x" * 70_000 + b"\r\n\r\n") == b""
        assert not proxy.refused

    assert within(work) == []
