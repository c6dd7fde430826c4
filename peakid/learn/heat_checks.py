"""Test heat maps: a map is to mark what the score of a trained network depends on.

The hot region of a map is hidden, and the score lost is compared with two kinds of loss, each by a one-sided
p-value, the rank of the map among the others:

1. the same region is moved to random places (`p_regions`);
2. randomised networks lose their own score by their own maps (`p_networks`): a network that learned nothing
   is one of them, and loses more than all n others with probability 1 / (n + 1).

How similar the map is to those of randomised networks is only stated: they mark what stands out, and where
one thing stands out and the trained network looks at it, the maps are rightly the same.

A hidden region shows the image with `BLURRED` cells per side. One colour instead would be a thing of its own,
with edges; what is left of the image by the blur is left in the other regions too.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy
import torch
from torch import Tensor, nn

from peakid.learn import heat_maps
from peakid.learn.batches.data import Stopped
from peakid.learn.network import model as models
from peakid.learn.network.frozen import frozen
from peakid.learn.network.model import Card
from peakid.learn.network.predict import in_parts
from peakid.learn.network.randomised import randomised
from peakid.recipe import architectures
from peakid.run_records import HeatCheck

GRID = 32  # Cells per side of a stored map and of the regions that are hidden.
HOT_SHARE = 0.1  # Of the area of an image.
BLURRED = 6  # Cells per side of what is shown in a hidden region.
N_REGIONS = 39  # Moved regions per map: the smallest p-value is 1 / 40.
N_NETWORKS = 20  # Randomised networks: the smallest p-value is 1 / 21.
MIN_FAST = 16  # Maps from which on folding the norms of each network pays.
BATCH_SIZE = 32  # Hidden images at once: the activations of 64 fit no cache.
N_REFERENCE = 16  # Images on which the norms of randomised networks are measured.


class Network:
    """A network whose maps are tested, in eval mode. The given one stays as it is.

    Args:
        is_fast: Fold its norms, which takes as long as some thirty images gain.
    """

    def __init__(self, model: nn.Sequential, card: Card, *, is_fast: bool = True) -> None:
        device = next(model.parameters()).device
        if is_fast and device.type == "cpu":
            model = cast(nn.Sequential, frozen(model, size_px=architectures.find(card.arch).fixed_size_px))
        self.model = model
        self.at = heat_maps.target(self.model, card.arch)

    def maps(self, batch: Tensor, classes: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return the maps as `cells` does, and the log-odds of the classes, float64 (B,)."""
        heat, scores = np.zeros((len(batch), GRID, GRID), dtype=np.float32), np.zeros(len(batch))

        def part(start: int, end: int) -> None:
            maps, logits = heat_maps.grad_cam(self.model, batch[start:end], classes[start:end], self.at)
            heat[start:end], scores[start:end] = cells(maps), log_odds(logits, classes[start:end])

        in_parts(len(batch), part, size=BATCH_SIZE)
        return heat, scores

    def scores(self, batch: Tensor, classes: Tensor) -> np.ndarray:
        """Return the log-odds of the classes, float64 (B,)."""
        found = np.zeros(len(batch))

        def part(start: int, end: int) -> None:
            found[start:end] = log_odds(self.model(batch[start:end]), classes[start:end])

        with torch.inference_mode():
            in_parts(len(batch), part, size=BATCH_SIZE)
        return found


