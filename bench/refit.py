"""Compare the sizes of `quick`, and its head with one that was refitted on train and validation.

`bench/refit.py --data FOLDER [--seeds 20] [--cache FOLDER]`. Both heads have the penalty that the validation
images choose. Groups of near duplicates stay in one split of 70, 15 and 15 %.
"""

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path

import noisy
import numpy as np
import torch
from torch import nn

from peakid.dataset import split as splits
from peakid.learn import linear_head
from peakid.records import Group

COLLECTIONS, SIZES_PX = ("otters", "intel6", "summits14"), (160, 224)


def dealt(whole: noisy.Collection, seed: int) -> dict[str, np.ndarray]:
    """Return the rows of each split, dealt by group as a snapshot does."""
    groups = []
    for key in np.unique(whole.groups):
        rows = np.flatnonzero(whole.groups == key)
        names = tuple(whole.class_names[label] for label in whole.labels[rows])
        groups.append(Group(str(rows[0]), tuple(map(str, rows)), names))
    of = splits.partition(groups, {}, {}, fractions=splits.DEFAULT_FRACTIONS, seed=seed)
    return {name: np.array([int(row) for row in of if of[row] == name]) for name in splits.SPLITS}


def accuracies(whole: noisy.Collection, seed: int) -> tuple[float, float]:
    """Return the test accuracy of the head fitted on train, and of that refitted on train and validation."""
    features, labels = torch.from_numpy(whole.features), torch.from_numpy(whole.labels)
    rows = {name: torch.from_numpy(each) for name, each in dealt(whole, seed).items()}
    train, valid, test = (rows[name] for name in splits.SPLITS)

    def solved(at: torch.Tensor, strength: float) -> linear_head.Layer:
        weight = torch.ones(len(at), dtype=torch.float64)
        return linear_head.solve(features[at], labels[at], strength=strength, weight=weight)

    layers = {strength: solved(train, strength) for strength in linear_head.STRENGTHS}
    losses = {
        strength: float(nn.functional.cross_entropy(layer.logits(features[valid]), labels[valid]))
        for strength, layer in layers.items()
    }
    best = min(losses, key=losses.__getitem__)
    both = (layers[best], solved(torch.cat([train, valid]), best))
    first, second = (
        float((layer.logits(features[test]).argmax(1) == labels[test]).float().mean()) for layer in both
    )
    return first, second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the collections")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--cache", type=Path, help="a folder for embeddings, to be used again")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    print(f"{'collection':10} {'px':>4} {'train':>6} {'refit':>6}  difference (95 %)")
    for name in COLLECTIONS:
        for size_px in SIZES_PX:
            whole = noisy.load(name, given.data, given.cache, size_px=size_px)
            found = np.array([accuracies(whole, seed) for seed in range(given.seeds)])
            mean, low, high = noisy.mean_interval(found[:, 1] - found[:, 0])
            train, refit = found.mean(axis=0)
            interval = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
            print(f"{name:10} {size_px:4} {train:6.3f} {refit:6.3f}  {interval}")
            rows.append(
                {
                    "collection": name,
                    "size_px": size_px,
                    "train": train,
                    "refit": refit,
                    "difference": [mean, low, high],
                }
            )
    machine = {"torch": version("torch"), "python": platform.python_version()}
    print(json.dumps({"bench": "refit", "seeds": given.seeds, "rows": rows, **machine}))


if __name__ == "__main__":
    main()
