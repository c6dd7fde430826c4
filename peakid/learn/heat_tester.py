"""Tests the heat maps of a run's model, block by block, from the bytes of the images."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from peakid.errors import NotFound, UnreadableImage
from peakid.imaging import gate, pixels
from peakid.learn import heat_checks
from peakid.learn.network import predict
from peakid.learn.network.model import Card
from peakid.run_records import HeatCheck

THREADS = 4  # Pillow decodes without the interpreter's lock.

Pair = tuple[str, int]
"""A digest and a class, as its index in the class names of the card."""
Read = Callable[[str], bytes]
"""Gives the bytes of an image by its digest; called from several threads at once."""


@dataclass(frozen=True)
class TestedMaps:
    """What became of a block.

    Attributes:
        pairs: The n whose image could be read.
        heat: Their maps, uint8 (n, 32, 32).
        unread: Why the other images could not be read, by digest.
    """

    pairs: Sequence[Pair]
    heat: np.ndarray
    checks: Sequence[HeatCheck]
    unread: dict[str, str]


@dataclass(frozen=True)
class HeatTester:
    """A model with what its maps are tested with.

    Attributes:
        reference: Canonical pixels, uint8 (n, S, S, 3), of the same images of the run each time.
        n_readers: Threads that read images side by side.
    """

    model: nn.Sequential
    card: Card
    device: torch.device
    read: Read
    reference: np.ndarray
    n_readers: int = THREADS

    def predicted(self, digest: str) -> int:
        """Return the class that the model predicts for an image.

        Raises:
            UnreadableImage: If it cannot be decoded.
        """
        batch = pixels_of(self.card, self.read(digest))[None]
        return int(predict.pred_probs(self.model, batch, self.card, device=self.device)[0].argmax())

    def test(
        self,
        pairs: Sequence[Pair],
        *,
        advance: Callable[[float], None] = lambda share: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> TestedMaps:
        """Return the tested maps of a block. In their last bits they depend on what else is in it.

        Args:
            advance: Called with the share that is done, in 0..1.

        Raises:
            Stopped: If `should_stop` returns True.
        """
        decoded, unread = self._decoded(list(dict.fromkeys(digest for digest, _ in pairs)))
        readable = [pair for pair in pairs if pair[0] in decoded]
        if not readable:
            empty = np.zeros((0, heat_checks.GRID, heat_checks.GRID), dtype=np.uint8)
            return TestedMaps([], empty, [], unread)
        found = heat_checks.explain(
            self.model,
            self.card,
            np.stack([decoded[digest] for digest, _ in readable]),
            [class_index for _, class_index in readable],
            reference=self.reference,
            seeds=[int(digest[:8], 16) + class_index for digest, class_index in readable],
            device=self.device,
            advance=advance,
            should_stop=should_stop,
        )
        return TestedMaps(
            readable, np.stack([heat for heat, _ in found]), [each for _, each in found], unread
        )

    def _decoded(self, digests: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        def one(digest: str) -> np.ndarray | str:
            try:
                return pixels_of(self.card, self.read(digest))
            except (UnreadableImage, NotFound) as error:
                return f"{digest[:12]}: {error.message}"

        with ThreadPoolExecutor(self.n_readers) as pool:
            found = dict(zip(digests, pool.map(one, digests), strict=True))
        return (
            {digest: each for digest, each in found.items() if not isinstance(each, str)},
            {digest: each for digest, each in found.items() if isinstance(each, str)},
        )


def of_model(
    model: nn.Sequential,
    card: Card,
    *,
    read: Read,
    reference: Sequence[str],
    device: torch.device,
    n_readers: int | None = None,
) -> HeatTester:
    """Return a tester of a model in eval mode.

    Args:
        reference: Digests that can be read, the same ones each time.
        n_readers: None = as from a disk.

    Raises:
        NotFound: If an image of the reference has gone.
        UnreadableImage: If one cannot be decoded.
    """
    shown = np.stack([pixels_of(card, read(digest)) for digest in reference])
    return HeatTester(model, card, device, read, shown, n_readers or THREADS)


def pixels_of(card: Card, content: bytes) -> np.ndarray:
    """Return what the network sees of an image: canonical pixels, uint8 (S, S, 3)."""
    return gate.call(pixels.preprocess, content, size_px=card.image_size_px, resize=card.resize)
