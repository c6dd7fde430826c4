"""Open the image store of an address: the file system of fsspec, with the credentials of the environment."""

import importlib.util
import os
import threading
from typing import TYPE_CHECKING, Any

from peakid import settings
from peakid.errors import ExtraMissing
from peakid.store_urls import StoreUrl

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

EXTRAS = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gcs")}  # By scheme: the package, and the extra with it.
CONNECT_S, READ_S = 5, 60  # A server that is there answers sooner; then the wait begins, and says so.
GS_READ_S = 10  # gcsfs tries six times by itself: the wait begins after a minute and a half.

_opened: dict[tuple[object, ...], "AbstractFileSystem"] = {}
_lock = threading.Lock()


def file_system(url: StoreUrl) -> "AbstractFileSystem":
    """Return the file system of a store. It is opened once in each process, and used by all its threads.

    Raises:
        ExtraMissing: If the package for such stores is not installed.
    """
    endpoint = settings.current().s3_endpoint
    key = (os.getpid(), url.scheme, endpoint, *sorted(settings.credentials().items()))
    with _lock:
        if key not in _opened:
            _opened[key] = _open(url, endpoint)
        return _opened[key]


def refuse_without_package(url: StoreUrl) -> None:
    """Say how to install what a store needs.

    Raises:
        ExtraMissing: If it is not installed.
    """
    package, extra = EXTRAS.get(url.scheme, ("", ""))
    if package and importlib.util.find_spec(package) is None:
        raise ExtraMissing(
            f"Reading {url.server} needs {package}: not installed.",
            f'Install it with: pip install "peakid[{extra}]"',
        )


def _open(url: StoreUrl, endpoint: str) -> "AbstractFileSystem":
    refuse_without_package(url)
    import fsspec

    # Its own cache of instances would survive a fork, and its listings would hide new objects.
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if url.scheme == "s3":
        options["config_kwargs"] = {
            "connect_timeout": CONNECT_S,
            "read_timeout": READ_S,
            "retries": {"max_attempts": 1},  # `waiting` tries again, and says so.
            "max_pool_connections": 64,
            **({"s3": {"addressing_style": "path"}} if endpoint else {}),
        }
        if endpoint:
            options["endpoint_url"] = endpoint
    if url.scheme == "gs":
        import aiohttp  # gcsfs requires it.

        # Its default waits five minutes for a server that says nothing, and tries again five times.
        options["requests_timeout"] = aiohttp.ClientTimeout(sock_connect=CONNECT_S, sock_read=GS_READ_S)
    return fsspec.filesystem("memory" if url.scheme == "memory" else url.scheme, **options)
