"""Count how many heat maps pass their tests: of trained networks, and of networks with random weights.

`python bench/heat_maps.py measure --arch timm/tf_efficientnet_lite0 --data FOLDER --out FOLDER` measures one
architecture on the photos of a folder with one sub-folder per class; repeat it for others. `python
bench/heat_maps.py report --out FOLDER` counts what passes with each limit, by halves of
networks and images. A trained network is a pretrained one with a linear head on most of the photos; with
`--epochs N` and without `--pretrained` it starts from random weights and learns from these photos.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peakid.evaluate.heat import trusted
from peakid.imaging import pixels
from peakid.learn import embedding, heat_checks, linear_head
from peakid.learn.heat_checks import Network, Tested
from peakid.learn.network import model as models
from peakid.learn.network import weights
from peakid.learn.network.model import Card, normalise
from peakid.learn.network.randomised import randomised
from peakid.recipe import architectures

SHARES = (0.1,)  # Of the area that is hidden.
N_TRAINED = 24  # Images whose map of the trained network is tested.
N_NETWORKS, N_IMAGES = 8, 3  # Random networks, and images for each.
MAX_FIT = 280
TRAIN_BATCH, TRAIN_LR = 32, 1e-3
REGION_LIMITS = (0.05, 0.075, 0.1)
KINDS = ("trained", "all", "head")


def read(folder: Path, size_px: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return canonical pixels, labels and class names of the photos in random order."""
    class_names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    files = [(file, n) for n, name in enumerate(class_names) for file in sorted((folder / name).iterdir())]
    order = np.random.default_rng(seed).permutation(len(files))[
        : MAX_FIT + N_TRAINED + heat_checks.N_REFERENCE
    ]
    seen = [
        pixels.preprocess(files[n][0].read_bytes(), size_px=size_px, resize="crop") for n in order.tolist()
    ]
    return np.stack(seen), np.array([files[n][1] for n in order.tolist()]), class_names


def fitted(arch: str, given: str | None, card: Card, photos: np.ndarray, labels: np.ndarray) -> nn.Sequential:
    """Return a network with pretrained weights, if there are any, and a linear head fitted on the photos."""
    architecture = architectures.find(arch)
    torch.manual_seed(0)
    full = models.full_model(architecture)
    if given:
        found = weights.find(arch, given, None)
        weights.load_into(full, found, architecture)
    model = models.assemble(full, architecture, n_classes=len(card.class_names), head="linear").eval()
    if not given:
        return model
    body, features = embedding.pooled(model).eval(), []
    with torch.inference_mode():
        for start in range(0, len(photos), 16):
            features.append(body(normalise(torch.from_numpy(photos[start : start + 16]), card)))
    layer = linear_head.solve(
        torch.cat(features).clone(),
        torch.from_numpy(labels),
        strength=0.01,
        weight=torch.ones(len(labels), dtype=torch.float64),
    )
    model.load_state_dict(linear_head._state_with(model, layer))
    return model.eval()


