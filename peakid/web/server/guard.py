"""Check every request and websocket, Streamlit's and Peakid's, before it reaches the app."""

from collections.abc import Callable, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peakid import hosts, settings
from peakid.errors import BadInput
from peakid.settings import Settings
from peakid.web.server import login, password
from peakid.web.server.login import Login
from peakid.web.server.password import Session, Sessions

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOG_IN = "Log in first: reload this page, or open /login."
_POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1.

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",  # No other site may embed the images.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'self'; object-src 'none'; base-uri 'self'",
}


class Guard:
    """ASGI middleware that checks Host, Origin, the login and the size of the body, in this order.

    Without the Host check, a web page could rebind its own name to 127.0.0.1 and read everything. Without the
    Origin check, any page in the same browser could post a file or open the websocket. With a password, only
    /login is served without the cookie. Without one, only connections to a loopback address are.

    Settings that do not fit, or an address beyond loopback without a password, end the start in one line.

    Args:
        allowed_hosts: Hosts besides loopback, as in PEAKID_ALLOWED_HOSTS. None = those.
        max_body_bytes: Largest request body. None = the limit in the settings.
        logins: The logins. None = those for PEAKID_PASSWORD, if there is one.
        bound_address: Returns the address that the server is told to listen on; None = every address.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Iterable[str] | None = None,
        max_body_bytes: int | None = None,
        logins: Login | None = None,
        bound_address: Callable[[], str | None] | None = None,
    ) -> None:
        self.app = app
        self.problem: BadInput | None = None
        try:
            chosen = Settings()
        except BadInput as error:  # Told at the start; nothing is served until then.
            chosen, self.problem = Settings.model_construct(), error
        own = chosen.own_hosts() if allowed_hosts is None else [hosts.parse(each) for each in allowed_hosts]
        self.own_hosts = frozenset(own)
        self.max_body_bytes = chosen.max_body_bytes if max_body_bytes is None else max_body_bytes
        self._logins = logins or _login_of(chosen)
        self._bound_address = bound_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._start(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._open_websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, _with_headers(send))

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self.problem
        if problem is None and self._logins is None and self._bound_address is not None:
            address = self._bound_address() or ""
            problem = None if hosts.is_loopback(address) else settings.password_needed(address)
        if problem is None:
            await self.app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.failed", "message": str(problem)})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refusal = self._refusal(request)
        response = PlainTextResponse(refusal[1], refusal[0]) if refusal else None
        if response is None and self._logins is not None:
            response = await self._admit(request, self._logins)
        if response is None and (refusal := self._body_refusal(request.headers)):
            response = PlainTextResponse(refusal[1], refusal[0])
        if response is None:
            await self.app(scope, _limited(receive, self.max_body_bytes), send)
        else:
            await response(scope, receive, send)

    async def _admit(self, request: Request, logins: Login) -> Response | None:
        """Return the answer to who is not logged in, and that of /login and /logout; None = let it pass."""
        session, path = _session(request, logins.sessions), request.scope["path"]
        if path == login.PATH:
            return await logins.respond(request, session)
        if session is not None:
            return logins.log_out(request, session) if path == login.LOGOUT_PATH else None
        if _is_navigation(request):
            return RedirectResponse(login.address(request), 303, {"Cache-Control": "no-store"})
        headers = {"WWW-Authenticate": 'Cookie realm="Peakid"', "Cache-Control": "no-store"}
        return JSONResponse(_LOG_IN, 401, headers)  # Streamlit's dialog shows the text of JSON only.

    async def _open_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        refusal = self._refusal(connection)
        session = None
        if refusal is None and self._logins is not None:
            session = _session(connection, self._logins.sessions)
            refusal = (401, _LOG_IN) if session is None else None
        if refusal is not None:
            await send(_close(refusal[1]))
        elif self._logins is not None and session is not None:
            await self.app(scope, _until(receive, send, self._logins.sessions, session), send)
        else:
            await self.app(scope, receive, send)

    def _refusal(self, connection: HTTPConnection) -> tuple[int, str] | None:
        """Return the HTTP status and the reason for refusing a request, None where it is accepted."""
        headers, scope = connection.headers, connection.scope
        if self.problem is not None:
            return 503, str(self.problem)
        host = _only(headers, "host")
        if not self._is_own_host(host):
            return 403, f"Unknown host {(host or '')[:100]!r}. Add it to PEAKID_ALLOWED_HOSTS to allow it."
        if self._logins is None and not _is_local(scope):
            return 403, str(settings.password_needed(scope["server"][0]))
        is_changing = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        is_login = self._logins is not None and scope["path"] == login.PATH
        if is_changing and not self._is_own_origin(connection, is_needed=is_login):
            origin = headers.get("origin", "")[:100]
            return 403, f"Requests from {origin!r} are not accepted. Open the app at its own address."
        return None

    def _body_refusal(self, headers: Headers) -> tuple[int, str] | None:
        if _declared_bytes(headers) > self.max_body_bytes:
            limit_mb = self.max_body_bytes / 2**20
            return 413, f"The request exceeds {limit_mb:,.0f} MB. Import a large archive by its path instead."
        return None

    def _is_own_host(self, text: str | None) -> bool:
        try:
            host = hosts.parse(text or "")
        except ValueError:
            return False
        return host.name in LOOPBACK or any(
            own.name == host.name and own.port in (None, host.port or _implied(own.port))
            for own in self.own_hosts
        )

    def _is_own_origin(self, connection: HTTPConnection, *, is_needed: bool) -> bool:
        """Return whether a browser sent this from Peakid's own page; programs send no Origin header."""
        if "origin" not in connection.headers:
            return not is_needed
        try:
            origin = hosts.parse_origin(_only(connection.headers, "origin") or "")
        except ValueError:
            return False
        if connection.scope["scheme"] in ("https", "wss") and origin.scheme != "https":
            return False
        # Another port is another site. The Host header of a proxy may be its own: then the setting decides.
        default = hosts.DEFAULT_PORTS[origin.scheme]
        host = hosts.parse(connection.headers["host"])
        return (origin.host.name, origin.port) == (host.name, host.port or default) or any(
            (own.name, own.port or default) == (origin.host.name, origin.port) for own in self.own_hosts
        )


