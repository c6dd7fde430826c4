"""What the ImageNet classifier of the backbone sees in the images, and how much of it is worth keeping.

The classifier is one matrix, applied to the stored embeddings: no image is read again.
"""

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import files, near_names
from peakid.embed import reading, stored
from peakid.embed.reading import Readable
from peakid.embed.stored import EmbeddingSet
from peakid.errors import BadInput, NoEmbeddings
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace, now

IRRELEVANT_BELOW = 0.1  # Share of the classes to keep; of 136 photos of mountains 4 are below it.
N_CLASSES = 1_000
_NAMES_FILE = "imagenet_classes.txt"
_N_ROWS = 4096  # Images in one block: 16 MB of probabilities.


@dataclass(frozen=True)
class ImageNetNames:
    """The names of the classes by index, and the same as JSON for SQL."""

    names: tuple[str, ...]
    as_json: str


@dataclass(frozen=True)
class SeenClass:
    """An ImageNet class that is the most probable one of `n_images` images."""

    name: str
    n_images: int
    is_kept: bool


@dataclass(frozen=True)
class JudgedImage:
    """What the classifier sees in an image.

    Attributes:
        imagenet_class: The most probable class, with its `probability` 0..1.
        relevance: Probability of all classes to keep together, 0..1, 0 = irrelevant.
    """

    digest: str
    path: str
    label: str | None
    imagenet_class: str
    probability: float
    relevance: float
    is_irrelevant: bool


@dataclass(frozen=True)
class _State:
    set_id: int
    n_images: int
    kept: tuple[str, ...]


@functools.cache
def names() -> ImageNetNames:
    """Return the names of the 1,000 classes."""
    lines = Path(__file__).with_name(_NAMES_FILE).read_text(encoding="utf-8").splitlines()
    found = tuple(line for line in lines if line and not line.startswith("#"))
    return ImageNetNames(found, json.dumps(found))


