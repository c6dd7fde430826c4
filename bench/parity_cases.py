"""The cases of `parity.py`: a network trained on photos of one data set, and what it predicts for them."""

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

SEED, TEMPERATURE, N_TRAIN = 0, 1.5, 128
EPOCHS = {"small_resnet": 4, "plain_cnn": 8, "resnet18": 2, "vgg16": 1}  # From random weights.
SIZES_PX = {"timm/tf_efficientnet_lite0": 160, "vgg16": 64}
OTHER_SIZE_PX = 128  # Photos of less than 512 px are then decoded in full, in a browser too.


@dataclass(frozen=True)
class Row:
    """One way to predict, compared with the run."""

    arch: str
    weights: str
    dataset: str
    size_px: int
    way: str
    n: int
    max_abs_diff: float
    mean_abs_diff: float
    """Mean over the photos of the largest difference of a probability."""
    agreement: float
    agreement_interval: tuple[float, float]
    accuracy: float
    accuracy_of_run: float
    n_lost: int
    """Photos that the run has right and this way wrong; `n_won` the reverse."""
    n_won: int
    megabytes: float = 0.0
    write_s: float = 0.0


@dataclass(frozen=True)
class Case:
    """A trained run in a folder and its photos: `expected` at the temperature, (n, K)."""

    arch: str
    dataset: str
    size_px: int
    folder: Path
    weights: str
    expected: np.ndarray
    labels: np.ndarray

    @property
    def out(self) -> Path:
        return self.folder / "export"

    def photos(self, split: str = "valid") -> list[bytes]:
        return [file.read_bytes() for file in sorted((self.folder / split).iterdir())]

    def rows(self) -> dict[str, Row]:
        file = self.folder / "rows.json"
        return {each["way"]: Row(**each) for each in json.loads(file.read_text())} if file.is_file() else {}

    def add(self, way: str, found: np.ndarray, megabytes: float = 0.0, write_s: float = 0.0) -> None:
        """Compare what was predicted with the run, keep the row and show it."""
        from peakid.evaluate.intervals import wilson

        chosen, by_run = found.argmax(axis=1), self.expected.argmax(axis=1)
        same, is_right, was_right = chosen == by_run, chosen == self.labels, by_run == self.labels
        interval = wilson(int(same.sum()), len(same))
        differences = np.abs(found - self.expected).max(axis=1)
        row = Row(
            *(self.arch, self.weights, self.dataset, self.size_px, way, len(found)),
            *(float(differences.max()), float(differences.mean())),
            *(float(same.mean()), (float(interval[0]), float(interval[1]))),
            *(float(is_right.mean()), float(was_right.mean())),
            *(int((was_right & ~is_right).sum()), int((is_right & ~was_right).sum()), megabytes, write_s),
        )
        rows = [asdict(each) for each in {**self.rows(), way: row}.values()]
        (self.folder / "rows.json").write_text(json.dumps(rows))
        show(row)


def show(row: Row) -> None:
    size = f" | {row.megabytes:.1f} | {row.write_s:.0f}" if row.megabytes else " | | "
    print(
        f"| {row.arch} ({row.weights}) | {row.dataset} | {row.size_px} | {row.way} | {row.n}"
        f" | {row.max_abs_diff:.1e} | {row.mean_abs_diff:.1e}"
        f" | {row.agreement:.1%} ({row.agreement_interval[0]:.1%}-{row.agreement_interval[1]:.1%})"
        f" | {row.accuracy_of_run:.1%} | {row.accuracy:.1%} | {row.n_lost}, {row.n_won}{size} |",
        flush=True,
    )


