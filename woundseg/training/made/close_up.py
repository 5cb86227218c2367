"""Part of a photograph, enlarged as if the camera had stood closer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from woundseg.datasets.base import BoolMask
from woundseg.datasets.pictures import ByteImage


def brought_to(pixels: ByteImage, mask: BoolMask, long_side_px: int) -> tuple[ByteImage, BoolMask]:
    """A photograph (H, W, 3) and its mask (H, W) at another long side, the same where it is so."""
    height, width = mask.shape
    factor = long_side_px / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if size == (width, height):
        return pixels, mask
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    shown = np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
    if not mask.any():
        return shown, np.zeros(shown.shape[:2], bool)
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    soft = cv2.resize(mask.astype(np.float32), size, interpolation=smooth)
    return shown, soft > 0.5


def close_up(
    pixels: ByteImage, mask: BoolMask, most: float, rng: Generator
) -> tuple[ByteImage, BoolMask]:
    """A window of a photograph's shape, 1.3 to ``most`` times smaller, over an ulcer.

    The ulcer's middle lies anywhere in the window, so that a large bed may fill it. A photograph
    without an ulcer gives a window anywhere.

    Args:
        pixels: uint8 RGB (H, W, 3).
        mask: bool (H, W).
        most: how many times closer at most, drawn evenly in its logarithm.
        rng: draws.

    Returns:
        Views of photograph and mask, (H / times, W / times).
    """
    times = float(np.exp(rng.uniform(np.log(1.3), np.log(max(most, 1.3)))))
    height, width = (max(1, round(side / times)) for side in mask.shape)
    inside = np.flatnonzero(mask)
    at = inside[rng.integers(inside.size)] if inside.size else rng.integers(mask.size)
    row, column = divmod(int(at), mask.shape[1])
    top = _start(row, height, mask.shape[0], rng)
    left = _start(column, width, mask.shape[1], rng)
    window = np.s_[top : top + height, left : left + width]
    return pixels[window], mask[window]


def _start(at: int, length: int, whole: int, rng: Generator) -> int:
    """Where a window begins that holds ``at``, away from its ends, and lies in the whole."""
    start = round(at - rng.uniform(0.2, 0.8) * length)
    return int(np.clip(start, 0, whole - length))
