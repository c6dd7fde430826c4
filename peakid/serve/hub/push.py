"""Push the files of a bundle to a model repository: private unless it is asked for, and without pickles."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peakid.errors import BadInput
from peakid.recipe import export_formats
from peakid.serve.hub import client, pickles

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CHECKSUMS, MODEL_CARD, README = "checksums.txt", "MODEL_CARD.md", "README.md"


@dataclass(frozen=True)
class Pushed:
    """A revision that has the files. `url` is its page."""

    endpoint: str
    repository: str
    revision: str
    url: str
    is_public: bool


def without_pickles(contents: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that may be pushed, and the names of those that hold pickles and are left out.

    The card and the checksums no longer name what is left out. The model card is repeated as README.md, which
    the Hub shows.
    """
    left = sorted(name for name, content in contents.items() if pickles.holds_pickle(name, content))
    kept = {name: content for name, content in contents.items() if name not in left}
    if left:
        card: dict[str, Any] = json.loads(kept[export_formats.CARD])
        card["files"] = [each for each in card["files"] if each["name"] not in left]
        kept[export_formats.CARD] = json.dumps(card, ensure_ascii=False, indent=1).encode()
    kept[README] = kept[MODEL_CARD]
    kept[CHECKSUMS] = _checksums({name: each for name, each in kept.items() if name != CHECKSUMS})
    return kept, left


def push(
    contents: Mapping[str, bytes], repository: str, *, is_public: bool, message: str, endpoint: str
) -> Pushed:
    """Push files as one commit to a repository, which is created if there is none.

    Nothing is pushed to a repository that everybody can read unless `is_public`. A private repository stays
    private.

    Args:
        contents: By name, as `without_pickles` returns them.
        is_public: Whether everybody may see the files: a new repository becomes public.
        message: Of the commit.
        endpoint: Address of the Hub.

    Raises:
        BadInput: If the repository is public and that was not asked for.
        NotFound, HubRefused, FetchFailed: As `client.explaining`.
    """
    name = client.checked_repository(repository)
    api = client.connect(endpoint)
    client.require_login(endpoint)
    with client.explaining(name, endpoint):
        is_private = _visibility(api, name)
        if is_private is None:
            api.create_repo(name, private=not is_public, exist_ok=True)
            is_private = _visibility(api, name)
        if not is_private and not is_public:
            raise BadInput(
                f"Everybody can read {name} on {endpoint}, so nothing was pushed.",
                "Make the repository private, choose another one, or ask for a public model.",
            )
        found = api.create_commit(name, _operations(contents), commit_message=message)
    return Pushed(endpoint, name, found.oid, f"{endpoint}/{name}/tree/{found.oid}", not is_private)


def _visibility(api: "HfApi", name: str) -> bool | None:
    """Return whether a repository is private, None if there is none."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return bool(api.model_info(name).private)
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 404:
            return None
        raise


def _operations(contents: Mapping[str, bytes]) -> "list[Any]":
    from huggingface_hub import CommitOperationAdd

    # Streams, not bytes: they are sent with the documented upload over HTTP.
    return [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=io.BytesIO(each))
        for name, each in contents.items()
    ]


def _checksums(contents: Mapping[str, bytes]) -> bytes:
    lines = sorted((name, hashlib.sha256(content).hexdigest()) for name, content in contents.items())
    return "".join(f"{digest}  {name}\n" for name, digest in lines).encode()
