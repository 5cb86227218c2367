"""The torch engine: runs the weight file's own graph, so that no architecture is kept twice.

Only the operations that exported segmentation networks use are known; another one is refused as
the file is loaded, by name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor
from torch.nn import functional as F

from woundseg import resources
from woundseg.engines import Precision
from woundseg.errors import ConfigurationError, UsageError

Attributes = dict[str, Any]
Operation = Callable[[list[Any], Attributes], Any]

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_DTYPES = {onnx.TensorProto.FLOAT: torch.float32, onnx.TensorProto.INT64: torch.int64}


def _conv(inputs: list[Any], attributes: Attributes) -> Tensor:
    image, weight, *bias = inputs
    pads = attributes.get("pads", [0, 0, 0, 0])
    if pads[:2] != pads[2:]:
        image, pads = F.pad(image, (pads[1], pads[3], pads[0], pads[2])), [0, 0]
    return F.conv2d(
        image,
        weight,
        bias[0] if bias else None,
        stride=attributes.get("strides", 1),
        padding=pads[:2],
        dilation=attributes.get("dilations", 1),
        groups=attributes.get("group", 1),
    )


def _resize(inputs: list[Any], attributes: Attributes) -> Tensor:
    image, sizes, scales = inputs[0], inputs[3] if len(inputs) > 3 else None, inputs[2]
    if sizes is None:
        sizes = [round(n * float(s)) for n, s in zip(image.shape, scales.tolist(), strict=True)]
    size = [int(side) for side in sizes][2:]
    if attributes.get("mode", b"nearest") == b"nearest":
        return F.interpolate(image, size=size, mode="nearest")
    return F.interpolate(image, size=size, mode="bilinear", align_corners=False)


def _batch_norm(inputs: list[Any], attributes: Attributes) -> Tensor:
    image, weight, bias, mean, variance = inputs
    epsilon = attributes.get("epsilon", 1e-5)
    return F.batch_norm(image, mean, variance, weight, bias, training=False, eps=epsilon)


def _shape(inputs: list[Any], attributes: Attributes) -> Tensor:
    whole = torch.tensor(inputs[0].shape)
    return whole[attributes.get("start", 0) : attributes.get("end", len(whole))]


def _concat(inputs: list[Any], attributes: Attributes) -> Tensor:
    return torch.cat(inputs, dim=attributes["axis"])


def _cast(inputs: list[Any], attributes: Attributes) -> Tensor:
    tensor: Tensor = inputs[0]
    return tensor.to(_DTYPES[attributes["to"]])


OPERATIONS: dict[str, Operation] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": lambda inputs, _: torch.clamp(inputs[0], float(inputs[1]), float(inputs[2])),
    "Concat": _concat,
    "Conv": _conv,
    "Div": lambda inputs, _: inputs[0] / inputs[1],
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "Relu": lambda inputs, _: torch.relu(inputs[0]),
    "Resize": _resize,
    "Shape": _shape,
    "Sigmoid": lambda inputs, _: torch.sigmoid(inputs[0]),
    "Softmax": lambda inputs, attributes: torch.softmax(inputs[0], attributes.get("axis", -1)),
    "Sub": lambda inputs, _: inputs[0] - inputs[1],
    "Transpose": lambda inputs, attributes: inputs[0].permute(attributes["perm"]),
}


class TorchEngine:
    """A weight file, loaded once onto a device."""

    def __init__(self, weights: Path, device: Literal["cpu", "cuda"], precision: Precision) -> None:
        if precision == "int8":
            raise UsageError("--precision int8", "is not served by torch", "Take bf16 or fp16")
        try:
            model = onnx.load(weights)
        except Exception as error:  # protobuf's own exceptions, by implementation
            told = f"is no weight file ({type(error).__name__})"
            raise ConfigurationError(weights, told, resources.weights_remedy(weights)) from error
        unknown = {node.op_type for node in model.graph.node} - OPERATIONS.keys()
        if unknown:
            raise ConfigurationError(
                weights, f"uses operations not known here: {sorted(unknown)}", "Use device cpu"
            )
        self.device: str = device
        self.precision: str = precision
        self.facts = {item.key: item.value for item in model.metadata_props}
        self._device = torch.device(device)
        self._output = model.graph.output[0].name
        self._values, self._steps = self._prepare(model.graph)

    def _prepare(self, graph: onnx.GraphProto) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
        """The constants on the device (widened once), and the steps that remain."""
        values: dict[str, Any] = {}
        for tensor in graph.initializer:
            array = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            # Whole numbers are shapes and single values are limits: both stay with Python.
            weight = array.is_floating_point() and array.dim() > 0
            values[tensor.name] = array.to(self._device) if weight else array
        steps = []
        for node in graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            operation = OPERATIONS[node.op_type]
            if node.op_type == "Cast" and node.input[0] in values:
                values[node.output[0]] = operation([values.pop(node.input[0])], attributes)
            else:
                steps.append((operation, list(node.input), node.output[0], attributes))
        return values, steps

    @torch.inference_mode()
    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``Engine``."""
        tensor = torch.from_numpy(photos)
        if self.device == "cuda":
            tensor = tensor.pin_memory()
        tensor = tensor.to(self._device, non_blocking=True)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        narrow = self.precision != "fp32"
        with torch.autocast(
            self.device, dtype=_AUTOCAST.get(self.precision, torch.bfloat16), enabled=narrow
        ):
            answer = self._run(tensor)
        array: NDArray[np.float32] = answer.float().cpu().numpy()
        return array[:, 0] if array.shape[1] == 1 else array

    def _run(self, photo: Tensor) -> Tensor:
        values = {**self._values, "photo": photo}
        for operation, inputs, output, attributes in self._steps:
            values[output] = operation([values.get(name) for name in inputs], attributes)
        result: Tensor = values[self._output]
        return result
