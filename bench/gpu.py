"""How busy Peakid keeps a GPU: `python bench/gpu.py`; elsewhere its code is tried with `--device cpu --tiny`.

Peakid's training path, with fastai's learner and drawn photos in its pixel cache, is compared with the same
learner on one constant batch that is on the device already (the ceiling), and with a plain PyTorch loop over
the same files with one worker per core.
"""

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import photos
import torch
from fastai.callback.core import Callback, CancelValidException
from fastai.data.core import DataLoaders
from torch import nn
from train_throughput import Files, Sent, Task

from peakid.learn import fit
from peakid.learn.batches import data, loaders
from peakid.learn.batches.loaders import GatherLoader
from peakid.learn.network import model
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import no_report

NO_GPU = "There is no GPU here that torch can use: nothing was measured."


class Ceiling(GatherLoader):
    """Answers one batch again and again, as many as an epoch has."""

    def __iter__(self) -> Iterator[Any]:
        return (self.batch for _ in range(len(self)))


class Stopwatch(Callback):
    """Times epochs of learning and leaves out valid."""

    learn: Any

    def __init__(self) -> None:
        self.rates: list[float] = []

    def before_train(self) -> None:
        _wait(self.dls.device)
        self.began = time.perf_counter()

    def after_train(self) -> None:
        _wait(self.dls.device)
        n_batches = len(self.dls.train)
        self.rates.append(n_batches * self.dls.train.bs / (time.perf_counter() - self.began))

    def before_validate(self) -> None:
        raise CancelValidException


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def recipe_of(arch: str, batch: int, size_px: int, device: torch.device) -> Recipe:
    return Recipe(arch=arch, pretrained="none", image_size_px=size_px, batch_size=batch, device=device.type)


def real(task: Task, recipe: Recipe) -> DataLoaders:
    """Peakid's loaders over the photos; a last batch that is not full is left out by `whole`."""
    options: dict[str, Any] = {"cache_dir": task.cache_dir, "report": no_report, "should_stop": lambda: False}
    kept = data.prepare_all(task.images(), recipe, [task.kept_px], **options)[task.kept_px]
    return loaders.make(task.images(), kept, recipe, architectures.find(recipe.arch), task.device)


def ceiling(task: Task, recipe: Recipe) -> DataLoaders:
    """Loaders of the same length whose one batch is on the device, normalised, in channels-last order."""
    dls = real(task, recipe)
    dls.train.__class__ = Ceiling
    dls.train.dataset.feed = None  # Its pixels leave the device.
    shape = (recipe.batch_size, 3, recipe.image_size_px, recipe.image_size_px)
    x = torch.randn(shape, device=task.device).to(memory_format=torch.channels_last)
    dls.train.batch = (x, torch.arange(recipe.batch_size, device=task.device) % len(task.class_names))
    return dls


def learned(dls: DataLoaders, recipe: Recipe, n_classes: int, epochs: int) -> list[float]:
    """Train all layers with Peakid's learner. Return images per second of each epoch but the first."""
    torch.manual_seed(0)
    watch = Stopwatch()
    learner = fit.make_learner(model.build(recipe.arch, n_classes=n_classes), dls, recipe, [watch])
    with learner.no_bar(), learner.no_logging():
        for _epoch in range(epochs + 1):
            learner.fit(1, lr=1e-4)
    return watch.rates[1:]


def looped(task: Task, recipe: Recipe, epochs: int) -> list[float]:
    """Train in a plain loop over files that workers open, with autocast, channels-last and pinned memory."""
    torch.manual_seed(0)
    network = (
        model.build(recipe.arch, n_classes=len(task.class_names))
        .to(task.device, memory_format=torch.channels_last)
        .train()
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    workers, is_gpu = min(16, os.cpu_count() or 1), task.device.type == "cuda"
    given: dict[str, Any] = {
        "num_workers": workers,
        "pin_memory": is_gpu,
        "persistent_workers": True,
        "drop_last": True,
    }
    loader = torch.utils.data.DataLoader(
        Files(task, is_changed=True), batch_size=recipe.batch_size, shuffle=True, **given
    )
    batches, rates = Sent(loader, task.device), []
    for _epoch in range(epochs + 1):
        _wait(task.device)
        began = time.perf_counter()
        for x, y in batches:
            with torch.autocast(task.device.type, torch.bfloat16, enabled=is_gpu):
                loss = nn.functional.cross_entropy(network(x.to(memory_format=torch.channels_last)), y)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
        _wait(task.device)
        rates.append(len(loader) * recipe.batch_size / (time.perf_counter() - began))
    return rates[1:]


def measured(task: Task, arch: str, batch: int, given: argparse.Namespace) -> dict[str, Any]:
    """Let the three take turns and answer their medians."""
    recipe, n_classes = recipe_of(arch, batch, task.size_px, task.device), len(task.class_names)
    rates: dict[str, list[float]] = {"ceiling": [], "peakid": [], "plain": []}
    if task.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    placement = real(task, recipe).train.dataset.feed.placement
    for _round in range(given.rounds):
        rates["ceiling"] += learned(ceiling(task, recipe), recipe, n_classes, given.epochs)
        rates["peakid"] += learned(real(task, recipe), recipe, n_classes, given.epochs)
        rates["plain"] += looped(task, recipe, 1)
        gc.collect()
    peak = torch.cuda.max_memory_allocated() / 1e9 if task.device.type == "cuda" else None
    middle = {name: statistics.median(of) for name, of in rates.items()}
    share = middle["peakid"] / middle["ceiling"]
    return {
        "arch": arch,
        "batch": batch,
        "placement": placement,
        "median": middle,
        "all": rates,
        "share": share,
        "peak_gb": peak,
    }


def report(rows: list[dict[str, Any]]) -> None:
    print(
        f"{'images a second':16}{'batch':>6}{'ceiling':>10}{'peakid':>10}{'share':>8}{'plain':>10}"
        f"{'peak GB':>9}  pixels"
    )
    for row in rows:
        of, peak = row["median"], "" if row["peak_gb"] is None else f"{row['peak_gb']:.1f}"
        figures = (
            f"{of['ceiling']:>10.0f}{of['peakid']:>10.0f}{row['share']:>8.0%}{of['plain']:>10.0f}{peak:>9}"
        )
        print(f"{row['arch']:16}{row['batch']:>6}{figures}  {row['placement']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--arch", nargs="+", default=["resnet50", "convnext_tiny"])
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=4, help="In each of the rounds.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--tiny", action="store_true", help="Small photos, a small network: to see that it runs."
    )
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print(NO_GPU)
        print(json.dumps({"bench": "gpu", "skipped": NO_GPU}))
        sys.exit(0)
    size, size_px = photos.SIZE, 224
    if given.tiny:
        given.arch, given.batch, given.images, given.epochs, given.rounds = ["small_resnet"], [4], 14, 1, 1
        size, size_px = (120, 90), 32
    device = torch.device(given.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(
        f"{name}; torch {version('torch')}, fastai {version('fastai')}, {os.cpu_count()} cores,"
        f" {given.images} photos, {size_px} px"
    )
    with tempfile.TemporaryDirectory() as folder:
        files = photos.draw(Path(folder) / "photos", given.images, size)
        task = Task(files, size_px, device, Path(folder) / "cache")
        rows = [measured(task, arch, batch, given) for arch in given.arch for batch in given.batch]
    report(rows)
    print(json.dumps({"bench": "gpu", "device": name, "size_px": size_px, "rows": rows}))


if __name__ == "__main__":
    main()
