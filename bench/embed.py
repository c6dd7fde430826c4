"""CPU milliseconds an image to embed photos on one thread, beside a plain loop of Pillow and timm.

    python bench/embed.py --data ../shared/data/otters [--images 64] [--seeds 3]
    python bench/embed.py --data ../shared/data/otters --accuracy

Both use the same pretrained tf_efficientnet_lite0 of the installed package. The plain loop opens each photo
with Pillow, applies timm's own transform and calls the network on one image. Peakid decodes a JPEG at the
detail that is needed, folds BatchNorm into the convolutions, and computes 16 images at once. Time is that of
the CPU (`time.process_time`), so other work on the machine counts little. Each seed draws other photos, the
same for both. Without `--data`, the images of the demo are drawn.

With `--accuracy`, all photos are embedded at both sizes, and a logistic head (C = .01, standardised features)
is cross-validated, the class of a photo being its folder: five seeds of five folds, the same for both sizes.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import timm
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from timm.data.transforms_factory import create_transform

from peakid.demo import dataset
from peakid.imaging import pixels
from peakid.job_settings import JobSettings
from peakid.learn import embedding
from peakid.learn.network import weights
from peakid.recipe import architectures, backbones

SIZES_PX = (160, 224)
SUFFIXES = (".jpg", ".jpeg", ".png")


def photos(folder: Path, n: int, seed: int) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and is_whole(path))
    return [
        found[i] for i in np.random.default_rng(seed).choice(len(found), min(n, len(found)), replace=False)
    ]


def is_whole(path: Path) -> bool:
    """Return whether Pillow's own way reads a file, which the plain loop needs."""
    try:
        with Image.open(path) as image:
            image.convert("RGB")
    except (OSError, SyntaxError):
        return False
    return True


def cpu_ms(act: Callable[[], object], n: int) -> float:
    began = time.process_time()
    act()
    return (time.process_time() - began) / n * 1000


def plain_network() -> torch.nn.Module:
    lite = architectures.find(backbones.PACKAGED)
    network = timm.create_model(lite.name.removeprefix("timm/"), pretrained=False).eval()
    weights.load_into(network, weights.find(lite.name, "require", None), lite)
    network.reset_classifier(0)
    return network


def measure(
    files: list[Path], network: torch.nn.Module, body: embedding.Body, size_px: int
) -> dict[str, float]:
    lite, n = body.architecture, len(files)
    transform = create_transform(size_px, interpolation="bicubic", mean=lite.mean, std=lite.std, crop_pct=1.0)
    opened: list[torch.Tensor] = []
    decoded: list[np.ndarray] = []
    features: list[np.ndarray] = []

    def open_all() -> None:
        for file in files:
            with Image.open(file) as image:
                opened.append(transform(image.convert("RGB")))

    def call_all() -> None:
        with torch.inference_mode():
            for image in opened:
                features.append(network(image[None])[0].numpy())

    def decode_all() -> None:
        decoded.extend(pixels.preprocess(file.read_bytes(), size_px=size_px, resize="crop") for file in files)

    def embed_all() -> None:
        features.append(body.features(np.stack(decoded)))

    row = {
        "plain decode": cpu_ms(open_all, n),
        "plain network": cpu_ms(call_all, n),
        "peakid decode": cpu_ms(decode_all, n),
        "peakid network": cpu_ms(embed_all, n),
    }
    plain, ours = np.stack(features[:n]), features[n]
    cosine = (plain * ours).sum(1) / np.linalg.norm(plain, axis=1) / np.linalg.norm(ours, axis=1)
    row["least cosine"] = float(cosine.min())
    return row


def accuracy(data: Path, body: embedding.Body) -> None:
    """Print the cross-validated accuracy of a linear head at both sizes and their paired difference."""
    files = [path for path in sorted(data.rglob("*")) if path.suffix.lower() in SUFFIXES and is_whole(path)]
    labels = np.array([path.parent.name for path in files])
    features = {}
    for size_px in SIZES_PX:
        sized = replace(body, size_px=size_px)
        parts = embedding.compute(sized, len(files), lambda n: files[n].read_bytes(), should_stop=bool)
        features[size_px] = np.concatenate([part.features for part in parts])
    n_folds = min(5, int(np.unique(labels, return_counts=True)[1].min()))
    found = np.array([[_right(features[px], labels, n_folds, seed) for px in SIZES_PX] for seed in range(5)])
    difference = found[:, 1] - found[:, 0]
    half = 2.78 * difference.std(ddof=1) / len(difference) ** 0.5  # Student's t, 4 degrees of freedom.
    print(f"| {data.name} | {len(files):,} | {found[:, 0].mean():.3f} | {found[:, 1].mean():.3f} |", end="")
    print(f" {difference.mean():+.3f} ({difference.mean() - half:+.3f} to {difference.mean() + half:+.3f}) |")
    print(json.dumps({"data": data.name, "n": len(files), "sizes_px": SIZES_PX, "accuracy": found.tolist()}))


def _right(features: np.ndarray, labels: np.ndarray, n_folds: int, seed: int) -> float:
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return float((cross_val_predict(head, features, labels, cv=folds) == labels).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--accuracy", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.data is None:
            dataset.draw(Path(folder), n_images=arguments.images, seed=0)
        data = arguments.data or Path(folder)
        body = embedding.load(backbones.find(backbones.PACKAGED, JobSettings()), JobSettings())
        if arguments.accuracy:
            accuracy(data, body)
            return
        network, rows = plain_network(), []
        for size_px in SIZES_PX:
            measure(
                photos(data, 2, 0), network, body, size_px
            )  # Not counted: the first calls compile kernels.
            for seed in range(arguments.seeds):
                files = photos(data, arguments.images, seed)
                rows.append({"size_px": size_px, "seed": seed, **measure(files, network, body, size_px)})
    keys = [key for key in rows[0] if key not in ("size_px", "seed")]
    print("| px | " + " | ".join(keys) + " | plain total | peakid total |")
    print("|---" * (len(keys) + 3) + "|")
    summary = []
    for size_px in SIZES_PX:
        of_size = [row for row in rows if row["size_px"] == size_px]
        median = {key: float(np.median([row[key] for row in of_size])) for key in keys}
        totals = [median["plain decode"] + median["plain network"]]
        totals.append(median["peakid decode"] + median["peakid network"])
        summary.append({"size_px": size_px, **median, "plain total": totals[0], "peakid total": totals[1]})
        cells = [f"{median[key]:.3f}" if "cosine" in key else f"{median[key]:.1f}" for key in keys]
        print(f"| {size_px} | " + " | ".join([*cells, *(f"{each:.1f}" for each in totals)]) + " |")
    versions = {"torch": torch.__version__, "timm": timm.__version__}
    print(json.dumps({"median": summary, "n_images": arguments.images, "rows": rows, "versions": versions}))


if __name__ == "__main__":
    main()
