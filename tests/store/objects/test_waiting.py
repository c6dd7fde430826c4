"""A lost connection is waited for, and the wait is told; what a person must fix is an error at once."""

import errno
import threading
from collections.abc import Callable

import pytest

from peakid.errors import ExtraMissing, StoreRefused, StoreUnreachable
from peakid.jobs.ledger import Cancelled
from peakid.store.objects import failures, opening, reading, waiting
from peakid.store_urls import parse

URL = parse("memory://waited/photos")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)
    monkeypatch.setattr(waiting, "_SLICE_S", 0.002)
    monkeypatch.setattr(waiting, "TOLD_EVERY_S", 0.0)


def lost_for(n: int, error: type[OSError] = ConnectionRefusedError) -> Callable[[], str]:
    """A store that does not answer n times."""
    asked = []

    def ask() -> str:
        asked.append(1)
        if len(asked) <= n:
            raise error(errno.ECONNREFUSED, "refused")
        return f"answer {len(asked)}"

    return ask


def test_a_lost_connection_is_tried_again_and_told() -> None:
    said: list[str] = []
    with waiting.told(said.append):
        assert waiting.call(URL, lost_for(3)) == "answer 4"
    assert said[0] == "Waiting for memory://waited: connection refused, next try in 1 s"
    said.clear()
    assert waiting.call(URL, lambda: 5) == 5
    assert said == []


def test_pauses_double_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(
        waiting._Outage, "_sleep", lambda self, why, pause_s, asked_at, told: pauses.append(round(pause_s, 2))
    )
    monkeypatch.setattr(waiting, "MOST_S", 0.05)
    with waiting.told(lambda message: None):
        waiting.call(URL, lost_for(5))
        waiting.call(URL, lost_for(1))
    assert pauses == [0.01, 0.02, 0.04, 0.05, 0.05, 0.01]


def test_many_threads_that_wait_make_one_attempt_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    is_there = threading.Event()
    n_asked, pauses = [], []
    sleep = waiting._Outage._sleep

    def slept(self, why: str, pause_s: float, asked_at: float, told: object) -> None:
        pauses.append(pause_s)
        if len(pauses) == 3:
            is_there.set()
        sleep(self, why, pause_s, asked_at, told)

    monkeypatch.setattr(waiting._Outage, "_sleep", slept)

    def ask() -> int:
        n_asked.append(1)
        if not is_there.is_set():
            raise ConnectionResetError
        return 1

    with waiting.told(lambda message: None):
        threads = [threading.Thread(target=waiting.call, args=(URL, ask)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(5)
    assert not any(each.is_alive() for each in threads)
    assert len(n_asked) <= 8 + 3 + 8
    assert len(pauses) <= 5


def test_a_wait_ends_when_the_listener_stops_it_or_after_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(message: str) -> None:
        raise Cancelled

    with waiting.told(stop), pytest.raises(Cancelled):
        waiting.call(URL, lost_for(1))
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.02)
    with pytest.raises(StoreUnreachable, match="memory://waited cannot be reached: connection refused"):
        waiting.call(URL, lost_for(99))


def test_work_that_was_interrupted_leaves_no_thread_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 60.0)
    is_waiting = threading.Event()

    def read(n: int) -> int:
        if n == 0:
            is_waiting.wait(5)
            raise KeyboardInterrupt
        return waiting.call(URL, lambda: int(lost_for(1)()))

    with waiting.told(lambda message: is_waiting.set()), pytest.raises(KeyboardInterrupt):
        list(reading.ahead(range(8), read))
    assert not [each for each in threading.enumerate() if each.name.startswith("ThreadPoolExecutor")]


class ClientError(Exception):
    """As botocore raises it for an answer of the server."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


def translated(code: str, kind: type[OSError]) -> Exception:
    """As s3fs raises it."""
    error = kind(code)
    error.__cause__ = ClientError(code)
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (translated("InvalidAccessKeyId", PermissionError), "does not accept the credentials"),
        (translated("ExpiredToken", PermissionError), "does not accept the credentials"),
        (translated("NoSuchBucket", FileNotFoundError), "no bucket 'waited'"),
        (type("NoCredentialsError", (Exception,), {})("Unable to locate"), "no usable credentials"),
    ],
)
def test_what_a_person_must_fix_is_an_error_at_once(error: Exception, expected: str) -> None:
    def ask() -> None:
        raise error

    with waiting.told(lambda message: pytest.fail(message)), pytest.raises(StoreRefused, match=expected):
        waiting.call(URL, ask)


@pytest.mark.parametrize(
    "error",
    [
        translated("SlowDown", OSError),
        translated("503", OSError),
        TimeoutError(),
        ConnectionResetError(),
        type("EndpointConnectionError", (Exception,), {})("no"),
        OSError(errno.EHOSTUNREACH, "no route"),
    ],
)
def test_a_busy_or_silent_server_may_answer_later(error: Exception) -> None:
    assert failures.is_lost(error)


def test_an_object_that_is_missing_or_denied_says_nothing_about_its_store() -> None:
    for code, kind in (("NoSuchKey", FileNotFoundError), ("AccessDenied", PermissionError)):
        error = translated(code, kind)
        assert not failures.is_lost(error)
        assert failures.refusal(error, URL) is None
    assert "gives no access" in str(failures.refusal_of_place(PermissionError("no"), URL))


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r'pip install "peakid\[s3\]"'):
        opening.file_system(parse("s3://bucket/photos"))
    with pytest.raises(ExtraMissing, match=r'pip install "peakid\[gcs\]"'):
        opening.refuse_without_package(parse("gs://bucket"))
    opening.refuse_without_package(URL)
