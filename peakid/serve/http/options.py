"""What a prediction server is told when it is built."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from peakid import checked_network
from peakid.serve.http.limits import Limits


@dataclass(frozen=True)
class Correction:
    """What a person says that a photo shows. `predicted` is '' where the model abstained."""

    content: bytes
    class_name: str
    predicted: str
    confidence: float | None


@dataclass(frozen=True)
class ServerOptions:
    """Attributes:
    threshold: Confidence in 0..1 below which the model abstains; None = that of the export.
    own_hosts: Names, besides this machine's own, under which the server may be reached; None = any name.
    limits: Sizes, numbers and times.
    allows: Whether `url=` may lead to an IP address.
    title: What the page calls the model, such as "Export 3"; '' = nothing.
    correct: Stores a correction and returns the id of its image; None = no photo is ever stored.
    """

    threshold: float | None = None
    own_hosts: tuple[str, ...] | None = ()
    limits: Limits = field(default_factory=Limits)
    allows: Callable[[str], bool] = checked_network.is_public
    title: str = ""
    correct: Callable[[Request, Correction], int] | None = None