def listed(dataset: str, data: Path, work: Path) -> list[tuple[str, Path]]:
    """Return (class, file) of a data set in an order that the seed decides."""
    if dataset == "demo":
        from peakid.demo import dataset as demo

        root = work / "demo" / "photos"
        if not root.is_dir():
            demo.draw(work / "demo", n_images=340, seed=SEED)
    else:
        root = data / {"otters": "otters", "intel6": "intel6/seg_train"}[dataset]
    found = sorted((file.parent.name, file) for file in root.glob("*/*") if file.is_file())
    return [found[n] for n in np.random.default_rng(SEED).permutation(len(found))]


def readable(files: Sequence[tuple[str, Path]], n: int) -> list[tuple[str, Path]]:
    from peakid.errors import UnreadableImage
    from peakid.imaging import gate, pixels

    found: list[tuple[str, Path]] = []
    for name, file in files:
        try:
            gate.call(pixels.preprocess, file.read_bytes(), size_px=32, resize="crop")
        except UnreadableImage:
            continue
        found.append((name, file))
        if len(found) == n:
            break
    return found


def case_of(arch: str, dataset: str, arguments: argparse.Namespace) -> Case:
    """Return the trained case; train it if its folder has none."""
    size_px = SIZES_PX.get(arch, OTHER_SIZE_PX)
    name = f"{arch.rpartition('/')[2]}-{dataset}-{size_px}px-{arguments.images}"
    folder = arguments.work / name
    if not (folder / "case.npz").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        train(arch, dataset, size_px, arguments, folder)
    with np.load(folder / "case.npz") as stored:
        known = {key: stored[key] for key in ("expected", "labels")}
        return Case(arch, dataset, size_px, folder, str(stored["weights"]), **known)


def train(arch: str, dataset: str, size_px: int, arguments: argparse.Namespace, folder: Path) -> None:
    """Train, and write the run, the photos and what the run predicts for them."""
    from peakid.job_settings import JobSettings
    from peakid.learn import train
    from peakid.learn.batches.data import TrainingImages
    from peakid.learn.export import export
    from peakid.recipe import architectures, weight_files
    from peakid.recipe.recipe import Recipe
    from peakid.records import no_report

    chosen = readable(listed(dataset, arguments.data, arguments.work), N_TRAIN + arguments.images)
    names = sorted({name for name, _ in chosen})
    content = {f"{n:05d}": file.read_bytes() for n, (_, file) in enumerate(chosen)}
    splits = ["train" if n < N_TRAIN else "valid" for n in range(len(chosen))]
    labels = np.array([names.index(name) for name, _ in chosen])
    images = TrainingImages(list(content), labels, splits, names, content.__getitem__)
    named = arch.partition("_")[0]
    files = [*weight_files.packaged(architectures.find(arch)), *arguments.weights.glob(f"*{named}*")]
    file = None if arch in EPOCHS else next(iter(files), None)
    epochs = EPOCHS.get(arch, 3)
    values = {"arch": arch, "image_size_px": size_px, "device": "cpu", "seed": SEED}
    values |= {"pretrained": str(file) if file else "none"}
    values |= {"method": "linear-head"} if file else {"scratch_epochs": epochs}
    result = train.train(
        images,
        Recipe.model_validate(values),
        folder=folder / "run",
        cache_dir=folder / "cache",
        settings=JobSettings(),
        report=no_report,
        on_epoch=lambda metrics: None,
        should_stop=lambda: False,
    )
    digests, pred_probs = result.pred_probs["valid"]
    for split in ("train", "valid"):
        (folder / split).mkdir()
    ordered = [digest for digest, split in zip(content, splits, strict=True) if split == "train"]
    for split, these in (("train", ordered), ("valid", digests)):
        for n, digest in enumerate(these):
            (folder / split / f"{n:05d}").write_bytes(content[digest])
    (folder / "export").mkdir()
    weights = "ImageNet" if file else f"{epochs} epochs from random"
    label_of = dict(zip(content, labels, strict=True))
    np.savez(
        folder / "case.npz",
        expected=export.scaled(np.asarray(pred_probs), TEMPERATURE),
        labels=np.array([label_of[digest] for digest in digests]),
        weights=weights,
    )
