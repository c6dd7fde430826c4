"""What a job takes from the settings of the process that submits it; it travels in the job's row as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError


@dataclass(frozen=True)
class JobSettings:
    """The settings of one job. A worker and the process of a job read none of their own.

    The defaults are those of a machine without settings.

    Attributes:
        weights_dir: Absolute path of the user's folder of weight files; None = there is none.
        hub_dir: Absolute path of torch's folder of downloaded weights; None = where torch looks.
        timm_dir: Absolute path of the cache from which timm reads weights; None = it is not searched.
        state_dir: Absolute path of the user's state, where the use of quotas is kept; None = it is not kept.
        contact: What servers find in the user agent when photos are collected.
        fetch_private: Whether they may be collected from this machine and its network, too.
        sources_url: A server that is asked in place of the services of photos; '' = the services.
        auto_embed: Whether the job may start one that computes embeddings of new images.
        embed_views: Views of each photo whose mean the live head learns from; 1 = the photo as it is.
        cache_gb: Maximal size of the pixel cache in 10^9 bytes.
        object_cache_gb: Maximal size of the cache of originals from image stores, in 10^9 bytes.
        s3_endpoint: The server that is asked in place of Amazon S3; '' = what the environment names.
        max_image_bytes: Largest file that is read as an image.
        max_image_pixels: Most pixels of one image.
        decode_limit_s: Seconds for decoding one file.
        decode_limit_bytes: Memory for decoding one file.
        visible_gpus: `CUDA_VISIBLE_DEVICES` of the submitter; None = not set.
        engine: What computes the shards of the job.
        n_workers: Its processes. 0: the local engine uses none, the job does the work in its own process;
            Ray uses one for each core.
        ray_address: Of a Ray cluster; '' = Ray is started on this machine.
    """

    weights_dir: Path | None = None
    hub_dir: Path | None = None
    timm_dir: Path | None = None
    state_dir: Path | None = None
    auto_embed: bool = True
    embed_views: int = 2
    contact: str = ""
    fetch_private: bool = False
    sources_url: str = ""
    cache_gb: float = 20.0
    object_cache_gb: float = 10.0
    s3_endpoint: str = ""
    max_image_bytes: int = 100 * 2**20
    max_image_pixels: int = 200_000_000
    decode_limit_s: float = 5.0
    decode_limit_bytes: int = 960 * 2**20
    visible_gpus: str | None = None
    engine: Literal["local", "ray"] = "local"
    n_workers: int = 0
    ray_address: str = ""

    @property
    def cache_bytes(self) -> int:
        return round(self.cache_gb * 1e9)

    def to_json(self) -> Mapping[str, object]:
        """Return the settings as stored in `job.settings`."""
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }


def parse(stored: object) -> JobSettings | None:
    """Return stored settings as a record; keys that only another version knows are ignored.

    None for an empty document, as of a job of an earlier version, and for values of another shape.
    """
    if not stored or not isinstance(stored, dict):
        return None
    try:
        return _ADAPTER.validate_python(stored)
    except ValidationError:
        return None


_ADAPTER = TypeAdapter(JobSettings)
