"""Collections of embedded photos with planted label errors, for the benchmarks of label quality."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.stats import t

COLLECTIONS = ("otters", "intel6", "summits14", "demo")
FOLDERS = {"summits14": "summits14_raw"}
ARCH = "timm/tf_efficientnet_lite0"
SIZE_PX = 224  # Of the figures before there were several views; Peakid embeds at 160 px.
NEAR = 24  # Sum of the distances of two hashes, of 128 bits (docs/design/duplicates.md).

Kind = Literal["random", "pairs"]


@dataclass(frozen=True)
class Collection:
    """Embedded photos: features float32 (n, C), labels taken for right, groups of near duplicates."""

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    class_names: list[str]

    def part(self, rows: np.ndarray) -> "Collection":
        return Collection(self.features[rows], self.labels[rows], self.groups[rows], self.class_names)


def load(
    name: str,
    data: Path,
    cache: Path | None,
    *,
    size_px: int = SIZE_PX,
    n_views: int = 1,
    arch: str = ARCH,
) -> Collection:
    """Read the embeddings of a collection from `cache`, or compute them and write them there.

    In the demo the class that was drawn is the label; pictures of nothing are left out.

    Args:
        n_views: The embeddings are the means over so many views of each photo.
        arch: The backbone. Its weights are looked for as a job does, in PEAKID_WEIGHTS first.
    """
    views = f"_{n_views}_views" if n_views > 1 else ""
    backbone = "" if arch == ARCH else f"_{arch.removeprefix('timm/')}"
    file = (cache or Path(tempfile.gettempdir())) / f"{name}{backbone}_{size_px}{views}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **_embedded(name, data, arch, size_px, n_views))
    held = np.load(file)
    names = held["true"] if "true" in held else held["labels"]
    rows = np.flatnonzero(names != "")
    class_names, labels = np.unique(names[rows], return_inverse=True)
    features = held["features"][rows].astype(np.float32)
    return Collection(features, labels, held["groups"][rows], class_names.tolist())


def add_view_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=SIZE_PX, help="Side of a view in pixels.")
    parser.add_argument("--views", type=int, default=1, help="Compare with the mean over so many views.")
    parser.add_argument("--alone", action="store_true", help="Leave out what Peakid is compared with.")
    parser.add_argument("--arch", default=ARCH, help="The backbone, with weights in PEAKID_WEIGHTS.")


def with_means(name: str, given: argparse.Namespace) -> tuple[Collection, Collection | None]:
    """Return a collection with one view of each photo, and with the means where `--views` is not 1."""
    chosen = {"size_px": given.size, "arch": given.arch}
    whole = load(name, given.data, given.embeddings, **chosen)
    if given.views == 1:
        return whole, None
    return whole, load(name, given.data, given.embeddings, n_views=given.views, **chosen)


def pairs(labels: np.ndarray, predicted: np.ndarray, n_classes: int) -> list[tuple[int, int]]:
    """Return the pairs of classes confused most, a third as many as classes; none share a class."""
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (labels, predicted), 1)
    both, found, used = counts + counts.T, [], set()
    for flat in np.argsort(-both, axis=None, kind="stable"):
        a, b = divmod(int(flat), n_classes)
        if a < b and not used & {a, b} and len(found) < max(1, n_classes // 3):
            found.append((a, b))
            used |= {a, b}
    return found


def planted(
    labels: np.ndarray, kind: Kind, share: float, seed: int, confused: list[tuple[int, int]], n_classes: int
) -> np.ndarray:
    """Return labels with errors: to any other class, or to the other class of a pair.

    Args:
        share: Of all images, or of those in the classes of `confused`.
    """
    rng = np.random.default_rng((seed, round(100 * share), kind == "pairs"))
    able = np.arange(len(labels)) if kind == "random" else np.flatnonzero(np.isin(labels, np.ravel(confused)))
    chosen, given = rng.permutation(able)[: round(share * len(able))], labels.copy()
    if kind == "random":
        given[chosen] = (given[chosen] + rng.integers(1, n_classes, len(chosen))) % n_classes
    else:
        other = dict([*confused, *((b, a) for a, b in confused)])
        given[chosen] = [other[label] for label in labels[chosen].tolist()]
    return given


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of paired differences and its 95 % interval by Student's t."""
    values = np.asarray(values, dtype=float)
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def _embedded(name: str, data: Path, arch: str, size_px: int, n_views: int) -> dict[str, np.ndarray]:
    from peakid.demo import dataset as demo

    if name != "demo":
        return _of_folder((data / "data" / FOLDERS.get(name, name)).resolve(), arch, size_px, n_views)
    with tempfile.TemporaryDirectory() as folder:
        truths = {truth.path: truth for truth in demo.draw(Path(folder), n_images=600, seed=0)}
        found = _of_folder(Path(folder) / "photos", arch, size_px, n_views)
    drawn = [truths[str(path)].drawn_class or "" for path in found["paths"]]
    return {**found, "true": np.array(drawn)}


def _of_folder(root: Path, arch: str, size_px: int, n_views: int) -> dict[str, np.ndarray]:
    from PIL import Image
    from scipy.sparse.csgraph import connected_components

    from peakid.errors import UnreadableImage
    from peakid.imaging import hashes, photo_views
    from peakid.learn import embedding
    from peakid.recipe import backbones
    from peakid.settings import for_job

    settings = for_job()
    body = embedding.load(backbones.find(arch, settings), settings)
    rows, paths, hashed = [], [], []
    for path in sorted(path for path in root.rglob("*") if path.is_file() and path.parent != root):
        try:
            seen = photo_views.preprocess(path.read_bytes(), size_px=size_px, n_views=n_views)  # (V, S, S, 3)
        except UnreadableImage:
            continue
        grey = Image.fromarray(seen[0]).convert("L")
        hashed.append(np.concatenate([np.ravel(h(grey).hash) for h in (hashes.phash, hashes.dhash)]))
        rows.append(body.features(np.array(seen)).mean(axis=0).astype(np.float16))
        paths.append(path.relative_to(root))
    bits = np.array(hashed, dtype=np.float32)  # (n, 128)
    near = bits @ (1 - bits).T + (1 - bits) @ bits.T <= NEAR
    return {
        "features": np.stack(rows),
        "labels": np.array([path.parent.name for path in paths]),
        "paths": np.array([str(path) for path in paths]),
        "groups": connected_components(near)[1].astype(np.int64),
    }
