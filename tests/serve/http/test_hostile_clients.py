"""Hostile clients of a real server process: each gets a clear status, and the others are answered."""

import contextlib
import io
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest
from PIL import Image
from pytest_socket import enable_socket

from tests import hostile_images
from tests.serve.http.server_process import LOCAL, OTHER, ServerProcess, answer, status

pytestmark = pytest.mark.slow

HEAD = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
GB = 2**30
HEADER_S, BODY_S = 2.0, 2.0
PRIVATE = (
    *(LOCAL, "169.254.169.254", "[::1]", "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "127.1"),
    *("0", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "localhost", "10.0.0.1"),
    *("localhost.", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "127.0.0.1.", "[::]", "[fe80::1]"),
)


def photo(colour: tuple[int, int, int] = (200, 30, 20), size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture(scope="module")
def started() -> Iterator[dict[str, ServerProcess]]:
    """The servers of this module by name."""
    servers: dict[str, ServerProcess] = {}
    yield servers
    for each in servers.values():
        each.stop()


@pytest.fixture
def server(started: dict[str, ServerProcess], colour_export: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """The server of this module. After each test it must answer as before."""
    enable_socket()
    if "shared" not in started:
        started["shared"] = ServerProcess(
            colour_export,
            tmp_path / "server",
            **{"header_s": HEADER_S, "body_s": BODY_S, "drain_s": 1.0, "max_connections": 600},
        )
    server = started["shared"]
    assert server.predict(photo())["label"] == "red"
    began_mb = server.memory_mb()
    yield server
    assert server.process.poll() is None, server.log.read_text()
    assert server.predict(photo())["label"] == "red"
    assert waited(lambda: server.memory_mb() < began_mb + 100), (began_mb, server.memory_mb())


def waited(is_so: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_body_of_a_gigabyte_is_refused_before_it_is_sent(server):
    with server.connect() as connection:
        connection.sendall(f"{HEAD}Content-Length: {GB}\r\n\r\n".encode())
        assert status(answer(connection)) == 413


def test_an_endless_body_in_chunks_is_refused_at_its_limit(server):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    n_sent = 0
    with server.connect() as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            while n_sent < GB:
                connection.sendall(chunk)
                n_sent += len(chunk)
        assert n_sent < GB // 2
        assert status(answer(connection)) in (0, 408, 413)  # 0: reset while it was still sending.


def test_a_header_without_end_is_refused(server):
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(b"X-Long: " + b"x" * 1000 + b"\r\n")
        assert status(answer(connection)) in (0, 400, 431)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (partial(hostile_images.png, 40_000, 40_000, channels=1, bits=1, n_rows=1), "pixels"),
        (partial(hostile_images.png, 30_000, 30_000, channels=3, bits=8, n_rows=1), "pixels"),
        (partial(hostile_images.png, 14_000, 14_000, channels=4, bits=8, n_rows=14_000, value=200), "memory"),
        (b"This is a text, whatever its name says.", "not a known image format"),
        (photo(size=(800, 600))[:900], "cannot be decoded"),
        (b"", "0 bytes"),
    ],
    ids=["40,000 px", "too many pixels", "bomb", "text", "cut", "empty"],
)
def test_a_photo_that_cannot_be_read_says_why(server, bad, words):
    bad = bad() if callable(bad) else bad
    assert words in str(server.predict(bad)["error"])
    code, document = server.post("/upload", bad)
    assert code == 422
    assert words in document["message"]


def test_uploads_that_are_cut_off_leave_nothing(server):
    for length in (0, 10, 5000):
        with server.connect() as connection:
            connection.sendall(f"{HEAD}Content-Length: 100000\r\n\r\n".encode() + b"x" * length)
    assert waited(lambda: 'path="/predict",status="400"' in metrics(server))


def metrics(server: ServerProcess) -> str:
    with server.connect() as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return answer(connection).decode()


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=", b"--\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 5000 + b"\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="f"; filename="'),
        ("multipart/form-data; boundary=x; charset=nothing", b"--x\r\n\xff: \xfe\r\n\r\n\x00"),
        ("multipart/form-data; boundary=" + "x" * 3000, b"--" + b"x" * 3000),
        ("application/json", b'{"file": 1}'),
        ("", b"x"),
    ],
)
def test_a_malformed_form_is_an_error_of_its_client(server, media_type, body):
    for path in ("/predict", "/upload", "/occlusion"):
        code, document = server.post(path, body, media_type)
        assert code in (400, 415), document
        assert document["message"]


@pytest.mark.parametrize(
    "line", [b"\x00\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03"]
)
def test_what_is_no_http_is_refused(server, line):
    with server.connect() as connection:
        connection.sendall(line + b"x" * 100)
        assert status(answer(connection)) in (0, 400, 408)


def test_only_its_own_names_are_served(server):
    for host in ("evil.example", f"{LOCAL}.evil.example", "", "localhost@evil.example"):
        assert server.get("/health", Host=host)[0] == 403
        assert server.get("/model", Host=host)[0] == 403


class Site(BaseHTTPRequestHandler):
    """Redirects to whatever its path names, and notes every request."""

    asked: ClassVar[list[str]] = []

    def do_GET(self):
        type(self).asked.append(f"{self.server.server_address[0]}{self.path}")
        target = self.path.removeprefix("/to/")
        if target == self.path:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(photo((10, 40, 220)))
        else:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site() -> Iterator[int]:
    """Return the port of a site at both addresses of this machine; only one of them counts as public."""
    enable_socket()
    Site.asked.clear()
    public = ThreadingHTTPServer((OTHER, 0), Site)
    private = ThreadingHTTPServer((LOCAL, public.server_port), Site)
    for each in (public, private):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    yield public.server_port
    for each in (public, private):
        each.shutdown()
        each.server_close()


