"""The state of a training on disk, from which it is resumed; only complete checkpoints are read."""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from peakid import files
from peakid.recipe import run_files, weight_files

KEPT = 2  # The newest and, should that be damaged, the one before.


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training in one folder.

    Attributes:
        identity: Of the images, recipe and weights; a checkpoint with another identity is never read.
    """

    folder: Path
    identity: str

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write a state: tensors as safetensors, then a card with everything else and the tensors' SHA-256.

        Raises:
            OSError: If it cannot be written; earlier checkpoints are unchanged.
        """
        number = max([0, *map(_number, self._cards())]) + 1
        file = self.folder / f"{run_files.CHECKPOINT}{number:06d}.safetensors"
        # Copied, so that no view of a larger tensor is saved with all of it.
        copied = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
        with files.replacing(file, is_synced=True) as part:
            try:
                save_file(copied, part)
            except SafetensorError as error:  # A full disk too.
                raise OSError(str(error)) from error
        document = {"identity": self.identity, "sha256": weight_files.digest(file), "facts": dict(facts)}
        text = json.dumps(document, ensure_ascii=False)
        files.write_text(file.with_suffix(".json"), text, is_synced=True)
        self._remove_all_but(*(card.stem for card in self._cards()[:KEPT]))

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the newest state that is whole and belongs to this training; None where there is none."""
        for card in self._cards():
            try:
                facts = self._facts(card)
                if facts is not None:
                    return load_file(card.with_suffix(".safetensors")), facts
            except (OSError, ValueError, KeyError, TypeError, SafetensorError):
                continue  # Incomplete or damaged: try the one before.
        return None

    def keep_newest(self) -> None:
        """Remove all but the newest whole state: a stopped training may wait for long before it continues."""
        for card in self._cards():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                if self._facts(card) is not None:
                    self._remove_all_but(card.stem)
                    return

    def clear(self) -> None:
        """Remove all checkpoints: a finished training needs none."""
        self._remove_all_but()

    def _facts(self, card: Path) -> dict[str, Any] | None:
        """Return what a card says beside its tensors; None where they are damaged or of another training."""
        document = json.loads(card.read_text(encoding="utf-8"))
        is_whole = document["sha256"] == weight_files.digest(card.with_suffix(".safetensors"))
        return document["facts"] if document["identity"] == self.identity and is_whole else None

    def _cards(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*.json"), key=_number, reverse=True)

    def _remove_all_but(self, *kept: str) -> None:
        """Remove all but those with these names, and files that were never completed."""
        # Temporary files of a killed process start with a dot.
        for file in [*self.folder.glob("checkpoint-*"), *self.folder.glob(".checkpoint-*")]:
            if file.name.split(".")[0] not in kept:
                file.unlink(missing_ok=True)


def identity(*parts: Any) -> str:
    """Return a name for a training that follows from everything it depends on: 64 hex digits."""
    return hashlib.sha256(json.dumps(parts, default=str, ensure_ascii=False).encode()).hexdigest()


def _number(card: Path) -> int:
    match = re.fullmatch(r"checkpoint-(\d+)", card.stem)
    return int(match.group(1)) if match else 0
