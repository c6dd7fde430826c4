"""The login: what is served with which cookie, the cookie itself, wrong passwords, and the secret."""

import asyncio
import logging
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from peakid.web.server import login, password
from peakid.web.server.guard import Guard
from peakid.web.server.login import Login
from peakid.web.server.password import LIFETIME_S, Attempts, Sessions, TooManyAttempts
from tests.web import event_loop

ADDRESS = "http://127.0.0.1:8501"
STREAM = "ws://127.0.0.1:8501/stream"
PASSWORD = "correct horse \u00e9"
SECRET = b"s" * 32
FROM_OWN_PAGE = {"origin": ADDRESS}


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"inside {len(await request.body())}")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


async def at_once(_seconds: float) -> None:
    return


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(PASSWORD, SECRET)


@pytest.fixture
def client(sessions: Sessions) -> TestClient:
    routes = [
        Route("/{path:path}", echo, methods=["GET", "POST", "PUT", "DELETE"]),
        WebSocketRoute("/stream", talk),
    ]
    logins = Login(sessions, Attempts(sleep=at_once))
    guard = Guard(
        Starlette(routes=routes), allowed_hosts=["peaks.example"], max_body_bytes=1000, logins=logins
    )
    return TestClient(guard, base_url=ADDRESS, follow_redirects=False)


def with_cookie(value: str) -> dict[str, str]:
    return {"cookie": f"peakid_session_8501={value}"}


def expired(sessions: Sessions) -> str:
    return Sessions(PASSWORD, SECRET, now=lambda: sessions.now() - LIFETIME_S - 1).issue()


COOKIES: dict[str, Callable[[Sessions], dict[str, str]]] = {
    "none": lambda sessions: {},
    "valid": lambda sessions: with_cookie(sessions.issue()),
    "expired": lambda sessions: with_cookie(expired(sessions)),
    "of another password": lambda sessions: with_cookie(Sessions("another one", SECRET).issue()),
    "of another secret": lambda sessions: with_cookie(Sessions(PASSWORD, b"t" * 32).issue()),
    "with a later expiry": lambda sessions: with_cookie(f"9{sessions.issue()}"),
    "of another port": lambda sessions: {"cookie": f"peakid_session_8502={sessions.issue()}"},
    "empty": lambda sessions: with_cookie(""),
    "without a signature": lambda sessions: with_cookie(sessions.issue().rpartition(".")[0]),
    "long": lambda sessions: with_cookie("9" * 10_000),
}
NAVIGATION = {"sec-fetch-mode": "navigate", "accept": "text/html"}


@pytest.mark.parametrize("cookie", COOKIES)
@pytest.mark.parametrize(
    ("method", "path", "headers", "refused_with"),
    [
        ("GET", "/", NAVIGATION, 303),
        ("GET", "/review", {"accept": "text/html,*/*"}, 303),
        ("GET", "/review", {"accept": "*/*"}, 401),
        ("GET", "/thumb/abc", {"sec-fetch-mode": "no-cors", "accept": "image/*"}, 401),
        ("GET", "/script/1/gallery.js", {}, 401),
        ("GET", "/_stcore/health", {}, 401),
        ("GET", "/_stcore/metrics", {}, 401),
        ("GET", "/static/index.js", {}, 401),
        ("GET", "/login/", NAVIGATION, 303),
        ("GET", "/Login", NAVIGATION, 303),
        ("GET", "//login", {}, 401),
        ("PUT", "/_stcore/upload_file/a/b", FROM_OWN_PAGE, 401),
        ("DELETE", "/_stcore/upload_file/a/b", {}, 401),
        ("POST", "/", {**NAVIGATION, **FROM_OWN_PAGE}, 401),
    ],
)
def test_only_a_valid_cookie_opens_any_address(
    client: TestClient,
    sessions: Sessions,
    cookie: str,
    method: str,
    path: str,
    headers: dict[str, str],
    refused_with: int,
) -> None:
    answer = client.request(method, f"{ADDRESS}{path}", headers=headers | COOKIES[cookie](sessions))
    assert answer.status_code == (200 if cookie == "valid" else refused_with)
    assert ("inside" in answer.text) == (cookie == "valid")
    if answer.status_code == 303:
        assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("cookie", COOKIES)
