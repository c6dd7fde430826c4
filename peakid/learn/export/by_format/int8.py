"""ONNX with weights and activations of 8 bits, calibrated on training images by ONNX Runtime's quantizer."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from peakid.errors import BadInput
from peakid.learn.export.by_format import onnx_file
from peakid.learn.export.trained import TrainedModel
from peakid.remedies import action

OPERATORS = ["Conv", "Gemm", "MatMul", "MaxPool", "Relu", "Clip"]

read = onnx_file.read


def write(trained: TrainedModel, file: Path) -> None:
    """Quantise the ONNX file: per channel, static, with the ranges seen on the calibration images.

    Weights have 7 bits of the 8: processors without VNNI instructions add two products in 16 bits, which
    overflow with 8, and the same file would predict differently there. Depthwise convolutions add in 32 bits
    on every processor and have all 8. Networks with depthwise convolutions keep their first layers, to the
    one after the first depthwise convolution, in 32 bits: the weights of these layers cause most of the
    differences (`bench/RESULTS.md`). The last layer, which gives the scores of the classes, stays in 32 bits
    in every network: it is small, and 8 bits of scores decide between classes that are nearly equal.

    Raises:
        BadInput: If there are no calibration images.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization import shape_inference

    with (
        onnx_file.written(trained, file) as source,
        tempfile.TemporaryDirectory(prefix=".int8.", dir=file.parent) as folder,
    ):
        prepared = Path(folder) / "prepared.onnx"
        shape_inference.quant_pre_process(source, prepared, skip_symbolic_shape=True)
        depthwise, exact = _special_layers(onnx.load(prepared))
        all_bits = {"quant_type": quantization.QuantType.QInt8, "axis": 0, "reduce_range": False}
        quantization.quantize_static(
            prepared,
            file,
            cast(Any, _Calibration(trained)),  # Its base class would import ONNX Runtime with this module.
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=exact,
            extra_options={"TensorQuantOverrides": {name: [all_bits] for name in depthwise}},
        )
    graph = onnx.load(file)
    onnx.helper.set_model_props(graph, onnx_file.metadata(trained) | {"quantised": "int8"})
    onnx.save(graph, file)


def _special_layers(graph: Any) -> tuple[list[str], list[str]]:
    """Return the weights of the quantised depthwise convolutions, and the layers that stay in 32 bits.

    Args:
        graph: An `onnx.ModelProto`.
    """
    convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
    groups = [next((each.i for each in node.attribute if each.name == "group"), 1) for node in convolutions]
    places = [n for n, group in enumerate(groups) if group > 1]
    n_first = places[0] + 2 if places else 0
    dense = [node.name for node in graph.graph.node if node.op_type in ("Gemm", "MatMul")]
    return (
        [convolutions[n].input[1] for n in places if n >= n_first],
        [node.name for node in convolutions[:n_first]] + dense[-1:],
    )


class _Calibration:
    """The calibration images, batch by batch, as ONNX Runtime's quantizer reads them."""

    def __init__(self, trained: TrainedModel) -> None:
        self._batches: Iterator[np.ndarray] = trained.calibration()
        self._n_read = 0

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        if batch is None and not self._n_read:
            raise BadInput(
                "The format onnx-int8 needs training images to calibrate with, and there are none.",
                "Choose another format.",
                action("list_runs"),
            )
        self._n_read += 0 if batch is None else len(batch)
        return None if batch is None else {onnx_file.INPUT: batch}
