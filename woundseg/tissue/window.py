"""The window over an ulcer in which its tissue is looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.classes import TISSUES

Window = tuple[slice, slice]
"""Rows and columns of a photograph."""

CONTEXT = 2.0
"""Side of a window, in lengths of the ulcer: as DFUTissue's crops have it, in the median."""
LEAST_SIDE_PX = 64
"""A smaller window would be enlarged until nothing but blur is seen."""


def window_over(box_px: tuple[int, int, int, int], shape: tuple[int, ...]) -> Window:
    """Rows and columns of a square over an ulcer's box, cut at the frame.

    Args:
        box_px: x, y, width and height of the ulcer.
        shape: height and width of the photograph.
    """
    x, y, width, height = box_px
    side = max(CONTEXT * max(width, height), LEAST_SIDE_PX)
    left, top = round(x + width / 2 - side / 2), round(y + height / 2 - side / 2)
    rows = slice(max(top, 0), min(top + round(side), shape[0]))
    return rows, slice(max(left, 0), min(left + round(side), shape[1]))


def over_bed(label: NDArray[np.uint8]) -> Window:
    """The window over all bed that is labelled in a photograph; the whole of it without any.

    One window, however many parts the bed has: soft edges between its tissues have no label, and
    would part it where it is one.

    Args:
        label: ids of classes, uint8 (H, W).
    """
    bed = np.isin(label, [tissue.id for tissue in TISSUES])
    if not bed.any():
        return slice(0, label.shape[0]), slice(0, label.shape[1])
    x, y, width, height = cv2.boundingRect(bed.astype(np.uint8))
    return window_over((x, y, width, height), label.shape)
