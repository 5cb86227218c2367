"""Engines: they turn photographs into probabilities. All of them read the same weight file.

``onnx_cpu`` is light and imports no torch; ``torch_gpu`` runs the same graph on CUDA.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from woundseg.errors import UsageError

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda")
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16", "int8")


class Engine(Protocol):
    """A loaded network.

    Attributes:
        device: what it runs on, ``cpu`` or ``cuda``.
        precision: what it computes in.
        facts: the weight file's metadata.
    """

    device: str
    precision: str
    facts: dict[str, str]

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Ulcer probabilities (N, H, W) of RGB photographs (N, H, W, 3).

        A network with several outputs a pixel gives (N, channels, H, W).
        Height and width are multiples of 32.
        """
        ...


def load(
    weights: Path,
    device: Device = "auto",
    precision: Precision = "fp32",
    threads: int | None = None,
) -> Engine:
    """The engine for ``device``: CUDA where it works, else the light one for processors.

    Args:
        weights: an ONNX file of ours.
        device: where to run.
        precision: what to compute in.
        threads: of the light engine; None takes its own number.

    Raises:
        UsageError: CUDA was asked for and there is none, or a precision this engine lacks.
    """
    if device == "cpu" and precision == "fp32":
        return _light(weights, threads)
    from woundseg.engines import torch_present

    if device != "cpu" and torch_present.cuda_works():
        return _torch(weights, "cuda", precision)
    if device == "cuda":
        raise _no_cuda(torch_present.why_no_cuda())
    if precision == "fp32":
        return _light(weights, threads)
    if precision == "bf16" and torch_present.installed():
        return _torch(weights, "cpu", precision)
    raise UsageError(
        f"--precision {precision}",
        "is not served by the processor's engine",
        "Leave it at fp32; bf16 on a processor and bf16 or fp16 with CUDA need woundseg[cuda]",
    )


def resolve(device: Device, precision: Precision = "fp32") -> Literal["cpu", "cuda"]:
    """The device that :func:`load` would take.

    Raises:
        UsageError: as ``load`` does.
    """
    if device == "cpu":
        return "cpu"
    from woundseg.engines import torch_present

    if torch_present.cuda_works():
        return "cuda"
    if device == "cuda":
        raise _no_cuda(torch_present.why_no_cuda())
    return "cpu"


def _no_cuda(why: str) -> UsageError:
    return UsageError("--device cuda", why, "Take --device cpu, or leave it to auto")


def _light(weights: Path, threads: int | None) -> Engine:
    from woundseg.engines.onnx_cpu import THREADS, OnnxEngine

    return OnnxEngine(weights, threads or THREADS)


def _torch(weights: Path, device: Literal["cpu", "cuda"], precision: Precision) -> Engine:
    from woundseg.engines.torch_gpu import TorchEngine

    return TorchEngine(weights, device, precision)
