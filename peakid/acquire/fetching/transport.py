"""The network of the client: HTTP/1.1 and HTTP/2 over connections to addresses that were checked."""

from collections.abc import Callable

import httpcore2
import httpx2

from peakid.checked_network import CheckedBackend

N_CONNECTIONS = 64


class CheckedTransport(httpx2.AsyncHTTPTransport):
    """HTTP/1.1 and HTTP/2, without the proxies of the environment, to addresses that `allows` accepts."""

    def __init__(self, allows: Callable[[str], bool]) -> None:
        super().__init__(http2=True, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=N_CONNECTIONS,
            keepalive_expiry=30.0,
            http2=True,
            network_backend=CheckedBackend(allows),
        )
