"""Warn about problems that training or scoring on a snapshot would have, before either is tried."""

import json
from collections.abc import Sequence

from peakid.dataset import model_labels, split
from peakid.dataset.documents import ClassCounts
from peakid.printable import class_list, percent
from peakid.records import Snapshot, Split
from peakid.store.comparisons import Compared
from peakid.store.workspace import Workspace

TITLES: dict[Split, str] = {"train": "train", "valid": "validation", "test": "test"}
_WHY: dict[Split, str] = {
    "train": "nothing can be learned",
    "valid": "no model can be trained on it",
    "test": "no final score can be reported",
}
MORE_IMAGES = "Label at least 3 different images of each class, and freeze a snapshot again."


def sentences(workspace: Workspace, snapshot: Snapshot, counts: Sequence[ClassCounts]) -> list[str]:
    """Return sentences about problems that training or scoring on a snapshot would have."""
    found = [*_empty_warnings(workspace, snapshot), *_class_warnings(counts, snapshot)]
    if len(snapshot.class_names) == 1:
        found.append(
            f"There is one class, {snapshot.class_names[0]!r}: nothing to distinguish. Label a second class."
        )
    if snapshot.n_leaks:
        found.append(
            f"{snapshot.n_leaks} groups of near duplicates are in several splits: scores will be too high."
        )
    compared = Compared(snapshot.n_images, snapshot.n_compared, snapshot.n_leaks)
    by_model = model_labels.warning(workspace, snapshot.snapshot_id, snapshot.seed)
    found += [sentence for sentence in (compared.warning, by_model) if sentence]
    return [*found, *_origin_warnings(workspace, snapshot), *_share_warnings(workspace, snapshot)]


def _empty_warnings(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """Return a sentence about the splits that have no image although a share was requested for them."""
    requested = _requested(workspace, snapshot)
    empty = [part for part in split.SPLITS if not snapshot.splits[part] and requested.get(part)]
    where = " or ".join(TITLES[part] for part in empty)
    return [f"No image is in {where}: {_WHY[empty[0]]}. {MORE_IMAGES}"] if empty else []


def _requested(workspace: Workspace, snapshot: Snapshot) -> dict[Split, float]:
    row = workspace.one("SELECT fractions FROM snapshot WHERE id = ?", (snapshot.snapshot_id,))
    return json.loads(row["fractions"]) if row else {}


def _class_warnings(counts: Sequence[ClassCounts], snapshot: Snapshot) -> list[str]:
    """Return a sentence for the classes that have no image in the same splits, where other classes have."""
    found: dict[tuple[Split, ...], list[ClassCounts]] = {}
    for each in counts:
        missing = tuple(part for part in split.SPLITS if snapshot.splits[part] and not each[part])
        if missing:
            found.setdefault(("train",) if "train" in missing else missing, []).append(each)
    return [_missing_text(missing, of) for missing, of in found.items()]


def _missing_text(missing: tuple[Split, ...], counts: Sequence[ClassCounts]) -> str:
    classes = class_list([each["class_name"] for each in counts])
    is_one, where = len(counts) == 1, " or ".join(TITLES[part] for part in missing)
    has, it, the = ("has", "it", "the class") if is_one else ("have", "they", "them")
    remedy = f"Label more, or retire {the}."
    if missing == ("train",):
        return f"{classes} {has} no image in train: {it} can never be predicted. {remedy}"
    if not is_one:
        return f"{classes} have no image in {where}: they get no score there. {remedy}"
    n_images = counts[0]["n_images"]
    images_ = "1 image" if n_images == 1 else f"{n_images} images"
    return f"{classes} has {images_} and none in {where}: it gets no score there. {remedy}"


def _origin_warnings(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    row = workspace.one(
        "SELECT COUNT(*) AS n FROM snapshot_item t WHERE t.snapshot_id = ?"
        " AND (SELECT COUNT(DISTINCT o.split) FROM origin o WHERE o.image_id = t.image_id) > 1",
        (snapshot.snapshot_id,),
    )
    n = row["n"] if row else 0
    return (
        [f"{n} images were imported in several splits; in this snapshot each is in one split."] if n else []
    )


def _share_warnings(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """Return a sentence if the shares differ from the requested ones because images keep their split.

    Splits given by an import are not compared.
    """
    row = workspace.one(
        "SELECT fractions FROM snapshot WHERE id = :id AND NOT EXISTS (SELECT 1 FROM snapshot_item t"
        " JOIN origin o ON o.image_id = t.image_id WHERE t.snapshot_id = :id AND o.split IS NOT NULL)",
        {"id": snapshot.snapshot_id},
    )
    requested = json.loads(row["fractions"]) if row else {}
    # Labels by a model are in train beyond its share.
    n_more = {"train": model_labels.n_trained_on(workspace, snapshot.snapshot_id)}
    n_images = max(snapshot.n_images - n_more["train"], 1)
    shares = {name: (n - n_more.get(name, 0)) / n_images for name, n in snapshot.splits.items()}
    # Groups and small classes cannot meet shares exactly: 5 % and three images per class are tolerated.
    slack = 0.05 + 3 * len(snapshot.class_names) / n_images
    if all(abs(shares[name] - requested[name]) <= slack for name in requested):
        return []
    actual = " / ".join(percent(shares[name]) for name in split.SPLITS)
    wanted = " / ".join(percent(requested[name]) for name in split.SPLITS)
    why = "images keep the split of an earlier snapshot. Another seed gives a new partition."
    return [f"The shares of train / valid / test are {actual}, not {wanted} as requested: {why}"]
