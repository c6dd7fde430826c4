"""Connections to addresses that were checked: names are resolved here, so that no name can change between."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import cast

import anyio
import httpcore2

from peakid.errors import UrlRefused

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PUBLIC_ONLY = "Only addresses of the public internet are fetched."


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet, also when another one is embedded in it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if embedded is None and ip in _NAT64:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if embedded is not None:
            return is_public(str(embedded))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves names itself and connects to addresses that `allows` accepts.

    Raises:
        UrlRefused: From `connect_tcp`, if a name leads to an address that is not allowed.
    """

    def __init__(self, allows: Callable[[str], bool]) -> None:
        self._allows: Callable[[str], bool] = allows
        # Typed as a union with what stands for it where anyio is missing.
        self._inner = cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await _addresses(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"the name {host[:100]!r} is not known") from error
        # One bad address among good ones is how a name is rebound.
        if refused := next((each for each in addresses if not self._allows(each)), None):
            raise UrlRefused(f"{host[:100]!r} leads to {refused}, which is not public.", _PUBLIC_ONLY)
        problem: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore2.ConnectError(f"{host[:100]!r} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise UrlRefused("A URL cannot name a socket file.", _PUBLIC_ONLY)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def _addresses(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, each once."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:  # A name; also 0x7f000001 and other ways to write an address.
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
