"""Read embeddings that another program computed, from .npy or Parquet; all is checked before it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import documents, files
from peakid.embed import stored
from peakid.embed.named_images import NamedImages
from peakid.embed.stored import EmbeddingSet
from peakid.errors import BadInput, ExtraMissing
from peakid.store.workspace import Workspace

MAX_ROWS = 5_000_000
MAX_DIMENSIONS = 65_536
MAX_NAME_CHARS = 100
MAX_SHOWN = 5
NAME_COLUMNS = ("digest", "digests", "sha256", "path", "paths", "file", "filename", "file_name", "image")
VECTOR_COLUMNS = ("embedding", "embeddings", "vector", "features", "feature")
NAME_SUFFIXES = (".digests.txt", ".paths.txt", ".txt")
NAME_FILES = ("digests.txt", "paths.txt")
_PART_ROWS = 4096
NPY_START, PARQUET_START = b"\x93NUMPY", b"PAR1"


@dataclass(frozen=True)
class Imported:
    """What became of the rows of a file.

    Attributes:
        set: The embeddings under this name, with those of earlier files.
        n_new: Images that got an embedding.
        n_unknown: Rows whose digest or path no image has; `unknown` has the first of them.
        n_repeated: Further rows of an image that occurs several times; the first one counts.
        n_known: Rows of images that already had an embedding under this name.
        n_constant: Rows that consist of one number, which say nothing; they are left out.
    """

    set: EmbeddingSet
    n_rows: int
    n_new: int
    n_unknown: int
    unknown: tuple[str, ...]
    n_repeated: int
    n_known: int
    n_constant: int

    def text(self) -> str:
        """Return it for people."""
        lines = [
            f"{self.n_new:,} of {self.n_rows:,} rows were imported; {self.set.n_images:,} images have an"
            f" embedding {self.set.backbone!r} ({self.set.n_dimensions:,} dimensions)."
        ]
        counts = {
            "belong to no image here": self.n_unknown,
            "repeat an image of an earlier row": self.n_repeated,
            "are of images that have one under this name already": self.n_known,
            "consist of one number and were left out": self.n_constant,
        }
        lines += [f"{n:,} rows {what}." for what, n in counts.items() if n]
        if self.unknown:
            lines.append(f"Unknown are {', '.join(self.unknown)}{', ...' * (self.n_unknown > MAX_SHOWN)}.")
        return "\n".join(lines)


def import_embeddings(
    workspace: Workspace, file: Path, *, names: Path | None = None, name: str | None = None
) -> Imported:
    """Import embeddings; everything is checked before the first one is stored.

    Args:
        file: A .npy array of shape (rows, dimensions), or Parquet with a column of digests or paths and a
            column of embeddings.
        names: For .npy the digest or path of each row, one a line; None = a file beside it.
        name: What to call the embeddings; None = the name of the file. Those of another file under the same
            name are kept.

    Raises:
        BadInput: If the file or its values cannot be used; nothing is stored then.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    file = files.expanded(file)
    called = _checked_name(file.stem if name is None else name)
    kind = _kind(file)
    keys, vectors = _parquet(file) if kind == "parquet" else (_names(file, names), _array(file))
    _check(file, keys, vectors)
    ids = NamedImages(workspace).find_all(keys)
    is_known = np.array([image_id is not None for image_id in ids])
    if not is_known.any():
        raise _unfit(
            file,
            f"none of its {len(keys):,} rows belongs to an image of this workspace (the first is"
            f" {documents.shown(keys[0])})",
            "Give digests (SHA-256 of the file) or the paths that the images were imported from.",
        )
    is_constant = _constant(vectors)
    first = _first_of_each(ids)
    usable = [n for n in first if not is_constant[n]]
    if not usable:
        raise _unfit(file, "each of its rows consists of one number", "Compute the embeddings again.")
    made = stored.create(workspace, called, size_px=0, weights_sha256="", n_dimensions=int(vectors.shape[1]))
    new = _store(workspace, made.set_id, usable, ids, vectors)
    unknown = [key for key, known in zip(keys, is_known, strict=True) if not known]
    return Imported(
        set=stored.use(workspace, made.set_id),
        n_rows=len(keys),
        n_new=new,
        n_unknown=len(unknown),
        unknown=tuple(documents.shown(key) for key in unknown[:MAX_SHOWN]),
        n_repeated=int(is_known.sum()) - len(first),
        n_known=len(usable) - new,
        n_constant=len(first) - len(usable),
    )


def _store(
    workspace: Workspace,
    set_id: int,
    rows: Sequence[int],
    ids: Sequence[int | None],
    vectors: np.ndarray,
) -> int:
    """Store the embeddings of images that have none under this name; return how many."""
    there = set(stored.load(workspace, set_id).image_ids.tolist())
    new = [n for n in rows if ids[n] not in there]
    for at in range(0, len(new), _PART_ROWS):
        some = new[at : at + _PART_ROWS]
        image_ids = [image_id for n in some if (image_id := ids[n]) is not None]
        stored.add(workspace, set_id, image_ids, np.asarray(vectors[some], dtype=np.float32))
    return len(new)


def _kind(file: Path) -> str:
    """Return `npy` or `parquet`, by the first bytes of a file.

    Raises:
        BadInput: If it is neither, or cannot be read.
    """
    try:
        with files.open_regular(file, files.ANY_SIZE) as opened:
            start = opened.read(len(NPY_START))
    except OSError as error:
        raise _unfit(file, error.strerror or str(error), "Check its path.") from error
    if start == NPY_START:
        return "npy"
    if start.startswith(PARQUET_START):
        return "parquet"
    raise _unfit(
        file, "it is neither a .npy array nor a Parquet file", "Save it with numpy.save or as Parquet."
    )


