"""A server on this machine that answers as the Hugging Face Hub documents it: repositories, commits, files.

It has the part of its HTTP interface that pushing and pulling need, with faults that a test chooses.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pytest_socket import enable_socket

WRITER, READER = "hf_stub_writer", "hf_stub_reader"
LARGE = (".onnx", ".safetensors")  # Stored apart, as the Hub does with large files.


@dataclass
class Repository:
    """`commits` has (revision, files by name), the newest last."""

    is_private: bool
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    def commit(self, files: dict[str, bytes]) -> str:
        merged = {**(self.commits[-1][1] if self.commits else {}), **files}
        revision = hashlib.sha1(repr((len(self.commits), sorted(merged))).encode()).hexdigest()
        self.commits.append((revision, merged))
        return revision

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1] if self.commits else ("0" * 40, {})
        return next((each for each in self.commits if each[0] == revision), None)


@dataclass
class StubHub:
    """What the server has, and what it was asked for.

    Attributes:
        faults: By a part of a path: the status to answer with, "cut" to end a download in the middle each
            time, or "cut once".
        altered: By name: what a file has in place of what was pushed.
        asked: (method, path, Authorization) of every request.
    """

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, int | str] = field(default_factory=dict)
    altered: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, name: str, files: dict[str, bytes], *, is_private: bool = False) -> str:
        self.repositories[name] = Repository(is_private)
        return self.repositories[name].commit(files)


@contextlib.contextmanager
def serving() -> Iterator[StubHub]:
    """Yield a running server without repositories."""
    enable_socket()
    hub = StubHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfThisHub", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: StubHub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.hub.asked.append((self.command, path, self.headers.get("Authorization", "")))
        fault = next((each for part, each in self.hub.faults.items() if part in path), None)
        if isinstance(fault, int):
            self._send(fault, b'{"error": "planted"}', {"Retry-After": "7"} if fault == 429 else {})
        elif match := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/([^/]+))?", path):
            self._info(match[1], match[2] or "main")
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif match := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)/preupload/main", path):
            self._preupload(json.loads(body))
        elif match := re.fullmatch(r"/([\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch", path):
            self._batch(json.loads(body))
        elif match := re.fullmatch(r"/stored/([0-9a-f]{64})", path):
            self.hub.stored[match[1]] = body
            self._send(200, b"")
        elif match := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)/commit/main", path):
            self._commit(match[1], body)
        elif match := re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", path):
            self._file(match[1], match[2], match[3], fault)
        else:
            self._send(404, b"{}")

    @property
    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _readable(self, name: str) -> Repository | None:
        """Return a repository that this login may read; otherwise answer as the Hub does."""
        found = self.hub.repositories.get(name)
        if self._token and self._token not in (WRITER, READER):
            self._send(401, b'{"error": "Invalid credentials"}')
        elif found is None or (found.is_private and not self._token):
            self._send(404 if self._token else 401, b'{"error": "Repository not found"}')
        else:
            return found
        return None

    def _info(self, name: str, revision: str) -> None:
        if (found := self._readable(name)) is None:
            return
        at = found.at(revision)
        if at is None:
            self._send(404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [
            {"rfilename": each, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
            for each, content in at[1].items()
        ]
        self._json(
            {"id": name, "modelId": name, "private": found.is_private, "sha": at[0], "siblings": siblings}
        )

    def _create(self, asked: dict[str, Any]) -> None:
        if self._token != WRITER:
            self._send(403 if self._token == READER else 401, b'{"error": "no right"}')
            return
        name = f"{asked['organization']}/{asked['name']}"
        is_private = asked.get("visibility") == "private" or asked.get("private") is True
        self.hub.repositories.setdefault(name, Repository(is_private))
        self._json({"url": f"{self.hub.url}/{name}", "name": name})

    def _preupload(self, asked: dict[str, Any]) -> None:
        if self._token != WRITER:
            self._send(403, b'{"error": "no right"}')
            return
        files = [
            {
                "path": each["path"],
                "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for each in asked["files"]
        ]
        self._json({"files": files})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {
                "oid": each["oid"],
                "size": each["size"],
                "actions": {"upload": {"href": f"{self.hub.url}/stored/{each['oid']}", "header": {}}},
            }
            for each in asked["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, body: bytes) -> None:
        files = {}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
        revision = self.hub.repositories[name].commit(files)
        url = f"{self.hub.url}/{name}/commit/{revision}"
        self._json({"success": True, "commitOid": revision, "commitUrl": url, "pullRequestUrl": None})

    def _file(self, name: str, revision: str, file: str, fault: int | str | None) -> None:
        if (found := self._readable(name)) is None:
            return
        at = found.at(revision)
        if at is None or file not in at[1]:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = self.hub.altered.get(file, at[1][file])
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        sent = content[start:]
        headers = {"X-Repo-Commit": at[0], "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if self.command == "GET" and str(fault).startswith("cut"):
            if fault == "cut once":
                self.hub.faults = {part: each for part, each in self.hub.faults.items() if each != fault}
            headers["Content-Length"] = str(len(sent))
            self._send(206 if start else 200, sent[: len(sent) // 2], headers)
            self.close_connection = True
            return
        self._send(206 if start else 200, sent, headers)

    def _json(self, document: object) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        every = {"Content-Length": str(len(content)), **(headers or {})}
        self.send_response(status)
        for name, value in every.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self.wfile.write(content)