def known(given: Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes as ImageNet writes them, each once; case does not count.

    Raises:
        BadInput: If a name is unknown, with those that resemble it.
    """
    by_folded = {each.casefold(): each for each in names().names}
    wanted = [each.strip() for each in given if each.strip()]
    for each in wanted:
        if each.casefold() not in by_folded:
            otherwise = "The list of names that your images show has those that fit."
            raise BadInput(
                f"ImageNet has no class {each!r}.", near_names.remedy(each, names().names, otherwise)
            )
    return tuple(dict.fromkeys(by_folded[each.casefold()] for each in wanted))


def has_classifier(workspace: Workspace, chosen: EmbeddingSet) -> bool:
    """Return whether the classifier of the backbone was read from its weights already."""
    return _file(workspace, chosen).is_file()


def save_classifier(workspace: Workspace, chosen: EmbeddingSet, weight: np.ndarray, bias: np.ndarray) -> None:
    """Keep the classifier of a backbone: float32 of shape (1000, n_dimensions) and (1000,)."""
    path = _file(workspace, chosen)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as unfinished, unfinished.open("wb") as opened:
        np.save(opened, np.concatenate([weight, bias[:, None]], axis=1).astype(np.float32))


def refresh(workspace: Workspace, *, keep: Sequence[str] | None = None) -> bool:
    """Classify the images if embeddings were added or other classes are kept; return whether it was done.

    Args:
        keep: Names of the classes to keep from now on; None = those of the last time.

    Raises:
        NoEmbeddings: If no image has an embedding, or the classifier of the backbone is not known.
        BadInput: If a name is unknown.
    """
    chosen, before = stored.find(workspace), _stored_state(workspace)
    kept = known(keep) if keep is not None else before.kept if before else ()
    state = _State(chosen.set_id, chosen.n_images, kept)
    if state == before:
        return False
    if not has_classifier(workspace, chosen):
        raise NoEmbeddings(
            f"What {chosen.backbone} sees in the images was not computed yet.",
            "Let the images be named first.",
        )
    embeddings = reading.every(workspace, chosen.set_id)
    _write(workspace, state, embeddings, np.load(_file(workspace, chosen)))
    return True


def kept(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the classes to keep; () before any were chosen."""
    state = _stored_state(workspace)
    return () if state is None else state.kept


def seen(workspace: Workspace) -> list[SeenClass]:
    """Return the classes that the images show, the most frequent first."""
    chosen = kept(workspace)
    rows = workspace.query(
        "SELECT g.class_index, COUNT(*) AS n FROM imagenet_guess g JOIN image_state s"
        " ON s.image_id = g.image_id GROUP BY g.class_index ORDER BY n DESC, g.class_index"
    )
    found = [(_name(row["class_index"]), row["n"]) for row in rows]
    return [SeenClass(name, n, name in chosen) for name, n in found]


def list_images(workspace: Workspace, *, limit: int | None = None) -> list[JudgedImage]:
    """Return the images that are not excluded, the least relevant first; none before classes were kept."""
    rows = workspace.query(
        f"SELECT i.digest, {FIRST_PATH} AS path, c.name AS label, g.class_index, g.probability, g.kept_share"
        " FROM imagenet_guess g JOIN image i ON i.id = g.image_id JOIN image_state s ON s.image_id = i.id"
        " LEFT JOIN class c ON c.id = s.class_id WHERE g.kept_share IS NOT NULL AND s.verdict <> 'exclude'"
        " ORDER BY g.kept_share, g.image_id LIMIT ?",
        (-1 if limit is None else limit,),
    )
    return [
        JudgedImage(
            digest=row["digest"],
            path=row["path"],
            label=row["label"],
            imagenet_class=_name(row["class_index"]),
            probability=round(row["probability"], 6),
            relevance=round(row["kept_share"], 6),
            is_irrelevant=row["kept_share"] < IRRELEVANT_BELOW,
        )
        for row in rows
    ]


def probabilities(features: np.ndarray, classifier: np.ndarray) -> np.ndarray:
    """Return the probabilities of the classes, float32 of shape (n, 1000), for embeddings of shape (n, C).

    Args:
        classifier: Shape (1000, C + 1); its last column is the bias.
    """
    logits = features.astype(np.float32) @ classifier[:, :-1].T + classifier[:, -1]  # (n, 1000)
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return logits / logits.sum(axis=1, keepdims=True)


def _write(workspace: Workspace, state: _State, embeddings: Readable, classifier: np.ndarray) -> None:
    columns = [names().names.index(each) for each in state.kept]
    rows = list(_guesses(embeddings, classifier, columns))  # Before others wait for the transaction.
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM imagenet_guess")
        connection.execute("DELETE FROM imagenet_state")
        # An image may have been forgotten since its embedding was read.
        connection.executemany(
            "INSERT INTO imagenet_guess SELECT image_id, ?, ?, ? FROM image_state WHERE image_id = ?", rows
        )
        connection.execute(
            "INSERT INTO imagenet_state VALUES (1, ?, ?, ?, ?)",
            (state.set_id, state.n_images, json.dumps(state.kept), now()),
        )


def _guesses(
    embeddings: Readable, classifier: np.ndarray, columns: Sequence[int]
) -> Iterator[tuple[int, float, float | None, int]]:
    """Yield (most probable class, its probability, share of `columns`, image_id)."""
    for first in range(0, len(embeddings.image_ids), _N_ROWS):
        part = slice(first, first + _N_ROWS)
        found = probabilities(embeddings.features[part], classifier)
        best = found.argmax(axis=1)
        shares = found[:, list(columns)].sum(axis=1)
        for image_id, row, index, share in zip(embeddings.image_ids[part], found, best, shares, strict=True):
            yield int(index), float(row[index]), float(share) if columns else None, int(image_id)


def _name(index: int) -> str:
    """Return the name of a class; a restored database may have an index that no class has."""
    return names().names[index] if 0 <= index < N_CLASSES else f"class {index}"


def _stored_state(workspace: Workspace) -> _State | None:
    row = workspace.one("SELECT set_id, n_images, kept FROM imagenet_state")
    if row is None:
        return None
    known_names = set(names().names)
    kept_names = tuple(str(each) for each in json.loads(row["kept"]) if str(each) in known_names)
    return _State(row["set_id"], row["n_images"], kept_names)


def _file(workspace: Workspace, chosen: EmbeddingSet) -> Path:
    name = f"{chosen.set_id}-{chosen.weights_sha256[:16]}.npy"
    return workspace.cache_dir.joinpath("classifiers", name)
