"""The light engine: ONNX Runtime on the processor, float32, a fixed number of threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from woundseg import resources
from woundseg.errors import ConfigurationError

THREADS = 2
"""Fixed, so that nothing else on the machine matters; one or two give the same bits."""

onnxruntime.disable_telemetry_events()


class OnnxEngine:
    """A weight file, loaded once."""

    device = "cpu"
    precision = "fp32"

    def __init__(self, weights: Path, threads: int = THREADS) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        # The arena keeps the largest look's memory for good; a clinic's machine is small.
        options.enable_cpu_mem_arena = False
        try:
            self._session = onnxruntime.InferenceSession(
                str(weights), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            told = f"is no weight file ({type(error).__name__})"
            raise ConfigurationError(weights, told, resources.weights_remedy(weights)) from error
        self.facts: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``Engine``."""
        answer: NDArray[np.float32] = self._session.run(None, {"photo": photos})[0]
        return answer[:, 0] if answer.shape[1] == 1 else answer
