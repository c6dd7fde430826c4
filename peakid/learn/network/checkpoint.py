"""A training's state on disk, so that what was killed goes on where it stood: written aside, renamed, and read only if whole."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

KEPT = 2  # The newest and, should that be damaged, the one before.


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training in one folder.

    Attributes:
        identity: Of what is trained on what; a checkpoint of another training is never read.
    """

    folder: Path
    identity: str

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write a state: tensors as safetensors, the rest as JSON, which comes last and vouches for both.

        Raises:
            OSError: If it cannot be written; the former checkpoints are as they were.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        number = max([0, *map(_number, self._cards())]) + 1
        file = self.folder / f"checkpoint-{number:06d}.safetensors"
        _write(
            file,
            lambda partial: save_file(
                {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}, partial
            ),
        )
        document = {"identity": self.identity, "sha256": _digest(file), "facts": dict(facts)}
        _write(
            file.with_suffix(".json"),
            lambda partial: partial.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8"),
        )
        self._drop(keep=KEPT)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Answer the newest state that is whole and belongs to this training; None where there is none."""
        for card in self._cards():
            try:
                document = json.loads(card.read_text(encoding="utf-8"))
                file = card.with_suffix(".safetensors")
                if document["identity"] == self.identity and document["sha256"] == _digest(file):
                    return load_file(file), document["facts"]
            except (OSError, ValueError, KeyError, TypeError, SafetensorError):
                continue  # Half-written or damaged: the one before is tried.
        return None

    def clear(self) -> None:
        """Remove all of them: a training that is done needs none."""
        self._drop(keep=0)

    def _cards(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*.json"), key=_number, reverse=True)

    def _drop(self, *, keep: int) -> None:
        """Remove all but the newest, and what was never finished."""
        kept = {card.stem for card in self._cards()[:keep]}
        for file in self.folder.glob("checkpoint-*"):
            if file.name.split(".")[0] not in kept:
                file.unlink(missing_ok=True)


def identity(*parts: Any) -> str:
    """Name a training by everything it follows from: 64 hex digits."""
    return hashlib.sha256(json.dumps(parts, default=str, ensure_ascii=False).encode()).hexdigest()


def _number(card: Path) -> int:
    match = re.fullmatch(r"checkpoint-(\d+)", card.stem)
    return int(match.group(1)) if match else 0


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(file: Path, write: Callable[[Path], Any]) -> None:
    partial = file.with_name(f"{file.name}.partial")
    try:
        write(partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(file)
    except SafetensorError as error:  # Its word for a full disk, too.
        raise OSError(str(error)) from error
    finally:
        partial.unlink(missing_ok=True)