def test_only_a_valid_cookie_opens_the_websocket(client: TestClient, sessions: Sessions, cookie: str) -> None:
    headers = {**FROM_OWN_PAGE, "host": "127.0.0.1:8501", **COOKIES[cookie](sessions)}
    if cookie == "valid":
        with client.websocket_connect(STREAM, headers=headers) as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
        return
    with pytest.raises(WebSocketDisconnect) as refused:
        client.websocket_connect(STREAM, headers=headers).__enter__()
    assert refused.value.code == 1008
    assert "Log in" in refused.value.reason


def test_host_comes_first_then_origin_then_cookie_then_body(client: TestClient, sessions: Sessions) -> None:
    headers = {"host": "evil.example", "origin": "http://evil.example", "content-length": "9999"}
    seen = []
    for change in ({"host": "127.0.0.1:8501"}, FROM_OWN_PAGE, with_cookie(sessions.issue()), {}):
        answer = client.post("/", headers=headers)
        seen.append((answer.status_code, answer.text.split()[0]))
        headers |= change
    assert seen == [(403, "Unknown"), (403, "Requests"), (401, '"Log'), (413, "The")]


def post(client: TestClient, text: str, *, headers: dict[str, str] | None = None, next: str = "/"):
    return client.post(
        "/login", data={"password": text, "next": next}, headers=FROM_OWN_PAGE if headers is None else headers
    )


def test_the_right_password_sets_a_cookie_that_opens_the_app(client: TestClient) -> None:
    answer = post(client, PASSWORD, next="/review?queue=all")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?queue=all")
    value, *attributes = answer.headers["set-cookie"].lower().split("; ")
    assert set(attributes) == {"httponly", "max-age=604800", "path=/", "samesite=strict"}
    assert value.startswith("peakid_session_8501=")
    assert client.get("/review", headers={"cookie": value}).status_code == 200


def test_a_letter_with_its_accent_may_be_typed_as_one_character_or_two(client: TestClient) -> None:
    assert post(client, "correct horse e\u0301").status_code == 303


def test_the_cookie_is_secure_under_tls(client: TestClient) -> None:
    headers = {"origin": "https://peaks.example", "host": "peaks.example"}
    body = {"password": PASSWORD}
    answer = client.post("https://peaks.example/login", data=body, headers=headers)
    assert "; Secure" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].startswith("peakid_session=")


@pytest.mark.parametrize("text", ["", "wrong", PASSWORD[:-1], PASSWORD.upper(), "x" * 5000, "\x00"])
def test_a_wrong_password_is_answered_with_the_form_and_no_cookie(
    client: TestClient, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = post(client, text)
    assert answer.status_code == 403
    assert "This is not the password." in answer.text
    assert "set-cookie" not in answer.headers
    assert "A wrong password came from testclient." in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "null"}, {"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:8502"}],
)
def test_a_login_must_come_from_the_own_page(client: TestClient, headers: dict[str, str]) -> None:
    assert post(client, PASSWORD, headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/login%3Fx", "/login%23x", "/login;x", "/login%00", "/LOGIN", "/x/login"])
@pytest.mark.parametrize("headers", [{}, FROM_OWN_PAGE])
def test_no_other_spelling_of_the_address_is_the_form(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    assert client.post(f"{ADDRESS}{path}", data={"password": PASSWORD}, headers=headers).status_code == 401


def test_a_login_is_a_small_form_and_nothing_else(client: TestClient) -> None:
    form = {**FROM_OWN_PAGE, "content-type": "application/x-www-form-urlencoded"}
    large = urlencode({"password": PASSWORD, "x": "y" * login.MAX_BODY_BYTES}).encode()
    assert client.post("/login", content=large, headers=form).status_code == 413
    assert client.post("/login", content=iter([large]), headers=form).status_code == 413
    assert client.post("/login", content=b"&".join([b"a=b"] * 50), headers=form).status_code == 403
    assert client.post("/login", json={"password": PASSWORD}, headers=FROM_OWN_PAGE).status_code == 415
    assert client.put("/login", headers=FROM_OWN_PAGE).status_code == 405


def test_the_form_needs_no_script_and_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/login")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert not re.search(r'(src|href)="(?!data:)', answer.text)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "target",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""),
        *("/login", "/logout", "/login?next=/login", "javascript:alert(1)", "/a\r\nx: y", "/" + "a" * 3000),
    ],
)
def test_a_login_never_leads_to_another_site(client: TestClient, target: str) -> None:
    assert post(client, PASSWORD, next=target).headers["location"] == "/"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"[/\\]{1,3}[a-z.:/\\@]{0,20}", fullmatch=True))
