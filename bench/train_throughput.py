"""Measure images per second of Peakid, fastai and a plain PyTorch loop: `python bench/train_throughput.py`.

It has three parts: loaders alone, training end to end, and with `--accuracy --data FOLDER` the score after
the same epochs. All of them use the same photos, size, batch size, model and kinds of random change, and take
turns in rounds. `--quick` is a short run.
"""

import argparse
import copy
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import accuracy
import numpy as np
import photos
import torch
import torchvision
from fastai.data.transforms import Normalize
from fastai.vision.augment import Resize, aug_transforms
from fastai.vision.data import ImageDataLoaders
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from peakid.learn.batches import augment, data, loaders
from peakid.learn.batches.data import TrainingImages
from peakid.learn.network import model
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import no_report

ARCH = architectures.find("resnet18")
BATCH = 32
WORKERS = min(16, os.cpu_count() or 1)  # fastai's default.


@dataclass
class Task:
    """The photos, as each contender takes them."""

    files: list[Path]
    size_px: int
    device: torch.device
    cache_dir: Path
    rates: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @property
    def class_names(self) -> list[str]:
        return sorted({file.parent.name for file in self.files})

    @property
    def kept_px(self) -> int:
        return data.with_margin(self.size_px, 1.0)

    def images(self) -> TrainingImages:
        """Return the photos, all but two in train. Their paths serve as digests."""
        labels = np.array([self.class_names.index(file.parent.name) for file in self.files])
        splits = ["valid", "valid"] + ["train"] * (len(self.files) - 2)
        return TrainingImages(
            [str(f) for f in self.files],
            labels,
            splits,
            self.class_names,
            lambda name: Path(name).read_bytes(),
        )

    def note(self, part: str, name: str, rate: float) -> None:
        self.rates.setdefault(part, {}).setdefault(name, []).append(rate)


def cpu_s() -> float:
    """Return the CPU seconds of this process and its ended children, such as the workers of a loader."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peakid(task: Task, *, is_changed: bool = True) -> Iterable[Any]:
    """Peakid's training loader, reading its cache on disk."""
    recipe = Recipe(
        arch=ARCH.name, image_size_px=task.size_px, batch_size=BATCH, augment=1.0 if is_changed else 0.0
    )
    kept = data.prepare_all(
        task.images(),
        recipe,
        [task.kept_px],
        cache_dir=task.cache_dir,
        report=no_report,
        should_stop=lambda: False,
    )[task.kept_px]
    dls = loaders.make(task.images(), kept, recipe, ARCH, task.device)
    if not is_changed:
        dls.train.after_batch.fs.clear()
    return dls.train


def fastai(task: Task, *, is_changed: bool = True) -> Iterable[Any]:
    """fastai as in its tutorial: Resize for each item, aug_transforms for each batch, its default workers."""
    changes = aug_transforms(
        max_rotate=augment.MAX_TURN_DEG,
        max_zoom=augment.MAX_ZOOM,
        max_lighting=augment.MAX_LIGHT,
        max_warp=0.0,
        size=task.size_px,
    )
    changes = [*changes, Normalize.from_stats(ARCH.mean, ARCH.std, cuda=False)] if is_changed else []
    names = [file.parent.name for file in task.files]
    kept = Resize(task.kept_px)
    dls = ImageDataLoaders.from_lists(
        "/",
        task.files,
        names,
        valid_pct=0.0,
        item_tfms=kept,
        batch_tfms=changes,
        bs=BATCH,
        device=task.device,
    )
    if not is_changed:
        dls.train.after_batch.fs.clear()
    return dls.train


class Files(torch.utils.data.Dataset):
    """One photo at a time, opened, changed and normalised, as PyTorch's own examples do it."""

    def __init__(self, task: Task, *, is_changed: bool) -> None:
        turn, light = augment.MAX_TURN_DEG, augment.MAX_LIGHT
        crop = v2.RandomResizedCrop(task.size_px, scale=(1 / augment.MAX_ZOOM**2, 1.0), ratio=(1.0, 1.0))
        change = [crop, v2.RandomHorizontalFlip(), v2.RandomRotation(turn), v2.ColorJitter(light, light)]
        form = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(ARCH.mean, ARCH.std)]
        self.files, self.names = task.files, task.class_names
        self.change = v2.Compose(
            [*change, *form]
            if is_changed
            else [v2.Resize(task.kept_px), v2.CenterCrop(task.kept_px), v2.ToImage()]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[i]) as image:
            return self.change(image.convert("RGB")), self.names.index(self.files[i].parent.name)


class Sent:
    """A loader whose batches go to the device."""

    def __init__(self, batches: Iterable[Any], device: torch.device) -> None:
        self.batches, self.device = batches, device

    def __iter__(self) -> Iterator[Any]:
        return (
            (x.to(self.device, non_blocking=True), y.to(self.device, non_blocking=True))
            for x, y in self.batches
        )


def plain(task: Task, *, is_changed: bool = True) -> Iterable[Any]:
    pinned = task.device.type == "cuda"
    given = Files(task, is_changed=is_changed)
    return Sent(
        torch.utils.data.DataLoader(
            given, batch_size=BATCH, shuffle=True, num_workers=WORKERS, pin_memory=pinned
        ),
        task.device,
    )


CONTENDERS: dict[str, Callable[..., Iterable[Any]]] = {"peakid": peakid, "fastai": fastai, "plain": plain}


