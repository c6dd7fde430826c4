"""Settings of one machine: PEAKID_* environment variables and peakid.toml. Only this module reads them."""

import getpass
import os
import pwd
import secrets
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from peakid import files, hosts, settings_file
from peakid.errors import BadInput
from peakid.hosts import Host
from peakid.job_settings import JobSettings
from peakid.settings_file import SettingsFile

PlainPath = Annotated[Path, AfterValidator(settings_file.plain_text)]
PlainText = Annotated[str, AfterValidator(settings_file.plain_text)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# The published builds of ONNX Runtime 1.31 send usage data to Microsoft unless this is set before they are
# imported (its Privacy.md). A value that is set already stays: someone chose it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

CONFIG_NAME = "peakid.toml"
NOBODY = "someone"  # Who acts where no name of a person is known.
SYSTEM_ACCOUNTS = frozenset(
    (
        *("root", "admin", "administrator", "ubuntu", "debian", "ec2-user", "daemon", "system"),
        *("service", "www-data", "user", "docker", "node", "jovyan", "vscode", "runner", "streamlit"),
        *("appuser", "app", "default"),
    )
)  # Of operating systems, images of containers and services, in lower case.
UNPRIVILEGED_UID = 65_534  # The account without rights, as which services run on Linux.
_GPUS = "CUDA_VISIBLE_DEVICES"


class Settings(BaseSettings):
    """Environment variables come first, then peakid.toml in the working folder, then the defaults below.

    Raises:
        BadInput: If peakid.toml cannot be read, has an unknown key, or a value does not fit.
    """

    model_config = SettingsConfigDict(env_prefix="PEAKID_", toml_file="peakid.toml", extra="ignore")

    workspace: PlainPath = Path("workspace")
    actor: PlainText = ""
    weights: PlainPath | None = None
    max_image_bytes: int = Field(100 * 2**20, gt=0)
    max_image_pixels: int = Field(200_000_000, gt=0)  # A 14,000 x 14,000 scan; 600 MB as RGB.
    decode_limit_s: Positive = 5.0  # For one file that is alone in the decoding process.
    # Memory of the decoding process: 200 million grey pixels take 1.0 GB. With the process that waits for it,
    # it stays below 1.2 GB.
    decode_limit_bytes: int = Field(960 * 2**20, gt=0)
    # Decoded pixels on disk, in 10^9 bytes: 200,000 images of 184 px. Reading is 20 times as fast as
    # decoding.
    cache_gb: float = Field(20.0, ge=0, allow_inf_nan=False)
    auto_embed: bool = True  # Compute embeddings after each import and scan, in the background.
    # Views of each photo whose mean the live head learns from, computed after the embeddings. 1: none.
    embed_views: Annotated[Literal[1, 2, 4], BeforeValidator(int)] = 2
    worker_idle_s: float = Field(60.0, ge=0, allow_inf_nan=False)
    # The process that keeps the suggestions up to date has the embeddings in memory.
    suggester_idle_s: float = Field(600.0, ge=0, allow_inf_nan=False)
    # The process that answers photos with the model of a run has it in memory, and torch.
    predictor_idle_s: float = Field(300.0, ge=0, allow_inf_nan=False)
    # Hosts other than loopback, separated by commas: a name or address, with a port or for any.
    allowed_hosts: Annotated[PlainText, AfterValidator(settings_file.fitting_hosts)] = ""
    # Folders that pages may read, write and open, separated by colons. Empty: all that this user can read.
    allowed_folders: Annotated[PlainText, AfterValidator(settings_file.fitting_folders)] = ""
    # Places in image stores that pages may import from, separated by commas. Empty: none.
    allowed_stores: Annotated[PlainText, AfterValidator(settings_file.fitting_stores)] = ""
    # The server that is asked in place of Amazon S3, such as MinIO. Empty: AWS_ENDPOINT_URL, if it is set.
    s3_endpoint: Annotated[PlainText, AfterValidator(settings_file.fitting_endpoint)] = ""
    # Originals of image stores that were read lately, in 10^9 bytes, in the cache of each workspace.
    object_cache_gb: float = Field(10.0, ge=0, allow_inf_nan=False)
    engine: Literal["local", "ray"] = "local"  # What computes the shards of jobs.
    # Processes of the engine. 0: the local engine uses none; Ray uses one for each core.
    workers: int = Field(0, ge=0, le=10_000)
    ray_address: PlainText = ""  # Of a Ray cluster. Empty: RAY_ADDRESS, else Ray is started on this machine.
    contact: PlainText = ""  # A page or address that servers find in the user agent of collections.
    fetch_private: bool = False  # Whether collections may fetch from this machine and its network.
    flickr_key: SecretStr = SecretStr("")  # Of the Flickr API. Keys are stored nowhere.
    openverse_token: SecretStr = SecretStr("")  # An access token of the Openverse API, for higher limits.
    # A server that is asked in place of the services of photos, each under its name, such as a mirror.
    sources_url: PlainText = ""
    recent_workspaces: int = Field(12, ge=0, le=100)  # How many are listed; 0: no list is kept.
    password: Annotated[SecretStr, AfterValidator(settings_file.fitting_password)] = SecretStr(
        ""
    )  # Empty: none is asked.
    feedback: bool = False  # Prediction pages of the app store photos whose prediction a person corrects.
    max_body_bytes: int = Field(
        512 * 2**20, gt=0
    )  # One request to the web app; a little over server.maxUploadSize.

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            file = config_file()
            raise settings_file.explained(error, type(self).model_fields, file, os.environ) from error

    def actor_name(self) -> str:
        """Return who acts: PEAKID_ACTOR, or the user of the operating system, as `human:NAME`.

        An account of the system, such as root, is the name of no person: it is `human:someone`.
        """
        name = self.actor or _system_user()
        name = name if is_person(name) else NOBODY
        return name if name.startswith(("human:", "import:", "model:")) else f"human:{name}"

    def decoding(self) -> dict[str, str]:
        """Return the limits of decoding by name, as arguments for `environment`."""
        names = ("max_image_bytes", "max_image_pixels", "decode_limit_s", "decode_limit_bytes")
        return {name: str(getattr(self, name)) for name in names}

    def own_hosts(self) -> list[Host]:
        """Return the hosts besides loopback that the app may be reached by."""
        return [hosts.parse(entry) for entry in settings_file.entries(self.allowed_hosts)]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SettingsFile(settings_cls, toml_file=config_file())


def is_person(name: str) -> bool:
    """Return whether a name can be that of a person, not of an account of the system."""
    plain = name.strip().removeprefix("human:").casefold()
    return bool(plain) and plain not in SYSTEM_ACCOUNTS and plain != _unprivileged_account()


@cache
def _unprivileged_account() -> str:
    try:
        return pwd.getpwuid(UNPRIVILEGED_UID).pw_name
    except KeyError:
        return ""


def config_file() -> Path:
    """Return the path of peakid.toml: PEAKID_CONFIG, else in the working folder. It may not exist."""
    return files.expanded(os.environ.get("PEAKID_CONFIG") or CONFIG_NAME)


def read() -> Settings:
    """Return the settings as they are now, parsed again only after a change. Do not change the result."""
    return _parsed(settings_file.version(config_file(), os.environ))


@cache
def current() -> Settings:
    """Read the settings once per process; in the process of a job they are those of the job."""
    return _of_job or Settings()


def for_job() -> JobSettings:
    """Read what a job submitted now takes along. Pages and commands show what they compute from it."""
    chosen = Settings()
    return JobSettings(
        weights_dir=files.expanded(chosen.weights) if chosen.weights else None,
        hub_dir=torch_checkpoints().absolute(),
        timm_dir=timm_cache().absolute(),
        state_dir=state_folder().absolute(),
        auto_embed=chosen.auto_embed,
        embed_views=chosen.embed_views,
        contact=chosen.contact,
        fetch_private=chosen.fetch_private,
        sources_url=chosen.sources_url,
        cache_gb=chosen.cache_gb,
        object_cache_gb=chosen.object_cache_gb,
        s3_endpoint=chosen.s3_endpoint,
        max_image_bytes=chosen.max_image_bytes,
        max_image_pixels=chosen.max_image_pixels,
        decode_limit_s=chosen.decode_limit_s,
        decode_limit_bytes=chosen.decode_limit_bytes,
        visible_gpus=os.environ.get(_GPUS),
        engine=chosen.engine,
        n_workers=chosen.workers,
        ray_address=chosen.ray_address or os.environ.get("RAY_ADDRESS", ""),
    )


def use(job: JobSettings, *, keeps_gpus: bool = False) -> None:
    """Make the settings of a job those of this process, before it imports torch.

    Args:
        keeps_gpus: The process sees the GPUs that were given to it, whatever the submitter saw.
    """
    global _of_job
    _of_job = Settings.model_construct(
        weights=job.weights_dir,
        cache_gb=job.cache_gb,
        object_cache_gb=job.object_cache_gb,
        s3_endpoint=job.s3_endpoint,
        max_image_bytes=job.max_image_bytes,
        max_image_pixels=job.max_image_pixels,
        decode_limit_s=job.decode_limit_s,
        decode_limit_bytes=job.decode_limit_bytes,
    )
    current.cache_clear()
    if keeps_gpus:
        return
    os.environ.pop(_GPUS, None)
    if job.visible_gpus is not None:
        os.environ[_GPUS] = job.visible_gpus


_of_job: Settings | None = None
_parsed = lru_cache(maxsize=1)(lambda version: Settings())


def environment(**values: str) -> dict[str, str]:
    """Return the environment for a child process, with PEAKID_<NAME> set for every keyword.

    PYTHONPATH is set too, so that the child imports this package even where it is not installed. The password
    of the app, the tokens of the Hugging Face Hub and the credentials of image stores and of Ray clusters are
    not in it: a process that decodes untrusted images must not have them.
    """
    paths = [str(Path(__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {f"PEAKID_{name.upper()}": value for name, value in values.items()}
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in _SECRETS and not _is_credential(name)
    }
    return {**inherited, "PYTHONPATH": os.pathsep.join(paths), **own}


_KEYS = ("flickr_key", "openverse_token")
_SECRETS = frozenset(
    {"PEAKID_PASSWORD", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", *(f"PEAKID_{each.upper()}" for each in _KEYS)}
)


def service_key(name: str) -> str:
    """Return a key of a service by the name of its setting, such as `flickr_key`; '' = there is none.

    In the process of a job it is that of the process that started the worker: keys are stored nowhere.
    """
    if _of_job is not None:
        return os.environ.get(f"PEAKID_{name.upper()}", "")
    value: SecretStr = getattr(Settings(), name)
    return value.get_secret_value()


def bare_environment() -> dict[str, str]:
    """Return the environment of a worker and of a job: without settings, which travel in the job.

    The keys of services are an exception, because a job is stored and they must not be.
    """
    bare = {name: value for name, value in environment().items() if not name.startswith("PEAKID_")}
    keys = {f"PEAKID_{name.upper()}": key for name, key in service_keys().items()}
    return bare | keys | credentials()


_CREDENTIALS = (
    *("AWS_", "FSSPEC_", "GOOGLE_APPLICATION_CREDENTIALS", "BOTO_CONFIG"),
    "RAY_AUTH_TOKEN",  # Whoever has it can run code on all machines of the cluster.
)


def _is_credential(name: str) -> bool:
    return name.upper().startswith(_CREDENTIALS)


def credentials() -> dict[str, str]:
    """Return the credentials that s3fs, gcsfs and Ray read, for processes that reach stores or a cluster."""
    return {name: value for name, value in os.environ.items() if _is_credential(name)}


def worker_environment(n_threads: int) -> dict[str, str]:
    """Return the environment of a process that computes shards: no settings, its share of cores."""
    bare = {name: value for name, value in environment().items() if not name.startswith("PEAKID_")}
    own = {name: str(n_threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return bare | credentials() | own


def prepare_ray(*, is_started: bool) -> None:
    """Set what Ray reads when it is loaded, unless someone chose it: no reports of its use to its makers.

    Args:
        is_started: It is started here, not connected to: it asks for a token that only this process and
            its workers have. Without one, whoever reaches its ports can run code.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if is_started and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    # The workers of a cluster on this machine import this package where it is not installed.
    os.environ["PYTHONPATH"] = environment()["PYTHONPATH"]


def loopback_environment() -> dict[str, str]:
    """Return what keeps the exchange between ranks of this machine on its loopback interface."""
    return {"GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo"}


def rank_of_process() -> int:
    """Return the number that torchrun's launcher gave to this process."""
    return int(os.environ["RANK"])


def service_keys() -> dict[str, str]:
    """Return the keys of services that are set, by the names of their settings."""
    return {name: key for name in _KEYS if (key := service_key(name))}


def torch_checkpoints() -> Path:
    """Return the folder in which torch keeps downloaded weights, without importing torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return files.expanded(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"


def timm_cache() -> Path:
    """Return the folder in which timm keeps downloaded weights: that of the Hugging Face client."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return files.expanded(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def hub_endpoint() -> str:
    """Return the address of the Hugging Face Hub, or of the server that HF_ENDPOINT names in its place."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def password_needed(address: str) -> BadInput:
    """Return the error for serving the app on an address that other machines reach, without a password."""
    return BadInput(
        f"Without a password, everyone who can reach {address or 'any address of this machine'} could see and"
        " change everything.",
        "Set PEAKID_PASSWORD before the start: PEAKID_PASSWORD='a long password' peakid app"
        f" --address {address or '0.0.0.0'}. Or serve it on 127.0.0.1.",
    )


def state_folder() -> Path:
    """Return the folder for what belongs to this user on this machine and to no workspace."""
    return files.expanded(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "peakid"


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container without a passwd entry.
        return NOBODY
