"""From a checkpoint to the one weight file that every engine reads.

The file is ONNX: input ``photo`` uint8 (N, H, W, 3), heights and widths multiples of 32; output
``ulcer`` float32 (N, 1, H, W) or ``tissue`` (N, channels, H, W), probabilities. Normalisation and
sigmoid or softmax are part of the graph.
Weights are stored in float16 and widened by a Cast as the file is loaded, so that arithmetic is
float32 everywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from woundseg import files
from woundseg.nets import unet
from woundseg.training.fit import network_weights

if TYPE_CHECKING:
    from woundseg.training.options import NetOptions

WIDEN_ABOVE = 64
"""Tensors with more values than this are stored in float16."""


@dataclass(frozen=True)
class WeightCard:
    """What an engine must know of a weight file; kept in the file's own metadata.

    Attributes:
        name: of the network.
        version: of the weights.
        border_sd_px: standard deviation of the outline's place, pixels of the network's look.
        min_ulcer_px: smallest ulcer that counts without a scale, pixels of the network's look.
        training: one line: data, recipe, run.
    """

    name: str
    version: str
    border_sd_px: float
    min_ulcer_px: int
    training: str


class _Photographs(nn.Module):
    """uint8 photographs, channels last, to probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor) -> Tensor:
        logits: Tensor = self.network(photo.permute(0, 3, 1, 2).float())
        return torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)


@dataclass(frozen=True)
class TissueCard:
    """What the tissue network's weight file says of itself (its metadata).

    Attributes:
        name: of the network.
        version: of the weights.
        fraction_sd: standard deviation of a fraction on the logit scale, calibrated out of fold.
        training: one line: data, recipe, run.
    """

    name: str
    version: str
    fraction_sd: float
    training: str


def export(checkpoint: Path, options: NetOptions, card: WeightCard | TissueCard, out: Path) -> str:
    """Writes the weights of ``checkpoint`` to ``out`` and gives the file's SHA-256.

    Args:
        checkpoint: a ``.ckpt`` of ``woundseg train``.
        options: the architecture it was trained with.
        card: stored in the file's metadata.
        out: the ONNX file to write.

    Raises:
        ConfigurationError: no such checkpoint.
        OutputError: the file cannot be written.
    """
    network = unet.build(**{**asdict(options), "encoder_weights": "none"})
    network.load_state_dict(network_weights(checkpoint))
    model = narrowed(_graph(network.eval(), "ulcer" if options.classes == 1 else "tissue"))
    for key, value in vars(card).items():
        model.metadata_props.add(key=key, value=str(value))
    content = model.SerializeToString(deterministic=True)
    files.write_bytes(out, content)
    return hashlib.sha256(content).hexdigest()


def _graph(network: nn.Module, output: str) -> onnx.ModelProto:
    height, width = (unet.STRIDE * torch.export.Dim(name, min=1, max=256) for name in "hw")
    program = torch.onnx.export(
        _Photographs(network).eval(),
        (torch.zeros(1, 256, 320, 3, dtype=torch.uint8),),
        input_names=["photo"],
        output_names=[output],
        dynamic_shapes={"photo": {1: height, 2: width}},
        dynamo=True,
        optimize=True,
        verbose=False,
    )
    if program is None:  # only when export is asked to write a file by itself
        raise RuntimeError("torch.onnx.export gave no program")
    model = program.model_proto
    _forget_paths(model)
    onnx.checker.check_model(model)
    return model


def _forget_paths(model: onnx.ModelProto) -> None:
    """Drops the exporter's notes: they carry paths of the machine that it ran on."""
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]


def narrowed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its large float32 tensors in float16, each behind a Cast to float32."""
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size <= WIDEN_ABOVE:
            kept.append(tensor)
            continue
        narrow = f"{tensor.name}.float16"
        kept.append(numpy_helper.from_array(values.astype(np.float16), narrow))
        casts.append(helper.make_node("Cast", [narrow], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:]
    del model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    return model
