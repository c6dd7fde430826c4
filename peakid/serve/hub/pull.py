"""Pull the files of a model repository: those with a checksum, and nothing where there are pickles."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from peakid import clean_text, paths
from peakid.errors import BadInput, ChecksumWrong
from peakid.recipe import export_formats
from peakid.records import Report, no_report
from peakid.serve import opening
from peakid.serve.hub import client, pickles
from peakid.serve.hub.push import CHECKSUMS

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

MAX_FILES = 200
MAX_BYTES = 4 * 2**30
MAX_CHECKSUMS_BYTES = 2**20
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<name>[^\r\n]{1,300})")


@dataclass(frozen=True)
class PulledFile:
    name: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True)
class Pulled:
    """One revision, as it was pulled. `class_names` are those of its card."""

    endpoint: str
    repository: str
    revision: str
    url: str
    files: tuple[PulledFile, ...]
    class_names: tuple[str, ...]


def find_revision(repository: str, revision: str, *, endpoint: str) -> str:
    """Return the commit that a branch, tag or commit of a repository is at now.

    Raises:
        BadInput, NotFound, HubRefused, FetchFailed: As `pull`.
    """
    name = client.checked_repository(repository)
    with client.explaining(name, endpoint):
        return _info(client.connect(endpoint), name, revision, endpoint)[0]


def pull(
    repository: str, revision: str, folder: Path, *, endpoint: str, report: Report = no_report
) -> Pulled:
    """Download a revision of a repository into an empty folder and check it.

    Args:
        revision: A commit, so that all files are of the same one.

    Raises:
        BadInput: If the repository has pickles, no card or no checksums, or is too large.
        ChecksumWrong: If a file is not the one that the checksums name.
        NotFound, HubRefused, FetchFailed: As `client.explaining`.
        WeightsUnfit: If the card is damaged.
    """
    name = client.checked_repository(repository)
    api = client.connect(endpoint)
    with client.explaining(name, endpoint):
        commit, info = _info(api, name, revision, endpoint)
        sizes = _sizes(info, name)
        _download(api, name, commit, CHECKSUMS, folder)
        wanted = _wanted(folder / CHECKSUMS, sizes, name)
        found = []
        for step, (each, digest) in enumerate(wanted.items(), 1):
            report("Pulling", step, len(wanted), each)
            found.append(_checked(_download(api, name, commit, each, folder), each, digest))
    card = opening.card(folder)
    url = f"{endpoint}/{name}/tree/{commit}"
    return Pulled(endpoint, name, commit, url, tuple(found), tuple(card.class_names))


def _info(api: "HfApi", name: str, revision: str, endpoint: str) -> "tuple[str, ModelInfo]":
    info = api.model_info(name, revision=revision, files_metadata=True)
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", str(info.sha)):
        raise BadInput(f"{endpoint} names no commit of {name}.", "Check that it is an address of the Hub.")
    return str(info.sha), info


def _sizes(info: "ModelInfo", name: str) -> dict[str, int]:
    """Return the size of each file of a repository that may be pulled.

    Raises:
        BadInput: If it may not.
    """
    listed = {str(each.rfilename): int(each.size or 0) for each in info.siblings or ()}
    if bad := sorted(each for each in listed if pickles.is_named_as_pickle(each)):
        raise BadInput(
            f"{name} has files that may run code when they are opened: {_some(bad)}. Nothing was pulled.",
            "Ask its owner for a repository without them.",
        )
    for needed in (export_formats.CARD, CHECKSUMS):
        if needed not in listed:
            raise BadInput(
                f"{name} has no {needed}: it is no model that Peakid pushed. Nothing was pulled.",
                "Choose a repository that Peakid pushed.",
            )
    n_bytes = sum(listed.values())
    if listed[CHECKSUMS] > MAX_CHECKSUMS_BYTES or n_bytes > MAX_BYTES:
        raise BadInput(
            f"{name} has {n_bytes / 2**30:.1f} GB, over the limit of {MAX_BYTES / 2**30:.0f} GB.",
            "Choose a smaller model.",
        )
    return listed


def _wanted(checksums: Path, sizes: dict[str, int], name: str) -> dict[str, str]:
    """Return the digest of each file to pull.

    Raises:
        BadInput: If a line is no checksum, or names a file that is not there or leads elsewhere.
    """
    lines = checksums.read_bytes()[:MAX_CHECKSUMS_BYTES].decode("utf-8", "replace").splitlines()
    matches = [_LINE.fullmatch(line) for line in lines if line.strip()]
    if not matches or len(matches) > MAX_FILES or not all(matches):
        raise BadInput(
            f"The {CHECKSUMS} of {name} is damaged. Nothing was pulled.", "Ask its owner to push it again."
        )
    wanted = {each["name"]: each["digest"] for each in matches if each}
    if bad := sorted(each for each in wanted if not paths.is_inside(each) or each not in sizes):
        raise BadInput(
            f"{name} lacks files that its {CHECKSUMS} names: {_some(bad)}. Nothing was pulled.",
            "Ask its owner to push it again.",
        )
    if export_formats.CARD not in wanted:
        raise BadInput(
            f"The {CHECKSUMS} of {name} has no line for {export_formats.CARD}. Nothing was pulled.",
            "Ask its owner to push it again.",
        )
    return wanted


def _download(api: "HfApi", name: str, commit: str, file: str, folder: Path) -> Path:
    return Path(api.hf_hub_download(name, file, revision=commit, local_dir=folder, force_download=True))


def _checked(path: Path, name: str, digest: str) -> PulledFile:
    content = path.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != digest:
        raise ChecksumWrong(
            f"{clean_text.clean_text(name)} has the SHA-256 {found[:8]}, but {CHECKSUMS} has {digest[:8]}."
            " Nothing was pulled.",
            "Try again; if it stays so, ask the owner of the repository to push it again.",
        )
    if pickles.holds_pickle(name, content):
        raise BadInput(
            f"{clean_text.clean_text(name)} may run code when it is opened. Nothing was pulled.",
            "Ask its owner for a repository without such files.",
        )
    return PulledFile(name, digest, len(content))


def _some(names: list[str]) -> str:
    shown = ", ".join(clean_text.clean_text(name)[:80] for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
