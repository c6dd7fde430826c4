"""URLs of others: only public addresses, within a size and a time, and a clear reason otherwise."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import anyio
import pytest
from pytest_socket import enable_socket

from peakid import checked_network, public_fetch
from peakid.errors import FetchFailed, PeakidError, UrlRefused
from tests.web import event_loop

LOCAL = "127.0.0.1"


def fetched(url: str, *, allows=checked_network.is_public, max_bytes: int = 1000, timeout_s: float = 5):
    return event_loop.run(public_fetch.fetch(url, max_bytes=max_bytes, timeout_s=timeout_s, allows=allows))


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        *((each, True) for each in ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1")),
        *((each, False) for each in ("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1")),
        *((each, False) for each in ("192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1")),
        *((each, False) for each in ("255.255.255.255", "192.0.0.170", "198.18.0.1", "240.0.0.1")),
        *((each, False) for each in ("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1")),
        *((each, False) for each in ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1")),
    ],
)
def test_addresses_of_this_machine_and_its_network_are_not_public(address, is_public):
    assert checked_network.is_public(address) is is_public


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/a", "not an http or https URL"),
        ("file:///etc/passwd", "not an http or https URL"),
        ("example.com/a", "not an http or https URL"),
        ("http://", "not an http or https URL"),
        ("http://example.com:0/", "not an http or https URL"),
        ("http://example.com:99999/", "not a URL"),
        ("http://[::1", "not a URL"),
        ("http://a b/", "printable"),
        ("http://example.com/\r\nHost: other", "printable"),
        ("http://example.com/" + "a" * 3000, "printable"),
        ("http://name:word@example.com/", "user name"),
        ("http://" + "a" * 80 + ".com/", "not a name"),
        ("http://127.0.0.1/", "not public"),
        ("http://[::1]:80/", "not public"),
        ("http://[::ffff:10.0.0.1]/", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
    ],
)
def test_what_is_no_public_url_is_refused_without_a_connection(url, words):
    with pytest.raises(UrlRefused, match=words):
        fetched(url)


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::1"]])
def test_a_name_is_refused_when_any_of_its_addresses_is_not_public(monkeypatch, addresses):
    async def resolved(host, port, *, type):
        return [(2, type, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(anyio, "getaddrinfo", resolved)
    with pytest.raises(UrlRefused, match="not public"):
        fetched("http://rebound.example/")


class Pages(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        type(self).asked.append(self.path)
        if self.path == "/photo":
            self.send_response(200)
            self.send_header("Content-Type", "image/png; charset=x")
            self.end_headers()
            self.wfile.write(b"picture")
        elif self.path.startswith("/to"):
            self.send_response(302)
            self.send_header("Location", self.path[3:] or "/photo")
            self.end_headers()
        elif self.path == "/loop":
            self.send_response(301)
            self.send_header("Location", "/loop")
            self.end_headers()
        elif self.path in ("/large", "/endless"):
            self.send_response(200)
            if self.path == "/large":
                self.send_header("Content-Length", "99999")
            self.end_headers()
            for _ in range(20):
                self.wfile.write(b"x" * 1000)
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(50):
                self.wfile.write(b"x")
                time.sleep(0.1)
        elif self.path == "/packed":
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
        else:
            self.send_error(404)

    def log_message(self, *args):
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """A small site on this machine."""
    enable_socket()
    server = ThreadingHTTPServer((LOCAL, 0), Pages)
    server.daemon_threads = True
    Pages.asked.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{LOCAL}:{server.server_port}"
    server.shutdown()
    server.server_close()


def local(address: str) -> bool:
    return address == LOCAL or checked_network.is_public(address)


@pytest.mark.slow
def test_a_photo_is_fetched_also_after_redirects(site):
    for path in ("/photo", "/to", "/to/to/photo", f"/to{site}/photo"):
        found = fetched(site + path, allows=local)
        assert (found.url, found.body, found.media_type) == (f"{site}/photo", b"picture", "image/png")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/nothing", FetchFailed, "status 404"),
        ("/loop", FetchFailed, "redirects more than 5 times"),
        ("/large", FetchFailed, "more than"),
        ("/endless", FetchFailed, "more than"),
        ("/slow", FetchFailed, "within 1 s"),
        ("/packed", FetchFailed, "compressed"),
        ("/tohttp://169.254.169.254/latest", UrlRefused, "not public"),
        ("/tohttp://127.0.0.2/photo", UrlRefused, "not public"),
        ("/tofile:///etc/passwd", UrlRefused, "http"),
    ],
)
def test_a_bad_answer_is_one_error(site, path, kind, words):
    with pytest.raises(kind, match=words):
        fetched(site + path, allows=local, timeout_s=1)


@pytest.mark.slow
def test_the_connection_goes_to_the_address_that_was_checked(site, monkeypatch):
    """The name leads to a public address first and to this machine when it is asked again."""
    answers = iter([["1.1.1.1"], [LOCAL]])
    port = int(site.rpartition(":")[2])

    async def resolved(host, port, *, type):
        return [(2, type, 6, "", (each, port)) for each in next(answers)]

    monkeypatch.setattr(anyio, "getaddrinfo", resolved)
    with pytest.raises(PeakidError):
        fetched(f"http://rebound.example:{port}/photo", timeout_s=1)
    assert Pages.asked == []
    assert next(answers) == [LOCAL]  # It was asked once only.