def _login_of(chosen: Settings) -> Login | None:
    text = chosen.password.get_secret_value()
    return Login(Sessions(text, password.read_secret(settings.state_folder()))) if text else None


def _only(headers: Headers, name: str) -> str | None:
    """Return the value of a header that must occur once; None where it does not."""
    values = headers.getlist(name)
    return values[0] if len(values) == 1 else None


def _implied(port: int | None) -> int | None:
    """Return the port that a Host header without one stands for, if it may be `port`."""
    return port if port in hosts.DEFAULT_PORTS.values() else 0


def _is_local(scope: Scope) -> bool:
    """Return whether a connection was made to a loopback address of this machine, or to a socket file.

    Asked of each connection, because a server other than `streamlit run` has its own option for the address.
    """
    server = scope.get("server")
    return server is None or server[1] is None or hosts.is_loopback_name(server[0])


def _session(connection: HTTPConnection, sessions: Sessions) -> Session | None:
    return sessions.check(connection.cookies.get(login.cookie_name(connection)))


def _is_navigation(request: Request) -> bool:
    """Return whether a browser would show the answer as a page."""
    if request.method not in ("GET", "HEAD"):
        return False
    mode = request.headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("accept", "")


def _declared_bytes(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    # As for bytes, not for text, where "²" is a digit; 18 digits are more than any limit.
    return int(length[:18]) if length.encode().isdigit() else 0


def _close(why: str) -> Message:
    return {"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": why[:120]}


def _until(receive: Receive, send: Send, sessions: Sessions, session: Session) -> Receive:
    """Close a websocket when its session expires or is logged out."""

    async def receiving() -> Message:
        with sessions.timer(session) as timer:
            try:
                async with timer:
                    return await receive()
            except TimeoutError:
                await send(_close("The login has ended. Reload the page."))
                return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}

    return receiving


def _limited(receive: Receive, max_bytes: int) -> Receive:
    """Count the bytes received: a chunked body declares no length."""
    n_bytes = 0

    async def counted() -> Message:
        nonlocal n_bytes
        message = await receive()
        if message["type"] == "http.request":
            n_bytes += len(message.get("body", b""))
            if n_bytes > max_bytes:
                return {"type": "http.disconnect"}
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
