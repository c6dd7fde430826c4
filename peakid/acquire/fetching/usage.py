"""How often hosts were asked and how much they sent, remembered for their quotas after a process ends.

A quota of a service counts what one person does on one machine, in whichever workspace. So this is a file of
the user, not of a workspace, and all processes of the user write to it.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
FILE_NAME = "requests.sqlite"
_BUSY_S = 5.0  # How long to wait for another process that writes.
_TABLES = """
CREATE TABLE IF NOT EXISTS asked (host TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS asked_at ON asked (host, at);
CREATE TABLE IF NOT EXISTS received (
    host TEXT NOT NULL, second INTEGER NOT NULL, n_bytes INTEGER NOT NULL, PRIMARY KEY (host, second)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Quota:
    """At most `n_requests` in any `seconds`."""

    n_requests: int
    seconds: float


@dataclass(frozen=True)
class ByteQuota:
    """At most `n_bytes` of bodies in any `seconds`."""

    n_bytes: int
    seconds: float


class Usage:
    """Requests and bytes by host, in a file or in memory.

    Times are those of the clock on the wall, which goes on while no process runs. A file that cannot be
    opened or written is replaced by memory: a quota then holds within one process only.
    """

    def __init__(self, file: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._connection = _opened(file)

    def reserve(
        self, host: str, quotas: Sequence[Quota], *, after_s: float, most_s: float
    ) -> tuple[float, Quota | None]:
        """Count a request that begins as soon as the quotas allow.

        Args:
            after_s: It begins no earlier than so many seconds from now.
            most_s: It is not counted if it would begin later than so many seconds from now.

        Returns:
            Seconds from now until it begins, and the quota that decided it.
        """
        return self._in_transaction(lambda: self._reserve(host, quotas, after_s, most_s))

    def receive(
        self, host: str, quotas: Sequence[ByteQuota], n_bytes: int, *, room: int
    ) -> tuple[float, ByteQuota | None, int]:
        """Count bytes that have arrived.

        Args:
            room: How many further bytes must fit.

        Returns:
            Seconds from now until they fit, the quota that decided it, and how many bytes fit now.
        """
        return self._in_transaction(lambda: self._receive(host, quotas, n_bytes, room))

    def close(self) -> None:
        self._connection.close()

    def _reserve(
        self, host: str, quotas: Sequence[Quota], after_s: float, most_s: float
    ) -> tuple[float, Quota | None]:
        now = self._clock()
        self._forget("asked", "at", host, now, max(each.seconds for each in quotas))
        at, deciding = now + after_s, None
        for quota in quotas:
            row = self._connection.execute(
                "SELECT at FROM asked WHERE host = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
                (host, quota.n_requests - 1),
            ).fetchone()
            if row is not None and row[0] + quota.seconds > at:
                at, deciding = row[0] + quota.seconds, quota
        if at - now <= most_s:
            self._connection.execute("INSERT INTO asked (host, at) VALUES (?, ?)", (host, at))
        return at - now, deciding

    def _receive(
        self, host: str, quotas: Sequence[ByteQuota], n_bytes: int, room: int
    ) -> tuple[float, ByteQuota | None, int]:
        now = self._clock()
        self._forget("received", "second", host, now, max(each.seconds for each in quotas) + 1)
        if n_bytes:
            self._connection.execute(
                "INSERT INTO received (host, second, n_bytes) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes",
                (host, int(now), n_bytes),
            )
        wait_s, deciding, fitting = 0.0, None, 2**62
        for quota in quotas:
            free, free_at = self._free(host, quota, now, room)
            fitting = min(fitting, free)
            if free_at - now > wait_s:
                wait_s, deciding = free_at - now, quota
        return wait_s, deciding, fitting

    def _free(self, host: str, quota: ByteQuota, now: float, room: int) -> tuple[int, float]:
        """Return how many bytes fit now, and when `room` of them do."""
        where = "FROM received WHERE host = ? AND second > ?"  # A second ends up to one later.
        values = (host, now - quota.seconds - 1)
        (held,) = self._connection.execute(f"SELECT COALESCE(SUM(n_bytes), 0) {where}", values).fetchone()
        free, free_at = quota.n_bytes - held, now
        if free >= room:
            return free, now
        left = free
        for second, n_bytes in self._connection.execute(
            f"SELECT second, n_bytes {where} ORDER BY second", values
        ):
            left, free_at = left + n_bytes, second + 1 + quota.seconds
            if left >= room:
                break
        return free, free_at

    def _forget(self, table: str, column: str, host: str, now: float, seconds: float) -> None:
        """Remove what no quota counts any more, and what lies ahead because the clock was set back."""
        for wrong, at in (("<=", now - seconds), (">", now + seconds)):  # One by one: each uses the index.
            self._connection.execute(f"DELETE FROM {table} WHERE host = ? AND {column} {wrong} ?", (host, at))

    def _in_transaction(self, work: Callable[[], Found]) -> Found:
        try:
            return self._once(work)
        except sqlite3.Error:
            self._go_on_in_memory()
            return self._once(work)

    def _once(self, work: Callable[[], Found]) -> Found:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            found = work()
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        return found

    def _go_on_in_memory(self) -> None:
        """Copy what can be read: a full disk can be read."""
        memory = _opened(None)
        with contextlib.suppress(sqlite3.Error):
            self._connection.backup(memory)
        with contextlib.suppress(sqlite3.Error):
            memory.executescript(_TABLES)
        self._connection.close()
        self._connection = memory


def _opened(file: Path | None) -> sqlite3.Connection:
    if file is not None:
        with contextlib.suppress(sqlite3.Error, OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = OFF")  # A power failure may cost the last seconds.
                connection.executescript(_TABLES)
            except sqlite3.Error:
                connection.close()
                raise
            return connection
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(_TABLES)
    return connection
