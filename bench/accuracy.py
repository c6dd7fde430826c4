"""Compare the test accuracy of Peakid's training with fastai's: `bench/train_throughput.py --accuracy`.

Both start from the same weights, with the same images in train, valid and test, for as many epochs at the
same size. Peakid trains with its standard recipe, fastai as in its tutorial: Resize, aug_transforms and
`fine_tune` with its own learning rates.
"""

import json
import os
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.data.transforms import Normalize
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.vision.augment import Resize, aug_transforms
from fastai.vision.data import ImageDataLoaders
from scipy import stats

from peakid.job_settings import JobSettings
from peakid.learn import train
from peakid.learn.batches.data import TrainingImages
from peakid.learn.network import model, weights
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import no_report

ARCH = architectures.find("mobilenet_v2")
WEIGHTS = "tf2_mobilenet_v2_1.0_224_ptq-torchvision-fp16.pth"
SIZE_PX, HEAD_EPOCHS, BODY_EPOCHS = 128, 3, 3
SHARES = (0.6, 0.15)  # Train and valid; the rest is test.


def split(files: list[Path], seed: int) -> TrainingImages:
    """Split the photos of each class at random. Copies in two splits help both contenders equally."""
    names = sorted({file.parent.name for file in files})
    labels = np.array([names.index(file.parent.name) for file in files])
    splits = np.full(len(files), "test", dtype=object)
    for k in range(len(names)):
        rows = np.random.default_rng((seed, k)).permutation(np.flatnonzero(labels == k))
        ends = [round(len(rows) * SHARES[0]), round(len(rows) * sum(SHARES))]
        splits[rows[: ends[0]]], splits[rows[ends[0] : ends[1]]] = "train", "valid"
    return TrainingImages(
        [str(file) for file in files], labels, splits.tolist(), names, lambda name: Path(name).read_bytes()
    )


def by_peakid(images: TrainingImages, file: Path, folder: Path, seed: int, epochs: tuple[int, int]) -> float:
    recipe = Recipe(
        arch=ARCH.name,
        pretrained=str(file),
        image_size_px=SIZE_PX,
        head_epochs=epochs[0],
        body_epochs=epochs[1],
        seed=seed,
    )
    callbacks = {"report": no_report, "on_epoch": lambda metrics: None, "should_stop": lambda: False}
    result = train.train(
        images,
        recipe,
        folder=folder / f"run-{seed}",
        cache_dir=folder / "cache",
        settings=JobSettings(),
        **callbacks,
    )
    return float((result.pred_probs["test"][1].argmax(axis=1) == images.labels[images.rows("test")]).mean())


def by_fastai(images: TrainingImages, file: Path, seed: int, epochs: tuple[int, int]) -> float:
    torch.manual_seed(seed)
    full = model.full_model(ARCH)
    weights.load_into(full, weights.find(ARCH.name, str(file), None), ARCH)
    network = model.assemble(full, ARCH, n_classes=len(images.class_names))
    learned = np.concatenate([images.rows("train"), images.rows("valid")])
    table = pd.DataFrame(
        {
            "path": [images.digests[row] for row in learned],
            "label": [images.class_names[images.labels[row]] for row in learned],
            "is_valid": [images.splits[row] == "valid" for row in learned],
        }
    )
    dls = ImageDataLoaders.from_df(
        table,
        path="/",
        valid_col="is_valid",
        item_tfms=Resize(round(SIZE_PX * 1.15)),
        batch_tfms=[*aug_transforms(size=SIZE_PX), Normalize.from_stats(ARCH.mean, ARCH.std, cuda=False)],
        bs=32,
        seed=seed,
    )
    learner = Learner(dls, network, loss_func=CrossEntropyLossFlat(), splitter=model.parameter_groups)
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(epochs[1], freeze_epochs=epochs[0])
    test = images.rows("test")
    test_loader = dls.test_dl([Path(images.digests[row]) for row in test])
    pred_probs, _ = learner.get_preds(dl=test_loader)
    order = [list(dls.vocab).index(name) for name in images.class_names]
    return float((pred_probs[:, order].argmax(dim=1).numpy() == images.labels[test]).mean())


def main(data: Path, folder: str, seeds: int, *, is_quick: bool) -> None:
    files = sorted(
        path
        for path in (data / "data" / folder).resolve().rglob("*")
        if path.is_file() and path.parent.name != folder
    )
    files = [file for file in files if file.suffix.lower() in (".jpg", ".jpeg", ".png")]
    if is_quick:
        files, seeds, epochs = files[:: max(1, len(files) // 40)], 2, (1, 1)
    else:
        epochs = (HEAD_EPOCHS, BODY_EPOCHS)
    file, rows = (data / "weights" / WEIGHTS).resolve(), []
    print(f"{folder}: {len(files)} photos, {SIZE_PX} px, {epochs[0]} + {epochs[1]} epochs, {ARCH.name}")
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"torch {version('torch')}, fastai {version('fastai')}, {machine}")
    with tempfile.TemporaryDirectory() as place:
        for seed in range(seeds):
            images, began = split(files, seed), time.perf_counter()
            ours = by_peakid(images, file, Path(place), seed, epochs)
            between = time.perf_counter()
            theirs = by_fastai(images, file, seed, epochs)
            seconds = [between - began, time.perf_counter() - between]
            n_test = len(images.rows("test"))
            rows.append(
                {"seed": seed, "n_test": n_test, "peakid": ours, "fastai": theirs, "seconds": seconds}
            )
            took = f"{seconds[0]:.0f} against {seconds[1]:.0f} s"
            print(f"seed {seed}: test {ours:.3f} against {theirs:.3f} (n = {n_test}), {took}", flush=True)
    differences = [row["peakid"] - row["fastai"] for row in rows]
    mean = statistics.mean(differences)
    half = float(stats.t.ppf(0.975, len(rows) - 1)) * statistics.stdev(differences) / len(rows) ** 0.5
    ours, theirs = (statistics.mean(row[name] for row in rows) for name in ("peakid", "fastai"))
    print(f"mean {ours:.3f} against {theirs:.3f}")
    print(f"difference {mean:+.3f} (95 % {mean - half:+.3f} to {mean + half:+.3f})")
    found = {"rows": rows, "difference": mean, "interval": [mean - half, mean + half]}
    print(json.dumps({"bench": "train_throughput --accuracy", "folder": folder, **found}))