def classify(server: ServerProcess, url: str) -> tuple[int, dict[str, str]]:
    return server.get(f"/classify-url?url={quote(url, safe='')}")


def test_urls_lead_to_public_addresses_only(server, site):
    assert classify(server, f"http://{OTHER}:{site}/photo")[1]["prediction"] == "blue"
    Site.asked.clear()
    for host in PRIVATE:
        code, document = classify(server, f"http://{host}:{site}/photo")
        # An address in a form that this system does not resolve is a failure of the fetch.
        assert (code, document["error"]) in ((400, "UrlRefused"), (502, "FetchFailed")), host
    assert Site.asked == []


def test_redirects_and_names_that_change_lead_to_public_addresses_only(server, site):
    code, document = classify(server, f"http://{OTHER}:{site}/to/http://{OTHER}:{site}/photo")
    assert (code, document.get("prediction")) == (200, "blue")
    Site.asked.clear()
    for host in PRIVATE[:5]:
        target = f"http://{host}:{site}/secret"
        assert classify(server, f"http://{OTHER}:{site}/to/{target}")[0] in (400, 502), host
    assert classify(server, f"http://{OTHER}:{site}/to/file:///etc/passwd")[0] == 400
    assert classify(server, f"http://mixed.example:{site}/secret")[0] == 400
    # Checked and connected once: the second answer of the resolver is for the next request.
    assert classify(server, f"http://rebound.example:{site}/first")[1]["prediction"] == "blue"
    assert classify(server, f"http://rebound.example:{site}/secret")[0] == 400
    assert not [each for each in Site.asked if "secret" in each and "/to/" not in each]
    assert not [each for each in Site.asked if each.startswith(LOCAL)]


def test_clients_that_send_a_header_byte_by_byte_lose_their_connection(server):
    began = time.monotonic()
    slow = [server.connect() for _ in range(100)]
    ended: list[float] = []

    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for byte in HEAD * 50:
                connection.sendall(byte.encode())
                time.sleep(0.2)
        ended.append(time.monotonic() - began)

    with ThreadPoolExecutor(100) as pool:
        for connection in slow:
            pool.submit(drip, connection)
        while len(ended) < len(slow):
            assert server.predict(photo((10, 40, 220)))["label"] == "blue"
            assert time.monotonic() - began < 30
    for connection in slow:
        connection.close()


def test_clients_that_send_a_body_slowly_are_told_while_others_are_answered(server):
    slow = [server.connect() for _ in range(300)]
    for connection in slow:
        connection.sendall(f"{HEAD}Content-Length: 5000\r\n\r\n".encode() + b"\xff\xd8")
    assert server.predict(photo((10, 40, 220)))["label"] == "blue"
    assert {status(answer(connection)) for connection in slow} == {408}
    for connection in slow:
        connection.close()


def test_a_thousand_idle_connections_take_nothing_from_others(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1500:
        pytest.skip(f"This machine allows {hard} open files.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1500), hard))
    idle = [server.connect() for _ in range(1000)]
    assert server.predict(photo((10, 40, 220)))["label"] == "blue"
    assert [connection.recv(1) for connection in idle] == [b""] * 1000  # All are closed in the end.
    for connection in idle:
        connection.close()


def test_uploads_are_neither_stored_nor_logged(server, tmp_path):
    secret = b"very-secret-name"
    large = hostile_images.png(3000, 2000, channels=3, bits=8, n_rows=2000, value=90) + b"\x00" * 3 * 2**20
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="' + secret + b'.png"\r\n\r\n'
    for body in (large, b"no picture"):
        code, _ = server.post("/predict", head + body + b"\r\n--x--\r\n", "multipart/form-data; boundary=x")
        assert code == 200
    server.get(f"/classify-url?url=http://{LOCAL}/{secret.decode()}")
    server.get(f"/{secret.decode()}")
    assert list(server.temporary.rglob("*")) == []
    assert secret.decode() not in server.log.read_text()
    assert secret.decode() not in metrics(server)


def test_a_stop_answers_what_is_in_flight_and_refuses_what_still_arrives(colour_export, tmp_path):
    enable_socket()
    server = ServerProcess(colour_export, tmp_path / "server")
    large = photo((10, 40, 220), (6000, 4000))
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="1"\r\n\r\n' + large + b"\r\n"
        for _ in range(8)
    )
    length = len(body) + len("--x--\r\n")
    with server.connect() as predicted, server.connect() as arriving, server.connect():
        form = HEAD.replace("image/jpeg", "multipart/form-data; boundary=x")
        predicted.sendall(f"{form}Content-Length: {length}\r\n\r\n".encode() + body + b"--x--\r\n")
        arriving.sendall(f"{HEAD}Content-Length: 5000\r\n\r\n".encode() + b"\xff\xd8")
        assert waited(lambda: "peakid_photos_in_work 8.0" in metrics(server))
        server.process.terminate()
        refused, answered = answer(arriving), answer(predicted)
    assert status(refused) == 503
    assert b"being stopped" in refused
    assert status(answered) == 200
    assert answered.count(b'"blue"') >= 8
    assert server.stop() in (0, -15)
    with pytest.raises(OSError):
        server.connect()
