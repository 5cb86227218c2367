"""Whether torch and CUDA are here, asked without importing torch where it can be avoided."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def installed() -> bool:
    """Whether torch is installed, and onnx, which reads the weight file for it."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "onnx"))


def cuda_works() -> bool:
    """Whether torch can compute on a CUDA GPU.

    Importing torch takes seconds: where the driver shows no NVIDIA device it is not imported.
    """
    if not installed() or not _driver_shows_device():
        return False
    import torch

    return torch.cuda.is_available()


def why_no_cuda() -> str:
    """The cause, for a message."""
    if not installed():
        return "torch or onnx is not installed (pip install woundseg[cuda])"
    return "no CUDA GPU works here"


def _driver_shows_device() -> bool:
    nodes = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")  # Linux, and Windows' Linux
    return any(Path(node).exists() for node in nodes) or not Path("/dev").exists()