def drained(task: Task, name: str, *, is_changed: bool) -> None:
    """Take one epoch from a loader and do nothing with it."""
    loader = CONTENDERS[name](task, is_changed=is_changed)
    wall, cpu, n = time.perf_counter(), cpu_s(), 0
    for x, _y in loader:
        n += len(x)
    if task.device.type == "cuda":
        torch.cuda.synchronize()
    part = "with random changes" if is_changed else "without"
    task.note(f"loader {part}, a second", name, n / (time.perf_counter() - wall))
    task.note(f"loader {part}, a CPU second", name, n / (cpu_s() - cpu))


def trained(task: Task, name: str, start: nn.Module) -> None:
    """Train one epoch in the same loop for all, and measure how long it waits for batches."""
    network = copy.deepcopy(start).to(task.device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    batches, n, waited = iter(CONTENDERS[name](task)), 0, 0.0
    began = time.perf_counter()
    while True:
        requested = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - requested
        if batch is None:
            break
        x, y = (each.as_subclass(torch.Tensor) for each in batch)
        with torch.autocast(task.device.type, torch.bfloat16, enabled=task.device.type == "cuda"):
            loss = nn.functional.cross_entropy(network(x), y)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        n += len(x)
    if task.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    task.note("training, images a second", name, n / seconds)
    task.note("training, share of time waiting for data", name, waited / seconds)


def filled(task: Task) -> dict[str, float]:
    """Fill the cache once and say what it cost."""
    wall, cpu = time.perf_counter(), cpu_s()
    peakid(task)
    seconds, cpu_seconds = time.perf_counter() - wall, cpu_s() - cpu
    wall = time.perf_counter()
    peakid(task)
    again = time.perf_counter() - wall
    size = sum(file.stat().st_size for file in task.cache_dir.rglob("pixels"))
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "reopened_s": again, "mb": size / 1e6}


def measured(task: Task, rounds: int, n_trained: int) -> None:
    """Let the contenders take turns; what disturbs the machine then disturbs all of them."""
    for _round in range(rounds):
        for name in CONTENDERS:
            drained(task, name, is_changed=True)
            drained(task, name, is_changed=False)
    small = Task(task.files[:n_trained], task.size_px, task.device, task.cache_dir, task.rates)
    torch.manual_seed(0)
    start = model.build(ARCH.name, n_classes=len(task.class_names))
    for _round in range(rounds):
        for name in CONTENDERS:
            trained(small, name, start)


def report(task: Task, fill: dict[str, float]) -> dict[str, Any]:
    """Print the table, and answer it."""
    middle = {
        part: {name: statistics.median(of) for name, of in rates.items()}
        for part, rates in task.rates.items()
    }
    print(f"{'median':45}" + "".join(f"{name:>10}" for name in CONTENDERS) + "  peakid / fastai")
    for part, of in middle.items():
        is_share = "share" in part
        cells = "".join(f"{of[name]:>10.0%}" if is_share else f"{of[name]:>10.1f}" for name in CONTENDERS)
        print(f"{part:45}{cells}" + ("" if is_share else f"  {of['peakid'] / of['fastai']:.1f}"))
    fast = middle["loader with random changes, a CPU second"]
    each = 1 / fast["fastai"] - 1 / fast["peakid"]
    even = fill["cpu_seconds"] / len(task.files) / each
    print(
        f"the cache is filled once in {fill['seconds']:.1f} s ({fill['cpu_seconds']:.1f} CPU s,"
        f" {fill['mb']:.0f} MB), opened and checked again in {fill['reopened_s']:.2f} s;"
        f" in CPU seconds it pays off after {even:.1f} epochs"
    )
    return {"median": middle, "all": task.rates, "fill": fill, "break_even_epochs": even}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--image-size-px", type=int, default=128)
    parser.add_argument("--trained", type=int, default=320, help="Photos that are trained on end to end.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--photos", type=Path, help="Where the drawn photos are kept from run to run.")
    parser.add_argument(
        "--data", type=Path, help="The folder that holds data/ and weights/; its photos are used, enlarged."
    )
    parser.add_argument("--folder", default="intel6")
    parser.add_argument(
        "--accuracy", action="store_true", help="Compare scores instead of speed; needs --data."
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="A smoke run: few small photos, one round.")
    given = parser.parse_args()
    if given.accuracy:
        accuracy.main(given.data, given.folder, given.seeds, is_quick=given.quick)
        return
    n, rounds, size = (40, 1, (320, 240)) if given.quick else (given.images, given.rounds, photos.SIZE)
    with tempfile.TemporaryDirectory() as folder:
        place = (given.photos or Path(folder)) / f"{n}-{size[0]}"
        files = (
            photos.from_folder(given.data / "data" / given.folder, place, n, size)
            if given.data
            else photos.draw(place, n, size)
        )
        task = Task(files, given.image_size_px, torch.device(given.device), Path(folder) / "cache")
        mb = sum(file.stat().st_size for file in files) / 1e6
        print(
            f"{n} photos of {size[0]} x {size[1]} ({mb:.0f} MB), {task.size_px} px, batch {BATCH},"
            f" {ARCH.name}, {given.device}; torch {version('torch')}, torchvision {torchvision.__version__},"
            f" fastai {version('fastai')}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}"
        )
        fill = filled(task)
        measured(task, rounds, min(n, given.trained))
        found = report(task, fill)
    print(
        json.dumps(
            {
                "bench": "train_throughput",
                "device": given.device,
                "images": n,
                "size_px": task.size_px,
                **found,
            }
        )
    )


if __name__ == "__main__":
    main()
