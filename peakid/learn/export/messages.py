"""What the process that checks an export is sent and answers: frames of bytes in, lines of JSON out."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter

from peakid.learn.export.times import Times
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import FILE_NAMES, Format
from peakid.records import RejectionReason

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True)
class Request:
    """What is to be checked. The bytes of the images follow, in two rows: first those that are compared.

    Attributes:
        folder: With the files of the export.
        work: An empty folder for the answer: `probabilities-FORMAT.npy`, float32 (n, K), and where images
            are embedded, `embeddings.npy` and `reference.npy`, float32 (n, d).
        formats: Of the files that predict; none where images are only embedded.
        n_images: Images that every file predicts.
        n_reference: Images that are only embedded.
        embeds: Embed the images with the ONNX file.
        has_times: Measure times too, with all cores; without it, images are decoded one after the other.
    """

    folder: Path
    work: Path
    card: Card
    formats: Sequence[Format]
    n_images: int
    n_reference: int = 0
    embeds: bool = False
    has_times: bool = True

    def file(self, name: Format) -> Path:
        """Return the path of the file of a format, the one to open first."""
        return self.folder.joinpath(FILE_NAMES[name])

    def encoded(self) -> bytes:
        """Return the request as the first frame."""
        return frame(json.dumps(asdict(self), default=str).encode())

    @classmethod
    def of(cls, content: bytes) -> "Request":
        """Read the first frame."""
        found = json.loads(content)
        found["card"] |= {name: tuple(found["card"][name]) for name in ("mean", "std")}
        card = Card(**found.pop("card"))
        return cls(Path(found.pop("folder")), Path(found.pop("work")), card, **found)


@dataclass(frozen=True)
class Done:
    """The end of the answer.

    Attributes:
        times: By format.
        process_id: Of the process that checked the files.
    """

    times: Mapping[str, Times]
    machine: str
    process_id: int


@dataclass(frozen=True)
class Line:
    """One line of the answer: progress, the end, or why it cannot go on.

    Attributes:
        error: '' = none. `reason` is that of an image that cannot be decoded.
    """

    phase: str = ""
    step: int = 0
    total: int = 0
    message: str = ""
    error: str = ""
    reason: RejectionReason | None = None
    remedy: str = ""
    done: Done | None = None

    def encoded(self) -> bytes:
        """Return the line as JSON, with its end."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, content: bytes) -> "Line":
        """Read a line."""
        return TypeAdapter(cls).validate_json(content)


def frame(content: bytes) -> bytes:
    """Return content with its length in front."""
    return _LENGTH.pack(len(content)) + content


def read_frame(stream: BinaryIO) -> bytes:
    """Read the content of the next frame.

    Raises:
        EOFError: If the sender has gone.
    """
    header = stream.read(_LENGTH.size)
    if len(header) == _LENGTH.size:
        [n_bytes] = _LENGTH.unpack(header)
        content = stream.read(n_bytes)
        if len(content) == n_bytes:
            return content
    raise EOFError("The process that sends the images has ended.")