def trained(model: nn.Sequential, card: Card, photos: np.ndarray, labels: np.ndarray, n_epochs: int) -> None:
    """Train all weights in place on photos, mirrored at random, by AdamW."""
    random = np.random.default_rng(0)
    targets = torch.from_numpy(labels)
    n_batches = max(1, len(photos) // TRAIN_BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=TRAIN_LR, weight_decay=0.05)
    falling = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=TRAIN_LR, total_steps=n_epochs * n_batches
    )
    model.train()
    for _ in range(n_epochs):
        order = random.permutation(len(photos))[: n_batches * TRAIN_BATCH].reshape(n_batches, -1)
        for rows in order:
            batch = normalise(torch.from_numpy(photos[rows]), card)  # (B, 3, S, S)
            is_mirrored = torch.from_numpy(random.random(len(rows)) < 0.5)
            batch[is_mirrored] = batch[is_mirrored].flip(3)
            loss = nn.functional.cross_entropy(model(batch), targets[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            falling.step()
    model.eval()


def tested(
    model: nn.Sequential, card: Card, batch, reference, others: list, kind: str, unit: int
) -> Iterator[dict]:
    """Yield what testing the maps of the predicted classes finds, for each hidden share."""
    network = Network(model, card, is_fast=len(batch) >= heat_checks.MIN_FAST)
    with torch.no_grad():
        classes = network.model(batch).argmax(dim=1)
    maps = Tested(network, batch, classes, *network.maps(batch, classes))
    for share in SHARES:
        heat_checks.HOT_SHARE = share
        seeds = range(1000 * unit, 1000 * unit + len(batch))
        found = heat_checks.checks(maps, heat_checks.losses(maps, others, seeds))
        for n, check in enumerate(found):
            yield {
                "arch": card.arch,
                "kind": kind,
                "unit": unit if kind != "trained" else n,
                "share": share,
                **dataclasses.asdict(check),
            }


def measure(
    arch: str, data: Path, out: Path, given: str | None, size_px: int, kinds: list[str], n_epochs: int
) -> None:
    began = time.monotonic()
    architecture = architectures.find(arch)
    size_px = architecture.fixed_size_px or size_px
    photos, labels, class_names = read(data, size_px, seed=0)
    card = Card(
        arch,
        class_names,
        size_px,
        "crop",
        architecture.mean,
        architecture.std,
        pixels.VERSION,
        {},
        "",
        {},
        "linear",
    )
    held = N_TRAINED + heat_checks.N_REFERENCE
    model = fitted(arch, given, card, photos[held:], labels[held:])
    if n_epochs and not given:
        trained(model, card, photos[held:], labels[held:], n_epochs)
    batch = normalise(torch.from_numpy(photos[:held]), card)
    with torch.inference_mode():
        n_right = int((model(batch).argmax(dim=1) == torch.from_numpy(labels[:held])).sum())
    print(f"{arch}: right on {n_right} of {held} photos that it was not fitted to")
    batch, reference = batch[:N_TRAINED], batch[N_TRAINED:]
    others = [
        Network(other, card, is_fast=False)
        for other in randomised(model, card, reference, n=heat_checks.N_NETWORKS)
    ]
    rows: list[dict] = []
    if "trained" in kinds:
        rows += tested(model, card, batch, reference, others, "trained", 0)
    for kind in [each for each in kinds if each != "trained"]:
        made = randomised(model, card, reference, n=N_NETWORKS, seed=500, kind=kind)
        for unit, other in enumerate(made):
            first = (unit * N_IMAGES) % N_TRAINED
            rows += tested(other, card, batch[first : first + N_IMAGES], reference, others, kind, unit)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{arch.replace('/', '_')}-{'-'.join(kinds)}.json").write_text(json.dumps(rows))
    print(f"{arch}: {len(rows)} rows, {time.monotonic() - began:.0f} s")


def passed(rows: list[dict], regions: float) -> tuple[int, int]:
    """Return how many of some maps pass, and of how many."""
    n = sum(
        row["hot_share"] > 0
        and row["p_regions"] <= regions + 1e-9
        and row["p_networks"] <= trusted.NETWORKS_ALPHA
        for row in rows
    )
    return n, len(rows)


def report(out: Path) -> None:
    """Print how many maps pass with each limit, on both halves of the networks and images."""
    rows = [row for file in sorted(out.glob("*.json")) for row in json.loads(file.read_text())]
    document: dict = {"limits": {}, "by_arch": {}}
    for regions in REGION_LIMITS:
        cells = {
            f"{kind}, half {half}": passed(
                [row for row in rows if row["kind"] == kind and row["unit"] % 2 == half], regions
            )
            for kind in KINDS
            for half in (0, 1)
        }
        document["limits"][regions] = cells
        shown = ", ".join(f"{name}: {n} of {n_all}" for name, (n, n_all) in cells.items())
        print(f"p_regions <= {regions:g}: {shown}")
    print(f"{'architecture':32}{'trained':>12}{'random':>12}{'random head':>14}")
    for arch in sorted({row["arch"] for row in rows}):
        of_arch = [row for row in rows if row["arch"] == arch]
        cells = {
            kind: passed([row for row in of_arch if row["kind"] == kind], trusted.REGIONS_ALPHA)
            for kind in KINDS
        }
        document["by_arch"][arch] = cells
        texts = [f"{n} of {n_all}" if n_all else "-" for n, n_all in cells.values()]
        print(f"{arch:32}{texts[0]:>12}{texts[1]:>12}{texts[2]:>14}")
    print(json.dumps(document))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("measure", "report"))
    parser.add_argument("--arch", default="timm/tf_efficientnet_lite0")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pretrained", help="`require`, or a file of weights; without it, none.")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--kinds", nargs="+", choices=("trained", "all", "head"), default=["all"])
    parser.add_argument("--epochs", type=int, default=0, help="Of training from random weights.")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "measure":
        measure(given.arch, given.data, given.out, given.pretrained, given.size, given.kinds, given.epochs)
    else:
        report(given.out)


if __name__ == "__main__":
    main()
