"""What a worker computes of a shard with the files of an export: what they predict in a fresh process."""

import platform
import tempfile
from pathlib import Path

import numpy as np

from peakid.engines import locations
from peakid.engines.records import Shard
from peakid.errors import JobError, NotFound
from peakid.job_settings import JobSettings
from peakid.jobs.maps import packing, units
from peakid.records import no_report

CHECK = "peakid.jobs.maps.proof_units:check_files"
VERSION = 1  # Increased when the unit gives another result for the same shard.


def check_files(shard: Shard, settings: JobSettings) -> bytes:
    """Return what the files of one format predict for images, in the order of the shard.

    The fresh process gets a folder with nothing but these files. The arguments are the names of the `files`
    with their SHA-256, the `formats` to predict with, whether the ONNX file `embeds`, and the `card`. The
    arrays are `probabilities`, float32 (n, K), and `embeddings`, float32 (n, d), where they were asked for.
    """
    from peakid.learn.export import checking
    from peakid.learn.network.model import Card

    read, given = locations.reader(shard), shard.arguments
    card = Card(**given["card"] | {name: tuple(given["card"][name]) for name in ("mean", "std")})
    with tempfile.TemporaryDirectory(prefix="peakid-check-") as own:
        for name, sha256 in given["files"].items():
            (Path(own) / name).symlink_to(_checked(Path(shard.files["export"]), name, sha256))
        answer = checking.check(
            Path(own),
            card,
            given["formats"],
            images=((digest, read(position)) for position, digest in enumerate(shard.digests)),
            n_images=len(shard.digests),
            embeds=given["embeds"],
            has_times=False,
            report=no_report,
        )
    arrays: dict[str, np.ndarray] = {}
    for name in given["formats"]:  # One, or none where images are only embedded.
        arrays["probabilities"] = answer.probabilities[name]
    if answer.embeddings is not None:
        arrays["embeddings"] = answer.embeddings
    return packing.packed(None, **arrays)


def _checked(folder: Path, name: str, sha256: str) -> Path:
    """Return the path of a file of an export.

    Raises:
        JobError: If this machine does not see it, or it is another one.
    """
    try:
        found = units.model_sha256(folder, name)
    except NotFound as error:
        raise JobError(
            f"The worker on {platform.node()} does not see the export: there is no {folder / name}.",
            "Export into a folder on a disk that every machine has under the same path.",
        ) from error
    if found != sha256:
        raise JobError(f"The file {folder / name} was changed meanwhile.", "Export again.")
    return folder / name
