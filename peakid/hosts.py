"""Parse `host[:port]` by one strict rule: in a Host header, in an Origin and in a setting."""

import ipaddress
import re
import socket
from dataclasses import dataclass

MAX_CHARS = 300  # A name has at most 253 (RFC 1035).
DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # How browsers recognise a name that ends like an IPv4 address.
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True)
class Host:
    """A name or address in lower case, without brackets and without a dot at the end, and a port."""

    name: str
    port: int | None = None


@dataclass(frozen=True)
class Origin:
    """Where a page came from, as browsers send it: scheme (http or https), name and port."""

    scheme: str
    host: Host

    @property
    def port(self) -> int:
        return self.host.port or DEFAULT_PORTS[self.scheme]


def parse(text: str) -> Host:
    """Return the host that a text names: a name, an IPv4 address or an IPv6 address in brackets.

    Raises:
        ValueError: If it is anything else; the message completes "it does not fit: ...".
    """
    if not text or len(text) > MAX_CHARS:
        raise ValueError("it is empty" if not text else f"it has over {MAX_CHARS} characters")
    if not text.isascii():
        raise ValueError("it has letters outside ASCII; write the form that begins with xn--")
    name, port = _split(text.lower())
    return Host(_ipv6(name[1:-1]) if name.startswith("[") else _name(name.removesuffix(".")), port)


def parse_origin(text: str) -> Origin:
    """Return the origin that a header names.

    Raises:
        ValueError: If it is not `http://` or `https://` and a host, such as `null`.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in DEFAULT_PORTS:
        raise ValueError("it does not begin with http:// or https://")
    return Origin(scheme, parse(rest))


def is_loopback(address: str) -> bool:
    """Return whether what listens on an address can be reached from this machine only.

    A name counts as what it resolves to. An empty address means all addresses.
    """
    try:
        return bool(address) and _is_loopback_ip(address)
    except ValueError:
        pass
    if address == "localhost":  # Resolved by every system to loopback only (RFC 6761).
        return True
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # UnicodeError, a ValueError: a label that is too long.
        return False
    return all(is_loopback_name(str(each[4][0])) for each in found)


def is_loopback_name(address: str) -> bool:
    """Return whether an address is one of the loopback interface, or `localhost`, without resolving names."""
    try:
        return address == "localhost" or _is_loopback_ip(address)
    except ValueError:
        return False


def _is_loopback_ip(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _split(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        name, bracket, rest = text.partition("]")
        if not bracket:
            raise ValueError("its bracket is not closed")
        name, colon, port = f"{name}]", rest[:1], rest[1:]
        if rest and colon != ":":
            raise ValueError("only a port may follow the bracket")
    else:
        if text.count(":") > 1:
            raise ValueError("an IPv6 address must be in brackets")
        name, colon, port = text.partition(":")
    if not colon:
        return name, None
    if not _PORT.fullmatch(port) or not 0 < int(port) < 2**16:
        raise ValueError("its port is not a number from 1 to 65535")
    return name, int(port)


def _ipv6(text: str) -> str:
    try:
        if "%" in text:  # A zone, which means something on one machine only.
            raise ValueError(text)
        return ipaddress.IPv6Address(text).compressed
    except ValueError as error:
        raise ValueError("what is in brackets is not an IPv6 address") from error


def _name(text: str) -> str:
    labels = text.split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("it is not a host name, such as photos.example or 192.168.0.5")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError as error:
            raise ValueError("it is not an IPv4 address of four numbers") from error
    return text