def _array(file: Path) -> np.ndarray:
    """Map a .npy file into memory. Arrays of Python objects are never loaded: they can run code."""
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError) as error:
        why = (
            "it holds Python objects" if "allow_pickle" in str(error) else " ".join(str(error).split())[:200]
        )
        raise _unfit(file, why, "Save an array of float32 with numpy.save.") from error


def _names(file: Path, names: Path | None) -> list[str]:
    """Return the digest or path of each row of a .npy file."""
    if names is None:
        beside = [file.with_name(file.stem + suffix) for suffix in NAME_SUFFIXES]
        beside += [file.with_name(each) for each in NAME_FILES]
        found = next((each for each in beside if each.is_file()), None)
        if found is None:
            raise _unfit(
                file,
                "there is no file beside it that says which row belongs to which image",
                f"Write the digest or path of each row, one a line, into {beside[1].name}.",
            )
        names = found
    try:
        text = files.read_regular(files.expanded(names), 2**30).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unfit(
            names, " ".join(str(error).split())[:200], "Write one digest or path a line, in UTF-8."
        ) from error
    return [line for line in text.splitlines() if line.strip()]


def _parquet(file: Path) -> tuple[list[str], np.ndarray]:
    """Return the digests or paths and the embeddings of a Parquet file."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ExtraMissing(
            f"{file.name} is a Parquet file; reading it needs the package pyarrow.",
            "Install it with: pip install pyarrow",
        ) from error
    try:
        opened = parquet.ParquetFile(file)
        columns = opened.schema_arrow.names
        named = next((each for each in columns if each.lower() in NAME_COLUMNS), None)
        vector = next((each for each in columns if each.lower() in VECTOR_COLUMNS), None)
        if named is None or vector is None:
            lacking = "digest or path" if named is None else "embedding"
            shown = ", ".join(documents.shown(each) for each in columns[:20])
            raise _unfit(file, f"it has no column {lacking} (it has {shown})", "Rename the column.")
        if opened.metadata.num_rows > MAX_ROWS:
            raise _unfit(file, f"it has {opened.metadata.num_rows:,} rows, over {MAX_ROWS:,}", "Split it.")
        keys: list[str] = []
        parts: list[np.ndarray] = []
        for batch in opened.iter_batches(_PART_ROWS, columns=[named, vector]):
            keys += [str(key) for key in batch.column(named).to_pylist()]
            parts.append(_stacked(file, batch.column(vector).to_pylist()))
    except (ArrowException, OSError, OverflowError, KeyError) as error:
        raise _unfit(file, " ".join(str(error).split())[:200], "Write it again.") from error
    lengths = {part.shape[1] for part in parts}
    if len(lengths) > 1:
        raise _unfit(file, f"its embeddings have {min(lengths)} to {max(lengths)} numbers", "Write it again.")
    return keys, np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def _stacked(file: Path, values: list[object]) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float32).reshape(len(values), -1)
    except (TypeError, ValueError) as error:  # A null, or lists of several lengths.
        raise _unfit(
            file, "a row has no embedding, or one of another length", "Write lists of one length."
        ) from error


def _check(file: Path, keys: Sequence[str], vectors: np.ndarray) -> None:
    """Refuse an array that cannot hold embeddings.

    Raises:
        BadInput: With what is wrong and where.
    """
    if vectors.dtype.kind not in "fiu" or vectors.ndim != 2:
        raise _unfit(
            file,
            f"it is {vectors.dtype} of shape {vectors.shape}",
            "Save numbers of shape (images, dimensions).",
        )
    n_rows, n_dimensions = vectors.shape
    if not 2 <= n_dimensions <= MAX_DIMENSIONS or not 1 <= n_rows <= MAX_ROWS:
        raise _unfit(
            file,
            f"its shape is ({n_rows:,}, {n_dimensions:,})",
            f"It needs 1 to {MAX_ROWS:,} rows of 2 to {MAX_DIMENSIONS:,} numbers.",
        )
    if len(keys) != n_rows:
        raise _unfit(
            file,
            f"it has {n_rows:,} rows, but there are {len(keys):,} digests or paths",
            "Give one a row, in the same order.",
        )
    for at in range(0, n_rows, _PART_ROWS):
        is_finite = np.isfinite(vectors[at : at + _PART_ROWS]).all(axis=1)
        if not is_finite.all():
            row = at + int(np.argmin(is_finite))
            what = f"row {row + 1:,} ({documents.shown(keys[row])}) has NaN or infinite values"
            raise _unfit(file, what, "Compute the embeddings again.")


def _constant(vectors: np.ndarray) -> np.ndarray:
    """Return which rows consist of one number: bool of shape (rows,)."""
    parts = (vectors[at : at + _PART_ROWS] for at in range(0, len(vectors), _PART_ROWS))
    return np.concatenate([(part == part[:, :1]).all(axis=1) for part in parts])


def _first_of_each(ids: Sequence[int | None]) -> list[int]:
    """Return the first row of each image."""
    first: dict[int, int] = {}
    for n, image_id in enumerate(ids):
        if image_id is not None:
            first.setdefault(image_id, n)
    return list(first.values())


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise BadInput(
            f"Embeddings cannot be called {documents.shown(name)}.",
            f"Choose a name of 1 to {MAX_NAME_CHARS} printable characters.",
        )
    return name


def _unfit(file: Path, why: str, remedy: str) -> BadInput:
    return BadInput(f"The embeddings in {file} cannot be imported: {why}.", remedy)
