"""A local web server whose answers a test scripts, with a log of what was asked."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """One response. `cut_at` closes the connection after so many bytes of the body."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    delay_s: float = 0.0


@dataclass
class Asked:
    path: str
    headers: Mapping[str, str]
    at: float


class Served:
    """`answer` returns the response to a request; it gets the number of earlier ones of its path."""

    def __init__(self, answer: Callable[[Asked, int], Answer]) -> None:
        self.asked: list[Asked] = []
        self.n_open = self.most_open = 0
        lock, served, counts = threading.Lock(), self, Counter[str]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, time.monotonic())
                with lock:
                    n_before = counts[self.path]
                    counts[self.path] += 1
                    served.asked.append(asked)
                    served.n_open += 1
                    served.most_open = max(served.most_open, served.n_open)
                try:
                    self._send(answer(asked, n_before))
                finally:
                    with lock:
                        served.n_open -= 1

            def _send(self, given: Answer) -> None:
                time.sleep(given.delay_s)
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                if given.status != 304:
                    self.send_header("Content-Length", str(len(given.body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(given.body[: given.cut_at])
                if given.cut_at is not None:
                    self.close_connection = True

            def log_message(self, *_arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def paths(self) -> list[str]:
        return [each.path for each in self.asked]

    @contextlib.contextmanager
    def running(self) -> Iterator["Served"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
