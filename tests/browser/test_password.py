"""The password on the real server: every kind of address, upload and websocket, and a person in Chromium."""

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from peakid.resources import PROJECT_ROOT
from peakid.store import status
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from peakid.web import navigation
from peakid.web.gallery import scripts
from peakid.web.server.password import LIFETIME_S, Sessions, read_secret
from tests.browser.conftest import Server

pytestmark = pytest.mark.slow

PASSWORD = "correct horse"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
PAGES = [page.name for page in navigation.PAGES]


@pytest.fixture(scope="module")
def protected(
    empty_workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[tuple[Server, bytes]]:
    """One server with a password for the whole table, and the secret of its cookies."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEAKID_PASSWORD", PASSWORD)
        patch.setenv("XDG_STATE_HOME", str(state))
        folder = shutil.copytree(empty_workspace, state / "workspace")
        server = Server(workspaces.create(folder))
        server.start()
        yield server, read_secret(state / "peakid")
        server.stop()


def cookie(protected: tuple[Server, bytes], kind: str) -> dict[str, str]:
    server, secret = protected
    secret_unknown = Sessions(PASSWORD, b"another secret, also of 32 bytes")
    expired = Sessions(PASSWORD, secret, now=lambda: time.time() - LIFETIME_S - 1)
    made = {"valid": Sessions(PASSWORD, secret), "forged": secret_unknown, "expired": expired}
    return {"Cookie": f"peakid_session_{server.port}={made[kind].issue()}"} if kind in made else {}


def request(server: Server, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


UPLOAD = "/_stcore/upload_file/00000000-0000-0000-0000-000000000000/1"
TABLE = [  # Method, path, headers, answer without a valid cookie, answer with one.
    *[("GET", f"/{page}", NAVIGATION, 303, 200) for page in PAGES if page != "overview"],
    ("GET", "/", NAVIGATION, 303, 200),
    ("GET", "/overview", NAVIGATION, 303, 307),
    ("GET", "/review/x/y", NAVIGATION, 303, 404),
    ("GET", "/nothing", NAVIGATION, 303, 404),
    ("GET", "/", {}, 401, 200),
    ("GET", f"/thumb/{'0' * 64}", {}, 401, 404),
    ("GET", f"/image/{'0' * 64}", {}, 401, 404),
    ("GET", f"/script/{scripts.version()}/gallery.js", {}, 401, 200),
    ("GET", "/_stcore/health", {}, 401, 200),
    ("GET", "/_stcore/script-health-check", {}, 401, 404),  # Off by default.
    ("GET", "/_stcore/metrics", {}, 401, 200),
    ("GET", "/_stcore/host-config", {}, 401, 200),
    ("POST", "/_stcore/agent/mcp", {}, 401, 400),
    ("GET", "/manifest.json", {}, 401, 200),
    ("GET", "/favicon.png", {}, 401, 200),
    ("GET", "/index.html", NAVIGATION, 303, 200),
    ("GET", "/media/abc.png", {}, 401, 404),
    ("GET", "/component/x/index.html", NAVIGATION, 303, 404),
    ("PUT", UPLOAD, {}, 401, 403),  # Streamlit asks for its own token, against forged requests.
    ("DELETE", UPLOAD, {}, 401, 403),
    ("GET", "/login/", NAVIGATION, 303, 301),
    ("GET", "/%6Cogin", {}, 200, 303),
]


@pytest.mark.parametrize("kind", ["none", "forged", "expired", "valid"])
@pytest.mark.parametrize(("method", "path", "headers", "outside", "inside"), TABLE)
def test_nothing_is_served_without_a_valid_cookie_but_the_form(
    protected: tuple[Server, bytes],
    kind: str,
    method: str,
    path: str,
    headers: dict[str, str],
    outside: int,
    inside: int,
) -> None:
    answer = request(protected[0], method, path, headers | cookie(protected, kind))
    assert answer == (inside if kind == "valid" else outside)


@pytest.mark.parametrize("kind", ["none", "forged", "expired", "valid"])
def test_the_websocket_opens_with_a_valid_cookie_only(protected: tuple[Server, bytes], kind: str) -> None:
    server = protected[0]
    options = {"additional_headers": cookie(protected, kind), "subprotocols": ["streamlit"]}
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    if kind == "valid":
        with connect(address, **options) as socket:  # ty: ignore[invalid-argument-type]
            assert (
                request(server, "GET", "/logout", {"Cookie": options["additional_headers"]["Cookie"]}) == 303
            )
            with pytest.raises(ConnectionClosed) as closed:
                list(iter(lambda: socket.recv(timeout=20), None))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(address, **options)  # ty: ignore[invalid-argument-type]
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(("scheme", "is_secure"), [("https", True), ("http", False)])
def test_behind_a_proxy_with_tls_the_cookie_is_secure(
    protected: tuple[Server, bytes], scheme: str, is_secure: bool
) -> None:
    server = protected[0]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {
        "Origin": f"{scheme}://127.0.0.1:{server.port}",
        "X-Forwarded-Proto": scheme,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/login", "password=correct+horse&next=/review", headers)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (303, "/review")
    assert ("; Secure" in answer.headers["Set-Cookie"]) == is_secure


@pytest.mark.parametrize(
    "command",
    [
        ["streamlit", "run", "streamlit_app.py", "--server.address", "0.0.0.0", "--server.port", "0"],
        ["peakid", "--workspace", "{workspace}", "app", "--address", "0.0.0.0"],
    ],
)
def test_the_app_does_not_start_on_every_address_without_a_password(
    workspace: Workspace, command: list[str]
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PEAKID_PASSWORD"}
    ended = subprocess.run(
        [sys.executable, "-m", *(part.format(workspace=workspace.path) for part in command)],
        cwd=PROJECT_ROOT,
        env={**environment, "PEAKID_WORKSPACE": str(workspace.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "PEAKID_PASSWORD='a long password' peakid app --address 0.0.0.0" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_person_logs_in_judges_with_keys_and_logs_out(
    server: Server,
    page: Page,
    workspace: Workspace,
    fill: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    fill(river=3, sea=2)
    monkeypatch.setenv("PEAKID_PASSWORD", PASSWORD)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    page.goto(f"{server.start()}/review?queue=unreviewed")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This is not the password.")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/review?queue=unreviewed*")
    page.locator(".tile").first.wait_for()
    page.keyboard.type("12")
    expect(page.locator(".status .count")).to_have_text("2 of 5 \u00b7 all saved")
    assert status.read(workspace).n_reviewed == 2
    other = page.context.new_page()
    other.goto(f"{server.address}/overview")
    expect(other.get_by_role("link", name="Log out")).to_be_visible()
    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(other.get_by_role("dialog")).to_contain_text("Log in first: reload this page")
    other.goto(f"{server.address}/review")
    expect(other.get_by_label("Password")).to_be_focused()
