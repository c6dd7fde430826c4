"""Talk to the Hugging Face Hub, or to a server that answers as it does, and put its errors into words."""

import contextlib
import re
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from peakid import files
from peakid.errors import BadInput, FetchFailed, HubRefused, NotFound, PeakidError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TIMEOUT_S = 60.0  # Without an answer; the library itself would wait forever.
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def checked_repository(repository: str) -> str:
    """Return the name of a repository, `owner/name`.

    Raises:
        BadInput: If it is none.
    """
    name = repository.strip().strip("/")
    if not _REPOSITORY.fullmatch(name) or ".." in name or "--" in name or name.endswith((".git", ".", "-")):
        raise BadInput(
            f"{repository[:120]!r} is not a repository of the Hub.",
            "Write it as OWNER/NAME, with letters, digits, '-', '_' and '.'.",
        )
    return name


def connect(endpoint: str) -> "HfApi":
    """Return the interface to the server at an address, which waits `TIMEOUT_S` for an answer.

    The token is that of HF_TOKEN or of the login of the library; it is read by the library alone.
    """
    import huggingface_hub  # Slow to import, and few commands need it.
    from huggingface_hub.utils import disable_progress_bars, logging

    disable_progress_bars()
    logging.set_verbosity_error()
    huggingface_hub.get_session().timeout = TIMEOUT_S
    return huggingface_hub.HfApi(endpoint=endpoint, library_name="peakid")


def require_login(endpoint: str) -> None:
    """Raise if there is no token: nothing can be pushed without one.

    Raises:
        HubRefused: With what to do.
    """
    import huggingface_hub

    if not huggingface_hub.get_token():
        raise HubRefused(
            f"There is no login for {endpoint}.",
            "Create a token with the right to write there, and set it as HF_TOKEN or log in with it.",
        )


@contextlib.contextmanager
def explaining(repository: str, endpoint: str) -> Generator[None]:
    """Put the errors of the block into words. No message has a token.

    Raises:
        NotFound: If there is no such repository or revision, or it is hidden from this login.
        HubRefused: If the login is refused or lacks a right.
        FetchFailed: If the server does not answer, answers with an error or breaks off.
    """
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except PeakidError:
        raise
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise _of_status(status, repository, endpoint, _wait_s(error)) from error
    except (_transport_error(), OSError, RuntimeError, ValueError) as error:
        raise _other(error, repository, endpoint) from error


def _transport_error() -> type[Exception]:
    """Return HTTPError of httpx or httpx2: the version of huggingface_hub decides which of them it uses."""
    from huggingface_hub.errors import HfHubHTTPError

    found = HfHubHTTPError.__bases__[0]
    return found if issubclass(found, Exception) else OSError


def _of_status(status: int, repository: str, endpoint: str, wait_s: int | None) -> PeakidError:
    if status == 401:
        return HubRefused(
            f"{endpoint} refuses the login, or {repository} is private and needs one.",
            "Set HF_TOKEN to a valid token, or log in again. Check the name of the repository, too.",
        )
    if status == 403:
        return HubRefused(
            f"This login has no right to do that in {repository} on {endpoint}.",
            "Use a token with the right to write there, or ask the owner of the repository.",
        )
    if status == 404:
        return NotFound(
            f"{endpoint} has no {repository} with what was asked for, or hides it from this login.",
            "Check the name and the revision. A private repository needs a login.",
        )
    if status == 429:
        wait = f" It asks to wait {wait_s} seconds." if wait_s else ""
        return FetchFailed(f"{endpoint} gets too many requests from here.{wait}", "Try again later.")
    if status >= 500:
        return FetchFailed(f"{endpoint} has an error of its own (status {status}).", "Try again later.")
    return FetchFailed(
        f"{endpoint} does not accept the request about {repository} (status {status}).",
        "Check the name of the repository. A newer Peakid or huggingface_hub may help.",
    )


def _wait_s(error: Exception) -> int | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    text = str(headers.get("retry-after", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _other(error: Exception, repository: str, endpoint: str) -> PeakidError:
    """Explain what the library raises besides errors of a status: often around the true cause."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if response is not None and hasattr(response, "status_code"):
            return _of_status(response.status_code, repository, endpoint, None)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, OSError) and (found := files.explained(error, Path())) is not None:
        return found
    return _broken(repository, endpoint)


def _broken(repository: str, endpoint: str) -> FetchFailed:
    return FetchFailed(
        f"The connection to {endpoint} about {repository} failed or broke off.",
        "Check the network and the address, and try again. Nothing was stored.",
    )