@dataclass(frozen=True)
class Tested:
    """M maps under test.

    Attributes:
        batch: The normalised images, float32 (M, 3, S, S).
        classes: The class that each map explains, int64 (M,).
        heat: The maps, float32 (M, GRID, GRID), in 0..1.
        scores: The network's log-odds of the classes, float64 (M,).
    """

    network: Network
    batch: Tensor
    classes: Tensor
    heat: np.ndarray
    scores: np.ndarray

    def lost(self, heat: np.ndarray) -> np.ndarray:
        """Return the score lost when what these maps mark is hidden: (M, GRID, GRID) to float64 (M,)."""
        hot = np.stack([hot_region(each) for each in heat])
        parts = [hidden(image, region[None]) for image, region in zip(self.batch, hot, strict=True)]
        return self.scores - self.network.scores(torch.cat(parts), self.classes)

    def lost_elsewhere(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the score lost when the hot regions are moved: float64 (M, N_REGIONS)."""
        lost = np.zeros((len(self.batch), N_REGIONS))
        for n, (image, heat, seed) in enumerate(zip(self.batch, self.heat, seeds, strict=True)):
            rng, region = np.random.default_rng(seed), hot_region(heat)
            regions = np.stack([moved(region, rng) for _ in range(N_REGIONS)])
            hidden_scores = self.network.scores(hidden(image, regions), self.classes[n].expand(N_REGIONS))
            lost[n] = self.scores[n] - hidden_scores
        return lost


@dataclass(frozen=True)
class Losses:
    """What M maps are compared with.

    Attributes:
        own: Score lost by each map, float64 (M,).
        elsewhere: By its region moved to random places, float64 (M, N_REGIONS).
        of_networks: What randomised networks lose by their own maps, float64 (N_NETWORKS, M).
        similarity: Rank correlation with their maps, float64 (n, M).
    """

    own: np.ndarray
    elsewhere: np.ndarray
    of_networks: np.ndarray
    similarity: np.ndarray


def explain(
    model: nn.Sequential,
    card: Card,
    pixels: np.ndarray,
    classes: Sequence[int],
    *,
    reference: np.ndarray,
    seeds: Sequence[int],
    device: torch.device,
    advance: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[tuple[np.ndarray, HeatCheck]]:
    """Return the map of each image for its class, uint8 (GRID, GRID), with what testing it found.

    Args:
        pixels: Canonical pixels, uint8 (M, S, S, 3).
        classes: M classes, in 0..K-1.
        reference: Canonical pixels of images of the run, uint8 (n, S, S, 3); always the same ones, so that
            the randomised networks are always the same.
        seeds: M numbers that decide where the regions are moved to.
        advance: Called with the share that is done, in 0..1.

    Raises:
        Stopped: If `should_stop` returns True.
    """
    model.to(device)
    of_class = torch.tensor(classes, device=device)
    network = Network(model, card, is_fast=len(pixels) >= MIN_FAST)
    batch = models.normalise(torch.from_numpy(pixels).to(device), card)  # (M, 3, S, S)
    tested = Tested(network, batch, of_class, *network.maps(batch, of_class))
    shown = models.normalise(torch.from_numpy(reference).to(device), card)  # (n, 3, S, S)

    def others() -> Iterator[Network]:
        for number, other in enumerate(randomised(model, card, shown, n=N_NETWORKS)):
            if should_stop():
                raise Stopped
            advance(number / N_NETWORKS)
            yield Network(other, card, is_fast=len(pixels) >= MIN_FAST)

    found = checks(tested, losses(tested, others(), seeds))
    return list(zip(np.rint(255 * tested.heat).astype(np.uint8), found, strict=True))


def losses(tested: Tested, others: Iterable[Network], seeds: Sequence[int]) -> Losses:
    """Hide what the maps under test mark, and what they are compared with.

    Args:
        others: Randomised networks.
    """
    of_networks: list[np.ndarray] = []
    similarity: list[np.ndarray] = []
    for other in others:
        theirs = Tested(other, tested.batch, tested.classes, *other.maps(tested.batch, tested.classes))
        of_networks.append(theirs.lost(theirs.heat))
        similarity.append(similarities(tested.heat, theirs.heat))
    return Losses(
        own=tested.lost(tested.heat),
        elsewhere=tested.lost_elsewhere(seeds),
        of_networks=np.array(of_networks),
        similarity=np.array(similarity),
    )


def checks(tested: Tested, found: Losses) -> list[HeatCheck]:
    """Return what testing each of the M maps found."""
    without = tested.scores - found.own
    return [
        HeatCheck(
            probability=_probability(tested.scores[n]),
            hidden_probability=_probability(without[n]),
            lost=float(lost),
            lost_elsewhere=float(np.median(found.elsewhere[n])),
            p_regions=p_value(lost, found.elsewhere[n]),
            p_networks=p_value(lost, found.of_networks[:, n]),
            similarity=float(np.median(found.similarity[:, n])),
            hot_share=float(hot_region(tested.heat[n]).mean()),
        )
        for n, lost in enumerate(found.own)
    ]


def cells(maps: Tensor) -> np.ndarray:
    """Return maps (B, H, W) as float32 (B, GRID, GRID), interpolated, the highest value of each 1.

    A map that is 0 everywhere stays 0.
    """
    fine = nn.functional.interpolate(maps[:, None].float(), size=(GRID, GRID), mode="bilinear")[:, 0]
    highest = fine.amax(dim=(1, 2), keepdim=True)  # (B, 1, 1)
    return torch.where(highest > 0, fine / highest.clamp_min(1e-30), 0.0).cpu().numpy()


def hot_region(heat: np.ndarray) -> np.ndarray:
    """Return the hottest cells of a map, bool (GRID, GRID): `HOT_SHARE` of them, or all that are over 0."""
    n = min(round(HOT_SHARE * heat.size), int((heat > 0).sum()))
    region = np.zeros(heat.size, dtype=bool)
    region[np.argsort(-heat.ravel(), kind="stable")[:n]] = True
    return region.reshape(heat.shape)


def moved(region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a region at a random place, maybe mirrored; what leaves at one side enters at the other."""
    flipped = region[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    return np.roll(flipped, rng.integers(0, len(region), size=2), axis=(0, 1))


def blurred(batch: Tensor) -> Tensor:
    """Return images (B, 3, S, S) without their details, in the same shape."""
    coarse = nn.functional.adaptive_avg_pool2d(batch, BLURRED)  # (B, 3, BLURRED, BLURRED)
    return nn.functional.interpolate(coarse, size=tuple(batch.shape[2:]), mode="bilinear")


def hidden(image: Tensor, regions: np.ndarray) -> Tensor:
    """Return an image (3, S, S) once for each region (n, GRID, GRID), blurred there: (n, 3, S, S)."""
    masks = torch.from_numpy(regions).to(image.device)[:, None].float()
    masks = nn.functional.interpolate(masks, size=tuple(image.shape[1:]), mode="nearest")  # (n, 1, S, S)
    return torch.where(masks > 0, blurred(image[None]), image)  # (n, 3, S, S)


def log_odds(logits: Tensor, classes: Tensor) -> np.ndarray:
    """Return the log-odds of a class against all others: logits (B, K) and int64 (B,) to float64 (B,)."""
    own = logits.double().gather(1, classes[:, None])[:, 0]
    others = logits.double().scatter(1, classes[:, None], -torch.inf).logsumexp(dim=1)
    return (own - others).cpu().numpy()


def similarities(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the rank correlation of each pair of maps, both (B, GRID, GRID), in -1..1; 0 for an even map."""
    ranks = [scipy.stats.rankdata(each.reshape(len(each), -1), axis=1) for each in (a, b)]
    first, second = (each - each.mean(axis=1, keepdims=True) for each in ranks)  # (B, GRID * GRID)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.divide((first * second).sum(axis=1), norms, out=np.zeros(len(a)), where=norms > 0)


def p_value(own: float, others: np.ndarray) -> float:
    """Return how often one of the others is at least as large, counting this one too: in 0..1."""
    return (1 + int((others >= own).sum())) / (1 + len(others))


def _probability(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))
