"""A prediction server in a process of its own, and raw connections to it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from peakid.resources import PROJECT_ROOT

LOCAL, OTHER = "127.0.0.1", "127.0.0.2"
# The second address of this machine stands for the public internet. `rebound.example` leads there at first
# and to the first address when it is asked again; `mixed.example` leads to both.
SCRIPT = f"""
import itertools, json, sys
from pathlib import Path
import anyio
from peakid.serve.http import app, connections
from peakid.serve.http.limits import Limits
from peakid.serve.http.options import ServerOptions

resolve, asked = anyio.getaddrinfo, itertools.count()

async def resolved(host, port, *, type):
    if host == "mixed.example":
        return [(2, type, 6, "", (each, port)) for each in ("{OTHER}", "{LOCAL}")]
    if host == "rebound.example":
        return [(2, type, 6, "", ("{OTHER}" if next(asked) == 0 else "{LOCAL}", port))]
    return await resolve(host, port, type=type)

anyio.getaddrinfo = resolved
limits = Limits(**json.loads(sys.argv[3]))
opened = app.open_model(Path(sys.argv[1]), ServerOptions(limits=limits, allows=lambda ip: ip == "{OTHER}"))
connections.run(opened.application, opened.stopping, address="{LOCAL}", port=int(sys.argv[2]), limits=limits)
"""


class ServerProcess:
    """A server with the given limits. Its output goes to `log`, temporary files would go to `temporary`."""

    def __init__(self, export: Path, folder: Path, **limits: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log, self.temporary = folder / "server.log", folder / "temporary"
        self.temporary.mkdir()
        with socket.socket() as probe:
            probe.bind((LOCAL, 0))
            self.port = int(probe.getsockname()[1])
        environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TMPDIR": str(self.temporary)}
        arguments = [str(export), str(self.port), json.dumps(limits)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *arguments],
            env=environment,
            cwd=self.temporary,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 60
        while not self.is_healthy():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        """Whether it answers."""
        try:
            return self.get("/health")[0] == 200
        except OSError:
            return False

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str]]:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: bytes, media_type: str = "image/jpeg") -> tuple[int, dict[str, object]]:
        return self._ask("POST", path, body, {"Content-Type": media_type})

    def predict(self, photo: bytes) -> dict[str, object]:
        """Return the prediction for one photo."""
        status, document = self.post("/predict", photo)
        assert status == 200, document
        return document["predictions"][0]

    def connect(self) -> socket.socket:
        connection = socket.create_connection((LOCAL, self.port))
        connection.settimeout(30)
        return connection

    def memory_mb(self) -> float:
        """Return its memory, with that of the process in which it decodes."""
        own = psutil.Process(self.process.pid)
        return sum(each.memory_info().rss for each in [own, *own.children(recursive=True)]) / 2**20

    def stop(self) -> int:
        """Stop it as a service manager does, and return how it ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def _ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection(LOCAL, self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()


def answer(connection: socket.socket) -> bytes:
    """Read until the server has closed the connection, or a whole answer with a length is there."""
    read = b""
    while True:
        head, separator, body = read.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if separator and lengths and len(body) >= int(lengths[0].partition(b":")[2]):
            return read
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return read
        if not part:
            return read
        read += part


def status(read: bytes) -> int:
    """Return the status of an answer, 0 where there is none."""
    return int(read.split(b" ", 2)[1]) if read else 0
