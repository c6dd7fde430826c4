"""What an error of an image store means: one that may pass, or one that a person must fix."""

import errno
import socket

from peakid.errors import PeakidError, StoreRefused
from peakid.store_urls import StoreUrl

# By the classes of botocore, aiohttp and gcsfs, which may not be installed. `ClientError` of botocore has an
# answer of the server and is not among them.
_LOST_CLASSES = frozenset(
    (
        *("EndpointConnectionError", "ConnectionClosedError", "ConnectTimeoutError", "ReadTimeoutError"),
        *("HTTPClientError", "ProxyConnectionError", "IncompleteReadError", "ResponseStreamingError"),
        *("ClientConnectorError", "ClientOSError", "ServerDisconnectedError", "ClientPayloadError"),
        *("ServerTimeoutError", "ClientConnectorDNSError", "FSTimeoutError", "IncompleteRead"),
        *("ResponseParserError", "ClientConnectionError", "TransportError"),
    )
)
_LOST_NUMBERS = frozenset(
    (
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ETIMEDOUT),
        *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENETRESET),
        *(errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EBUSY)),  # As s3fs names 503 and 500.
    )
)
_BUSY_CODES = frozenset(
    ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "500", "502", "503", "504", "429")
)
_LOGIN_CODES = frozenset(
    (
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "NotSignedUp"),
        *("TokenRefreshRequired", "RequestTimeTooSkewed", "AccountProblem", "ExpiredTokenException"),
        *("AuthorizationHeaderMalformed", "InvalidSecurity", "AuthFailure"),
    )
)
_NO_LOGIN_CLASSES = frozenset(
    (
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
        *("NoAuthTokenError", "TokenRetrievalError", "DefaultCredentialsError", "RefreshError"),
        *("SSOTokenLoadError", "UnauthorizedSSOTokenError", "InvalidConfigError"),
    )
)
_WHERE = "Set them in the environment of this machine, as s3fs and gcsfs read them; they are stored nowhere."


def is_lost(error: BaseException) -> bool:
    """Return whether an error says that the connection is lost or the server is busy: it may pass."""
    for each in _chain(error):
        if isinstance(each, TimeoutError | ConnectionError | socket.gaierror):
            return True
        if type(each).__name__ in _LOST_CLASSES or _code(each) in _BUSY_CODES:
            return True
        if isinstance(each, OSError) and each.errno in _LOST_NUMBERS:
            return True
    return False


def reason(error: BaseException) -> str:
    """Return why a store is not reached, in a few words without the values of the environment."""
    for each in _chain(error):
        if isinstance(each, ConnectionRefusedError) or getattr(each, "errno", None) == errno.ECONNREFUSED:
            return "connection refused"
        if isinstance(each, socket.gaierror) or "DNS" in type(each).__name__:
            return "its server is not found"
        if "Timeout" in type(each).__name__:
            return "no answer in time"
        if _code(each) in _BUSY_CODES:
            return "its server is busy"
    return "connection lost"


def refusal(error: BaseException, url: StoreUrl) -> PeakidError | None:
    """Return the error for a store that accepts no request at all; None for one about a single object."""
    if isinstance(error, PeakidError):
        return error
    for each in _chain(error):
        if type(each).__name__ in _NO_LOGIN_CLASSES:
            return StoreRefused(f"There are no usable credentials for {url.server}.", _WHERE)
        if _code(each) in _LOGIN_CODES:
            why = f"{url.server} does not accept the credentials ({_code(each)})."
            return StoreRefused(why, f"Check them. {_WHERE}")
        if _code(each) == "NoSuchBucket":
            return no_bucket(url)
    return None


def refusal_of_place(error: BaseException, url: StoreUrl) -> PeakidError:
    """Return the error for a place that cannot be listed or written."""
    if found := refusal(error, url):
        return found
    if isinstance(error, PermissionError):
        return StoreRefused(
            f"{url.server} gives no access to {url}.", f"Check the rights of the credentials. {_WHERE}"
        )
    if isinstance(error, FileNotFoundError):
        return no_bucket(url)
    text = " ".join(str(error).split())[:200]
    return StoreRefused(f"{url} cannot be used: {type(error).__name__}: {text}", "Check the address.")


def no_bucket(url: StoreUrl) -> StoreRefused:
    """Return the error for an address whose bucket does not exist."""
    what = "bucket" if url.bucket else "folder"
    name = url.bucket or str(url)
    return StoreRefused(f"There is no {what} {name!r} ({url}).", "Check the address.")


def _code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    found = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(found if found is not None else getattr(error, "code", ""))  # gcsfs: HttpError.code


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in found:
        found.append(each)
        each = each.__cause__ or each.__context__ or getattr(each, "os_error", None)
    return found
