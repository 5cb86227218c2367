"""The Python interface: a scorer that takes a path or pixels and gives the record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from woundseg import photo, segment
from woundseg.engines import Device, Precision
from woundseg.pipeline import ScoreOptions, score
from woundseg.record_files import with_digest
from woundseg.records import ScoreRecord


class Scorer:
    """Weights loaded once; each photograph is a call."""

    def __init__(self, segmenter: segment.Segmenter, options: ScoreOptions) -> None:
        self._segmenter = segmenter
        self._options = options

    def __call__(self, source: str | Path | NDArray[np.uint8]) -> ScoreRecord:
        """The record of one photograph.

        Args:
            source: a path, or upright sRGB pixels, uint8 (H, W, 3).

        Raises:
            UnreadablePhotoError: the file is no photograph.
            UsageError: pixels of another shape or type.
        """
        read = photo.from_pixels(source) if isinstance(source, np.ndarray) else photo.read(source)
        return with_digest(score(read, self._segmenter, self._options).record)


def load(
    device: Device = "auto",
    precision: Precision = "fp32",
    weights: Path | None = None,
    options: ScoreOptions | None = None,
) -> Scorer:
    """A scorer with the shipped weights.

    Raises:
        UsageError: a device or precision that this machine does not have.
    """
    return Scorer(segment.load(device, precision, weights), options or ScoreOptions())
