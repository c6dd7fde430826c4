"""The pages /login and /logout, which need nothing of Streamlit."""

import logging
import re
from html import escape
from urllib.parse import parse_qs, quote, urlencode

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from peakid import hosts
from peakid.web.server import plain_page
from peakid.web.server.password import LIFETIME_S, Attempts, Session, Sessions, TooManyAttempts

PATH, LOGOUT_PATH = "/login", "/logout"
MAX_BODY_BYTES = 8192
MAX_NEXT_CHARS = 2000
_FORM = "application/x-www-form-urlencoded"
_OWN_PATH = re.compile(r"/(?!/|log(in|out)\b)[!-\[\]-~]*")  # Printable ASCII without a backslash.
_LOG = logging.getLogger("peakid.web")


class Login:
    """Serve /login and /logout. The guard has checked Host and Origin before.

    Args:
        attempts: None = the usual delays.
    """

    def __init__(self, sessions: Sessions, attempts: Attempts | None = None) -> None:
        self.sessions = sessions
        self.attempts = attempts or Attempts()

    async def respond(self, request: Request, session: Session | None) -> Response:
        """Show the form, or compare the password that was sent; redirect who is logged in already."""
        if request.method in ("GET", "HEAD"):
            target = own_path(request.query_params.get("next", ""))
            return RedirectResponse(target, 303) if session else _form(request, target)
        if request.method == "POST":
            return await self._log_in(request)
        return PlainTextResponse("Only GET and POST.", 405, {"Allow": "GET, HEAD, POST"})

    def log_out(self, request: Request, session: Session) -> Response:
        """End a session, and remove its cookie and the images that the browser has cached."""
        self.sessions.end(session)
        response = RedirectResponse(PATH, 303, {"Clear-Site-Data": '"cache"', "Cache-Control": "no-store"})
        _set_cookie(response, request, "", 0)
        return response

    async def _log_in(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            return PlainTextResponse(f"The password is expected as {_FORM}.", 415)
        body = await _read(request)
        if body is None:
            return PlainTextResponse(f"The request exceeds {MAX_BODY_BYTES:,} bytes.", 413)
        fields = _fields(body)
        target = own_path(fields.get("next", ""))
        try:
            is_right = await self.attempts.compare(lambda: self.sessions.fits(fields.get("password", "")))
        except TooManyAttempts:
            return _form(request, target, "Many passwords are being tried. Try again in a minute.", 429)
        if not is_right:
            _LOG.warning("A wrong password came from %s.", request.client.host if request.client else "?")
            return _form(request, target, "This is not the password.", 403)
        response = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        _set_cookie(response, request, self.sessions.issue(), LIFETIME_S)
        return response


def cookie_name(connection: HTTPConnection) -> str:
    """Return the name of the cookie. Browsers share cookies among the ports of a host, hence the port."""
    port = hosts.parse(connection.headers["host"]).port
    return f"peakid_session_{port}" if port else "peakid_session"


def address(request: Request) -> str:
    """Return the address of the form that leads back to what was requested."""
    # Not request.url, which raises where the query is not UTF-8.
    query = request.scope["query_string"].decode("latin-1")
    target = own_path(quote(request.scope["path"], safe="/") + (f"?{query}" if query else ""))
    return PATH if target == "/" else f"{PATH}?{urlencode({'next': target})}"


def own_path(text: str) -> str:
    """Return a path of this app as it is, and `/` for anything else, such as another site."""
    return text if len(text) <= MAX_NEXT_CHARS and _OWN_PATH.fullmatch(text) else "/"


def _set_cookie(response: Response, request: Request, value: str, lifetime_s: int) -> None:
    # The scheme is https under TLS. Uvicorn takes it from X-Forwarded-Proto only where the proxy's address is
    # in FORWARDED_ALLOW_IPS, by default this machine.
    response.set_cookie(
        cookie_name(request),
        value,
        max_age=lifetime_s,
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )


async def _read(request: Request) -> bytes | None:
    """Return the body, None if it is over the limit or does not arrive whole."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None
    return body


def _fields(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("latin-1"), keep_blank_values=True, max_num_fields=10)
    except ValueError:  # More fields than the form has.
        return {}
    return {name: values[0] for name, values in found.items()}


def _form(request: Request, target: str, error: str = "", status: int = 200) -> Response:
    note = f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else ""
    described = ' aria-describedby="error" aria-invalid="true"' if error else ""
    body = f"""<form method="post" action="{PATH}">
<input type="hidden" name="next" value="{escape(target)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" required autofocus
 autocomplete="current-password"{described}>
{note}
<button type="submit">Log in</button>
</form>"""
    # After a link on another site the browser sends no SameSite=Strict cookie. It does after a reload.
    is_foreign_link = request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"
    head = '<meta http-equiv="refresh" content="0">\n' if is_foreign_link else ""
    return plain_page.respond("Log in to Peakid", body, status, head=head)
