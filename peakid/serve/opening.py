"""Open an export: check its card and its ONNX file before a prediction is made with them."""

import hashlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peakid import files
from peakid.errors import BadInput, NotFound, WeightsUnfit
from peakid.imaging import pixels
from peakid.recipe import cards, export_formats
from peakid.remedies import action

if TYPE_CHECKING:
    import onnx
    import onnxruntime

INPUT, OUTPUT, EMBEDDING = "pixels", "probabilities", "embedding"
MAX_MODEL_BYTES = 2**31  # The largest message of protobuf, and so the largest ONNX file in one part.


def card(folder: Path) -> cards.ExportCard:
    """Read the card of the export in a folder.

    Raises:
        NotFound: If there is no export in that folder.
        BadInput: If the export has no ONNX file, or was made for another version of the preprocessing.
        WeightsUnfit: If the card is damaged.
    """
    try:
        found = cards.read_export(folder / export_formats.CARD)
    except FileNotFoundError as error:
        raise NotFound(
            f"There is no export in {folder} (no {export_formats.CARD}).",
            "Choose one of the exports, or export a run.",
            action("list_exports"),
        ) from error
    if found.pixels_version not in pixels.USABLE_VERSIONS:
        raise BadInput(
            f"The export in {folder} was made for version {found.pixels_version} of the preprocessing; this"
            f" Peakid uses exports of versions {', '.join(map(str, pixels.USABLE_VERSIONS))}.",
            "Export the run again, or use the Peakid that made it.",
            action("list_runs"),
        )
    return found


def n_bytes(folder: Path) -> int:
    """Return the size of the ONNX file of an export, without reading it.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `card`, and if the file is missing.
    """
    file = folder / onnx_file(folder, card(folder)).name
    try:
        return file.stat().st_size
    except OSError as error:
        raise _missing(file) from error


def onnx_file(folder: Path, found: cards.ExportCard, *, is_int8: bool = False) -> cards.ExportFile:
    """Return the ONNX file of an export, or that of 8 bits.

    Raises:
        BadInput: If it has none.
    """
    format = "onnx-int8" if is_int8 else "onnx"
    named = next((each for each in found.files if each.format == format), None)
    if named is None:
        formats = ", ".join(each.format for each in found.files) or "none"
        title = "ONNX int8" if is_int8 else "ONNX"
        raise BadInput(
            f"The export in {folder} has no {title} file (it has {formats}).",
            f"Export the run again in the format {format}.",
            action("list_runs"),
        )
    return named