def test_a_target_is_a_path_of_this_app_or_the_start(text: str) -> None:
    target = login.own_path(text)
    assert target in (text, "/")
    assert re.fullmatch(r"/([^/\\\x00-\x20\x7f-\U0010ffff][^\\\x00-\x20\x7f-\U0010ffff]*)?", target)


def test_the_form_leads_back_to_the_page_that_was_asked_for(client: TestClient) -> None:
    answer = client.get("/review?queue=a%26b&x=%22%3E", headers=NAVIGATION)
    form = client.get(answer.headers["location"])
    assert 'name="next" value="/review?queue=a%26b&amp;x=%22%3E"' in form.text


def test_a_query_of_any_bytes_is_no_error_of_the_server(client: TestClient) -> None:
    inner = client.app

    async def with_bytes(scope: Scope, receive: Receive, send: Send) -> None:
        await inner({**scope, "query_string": b"next=/\xff&\xc0"}, receive, send)

    sender = TestClient(with_bytes, base_url=ADDRESS, follow_redirects=False)
    assert sender.get("/review", headers=NAVIGATION).headers["location"] == "/login"
    assert sender.get("/login").status_code == 200
    assert post(sender, PASSWORD).headers["location"] == "/"


def test_after_a_link_on_another_site_the_form_reloads_once(client: TestClient) -> None:
    assert 'http-equiv="refresh"' in client.get("/login", headers={"sec-fetch-site": "cross-site"}).text
    assert 'http-equiv="refresh"' not in client.get("/login", headers={"sec-fetch-site": "same-origin"}).text


def test_who_is_logged_in_does_not_see_the_form(client: TestClient, sessions: Sessions) -> None:
    answer = client.get("/login?next=/review", headers=with_cookie(sessions.issue()))
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")


def test_logging_out_ends_the_session_also_where_the_cookie_was_copied(
    client: TestClient, sessions: Sessions
) -> None:
    mine, other = with_cookie(sessions.issue()), with_cookie(sessions.issue())
    answer = client.get("/logout", headers=mine)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert answer.headers["clear-site-data"] == '"cache"'
    assert client.get("/x", headers=mine).status_code == 401
    assert client.get("/x", headers=other).status_code == 200


def test_a_link_on_another_site_cannot_log_anyone_out(client: TestClient) -> None:
    answer = client.get("/logout", headers=NAVIGATION)  # Browsers leave the cookie out.
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "set-cookie" not in answer.headers


def test_logging_out_cuts_the_websockets_of_the_session(client: TestClient, sessions: Sessions) -> None:
    mine = with_cookie(sessions.issue())
    with client, client.websocket_connect(STREAM, headers={"host": "127.0.0.1:8501", **mine}) as socket:
        client.get("/logout", headers=mine)
        message = socket.receive()
        assert (message["type"], message["code"]) == ("websocket.close", 1008)


