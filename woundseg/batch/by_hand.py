"""Outlines by hand, as the store keeps them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

import cv2
import numpy as np

from woundseg import masks
from woundseg.masks import BoolMap
from woundseg.store import Entry


def outlined(entry: Entry, shape: tuple[int, int]) -> BoolMap:
    """What an outline by hand covers, bool of ``shape`` (rows, columns).

    Of entries that hold no mask the outlines are filled; they are kept to a quarter of a pixel of
    the thumbnail.
    """
    told: Mapping[str, Any] = json.loads(entry.sketch)
    if "mask" not in told:
        return filled(told["outlines"], shape)
    data = np.frombuffer(base64.b64decode(told["mask"]), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)) > 0


def encoded(mask: BoolMap) -> str:
    """A mask as PNG in base64, as the store keeps it."""
    return base64.b64encode(masks.mask_png(mask)).decode("ascii")


def filled(outlines: Iterable[Iterable[Iterable[tuple[float, float]]]], shape: Any) -> BoolMap:
    """The pixels inside outlines, bool of ``shape``; islands of skin are left out.

    Args:
        outlines: of each ulcer its closed outlines, (x, y) px, islands among them.
        shape: rows and columns.
    """
    inside = np.zeros(shape, np.uint8)
    for lines in outlines:
        points = [np.rint(np.asarray(line) * 16).astype(np.int32) for line in lines]
        cv2.fillPoly(inside, points, 1, shift=4)
    return inside > 0