def session(
    folder: Path, found: cards.ExportCard, *, n_threads: int = 0, is_int8: bool = False
) -> "onnxruntime.InferenceSession":
    """Open the ONNX file of an export.

    Args:
        n_threads: That compute one batch; 0 = one for each core.
        is_int8: Open the file of 8 bits.

    Raises:
        BadInput: If the export has no such file.
        NotFound: If it is missing.
        WeightsUnfit: If it does not match its card, reads other files, or ONNX Runtime refuses it.
    """
    import onnxruntime  # Slow to import, so not imported by pages that only offer a prediction.

    named = onnx_file(folder, found, is_int8=is_int8)
    file = folder / named.name
    content = _content(file, named.sha256)
    if outside := _other_files(file, content):
        raise _unfit(file, f"its weights are in another file, {outside[:80]!r}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 4  # Only what ends the process: an error says the rest.
    # Its threads would wait for each other in a loop: as much time again, which decoding needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # Without a fallback: it prints to stdout, and there is only one provider.
        opened = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        _check_shapes(file, opened, found)
    except _runtime_errors() as error:
        raise _unfit(file, f"ONNX Runtime refuses it: {_reason(error)}") from error
    return opened


def probabilities(
    folder: Path, opened: "onnxruntime.InferenceSession", batch: np.ndarray, *, n_classes: int
) -> np.ndarray:
    """Return the probabilities, float32 (n, K), of preprocessed pixels, uint8 (n, S, S, 3).

    Raises:
        WeightsUnfit: If the model fails, or gives something else than probabilities.
    """
    [found] = _outputs(folder, opened, batch, [OUTPUT])
    return _checked(folder, found, len(batch), n_classes)


def probabilities_and_embeddings(
    folder: Path, opened: "onnxruntime.InferenceSession", batch: np.ndarray, *, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities as `probabilities` does, and the embeddings, float32 (n, d).

    Raises:
        WeightsUnfit: If the model fails, or gives something else.
    """
    found, embeddings = _outputs(folder, opened, batch, [OUTPUT, EMBEDDING])
    if embeddings.ndim != 2 or len(embeddings) != len(batch) or not np.isfinite(embeddings).all():
        raise _unfit(folder, f"its embeddings have the shape {embeddings.shape} or are not numbers")
    return _checked(folder, found, len(batch), n_classes), embeddings


def n_features(opened: "onnxruntime.InferenceSession") -> int | None:
    """Return the length of an embedding; None for a model that gives none."""
    shapes = [list(each.shape) for each in opened.get_outputs() if each.name == EMBEDDING]
    known = [shape[1] for shape in shapes if len(shape) == 2 and isinstance(shape[1], int)]
    return known[0] if known else None


def verified(file: Path, sha256: str) -> bytes:
    """Return the content of a file of an export.

    Raises:
        NotFound: If it is missing.
        WeightsUnfit: If it cannot be read or does not match the SHA-256 of its card.
    """
    return _content(file, sha256)


def unfit(file: Path, reason: str) -> WeightsUnfit:
    """Return the error for a file of an export that cannot be used."""
    return _unfit(file, reason)


def _outputs(
    folder: Path, opened: "onnxruntime.InferenceSession", batch: np.ndarray, names: list[str]
) -> list[np.ndarray]:
    try:
        return [np.asarray(each) for each in opened.run(names, {INPUT: batch})]
    except _runtime_errors() as error:
        raise _unfit(folder, f"it does not predict: {_reason(error)}") from error


def _checked(folder: Path, found: np.ndarray, n: int, n_classes: int) -> np.ndarray:
    if found.shape != (n, n_classes):
        raise _unfit(folder, f"it gives values of shape {found.shape} for {n} images")
    if not np.isfinite(found).all():
        raise _unfit(folder, "its probabilities are not numbers")
    return found


def _missing(file: Path) -> NotFound:
    return NotFound(f"The export's file {file} is missing.", "Export the run again.", action("list_runs"))


def _content(file: Path, expected: str) -> bytes:
    try:
        content = files.read_regular(file, MAX_MODEL_BYTES)
    except FileNotFoundError as error:
        raise _missing(file) from error
    except OSError as error:
        raise _unfit(file, error.strerror or str(error)) from error
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != expected:
        raise WeightsUnfit(
            f"{file} has the SHA-256 {sha256[:8]}, but its card has {expected[:8]}.",
            "Export the run again.",
            action("list_runs"),
        )
    return content


def _other_files(file: Path, content: bytes) -> str:
    """Return the first path outside the file that the model would read weights from."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, RecursionError) as error:
        raise _unfit(file, "it is not an ONNX file, or a part of one") from error
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            return next((each.value for each in tensor.external_data if each.key == "location"), "unnamed")
    return ""


def _tensors(model: "onnx.ModelProto") -> "list[onnx.TensorProto]":
    found: list[onnx.TensorProto] = []
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            found += graph.initializer
            found += [part for each in graph.sparse_initializer for part in (each.values, each.indices)]
            nodes += graph.node
            continue
        for attribute in nodes.pop().attribute:
            found += [attribute.t, *attribute.tensors]
            graphs += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
    return found


def _check_shapes(file: Path, opened: "onnxruntime.InferenceSession", found: cards.ExportCard) -> None:
    """Compare inputs and outputs with the card, so that the first prediction cannot fail for them."""
    size, n_classes = found.image_size_px, len(found.class_names)
    taken = [(each.name, each.type, list(each.shape)) for each in opened.get_inputs()]
    if len(taken) != 1 or taken[0][:2] != (INPUT, "tensor(uint8)") or not _fits(taken[0][2], [size, size, 3]):
        raise _unfit(
            file, f"it takes {_listed(taken)}, but its card has {INPUT} of (images, {size}, {size}, 3)"
        )
    given = [(each.name, each.type, list(each.shape)) for each in opened.get_outputs() if each.name == OUTPUT]
    if not given or given[0][1] != "tensor(float)" or not _fits(given[0][2], [n_classes]):
        raise _unfit(file, f"it gives {_listed(given)}, but its card names {n_classes} classes")


def _fits(shape: list[object], expected: list[int]) -> bool:
    """Return whether a shape is that of many images. A name stands for a size that is not fixed."""
    return (
        len(shape) == 1 + len(expected)
        and not isinstance(shape[0], int)
        and all(
            not isinstance(one, int) or one == other for one, other in zip(shape[1:], expected, strict=True)
        )
    )


def _listed(values: list[tuple[str, str, list[object]]]) -> str:
    return ", ".join(f"{name} of {kind} {shape}" for name, kind, shape in values)[:200] or "nothing"


def _unfit(file: Path, reason: str) -> WeightsUnfit:
    return WeightsUnfit(f"{file} cannot be used: {reason}.", "Export the run again.", action("list_runs"))


def _runtime_errors() -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises; its errors have no common class."""
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    own = [each for each in vars(state).values() if isinstance(each, type) and issubclass(each, Exception)]
    return (*own, RuntimeError, ValueError)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