def test_a_websocket_is_cut_when_the_session_expires(client: TestClient, sessions: Sessions) -> None:
    cookie, started_at = sessions.issue(), time.monotonic()
    expires_at = int(cookie.partition(".")[0])
    sessions.now = lambda: expires_at - 0.4 + time.monotonic() - started_at
    mine = with_cookie(cookie)
    with client.websocket_connect(STREAM, headers={"host": "127.0.0.1:8501", **mine}) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
        assert socket.receive()["code"] == 1008
    assert sessions._timers == {}


def test_a_new_password_or_secret_ends_every_session(sessions: Sessions) -> None:
    cookie = sessions.issue()
    assert Sessions(PASSWORD, SECRET).check(cookie) is not None
    assert Sessions(f"{PASSWORD}!", SECRET).check(cookie) is None
    assert Sessions(PASSWORD, b"t" * 32).check(cookie) is None


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"[0-9]{1,12}\.[0-9a-f]{32}\.[0-9a-f]{64}", fullmatch=True))
def test_no_made_up_cookie_passes(text: str) -> None:
    assert Sessions(PASSWORD, SECRET).check(text) is None


def test_a_changed_character_anywhere_in_a_cookie_is_noticed(sessions: Sessions) -> None:
    cookie = sessions.issue()
    for n, character in enumerate(cookie):
        assert sessions.check(f"{cookie[:n]}{'1' if character != '1' else '2'}{cookie[n + 1 :]}") is None


def test_the_delay_grows_over_all_clients_up_to_ten_seconds_and_ends_after_a_while() -> None:
    clock, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    attempts = Attempts(now=lambda: clock[0], sleep=sleep)
    for is_right in (False, False, True, False, False, True, False, False, False, False):
        assert event_loop.run(attempts.compare(lambda is_right=is_right: is_right)) is is_right
    assert slept == [0, 0, 0, 0, 1, 2, 2, 4, 8, 10]
    clock[0] = Attempts.FORGOTTEN_AFTER_S + 1
    assert attempts.delay_s() == 0


def test_many_at_once_are_compared_one_by_one_and_the_event_loop_is_free() -> None:
    running, most, n_other = 0, 0, 0

    async def sleep(_seconds: float) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    async def main() -> list[object]:
        nonlocal n_other
        attempts = Attempts(sleep=sleep)
        guesses = [asyncio.create_task(attempts.compare(lambda: False)) for _ in range(25)]
        while not all(guess.done() for guess in guesses):
            n_other += 1
            await asyncio.sleep(0)
        return await asyncio.gather(*guesses, return_exceptions=True)

    results = event_loop.run(main())
    assert most == 1
    assert n_other > 10
    assert results.count(False) == 10
    assert sum(isinstance(each, TooManyAttempts) for each in results) == 15


def test_while_many_are_waiting_the_form_says_so(sessions: Sessions) -> None:
    guard = Guard(Starlette(), allowed_hosts=[], logins=Login(sessions, Attempts(max_waiting=0)))
    answer = post(TestClient(guard, base_url=ADDRESS), PASSWORD)
    assert answer.status_code == 429
    assert "Try again in a minute." in answer.text


def test_the_secret_is_kept_with_access_for_its_owner_only(tmp_path: Path) -> None:
    first = password.read_secret(tmp_path / "state" / "peakid")
    path = tmp_path / "state" / "peakid" / password.SECRET_NAME
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert password.read_secret(path.parent) == first


@pytest.mark.parametrize("harm", ["readable", "cut", "link", "empty"])
def test_a_secret_that_others_may_know_is_replaced(tmp_path: Path, harm: str) -> None:
    first = password.read_secret(tmp_path)
    path = tmp_path / password.SECRET_NAME
    if harm == "readable":
        path.chmod(0o644)
    elif harm == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.truncate(path, 0 if harm == "empty" else 31)
    second = password.read_secret(tmp_path)
    assert (len(second), second != first, path.is_symlink()) == (32, True, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_folder_for_the_secret_logins_last_until_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert password.read_secret(tmp_path / "file") != password.read_secret(tmp_path / "file")
    assert "a restart will end all logins" in caplog.text
