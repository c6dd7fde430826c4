"""The one way in which bytes are decoded outside an import: in a guarded process that this process shares.

Stored images pass it too. A stored file can be replaced, a restored workspace brings images that were never
inspected on this machine, and limits change.
"""

import atexit
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from peakid import files, settings
from peakid.imaging.decoder import Decoder

P = ParamSpec("P")
T = TypeVar("T")

CALL = "peakid.imaging.gate:run"

_lock = threading.Lock()
_shared: dict[tuple[object, ...], Decoder] = {}
_n_threads: int | None = None


def call(function: Callable[Concatenate[bytes, P], T], data: bytes, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return `function(data, ...)`, called in the guarded process.

    `function` is a function of a module; its arguments and its result travel between the processes.

    Raises:
        UnreadableImage: If the bytes take too long or too much memory, or end the process; also what
            `function` raises.
    """
    return submit(function, data, *args, **kwargs).result()


def submit(
    function: Callable[Concatenate[bytes, P], T], data: bytes, *args: P.args, **kwargs: P.kwargs
) -> "Future[T]":
    """Begin what `call` does. Several files are decoded side by side, one on each core."""
    return _decoder().submit(functools.partial(bytes, data), functools.partial(function, **kwargs), args)


def submit_file(
    function: Callable[Concatenate[bytes, P], T], file: Path, *args: P.args, **kwargs: P.kwargs
) -> "Future[T]":
    """Begin what `submit` does for a file, which the guarded process reads: its bytes do not travel.

    The future also raises OSError: the file cannot be read, is no regular file, or has too many bytes.
    """
    read = functools.partial(files.read_regular, file, settings.current().max_image_bytes)
    return _decoder().submit(read, functools.partial(function, **kwargs), args)


def limit_threads(n: int) -> None:
    """Decode at most this many files side by side from now on; a worker has a share of the cores."""
    global _n_threads
    _n_threads = n


def environment() -> dict[str, str]:
    """Return the environment of another process that decodes files with the limits of this one."""
    return settings.environment(**settings.current().decoding())


def run(data: bytes, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do the work of the guarded process for one file."""
    return function(data, *arguments)


def _decoder() -> Decoder:
    """Return the decoder for the present limits; its process starts with the first file."""
    key = tuple(settings.current().decoding().items())
    with _lock:
        for other in [each for each in _shared if each != key]:
            _shared.pop(other).close()
        if key not in _shared:
            _shared[key] = Decoder(CALL, n_threads=_n_threads)
        return _shared[key]


@atexit.register
def _close() -> None:
    for decoder in _shared.values():
        decoder.close()
