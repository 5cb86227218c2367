"""Masks and label maps: components, holes, resizing, reading and writing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from woundseg.records import ModelFacts

FloatMap = NDArray[np.float32]
ByteMap = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]


@dataclass(frozen=True)
class Segmentation:
    """What the network says about one photograph, at the photograph's own size.

    Attributes:
        probability: ulcer probability, float32 (H, W), 0 to 1.
        tissue: tissue class of each pixel, uint8 (H, W), ids of ``classes.TISSUES`` inside the
            ulcer and 0 outside; None when the weights name no tissue.
        model: the weights and what they ran on.
        looked_px_per_px: pixels the network saw for each pixel of the photograph where it looked
            closest (1 at full size, below 1 when the photograph was reduced).
        border_sd_px: standard deviation of the outline's place, in pixels of the network's look,
            as calibrated out of fold (the model card says how).
        min_ulcer_px: smallest ulcer that counts without a scale, in pixels of the network's look.
    """

    probability: FloatMap
    tissue: ByteMap | None
    model: ModelFacts
    looked_px_per_px: float
    border_sd_px: float
    min_ulcer_px: int
