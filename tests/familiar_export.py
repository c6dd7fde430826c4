"""An export that has learned nearly pure colours: a grey photo looks like nothing it learned."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from peakid.recipe import familiar

N_COLOURS = 3


def add_reference(folder: Path) -> None:
    """Give an export of `colour_export` the mean colour as embedding, and a reference."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(folder / "model.onnx")
    model.graph.node.append(helper.make_node("Identity", ["means"], ["embedding"]))
    model.graph.output.append(
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", N_COLOURS])
    )
    onnx.save(model, folder / "model.onnx")
    labels, embeddings = pure_colours(60, seed=1)
    reference = familiar.fit(embeddings, labels, pure_colours(300, seed=2)[1])
    assert reference is not None
    (folder / "familiar.safetensors").write_bytes(reference.content())
    card = json.loads((folder / "card.json").read_text())
    card["files"] = [
        listed(folder / "model.onnx", "onnx"),
        listed(folder / "familiar.safetensors", "familiar"),
    ]
    (folder / "card.json").write_text(json.dumps(card))


def pure_colours(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of colours, (n,), and mean colours with some noise, float32 (n, 3)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_COLOURS, n)
    noise = rng.uniform(0, 20, (n, N_COLOURS))
    return labels, (200 * np.eye(N_COLOURS)[labels] + noise).astype(np.float32)


def listed(file: Path, name: str) -> dict[str, object]:
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"name": file.name, "format": name, "sha256": sha256, "bytes": file.stat().st_size}


def photo(red: int, green: int, blue: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 10), (red, green, blue)).save(out, "PNG")
    return out.getvalue()
