"""Who is logged in: the password, the signed cookie, its secret, and the delay after wrong passwords."""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import os
import secrets
import stat
import time
import unicodedata
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from peakid import files

LIFETIME_S = 7 * 24 * 3600
SECRET_NAME = "session.key"
_SECRET_BYTES = 32
_MAX_COOKIE_CHARS = 200
_LOG = logging.getLogger("peakid.web")


@dataclass(frozen=True)
class Session:
    """One login. `expires_at` is in seconds since 1970."""

    id: str
    expires_at: int


class Sessions:
    """Issue and check the cookies of those who gave the password.

    A cookie is `expiry.id.signature`. The key of the signature is the secret mixed with the password, so that
    a new password ends every session. A session that was logged out is remembered until it would have expired
    or the server ends.

    Args:
        secret: Bytes that only this user can read; see `read_secret`.
        now: Returns the seconds since 1970.
    """

    def __init__(self, password: str, secret: bytes, *, now: Callable[[], float] = time.time) -> None:
        self._password = _digest(password)
        self._key = hmac.digest(secret, self._password, "sha256")
        self._ended: dict[str, int] = {}
        self._timers: dict[str, set[asyncio.Timeout]] = {}
        self.now = now

    def fits(self, password: str) -> bool:
        """Return whether this is the password, in the same time whatever it is."""
        return hmac.compare_digest(_digest(password), self._password)

    def issue(self) -> str:
        """Return the cookie of a new session."""
        content = f"{int(self.now()) + LIFETIME_S}.{secrets.token_hex(16)}"
        return f"{content}.{self._signature(content)}"

    def check(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None if it is forged, expired or logged out."""
        if not cookie or len(cookie) > _MAX_COOKIE_CHARS or not cookie.isascii():
            return None
        content, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(content)):
            return None
        expiry, _, session_id = content.partition(".")  # Signed, so it is as `issue` wrote it.
        session = Session(session_id, int(expiry))
        return session if self.is_open(session) else None

    def is_open(self, session: Session) -> bool:
        return session.id not in self._ended and self.now() < session.expires_at

    def end(self, session: Session) -> None:
        """Log a session out, and cut its websockets."""
        now = self.now()
        self._ended = {each: at for each, at in self._ended.items() if at > now}
        self._ended[session.id] = session.expires_at
        for timer in self._timers.get(session.id, ()):
            with contextlib.suppress(RuntimeError):  # It is just expiring.
                timer.reschedule(asyncio.get_running_loop().time())

    @contextlib.contextmanager
    def timer(self, session: Session) -> Generator[asyncio.Timeout]:
        """Yield a timeout, not entered yet, that ends when the session expires or is logged out."""
        left_s = session.expires_at - self.now() if self.is_open(session) else 0
        timer = asyncio.timeout(left_s)
        self._timers.setdefault(session.id, set()).add(timer)
        try:
            yield timer
        finally:
            self._timers[session.id].discard(timer)
            if not self._timers[session.id]:
                del self._timers[session.id]

    def _signature(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()


class TooManyAttempts(Exception):
    """So many wait to be compared that one more is refused."""


class Attempts:
    """Compare one password at a time, later and later after wrong ones, whoever sent them.

    The delay is one for all clients, because one attacker can have many addresses. Those who are logged in do
    not notice it. After three wrong passwords it is 1 s, then 2 s, up to 10 s: at most 8,640 guesses a day.
    """

    N_FREE = 3
    MAX_DELAY_S = 10.0
    FORGOTTEN_AFTER_S = 900.0

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        max_waiting: int = 10,
    ) -> None:
        self._now, self._sleep, self._max_waiting = now, sleep, max_waiting
        self._wrong_at: deque[float] = deque(maxlen=100)
        self._n_waiting = 0
        self._turn = asyncio.Lock()

    def delay_s(self) -> float:
        """Return how long the next comparison waits."""
        while self._wrong_at and self._now() - self._wrong_at[0] > self.FORGOTTEN_AFTER_S:
            self._wrong_at.popleft()
        n_over = len(self._wrong_at) - self.N_FREE
        return min(2.0 ** min(n_over, 10), self.MAX_DELAY_S) if n_over >= 0 else 0.0

    async def compare(self, fits: Callable[[], bool]) -> bool:
        """Wait for the turn and the delay, then return what `fits` returns.

        Raises:
            TooManyAttempts: If as many as allowed wait already.
        """
        if self._n_waiting >= self._max_waiting:
            raise TooManyAttempts
        self._n_waiting += 1
        try:
            async with self._turn:
                await self._sleep(self.delay_s())
                is_right = fits()
                if not is_right:  # A right one does not end the delay: others may still be guessing.
                    self._wrong_at.append(self._now())
                return is_right
        finally:
            self._n_waiting -= 1


def read_secret(folder: Path) -> bytes:
    """Return the secret in a folder, created if there is none, with access for this user only.

    One that others can read is replaced. Where the folder cannot be written, the secret is of this process
    only: everybody logs in again after a restart.
    """
    path = folder / SECRET_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(path):
            _write_secret(path)
        found = files.read_regular(path, _SECRET_BYTES, follow_links=False)
    except OSError as error:
        _LOG.warning("%s cannot be used (%s): a restart will end all logins.", path, error.strerror)
        return secrets.token_bytes(_SECRET_BYTES)
    return found


def _is_private(path: Path) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    is_own = status.st_uid == os.getuid() if hasattr(os, "getuid") else True
    return (
        stat.S_ISREG(status.st_mode)
        and is_own
        and not status.st_mode & 0o077
        and status.st_size == _SECRET_BYTES
    )


def _write_secret(path: Path) -> None:
    with files.replacing(path, is_synced=True) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))


def _digest(password: str) -> bytes:
    # NFC: keyboards and systems write one letter with its accent in two ways.
    return hashlib.sha256(unicodedata.normalize("NFC", password).encode("utf-8", "replace")).digest()
